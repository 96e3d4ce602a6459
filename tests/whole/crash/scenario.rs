//! What a scenario is made of.

use futures::future::BoxFuture;

use super::faults::Trouble;
use super::stage::{self, Stage};
use crate::harness::{Asked, Manner};

/// Something that happens on a stage.
pub(crate) type Step = for<'s> fn(&'s Stage<'_>) -> BoxFuture<'s, ()>;

/// A story in which the suspects are stopped at each of their calls in turn. What must become of it is noted on the
/// stage while it is told.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// The components that are stopped.
    pub(crate) suspects: &'static [&'static str],
    /// Who is subscribed.
    pub(crate) endpoints: &'static [(&'static str, stage::Manner)],
    /// What a payment provider does, if orders are charged.
    pub(crate) provider: Option<fn(&Asked) -> Manner>,
    /// Variables, on top of the matrix's own.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    /// What was before. Nobody is stopped there.
    pub(crate) past: Option<Past>,
    /// Hosts that run side by side on one Redis.
    pub(crate) hosts: usize,
    /// What goes wrong besides the crash.
    pub(crate) trouble: Trouble,
    /// What happens. Then all is left alone until nothing waits any more.
    pub(crate) act: Step,
}

/// What happened before, on a host that is gone now.
#[derive(Clone, Copy)]
pub(crate) struct Past {
    /// Whether the orders were worked off then, and all was quiet in the end. If not, only the intake ran.
    pub(crate) worked_off: bool,
    pub(crate) trouble: Trouble,
    pub(crate) act: Step,
}

/// Nothing goes wrong.
pub(crate) const NO_TROUBLE: Trouble = |_| None;

impl Scenario {
    /// One host, one good endpoint, no past and no trouble.
    pub(crate) const fn new(name: &'static str, suspects: &'static [&'static str], act: Step) -> Self {
        Self {
            name,
            suspects,
            endpoints: &[("erp", stage::Manner::Good)],
            provider: None,
            variables: &[],
            past: None,
            hosts: 1,
            trouble: NO_TROUBLE,
            act,
        }
    }
}
