//! `export`: a finished run as one table, beside the columns that came in with its vectors.

use anyhow::{Context, Result, ensure};
use latentwalk_artifacts::Store;
use latentwalk_cli::{ExportArgs, Stage};
use latentwalk_embeddings::{Column, LabelColumn, Reader, write_columns};
use latentwalk_images::Dataset;
use latentwalk_probe::Direction;
use ndarray::ArrayView2;

use crate::defaults;
use crate::project::{artifact, find_run};
use crate::stage::embeddings::COLUMNS_FILE;
use crate::stage::shared;

/// Runs the `export` command: one row an image with its labels, and on every direction its position, likeliest class and
/// that class's probability.
///
/// # Errors
/// A run or an artifact that does not exist, a result that exists, a full disk.
pub fn run(args: &ExportArgs) -> Result<()> {
    let out = &args.out;
    ensure!(!out.exists(), "{} exists already; move it away or name another file", out.display());
    let store = Store::open_existing(defaults::store(args.store.as_deref()))?;
    let run = find_run(&store, args.run.as_deref())?;
    let folder = |stage: Stage| artifact(&store, &run, stage);
    let dataset = Dataset::open(folder(Stage::Images)?.dir())?;
    let coordinates = folder(Stage::Decomposition)?.file("coordinates.parquet")?;
    let z = Reader::open(&coordinates)?.vectors(None)?;
    ensure!(
        z.nrows() == dataset.items.len(),
        "{} has {} rows for {} images; run the pipeline again with --from embeddings",
        coordinates.display(),
        z.nrows(),
        dataset.items.len()
    );
    let directions = latentwalk_probe::load(folder(Stage::Probe)?.dir())?.directions;
    let mut columns = of_dataset(&dataset);
    for direction in &directions {
        columns.extend(of_direction(direction, z.view())?);
    }
    let ids: Vec<String> = dataset.items.iter().map(|item| item.id.clone()).collect();
    let carried = folder(Stage::Embeddings)?.dir().join(COLUMNS_FILE);
    let carried = carried.is_file().then_some(carried);
    // Under another name until it is whole.
    let name = out.file_name().context("`--out` names no file")?.to_string_lossy().into_owned();
    let hidden = out.with_file_name(format!(".{name}.unfinished"));
    let rows = write_columns(&hidden, &ids, &columns, carried.as_deref())?;
    std::fs::rename(&hidden, out).with_context(|| format!("cannot write {}", out.display()))?;
    crate::commands::print(&format!("{rows} rows in {}\n", out.display()))
}

/// The split and the labels.
fn of_dataset(dataset: &Dataset) -> Vec<(String, Column)> {
    let rows: Vec<usize> = (0..dataset.items.len()).collect();
    let split = |&row: &usize| Some(dataset.items[row].split.as_str().to_owned());
    let splits = Column::Text(rows.iter().map(split).collect());
    let labels = shared::label_columns(dataset, &rows).into_iter().map(|labels| match labels {
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
