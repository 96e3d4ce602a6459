//! One run of a scenario, with a crash at one point or none.

use std::collections::BTreeMap;
use std::sync::Arc;

use host::{StartOptions, Triggers};
use http::Uri;

use super::bench::{Bench, LEASE, PATIENCE};
use super::check::check;
use super::faults::{Faults, Trouble};
use super::model::{Broken, Promise};
use super::point::{Nth, Point};
use super::scenario::{Past, Scenario};
use super::stage::{Listener, OPERATOR_KEY, Stage};
use super::world::World;
use crate::harness::{PaymentProvider, SECRET, Sluice, start_with, webhooks};

/// What the orders want, and more of it than all orders of a scenario do.
const SKUS: [&str; 2] = ["TEA-1", "CUP-2"];
const PLENTY: u64 = 100;

/// How a run went.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    /// The calls of the suspects, in the order in which they began.
    pub(crate) calls: Vec<Nth>,
    /// Whether the instance was stopped at the point.
    pub(crate) reached: bool,
    pub(crate) broken: Vec<Broken>,
    /// Each call in a line.
    pub(crate) trace: Vec<String>,
}

pub(crate) async fn run(bench: &Bench, scenario: &Scenario, point: Option<Point>) -> Ran {
    bench.clear().await;
    let mut listeners = Vec::new();
    for (name, manner) in scenario.endpoints {
        listeners.push(Listener::start(name, *manner).await);
    }
    let provider = match scenario.provider {
        Some(behave) => Some(PaymentProvider::behaving(behave).await),
        None => None,
    };
    let mut stage = Stage::new(bench, listeners, provider);
    for sku in SKUS {
        stage.stock(sku, PLENTY).await;
    }
    if let Some(past) = &scenario.past {
        play_past(&mut stage, scenario, past).await;
    }

    let faults = Arc::new(faults(&stage, scenario.trouble, point));
    for _ in 0..scenario.hosts {
        let host = Sluice::on(bench.redis.clone(), start(&stage, scenario, Triggers::All, &faults)).await;
        stage.hosts.push(host);
    }
    (scenario.act)(&stage).await;
    end(&mut stage).await;
    judge(&stage, scenario, &faults).await
}

/// What was before, without any crash.
async fn play_past(stage: &mut Stage<'_>, scenario: &Scenario, past: &Past) {
    let triggers = match past.worked_off {
        true => Triggers::All,
        false => Triggers::Only(["intake".to_owned()].into()),
    };
    let faults = Arc::new(faults(stage, past.trouble, None));
    stage.hosts.push(Sluice::on(stage.bench.redis.clone(), start(stage, scenario, triggers, &faults)).await);
    (past.act)(stage).await;
    match past.worked_off {
        true => end(stage).await,
        false => stop(stage).await,
    }
}

/// Leaves all alone until nothing waits any more, and lets what is in hand end.
async fn end(stage: &mut Stage<'_>) {
    if !stage.bench.is_quiet().await {
        let what = format!("messages still wait after {} s", PATIENCE.as_secs());
        stage.model().breaks(Promise::Kept, what);
    }
    stop(stage).await;
}

async fn stop(stage: &mut Stage<'_>) {
    for host in stage.hosts.drain(..) {
        host.running.stop().await;
    }
}

async fn judge(stage: &Stage<'_>, scenario: &Scenario, faults: &Faults) -> Ran {
    let model = stage.promised();
    let ledger = stage.provider.as_ref().map(PaymentProvider::ledger).unwrap_or_default();
    let world = World::read(stage.bench, model.orders.keys().cloned(), stage.told(), ledger).await;
    let mut calls = faults.calls();
    calls.retain(|call| scenario.suspects.contains(&call.kind.component.as_str()));
    Ran { calls, reached: faults.reached(), broken: check(&model, &world), trace: faults.trace() }
}

fn faults(stage: &Stage<'_>, trouble: Trouble, point: Option<Point>) -> Faults {
    let endpoints = stage.listeners.iter().map(|listener| {
        let entry = listener.endpoint.entry();
        let text = |field: &str| entry[field].as_str().expect("a text").to_owned();
        (authority(&text("url")), text("name"))
    });
    let provider = stage.provider.iter().map(|provider| {
        let [(_, url), ..] = provider.variables();
        (authority(&url), "the payment provider".to_owned())
    });
    Faults::new(trouble, point, endpoints.chain(provider).collect::<BTreeMap<_, _>>())
}

fn authority(url: &str) -> String {
    let url: Uri = url.parse().expect("a URL");
    url.authority().expect("a host").to_string()
}

fn start(stage: &Stage<'_>, scenario: &Scenario, triggers: Triggers, faults: &Arc<Faults>) -> StartOptions {
    let endpoints: Vec<_> = stage.listeners.iter().map(|listener| &listener.endpoint).collect();
    let [(webhooks, entries), (origin, pattern)] = webhooks(&endpoints);
    let lease = LEASE.as_millis().to_string();
    let variables = [
        (webhooks, entries.as_str()),
        (origin, &pattern),
        ("lease_ms", &lease),
        ("operator_key", OPERATOR_KEY),
        ("payment_event_secret", SECRET),
        ("max_attempts", "2"),
        // A busy machine may let a lease run out; that must not bury what should be done.
        ("max_crashes", "50"),
        ("backoff_base_ms", "1"),
        ("backoff_cap_ms", "5"),
        ("webhook_schedule_ms", "5,5"),
    ];
    let payment = stage.provider.as_ref().map(PaymentProvider::variables);
    let payment = payment.iter().flatten().map(|(name, value)| (*name, value.as_str()));
    let variables: Vec<_> = variables.into_iter().chain(payment).chain(scenario.variables.iter().copied()).collect();
    let told = faults.clone();
    StartOptions {
        triggers,
        calls: Some(faults.clone()),
        output: Some(Arc::new(move |component, line| told.note(format!("{component} says: {line}")))),
        ..start_with(&variables)
    }
}
