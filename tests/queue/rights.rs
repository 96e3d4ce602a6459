//! Whatever a user of Redis lacks is named at once, and all that is asked for is what the verbs need.

use std::collections::BTreeSet;

use queue::{Lacking, Rights};

use super::refused::{Scene, VERBS};
use super::setup::*;
use crate::harness::root;

const ROOTS: [&str; 2] = ["jobs", "told"];

fn rights(setup: &Setup) -> Rights {
    Rights::of_queues(&setup.namespace, &ROOTS).and_listen(&setup.namespace, "jobs")
}

/// What is named as lacking while the user has only these rights.
async fn lacking(scene: &Scene, rules: &[&str]) -> Lacking {
    scene.rights(rules).await;
    rights(&scene.setup).lacking(&scene.user).await.unwrap()
}

fn names(names: &BTreeSet<String>) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn all_rights_that_are_missing_are_named_at_once() {
    let scene = Scene::new().await;
    assert!(lacking(&scene, &[]).await.is_empty());

    let found = lacking(&scene, &["-hset", "-zadd", "-publish"]).await;
    assert_eq!(names(&found.commands), ["HSET", "PUBLISH", "ZADD"]);
    assert!(found.keys.is_empty() && found.channels.is_empty(), "{found:?}");

    let found = lacking(&scene, &["-hset", "resetchannels", "&{test}:told:bell", "&__keyspace@0__:*:timer"]).await;
    assert_eq!(names(&found.commands), ["HSET"]);
    assert_eq!(names(&found.channels), ["__keyspace@0__:{test}:jobs:guard", "{test}:jobs:bell"]);

    let found = lacking(&scene, &["resetkeys", "~{test}", "~{test}:jobs*", "-evalsha"]).await;
    assert_eq!(names(&found.commands), ["EVALSHA"]);
    assert!(found.keys.contains("{test}:told:due") && found.keys.contains("{test}:head"), "{found:?}");
    assert!(found.keys.iter().all(|key| !key.starts_with("{test}:jobs")), "{found:?}");

    let found = lacking(&scene, &["resetkeys", "%R~{test}*", "-get"]).await;
    assert!(found.commands.contains("GET") && found.commands.contains("HSET"), "{found:?}");
    assert!(!found.commands.contains("HGET") && found.keys.contains("{test}:told:due"), "{found:?}");
}

#[tokio::test]
async fn where_no_key_and_no_channel_is_allowed_all_that_redis_may_refuse_is_named() {
    let scene = Scene::new().await;
    let all = lacking(&scene, &["-@all"]).await;
    for command in ["EVALSHA", "EVAL", "PUBLISH", "SUBSCRIBE", "HSET", "SCARD", "TIME"] {
        assert!(all.commands.contains(command), "{command}: {all:?}");
    }
    let found = lacking(&scene, &["resetkeys", "~{other}*", "resetchannels"]).await;
    assert_eq!((&found.keys, &found.channels), (&all.keys, &all.channels));
    assert!(found.commands.is_superset(&["HSET", "PUBLISH"].map(str::to_owned).into()), "{found:?}");
    assert!(!found.commands.contains("EVAL"), "{found:?}");
}

#[tokio::test]
async fn what_is_named_is_all_that_it_takes() {
    let mut scene = Scene::new().await;
    let all = lacking(&scene, &["-@all"]).await;
    let commands = all.commands.iter().map(|command| format!("+{}", command.to_lowercase()));
    let channels = all.channels.iter().map(|channel| format!("&{channel}"));
    let rules: Vec<_> = ["-@all", "resetkeys", "~{test}*", "resetchannels"].map(str::to_owned).into();
    let rules: Vec<_> = rules.into_iter().chain(commands).chain(channels).collect();
    let rules: Vec<_> = rules.iter().map(String::as_str).collect();
    assert!(lacking(&scene, &rules).await.is_empty());
    for verb in VERBS {
        scene.fill().await;
        scene.rights(&rules).await;
        scene.call(verb).await.unwrap();
    }
}

/// Redis counts each command that a script calls, and each key is there: neither list can have forgotten one.
#[tokio::test]
async fn every_command_that_redis_saw_and_every_key_that_it_has_is_asked_for() {
    let mut scene = Scene::new().await;
    let all = lacking(&scene, &["-@all"]).await;
    scene.rights(&[]).await;
    let (mut keys, mut calls) = (BTreeSet::new(), BTreeSet::new());
    for verb in VERBS {
        scene.fill().await;
        scene.setup.tell::<()>(&["CONFIG", "RESETSTAT"]).await;
        scene.call(verb).await.unwrap();
        let stats: String = scene.setup.tell(&["INFO", "commandstats"]).await;
        let called = stats.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split(':').next());
        calls.extend(called.filter(|call| !call.contains('|') && *call != "info").map(str::to_uppercase));
        keys.extend(scene.all().await.into_keys());
    }
    assert!(calls.len() > 20 && calls.is_subset(&all.commands), "{calls:?} and {:?}", all.commands);
    let known = |key: &String| match key.split_once(":tagged:") {
        Some((ns, _)) => format!("{ns}:tagged:700:0000"),
        None => key.replace("told.erp", "told.lane").replace("600000", "1000").replace("made:ann", "made:shop"),
    };
    let unknown: Vec<_> = keys.iter().filter(|key| !all.keys.contains(&known(key))).collect();
    assert!(keys.len() > 20 && unknown.is_empty(), "{unknown:?} and {:?}", all.keys);
}

/// The channels of a queue stand in spin.toml, where the triggers are.
#[tokio::test]
async fn every_channel_of_the_triggers_is_asked_for() {
    let scene = Scene::new().await;
    let manifest: toml::Table = toml::from_str(&std::fs::read_to_string(root().join("spin.toml")).unwrap()).unwrap();
    let namespace = &scene.setup.namespace;
    for (address, root, queue) in [("{{ redis_url }}", "placed", true), ("{{ store_url }}", "changes", false)] {
        let triggers = manifest["trigger"]["redis"].as_array().unwrap().iter();
        let triggers = triggers.filter(|trigger| trigger["address"].as_str() == Some(address));
        let channels =
            triggers.map(|trigger| trigger["channel"].as_str().unwrap().replace("{{ namespace }}", "{test}"));
        // The other one is the store's own, which the queue does not know.
        let channels: BTreeSet<_> = channels.filter(|channel| queue || channel.contains("{test}:")).collect();
        scene.rights(&["resetchannels"]).await;
        let asked = Rights::default().and_listen(namespace, root).lacking(&scene.user).await.unwrap();
        assert!(!channels.is_empty() && channels.is_subset(&asked.channels), "{channels:?} and {:?}", asked.channels);
    }
}
