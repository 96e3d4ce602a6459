//! Forgetting: what ended long ago, and what waits or is in the log.

use std::time::Duration;

use queue::native::Native;
use queue::{Effects, Emit, Ends, Expired, Message, Queue, Tag, Verdict};

use super::setup::*;

/// Settles a message, with its subject, and tells of it in another queue and in the log.
pub(crate) async fn finish_for_good(queue: &Queue<'_, Native>, id: &str) {
    accept_all(queue, &[id]).await;
    let batch = queue.claim(&claim(1)).await.unwrap();
    assert!(settle(queue, &batch[0], Verdict::Done(ending(id, Ends::Final))).await);
}

fn ending(id: &str, ends: Ends) -> Effects {
    Effects { head: Some("1.1".into()), ends: Some(ends), emits: vec![told(id, "a mark")], ..Effects::default() }
}

fn told(id: &str, payload: &str) -> Emit {
    let (queue, id) = ("told".to_owned(), format!("{id}.1").into_bytes().into());
    Emit { queue, id, payload: payload.as_bytes().into(), log: true, after: LONG }
}

fn later(setup: &Setup) -> Queue<'_, Native> {
    setup.queue("jobs.later", LONG)
}

async fn payloads(setup: &Setup) -> Vec<(String, String)> {
    let batch = claimed(&later(setup), &claim(999)).await;
    batch.iter().map(|m| (text(&m.id), text(&m.payload))).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn what_has_been_final_for_long_enough_comes_once_as_a_message_and_its_head_can_be_forgotten() {
    let setup = Setup::new().await;
    for id in ["a", "b"] {
        finish_for_good(&setup.jobs(), id).await;
    }
    setup.next_millisecond().await;
    let nobody = later(&setup).expire(LONG, b"forget").await.unwrap();
    assert_eq!(nobody, Expired { moved: 0, is_more: false }, "they ended just now");
    let moved = later(&setup).expire(BRIEF, b"forget").await.unwrap();
    assert_eq!(moved, Expired { moved: 2, is_more: false });
    assert_eq!(later(&setup).expire(BRIEF, b"forget").await.unwrap(), Expired { moved: 0, is_more: false });

    let batch: Vec<Message> = claimed(&later(&setup), &claim(9)).await;
    for message in &batch {
        assert_eq!((message.head.as_deref(), &*message.payload), (Some(&b"1.1"[..]), &b"forget"[..]));
    }
    let forgotten = Verdict::Done(Effects { ends: Some(Ends::Forgotten), ..Effects::default() });
    assert!(settle(&later(&setup), &batch[0], forgotten).await);
    let left: Vec<String> = setup.ask("HKEYS", "head", &[]).await;
    assert_eq!(left, [text(&batch[1].id)]);
}

#[tokio::test]
async fn many_that_ended_come_some_at_each_call() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let ids: Vec<String> = (0..100).map(|n| format!("m{n}")).collect();
    for id in &ids {
        finish_for_good(&queue, id).await;
    }
    setup.next_millisecond().await;
    let mut came = Vec::new();
    loop {
        let expired = later(&setup).expire(BRIEF, b"forget").await.unwrap();
        assert!(expired.moved < 100, "one call must not take long");
        came.extend(payloads(&setup).await.into_iter().map(|(id, _)| id));
        if !expired.is_more {
            break;
        }
    }
    came.sort();
    let mut expected = ids;
    expected.sort();
    assert_eq!(came, expected);
}

#[tokio::test]
async fn a_worker_is_woken_when_the_next_one_has_been_final_for_long_enough() {
    let setup = Setup::new().await;
    finish_for_good(&setup.jobs(), "a").await;
    setup.tell::<()>(&["DEL", &setup.key("jobs:timer"), &setup.key("jobs:guard")]).await;
    later(&setup).expire(Duration::from_secs(3600), b"forget").await.unwrap();
    let left: u64 = setup.ask("PTTL", "jobs:timer", &[]).await;
    assert!((3_500_000..=3_600_000).contains(&left), "{left}");
}

