//! Two workers on one order, the late one's lease over, in every order of their calls.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use host::StartOptions;
use host::calls::{Call, Calls, Ending, RedisError, Refusal, Ruling};
use queue::native::scripts;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::crash::point::Kind;
use crate::harness::{PaymentProvider, Redis, Sluice, an_order, app, unattended, within};

/// The late worker has claimed the order, and still has to hold, charge, record and settle.
const OF_THE_LATE: usize = 4;
/// The other one has to claim it first.
const OF_THE_OTHER: usize = 5;

/// Many at once: most of the time is waiting for a lease to end.
const AT_ONCE: usize = 8;

/// Lets a worker go on call by call.
struct Turns {
    /// It can't renew its lease.
    is_late: bool,
    is_over: AtomicBool,
    allowed: Semaphore,
    begun: watch::Sender<usize>,
    ended: watch::Sender<usize>,
}

impl Turns {
    fn new(is_late: bool) -> Self {
        let (begun, ended) = (watch::Sender::default(), watch::Sender::default());
        Self { is_late, is_over: AtomicBool::new(false), allowed: Semaphore::new(0), begun, ended }
    }

    /// Whether a call has a turn of its own: those by which an order is decided. A worker also claims while it has the
    /// order in hand, and then gets nothing.
    fn counts(call: &Call, turns: usize) -> bool {
        match Kind::of(call, |_| String::new()).what.as_str() {
            "script claim placed" => turns == 0,
            what => ["script hold placed", "script settle placed", "http POST", "key-value set order/"]
                .iter()
                .any(|begin| what.starts_with(begin)),
        }
    }

    /// Has the worker make its next call, to its end. A worker that has ended makes none.
    async fn next(&self, worker: &JoinHandle<()>) {
        let done = *self.ended.borrow();
        let has_ended = async || {
            while !worker.is_finished() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let (mut begun, mut ended) = (self.begun.subscribe(), self.ended.subscribe());
        let comes = async {
            begun.wait_for(|begun| *begun > done).await.expect("we keep the other end");
            self.allowed.add_permits(1);
            ended.wait_for(|ended| *ended > done).await.expect("we keep the other end");
        };
        tokio::select! {
            () = comes => {}
            () = has_ended() => {}
        }
    }

    /// From now on it goes on by itself.
    fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.allowed.add_permits(1000);
    }
}

impl Calls for Turns {
    fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling> {
        async move {
            if self.is_over.load(Ordering::SeqCst) {
                return Ruling::Proceed;
            }
            if self.is_late && Kind::of(call, |_| String::new()).what == "script renew placed" {
                return Ruling::Refuse(Refusal::Redis(RedisError::Other("it can't be reached".to_owned())));
            }
            let begun = *self.begun.borrow();
            if Self::counts(call, begun) {
                self.begun.send_modify(|begun| *begun += 1);
                self.allowed.acquire().await.expect("it is never closed").forget();
            }
            Ruling::Proceed
        }
        .boxed()
    }

    fn after(&self, call: &Call, _: &Ending) {
        let ended = *self.ended.borrow();
        if Self::counts(call, ended) {
            self.ended.send_modify(|ended| *ended += 1);
        }
    }
}

/// Every order in which the calls of the two can come: `L` for one of the late worker.
fn orders() -> Vec<String> {
    let all = OF_THE_LATE + OF_THE_OTHER;
    let masks = (0_u32..1 << all).filter(|mask| mask.count_ones() as usize == OF_THE_LATE);
    masks.map(|mask| (0..all).map(|at| if mask >> at & 1 == 1 { 'L' } else { 'O' }).collect()).collect()
}

struct Scene {
    redis: Arc<Redis>,
    provider: PaymentProvider,
    variables: Vec<(&'static str, String)>,
}

impl Scene {
    async fn worker(&self, turns: &Arc<Turns>) -> (Arc<Sluice>, JoinHandle<()>) {
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let start = StartOptions { calls: Some(turns.clone()), ..unattended(&variables) };
        let host = Arc::new(Sluice::on(self.redis.clone(), start).await);
        let running = host.clone();
        let wake = async move {
            running.running.redis_message("processor", "").await.expect("it answers").expect("it is well");
        };
        (host, tokio::spawn(wake))
    }

