//! What others would build for the same job: Fastify with BullMQ, and Restate. npm fetches them, and the scripts that
//! put them together are in `tools/bench/beside`.

mod install;

use std::path::{Path, PathBuf};

use crate::process::Process;
use crate::store::Store;
use crate::system::{Running, Work};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rival {
    /// Fastify 5 before BullMQ 6, on the same Redis.
    Bullmq,
    /// Restate 1.7, on a log of its own.
    Restate,
}

/// In how many processes it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Those that take orders. Restate's server is one process however many there are.
    doors: usize,
    /// Those that work them off.
    workers: usize,
}

/// Where all of them are installed.
pub(crate) struct Beside(PathBuf);

impl Rival {
    pub(crate) const ALL: [Self; 2] = [Self::Bullmq, Self::Restate];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bullmq => "BullMQ",
            Self::Restate => "Restate",
        }
    }

    /// The layouts to be tried, of which the best counts.
    pub(crate) fn layouts(self, work: Work) -> &'static [Layout] {
        match (self, work) {
            (Self::Bullmq, Work::Everything) => {
                &[Layout { doors: 1, workers: 1 }, Layout { doors: 2, workers: 1 }, Layout { doors: 2, workers: 2 }]
            }
            (Self::Bullmq, _) => &[Layout { doors: 1, workers: 0 }, Layout { doors: 2, workers: 0 }],
            (Self::Restate, Work::Everything) => &[Layout { doors: 0, workers: 1 }, Layout { doors: 0, workers: 2 }],
            (Self::Restate, _) => &[Layout { doors: 0, workers: 1 }],
        }
    }

    /// Where it takes orders. Restate always calls its service, so it is told to call an hour later where nothing shall
    /// be worked off.
    fn orders(self, work: Work) -> &'static str {
        match (self, work) {
            (Self::Bullmq, _) => "/orders",
            (Self::Restate, Work::Everything) => "/orders/place/send",
            (Self::Restate, _) => "/orders/place/send?delay=1h",
        }
    }

    /// What it promises, and what it doesn't do.
    pub(crate) fn promise(self) -> &'static str {
        match self {
            Self::Bullmq => {
                "Fastify 5 with BullMQ 6 checks the order before it answers 202, and keeps it in the same Redis, on \
                 disk. A key that comes again gets the first order, whatever its body says. The worker writes the \
                 record and then marks the job, in two steps. It holds no stock, and makes no event of the change."
            }
            Self::Restate => {
                "Restate 1.7 takes any body, and keeps the call in a log of its own, on disk, before it answers 202. \
                 Its service checks the order, and writes the record. It is called again until it succeeds. It holds \
                 no stock, and makes no event of the change. Alone, it is told to call the service an hour later."
            }
        }
    }
}

impl Beside {
    /// Fetches them if they aren't there. An error says why they can't be measured.
    pub(crate) async fn install() -> anyhow::Result<Self> {
        install::install().await.map(Self)
    }

    /// Starts one of them on what the Redis holds. Its data and log lie in `folder`.
    pub(crate) async fn start(
        &self,
        rival: Rival,
        work: Work,
        layout: Layout,
        store: &Store,
        folder: &Path,
    ) -> anyhow::Result<Running> {
        let command = match rival {
            Rival::Bullmq => bullmq(layout, store),
            Rival::Restate => restate(layout, store, folder)?,
        };
        let log = folder.join(format!("{}.log", rival.name()));
        let variables = [("NODE_ENV", "production"), ("RESTATE_LOGGING", "ERROR")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (process, output) = Process::start(&command, &variables, &self.0, &log)?;
        let mut running = Running::printing(process, output, rival.name(), &log).await?;
        running.orders = rival.orders(work);
        Ok(running)
    }
}

fn bullmq(layout: Layout, store: &Store) -> Vec<String> {
    let Layout { doors, workers } = layout;
    let mut command = ["node", "bullmq.js"].map(String::from).to_vec();
    command.extend([format!("--doors={doors}"), format!("--workers={workers}")]);
    command.extend([format!("--redis={}", store.url()), format!("--store={}", store.store_url())]);
    command
}

/// On an empty folder, as the others are on an empty Redis.
fn restate(layout: Layout, store: &Store, folder: &Path) -> anyhow::Result<Vec<String>> {
    let data = folder.join("restate");
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    std::fs::create_dir(&data)?;
    let mut command = ["node", "restate.js"].map(String::from).to_vec();
    command.extend([format!("--workers={}", layout.workers), format!("--store={}", store.store_url())]);
    command.push(format!("--data={}", data.display()));
    Ok(command)
}
