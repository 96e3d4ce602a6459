//! A payment provider with two faults at once: each of them alone, and each with each, in all that is asked of it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};

use super::payment::{KEY, borrowed, variables};
use crate::harness::{
    Asked, Client, Ledger, Manner, PaymentProvider, Redis, SECRET, Sluice, an_order, eventually, json as body_of,
    signed_word, start_with,
};

/// What a provider does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It did what it was asked for, and its answer is lost.
    LosesAnswer,
    /// It does it in time, and answers when nobody listens any more.
    AnswersLate,
    /// It does it when nobody waits for it any more.
    DoesItLate,
    /// It sends its answer twice.
    AnswersTwice,
    /// It sends word of the payment before it answers.
    TellsFirst,
    /// It isn't there.
    IsAway,
}

const FAULTS: [Fault; 6] =
    [Fault::LosesAnswer, Fault::AnswersLate, Fault::DoesItLate, Fault::AnswersTwice, Fault::TellsFirst, Fault::IsAway];

/// The provider's faults at the first request with a key, and at the second. A word before the answer comes with both.
type Pair = [Option<Fault>; 2];

fn pairs() -> Vec<Pair> {
    let alone = FAULTS.map(|fault| [Some(fault), None]);
    let both = FAULTS.iter().flat_map(|first| FAULTS.map(|second| [Some(*first), Some(second)]));
    alone.into_iter().chain(both).collect()
}

/// How long the provider may take, in ms, and after how long it does what it does late.
const TIMEOUT: u64 = 100;
const LATE: Duration = Duration::from_millis(250);

/// The orders of one story, and what the provider does with each.
struct FaultyShop {
    provider: PaymentProvider,
    sluice: Sluice,
    /// By the order's reference.
    ids: Vec<(Pair, String)>,
}

/// What the provider remembers to do wrong.
struct Plan {
    pairs: Mutex<HashMap<String, Pair>>,
    requests: Mutex<HashMap<String, usize>>,
    door: OnceLock<SocketAddr>,
    /// What it does where it does nothing wrong.
    otherwise: fn(&Asked) -> Manner,
}

impl Plan {
    fn manner(self: &Arc<Self>, asked: &Asked) -> Manner {
        let Some(order) = asked.body["order_id"].as_str() else { return (self.otherwise)(asked) };
        let pair = match asked.body["reference"].as_str() {
            Some(reference) => {
                *self.pairs.lock().unwrap().entry(order.to_owned()).or_insert_with(|| pair_of(reference))
            }
            None => self.pairs.lock().unwrap().get(order).copied().unwrap_or_default(),
        };
        let n = {
            let mut requests = self.requests.lock().unwrap();
            let n = requests.entry(asked.key.clone()).or_default();
            *n += 1;
            *n - 1
        };
        if pair.contains(&Some(Fault::TellsFirst)) {
            let (client, order) = (Client::new(*self.door.get().unwrap()), order.to_owned());
            tokio::spawn(async move { client.try_send(signed_word(&order)).await });
        }
        match pair.get(n).copied().flatten() {
            Some(Fault::LosesAnswer) => Manner::TakeAndFail(StatusCode::BAD_GATEWAY),
            Some(Fault::AnswersLate) => Manner::TakeAndHang,
            Some(Fault::DoesItLate) => Manner::TakeWhenGone(LATE),
            Some(Fault::AnswersTwice) => Manner::AnswerTwice,
            Some(Fault::IsAway) => Manner::Fail(StatusCode::SERVICE_UNAVAILABLE),
            Some(Fault::TellsFirst) | None => (self.otherwise)(asked),
        }
    }
}

/// An order's reference says which faults its payment meets.
fn pair_of(reference: &str) -> Pair {
    pairs()[reference.parse::<usize>().expect("the reference is a number")]
}