#[tokio::test]
async fn all_messages_whose_ids_begin_so_are_rewritten_however_many_others_there_are() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let others: Vec<String> = (0..3000).map(|n| format!("other.{n}")).collect();
    accept_all(&queue, &others.iter().map(String::as_str).collect::<Vec<_>>()).await;
    bury_all(&setup.queue("jobs.erp", LONG), &["mine.dead"], queue::Class::Handler).await;
    accept_all(&queue, &["mine.1", "mine.2", "mine"]).await;
    let rewritten = |payload: &[u8]| (payload != b"mine.2").then(|| b"new".to_vec());
    queue.rewrite_all("mine.", rewritten).await.unwrap();
    setup.queue("jobs.erp", LONG).rewrite_all("mine.", rewritten).await.unwrap();
    let bodies = async |queue: &str, ids: &[&str]| -> Vec<Option<String>> {
        setup.ask("HMGET", &format!("{queue}:body"), ids).await
    };
    let some = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
    let expected = some(&["new", "mine.2", "mine", "other.7"]);
    assert_eq!(bodies("jobs", &["mine.1", "mine.2", "mine", "other.7"]).await, expected);
    assert_eq!(bodies("jobs.erp", &["mine.dead"]).await, some(&["new"]));
    queue.rewrite(&"gone".into(), b"new".to_vec()).await.unwrap();
    assert_eq!(bodies("jobs", &["gone"]).await, [None], "what is gone doesn't come back");
}

#[tokio::test]
async fn the_log_loses_the_events_that_are_meant_and_no_other() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for n in 0..700 {
        finish_for_good(&queue, &format!("other{n}")).await;
    }
    finish_for_good(&queue, "mine").await;
    let since = setup.now().await - 60_000;
    accept_all(&queue, &["again"]).await;
    let batch = queue.claim(&claim(1)).await.unwrap();
    let emits = vec![told("mine.2", "nothing of note"), told("mine.3", "it has a mark")];
    assert!(settle(&queue, &batch[0], Verdict::Done(Effects { emits, ..Effects::default() })).await);
    assert_eq!(setup.log().await.0.len(), 703);

    queue.unlog("mine.", "a mark", setup.now().await + 60_000).await.unwrap();
    assert_eq!(setup.log().await.0.len(), 703, "none is that young");
    queue.unlog("mine.", "a mark", since).await.unwrap();
    let (left, _) = setup.log().await;
    assert_eq!(left.len(), 701);
    assert_eq!(left.iter().filter(|id| id.starts_with("mine")).collect::<Vec<_>>(), ["mine.2.1"]);
}

/// Tags, by the byte that they consist of.
fn tags(bytes: &[u8]) -> Vec<Tag> {
    bytes.iter().map(|byte| Tag([*byte; 8])).collect()
}

async fn tagged_keys(setup: &Setup) -> Vec<String> {
    setup.tell(&["KEYS", &setup.key("tagged:*")]).await
}

#[tokio::test]
async fn whatever_the_order_in_which_messages_leave_the_index_nothing_of_them_stays_there() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let ids: Vec<String> = (0..11).map(|n| format!("m{n}")).collect();
    for order in
        [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0], [4, 9, 0, 10, 3, 8, 1, 5, 2, 7, 6]]
    {
        for id in &ids {
            queue.accept(listed(id, "ann", &[7, 9])).await.unwrap();
        }
        let batch = claimed(&queue, &claim(99)).await;
        for message in &batch {
            assert!(settle(&queue, message, done()).await);
        }
        for (left, n) in (0..ids.len()).rev().zip(order) {
            queue.unindex(&ids[n].as_str().into(), &tags(&[7]), setup.now().await, Some("ann")).await.unwrap();
            let is_all = tagged_keys(&setup).await.len() == 1;
            assert_eq!(is_all, left == 0, "{left} are left under the tag 7");
        }
        for id in &ids {
            queue.unindex(&id.as_str().into(), &tags(&[9]), setup.now().await, Some("ann")).await.unwrap();
        }
        assert_eq!(tagged_keys(&setup).await, [""; 0]);
        for list in ["made", "made:ann"] {
            assert_eq!(setup.ask::<u64>("XLEN", list, &[]).await, 0, "{list} has lost what is gone");
        }
        setup.tell::<()>(&["FLUSHALL"]).await;
    }
}

#[tokio::test]
async fn the_lists_keep_what_is_still_there_and_all_that_came_after_it() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for id in ["gone", "there", "gone too"] {
        queue.accept(listed(id, "ann", &[])).await.unwrap();
    }
    for message in claimed(&queue, &claim(9)).await.iter().filter(|message| *message.id != *b"there") {
        assert!(settle(&queue, message, done()).await);
    }
    queue.unindex(&"gone".into(), &[], setup.now().await, Some("ann")).await.unwrap();
    for list in ["made", "made:ann"] {
        assert_eq!(setup.ask::<u64>("XLEN", list, &[]).await, 2, "{list}");
    }
}
