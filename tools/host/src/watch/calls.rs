//! Every effect of a component is a call to the host, and here each one can be seen and decided.
//!
//! Whoever starts an application may install [`Calls`]. It is asked before each call and may let it pass, answer it
//! itself, refuse it, delay it, or stop the component's instance before or after it. A component can so be tested alone,
//! without a Redis or a network, and be stopped at any of its effects. With none installed nothing is built or counted.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;

pub use crate::run::bindings::spin::key_value::key_value::Error as KeyValueError;
pub use crate::run::bindings::spin::redis::redis::{Error as RedisError, RedisParameter, RedisResult};
pub use crate::run::bindings::spin::variables::variables::Error as VariableError;
pub use wasmtime_wasi_http::Error as HttpError;

/// Decides each call of each component, and sees how it ended.
pub trait Calls: Send + Sync + 'static {
    /// What shall become of this call. The component waits for the verdict; its other calls go on.
    fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling>;

    /// How a call ended. Told of each call that began, once.
    fn after(&self, call: &Call, outcome: &Ending) {
        _ = (call, outcome);
    }
}

/// [`Calls`] from a function that decides at once.
pub fn decide(verdict: impl Fn(&Call) -> Ruling + Send + Sync + 'static) -> impl Calls {
    struct Decide<F>(F);
    impl<F: Fn(&Call) -> Ruling + Send + Sync + 'static> Calls for Decide<F> {
        fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling> {
            Box::pin(std::future::ready((self.0)(call)))
        }
    }
    Decide(verdict)
}

/// One call of one instance.
#[derive(Debug)]
pub struct Call {
    /// The component that calls.
    pub component: Arc<str>,
    /// Which of the application's instances, counted from 1 in the order of their start.
    pub instance: u64,
    /// Which of the application's calls, counted from 1 in the order in which they began.
    pub number: u64,
    /// When it began.
    pub began: Instant,
    /// What it does.
    pub operation: Operation,
}

/// What a call does.
#[derive(Debug)]
pub enum Operation {
    /// Opens a connection to a Redis that the manifest allows.
    RedisOpen {
        /// The address, credentials included.
        address: String,
    },
    /// Runs a command. The functions of the interface that aren't `execute` show here as their command too.
    Redis {
        /// The command's name.
        command: String,
        /// Its arguments.
        arguments: Vec<RedisParameter>,
    },
    /// Opens a key-value store that the manifest lists.
    KeyValueOpen {
        /// The store's label.
        store: String,
    },
    /// Reads a value.
    KeyValueGet {
        /// The store's label.
        store: String,
        /// The key.
        key: String,
    },
    /// Writes a value.
    KeyValueSet {
        /// The store's label.
        store: String,
        /// The key.
        key: String,
        /// The value.
        value: Vec<u8>,
    },
    /// Deletes a key.
    KeyValueDelete {
        /// The store's label.
        store: String,
        /// The key.
        key: String,
    },
    /// Asks whether a key exists.
    KeyValueExists {
        /// The store's label.
        store: String,
        /// The key.
        key: String,
    },
    /// Lists all keys.
    KeyValueKeys {
        /// The store's label.
        store: String,
    },
    /// Reads a variable.
    Variable {
        /// Its name in the component.
        name: String,
    },
    /// Sends a request to where the manifest allows, with its whole body.
    Http(http::Request<Bytes>),
}

/// What calls are told apart by first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Commands on a connection.
    Redis,
    /// Opening a connection.
    RedisOpen,
    /// All of the key-value interface.
    KeyValue,
    /// Outgoing requests.
    Http,
    /// Reading variables.
    Variable,
}

/// What shall become of a call.
#[derive(Debug)]
pub enum Ruling {
    /// It is carried out.
    Proceed,
    /// It is carried out after a while.
    Delay(Duration),
    /// It isn't carried out; the component gets this answer, which must be of the operation's kind.
    Answer(Answer),
    /// It isn't carried out; the component gets this error, which must be of the operation's interface.
    Refuse(Refusal),
    /// The instance is dropped before the call, and its connections are closed.
    CrashBefore,
    /// The call is carried out, then the instance is dropped, and its connections are closed.
    CrashAfter,
}

/// What a component gets from a call that went well.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Of [`Operation::RedisOpen`] and [`Operation::KeyValueOpen`]. As a verdict, there is nothing behind what is opened:
    /// each call on it must be answered or refused too.
    Opened,
    /// Of [`Operation::Redis`]: the reply, flattened.
    Redis(Vec<RedisResult>),
    /// Of [`Operation::KeyValueGet`].
    Value(Option<Vec<u8>>),
    /// Of [`Operation::KeyValueSet`] and [`Operation::KeyValueDelete`].
    Done,
    /// Of [`Operation::KeyValueExists`].
    Exists(bool),
    /// Of [`Operation::KeyValueKeys`].
    Keys(Vec<String>),
    /// Of [`Operation::Variable`].
    Variable(String),
    /// Of [`Operation::Http`]. As an outcome, its body is empty: the component reads it later.
    Http(http::Response<Bytes>),
}

/// What a component gets from a call that failed.
#[derive(Debug)]
pub enum Refusal {
    /// Of the Redis interface.
    Redis(RedisError),
    /// Of the key-value interface.
    KeyValue(KeyValueError),
    /// Of the variables interface.
    Variable(VariableError),
    /// Of the HTTP client.
    Http(HttpError),
}

/// How a call ended.
#[derive(Debug)]
pub enum Ending {
    /// It was carried out or answered.
    Answered(Answer),
    /// It failed or was refused; the error as a person reads it.
    Refused(String),
    /// The instance was stopped before or after it, by the verdict.
    Crashed,
    /// Nobody waits for it any more: the component gave it up, or the instance was dropped.
    Dropped,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Redis, Self::RedisOpen, Self::KeyValue, Self::Http, Self::Variable];
}

impl Operation {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::RedisOpen { .. } => Kind::RedisOpen,
            Self::Redis { .. } => Kind::Redis,
            Self::KeyValueOpen { .. }
            | Self::KeyValueGet { .. }
            | Self::KeyValueSet { .. }
            | Self::KeyValueDelete { .. }
            | Self::KeyValueExists { .. }
            | Self::KeyValueKeys { .. } => Kind::KeyValue,
            Self::Variable { .. } => Kind::Variable,
            Self::Http(_) => Kind::Http,
        }
    }

    /// What it is among its kind: the command, the function, the method, the variable. There is one way to open a
    /// connection to Redis.
    pub fn function(&self) -> Option<&str> {
        Some(match self {
            Self::RedisOpen { .. } => return None,
            Self::Redis { command, .. } => command,
            Self::KeyValueOpen { .. } => "open",
            Self::KeyValueGet { .. } => "get",
            Self::KeyValueSet { .. } => "set",
            Self::KeyValueDelete { .. } => "delete",
            Self::KeyValueExists { .. } => "exists",
            Self::KeyValueKeys { .. } => "get-keys",
            Self::Variable { name } => name,
            Self::Http(request) => request.method().as_str(),
        })
    }
}

/// As a person writes it, for example in a fault.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "redis",
            Self::RedisOpen => "redis-open",
            Self::KeyValue => "key-value",
            Self::Http => "http",
            Self::Variable => "variable",
        })
    }
}
