//! What can be done with an application while it runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use futures::future::select_all;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::sync::watch;

use crate::run::body::whole;
use crate::run::dispatch::{Dispatcher, NO_CLIENT};
use crate::run::trap;
use crate::triggers::redis::Subscription;

/// How long a start waits for its subscriptions. If Redis can't be reached in time, the start goes on without them, and
/// they follow.
const SUBSCRIPTIONS: Duration = Duration::from_secs(5);

/// A running application. Dropping it kills it.
pub struct RunningApplication {
    pub(crate) application: Arc<Dispatcher>,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) triggers: Vec<BoundTrigger>,
    pub(crate) subscriptions: Vec<watch::Receiver<Subscription>>,
}

/// A trigger that is at work, with its variables resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundTrigger {
    /// Requests to a route.
    Http {
        /// The component that answers.
        component: String,
        /// The route's pattern.
        route: String,
    },
    /// Messages on a channel.
    Redis {
        /// The component that is woken.
        component: String,
        /// The channel.
        channel: String,
        /// The server, without credentials.
        address: String,
    },
}

impl RunningApplication {
    /// Where HTTP is served.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The triggers that are at work.
    pub fn triggers(&self) -> &[BoundTrigger] {
        &self.triggers
    }

    /// Waits until every Redis trigger listens.
    pub async fn subscribed(&self) {
        for mut subscription in self.subscriptions.clone() {
            _ = subscription.wait_for(|subscription| *subscription == Subscription::Made).await;
        }
    }

    /// Tells, from now on, each time that a Redis trigger listens again after an interruption.
    pub fn listening(&self) -> Resubscriptions {
        let mut subscriptions = self.subscriptions.clone();
        subscriptions.iter_mut().for_each(watch::Receiver::mark_unchanged);
        Resubscriptions { subscriptions }
    }

    /// Whether every Redis trigger listens at this moment.
    pub fn is_subscribed(&self) -> bool {
        self.subscriptions.iter().all(|subscription| *subscription.borrow() == Subscription::Made)
    }

    /// Holds back what components print while a report on the application is made, such as a probe's: what the report
    /// tells need not be told by each component that has the same fault.
    #[must_use]
    pub fn begin_report(&self) -> BegunReport {
        self.application.shared.told.begin_report();
        BegunReport { application: self.application.clone() }
    }

    /// Answers a request as if a client had sent it: by the component whose route matches the path.
    pub async fn route(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (mut parts, body) = self.application.route(request.map(whole), NO_CLIENT).await.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => {
                parts.status = StatusCode::INTERNAL_SERVER_ERROR;
                Bytes::new()
            }
        };
        Response::from_parts(parts, body)
    }

    /// Lets a component answer a request directly, past all routes. The HTTP trigger uses the same instances.
    ///
    /// An error means that there is no such component, or that it failed before it gave an answer.
    pub async fn http(&self, component: &str, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        let answered = self.application.call(component, request.map(whole)).await;
        let (parts, body) = answered.map_err(|error| anyhow::anyhow!(trap::in_one_line(&error)))?.into_parts();
        let body = body.collect().await.context("the component stopped in the middle of its answer")?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    /// Hands a message directly to a new instance of a component, past all channels.
    ///
    /// The inner error is the component's answer. The outer error means that it failed before it gave an answer.
    pub async fn redis_message(
        &self,
        component: &str,
        payload: impl Into<Vec<u8>>,
    ) -> anyhow::Result<Result<(), String>> {
        let delivery = self.application.deliver(component, payload.into());
        match self.application.lifetime().killed.run_until_cancelled(delivery).await {
            Some(answered) => answered.map_err(|error| anyhow::anyhow!(trap::in_one_line(&error))),
            None => Err(anyhow::anyhow!("the application has been stopped")),
        }
    }

    /// Ends gently: takes no new work, gives work in hand [`GRACE`](crate::GRACE) to end, then drops the rest.
    pub async fn stop(&self) {
        self.stop_within(crate::GRACE).await;
    }

    /// Ends gently: takes no new work, gives work in hand this time to end, then drops the rest. A worker that was
    /// woken goes on until its queue is empty or its own time is up.
    pub async fn stop_within(&self, grace: Duration) {
        self.application.lifetime().stop(grace).await;
    }

    /// Ends as a crash would: every instance is dropped and every connection closed, now.
    pub fn kill(&self) {
        self.application.lifetime().kill();
    }

    /// Waits until the application has ended and every instance is gone.
    pub async fn closed(&self) {
        self.application.lifetime().closed().await;
    }

    /// Waits until each subscription was tried, with success or without.
    pub(crate) async fn subscriptions_tried(&self) {
        let tried = async {
            for mut subscription in self.subscriptions.clone() {
                _ = subscription.wait_for(|subscription| *subscription != Subscription::Begun).await;
            }
        };
        _ = tokio::time::timeout(SUBSCRIPTIONS, tried).await;
    }
}

