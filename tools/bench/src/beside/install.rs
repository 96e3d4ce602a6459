//! Fetching what others have built, by npm, into `target/beside`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::process::Command;
use tokio::time::timeout;

use crate::system::root;

/// What they need.
const NODE: u32 = 20;
/// A registry that is away is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(180);
/// Written once all is there: the lock file that it was fetched by.
const INSTALLED: &str = "installed.json";

/// Installs what the lock file names, unless it is there already, and gives the folder.
pub(super) async fn install() -> anyhow::Result<PathBuf> {
    let node = node_version().await?;
    ensure!(node >= NODE, "node is {node} here, and they need {NODE} or newer");
    let (from, to) = (root().join("tools/bench/beside"), root().join("target/beside"));
    copy(&from, &to)?;
    let lock = fs::read(from.join("package-lock.json"))?;
    if fs::read(to.join(INSTALLED)).ok().as_ref() != Some(&lock) {
        eprintln!("Fetching BullMQ, Fastify and Restate into target/beside by `npm ci`: about 100 MB");
        fetch(&to).await?;
        fs::write(to.join(INSTALLED), lock)?;
    }
    Ok(to)
}

async fn node_version() -> anyhow::Result<u32> {
    let output = Command::new("node").arg("--version").output().await.context("there is no `node` on the path")?;
    major(&String::from_utf8_lossy(&output.stdout)).context("`node --version` says no version")
}

/// Reads `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Copies the scripts to where npm puts the packages: node looks for them nowhere else.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

async fn fetch(folder: &Path) -> anyhow::Result<()> {
    let npm = Command::new("npm")
        .args(["ci", "--fetch-retries=1", "--fetch-timeout=30000"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let npm = timeout(PATIENCE, npm).await.with_context(|| format!("npm took more than {} s", PATIENCE.as_secs()))?;
    let Output { status, stderr, .. } = npm.context("there is no `npm` on the path")?;
    if !status.success() {
        // The first error is the cause; a log's name and advice follow.
        let stderr = String::from_utf8_lossy(&stderr);
        let cause = stderr.lines().find_map(|line| line.strip_prefix("npm error ")).unwrap_or("it says no reason");
        bail!("`npm ci` failed in target/beside: {cause}");
    }
    Ok(())
}
