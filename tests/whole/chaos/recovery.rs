//! What was missed is made good, without a new order and without a person.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use host::calls::{Call, Calls, Ending, Operation, Ruling};
use host::{ClockSkew, StartOptions, Triggers};
use tempfile::TempDir;
use tokio::sync::watch;

use super::host_process::{HostProcess, HostSettings};
use super::model::Read;
use super::shop::post;
use super::world;
use crate::harness::{Client, Endpoint, Redis, Sluice, an_order, eventually, json, root, start_with, webhooks, within};

/// Some components work. Without the processor nobody hears of an order.
fn only(components: &[&str], variables: &[(&str, &str)]) -> StartOptions {
    let components = components.iter().map(|component| (*component).to_owned()).collect();
    StartOptions { triggers: Triggers::Only(components), ..start_with(variables) }
}

/// A `host up` with a probe, as `make up` starts it.
async fn host_up(redis: &Redis, folder: &TempDir, variables: &[(&str, &str)]) -> HostProcess {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (manifest, log) = (root().join("spin.toml"), folder.path().join("host.log"));
    HostProcess::start(&HostSettings { manifest, redis_url: redis.url(0), variables, clock_skew: 0, log }).await
}

async fn until_confirmed(client: &Client, id: &str) {
    eventually(&format!("order {id} to be confirmed"), async || {
        (json(&client.get(&format!("/orders/{id}")).await)["status"] == "confirmed").then_some(())
    })
    .await;
}

