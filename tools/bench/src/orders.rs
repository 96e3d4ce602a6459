//! The orders that are sent: all alike in size, each with a key of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;

/// Makes orders, none twice.
pub(crate) struct Orders {
    /// Sets the keys of this run apart from those of every other.
    run: u32,
    made: AtomicU64,
}

/// A request's body and its idempotency key.
pub(crate) struct Request {
    pub(crate) key: String,
    pub(crate) body: Vec<u8>,
}

impl Orders {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self { run: getrandom::u32().context("the system gives no random bytes")?, made: AtomicU64::new(0) })
    }

    /// How many were made: the number of the next one, and of its customer.
    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// The next order: two lines and an address, as a shop's checkout sends it, of another customer than the others.
    pub(crate) fn next(&self) -> Request {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let body = format!(
            r#"{{"reference":"cart-{number:08}","customer":{{"email":"ada{number}@example.com","name":"Ada Lovelace"}},"currency":"EUR","lines":[{{"sku":"TEA-1","name":"Tea","quantity":2,"unit_price":450}},{{"sku":"CUP-2","quantity":1,"unit_price":1200}}],"shipping_address":{{"line1":"12 St James's Square","city":"London","postal_code":"SW1Y 4JH","country":"GB"}}}}"#
        );
        Request { key: format!("{:08x}-{number:08}", self.run), body: body.into_bytes() }
    }
}
