//! Each effect of a component is a call to the host. [`Calls`] see each one, and rule what becomes of it.
//!
//! They are installed when an application is started. The host asks them before each call. They let it pass, delay it,
//! answer or refuse it themselves, or stop the component's instance before or after it. So a test can run a component
//! alone, without a Redis or a network, and stop it at any of its effects. Without installed [`Calls`] the host builds
//! and counts nothing.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;

pub use crate::run::bindings::spin::key_value::key_value::Error as KeyValueError;
pub use crate::run::bindings::spin::redis::redis::{Error as RedisError, RedisParameter, RedisResult};
pub use crate::run::bindings::spin::variables::variables::Error as VariableError;
pub use wasmtime_wasi_http::Error as HttpError;

/// Rules each call of each component, and is told how it ended.
pub trait Calls: Send + Sync + 'static {
    /// Rules what becomes of a call. The component's call waits for the ruling; its other calls go on.
    fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling>;

    /// Is told how a call ended, once for each call that began.
    fn after(&self, call: &Call, ending: &Ending) {
        _ = (call, ending);
    }
}

/// Makes [`Calls`] of a function that rules each call at once.
pub fn decide(ruling: impl Fn(&Call) -> Ruling + Send + Sync + 'static) -> impl Calls {
    struct Decide<F>(F);
    impl<F: Fn(&Call) -> Ruling + Send + Sync + 'static> Calls for Decide<F> {
        fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling> {
            Box::pin(std::future::ready((self.0)(call)))
        }
    }
    Decide(ruling)
}

/// One call of one instance.
#[derive(Debug)]
pub struct Call {
    /// The component that calls.
    pub component: Arc<str>,
    /// The number of the instance in its application. Instances are counted from 1, in the order in which they start.
    pub instance: u64,
    /// The number of the call in its application. Calls are counted from 1, in the order in which they begin.
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
    /// Runs a command. A function of the interface like `get` shows here as its command too.
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
    /// Sends a request, with its whole body, to a host that the manifest allows.
    Http(http::Request<Bytes>),
}

/// A kind of calls.
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

/// What becomes of a call.
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
    /// The instance is dropped before the call. Its connections to Redis and those of its open requests are closed.
    CrashBefore,
    /// The call is carried out, then the instance is dropped, and its connections are closed as above.
    CrashAfter,
    /// The call is carried out, but the component gets an error in place of the answer, as if the connection broke. A
    /// connection to Redis is dead from then on. The instance lives on.
    LoseAnswer,
}

/// What a component gets from a call that went well.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Of [`Operation::RedisOpen`] and [`Operation::KeyValueOpen`]. If a ruling gives this answer, there is no server:
    /// each call on what was opened must be answered or refused too.
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
    /// Of [`Operation::Http`]. In an [`Ending`] the body is empty, because the component reads it later.
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
    /// The call was carried out or answered.
    Answered(Answer),
    /// The call failed or was refused. The error is worded for a person.
    Refused(String),
    /// A ruling stopped the instance before or after the call.
    Crashed,
    /// Nobody waits for the call any more: the component gave it up, or the instance was dropped.
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

    /// The command, function, method or variable, which tells the call from others of its kind. `None` for opening a
    /// connection to Redis: all such calls are alike.
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
