//! Subscribers: each is copied what it wants, whoever copies it, and what waits for it waits until it is removed.

use std::time::Duration;

use queue::native::Native;
use queue::{Effects, Emit, Queue, Subscribed, Subscription, Unsubscribed, Verdict};

use super::setup::*;

/// Finds the topic in payloads like `topic=sold`.
const PATTERN: &str = "topic=(%a+)";

fn all(lane: &str) -> Subscription<'_> {
    Subscription { lane, topics: None }
}

/// Puts a message into the log and into `events`, as the processor does it: in the step that settles something else.
async fn tell(setup: &Setup, id: &str, topic: &str) {
    accept_all(&setup.jobs(), &[id]).await;
    let [job] = setup.jobs().claim(&claim(1)).await.unwrap().try_into().unwrap();
    let payload = format!("topic={topic}").as_str().into();
    let emit = Emit { queue: "events".to_owned(), id: id.into(), payload, log: true, after: Duration::ZERO };
    assert!(settle(&setup.jobs(), &job, Verdict::Done(Effects { emits: vec![emit], ..Effects::default() })).await);
}

/// Copies what is there to be copied.
async fn copy(setup: &Setup, topic: &str) {
    let events = events(setup);
    for message in events.claim(&claim(99)).await.unwrap() {
        let effects = Effects { topic: Some(topic.to_owned()), ..Effects::default() };
        assert!(settle(&events, &message, Verdict::Done(effects)).await);
    }
}

/// Copies it as release 0.1 does: to the lanes of its own list.
async fn copy_as_0_1(setup: &Setup, lanes: &[&str]) {
    let events = events(setup);
    for message in events.claim(&claim(99)).await.unwrap() {
        let emits = lanes.iter().map(|lane| Emit {
            queue: format!("events.{lane}"),
            id: message.id.clone(),
            payload: message.payload.clone(),
            log: false,
            after: Duration::ZERO,
        });
        let effects = Effects { emits: emits.collect(), ..Effects::default() };
        assert!(settle(&events, &message, Verdict::Done(effects)).await);
    }
}

fn events(setup: &Setup) -> Queue<'_, Native> {
    setup.queue("events", LONG)
}

/// What waits in a lane, taken out of it.
async fn take(setup: &Setup, lane: &str) -> Vec<String> {
    let lane = events(setup).lane(lane);
    let batch = lane.claim(&claim(99)).await.unwrap();
    for message in &batch {
        assert!(settle(&lane, message, done()).await);
    }
    ids(&batch).into_iter().map(str::to_owned).collect()
}

