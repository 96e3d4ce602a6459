//! What the matrix says of itself: each point by name, a line for each scenario, and one for all.

use std::fmt;
use std::io::Write;

use super::matrix::{Matrix, Tried};
use super::run::Ran;
use crate::harness::root;

/// Calls of a broken run that are shown: the last ones.
const SHOWN_CALLS: usize = 200;

/// Where it can be read again.
const FILE: &str = "target/crash-matrix.txt";

/// Prints the matrix and writes it to a file. Past the test's captured output: these lines are to be seen each time.
pub(crate) fn publish(matrix: &Matrix) {
    let text = matrix.to_string();
    std::fs::write(root().join(FILE), &text).expect("target/ can be written to");
    std::io::stdout().write_all(text.as_bytes()).expect("standard output is open");
}

/// How a run at a point ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Held,
    Broke,
    NotReached,
    NotTried,
}

impl End {
    fn of(ran: Option<&Ran>) -> Self {
        match ran {
            None => Self::NotTried,
            Some(ran) if !ran.broken.is_empty() => Self::Broke,
            Some(ran) if !ran.reached => Self::NotReached,
            Some(_) => Self::Held,
        }
    }
}

impl Matrix {
    /// Points at which an instance was stopped.
    pub(crate) fn tried(&self) -> usize {
        self.held() + self.count(End::Broke)
    }

    pub(crate) fn held(&self) -> usize {
        self.count(End::Held)
    }

    /// The scenarios most of whose points no run came to.
    pub(crate) fn hardly_reached(&self) -> Vec<&str> {
        let is_missed = |tried: &&Tried| tried.count(End::NotReached) * 2 > tried.points.len();
        self.scenarios.iter().filter(is_missed).map(|tried| tried.scenario.name).collect()
    }

    /// Runs in which a promise broke, those without a crash included.
    pub(crate) fn broken(&self) -> usize {
        let learned = self.scenarios.iter().filter(|tried| !tried.learned.broken.is_empty()).count();
        learned + self.count(End::Broke)
    }

    fn count(&self, end: End) -> usize {
        self.scenarios.iter().map(|tried| tried.count(end)).sum()
    }
}

impl Tried {
    fn count(&self, end: End) -> usize {
        self.points.iter().filter(|(_, ran)| End::of(ran.as_ref()) == end).count()
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        self.scenarios.iter().try_for_each(|tried| writeln!(f, "{tried}"))?;
        for (tried, not_reached) in self.scenarios.iter().map(|tried| (tried, tried.count(End::NotReached))) {
            if not_reached > 0 {
                writeln!(f, "not reached in {}: {not_reached}", tried.scenario.name)?;
            }
        }
        writeln!(f, "crash matrix: {} points, {} held", self.tried(), self.held())
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.scenario.name)?;
        write_broken(f, "without a crash", &self.learned)?;
        for (point, ran) in &self.points {
            let end = match End::of(ran.as_ref()) {
                End::Held => "held",
                End::Broke => "BROKE",
                End::NotReached => "not reached",
                End::NotTried => "not tried, since too much broke before",
            };
            writeln!(f, "  {point}: {end}")?;
            ran.iter().try_for_each(|ran| write_broken(f, &point.to_string(), ran))?;
        }
        let (held, broke) = (self.count(End::Held), self.count(End::Broke));
        let calls = self.learned.calls.len();
        writeln!(
            f,
            "  = {calls} calls of {}: {} points, {held} held",
            self.scenario.suspects.join(" and "),
            held + broke,
        )
    }
}

/// What broke, and how it came to that.
fn write_broken(f: &mut fmt::Formatter<'_>, point: &str, ran: &Ran) -> fmt::Result {
    if ran.broken.is_empty() {
        return Ok(());
    }
    ran.broken.iter().try_for_each(|broken| writeln!(f, "    {broken}"))?;
    writeln!(f, "    the last calls, {point}:")?;
    let skipped = ran.trace.len().saturating_sub(SHOWN_CALLS);
    ran.trace[skipped..].iter().try_for_each(|line| writeln!(f, "      {line}"))
}
