//! After a worker died, and after it seemed so: what comes next isn't held up, and nothing counts that nobody did.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use host::StartOptions;
use host::calls::{Call, Operation, RedisParameter, Ruling, decide};
use queue::native::{KnownScript, scripts};

use crate::harness::{PaymentProvider, Redis, Sluice, an_order, eventually, start_with, unattended};

fn the_claim() -> KnownScript {
    scripts().find(|script| script.name == "claim").expect("there is one")
}

/// A Redis that knows the script already, so that each claim is carried out.
async fn redis() -> Arc<Redis> {
    let redis = Redis::start().await;
    redis.tell(&["SCRIPT", "LOAD", &the_claim().text]).await;
    Arc::new(redis)
}

/// Whether a call is a claim of orders.
fn is_claim(call: &Call) -> bool {
    let Operation::Redis { command, arguments } = &call.operation else { return false };
    let claim = the_claim();
    let of_placed = |argument: &RedisParameter| matches!(argument, RedisParameter::Binary(text) if text == b"placed");
    command == "EVALSHA"
        && arguments
            .first()
            .is_some_and(|sent| matches!(sent, RedisParameter::Binary(sent) if sent == claim.digest.as_bytes()))
        && arguments.get(3).is_some_and(of_placed)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_claims_lose_their_answers_for_many_leases_is_confirmed_without_a_crash() {
    let claims = Arc::new(AtomicUsize::new(0));
    let calls = decide({
        let claims = claims.clone();
        // A worker pauses for a sixth of its lease between two tries: so this is five leases.
        move |call| match is_claim(call) && claims.fetch_add(1, Ordering::SeqCst) < 30 {
            true => Ruling::LoseAnswer,
            false => Ruling::Proceed,
        }
    });
    let variables = [("lease_ms", "300"), ("max_crashes", "2")];
    let start = StartOptions { calls: Some(Arc::new(calls)), ..start_with(&variables) };
    let sluice = Sluice::on(redis().await, start).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    assert!(claims.load(Ordering::SeqCst) > 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_lost_answer_to_a_claim_delays_an_order_by_no_lease() {
    let lost = AtomicBool::new(false);
    let calls =
        decide(
            move |call| {
                if is_claim(call) && !lost.swap(true, Ordering::SeqCst) { Ruling::LoseAnswer } else { Ruling::Proceed }
            },
        );
    // With the default lease of 30 s the harness would give up before the next delivery.
    let start = StartOptions { calls: Some(Arc::new(calls)), ..start_with(&[]) };
    let sluice = Sluice::on(redis().await, start).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
}

/// How long the payment provider takes.
const CHARGE: Duration = Duration::from_millis(500);
/// One claim takes them all.
const ORDERS: usize = 63;

/// A start of a host whose payment provider takes its time, and how often it was asked.
fn with_slow_payments(variables: &[(&str, &str)]) -> (StartOptions, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = asked.clone();
    let slow = decide(move |call| match &call.operation {
        Operation::Http(_) => {
            counting.fetch_add(1, Ordering::SeqCst);
            Ruling::Delay(CHARGE)
        }
        _ => Ruling::Proceed,
    });
    (StartOptions { calls: Some(Arc::new(slow)), ..start_with(variables) }, asked)
}

/// Waits until a provider was asked so often.
async fn asked(so_often: usize, asked: &AtomicUsize) {
    let often = async || (asked.load(Ordering::SeqCst) >= so_often).then_some(());
    eventually(&format!("{so_often} charges to be asked for"), often).await;
}

async fn place_all(door: &Sluice) -> Vec<String> {
    join_all((0..ORDERS).map(async |_| door.place(&an_order()).await)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_asked_for_finishes_what_is_in_work_and_spends_no_crash() {
    let provider = PaymentProvider::start().await;
    let paid = provider.variables();
    let mut variables: Vec<_> = paid.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // A crash would be the end of its order.
    variables.push(("max_crashes", "1"));
    let redis = Arc::new(Redis::start().await);
    let door = Sluice::on(redis.clone(), unattended(&variables)).await;
    let ids = place_all(&door).await;
    let (start, in_work) = with_slow_payments(&variables);
    let sluice = Sluice::on(redis, start).await;
    sluice.attend().await;
    asked(2, &in_work).await;
    sluice.running.stop_within(Duration::from_secs(20)).await;
    for id in &ids {
        assert_eq!(door.get(id).await["status"], "confirmed");
    }
    assert_eq!(provider.ledger().asked.len(), ORDERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_a_new_order_is_confirmed_in_its_usual_time_and_the_old_ones_soon() {
    let provider = PaymentProvider::start().await;
    let paid = provider.variables();
    let mut variables: Vec<_> = paid.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.push(("lease_ms", "5000"));
    let redis = Arc::new(Redis::start().await);
    let door = Sluice::on(redis.clone(), unattended(&variables)).await;
    let old = place_all(&door).await;

    let (start, before) = with_slow_payments(&variables);
    let killed = Sluice::on(redis.clone(), start).await;
    killed.attend().await;
    asked(1, &before).await;
    killed.running.kill();
    killed.running.closed().await;

    let (start, after) = with_slow_payments(&variables);
    let sluice = Sluice::on(redis, start).await;
    sluice.attend().await;
    // The first of them that is charged again: their leases are over.
    asked(1, &after).await;
    let began = Instant::now();
    let new = sluice.place(&an_order()).await;
    sluice.until(&new, "confirmed").await;
    let new_took = began.elapsed();
    join_all(old.iter().map(|id| sluice.until(id, "confirmed"))).await;
    let old_took = began.elapsed();
    println!("after a kill: the new order took {new_took:?}, the {ORDERS} old ones {old_took:?}");
    // The batch that is under way, its own, and what a busy machine needs. One by one it would be 31 s.
    assert!(new_took < CHARGE * 2 + Duration::from_secs(2), "{new_took:?}");
    assert!(old_took < CHARGE * 5 + Duration::from_secs(4), "{old_took:?}");
    assert_eq!(provider.ledger().charges.len(), ORDERS + 1);
}
