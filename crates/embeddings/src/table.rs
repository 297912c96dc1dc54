//! Rows in memory: a batch or a whole table.

use ndarray::Array2;

use crate::schema::{AttributeColumn, ID, SPLIT, Schema};
use crate::{Error, Result};

/// The labels of one attribute, a row an entry.
///
/// **Units and conventions.** `None` is unlabelled, which is never the same as "no".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelColumn {
    /// One class a row.
    One(Vec<Option<String>>),
    /// Any number of labels per row; an empty list says that none applies.
    Many(Vec<Option<Vec<String>>>),
}

impl LabelColumn {
    /// A column without rows, of the kind that the attribute declares.
    pub fn empty(multi: bool) -> Self {
        if multi { Self::Many(Vec::new()) } else { Self::One(Vec::new()) }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Self::One(rows) => rows.len(),
            Self::Many(rows) => rows.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn is_multi(&self) -> bool {
        matches!(self, Self::Many(_))
    }

    /// Appends a column of the same kind; the reader makes both from one schema.
    pub(crate) fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::One(rows), Self::One(more)) => rows.extend(more),
            (Self::Many(rows), Self::Many(more)) => rows.extend(more),
            _ => unreachable!("both columns come from one schema"),
        }
    }
}

/// Rows of a table, a batch or all of it.
///
/// **Shapes.** `vectors` is `n x d`; every other column has `n` entries; `labels` has one column per attribute of the schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What each row is called.
    pub ids: Vec<String>,
    /// Which split each row belongs to.
    pub splits: Vec<String>,
    /// The vectors, one per row.
    pub vectors: Array2<f32>,
    /// The labels, in the schema's order.
    pub labels: Vec<LabelColumn>,
}

impl Table {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.vectors.nrows()
    }

    /// Whether the columns fit the schema and each other.
    pub(crate) fn check(&self, schema: &Schema) -> Result<()> {
        let wrong = |what: String, expected, got| Error::Batch { what, expected, got };
        if self.vectors.ncols() != schema.width {
            return Err(wrong("values in each vector".to_owned(), schema.width, self.vectors.ncols()));
        }
        self.check_rows(ID, self.ids.len())?;
        self.check_rows(SPLIT, self.splits.len())?;
        if self.labels.len() != schema.attributes.len() {
            return Err(wrong("label columns".to_owned(), schema.attributes.len(), self.labels.len()));
        }
        for (AttributeColumn { name, multi }, column) in schema.attributes.iter().zip(&self.labels) {
            if column.is_multi() != *multi {
                return Err(Error::LabelKind { attribute: name.clone(), multi: *multi });
            }
            self.check_rows(name, column.len())?;
        }
        Ok(())
    }

    fn check_rows(&self, column: &str, got: usize) -> Result<()> {
        let expected = self.rows();
        if got == expected {
            return Ok(());
        }
        Err(Error::Batch { what: format!("rows in column `{column}`"), expected, got })
    }
}

/// Everything of a table but its vectors.
///
/// **Shapes.** As in [`Table`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// What each row is called.
    pub ids: Vec<String>,
    /// Which split each row belongs to.
    pub splits: Vec<String>,
    /// The labels, in the schema's order.
    pub labels: Vec<LabelColumn>,
}

impl Labels {
    /// No rows yet, and one column for each attribute.
    pub(crate) fn empty(schema: &Schema) -> Self {
        let labels = schema.attributes.iter().map(|attribute| LabelColumn::empty(attribute.multi)).collect();
        Self { ids: Vec::new(), splits: Vec::new(), labels }
    }

    pub(crate) fn append(&mut self, more: Self) {
        self.ids.extend(more.ids);
        self.splits.extend(more.splits);
        for (column, rows) in self.labels.iter_mut().zip(more.labels) {
            column.append(rows);
        }
    }
}

/// The first axis of a vector that is NaN or infinite.
pub(crate) fn first_not_finite(vector: &[f32]) -> Option<(usize, f32)> {
    // Without an early exit the loop is a vector instruction; the search runs only when something was found.
    if vector.iter().fold(true, |finite, value| finite & value.is_finite()) {
        return None;
    }
    vector.iter().copied().enumerate().find(|(_, value)| !value.is_finite())
}
