//! How many orders a caller may still send. Redis keeps their tokens: see `accept.lua`. What it said last is remembered
//! here, so that who sends too many is turned away before anything is read, and every answer can tell.

use std::cell::RefCell;
use std::time::Duration;

use access::CallerName;
use guest::{Caller, Problem, Response, in_whole_seconds, now_ms};
use queue::Allowance;

/// What a caller had left at some time, in ms since the epoch.
#[derive(Clone, Copy)]
struct Seen {
    allowance: Allowance,
    at: u64,
}

thread_local! {
    /// By the callers' names, of which there are few.
    static SEEN: RefCell<Vec<(CallerName, Seen)>> = const { RefCell::new(Vec::new()) };
}

/// Turns a caller away who has no token left.
pub(crate) fn check(caller: &Caller) -> Result<(), Problem> {
    match seen(caller) {
        Some(Allowance { next, .. }) if !next.is_zero() => Err(Problem::RateLimited { wait: next }),
        _ => Ok(()),
    }
}

/// Remembers what Redis said.
pub(crate) fn note(caller: &CallerName, allowance: Allowance) {
    let seen = Seen { allowance, at: now_ms() };
    SEEN.with_borrow_mut(|all| match all.iter_mut().find(|(name, _)| name == caller) {
        Some((_, known)) => *known = seen,
        None => all.push((caller.clone(), seen)),
    });
}

/// Tells a caller what they may send, as draft-ietf-httpapi-ratelimit-headers-10 has it. What other instances took
/// since is not in it.
pub(crate) fn tell(caller: &Caller, answer: Response) -> Response {
    let Some(rate) = &caller.rate else { return answer };
    let window = rate.burst.div_ceil(rate.per_second);
    let (left, full) = seen(caller).map_or((rate.burst, 0), |seen| (seen.left, in_whole_seconds(seen.full)));
    answer
        .with("ratelimit-policy", format!("\"orders\";q={};w={window}", rate.burst))
        .with("ratelimit", format!("\"orders\";r={left};t={full}"))
}

/// What a caller has now, as far as this instance knows.
fn seen(caller: &Caller) -> Option<Allowance> {
    let (rate, caller) = (caller.rate?, caller.name.as_ref()?);
    let find = |all: &Vec<(CallerName, Seen)>| all.iter().find(|(name, _)| name == caller).map(|(_, seen)| *seen);
    let Seen { allowance, at } = SEEN.with_borrow(find)?;
    let passed_ms = now_ms().saturating_sub(at);
    let passed = Duration::from_millis(passed_ms);
    let come = passed_ms.saturating_mul(rate.per_second.into()) / 1000;
    Some(Allowance {
        left: (u64::from(allowance.left) + come).min(rate.burst.into()) as u32,
        next: allowance.next.saturating_sub(passed),
        full: allowance.full.saturating_sub(passed),
    })
}
