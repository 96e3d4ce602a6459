//! Verbs in any order, with leases that run out at any time, against a model: no message is ever lost, settled twice or
//! in two places.

use std::collections::BTreeSet;
use std::time::Duration;

use queue::{Accept, Claim, Class, Effects, Emit, Message, Verdict};

use super::model::{MAX_CRASHES, Model, State};
use super::setup::*;
use crate::harness::eventually;

const STEPS: usize = 600;

/// A random walk through the verbs.
struct Walk {
    setup: Setup,
    chance: fastrand::Rng,
    model: Model,
    /// Every delivery ever made: the old ones are tried again, too late.
    deliveries: Vec<Message>,
}

#[tokio::test]
async fn in_any_order_no_message_is_lost_settled_twice_or_in_two_places() {
    let mut walk = Walk { setup: Setup::new().await, chance: chance(), model: Model::default(), deliveries: vec![] };
    for _ in 0..STEPS {
        match walk.chance.u8(0..100) {
            0..25 => walk.accept().await,
            25..55 => walk.claim().await,
            55..85 => walk.settle().await,
            85..93 => walk.renew().await,
            93..99 => walk.redrive().await,
            _ => walk.discard().await,
        }
        walk.check().await;
    }
    walk.finish().await;
    walk.check().await;
    let unfinished = walk.model.ids(|known| !matches!(known.state, State::Done | State::Discarded));
    assert!(unfinished.is_empty(), "{unfinished:?}");
}

impl Walk {
    async fn accept(&mut self) {
        let id = format!("m{:03}", self.model.messages.len());
        let key = self.chance.bool().then(|| (self.chance.u8(0..30), self.chance.u8(0..2)));
        let accept = key.map_or(message(&id), |(key, body)| keyed(&id, key, body, LONG));
        let expected = self.model.accept(&id, key);
        assert_eq!(self.setup.jobs().accept(accept.clone()).await.unwrap(), expected, "{accept:?}");

        // And the same once more, by a sender that missed the answer.
        if expected == queue::Accepted::New {
            let again = self.setup.jobs().accept(Accept { again: true, ..accept }).await.unwrap();
            assert_eq!(again, queue::Accepted::New);
        }
    }

    fn lease(&mut self) -> Duration {
        self.chance.choice([BRIEF, BRIEF, 5 * BRIEF, LONG]).expect("one of four")
    }

    async fn claim(&mut self) {
        let lease = self.lease();
        let most = self.chance.usize(1..6);
        self.claim_up_to(most, lease).await;
    }

    async fn claim_up_to(&mut self, most: usize, lease: Duration) {
        let claim = Claim { max_crashes: MAX_CRASHES, ..claim(most) };
        let before = self.setup.now().await;
        let batch = self.setup.queue("jobs", lease).claim(&claim).await.unwrap();
        let after = self.setup.now().await;
        self.model.claim(&batch, lease, before, after);
        self.deliveries.extend(batch);
    }

    /// A delivery of whatever age, rather a young one.
    fn delivery(&mut self) -> Option<Message> {
        let oldest = if self.chance.bool() { self.deliveries.len().saturating_sub(8) } else { 0 };
        self.chance.choice(&self.deliveries[oldest..]).cloned()
    }

    fn verdict(&mut self, message: &Message) -> Verdict {
        let event = format!("{}-{}", str::from_utf8(&message.id).unwrap(), message.delivery);
        let emit = Emit {
            queue: "events".to_owned(),
            id: event.clone().into(),
            payload: vec![].into(),
            log: true,
            after: Duration::ZERO,
        };
        let effects = Effects {
            head: Some(event.into()),
            counter: Some("effects".to_owned()),
            emits: vec![emit],
            ..Effects::default()
        };
        let after = Duration::from_millis(self.chance.u64(0..6));
        match self.chance.u8(0..5) {
            0 => Verdict::Done(effects),
            1 => Verdict::Bury { class: Class::Permanent, reason: "so".to_owned(), effects },
            2 => retry(after),
            3 => throttle(message),
            _ => release_after(after),
        }
    }

