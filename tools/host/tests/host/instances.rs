//! The instances that answer requests: what one of them does to the others.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::BoxFuture;
use host::calls::{Answer, Call, Calls, Ruling};
use host::{CompiledApplication, LoadOptions, Reuse, RunningApplication, StartOptions};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::harness::{EMPTY, Folder, PATIENCE};

const DOOR: &str = r#"
what = { default = "answer" }
[component.door]
source = "http_guest.wasm"
variables = { what = "{{ what }}" }
"#;

/// What it does with a request.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Answer,
    /// It answers once the test lets it.
    AnswerLater,
    /// It computes forever.
    Spin,
    Trap,
}

/// Tells each request what to do, and the test in which instance it came.
struct Director {
    deeds: Mutex<VecDeque<Deed>>,
    begun: mpsc::UnboundedSender<u64>,
    later: Semaphore,
}

impl Calls for Director {
    fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling> {
        Box::pin(async {
            let deed = self.deeds.lock().unwrap().pop_front().unwrap_or(Deed::Answer);
            self.begun.send(call.instance).unwrap();
            if let Deed::AnswerLater = deed {
                self.later.acquire().await.unwrap().forget();
            }
            let word = match deed {
                Deed::Answer | Deed::AnswerLater => "answer",
                Deed::Spin => "spin",
                Deed::Trap => "trap",
            };
            Ruling::Answer(Answer::Variable(word.to_owned()))
        })
    }
}

struct Door {
    running: Arc<RunningApplication>,
    director: Arc<Director>,
    begun: mpsc::UnboundedReceiver<u64>,
    _folder: Folder,
}

impl Door {
    async fn open(reuse: Reuse) -> Self {
        let folder = Folder::with_manifest(&format!("{EMPTY}{DOOR}"));
        let guest = wat::parse_str(include_str!("http_guest.wat")).unwrap();
        std::fs::write(folder.path().join("http_guest.wasm"), guest).unwrap();
        let compiled = CompiledApplication::load(&folder.manifest(), LoadOptions::default()).unwrap();
        let (sender, begun) = mpsc::unbounded_channel();
        let director = Director { deeds: Mutex::default(), begun: sender, later: Semaphore::new(0) };
        let director = Arc::new(director);
        let calls: Arc<dyn Calls> = director.clone();
        let start = StartOptions { calls: Some(calls), reuse, ..StartOptions::default() };
        let running = Arc::new(compiled.start(start).await.unwrap());
        Self { running, director, begun, _folder: folder }
    }

    /// Sends a request, and waits until the component knows what to do. Gives its instance, and its outcome.
    async fn send(&mut self, deed: Deed) -> (u64, JoinHandle<String>) {
        self.director.deeds.lock().unwrap().push_back(deed);
        let running = self.running.clone();
        let request = http::Request::get("/").body(Bytes::new()).unwrap();
        let outcome = tokio::spawn(async move { running.http("door", request).await.unwrap_err().to_string() });
        let instance = tokio::time::timeout(PATIENCE, self.begun.recv()).await;
        (instance.unwrap_or_else(|_| panic!("{deed:?} waited in vain")).unwrap(), outcome)
    }
}

async fn end(outcome: JoinHandle<String>) -> String {
    tokio::time::timeout(PATIENCE, outcome).await.expect("an end").unwrap()
}

fn assert_answered(outcome: &str) {
    assert!(outcome.contains("LoopDetected"), "{outcome}");
}

fn assert_failed(outcome: &str) {
    assert!(outcome.contains("trapped"), "{outcome}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_compute_without_end_hold_up_no_other() {
    let mut door = Door::open(Reuse::default()).await;
    // More than there can be cores for.
    let mut endless = Vec::new();
    for _ in 0..std::thread::available_parallelism().unwrap().get() + 2 {
        endless.push(door.send(Deed::Spin).await);
    }
    for _ in 0..5 {
        let (_, answered) = door.send(Deed::Answer).await;
        assert_answered(&end(answered).await);
    }
    assert!(endless.iter().all(|(_, outcome)| !outcome.is_finished()));
    door.running.kill();
    door.running.closed().await;
    for (_, outcome) in endless {
        assert_failed(&end(outcome).await);
    }
}

#[test]
fn a_runtime_can_end_while_a_request_waits() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let door = runtime.block_on(async {
        let mut door = Door::open(Reuse::default()).await;
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            door.send(Deed::Spin).await;
        }
        let running = door.running.clone();
        let request = http::Request::get("/").body(Bytes::new()).unwrap();
        tokio::spawn(async move { running.http("door", request).await });
        // Let it come as far as the queue.
        tokio::task::yield_now().await;
        door
    });
    drop(runtime);
    drop(door);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_fails_takes_none_of_the_others_requests_along() {
    let mut door = Door::open(Reuse { concurrent: 1, ..Reuse::default() }).await;
    let (first, waiting) = door.send(Deed::AnswerLater).await;
    for _ in 0..3 {
        let (other, failed) = door.send(Deed::Trap).await;
        assert_ne!(first, other);
        assert_failed(&end(failed).await);
    }
    door.director.later.add_permits(1);
    assert_answered(&end(waiting).await);
    let (_, answered) = door.send(Deed::Answer).await;
    assert_answered(&end(answered).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_lives_on_until_it_had_as_many_requests_as_it_may() {
    let mut door = Door::open(Reuse { requests: 3, ..Reuse::default() }).await;
    let mut instances = Vec::new();
    for _ in 0..7 {
        let (instance, answered) = door.send(Deed::Answer).await;
        assert_answered(&end(answered).await);
        instances.push(instance);
    }
    assert_eq!(instances, [1, 1, 1, 2, 2, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_application_answers_no_request_that_waits_or_comes() {
    let mut door = Door::open(Reuse { concurrent: 1, ..Reuse::default() }).await;
    let (_, waiting) = door.send(Deed::AnswerLater).await;
    door.running.kill();
    assert_failed(&end(waiting).await);
    let request = http::Request::get("/").body(Bytes::new()).unwrap();
    let error = tokio::time::timeout(PATIENCE, door.running.http("door", request)).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the application has been stopped");
    door.running.closed().await;
}
