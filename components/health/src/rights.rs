//! The check of the rights that the user of Redis has: names all that are missing at once, with the command that gives
//! them.
//!
//! It checks the users in redis_url and store_url: for the scripts, for the triggers, which log in by the same
//! addresses, and for what is written to the store. `+config|get` and `+info` are wanted only for the check of Redis's
//! settings.
//!
//! It can't check the user in runtime-config.toml, which no component is told: the check of the store finds what that
//! user may not write. Nor can it check a user in store_url who may run no script. A user that may not log in, or not
//! select its database, shows in the checks of Redis and of the store.

use std::collections::BTreeSet;

use guest::{Redis, RedisAddress};
use order::queues;
use queue::{Connection, Lacking, Rights};

use crate::connected::Connected;

/// Checks the rights; `None` if Redis doesn't answer.
pub(crate) async fn check(connected: &Connected, store: Option<&RedisAddress>) -> Option<Result<(), String>> {
    let (queue, ns) = (&connected.settings.redis_url, &connected.settings.namespace);
    let rights = Rights::of_queues(ns, &[queues::PLACED, queues::CHANGES]).and_listen(ns, queues::PLACED);
    let for_store = |rights: Rights| {
        let record = format!("{}id", order::RECORDS);
        let keys = [record.as_str(), order::CHANGE_MARKER, order::STORE_PROBE];
        let rights = rights.and_store(&keys).and_listen(ns, queues::CHANGES);
        rights.and_listen_to(&format!("__keyspace@1__:{}", order::CHANGE_MARKER))
    };
    let faults = match store {
        Some(store) if store.user() != queue.user() => {
            let store_redis = Redis::at(store);
            [
                lacks(&connected.redis, queue, &rights, ns.as_str()).await?,
                lacks(&store_redis, store, &for_store(Rights::default()), ns.as_str()).await?,
            ]
        }
        // Most often it is the same user, and one question will do.
        _ => [lacks(&connected.redis, queue, &for_store(rights), ns.as_str()).await?, None],
    };
    let faults: Vec<_> = faults.into_iter().flatten().collect();
    Some(if faults.is_empty() { Ok(()) } else { Err(faults.join(" ")) })
}

async fn lacks<C: Connection>(redis: &C, address: &RedisAddress, rights: &Rights, ns: &str) -> Option<Option<String>> {
    let lacking = rights.lacking(redis).await.ok()?;
    Some((!lacking.is_empty()).then(|| text(&lacking, address, ns)))
}

fn text(lacking: &Lacking, address: &RedisAddress, ns: &str) -> String {
    let user = address.user();
    format!(
        "The user {user} lacks rights in Redis. {}. Add them as an administrator of Redis, also to the file in which \
         Redis keeps its users, and run: redis-cli -u {address} acl setuser {user} {}",
        missing(lacking),
        rules(lacking, ns).join(" ")
    )
}

fn missing(lacking: &Lacking) -> String {
    if lacking.is_all {
        return "It may call neither EVALSHA nor EVAL, so Redis doesn't tell what else is missing: the command gives \
                all that Sluice needs"
            .to_owned();
    }
    let missing = [
        listed("call", "", &lacking.commands),
        listed("touch", "the keys ", &lacking.keys),
        listed("use", "the channels ", &lacking.channels),
    ];
    format!("It may not {}", missing.into_iter().flatten().collect::<Vec<_>>().join("; it may not "))
}

/// At most so many names of a kind are told. The rules behind them cover all.
const MOST_NAMES: usize = 40;

fn listed(verb: &str, kind: &str, names: &BTreeSet<String>) -> Option<String> {
    let told: Vec<_> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
    let more = names.len() - told.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!told.is_empty()).then(|| format!("{verb} {kind}{}{more}", told.join(", ")))
}

/// The rules of an ACL that give what is missing, quoted for a shell. They are those of docs/operating.md.
fn rules(lacking: &Lacking, ns: &str) -> Vec<String> {
    let commands = lacking.commands.iter().map(|command| format!("+{}", command.to_lowercase()));
    let keys = lacking.keys.iter().map(|key| match key.split_once('/') {
        Some((folder, _)) => format!("'~{folder}/*'"),
        None => format!("'~{ns}*'"),
    });
    let channels = lacking.channels.iter().map(|channel| match channel.starts_with("__keyspace@") {
        true => "'&__keyspace@*'".to_owned(),
        false => format!("'&{ns}:*'"),
    });
    let (keys, channels): (BTreeSet<_>, BTreeSet<_>) = (keys.collect(), channels.collect());
    commands.chain(keys).chain(channels).collect()
}
