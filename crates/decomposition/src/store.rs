//! A decomposition in two files.

use std::path::Path;

use faer::Mat;
use ndarray::Array2;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};

use crate::certificates::{Certificates, TOLERANCE, orthonormality};
use crate::error::content;
use crate::fit::no_variance_to_whiten;
use crate::moments::Kernel;
use crate::options::PcaOptions;
use crate::{Error, Pca, Result};

/// The file of numbers: `mean` (`d`), `axes` (`k x d`) and `variances` (`d`), as `f64`.
pub const TENSORS_FILE: &str = "pca.safetensors";
/// The file of facts: options, sizes, certificates.
pub const SUMMARY_FILE: &str = "pca.json";
/// The version of both files' layout that this crate writes. It reads version 1 too, of rows multiplied in `f64` throughout.
pub const SCHEMA_VERSION: u64 = 2;

const MEAN: &str = "mean";
const AXES: &str = "axes";
const VARIANCES: &str = "variances";

/// What [`SUMMARY_FILE`] holds.
#[derive(Serialize, Deserialize)]
struct Summary {
    schema_version: u64,
    n: usize,
    d: usize,
    k: usize,
    options: PcaOptions,
    #[serde(default)]
    kernel: Kernel,
    /// Share of the variance along the kept axes.
    kept: f64,
    axes_for_98: usize,
    rank: usize,
    certificates: Certificates,
}

/// Read before the rest, so that a later version is named and not called unreadable.
#[derive(Deserialize)]
struct Version {
    schema_version: u64,
}

impl Pca {
    /// Writes [`TENSORS_FILE`] and [`SUMMARY_FILE`] into a folder, which is made where it is missing.
    ///
    /// **Units and conventions.** The same decomposition gives the same bytes.
    ///
    /// **Errors.** A folder that cannot be written, a full disk.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_owned(), source })?;
        write(&folder.join(TENSORS_FILE), &self.tensors(folder)?)?;
        let summary = Summary {
            schema_version: SCHEMA_VERSION,
            n: self.n,
            d: self.d(),
            k: self.k(),
            options: self.options,
            kernel: self.kernel,
            kept: self.kept(),
            axes_for_98: self.axes_for(0.98),
            rank: self.embedding_rank(),
            certificates: self.certificates,
        };
        let path = folder.join(SUMMARY_FILE);
        let mut text = serde_json::to_vec_pretty(&summary).map_err(|error| content(&path, error))?;
        text.push(b'\n');
        write(&path, &text)
    }

    /// Reads what [`Pca::save`] wrote.
    ///
    /// **Errors.** Files that are missing, damaged, of a later version, or that do not fit each other.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self> {
        let summary = Summary::read(&folder.as_ref().join(SUMMARY_FILE))?;
        let path = folder.as_ref().join(TENSORS_FILE);
        let bytes = read(&path)?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| content(&path, error))?;
        let tensors = Tensors { path: &path, file };
        let (k, d) = (summary.k, summary.d);
        let mean = tensors.read(MEAN, &[d])?;
        let axes = tensors.read(AXES, &[k, d])?;
        let variances = tensors.read(VARIANCES, &[d])?;
        tensors.check_variances(&variances)?;
        tensors.check_sizes(&summary)?;
        check_axes(&axes, k, d)?;
        let axes = Array2::from_shape_fn((k, d), |(i, j)| axes[i * d + j]);
        let Summary { n, options, kernel, certificates, .. } = summary;
        let pca = Self { mean, axes, variances, n, options, kernel, certificates };
        let rank = pca.embedding_rank();
        if options.whiten && k > rank {
            return Err(no_variance_to_whiten(k, rank));
        }
        Ok(pca)
    }

    fn tensors(&self, folder: &Path) -> Result<Vec<u8>> {
        let wrap = |error| content(&folder.join(TENSORS_FILE), error);
        let (k, d) = (self.k(), self.d());
        let mean = bytes(self.mean.iter());
        let axes = bytes(self.axes.iter());
        let variances = bytes(self.variances.iter());
        let views = [(MEAN, vec![d], &mean), (AXES, vec![k, d], &axes), (VARIANCES, vec![d], &variances)]
            .into_iter()
            .map(|(name, shape, data)| Ok((name, TensorView::new(Dtype::F64, shape, data)?)))
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(wrap)?;
        serialize(views, None).map_err(wrap)
    }
}

impl Summary {
    fn read(path: &Path) -> Result<Self> {
        let text = read(path)?;
        let wrap = |error| content(path, error);
        let Version { schema_version: got } = serde_json::from_slice(&text).map_err(wrap)?;
        if !(1..=SCHEMA_VERSION).contains(&got) {
            return Err(Error::Version { path: path.to_owned(), got, known: SCHEMA_VERSION });
        }
        serde_json::from_slice(&text).map_err(wrap)
    }
}

/// The tensors of one file, which errors name.
struct Tensors<'a> {
    path: &'a Path,
    file: SafeTensors<'a>,
}

impl Tensors<'_> {
    /// Reads a tensor of the given shape whose values are all finite.
    fn read(&self, tensor: &str, expected: &[usize]) -> Result<Vec<f64>> {
        let view = self.file.tensor(tensor).map_err(|error| content(self.path, error))?;
        if view.dtype() != Dtype::F64 {
            return Err(content(self.path, format!("tensor `{tensor}` holds {:?}, expected F64", view.dtype())));
        }
        if view.shape() != expected {
            return Err(self.shape(tensor, expected, view.shape()));
        }
        let (words, _) = view.data().as_chunks::<8>();
        let values: Vec<f64> = words.iter().map(|word| f64::from_le_bytes(*word)).collect();
        match values.iter().position(|value| !value.is_finite()) {
            Some(place) => Err(self.value(tensor, place, values[place])),
            None => Ok(values),
        }
    }

    /// Variances are not negative and never rise, and the first is above zero.
    fn check_variances(&self, variances: &[f64]) -> Result<()> {
        let mut before = f64::INFINITY;
        for (place, &variance) in variances.iter().enumerate() {
            if variance < 0.0 || variance > before || (place == 0 && variance == 0.0) {
                return Err(self.value(VARIANCES, place, variance));
            }
            before = variance;
        }
        Ok(())
    }

    fn check_sizes(&self, summary: &Summary) -> Result<()> {
        let Summary { n, d, k, .. } = *summary;
        if n < 2 {
            return Err(Error::TooFewRows { got: n });
        }
        if k == 0 || k > d { Err(self.shape(AXES, &[k.clamp(1, d.max(1)), d], &[k, d])) } else { Ok(()) }
    }

    fn shape(&self, tensor: &str, expected: &[usize], got: &[usize]) -> Error {
        content(self.path, format!("tensor `{tensor}` has shape {got:?}, expected {expected:?}"))
    }

    /// A value that no fit gives: not finite, or a variance that is negative or larger than the one before.
    fn value(&self, tensor: &str, place: usize, value: f64) -> Error {
        content(self.path, format!("tensor `{tensor}` holds {value} at place {place}, which no fit gives"))
    }
}

fn check_axes(axes: &[f64], k: usize, d: usize) -> Result<()> {
    let value = orthonormality(Mat::from_fn(k, d, |i, j| axes[i * d + j]).as_ref());
    if value <= TOLERANCE {
        Ok(())
    } else {
        Err(Error::Certificate { name: "orthonormal", value, tolerance: TOLERANCE })
    }
}

fn bytes<'a>(values: impl Iterator<Item = &'a f64>) -> Vec<u8> {
    values.flat_map(|value| value.to_le_bytes()).collect()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|source| Error::Io { path: path.to_owned(), source })
}
