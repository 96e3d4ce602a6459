//! Senders that share calls: each is told its own verdict, whoever else goes away.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use queue::limits::{TOGETHER, TOGETHER_BYTES};
use queue::{Accept, Accepted, Error, Limits, Together};
use tokio::sync::oneshot;

use super::doubles::StandingClock;
use super::setup::*;
use crate::harness::eventually;

const PATIENCE: Duration = Duration::from_secs(2);

type Verdicts = Result<Vec<Accepted>, Error>;
type Verdict = Result<Accepted, Error>;

/// Lives as long as the senders might.
fn standing_clock() -> &'static StandingClock {
    Box::leak(Box::default())
}

/// A call that waits for its answer.
struct Call {
    /// Each id, with an exclamation mark if it is sent again.
    ids: Vec<String>,
    answer: oneshot::Sender<Verdicts>,
}

/// Senders that the test lets run when it polls them, and calls that it answers.
struct Door {
    together: Rc<Together<&'static StandingClock, Accepted>>,
    clock: &'static StandingClock,
    calls: Rc<RefCell<Vec<Call>>>,
    senders: BTreeMap<String, LocalBoxFuture<'static, Verdict>>,
}

impl Door {
    /// One call at a time.
    fn new() -> Self {
        Self::letting(1)
    }

    /// While fewer than `few` messages are under way, nobody waits.
    fn letting(few: usize) -> Self {
        let clock = standing_clock();
        let together = Rc::new(Together::new(clock, few, PATIENCE));
        Self { together, clock, calls: Rc::default(), senders: BTreeMap::new() }
    }

    /// A sender comes.
    fn comes(&mut self, id: &str) {
        self.comes_with(message(id));
    }

    fn comes_with(&mut self, message: Accept) {
        let id = String::from_utf8(message.id.to_vec()).unwrap();
        let (together, calls) = (self.together.clone(), self.calls.clone());
        let call = async move |messages: &[Accept]| {
            let ids = messages.iter().map(shown).collect();
            let (answer, answered) = oneshot::channel();
            calls.borrow_mut().push(Call { ids, answer });
            answered.await.expect("the test answers")
        };
        let mut sender = async move { together.accept(message, call).await }.boxed_local();
        assert!((&mut sender).now_or_never().is_none(), "nothing was answered yet");
        assert!(self.senders.insert(id, sender).is_none());
    }

    /// A sender goes away.
    fn goes(&mut self, id: &str) {
        assert!(self.senders.remove(id).is_some(), "{id} isn't there");
    }

    /// The ids of each call that is under way.
    fn calls(&self) -> Vec<Vec<String>> {
        let mut calls = self.calls.borrow_mut();
        calls.retain(|call| !call.answer.is_closed());
        calls.iter().map(|call| call.ids.clone()).collect()
    }

    /// The ids of the call that is under way. There is but one.
    fn call(&self) -> Vec<String> {
        let calls = self.calls();
        assert!(calls.len() <= 1, "one call at a time: {calls:?}");
        calls.into_iter().next().unwrap_or_default()
    }

    fn answer(&self, nth: usize, verdicts: Verdicts) {
        assert!(self.calls().len() > nth, "no such call is under way");
        self.calls.borrow_mut().remove(nth).answer.send(verdicts).unwrap();
    }

    fn fail(&self, nth: usize) {
        self.answer(nth, Err(Error::Failed("broken pipe".to_owned())));
    }

    fn accept(&self) {
        self.accept_nth(0);
    }

    /// Every message is the replay of one that has its name and a prime, so that nobody can be told another's verdict.
    fn accept_nth(&self, nth: usize) {
        let verdicts = self.calls()[nth].iter().map(|id| replayed(id)).collect();
        self.answer(nth, Ok(verdicts));
    }

    /// Runs the senders until none can go on; gives what those were told that have ended.
    fn told(&mut self) -> BTreeMap<String, Verdict> {
        let mut told = BTreeMap::new();
        // Whoever is woken may wake one that had its turn already.
        for _ in 0..3 {
            self.senders.retain(|id, sender| match sender.now_or_never() {
                Some(verdict) => told.insert(id.clone(), verdict).is_some(),
                None => true,
            });
        }
        told
    }
}

fn shown(message: &Accept) -> String {
    let again = if message.again { "!" } else { "" };
    format!("{}{again}", str::from_utf8(&message.id).unwrap())
}

fn replayed(id: &str) -> Accepted {
    Accepted::Replayed(format!("{}'", id.trim_end_matches('!')).as_str().into())
}

#[track_caller]
fn assert_told(told: &BTreeMap<String, Verdict>, ids: &[&str]) {
    assert_eq!(told.keys().collect::<Vec<_>>(), ids);
    for (id, verdict) in told {
        assert_eq!(*verdict.as_ref().unwrap(), replayed(id), "{id} was told another's verdict");
    }
}

