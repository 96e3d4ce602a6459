//! Addresses of Redis servers: how to connect to one, and how to show it.

use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisResult};
use std::time::Duration;
use url::Url;

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

/// The address without its credentials.
pub(crate) fn shown(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else { return "an address that is not a URL".to_owned() };
    let cleared = url.set_username("").and(url.set_password(None));
    // Clearing fails only for a URL without a host, which has no credentials.
    match cleared {
        Ok(()) => url.into(),
        Err(()) => format!("{}:", url.scheme()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_credentials() {
        for (address, expected) in [
            ("redis://127.0.0.1:6379/1", "redis://127.0.0.1:6379/1"),
            ("redis://user:secret@host:6379/1", "redis://host:6379/1"),
            ("rediss://:secret@host", "rediss://host"),
            ("secret", "an address that is not a URL"),
            ("unix:secret", "unix:"),
        ] {
            assert_eq!(shown(address), expected);
        }
    }
}
