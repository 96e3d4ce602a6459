//! What the tests share.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use tempfile::TempDir;

/// How long a test waits for anything. Only a failing test waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An application without components. It names a Redis, which nothing uses.
pub(crate) const EMPTY: &str = r#"
spin_manifest_version = 2
[application]
name = "empty"
[variables]
redis_url = { default = "redis://127.0.0.1:6379/2" }
"#;

/// An application with a component that is woken by messages.
const READER: &str = r#"
[[trigger.redis]]
address = "{{ redis_url }}"
channel = "news"
component = "reader"
[component.reader]
source = "guest.wasm"
variables = { redis_url = "{{ redis_url }}" }
"#;

/// A folder with a manifest in it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn with_manifest(text: &str) -> Self {
        let folder = Self(TempDir::new().unwrap());
        std::fs::write(folder.manifest(), text).unwrap();
        folder
    }

    /// A folder with an application, whose component reads a variable for each message on `news`, and runs forever
    /// after an empty message.
    pub(crate) fn with_reader() -> Self {
        let folder = Self::with_manifest(&format!("{EMPTY}{READER}"));
        let guest = wat::parse_str(include_str!("guest.wat")).unwrap();
        std::fs::write(folder.path().join("guest.wasm"), guest).unwrap();
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.path().join("spin.toml")
    }
}

/// Asks again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            match ask().await {
                Some(answer) => return answer,
                None => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A connection to a Redis, if it answers.
pub(crate) async fn connect(url: &str) -> Option<redis::aio::MultiplexedConnection> {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.ok()
}

/// Whether a process exists and is not a zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    let exists = test_kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap()).is_ok();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    exists && !stat.is_ok_and(|stat| stat.contains(") Z "))
}

/// Checks that an attempt, which returns how long it took, takes less than a second. It gets several tries, since a
/// busy machine makes everything late.
pub(crate) async fn within_a_second(mut attempt: impl AsyncFnMut() -> Duration) {
    const TRIES: usize = 3;
    let mut taken = Vec::new();
    while taken.len() < TRIES {
        taken.push(attempt().await);
        if taken[taken.len() - 1] < Duration::from_secs(1) {
            return;
        }
    }
    panic!("it took {taken:?}");
}