/// Waits until nothing is left in Redis that would wake a worker.
async fn until_no_wake_is_left(redis: &Redis) {
    let raw = redis.raw().await;
    eventually("the bell, the timer and the guard to expire", async || {
        let mut exists = ::redis::cmd("EXISTS");
        exists.arg(&["bell", "timer", "guard"].map(|key| format!("{{orders}}:placed:{key}")));
        let left: usize = exists.query_async(&mut raw.clone()).await.unwrap();
        (left == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_doorbell_is_made_good_by_the_timer() {
    // Far longer than the second host needs to start.
    let lease = [("lease_ms", "3000")];
    let redis = Arc::new(Redis::start().await);
    let door = Sluice::on(redis.clone(), only(&["intake"], &lease)).await;
    let id = door.place(&an_order()).await;
    let placed = Instant::now();
    let workers = Sluice::on(redis, only(&["processor"], &lease)).await;
    door.until(&id, "confirmed").await;
    // One lease, and what a busy machine needs for the rest.
    assert!(placed.elapsed() < Duration::from_secs(10), "{:?}", placed.elapsed());
    drop(workers);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_whose_expiry_nobody_heard_is_made_good_by_its_guard() {
    // The guard expires after two of them: far later than the second host starts.
    let lease = [("lease_ms", "1500")];
    let redis = Arc::new(Redis::start().await);
    let door = Sluice::on(redis.clone(), only(&["intake"], &lease)).await;
    let id = door.place(&an_order()).await;
    redis.tell(&["DEL", "{orders}:placed:timer"]).await;
    let workers = Sluice::on(redis, only(&["processor"], &lease)).await;
    door.until(&id, "confirmed").await;
    drop(workers);
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_doorbells_and_timers_are_made_good_by_the_first_probe_of_a_host_that_finds_a_backlog() {
    const ORDERS: usize = 1000;
    let lease = [("lease_ms", "100")];
    let (redis, folder) = (Arc::new(Redis::start().await), TempDir::new().unwrap());
    let door = Sluice::on(redis.clone(), only(&["intake"], &lease)).await;
    let mut ids = Vec::new();
    for _ in 0..ORDERS {
        ids.push(door.place(&an_order()).await);
    }
    until_no_wake_is_left(&redis).await;
    let host = host_up(&redis, &folder, &lease).await;
    let client = Client::new(host.address());
    for id in &ids {
        until_confirmed(&client, id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_while_the_connection_was_cut_is_made_good_once_it_is_back() {
    let lease = [("lease_ms", "100")];
    let (redis, folder) = (Redis::start().await, TempDir::new().unwrap());
    let host = host_up(&redis, &folder, &lease).await;
    let client = Client::new(host.address());
    // The host serves HTTP all the while, and can't subscribe again until it is allowed to.
    redis.tell(&["ACL", "SETUSER", "default", "-subscribe"]).await;
    redis.tell(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    let Read::Accepted { id, .. } = post(&client, &an_order(), None).await else { panic!("it was refused") };
    until_no_wake_is_left(&redis).await;
    redis.tell(&["ACL", "SETUSER", "default", "+subscribe"]).await;
    let allowed = Instant::now();
    until_confirmed(&client, &id).await;
    // The host's usual probe comes every 10 s.
    assert!(allowed.elapsed() < Duration::from_secs(5), "{:?}", allowed.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_forgot_its_scripts_gets_them_again() {
    let endpoint = Endpoint::start("erp").await;
    let [webhooks, origin] = webhooks(&[&endpoint]);
    let sluice = Sluice::with(&[(webhooks.0, &webhooks.1), (origin.0, &origin.1)]).await;
    for told in 1..=3 {
        sluice.redis.tell(&["SCRIPT", "FLUSH"]).await;
        let id = sluice.place(&an_order()).await;
        sluice.until(&id, "confirmed").await;
        endpoint.received(told).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_finishes_after_its_lease_ran_out_changes_nothing() {
    let redis = Arc::new(Redis::start().await);
    let held = Arc::new(HoldFirstFinish::default());
    let late = StartOptions { calls: Some(held.clone()), ..only(&["intake", "processor"], &[]) };
    let late = Sluice::on(redis.clone(), late).await;
    let id = late.place(&an_order()).await;
    held.reached(Finish::Held).await;
    let successor = Sluice::on(redis.clone(), only(&["intake", "processor"], &[])).await;
    end_lease(&redis, &id).await;
    let record = successor.until(&id, "confirmed").await;
    let before = behind(&redis, &id).await;

    held.finish.send_replace(Finish::Released);
    held.reached(Finish::Answered).await;
    eventually("the late finish to be counted", async || (counter(&redis, "placed:late").await == 1).then_some(()))
        .await;
    assert_eq!(late.get(&id).await, record);
    assert_eq!(behind(&redis, &id).await, before);
    assert_eq!(counter(&redis, "orders:confirmed").await, 1);
}

/// Lets the lease of an order run out now, and wakes who waits for that. (No worker waits for an answer of Redis as
/// long as its lease is, so it can't be late by waiting.)
async fn end_lease(redis: &Redis, id: &str) {
    let id: order::OrderId = id.parse().unwrap();
    let mut lease = ::redis::cmd("ZADD");
    lease.arg("{orders}:placed:due").arg("XX").arg(1).arg(id.as_bytes());
    lease.query_async::<()>(&mut redis.raw().await).await.unwrap();
    redis.tell(&["PUBLISH", "{orders}:placed:bell", "1"]).await;
}

/// The order's head, and the events of the log.
async fn behind(redis: &Redis, id: &str) -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
    let id: order::OrderId = id.parse().unwrap();
    let mut raw = redis.raw().await;
    let head = ::redis::cmd("HGET").arg("{orders}:head").arg(id.as_bytes()).query_async(&mut raw).await.unwrap();
    (head, world::log(&mut raw).await)
}

async fn counter(redis: &Redis, name: &str) -> u64 {
    let counted: Option<u64> =
        ::redis::cmd("HGET").arg("{orders}:totals").arg(name).query_async(&mut redis.raw().await).await.unwrap();
    counted.unwrap_or(0)
}

/// Holds the first finish of a processor, that is its first command to Redis after it wrote a record.
#[derive(Default)]
struct HoldFirstFinish {
    finish: watch::Sender<Finish>,
}

/// How far that finish is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Finish {
    #[default]
    Open,
    /// The record is written.
    Next,
    Held,
    Released,
    Answered,
}

impl HoldFirstFinish {
    async fn reached(&self, wanted: Finish) {
        let mut finish = self.finish.subscribe();
        within(&format!("{wanted:?}"), finish.wait_for(|finish| *finish >= wanted)).await.unwrap();
    }

    /// Goes from one step to the next, and says whether it was there.
    fn step(&self, from: Finish, to: Finish) -> bool {
        self.finish.send_if_modified(|finish| {
            let is_there = *finish == from;
            if is_there {
                *finish = to;
            }
            is_there
        })
    }
}

impl Calls for HoldFirstFinish {
    fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling> {
        Box::pin(async {
            match &call.operation {
                Operation::KeyValueSet { .. } => _ = self.step(Finish::Open, Finish::Next),
                Operation::Redis { .. } if self.step(Finish::Next, Finish::Held) => {
                    self.reached(Finish::Released).await
                }
                _ => {}
            }
            Ruling::Proceed
        })
    }

    fn after(&self, call: &Call, _: &Ending) {
        if matches!(call.operation, Operation::Redis { .. }) {
            self.step(Finish::Released, Finish::Answered);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_whose_clocks_differ_by_days_share_a_queue_as_if_they_did_not() {
    const DAY: i64 = 86_400;
    let lease = [("lease_ms", "300")];
    let redis = Arc::new(Redis::start().await);
    let crash = Arc::new(CrashFirstRecord::default());
    let start = |skew| {
        let clock = ClockSkew::seconds(skew);
        StartOptions { clock, calls: Some(crash.clone()), ..only(&["intake", "processor"], &lease) }
    };
    let hosts = [Sluice::on(redis.clone(), start(DAY)).await, Sluice::on(redis.clone(), start(-DAY)).await];
    for (first, second) in [(0, 1), (1, 0)] {
        let key = format!("first-to-host-{first}");
        let accepted = hosts[first].post(&an_order(), Some(&key)).await;
        let replayed = hosts[second].post(&an_order(), Some(&key)).await;
        assert_eq!((replayed.status(), &json(&replayed)["id"]), (accepted.status(), &json(&accepted)["id"]));
        // A lease is as long as it is, whoever's clock goes wrong.
        let record = hosts[second].until(json(&accepted)["id"].as_str().unwrap(), "confirmed").await;
        let [created, updated] = ["created_at", "updated_at"].map(|field| record[field].as_str().unwrap());
        assert!(updated >= created, "nothing changes before it exists: {record}");
    }
    assert!(crash.0.load(Ordering::SeqCst), "a lease had to run out");
    assert_eq!(counter(&redis, "orders:confirmed").await, 2);
}

/// Stops the first processor that writes a record.
#[derive(Default)]
struct CrashFirstRecord(AtomicBool);

impl Calls for CrashFirstRecord {
    fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling> {
        let is_record = matches!(call.operation, Operation::KeyValueSet { .. });
        let crashes = is_record && !self.0.swap(true, Ordering::SeqCst);
        Box::pin(std::future::ready(if crashes { Ruling::CrashBefore } else { Ruling::Proceed }))
    }
}
