//! The private Redis.

use std::collections::HashMap;

use host::redis_server::{RedisServer, RedisServerError};
use redis::AsyncCommands;
use tempfile::TempDir;

use crate::harness::{connect, eventually, is_alive};

#[tokio::test]
async fn it_keeps_every_write_and_tells_of_keys() {
    let data = TempDir::new().unwrap();
    let server = RedisServer::start(data.path()).await.unwrap();
    let mut connection = connect(&server.url(0)).await.unwrap();
    let asked = ["appendonly", "appendfsync", "save", "notify-keyspace-events", "bind"];
    let settings: HashMap<String, String> =
        redis::cmd("CONFIG").arg("GET").arg(&asked).query_async(&mut connection).await.unwrap();
    let mut flags: Vec<char> = settings["notify-keyspace-events"].chars().collect();
    flags.sort_unstable();
    assert_eq!(flags, ['$', 'E', 'K', 'x']);
    assert_eq!([&settings["appendonly"], &settings["appendfsync"], &settings["save"]], ["yes", "always", ""]);
    assert_eq!(settings["bind"], "127.0.0.1");
}

#[tokio::test]
async fn killed_and_restarted_it_has_its_data_and_its_port() {
    let data = TempDir::new().unwrap();
    let mut server = RedisServer::start(data.path()).await.unwrap();
    let (url, first) = (server.url(3), server.pid());
    connect(&url).await.unwrap().set::<_, _, ()>("kept", 7).await.unwrap();
    server.kill().await.unwrap();
    assert!(!is_alive(first) && connect(&url).await.is_none());
    server.restart().await.unwrap();
    assert_ne!(server.pid(), first);
    assert_eq!(connect(&url).await.unwrap().get::<_, i32>("kept").await, Ok(7));
}

#[tokio::test]
async fn a_transaction_that_a_kill_tore_is_gone_for_good() {
    let data = TempDir::new().unwrap();
    let mut server = RedisServer::start(data.path()).await.unwrap();
    let write = async |url: String, script: &str| {
        let mut connection = connect(&url).await.unwrap();
        redis::cmd("EVAL").arg(script).arg(0).exec_async(&mut connection).await.unwrap();
    };
    let torn = "redis.call('RPUSH', 'log', 'half') redis.call('SET', 'rest', string.rep('x', 5000))";
    write(server.url(0), torn).await;
    server.kill().await.unwrap();
    let mut files = std::fs::read_dir(data.path().join("appendonlydir")).unwrap().map(|file| file.unwrap().path());
    let file = files.find(|file| file.to_string_lossy().ends_with(".incr.aof")).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    file.set_len(file.metadata().unwrap().len() - 4000).unwrap();

    server.restart().await.unwrap();
    write(server.url(0), "redis.call('SET', 'next', 1) redis.call('SET', 'after', 2)").await;
    server.restart().await.unwrap();
    let mut connection = connect(&server.url(0)).await.unwrap();
    assert_eq!(connection.get::<_, i32>("after").await, Ok(2));
    assert_eq!(connection.exists::<_, bool>("log").await, Ok(false), "half of a transaction was carried out");
}

#[tokio::test]
async fn a_second_one_on_the_same_data_is_refused_until_the_first_is_gone() {
    let data = TempDir::new().unwrap();
    let first = RedisServer::start(data.path()).await.unwrap();
    assert!(matches!(RedisServer::start(data.path()).await, Err(RedisServerError::InUse(_))));
    drop(first);
    RedisServer::start(data.path()).await.unwrap();
}

#[tokio::test]
async fn paused_it_answers_nothing_and_resumed_it_goes_on() {
    let data = TempDir::new().unwrap();
    let mut server = RedisServer::start(data.path()).await.unwrap();
    let mut connection = connect(&server.url(0)).await.unwrap();
    server.pause().unwrap();
    let error = connection.set::<_, _, ()>("key", 1).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    server.resume().unwrap();
    eventually("the write to arrive", async || connection.get::<_, Option<i32>>("key").await.ok().flatten()).await;
}

#[tokio::test]
async fn it_ends_with_its_guard_even_while_paused() {
    let data = TempDir::new().unwrap();
    let mut server = RedisServer::start(data.path()).await.unwrap();
    let pid = server.pid();
    server.pause().unwrap();
    drop(server);
    eventually("the server to be gone", async || (!is_alive(pid)).then_some(())).await;
}

#[tokio::test]
async fn its_end_is_noticed() {
    let data = TempDir::new().unwrap();
    let mut server = RedisServer::start(data.path()).await.unwrap();
    let mut connection = connect(&server.url(0)).await.unwrap();
    _ = redis::cmd("SHUTDOWN").query_async::<()>(&mut connection).await;
    assert!(server.ended().await.unwrap().success());
    assert!(server.pause().is_err());
    server.restart().await.unwrap();
}

#[tokio::test]
async fn data_it_cannot_read_is_an_error_that_names_the_log() {
    let data = TempDir::new().unwrap();
    std::fs::write(data.path().join("appendonlydir"), "not a folder").unwrap();
    let error = RedisServer::start(data.path()).await.unwrap_err().to_string();
    assert!(error.contains("ended with") && error.contains("redis.log"), "{error}");
}
