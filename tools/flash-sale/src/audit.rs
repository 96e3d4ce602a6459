//! The books after the sale: every order, every piece and every charge.

use std::collections::BTreeMap;

use anyhow::bail;
use futures::stream::{self, StreamExt};
use harness::{Books, Client};
use serde_json::Value;

use crate::crowd::Crowd;
use crate::shop::Shop;

/// Orders that are read at the same time.
pub(crate) const READERS: usize = 32;

#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// Orders by status; `rejected` in two kinds.
    pub(crate) orders: BTreeMap<String, usize>,
    pub(crate) available: u64,
    pub(crate) held: u64,
    /// The payment provider's ledger beside the records.
    pub(crate) books: Books,
    /// Requests to the payment provider.
    pub(crate) asked: usize,
    /// What else is wrong.
    pub(crate) faults: Vec<String>,
}

/// All orders as they are shown.
pub(crate) async fn read(client: &Client, accepted: &[String]) -> BTreeMap<String, Value> {
    let orders = stream::iter(accepted).map(async |id| {
        let answer = client.get(&format!("/orders/{id}")).await;
        (id.clone(), serde_json::from_slice(answer.body()).unwrap_or_default())
    });
    orders.buffer_unordered(READERS).collect().await
}

pub(crate) async fn audit(shop: &Shop, crowd: &Crowd) -> anyhow::Result<Audit> {
    let records = read(&shop.client, &crowd.accepted).await;
    let ((available, held), ledger) = (shop.stock().await?, shop.ledger());
    let (books, asked) = (Books::compare(&ledger, &records), ledger.asked.len());
    let mut audit = Audit { available, held, books, asked, ..Audit::default() };
    records.values().for_each(|record| audit.count(record));
    audit.pieces(shop.pieces);
    if crowd.unanswered > 0 {
        audit.faults.push(format!("{} orders got no answer", crowd.unanswered));
    }
    Ok(audit)
}

impl Audit {
    fn count(&mut self, record: &Value) {
        let is_declined = record["reason"].as_str().is_some_and(|reason| reason.contains("declined"));
        let kind = if is_declined { "declined" } else { record["status"].as_str().unwrap_or("unknown") };
        *self.orders.entry(kind.to_owned()).or_default() += 1;
    }

    fn pieces(&mut self, pieces: u64) {
        let sold = self.orders.get("confirmed").copied().unwrap_or(0) as u64;
        let (available, held) = (self.available, self.held);
        if sold != held || available.checked_add(held) != Some(pieces) {
            self.faults.push(format!("of {pieces} pieces {sold} are sold, {held} held and {available} available"));
        }
    }

    /// Whether all is as promised.
    pub(crate) fn verdict(&self) -> anyhow::Result<()> {
        let faults: Vec<&String> = self.books.faults.iter().chain(&self.faults).collect();
        if faults.is_empty() {
            println!("ledger and records agree: nothing oversold, nobody charged twice, every order decided");
            return Ok(());
        }
        const SHOWN: usize = 20;
        for fault in faults.iter().take(SHOWN) {
            println!("BROKEN: {fault}");
        }
        bail!("{} promises were broken", faults.len())
    }
}
