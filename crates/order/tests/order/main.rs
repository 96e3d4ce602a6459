//! What the domain promises, through its public interface.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod answers;
mod bad_bodies;
mod batch;
mod canonical_form;
mod decisions;
mod erased;
mod life;
mod limits;
mod messages;
mod names;
mod properties;
mod query;
mod records;
mod sample;
mod worth;
