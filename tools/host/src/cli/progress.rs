//! The bar that is shown while components are compiled.

use std::time::Duration;

use host::OnProgress;
use indicatif::{ProgressBar, ProgressStyle};

/// How often the spinner moves.
const TICK: Duration = Duration::from_millis(80);

/// A bar. It shows nothing if standard error is not a terminal.
pub(crate) fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{spinner} {msg} [{bar:24}] {pos}/{len}");
    bar.set_style(style.expect("the template is a constant").progress_chars("=> "));
    bar
}

/// Moves the bar for each component.
pub(crate) fn on(bar: &ProgressBar) -> OnProgress {
    let bar = bar.clone();
    Box::new(move |progress| {
        bar.enable_steady_tick(TICK);
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        bar.set_message(format!("compiling {}", progress.component));
    })
}
