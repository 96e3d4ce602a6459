//! What was promised in a run: to the shops that read an answer, and to the endpoints that are subscribed.

use std::collections::BTreeMap;
use std::fmt;

use queue::Class;

/// The promises of the design that a crash could break, and what else must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    Kept,
    Once,
    Stock,
    Told,
    /// Nothing is left over that nobody will ever need.
    Tidy,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) promise: Promise,
    pub(crate) what: String,
}

/// Everything that was promised.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// By id: every order that someone was told of, and how it must end.
    pub(crate) orders: BTreeMap<String, Ending>,
    /// By idempotency key: the id in the first 202 that was read.
    pub(crate) keys: BTreeMap<String, String>,
    /// By article: the pieces that there were before anyone ordered.
    pub(crate) stock: BTreeMap<String, u64>,
    pub(crate) subscribers: Vec<Subscriber>,
    /// How often the payment provider fails for all.
    pub(crate) outages: usize,
    /// What was read that should not have been.
    pub(crate) broken: Vec<Broken>,
}

/// How an order must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// What `GET` shows.
    pub(crate) status: &'static str,
    /// The types of its events, in turn, each once: one of these lists.
    pub(crate) events: &'static [&'static [&'static str]],
    /// Of which class its dead letter is, if it is one.
    pub(crate) letter: Option<Class>,
    /// Where the stock is that it wants.
    pub(crate) stock: Stock,
    /// What became of its money, where a provider is asked for it.
    pub(crate) money: Money,
}

/// What an order does with the stock that it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stock {
    Free,
    Held,
    /// Its goods went out.
    Out,
}

/// What an order did with its customer's money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Money {
    Taken,
    /// It was not taken, or taken and given back.
    Untouched,
    /// The shop had taken it, or has had it authorized, and it was given back or let go.
    Returned,
    /// It may have been taken, which is why a person must look.
    Unknown,
}

/// An endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subscriber {
    pub(crate) name: &'static str,
    /// It refused what it was told at first, until that was given up.
    pub(crate) refused: bool,
    /// In the end it takes what it is told.
    pub(crate) takes: bool,
}

pub(crate) const PENDING: &str = "sluice.order.payment_pending";
pub(crate) const CONFIRMED: &str = "sluice.order.confirmed";
pub(crate) const REJECTED: &str = "sluice.order.rejected";
pub(crate) const FULFILLED: &str = "sluice.order.fulfilled";
pub(crate) const CANCELLED: &str = "sluice.order.cancelled";
pub(crate) const ERASED: &str = "sluice.order.personal_data_erased";
pub(crate) const ATTENTION: &str = "sluice.order.needs_attention";
pub(crate) const INTERRUPTED: &str = "sluice.payments.interrupted";
pub(crate) const RESUMED: &str = "sluice.payments.resumed";

impl Ending {
    pub(crate) const CONFIRMED: Self =
        Self { status: "confirmed", events: &[&[CONFIRMED]], letter: None, stock: Stock::Held, money: Money::Taken };

    /// Its payment was pending before.
    pub(crate) const CONFIRMED_LATER: Self = Self { events: &[&[PENDING, CONFIRMED]], ..Self::CONFIRMED };

    pub(crate) const REJECTED: Self =
        Self { status: "rejected", events: &[&[REJECTED]], letter: None, stock: Stock::Free, money: Money::Untouched };

    pub(crate) const FULFILLED: Self =
        Self { status: "fulfilled", events: &[&[CONFIRMED, FULFILLED]], stock: Stock::Out, ..Self::CONFIRMED };

    pub(crate) const CANCELLED: Self =
        Self { status: "cancelled", events: &[&[CONFIRMED, CANCELLED]], ..Self::REJECTED };

    /// It was cancelled while it waited: before its first delivery, or after one that may have charged it.
    pub(crate) const RECALLED: Self = Self { events: &[&[CANCELLED], &[CONFIRMED, CANCELLED]], ..Self::CANCELLED };

    /// It was cancelled while its payment was pending, or when that was over just now.
    pub(crate) const CANCELLED_PENDING: Self =
        Self { events: &[&[PENDING, CANCELLED], &[PENDING, CONFIRMED, CANCELLED]], ..Self::CANCELLED };

    /// It was given up, and cancelled instead of sent again.
    pub(crate) const CANCELLED_AFTER_ALL: Self = Self { events: &[&[ATTENTION, CANCELLED]], ..Self::CANCELLED };

    /// It was sent again from the dead letters, and went well.
    pub(crate) const CONFIRMED_AFTER_ALL: Self = Self { events: &[&[ATTENTION, CONFIRMED]], ..Self::CONFIRMED };

    pub(crate) const DISCARDED: Self = Self { status: "discarded", events: &[&[ATTENTION]], ..Self::REJECTED };

    /// Its customer was taken out, and with that the events of before out of the log.
    pub(crate) const ERASED: Self = Self { events: &[&[ERASED]], ..Self::CONFIRMED };

    /// It was cancelled long ago.
    pub(crate) const REMOVED: Self = Self { status: REMOVED, ..Self::CANCELLED };

    /// It was given up before it came to its stock.
    pub(crate) const UNREADABLE: Self = Self { stock: Stock::Free, ..Self::given_up(Class::Undecodable) };

    pub(crate) const fn given_up(class: Class) -> Self {
        Self {
            status: "needs_attention",
            events: &[&[ATTENTION]],
            letter: Some(class),
            stock: Stock::Held,
            money: Money::Unknown,
        }
    }
}

/// The status of an order that is there no more.
pub(crate) const REMOVED: &str = "removed";

impl Model {
    /// The orders whose customers were taken out.
    pub(crate) fn erased(&self) -> impl Iterator<Item = &str> {
        self.orders.iter().filter(|(_, ending)| **ending == Ending::ERASED).map(|(id, _)| id.as_str())
    }

    /// Notes that something was read that should not have been.
    pub(crate) fn breaks(&mut self, promise: Promise, what: impl Into<String>) {
        self.broken.push(Broken { promise, what: what.into() });
    }

    /// A shop read a 202 for this order under this key.
    pub(crate) fn accepted(&mut self, key: &str, id: &str) {
        let first = self.keys.entry(key.to_owned()).or_insert_with(|| id.to_owned()).clone();
        if first != id {
            self.breaks(Promise::Once, format!("the key {key:?} was answered with order {first}, then with {id}"));
        }
        self.orders.entry(id.to_owned()).or_insert(Ending::CONFIRMED);
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "promise 1 broken: a 202 is kept",
            Self::Once => "promise 2 broken: once is once",
            Self::Stock => "promise 3 broken: nothing is oversold",
            Self::Told => "promise 4 broken: every change is told",
            Self::Tidy => "housekeeping broken: nothing is left over",
        })
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.what)
    }
}
