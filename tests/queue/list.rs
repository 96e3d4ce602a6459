//! The index of what was accepted: who lists what, in which order, and that nobody pays for what they don't see.

use std::cell::Cell;
use std::time::Duration;

use queue::{Accept, Accepted, Connection, END_OF_TIME, Limits, ListOf, ListPlace, Listing, Owner, Queue, Rate, Tag};

use super::clock::Clocked;
use super::setup::*;

const TAG: u8 = 7;
const DAY: Duration = Duration::from_secs(86_400);

fn all(of: ListOf<'_>) -> Listing<'_> {
    Listing { of, from: 0, till: END_OF_TIME }
}

/// The three ways to list what `listed(_, "ann", &[TAG])` made.
fn ways() -> [ListOf<'static>; 3] {
    [ListOf::All, ListOf::Owner("ann"), tagged(TAG)]
}

fn tagged(tag: u8) -> ListOf<'static> {
    ListOf::Tag(Tag([tag; 8]))
}

/// One page, and the place of its last message.
async fn page<C: Connection>(
    queue: &Queue<'_, C>,
    listing: &Listing<'_>,
    after: Option<ListPlace>,
    most: usize,
) -> (Vec<String>, Option<ListPlace>) {
    let listed = queue.list(listing, after, most).await.unwrap();
    let last = listed.last().map(|(_, place)| *place);
    (listed.into_iter().map(|(id, _)| String::from_utf8(id.to_vec()).unwrap()).collect(), last)
}

/// The whole list, by pages of so many, of which the last one alone is shorter.
async fn pages<C: Connection>(queue: &Queue<'_, C>, listing: &Listing<'_>, most: usize) -> Vec<String> {
    let (mut whole, mut after) = (Vec::new(), None);
    loop {
        let (ids, last) = page(queue, listing, after, most).await;
        let is_last = ids.len() < most;
        whole.extend(ids);
        if is_last {
            return whole;
        }
        after = last;
    }
}

async fn accept<C: Connection>(queue: &Queue<'_, C>, message: Accept) {
    assert_eq!(queue.accept(message).await.unwrap(), Accepted::New);
}

/// Accepts `ann`'s messages of these numbers, so many by each call.
async fn accept_numbers(queue: &Queue<'_, impl Connection>, numbers: std::ops::Range<usize>, together: usize) {
    let messages: Vec<_> =
        numbers.map(|n| Accept { idempotency: None, ..listed(&format!("m{n}"), "ann", &[TAG]) }).collect();
    for some in messages.chunks(together) {
        let answers = queue.accept_together(some, Limits::default()).await.unwrap();
        assert!(answers.iter().all(|answer| answer.accepted == Accepted::New));
    }
}

fn newest_first(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.rev().map(|n| format!("m{n}")).collect()
}

#[tokio::test]
async fn each_list_has_its_own_messages_the_newest_first() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for (id, owner, tags) in [("a", "ann", &[1, 2][..]), ("b", "bob", &[1]), ("c", "ann", &[2]), ("d", "bob", &[])] {
        accept(&queue, listed(id, owner, tags)).await;
    }
    accept(&queue, message("nobody's")).await;
    for (of, expected) in [
        (ListOf::All, &["nobody's", "d", "c", "b", "a"][..]),
        (ListOf::Owner("ann"), &["c", "a"]),
        (ListOf::Owner("bob"), &["d", "b"]),
        (ListOf::Owner("eve"), &[]),
        (tagged(1), &["b", "a"]),
        (tagged(2), &["c", "a"]),
        (tagged(3), &[]),
    ] {
        for most in [1, 2, 100] {
            assert_eq!(pages(&queue, &all(of), most).await, expected, "{of:?} by {most}");
        }
    }
}

#[tokio::test]
async fn what_was_accepted_together_is_listed_in_the_order_in_which_it_was_sent() {
    for together in [1, 2, 3, 4, 7, 64, 100] {
        let setup = Setup::new().await;
        let queue = setup.jobs();
        accept_numbers(&queue, 0..130, together).await;
        for (of, most) in ways().into_iter().flat_map(|of| [1, 3, 50, 100].map(|most| (of, most))) {
            assert_eq!(pages(&queue, &all(of), most).await, newest_first(0..130), "{together}, {of:?} by {most}");
        }
    }
}

