//! Every verb gives its script the names that the script takes. (The names of replies are compared wherever a script
//! runs, so by the tests on a real Redis.)

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt;

use crate::connection::{Arg, Connection, Error, Reply};
use crate::message::{Head, Message, MessageId, Payload, Subject};
use crate::{
    Accept, Adjustment, Amendment, Claim, Class, END_OF_TIME, Effects, Emit, FollowUp, ListOf, Listing, Namespace,
    Pace, Queue, Report, Rights, Settlement, Showed, Side, Stock, Subscription, Tag, Terms, Timing, Untracked, Verdict,
    totals,
};

/// A Redis that only remembers which scripts were called.
#[derive(Default)]
struct Deaf(RefCell<BTreeSet<Arg>>);

impl Connection for Deaf {
    async fn execute(&self, _command: &str, arguments: Vec<Arg>) -> Result<Vec<Reply>, Error> {
        self.0.borrow_mut().insert(arguments[0].clone());
        Err(Error::Failed("deaf".to_owned()))
    }
}

#[test]
fn every_script_is_called_with_the_names_that_it_takes() {
    let (deaf, namespace) = (Deaf::default(), Namespace::new("{n}").unwrap());
    let timing = Timing { lease: Duration::from_secs(1), log_retention: Duration::ZERO };
    let queue = Queue::new(&deaf, &namespace, "q", timing);
    call_all(&queue, &Stock::new(&deaf, &namespace)).now_or_never().expect("nothing waits");
    let all: BTreeSet<_> = super::ALL.iter().map(|script| Arg::from(script.digest)).collect();
    assert_eq!(*deaf.0.borrow(), all, "a script is never called here: call its verb in call_all");
}

async fn call_all(queue: &Queue<'_, Deaf>, stock: &Stock<'_, Deaf>) {
    let (id, payload) = (MessageId::from("m"), Payload::from("p"));
    let claim = Claim {
        most: 1,
        most_bytes: 1,
        max_crashes: 1,
        worker: "w",
        number: 1,
        again: false,
        silence: true,
        side: Side::Alone,
        places: 1,
    };
    let follow_up = FollowUp { id: id.clone(), subject: id.as_subject(), payload: payload.clone(), recalls: true };
    drop(queue.accept(Accept::new(id.clone(), payload)).await);
    drop(queue.follow(follow_up).await);
    drop(queue.claim(&claim).await);
    drop(queue.renew(&[(&id, 1)]).await);
    let terms = Terms { untracked: Untracked::Allow, recall: id.clone(), asks: "", refuses: false, waits: false };
    drop(queue.hold(&message(), &terms, [("tea", 1)]).await);
    drop(queue.ask(&message(), "pay.test").await);
    drop(queue.interruptions().await);
    drop(queue.unask(&message()).await);
    drop(queue.settle("w", &[settlement()]).await);
    drop(queue.find(&Subject::from("m"), [&id]).await);
    let listing = Listing { of: ListOf::All, from: 0, till: END_OF_TIME };
    drop(queue.list(&listing, None, 1).await);
    drop(queue.stats().await);
    drop(queue.lanes().await);
    drop(queue.subscribe(&[Subscription { lane: "erp", topics: None }]).await);
    drop(queue.catch_up("erp", 1, ".").await);
    drop(queue.subscribers().await);
    drop(queue.unsubscribe("erp").await);
    drop(queue.ring().await);
    drop(queue.hasten(&id).await);
    drop(queue.rearm().await);
    drop(totals(queue).await);
    drop(Rights::of_queues(queue.namespace, &["q"]).lacking(queue.connection).await);
    drop(queue.dead_letters(0, 1).await);
    drop(queue.redrive(std::slice::from_ref(&id)).await);
    drop(queue.redrive_some(None, Pace::AtOnce, 1).await);
    drop(queue.discard(&id, "ann", "typo", "").await);
    drop(queue.expire(Duration::from_secs(1), b"{}").await);
    drop(queue.rewrite_all("m", |_| None).await);
    drop(queue.rewrite(&id, Vec::new()).await);
    drop(queue.redact(&id).await);
    drop(queue.unlog("m", "mark", 0).await);
    drop(queue.unindex(&id, &[Tag([0; 8])], 0, None).await);
    let amendment = Amendment { id: id.clone(), subject: id.as_subject(), opening: "{", mark: ",", addition: ",more}" };
    drop(queue.amend(&id, amendment).await);
    drop(stock.set("tea", 1).await);
    drop(stock.adjust("tea", &Adjustment { by: 1, most: 9, idempotency: None }).await);
    drop(stock.read("tea").await);
    drop(stock.list(None).await);
}

fn message() -> Message {
    Message {
        id: "m".into(),
        subject: "m".into(),
        delivery: 1,
        failures: 0,
        crashes: 0,
        suspect: false,
        exhausted: false,
        since: 0,
        thrown_back: false,
        head: Some(Head::from("1.1")),
        payload: "p".into(),
    }
}

fn settlement() -> Settlement {
    let emit = Emit { queue: "r".to_owned(), id: "e".into(), payload: "p".into(), log: true, after: Duration::ZERO };
    let effects = Effects { emits: vec![emit], ..Effects::default() };
    let verdict = Verdict::Bury { class: Class::Permanent, reason: "never".to_owned(), effects };
    let (partner, why, pause) = ("pay.test".to_owned(), "it is away".to_owned(), Duration::ZERO);
    let report = Some(Report { partner, showed: Showed::Failed, why, pause, news: None });
    Settlement { id: "m".into(), delivery: 1, verdict, report }
}
