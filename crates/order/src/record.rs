//! The record of an order, as the store holds it.

mod json;

pub(crate) use json::known_format;

use crate::fault::{Fault, Listed, Malformed, NotJson};
use crate::id::OrderId;
use crate::limits;
use crate::new_order::NewOrder;
use crate::payment::Payment;
use crate::reader::Unread;
use crate::reason_code::{ReasonCode, Shortage};
use crate::text::{NextAction, Reason, Tracking};
use crate::timestamp::Timestamp;
use access::CallerName;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// An order in one of its states. A change makes a new record with the next version; no record is ever changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub(crate) id: OrderId,
    pub(crate) status: Status,
    pub(crate) version: Version,
    pub(crate) reason: Option<Reason>,
    pub(crate) reason_code: Option<ReasonCode>,
    pub(crate) shortages: Vec<Shortage>,
    pub(crate) payment: Option<Payment>,
    pub(crate) next_action: Option<NextAction>,
    pub(crate) tracking: Option<Tracking>,
    pub(crate) updated_at: Timestamp,
    pub(crate) erased_at: Option<Timestamp>,
    pub(crate) shop: Option<CallerName>,
    pub(crate) order: Box<NewOrder>,
}

/// Where an order stands once it was decided. Until then a shop sees another [state](crate::State).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It has its stock. Its payment was begun, and waits for the customer or for the provider.
    PaymentPending,
    /// It has its stock and is paid for; the shop will have it fulfilled.
    Confirmed,
    /// It was refused, and that is final; the record's reason says why.
    Rejected,
    /// Its goods went out. Final.
    Fulfilled,
    /// It was called off. Its pieces and its payment were given back. Final.
    Cancelled,
}

/// The part of a record that decides which changes the order still allows. It is cheaper to read than the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Where the order stands.
    pub status: Status,
    /// The carrier's number of its parcel.
    pub tracking: Option<Tracking>,
    /// Whether somebody was asked to pay for it.
    pub is_paid: bool,
    /// Whose key brought it.
    pub shop: Option<CallerName>,
    /// Who its customer is was taken out.
    pub is_erased: bool,
}

/// How often an order has changed: 1 for its first record, and 0 while it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Version(u64);

/// Why stored bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordError {
    /// No record of ours is as long as this one.
    #[error("the record has more than {} bytes", limits::STORED_BYTES)]
    TooLarge,
    /// The record is not JSON.
    #[error("the record is {0}")]
    NotJson(#[from] NotJson),
    /// The record has a format that this build doesn't read.
    #[error("the record has format {format}; this build reads format 1, so a newer one wrote it")]
    UnknownFormat {
        /// The format of the record.
        format: u64,
    },
    /// The record has its format, and in it what this build doesn't know.
    #[error("the record has what this build can't read yet, so a newer one wrote it: {}", Listed(.0))]
    Later(Vec<Fault>),
    /// The record breaks the rules.
    #[error("the record has faults: {}", Listed(.0))]
    Invalid(Vec<Fault>),
}

impl RecordError {
    /// Whether a later release wrote the record. Then what is asked of the order is to be left for that one.
    #[must_use]
    pub fn is_later(&self) -> bool {
        matches!(self, Self::UnknownFormat { .. } | Self::Later(_))
    }
}

impl From<Unread> for RecordError {
    fn from(Unread { faults, is_later }: Unread) -> Self {
        if is_later { Self::Later(faults) } else { Self::Invalid(faults) }
    }
}

impl Record {
    /// The order's id.
    #[must_use]
    pub fn id(&self) -> OrderId {
        self.id
    }

    /// Where the order stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Which of the order's records this is.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Why the order stands there, if there is more to say than the status.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// The reason for programs. Records of release 0.1 have none.
    #[must_use]
    pub fn reason_code(&self) -> Option<ReasonCode> {
        self.reason_code
    }

    /// The articles that were short, if that is the reason.
    #[must_use]
    pub fn shortages(&self) -> &[Shortage] {
        &self.shortages
    }

    /// How the order is paid for; `None` if it was never confirmed.
    #[must_use]
    pub fn payment(&self) -> Option<&Payment> {
        self.payment.as_ref()
    }

    /// Where the shop's customer goes to complete the payment; `None` if the provider named nothing, or if it is over.
    #[must_use]
    pub fn next_action(&self) -> Option<&NextAction> {
        self.next_action.as_ref()
    }

    /// The carrier's number of its parcel.
    #[must_use]
    pub fn tracking(&self) -> Option<&Tracking> {
        self.tracking.as_ref()
    }

    /// When the order was accepted.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.id.accepted_at()
    }

    /// When the order came to stand where it stands.
    #[must_use]
    pub fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// When it was taken out who the customer is; `None`: it was not.
    #[must_use]
    pub fn erased_at(&self) -> Option<Timestamp> {
        self.erased_at
    }

    /// Whose key brought the order; `None` if no keys were asked for then.
    #[must_use]
    pub fn shop(&self) -> Option<&CallerName> {
        self.shop.as_ref()
    }

    /// The order as the shop placed it.
    #[must_use]
    pub fn order(&self) -> &NewOrder {
        &self.order
    }

    /// Whose key brought the order, and the order alone.
    #[must_use]
    pub fn into_order(self) -> (Option<CallerName>, NewOrder) {
        (self.shop, *self.order)
    }
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::PaymentPending, Self::Confirmed, Self::Rejected, Self::Fulfilled, Self::Cancelled];

    /// The name in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaymentPending => "payment_pending",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Fulfilled => "fulfilled",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let unknown = || {
            Malformed::new(
                "must be the status of a record: payment_pending, confirmed, rejected, fulfilled or cancelled",
            )
        };
        Self::ALL.into_iter().find(|status| status.as_str() == name).ok_or_else(unknown)
    }
}

impl Version {
    /// The version of an order that has no record yet.
    pub const NONE: Self = Self(0);

    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// The version after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl TryFrom<u64> for Version {
    type Error = Malformed;

    fn try_from(version: u64) -> Result<Self, Malformed> {
        if version > limits::VERSION {
            return Err(Malformed::new(format!("must be from 0 to {}", limits::VERSION)));
        }
        Ok(Self(version))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(feature = "schema")]
crate::scalar_schema::inlined!(Version, crate::scalar_schema::integer(0, limits::VERSION));
