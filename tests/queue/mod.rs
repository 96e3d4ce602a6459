//! What the queue promises, on a real Redis and without components.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod accept;
mod again;
mod amend;
mod any_order;
mod bytes;
mod claim;
mod clock;
mod dead;
mod doubles;
mod follow_ups;
mod forget;
mod limits;
mod list;
mod model;
mod partner;
mod places;
mod rates;
mod recovery;
mod redrive;
mod refused;
mod repeated_claim;
mod rights;
mod round_trips;
mod settle;
mod setup;
mod shared_calls;
mod stock;
mod subscribers;
mod suspects;
mod together;
mod wake;
mod worker;