#[tokio::test]
async fn what_comes_meanwhile_moves_nobodys_page() {
    for (together, most) in [(1, 2), (5, 3), (9, 4), (2, 7)] {
        let setup = Setup::new().await;
        let queue = setup.jobs();
        accept_numbers(&queue, 0..40, together).await;
        let mut so_far = 40;
        for of in ways() {
            let (mut whole, mut after, begun_at) = (Vec::new(), None, so_far);
            loop {
                let (ids, last) = page(&queue, &all(of), after, most).await;
                accept_numbers(&queue, so_far..so_far + 5, together).await;
                so_far += 5;
                let is_last = ids.len() < most;
                whole.extend(ids);
                if is_last {
                    break;
                }
                after = last;
            }
            assert_eq!(whole, newest_first(0..begun_at), "{together}, {of:?} by {most}");
        }
    }
}

#[tokio::test]
async fn only_what_was_accepted_is_listed_and_that_once() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let rate = Some(Rate { per_second: 1, burst: 6 });
    let of_ann = |accept: Accept| Accept { owner: Some(Owner { name: "ann".to_owned(), rate }), ..accept };
    let message = |id, digest, body| of_ann(Accept { tags: vec![Tag([TAG; 8])], ..keyed(id, digest, body, LONG) });
    let limits = Limits { depth: Some(2), age: None };
    let sent = [
        (message("a", 1, 1), Accepted::New),
        (message("b", 1, 1), Accepted::Replayed("a".into())),
        (message("c", 1, 2), Accepted::Conflict("a".into())),
        (Accept { again: true, ..message("a", 1, 1) }, Accepted::New),
        (message("d", 2, 1), Accepted::New),
        (message("e", 3, 1), Accepted::Full),
        (message("f", 4, 1), Accepted::Limited),
    ];
    let messages: Vec<_> = sent.iter().map(|(message, _)| message.clone()).collect();
    let answers = queue.accept_together(&messages, limits).await.unwrap();
    for ((message, expected), answer) in sent.iter().zip(answers) {
        assert_eq!(answer.accepted, *expected, "{message:?}");
    }
    let batch = queue.claim(&claim(2)).await.unwrap();
    assert!(settle(&queue, &batch[0], done()).await);
    let again = Accept { again: true, idempotency: None, ..message("d", 2, 1) };
    assert_eq!(queue.accept(again).await.unwrap(), Accepted::New);
    for of in ways() {
        assert_eq!(pages(&queue, &all(of), 100).await, ["d", "a"], "{of:?}");
    }
}

#[tokio::test]
async fn ten_thousand_messages_with_one_tag_are_all_found() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_numbers(&queue, 0..10_000, 100).await;
    for of in ways() {
        assert_eq!(pages(&queue, &all(of), 100).await, newest_first(0..10_000), "{of:?}");
    }
}

/// A hash that holds a longer value takes several times as much memory.
#[tokio::test]
async fn what_a_tag_keeps_in_one_place_stays_small() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for n in 0..450_u16 {
        let id = [&[0xff; 14][..], &n.to_be_bytes()].concat();
        let tags = vec![Tag([TAG; 8])];
        accept(&queue, Accept { tags, ..Accept::new(id.into(), "p".into()) }).await;
    }
    let [shard] = &setup.tell::<Vec<String>>(&["KEYS", "{test}:tagged:*"]).await[..] else { panic!("one shard") };
    assert_eq!(setup.tell::<String>(&["OBJECT", "ENCODING", shard]).await, "listpack");
    assert_eq!(queue.list(&all(tagged(TAG)), None, 100).await.unwrap().len(), 100);
}

