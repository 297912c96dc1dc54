//! What Embedding Atlas opens: the table, a place on two lines, neighbours and images.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use latentwalk_cli::ExportArgs;
use latentwalk_embeddings::{Column, ColumnTable, MadeColumn, NearRows, Picture};
use latentwalk_images::{Dataset, Pixels, packed_png};
use latentwalk_lines::Neighbour;
use latentwalk_run::{Run, Walker};
use rayon::prelude::*;
use serde_json::json;

use super::plane::plane;
use super::{columns, hidden, ids, quoted, reveal};
use crate::commands::answer;

/// Neighbours of an image: as many as Embedding Atlas looks for itself.
const NEIGHBOURS: usize = 15;

/// Why a column could not be made.
type Reason = Box<dyn std::error::Error + Send + Sync>;

/// What is told of a table that was written.
struct Told {
    rows: usize,
    lines: [String; 2],
    metric: &'static str,
    /// The command that opens it.
    open: String,
}

/// Writes it.
///
/// # Errors
/// A name that Embedding Atlas does not open, a run that lacks a part, a line that does not exist, a full disk.
pub(super) fn write(args: &ExportArgs, run: &Run) -> Result<()> {
    // It takes a file of any other name for CSV.
    ensure!(
        args.out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet")),
        "Embedding Atlas knows Parquet by its name, and {} does not end in .parquet\nhint: name it so",
        args.out.display()
    );
    let walker = Walker::open(run)?;
    latentwalk_explorer::add_saved_lines(run, &walker)?;
    let told = table(args, run, &walker)?;
    let (out, [x, y]) = (&args.out, &told.lines);
    let mut text = format!("{} rows in {}\n", told.rows, out.display());
    let _ = writeln!(text, "x is {x}, y is {y}; {NEIGHBOURS} neighbours in the {} metric", told.metric);
    let _ = writeln!(text, "open it by: {}", told.open);
    let value = json!({
        "file": answer::path(out),
        "rows": told.rows,
        "x": x,
        "y": y,
        "metric": told.metric,
        "open": told.open,
    });
    answer::give(&args.json, &text, &value)
}

fn table(args: &ExportArgs, run: &Run, walker: &Walker) -> Result<Told> {
    let data = walker.data();
    let dataset = &data.points.dataset;
    let [x, y] = plane(walker, args.x.as_deref(), args.y.as_deref())?;
    let mut columns = columns(&data.points, &data.directions)?;
    columns.push(("x".to_owned(), Column::Number(x.positions)));
    columns.push(("y".to_owned(), Column::Number(y.positions)));
    let pixels = run.pixels(dataset)?;
    // In the metric in which the explorer finds images that are like one.
    let attribute = &data.attributes[0].name;
    let near = |rows: &[usize]| neighbours(walker, attribute, rows);
    let made = [
        ("neighbors".to_owned(), MadeColumn::Neighbours(Box::new(near))),
        ("image".to_owned(), MadeColumn::Pictures(Box::new(|rows| pictures(&pixels, dataset, rows)))),
    ];
    let hidden = hidden(&args.out)?;
    let (ids, carried) = (ids(dataset), run.carried_columns()?);
    let table = ColumnTable { ids: &ids, columns: &columns, made: &made, carried: carried.as_deref() };
    let written = table.write(&hidden)?;
    reveal(&hidden, &args.out)?;
    let flags = ["--x", "--y", "--neighbors", "--image"].into_iter().zip(&written.names[columns.len() - 2..]);
    let flags = flags.map(|(flag, name)| format!(" {flag} {name}")).collect::<String>();
    Ok(Told {
        rows: written.rows,
        lines: [x.line, y.line],
        metric: walker.metric(attribute)?.kind().name(),
        open: format!("embedding-atlas {}{flags}", quoted(&args.out)),
    })
}

fn neighbours(walker: &Walker, attribute: &str, rows: &[usize]) -> Result<Vec<NearRows>, Reason> {
    let near = walker.neighbours(attribute, rows, NEIGHBOURS)?;
    let of_row = |near: Vec<Neighbour>| near.into_iter().map(|near| (near.row, near.distance as f32)).collect();
    Ok(near.into_iter().map(of_row).collect())
}

/// The images as they are packed, PNG.
fn pictures(pixels: &Pixels, dataset: &Dataset, rows: &[usize]) -> Result<Vec<Picture>, Reason> {
    let side_px = dataset.shape.width.max(dataset.shape.height) as u32;
    let picture =
        |&row: &usize| Ok(Picture { bytes: packed_png(pixels, row, side_px)?, path: dataset.items[row].id.clone() });
    rows.par_iter().map(picture).collect()
}
