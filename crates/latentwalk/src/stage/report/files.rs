//! The report's figures as files: SVG, CSV, and strips as PNG.

use std::fs;

use anyhow::{Context, Result};
use latentwalk_cli::Stage;
use latentwalk_images::{Dataset, Pixels, SheetFormat, contact_sheet};
use latentwalk_probe::file_name;
use latentwalk_report::{self as page, StripFile};

use crate::job::Job;
use crate::summary::FIGURES;

/// Side of an image in a strip's picture, in pixels.
const SIDE_PX: u32 = 112;

/// Writes every figure into the folder `figures` of the artifact; how many there are.
///
/// `rows` has the data set's row of each of the report's images.
///
/// # Errors
/// A file that cannot be written, pixels that cannot be read.
pub(super) fn write(job: &Job<'_>, dataset: &Dataset, report: &page::Report, rows: &[usize]) -> Result<usize> {
    let folder = job.out.join(FIGURES);
    fs::create_dir(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let put = |name: String, bytes: &[u8]| -> Result<()> {
        let path = folder.join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    };
    let figures = page::figures(report)?;
    for figure in &figures {
        put(name(figure.attribute.as_deref(), &figure.chart, figure.ending), figure.text.as_bytes())?;
    }
    let strips = page::strips(report)?;
    let pixels = Pixels::open(job.folder(Stage::Images)?, dataset)?;
    for strip in &strips {
        let line = vec![in_a_line(strip, rows)];
        let png = contact_sheet(&pixels, dataset, &line, side_px(dataset), strip.start.is_some(), SheetFormat::Png)?;
        put(name(Some(&strip.attribute), &strip.strip, "png"), &png)?;
    }
    Ok(figures.len() + strips.len())
}

/// `ATTRIBUTE.CHART.ENDING`, or `CHART.ENDING` for the whole run.
fn name(attribute: Option<&str>, chart: &str, ending: &str) -> String {
    match attribute {
        Some(attribute) => format!("{}.{chart}.{ending}", file_name(attribute)),
        None => format!("{chart}.{ending}"),
    }
}

/// The rows of a strip, its start first.
fn in_a_line(strip: &StripFile, rows: &[usize]) -> Vec<Option<usize>> {
    let row = |cell: &Option<usize>| cell.map(|image| rows[image]);
    let mut line: Vec<Option<usize>> = strip.cells.iter().map(row).collect();
    if let Some(start) = strip.start {
        line[..=start].rotate_right(1);
    }
    line
}

/// A whole multiple of a tiny image's side, so that its pixels stay squares.
fn side_px(dataset: &Dataset) -> u32 {
    let own = dataset.shape.width.max(dataset.shape.height) as u32;
    if own < 40 { own * (SIDE_PX / own.max(1)).max(1) } else { SIDE_PX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_and_safe() {
        assert_eq!(name(Some("sleeve length"), "positions", "svg"), "sleeve%20length.positions.svg");
        assert_eq!(name(None, "lines", "csv"), "lines.csv");
    }

    #[test]
    fn the_start_comes_first() {
        let strip = |start| StripFile { cells: vec![Some(0), None, Some(2), Some(1)], start, ..Default::default() };
        assert_eq!(in_a_line(&strip(Some(2)), &[10, 11, 12]), [Some(12), Some(10), None, Some(11)]);
        assert_eq!(in_a_line(&strip(None), &[10, 11, 12]), [Some(10), None, Some(12), Some(11)]);
    }
}
