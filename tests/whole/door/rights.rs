//! What `GET /health` and the start say of a user of Redis who lacks rights.

use host::{RedisOverride, RunningApplication, StartOptions, Triggers};

use super::*;
use crate::harness::{Redis, app, root, start_with};

/// Health alone, as a user of Redis whose rights are those of `docs/operating.md`, but for these.
async fn start(redis: &Redis, rules: &[&str]) -> RunningApplication {
    run(&format!("{} >/dev/null", the_page(redis)));
    redis.tell(&[&["ACL", "SETUSER", "sluice"], rules].concat()).await;
    let user = redis.url(0).replace("redis://", "redis://sluice:password@");
    let start = StartOptions {
        redis: Some(RedisOverride::new(&user).unwrap()),
        triggers: Triggers::Only(["health"].map(str::to_owned).into()),
        ..start_with(&[])
    };
    app().start(start).await.unwrap()
}

/// The command on the page that gives the least rights, for this Redis.
fn the_page(redis: &Redis) -> String {
    let page = std::fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let (_, command) = page.split_once("\nredis-cli acl setuser").unwrap();
    let (command, _) = command.split_once("\n```").unwrap();
    format!("redis-cli -u {} acl setuser{command}", redis.url(0))
}

fn run(command: &str) {
    let ended = std::process::Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(ended.success(), "{command}");
}

/// The status of the answer, and what is said of the rights.
async fn ask(running: &RunningApplication) -> (u16, Value) {
    let answer = running.route(Request::get("/health").body(Bytes::new()).unwrap()).await;
    let health = body_of(&answer);
    let check = health["checks"].as_array().unwrap().iter().find(|check| check["name"] == "rights");
    (answer.status().as_u16(), check.unwrap_or_else(|| panic!("{health}")).clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_names_all_rights_that_are_missing_and_the_command_that_it_names_gives_them() {
    let redis = Redis::start().await;
    for (rules, named) in [
        (&["-hset", "resetchannels"][..], &["HSET", "{orders}:placed:bell", "__keyspace@1__:orders/latest-change"][..]),
        (&["-publish", "-zadd"], &["PUBLISH, ZADD."]),
        (&["resetkeys", "~{other}*"], &["{orders}:changes:due", "order/id", "orders/latest-change"]),
        (&["resetkeys", "~{other}*", "resetchannels"], &["{orders}:changes:due", "{orders}:changes:bell"]),
        (&["-evalsha", "-subscribe"], &["EVALSHA, SUBSCRIBE."]),
        (&["-@scripting", "resetchannels"], &["neither EVALSHA nor EVAL", "+hset", "+subscribe", "&{orders}:*"]),
        (&["-set"], &["SET."]),
    ] {
        let running = start(&redis, rules).await;
        let (status, check) = ask(&running).await;
        assert_eq!((status, &check["status"]), (503, &"fail".into()), "{rules:?}: {check}");
        let detail = check["detail"].as_str().unwrap();
        assert!(named.iter().all(|name| detail.contains(name)), "{rules:?}: {named:?}: {detail}");
        assert!(detail.contains("The user sluice lacks rights") && !detail.contains("password"), "{detail}");
        let (_, command) = detail.split_once("run: ").unwrap();
        run(&format!("{command} >/dev/null"));
        let (status, check) = ask(&running).await;
        assert_eq!((status, &check["status"]), (200, &"pass".into()), "{rules:?}: {command}: {check}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_that_the_page_names_are_enough_for_health() {
    let redis = Redis::start().await;
    let running = start(&redis, &[]).await;
    assert_eq!(ask(&running).await, (200, serde_json::json!({"name": "rights", "status": "pass"})));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_channel_of_a_trigger_is_named_to_a_user_without_channels() {
    let manifest: toml::Table = toml::from_str(&std::fs::read_to_string(root().join("spin.toml")).unwrap()).unwrap();
    let triggers = manifest["trigger"]["redis"].as_array().unwrap().iter();
    let channels = triggers.map(|trigger| trigger["channel"].as_str().unwrap().replace("{{ namespace }}", "{orders}"));
    let redis = Redis::start().await;
    let (_, check) = ask(&start(&redis, &["resetchannels"]).await).await;
    let named = check["detail"].as_str().unwrap();
    let missed: Vec<_> = channels.filter(|channel| !named.contains(channel)).collect();
    assert!(missed.is_empty(), "{missed:?} are not in {named}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_users_are_told_of_each_by_its_name() {
    let redis = Redis::start().await;
    redis.tell(&["ACL", "SETUSER", "store", "on", ">password", "~*", "&*", "+@all", "-del"]).await;
    run(&format!("{} >/dev/null", the_page(&redis)));
    redis.tell(&["ACL", "SETUSER", "sluice", "-hget"]).await;
    // What can't run a script needs none at the store.
    redis.tell(&["ACL", "SETUSER", "plain", "on", ">password", "~*", "&*", "+@all", "-@scripting"]).await;
    let user = |name: &str, database| redis.url(database).replace("redis://", &format!("redis://{name}:password@"));
    let start = |store: &str| StartOptions {
        redis: Some(RedisOverride::new(&redis.url(0)).unwrap()),
        triggers: Triggers::Only(["health"].map(str::to_owned).into()),
        ..start_with(&[("redis_url", &user("sluice", 0)), ("store_url", &user(store, 1))])
    };
    let (status, check) = ask(&app().start(start("store")).await.unwrap()).await;
    assert_eq!(status, 503, "{check}");
    let detail = check["detail"].as_str().unwrap();
    for part in ["The user sluice lacks", "HGET.", "The user store lacks", "DEL."] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    let (_, check) = ask(&app().start(start("plain")).await.unwrap()).await;
    let detail = check["detail"].as_str().unwrap();
    assert!(detail.contains("The user sluice lacks") && !detail.contains("plain"), "{detail}");
}
