//! How fast a table is written and read: `cargo run -p latentwalk-benches --bin table_speed [ROWS] [WIDTH]`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use latentwalk_embeddings::{
    AttributeColumn, DEFAULT_BATCH_ROWS, LabelColumn, Reader, Schema, Table, Writer, WriterOptions,
};
use ndarray::Array2;

const BATCH: usize = 1000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut sizes = std::env::args().skip(1).map(|size| size.parse());
    let n: usize = sizes.next().transpose()?.unwrap_or(50_000);
    let d: usize = sizes.next().transpose()?.unwrap_or(1000);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("embeddings.parquet");
    let gigabytes = (n * d * 4) as f64 / 1e9;
    let report = |what: &str, start: Instant| {
        let seconds = start.elapsed().as_secs_f64();
        println!("{what}: {seconds:.2} s, {:.2} GB/s of vectors", gigabytes / seconds);
    };

    let tables: Vec<Table> = (0..n.div_ceil(BATCH)).map(|batch| table(batch * BATCH, d)).collect();
    let start = Instant::now();
    let mut writer =
        Writer::create(&path, &Schema::new(d, vec![AttributeColumn::one("category")]), WriterOptions::default())?;
    for table in &tables {
        writer.write(table)?;
    }
    let summary = writer.finish()?;
    report(&format!("write {} x {d} ({} bytes)", summary.rows, summary.bytes), start);
    drop(tables);

    let start = Instant::now();
    let mut rows = 0;
    for batch in Reader::open(&path)?.batches(DEFAULT_BATCH_ROWS)? {
        rows += batch?.rows();
    }
    report(&format!("read {rows} rows in batches"), start);
    let start = Instant::now();
    let vectors = Reader::open(&path)?.vectors(None)?;
    report(&format!("read all vectors, {:?}", vectors.dim()), start);
    let start = Instant::now();
    let labels = Reader::open(&path)?.labels()?;
    println!("read labels of {} rows: {:.3} s", labels.ids.len(), start.elapsed().as_secs_f64());
    Ok(())
}

fn table(first: usize, d: usize) -> Table {
    Table {
        ids: (first..first + BATCH).map(|row| format!("image-{row}")).collect(),
        splits: vec!["train".to_owned(); BATCH],
        vectors: Array2::from_shape_fn((BATCH, d), |(i, j)| ((first + i) * 31 + j * 17) as f32 * 0.001),
        labels: vec![LabelColumn::One(vec![Some("boot".to_owned()); BATCH])],
    }
}
