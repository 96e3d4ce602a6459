//! The queue's scripts as a component calls them.

use std::collections::BTreeMap;

use host::calls::{RedisParameter, RedisResult};
use queue::Message;
use queue::native::{KnownScript, Names, scripts};

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
    /// One after the other.
    Accept(Vec<Accept>),
    /// Subjects, each with ids of messages.
    Find {
        subjects: Vec<(Vec<u8>, Vec<Vec<u8>>)>,
    },
    List(List),
    Follow(Follow),
    Claim {
        queue: String,
        most: usize,
    },
    Hold(Vec<Hold>),
    Unask {
        id: Vec<u8>,
    },
    Ask {
        id: Vec<u8>,
        partner: String,
    },
    Settle {
        queue: String,
        settled: Vec<Settled>,
    },
    Hasten {
        id: Vec<u8>,
    },
    Renew {
        queue: String,
        ids: Vec<Vec<u8>>,
    },
    Ring {
        queue: String,
    },
    Expire {
        queue: String,
    },
    /// Lanes, each with its topics.
    Subscribe {
        queue: String,
        lanes: Vec<(String, String)>,
    },
    CatchUp {
        lane: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accept {
    pub(crate) id: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) digest: Vec<u8>,
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) ttl_ms: i64,
    pub(crate) again: bool,
    pub(crate) tags: Vec<u8>,
    pub(crate) caller: String,
    pub(crate) depth: i64,
    pub(crate) age_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) owner: String,
    pub(crate) tag: Vec<u8>,
    pub(crate) from_ms: i64,
    pub(crate) till_ms: i64,
    pub(crate) after: Vec<u8>,
    pub(crate) most: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) id: Vec<u8>,
    pub(crate) delivery: i64,
    pub(crate) untracked: String,
    pub(crate) recall: Vec<u8>,
    pub(crate) asks: String,
    pub(crate) waits: bool,
    /// Items and units.
    pub(crate) items: Vec<(String, i64)>,
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
    pub(crate) since: i64,
    pub(crate) clears: bool,
    pub(crate) topic: String,
    pub(crate) ends: String,
    pub(crate) partner: String,
    pub(crate) showed: String,
    pub(crate) pause_ms: i64,
    pub(crate) why: String,
    pub(crate) emits: Vec<Emitted>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Emitted {
    pub(crate) queue: String,
    pub(crate) id: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) log: bool,
    /// It is emitted only if a partner turns.
    pub(crate) is_news: bool,
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
        let [RedisParameter::Binary(sent), _keys, _namespace, arguments @ .., _clock] = arguments else {
            panic!("{command} without a script")
        };
        let is_sent =
            |script: &KnownScript| *sent == if in_full { script.text.as_str() } else { script.digest }.as_bytes();
        let script = scripts().find(is_sent).expect("a script of the queue");
        let mut arguments = Arguments { takes: script.takes, left: arguments };
        let verb = arguments.verb(script.name);
        assert!(arguments.left.is_empty(), "{} arguments too many for {verb:?}", arguments.left.len());
        Some(Self { in_full, verb })
    }
}

/// What is left of the arguments of a script, and the names that it gives them.
struct Arguments<'a> {
    takes: Names,
    left: &'a [RedisParameter],
}

/// Arguments by their names in the script.
struct Named<'a>(BTreeMap<&'static str, &'a RedisParameter>);

impl<'a> Arguments<'a> {
    fn verb(&mut self, script: &str) -> Verb {
        let once = self.take(0);
        match script {
            "accept" => Verb::Accept(self.each(|_, message| accept(&once, message))),
            "find" => self.find(once.number("each")),
            "list" => Verb::List(list(&once)),
            "follow" => Verb::Follow(follow(&once)),
            "claim" => Verb::Claim { queue: once.text("queue"), most: once.number("most") as usize },
            "hold" => Verb::Hold(self.each_of(2, hold)),
            "ask" => Verb::Ask { id: once.bytes("id"), partner: once.text("partner") },
            "hasten" => Verb::Hasten { id: once.bytes("id") },
            "unask" => Verb::Unask { id: once.bytes("id") },
            "settle" => Verb::Settle { queue: once.text("queue"), settled: self.each(settled) },
            "renew" => Verb::Renew { queue: once.text("queue"), ids: self.each(|_, delivery| delivery.bytes("id")) },
            "ring" => Verb::Ring { queue: once.text("queue") },
            "expire" => Verb::Expire { queue: once.text("queue") },
            "subscribe" => Verb::Subscribe {
                queue: once.text("queue"),
                lanes: self.each(|_, subscriber| (subscriber.text("lane"), subscriber.text("topics"))),
            },
            "catch_up" => Verb::CatchUp { lane: once.text("lane") },
            other => panic!("no double answers the script {other} yet"),
        }
    }

    fn find(&mut self, each: i64) -> Verb {
        let subjects = self.each(|arguments, found| {
            (found.bytes("subject"), (0..each).map(|_| arguments.take(2).bytes("id")).collect())
        });
        Verb::Find { subjects }
    }

