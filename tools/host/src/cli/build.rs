//! `host build`: runs the build commands of the manifest.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{anyhow, bail};
use clap::Args;
use host::Manifest;

#[derive(Args)]
pub(crate) struct Build {
    /// The application's manifest.
    #[arg(long, default_value = "spin.toml", value_name = "FILE")]
    manifest: PathBuf,
}

impl Build {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let manifest = Manifest::read(&self.manifest)?;
        let folder = folder_of(&self.manifest);
        let mut done = BTreeSet::new();
        for (component, description) in &manifest.component {
            let Some(build) = &description.build else { continue };
            let workdir = folder.join(build.workdir.as_deref().unwrap_or_default());
            for command in build.commands() {
                if done.insert((workdir.clone(), command)) {
                    run(component, command, &workdir)?;
                }
            }
        }
        if done.is_empty() {
            eprintln!("{} has no build commands.", self.manifest.display());
        }
        Ok(())
    }
}

/// Runs a command in a shell, as Spin does. Its output is shown as it comes.
fn run(component: &str, command: &str, workdir: &Path) -> anyhow::Result<()> {
    eprintln!("Building {component}: {command}");
    let status = Command::new("sh").args(["-c", command]).current_dir(workdir).status().map_err(|error| {
        let workdir = workdir.display();
        anyhow!("the component `{component}` can't be built in {workdir}: {error}: change its `workdir`")
    })?;
    if !status.success() {
        bail!(
            "the component `{component}` could not be built: `{command}` ended with {status}: read above what it says"
        );
    }
    Ok(())
}

/// The folder that a manifest's paths start from.
fn folder_of(manifest: &Path) -> &Path {
    match manifest.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
