//! Every image's coordinates.

use std::collections::BTreeMap;
use std::path::Path;

use latentwalk_embeddings::Reader;
use latentwalk_images::{Dataset, Split};
use ndarray::{Array2, Axis};

use crate::error::{Error, Result};

/// The file of the decomposition that holds every image's coordinates.
pub const COORDINATES_FILE: &str = "coordinates.parquet";

/// A data set with every image's PCA coordinates, row by row.
pub struct Points {
    /// The images and their labels.
    pub dataset: Dataset,
    /// n × k, in raw PCA space.
    pub z: Array2<f32>,
    /// The split of every row, as probes take it.
    pub splits: Vec<latentwalk_probe::Split>,
    /// The group of every row, numbered from 0: rows without a group are one of their own.
    pub groups: Vec<usize>,
}

impl Points {
    /// Reads the coordinates of a data set's images from the folder of a decomposition.
    ///
    /// # Errors
    /// A file that cannot be read, or that has another number of rows than the data set.
    pub fn read(dataset: Dataset, decomposition: &Path) -> Result<Self> {
        let path = decomposition.join(COORDINATES_FILE);
        let reader = Reader::open(&path)?;
        let (rows, images) = (reader.rows(), dataset.items.len());
        if rows != images {
            return Err(Error::Rows { path, rows, images });
        }
        let z = reader.vectors(None)?;
        let splits = dataset.items.iter().map(|item| probe_split(item.split)).collect();
        let groups = groups(dataset.items.iter().map(|item| item.group.as_deref()));
        Ok(Self { dataset, z, splits, groups })
    }

    /// The coordinates of some rows, in their order.
    pub fn select(&self, rows: &[usize]) -> Array2<f32> {
        self.z.select(Axis(0), rows)
    }
}

/// Numbers groups in the order in which they first occur.
fn groups<'a>(names: impl Iterator<Item = Option<&'a str>>) -> Vec<usize> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = 0;
    let mut number = |name: Option<&'a str>| {
        let group = name.and_then(|name| known.get(name).copied()).unwrap_or(count);
        if group == count {
            known.extend(name.map(|name| (name, group)));
            count += 1;
        }
        group
    };
    names.map(&mut number).collect()
}

/// A split as probes call it.
pub fn probe_split(split: Split) -> latentwalk_probe::Split {
    match split {
        Split::Train => latentwalk_probe::Split::Train,
        Split::Validation => latentwalk_probe::Split::Validation,
        Split::Test => latentwalk_probe::Split::Test,
    }
}

#[cfg(test)]
mod tests {
    use super::groups;

    #[test]
    fn rows_without_a_group_are_groups_of_their_own() {
        assert_eq!(groups([Some("a"), None, Some("b"), Some("a"), None].into_iter()), [0, 1, 2, 0, 3]);
    }
}
