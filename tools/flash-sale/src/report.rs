//! What a person sees of it in the end: two tables and a plot.

use std::path::PathBuf;
use std::time::Duration;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use harness::{Books, root};
use plot::{Axes, Curve, Rgb, draw};

use crate::audit::Audit;
use crate::crowd::Crowd;
use crate::watch::Sample;

const FILE: &str = "target/flash-sale.svg";

pub(crate) fn table(crowd: &Crowd, audit: &Audit, samples: &[Sample]) -> String {
    let of = |kind: &str| audit.orders.get(kind).copied().unwrap_or(0);
    let ms = |quantile: f64| crowd.latency.value_at_quantile(quantile) as f64 / 1000.0;
    let decided = samples.last().map_or(Duration::ZERO, |last| last.at);
    let rows = [
        ("accepted", format!("{} in {:.1} s", crowd.accepted.len(), crowd.taken.as_secs_f64())),
        ("answered within, p50 / p99", format!("{:.1} / {:.1} ms", ms(0.5), ms(0.99))),
        ("all decided after", format!("{:.1} s", decided.as_secs_f64())),
        ("confirmed", of("confirmed").to_string()),
        ("cancelled afterwards", of("cancelled").to_string()),
        ("rejected, sold out", of("rejected").to_string()),
        ("rejected, payment declined", of("declined").to_string()),
        ("pieces held / available", format!("{} / {}", audit.held, audit.available)),
        ("requests to the payment provider", audit.asked.to_string()),
    ];
    right_aligned(rows.map(|(what, value)| [what.to_owned(), value]))
}

/// What the payment provider has, and below it what the records say.
pub(crate) fn ledger(books: &Books) -> String {
    let heading = ["".to_owned(), "orders".to_owned(), "in minor units".to_owned()];
    let lines = books.lines().into_iter().map(|(whose, sum)| {
        let money: Vec<_> = sum.money.iter().map(|(currency, money)| format!("{money} {currency}")).collect();
        [whose, sum.orders.to_string(), if money.is_empty() { "0".to_owned() } else { money.join(", ") }]
    });
    right_aligned([heading].into_iter().chain(lines))
}

/// The first column stays at the left.
fn right_aligned<const COLUMNS: usize>(rows: impl IntoIterator<Item = [String; COLUMNS]>) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// Orders by state over time. Says where it lies.
pub(crate) fn plot(samples: &[Sample]) -> anyhow::Result<PathBuf> {
    type Count = fn(&Sample) -> u64;
    let curves: [(&str, Count, Rgb); 4] = [
        ("accepted", |sample| sample.accepted, (13, 110, 140)),
        ("queued", Sample::queued, (230, 150, 30)),
        ("confirmed", |sample| sample.confirmed, (40, 150, 70)),
        ("rejected", |sample| sample.rejected, (190, 60, 60)),
    ];
    let curves = curves.map(|(name, count, color)| Curve {
        name: name.to_owned(),
        color,
        points: samples.iter().map(|sample| (sample.at.as_secs_f64(), count(sample) as f64)).collect(),
    });
    let file = root().join(FILE);
    draw(&Axes { title: "A flash sale", x: "seconds", y: "orders" }, &curves, &file)?;
    Ok(file)
}
