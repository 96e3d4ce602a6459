//! The plan of faults: it counts calls, and decides which fault strikes which.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use rustix::process::{Signal, getpid, kill_process};

use super::fault::{Effect, Fault, Occurrence, refusal};
use crate::watch::calls::{Call, Calls, Ending, Ruling};

/// Faults that strike an application's calls.
pub struct FaultPlan {
    faults: Vec<Fault>,
    seed: u64,
    /// How many calls of each component each fault has counted. A fault is known by its place in the plan.
    counts: Mutex<HashMap<(usize, Arc<str>), u64>>,
    /// The numbers of the calls after which the host is killed.
    last_calls: Mutex<HashSet<u64>>,
}

impl FaultPlan {
    /// A plan that has counted nothing yet. `seed` alone decides which calls are struck by chance. So a component's
    /// n-th call is struck or isn't, whatever calls others make in between.
    pub fn new(faults: impl IntoIterator<Item = Fault>, seed: u64) -> Self {
        let faults = faults.into_iter().collect();
        Self { faults, seed, counts: Mutex::default(), last_calls: Mutex::default() }
    }

    /// Counts a call for each fault that means it. Returns the first fault that strikes it.
    fn strike(&self, call: &Call) -> Option<&Fault> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut first = None;
        for (place, fault) in self.faults.iter().enumerate().filter(|(_, fault)| fault.means(call)) {
            let count = counts.entry((place, call.component.clone())).or_default();
            *count += 1;
            let strikes = match fault.occurrence {
                Occurrence::Nth(nth) => *count == nth.get(),
                Occurrence::Every(every) => count.is_multiple_of(every.get()),
                Occurrence::Chance(chance) => self.draw(place, &call.component, *count) < chance,
            };
            first = first.or(strikes.then_some(fault));
        }
        first
    }

    /// A number from 0 to 1, evenly spread, and always the same for the same call under the same seed.
    fn draw(&self, place: usize, component: &str, count: u64) -> f64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, place, component, count).hash(&mut hasher);
        hasher.finish() as f64 / u64::MAX as f64
    }

    fn ruling(&self, fault: &Fault, call: &Call) -> Ruling {
        match fault.effect {
            Effect::CrashBefore => Ruling::CrashBefore,
            Effect::CrashAfter => Ruling::CrashAfter,
            Effect::KillBefore => kill("before", call),
            Effect::KillAfter => {
                self.last_calls().insert(call.number);
                Ruling::Proceed
            }
            Effect::Fail => {
                tell(fault, call);
                Ruling::Refuse(refusal(call.operation.kind()))
            }
            Effect::LoseAnswer => {
                tell(fault, call);
                Ruling::LoseAnswer
            }
            Effect::Delay(duration) => {
                tell(fault, call);
                Ruling::Delay(duration)
            }
        }
    }

    fn last_calls(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.last_calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls for FaultPlan {
    fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling> {
        let ruling = self.strike(call).map_or(Ruling::Proceed, |fault| self.ruling(fault, call));
        Box::pin(std::future::ready(ruling))
    }

    fn after(&self, call: &Call, ending: &Ending) {
        let is_last = self.last_calls().remove(&call.number);
        if is_last && !matches!(ending, Ending::Dropped) {
            kill("after", call);
        }
    }
}

/// Logs that a fault strikes. Crashes are logged when their instance ends.
fn tell(fault: &Fault, call: &Call) {
    tracing::info!(
        component = &*call.component,
        "the fault {fault} strikes the call {}, {}",
        call.number,
        call.operation
    );
}

/// Ends this process as a kill from outside would: nothing is flushed, closed or told to anyone.
fn kill(when: &str, call: &Call) -> ! {
    let component = &*call.component;
    tracing::warn!(component, "the host is killed {when} the call {}, {}, as ordered", call.number, call.operation);
    _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::watch::calls::Operation;

    fn call(component: &str, operation: Operation) -> Call {
        Call { component: component.into(), instance: 1, number: 1, began: Instant::now(), operation }
    }

    fn get(component: &str) -> Call {
        call(component, Operation::Redis { command: "GET".into(), arguments: Vec::new() })
    }

    fn exists(component: &str) -> Call {
        call(component, Operation::KeyValueExists { store: "default".into(), key: "k".into() })
    }

    fn plan(faults: &[&str], seed: u64) -> FaultPlan {
        FaultPlan::new(faults.iter().map(|fault| fault.parse().expect(fault)), seed)
    }

    /// Which of a component's first calls are struck, counted from 1.
    fn struck(plan: &FaultPlan, calls: usize, call: impl Fn() -> Call) -> Vec<usize> {
        (1..=calls).filter(|_| plan.strike(&call()).is_some()).collect()
    }

    #[test]
    fn a_fault_strikes_the_calls_that_its_occurrence_says() {
        for (fault, expected) in [
            ("door:redis:3=fail", vec![3]),
            ("door:redis:every-3=fail", vec![3, 6, 9]),
            ("door:redis:p1=fail", (1..=9).collect()),
            ("door:redis=fail", (1..=9).collect()),
            ("*:*:9=fail", vec![9]),
            ("door:redis:get:2=fail", vec![2]),
            ("door:redis:SET:2=fail", vec![]),
            ("door:redis-open:2=fail", vec![]),
            ("door:key-value:2=fail", vec![]),
            ("other:redis:2=fail", vec![]),
        ] {
            assert_eq!(struck(&plan(&[fault], 0), 9, || get("door")), expected, "{fault}");
        }
    }

    #[test]
    fn only_the_calls_that_a_fault_means_are_counted_and_each_component_by_itself() {
        let plan = plan(&["*:redis:3=fail"], 0);
        assert_eq!(struck(&plan, 2, || get("door")), [0; 0]);
        assert_eq!(struck(&plan, 5, || exists("door")), [0; 0]);
        assert_eq!(struck(&plan, 2, || get("desk")), [0; 0]);
        assert_eq!(struck(&plan, 2, || get("door")), [1]);
        assert_eq!(struck(&plan, 2, || get("desk")), [1]);
    }

    #[test]
    fn the_first_fault_strikes_and_the_others_count_on() {
        let plan = plan(&["door:redis:2=delay=1", "door:redis:every-2=crash-after", "door:*:3=fail"], 0);
        let effects: Vec<_> = (0..4).map(|_| plan.strike(&get("door")).map(|fault| fault.effect)).collect();
        let delay = Effect::Delay(Duration::from_millis(1));
        assert_eq!(effects, [None, Some(delay), Some(Effect::Fail), Some(Effect::CrashAfter)]);
    }

    #[test]
    fn chance_is_as_likely_as_it_says_and_the_same_for_the_same_seed() {
        let drawn = |seed| struck(&plan(&["door:redis:p0.1=fail"], seed), 10_000, || get("door"));
        assert!((900..1100).contains(&drawn(1).len()), "{}", drawn(1).len());
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }

    #[tokio::test]
    async fn a_call_that_fails_gets_an_error_of_its_interface() {
        use crate::watch::calls::{Kind, Refusal};
        let plan = plan(&["*:*=fail"], 0);
        for call in [get("door"), exists("door"), call("door", Operation::Variable { name: "a".into() })] {
            let Ruling::Refuse(refusal) = plan.before(&call).await else { panic!("{call:?} passed") };
            let fits = match call.operation.kind() {
                Kind::Redis => matches!(refusal, Refusal::Redis(_)),
                Kind::KeyValue => matches!(refusal, Refusal::KeyValue(_)),
                _ => matches!(refusal, Refusal::Variable(_)),
            };
            assert!(fits, "{call:?}: {refusal:?}");
        }
    }

    /// Set in the process that the test below starts to be killed.
    const VICTIM: &str = "HOST_TEST_VICTIM";

    #[tokio::test]
    async fn a_kill_ends_the_process_as_sigkill_does() {
        if let Ok(fault) = std::env::var(VICTIM) {
            let (plan, call) = (plan(&[&fault], 0), get("door"));
            plan.before(&call).await;
            println!("carried out");
            plan.after(&call, &Ending::Refused("whatever".into()));
            return;
        }
        for (fault, is_carried_out) in [("*:redis:1=kill-before", false), ("*:redis:1=kill-after", true)] {
            let test =
                concat!(module_path!(), "::a_kill_ends_the_process_as_sigkill_does").trim_start_matches("host::");
            let mut victim = Command::new(std::env::current_exe().expect("this program"));
            let output = victim.args(["--exact", test, "--nocapture"]).env(VICTIM, fault).output().expect("it runs");
            assert_eq!(output.status.signal(), Some(Signal::KILL.as_raw()), "{fault}");
            assert_eq!(String::from_utf8_lossy(&output.stdout).contains("carried out"), is_carried_out, "{fault}");
        }
    }
}
