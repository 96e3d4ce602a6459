//! The crash matrix: every effect of every component, with the component's instance stopped right before it and right
//! after it. Then nobody helps: leases and timers alone must bring it all to the end that was promised.
//!
//! ```text
//! scenarios ─► matrix ─► run: a run without faults learns the points, then one run for each point
//!                         │
//!                         ├─ stage    what a scenario can do: place orders, bury, redrive
//!                         ├─ faults   sees each call, and stops the instance at the point
//!                         └─ check    the model of what was promised, against the world as it is in the end
//! ```

mod bench;
mod check;
mod faults;
mod matrix;
mod model;
pub(super) mod point;
mod report;
mod run;
mod scenario;
mod scenarios;
mod stage;
mod world;

/// The issue of it all asks for no fewer.
const LEAST_POINTS: usize = 150;

#[tokio::test(flavor = "multi_thread")]
async fn no_promise_breaks_wherever_a_component_is_stopped() {
    let matrix = matrix::run_all(scenarios::all()).await;
    report::publish(&matrix);
    assert_eq!(matrix.broken(), 0, "the matrix above says which promise broke where");
    assert!(matrix.tried() >= LEAST_POINTS, "only {} points were tried", matrix.tried());
    // A busy machine makes a wake more or less than when the points were learned, but no other scenario.
    let missed = matrix.hardly_reached();
    assert!(missed.is_empty(), "most of the points of {missed:?} were learned, but not reached again");
}
