//! The text that is printed once the application runs.

use std::fmt::Write;
use std::net::SocketAddr;

use host::{BoundTrigger, RunningApplication};

use super::redis::Redis;

/// The application's name and address, its triggers, its Redis, and what to try.
pub(crate) fn text(name: &str, running: &RunningApplication, redis: &Redis, tries: &[String]) -> String {
    let mut text = String::from("\n");
    let address = running.address().map(|address| address.to_string()).unwrap_or_default();
    _ = writeln!(text, "{name} runs at http://{address}");
    for (component, lines) in by_component(running.triggers()) {
        for (index, line) in lines.iter().enumerate() {
            _ = writeln!(text, "  {:14} {line}", if index == 0 { component.as_str() } else { "" });
        }
    }
    if let Some(line) = redis_line(redis) {
        _ = writeln!(text, "  {:14} {line}", "Redis");
    }
    if let (false, Some(address)) = (tries.is_empty(), running.address()) {
        _ = writeln!(text, "\nTry:");
        tries.iter().for_each(|example| _ = writeln!(text, "  {}", filled_in(example, address)));
    }
    _ = writeln!(text, "\nCtrl-C ends it.");
    text
}

/// Says that nobody needs a key, loudly where others than this machine can reach the address.
pub(crate) fn open_door(address: SocketAddr, keys_in: &[String]) -> String {
    let variables = keys_in.join(" and ");
    let open = format!("{variables} are empty, so whoever reaches {address} may do everything.");
    match address.ip().to_canonical().is_loopback() {
        true => format!("\nNo key is asked for: {open} That is this machine alone.\n"),
        false => format!("\n*** OPEN TO THE NETWORK ***\n{open} Set one of them, or listen at 127.0.0.1.\n"),
    }
}

fn by_component(triggers: &[BoundTrigger]) -> Vec<(String, Vec<String>)> {
    let mut components: Vec<(String, Vec<String>)> = Vec::new();
    for trigger in triggers {
        let (component, line) = match trigger {
            BoundTrigger::Http { component, route } => (component, route.clone()),
            BoundTrigger::Redis { component, channel, address } => (component, format!("{channel} on {address}")),
        };
        match components.iter_mut().find(|(name, _)| name == component) {
            Some((_, lines)) => lines.push(line),
            None => components.push((component.clone(), vec![line])),
        }
    }
    components
}

fn redis_line(redis: &Redis) -> Option<String> {
    match redis {
        Redis::Given(redis) => Some(format!("{redis}, as given")),
        Redis::Own(variables) => Some(format!("yours, by {}", variables.join(", "))),
        Redis::Private(server) => Some(format!("private, at {}, data in {}", server.url(0), server.data().display())),
        Redis::None => None,
    }
}

fn filled_in(example: &str, address: SocketAddr) -> String {
    example.replace("{address}", &address.to_string())
}

#[cfg(test)]
mod tests {
    use super::open_door;

    #[test]
    fn an_open_door_is_told_loudly_where_others_can_reach_it() {
        for (address, is_loud) in [
            ("127.0.0.1:3000", false),
            ("[::1]:3000", false),
            ("[::ffff:127.0.0.1]:3000", false),
            ("0.0.0.0:3000", true),
            ("192.168.1.2:80", true),
            ("[::]:3000", true),
        ] {
            let told = open_door(address.parse().expect("an address"), &["api_keys".to_owned(), "key".to_owned()]);
            assert!(told.contains("api_keys and key are empty") && told.contains(address), "{told}");
            assert_eq!(told.contains("OPEN TO THE NETWORK"), is_loud, "{told}");
        }
    }
}
