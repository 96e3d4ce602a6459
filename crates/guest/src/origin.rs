//! Whether the variables `payment_origin` and `webhook_origin` allow the URLs that requests go to. They are entries of
//! Spin's `allowed_outbound_hosts`: `scheme://host[:port]`, with `*` allowed in each place. The host judges each
//! request. This judges beforehand, for health, and where it can't judge it allows.

use http::Uri;

use crate::settings::{SettingError, Settings};

impl Settings {
    /// Checks that `variable` allows all URLs of the variable `of`.
    pub(crate) async fn check_origin(
        &self,
        variable: &'static str,
        of: &str,
        urls: &[&Uri],
    ) -> Result<(), SettingError> {
        let origin = self.text(variable).await?;
        let Some(&forbidden) = urls.iter().find(|url| !may_reach(&origin, url)) else { return Ok(()) };
        let (forbidden, wanted) = (covering(&[forbidden]), covering(urls));
        let fault = format!(
            "is {origin:?}, which doesn't allow {forbidden}, where {of} sends requests: set {variable} to {wanted}"
        );
        Err(self.error(variable, fault))
    }
}

/// Whether the port of a URL is a number that a port can have, if it names one.
pub(crate) fn has_good_port(url: &Uri) -> bool {
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let behind_host = authority.rsplit_once(['@', ']']).map_or(authority, |(_, rest)| rest);
    !behind_host.contains(':') || url.port_u16().is_some_and(|port| port > 0)
}

fn may_reach(origin: &str, url: &Uri) -> bool {
    let Some((scheme, authority)) = origin.trim().split_once("://") else { return true };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let (own_scheme, own_host, own_port) = place(url);
    let in_range = |(from, to): (&str, &str)| match (from.parse(), to.parse()) {
        (Ok::<u16, _>(from), Ok(to)) => (from..to).contains(&own_port),
        _ => true,
    };
    let port_fits = match port {
        Some("*") => true,
        Some(port) => port.split_once("..").map_or(port == own_port.to_string(), in_range),
        None => usual_port(scheme).is_none_or(|port| port == own_port),
    };
    let host_fits = match host.strip_prefix("*.") {
        // A network, such as 10.0.0.0/8.
        _ if host == "*" || host.contains('/') => true,
        Some(domain) => own_host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        None => own_host == host,
    };
    (scheme == "*" || scheme == own_scheme) && host_fits && port_fits
}

/// The narrowest entry that allows all of these URLs. It shows neither users nor paths.
fn covering(urls: &[&Uri]) -> String {
    let places: Vec<_> = urls.iter().map(|url| place(url)).collect();
    let same = |parts: Vec<String>| match parts.split_first() {
        Some((first, others)) if others.iter().all(|other| other == first) => first.clone(),
        _ => "*".to_owned(),
    };
    let scheme = same(places.iter().map(|(scheme, ..)| (*scheme).to_owned()).collect());
    let host = same(places.iter().map(|(_, host, _)| host.clone()).collect());
    let port = same(places.iter().map(|(.., port)| port.to_string()).collect());
    format!("{scheme}://{host}:{port}")
}

/// Scheme, host and port.
fn place(url: &Uri) -> (&str, String, u16) {
    let scheme = url.scheme_str().unwrap_or_default();
    let port = url.port_u16().or_else(|| usual_port(scheme)).unwrap_or_default();
    (scheme, url.host().unwrap_or_default().to_ascii_lowercase(), port)
}

fn usual_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_allows_what_spin_allows() {
        for (origin, url, expected) in [
            ("https://*:443", "https://erp.test/hook", true),
            ("https://*:443", "HTTPS://ERP.test/hook", true),
            ("https://*", "https://erp.test/hook", true),
            ("https://*:443", "https://erp.test:8443/", false),
            ("https://*:443", "http://erp.test:443/", false),
            ("http://127.0.0.1:*", "http://127.0.0.1:8000/", true),
            ("http://127.0.0.1:*", "http://localhost:8000/", false),
            ("http://127.0.0.1", "http://127.0.0.1:8000/", false),
            ("http://127.0.0.1/", "http://127.0.0.1/v1", true),
            ("http://[::1]:8000", "http://[::1]:8000/", true),
            ("http://[::1]", "http://[::1]/", true),
            ("*://*:*", "http://erp.test:8000/", true),
            ("https://*.erp.test:443", "https://a.erp.test/", true),
            ("https://*.erp.test:443", "https://erp.test/", false),
            ("https://*.erp.test:443", "https://my-erp.test/", false),
            ("http://*:8000..8010", "http://erp.test:8009/", true),
            ("http://*:8000..8010", "http://erp.test:8010/", false),
            // What can't be judged here is left to the host.
            ("http://10.0.0.0/8:*", "http://10.1.2.3:80/", true),
            ("", "http://erp.test/", true),
        ] {
            assert_eq!(may_reach(origin, &url.parse().unwrap()), expected, "{origin} {url}");
        }
    }

    #[test]
    fn the_advised_origin_covers_every_url_and_shows_no_secret() {
        for (urls, expected) in [
            (vec!["http://localhost:18432/secret"], "http://localhost:18432"),
            (vec!["https://user:secret@erp.test/"], "https://erp.test:443"),
            (vec!["https://a.test/", "https://b.test/"], "https://*:443"),
            (vec!["https://a.test/", "http://a.test:8000/"], "*://a.test:*"),
        ] {
            let urls: Vec<Uri> = urls.iter().map(|url| url.parse().unwrap()).collect();
            let urls: Vec<&Uri> = urls.iter().collect();
            assert_eq!(covering(&urls), expected);
            assert!(urls.iter().all(|url| may_reach(expected, url)));
        }
    }

    #[test]
    fn a_port_is_a_number_up_to_65535() {
        for (url, expected) in [
            ("https://erp.test/", true),
            ("https://erp.test:65535/a:b", true),
            ("https://[::1]/", true),
            ("https://[::1]:80/", true),
            ("https://user:pw@erp.test/", true),
            ("https://erp.test:99999/", false),
            ("https://erp.test:0/", false),
            ("https://erp.test:/", false),
        ] {
            assert_eq!(url.parse().is_ok_and(|url| has_good_port(&url)), expected, "{url}");
        }
    }
}
