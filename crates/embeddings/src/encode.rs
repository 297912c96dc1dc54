//! Rows to Arrow columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, ListBuilder, RecordBatch, StringBuilder};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::schema::{Schema, label_element, vector_element};
use crate::table::{LabelColumn, Table};

/// Rows that wait to be written.
pub(crate) struct Pending {
    width: usize,
    rows: usize,
    ids: StringBuilder,
    splits: StringBuilder,
    vectors: Vec<f32>,
    labels: Vec<LabelBuilder>,
}

enum LabelBuilder {
    One(StringBuilder),
    Many(ListBuilder<StringBuilder>),
}

impl LabelBuilder {
    fn new(multi: bool) -> Self {
        if multi {
            Self::Many(ListBuilder::new(StringBuilder::new()).with_field(label_element()))
        } else {
            Self::One(StringBuilder::new())
        }
    }

    /// Adds row `row` of a column of the same kind.
    fn push(&mut self, column: &LabelColumn, row: usize) {
        match (self, column) {
            (Self::One(builder), LabelColumn::One(rows)) => builder.append_option(rows[row].as_deref()),
            (Self::Many(builder), LabelColumn::Many(rows)) => {
                let names = rows[row].as_deref();
                for name in names.unwrap_or_default() {
                    builder.values().append_value(name);
                }
                builder.append(names.is_some());
            }
            _ => unreachable!("the table was checked against the schema"),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::One(builder) => Arc::new(builder.finish()),
            Self::Many(builder) => Arc::new(builder.finish()),
        }
    }
}

impl Pending {
    pub(crate) fn new(schema: &Schema) -> Self {
        Self {
            width: schema.width,
            rows: 0,
            ids: StringBuilder::new(),
            splits: StringBuilder::new(),
            vectors: Vec::new(),
            labels: schema.attributes.iter().map(|attribute| LabelBuilder::new(attribute.multi)).collect(),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds row `row` of a table that fits the schema.
    pub(crate) fn push(&mut self, table: &Table, row: usize) {
        self.ids.append_value(&table.ids[row]);
        self.splits.append_value(&table.splits[row]);
        self.vectors.extend(table.vectors.row(row));
        for (builder, column) in self.labels.iter_mut().zip(&table.labels) {
            builder.push(column, row);
        }
        self.rows += 1;
    }

    /// Takes the waiting rows as one Arrow batch.
    pub(crate) fn take(&mut self, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        let values = Float32Array::from(std::mem::take(&mut self.vectors));
        // The schema's check keeps the width within `i32`.
        let vectors = FixedSizeListArray::try_new(vector_element(), self.width as i32, Arc::new(values), None)?;
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(self.ids.finish()), Arc::new(self.splits.finish()), Arc::new(vectors)];
        columns.extend(self.labels.iter_mut().map(LabelBuilder::finish));
        self.rows = 0;
        RecordBatch::try_new(Arc::clone(schema), columns)
    }
}
