//! Lets an application use another Redis than its manifest names, without a change of its files.

use std::collections::BTreeMap;
use std::fmt;

use redis::{ConnectionAddr, IntoConnectionInfo};
use url::Url;

use crate::application::manifest::VariableDeclaration;
use crate::application::redis_address::{self, NotRedis, PORT};

/// A Redis to use in place of all others. Each address keeps the number of its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisOverride {
    url: Url,
}

impl RedisOverride {
    /// Takes the server of `address`, and ignores its database number.
    pub fn new(address: &str) -> Result<Self, NotRedis> {
        redis_address::database(address)?;
        parse(address).map(|url| Self { url }).ok_or(NotRedis::Other)
    }

    /// `address` with this server in place of its own.
    pub(crate) fn address(&self, address: &str) -> String {
        let Some(old) = parse(address) else { return address.to_owned() };
        let mut new = self.url.clone();
        new.set_path(old.path());
        new.into()
    }

    /// New values for two sorts of variables: those whose default is the address of a Redis, and those whose default is
    /// the `host:port` of such an address.
    pub(crate) fn variables(&self, declared: &BTreeMap<String, VariableDeclaration>) -> BTreeMap<String, String> {
        let defaults = || declared.iter().filter_map(|(name, variable)| Some((name, variable.default.as_ref()?)));
        let replaced: Vec<String> = defaults().filter_map(|(_, value)| host_and_port(&parse(value)?)).collect();
        defaults()
            .filter_map(|(name, value)| match parse(value) {
                Some(_) => Some((name.clone(), self.address(value))),
                None if replaced.contains(value) => Some((name.clone(), host_and_port(&self.url)?)),
                None => None,
            })
            .collect()
    }
}

/// Shows the server, without credentials.
impl fmt::Display for RedisOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redis_address::shown(self.url.as_str()))
    }
}

/// The names of the variables whose default is the address of a Redis.
pub(crate) fn redis_variables(declared: &BTreeMap<String, VariableDeclaration>) -> impl Iterator<Item = &str> {
    let is_redis =
        |variable: &VariableDeclaration| variable.default.as_deref().is_some_and(|value| parse(value).is_some());
    declared.iter().filter(move |(_, variable)| is_redis(variable)).map(|(name, _)| name.as_str())
}

fn parse(address: &str) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    let info = address.into_connection_info().ok()?;
    let over_tcp = matches!(info.addr(), ConnectionAddr::Tcp(..) | ConnectionAddr::TcpTls { .. });
    (over_tcp && url.has_host()).then_some(url)
}

fn host_and_port(url: &Url) -> Option<String> {
    Some(format!("{}:{}", url.host_str()?, url.port().unwrap_or(PORT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(variables: &[(&str, &str)]) -> BTreeMap<String, VariableDeclaration> {
        let declaration = |default: &str| VariableDeclaration {
            default: Some(default.to_owned()),
            required: false,
            secret: false,
            description: None,
        };
        variables.iter().map(|(name, default)| (name.to_string(), declaration(default))).collect()
    }

    #[test]
    fn addresses_get_the_new_server_and_keep_their_database() {
        let declared = declared(&[
            ("redis_url", "redis://127.0.0.1:6379/0"),
            ("store_url", "redis://127.0.0.1:6379/1"),
            ("redis_host", "127.0.0.1:6379"),
            ("other_host", "127.0.0.1:6380"),
            ("webhook", "http://127.0.0.1:6379"),
            ("namespace", "{books}"),
        ]);
        let redis = RedisOverride::new("redis://user:pw@cache.test:7000/5").expect("an address");
        let expected = [
            ("redis_host", "cache.test:7000"),
            ("redis_url", "redis://user:pw@cache.test:7000/0"),
            ("store_url", "redis://user:pw@cache.test:7000/1"),
        ];
        let expected: BTreeMap<_, _> = expected.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        assert_eq!(redis.variables(&declared), expected);
        assert_eq!(redis_variables(&declared).collect::<Vec<_>>(), ["redis_url", "store_url"]);
    }

    #[test]
    fn a_port_that_is_not_written_is_the_usual_one() {
        let declared = declared(&[("url", "redis://localhost"), ("host", "localhost:6379")]);
        let redis = RedisOverride::new("redis://other").expect("an address");
        let variables = redis.variables(&declared);
        assert_eq!((variables["url"].as_str(), variables["host"].as_str()), ("redis://other", "other:6379"));
    }

    #[test]
    fn only_a_redis_is_taken() {
        for address in ["", "127.0.0.1:6379", "http://127.0.0.1", "redis:", "redis+unix:///tmp/x"] {
            assert_eq!(RedisOverride::new(address), Err(NotRedis::Other), "{address}");
        }
    }
}
