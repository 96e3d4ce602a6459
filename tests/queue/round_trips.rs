//! Each verb is one command, so that nothing can come between its parts, and is only repeated when nothing was run.

use std::time::Duration;

use queue::{
    Accepted, Amended, END_OF_TIME, Leave, ListOf, Listing, MessageState, Pace, Subscription, Terms, Unsubscribed,
    Untracked,
};

use super::doubles::Failing;
use super::setup::*;

/// A way through all verbs.
struct Tour<'a> {
    setup: &'a Setup,
    connection: &'a Failing<queue::native::Native>,
    /// Redis forgets its scripts before each verb.
    forgetful: bool,
    /// Commands that each verb may send.
    most: usize,
}

impl Tour<'_> {
    async fn step(&self, verb: &str, works: impl Future<Output = bool>) {
        if self.forgetful {
            let _: () = self.setup.tell(&["SCRIPT", "FLUSH"]).await;
        }
        let before = self.connection.sent.get();
        assert!(works.await, "{verb}");
        let sent = self.connection.sent.get() - before;
        assert!(sent <= self.most, "{verb} sent {sent} commands");
    }

    async fn take(&self) {
        let queue = &self.setup.on(self.connection, "jobs");
        self.step("accept", async { queue.accept(message("a")).await.unwrap() == Accepted::New }).await;
        let mut batch = vec![];
        self.step("claim", async {
            batch = queue.claim(&claim(1)).await.unwrap();
            batch.len() == 1
        })
        .await;
        let a = &batch[0];
        let terms = Terms { asks: "pay.test", ..terms(Untracked::Allow) };
        self.step("hold", async { queue.hold(a, &terms, [("free", 1)]).await.unwrap() == HELD }).await;
        self.step("unask", async { queue.unask(a).await.is_ok() }).await;
        self.step("ask", async { queue.ask(a, "pay.test").await.unwrap() == Leave::Free }).await;
        self.step("interruptions", async { queue.interruptions().await.unwrap().is_empty() }).await;
        self.step("renew", async { queue.renew(&[(&a.id, a.delivery)]).await.unwrap() == [true] }).await;
        self.step("settle", async { queue.settle("worker", &[settlement(a, bury())]).await.unwrap() == [true] }).await;
        self.step("dead_letters", async { queue.dead_letters(0, 9).await.unwrap().len() == 1 }).await;
        self.step("find", async {
            matches!(queue.find(&"a".into(), [&"a".into()]).await.unwrap().messages, [Some(MessageState::Dead { .. })])
        })
        .await;
        let listing = Listing { of: ListOf::All, from: 0, till: END_OF_TIME };
        self.step("list", async { queue.list(&listing, None, 9).await.unwrap()[0].0 == "a" }).await;
        self.step("find_all", async { queue.find_all(&[("a".into(), ["a".into()])]).await.unwrap().len() == 1 }).await;
        self.step("redrive", async { queue.redrive(&["a".into()]).await.unwrap() == [true] }).await;
        self.step("stats", async { queue.stats().await.unwrap().visible == 1 }).await;
        self.step("lanes", async { queue.lanes().await.is_ok() }).await;
        let known = [Subscription { lane: "erp", topics: None }];
        self.step("subscribe", async { queue.subscribe(&known).await.unwrap().len() == 1 }).await;
        self.step("catch_up", async { !queue.catch_up("erp", 9, ".").await.unwrap() }).await;
        self.step("subscribers", async { queue.subscribers().await.unwrap().len() == 1 }).await;
        self.step("unsubscribe", async { queue.unsubscribe("erp").await.unwrap() == Unsubscribed::StillNamed }).await;
        self.step("hasten", async { queue.hasten(&"a".into()).await.is_ok() }).await;
        self.step("ring", async { queue.ring().await.is_ok() }).await;
        self.step("rearm", async { queue.rearm().await.is_ok() }).await;
        let batch = queue.claim(&claim(1)).await.unwrap();
        assert_eq!(queue.settle("worker", &[settlement(&batch[0], done())]).await.unwrap(), [true]);
        self.step("expire", async { !queue.expire(Duration::ZERO, b"a").await.unwrap().is_more }).await;
        self.step("rewrite", async { queue.rewrite(&"a".into(), Vec::new()).await.is_ok() }).await;
        self.step("rewrite_all", async { queue.rewrite_all("a", |_| None).await.is_ok() }).await;
        self.step("redact", async { !queue.redact(&"a".into()).await.unwrap() }).await;
        self.step("unlog", async { queue.unlog("a", "a", 0).await.is_ok() }).await;
        self.step("amend", async {
            queue.amend(&"a".into(), amendment("a/cancel", "a")).await.unwrap() == Amended::Unknown
        })
        .await;
        self.step("redrive_some", async { queue.redrive_some(None, Pace::AtOnce, 9).await.unwrap() == 0 }).await;
        self.step("discard", async { !queue.discard(&"a".into(), "ann", "done", "").await.unwrap() }).await;
    }
}

#[tokio::test]
async fn each_verb_is_one_command() {
    let setup = Setup::new().await;
    let connection = &Failing::around(setup.connection.clone());
    Tour { setup: &setup, connection, forgetful: false, most: 2 }.take().await;
    Tour { setup: &setup, connection, forgetful: false, most: 1 }.take().await;
}

#[tokio::test]
async fn a_redis_that_forgets_its_scripts_is_told_them_again() {
    let setup = Setup::new().await;
    let connection = &Failing::around(setup.connection.clone());
    Tour { setup: &setup, connection, forgetful: true, most: 2 }.take().await;
    let totals: Vec<(String, u64)> = setup.ask("HGETALL", "totals", &[]).await;
    assert_eq!(totals.iter().map(|(_, count)| count).sum::<u64>(), 2, "nothing was run twice: {totals:?}");
}
