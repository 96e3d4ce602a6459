//! All points of all scenarios, tried by several workers side by side: most of a run is waiting for a lease to run out.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use super::bench::Bench;
use super::point::{Blow, Kind, Nth, Point};
use super::run::{Ran, run};
use super::scenario::Scenario;

/// How it all went, scenario by scenario.
pub(crate) struct Matrix {
    pub(crate) scenarios: Vec<Tried>,
}

/// A scenario with everything that was tried in it.
pub(crate) struct Tried {
    pub(crate) scenario: Scenario,
    /// The run without a crash.
    pub(crate) learned: Ran,
    /// In the order of their calls. Without an end: not tried any more, since too much broke before.
    pub(crate) points: Vec<(Point, Option<Ran>)>,
}

/// Runs at the same time, each with a Redis of its own. They wait more than they work.
const WORKERS: usize = 24;

/// How often a run is made again whose calls came otherwise, so that the point wasn't reached.
const TRIES: usize = 3;

/// When so many broke, the rest is not tried: each may take long, and there is enough to look at.
const MOST_BROKEN: usize = 30;

/// Learns the points of each scenario, then tries them.
pub(crate) async fn run_all(scenarios: Vec<Scenario>) -> Matrix {
    let mut benches = JoinSet::new();
    for _ in 0..WORKERS {
        benches.spawn(Bench::start());
    }
    let benches: Vec<Arc<Bench>> = benches.join_all().await.into_iter().map(Arc::new).collect();

    let mut learned = learn(&benches, &scenarios).await;
    let again = learn(&benches, &scenarios).await;
    for (ran, again) in learned.iter_mut().zip(again) {
        ran.keep_common(again);
    }

    let mut read = BTreeSet::new();
    let points: Vec<Vec<Point>> = learned.iter().map(|ran| points(&ran.calls, &mut read)).collect();
    let jobs = scenarios.iter().zip(&points).flat_map(|(scenario, points)| {
        points.iter().map(|point| Job { scenario: *scenario, point: Some(point.clone()) })
    });
    let mut ends = run_jobs(&benches, jobs.collect()).await.into_iter();

    let tried = scenarios.into_iter().zip(learned).zip(points).map(|((scenario, learned), points)| Tried {
        scenario,
        learned,
        points: points.into_iter().map(|point| (point, ends.next().flatten())).collect(),
    });
    Matrix { scenarios: tried.collect() }
}

/// Runs each scenario without a crash.
async fn learn(benches: &[Arc<Bench>], scenarios: &[Scenario]) -> Vec<Ran> {
    let jobs = scenarios.iter().map(|scenario| Job { scenario: *scenario, point: None });
    let ran = run_jobs(benches, jobs.collect()).await;
    ran.into_iter().map(|ran| ran.expect("fewer scenarios than may break")).collect()
}

impl Ran {
    /// Keeps the calls that another run without a crash made too: a wake more or less, as a busy machine makes, is no
    /// point that could be reached again.
    fn keep_common(&mut self, other: Self) {
        self.calls.retain(|call| other.calls.contains(call));
        self.broken.extend(other.broken);
    }
}

/// Each call with each blow. But each wake begins by reading variables, which does nothing. So after one is as before
/// the next, and of those that a component has `read` in another scenario or wake only the scenario's first counts.
fn points(calls: &[Nth], read: &mut BTreeSet<Kind>) -> Vec<Point> {
    let first = calls.iter().position(is_variable);
    let counts = |(at, call): &(usize, &Nth)| {
        let is_new = !is_variable(call) || read.insert(call.kind.clone());
        is_new || first == Some(*at)
    };
    let calls: Vec<_> = calls.iter().enumerate().filter(counts).map(|(_, call)| call).collect();
    let all = calls.into_iter().flat_map(|call| Blow::ALL.map(|blow| Point { call: call.clone(), blow }));
    all.filter(|point| point.blow != Blow::After || !is_variable(&point.call)).collect()
}

fn is_variable(call: &Nth) -> bool {
    call.kind.what.starts_with("variable ")
}

#[derive(Clone)]
struct Job {
    scenario: Scenario,
    point: Option<Point>,
}

/// What is still to do, and what was done.
struct Work {
    jobs: VecDeque<(usize, Job)>,
    ran: Vec<Option<Ran>>,
    broken: usize,
}

/// Runs all jobs; gives how they ended, in the same order.
async fn run_jobs(benches: &[Arc<Bench>], jobs: Vec<Job>) -> Vec<Option<Ran>> {
    let ran = jobs.iter().map(|_| None).collect();
    let work = Arc::new(Mutex::new(Work { jobs: jobs.into_iter().enumerate().collect(), ran, broken: 0 }));
    let mut workers = JoinSet::new();
    for bench in benches {
        workers.spawn(work_off(bench.clone(), work.clone()));
    }
    workers.join_all().await;
    std::mem::take(&mut work.lock().unwrap_or_else(PoisonError::into_inner).ran)
}

async fn work_off(bench: Arc<Bench>, work: Arc<Mutex<Work>>) {
    loop {
        let next = {
            let mut work = work.lock().unwrap_or_else(PoisonError::into_inner);
            if work.broken < MOST_BROKEN { work.jobs.pop_front() } else { None }
        };
        let Some((index, job)) = next else { return };
        let ran = run_until_reached(&bench, &job).await;
        let mut work = work.lock().unwrap_or_else(PoisonError::into_inner);
        work.broken += usize::from(!ran.broken.is_empty());
        work.ran[index] = Some(ran);
    }
}

/// The promises must hold in every run, whether the point is reached or not.
async fn run_until_reached(bench: &Bench, job: &Job) -> Ran {
    let mut ran = run(bench, &job.scenario, job.point.clone()).await;
    for _ in 1..TRIES {
        if job.point.is_none() || ran.reached || !ran.broken.is_empty() {
            break;
        }
        ran = run(bench, &job.scenario, job.point.clone()).await;
    }
    ran
}
