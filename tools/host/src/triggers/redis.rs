//! The Redis trigger: messages on channels.
//!
//! As in Spin there is one subscriber for each address. It takes one message at a time, and hands it to all components
//! of its channel at once, each in a new instance. After a lost connection it connects again, however long that takes.
//! Spin would end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use redis::{Msg, RedisResult};
use tokio::sync::watch;

use crate::application::redis_address;
use crate::run::dispatch::Dispatcher;
use crate::run::trap;

/// How long to wait before a new connection is tried: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The components woken by each channel of one address.
pub(crate) type Channels = BTreeMap<String, Vec<String>>;

/// How a subscriber stands with its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subscription {
    /// It hasn't been tried yet.
    Begun,
    /// It gets messages.
    Made,
    /// The server can't be reached. It is tried again.
    Lost,
}

/// Listens on one address.
pub(crate) struct Subscriber {
    application: Arc<Dispatcher>,
    address: String,
    channels: Channels,
    subscription: watch::Sender<Subscription>,
}

impl Subscriber {
    pub(crate) fn new(application: Arc<Dispatcher>, address: String, channels: Channels) -> Self {
        Self { application, address, channels, subscription: watch::Sender::new(Subscription::Begun) }
    }

    pub(crate) fn subscription(&self) -> watch::Receiver<Subscription> {
        self.subscription.subscribe()
    }

    /// Hands on messages until the application stops.
    pub(crate) async fn run(self) {
        let stopping = self.application.lifetime().stopping.clone();
        let mut pause = FIRST_PAUSE;
        while !stopping.is_cancelled() {
            let ended = self.listen().await;
            if self.subscription.send_replace(Subscription::Lost) == Subscription::Made {
                pause = FIRST_PAUSE;
            }
            if stopping.is_cancelled() {
                return;
            }
            self.complain(ended, pause);
            _ = tokio::time::timeout(pause, stopping.cancelled()).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Connects, subscribes, and hands on messages until the connection is lost or the application stops.
    async fn listen(&self) -> RedisResult<()> {
        let mut connection = redis_address::client(&self.address)?.get_async_pubsub().await?;
        for channel in self.channels.keys() {
            connection.subscribe(channel).await?;
        }
        if self.subscription.send_replace(Subscription::Made) == Subscription::Lost {
            tracing::info!("listening to {} again", self.shown());
        }
        let stopping = &self.application.lifetime().stopping;
        let mut messages = connection.on_message();
        while let Some(message) = stopping.run_until_cancelled(messages.next()).await.flatten() {
            self.hand_on(&message).await;
        }
        Ok(())
    }

    async fn hand_on(&self, message: &Msg) {
        let channel = message.get_channel_name();
        let components = self.channels.get(channel).into_iter().flatten();
        join_all(components.map(|component| async move {
            match self.application.deliver(component, message.get_payload_bytes().to_vec()).await {
                Ok(Ok(())) => {}
                // The SDK prints what a component fails with, as the component's own words.
                Ok(Err(error)) if !self.application.is_news(component, &error) => {}
                Ok(Err(error)) => tracing::error!(component, "failed on a message of `{channel}`: {error}"),
                Err(error) => trap::log(component, &error),
            }
        }))
        .await;
    }

    /// Warns once that the server is gone. While it stays away, further failures are logged on demand only.
    fn complain(&self, ended: RedisResult<()>, pause: Duration) {
        let reason = ended.err().map_or("the server closed the connection".to_owned(), |error| error.to_string());
        if pause == FIRST_PAUSE {
            tracing::warn!("no longer listening to {}: {reason}. It is tried again until it comes back", self.shown());
        } else {
            tracing::debug!("still not listening to {}: {reason}", self.shown());
        }
    }

    fn shown(&self) -> String {
        redis_address::shown(&self.address)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::redis_server::RedisServer;

    /// How long anything may take that must happen. Only a failing test waits so long.
    const PATIENCE: Duration = Duration::from_secs(20);

    async fn wait_for(subscription: &mut watch::Receiver<Subscription>, wanted: Subscription) {
        let waiting = subscription.wait_for(|subscription| *subscription == wanted);
        tokio::time::timeout(PATIENCE, waiting).await.expect("it comes").expect("the subscriber lives");
    }

    /// How many subscribers a channel has, as the server sees it.
    async fn subscribers(server: &RedisServer, channel: &str) -> i64 {
        let mut connection = redis_address::connect(&server.url(0)).await.expect("Redis");
        let counted =
            redis::cmd("PUBSUB").arg("NUMSUB").arg(channel).query_async::<(String, i64)>(&mut connection).await;
        counted.expect("a count").1
    }

    #[tokio::test]
    async fn a_lost_server_is_subscribed_to_again_when_it_is_back() {
        let data = tempfile::TempDir::new().expect("a folder");
        let mut server = RedisServer::start(data.path()).await.expect("Redis");
        let application = Arc::new(Dispatcher::without_components());
        let channels = Channels::from([("news".to_owned(), Vec::new()), ("other".to_owned(), Vec::new())]);
        let subscriber = Subscriber::new(application.clone(), server.url(0), channels);
        let mut subscription = subscriber.subscription();
        application.lifetime().spawn(subscriber.run());
        for _ in 0..2 {
            wait_for(&mut subscription, Subscription::Made).await;
            assert_eq!((subscribers(&server, "news").await, subscribers(&server, "other").await), (1, 1));
            server.kill().await.expect("it is killed");
            wait_for(&mut subscription, Subscription::Lost).await;
            server.restart().await.expect("Redis again");
        }
        wait_for(&mut subscription, Subscription::Made).await;
        application.lifetime().stop(PATIENCE).await;
        assert_eq!(*subscription.borrow(), Subscription::Lost);
    }

    #[tokio::test]
    async fn a_server_that_hangs_up_is_tried_again_and_again() {
        let server = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("redis://{}", server.local_addr().expect("an address"));
        let application = Arc::new(Dispatcher::without_components());
        application.lifetime().spawn(Subscriber::new(application.clone(), address, Channels::new()).run());
        for _ in 0..3 {
            let called = tokio::time::timeout(PATIENCE, server.accept()).await.expect("another try");
            drop(called.expect("a connection"));
        }
        application.lifetime().stop(PATIENCE).await;
    }
}
