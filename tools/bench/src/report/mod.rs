//! What was measured: as a table, as JSON, and as plots.

mod plots;
mod row;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Serialize;

pub(crate) use row::{Goal, Row, Unit};

use crate::machine::Machine;
use crate::system::System;

/// Everything that was measured.
#[derive(Serialize)]
pub(crate) struct Report {
    machine: Machine,
    #[serde(skip)]
    shipped: Vec<System>,
    figures: Vec<Row>,
    /// How long shops wait as the load grows.
    pub(crate) latency: BTreeMap<System, Vec<Point>>,
    /// How fast a backlog sinks.
    pub(crate) drained: BTreeMap<System, Vec<Drained>>,
    /// What part of the rate that concurrency allows is reached, by the share of slow answers.
    pub(crate) slow: BTreeMap<&'static str, Vec<(f64, f64)>>,
    /// Orders each second that Sluice took at full load, from which the lesser loads follow.
    #[serde(skip)]
    pub(crate) peak: f64,
    /// What one must know to read the figures.
    notes: Vec<&'static str>,
}

/// Latency at one load.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Point {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// The rate at which a backlog of this length sinks.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Drained {
    pub(crate) backlog: u64,
    pub(crate) per_second: f64,
}

/// Where full load is taken to be if it was not measured.
const ASSUMED_PEAK: f64 = 5_000.0;

impl Report {
    pub(crate) fn new(machine: Machine, shipped: Vec<System>) -> Self {
        let (latency, drained, slow) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { machine, shipped, figures: Vec::new(), latency, drained, slow, peak: ASSUMED_PEAK, notes: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: Row) {
        self.figures.push(row);
    }

    pub(crate) fn note(&mut self, note: &'static str) {
        self.notes.push(note);
    }

    /// The table, with notes and the machine below it.
    pub(crate) fn table(&self) -> String {
        let tables = self.shipped.iter().map(|system| table::table(*system, &self.figures));
        let notes = self.notes.iter().map(|note| format!("{note}\n"));
        format!("{}\n{}{}\n", tables.collect::<Vec<_>>().join("\n\n"), notes.collect::<String>(), self.machine.shown())
    }

    /// Writes figures and plots.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::write(folder.join("figures.json"), serde_json::to_vec_pretty(self)?)?;
        fs::write(folder.join("figures.txt"), self.table())?;
        plots::latency(&self.latency, &folder.join("latency.svg"))?;
        plots::slow(&self.slow, &folder.join("slow.svg"))?;
        plots::drain(&self.drained, &folder.join("drain.svg"))
    }
}
