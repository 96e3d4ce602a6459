//! What every component needs from its host: its settings, Redis within a deadline, a clock and chance.
//!
//! The only crate besides the components themselves that touches the Spin SDK.

mod redis;
mod runtime;
mod settings;

pub use redis::Redis;
pub use runtime::{Wasi, now_ms, random_bytes, within};
pub use settings::{QueueSettings, SettingError, Settings};
