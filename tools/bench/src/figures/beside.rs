//! Sluice beside what others would build: the intake alone, and all of it with orders worked off as they come.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use super::median;
use crate::beside::{Beside, Layout, Rival};
use crate::load::{Pace, WARM_UP, load};
use crate::report::{Goal, Report, Row, Unit};
use crate::rig::Rig;
use crate::system::{Partners, Running, System, Work};

/// Each in turn, so often.
const ROUNDS: usize = 3;
const TIME: Duration = Duration::from_secs(3);

/// Two kinds of work, each with its rounds; in the first one some try several layouts.
pub(crate) const STEPS: u64 = 2 * (ROUNDS as u64 * 3) + 4;

/// What one turn showed.
struct Turn {
    /// Orders taken and orders decided, each second.
    accepted: f64,
    confirmed: f64,
    p99_ms: f64,
}

/// The turns of Sluice, and of each that could be measured.
struct Turns {
    sluice: Vec<Turn>,
    rivals: BTreeMap<Rival, Vec<Turn>>,
}

pub(crate) async fn measure(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    let beside = match Beside::install().await {
        Ok(beside) => beside,
        Err(reason) => {
            rig.bar.suspend(|| eprintln!("Not measured beside BullMQ and Restate: {reason:#}."));
            return Ok(());
        }
    };
    let alone = turns(rig, &beside, Work::Intake).await?;
    let whole = turns(rig, &beside, Work::Everything).await?;
    for (rival, figure, goal) in [
        (Rival::Bullmq, "POST /orders alone; beside: Fastify and BullMQ", Goal::AtLeast(1.5)),
        (Rival::Restate, "POST /orders alone; beside: Restate", Goal::None),
    ] {
        alone.tell(report, rival, figure, Unit::PerSecond, goal, |turn| turn.accepted);
        alone.tell(report, rival, "  p99 of the same", Unit::Millis, Goal::None, |turn| turn.p99_ms);
    }
    for (rival, figure, times) in [
        (Rival::Bullmq, "confirmed while they come; beside: Fastify and BullMQ, with its worker", 2.0),
        (Rival::Restate, "confirmed while they come; beside: Restate, with its service", 2.5),
    ] {
        whole.tell(report, rival, figure, Unit::PerSecond, Goal::AtLeast(times), |turn| turn.confirmed);
        whole.tell(report, rival, "  accepted meanwhile", Unit::PerSecond, Goal::None, |turn| turn.accepted);
    }
    for rival in whole.rivals.keys() {
        report.note(rival.promise());
    }
    Ok(())
}

/// All take turns. The middle turn of each counts.
async fn turns(rig: &mut Rig, beside: &Beside, work: Work) -> anyhow::Result<Turns> {
    let mut turns = Turns { sluice: Vec::new(), rivals: BTreeMap::new() };
    let mut layouts = BTreeMap::new();
    for round in 1..=ROUNDS {
        rig.step(format!("{}, Sluice, round {round}", doing(work)));
        rig.store.clear().await?;
        let running = rig.start(System::Sluice, work, Partners::default()).await?;
        turns.sluice.push(turn(rig, running).await?);
        for rival in Rival::ALL {
            rig.step(format!("{}, {}, round {round}", doing(work), rival.name()));
            let turn = match layouts.get(&rival) {
                None if round > 1 => continue,
                None => best(rig, beside, rival, work).await.map(|(layout, turn)| {
                    layouts.insert(rival, layout);
                    turn
                }),
                Some(layout) => of_rival(rig, beside, rival, work, *layout).await,
            };
            match turn {
                Ok(turn) => turns.rivals.entry(rival).or_default().push(turn),
                Err(reason) => {
                    layouts.remove(&rival);
                    rig.bar.suspend(|| eprintln!("Not measured beside {}: {reason:#}.", rival.name()));
                }
            }
        }
    }
    Ok(turns)
}

/// Tries each layout, and gives the one in which most orders got furthest.
async fn best(rig: &mut Rig, beside: &Beside, rival: Rival, work: Work) -> anyhow::Result<(Layout, Turn)> {
    let mut tried = Vec::new();
    for layout in rival.layouts(work) {
        tried.push((*layout, of_rival(rig, beside, rival, work, *layout).await?));
    }
    let furthest = |turn: &Turn| if work == Work::Everything { turn.confirmed } else { turn.accepted };
    let best = tried.into_iter().max_by(|(_, one), (_, other)| furthest(one).total_cmp(&furthest(other)));
    best.ok_or_else(|| anyhow::anyhow!("it has no layout for this"))
}

async fn of_rival(rig: &mut Rig, beside: &Beside, rival: Rival, work: Work, layout: Layout) -> anyhow::Result<Turn> {
    rig.store.clear().await?;
    let running = beside.start(rival, work, layout, &rig.store, &rig.folder).await?;
    turn(rig, running).await
}

/// Loads it. Whoever decides an order writes one record of it, so the records tell how many were decided.
async fn turn(rig: &mut Rig, running: Running) -> anyhow::Result<Turn> {
    let posting = load(&running, &rig.orders, Pace::Flat, TIME);
    let watching = async {
        sleep(WARM_UP).await;
        let before = rig.store.records().await?;
        sleep(TIME).await;
        anyhow::Ok((rig.store.records().await? - before) as f64 / TIME.as_secs_f64())
    };
    let (loaded, confirmed) = futures::try_join!(posting, watching)?;
    running.end().await?;
    let p99_ms = loaded.latency.value_at_quantile(0.99) as f64 / 1000.0;
    Ok(Turn { accepted: loaded.per_second, confirmed, p99_ms })
}

impl Turns {
    /// Adds a figure beside one of the rivals, if that was measured.
    fn tell(
        &self,
        report: &mut Report,
        rival: Rival,
        figure: &'static str,
        unit: Unit,
        goal: Goal,
        value: fn(&Turn) -> f64,
    ) {
        let middle = |turns: &[Turn]| median(turns.iter().map(value).collect());
        let Some(theirs) = self.rivals.get(&rival) else { return };
        let measured = BTreeMap::from([(System::Sluice, middle(&self.sluice))]);
        let mut row = Row::new(figure, unit, measured, goal);
        row.reference = Some(middle(theirs));
        report.add(row);
    }
}

fn doing(work: Work) -> &'static str {
    if work == Work::Everything { "taking and working off" } else { "taking orders" }
}
