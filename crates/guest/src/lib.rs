//! What the components share of being guests: settings, Redis within a deadline, clocks and chance, requests and answers.
//!
//! The only crate besides the components themselves that touches the Spin SDK.

mod body;
mod deadline;
mod operator;
mod outbound;
mod payments;
mod redis;
mod request;
mod response;
mod runtime;
mod settings;
mod webhooks;

pub use body::{BodyError, read_body};
pub use deadline::Deadline;
pub use operator::NoOperator;
pub use outbound::{Post, Reply, describe_failure};
pub use payments::PaymentProvider;
pub use redis::Redis;
pub use request::Request;
pub use response::{Answer, PointedError, ProblemDetails};
pub use runtime::{Wasi, now_ms, random_bytes, within};
pub use settings::{QueueSettings, SettingError, Settings};
pub use webhooks::Endpoint;