    async fn number(&self, words: &[&str]) -> u64 {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut self.redis.raw().await).await.expect("a number")
    }

    /// Waits until the lease is over and nobody has the order.
    async fn lease_is_over(&self) {
        let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        while self.number(&["ZCOUNT", "{orders}:placed:due", "-inf", &now().to_string()]).await == 0
            && self.number(&["ZCARD", "{orders}:placed:due"]).await > 0
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// What breaks when the calls come in this order.
async fn broken_by(order: &str) -> Option<String> {
    let (redis, provider) = (Arc::new(Redis::start().await), PaymentProvider::start().await);
    for script in scripts() {
        redis.tell(&["SCRIPT", "LOAD", &script.text]).await;
    }
    redis.tell(&["HSET", "{orders}:stock", "TEA-1", "10"]).await;
    let mut variables = vec![("lease_ms", "60".to_owned()), ("max_crashes", "100".to_owned())];
    variables.extend(provider.variables());
    let scene = Scene { redis, provider, variables };
    let door = {
        let variables: Vec<_> = scene.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Sluice::on(scene.redis.clone(), unattended(&variables)).await
    };
    let id = door.place(&an_order()).await;

    let (late, other) = (Arc::new(Turns::new(true)), Arc::new(Turns::new(false)));
    let (_late_host, late_worker) = scene.worker(&late).await;
    late.next(&late_worker).await;
    let mut others = None;
    for turn in order.chars() {
        match turn {
            'L' => late.next(&late_worker).await,
            _ => {
                if others.is_none() {
                    scene.lease_is_over().await;
                    others = Some(scene.worker(&other).await);
                }
                let (_, worker) = others.as_ref().expect("it has begun");
                other.next(worker).await;
            }
        }
    }
    late.end();
    other.end();
    late_worker.await.expect("it ends");
    if let Some((_, worker)) = others {
        worker.await.expect("it ends");
    }
    // What is left for the next wake is done.
    while door.get(&id).await["status"] != "confirmed" {
        scene.lease_is_over().await;
        let free = Arc::new(Turns::new(false));
        free.end();
        let (_host, worker) = scene.worker(&free).await;
        worker.await.expect("it ends");
    }
    let record = door.get(&id).await;

    let mut broken = String::new();
    let mut check = |what: &str, found: u64, expected: u64| {
        if found != expected {
            writeln!(broken, "{order}: {what}: {found}, not {expected}").expect("a text can be written to");
        }
    };
    let ledger = scene.provider.ledger();
    check("charges", ledger.charges.len() as u64 + ledger.taken_again.len() as u64, 1);
    check("versions", record["version"].as_u64().unwrap_or_default(), 1);
    check("events in the log", scene.number(&["XLEN", "{orders}:log"]).await, 1);
    check("units held", scene.number(&["HGET", "{orders}:stock:held", "TEA-1"]).await, 2);
    check("units left", scene.number(&["HGET", "{orders}:stock", "TEA-1"]).await, 8);
    check("confirmed", scene.number(&["HGET", "{orders}:totals", "orders:confirmed"]).await, 1);
    check("messages left", scene.number(&["HLEN", "{orders}:placed:body"]).await, 0);
    (!broken.is_empty()).then_some(broken)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_decided_once_in_whatever_order_two_workers_make_their_calls() {
    // Compiling it holds up this task, and with it all runs.
    app();
    let orders = orders();
    let runs = orders.iter().map(async |order| within(order, broken_by(order)).await);
    let broken: Vec<_> = stream::iter(runs).buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await;
    println!("interleavings: {}, {} held", orders.len(), orders.len() - broken.len());
    assert!(broken.is_empty(), "{}", broken.concat());
}
