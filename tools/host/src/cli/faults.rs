//! The options that order faults.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use host::faults::{Fault, FaultPlan, NOTATION, Occurrence};
use host::{Calls, ClockSkew, CompiledApplication};

use super::values;

/// What `-h` says; `--help` adds how a fault is written.
const HELP: &str = "Make calls of components fail, wait or lose their answers, or crash their instance or the host. \
                    May be given several times";

#[derive(Args)]
#[command(next_help_heading = "Faults")]
pub(crate) struct Faults {
    #[arg(long = "fault", value_name = "FAULT", help = HELP, long_help = format!("{HELP}\n\n{}", NOTATION.trim_end()))]
    faults: Vec<Fault>,
    /// Decide the faults by chance by this seed: the same seed repeats them. Default: a new seed, which is printed.
    #[arg(long, value_name = "NUMBER", value_parser = values::seed, allow_negative_numbers = true)]
    fault_seed: Option<u64>,
    /// Set the components' clock ahead by so many seconds, or back if the number is negative.
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds, allow_negative_numbers = true)]
    clock_skew: Option<i64>,
}

impl Faults {
    /// The plan of the ordered faults, or `None` if no fault is ordered.
    pub(crate) fn plan(&self, app: &CompiledApplication) -> anyhow::Result<Option<Arc<dyn Calls>>> {
        if self.faults.is_empty() {
            return Ok(None);
        }
        self.check_components(app)?;
        Ok(Some(Arc::new(FaultPlan::new(self.faults.clone(), self.seed()))))
    }

    /// How far the components' clock is ahead.
    pub(crate) fn clock(&self) -> ClockSkew {
        ClockSkew::seconds(self.clock_skew.unwrap_or_default())
    }

    fn check_components(&self, app: &CompiledApplication) -> anyhow::Result<()> {
        for fault in &self.faults {
            if let Some(component) = &fault.component {
                app.manifest().check_component(component).with_context(|| format!("--fault {fault}"))?;
            }
        }
        Ok(())
    }

    fn seed(&self) -> u64 {
        self.fault_seed.unwrap_or_else(|| {
            // The standard library has no other source of chance. Half a number is enough, and shorter to type.
            let seed = RandomState::new().hash_one(()) >> 32;
            if self.faults.iter().any(|fault| matches!(fault.occurrence, Occurrence::Chance(_))) {
                eprintln!("The faults by chance can be repeated by --fault-seed {seed}");
            }
            seed
        })
    }
}

/// Checks that the application has the components that an option names.
pub(crate) fn check_components(app: &CompiledApplication, option: &str, names: &[String]) -> anyhow::Result<()> {
    let check = |name: &String| app.manifest().check_component(name);
    names.iter().try_for_each(check).with_context(|| option.to_owned())
}
