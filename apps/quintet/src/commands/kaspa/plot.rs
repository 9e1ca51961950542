//! Figures of a sweep as a drawing: what looking at shows faster than reading.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use plotters::{
    chart::ChartBuilder,
    coord::Shift,
    drawing::{DrawingArea, IntoDrawingArea as _},
    element::Circle,
    series::LineSeries,
    style::{Color as _, RGBColor, ShapeStyle, WHITE},
};
use plotters_svg::SVGBackend;

use super::sim::Outcome;

const SIZE: (u32, u32) = (1_000, 760);
/// Colours that stay apart for people who see few of them, and on paper.
const LINES: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];

/// A line of a panel: its name and its values.
type Line<'a> = (&'a str, Vec<f64>);

/// Draws four panels: width, colours, acceptance, and how far ahead of the network the machine was.
///
/// # Errors
///
/// If the file cannot be written.
pub(super) fn write(
    file: &Path,
    axis: &str,
    values: &[f64],
    outcomes: &[Outcome],
) -> anyhow::Result<()> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        draw(&area, axis, values, outcomes).map_err(|error| anyhow!("cannot draw: {error}"))?;
    }
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawError = Box<dyn std::error::Error + Send + Sync>;

fn draw(
    area: &Area<'_>,
    axis: &str,
    values: &[f64],
    outcomes: &[Outcome],
) -> Result<(), DrawError> {
    area.fill(&WHITE)?;
    let each = |figure: fn(&Outcome) -> f64| outcomes.iter().map(figure).collect::<Vec<_>>();
    let panels: [(&str, Vec<Line<'_>>); 4] = [
        (
            "Width: parents of a block",
            vec![("mean", each(|at| at.parents.mean)), ("95 %", each(|at| at.parents.p95))],
        ),
        ("Merged blocks that are red, percent", vec![("red", each(|at| at.red_percent))]),
        (
            "Until accepted, milliseconds",
            vec![
                ("median", each(|at| at.acceptance_millis.median)),
                ("95 %", each(|at| at.acceptance_millis.p95)),
            ],
        ),
        (
            "Blocks a second: processed, and of the network",
            vec![
                ("processed", each(|at| at.blocks_per_second)),
                ("network", each(|at| at.bps as f64)),
            ],
        ),
    ];
    for (panel, (title, lines)) in area.split_evenly((2, 2)).iter().zip(&panels) {
        draw_panel(panel, title, axis, values, lines)?;
    }
    area.present()?;
    Ok(())
}

fn draw_panel(
    area: &Area<'_>,
    title: &str,
    axis: &str,
    values: &[f64],
    lines: &[Line<'_>],
) -> Result<(), DrawError> {
    let highest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let right = highest(values).max(f64::MIN_POSITIVE) * 1.05;
    let top = lines.iter().map(|(_, values)| highest(values)).fold(0.0, f64::max).max(0.001) * 1.1;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..right, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(axis)
        .label_style(("sans-serif", 13))
        .draw()?;
    for ((name, figures), colour) in lines.iter().zip(LINES) {
        let points: Vec<_> = values.iter().copied().zip(figures.iter().copied()).collect();
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| {
                plotters::element::PathElement::new([(x, y), (x + 16, y)], colour)
            });
        chart.draw_series(
            points.into_iter().map(|at| Circle::new(at, 3, ShapeStyle::from(colour).filled())),
        )?;
    }
    if lines.len() > 1 {
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .label_font(("sans-serif", 13))
            .draw()?;
    }
    Ok(())
}
