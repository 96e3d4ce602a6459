//! Whole or not at all: whatever refuses a script, it has written nothing by then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use queue::native::{Native, scripts};
use queue::{
    Adjustment, Class, Effects, Emit, Ends, Error, FollowUp, Leave, LetGo, Message, Pace, Report, Settlement, Showed,
    Stock, Terms, Untracked, Verdict,
};

use super::forget::finish_for_good;
use super::setup::*;
use crate::harness::Trouble;

/// The verbs that write.
pub(super) const VERBS: [&str; 23] = [
    "accept",
    "amend",
    "ask",
    "claim",
    "discard",
    "expire",
    "follow",
    "hasten",
    "hold",
    "rearm",
    "redact",
    "redrive",
    "redrive_some",
    "renew",
    "rewrite",
    "ring",
    "settle",
    "settle_lane",
    "stock_adjust",
    "stock_set",
    "unask",
    "unindex",
    "unlog",
];

/// What must be done though Redis is full: it frees memory, or tells of what was done already.
const EVEN_IF_FULL: [&str; 10] =
    ["discard", "expire", "redact", "renew", "rewrite", "settle", "settle_lane", "unask", "unindex", "unlog"];

/// A queue with something for every verb, and a second user of Redis whose rights the test decides.
pub(super) struct Scene {
    pub(super) setup: Setup,
    pub(super) user: Native,
    /// Leased, to be settled: "older" probes a partner, "a" holds stock, "b" has a follow-up, "c" and "d".
    leased: Vec<Message>,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let setup = Setup::new().await;
        setup.tell::<()>(&["ACL", "SETUSER", "sluice", "on", ">pw", "allkeys", "allchannels", "+@all"]).await;
        let url = setup.redis.url(0).replace("redis://", "redis://sluice:pw@");
        let user = Native::connect(&url).await.unwrap();
        let mut scene = Self { setup, user, leased: Vec::new() };
        scene.fill().await;
        scene
    }

    pub(super) async fn fill(&mut self) {
        let Self { setup, .. } = self;
        setup.tell::<()>(&["FLUSHALL"]).await;
        interrupt(setup).await;
        let (queue, stock) = (setup.jobs(), Stock::new(&setup.connection, &setup.namespace));
        stock.set("tea", 9).await.unwrap();
        bury_all(&queue, &["dead", "grave"], Class::Handler).await;
        finish_for_good(&queue, "past").await;
        bury_all(&queue, &["given up"], Class::Handler).await;
        queue.discard(&"given up".into(), "ann", "typo", "").await.unwrap();
        accept_all(&queue, &["delayed"]).await;
        let delayed = queue.claim(&claim(1)).await.unwrap();
        assert!(settle(&queue, &delayed[0], release_after(LONG)).await);
        queue.accept(keyed("old", 1, 1, BRIEF)).await.unwrap();
        queue.accept(keyed("older", 2, 2, BRIEF)).await.unwrap();
        accept_all(&queue, &["a", "b", "c", "d"]).await;
        let batch = queue.claim(&claim(6)).await.unwrap();
        assert!(matches!(queue.ask(&batch[1], PARTNER).await.unwrap(), Leave::Probe { .. }));
        queue.hold(&batch[2], &Terms { asks: "pay.test", ..terms(Untracked::Allow) }, [("tea", 2)]).await.unwrap();
        for id in ["f", "g"] {
            let follow_up = FollowUp { id: id.into(), subject: "b".into(), payload: id.into(), recalls: false };
            queue.follow(follow_up).await.unwrap();
        }
        accept_all(&queue, &["suspect"]).await;
        assert_eq!(ids(&setup.dying().claim(&claim(9)).await.unwrap()), ["suspect"]);
        self.leased = batch;
        self.setup.next_millisecond().await;
        self.setup.next_millisecond().await;
    }

    pub(super) async fn call(&self, verb: &str) -> Result<(), Error> {
        let queue = self.setup.on(&self.user, "jobs");
        let stock = Stock::new(&self.user, &self.setup.namespace);
        let leased = &self.leased;
        match verb {
            "accept" => queue.accept(listed("new", "ann", &[7])).await.map(drop),
            "amend" => queue.amend(&"dead".into(), amendment("dead/cancel", "dead")).await.map(drop),
            "ask" => queue.ask(&leased[1], PARTNER).await.map(drop),
            "claim" => queue.claim(&queue::Claim { silence: true, ..claim(9) }).await.map(drop),
            "discard" => queue.discard(&"dead".into(), "ann", "typo", "").await.map(drop),
            "expire" => queue.expire(Duration::ZERO, b"past").await.map(drop),
            "follow" => {
                let follow_up = FollowUp { id: "h".into(), subject: "b".into(), payload: "h".into(), recalls: true };
                queue.follow(follow_up).await.map(drop)
            }
            "hasten" => queue.hasten(&"delayed".into()).await,
            "hold" => {
                let terms = Terms { asks: PARTNER, ..terms(Untracked::Allow) };
                queue.hold(&leased[4], &terms, [("tea", 1), ("tea2", 1)]).await.map(drop)
            }
            "rearm" => queue.rearm().await.map(drop),
            "redact" => queue.redact(&"given up".into()).await.map(drop),
            "redrive" => queue.redrive(&["dead".into(), "grave".into()]).await.map(drop),
            "redrive_some" => queue.redrive_some(None, Pace::AtOnce, 9).await.map(drop),
            "renew" => queue.renew(&leased.iter().map(|m| (&m.id, m.delivery)).collect::<Vec<_>>()).await.map(drop),
            "rewrite" => self.setup.on(&self.user, "told").rewrite(&"past.1".into(), b"none".to_vec()).await,
            "ring" => queue.ring().await,
            "settle" => queue.settle("worker", &self.every_verdict("told")).await.map(drop),
            "settle_lane" => queue.settle("worker", &self.every_verdict("told.erp")).await.map(drop),
            "stock_adjust" => stock.adjust("tea", &Adjustment { by: 3, most: 1000, idempotency: None }).await.map(drop),
            "stock_set" => stock.set("tea", 3).await.map(drop),
            "unask" => queue.unask(&leased[2]).await,
            "unindex" => {
                queue.unindex(&"past".into(), &[queue::Tag([3; 8])], self.setup.now().await, Some("ann")).await
            }
            "unlog" => queue.unlog("past.", "a mark", 0).await,
            _ => unreachable!("{verb}"),
        }
    }

    fn every_verdict(&self, target: &str) -> Vec<Settlement> {
        let emit = Emit { queue: target.to_owned(), id: "e".into(), payload: "e".into(), log: true, after: LONG };
        let effects = |stock| Effects {
            head: Some("1.1".into()),
            counter: Some("sold".to_owned()),
            stock,
            clears: true,
            emits: vec![emit.clone()],
            topic: None,
            ends: Some(if stock == Some(LetGo::Out) { Ends::Forgotten } else { Ends::Final }),
            again: None,
        };
        let never = || "never".to_owned();
        let verdicts = [
            (release(), Some(Showed::Waits)),
            (Verdict::Done(Effects { again: Some(LONG), ..effects(None) }), Some(Showed::Answered)),
            (Verdict::Done(effects(Some(LetGo::Back))), None),
            (Verdict::Bury { class: Class::Permanent, reason: never(), effects: effects(None) }, None),
            (retry(Duration::MAX), Some(Showed::Failed)),
            (Verdict::Done(effects(Some(LetGo::Out))), None),
        ];
        let report = |showed| Report {
            partner: PARTNER.to_owned(),
            showed,
            why: never(),
            pause: BRIEF,
            news: Some(emit.clone()),
        };
        let settlement = |(message, (verdict, showed)): (&Message, (Verdict, Option<Showed>))| Settlement {
            report: showed.map(report),
            ..settlement(message, verdict)
        };
        self.leased.iter().zip(verdicts).map(settlement).collect()
    }

    /// Everything that is there, but for the time, and for what comes to its end by itself.
    pub(super) async fn all(&self) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        for key in self.setup.tell::<Vec<String>>(&["KEYS", "*"]).await {
            if ![":bell", ":timer", ":guard", ":clock", ":clocks"].iter().any(|part| key.ends_with(part)) {
                all.insert(key.clone(), self.setup.tell(&["DUMP", &key]).await);
            }
        }
        all
    }

    /// Calls a verb in trouble. Whether it was carried out; if it wasn't, nothing was written.
    async fn is_whole(&mut self, verb: &str, trouble: &str) -> bool {
        let before = self.all().await;
        match self.call(verb).await {
            Ok(()) => return true,
            Err(Error::Failed(words)) => {
                let after = self.all().await;
                let changed: Vec<_> = after.iter().filter(|(key, value)| before.get(*key) != Some(value)).collect();
                let is_same = changed.is_empty() && before.len() == after.len();
                assert!(is_same, "{verb} with {trouble}: {words}: {changed:?}");
            }
            Err(other) => panic!("{verb} with {trouble}: {other}"),
        }
        false
    }

    pub(super) async fn rights(&self, rights: &[&str]) {
        let user = ["ACL", "SETUSER", "sluice", "reset", "on", ">pw", "allkeys", "allchannels", "+@all"];
        self.setup.tell::<()>(&[&user[..], rights].concat()).await;
    }

    /// Every key that a verb may need: those there before, and those there after it.
    async fn keys_of(&mut self, verb: &str) -> BTreeSet<String> {
        let mut keys: BTreeSet<String> = self.all().await.into_keys().collect();
        self.call(verb).await.unwrap();
        keys.extend(self.all().await.into_keys());
        self.fill().await;
        keys
    }
}

