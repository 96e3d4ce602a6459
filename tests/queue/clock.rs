//! What Redis's clock does when somebody sets it, and when it only seems so. The scripts ask a clock of the test's own.

use std::cell::Cell;
use std::time::Duration;

use queue::native::{Native, scripts};
use queue::{Accepted, Arg, Connection, Error, Message, Queue, RedisClock, Reply, Subject, Timing};

use super::setup::{LONG, Setup, accept_all, claim, done, ids, keyed, message, release_after, settlement};
use super::wake::rings;

const HOUR: i64 = 3600;
const LEASE: Duration = Duration::from_secs(60);
/// How far the clocks are set in turn. Each is a jump, and most are over before the next.
const JUMPS: [i64; 8] = [-HOUR, HOUR, 8 * HOUR, -HOUR, -HOUR, -30, 2 * HOUR, -7 * HOUR];

/// A caller. Its clock and Redis's show what the test says.
pub(super) struct Clocked<'s> {
    inner: &'s Native,
    /// Seconds by which Redis's clock is set forward.
    redis: &'s Cell<i64>,
    /// Seconds by which the caller's own is.
    own: Cell<i64>,
}

impl<'s> Clocked<'s> {
    pub(super) fn new(setup: &'s Setup, redis: &'s Cell<i64>) -> Self {
        Self { inner: &setup.connection, redis, own: Cell::new(0) }
    }

    pub(super) fn jobs(&self, setup: &'s Setup) -> Queue<'_, Self> {
        Queue::new(self, &setup.namespace, "jobs", Timing { lease: LEASE, log_retention: LONG })
    }

    /// Time passes.
    pub(super) fn pass(&self, seconds: i64) {
        self.redis.set(self.redis.get() + seconds);
        self.own.set(self.own.get() + seconds);
    }
}

impl Connection for Clocked<'_> {
    async fn execute(&self, command: &str, mut arguments: Vec<Arg>) -> Result<Vec<Reply>, Error> {
        let script = scripts().find(|script| arguments[0] == Arg::from(script.digest));
        let Some(script) = script else { return self.inner.execute(command, arguments).await };
        let clock = format!(
            "(function() local time = redis.call('TIME') return {{time[1] + {}, time[2]}} end)()",
            self.redis.get()
        );
        let text = script.text.replacen("redis.call('TIME')", &clock, 1);
        assert_ne!(text, script.text, "the prelude asks for the time in another way");
        arguments[0] = Arg::from(text.as_str());
        self.inner.execute("EVAL", arguments).await
    }

    fn clock_ms(&self) -> u64 {
        self.inner.clock_ms().saturating_add_signed(self.own.get() * 1000)
    }
}

/// Queue time.
async fn now(queue: &Queue<'_, Clocked<'_>>) -> u64 {
    queue.find(&Subject::from("nobody"), [&"nobody".into()]).await.unwrap().now
}

async fn claim_all(queue: &Queue<'_, Clocked<'_>>) -> Vec<Message> {
    queue.claim(&claim(100)).await.unwrap()
}

#[tokio::test]
async fn queue_time_never_goes_back_and_leaps_nowhere_however_often_the_clock_is_set() {
    let (setup, redis) = (Setup::new().await, Cell::new(0));
    let caller = Clocked::new(&setup, &redis);
    let queue = caller.jobs(&setup);
    queue.ring().await.unwrap();
    let mut before = now(&queue).await;
    for jump in JUMPS.into_iter().cycle().take(40) {
        redis.set(redis.get() + jump);
        for looks_first in [true, false] {
            if !looks_first {
                queue.ring().await.unwrap();
            }
            let after = now(&queue).await;
            assert!((before..before + 20_000).contains(&after), "{jump} s: from {before} to {after}");
            before = after;
        }
    }
}

#[tokio::test]
async fn what_is_visible_stays_so_when_the_clock_is_set_back() {
    let (setup, redis) = (Setup::new().await, Cell::new(0));
    let caller = Clocked::new(&setup, &redis);
    let queue = caller.jobs(&setup);
    for id in ["a", "b", "c"] {
        queue.accept(message(id)).await.unwrap();
    }
    redis.set(-HOUR);
    queue.accept(message("d")).await.unwrap();
    let batch = claim_all(&queue).await;
    assert_eq!(ids(&batch), ["a", "b", "c", "d"]);
    let settlements: Vec<_> = batch.iter().map(|it| settlement(it, done())).collect();
    assert_eq!(queue.settle("worker", &settlements).await.unwrap(), [true; 4]);
}

