//! The address of a Redis, as a variable has it. It is checked before anybody connects, and no error shows a part of
//! it that could be a password.

use std::fmt;
use std::ops::Range;

/// The address of a database of a Redis, without TLS.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    text: String,
    /// Where in the text `host`, or `host:port`, stands.
    server: Range<usize>,
    /// Whether the text names a port.
    has_port: bool,
    database: u64,
}

/// TLS is asked for, which neither the triggers nor the hosts that components may connect to are set up for.
const TLS: &str = "asks for TLS by rediss://, which Sluice does not speak yet: start a TLS tunnel like stunnel, and \
                   write its address with redis://";

const OTHER: &str = "must be the address of a Redis, like redis://host:6379/0";

/// Says nothing of what was read: where a password was not encoded, any part of the address may be a part of it.
const UNREADABLE: &str = "can't be read: write it like redis://user:password@host:6379/0, and percent-encode what is \
                          neither letter nor digit in the password, like @ as %40 and / as %2F";

const SCHEME: &str = "redis://";

impl RedisAddress {
    /// Reads an address. A fault is a sentence that fits behind the name of its variable.
    pub(crate) fn parse(text: String) -> Result<Self, &'static str> {
        let bytes = text.as_bytes();
        if !bytes.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME.as_bytes())) {
            let is_tls = bytes.get(..9).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"rediss://"));
            return Err(if is_tls { TLS } else { OTHER });
        }
        let is_end = |byte: &u8| matches!(byte, b'/' | b'?' | b'#');
        let end = bytes[SCHEME.len()..].iter().position(is_end).map_or(bytes.len(), |end| SCHEME.len() + end);
        let begin = bytes[..end].iter().rposition(|byte| *byte == b'@').map_or(SCHEME.len(), |at| at + 1);
        let has_port = has_port(&bytes[begin..end]).ok_or(UNREADABLE)?;
        let database = database(&bytes[end..]).ok_or(UNREADABLE)?;
        Ok(Self { server: begin..end, has_port, database, text })
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
        let port = if self.has_port { "" } else { ":6379" };
        [&self.text[self.server.clone()], port].concat()
    }

    /// The user that logs in, as the address writes it. Without a name in it that is Redis's user `default`.
    pub fn user(&self) -> &str {
        let login = self.text[SCHEME.len()..self.server.start].trim_end_matches('@');
        let name = login.split_once(':').map_or(login, |(name, _)| name);
        if name.is_empty() { "default" } else { name }
    }

    /// The program and its options for a person who wants to tell this server something. It asks for the password.
    pub fn cli(&self) -> String {
        let user = self.text[SCHEME.len()..self.server.start].trim_end_matches('@');
        format!("redis-cli {}-u {self}", login(user))
    }
}

/// Shows it without user and password.
impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis://{}/{}", self.server(), self.database)
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether a server has a port; `None` if it is no `host` and no `host:port`.
fn has_port(server: &[u8]) -> Option<bool> {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let (host, port) = match server.iter().position(|byte| *byte == b']') {
        Some(end) => server.split_at(end + 1),
        None => server.split_at(server.iter().position(|byte| *byte == b':').unwrap_or(server.len())),
    };
    let is_host = match host {
        [b'[', address @ .., b']'] => !address.is_empty() && address.iter().all(|byte| name(byte) || *byte == b':'),
        _ => !host.is_empty() && host.iter().all(name),
    };
    let has_port = match port {
        [] => false,
        [b':', port @ ..] if (1..=65535).contains(&number(port)?) => true,
        _ => return None,
    };
    is_host.then_some(has_port)
}

/// The number of the database in what stands behind the server.
fn database(path: &[u8]) -> Option<u64> {
    match path {
        [] | [b'/'] => Some(0),
        [b'/', number @ .., b'/'] | [b'/', number @ ..] => self::number(number),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?.parse().ok()
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
            ("redis://cache.test", "redis://cache.test:6379/0", ""),
            ("REDIS://host:7000/", "redis://host:7000/0", ""),
            ("redis://[::1]:6379/1", "redis://[::1]:6379/1", ""),
            ("redis://:hunter2@host/1/", "redis://host:6379/1", "--askpass "),
            ("redis://ann:hun%2Fter2@host:6379/15", "redis://host:6379/15", "--user ann --askpass "),
            ("redis://a%20b:hunter2@host/0", "redis://host:6379/0", "--user … --askpass "),
            ("redis://hunter2@host/0", "redis://host:6379/0", ""),
            // The last @ is the one that counts, for the hosts too.
            ("redis://:hunt@er:2@host/0", "redis://host:6379/0", "--askpass "),
        ] {
            let address = RedisAddress::parse(text.to_owned()).expect(text);
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
                assert_eq!(RedisAddress::parse(address.clone()), Err(UNREADABLE), "{address}");
            }
        }
    }

    #[test]
    fn only_an_address_of_a_redis_without_tls_is_read() {
        for text in ["rediss://host:6379/0", "rediss://:pw@host/0", "REDISS://host"] {
            assert_eq!(RedisAddress::parse(text.to_owned()), Err(TLS), "{text}");
        }
        for text in ["", "host:6379", "redis:", "http://host", "redis+unix:///tmp/x", "unix:///tmp/x", "rediß://host"]
        {
            let fault = RedisAddress::parse(text.to_owned()).expect_err(text);
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
            assert_eq!(RedisAddress::parse(text.to_owned()), Err(UNREADABLE), "{text}");
        }
    }
}
