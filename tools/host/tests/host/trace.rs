//! `host trace` and the faults on its command line, on a component.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use rustix::process::Signal;

use crate::harness::{EMPTY, Folder, connect, eventually, is_alive, within_a_second};
use crate::process::{Process, refused, server_of};

/// A traced application whose component waits for messages.
struct Traced {
    process: Process,
    redis: redis::aio::MultiplexedConnection,
    server: u32,
}

impl Traced {
    async fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut process = Process::start(folder, "trace", &[&["--variables"], arguments].concat());
        let url = process.redis().await;
        // This line is printed once the application listens.
        process.line("Ctrl-C").await;
        Self { process, redis: connect(&url).await.unwrap(), server: server_of(&url).await }
    }

    async fn publish(&mut self, message: &str) {
        let heard: usize = self.redis.publish("news", message).await.unwrap();
        assert_eq!(heard, 1);
    }
}

#[tokio::test]
async fn each_call_is_a_line_and_all_are_added_up_in_the_end() {
    let folder = Folder::with_reader();
    let mut traced = Traced::start(&folder, &[]).await;
    for instance in 1..=2 {
        traced.publish("hello").await;
        let line = traced.process.line(&format!("reader#{instance} ")).await;
        assert!(line.contains("variable redis_url") && line.contains("bytes"), "{line}");
        assert!(!line.contains("redis://"), "{line}");
    }
    traced.process.signal(Signal::INT);
    traced.process.line("mean ms").await;
    let row = traced.process.line("reader").await;
    assert_eq!(row.split_whitespace().take(3).collect::<Vec<_>>(), ["reader", "variable", "2"], "{row}");
}

#[tokio::test]
async fn a_fault_strikes_the_call_that_it_names_and_no_other() {
    let folder = Folder::with_reader();
    let mut traced = Traced::start(&folder, &["--fault", "reader:variable:2=crash-before"]).await;
    for expected in ["bytes", "the instance was stopped, as ordered", "bytes"] {
        traced.publish("hello").await;
        let line = traced.process.line("variable redis_url").await;
        assert!(line.ends_with(expected), "{line}");
    }
}

#[tokio::test]
async fn a_fault_may_kill_the_host_and_its_redis_goes_with_it() {
    let folder = Folder::with_reader();
    let mut traced = Traced::start(&folder, &["--fault", "*:variable:1=kill-after"]).await;
    traced.publish("hello").await;
    traced.process.line("variable redis_url").await;
    assert_eq!(traced.process.process.wait().await.unwrap().signal(), Some(Signal::KILL.as_raw()));
    eventually("its Redis to be gone", async || (!is_alive(traced.server)).then_some(())).await;
}

#[tokio::test]
async fn a_component_that_never_returns_does_not_keep_it_from_ending() {
    let folder = Folder::with_reader();
    for signal in [Signal::INT, Signal::TERM] {
        within_a_second(async || {
            let mut traced = Traced::start(&folder, &["--grace", "0"]).await;
            traced.publish("").await;
            traced.process.line("variable redis_url").await;
            let asked = Instant::now();
            traced.process.signal(signal);
            assert!(traced.process.process.wait().await.unwrap().success());
            assert!(!is_alive(traced.server));
            asked.elapsed()
        })
        .await;
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_though_work_in_hand_has_time() {
    let folder = Folder::with_reader();
    within_a_second(async || {
        let mut traced = Traced::start(&folder, &["--grace", "3600"]).await;
        traced.publish("").await;
        traced.process.line("variable redis_url").await;
        traced.process.signal(Signal::TERM);
        let ended = tokio::time::timeout(Duration::from_millis(500), traced.process.process.wait()).await;
        assert!(ended.is_err(), "work in hand has an hour");
        let asked = Instant::now();
        traced.process.signal(Signal::TERM);
        assert!(traced.process.process.wait().await.unwrap().success());
        asked.elapsed()
    })
    .await;
}

#[tokio::test]
async fn a_component_that_is_not_there_is_named() {
    let folder = Folder::with_manifest(EMPTY);
    for (how, argument, value) in [
        ("up", "--fault", "door:redis:3=fail"),
        ("trace", "--fault", "door:redis:3=fail"),
        ("trace", "--component", "door"),
    ] {
        let error = refused(&folder, how, |command| command.args([argument, value])).await;
        assert!(error.contains("`door` is not a component"), "{how} {argument}: {error}");
    }
}