    /// The next arguments of a group.
    fn take(&mut self, group: usize) -> Named<'a> {
        let names = self.takes[group];
        let (values, left) = self.left.split_at(names.len());
        self.left = left;
        Named(names.iter().copied().zip(values).collect())
    }

    /// Reads the first group again and again until the end.
    fn each<T>(&mut self, read: impl Fn(&mut Self, &Named<'a>) -> T) -> Vec<T> {
        self.each_of(1, read)
    }

    fn each_of<T>(&mut self, group: usize, read: impl Fn(&mut Self, &Named<'a>) -> T) -> Vec<T> {
        let mut all = vec![];
        while !self.left.is_empty() {
            let named = self.take(group);
            all.push(read(self, &named));
        }
        all
    }
}

fn accept(once: &Named<'_>, message: &Named<'_>) -> Accept {
    Accept {
        id: message.bytes("id"),
        payload: message.bytes("payload"),
        digest: message.bytes("digest"),
        fingerprint: message.bytes("fingerprint"),
        ttl_ms: message.number("ttl_ms"),
        again: message.flag("again"),
        tags: message.bytes("tags"),
        caller: message.text("caller"),
        depth: once.number("depth"),
        age_ms: once.number("age_ms"),
    }
}

fn list(once: &Named<'_>) -> List {
    List {
        owner: once.text("owner"),
        tag: once.bytes("tag"),
        from_ms: once.number("from_ms"),
        till_ms: once.number("till_ms"),
        after: once.bytes("after"),
        most: once.number("most") as usize,
    }
}

fn hold(arguments: &mut Arguments<'_>, message: &Named<'_>) -> Hold {
    let mut line = || {
        let line = arguments.take(1);
        (line.text("item"), line.number("units"))
    };
    Hold {
        id: message.bytes("id"),
        delivery: message.number("delivery"),
        untracked: message.text("untracked"),
        recall: message.bytes("recall"),
        asks: message.text("asks"),
        waits: message.flag("waits"),
        items: (0..message.number("lines")).map(|_| line()).collect(),
    }
}

fn follow(once: &Named<'_>) -> Follow {
    Follow {
        id: once.bytes("id"),
        subject: once.bytes("subject"),
        payload: once.bytes("payload"),
        recalls: once.flag("recalls"),
    }
}

fn settled(arguments: &mut Arguments<'_>, named: &Named<'_>) -> Settled {
    let finding = arguments.take(2);
    Settled {
        id: named.bytes("id"),
        delivery: named.number("delivery"),
        verdict: named.text("verdict"),
        delay_ms: named.number("delay_ms"),
        class: named.text("class"),
        reason: named.text("reason"),
        head: named.text("head"),
        counter: named.text("counter"),
        stock: named.text("stock"),
        since: named.number("since"),
        clears: named.flag("clears"),
        topic: named.text("topic"),
        ends: named.text("ends"),
        partner: finding.text("partner"),
        showed: finding.text("showed"),
        pause_ms: finding.number("pause_ms"),
        why: finding.text("why"),
        emits: (0..finding.number("emits")).map(|_| emitted(&arguments.take(3))).collect(),
    }
}

fn emitted(named: &Named<'_>) -> Emitted {
    Emitted {
        queue: named.text("target"),
        id: named.bytes("event"),
        payload: named.bytes("payload"),
        log: named.number("log") > 0,
        is_news: named.number("log") == 2,
        after_ms: named.number("delay_ms"),
    }
}

impl Named<'_> {
    fn number(&self, name: &str) -> i64 {
        match self.0[name] {
            RedisParameter::Int64(number) => *number,
            other => panic!("{other:?} in place of a number"),
        }
    }

    fn flag(&self, name: &str) -> bool {
        self.number(name) == 1
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        match self.0[name] {
            RedisParameter::Binary(bytes) => bytes.clone(),
            other => panic!("{other:?} in place of a string"),
        }
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).expect("UTF-8")
    }
}

/// The reply of the script `claim`: these messages.
pub(crate) fn claimed(messages: &[Message]) -> Vec<RedisResult> {
    let claim = scripts().find(|script| script.name == "claim").expect("there is one");
    let [row] = claim.gives else { panic!("it gives rows of one kind") };
    messages.iter().flat_map(|message| row.iter().map(|name| element(message, name))).collect()
}

fn element(message: &Message, name: &str) -> RedisResult {
    match name {
        "id" => RedisResult::Binary(message.id.to_vec()),
        "subject" if *message.subject == *message.id => RedisResult::Binary(vec![]),
        "subject" => RedisResult::Binary(message.subject.to_vec()),
        "deliveries" => RedisResult::Int64(message.delivery as i64),
        "failures" => RedisResult::Int64(message.failures.into()),
        "crashes" => RedisResult::Int64(message.crashes.into()),
        "suspect" => RedisResult::Int64(message.suspect.into()),
        "exhausted" => RedisResult::Int64(message.exhausted.into()),
        "since" => RedisResult::Int64(message.since as i64),
        "thrown_back" => RedisResult::Int64(message.thrown_back.into()),
        "head" => RedisResult::Binary(message.head.as_deref().unwrap_or_default().to_vec()),
        "payload" => RedisResult::Binary(message.payload.to_vec()),
        other => panic!("{other} is new"),
    }
}
