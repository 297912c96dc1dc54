//! The labels by which an image found from a start is judged.

use crate::checks;
use crate::error::Result;
use crate::figures::mean;

/// Labels of the pool and of the starts, one list for each attribute, and the attribute that is to change.
#[derive(Clone, Copy)]
pub(crate) struct Labels<'a> {
    pub(crate) pool: &'a [Vec<Option<u32>>],
    pub(crate) starts: &'a [Vec<Option<u32>>],
    /// Number of the attribute that is to change.
    pub(crate) target: usize,
    /// Its number of classes.
    pub(crate) classes: usize,
}

impl<'a> Labels<'a> {
    /// Checks that there are as many labels as rows of the pool and starts, and that those of the target are classes of it.
    pub(crate) fn check(&self, pool_rows: usize, starts: usize) -> Result<()> {
        let attributes = self.pool.len();
        checks::some("the pool", pool_rows)?;
        checks::length("attributes with labels of the starts", attributes, self.starts.len())?;
        checks::inside("the target among the attributes", attributes, self.target)?;
        for (pool, of_starts) in self.pool.iter().zip(self.starts) {
            checks::length("labels of the pool", pool_rows, pool.len())?;
            checks::length("labels of the starts", starts, of_starts.len())?;
        }
        checks::option("the number of the target's classes", self.classes as f64, 2.0, f64::from(u32::MAX))?;
        let lists = [&self.pool[self.target], &self.starts[self.target]];
        lists.iter().flat_map(|list| list.iter().enumerate()).try_for_each(|(row, label)| match *label {
            Some(label) => checks::label(row, self.classes, label),
            None => Ok(()),
        })
    }

    /// Pool rows of each class of the target.
    pub(crate) fn carriers(&self) -> Vec<Vec<usize>> {
        let mut carriers = vec![Vec::new(); self.classes];
        for (row, label) in self.pool[self.target].iter().enumerate() {
            if let Some(label) = label {
                carriers[*label as usize].push(row);
            }
        }
        carriers
    }

    /// Every start that is labelled in the target, with every class but its own.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (usize, u32)> + use<'a> {
        let classes = self.classes as u32;
        let known = self.starts[self.target].iter().enumerate().filter_map(|(start, own)| Some((start, (*own)?)));
        known.flat_map(move |(start, own)| (0..classes).filter(move |&to| to != own).map(move |to| (start, to)))
    }

    /// Numbers of the other attributes.
    pub(crate) fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let target = self.target;
        (0..self.pool.len()).filter(move |&attribute| attribute != target)
    }

    /// Whether a pool row has the start's value of an attribute; `None` unless both are labelled.
    pub(crate) fn kept(&self, attribute: usize, start: usize, row: usize) -> Option<bool> {
        Some(self.starts[attribute][start]? == self.pool[attribute][row]?)
    }

    /// Share of the other attributes, labelled on both sides, that are equal; 0 without any.
    pub(crate) fn unchanged(&self, start: usize, row: usize) -> f64 {
        share(self.others().filter_map(|attribute| self.kept(attribute, start, row))).unwrap_or(0.0)
    }
}

/// Share of those that are true; `None` of none.
pub(crate) fn share(kept: impl Iterator<Item = bool>) -> Option<f64> {
    mean(kept.map(|kept| f64::from(u8::from(kept))))
}
