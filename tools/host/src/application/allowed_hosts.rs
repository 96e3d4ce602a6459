//! The hosts that a component may connect to: `allowed_outbound_hosts` of the manifest, matched as Spin does.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;
use url::Url;

/// The entries of one component. A connection is allowed if one of them allows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AllowedHosts {
    entries: Vec<Entry>,
}

/// One entry, `scheme://host[:port]`, with `*` allowed in each place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// `None` stands for every scheme.
    scheme: Option<String>,
    host: Host,
    port: Port,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Any,
    /// `*.example.com`, kept as `.example.com`.
    Subdomains(String),
    /// The application itself, which a component calls by a URL without a host.
    Itself,
    Named(String),
    Network(IpNet),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Port {
    Any,
    Within(Range<u32>),
}

/// Why a text is not an entry.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{entry:?} is not an allowed outbound host, because {reason}: write `scheme://host[:port]`, with `*` allowed in \
     each place"
)]
pub(crate) struct EntryError {
    entry: String,
    reason: String,
}

impl AllowedHosts {
    /// Parses a component's entries, whose variables are resolved already.
    pub(crate) fn parse<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self, EntryError> {
        Ok(Self { entries: entries.into_iter().map(|entry| Entry::parse(entry.as_ref())).collect::<Result<_, _>>()? })
    }

    /// Whether a component may connect to a destination.
    pub(crate) fn allow(&self, destination: &Destination) -> bool {
        self.entries.iter().any(|entry| entry.allows(destination))
    }

    /// Whether a component may call its own application by a URL without a host.
    pub(crate) fn allow_itself(&self) -> bool {
        self.entries.iter().any(|entry| {
            entry.scheme.as_deref().is_none_or(|scheme| matches!(scheme, "http" | "https"))
                && matches!(entry.host, Host::Any | Host::Itself)
        })
    }
}

impl Entry {
    fn parse(entry: &str) -> Result<Self, EntryError> {
        Self::parts(entry.trim()).map_err(|reason| EntryError { entry: entry.to_owned(), reason })
    }

    fn parts(entry: &str) -> Result<Self, String> {
        let (scheme, authority) = entry.split_once("://").ok_or("it has no scheme")?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains('@') {
            return Err("it has credentials, which belong in the address only".to_owned());
        }
        if scheme != "*" && !scheme.chars().all(char::is_alphabetic) {
            return Err(format!("the scheme {scheme:?} has more than letters"));
        }
        let (host, port) = split_port(authority);
        Ok(Self {
            scheme: (scheme != "*").then(|| scheme.to_owned()),
            host: Host::parse(host)?,
            port: Port::parse(port, scheme)?,
        })
    }

    fn allows(&self, destination: &Destination) -> bool {
        self.scheme.as_ref().is_none_or(|scheme| *scheme == destination.scheme)
            && self.host.allows(&destination.host)
            && self.port.allows(destination.port)
    }
}

impl Host {
    fn parse(host: &str) -> Result<Self, String> {
        if let Ok(network) = host.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        match host {
            "*" => Ok(Self::Any),
            "self" | "self.alt" => Ok(Self::Itself),
            "" => Err("it has no host".to_owned()),
            _ if host.contains('/') => Err("it has a path".to_owned()),
            _ => match host.strip_prefix("*.").unwrap_or(host) {
                rest if rest.contains('*') => Err("`*` stands for a whole host or for subdomains, `*.host`".to_owned()),
                rest if rest.len() < host.len() => Ok(Self::Subdomains(format!(".{rest}"))),
                rest => Ok(Self::Named(rest.to_owned())),
            },
        }
    }

    fn allows(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Subdomains(suffix) => host.ends_with(suffix),
            Self::Named(name) => name == host,
            Self::Network(network) => unbracketed(host).parse::<IpAddr>().is_ok_and(|ip| network.contains(&ip)),
            Self::Itself => false,
        }
    }
}

impl Port {
    fn parse(port: Option<&str>, scheme: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u16>().map_err(|_| format!("{text:?} is not a port"));
        match port {
            Some("*") => Ok(Self::Any),
            Some(range) if range.contains("..") => {
                let (start, end) = range.split_once("..").unwrap_or((range, range));
                Ok(Self::Within(number(start)?.into()..number(end)?.into()))
            }
            Some(port) => number(port).map(Self::only),
            None => default_port(scheme)
                .map(Self::only)
                .ok_or_else(|| format!("the scheme {scheme:?} has no usual port, so it needs one")),
        }
    }