#[test]
fn the_first_sends_at_once_and_who_comes_meanwhile_goes_in_the_next_call() {
    let mut door = Door::new();
    door.comes("a");
    assert_eq!(door.call(), ["a"]);
    for id in ["d", "b", "c"] {
        door.comes(id);
    }
    assert_eq!(door.call(), ["a"]);
    door.accept();
    assert_told(&door.told(), &["a"]);
    assert_eq!(door.call(), ["d", "b", "c"], "in the order of their coming");
    door.comes("e");
    door.accept();
    assert_told(&door.told(), &["b", "c", "d"]);
    assert_eq!(door.call(), ["e"]);
    door.accept();
    assert_told(&door.told(), &["e"]);
    door.comes("f");
    assert_eq!(door.call(), ["f"], "nobody waits, so the next sends at once");
}

#[test]
fn a_call_that_fails_fails_for_those_who_were_in_it_and_for_nobody_else() {
    let mut door = Door::new();
    for id in ["a", "b", "c"] {
        door.comes(id);
    }
    door.accept();
    assert_told(&door.told(), &["a"]);
    door.comes("d");
    door.fail(0);
    let told = door.told();
    assert_eq!(told.keys().collect::<Vec<_>>(), ["b", "c"]);
    assert!(told.values().all(|verdict| matches!(verdict, Err(Error::Failed(_)))), "{told:?}");
    assert_eq!(door.call(), ["d"]);
}

#[test]
fn a_leader_that_goes_away_leaves_the_others_to_the_next_who_sends_them_again() {
    let mut door = Door::new();
    for id in ["a", "b", "c", "d"] {
        door.comes(id);
    }
    door.accept();
    assert_told(&door.told(), &["a"]);
    door.comes("e");
    assert_eq!(door.call(), ["b", "c", "d"]);
    door.goes("b");
    assert_told(&door.told(), &[]);
    assert_eq!(door.call(), ["c!", "d!", "e"], "the call of the one that went may have gone through");
    door.accept();
    assert_told(&door.told(), &["c", "d", "e"]);
}

#[test]
fn a_leader_that_goes_away_before_its_call_lets_the_next_one_lead() {
    let mut door = Door::new();
    for id in ["a", "b", "c"] {
        door.comes(id);
    }
    door.accept();
    // It is told here that b is the next, and b doesn't run any more.
    let leader = door.senders.remove("b").unwrap();
    assert_told(&door.told(), &["a"]);
    drop(leader);
    assert_told(&door.told(), &[]);
    assert_eq!(door.call(), ["c"]);
}

#[test]
fn when_all_have_gone_away_the_next_that_comes_sends_at_once() {
    let mut door = Door::new();
    for id in ["a", "b", "c"] {
        door.comes(id);
    }
    for id in ["c", "a", "b"] {
        door.goes(id);
    }
    assert_eq!(door.call(), [""; 0]);
    door.comes("d");
    assert_eq!(door.call(), ["d"]);
}

#[test]
fn who_went_away_while_it_waited_is_not_sent() {
    let mut door = Door::new();
    for id in ["a", "b", "c", "d"] {
        door.comes(id);
    }
    door.goes("c");
    door.accept();
    assert_told(&door.told(), &["a"]);
    assert_eq!(door.call(), ["b", "d"]);
    door.goes("d");
    door.accept();
    assert_told(&door.told(), &["b"]);
}

#[test]
fn a_call_stays_small_in_number_and_in_bytes() {
    let mut door = Door::new();
    for n in 0..2 * TOGETHER {
        door.comes(&format!("{n:03}"));
    }
    door.accept();
    assert_eq!(door.told().len(), 1);
    assert_eq!(door.call().len(), TOGETHER);
    door.accept();
    assert_eq!(door.told().len(), TOGETHER);
    assert_eq!(door.call().len(), TOGETHER - 1);
    door.accept();
    door.told();

    door.comes("a");
    for (id, bytes) in [("b", TOGETHER_BYTES / 2), ("c", TOGETHER_BYTES / 2), ("d", 1), ("e", TOGETHER_BYTES + 1)] {
        door.comes_with(Accept { payload: vec![0; bytes].into(), ..message(id) });
    }
    for expected in [&["a"][..], &["b", "c"], &["d"], &["e"]] {
        assert_eq!(door.call(), expected);
        door.accept();
        assert_told(&door.told(), expected);
    }
}

/// Redis is connected and silent: the call ends when a call must.
#[test]
fn nobody_waits_longer_than_for_one_call_and_its_own() {
    let mut door = Door::new();
    door.comes("a");
    for n in 0..TOGETHER {
        door.comes(&format!("b{n:02}"));
    }
    door.comes("c");
    door.clock.elapsed.set(PATIENCE / 2);
    door.comes("d");
    door.clock.elapsed.set(PATIENCE);
    door.answer(0, Err(Error::TimedOut(PATIENCE)));
    let told = door.told();
    assert!(told.values().all(|verdict| matches!(verdict, Err(Error::TimedOut(PATIENCE)))), "{told:?}");
    assert_eq!(told.len(), TOGETHER + 1, "all that have waited so long, but for the one that sends the next call");
    assert_eq!(door.call(), ["b00", "d"]);
}

