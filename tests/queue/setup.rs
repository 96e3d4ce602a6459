//! A queue on a Redis of its own, and a look behind it.

use std::collections::BTreeMap;
use std::time::Duration;

use ::redis::FromRedisValue;
use ::redis::aio::{MultiplexedConnection, PubSubStream};
use queue::native::Native;
use queue::{
    Accept, Amendment, Claim, Class, Connection, Effects, Hold, IdempotencyRecord, Leave, Message, MessageId,
    Namespace, Owner, Queue, Settlement, Side, Tag, Terms, Timing, Untracked, Verdict,
};

use crate::harness::{Redis, eventually};

/// Outlasts any test.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// Over before anyone can look.
pub(crate) const BRIEF: Duration = Duration::from_millis(1);

/// All is held, by the first delivery that may ask somebody.
pub(crate) const HELD: Hold = Hold::Held { first: true, leave: Leave::Free };

pub(crate) struct Setup {
    pub(crate) redis: Redis,
    pub(crate) connection: Native,
    pub(crate) namespace: Namespace,
    raw: MultiplexedConnection,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        let redis = Redis::start().await;
        let (connection, raw) = (redis.connect().await, redis.raw().await);
        Self { redis, connection, namespace: Namespace::new("{test}").unwrap(), raw }
    }

    /// The queue `jobs`, with leases that outlast the test.
    pub(crate) fn jobs(&self) -> Queue<'_, Native> {
        self.queue("jobs", LONG)
    }

    /// The same queue, as a worker sees it that dies with whatever it claims: its leases are over at once.
    pub(crate) fn dying(&self) -> Queue<'_, Native> {
        self.queue("jobs", BRIEF)
    }

    pub(crate) fn queue(&self, name: &str, lease: Duration) -> Queue<'_, Native> {
        Queue::new(&self.connection, &self.namespace, name, Timing { lease, log_retention: LONG })
    }

    /// The queue `name` over another connection.
    pub(crate) fn on<'a, C: Connection>(&'a self, connection: &'a C, name: &str) -> Queue<'a, C> {
        Queue::new(connection, &self.namespace, name, Timing { lease: LONG, log_retention: LONG })
    }

    /// The full name of a key: `key("jobs:due")`.
    pub(crate) fn key(&self, part: &str) -> String {
        format!("{}:{part}", self.namespace.as_str())
    }

    /// What is published on these keys' channels from now on.
    pub(crate) async fn subscribe(&self, channels: &[String]) -> PubSubStream {
        self.redis.subscribe(channels).await
    }

    /// Any command on one of the keys: `ask("HGET", "head", &["a"])`.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &str, part: &str, arguments: &[&str]) -> T {
        let mut command = ::redis::cmd(command);
        command.arg(self.key(part)).arg(arguments);
        command.query_async(&mut self.raw.clone()).await.unwrap()
    }

    /// The same with arguments that are no text.
    pub(crate) async fn ask_bytes<T: FromRedisValue>(&self, command: &str, part: &str, arguments: &[&[u8]]) -> T {
        let mut command = ::redis::cmd(command);
        command.arg(self.key(part)).arg(arguments);
        command.query_async(&mut self.raw.clone()).await.unwrap()
    }

    /// Any command at all.
    pub(crate) async fn tell<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = ::redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut self.raw.clone()).await.unwrap()
    }

    /// The id and the payload of each event in the log, the oldest first.
    pub(crate) async fn log(&self) -> (Vec<String>, Vec<String>) {
        let entries: Vec<(String, [String; 4])> = self.ask("XRANGE", "log", &["-", "+"]).await;
        entries.into_iter().map(|(_, [_, id, _, payload])| (id, payload)).unzip()
    }

    /// Redis's clock in ms since the epoch.
    pub(crate) async fn now(&self) -> u64 {
        let (seconds, micros): (u64, u64) = self.tell(&["TIME"]).await;
        seconds * 1000 + micros / 1000
    }

    /// Returns once Redis's clock shows another millisecond.
    pub(crate) async fn next_millisecond(&self) {
        let start = self.now().await;
        eventually("the next millisecond", async || (self.now().await > start).then_some(())).await;
    }

    /// Each key with all that it holds, except the counters, the clock, what wakes workers, and the index.
    pub(crate) async fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let mut contents = BTreeMap::new();
        for key in self.tell::<Vec<String>>(&["KEYS", "*"]).await {
            let wakes = [":totals", ":clock", ":clocks", ":bell", ":timer", ":guard", ":turn", ":rearmed"];
            let index = [":made", ":tagged"];
            if wakes.iter().all(|part| !key.ends_with(part)) && index.iter().all(|part| !key.contains(part)) {
                contents.insert(key.clone(), self.tell(&["DUMP", &key]).await);
            }
        }
        contents
    }
}