#[tokio::test]
async fn a_clock_that_is_set_ends_no_lease_and_books_no_crash() {
    for jump in [HOUR, -HOUR] {
        let (setup, redis) = (Setup::new().await, Cell::new(0));
        let (worker, other) = (Clocked::new(&setup, &redis), Clocked::new(&setup, &redis));
        let queue = worker.jobs(&setup);
        queue.accept(message("a")).await.unwrap();
        let batch = claim_all(&queue).await;
        redis.set(jump);
        assert!(claim_all(&other.jobs(&setup)).await.is_empty(), "{jump}");
        assert_eq!(queue.renew(&[(&batch[0].id, 1)]).await.unwrap(), [true]);
        let verdict = settlement(&batch[0], done());
        assert_eq!(queue.settle("worker", &[verdict]).await.unwrap(), [true]);
    }
}

#[tokio::test]
async fn a_lease_still_runs_out_after_the_clock_was_set() {
    for jump in [HOUR, -HOUR] {
        let (setup, redis) = (Setup::new().await, Cell::new(0));
        let caller = Clocked::new(&setup, &redis);
        let queue = caller.jobs(&setup);
        queue.accept(message("a")).await.unwrap();
        assert_eq!(claim_all(&queue).await.len(), 1);
        redis.set(jump);
        queue.ring().await.unwrap();
        caller.pass(LEASE.as_secs() as i64 * 2);
        let batch = claim_all(&queue).await;
        assert_eq!((ids(&batch), batch[0].crashes), (vec!["a"], 1), "{jump}");
    }
}

#[tokio::test]
async fn a_delayed_message_comes_when_its_time_is_over_and_no_sooner() {
    for jump in [HOUR, -HOUR] {
        let (setup, redis) = (Setup::new().await, Cell::new(0));
        let caller = Clocked::new(&setup, &redis);
        let queue = caller.jobs(&setup);
        queue.accept(message("a")).await.unwrap();
        let a = claim_all(&queue).await.remove(0);
        let later = settlement(&a, release_after(Duration::from_secs(600)));
        assert_eq!(queue.settle("worker", &[later]).await.unwrap(), [true]);
        redis.set(jump);
        assert!(claim_all(&queue).await.is_empty(), "{jump}: too soon");
        caller.pass(500);
        assert!(claim_all(&queue).await.is_empty(), "{jump}: too soon");
        // Queue time draws level by a tenth meanwhile.
        caller.pass(200);
        assert_eq!(ids(&claim_all(&queue).await), ["a"], "{jump}");
    }
}

#[tokio::test]
async fn an_idempotency_key_is_known_as_long_as_was_said_though_the_clock_is_set() {
    let (setup, redis) = (Setup::new().await, Cell::new(0));
    let caller = Clocked::new(&setup, &redis);
    let queue = caller.jobs(&setup);
    let ttl = Duration::from_secs(1800);
    assert_eq!(queue.accept(keyed("a", 1, 1, ttl)).await.unwrap(), Accepted::New);
    for jump in JUMPS {
        redis.set(redis.get() + jump);
        assert_eq!(queue.accept(keyed("b", 1, 1, ttl)).await.unwrap(), Accepted::Replayed("a".into()), "{jump}");
    }
    caller.pass(2000);
    assert_eq!(queue.accept(keyed("c", 1, 1, ttl)).await.unwrap(), Accepted::New);
}

#[tokio::test]
async fn a_bell_and_a_timer_that_outlive_their_time_by_an_hour_hold_up_nothing() {
    let (setup, redis) = (Setup::new().await, Cell::new(0));
    let caller = Clocked::new(&setup, &redis);
    let queue = caller.jobs(&setup);
    queue.accept(message("a")).await.unwrap();
    let mut bell = setup.subscribe(&[setup.key("jobs:bell")]).await;
    // As Redis's own expiry has it once the clock is set back.
    for part in ["jobs:bell", "jobs:timer", "jobs:guard"] {
        assert!(setup.ask::<bool>("PEXPIRE", part, &["3600000"]).await);
    }
    redis.set(-HOUR);
    queue.accept(message("b")).await.unwrap();
    caller.pass(2);
    queue.accept(message("c")).await.unwrap();
    assert_eq!(rings(&setup, &mut bell).await, 1);
    for (part, leases) in [("jobs:timer", 1), ("jobs:guard", 2)] {
        let left: u64 = setup.ask("PTTL", part, &[]).await;
        assert!(left <= LEASE.as_millis() as u64 * leases, "{part}: {left} ms");
    }
}