#[test]
fn while_few_are_under_way_nobody_waits_and_under_load_there_is_one_call() {
    let mut door = Door::letting(2);
    for id in ["a", "b", "c", "d", "e"] {
        door.comes(id);
    }
    assert_eq!(door.calls(), [["a"], ["b"]]);
    door.accept();
    assert_told(&door.told(), &["a"]);
    assert_eq!(door.calls(), [vec!["b"], vec!["c", "d", "e"]]);
    door.comes("f");
    door.accept();
    assert_told(&door.told(), &["b"]);
    assert_eq!(door.calls(), [["c", "d", "e"]], "its end is worth waiting for");
    door.accept();
    assert_told(&door.told(), &["c", "d", "e"]);
    door.comes("g");
    assert_eq!(door.calls(), [["f"], ["g"]]);
}

/// Comings, goings, answers and failures in any order.
#[test]
fn in_any_order_each_is_told_its_own_verdict_and_nobody_waits_for_ever() {
    let mut chance = chance();
    for _ in 0..200 {
        let few = chance.usize(1..4);
        let mut door = Door::letting(few);
        let (mut there, mut sent, mut under_way) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for n in 0..100 {
            match chance.u8(0..10) {
                0..5 => {
                    let id = format!("{n:03}");
                    door.comes(&id);
                    there.insert(id);
                }
                5..7 => {
                    if let Some(id) = chance.choice(there.clone()) {
                        door.goes(&id);
                        there.remove(&id);
                    }
                }
                end => match chance.choice(0..door.calls().len()) {
                    Some(nth) if end == 7 => door.fail(nth),
                    Some(nth) => door.accept_nth(nth),
                    None => {}
                },
            }
            // At times nobody's task runs for a while.
            if chance.bool() {
                end(&mut door, &mut there);
            }
            let calls = door.calls();
            assert!(calls.len() <= few, "{few} messages needn't wait: {calls:?}");
            under_way.retain(|id| calls.iter().flatten().any(|other| other == id));
            for id in calls.into_iter().flatten().filter(|id| under_way.insert(id.clone())) {
                let is_first = sent.insert(id.trim_end_matches('!').to_owned());
                assert_eq!(is_first, !id.ends_with('!'), "{id} must say whether it was sent before");
            }
        }
        while !there.is_empty() {
            end(&mut door, &mut there);
            assert!(there.is_empty() || !door.calls().is_empty(), "nobody tells them: {there:?}");
            if !door.calls().is_empty() {
                door.accept();
            }
        }
        door.comes("last");
        assert_eq!(door.calls().pop().unwrap(), ["last"]);
    }
}

/// Takes away those that were told, which must be their own verdict.
fn end(door: &mut Door, there: &mut BTreeSet<String>) {
    for (id, verdict) in door.told() {
        assert!(there.remove(&id), "{id} is told twice");
        assert!(verdict.is_err() || verdict.unwrap() == replayed(&id), "{id} was told another's verdict");
    }
}

/// On a real Redis, with a leader that goes away after Redis took the call.
#[tokio::test]
async fn nothing_is_doubled_or_lost_when_a_leader_goes_away_after_redis_took_its_call() {
    let setup = Rc::new(Setup::new().await);
    let together = Rc::new(Together::new(standing_clock(), 1, PATIENCE));
    let gate = Rc::new(tokio::sync::Semaphore::new(0));
    let accept = |message: Accept| {
        let (setup, together, gate) = (setup.clone(), together.clone(), gate.clone());
        async move {
            let call = async |messages: &[Accept]| {
                let answers = setup.jobs().accept_together(messages, Limits::default()).await;
                gate.acquire().await.unwrap().forget();
                answers.map(|answers| answers.into_iter().map(|answer| answer.accepted).collect())
            };
            together.accept(message, call).await.unwrap()
        }
    };
    let tasks = tokio::task::LocalSet::new();
    let told = tasks.run_until(async {
        let send = |message| tokio::task::spawn_local(accept(message));
        let first = send(message("a"));
        tokio::task::yield_now().await;
        let leader = send(keyed("b", 1, 1, LONG));
        tokio::task::yield_now().await;
        let others = [keyed("c", 2, 2, LONG), keyed("d", 2, 9, LONG), message("e"), keyed("f", 1, 1, LONG)].map(send);
        gate.add_permits(1);
        assert_eq!(first.await.unwrap(), Accepted::New);
        eventually("Redis to take the call", async || (setup.jobs().stats().await.unwrap().visible == 4).then_some(()))
            .await;
        leader.abort();
        gate.add_permits(9);
        futures::future::join_all(others).await
    });
    let told: Vec<_> = told.await.into_iter().map(Result::unwrap).collect();
    let expected = [Accepted::New, Accepted::Conflict("c".into()), Accepted::New, Accepted::Replayed("b".into())];
    assert_eq!(told, expected);
    let mut kept: Vec<String> = setup.ask("HKEYS", "jobs:body", &[]).await;
    kept.sort();
    assert_eq!(kept, ["a", "b", "c", "e"]);
}
