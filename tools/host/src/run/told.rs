//! What was told before: a fault that stays is told once a minute, and not at each start of its component.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long the same text isn't told again.
const QUIET: Duration = Duration::from_secs(60);

/// The last text that was told of each component, or of where it may not connect to, and when.
#[derive(Default)]
pub(crate) struct Told(Mutex<HashMap<String, (String, Instant)>>);

impl Told {
    /// Whether `text` is news. If it is, it counts as told from now on.
    pub(crate) fn is_new(&self, component: &str, text: &str) -> bool {
        self.is_new_at(component, text, Instant::now())
    }

    fn is_new_at(&self, component: &str, text: &str, now: Instant) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = told.get(component);
        if last.is_some_and(|(last, at)| last == text && now.duration_since(*at) < QUIET) {
            return false;
        }
        told.insert(component.to_owned(), (text.to_owned(), now));
        true
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
}
