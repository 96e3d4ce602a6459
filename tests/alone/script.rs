//! The queue's scripts as a component calls them.

use host::calls::{RedisParameter, RedisResult};
use queue::Message;
use queue::native::scripts;

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
    Find { subject: Vec<u8>, ids: Vec<Vec<u8>> },
    Follow(Follow),
    Claim { queue: String, most: usize },
    Hold(Hold),
    Settle { queue: String, settled: Vec<Settled> },
    Renew { queue: String, ids: Vec<Vec<u8>> },
    Ring { queue: String },
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) id: Vec<u8>,
    pub(crate) delivery: i64,
    pub(crate) refuse_untracked: bool,
    /// Items and units.
    pub(crate) wanted: Vec<(String, i64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Follow {
    pub(crate) id: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) recalls: bool,
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
    pub(crate) stock: String,
    pub(crate) clears: bool,
    pub(crate) emits: Vec<Emitted>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Emitted {
    pub(crate) queue: String,
    pub(crate) id: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) log: bool,
    pub(crate) after_ms: i64,
}

impl Script {
    /// Reads a command. `None` if it runs no script.
    pub(crate) fn read(command: &str, arguments: &[RedisParameter]) -> Option<Self> {
        let in_full = match command {
            "EVAL" => true,
            "EVALSHA" => false,
            _ => return None,
        };
        let mut arguments = Arguments(arguments.iter());
        let sent = arguments.text();
        let script = scripts().find(|script| if in_full { script.text == sent } else { script.digest == sent });
        let (_keys, _namespace) = (arguments.number(), arguments.text());
        let verb = arguments.verb(script.expect("a script of the queue").name);
        assert!(arguments.is_empty(), "{} arguments too many for {verb:?}", arguments.0.len());
        Some(Self { in_full, verb })
    }
}

struct Arguments<'a>(std::slice::Iter<'a, RedisParameter>);

impl Arguments<'_> {
    /// Reads the arguments of a script as its header lists them.
    fn verb(&mut self, script: &str) -> Verb {
        let queue = self.text();
        match script {
            "accept" => Verb::Accept(self.accept()),
            "find" => Verb::Find { subject: self.bytes(), ids: self.each(Self::bytes) },
            "follow" => Verb::Follow(self.follow()),
            "claim" => {
                let most = self.number() as usize;
                let (_bytes, _lease, _crashes) = (self.number(), self.number(), self.number());
                let (_worker, _silence) = (self.text(), self.number());
                Verb::Claim { queue, most }
            }
            "hold" => Verb::Hold(self.hold()),
            "settle" => {
                let (_worker, _guard, _retention) = (self.text(), self.number(), self.number());
                Verb::Settle { queue, settled: self.each(Self::settled) }
            }
            "renew" => {
                let _lease = self.number();
                Verb::Renew { queue, ids: self.each(|delivery| (delivery.bytes(), delivery.number()).0) }
            }
            "ring" => {
                let (_bell, _guard) = (self.number(), self.number());
                Verb::Ring { queue }
            }
            "lanes" => Verb::Lanes,
            other => panic!("no double answers the script {other} yet"),
        }
    }

    fn accept(&mut self) -> Accept {
        let (id, payload) = (self.bytes(), self.bytes());
        let (_bell, _guard) = (self.number(), self.number());
        Accept {
            id,
            payload,
            digest: self.bytes(),
            fingerprint: self.bytes(),
            ttl_ms: self.number(),
            again: self.flag(),
            depth: self.number(),
            age_ms: self.number(),
        }
    }

    fn hold(&mut self) -> Hold {
        Hold {
            id: self.bytes(),
            delivery: self.number(),
            refuse_untracked: self.flag(),
            wanted: self.each(|line| (line.text(), line.number())),
        }
    }

    fn follow(&mut self) -> Follow {
        let follow = Follow { id: self.bytes(), subject: self.bytes(), payload: self.bytes(), recalls: self.flag() };
        let (_bell, _guard) = (self.number(), self.number());
        follow
    }

    fn settled(&mut self) -> Settled {
        Settled {
            id: self.bytes(),
            delivery: self.number(),
            verdict: self.text(),
            delay_ms: self.number(),
            class: self.text(),
            reason: self.text(),
            head: self.text(),
            counter: self.text(),
            stock: self.text(),
            clears: self.flag(),
            emits: (0..self.number()).map(|_| self.emitted()).collect(),
        }
    }

    fn emitted(&mut self) -> Emitted {
        Emitted {
            queue: self.text(),
            id: self.bytes(),
            payload: self.bytes(),
            log: self.flag(),
            after_ms: self.number(),
        }
    }

    /// Reads the same again until the end.
    fn each<T>(&mut self, read: impl Fn(&mut Self) -> T) -> Vec<T> {
        std::iter::from_fn(|| (!self.is_empty()).then(|| read(self))).collect()
    }

    fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    fn number(&mut self) -> i64 {
        match self.0.next() {
            Some(RedisParameter::Int64(number)) => *number,
            other => panic!("{other:?} in place of a number"),
        }
    }

    fn flag(&mut self) -> bool {
        self.number() == 1
    }

    fn bytes(&mut self) -> Vec<u8> {
        match self.0.next() {
            Some(RedisParameter::Binary(bytes)) => bytes.clone(),
            other => panic!("{other:?} in place of a string"),
        }
    }

    fn text(&mut self) -> String {
        String::from_utf8(self.bytes()).expect("UTF-8")
    }
}

/// A script's reply of claimed messages.
pub(crate) fn claimed(messages: &[Message]) -> Vec<RedisResult> {
    let flat = |message: &Message| {
        [
            RedisResult::Binary(message.id.clone()),
            RedisResult::Binary(if message.subject == message.id { vec![] } else { message.subject.clone() }),
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
