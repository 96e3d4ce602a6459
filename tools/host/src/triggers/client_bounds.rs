//! What clients may cost before any component runs.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many connections are kept by default, where the process may open twice as many files. An idle one takes about
/// 25 KB, so all of them take 250 MB.
const MOST_CONNECTIONS: usize = 10_000;
/// Files for what isn't a client: Redis, partners, components, the log.
const OTHER_FILES: usize = 200;

/// How much time, memory and connections clients get. Spin itself has no such bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientBounds {
    /// How long the head of a request may take, from the connection's beginning or from the head's first byte.
    pub head_time: Duration,
    /// How long a connection may wait for its next request, and how long a client may take nothing of its answer.
    pub idle_time: Duration,
    /// The size of a request's head: the request line and all header fields.
    pub head_bytes: usize,
    /// How many connections there may be.
    pub connections: usize,
    /// How many of them one address may have; for IPv6, one network of 64 bits.
    pub connections_per_address: usize,
}

/// Proxies and clients keep idle connections for 60 to 90 seconds. The host keeps them longer, so that none of them
/// sends a request into a connection that is just being closed.
impl Default for ClientBounds {
    fn default() -> Self {
        let connections = MOST_CONNECTIONS.min(open_files() / 2);
        Self {
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(120),
            head_bytes: 32 * 1024,
            connections,
            connections_per_address: Self::share(connections),
        }
    }
}

impl ClientBounds {
    /// How many of so many connections one address may have, if nobody says otherwise: a quarter.
    pub fn share(connections: usize) -> usize {
        connections.div_ceil(4)
    }

    /// How many connections the files suffice for that this process may open.
    pub fn most_connections() -> usize {
        open_files().saturating_sub(OTHER_FILES)
    }
}

/// Lets this process open as many files as it may allow itself. Where that fails, the present limit stays.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(4 * MOST_CONNECTIONS as u64);
    if limit.current.is_some_and(|current| current < wanted) {
        _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    }
}

fn open_files() -> usize {
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}
