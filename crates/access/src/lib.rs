//! Who may do what: [callers](CallerName) have a [role](Role), show it by an [API key](ApiKey), and the [table of
//! routes](ROUTES) says which roles each route is for.
//!
//! Nothing here does I/O. What is random is an argument.

mod api_key;
mod caller_name;
mod role;
mod routes;

pub use api_key::{ApiKey, KeyDigest, NotADigest};
pub use caller_name::{BadName, CallerName};
pub use role::Role;
pub use routes::{Allowed, ROUTES, Route, Unrouted};
