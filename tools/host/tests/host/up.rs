//! `host up`, as a process.

use std::process::Stdio;
use std::time::Instant;

use redis::AsyncCommands;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::harness::{EMPTY, Folder, PATIENCE, connect, eventually, is_alive, within_a_second};
use crate::process::{Process, command, refused, server_of};

#[tokio::test]
async fn a_signal_ends_it_and_its_redis_within_a_second_and_the_data_stays() {
    let folder = Folder::with_manifest(EMPTY);
    let mut runs = 0;
    for signal in [Signal::INT, Signal::TERM] {
        within_a_second(async || {
            let mut up = Process::start(&folder, "up", &[]);
            let redis = up.redis().await;
            up.line("Ctrl-C").await;
            let mut connection = connect(&redis).await.unwrap();
            runs += 1;
            assert_eq!(connection.incr::<_, _, usize>("runs", 1).await, Ok(runs));
            let (server, asked) = (server_of(&redis).await, Instant::now());
            up.signal(signal);
            assert!(up.process.wait().await.unwrap().success());
            assert!(!is_alive(server));
            asked.elapsed()
        })
        .await;
    }
}

#[tokio::test]
async fn killed_outright_it_leaves_no_redis_behind_and_the_next_one_starts() {
    let folder = Folder::with_manifest(EMPTY);
    let mut up = Process::start(&folder, "up", &[]);
    let redis = up.redis().await;
    let server = server_of(&redis).await;
    up.signal(Signal::KILL);
    up.process.wait().await.unwrap();
    Process::start(&folder, "up", &[]).redis().await;
    eventually("the first Redis to be gone", async || (!is_alive(server)).then_some(())).await;
}

#[tokio::test]
async fn a_private_redis_that_ends_is_started_again() {
    let folder = Folder::with_manifest(EMPTY);
    let mut up = Process::start(&folder, "up", &[]);
    let redis = up.redis().await;
    connect(&redis).await.unwrap().set::<_, _, ()>("kept", 1).await.unwrap();
    let server = server_of(&redis).await;
    kill_process(Pid::from_raw(server.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
    let kept = async || connect(&redis).await?.get::<_, i32>("kept").await.ok();
    assert_eq!(eventually("Redis to be back with its data", kept).await, 1);
}

#[tokio::test]
async fn it_says_where_it_is_and_what_to_try() {
    let folder = Folder::with_manifest(EMPTY);
    let mut up = Process::start(&folder, "up", &["--try", "curl http://{address}/books"]);
    let address = up.line("empty runs at http://").await.split("http://").nth(1).unwrap().to_owned();
    up.line("Try:").await;
    up.line(&format!("curl http://{address}/books")).await;
}

#[tokio::test]
async fn two_on_one_folder_are_refused() {
    let folder = Folder::with_manifest(EMPTY);
    let mut first = Process::start(&folder, "up", &[]);
    first.redis().await;
    let error = refused(&folder, "up", |command| command).await;
    assert!(error.contains("is in use by another host"), "{error}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_with_what_to_change() {
    let folder = Folder::with_manifest(EMPTY);
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
    command.current_dir(folder.path()).args(["up", "--listen", &address]).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(&format!("{address} is taken")) && error.contains("LISTEN"), "{error}");
}

#[tokio::test]
async fn a_redis_of_the_users_own_is_used_as_it_is() {
    let folder = Folder::with_manifest(EMPTY);
    let mut own = command(&folder, "up");
    own.env("SPIN_VARIABLE_REDIS_URL", "redis://127.0.0.1:1/0").stdout(Stdio::piped());
    let mut process = own.spawn().unwrap();
    let printed = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut up = Process { process, printed };
    up.line("yours, by SPIN_VARIABLE_REDIS_URL").await;
    assert!(!folder.path().join(".spin/redis").exists());
    let error = refused(&folder, "up", |command| {
        command.env("SPIN_VARIABLE_REDIS_URL", "redis://127.0.0.1:1/0").args(["--redis", "redis://127.0.0.1:2"])
    });
    assert!(error.await.contains("both --redis and SPIN_VARIABLE_REDIS_URL say where Redis is"));
}

#[tokio::test]
async fn a_misspelt_variable_is_named_with_the_one_that_was_meant() {
    let folder = Folder::with_manifest(EMPTY);
    let mut up = command(&folder, "up");
    up.env("SPIN_VARIABLE_REDIS_ULR", "redis://127.0.0.1:1/0").args(["--redis", "redis://127.0.0.1:1"]);
    let mut process = up.stderr(Stdio::piped()).spawn().unwrap();
    let mut printed = BufReader::new(process.stderr.take().unwrap()).lines();
    let line = tokio::time::timeout(PATIENCE, printed.next_line()).await.expect("it warns").unwrap().unwrap();
    let expected = "SPIN_VARIABLE_REDIS_ULR sets no variable of this application and is ignored: did you mean \
                    SPIN_VARIABLE_REDIS_URL?";
    assert!(line.contains(expected), "{line}");
}

#[tokio::test]
async fn without_redis_server_it_says_how_to_get_one() {
    let folder = Folder::with_manifest(EMPTY);
    let only_sh = folder.path().join("bin");
    std::fs::create_dir(&only_sh).unwrap();
    std::os::unix::fs::symlink("/bin/sh", only_sh.join("sh")).unwrap();
    for data in ["of no one yet", "of an earlier run"] {
        let error = refused(&folder, "up", |command| command.env("PATH", &only_sh)).await;
        assert!(error.contains("redis-server is not installed") && error.contains("apt install"), "{data}: {error}");
        let files = folder.path().join(".spin/redis/appendonlydir");
        std::fs::create_dir_all(&files).unwrap();
        std::fs::write(files.join("appendonly.aof.manifest"), "").unwrap();
    }
}

#[tokio::test]
async fn a_probe_tells_what_is_wrong() {
    let folder = Folder::with_manifest(EMPTY);
    let mut process = command(&folder, "up").args(["--probe", "/health"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
    let line = tokio::time::timeout(PATIENCE, log.next_line()).await.expect("a line").unwrap().unwrap();
    assert!(line.contains("GET /health says that the application is not ready: 404"), "{line}");
    process.start_kill().unwrap();
    log.into_inner().read_to_end(&mut Vec::new()).await.unwrap();
}
