//! Faults on demand: a plan makes calls fail, wait, stop their instance or kill the host.
//!
//! An application that is started with a [`FaultPlan`] as its [`Calls`](crate::Calls) is struck by the plan's faults. A
//! fault can be read from text, which is written as for `host up --fault`:
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
