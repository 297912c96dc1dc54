//! What may be said of each attribute, and the coordinates that the network is compared with.

use std::path::Path;

use latentwalk_embeddings::Reader;
use latentwalk_probe::verdict::{Baseline, Card};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::read_json;

/// The file of the verdicts stage.
pub const VERDICTS_FILE: &str = "verdicts.json";
/// The file of the baselines stage that says which images its vectors belong to.
pub const BASELINES_FILE: &str = "baselines.json";

/// Name of the coordinates that are made from pixels.
pub const PIXELS: &str = "raw pixels";
/// Name of the coordinates that a network with random weights gives.
pub const UNTRAINED: &str = "vectors of an untrained network";

/// What `baselines.json` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselinesRecord {
    /// Dataset rows that the vectors belong to, ascending.
    pub rows: Vec<usize>,
    /// Name and Parquet file of each set of vectors.
    pub sets: Vec<(String, String)>,
}

/// PCA coordinates of images that owe nothing to the network's training.
#[derive(Debug, Clone)]
pub struct Baselines {
    rows: Vec<usize>,
    sets: Vec<(String, Array2<f32>)>,
}

impl Baselines {
    /// Reads them from the folder of a stage `baselines`.
    ///
    /// # Errors
    /// A file that cannot be read, or that has another number of vectors than rows are named.
    pub fn read(folder: &Path) -> Result<Self> {
        let BaselinesRecord { rows, sets } = read_json(&folder.join(BASELINES_FILE))?;
        let read = |(name, file): (String, String)| {
            let path = folder.join(file);
            let z = Reader::open(&path)?.vectors(None)?;
            match z.nrows() == rows.len() {
                true => Ok((name, z)),
                false => Err(Error::Rows { path, rows: z.nrows(), images: rows.len() }),
            }
        };
        let sets = sets.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(Self { rows, sets })
    }

    /// The sets, as verdicts take them.
    pub fn sets(&self) -> Vec<Baseline<'_>> {
        self.sets.iter().map(|(name, z)| Baseline { name, rows: &self.rows, z: z.view() }).collect()
    }
}

/// The verdicts on every attribute, from the folder of a stage `verdicts`.
///
/// # Errors
/// A file that cannot be read, or that is none of ours.
pub fn read_verdicts(folder: &Path) -> Result<Vec<Card>> {
    read_json(&folder.join(VERDICTS_FILE))
}