async fn subscribe(setup: &Setup, known: &[Subscription<'_>]) {
    events(setup).subscribe(known).await.unwrap();
}

/// Gives every subscriber what it missed, and says to whom something was given.
async fn catch_up(setup: &Setup) -> Vec<String> {
    let subscribed = events(setup).subscribe(&[]).await.unwrap();
    let mut behind: Vec<_> = subscribed.into_iter().filter(|it| it.behind).map(|it| it.lane).collect();
    behind.sort();
    for lane in &behind {
        while events(setup).catch_up(lane, 2, PATTERN).await.unwrap() {}
    }
    behind
}

#[tokio::test]
async fn a_subscriber_is_copied_what_it_wants_by_whoever_copies() {
    let setup = Setup::new().await;
    let sold = ["sold".to_owned()];
    let known = [all("erp"), Subscription { lane: "crm", topics: Some(&sold) }];
    subscribe(&setup, &known).await;
    // Another instance, with an empty list.
    subscribe(&setup, &[]).await;
    tell(&setup, "a", "sold").await;
    copy(&setup, "sold").await;
    tell(&setup, "b", "lost").await;
    copy(&setup, "lost").await;
    assert_eq!(take(&setup, "erp").await, ["a", "b"]);
    assert_eq!(take(&setup, "crm").await, ["a"]);
}

#[tokio::test]
async fn of_two_lists_of_topics_both_count_until_one_is_no_longer_named() {
    let setup = Setup::new().await;
    let [sold, lost, none] = [vec!["sold".to_owned()], vec!["lost".to_owned()], vec![]];
    for topics in [&none, &sold, &lost] {
        subscribe(&setup, &[Subscription { lane: "erp", topics: Some(topics) }]).await;
    }
    for (id, topic) in [("a", "sold"), ("b", "lost"), ("c", "found")] {
        tell(&setup, id, topic).await;
        copy(&setup, topic).await;
    }
    assert_eq!(take(&setup, "erp").await, ["a", "b"]);

    // The last time that anybody named `sold` was long before `lost` was named.
    let json: String = setup.ask("HGET", "events:subscribers", &["events.erp"]).await;
    let mut known: serde_json::Value = serde_json::from_str(&json).unwrap();
    known["topics"]["sold"] = (known["topics"]["sold"].as_u64().unwrap() - 700_000).into();
    let _: u64 = setup.ask("HSET", "events:subscribers", &["events.erp", &known.to_string()]).await;
    for (id, topic) in [("d", "sold"), ("e", "lost")] {
        tell(&setup, id, topic).await;
        copy(&setup, topic).await;
    }
    assert_eq!(take(&setup, "erp").await, ["e"]);
}

#[tokio::test]
async fn a_new_subscriber_is_given_what_was_copied_just_before_it_came() {
    let setup = Setup::new().await;
    for (id, topic) in [("a", "sold"), ("b", "sold"), ("c", "lost"), ("d", "sold"), ("e", "sold")] {
        tell(&setup, id, topic).await;
        copy(&setup, topic).await;
    }
    // It is copied later, and so not made good.
    tell(&setup, "f", "sold").await;
    let sold = ["sold".to_owned()];
    subscribe(&setup, &[Subscription { lane: "erp", topics: Some(&sold) }]).await;
    assert_eq!(catch_up(&setup).await, ["erp"]);
    copy(&setup, "sold").await;
    assert_eq!(take(&setup, "erp").await, ["a", "b", "d", "e", "f"]);
    assert!(catch_up(&setup).await.is_empty(), "once");
    assert!(take(&setup, "erp").await.is_empty());
}

#[tokio::test]
async fn what_release_0_1_copies_by_its_own_list_is_made_good_to_those_that_it_does_not_know() {
    let setup = Setup::new().await;
    subscribe(&setup, &[all("old"), all("new")]).await;
    catch_up(&setup).await;
    tell(&setup, "a", "sold").await;
    copy_as_0_1(&setup, &["old"]).await;
    assert_eq!(catch_up(&setup).await, ["new"]);
    assert_eq!(take(&setup, "new").await, ["a"]);
    assert_eq!(take(&setup, "old").await, ["a"]);
    tell(&setup, "b", "sold").await;
    copy(&setup, "sold").await;
    assert!(catch_up(&setup).await.is_empty());
    assert_eq!(take(&setup, "new").await, ["b"]);
}

#[tokio::test]
async fn release_0_1_is_not_shown_a_lane_that_it_would_bury() {
    let setup = Setup::new().await;
    tell(&setup, "a", "sold").await;
    copy_as_0_1(&setup, &["erp"]).await;
    subscribe(&setup, &[all("erp"), all("crm")]).await;
    tell(&setup, "b", "sold").await;
    copy(&setup, "sold").await;
    assert!(setup.ask::<Vec<String>>("SMEMBERS", "events:lanes", &[]).await.is_empty());
    let mut lanes = events(&setup).lanes().await.unwrap();
    lanes.sort();
    assert_eq!(lanes, ["crm", "erp"]);
}

#[tokio::test]
async fn a_subscriber_that_nobody_names_keeps_what_waits_until_it_is_removed() {
    let setup = Setup::new().await;
    subscribe(&setup, &[all("erp")]).await;
    tell(&setup, "a", "sold").await;
    copy(&setup, "sold").await;
    assert_eq!(events(&setup).unsubscribe("erp").await.unwrap(), Unsubscribed::StillNamed);
    assert_eq!(events(&setup).unsubscribe("crm").await.unwrap(), Unsubscribed::Unknown);

    let json: String = setup.ask("HGET", "events:subscribers", &["events.erp"]).await;
    let mut known: serde_json::Value = serde_json::from_str(&json).unwrap();
    known["topics"]["*"] = (known["topics"]["*"].as_u64().unwrap() - 61_000).into();
    let _: u64 = setup.ask("HSET", "events:subscribers", &["events.erp", &known.to_string()]).await;
    let [erp] = events(&setup).subscribers().await.unwrap().try_into().unwrap();
    assert_eq!((erp.lane.as_str(), erp.waiting, erp.dead, erp.is_unnamed()), ("erp", 1, 0, true));

    let removed = events(&setup).unsubscribe("erp").await.unwrap();
    assert_eq!(removed, Unsubscribed::Removed { waiting: 1, dead: 0 });
    assert!(setup.contents().await.keys().all(|key| !key.contains("events.erp")));
    assert_eq!(events(&setup).subscribe(&[]).await.unwrap(), Vec::<Subscribed>::new());
    tell(&setup, "b", "sold").await;
    copy(&setup, "sold").await;
    assert!(take(&setup, "erp").await.is_empty());
}

#[tokio::test]
async fn what_release_0_1_left_in_a_lane_that_nobody_names_can_be_removed() {
    let setup = Setup::new().await;
    tell(&setup, "a", "sold").await;
    copy_as_0_1(&setup, &["gone"]).await;
    let [gone] = events(&setup).subscribers().await.unwrap().try_into().unwrap();
    assert_eq!((gone.lane.as_str(), gone.named, gone.waiting), ("gone", None, 1));
    let removed = events(&setup).unsubscribe("gone").await.unwrap();
    assert_eq!(removed, Unsubscribed::Removed { waiting: 1, dead: 0 });
    assert!(events(&setup).lanes().await.unwrap().is_empty());
}
