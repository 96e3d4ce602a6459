//! What was told before: a fault that stays is told once a minute, and not at each start of its component. A fault that
//! a report on the whole application has told isn't told by a component too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::run::guest_output::Output;

/// For how long the same text isn't told again.
const QUIET: Duration = Duration::from_secs(60);

/// A shorter text, in bytes, may stand in a report by chance.
const SHORTEST_FAULT: usize = 16;

/// Most lines that are held back. Further ones are told at once.
const MOST_HELD: usize = 1000;

/// A component's name and a line of it.
pub(crate) type ToldLine = (String, String);

/// What was told of each component, and of all.
#[derive(Default)]
pub(crate) struct Told {
    /// The names of the components.
    names: Vec<String>,
    state: Mutex<ToldState>,
}

#[derive(Default)]
struct ToldState {
    /// The last text that was told of each component, or of where it may not connect to, and when.
    last: HashMap<String, (String, Instant)>,
    /// The last report, without the names of components. It holds until the next one.
    report: String,
    /// The lines that came while a report is being made: it may tell the same.
    held: Option<Vec<ToldLine>>,
}

impl Told {
    /// Nothing was told yet, of components with these names.
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self { names: names.into_iter().collect(), state: Mutex::default() }
    }

    /// Hands on the lines that are news, those of a time when a report is made after it.
    pub(crate) fn news(self: &Arc<Self>, output: Output) -> Output {
        let told = self.clone();
        Arc::new(move |component, line| {
            if !told.hold(component, line) && told.is_new(component, line) {
                output(component, line);
            }
        })
    }

    /// Whether `text` is news. If it is, it counts as told from now on.
    pub(crate) fn is_new(&self, component: &str, text: &str) -> bool {
        self.is_new_at(component, text, Instant::now())
    }

    fn is_new_at(&self, component: &str, text: &str, now: Instant) -> bool {
        let mut state = self.state();
        let is_held = state.held.iter().flatten().any(|(holder, held)| holder == component && held == text);
        if is_held || state.reports(&self.without_names(text)) {
            return false;
        }
        let last = state.last.get(component);
        if last.is_some_and(|(last, at)| last == text && now.duration_since(*at) < QUIET) {
            return false;
        }
        state.last.insert(component.to_owned(), (text.to_owned(), now));
        true
    }

    /// Keeps a line until the report that is being made. Says whether one is.
    fn hold(&self, component: &str, line: &str) -> bool {
        let mut state = self.state();
        let Some(held) = state.held.as_mut().filter(|held| held.len() < MOST_HELD) else { return false };
        held.push((component.to_owned(), line.to_owned()));
        true
    }

    /// A report is being made.
    pub(crate) fn begin_report(&self) {
        self.state().held.get_or_insert_default();
    }

    /// The report was told, or failed to be made. Gives the lines that were held back.
    pub(crate) fn end_report(&self, report: Option<&str>) -> Vec<ToldLine> {
        let mut state = self.state();
        if let Some(report) = report {
            state.report = self.without_names(report);
        }
        state.held.take().unwrap_or_default()
    }

    /// The same fault is told of each component that has it.
    fn without_names(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, name| text.replace(name, ""))
    }

    fn state(&self) -> MutexGuard<'_, ToldState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ToldState {
    fn reports(&self, nameless: &str) -> bool {
        nameless.len() >= SHORTEST_FAULT && self.report.contains(nameless)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_of_the_same_component_is_told_once_a_minute() {
        let (told, begin) = (Told::default(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        for (component, text, second, is_new) in [
            ("door", "no Redis", 0, true),
            ("door", "no Redis", 59, false),
            ("desk", "no Redis", 59, true),
            ("door", "no Redis", 60, true),
            ("door", "no store", 61, true),
            ("door", "no Redis", 62, true),
        ] {
            assert_eq!(told.is_new_at(component, text, at(second)), is_new, "{component}: {text} at {second}");
        }
    }

    const FAULT: &str = "the lease of component desk is too long";

    #[test]
    fn what_a_report_tells_is_told_by_no_component_while_it_holds() {
        let told = Told::new(["door", "desk"].map(str::to_owned));
        told.begin_report();
        told.end_report(Some("settings: the lease of component door is too long. the key is too short."));
        assert!(!told.is_new("desk", FAULT) && !told.is_new("desk", "the key is too short"));
        assert!(told.is_new("desk", "the lease of component desk is too short"));
        assert!(told.is_new("desk", "too long"), "a word or two stand anywhere");
        told.begin_report();
        told.end_report(Some(""));
        assert!(told.is_new("desk", FAULT), "the report holds no more");
    }

    #[test]
    fn what_comes_while_a_report_is_made_waits_for_it() {
        let told = Told::new(["door", "desk"].map(str::to_owned));
        assert!(!told.hold("desk", FAULT), "there is no report to wait for");
        told.begin_report();
        assert!(told.hold("desk", FAULT) && told.hold("desk", "another line that nobody reports"));
        assert!(!told.is_new("desk", FAULT), "it waits already");
        let held = told.end_report(Some("settings: the lease of component door is too long."));
        let news: Vec<_> = held.iter().filter(|(component, line)| told.is_new(component, line)).collect();
        assert_eq!(news, [&("desk".to_owned(), "another line that nobody reports".to_owned())]);
        told.begin_report();
        assert!((0..MOST_HELD).all(|_| told.hold("desk", "a line")) && !told.hold("desk", "one too many"));
    }

    #[test]
    fn a_report_that_was_never_made_leaves_the_last_one() {
        let told = Told::new(["door", "desk"].map(str::to_owned));
        told.begin_report();
        told.end_report(Some(FAULT));
        told.begin_report();
        told.end_report(None);
        assert!(!told.is_new("desk", FAULT));
    }
}
