//! Lines in a plot, as an SVG file: what the benchmark and the flash sale show of themselves.

use std::path::Path;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

const SIZE: (u32, u32) = (860, 480);

/// Red, green and blue.
pub type Rgb = (u8, u8, u8);

/// A named line.
pub struct Curve {
    /// In the legend.
    pub name: String,
    /// Its colour.
    pub color: Rgb,
    /// Its points, by x.
    pub points: Vec<(f64, f64)>,
}

/// What stands around the lines.
pub struct Axes {
    /// Above them.
    pub title: &'static str,
    /// Below them, with the unit.
    pub x: &'static str,
    /// Beside them, with the unit.
    pub y: &'static str,
}

/// Draws lines into a file. Draws nothing where there are none.
pub fn draw(axes: &Axes, curves: &[Curve], file: &Path) -> anyhow::Result<()> {
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
        let values = curves.iter().flat_map(|curve| &curve.points).map(value);
        1.05 * values.fold(0.0, f64::max)
    };
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption(axes.title, ("sans-serif", 20))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..most(|point| point.0), 0.0..most(|point| point.1))?;
    chart.configure_mesh().light_line_style(WHITE).x_desc(axes.x).y_desc(axes.y).draw()?;
    for Curve { name, color: (red, green, blue), points } in curves {
        let style = RGBColor(*red, *green, *blue).stroke_width(2);
        chart
            .draw_series(LineSeries::new(points.iter().copied(), style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK.mix(0.2)).draw()?;
    Ok(area.present()?)
}
