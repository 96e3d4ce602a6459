//! The domain: orders, their life, and the JSON that shops, subscribers and the payment provider read about them.
//!
//! Read it along an order's life: a request's body becomes a [`NewOrder`] or a list of [faults](Fault); the shop gets
//! an [answer](NewOrder::answer). A [`Placed`] message carries the order through the queue, and later [`Command`]s
//! carry changes to it. [`decide`] makes the order's first [`Record`], which the store holds under its [`RecordName`],
//! and each move of its [life] makes the next one. An [event] tells the subscribers.
//!
//! Nothing here does I/O or knows the time: clocks and random bytes are arguments. A value of one of these types was
//! checked when it was made, whether it came from a shop or from the store.

mod answers;
pub mod batch;
mod command;
mod command_id;
mod decide;
pub mod desk;
mod digest;
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
mod mask;
pub mod means;
mod money;
mod named;
mod new_order;
mod normal_form;
pub mod payment;
mod pending;
mod quantity;
mod query;
pub mod queues;
mod reader;
mod reason_code;
mod record;
#[cfg(feature = "schema")]
mod scalar_schema;
#[cfg(feature = "schema")]
pub mod schema;
mod state;
mod text;
mod timestamp;
mod trace;
mod view;

pub use answers::{OrderJson, OrderList, Waiting, change_answer};
pub use command::{Change, ChangeRequest, Command, SETTLED_MARK, settled_change};
pub use command_id::{ChangeKind, CommandId};
pub use decide::{Finding, cancel_undecided, decide};
pub use email::Email;
pub use envelope::{DecodeError, Placed};
pub use fault::{BodyFault, Fault, Malformed, NotJson};
pub use id::OrderId;
pub use idempotency_key::IdempotencyKey;
pub use iso_code::{Country, Currency};
pub use keys::{CHANGE_MARKER, RECORDS, RecordName, STORE_PROBE};
pub use life::Move;
pub use mask::with_masked_emails;
pub use means::{Means, PaymentToken};
pub use money::Money;
pub use new_order::{Address, CanonicalJson, Customer, Discount, Line, NewOrder, Shipping, Tax, Worth};
pub use payment::{Payment, SettledByHand};
pub use pending::Pending;
pub use quantity::Quantity;
pub use query::{OrderQuery, ParameterFault};
pub use reason_code::{ReasonCode, Shortage};
pub use record::{Record, RecordError, Standing, Status, Version};
pub use state::{Illegal, State};
pub use text::{
    AddressLine, DiscountCode, Label, Locality, MetadataKey, MetadataValue, Name, NextAction, Note, PaymentId, Phone,
    PostalCode, Provider, Reason, Reference, Sku, TaxRate, Tracking,
};
pub use timestamp::Timestamp;
pub use trace::TraceParent;
