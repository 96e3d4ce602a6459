//! A point at which a component can be stopped, by a name that stays the same from run to run: calls that are made at
//! the same time come in any order, but the third call of its kind is always the third.

use std::fmt;
use std::sync::LazyLock;

use host::calls::{Call, Operation, RedisParameter};
use http::Uri;
use queue::native::{KnownScript, scripts};

/// A kind of call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) component: String,
    /// What it does, without ids and values: `script settle placed`.
    pub(crate) what: String,
}

/// The n-th call of a kind in a run, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nth {
    pub(crate) kind: Kind,
    pub(crate) n: usize,
}

/// What is done to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// The instance is stopped before it.
    Before,
    /// The instance is stopped after it.
    After,
    /// It is carried out and its answer is lost, but the instance lives on.
    Unanswered,
}

/// Where a run is struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) call: Nth,
    pub(crate) blow: Blow,
}

impl Blow {
    pub(crate) const ALL: [Self; 3] = [Self::Before, Self::After, Self::Unanswered];
}

impl Kind {
    /// `name_of` gives the name of the endpoint at an address.
    pub(crate) fn of(call: &Call, name_of: impl Fn(&Uri) -> String) -> Self {
        let what = match &call.operation {
            Operation::RedisOpen { .. } => "redis open".to_owned(),
            Operation::Redis { command, arguments } => script(command, arguments),
            Operation::KeyValueOpen { .. } => "key-value open".to_owned(),
            Operation::KeyValueGet { key, .. } => format!("key-value get {}", without_ids(key)),
            Operation::KeyValueSet { key, .. } => format!("key-value set {}", without_ids(key)),
            Operation::KeyValueDelete { key, .. } => format!("key-value delete {}", without_ids(key)),
            Operation::KeyValueExists { key, .. } => format!("key-value exists {}", without_ids(key)),
            Operation::KeyValueKeys { .. } => "key-value get-keys".to_owned(),
            Operation::Variable { name } => format!("variable {name}"),
            Operation::Http(request) => format!("http {} to {}", request.method(), name_of(request.uri())),
        };
        Self { component: call.component.to_string(), what }
    }

    /// Whether it writes an order's record.
    pub(crate) fn is_record(&self) -> bool {
        self.what.starts_with("key-value set order/")
    }

    /// Whether it is this script on this queue.
    pub(crate) fn is_script(&self, name: &str, queue: &str) -> bool {
        self.what.strip_prefix("script ").and_then(|script| script.split_once(' ')) == Some((name, queue))
    }
}

/// `order/{id}/1.1` is `order/*`, `orders/latest-change` stays.
fn without_ids(key: &str) -> String {
    match key.strip_prefix("order/") {
        Some(_) => "order/*".to_owned(),
        None => key.to_owned(),
    }
}

/// The script's name and its queue, `in full` where Redis did not know it.
fn script(command: &str, arguments: &[RedisParameter]) -> String {
    static SCRIPTS: LazyLock<Vec<KnownScript>> = LazyLock::new(|| scripts().collect());
    let known = match arguments.first() {
        Some(RedisParameter::Binary(called)) => {
            SCRIPTS.iter().find(|known| *called == known.digest.as_bytes() || *called == known.text.as_bytes())
        }
        _ => None,
    };
    let Some(known) = known else { return format!("redis {command}") };
    // After the script come the number of keys, the namespace, and for most the queue.
    let queue = match arguments.get(3) {
        Some(RedisParameter::Binary(queue)) => format!(" {}", String::from_utf8_lossy(queue)),
        _ => String::new(),
    };
    let in_full = if command == "EVAL" { " in full" } else { "" };
    format!("script {}{queue}{in_full}", known.name)
}

impl fmt::Display for Nth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.kind.component, Ordinal(self.n), self.kind.what)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blow = match self.blow {
            Blow::Before => "before",
            Blow::After => "after",
            Blow::Unanswered => "its answer lost",
        };
        write!(f, "{}, {blow}", self.call)
    }
}

/// 1st, 2nd, 3rd, 4th, 11th.
struct Ordinal(usize);

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ending = match (self.0 % 10, self.0 % 100) {
            (_, 11..=13) => "th",
            (1, _) => "st",
            (2, _) => "nd",
            (3, _) => "rd",
            _ => "th",
        };
        write!(f, "{}{ending}", self.0)
    }
}
