//! What the queue should be holding, kept in plain maps. Predicts every answer and every key.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use queue::{Accepted, Head, Message, Verdict};

/// After how many crashes the model's claims give a message out only to be buried.
pub(crate) const MAX_CRASHES: u32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Queue,
    Dead,
    Done,
    Discarded,
}

/// What is known of one message.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) state: State,
    pub(crate) delivery: u64,
    pub(crate) failures: u32,
    pub(crate) crashes: u32,
    /// Its last delivery was not settled.
    pub(crate) open: bool,
    /// Redis's clock is past this before it is handed out again.
    pub(crate) invisible_until: u64,
    pub(crate) head: Option<Head>,
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) messages: BTreeMap<String, Known>,
    /// Key → body and message.
    keys: BTreeMap<u8, (u8, String)>,
    /// Ids of the events that exist.
    pub(crate) events: BTreeSet<String>,
}

impl Model {
    pub(crate) fn accept(&mut self, id: &str, key: Option<(u8, u8)>) -> Accepted {
        if let Some((key, body)) = key {
            if let Some((known_body, first)) = self.keys.get(&key) {
                let first = first.as_str().into();
                return if *known_body == body { Accepted::Replayed(first) } else { Accepted::Conflict(first) };
            }
            self.keys.insert(key, (body, id.to_owned()));
        }
        let new = Known {
            state: State::Queue,
            delivery: 0,
            failures: 0,
            crashes: 0,
            open: false,
            invisible_until: 0,
            head: None,
        };
        assert!(self.messages.insert(id.to_owned(), new).is_none(), "ids are used once");
        Accepted::New
    }

    /// Checks a batch that was handed out between two readings of Redis's clock.
    pub(crate) fn claim(&mut self, batch: &[Message], lease: Duration, before: u64, after: u64) {
        let mut kinds = BTreeSet::new();
        for message in batch {
            let id = str::from_utf8(&message.id).unwrap();
            let known = self.messages.get_mut(id).unwrap_or_else(|| panic!("{id} was never sent"));
            assert_eq!(known.state, State::Queue, "{id} is not to be handed out");
            assert!(known.invisible_until <= after, "{id} came too early");
            known.delivery += 1;
            known.crashes += u32::from(known.open);
            let exhausted = known.crashes >= MAX_CRASHES;
            let is_last = known.crashes + 1 == MAX_CRASHES;
            let is_suspect = known.open && !is_last && !exhausted;
            kinds.insert((exhausted, is_last, is_suspect));
            assert!(!is_last || batch.len() == 1, "{id} may kill its worker, and is not alone");
            let payload = if exhausted { vec![] } else { message.id.to_vec() }.into();
            let expected = Message {
                id: message.id.clone(),
                subject: message.id.as_subject(),
                delivery: known.delivery,
                failures: known.failures,
                crashes: known.crashes,
                suspect: exhausted || is_last || is_suspect,
                exhausted,
                since: message.since,
                thrown_back: message.thrown_back,
                head: known.head.clone(),
                payload,
            };
            assert_eq!(*message, expected);
            known.open = true;
            known.invisible_until = before + lease.as_millis() as u64;
        }
        assert!(kinds.len() <= 1, "suspects went with others: {batch:?}");
    }

    /// Whether this delivery still has a say.
    pub(crate) fn is_latest(&self, message: &Message) -> bool {
        let known = &self.messages[str::from_utf8(&message.id).unwrap()];
        known.open && known.delivery == message.delivery
    }

    pub(crate) fn renew(&mut self, message: &Message, lease: Duration, before: u64) -> bool {
        let latest = self.is_latest(message);
        if latest {
            self.known(&message.id).invisible_until = before + lease.as_millis() as u64;
        }
        latest
    }

    pub(crate) fn settle(&mut self, message: &Message, verdict: &Verdict, before: u64) -> bool {
        if !self.is_latest(message) {
            return false;
        }
        let known = self.known(&message.id);
        known.open = false;
        let effects = match verdict {
            Verdict::Done(effects) => {
                known.state = State::Done;
                effects
            }
            Verdict::Bury { effects, .. } => {
                known.state = State::Dead;
                effects
            }
            Verdict::Retry { after, .. } => {
                known.failures += 1;
                known.invisible_until = before + after.as_millis() as u64;
                return true;
            }
            Verdict::Throttle { .. } => {
                known.invisible_until = before;
                return true;
            }
            Verdict::Release { after, .. } => {
                known.invisible_until = before + after.as_millis() as u64;
                return true;
            }
        };
        known.head = effects.head.clone();
        for emit in &effects.emits {
            let event = String::from_utf8(emit.id.to_vec()).unwrap();
            assert!(self.events.insert(event), "an event for each settled delivery");
        }
        true
    }

    pub(crate) fn redrive(&mut self, id: &str) -> bool {
        let Some(known) = self.messages.get_mut(id).filter(|known| known.state == State::Dead) else { return false };
        (known.state, known.failures, known.crashes, known.invisible_until) = (State::Queue, 0, 0, 0);
        true
    }

    pub(crate) fn discard(&mut self, id: &str) -> bool {
        let known = self.messages.get_mut(id).filter(|known| [State::Dead, State::Discarded].contains(&known.state));
        known.map(|known| known.state = State::Discarded).is_some()
    }

    /// The ids of which `which` is true.
    pub(crate) fn ids(&self, which: impl Fn(&Known) -> bool) -> BTreeSet<String> {
        self.messages.iter().filter(|(_, known)| which(known)).map(|(id, _)| id.clone()).collect()
    }

    fn known(&mut self, id: &[u8]) -> &mut Known {
        self.messages.get_mut(str::from_utf8(id).unwrap()).expect("it was claimed")
    }
}
