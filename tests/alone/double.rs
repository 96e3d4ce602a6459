//! What a component finds around it when it is alone: a host that answers each of its calls, and remembers them.
//!
//! All goes well unless a test says otherwise: connections open, the store writes, endpoints answer 204, and the
//! scripts reply as they would on queues that hold what the test put there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use bytes::Bytes;
use futures::future::BoxFuture;
use host::calls::{
    Answer, Call, Calls, KeyValueError, Operation, RedisError, RedisResult, Refusal, Ruling, VariableError,
};
use http::{Request, Response, StatusCode};
use queue::Message;
use tokio::sync::watch;

use super::sample::message;
use super::script::{Script, Settled, Verb, claimed};

/// A call of the component.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Variable(String),
    RedisOpen,
    Script(Script),
    Command(String),
    StoreOpen,
    StoreGet(String),
    StoreSet(String, Vec<u8>),
    StoreDelete(String),
    StoreExists(String),
    Http(Request<Bytes>),
}

/// Says what becomes of a call; `None`: what would when all goes well.
type Rule = dyn Fn(&Effect) -> Option<Ruling> + Send + Sync;
type Pick = dyn Fn(&Effect) -> bool + Send + Sync;

pub(crate) struct Double {
    rule: Box<Rule>,
    /// The first kind of call waits until one of the second was seen.
    held_back: Option<(Box<Pick>, Box<Pick>)>,
    variables: Mutex<BTreeMap<String, Option<String>>>,
    queues: Mutex<BTreeMap<String, VecDeque<Message>>>,
    claimed: Mutex<Vec<Message>>,
    /// By queue: the lanes of its subscribers, each with its topics.
    subscribed: Mutex<BTreeMap<String, Vec<(String, String)>>>,
    seen: watch::Sender<Vec<Seen>>,
}

#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) instance: u64,
    pub(crate) effect: Effect,
}

impl Double {
    pub(crate) fn new() -> Self {
        Self {
            rule: Box::new(|_| None),
            held_back: None,
            variables: Mutex::default(),
            queues: Mutex::default(),
            claimed: Mutex::default(),
            subscribed: Mutex::default(),
            seen: watch::Sender::default(),
        }
    }

    /// Lets some calls go otherwise than well.
    pub(crate) fn when(self, rule: impl Fn(&Effect) -> Option<Ruling> + Send + Sync + 'static) -> Self {
        Self { rule: Box::new(rule), ..self }
    }

    /// Lets the calls that `pick` picks wait until one that `until` picks was seen.
    pub(crate) fn holding_back(
        self,
        pick: impl Fn(&Effect) -> bool + Send + Sync + 'static,
        until: impl Fn(&Effect) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { held_back: Some((Box::new(pick), Box::new(until))), ..self }
    }

    /// Puts messages into a queue.
    pub(crate) fn holding(self, queue: &str, messages: impl IntoIterator<Item = Message>) -> Self {
        self.queues.lock().unwrap().entry(queue.to_owned()).or_default().extend(messages);
        self
    }

    /// Sets a variable, in place of its default in spin.toml.
    pub(crate) fn with(self, variable: &str, value: &str) -> Self {
        self.set(variable, value);
        self
    }

    /// The same while the component runs.
    pub(crate) fn set(&self, variable: &str, value: &str) {
        self.variables.lock().unwrap().insert(variable.to_owned(), Some(value.to_owned()));
    }

    /// Lets a variable be missing from the manifest.
    pub(crate) fn take_away(&self, variable: &str) {
        self.variables.lock().unwrap().insert(variable.to_owned(), None);
    }

    /// Gives a variable its default again.
    pub(crate) fn reset(&self, variable: &str) {
        self.variables.lock().unwrap().remove(variable);
    }