/// A message without a key, whose payload is its id.
pub(crate) fn message(id: &str) -> Accept {
    Accept::new(id.into(), id.into())
}

/// A message of the caller and key that `digest` stands for, with the body that `fingerprint` stands for.
pub(crate) fn keyed(id: &str, digest: u8, fingerprint: u8, ttl: Duration) -> Accept {
    let record = IdempotencyRecord { digest: [digest; 16], fingerprint: [fingerprint; 16], ttl };
    Accept { idempotency: Some(record), ..message(id) }
}

/// A message with a key, of this owner and with these tags.
pub(crate) fn listed(id: &str, owner: &str, tags: &[u8]) -> Accept {
    let owner = Some(Owner { name: owner.to_owned(), rate: None });
    let digest = id.bytes().fold(0, |digest: u8, byte| digest.wrapping_mul(31).wrapping_add(byte));
    Accept { owner, tags: tags.iter().map(|tag| Tag([*tag; 8])).collect(), ..keyed(id, digest, 1, LONG) }
}

/// A claim of at most so many messages.
pub(crate) fn claim(most: usize) -> Claim<'static> {
    Claim {
        most,
        most_bytes: 1 << 20,
        max_crashes: 3,
        worker: "worker",
        number: 0,
        again: false,
        silence: false,
        side: Side::Alone,
        places: usize::MAX,
    }
}

/// Terms of a message that nobody recalls and that asks nobody.
pub(crate) fn terms(untracked: Untracked) -> Terms<'static> {
    Terms { untracked, recall: MessageId::from(""), asks: "", refuses: false, waits: false }
}

/// What sends a follow-up back with a word.
pub(crate) fn amendment(id: &str, subject: &str) -> Amendment<'static> {
    let (opening, mark, addition) = ("{\"for\":1", ",\"word\":", ",\"word\":\"ours\"}");
    Amendment { id: id.into(), subject: subject.into(), opening, mark, addition }
}

/// Claims once there is something to claim.
pub(crate) async fn claimed(queue: &Queue<'_, Native>, claim: &Claim<'_>) -> Vec<Message> {
    eventually("a message to claim", async || {
        let batch = queue.claim(claim).await.unwrap();
        (!batch.is_empty()).then_some(batch)
    })
    .await
}

pub(crate) async fn accept_all(queue: &Queue<'_, Native>, ids: &[&str]) {
    for id in ids {
        queue.accept(message(id)).await.unwrap();
    }
}

pub(crate) fn ids(batch: &[Message]) -> Vec<&str> {
    batch.iter().map(|message| str::from_utf8(&message.id).unwrap()).collect()
}

pub(crate) fn settlement(message: &Message, verdict: Verdict) -> Settlement {
    Settlement { id: message.id.clone(), delivery: message.delivery, verdict, report: None }
}

pub(crate) fn done() -> Verdict {
    Verdict::Done(Effects::default())
}

pub(crate) fn retry(after: Duration) -> Verdict {
    Verdict::Retry { after, reason: "not yet".to_owned(), emits: vec![] }
}

pub(crate) fn bury() -> Verdict {
    Verdict::Bury { class: Class::Permanent, reason: "never".to_owned(), effects: Effects::default() }
}

pub(crate) fn release() -> Verdict {
    release_after(Duration::ZERO)
}

pub(crate) fn release_after(after: Duration) -> Verdict {
    Verdict::Release { after, reason: "the store is away".to_owned(), emits: vec![] }
}

pub(crate) fn throttle(message: &Message) -> Verdict {
    Verdict::Throttle { since: message.since, emits: vec![] }
}

/// Settles one delivery. Says whether it was the latest.
pub(crate) async fn settle(queue: &Queue<'_, Native>, message: &Message, verdict: Verdict) -> bool {
    queue.settle("worker", &[settlement(message, verdict)]).await.unwrap() == [true]
}

/// Accepts these and buries them, all for reasons of one class.
pub(crate) async fn bury_all(queue: &Queue<'_, Native>, ids: &[&str], class: Class) {
    accept_all(queue, ids).await;
    let batch = queue.claim(&claim(ids.len())).await.unwrap();
    let verdict = Verdict::Bury { class, reason: "never".to_owned(), effects: Effects::default() };
    let settlements: Vec<_> = batch.iter().map(|message| settlement(message, verdict.clone())).collect();
    assert_eq!(queue.settle("worker", &settlements).await.unwrap(), vec![true; ids.len()]);
}

/// Chance that can be repeated: a failed test shows its seed, and takes it from `QUEUE_SEED`.
pub(crate) fn chance() -> fastrand::Rng {
    let seed = std::env::var("QUEUE_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    eprintln!("QUEUE_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
