//! The table that a person reads.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};

use super::row::Row;
use crate::system::System;

/// One system beside the references.
pub(super) fn table(system: System, rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header(["figure", system.name(), "beside", "ratio", "goal", "met"]);
    for row in rows.iter().filter(|row| row.measured.contains_key(&system)) {
        table.add_row(cells(system, row));
    }
    for column in table.column_iter_mut().skip(1).take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn cells(system: System, row: &Row) -> [String; 6] {
    let shown = |figure: Option<f64>| figure.map(|figure| row.unit.shown(figure)).unwrap_or_default();
    let met = match row.is_met(system) {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    };
    [
        row.figure.to_owned(),
        shown(row.measured.get(&system).copied()),
        shown(row.reference),
        row.ratio(system).map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        row.goal.shown(row.unit),
        met.to_owned(),
    ]
}
