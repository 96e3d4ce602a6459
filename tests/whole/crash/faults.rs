//! What is done to the calls of a run: the scenario's own troubles, and one crash at one point.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use host::calls::{Call, Calls, Ending, Ruling};
use http::Uri;

use super::point::{Blow, Kind, Nth, Point};

/// What happens to a call in a scenario, crash or no crash. `None`: nothing.
pub(crate) type Trouble = fn(&Nth) -> Option<Ruling>;

pub(crate) struct Faults {
    trouble: Trouble,
    point: Option<Point>,
    /// The endpoints' names, by `host:port`.
    endpoints: BTreeMap<String, String>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    calls: Vec<Nth>,
    counts: BTreeMap<Kind, usize>,
    reached: bool,
    /// Each call in a line, for whoever must find out what went wrong.
    trace: Vec<String>,
}

impl Faults {
    pub(crate) fn new(trouble: Trouble, point: Option<Point>, endpoints: BTreeMap<String, String>) -> Self {
        Self { trouble, point, endpoints, seen: Mutex::default() }
    }

    /// The calls so far, in the order in which they began.
    pub(crate) fn calls(&self) -> Vec<Nth> {
        self.seen().calls.clone()
    }

    /// Whether the instance was stopped at the point.
    pub(crate) fn reached(&self) -> bool {
        self.seen().reached
    }

    /// Adds a line to the trace.
    pub(crate) fn note(&self, line: String) {
        self.seen().trace.push(line);
    }

    pub(crate) fn trace(&self) -> Vec<String> {
        self.seen().trace.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name_of(&self, uri: &Uri) -> String {
        let authority = uri.authority().map(|authority| authority.to_string()).unwrap_or_default();
        self.endpoints.get(&authority).cloned().unwrap_or(authority)
    }

    fn decide(&self, call: &Call) -> Ruling {
        let kind = Kind::of(call, |uri| self.name_of(uri));
        let mut seen = self.seen();
        let n = seen.counts.entry(kind.clone()).or_default();
        *n += 1;
        let nth = Nth { kind, n: *n };
        let verdict = match &self.point {
            Some(point) if point.call == nth => {
                seen.reached = true;
                match point.blow {
                    Blow::Before => Ruling::CrashBefore,
                    Blow::After => Ruling::CrashAfter,
                    Blow::Unanswered => Ruling::LoseAnswer,
                }
            }
            _ => (self.trouble)(&nth).unwrap_or(Ruling::Proceed),
        };
        seen.trace.push(format!("begins {:>4}  instance {:>2}  {nth}: {verdict:?}", call.number, call.instance));
        seen.calls.push(nth);
        verdict
    }
}

impl Calls for Faults {
    fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling> {
        Box::pin(std::future::ready(self.decide(call)))
    }

    fn after(&self, call: &Call, outcome: &Ending) {
        let outcome = match outcome {
            Ending::Answered(_) => "answered",
            Ending::Refused(error) => error,
            Ending::Crashed => "crashed",
            Ending::Dropped => "went with its instance",
        };
        self.note(format!("ends   {:>4}  {outcome}", call.number));
    }
}
