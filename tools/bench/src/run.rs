//! `bench run`: all figures, one after the other, then the report.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::figures;
use crate::machine::Machine;
use crate::report::Report;
use crate::rig::Rig;
use crate::system::{System, root};

#[derive(Args)]
pub(crate) struct Options {
    /// Also measure `spin up`, where a Spin of 4.1 or newer is on the path.
    #[arg(long)]
    spin: bool,
    /// Measure only figures whose file is named so, such as `intake`. May be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Where results, data and logs go.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let folder = options.out.unwrap_or_else(|| root().join("target/bench"));
    let shipped = shipped(options.spin);
    let bar = bar(figures::steps(shipped.len() as u64));
    let mut rig = Rig::new(&folder, shipped, bar).await?;
    let machine = Machine::look(rig.store.version().await?);
    let mut report = Report::new(machine, rig.shipped.clone());
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    figures::measure(&mut rig, &mut report, wanted).await?;
    rig.bar.finish_and_clear();
    report.write(&rig.folder)?;
    println!("{}", report.table());
    println!("Figures and plots are in {}", rig.folder.display());
    Ok(())
}

/// Says plainly where Spin can't be measured.
fn shipped(spin: bool) -> Vec<System> {
    let mut shipped = vec![System::Sluice];
    if spin {
        match spin_version() {
            Some(version) if version >= (4, 1) => shipped.push(System::Spin),
            Some((major, minor)) => {
                eprintln!("Not measured on Spin: `spin` is {major}.{minor} here, and Sluice needs 4.1 or newer.")
            }
            None => eprintln!("Not measured on Spin: there is no `spin` on the path."),
        }
    }
    shipped
}

/// Reads `spin 4.1.0 (…)`.
fn spin_version() -> Option<(u32, u32)> {
    let output = Command::new("spin").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.strip_prefix("spin ")?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

fn bar(steps: u64) -> ProgressBar {
    let bar = ProgressBar::new(steps);
    let style = ProgressStyle::with_template("{elapsed} [{bar:30}] {pos}/{len} {msg}");
    bar.set_style(style.expect("the template is a constant").progress_chars("=> "));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
