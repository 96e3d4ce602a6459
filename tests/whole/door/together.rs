//! Orders that come at the same time, on a real Redis: they share calls, and each has the verdict that it would have
//! alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ::http::{Request, Response};
use ::redis::AsyncCommands;
use bytes::Bytes;
use futures::future::{BoxFuture, join_all};
use host::StartOptions;
use host::calls::{Call, Calls, Operation, RedisParameter, Ruling};
use queue::native::scripts;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{body_of, least, problem, with};
use crate::harness::{Redis, Sluice, begun, unattended};

/// Holds each call that accepts orders until the test lets them go on. Then the answer of the first that accepts
/// several is lost, and its connection is dead.
#[derive(Default)]
struct Losing {
    holds: AtomicBool,
    gate: Option<Semaphore>,
    has_lost: AtomicBool,
    /// How many orders each call has, in the order in which the calls go on.
    orders: Mutex<Vec<usize>>,
}

/// How many orders a call accepts. `None` if it does something else.
fn orders(call: &Call) -> Option<usize> {
    let Operation::Redis { arguments, .. } = &call.operation else { return None };
    let [RedisParameter::Binary(sent), _keys, _namespace, arguments @ .., _clock] = &arguments[..] else { return None };
    let accept = scripts().find(|script| script.name == "accept").unwrap();
    let [once, each] = accept.takes else { panic!("it takes some arguments once, and some for each order") };
    let is_accept = *sent == accept.digest.as_bytes() || *sent == accept.text.as_bytes();
    is_accept.then(|| (arguments.len() - once.len()) / each.len())
}

impl Calls for Losing {
    fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling> {
        Box::pin(async move {
            let (Some(orders), true) = (orders(call), self.holds.load(Ordering::SeqCst)) else {
                return Ruling::Proceed;
            };
            self.gate.as_ref().unwrap().acquire().await.unwrap().forget();
            self.orders.lock().unwrap().push(orders);
            let loses = orders > 1 && !self.has_lost.swap(true, Ordering::SeqCst);
            if loses { Ruling::LoseAnswer } else { Ruling::Proceed }
        })
    }
}

fn order(body: &Value, key: &str) -> Request<Bytes> {
    let request = Request::post("/orders").header("content-type", "application/json").header("idempotency-key", key);
    request.body(Bytes::from(body.to_string())).unwrap()
}

#[tokio::test]
async fn each_of_many_has_its_verdict_though_the_connection_dies_after_redis_took_them() {
    let losing = Arc::new(Losing { gate: Some(Semaphore::new(0)), ..Losing::default() });
    let variables = [("max_queue_depth", "4")];
    let start = StartOptions { calls: Some(losing.clone()), ..unattended(&variables) };
    let sluice = Sluice::on(Arc::new(Redis::start().await), start).await;
    let send = async |request| -> Response<Bytes> { sluice.running.http("intake", request).await.unwrap() };
    let known = send(order(&least(), "known")).await;
    let id = body_of(&known)["id"].clone();

    losing.holds.store(true, Ordering::SeqCst);
    let mut sent = vec![];
    for (body, key) in [
        (least(), "first"),
        (with("/note", "another"), "known"),
        (least(), "known"),
        (least(), "new"),
        (least(), "twice"),
        (least(), "twice"),
        (least(), "one-too-many"),
        (least(), "new"),
        (with("/note", "another"), "new"),
    ] {
        sent.push(begun(send(order(&body, key))).await);
    }
    losing.gate.as_ref().unwrap().add_permits(100);
    let answers = join_all(sent).await;

    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses, [202, 422, 202, 202, 202, 202, 503, 202, 422], "{answers:?}");
    assert_eq!(*losing.orders.lock().unwrap(), [1, 1, 7, 7], "all but the first two share a call, which is made again");
    let told = |n: usize| body_of(&answers[n])["id"].clone();
    assert_eq!((told(2), told(5), told(7)), (id, told(4), told(3)), "a replay is the order that has the key");
    assert_eq!(problem(&answers[1])["type"], "urn:sluice:problem:idempotency-key-reused");
    assert_eq!(problem(&answers[6])["type"], "urn:sluice:problem:queue-full");
    let kept: usize = sluice.redis.raw().await.hlen("{orders}:placed:body").await.unwrap();
    assert_eq!(kept, 4, "nothing is doubled, and nothing is lost");
}
