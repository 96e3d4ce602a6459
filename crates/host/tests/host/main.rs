//! What the host promises without any component: its server, its own Redis, its command line.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod application;
mod build;
mod harness;
mod redis_server;
mod server;
mod up;
