//! A durable queue in Redis. It carries bytes and knows nothing of what they mean.
//!
//! ```text
//!            accept                 claim                    settle: done ──► gone, its events in other queues
//!  sender ──────────► visible ──────────────► leased ──────────────┬─ retry ──► invisible ──┐
//!                        ▲                      │                  ├─ release ► invisible ──┤ the time comes
//!                        │                      │ lease runs out   └─ bury ───► dead letter │
//!                        └──────────────────────┴────────────────────────────────────┬──────┘
//!                                                                     redrive ◄──────┘
//! ```
//!
//! One sorted set holds for each message *when it is next visible*. Waiting, delayed, leased and retrying are the same
//! thing with another time, so a crash needs no recovery code: the lease runs out and the message is visible again.
//! That is the model of SQS: visibility timeout, receive count, dead letters, redrive.
//!
//! Each verb is one Lua script, so it happens whole or not at all. `scripts/prelude.lua` lists every key.
//!
//! A message is its own *subject*, unless it is a follow-up: a later message about the subject of an earlier one.
//! Messages of one subject are handled one after the other; subjects know nothing of each other.
//!
//! A handler that finds no [place](Places) at a partner has its message thrown back (`throttle`): a claim gives it
//! again as soon as there is a place, before all that came later.
//!
//! A *delivery* is a message and the number of times that it was handed out. Only its latest delivery can settle a
//! message: a worker whose lease ran out can't undo what its successor did.

mod accept;
mod backoff;
mod claim;
mod connection;
mod dead;
mod failure;
mod follow;
mod forget;
mod inspect;
mod joined;
pub mod limits;
mod list;
mod message;
mod namespace;
#[cfg(feature = "native")]
pub mod native;
mod partner;
mod places;
mod queue;
mod reason;
mod rights;
mod script;
mod settle;
mod stock;
mod subscribers;
mod timing;
mod together;
mod window;
mod worker;

pub use accept::{Accept, Accepted, Allowance, Answered, IdempotencyRecord, Limits, Owner, Rate, Tag};
pub use backoff::Backoff;
pub use claim::{Claim, Side};
pub use connection::{Arg, Connection, Error, Reply, Runtime};
pub use dead::{Amended, Amendment, DeadLetter, Discarded, Incident, Pace, Why};
pub use failure::Failure;
pub use follow::{FollowUp, Followed};
pub use forget::Expired;
pub use inspect::{Asked, Found, MessageState, OwnMessage, Server, Stats, server, totals, value};
pub use joined::Joined;
pub use list::{END_OF_TIME, ListOf, ListPlace, Listing};
pub use message::{Emit, Head, Message, MessageId, Payload, Subject};
pub use namespace::Namespace;
pub use partner::{Interruption, Leave, Report, Showed};
pub use places::Places;
pub use queue::{Queue, RedisClock};
pub use reason::one_line;
pub use rights::{Lacking, Rights};
pub use script::is_unknown_script;
pub use settle::{Class, Effects, Ends, LetGo, Settlement, Verdict};
pub use stock::{Adjusted, Adjustment, Hold, HoldRequest, Level, Shortfall, Stock, StockCursor, Terms, Untracked};
pub use subscribers::{FRESH, Named, Subscribed, Subscriber, Subscription, UNNAMED, Unsubscribed};
pub use timing::{LEASES, Timing};
pub use together::{Tasks, Together};
pub use window::Linger;
pub use worker::{Drained, Handler, Worker};
