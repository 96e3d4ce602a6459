//! The queue's scripts as a component calls them, told apart by the shape of their arguments.

use host::calls::{RedisParameter, RedisResult};
use queue::Message;

/// One call of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// The whole script was sent, not its digest.
    pub(crate) in_full: bool,
    pub(crate) verb: Verb,
}

/// What the script is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Accept(Accept),
    Find { id: Vec<u8> },
    Claim { queue: String, most: usize },
    Settle { queue: String, settled: Vec<Settled> },
    Renew { queue: String, ids: Vec<Vec<u8>> },
    Ring { queue: String },
    Rearm { queue: String },
    Lanes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accept {
    pub(crate) id: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) digest: Vec<u8>,
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) ttl_ms: i64,
    pub(crate) again: bool,
    pub(crate) depth: i64,
    pub(crate) age_ms: i64,
}

/// One delivery with its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) id: Vec<u8>,
    pub(crate) delivery: i64,
    pub(crate) verdict: String,
    pub(crate) delay_ms: i64,
    pub(crate) class: String,
    pub(crate) reason: String,
    pub(crate) head: String,
    pub(crate) counter: String,
    pub(crate) emits: Vec<Emitted>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Emitted {
    pub(crate) queue: String,
    pub(crate) id: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) log: bool,
}

impl Script {
    /// Reads a command. `None` if it runs no script.
    pub(crate) fn read(command: &str, arguments: &[RedisParameter]) -> Option<Self> {
        let in_full = match command {
            "EVAL" => true,
            "EVALSHA" => false,
            _ => return None,
        };
        // The script, the number of keys, the namespace.
        Some(Self { in_full, verb: Verb::read(&arguments[3..]) })
    }
}

impl Verb {
    fn read(arguments: &[RedisParameter]) -> Self {
        let mut rest = Arguments(arguments.iter());
        match arguments {
            [_] => Self::Lanes,
            [RedisParameter::Int64(_), _, _] => Self::Rearm { queue: text(&arguments[2]) },
            [queue, _, _] => Self::Ring { queue: text(queue) },
            [_, id] => Self::Find { id: bytes(id) },
            [queue, most, _, _, _, RedisParameter::Binary(_), _] => {
                Self::Claim { queue: text(queue), most: number(most) as usize }
            }
            [_, RedisParameter::Binary(_), RedisParameter::Binary(_), ..] => Self::Accept(rest.accept()),
            [queue, RedisParameter::Binary(_), ..] => Self::Settle { queue: text(queue), settled: rest.settled() },
            [queue, RedisParameter::Int64(_), deliveries @ ..] => {
                Self::Renew { queue: text(queue), ids: deliveries.iter().step_by(2).map(bytes).collect() }
            }
            _ => panic!("no script has these arguments: {arguments:?}"),
        }
    }
}

struct Arguments<'a>(std::slice::Iter<'a, RedisParameter>);

impl Arguments<'_> {
    fn accept(&mut self) -> Accept {
        let _queue = self.text();
        let (id, payload) = (self.bytes(), self.bytes());
        let (_bell, _guard) = (self.number(), self.number());
        Accept {
            id,
            payload,
            digest: self.bytes(),
            fingerprint: self.bytes(),
            ttl_ms: self.number(),
            again: self.number() == 1,
            depth: self.number(),
            age_ms: self.number(),
        }
    }

    fn settled(&mut self) -> Vec<Settled> {
        let (_queue, _worker, _guard, _retention) = (self.text(), self.text(), self.number(), self.number());
        let mut settled = Vec::new();
        while self.0.len() > 0 {
            settled.push(Settled {
                id: self.bytes(),
                delivery: self.number(),
                verdict: self.text(),
                delay_ms: self.number(),
                class: self.text(),
                reason: self.text(),
                head: self.text(),
                counter: self.text(),
                emits: self.emits(),
            });
        }
        settled
    }

    fn emits(&mut self) -> Vec<Emitted> {
        let emits = self.number();
        let emit = |_| Emitted { queue: self.text(), id: self.bytes(), payload: self.bytes(), log: self.number() == 1 };
        (0..emits).map(emit).collect()
    }

    fn number(&mut self) -> i64 {
        number(self.0.next().expect("one more argument"))
    }

    fn bytes(&mut self) -> Vec<u8> {
        bytes(self.0.next().expect("one more argument"))
    }

    fn text(&mut self) -> String {
        text(self.0.next().expect("one more argument"))
    }
}

fn number(argument: &RedisParameter) -> i64 {
    match argument {
        RedisParameter::Int64(number) => *number,
        RedisParameter::Binary(bytes) => panic!("{bytes:?} is no number"),
    }
}

fn bytes(argument: &RedisParameter) -> Vec<u8> {
    match argument {
        RedisParameter::Int64(number) => panic!("{number} is no string"),
        RedisParameter::Binary(bytes) => bytes.clone(),
    }
}

fn text(argument: &RedisParameter) -> String {
    String::from_utf8(bytes(argument)).expect("UTF-8")
}

/// A script's reply of claimed messages.
pub(crate) fn claimed(messages: &[Message]) -> Vec<RedisResult> {
    let flat = |message: &Message| {
        [
            RedisResult::Binary(message.id.clone()),
            RedisResult::Int64(message.delivery as i64),
            RedisResult::Int64(message.failures.into()),
            RedisResult::Int64(message.crashes.into()),
            RedisResult::Int64(message.exhausted.into()),
            RedisResult::Binary(message.head.clone()),
            RedisResult::Binary(message.payload.clone()),
        ]
    };
    messages.iter().flat_map(flat).collect()
}
