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
            "Parents of a block",
            vec![("mean", each(|at| at.parents.mean)), ("95 %", each(|at| at.parents.p95))],
        ),
        ("Red blocks, % of those merged", vec![("red", each(|at| at.red_percent))]),
        (
            "Until accepted, milliseconds",
            vec![
                ("median", each(|at| at.acceptance_millis.median)),
                ("95 %", each(|at| at.acceptance_millis.p95)),
            ],
        ),
        (
            "Blocks a second",
            vec![
                ("processed", each(|at| at.blocks_per_second)),
                ("network", each(|at| at.bps as f64)),
            ],
        ),
    ];
    for (panel, (title, lines)) in area.split_evenly((2, 2)).iter().zip(&panels) {
        draw_panel(panel, title, axis, &Across::Chosen(values), lines)?;
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
                ("coins alone", each(|sample| sample.store)),
            ],
        ),
    ];
    let (charts, _) = area.split_vertically(580);
    for (panel, (title, lines)) in charts.split_evenly((2, 1)).iter().zip(&panels) {
        draw_panel(panel, title, "simulated days", &Across::Numbers(&days), lines)?;
    }
    let style = ("sans-serif", 17).into_text_style(area).color(&CAPTION);
    for (line, y) in watched.told().iter().zip(CAPTION_LINES) {
        area.draw_text(line, &style, (24, y))?;
    }
    area.present()?;
    Ok(())
}

impl Watched {
    fn told(&self) -> [String; 2] {
        let Self { bps, tps, delay_seconds, finality_depth, pruning_depth, .. } = self;
        let scale = match self.scale {
            1 => "the network's own depths".to_owned(),
            times => format!("all depths {times} times shorter than the network's"),
        };
        [
            format!(
                "{} blocks at {bps} a second, {tps} transactions a second, a delay of {delay_seconds} s",
                thousands(self.blocks)
            ),
            format!(
                "{scale}: finality {}, pruning {} blocks",
                thousands(*finality_depth),
                thousands(*pruning_depth)
            ),
        ]
    }
}

/// What lies along the horizontal.
#[derive(Debug)]
enum Across<'a> {
    /// A line goes on from each value to the next.
    Numbers(&'a [f64]),
    /// Values that were chosen, as they were written, each in a place of its own.
    Chosen(&'a [f64]),
}

impl Across<'_> {
    /// Returns where each value stands.
    fn places(&self) -> Vec<f64> {
        match self {
            Self::Numbers(values) => values.to_vec(),
            Self::Chosen(values) => (0_u32..).map(f64::from).take(values.len()).collect(),
        }
    }

    fn range(&self) -> std::ops::Range<f64> {
        /// Room beside the first and the last of chosen values.
        const BESIDE: f64 = 0.3;
        let right = highest(&self.places());
        match self {
            Self::Numbers(_) => 0.0..right.max(f64::MIN_POSITIVE),
            Self::Chosen(_) => -BESIDE..right + BESIDE,
        }
    }

    /// Says what stands at a place.
    fn label(&self, place: f64) -> String {
        let Self::Chosen(values) = self else { return number(place) };
        let places = (0_u32..).map(f64::from).zip(values.iter());
        let mut found = places.filter(|(at, _)| (at - place).abs() < 0.01);
        found.next().map_or_else(String::new, |(_, &value)| number(value))
    }
}

fn highest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// Writes a number of an axis: thousands apart, no more decimals than it has.
fn number(value: f64) -> String {
    const DECIMALS: f64 = 10_000.0;
    let value = (value * DECIMALS).round() / DECIMALS;
    if value >= 0.0 && value.fract() == 0.0 && value < f64::from(u32::MAX) {
        return format!("{value:.0}").parse().map_or_else(|_| value.to_string(), thousands);
    }
    value.to_string()
}

/// Draws a panel: title and names of lines above, so that they are in nobody's way.
fn draw_panel(
    area: &Area<'_>,
    title: &str,
    axis: &str,
    across: &Across<'_>,
    lines: &[Line<'_>],
) -> Result<(), DrawError> {
    /// Where the chart begins, and the text above it.
    const LEFT: i32 = 84;
    const TOP: i32 = 14;
    /// Pixels from one name to the next.
    const NAMES_APART: i32 = 88;
    let places = across.places();
    let top = lines.iter().map(|(_, values)| highest(values)).fold(0.0, f64::max);
    // Nothing but zeros is drawn on a scale on which one would be seen.
    let top = if top == 0.0 { 1.0 } else { top * 1.1 };
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_top(42)
        .x_label_area_size(52)
        .y_label_area_size(72)
        .build_cartesian_2d(across.range(), 0.0..top)?;
    let label = |place: &f64| across.label(*place);
    let height = |value: &f64| number(*value);
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(WHITE.mix(0.0))
        .bold_line_style(GRID)
        .x_desc(axis)
        .x_label_formatter(&label)
        .y_label_formatter(&height)
        .y_labels(8)
        .label_style(("sans-serif", 17))
        .axis_desc_style(("sans-serif", 17));
    if matches!(across, Across::Chosen(_)) {
        mesh.x_labels(places.len().saturating_add(1)).disable_x_mesh();
    }
    mesh.draw()?;
    let text = ("sans-serif", 20).into_text_style(area);
    area.draw_text(title, &text, (LEFT, TOP))?;
    let (width, _) = area.dim_in_pixel();
    let mut left = i32::try_from(width)? - NAMES_APART * i32::try_from(lines.len())?;
    for ((name, figures), colour) in lines.iter().zip(LINES) {
        let points: Vec<_> = places.iter().copied().zip(figures.iter().copied()).collect();
        chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?;
        if lines.len() > 1 {
            let style = ("sans-serif", 17).into_text_style(area).color(&colour);
            area.draw_text(name, &style, (left, TOP + 2))?;
            left += NAMES_APART;
        }
        if matches!(across, Across::Chosen(_)) {
            let marked = ShapeStyle::from(colour).filled();
            chart.draw_series(points.into_iter().map(|at| Circle::new(at, 4, marked)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_an_axis_have_no_more_decimals_than_they_need() {
        for (value, shown) in [(0.0, "0"), (10.0, "10"), (2_500.0, "2,500"), (0.25, "0.25")] {
            assert_eq!(number(value), shown);
        }
        assert_eq!(number(0.1 + 0.2), "0.3", "what binary fractions leave is not shown");
    }

    #[test]
    fn chosen_values_are_named_at_their_places_and_nowhere_else() {
        let across = Across::Chosen(&[1.0, 10.0, 100.0]);
        assert_eq!(across.places(), [0.0, 1.0, 2.0]);
        assert_eq!(across.label(2.0), "100");
        assert_eq!((across.label(0.5), across.label(3.0)), (String::new(), String::new()));
    }
}
