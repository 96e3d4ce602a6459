//! Each component by itself, under wasmtime: no Redis, no network, and every call answered or refused by the host.

mod answers;
mod capture;
mod double;
mod free;
mod instances;
mod intake;
mod later;
mod list;
mod notifier;
mod outage;
mod payments;
mod pending;
mod places;
mod processor;
mod sample;
mod script;
mod settings;
mod silence;
mod stock;
mod stripe;
mod together;
mod webhooks;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use host::{RunningApplication, StartOptions, Triggers};
use http::{Request, Response};

use crate::harness::app;
use double::{Double, Effect};
use script::{Settled, Verb};

/// One component with its double.
struct Alone {
    component: &'static str,
    double: Arc<Double>,
    running: RunningApplication,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Double {
    /// Starts `component` with this around it.
    async fn around(self, component: &'static str) -> Alone {
        let double = Arc::new(self);
        let printed: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = printed.clone();
        let start = StartOptions {
            calls: Some(double.clone()),
            output: Some(Arc::new(move |_, line| lines.lock().unwrap().push(line.to_owned()))),
            triggers: Triggers::Off,
            ..StartOptions::default()
        };
        let running = app().start(start).await.unwrap();
        Alone { component, double, running, printed }
    }
}

impl Alone {
    /// Sends it a request. It must answer, whatever happens around it.
    async fn http(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.running.http(self.component, request).await.expect("an answer and no trap")
    }

    /// Wakes it, as a doorbell does. It must not trap, whatever happens around it.
    async fn wake(&self) -> Result<(), String> {
        self.running.redis_message(self.component, "1").await.expect("an answer and no trap")
    }

    /// What it called since the last time.
    fn take_effects(&self) -> Vec<Effect> {
        self.double.take_seen().into_iter().map(|seen| seen.effect).collect()
    }

    /// What it printed so far.
    fn printed(&self) -> String {
        self.printed.lock().unwrap().join("\n")
    }
}

/// The calls in a word each, variables left out.
fn words(effects: &[Effect]) -> Vec<String> {
    effects.iter().filter_map(Effect::word).collect()
}

/// Every delivery that was settled in this queue, in order.
fn settled(effects: &[Effect], queue: &str) -> Vec<Settled> {
    let settled = effects.iter().filter_map(|effect| match effect.verb() {
        Some(Verb::Settle { queue: of, settled }) if of == queue => Some(settled.clone()),
        _ => None,
    });
    settled.flatten().collect()
}
