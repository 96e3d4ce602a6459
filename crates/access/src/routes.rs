//! All routes, and which roles each is for. Components answer no other: whoever adds a route adds it here.

use std::fmt;

use crate::role::Role;
use Method::{Delete, Get, Patch, Post, Put};
use Role::{Operator, Shop, Support, Viewer};

/// A route: a method, and the form of its paths.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The method. `GET` stands for `HEAD` too.
    pub method: Method,
    /// The form of its paths: `/orders/{id}`. A part in braces is any one segment, and `{sku...}` is one or more.
    pub path: &'static str,
    /// Who may call it.
    pub allowed: Allowed,
}

/// Who may call a route.
#[derive(Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Callers with one of these roles.
    Roles(&'static [Role]),
    /// Whoever signs the body. The component checks that.
    Signers,
    /// Everybody.
    Everybody,
}

/// The methods of HTTP that routes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads, and changes nothing.
    Get,
    /// Asks for something to be done.
    Post,
    /// Sets something.
    Put,
    /// Changes something by a difference.
    Patch,
    /// Removes something.
    Delete,
}

/// Why a request has no route.
#[derive(Debug, PartialEq, Eq)]
pub enum Unrouted {
    /// No route has this path.
    NoSuchPath,
    /// The path has routes, with these methods: the value of the header `Allow`.
    OtherMethods(String),
}

const READERS: Allowed = Allowed::Roles(&[Viewer, Support, Operator]);
const OPERATORS: Allowed = Allowed::Roles(&[Operator]);

const fn route(method: Method, path: &'static str, allowed: Allowed) -> Route {
    Route { method, path, allowed }
}

/// Every route, with those who may call it.
pub static ROUTES: &[Route] = &[
    route(Post, "/orders", Allowed::Roles(&[Shop, Operator])),
    route(Post, "/orders/batch", Allowed::Roles(&[Shop, Operator])),
    route(Get, "/orders/{id}", Allowed::Roles(&[Shop, Viewer, Support, Operator])),
    route(Post, "/orders/{id}/cancel", Allowed::Roles(&[Shop, Support, Operator])),
    route(Post, "/orders/{id}/fulfil", Allowed::Roles(&[Support, Operator])),
    route(Get, "/dead-letters", READERS),
    route(Get, "/dead-letters/{queue}", READERS),
    route(Post, "/dead-letters/{queue}/redrive", OPERATORS),
    route(Post, "/dead-letters/{queue}/discard", OPERATORS),
    route(Post, "/dead-letters/placed/settle", OPERATORS),
    route(Get, "/endpoints", READERS),
    route(Delete, "/endpoints/{name}", OPERATORS),
    route(Get, "/metrics", READERS),
    route(Get, "/stock", READERS),
    route(Get, "/stock/{sku...}", READERS),
    route(Put, "/stock/{sku...}", OPERATORS),
    route(Patch, "/stock/{sku...}", OPERATORS),
    route(Post, "/payments/events", Allowed::Signers),
    route(Post, "/payments/stripe/events", Allowed::Signers),
    route(Get, "/health", Allowed::Everybody),
];

impl Route {
    /// The route of a request, by its method and path.
    ///
    /// # Errors
    /// See [`Unrouted`].
    pub fn find(method: &str, path: &str) -> Result<&'static Self, Unrouted> {
        let mut methods: Vec<Method> = Vec::new();
        for route in of_path(path) {
            if route.method.is(method) {
                return Ok(route);
            }
            methods.push(route.method);
        }
        if methods.is_empty() { Err(Unrouted::NoSuchPath) } else { Err(Unrouted::OtherMethods(listed(&methods))) }
    }

    /// The methods of all routes with this path, as the header `Allow` lists them; `None` if there is no such path.
    #[must_use]
    pub fn methods(path: &str) -> Option<String> {
        let methods: Vec<Method> = of_path(path).map(|route| route.method).collect();
        (!methods.is_empty()).then(|| listed(&methods))
    }
}

impl Method {
    /// Whether a request with this method is for a route with this one.
    fn is(self, method: &str) -> bool {
        method == self.as_str() || (self == Get && method == "HEAD")
    }

    fn as_str(self) -> &'static str {
        match self {
            Get => "GET",
            Post => "POST",
            Put => "PUT",
            Patch => "PATCH",
            Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The routes with this path. Where it is written in the table itself, it is no other's: `/orders/batch` is no order.
fn of_path(path: &str) -> impl Iterator<Item = &'static Route> + '_ {
    let is_written = ROUTES.iter().any(|route| route.path == path);
    ROUTES.iter().filter(move |route| if is_written { route.path == path } else { fits(route.path, path) })
}

fn listed(methods: &[Method]) -> String {
    let names = methods.iter().map(|method| if *method == Get { "GET, HEAD" } else { method.as_str() });
    names.chain(["OPTIONS"]).collect::<Vec<_>>().join(", ")
}

fn fits(form: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for part in form.split('/') {
        let Some(segment) = segments.next() else { return false };
        match part.ends_with("...}") {
            true => return !segment.is_empty(),
            false if part.starts_with('{') && !segment.is_empty() => {}
            false if part == segment => {}
            false => return false,
        }
    }
    segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::{Route, Unrouted};

    #[test]
    fn a_request_has_the_route_of_its_method_and_path_or_none() {
        for (method, path, found) in [
            ("POST", "/orders", Ok("/orders")),
            ("POST", "/orders/batch", Ok("/orders/batch")),
            ("GET", "/orders/batch", Err(Unrouted::OtherMethods("POST, OPTIONS".to_owned()))),
            ("GET", "/orders/1", Ok("/orders/{id}")),
            ("HEAD", "/orders/1", Ok("/orders/{id}")),
            ("POST", "/orders/1/cancel", Ok("/orders/{id}/cancel")),
            ("POST", "/dead-letters/placed/settle", Ok("/dead-letters/placed/settle")),
            ("PUT", "/stock/TEA/1", Ok("/stock/{sku...}")),
            ("GET", "/stock", Ok("/stock")),
            ("get", "/stock", Err(Unrouted::OtherMethods("GET, HEAD, OPTIONS".to_owned()))),
            ("DELETE", "/stock/TEA", Err(Unrouted::OtherMethods("GET, HEAD, PUT, PATCH, OPTIONS".to_owned()))),
            ("GET", "/orders/1/cancel", Err(Unrouted::OtherMethods("POST, OPTIONS".to_owned()))),
            ("POST", "/dead-letters/changes/settle", Err(Unrouted::NoSuchPath)),
            ("GET", "/orders/", Err(Unrouted::NoSuchPath)),
            ("GET", "/stock/", Err(Unrouted::NoSuchPath)),
            ("GET", "/orders/1/2", Err(Unrouted::NoSuchPath)),
            ("GET", "orders/1", Err(Unrouted::NoSuchPath)),
            ("GET", "/", Err(Unrouted::NoSuchPath)),
            ("GET", "", Err(Unrouted::NoSuchPath)),
        ] {
            assert_eq!(Route::find(method, path).map(|route| route.path), found, "{method} {path}");
        }
    }
}
