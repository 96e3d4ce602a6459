//! The domain: what an order is, what becomes of it, and what is said about it.
//!
//! Read it along an order's life: a request's body becomes a [`NewOrder`] or a list of [faults](Fault); the shop gets
//! an [answer](NewOrder::answer); a [`Placed`] message carries the order through the queue, and later [`Command`]s what is
//! wanted of it; [`decide`] makes the [`Record`] that the store holds, under a key named by its [`Head`], and each move of
//! its [life] the next one; an [event] tells the subscribers.
//!
//! Nothing here does I/O or knows the time: clocks and random bytes are arguments. A value of these types was checked
//! when it was made, whether it came from a shop or from the store.

mod answers;
pub mod command;
mod decide;
mod email;
mod envelope;
pub mod event;
mod fault;
mod id;
mod idempotency_key;
mod iso_code;
mod json;
mod keys;
pub mod life;
pub mod limits;
mod money;
mod new_order;
pub mod payment;
mod quantity;
pub mod queues;
mod reader;
mod record;
mod text;
mod timestamp;
mod trace;

pub use answers::{Pending, Waiting, change_answer, unreadable, with_pending};
pub use command::{Change, Command, Wanted};
pub use decide::{Finding, Illegal, Shortage, cancel_undecided, decide};
pub use email::Email;
pub use envelope::{DecodeError, Placed};
pub use fault::{BodyFault, Fault, Malformed, NotJson};
pub use id::OrderId;
pub use idempotency_key::IdempotencyKey;
pub use iso_code::{Country, Currency};
pub use keys::{CHANGE_MARKER, Head};
pub use life::Move;
pub use money::Money;
pub use new_order::{Address, CanonicalJson, Customer, Line, NewOrder};
pub use payment::Payment;
pub use quantity::Quantity;
pub use record::{Record, RecordError, Standing, Status, Version};
pub use text::{
    AddressLine, MetadataKey, MetadataValue, Name, Note, PaymentId, Phone, Place, PostalCode, Reason, Reference, Sku,
    Tracking,
};
pub use timestamp::Timestamp;
pub use trace::TraceParent;