    fn only(port: u16) -> Self {
        Self::Within(port.into()..u32::from(port) + 1)
    }

    fn allows(&self, port: Option<u16>) -> bool {
        match self {
            Self::Any => true,
            Self::Within(range) => port.is_some_and(|port| range.contains(&port.into())),
        }
    }
}

/// The place that a connection leads to. It is shown as the entry that would allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Destination {
    /// The destination of a URL; `None` if it names no host.
    pub(crate) fn of(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        Some(Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str().filter(|host| !host.is_empty())?.to_owned(),
            port: url.port().or_else(|| default_port(url.scheme())),
        })
    }

    /// Its scheme.
    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "redis" => Some(6379),
        "mysql" => Some(3306),
        "postgres" => Some(5432),
        "mqtt" => Some(1883),
        _ => None,
    }
}

/// Splits `host:port`. Colons within the brackets of an IPv6 address don't count.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, url: &str) -> bool {
        let hosts = AllowedHosts::parse([entry]).expect("an entry");
        Destination::of(url).is_some_and(|destination| hosts.allow(&destination))
    }

    #[test]
    fn an_entry_allows_what_it_names_and_nothing_else() {
        for (entry, url, expected) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379/1", true),
            ("redis://127.0.0.1", "redis://127.0.0.1:6379", true),
            ("redis://127.0.0.1:6379", "redis://127.0.0.1", true),
            ("redis://127.0.0.1:6379", "redis://user:pw@127.0.0.1:6379/2", true),
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6380", false),
            ("redis://127.0.0.1:6379", "redis://localhost:6379", false),
            ("redis://127.0.0.1:6379", "http://127.0.0.1:6379", false),
            ("https://*:443", "https://example.com/hook", true),
            ("https://*:443", "https://example.com:8443/hook", false),
            ("https://*:443", "http://example.com:443/hook", false),
            ("https://*", "https://example.com", true),
            ("http://127.0.0.1:*", "http://127.0.0.1:49152/x", true),
            ("http://127.0.0.1:*", "http://127.0.0.2:49152/x", false),
            ("http://localhost:8000..8010", "http://localhost:8009", true),
            ("http://localhost:8000..8010", "http://localhost:8010", false),
            ("*://*:*", "anything://at.all:9", true),
            ("https://*.example.com", "https://api.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://badexample.com", false),
            ("http://10.0.0.0/8:80", "http://10.1.2.3", true),
            ("http://10.0.0.0/8:80", "http://11.1.2.3", false),
            ("http://[::1]:80", "http://[::1]/", true),
            ("http://*.spin.internal", "http://processor.spin.internal/run", true),
            ("https://example.com/", "https://example.com/any/path", true),
        ] {
            assert_eq!(allows(entry, url), expected, "{entry} and {url}");
        }
    }

    #[test]
    fn what_is_no_entry_is_refused_with_its_reason() {
        for (entry, reason) in [
            ("*", "no scheme"),
            ("example.com", "no scheme"),
            ("redis://user:pw@host:6379", "credentials"),
            ("redis://host:6379/1", "not a port"),
            ("https://host/path", "path"),
            ("https://a.*.com", "`*`"),
            ("https://*foo.com", "`*`"),
            ("ftp://host", "usual port"),
            ("https://host:port", "not a port"),
            ("h2c!://host:1", "letters"),
            ("https://", "no host"),
        ] {
            let error = AllowedHosts::parse([entry]).expect_err(entry).to_string();
            assert!(error.contains(reason), "{entry}: {error}");
        }
    }

    #[test]
    fn a_component_calls_itself_only_where_an_entry_says_so() {
        for (entry, expected) in [
            ("http://self", true),
            ("https://self.alt", true),
            ("*://*:*", true),
            ("redis://*", false),
            ("http://127.0.0.1:3000", false),
        ] {
            assert_eq!(AllowedHosts::parse([entry]).expect("an entry").allow_itself(), expected, "{entry}");
        }
    }

    #[test]
    fn a_destination_is_shown_as_the_entry_that_would_allow_it() {
        for url in ["redis://user:pw@host/3", "https://example.com/a?b=c", "odd://host:7/x"] {
            let destination = Destination::of(url).expect("a host");
            assert!(allows(&destination.to_string(), url), "{destination}");
        }
        assert_eq!(
            Destination::of("redis://user:pw@host/3").map(|d| d.to_string()).as_deref(),
            Some("redis://host:6379")
        );
        assert_eq!(Destination::of("/only/a/path"), None);
    }
}
