//! `host trace`: runs the application like `host up`, and shows each call of its components.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use clap::Args;
use host::CompiledApplication;
use host::trace::Shown;

use super::faults::check_components;
use super::up::Up;

#[derive(Args)]
pub(crate) struct Trace {
    /// Show the calls of this component only. May be given several times.
    #[arg(long = "component", value_name = "NAME")]
    components: Vec<String>,
    /// Show each reading of a variable too.
    #[arg(long)]
    variables: bool,
    #[command(flatten)]
    up: Up,
}

impl Trace {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let app = self.up.load()?;
        let trace = Arc::new(host::trace::Trace::new(self.shown(&app)?, self.up.faults.plan(&app)?, print));
        self.up.run_until_asked_to_end(app, Some(trace.clone()))?;
        print(&format!("\n{}", trace.summary().trim_end()));
        Ok(())
    }

    fn shown(&self, app: &CompiledApplication) -> anyhow::Result<Shown> {
        check_components(app, "--component", &self.components)?;
        let components = match self.components.is_empty() {
            true => app.manifest().component.keys().cloned().collect(),
            false => self.components.iter().cloned().collect(),
        };
        Ok(Shown { components, variables: self.variables, colors: colors() })
    }
}

/// Whether standard output is a terminal whose user hasn't turned colours off.
fn colors() -> bool {
    std::io::stdout().is_terminal() && console::colors_enabled()
}

fn print(line: &str) {
    // The reader may be gone.
    _ = writeln!(std::io::stdout(), "{line}");
}