    /// What was called since the last time.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        self.seen.send_modify(|all| seen = std::mem::take(all));
        seen
    }

    fn variable(&self, name: &str) -> Ruling {
        match self.variables.lock().unwrap().get(name) {
            None => Ruling::Proceed,
            Some(Some(value)) => Ruling::Answer(Answer::Variable(value.clone())),
            Some(None) => {
                let undefined = VariableError::Undefined(format!("no variable {name:?}"));
                Ruling::Refuse(Refusal::Variable(undefined))
            }
        }
    }

    fn script(&self, verb: &Verb) -> Vec<RedisResult> {
        match verb {
            Verb::Accept(accepts) => accepts.iter().flat_map(|accept| verdict_and_id("accepted", &accept.id)).collect(),
            Verb::Find { subjects } => found(&subjects.iter().map(|(_, ids)| ids.len()).collect::<Vec<_>>()),
            Verb::List(_) => vec![],
            Verb::Follow(_) => vec![binary("accepted")],
            Verb::Claim { queue, most } => claimed(&self.claim(queue, *most)),
            Verb::Settle { queue, settled } => self.settle(queue, settled),
            Verb::Renew { ids, .. } => vec![RedisResult::Int64(1); ids.len()],
            Verb::Hold(holds) => holds.iter().flat_map(|_| held()).collect(),
            Verb::Ask { .. } => vec![RedisResult::Int64(0)],
            Verb::Unask { .. } | Verb::Hasten { .. } => vec![],
            Verb::Ring { .. } => vec![RedisResult::Int64(1)],
            Verb::Subscribe { queue, lanes } => self.subscribe(queue, lanes),
            Verb::CatchUp { .. } | Verb::Expire { .. } => vec![RedisResult::Int64(0); 2],
        }
    }

    fn claim(&self, queue: &str, most: usize) -> Vec<Message> {
        let mut queues = self.queues.lock().unwrap();
        let waiting = queues.entry(queue.to_owned()).or_default();
        let claimed: Vec<Message> = waiting.drain(..most.min(waiting.len())).collect();
        self.claimed.lock().unwrap().extend(claimed.iter().cloned());
        claimed
    }

    fn subscribe(&self, queue: &str, lanes: &[(String, String)]) -> Vec<RedisResult> {
        self.subscribed.lock().unwrap().insert(queue.to_owned(), lanes.to_vec());
        lanes.iter().flat_map(|(lane, _)| [binary(lane), RedisResult::Int64(0)]).collect()
    }

    fn settle(&self, queue: &str, settled: &[Settled]) -> Vec<RedisResult> {
        let mut queues = self.queues.lock().unwrap();
        let subscribed = self.subscribed.lock().unwrap();
        for copied in settled.iter().filter(|settled| !settled.topic.is_empty()) {
            let wanting = subscribed.get(queue).into_iter().flatten();
            for (lane, _) in
                wanting.filter(|(_, topics)| topics == "*" || topics.split(',').any(|it| it == copied.topic))
            {
                let claimed = self.claimed.lock().unwrap();
                let message = claimed.iter().find(|message| *message.id == *copied.id).expect("it was claimed");
                queues.entry(lane.clone()).or_default().push_back(Message {
                    delivery: 1,
                    failures: 0,
                    ..message.clone()
                });
            }
        }
        for emit in settled.iter().flat_map(|settled| &settled.emits) {
            let message = message(&emit.id, emit.payload.clone());
            // What is delayed won't become visible while a test runs.
            if emit.after_ms == 0 {
                queues.entry(emit.queue.clone()).or_default().push_back(message);
            }
        }
        vec![RedisResult::Int64(1); settled.len()]
    }

    fn when_all_goes_well(&self, effect: &Effect) -> Ruling {
        Ruling::Answer(match effect {
            Effect::Variable(name) => return self.variable(name),
            Effect::RedisOpen | Effect::StoreOpen => Answer::Opened,
            Effect::Script(script) => Answer::Redis(self.script(&script.verb)),
            Effect::Command(_) => Answer::Redis(Vec::new()),
            Effect::StoreGet(_) => Answer::Value(None),
            Effect::StoreSet(..) | Effect::StoreDelete(_) => Answer::Done,
            Effect::StoreExists(_) => Answer::Exists(false),
            Effect::Http(_) => return answers(StatusCode::NO_CONTENT),
        })
    }

    async fn hold_back(&self, effect: &Effect) {
        let Some((pick, until)) = &self.held_back else { return };
        if pick(effect) {
            let until = |seen: &Vec<Seen>| seen.iter().any(|seen| until(&seen.effect));
            self.seen.subscribe().wait_for(until).await.expect("the double outlives the call");
        }
    }
}

impl Calls for Double {
    fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling> {
        let effect = Effect::of(&call.operation);
        self.seen.send_modify(|all| all.push(Seen { instance: call.instance, effect: effect.clone() }));
        Box::pin(async move {
            self.hold_back(&effect).await;
            (self.rule)(&effect).unwrap_or_else(|| self.when_all_goes_well(&effect))
        })
    }
}

