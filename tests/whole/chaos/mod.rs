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
mod outage;
mod poison;
mod recovery;
mod redis_killed;
mod run;
mod schedule;
mod shop;
mod world;

use std::time::Duration;

use cluster::SetUp;
use run::Plan;
use schedule::Schedule;
use shop::Habits;

/// `CHAOS_SECONDS` and `CHAOS_SEED` make it longer, and the same again. `CHAOS_OTHER` is another build's spin.toml,
/// which one of the hosts runs.
#[tokio::test(flavor = "multi_thread")]
async fn every_order_is_kept_once_and_told_though_everything_fails() {
    let (seconds, seed) = (number("CHAOS_SECONDS").unwrap_or(30), seed());
    let variables = [
        // Short, so that what a fault left behind comes back soon.
        ("lease_ms", "600"),
        ("max_crashes", "6"),
        ("max_attempts", "8"),
        ("backoff_base_ms", "50"),
        ("backoff_cap_ms", "400"),
        ("drain_budget_ms", "2000"),
    ];
    let plan = Plan {
        seed,
        time: Duration::from_secs(seconds),
        quiet: Duration::from_secs(60),
        habits: Habits { period: Duration::from_millis(200), regrets: 0 },
        // For about a third of what is wanted.
        pieces: seconds * 20,
        // Receivers of webhooks bear five minutes.
        set_up: SetUp { clock_skew: [-60, 120], variables: variables.map(|(name, value)| (name, value.into())).into() },
        again: format!("make chaos SECONDS={seconds} SEED={seed}"),
    };
    run::run(&plan, Schedule::new(seed), |_| Vec::new()).await;
}

fn seed() -> u64 {
    number("CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..))
}

/// A variable of the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect(name))
}
