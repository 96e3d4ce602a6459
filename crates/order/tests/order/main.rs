//! What the domain promises, through its public interface.

mod answers;
mod bad_bodies;
mod canonical_form;
mod decisions;
mod limits;
mod messages;
mod properties;
mod records;
mod sample;