#[tokio::test]
async fn time_in_which_nobody_calls_passes_and_is_no_jump() {
    let (setup, redis) = (Setup::new().await, Cell::new(0));
    let (caller, other) = (Clocked::new(&setup, &redis), Clocked::new(&setup, &redis));
    // This one's clock is wrong by hours, and always was.
    other.own.set(-3 * HOUR);
    let (queue, elsewhere) = (caller.jobs(&setup), other.jobs(&setup));
    for caller in [&queue, &elsewhere] {
        caller.ring().await.unwrap();
    }
    let before = now(&queue).await;
    for idle in [1, 20, 600, 8 * HOUR] {
        caller.pass(idle);
        other.own.set(other.own.get() + idle);
        assert_eq!(elsewhere.rearm().await.unwrap(), RedisClock::Level, "{idle} s");
        assert_eq!(queue.rearm().await.unwrap(), RedisClock::Level, "{idle} s");
    }
    let passed = now(&queue).await - before;
    assert!(passed >= 8 * HOUR as u64 * 1000 + 621_000, "{passed}");
}

#[tokio::test]
async fn a_redis_that_stood_still_while_a_call_waited_ends_no_lease() {
    let (setup, redis) = (Setup::new().await, Cell::new(0));
    let caller = Clocked::new(&setup, &redis);
    let queue = caller.jobs(&setup);
    queue.accept(message("a")).await.unwrap();
    assert_eq!(claim_all(&queue).await.len(), 1);
    // The next call was sent at once, and is carried out minutes later.
    redis.set(300);
    assert!(claim_all(&queue).await.is_empty());
    // The one after it is quick again.
    caller.own.set(300);
    assert!(claim_all(&queue).await.is_empty());
    caller.pass(2 * LEASE.as_secs() as i64);
    assert_eq!(claim_all(&queue).await.len(), 1, "time passes again");
}

#[tokio::test]
async fn a_probe_tells_that_the_clock_was_set_until_queue_time_has_drawn_level() {
    for jump in [HOUR, -HOUR] {
        let (setup, redis) = (Setup::new().await, Cell::new(0));
        let caller = Clocked::new(&setup, &redis);
        let queue = caller.jobs(&setup);
        assert_eq!(queue.rearm().await.unwrap(), RedisClock::Level);
        redis.set(jump);
        queue.accept(message("a")).await.unwrap();
        let mut news = Vec::new();
        for _ in 0..3 {
            caller.pass(2);
            let told = queue.rearm().await.unwrap();
            let (RedisClock::Ahead { apart, is_news } | RedisClock::Behind { apart, is_news }) = told else {
                panic!("{jump}: it is level")
            };
            assert_eq!(matches!(told, RedisClock::Ahead { .. }), jump > 0);
            assert!(apart > Duration::from_secs(3580) && apart <= Duration::from_secs(3601), "{jump}: {apart:?}");
            news.push(is_news);
        }
        assert_eq!(news, [true, false, false], "{jump}");
        caller.pass(11 * HOUR);
        assert_eq!(queue.rearm().await.unwrap(), RedisClock::Level, "{jump}");
    }
}

#[tokio::test]
async fn a_full_redis_answers_as_it_did_before_though_its_clock_was_set() {
    let (setup, redis) = (Setup::new().await, Cell::new(0));
    let caller = Clocked::new(&setup, &redis);
    let queue = caller.jobs(&setup);
    accept_all(&setup.jobs(), &["a"]).await;
    let _: () = setup.tell(&["CONFIG", "SET", "maxmemory", "1"]).await;
    redis.set(-HOUR);
    let error = queue.rearm().await.unwrap_err().to_string();
    assert!(error.contains("OOM"), "{error}");
    assert_eq!(queue.stats().await.unwrap().visible, 1);
    let _: () = setup.tell(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(ids(&claim_all(&queue).await), ["a"]);
}