const PARTNER: &str = "pay.test";

/// The partner fails for all, and a probe may go at once.
async fn interrupt(setup: &Setup) {
    let queue = setup.queue("jobs", BRIEF * 32);
    accept_all(&queue, &["1", "2", "3", "4", "5"]).await;
    let batch = setup.jobs().claim(&claim(5)).await.unwrap();
    let report = |showed| Report {
        partner: PARTNER.to_owned(),
        showed,
        why: "it is away".to_owned(),
        pause: Duration::ZERO,
        news: None,
    };
    let failed = |message| Settlement { report: Some(report(Showed::Failed)), ..settlement(message, done()) };
    let settled = queue.settle("worker", &batch.iter().map(failed).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(settled, [true; 5]);
    setup.next_millisecond().await;
    setup.next_millisecond().await;
}

/// The Redis commands that a verb's script names.
fn commands(verb: &str) -> BTreeSet<String> {
    let verb = verb.trim_end_matches("_lane");
    let script = scripts().find(|script| script.name == verb).unwrap();
    let calls = script.text.split("call('").skip(1).chain(script.text.split("call_with('").skip(1));
    calls.filter_map(|rest| Some(rest.split_once('\'')?.0.to_owned())).filter(|name| name != "TIME").collect()
}

/// docs/operating.md names them.
#[tokio::test]
async fn a_user_with_the_rights_that_the_page_names_may_call_every_verb() {
    let mut scene = Scene::new().await;
    for verb in VERBS {
        scene.fill().await;
        let namespace = "~{test}*";
        let rights = ["resetkeys", namespace, "resetchannels", "&{test}:*", "-@admin", "-@dangerous"];
        scene.rights(&rights).await;
        assert!(scene.is_whole(verb, "the least rights").await, "{verb}");
    }
}

#[tokio::test]
async fn a_right_that_is_missing_fails_a_verb_before_its_first_write() {
    let mut scene = Scene::new().await;
    for verb in VERBS {
        for command in commands(verb) {
            scene.rights(&[&format!("-{command}")]).await;
            if scene.is_whole(verb, &command).await {
                scene.fill().await;
            }
        }
        scene.rights(&["resetchannels"]).await;
        assert!(scene.is_whole(verb, "no channel").await, "{verb}: the timer makes a lost bell good");
        scene.fill().await;
    }
}

#[tokio::test]
async fn a_key_that_may_not_be_touched_fails_a_verb_before_its_first_write() {
    let mut scene = Scene::new().await;
    for verb in VERBS {
        let keys = scene.keys_of(verb).await;
        for key in &keys {
            for right in ["~", "%R~"] {
                let others = keys.iter().filter(|other| *other != key).map(|other| format!("~{other}"));
                let mut rights: Vec<String> = ["resetkeys".to_owned(), "~{test}".to_owned()].into();
                rights.extend(others.chain([format!("~{}", scene.setup.key("probe"))]));
                rights.extend((right == "%R~").then(|| format!("{right}{key}")));
                scene.rights(&rights.iter().map(String::as_str).collect::<Vec<_>>()).await;
                if scene.is_whole(verb, key).await {
                    scene.rights(&[]).await;
                    scene.fill().await;
                }
            }
        }
        scene.rights(&[]).await;
    }
}

#[tokio::test]
async fn a_key_that_a_stranger_wrote_fails_a_verb_before_its_first_write_or_not_at_all() {
    let mut scene = Scene::new().await;
    for verb in VERBS {
        for key in scene.keys_of(verb).await {
            scene.setup.tell::<()>(&["SET", &key, "a stranger's"]).await;
            scene.is_whole(verb, &key).await;
            scene.fill().await;
        }
    }
}

#[tokio::test]
async fn a_number_that_can_not_be_counted_with_fails_a_verb_before_its_first_write_or_not_at_all() {
    let mut scene = Scene::new().await;
    for (key, fields) in [("stock", &["tea"][..]), ("stock:held", &["tea"]), ("totals", &["sold", "jobs:done"])] {
        for value in ["many", "1.5", "", "007", "9223372036854775807", "-9223372036854775808"] {
            for verb in ["hold", "settle", "discard", "stock_adjust"] {
                for field in fields {
                    scene.setup.ask::<()>("HSET", key, &[field, value]).await;
                }
                let whole = scene.is_whole(verb, &format!("{key} {value:?}")).await;
                assert!(key != "totals" || whole, "{verb}: a counter holds up no order");
                scene.fill().await;
            }
        }
    }
}

#[tokio::test]
async fn a_redis_that_takes_no_writes_is_asked_for_none() {
    let mut scene = Scene::new().await;
    for trouble in Trouble::ALL {
        for verb in VERBS {
            scene.setup.redis.begin(trouble).await;
            let whole = scene.is_whole(verb, &format!("{trouble:?}")).await;
            let expected = trouble == Trouble::Full && EVEN_IF_FULL.contains(&verb);
            scene.setup.redis.end(trouble).await;
            assert_eq!(whole, expected, "{verb} with {trouble:?}");
            if whole {
                scene.fill().await;
            }
        }
        assert!(scene.is_whole("settle", "nothing").await, "after {trouble:?}");
        scene.fill().await;
    }
}
