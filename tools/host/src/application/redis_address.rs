//! Addresses of Redis servers: how to connect to one, and how to show it.

use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisResult};
use std::fmt;
use std::time::Duration;
use url::Url;

/// The port of an address that names none.
pub(crate) const PORT: u16 = 6379;

/// How often the host tries to restore a store's lost connection. The callers wait, and get the error after the last
/// try.
const STORE_RETRIES: usize = 2;
const STORE_RETRY_DELAY: Duration = Duration::from_millis(50);

/// A client for an address. Nothing is sent yet.
pub(crate) fn client(address: &str) -> RedisResult<Client> {
    let info = address.into_connection_info()?;
    // Without this each connection begins with two CLIENT SETINFO commands.
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    Client::open(info.set_tcp_settings(TcpSettings::default().set_nodelay(true)).set_redis_settings(settings))
}

/// Opens a connection that nobody shares. As in Spin, its calls have no time limit: components set their own.
pub(crate) async fn connect(address: &str) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    client(address)?.get_multiplexed_async_connection_with_config(&config).await
}

/// Opens a connection that many share, and that connects again by itself. Its calls have no time limit either.
pub(crate) async fn connect_shared(address: &str) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_number_of_retries(STORE_RETRIES)
        .set_min_delay(STORE_RETRY_DELAY);
    ConnectionManager::new_with_config(client(address)?, config).await
}

/// A database of a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Database {
    /// `host:port`.
    pub(crate) server: String,
    pub(crate) number: u64,
}

/// A text is not the address of a Redis that this host can use. Says nothing of what was read, because any part of it
/// may be a part of a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRedis {
    /// Something else, or nothing.
    #[error("this is not the address of a Redis: write it like redis://127.0.0.1:6379 or redis://:password@host:6379")]
    Other,
    /// It asks for TLS.
    #[error(
        "rediss:// asks for TLS, which is not spoken yet: run a TLS tunnel like stunnel, and name that by redis://"
    )]
    Tls,
    /// It begins like an address.
    #[error(
        "this address can't be read: write it like redis://user:password@host:6379/0, with nothing behind the number, \
         and percent-encode what is neither letter nor digit in the password, like @ as %40, : as %3A, / as %2F, # as \
         %23, ? as %3F and % as %25"
    )]
    Unreadable,
}

/// Reads an address.
pub(crate) fn database(address: &str) -> Result<Database, NotRedis> {
    let scheme = address.trim().split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("redis") => {}
        Some("rediss") => return Err(NotRedis::Tls),
        _ => return Err(NotRedis::Other),
    }
    let url = Url::parse(address).map_err(|_| NotRedis::Unreadable)?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(NotRedis::Unreadable)?;
    let number = match url.path().trim_matches('/') {
        "" => Some(0),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    };
    match number {
        Some(number) if url.query().is_none() && url.fragment().is_none() => {
            Ok(Database { server: format!("{host}:{}", url.port().unwrap_or(PORT)), number })
        }
        _ => Err(NotRedis::Unreadable),
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis://{}/{}", self.server, self.number)
    }
}

/// The address without its credentials.
pub(crate) fn shown(address: &str) -> String {
    database(address).map_or_else(|_| "an address that can't be shown".to_owned(), |database| database.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_credentials() {
        const HIDDEN: &str = "an address that can't be shown";
        for (address, expected) in [
            ("redis://127.0.0.1:6379/1", "redis://127.0.0.1:6379/1"),
            ("redis://user:secret@host:6379/1", "redis://host:6379/1"),
            ("redis://:secret@[::1]", "redis://[::1]:6379/0"),
            ("redis://:p@s/w#r:d%1=@host:6379/0", HIDDEN),
            ("redis://:12/3#secret@host:6379/0", HIDDEN),
            ("redis://secret/4@host", HIDDEN),
            ("rediss://:secret@host", HIDDEN),
            ("secret", HIDDEN),
            ("unix:secret", HIDDEN),
        ] {
            assert_eq!(shown(address), expected);
        }
    }

    #[test]
    fn an_address_that_cannot_be_used_is_told_from_one_that_is_none() {
        for (address, fault) in [
            ("", NotRedis::Other),
            ("127.0.0.1:6379", NotRedis::Other),
            ("http://127.0.0.1", NotRedis::Other),
            ("redis:", NotRedis::Other),
            ("redis+unix:///tmp/x", NotRedis::Other),
            ("rediss://host:6379/0", NotRedis::Tls),
            ("redis://", NotRedis::Unreadable),
            ("redis:///0", NotRedis::Unreadable),
            ("redis://host:port/0", NotRedis::Unreadable),
            ("redis://host/zero", NotRedis::Unreadable),
            ("redis://host/0?protocol=resp3", NotRedis::Unreadable),
            ("redis://:p@s/w#r:d%1=@host:6379/0", NotRedis::Unreadable),
            ("redis://:a/1@host", NotRedis::Unreadable),
        ] {
            assert_eq!(database(address), Err(fault), "{address}");
        }
    }
}
