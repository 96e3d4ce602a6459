//! The host keeps its connections to partners, and partners close them when they like.

use futures::future::join_all;

use super::payment::charging;
use crate::harness::{Endpoint, Manner, PaymentProvider, Sluice, an_order, webhooks};

/// The most requests that the notifier has under way to one endpoint.
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_go_over_no_more_connections_than_the_endpoint_has_requests_at_once() {
    const ORDERS: usize = 300;
    let endpoint = Endpoint::start("erp").await;
    let variables = webhooks(&[&endpoint]);
    let sluice = Sluice::with(&variables.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    join_all((0..ORDERS).map(|_| async { sluice.place(&an_order()).await })).await;
    endpoint.received(ORDERS).await;
    assert!(endpoint.connections() <= AT_ONCE, "{} connections", endpoint.connections());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_provider_has_closed_costs_no_order_an_attempt() {
    let provider = PaymentProvider::behaving(|_| Manner::AnswerAndClose).await;
    let sluice = charging(&provider).await;
    for orders in 1..=20 {
        let id = sluice.place(&an_order()).await;
        sluice.until(&id, "confirmed").await;
        assert_eq!(provider.ledger().asked.len(), orders);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_closes_a_connection_as_a_request_comes_charges_each_order_once() {
    const ORDERS: usize = 60;
    let manners = [Manner::Take, Manner::TakeAndClose, Manner::AnswerAndClose];
    let provider = PaymentProvider::behaving(move |asked| manners[asked.before % manners.len()]).await;
    let sluice = charging(&provider).await;
    let ids = join_all((0..ORDERS).map(|_| async { sluice.place(&an_order()).await })).await;
    for id in &ids {
        sluice.until(id, "confirmed").await;
    }
    let ledger = provider.ledger();
    assert_eq!((ledger.charges.len(), ledger.taken_again.len()), (ORDERS, 0));
    assert!(ids.iter().all(|id| ledger.charges.contains_key(id)));
    assert!(ledger.asked.len() > ORDERS, "some had to be asked for again");
}
