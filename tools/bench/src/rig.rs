//! What every figure needs: the Redis, the orders, who is measured, and the progress bar.

use std::path::{Path, PathBuf};

use indicatif::ProgressBar;

use crate::orders::Orders;
use crate::store::Store;
use crate::system::{Partners, Running, System, Work};

/// Everything that measuring needs.
pub(crate) struct Rig {
    pub(crate) store: Store,
    pub(crate) orders: Orders,
    /// Where data, logs and results go.
    pub(crate) folder: PathBuf,
    /// The components on our own host, and on Spin where that is asked for.
    pub(crate) shipped: Vec<System>,
    pub(crate) bar: ProgressBar,
}

impl Rig {
    pub(crate) async fn new(folder: &Path, shipped: Vec<System>, bar: ProgressBar) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        Ok(Self { store: Store::start(&folder).await?, orders: Orders::new()?, folder, shipped, bar })
    }

    /// Everyone, the ceiling last.
    pub(crate) fn systems(&self) -> Vec<System> {
        self.shipped.iter().copied().chain([System::Ceiling]).collect()
    }

    /// Starts a system on what the Redis holds.
    pub(crate) async fn start(&self, system: System, work: Work, partners: Partners) -> anyhow::Result<Running> {
        system.start(work, &self.store, partners, &self.folder).await
    }

    /// Shows what is measured next.
    pub(crate) fn step(&self, what: impl Into<String>) {
        self.bar.inc(1);
        self.bar.set_message(what.into());
    }
}
