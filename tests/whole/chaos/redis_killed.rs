//! Redis dies in the middle of a rush.

use std::time::Duration;

use futures::future::join_all;
use host::redis_server::RedisServer;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::sleep;

use super::host_process::{HostProcess, HostSettings};
use super::model::Read;
use super::shop::post;
use crate::harness::{Client, an_order, root, within};

const POSTS: usize = 10_000;
const CONNECTIONS: usize = 32;
/// So many 202s are read before Redis is killed.
const BEFORE: usize = 3_000;
/// How long Redis stays away.
const AWAY: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_orders_are_sent_while_redis_is_killed_and_every_one_that_was_accepted_is_found_again() {
    let folder = TempDir::new().unwrap();
    let mut redis = RedisServer::start(&folder.path().join("redis")).await.unwrap();
    let settings = HostSettings {
        manifest: root().join("spin.toml"),
        redis_url: redis.url(0),
        variables: vec![("lease_ms".to_owned(), "1000".to_owned())],
        clock_skew: 0,
        log: folder.path().join("host.log"),
    };
    let host = HostProcess::start(&settings).await;

    let (count, mut read) = watch::channel(0);
    let killing = async {
        read.wait_for(|read| *read >= BEFORE).await.expect("the posts go on");
        redis.kill().await.unwrap();
        sleep(AWAY).await;
        redis.restart().await.unwrap();
    };
    let (answers, ()) = tokio::join!(rush(&host, &count), killing);
    let mut accepted: Vec<String> = answers.into_iter().flatten().collect();
    let refused = POSTS - accepted.len();
    eprintln!("{} of {POSTS} orders were accepted, {refused} were not", accepted.len());
    assert!(refused > 0, "Redis was killed when all was over");
    assert!(accepted.len() > BEFORE, "nothing was accepted after Redis was back");
    found(&host, &accepted).await;
    accepted.sort();
    accepted.dedup();
    assert_eq!(accepted.len(), POSTS - refused, "an id was given twice");
}

/// Sends all orders, each once, and gives the ids of those for which a 202 was read.
async fn rush(host: &HostProcess, count: &watch::Sender<usize>) -> Vec<Vec<String>> {
    let shops = (0..CONNECTIONS).map(async |shop| {
        let client = Client::new(host.address());
        let share = POSTS / CONNECTIONS + usize::from(shop < POSTS % CONNECTIONS);
        let mut ids = Vec::new();
        for _ in 0..share {
            if let Read::Accepted { id, .. } = post(&client, &an_order(), None).await {
                ids.push(id);
                count.send_modify(|count| *count += 1);
            }
        }
        ids
    });
    join_all(shops).await
}

/// Waits until each of them is confirmed.
async fn found(host: &HostProcess, ids: &[String]) {
    let readers = ids.chunks(ids.len().div_ceil(CONNECTIONS)).map(async |ids| {
        let client = Client::new(host.address());
        for id in ids {
            while status(&client, id).await != "confirmed" {
                sleep(Duration::from_millis(5)).await;
            }
        }
    });
    within("every order to be confirmed", join_all(readers)).await;
}

/// What is said of an order, which must be there.
async fn status(client: &Client, id: &str) -> String {
    let answer = client.get(&format!("/orders/{id}")).await;
    assert_eq!(answer.status(), 200, "promise 1 (a 202 is kept) broken for {id}: {answer:?}");
    let order: Value = serde_json::from_slice(answer.body()).unwrap();
    order["status"].as_str().unwrap().to_owned()
}
