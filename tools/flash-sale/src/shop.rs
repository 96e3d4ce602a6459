//! The shop: Sluice on a Redis of its own, stocked with the article that everybody wants, and its payment provider.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::ensure;
use harness::{Asked, Client, Ledger, Manner, PaymentProvider, Redis, Sluice, start_with};
use http::StatusCode;
use serde_json::{Value, json};

use crate::Sale;

/// The article that everybody wants.
pub(crate) const SKU: &str = "PROMO-1";

/// Opens what operators may do.
pub(crate) const OPERATOR_KEY: &str = "flash-sale-operator-key";

pub(crate) struct Shop {
    pub(crate) client: Client,
    pub(crate) pieces: u64,
    sluice: Sluice,
    provider: PaymentProvider,
}

impl Shop {
    /// Starts all of it.
    pub(crate) async fn open(sale: &Sale, seed: u64) -> anyhow::Result<Self> {
        let provider = PaymentProvider::behaving(moods(sale, seed)).await;
        let payment = provider.variables();
        let mut variables = vec![
            ("operator_key", OPERATOR_KEY),
            // What fails by chance goes well in the end; an order that is given up would need a person.
            ("max_attempts", "20"),
            ("backoff_base_ms", "50"),
            ("backoff_cap_ms", "1000"),
        ];
        variables.extend(payment.iter().map(|(name, value)| (*name, value.as_str())));
        let sluice = Sluice::on(Arc::new(Redis::start().await), start_with(&variables)).await;
        let shop = Self { client: sluice.client.clone(), pieces: sale.pieces, sluice, provider };
        let stock = json!({"available": sale.pieces});
        let answer = shop.sluice.operate("PUT", &format!("/stock/{SKU}"), OPERATOR_KEY, &stock).await;
        ensure!(answer.status() == StatusCode::OK, "the stock can't be set: {answer:?}");
        Ok(shop)
    }

    /// Pieces available, and pieces held.
    pub(crate) async fn stock(&self) -> anyhow::Result<(u64, u64)> {
        let answer = self.sluice.operate("GET", &format!("/stock/{SKU}"), OPERATOR_KEY, &Value::Null).await;
        let stock: Value = serde_json::from_slice(answer.body())?;
        let pieces = |field: &str| stock[field].as_u64().unwrap_or(u64::MAX);
        Ok((pieces("available"), pieces("held")))
    }

    /// What the payment provider knows.
    pub(crate) fn ledger(&self) -> Ledger {
        self.provider.ledger()
    }

    pub(crate) async fn close(self) {
        self.sluice.running.stop().await;
    }
}

/// What the provider does with each request: by chance, with the same seed the same sequence.
fn moods(sale: &Sale, seed: u64) -> impl Fn(&Asked) -> Manner + Send + Sync + 'static {
    let (fails, declines) = (sale.fails, sale.declines);
    let chance = Mutex::new(fastrand::Rng::with_seed(seed));
    move |_| {
        let mut chance = chance.lock().unwrap_or_else(PoisonError::into_inner);
        match chance.u8(0..100) {
            n if n < fails && chance.bool() => Manner::TakeAndFail(StatusCode::BAD_GATEWAY),
            n if n < fails => Manner::Fail(StatusCode::SERVICE_UNAVAILABLE),
            n if n < fails.saturating_add(declines) => Manner::Decline("insufficient funds"),
            _ => Manner::Take,
        }
    }
}