    async fn settle(&mut self) {
        let mut settlements = vec![];
        for _ in 0..self.chance.usize(1..4) {
            if let Some(message) = self.delivery() {
                let verdict = self.verdict(&message);
                settlements.push((message, verdict));
            }
        }
        self.settle_all(settlements).await;
    }

    async fn settle_all(&mut self, settlements: Vec<(Message, Verdict)>) {
        let before = self.setup.now().await;
        let expected: Vec<bool> =
            settlements.iter().map(|(message, verdict)| self.model.settle(message, verdict, before)).collect();
        let settlements: Vec<_> =
            settlements.iter().map(|(message, verdict)| settlement(message, verdict.clone())).collect();
        assert_eq!(self.setup.jobs().settle("worker", &settlements).await.unwrap(), expected, "{settlements:?}");
    }

    async fn renew(&mut self) {
        let lease = self.lease();
        if let Some(message) = self.delivery() {
            let before = self.setup.now().await;
            let expected = self.model.renew(&message, lease, before);
            let queue = self.setup.queue("jobs", lease);
            assert_eq!(queue.renew(&[(&message.id, message.delivery)]).await.unwrap(), [expected], "{message:?}");
        }
    }

    async fn redrive(&mut self) {
        let any: Vec<String> = self.model.messages.keys().cloned().collect();
        let Some(id) = self.chance.choice(&any) else { return };
        let expected = self.model.redrive(id);
        assert_eq!(self.setup.jobs().redrive(&[id.as_str().into()]).await.unwrap(), [expected], "{id}");
    }

    async fn discard(&mut self) {
        let any: Vec<String> = self.model.messages.keys().cloned().collect();
        let Some(id) = self.chance.choice(&any) else { return };
        let expected = self.model.discard(id);
        assert_eq!(self.setup.jobs().discard(&id.as_str().into(), "ann", "so", "").await.unwrap(), expected, "{id}");
    }

    /// Every key holds what the model says, and nothing else.
    async fn check(&self) {
        let (setup, model) = (&self.setup, &self.model);
        let queued = model.ids(|known| known.state == State::Queue);
        let dead = model.ids(|known| known.state == State::Dead);
        let members = async |key: &str| setup.ask::<BTreeSet<String>>("ZRANGE", key, &["0", "-1"]).await;
        let fields = async |key: &str| setup.ask::<BTreeSet<String>>("HKEYS", key, &[]).await;
        assert_eq!(members("jobs:due").await, queued);
        assert_eq!(members("jobs:dead").await, dead);
        assert_eq!(fields("jobs:body").await, &queued | &dead);
        assert_eq!(fields("jobs:why").await, dead);
        assert_eq!(fields("jobs:discarded").await, model.ids(|known| known.state == State::Discarded));
        let delivered = &model.ids(|known| known.delivery > 0) & &(&queued | &dead);
        assert_eq!(fields("jobs:deliveries").await, delivered);
        assert_eq!(members("events:due").await, model.events);
        assert_eq!(setup.ask::<usize>("XLEN", "log", &[]).await, model.events.len());
        let counted: Option<usize> = setup.ask("HGET", "totals", &["effects"]).await;
        assert_eq!(counted.unwrap_or_default(), model.events.len());
    }

    /// Redrives what is dead, and settles what comes until everything is done.
    async fn finish(&mut self) {
        for id in self.model.ids(|known| known.state == State::Dead) {
            assert!(self.model.redrive(&id));
            assert_eq!(self.setup.jobs().redrive(&[id.as_str().into()]).await.unwrap(), [true]);
        }
        while !self.model.ids(|known| known.state == State::Queue).is_empty() {
            let open: Vec<_> =
                self.deliveries.iter().filter(|message| self.model.is_latest(message)).cloned().collect();
            if open.is_empty() {
                let visible = async || (self.setup.jobs().stats().await.unwrap().visible > 0).then_some(());
                eventually("what the model says is in the queue", visible).await;
            }
            self.settle_all(open.into_iter().map(|message| (message, done())).collect()).await;
            self.claim_up_to(50, LONG).await;
        }
    }
}
