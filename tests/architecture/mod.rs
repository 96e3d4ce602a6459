//! The invariants of ARCHITECTURE.md that a reader of the source can check.

mod circles;
mod crates;
mod modules;
mod names;
mod packages;
mod paths;
mod width;

use std::fs;
use std::path::{Path, PathBuf};

use crate::tree::{self, root};

/// Every Rust file below these folders, with its text before the unit tests.
fn sources(folders: &[&str]) -> Vec<(PathBuf, String)> {
    let files = folders.iter().flat_map(|folder| tree::some_files(folder, "rs"));
    let sources = files.map(|file| {
        let text = tree::text(&file);
        (file, text.split("#[cfg(test)]").next().unwrap_or_default().to_owned())
    });
    sources.collect()
}

/// Fails with every line in which `is_bad` finds something.
fn refuse(folders: &[&str], rule: &str, is_bad: impl Fn(&str) -> bool) {
    let sources = sources(folders);
    let lines = sources.iter().flat_map(|(path, text)| text.lines().zip(1..).map(move |(line, n)| (path, n, line)));
    let bad: Vec<_> = lines
        .filter(|(_, _, line)| is_bad(line))
        .map(|(path, n, line)| format!("{}:{n}: {}", path.display(), line.trim()))
        .collect();
    assert!(bad.is_empty(), "{rule}:\n{}", bad.join("\n"));
}

fn words(line: &str) -> impl Iterator<Item = String> {
    line.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase)
}

/// The names in the dependency tables of a crate.
fn dependencies(folder: &str) -> Vec<String> {
    let manifest = tree::toml(Path::new(folder).join("Cargo.toml"));
    let tables = ["dependencies", "dev-dependencies"].into_iter().filter_map(|name| manifest.get(name)?.as_table());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

#[test]
fn no_redis_command_is_named_outside_the_queue() {
    const COMMANDS: &[&str] = &[
        "EVAL",
        "EVALSHA",
        "SCRIPT",
        "CONFIG",
        "INFO",
        "DEL",
        "EXPIRE",
        "PEXPIRE",
        "PEXPIREAT",
        "MGET",
        "INCR",
        "HSET",
        "HGET",
        "HDEL",
        "HINCRBY",
        "ZADD",
        "ZREM",
        "ZRANGE",
        "ZSCORE",
        "XADD",
        "XREAD",
        "LPUSH",
        "RPUSH",
        "LPOP",
        "BLPOP",
        "SADD",
        "SMEMBERS",
        "PUBLISH",
        "SUBSCRIBE",
        "KEYS",
        "SCAN",
    ];
    let rule = "only crates/queue may name a Redis command";
    refuse(&["components", "crates/order", "crates/guest"], rule, |line| {
        COMMANDS.iter().any(|command| line.contains(&format!("\"{command}\"")))
    });
    let rule = "components reach Redis through guest::Redis and the verbs of the queue";
    refuse(&["components", "crates/order"], rule, |line| {
        line.contains("spin_sdk::redis::") || line.contains(".execute(")
    });
}

#[test]
fn the_host_knows_no_orders() {
    const OURS: &[&str] = &["orders", "sluice", "intake", "processor", "notifier", "webhook", "webhooks"];
    refuse(&["tools/host/src"], "tools/host runs any application", |line| {
        words(line).any(|word| OURS.contains(&&*word))
    });
    for ours in ["order", "queue", "guest"] {
        assert!(!dependencies("tools/host").contains(&ours.to_owned()), "tools/host depends on {ours}");
    }
}

#[test]
fn the_queue_carries_bytes_and_no_orders() {
    for other in ["order", "guest", "host", "spin-sdk"] {
        assert!(!dependencies("crates/queue").contains(&other.to_owned()), "crates/queue depends on {other}");
    }
}

#[test]
fn the_domain_does_no_io_and_knows_no_clock_and_no_chance() {
    const IMPURE: &[&str] = &[
        "std::fs",
        "std::net",
        "std::io",
        "std::env",
        "std::process",
        "SystemTime::now",
        "Instant::",
        "getrandom",
        "now_v7",
    ];
    refuse(&["crates/order/src"], "crates/order is pure", |line| IMPURE.iter().any(|impure| line.contains(impure)));
    for other in ["spin-sdk", "tokio", "redis", "queue", "guest", "host", "rand", "getrandom"] {
        assert!(!dependencies("crates/order").contains(&other.to_owned()), "crates/order depends on {other}");
    }
}

#[test]
fn nothing_uses_a_component() {
    for user in ["crates/order", "crates/queue", "crates/guest", "tools/host", "tests"] {
        for component in ["intake", "health", "desk", "listener", "processor", "notifier", "stripe"] {
            assert!(!dependencies(user).contains(&component.to_owned()), "{user} depends on {component}");
        }
    }
}

#[test]
fn no_component_is_larger_than_it_may_be_as_it_is_shipped() {
    const MOST: u64 = 512 * 1024;
    let manifest = tree::toml("spin.toml");
    let components = manifest["component"].as_table().unwrap();
    assert!(components.len() >= 7);
    for (name, component) in components {
        let source = root().join(component["source"].as_str().unwrap());
        let size = fs::metadata(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display())).len();
        assert!(size <= MOST, "{name} has {size} bytes");
    }
}
