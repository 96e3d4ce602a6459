//! The payment provider's ledger beside the orders' records, to the cent.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::Ledger;

/// Orders, and their money in minor units by currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub orders: usize,
    /// Without the currencies in which there is nothing.
    pub money: BTreeMap<String, u64>,
}

/// Both sides, and where they differ.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// What the provider took.
    pub took: Sum,
    /// What it gave back.
    pub gave_back: Sum,
    /// What it may still take.
    pub open: Sum,
    /// What orders come to by their records, by status.
    pub records: BTreeMap<String, Sum>,
    /// Where the two differ, and what isn't over yet.
    pub faults: Vec<String>,
}

impl Books {
    /// Compares all that a provider knows with all records. The shop's own charges may not be among the refunds.
    pub fn compare(ledger: &Ledger, records: &BTreeMap<String, Value>) -> Self {
        let mut books = Self::default();
        for (sum, kept) in [(&mut books.took, &ledger.charges), (&mut books.gave_back, &ledger.refunds)] {
            kept.values().for_each(|body| sum.add(body, "amount"));
        }
        for (id, body) in ledger.pending.iter().filter(|(id, _)| !ledger.is_over(id)) {
            books.open.add(body, "amount");
            books.faults.push(format!("the payment of order {id} is still open at the provider"));
        }
        for (id, record) in records {
            books.order(id, record, ledger);
        }
        let known = ledger.charges.keys().chain(ledger.refunds.keys());
        for id in known.filter(|id| !records.contains_key(*id)) {
            books.faults.push(format!("the provider has a payment of order {id}, which nobody sent"));
        }
        books.sums();
        books
    }

    /// What the provider keeps of an order is the order's total if it is sold, or else nothing.
    fn order(&mut self, id: &str, record: &Value, ledger: &Ledger) {
        let status = record["status"].as_str().unwrap_or("unknown");
        self.records.entry(status.to_owned()).or_default().add(record, "total");
        if !matches!(status, "confirmed" | "fulfilled" | "rejected" | "cancelled") {
            self.faults.push(format!("order {id} is {status}"));
        }
        let (charge, refund) = (ledger.charges.get(id), ledger.refunds.get(id));
        let kept = amount(charge) - amount(refund);
        let due = if is_sold(status) { minor_units(record, "total") } else { 0 };
        if kept != due {
            self.faults.push(format!("order {id} is {status}, so {due} are due, and the provider keeps {kept}"));
        }
        for body in [charge, refund].into_iter().flatten().filter(|body| body["currency"] != record["currency"]) {
            self.faults.push(format!("order {id} is in {}, and was paid in {}", record["currency"], body["currency"]));
        }
        let is_noted = |field: &str| record["payment"][field].is_string();
        // The answer to a charge may be lost: then the order is closed without its id.
        let may_lack_charge = !is_sold(status) && !is_noted("charge_id");
        if is_noted("refund_id") != refund.is_some() || is_noted("charge_id") != charge.is_some() && !may_lack_charge {
            let payment = &record["payment"];
            self.faults.push(format!("order {id} has {payment}, and the provider has {charge:?} and {refund:?}"));
        }
    }

    /// Each currency by itself.
    fn sums(&mut self) {
        let mut difference = BTreeMap::<&str, i128>::new();
        let sold = self.records.iter().filter(|(status, _)| is_sold(status)).map(|(_, sum)| (sum, -1));
        for (sum, sign) in [(&self.took, 1), (&self.gave_back, -1)].into_iter().chain(sold) {
            for (currency, money) in &sum.money {
                *difference.entry(currency).or_default() += sign * i128::from(*money);
            }
        }
        let wrong = difference.into_iter().filter(|(_, difference)| *difference != 0);
        let told = wrong.map(|(currency, more)| format!("the provider keeps {more} {currency} more than was sold for"));
        self.faults.extend(told.collect::<Vec<_>>());
    }

    /// Each line of the books: whose it is and what it says, and its sum.
    pub fn lines(&self) -> Vec<(String, Sum)> {
        let provider = [("took", &self.took), ("gave back", &self.gave_back), ("has still open", &self.open)];
        let provider = provider.map(|(what, sum)| (format!("the provider {what}"), sum.clone()));
        let nothing = Sum::default();
        let of = |status: &str| self.records.get(status).unwrap_or(&nothing);
        let usual = ["confirmed", "rejected", "cancelled"];
        let other = self.records.keys().map(String::as_str).filter(|status| !usual.contains(status));
        let records = usual.into_iter().chain(other).map(|status| (format!("records: {status}"), of(status).clone()));
        provider.into_iter().chain(records).collect()
    }
}

fn is_sold(status: &str) -> bool {
    matches!(status, "confirmed" | "fulfilled")
}

fn minor_units(body: &Value, field: &str) -> i128 {
    body[field].as_u64().unwrap_or_default().into()
}

fn amount(body: Option<&Value>) -> i128 {
    body.map_or(0, |body| minor_units(body, "amount"))
}

impl Sum {
    fn add(&mut self, body: &Value, field: &str) {
        self.orders += 1;
        let currency = body["currency"].as_str().unwrap_or("unknown").to_owned();
        *self.money.entry(currency).or_default() += body[field].as_u64().unwrap_or_default();
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} orders", self.orders)?;
        self.money.iter().try_for_each(|(currency, money)| write!(f, ", {money} {currency}"))
    }
}