impl Effect {
    pub(crate) fn of(operation: &Operation) -> Self {
        match operation {
            Operation::Variable { name } => Self::Variable(name.clone()),
            Operation::RedisOpen { .. } => Self::RedisOpen,
            Operation::Redis { command, arguments } => match Script::read(command, arguments) {
                Some(script) => Self::Script(script),
                None => Self::Command(command.clone()),
            },
            Operation::KeyValueOpen { .. } => Self::StoreOpen,
            Operation::KeyValueGet { key, .. } => Self::StoreGet(key.clone()),
            Operation::KeyValueSet { key, value, .. } => Self::StoreSet(key.clone(), value.clone()),
            Operation::KeyValueDelete { key, .. } => Self::StoreDelete(key.clone()),
            Operation::KeyValueExists { key, .. } => Self::StoreExists(key.clone()),
            Operation::Http(request) => Self::Http(request.clone()),
            other => panic!("no component of ours does this: {other}"),
        }
    }

    /// What the script is asked to do, if it is one.
    pub(crate) fn verb(&self) -> Option<&Verb> {
        match self {
            Self::Script(script) => Some(&script.verb),
            _ => None,
        }
    }

    /// In a word, for a sequence of calls. A variable is left out, since its place in the sequence means nothing.
    pub(crate) fn word(&self) -> Option<String> {
        Some(match self {
            Self::Variable(_) => return None,
            Self::RedisOpen => "open".to_owned(),
            Self::Script(script) => script.verb.word(),
            Self::Command(command) => command.clone(),
            Self::StoreOpen => "open store".to_owned(),
            Self::StoreGet(key) => format!("get {key}"),
            Self::StoreSet(key, _) => format!("set {key}"),
            Self::StoreDelete(key) => format!("delete {key}"),
            Self::StoreExists(key) => format!("exists {key}"),
            Self::Http(request) => format!("{} {}", request.method(), request.uri()),
        })
    }
}

impl Verb {
    fn word(&self) -> String {
        match self {
            Self::Accept(_) => "accept".to_owned(),
            Self::Find { .. } => "find".to_owned(),
            Self::List(_) => "list".to_owned(),
            Self::Follow(_) => "follow".to_owned(),
            Self::Claim { queue, .. } => format!("claim {queue}"),
            Self::Settle { queue, .. } => format!("settle {queue}"),
            Self::Renew { queue, .. } => format!("renew {queue}"),
            Self::Ring { queue } => format!("ring {queue}"),
            Self::Expire { queue } => format!("expire {queue}"),
            Self::Hold(_) => "hold".to_owned(),
            Self::Unask { .. } => "unask".to_owned(),
            Self::Hasten { .. } => "hasten".to_owned(),
            Self::Ask { partner, .. } => format!("ask {partner}"),
            Self::Subscribe { queue, .. } => format!("subscribe {queue}"),
            Self::CatchUp { lane } => format!("catch up {lane}"),
        }
    }
}

/// The hold script's reply for an order: its pieces are held.
pub(crate) fn held() -> Vec<RedisResult> {
    vec![binary("held"), RedisResult::Int64(1), RedisResult::Int64(0)]
}

/// The reply of the find script for subjects with so many ids each: nothing is there.
pub(crate) fn found(subjects: &[usize]) -> Vec<RedisResult> {
    let nowhere = [binary(""), binary(""), binary(""), RedisResult::Int64(0)];
    let subjects = subjects.iter().flat_map(|ids| {
        [binary(""), binary("")].into_iter().chain((0..*ids).flat_map(|_| nowhere.clone())).collect::<Vec<_>>()
    });
    [RedisResult::Int64(0)].into_iter().chain(subjects).collect()
}

pub(crate) fn binary(text: impl AsRef<[u8]>) -> RedisResult {
    RedisResult::Binary(text.as_ref().to_vec())
}

/// The reply of the accept script.
pub(crate) fn verdict_and_id(verdict: &str, id: &[u8]) -> Vec<RedisResult> {
    let tokens = [0, 0, 0].map(RedisResult::Int64);
    [binary(verdict), binary(id)].into_iter().chain(tokens).collect()
}

/// Redis fails in these words.
pub(crate) fn redis_fails(words: &str) -> Ruling {
    Ruling::Refuse(Refusal::Redis(RedisError::Other(words.to_owned())))
}

/// The store fails in these words.
pub(crate) fn store_fails(words: &str) -> Ruling {
    Ruling::Refuse(Refusal::KeyValue(KeyValueError::Other(words.to_owned())))
}

pub(crate) fn replies(reply: Vec<RedisResult>) -> Ruling {
    Ruling::Answer(Answer::Redis(reply))
}

/// An endpoint answers with this status.
pub(crate) fn answers(status: StatusCode) -> Ruling {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    Ruling::Answer(Answer::Http(response))
}
