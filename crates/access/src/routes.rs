//! All routes, and which roles each is for. Components answer no other: whoever adds a route adds it here.

use http::Method;

use crate::role::Role;
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
    route(Method::POST, "/orders", Allowed::Roles(&[Shop, Operator])),
    route(Method::GET, "/orders", Allowed::Roles(&[Shop, Viewer, Support, Operator])),
    route(Method::POST, "/orders/batch", Allowed::Roles(&[Shop, Operator])),
    route(Method::GET, "/orders/{id}", Allowed::Roles(&[Shop, Viewer, Support, Operator])),
    route(Method::POST, "/orders/{id}/cancel", Allowed::Roles(&[Shop, Support, Operator])),
    route(Method::POST, "/orders/{id}/fulfil", Allowed::Roles(&[Support, Operator])),
    route(Method::DELETE, "/orders/{id}/personal-data", OPERATORS),
    route(Method::GET, "/dead-letters", READERS),
    route(Method::GET, "/dead-letters/{queue}", READERS),
    route(Method::POST, "/dead-letters/{queue}/redrive", OPERATORS),
    route(Method::POST, "/dead-letters/{queue}/discard", OPERATORS),
    route(Method::POST, "/dead-letters/placed/settle", OPERATORS),
    route(Method::GET, "/endpoints", READERS),
    route(Method::DELETE, "/endpoints/{name}", OPERATORS),
    route(Method::GET, "/metrics", READERS),
    route(Method::GET, "/stock", READERS),
    route(Method::GET, "/stock/{sku...}", READERS),
    route(Method::PUT, "/stock/{sku...}", OPERATORS),
    route(Method::PATCH, "/stock/{sku...}", OPERATORS),
    route(Method::POST, "/payments/events", Allowed::Signers),
    route(Method::POST, "/payments/stripe/events", Allowed::Signers),
    route(Method::GET, "/health", Allowed::Everybody),
    route(Method::GET, "/openapi.json", Allowed::Everybody),
];

impl Route {
    /// The route of a request, by its method and path.
    ///
    /// # Errors
    /// See [`Unrouted`].
    pub fn find(method: &Method, path: &str) -> Result<&'static Self, Unrouted> {
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        let found = of_path(path).find(|route| route.method == *wanted);
        found.ok_or_else(|| Self::methods(path).map_or(Unrouted::NoSuchPath, Unrouted::OtherMethods))
    }

    /// The methods of all routes with this path, as the header `Allow` lists them; `None` if there is no such path.
    #[must_use]
    pub fn methods(path: &str) -> Option<String> {
        let methods = of_path(path).map(|route| match &route.method {
            &Method::GET => "GET, HEAD",
            other => other.as_str(),
        });
        let methods: Vec<&str> = methods.collect();
        (!methods.is_empty()).then(|| [&methods[..], &["OPTIONS"]].concat().join(", "))
    }
}

/// The routes with this path. Where it is written in the table itself, it is no other's: `/orders/batch` is no order.
fn of_path(path: &str) -> impl Iterator<Item = &'static Route> + '_ {
    let is_written = ROUTES.iter().any(|route| route.path == path);
    ROUTES.iter().filter(move |route| if is_written { route.path == path } else { fits(route.path, path) })
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
    use http::Method;

    use super::{Route, Unrouted};

    #[test]
    fn a_request_has_the_route_of_its_method_and_path_or_none() {
        for (method, path, found) in [
            ("POST", "/orders", Ok("/orders")),
            ("GET", "/orders", Ok("/orders")),
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
            let method: Method = method.parse().expect("a method");
            assert_eq!(Route::find(&method, path).map(|route| route.path), found, "{method} {path}");
        }
    }
}
