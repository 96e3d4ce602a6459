//! What the tests and the benchmarks stand on.

mod books;
mod client;
mod description;
mod endpoint;
mod eventually;
mod localstripe;
mod payments;
mod redis;
mod set_clock;
mod skipped;
mod sluice;
mod stripe;

pub use books::{Books, Sum};
pub use client::Client;
pub use endpoint::{Behaviour, Delivery, Endpoint, Reaction, SECRET, webhooks};
pub use eventually::{begun, eventually, within};
pub use localstripe::{Localstripe, STRIPE_KEY};
pub use payments::{
    AUTHORIZED_BY_THE_SHOP, Asked, Ledger, Manner, PAYMENT_KEY, PaymentProvider, customer_page, signed_word,
};
pub use redis::{Redis, Trouble};
pub use set_clock::SettableClock;
pub use skipped::skipped;
pub use sluice::{Sluice, an_order, app, json, root, start_with, unattended};
pub use stripe::{AtTheBank, Fate, Stripe, StripeCall};
