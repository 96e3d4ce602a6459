//! The log of a component that answers requests.

use std::cell::Cell;

use crate::runtime::now_ms;

/// Writes a line, unless this instance wrote one in this second already: while Redis is away each request would.
pub(crate) fn at_most_each_second(line: &str) {
    thread_local! {
        static SECOND: Cell<u64> = const { Cell::new(0) };
    }
    let second = now_ms() / 1000;
    if SECOND.replace(second) != second {
        eprintln!("{line}");
    }
}
