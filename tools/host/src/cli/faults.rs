//! Faults ordered on the command line.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use host::faults::{Fault, FaultPlan, NOTATION, Occurrence};
use host::{Calls, ClockSkew, CompiledApplication};

/// What `-h` says; `--help` adds how a fault is written.
const HELP: &str = "Have calls of components fail, wait, or stop what they are made in. May be given several times";

#[derive(Args)]
#[command(next_help_heading = "Faults")]
pub(crate) struct Faults {
    #[arg(long = "fault", value_name = "FAULT", help = HELP, long_help = format!("{HELP}\n\n{}", NOTATION.trim_end()))]
    faults: Vec<Fault>,
    /// What decides the faults by chance. Default: another one each time, which is told.
    #[arg(long, value_name = "NUMBER")]
    fault_seed: Option<u64>,
    /// Let the components' clock be so many seconds ahead, or behind where negative.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, hide_default_value = true, allow_negative_numbers = true)]
    clock_skew: i64,
}

impl Faults {
    /// What strikes the application's calls, if anything shall.
    pub(crate) fn plan(&self, app: &CompiledApplication) -> anyhow::Result<Option<Arc<dyn Calls>>> {
        if self.faults.is_empty() {
            return Ok(None);
        }
        self.check_components(app)?;
        Ok(Some(Arc::new(FaultPlan::new(self.faults.clone(), self.seed()))))
    }

    /// By how much the components' clock is wrong.
    pub(crate) fn clock(&self) -> ClockSkew {
        ClockSkew::seconds(self.clock_skew)
    }

    fn check_components(&self, app: &CompiledApplication) -> anyhow::Result<()> {
        for fault in &self.faults {
            if let Some(component) = &fault.component {
                known_component(app, component).map_err(|error| error.context(format!("--fault {fault}")))?;
            }
        }
        Ok(())
    }

    fn seed(&self) -> u64 {
        self.fault_seed.unwrap_or_else(|| {
            // The one source of chance in the standard library; half of it is enough, and shorter to type.
            let seed = RandomState::new().hash_one(()) >> 32;
            if self.faults.iter().any(|fault| matches!(fault.occurrence, Occurrence::Chance(_))) {
                eprintln!("The faults by chance can be repeated by --fault-seed {seed}");
            }
            seed
        })
    }
}

/// That the manifest has a component of this name.
pub(crate) fn known_component(app: &CompiledApplication, name: &str) -> anyhow::Result<()> {
    let components = &app.manifest().component;
    if !components.contains_key(name) {
        let known: Vec<_> = components.keys().map(String::as_str).collect();
        bail!("there is no component `{name}`; the manifest has: {}", known.join(", "));
    }
    Ok(())
}
