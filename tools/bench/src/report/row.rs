//! One figure, its reference and its goal.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::system::System;

/// A line of the table.
#[derive(Serialize)]
pub(crate) struct Row {
    /// What it is. Indented: no goal of its own, but it helps to read the one above.
    pub(crate) figure: &'static str,
    pub(crate) unit: Unit,
    pub(crate) measured: BTreeMap<System, f64>,
    /// What it stands beside: the ceiling's figure, or another of our own where the figure says so.
    pub(crate) reference: Option<f64>,
    pub(crate) goal: Goal,
}

/// What a figure is counted in.
#[derive(Clone, Copy, Serialize)]
pub(crate) enum Unit {
    PerSecond,
    Micros,
    Millis,
    Bytes,
    Count,
}

/// What a figure should be.
#[derive(Clone, Copy, Serialize)]
pub(crate) enum Goal {
    /// It is only told.
    None,
    /// At least this part of its reference.
    AtLeast(f64),
    /// At most so many times its reference.
    AtMost(f64),
    /// At most so much.
    Below(f64),
    /// At least so many each second, or so many times its reference.
    Either { per_second: f64, of_reference: f64 },
}

impl Row {
    /// A figure, which stands beside the ceiling's if that was measured.
    pub(crate) fn new(figure: &'static str, unit: Unit, measured: BTreeMap<System, f64>, goal: Goal) -> Self {
        Self { figure, unit, reference: measured.get(&System::Ceiling).copied(), measured, goal }
    }

    /// The figure over its reference.
    pub(crate) fn ratio(&self, system: System) -> Option<f64> {
        Some(self.measured.get(&system)? / self.reference?)
    }

    /// Whether the goal is met; `None` where there is none or nothing to compare with.
    pub(crate) fn is_met(&self, system: System) -> Option<bool> {
        let figure = *self.measured.get(&system)?;
        match self.goal {
            Goal::None => None,
            Goal::AtLeast(part) => Some(self.ratio(system)? >= part),
            Goal::AtMost(times) => Some(self.ratio(system)? <= times),
            Goal::Below(most) => Some(figure <= most),
            Goal::Either { per_second, of_reference } => {
                Some(figure >= per_second || self.ratio(system)? >= of_reference)
            }
        }
    }
}

impl Unit {
    /// A figure with its unit.
    pub(crate) fn shown(self, figure: f64) -> String {
        match self {
            Self::PerSecond => format!("{figure:.0} /s"),
            Self::Micros => format!("{figure:.1} µs"),
            Self::Millis => format!("{figure:.2} ms"),
            Self::Bytes => format!("{figure:.0} B"),
            Self::Count => format!("{figure:.0}"),
        }
    }
}

impl Goal {
    pub(crate) fn shown(self, unit: Unit) -> String {
        match self {
            Self::None => String::new(),
            Self::AtLeast(part) => format!("≥ {part} ×"),
            Self::AtMost(times) => format!("≤ {times} ×"),
            Self::Below(most) => format!("≤ {}", unit.shown(most)),
            Self::Either { per_second, of_reference } => {
                format!("≥ {} or ≥ {of_reference} ×", unit.shown(per_second))
            }
        }
    }
}
