//! Plots, as SVG.

use std::collections::BTreeMap;
use std::path::Path;

use plot::{Axes, Curve, Rgb, draw};

use super::{Drained, Point};
use crate::system::System;

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

/// How much of what concurrency allows is reached, against the share of slow answers.
pub(super) fn slow(measured: &BTreeMap<&'static str, Vec<(f64, f64)>>, file: &Path) -> anyhow::Result<()> {
    let axes =
        Axes { title: "Rate beside what the concurrency allows", x: "share of answers that take 1 s", y: "ratio" };
    let colors: [Rgb; 2] = [(13, 110, 140), (120, 60, 150)];
    let curves = measured.iter().zip(colors).map(|((name, points), color)| Curve {
        name: (*name).to_owned(),
        color,
        points: points.clone(),
    });
    draw(&axes, &curves.collect::<Vec<_>>(), file)
}

fn colors(system: System) -> [Rgb; 2] {
    match system {
        System::Sluice => [(13, 110, 140), (120, 190, 210)],
        System::Spin => [(120, 60, 150), (190, 150, 210)],
        System::Ceiling => [(90, 90, 90), (180, 180, 180)],
    }
}
