//! Chaos: real processes under load, killed on a seeded schedule, and every order compared with what was promised.
//!
//! ```text
//! shop ──► doors ──► two `host up` on one Redis ──► endpoints, good and bad      schedule ──► faults, on all of it
//!   └─ model: what was sent and read                          └──────── world: what there is ────────┐
//!                    └───────────────────────────► check ◄───────────────────────────────────────────┘
//! ```

mod check;
mod check_tests;
mod cluster;
mod endpoints;
mod faults;
mod history;
mod host_process;
mod model;
mod poison;
mod recovery;
mod redis_killed;
mod run;
mod schedule;
mod shop;
mod world;

use std::time::Duration;

use run::Plan;

/// `CHAOS_SECONDS` and `CHAOS_SEED` make it longer, and the same again. `CHAOS_OTHER` is another build's spin.toml,
/// which one of the hosts runs.
#[tokio::test(flavor = "multi_thread")]
async fn every_order_is_kept_once_and_told_though_everything_fails() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse().expect(name));
    let time = Duration::from_secs(number("CHAOS_SECONDS").unwrap_or(30));
    run::run(Plan { seed: number("CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..)), time }).await;
}
