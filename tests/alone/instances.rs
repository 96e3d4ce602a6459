//! Requests that come together: the instances in which they meet.

use std::collections::BTreeSet;

use futures::future::{BoxFuture, join_all};
use host::Reuse;
use host::calls::{Call, Calls, Ruling};
use tokio::sync::Barrier;

use super::sample::get;
use super::*;

/// Holds each request at its question to Redis until all have come so far.
struct Together {
    double: Double,
    barrier: Barrier,
    instances: Mutex<BTreeSet<u64>>,
}

impl Calls for Together {
    fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling> {
        Box::pin(async {
            if matches!(Effect::of(&call.operation).verb(), Some(Verb::Find { .. })) {
                self.instances.lock().unwrap().insert(call.instance);
                self.barrier.wait().await;
            }
            self.double.before(call).await
        })
    }
}

/// In how many instances so many requests at once are answered.
async fn instances_for(requests: usize, reuse: Reuse) -> usize {
    let together = Together { double: Double::new(), barrier: Barrier::new(requests), instances: Mutex::default() };
    let together = Arc::new(together);
    let calls: Arc<dyn Calls> = together.clone();
    let start = StartOptions { calls: Some(calls), triggers: Triggers::Off, reuse, ..StartOptions::default() };
    let running = app().start(start).await.unwrap();
    let answers = join_all((0..requests).map(|_| running.http("intake", get(1)))).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().status() == 404));
    together.instances.lock().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_once_meet_in_as_many_instances_as_the_machine_has_cores() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let instances = instances_for(64, Reuse::default()).await;
    assert!(instances <= cores, "{instances} instances on {cores} cores");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_instances_are_full_another_one_starts() {
    assert!(instances_for(65, Reuse { concurrent: 2, ..Reuse::default() }).await >= 33);
}
