//! An order on which a component traps, whoever handles it.
//!
//! No component has such a fault, and none may have a hook for tests. So for a while a host of our own is the only one:
//! it runs the same components, and stops the processor each time that this writes the record of the poison. To the
//! queue that is a trap like any other: the instance is gone, and with it the whole batch that it had.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use host::calls::{Call, Calls, Operation, Ruling, decide};
use host::{RedisOverride, RunningApplication, StartOptions};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::cluster::{Cluster, HOSTS};
use super::model::{Attempt, Posted, Regret};
use super::shop::{an_order, post};
use crate::harness::{Client, app};

/// The host's name in histories.
const HOST: &str = "the poisoned host";
/// What a poisonous reference begins with.
const MARK: &str = "poison-";

/// How long that may take: each of its crashes takes a lease, and Redis is away for much of the time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Replaces both hosts until the poison is in the dead letters.
pub(crate) async fn pour(cluster: &Cluster) {
    let mut processes = [cluster.hosts[0].lock().await, cluster.hosts[1].lock().await];
    cluster.note("a component traps on a certain order, in the only host left");
    let poisoned = start(cluster).await;
    let client = Client::new(poisoned.address().expect("it listens"));
    cluster.doors.open(HOST, client.clone());
    for (host, process) in processes.iter_mut().enumerate() {
        cluster.kill_host(host, process).await;
    }
    let reference = format!("{MARK}{}", cluster.poisoned.lock().expect("no panic").len());
    let posted = send(cluster, &client, &reference).await;
    let id = posted.id().expect("it was sent until it was taken").to_owned();
    cluster.poisoned.lock().expect("no panic").push(posted);
    let given_up = async {
        while !is_given_up(&client, &id).await {
            // Wakes are lost meanwhile, and the host that is the only one has no probe of its own.
            probe(&client).await;
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, given_up).await.unwrap_or_else(|_| panic!("the poison {id} was not given up"));
    cluster.doors.close(HOST);
    poisoned.kill();
    poisoned.closed().await;
    for (host, process) in processes.iter_mut().enumerate() {
        cluster.start_host(host, process).await;
    }
    cluster.note(&format!("the poison was given up; {} and {} are back", HOSTS[0], HOSTS[1]));
}

async fn probe(client: &Client) {
    let request = http::Request::get("/health").body(bytes::Bytes::new()).expect("a request");
    drop(client.try_send(request).await);
}

async fn start(cluster: &Cluster) -> RunningApplication {
    let start = StartOptions {
        listen: Some((Ipv4Addr::LOCALHOST, 0).into()),
        redis: Some(RedisOverride::new(&cluster.redis_url).expect("an address")),
        variables: cluster.variables().iter().cloned().collect(),
        calls: Some(Arc::new(trap_on_poison())),
        output: Some(Arc::new(|_: &str, _: &str| {})),
        ..StartOptions::default()
    };
    app().start(start).await.expect("it starts")
}

fn trap_on_poison() -> impl Calls {
    let mark = format!(r#""reference":"{MARK}"#);
    decide(move |call: &Call| match &call.operation {
        Operation::KeyValueSet { value, .. } if contains(value, mark.as_bytes()) => Ruling::CrashBefore,
        _ => Ruling::Proceed,
    })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Sends the poison until it is taken.
async fn send(cluster: &Cluster, client: &Client, reference: &str) -> Posted {
    let body = an_order(reference, &mut fastrand::Rng::with_seed(0));
    let (reference, attempts) = (reference.to_owned(), Vec::new());
    let mut posted = Posted { reference, body, is_poison: true, attempts, regret: Regret::None };
    while posted.id().is_none() {
        let sent = Instant::now();
        let read = post(client, &posted.body, Some(&posted.reference)).await;
        let at = sent.duration_since(cluster.begun);
        posted.attempts.push(Attempt { at, took: sent.elapsed(), host: HOST, read });
    }
    posted
}

async fn is_given_up(client: &Client, id: &str) -> bool {
    let request = http::Request::get(format!("/orders/{id}")).body(bytes::Bytes::new()).expect("a request");
    let answer = client.try_send(request).await;
    let order = answer.ok().and_then(|answer| serde_json::from_slice::<Value>(answer.body()).ok());
    order.is_some_and(|order| order["status"] == "needs_attention")
}
