//! A bad quarter of an hour: the payment provider is away, then slow. No order becomes a letter by it, and in the end
//! the provider's ledger agrees with the records to the cent.
//!
//! ```text
//! orders   ────────────────────────────────────────────────┐
//! provider │ well │      away      │      slow      │ well … until all is decided
//! kills            host 0    Redis    host 1    Redis …
//! ```

use std::collections::BTreeMap;
use std::iter::repeat_with;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use queue::DeadLetter;
use serde_json::Value;

use super::check::{Broken, PAYMENTS, Promise};
use super::cluster::SetUp;
use super::run::{Plan, run};
use super::schedule::Fault;
use super::shop::{Habits, SHOPS};
use super::world::{Kept, World};
use super::{number, seed};
use crate::harness::{Books, Manner, PaymentProvider};

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_payment_provider_makes_no_letter_and_ledger_and_records_agree_to_the_cent() {
    Outage::planned(seed()).pass(std::iter::empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ledger_and_records_agree_to_the_cent_though_hosts_and_redis_are_killed_in_an_outage() {
    let outage = Outage::planned(seed());
    let every = outage.away.mul_f64(0.15).max(AN_INNOCENT_LIVES);
    outage.pass(kills(outage.seed, every)).await;
}

/// How it goes. `OUTAGE_SECONDS` and `OUTAGE_ORDERS` make it longer and larger; `make outage` does.
struct Outage {
    seed: u64,
    orders: u64,
    /// How long the provider is well at first.
    well: Duration,
    /// How long it is away after that, and then slow for as long.
    away: Duration,
    /// `payment_timeout_ms`.
    timeout: Duration,
    lease: Duration,
}

/// Of a hundred accepted orders, so many are cancelled at once.
const REGRETS: u8 = 5;
/// Between two kills there is so much time at least: an order whose worker dies three times is a letter by right.
const AN_INNOCENT_LIVES: Duration = Duration::from_millis(2200);
/// For how long the provider must be away so that nothing need be quicker than by default.
const FULL: Duration = Duration::from_secs(300);

impl Outage {
    fn planned(seed: u64) -> Self {
        let away = Duration::from_secs(number("OUTAGE_SECONDS").unwrap_or(5));
        let scale = away.div_duration_f64(FULL).min(1.0);
        // A shorter outage is to show as much of what waits and comes back as a long one.
        let scaled = |default: Duration, least: Duration| default.mul_f64(scale).max(least);
        Self {
            seed,
            orders: number("OUTAGE_ORDERS").unwrap_or(300),
            well: away / 10,
            away,
            timeout: scaled(Duration::from_secs(10), Duration::from_millis(300)),
            lease: scaled(Duration::from_secs(30), Duration::from_secs(1)),
        }
    }

    async fn pass(&self, kills: impl Iterator<Item = (Duration, Fault)>) {
        let weather = Arc::new(Weather::of(self));
        let provider = PaymentProvider::behaving({
            let weather = weather.clone();
            move |_| weather.manner()
        });
        let provider = provider.await;
        let plan = self.plan(&provider);
        run(&plan, kills, |world| {
            weather.report(world);
            let records = records(world);
            let books = Books::compare(&provider.ledger(), &records);
            books.lines().into_iter().for_each(|(whose, sum)| eprintln!("outage: {whose}: {sum}"));
            eprintln!("outage: {} requests to the provider", provider.ledger().asked.len());
            let differences = books.faults.into_iter().map(|what| broken(Promise::Once, what));
            letters(world).chain(differences).chain(weather.was_felt(world)).collect()
        })
        .await;
    }

    fn plan(&self, provider: &PaymentProvider) -> Plan {
        let time = self.well + 2 * self.away;
        // A shop waits for its answer now and then, so it aims at a twentieth more.
        let period = (time * SHOPS as u32).div_f64(self.orders as f64 * 1.05);
        let millis = |time: Duration| time.as_millis().to_string();
        let pace = [("lease_ms", millis(self.lease)), ("payment_timeout_ms", millis(self.timeout))];
        let variables = pace.into_iter().chain(provider.variables()).collect();
        Plan {
            seed: self.seed,
            time,
            quiet: 2 * self.away + Duration::from_secs(60),
            habits: Habits { period, regrets: REGRETS },
            pieces: self.orders / 3,
            set_up: SetUp { clock_skew: [0, 0], variables },
            again: format!("make outage SECONDS={} ORDERS={} SEED={}", self.away.as_secs(), self.orders, self.seed),
        }
    }
}

/// Each host and Redis in turn, for ever, each at a time of chance.
fn kills(seed: u64, every: Duration) -> impl Iterator<Item = (Duration, Fault)> {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut turn = 0;
    repeat_with(move || {
        let (wait, down) = (every.mul_f64(0.75 + chance.f64() / 2.0), Duration::from_millis(chance.u64(0..1500)));
        turn += 1;
        let redis = Fault::KillRedis { down: down / 2 };
        (wait, if turn % 2 == 0 { redis } else { Fault::KillHost { host: turn / 2 % 2, down } })
    })
}

/// What the provider does, and since when.
struct Weather {
    /// From the first request on.
    begun: OnceLock<(Instant, SystemTime)>,
    chance: Mutex<fastrand::Rng>,
    well: Duration,
    away: Duration,
    timeout: Duration,
}

impl Weather {
    fn of(outage: &Outage) -> Self {
        let Outage { seed, well, away, timeout, .. } = *outage;
        Self { begun: OnceLock::new(), chance: Mutex::new(fastrand::Rng::with_seed(seed)), well, away, timeout }
    }

    fn manner(&self) -> Manner {
        let at = self.begun.get_or_init(|| (Instant::now(), SystemTime::now())).0.elapsed();
        let mut chance = self.chance.lock().expect("no panic");
        if at < self.well || at >= self.well + 2 * self.away {
            Manner::Take
        } else if at < self.well + self.away {
            let ways = [
                Manner::Fail(StatusCode::SERVICE_UNAVAILABLE),
                Manner::TakeAndFail(StatusCode::BAD_GATEWAY),
                Manner::Hang,
                Manner::TakeAndHang,
            ];
            chance.choice(ways).expect("there are some")
        } else if chance.u8(0..20) == 0 {
            Manner::TakeLate(self.timeout.mul_f64(1.2))
        } else {
            Manner::TakeLate(self.timeout.mul_f64(0.1 + 0.7 * chance.f64()))
        }
    }

    /// Says when the provider was found to fail for all, and when to answer again.
    fn report(&self, world: &World) {
        let (well, gone) = (self.well.as_secs_f64(), (self.well + self.away).as_secs_f64());
        eprintln!("outage: away from {well:.1} s to {gone:.1} s, slow to {:.1} s", gone + self.away.as_secs_f64());
        for event in turns(world) {
            let (turned, at) = event.rsplit_once('.').expect("a name and a time");
            let at = Duration::from_millis(at.parse().expect("ms since the epoch"));
            eprintln!("outage: {turned} after {:.1} s", at.as_secs_f64() - self.begun().as_secs_f64());
        }
    }

    /// Since the epoch.
    fn begun(&self) -> Duration {
        let (_, begun) = self.begun.get().expect("it was asked");
        begun.duration_since(UNIX_EPOCH).expect("it is after 1970")
    }

    /// The outage was told, and its end, or this run shows nothing.
    fn was_felt(&self, world: &World) -> Option<Broken> {
        let told: Vec<&str> = turns(world).collect();
        let is_over = told.last().is_some_and(|turn| turn.contains("resumed"));
        (!is_over || told.len() < 2).then(|| broken(Promise::Told, format!("the outage was told by {told:?}")))
    }
}

/// The ids of events on the provider.
fn turns(world: &World) -> impl Iterator<Item = &str> {
    world.log.iter().map(|(event, _)| event.as_str()).filter(|event| event.starts_with(PAYMENTS))
}

/// What is shown of each order.
fn records(world: &World) -> BTreeMap<String, Value> {
    let shown = |(id, kept): (&String, &Kept)| Some((id.clone(), kept.shown.clone()?.1));
    world.orders.iter().filter_map(shown).collect()
}

fn letters(world: &World) -> impl Iterator<Item = Broken> {
    let told = |id: &str, letter: &DeadLetter| format!("{id} is a dead letter: {:?}", letter.why);
    let letters = world.orders.iter().filter_map(move |(id, kept)| Some(told(id, kept.dead.as_ref()?)));
    letters.map(|what| broken(Promise::Kept, what))
}

fn broken(promise: Promise, what: String) -> Broken {
    Broken { promise, reference: None, what }
}
