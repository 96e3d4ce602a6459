//! The end of a running application, gentle or at once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long work in hand may take once the application is asked to stop, if nobody says otherwise.
pub const GRACE: Duration = Duration::from_millis(500);

#[derive(Clone, Default)]
pub(crate) struct Lifetime {
    /// Cancelled when the application stops taking new work: it accepts no connection, and ends its subscriptions.
    pub(crate) stopping: CancellationToken,
    /// Cancelled when the application drops all work, even work in hand.
    pub(crate) killed: CancellationToken,
    /// The tasks that take in work: connections and subscriptions.
    pub(crate) tasks: TaskTracker,
    /// Every instance of a component.
    pub(crate) instances: TaskTracker,
    /// What nobody waits for before the end: connections to partners.
    beside: TaskTracker,
}

impl Lifetime {
    /// Runs a task until it ends or the application is killed.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.until_killed(task));
    }

    /// The same with a task that is no work in hand: the application may end before it.
    pub(crate) fn spawn_beside(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.beside.spawn(self.until_killed(task));
    }

    fn until_killed(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let killed = self.killed.clone();
        async move {
            tokio::select! {
                biased;
                () = killed.cancelled() => {}
                () = task => {}
            }
        }
    }

    /// Takes no new work, gives work in hand this time to end, then drops the rest.
    pub(crate) async fn stop(&self, grace: Duration) {
        self.stopping.cancel();
        self.tasks.close();
        _ = tokio::time::timeout(grace, self.tasks.wait()).await;
        self.kill();
        self.closed().await;
    }

    /// Drops everything, as a crash would.
    pub(crate) fn kill(&self) {
        self.stopping.cancel();
        self.killed.cancel();
        self.tasks.close();
        self.instances.close();
        self.beside.close();
    }

    /// Waits until the application has been stopped or killed, and every instance and connection is gone.
    pub(crate) async fn closed(&self) {
        self.killed.cancelled().await;
        self.tasks.wait().await;
        self.instances.wait().await;
        self.beside.wait().await;
    }
}
