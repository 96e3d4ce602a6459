//! A run: load and faults for a time, then quiet, then the comparison.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use tokio::time::sleep;

use super::check::{Broken, Tally, check};
use super::cluster::{Cluster, HOSTS, SetUp};
use super::faults;
use super::history;
use super::model::Posted;
use super::schedule::Fault;
use super::shop::{Habits, SCARCE, Shop};
use super::world::{Queues, World, lane};

/// How a run goes.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// How long there are load and faults.
    pub(crate) time: Duration,
    /// How long everything may take to be worked off afterwards. Far more than the last retry and the host's next
    /// probe need.
    pub(crate) quiet: Duration,
    pub(crate) habits: Habits,
    /// Pieces of the scarce article.
    pub(crate) pieces: u64,
    pub(crate) set_up: SetUp,
    /// The command that runs it again.
    pub(crate) again: String,
}

/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(5);
/// Of how many broken promises the history is shown.
const SHOWN: usize = 5;

/// Runs, and panics with all that is known if a promise was broken. `more` looks for what else was promised.
pub(crate) async fn run(
    plan: &Plan,
    faults: impl Iterator<Item = (Duration, Fault)>,
    more: impl FnOnce(&World) -> Vec<Broken>,
) {
    eprintln!("chaos: seed {}, {} s", plan.seed, plan.time.as_secs());
    let folder = Folder::new();
    let mut chance = fastrand::Rng::with_seed(plan.seed);
    let cluster = Arc::new(Cluster::start(folder.path(), &plan.set_up, &mut chance).await);
    cluster.note(&format!("{} runs {}", HOSTS[1], cluster.manifest(1).display()));
    let last_words = LastWords { again: plan.again.clone(), cluster: cluster.clone() };
    cluster.desk("PUT", &format!("/stock/{SCARCE}"), json!({"available": plan.pieces})).await;
    let posted = trade(&cluster, plan, faults, chance).await;
    let quiet = until_quiet(&cluster, plan.quiet).await;
    let known = posted.iter().filter_map(|posted| posted.id().map(str::to_owned));
    let world = World::read(&cluster, known, plan.pieces).await;
    let (tally, mut broken) = check(&posted, &world);
    broken.extend(more(&world));
    report(&tally, &world, quiet);
    show(&broken, &posted, &world);
    assert!(broken.is_empty(), "{} promises were broken; the seed is {}", broken.len(), plan.seed);
    drop(last_words);
    folder.remove();
}

/// Load and faults.
async fn trade(
    cluster: &Arc<Cluster>,
    plan: &Plan,
    faults: impl Iterator<Item = (Duration, Fault)>,
    chance: fastrand::Rng,
) -> Vec<Posted> {
    let end = Instant::now() + plan.time;
    let mut shop = Shop { doors: cluster.doors.clone(), begun: cluster.begun, chance, habits: plan.habits };
    let (sent, accepted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let told = |posted: &Posted| {
        sent.fetch_add(1, Ordering::Relaxed);
        accepted.fetch_add(usize::from(posted.id().is_some()), Ordering::Relaxed);
    };
    let progress = async {
        loop {
            sleep(PROGRESS).await;
            let (sent, accepted) = (sent.load(Ordering::Relaxed), accepted.load(Ordering::Relaxed));
            let (at, faults) = (cluster.begun.elapsed().as_secs(), cluster.journal().len());
            eprintln!("chaos: {at:4} s, {sent} orders sent, {accepted} accepted, {faults} lines in the journal");
        }
    };
    let work = async { tokio::join!(shop.trade(end, told), faults::make(cluster, faults, end.into())).0 };
    let mut posted = tokio::select! {
        posted = work => posted,
        () = progress => unreachable!("it never ends"),
    };
    posted.append(&mut cluster.poisoned.lock().expect("no panic"));
    posted
}

/// Waits until every queue is empty, and says how long that took. What is still there after the time is up, the check
/// will find.
async fn until_quiet(cluster: &Cluster, patience: Duration) -> Duration {
    let start = Instant::now();
    let queues = Queues::connect(cluster).await;
    let lanes: Vec<_> = cluster.endpoints.told().iter().map(|(name, ..)| lane(name)).collect();
    let mut told = Instant::now();
    while start.elapsed() < patience {
        let mut left = queues.left(&lanes).await;
        left.retain(|_, left| *left > 0);
        if left.is_empty() {
            break;
        }
        if told.elapsed() > PROGRESS {
            eprintln!("chaos: still waiting for {left:?}");
            told = Instant::now();
        }
        sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}

fn report(tally: &Tally, world: &World, quiet: Duration) {
    let told: u32 = world.endpoints.iter().flat_map(|endpoint| endpoint.told.values()).map(|told| told.times).sum();
    eprintln!(
        "chaos: {} orders without an answer, {} of them kept; {} events, told {told} times to {} endpoints, {} of it given \
         up; {} superseded records; quiet after {} ms",
        tally.unanswered,
        tally.unanswered_kept,
        world.log.len(),
        world.endpoints.len(),
        world.endpoints.iter().map(|endpoint| endpoint.dead.len()).sum::<usize>(),
        tally.superseded,
        quiet.as_millis(),
    );
    eprintln!("chaos: {tally}");
}

fn show(broken: &[Broken], posted: &[Posted], world: &World) {
    for broken in broken {
        eprintln!("{broken}");
    }
    for broken in broken.iter().filter(|broken| broken.reference.is_some()).take(SHOWN) {
        let order = posted.iter().find(|posted| Some(&posted.reference) == broken.reference.as_ref());
        order.into_iter().for_each(|order| eprintln!("\n{}", history::of(order, world)));
    }
}

/// Shows the seed and the journal if the run breaks off.
struct LastWords {
    again: String,
    cluster: Arc<Cluster>,
}

impl Drop for LastWords {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let journal = self.cluster.journal().join("\n");
            eprintln!("What was done:\n{journal}");
            eprintln!("\nAgain by: {}", self.again);
        }
    }
}

/// Where data and logs lie. It stays where a run breaks off.
struct Folder(Option<TempDir>);

impl Folder {
    fn new() -> Self {
        Self(Some(TempDir::with_prefix_in("chaos-", env!("CARGO_TARGET_TMPDIR")).expect("a folder")))
    }

    fn path(&self) -> &Path {
        self.0.as_ref().expect("it is there until it is removed").path()
    }

    fn remove(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(folder) = self.0.take() {
            eprintln!("The hosts' logs and Redis's data are kept in {}", folder.keep().display());
        }
    }
}
