//! A run as a picture: events a second, what there could be at most, and latencies to the hub.

use std::path::Path;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::{Figures, Second};

const SIZE: (u32, u32) = (1000, 700);
const FONT: &str = "sans-serif";

/// Draws a run into an SVG file.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn draw(figures: &Figures, file: &Path) -> anyhow::Result<()> {
    let Figures { seconds, ceilings, .. } = figures;
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (above, below) = area.split_vertically(SIZE.1 / 2);
    let points = |value: fn(&Second) -> Option<f64>| -> Vec<(f64, f64)> {
        seconds.iter().filter_map(|second| Some((second.at, value(second)?))).collect()
    };
    lines(
        &above,
        // Far above the lines, so that these would be flat if the ceilings were drawn.
        &format!("events a second, acknowledged ({})", ceilings.in_words()),
        &[
            ("events", BLUE, points(|second| Some(second.events_per_second))),
            ("messages in the hub", GREEN, points(|second| Some(second.messages_per_second))),
        ],
    )?;
    lines(
        &below,
        "request to message in the hub, ms",
        &[
            ("p50", BLUE, points(|second| second.p50_ms)),
            ("p99", RED, points(|second| second.p99_ms)),
        ],
    )?;
    area.present().map_err(|error| anyhow!("cannot write {}: {error}", file.display()))
}

type Line = (&'static str, RGBColor, Vec<(f64, f64)>);

fn lines(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    lines: &[Line],
) -> anyhow::Result<()> {
    let all = || lines.iter().flat_map(|(_, _, points)| points);
    let x_max = all().map(|(x, _)| *x).fold(1.0, f64::max);
    let y_max = all().map(|(_, y)| *y).fold(1.0, f64::max) * 1.1;
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 18))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..x_max, 0.0..y_max)?;
    chart.configure_mesh().x_desc("seconds").light_line_style(WHITE).draw()?;
    for (name, color, points) in lines {
        let series = LineSeries::new(points.iter().copied(), color.stroke_width(2));
        let color = *color;
        chart
            .draw_series(series)?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
    }
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
    Ok(())
}
