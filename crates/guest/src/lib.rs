//! The components' shared ways with their host: settings, Redis within a deadline, clocks and chance, requests,
//! responses and problems.
//!
//! The only crate besides the components themselves that touches the Spin SDK.

mod answer;
mod api_keys;
mod body;
mod caller;
mod cors;
mod deadline;
mod endpoint;
mod etag;
mod foreign_encoding;
mod health_answer;
mod idempotency;
mod log;
mod nearest;
mod origin;
mod outbound;
mod payment_events;
mod payments;
mod problem;
mod problem_kind;
mod redis;
mod redis_address;
mod request;
mod response;
mod retry_after;
mod runtime;
#[cfg(feature = "schema")]
pub mod schema;
mod setting_faults;
mod settings;
mod stripe;
mod stripe_events;
mod webhook_list;
mod webhook_secret;
mod webhooks;

pub use answer::answer;
pub use api_keys::ApiKeys;
pub use body::{BodyError, read_body};
pub use caller::Caller;
pub use deadline::Deadline;
pub use endpoint::Endpoint;
pub use foreign_encoding::ForeignEncoding;
pub use health_answer::{Check, CheckStatus, Health};
pub use idempotency::idempotency_key;
pub use outbound::{PartnerReply, PartnerRequest, is_unsent, unreached};
pub use payment_events::{WordSignature, WordSigners};
pub use payments::{CaptureTime, PaymentProvider};
pub use problem::Problem;
pub use problem_kind::{PROBLEM_KINDS, ProblemKind};
pub use redis::{REQUEST_DEADLINE, Redis};
pub use redis_address::RedisAddress;
pub use request::Request;
pub use response::Response;
pub use retry_after::in_whole_seconds;
pub use runtime::{Wasi, now_ms, random_bytes, within};
pub use settings::{QueueSettings, SettingError, Settings};
pub use stripe::StripeAccount;
pub use stripe_events::{EventSecrets, EventSignature};
