//! `GET /metrics`: the messages in the queues and the counters, as OpenMetrics text.

use std::sync::atomic::AtomicU64;

use guest::{Problem, Redis, Response};
use http::StatusCode;
use order::queues;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use queue::{Interruption, Queue, Stats, Subscriber};

/// OpenMetrics 1.0, section "Content-Type".
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = [(&'static str, String); 2];
type Labelled = [(&'static str, String); 1];

#[derive(Default)]
struct Metrics {
    messages: Family<Labels, Gauge>,
    oldest: Family<Labelled, Gauge<f64, AtomicU64>>,
    events: Family<Labels, Counter>,
    superseded: Gauge,
    interrupted: Family<Labelled, Gauge>,
    unnamed: Family<Labelled, Gauge<f64, AtomicU64>>,
}

/// Measures the queues `roots` and their lanes.
pub(crate) async fn metrics(roots: &[Queue<'_, Redis>]) -> Result<Response, Problem> {
    let metrics = Metrics::default();
    for root in roots {
        metrics.add(root).await?;
        for lane in root.lanes().await? {
            metrics.add(&root.lane(&lane)).await?;
        }
    }
    for root in roots {
        for Subscriber { lane, unnamed_for, .. } in root.subscribers().await? {
            if let Some(unnamed_for) = unnamed_for {
                let endpoint = [("queue", format!("{}.{lane}", root.name()))];
                metrics.unnamed.get_or_create(&endpoint).set(unnamed_for.as_secs_f64());
            }
        }
    }
    for Interruption { partner, since, .. } in roots[0].interruptions().await? {
        metrics.interrupted.get_or_create(&[("provider", partner)]).set(since.is_some().into());
    }
    for (counter, total) in queue::totals(&roots[0]).await? {
        let (subject, event) = counter.split_once(':').unwrap_or((&counter, ""));
        let labels = [("subject", subject.to_owned()), ("event", event.to_owned())];
        metrics.events.get_or_create(&labels).inc_by(total);
    }
    let text = metrics.encode().expect("a String takes everything");
    Ok(Response::of(StatusCode::OK, CONTENT_TYPE, text.into_bytes()).with("cache-control", "no-store"))
}

impl Metrics {
    async fn add(&self, queue: &Queue<'_, Redis>) -> Result<(), Problem> {
        let Stats { visible, invisible, dead, oldest_visible } = queue.stats().await?;
        for (state, count) in [("visible", visible), ("invisible", invisible), ("dead", dead)] {
            let labels = [("queue", queue.name().to_owned()), ("state", state.to_owned())];
            self.messages.get_or_create(&labels).set(count as i64);
        }
        self.oldest
            .get_or_create(&[("queue", queue.name().to_owned())])
            .set(oldest_visible.unwrap_or_default().as_secs_f64());
        if queue.name() == queues::PLACED_SUPERSEDED {
            self.superseded.set((visible + invisible + dead) as i64);
        }
        Ok(())
    }

    fn encode(self) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("sluice");
        let messages =
            "Messages in a queue or one of its lanes: visible to workers, leased or delayed, and dead letters";
        registry.register("queue_messages", messages, self.messages);
        let oldest = "How long the oldest visible message has been visible";
        registry.register_with_unit("queue_oldest_visible", oldest, Unit::Seconds, self.oldest);
        let unnamed = "How long ago a host named the endpoint of this queue in its variable webhooks";
        registry.register_with_unit("endpoint_unnamed", unnamed, Unit::Seconds, self.unnamed);
        let superseded = "Records in the store that are still to be removed, and reminders of authorized payments";
        registry.register("superseded_records", superseded, self.superseded);
        let interrupted = "1 while the payment provider fails for all orders";
        registry.register("payments_interrupted", interrupted, self.interrupted);
        let events = "What happened: states that orders came to, webhooks, and verdicts on the messages of a queue";
        registry.register("events", events, self.events);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}
