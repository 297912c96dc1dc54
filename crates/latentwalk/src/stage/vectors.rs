//! The table that holds a layer's vectors, beside ids, splits and labels.

use latentwalk_backbone::Tap;
use latentwalk_embeddings::{AttributeColumn, Schema, Table};
use latentwalk_images::{AttributeKind, Dataset};

/// The table of some rows' vectors.
pub(crate) fn table(dataset: &Dataset, rows: &[usize], vectors: ndarray::Array2<f32>) -> Table {
    Table {
        ids: rows.iter().map(|&r| dataset.items[r].id.clone()).collect(),
        splits: rows.iter().map(|&r| dataset.items[r].split.as_str().to_owned()).collect(),
        vectors,
        labels: latentwalk_run::label_columns(dataset, rows),
    }
}

pub(crate) fn schema(dataset: &Dataset, width: usize, tap: Tap) -> Schema {
    let column = |a: &latentwalk_images::Attribute| AttributeColumn {
        name: a.name.clone(),
        multi: a.kind == AttributeKind::Multi,
    };
    let mut schema = Schema::new(width, dataset.attributes.iter().map(column).collect());
    schema.metadata.insert("latentwalk.tap".to_owned(), tap.name().to_owned());
    schema.metadata.insert("latentwalk.dataset".to_owned(), dataset.name.clone());
    schema
}