/// Tells when Redis triggers listen again. Messages that were published in the meantime are lost, and nothing fetches
/// them later.
pub struct Resubscriptions {
    subscriptions: Vec<watch::Receiver<Subscription>>,
}

impl Resubscriptions {
    /// Waits for the next time. Never returns once the application has ended, or if it has no Redis triggers.
    pub async fn again(&mut self) {
        let made = self.subscriptions.iter_mut().map(|subscription| Box::pin(made_again(subscription)));
        match made.collect::<Vec<_>>() {
            none if none.is_empty() => std::future::pending().await,
            some => _ = select_all(some).await,
        }
    }
}

/// May be dropped while it waits: the next call misses nothing.
async fn made_again(subscription: &mut watch::Receiver<Subscription>) {
    while subscription.changed().await.is_ok() {
        if *subscription.borrow() == Subscription::Made {
            return;
        }
    }
    std::future::pending().await
}

impl Drop for RunningApplication {
    fn drop(&mut self) {
        self.kill();
    }
}

impl BoundTrigger {
    /// The component that it starts.
    pub fn component(&self) -> &str {
        match self {
            Self::Http { component, .. } | Self::Redis { component, .. } => component,
        }
    }
}

/// A report that is being made. Its drop tells the lines that components printed meanwhile.
pub struct BegunReport {
    application: Arc<Dispatcher>,
}

impl BegunReport {
    /// The report was told: lines that it contains are not told while it holds, which is until the next report.
    pub fn told(self, report: &str) {
        self.end(Some(report));
    }

    fn end(&self, report: Option<&str>) {
        let shared = &self.application.shared;
        for (component, line) in shared.told.end_report(report) {
            (shared.output)(&component, &line);
        }
    }
}

impl Drop for BegunReport {
    fn drop(&mut self) {
        self.end(None);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::run::context::Shared;
    use crate::run::told::Told;

    #[test]
    fn a_line_that_a_report_tells_too_is_told_by_the_report_alone() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let taken = lines.clone();
        let told = Arc::new(Told::new(["door", "desk"].map(str::to_owned)));
        let output = told.news(Arc::new(move |_, line| taken.lock().unwrap().push(line.to_owned())));
        let shared = Shared { output: output.clone(), told, ..Shared::for_tests() };
        let application = Arc::new(Dispatcher { shared, ..Dispatcher::without_components() });
        let running = RunningApplication { application, address: None, triggers: vec![], subscriptions: vec![] };

        let report = running.begin_report();
        output("desk", "the variable lease of desk is too long");
        output("desk", "something else altogether");
        assert!(lines.lock().unwrap().is_empty(), "they wait for the report");
        report.told("settings: the variable lease of door is too long.");
        output("desk", "the variable lease of desk is too long");
        drop(running.begin_report());
        output("desk", "the variable lease of desk is too long");
        assert_eq!(*lines.lock().unwrap(), ["something else altogether"]);

        running.begin_report().told("");
        let unfinished = running.begin_report();
        output("desk", "the variable lease of desk is too long");
        drop(unfinished);
        assert_eq!(lines.lock().unwrap().len(), 2, "the report holds no more, and the other was never told");
    }
}
