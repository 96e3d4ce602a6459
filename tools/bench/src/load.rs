//! The load: many shops on kept connections.

use std::time::Duration;

use futures::future::try_join_all;
use hdrhistogram::Histogram;
use tokio::time::{Instant, sleep_until};

use crate::orders::Orders;
use crate::shop::Shop;
use crate::system::Running;

/// Keep-alive connections.
pub(crate) const CONNECTIONS: usize = 32;

/// Sent before anything counts: instances, caches and connections get warm.
pub(crate) const WARM_UP: Duration = Duration::from_millis(700);

/// How fast orders come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Each connection sends its next order once it has the answer to the one before.
    Flat,
    /// So many each second in all, whatever the answers do. What waits for its turn counts as waiting.
    PerSecond(f64),
}

/// What came of it.
pub(crate) struct Loaded {
    /// Orders taken each second.
    pub(crate) per_second: f64,
    /// From sending an order to the end of its answer, in µs.
    pub(crate) latency: Histogram<u64>,
}

/// Sends orders for so long. Those that are put off count for nothing: a busy machine's disk may hang for seconds.
pub(crate) async fn load(server: &Running, orders: &Orders, pace: Pace, time: Duration) -> anyhow::Result<Loaded> {
    load_as(None, server, orders, pace, time).await
}

/// The same by a caller with an API key.
pub(crate) async fn load_as(
    key: Option<&str>,
    server: &Running,
    orders: &Orders,
    pace: Pace,
    time: Duration,
) -> anyhow::Result<Loaded> {
    let shop = async || anyhow::Ok(Shop::of(server).await?.with_key(key.map(str::to_owned)));
    let shops = try_join_all((0..CONNECTIONS).map(|_| shop())).await?;
    let counted_from = Instant::now() + WARM_UP;
    let window = Window { from: counted_from, until: counted_from + time };
    let clients = shops.into_iter().enumerate().map(|(number, shop)| send(shop, number, orders, pace, window));
    let mut latency = histogram()?;
    for one in try_join_all(clients).await? {
        latency.add(one)?;
    }
    Ok(Loaded { per_second: latency.len() as f64 / time.as_secs_f64(), latency })
}

/// A histogram of times in µs, up to a minute.
pub(crate) fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_max(60_000_000, 3)?)
}

/// Which answers count: those that end in it.
#[derive(Clone, Copy)]
struct Window {
    from: Instant,
    until: Instant,
}

async fn send(
    mut shop: Shop,
    number: usize,
    orders: &Orders,
    pace: Pace,
    window: Window,
) -> anyhow::Result<Histogram<u64>> {
    let mut latency = histogram()?;
    let mut due = window.from - WARM_UP + offset(pace, number);
    loop {
        let began = begin(pace, &mut due).await;
        if began >= window.until {
            return Ok(latency);
        }
        let taken = shop.place(orders.next()).await?.is_some();
        let ended = Instant::now();
        if taken && (window.from..window.until).contains(&ended) {
            latency.record((ended - began).as_micros() as u64)?;
        }
    }
}

/// Waits for the next order's turn, and says from when its time counts. A timer that fires late is no fault of the
/// server's; a turn that was missed is.
async fn begin(pace: Pace, due: &mut Instant) -> Instant {
    let Pace::PerSecond(rate) = pace else { return Instant::now() };
    let turn = *due;
    *due += Duration::from_secs_f64(CONNECTIONS as f64 / rate);
    if turn <= Instant::now() {
        return turn;
    }
    sleep_until(turn).await;
    Instant::now()
}

/// Spreads the connections' turns.
fn offset(pace: Pace, number: usize) -> Duration {
    match pace {
        Pace::Flat => Duration::ZERO,
        Pace::PerSecond(rate) => Duration::from_secs_f64(number as f64 / rate),
    }
}
