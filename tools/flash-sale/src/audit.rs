//! The books after the sale: every order, every piece and every charge.

use std::collections::BTreeMap;

use anyhow::bail;
use futures::stream::{self, StreamExt};
use harness::Ledger;
use serde_json::Value;

use crate::crowd::Crowd;
use crate::shop::Shop;

/// Orders that are read at the same time.
const READERS: usize = 32;

#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// Orders by status; `rejected` in two kinds.
    pub(crate) orders: BTreeMap<String, usize>,
    pub(crate) available: u64,
    pub(crate) held: u64,
    pub(crate) charges: usize,
    /// Requests to the payment provider.
    pub(crate) asked: usize,
    /// What is wrong.
    pub(crate) faults: Vec<String>,
}

pub(crate) async fn audit(shop: &Shop, crowd: &Crowd) -> anyhow::Result<Audit> {
    let records: Vec<(String, Value)> = stream::iter(&crowd.accepted)
        .map(async |id| {
            let answer = shop.client.get(&format!("/orders/{id}")).await;
            (id.clone(), serde_json::from_slice(answer.body()).unwrap_or_default())
        })
        .buffer_unordered(READERS)
        .collect()
        .await;
    let ((available, held), ledger) = (shop.stock().await?, shop.ledger());
    let (charges, asked) = (ledger.charges.len(), ledger.asked.len());
    let mut audit = Audit { available, held, charges, asked, ..Audit::default() };
    for (id, record) in &records {
        audit.order(id, record, &ledger);
    }
    audit.strangers(&records, &ledger);
    audit.pieces(shop.pieces);
    if crowd.unanswered > 0 {
        audit.faults.push(format!("{} orders got no answer", crowd.unanswered));
    }
    Ok(audit)
}

impl Audit {
    /// It ended, and was charged exactly if it was confirmed.
    fn order(&mut self, id: &str, record: &Value, ledger: &Ledger) {
        let status = record["status"].as_str().unwrap_or("unknown");
        let is_declined = record["reason"].as_str().is_some_and(|reason| reason.contains("declined"));
        let kind = if is_declined { "declined" } else { status };
        *self.orders.entry(kind.to_owned()).or_default() += 1;
        if !matches!(status, "confirmed" | "rejected") {
            self.faults.push(format!("order {id} is {status}"));
        }
        let is_charged = ledger.charges.contains_key(id);
        if is_charged != (status == "confirmed") {
            self.faults.push(format!("order {id} is {status}, and charged: {is_charged}"));
        }
    }

    fn strangers(&mut self, records: &[(String, Value)], ledger: &Ledger) {
        let known: BTreeMap<&str, &Value> = records.iter().map(|(id, record)| (id.as_str(), record)).collect();
        let strange = ledger.charges.keys().filter(|key| !known.contains_key(key.as_str()));
        self.faults.extend(strange.map(|key| format!("there is a charge of {key}, which nobody ordered")));
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
        if self.faults.is_empty() {
            println!("nothing oversold, nobody charged twice, every order decided");
            return Ok(());
        }
        const SHOWN: usize = 20;
        for fault in self.faults.iter().take(SHOWN) {
            println!("BROKEN: {fault}");
        }
        bail!("{} promises were broken", self.faults.len())
    }
}
