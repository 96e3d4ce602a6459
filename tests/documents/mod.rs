//! The documents say what is in the source: each route, each variable, each path and each test that they name.
//!
//! These tests read files, and ask make. They need no component and no Redis.

mod changelog;
mod fields;
mod first_page;
mod grammar;
mod links;
mod markdown;
mod names;
mod problems;
mod prose;
mod routes;
mod routes_in_source;
mod variables;
mod webhooks;