impl FaultyShop {
    /// Places an order for each pair of faults.
    async fn open(otherwise: fn(&Asked) -> Manner, more: &[(&'static str, &str)]) -> Self {
        let plan =
            Arc::new(Plan { pairs: Mutex::default(), requests: Mutex::default(), door: OnceLock::new(), otherwise });
        let planned = plan.clone();
        let provider = PaymentProvider::behaving(move |asked| planned.manner(asked)).await;
        let mut variables = variables(&provider, &[]);
        variables.retain(|(name, _)| !["payment_timeout_ms", "lease_ms"].contains(name));
        variables.extend([
            ("payment_timeout_ms", TIMEOUT.to_string()),
            ("payment_late_s", "1".to_owned()),
            ("lease_ms", "1000".to_owned()),
            ("payment_event_secret", SECRET.to_owned()),
        ]);
        variables.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let sluice = Sluice::on(Redis::start().await.into(), start_with(&borrowed(&variables))).await;
        plan.door.set(sluice.running.address().expect("it listens")).unwrap();
        let mut ids = Vec::new();
        for (n, pair) in pairs().into_iter().enumerate() {
            let mut order = an_order();
            order["reference"] = n.to_string().into();
            ids.push((pair, sluice.place(&order).await));
        }
        Self { provider, sluice, ids }
    }

    async fn until_all(&self, status: &str) {
        join_all(self.ids.iter().map(async |(_, id)| self.sluice.until(id, status).await)).await;
    }

    async fn ask_all(&self, change: &str) {
        for (_, id) in &self.ids {
            let path = format!("/orders/{id}/{change}");
            let answer = self.sluice.operate_json("POST", &path, KEY, &json!({})).await;
            assert_eq!(answer.status(), StatusCode::ACCEPTED, "{answer:?}");
        }
    }

    /// Compares what the provider did for each order, once it does nothing late any more, and that nobody must look.
    async fn check(&self, is_right: fn(&Ledger, &str) -> bool) {
        tokio::time::sleep(LATE).await;
        let ledger = self.provider.ledger();
        for (pair, id) in &self.ids {
            let mut asked = ledger.asked.clone();
            asked.retain(|asked| asked.key.starts_with(id.as_str()));
            let asked: Vec<_> = asked.into_iter().map(|asked| asked.path).collect();
            assert!(is_right(&ledger, id), "{pair:?}: order {id}, asked: {asked:?}");
        }
        let letters = self.sluice.operate("GET", "/dead-letters/placed", KEY, &Value::Null).await;
        assert_eq!(body_of(&letters)["letters"], json!([]));
    }
}

const TAKES: fn(&Asked) -> Manner = |_| Manner::Take;

fn is_charged(ledger: &Ledger, id: &str) -> bool {
    ledger.charges.contains_key(id)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_any_two_faults_of_the_provider_an_order_is_charged_once_and_refunded_once() {
    let shop = FaultyShop::open(TAKES, &[]).await;
    shop.until_all("confirmed").await;
    shop.check(|ledger, id| is_charged(ledger, id) && !ledger.refunds.contains_key(id)).await;
    shop.ask_all("cancel").await;
    shop.until_all("cancelled").await;
    shop.check(|ledger, id| is_charged(ledger, id) && ledger.refunds.contains_key(id)).await;
    assert_eq!(shop.provider.ledger().charges.len(), pairs().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_any_two_faults_of_the_provider_an_order_that_is_cancelled_during_its_charge_keeps_no_money() {
    let shop = FaultyShop::open(TAKES, &[]).await;
    shop.provider.asked(1).await;
    shop.ask_all("cancel").await;
    shop.until_all("cancelled").await;
    shop.check(|ledger, id| is_charged(ledger, id) == ledger.refunds.contains_key(id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_any_two_faults_of_the_provider_a_pending_payment_is_confirmed_or_closed_and_never_both() {
    let customers: fn(&Asked) -> Manner = |asked| match asked.path.as_str() {
        "/charges" => Manner::Pend,
        _ => Manner::Take,
    };
    let shop = FaultyShop::open(customers, &[]).await;
    // Where the charge met a fault, its money was taken at once, or after the customer came.
    shop.until_all("confirmed").await;
    shop.check(|ledger, id| is_charged(ledger, id) && !ledger.refunds.contains_key(id)).await;

    let never: fn(&Asked) -> Manner = |asked| if asked.path == "/refunds" { Manner::Take } else { Manner::Pend };
    let shop = FaultyShop::open(never, &[]).await;
    let begun = async || {
        let states = join_all(shop.ids.iter().map(async |(_, id)| shop.sluice.get(id).await)).await;
        states.iter().all(|order| order["status"] != "queued").then_some(())
    };
    eventually("each charge to be begun", begun).await;
    shop.ask_all("cancel").await;
    shop.until_all("cancelled").await;
    shop.check(|ledger, id| is_charged(ledger, id) == ledger.refunds.contains_key(id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_any_two_faults_of_the_provider_what_is_authorized_is_captured_once_or_voided() {
    let on_fulfil = [("payment_capture", "on_fulfil")];
    let shop = FaultyShop::open(TAKES, &on_fulfil).await;
    shop.until_all("confirmed").await;
    shop.check(|ledger, id| ledger.authorized.contains_key(id) && !ledger.captures.contains_key(id)).await;
    shop.ask_all("fulfil").await;
    shop.until_all("fulfilled").await;
    shop.check(|ledger, id| ledger.captures.contains_key(id) && !ledger.voided.contains(id)).await;

    let shop = FaultyShop::open(TAKES, &on_fulfil).await;
    shop.until_all("confirmed").await;
    shop.ask_all("cancel").await;
    shop.until_all("cancelled").await;
    shop.check(|ledger, id| ledger.voided.contains(id) && !ledger.captures.contains_key(id)).await;
    assert!(shop.provider.ledger().refunds.is_empty());
}
