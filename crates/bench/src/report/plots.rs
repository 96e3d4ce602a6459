//! Plots, as SVG.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::{Drained, Point};
use crate::system::System;

const SIZE: (u32, u32) = (860, 480);

/// A named line and its colour.
struct Curve {
    name: String,
    color: RGBColor,
    points: Vec<(f64, f64)>,
}

/// What the axes say.
struct Axes {
    title: &'static str,
    x: &'static str,
    y: &'static str,
}

/// How long shops wait, against how much they send.
pub(super) fn latency(measured: &BTreeMap<System, Vec<Point>>, file: &Path) -> anyhow::Result<()> {
    let axes = Axes { title: "Latency of POST /orders against load", x: "orders/s", y: "ms" };
    let curves = measured.iter().flat_map(|(system, points)| {
        let curve = |quantile: &str, value: fn(&Point) -> f64, color| Curve {
            name: format!("{} {quantile}", system.name()),
            color,
            points: points.iter().map(|point| (point.per_second, value(point))).collect(),
        };
        let [dark, light] = colors(*system);
        [curve("p99", |point| point.p99_ms, dark), curve("p50", |point| point.p50_ms, light)]
    });
    draw(&axes, &curves.collect::<Vec<_>>(), file)
}

/// How fast a backlog sinks, against how long it still is.
pub(super) fn drain(measured: &BTreeMap<System, Vec<Drained>>, file: &Path) -> anyhow::Result<()> {
    let axes = Axes { title: "Drain rate against backlog", x: "orders waiting", y: "orders/s" };
    let curves = measured.iter().map(|(system, points)| Curve {
        name: system.name().to_owned(),
        color: colors(*system)[0],
        points: points.iter().map(|point| (point.backlog as f64, point.per_second)).collect(),
    });
    draw(&axes, &curves.collect::<Vec<_>>(), file)
}

fn colors(system: System) -> [RGBColor; 2] {
    match system {
        System::Sluice => [RGBColor(13, 110, 140), RGBColor(120, 190, 210)],
        System::Spin => [RGBColor(120, 60, 150), RGBColor(190, 150, 210)],
        System::Ceiling => [RGBColor(90, 90, 90), RGBColor(180, 180, 180)],
    }
}

fn draw(axes: &Axes, curves: &[Curve], file: &Path) -> anyhow::Result<()> {
    // Nothing of it was measured this time.
    if curves.is_empty() {
        return Ok(());
    }
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    draw_on(&area, axes, curves).map_err(|error| anyhow!("{} can't be drawn: {error}", file.display()))
}

fn draw_on<'a>(
    area: &DrawingArea<SVGBackend<'a>, Shift>,
    axes: &Axes,
    curves: &[Curve],
) -> Result<(), Box<dyn std::error::Error + 'a>> {
    let most = |value: fn(&(f64, f64)) -> f64| {
        1.05 * curves.iter().flat_map(|curve| &curve.points).map(value).fold(0.0, f64::max)
    };
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption(axes.title, ("sans-serif", 20))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..most(|point| point.0), 0.0..most(|point| point.1))?;
    chart.configure_mesh().light_line_style(WHITE).x_desc(axes.x).y_desc(axes.y).draw()?;
    for Curve { name, color, points } in curves {
        let (color, style) = (*color, color.stroke_width(2));
        chart
            .draw_series(LineSeries::new(points.iter().copied(), style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK.mix(0.2)).draw()?;
    Ok(area.present()?)
}
