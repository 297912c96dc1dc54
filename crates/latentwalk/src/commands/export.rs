//! `export`: a finished run for other programs, as one table, for Embedding Atlas or for TensorBoard's projector.

mod atlas;
mod plane;
mod projector;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use latentwalk_cli::{ExportArgs, ExportFormat};
use latentwalk_embeddings::{Column, LabelColumn, write_columns};
use latentwalk_images::Dataset;
use latentwalk_probe::Direction;
use latentwalk_run::{Points, Run, label_columns};
use ndarray::ArrayView2;
use serde_json::json;

use super::{answer, finished};

/// Runs the `export` command: one row per image with its labels, and on every direction its position, likeliest class and
/// that class's probability; other programs get what they draw besides.
///
/// # Errors
/// A run, an artifact or a line that does not exist, a result that exists, a full disk.
pub(super) fn run(args: &ExportArgs) -> Result<()> {
    let out = &args.out;
    ensure!(!out.exists(), "{} exists already\nhint: move it away or name another file", out.display());
    let format = args.format.unwrap_or_default();
    ensure!(
        format == ExportFormat::Atlas || (args.x.is_none() && args.y.is_none()),
        "`--x` and `--y` place images for Embedding Atlas alone\nhint: leave them out, or add --format atlas"
    );
    let run = finished(&args.run)?;
    match format {
        ExportFormat::Table => table(args, &run),
        ExportFormat::Atlas => atlas::write(args, &run),
        ExportFormat::Projector => projector::write(args, &run),
    }
}

fn table(args: &ExportArgs, run: &Run) -> Result<()> {
    let out = &args.out;
    let points = run.points()?;
    let columns = columns(&points, &run.directions()?)?;
    let hidden = hidden(out)?;
    let rows = write_columns(&hidden, &ids(&points.dataset), &columns, run.carried_columns()?.as_deref())?;
    reveal(&hidden, out)?;
    let text = format!("{rows} rows in {}\n", out.display());
    answer::give(&args.json, &text, &json!({ "file": answer::path(out), "rows": rows }))
}

/// The name under which a result is written until it is whole.
fn hidden(out: &Path) -> Result<PathBuf> {
    let name = out.file_name().context("`--out` names no file")?.to_string_lossy().into_owned();
    Ok(out.with_file_name(format!(".{name}.unfinished")))
}

/// Gives a whole result its name.
fn reveal(hidden: &Path, out: &Path) -> Result<()> {
    std::fs::rename(hidden, out).with_context(|| format!("cannot write {}", out.display()))
}

fn ids(dataset: &Dataset) -> Vec<String> {
    dataset.items.iter().map(|item| item.id.clone()).collect()
}

/// What the table has beside the ids.
fn columns(points: &Points, directions: &[Direction]) -> Result<Vec<(String, Column)>> {
    let mut columns = of_dataset(&points.dataset);
    for direction in directions {
        columns.extend(of_direction(direction, points.z.view())?);
    }
    Ok(columns)
}

/// The split and the labels.
fn of_dataset(dataset: &Dataset) -> Vec<(String, Column)> {
    let rows: Vec<usize> = (0..dataset.items.len()).collect();
    let split = |&row: &usize| Some(dataset.items[row].split.as_str().to_owned());
    let splits = Column::Text(rows.iter().map(split).collect());
    let labels = label_columns(dataset, &rows).into_iter().map(|labels| match labels {
        LabelColumn::One(rows) => Column::Text(rows),
        LabelColumn::Many(rows) => Column::Texts(rows),
    });
    let names = dataset.attributes.iter().map(|attribute| attribute.name.clone());
    [("split".to_owned(), splits)].into_iter().chain(names.zip(labels)).collect()
}

/// `NAME.class`, `NAME.share` and `NAME.position`.
fn of_direction(direction: &Direction, z: ArrayView2<'_, f32>) -> Result<[(String, Column); 3]> {
    let positions = direction.positions(z)?;
    let classes: Vec<usize> = positions.iter().map(|&p| direction.model.class_at(p) as usize).collect();
    let share = |(&position, &class): (&f64, &usize)| direction.model.probabilities(position)[class];
    let shares = positions.iter().zip(&classes).map(share).collect();
    let named = |class: &usize| Some(direction.classes[*class].clone());
    let column = |what: &str, column: Column| (format!("{}.{what}", direction.attribute), column);
    Ok([
        column("class", Column::Text(classes.iter().map(named).collect())),
        column("share", Column::Number(shares)),
        (position_name(direction), Column::Number(positions.to_vec())),
    ])
}

fn position_name(direction: &Direction) -> String {
    format!("{}.position", direction.attribute)
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%\\".contains(c);
    match text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
