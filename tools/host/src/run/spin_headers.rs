//! The headers that tell a component how a request reached it.

use std::net::SocketAddr;

use http::{HeaderName, HeaderValue, Request, header};

use crate::application::routes::Match;

/// Sets the `spin-*` headers. They replace those that the client sent.
pub(crate) fn insert<B>(request: &mut Request<B>, found: &Match<'_>, client: SocketAddr) {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let scheme = request.uri().scheme_str().unwrap_or("http");
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let full_url = format!("{scheme}://{host}{path}");
    let mut set = |name: &str, value: &str| {
        let name = HeaderName::from_bytes(name.as_bytes());
        // The client's path may hold a name or a value that no header can have. It is left out.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            request.headers_mut().insert(name, value);
        }
    };
    set("spin-path-info", &found.trailing);
    set("spin-full-url", &full_url);
    set("spin-matched-route", &found.route.pattern);
    set("spin-base-path", "/");
    set("spin-raw-component-route", &found.route.pattern);
    set("spin-component-route", found.route.prefix());
    set("spin-client-addr", &client.to_string());
    for (name, value) in &found.captures {
        set(&format!("spin-path-match-{}", name.to_ascii_lowercase()), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::routes::{Route, Routes};

    #[test]
    fn a_component_is_told_how_the_request_reached_it() {
        let routes =
            Routes::new([Route { pattern: "/foo/:userid/...".into(), component: "c".into() }]).expect("a route");
        let mut request = Request::get("http://shop.test/foo/42/bar?a=b")
            .header("host", "shop.test")
            .header("spin-client-addr", "forged")
            .body(())
            .expect("a request");
        insert(&mut request, &routes.find("/foo/42/bar").expect("a match"), ([127, 0, 0, 1], 8777).into());
        for (name, expected) in [
            ("spin-full-url", "http://shop.test/foo/42/bar?a=b"),
            ("spin-path-info", "/bar"),
            ("spin-matched-route", "/foo/:userid/..."),
            ("spin-base-path", "/"),
            ("spin-raw-component-route", "/foo/:userid/..."),
            ("spin-component-route", "/foo/:userid"),
            ("spin-client-addr", "127.0.0.1:8777"),
            ("spin-path-match-userid", "42"),
        ] {
            let values: Vec<_> = request.headers().get_all(name).iter().collect();
            assert_eq!(values, [expected], "{name}");
        }
    }
}
