//! Finds the component that answers a path, as Spin does: an exact match goes before a wildcard, and a long prefix
//! before a short one.

use routefinder::Router;

/// The routes of an application.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    router: Router<Route>,
}

/// One route of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// As it stands in the manifest: `/exact`, `/prefix/...`, with `:name` for one segment.
    pub(crate) pattern: String,
    /// The component that it leads to.
    pub(crate) component: String,
}

/// The route that matches a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Match<'r> {
    /// The route.
    pub(crate) route: &'r Route,
    /// The part of the path in place of `...`, with its leading slash. Empty if the pattern has no `...`.
    pub(crate) trailing: String,
    /// The segment of the path in place of each `:name`.
    pub(crate) captures: Vec<(String, String)>,
}

impl Routes {
    /// The routes of an application. An error says what is wrong with one of them.
    pub(crate) fn new(routes: impl IntoIterator<Item = Route>) -> Result<Self, String> {
        let mut router = Router::new();
        let mut seen: Vec<Route> = Vec::new();
        for route in routes {
            if let Some(other) = seen.iter().find(|other| path_of(&other.pattern) == path_of(&route.pattern)) {
                return Err(format!(
                    "the route `{}` of `{}` is taken by `{}`: choose another route",
                    route.pattern, route.component, other.component
                ));
            }
            router.add(path_of(&route.pattern).as_str(), route.clone()).map_err(|_| not_a_route(&route.pattern))?;
            seen.push(route);
        }
        Ok(Self { router })
    }

    /// The route for a path.
    pub(crate) fn find(&self, path: &str) -> Option<Match<'_>> {
        let best = self.router.best_match(path)?;
        let captures = best.captures();
        let trailing = captures.wildcard().map(|rest| trailing(rest, path.ends_with('/'))).unwrap_or_default();
        let captures = captures.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Some(Match { route: best.handler(), trailing, captures })
    }
}

impl Route {
    /// The pattern without its wildcard.
    pub(crate) fn prefix(&self) -> &str {
        self.pattern.strip_suffix("/...").unwrap_or(&self.pattern)
    }
}

fn not_a_route(pattern: &str) -> String {
    format!("`{pattern}` is not a route: write `:name` for one segment, and `/...` at the end for the rest")
}

/// A pattern in routefinder's syntax: absolute, without a trailing slash, `*` for `...`.
fn path_of(pattern: &str) -> String {
    let absolute = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/{pattern}") };
    match absolute.strip_suffix("/...") {
        Some(prefix) => format!("{prefix}/*"),
        None => absolute.strip_suffix('/').map(str::to_owned).unwrap_or(absolute),
    }
}

/// Adds the slashes around the part in place of a wildcard. The router drops them, and Spin keeps them.
fn trailing(rest: &str, ends_with_slash: bool) -> String {
    match (rest.is_empty(), ends_with_slash) {
        (true, false) => String::new(),
        (true, true) => "/".to_owned(),
        (false, false) => format!("/{rest}"),
        (false, true) => format!("/{rest}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(patterns: &[&str]) -> Routes {
        let routes =
            patterns.iter().map(|pattern| Route { pattern: pattern.to_string(), component: pattern.to_string() });
        Routes::new(routes).expect("routes")
    }

    #[test]
    fn the_most_exact_route_wins_whatever_the_order() {
        let all = ["/...", "/books", "/books/:id", "/books/:id/cancel", "/books/one", "/admin/...", "/admin/deep/..."];
        let mut backwards = all;
        backwards.reverse();
        for routes in [routes(&all), routes(&backwards)] {
            for (path, expected) in [
                ("/", "/..."),
                ("/books", "/books"),
                ("/books/", "/books"),
                ("/books/17", "/books/:id"),
                ("/books/one", "/books/one"),
                ("/books/17/cancel", "/books/:id/cancel"),
                ("/books/17/other", "/..."),
                ("/admin", "/admin/..."),
                ("/admin/x", "/admin/..."),
                ("/admin/deep/x/y", "/admin/deep/..."),
            ] {
                assert_eq!(routes.find(path).map(|found| found.route.pattern.as_str()), Some(expected), "{path}");
            }
        }
    }

    #[test]
    fn no_route_is_no_match() {
        assert!(routes(&["/books"]).find("/other").is_none());
        assert!(routes(&["/books"]).find("/books/1").is_none());
        assert!(routes(&[]).find("/").is_none());
    }

    #[test]
    fn what_a_wildcard_and_a_name_stood_for_is_told() {
        let routes = routes(&["/a/:user/..."]);
        for (path, trailing) in [("/a/7", ""), ("/a/7/", "/"), ("/a/7/b", "/b"), ("/a/7/b/c/", "/b/c/")] {
            let found = routes.find(path).expect("a match");
            assert_eq!(
                (found.trailing.as_str(), found.captures),
                (trailing, vec![("user".into(), "7".into())]),
                "{path}"
            );
            assert_eq!(found.route.prefix(), "/a/:user");
        }
    }

    #[test]
    fn a_route_taken_twice_is_refused() {
        let twice = ["/x", "/x/"].map(|pattern| Route { pattern: pattern.into(), component: "c".into() });
        assert!(Routes::new(twice).expect_err("taken twice").contains("taken by `c`"));
    }
}
