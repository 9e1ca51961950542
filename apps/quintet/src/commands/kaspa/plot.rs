//! Figures of a sweep, or samples, as a drawing: what looking at shows faster than reading.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use plotters::{
    chart::ChartBuilder,
    coord::Shift,
    drawing::{DrawingArea, IntoDrawingArea as _},
    element::Circle,
    series::LineSeries,
    style::{Color as _, IntoTextStyle as _, RGBColor, ShapeStyle, WHITE},
};
use plotters_svg::SVGBackend;

use super::{
    samples::{Sample, Watched},
    sim::Outcome,
};
use crate::output::thousands;

const SIZE: (u32, u32) = (1_000, 760);
const SAMPLES_SIZE: (u32, u32) = (1_000, 640);
/// Of what lies behind lines.
const GRID: RGBColor = RGBColor(0xdc, 0xdc, 0xdc);
/// Of what is said below.
const CAPTION: RGBColor = RGBColor(0x50, 0x50, 0x50);
/// Colours that stay apart for people who see few of them, and on paper.
const LINES: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];

/// A line of a panel: its name and its values.
type Line<'a> = (&'a str, Vec<f64>);

/// What makes a drawing readable on a dark page, too: plotters knows no more than one colour for each thing.
const DARK: &str = r##"<style>
svg{font-family:system-ui,sans-serif;background:#fff}
@media (prefers-color-scheme:dark){
svg{background:#0d1117}
rect[fill="#FFFFFF"]{fill:#0d1117}
text[fill="#000000"]{fill:#e6edf3}
text[fill="#505050"]{fill:#9da7b3}
[stroke="#000000"]{stroke:#8b949e}
[stroke="#DCDCDC"]{stroke:#30363d}
[stroke="#0072B2"]{stroke:#58a6ff}[fill="#0072B2"]{fill:#58a6ff}
[stroke="#D55E00"]{stroke:#f0883e}[fill="#D55E00"]{fill:#f0883e}
[stroke="#009E73"]{stroke:#3fb950}[fill="#009E73"]{fill:#3fb950}
}
</style>
"##;

/// Draws four panels: width, colours, acceptance, and how far ahead of the network the machine was.
///
/// # Errors
///
/// If the file cannot be written.
pub(super) fn sweep(
    file: &Path,
    axis: &str,
    values: &[f64],
    outcomes: &[Outcome],
) -> anyhow::Result<()> {
    write(file, SIZE, |area| draw_sweep(area, axis, values, outcomes))
}

/// Draws two panels: what memory and disk held, over simulated days.
///
/// # Errors
///
/// If the file cannot be written.
pub(super) fn samples(file: &Path, watched: &Watched, taken: &[Sample]) -> anyhow::Result<()> {
    write(file, SAMPLES_SIZE, |area| draw_samples(area, watched, taken))
}

fn write(
    file: &Path,
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Result<(), DrawError>,
) -> anyhow::Result<()> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw(&area).map_err(|error| anyhow!("cannot draw: {error}"))?;
    }
    if let Some(end) = text.find(">\n") {
        text.insert_str(end + 2, DARK);
    }
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawError = Box<dyn std::error::Error + Send + Sync>;

fn draw_sweep(
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
        draw_panel(panel, title, axis, values, lines, Marks::Yes)?;
    }
    area.present()?;
    Ok(())
}

fn draw_samples(area: &Area<'_>, watched: &Watched, taken: &[Sample]) -> Result<(), DrawError> {
    const DAY_SECONDS: f64 = 86_400.0;
    const CAPTION_LINES: [i32; 2] = [596, 616];
    area.fill(&WHITE)?;
    let days: Vec<_> = taken.iter().map(|sample| sample.at / DAY_SECONDS).collect();
    let each = |figure: fn(&Sample) -> f64| taken.iter().map(figure).collect::<Vec<_>>();
    let panels: [(&str, Vec<Line<'_>>); 2] = [
        ("Resident memory, MiB", vec![("", each(|sample| sample.memory.unwrap_or(0.0)))]),
        (
            "On disk, MiB",
            vec![
                ("all", each(|sample| sample.logs + sample.store)),
                ("store of coins", each(|sample| sample.store)),
            ],
        ),
    ];
    let (charts, _) = area.split_vertically(580);
    for (panel, (title, lines)) in charts.split_evenly((2, 1)).iter().zip(&panels) {
        draw_panel(panel, title, "simulated days", &days, lines, Marks::No)?;
    }
    let style = ("sans-serif", 13).into_text_style(area).color(&CAPTION);
    for (line, y) in watched.told().iter().zip(CAPTION_LINES) {
        area.draw_text(line, &style, (24, y))?;
    }
    area.present()?;
    Ok(())
}

impl Watched {
    fn told(&self) -> [String; 2] {
        let Self { bps, tps, delay_seconds, finality_depth, pruning_depth, .. } = self;
        let scale = match self.is_scaled {
            true => "scaled-down depths",
            false => "the network's own depths",
        };
        let reopened = match self.reopens {
            true => "; the DAG is opened anew after each pruning",
            false => "",
        };
        [
            format!(
                "{} blocks at {bps} a second, {tps} transactions a second, a delay of {delay_seconds} s",
                thousands(self.blocks)
            ),
            format!(
                "{scale}: finality {}, pruning {} blocks{reopened}",
                thousands(*finality_depth),
                thousands(*pruning_depth)
            ),
        ]
    }
}

/// Whether values are marked on their line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marks {
    Yes,
    No,
}

fn draw_panel(
    area: &Area<'_>,
    title: &str,
    axis: &str,
    values: &[f64],
    lines: &[Line<'_>],
    marks: Marks,
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
        .light_line_style(WHITE.mix(0.0))
        .bold_line_style(GRID)
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
        if marks == Marks::No {
            continue;
        }
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
