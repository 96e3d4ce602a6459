//! What the host promises for every application: its server, its private Redis, its command line.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod application;
mod build;
mod clients;
mod errors;
mod harness;
mod help;
mod instances;
mod process;
mod redis_server;
mod server;
mod trace;
mod up;