#[tokio::test]
async fn a_list_goes_on_through_all_periods_and_ends_at_its_bounds() {
    let (setup, redis) = (Setup::new().await, Cell::new(0));
    let caller = Clocked::new(&setup, &redis);
    let queue = caller.jobs(&setup);
    let mut times = Vec::new();
    for n in 0..5 {
        accept_numbers(&queue, n * 4..n * 4 + 4, 3).await;
        times.push(caller.clock_ms());
        caller.pass(31 * DAY.as_secs() as i64);
    }
    for of in ways() {
        for most in [1, 3, 100] {
            assert_eq!(pages(&queue, &all(of), most).await, newest_first(0..20), "{of:?} by {most}");
        }
        let within = Listing { of, from: times[1] - 60_000, till: times[3] + 60_000 };
        assert_eq!(pages(&queue, &within, 3).await, newest_first(4..16), "{of:?} within bounds");
        let before = Listing { of, from: 0, till: times[0] - 60 * DAY.as_millis() as u64 };
        assert_eq!(pages(&queue, &before, 3).await, [""; 0], "{of:?} before all");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_leaves_the_order_of_a_list_and_its_times() {
    let (setup, redis) = (Setup::new().await, Cell::new(0));
    let caller = Clocked::new(&setup, &redis);
    let queue = caller.jobs(&setup);
    let begun_at = caller.clock_ms();
    for (n, jump) in [0, -3600, 7200, -10, -86_400, 5].into_iter().enumerate() {
        redis.set(redis.get() + jump);
        accept_numbers(&queue, n * 2..n * 2 + 2, 1).await;
    }
    for of in ways() {
        let listing = Listing { of, from: begun_at - 60_000, till: begun_at + 60_000 };
        assert_eq!(pages(&queue, &listing, 5).await, newest_first(0..12), "{of:?}");
    }
}

/// As after a Redis that came back without what it had noted of its clock.
#[tokio::test]
async fn an_entry_ahead_of_queue_time_keeps_no_message_out_of_the_list() {
    let (setup, redis) = (Setup::new().await, Cell::new(0));
    let caller = Clocked::new(&setup, &redis);
    let queue = caller.jobs(&setup);
    accept_numbers(&queue, 0..2, 1).await;
    redis.set(-3600);
    setup.tell::<()>(&["DEL", &setup.key("clock")]).await;
    accept_numbers(&queue, 2..6, 2).await;
    for of in ways() {
        assert_eq!(pages(&queue, &all(of), 2).await, newest_first(0..6), "{of:?}");
    }
}

#[tokio::test]
async fn what_a_stranger_wrote_over_the_index_costs_a_place_in_it_and_no_message() {
    for (part, spoiled) in [("made", 0), ("made:ann", 1), ("tagged", 2)] {
        let setup = Setup::new().await;
        let queue = setup.jobs();
        accept(&queue, listed("a", "ann", &[TAG])).await;
        let keys = setup.tell::<Vec<String>>(&["KEYS", &setup.key(&format!("{part}*"))]).await;
        let key = keys.iter().min_by_key(|key| key.len()).unwrap();
        setup.tell::<()>(&["SET", key, "a stranger's"]).await;
        accept(&queue, listed("b", "ann", &[TAG])).await;
        assert_eq!(ids(&queue.claim(&claim(9)).await.unwrap()), ["a", "b"]);
        setup.tell::<()>(&["DEL", key]).await;
        accept(&queue, listed("c", "ann", &[TAG])).await;
        for (n, of) in ways().into_iter().enumerate() {
            let expected = if n == spoiled { &["c"][..] } else { &["c", "b", "a"] };
            assert_eq!(pages(&queue, &all(of), 9).await, expected, "{part}: {of:?}");
        }
    }
}

#[tokio::test]
async fn any_place_is_answered_with_messages_of_the_list_or_none() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_numbers(&queue, 0..20, 3).await;
    let mut chance = chance();
    for round in 0..200 {
        let mut place = [0; 12];
        chance.fill(&mut place[..]);
        if round % 2 == 0 {
            place[..2].fill(0);
        }
        for place in [place, [0; 12], [0xff; 12]] {
            for of in ways() {
                let (ids, _) = page(&queue, &all(of), Some(ListPlace(place)), 7).await;
                assert!(ids.len() <= 7 && ids.iter().all(|id| id.starts_with('m')), "{of:?} after {place:?}: {ids:?}");
            }
        }
    }
}
