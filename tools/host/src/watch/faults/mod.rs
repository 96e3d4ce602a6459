//! Faults on demand: calls that fail, wait, stop their instance or kill the host, as planned beforehand.
//!
//! A [`FaultPlan`] is a [`Calls`](crate::Calls) to start an application with. Its faults are built as values or read from
//! text, in the form of `host up --fault`:
//!
//! ```text
#![doc = include_str!("notation.txt")]
//! ```

mod fault;
mod notation;
mod plan;

pub use fault::{Effect, Fault, Occurrence, Target};
pub use notation::{NOTATION, NotAFault};
pub use plan::FaultPlan;
