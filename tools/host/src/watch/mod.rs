//! Watching the calls of components, and striking them with faults.

mod call_text;
pub mod calls;
pub(crate) mod effects;
pub mod faults;
pub mod trace;
