//! `export`: a finished run as one table, beside the columns that came in with its vectors.

use anyhow::{Context, Result, ensure};
use latentwalk_cli::ExportArgs;
use latentwalk_embeddings::{Column, LabelColumn, write_columns};
use latentwalk_images::Dataset;
use latentwalk_probe::Direction;
use latentwalk_run::label_columns;
use ndarray::ArrayView2;
use serde_json::json;

use super::{answer, finished};

/// Runs the `export` command: one row per image with its labels, and on every direction its position, likeliest class and
/// that class's probability.
///
/// # Errors
/// A run or an artifact that does not exist, a result that exists, a full disk.
pub(super) fn run(args: &ExportArgs) -> Result<()> {
    let out = &args.out;
    ensure!(!out.exists(), "{} exists already\nhint: move it away or name another file", out.display());
    let run = finished(&args.run)?;
    let points = run.points()?;
    let mut columns = of_dataset(&points.dataset);
    for direction in &run.directions()? {
        columns.extend(of_direction(direction, points.z.view())?);
    }
    let ids: Vec<String> = points.dataset.items.iter().map(|item| item.id.clone()).collect();
    let carried = run.carried_columns()?;
    // Under another name until it is whole.
    let name = out.file_name().context("`--out` names no file")?.to_string_lossy().into_owned();
    let hidden = out.with_file_name(format!(".{name}.unfinished"));
    let rows = write_columns(&hidden, &ids, &columns, carried.as_deref())?;
    std::fs::rename(&hidden, out).with_context(|| format!("cannot write {}", out.display()))?;
    let text = format!("{rows} rows in {}\n", out.display());
    answer::give(&args.json, &text, &json!({ "file": answer::path(out), "rows": rows }))
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

/// `NAME.position`, `NAME.class` and `NAME.share`.
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
        column("position", Column::Number(positions.to_vec())),
    ])
}
