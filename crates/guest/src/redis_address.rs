//! The address of a Redis, as a variable has it. It is checked before anybody connects, and no error shows a part of
//! it that could be a password.

use std::fmt;

/// The address of a database of a Redis, without TLS.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    text: String,
    host: String,
    port: u16,
    database: u64,
    /// What `redis-cli` needs besides the server, to ask for the password itself.
    login: String,
}

const PORT: u16 = 6379;

/// TLS is asked for, which neither the triggers nor the hosts that components may connect to are set up for.
const TLS: &str = "asks for TLS by rediss://, which Sluice does not speak yet: start a TLS tunnel, such as stunnel, \
                   next to it, and write the address of the tunnel with redis://";

/// Says nothing of what was read: where a password was not encoded, any part of the address may be a part of it.
const UNREADABLE: &str = "can't be read: write it like redis://user:password@host:6379/0, with nothing behind the \
                          number, and percent-encode what is neither letter nor digit in the password: @ as %40, : as \
                          %3A, / as %2F, # as %23, ? as %3F, % as %25";

impl RedisAddress {
    /// Reads an address. A fault is a sentence that fits behind the name of its variable.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").unwrap_or((text, ""));
        match scheme.to_ascii_lowercase().as_str() {
            "redis" => {}
            "rediss" => return Err(TLS),
            _ => return Err("must be the address of a Redis, like redis://host:6379/0"),
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (user, server) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (host, port) = host_and_port(server).ok_or(UNREADABLE)?;
        let database = match path.trim_matches('/') {
            "" if !path.contains(['?', '#']) => 0,
            number if number.bytes().all(|byte| byte.is_ascii_digit()) => number.parse().map_err(|_| UNREADABLE)?,
            _ => return Err(UNREADABLE),
        };
        Ok(Self { text: text.to_owned(), host, port, database, login: login(user) })
    }

    /// All of it, with its password.
    pub(crate) fn with_password(&self) -> &str {
        &self.text
    }

    /// The number of its database.
    pub(crate) fn database(&self) -> u64 {
        self.database
    }

    /// `host:port`.
    pub fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The program and its options for a person who wants to tell this server something. It asks for the password.
    pub fn cli(&self) -> String {
        format!("redis-cli {}-u {self}", self.login)
    }
}

/// Shows it without user and password.
impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis://{}:{}/{}", self.host, self.port, self.database)
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn host_and_port(server: &str) -> Option<(String, u16)> {
    let (host, port) = match server.strip_prefix('[') {
        Some(_) => server.split_at(server.find(']')? + 1),
        None => server.split_at(server.find(':').unwrap_or(server.len())),
    };
    let inner = host.strip_prefix('[').map_or(host, |host| host.trim_end_matches(']'));
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_') || (c == ':' && inner != host);
    let port = match port {
        "" => PORT,
        port => port.strip_prefix(':')?.parse().ok().filter(|port| *port > 0)?,
    };
    (!inner.is_empty() && inner.chars().all(plain)).then(|| (host.to_ascii_lowercase(), port))
}

/// Without a password there is nothing to log in with, and what stands there may be one that lacks its colon.
fn login(user: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match user.split_once(':') {
        None | Some((_, "")) => String::new(),
        Some(("", _)) => "--askpass ".to_owned(),
        Some((name, _)) if name.bytes().all(plain) => format!("--user {name} --askpass "),
        // It would have to be decoded, and quoted for a shell.
        Some(_) => "--user … --askpass ".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_user_and_password() {
        for (text, shown, cli) in [
            ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0", ""),
            ("redis://Cache.test", "redis://cache.test:6379/0", ""),
            ("REDIS://host:7000/", "redis://host:7000/0", ""),
            ("redis://[::1]:6379/1", "redis://[::1]:6379/1", ""),
            ("redis://:hunter2@host/1/", "redis://host:6379/1", "--askpass "),
            ("redis://ann:hun%2Fter2@host:6379/15", "redis://host:6379/15", "--user ann --askpass "),
            ("redis://a%20b:hunter2@host/0", "redis://host:6379/0", "--user … --askpass "),
            ("redis://hunter2@host/0", "redis://host:6379/0", ""),
            // The last @ is the one that counts, for the hosts too.
            ("redis://:hunt@er:2@host/0", "redis://host:6379/0", "--askpass "),
        ] {
            let address = RedisAddress::parse(text).expect(text);
            assert_eq!((address.to_string(), format!("{address:?}")), (shown.to_owned(), shown.to_owned()));
            assert_eq!(address.cli(), format!("redis-cli {cli}-u {shown}"), "{text}");
            assert_eq!(address.with_password(), text);
        }
    }

    #[test]
    fn a_password_that_is_not_encoded_is_refused_with_what_to_encode() {
        for raw in ["p@s/w#r:d%1=", "w/rd", "w#rd", "w?rd", "1/2", "1#2", "12?34", "/", "a/0"] {
            for address in [
                format!("redis://:{raw}@host:6379/0"),
                format!("redis://ann:{raw}@host:6379/0"),
                format!("redis://{raw}@host/0"),
            ] {
                assert_eq!(RedisAddress::parse(&address), Err(UNREADABLE), "{address}");
            }
        }
    }

    #[test]
    fn only_an_address_of_a_redis_without_tls_is_read() {
        for text in ["rediss://host:6379/0", "rediss://:pw@host/0", "REDISS://host"] {
            assert_eq!(RedisAddress::parse(text), Err(TLS), "{text}");
        }
        for text in ["", "host:6379", "redis:", "http://host", "redis+unix:///tmp/x", "unix:///tmp/x", "rediß://host"]
        {
            let fault = RedisAddress::parse(text).expect_err(text);
            assert_eq!(fault, "must be the address of a Redis, like redis://host:6379/0", "{text}");
        }
        for text in [
            "redis://",
            "redis:///0",
            "redis://ann:pw@",
            "redis://host:pw/0",
            "redis://host:0/0",
            "redis://host:65536/0",
            "redis://host/zero",
            "redis://host/-1",
            "redis://host/0?protocol=resp3",
            "redis://host#0",
            "redis://host?",
            "redis://ho st/0",
            "redis://::1/0",
            "redis://[::1/0",
            "redis://[]/0",
            "redis://host/99999999999999999999",
        ] {
            assert_eq!(RedisAddress::parse(text), Err(UNREADABLE), "{text}");
        }
    }
}
