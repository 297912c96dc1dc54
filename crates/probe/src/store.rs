//! Directions on disk: `directions.safetensors`, `directions.json`, and two `.npy` files per attribute.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::error::{check_shape, content};
use crate::{BottleneckModel, Direction, Error, Evidence, Method, Model, Orientation, RestartReport, Result, Verdict};

/// Version of the files' layout.
pub const FORMAT_VERSION: u32 = 1;
/// File with the vectors and the models' tensors, all F64.
pub const TENSORS_FILE: &str = "directions.safetensors";
/// File with everything else.
pub const DESCRIPTION_FILE: &str = "directions.json";

/// Directions read back by [`load`].
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// The directions, in the order in which they were saved.
    pub directions: Vec<Direction>,
    /// The equivalent of each in embedding space.
    pub embedding_weights: Vec<Vec<f64>>,
}

#[derive(Serialize, Deserialize)]
struct Description {
    version: u32,
    directions: Vec<Record>,
}

/// A direction without its numbers, which stand in the tensors.
#[derive(Serialize, Deserialize)]
struct Record {
    attribute: String,
    /// Prefix of the tensors' names and stem of the `.npy` files.
    file: String,
    classes: Vec<String>,
    order: Vec<u32>,
    method: Method,
    axes: usize,
    embedding_width: usize,
    model: Kind,
    orientation: Orientation,
    found_order: Vec<u32>,
    verdict: Verdict,
    restarts: Vec<RestartReport>,
    evidence: Evidence,
}

/// Which tensors a model has, and their sizes.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Kind {
    Bottleneck { hidden: usize },
    Logistic,
    Gaussian,
}

/// A named array of numbers.
struct Tensor {
    name: String,
    shape: Vec<usize>,
    values: Vec<f64>,
}

/// An attribute's name as a file name: letters, digits and `_ = + -` stay, every other byte becomes `%XX`, so that distinct names give
/// distinct files.
pub fn file_name(attribute: &str) -> String {
    let mut name = String::new();
    for byte in attribute.bytes() {
        if byte.is_ascii_alphanumeric() || b"_=+-".contains(&byte) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    name
}

/// Writes directions and their equivalents in embedding space into a folder, which is made if it is missing.
///
/// **Shapes**: one embedding vector per direction.
///
/// **Units and conventions**: tensors `ATTR.weights` (k), `ATTR.embedding` (d) and the model's, F64; `ATTR.npy` (k) and
/// `ATTR.embedding.npy` (d), f32 little-endian, with `ATTR` as [`file_name`] gives it.
///
/// # Errors
/// [`Error::Shape`] if the numbers of directions and vectors differ, [`Error::Name`] for an empty or repeated name, [`Error::Io`].
pub fn save(dir: &Path, directions: &[Direction], embedding_weights: &[Vec<f64>]) -> Result<()> {
    check_shape("all", "embedding vectors", directions.len(), embedding_weights.len())?;
    let mut names = BTreeSet::new();
    if let Some(bad) = directions.iter().find(|d| d.attribute.is_empty() || !names.insert(&d.attribute)) {
        return Err(Error::Name { name: bad.attribute.clone() });
    }
    std::fs::create_dir_all(dir).map_err(|source| Error::Io { path: dir.to_owned(), source })?;
    let mut tensors = Vec::new();
    let mut records = Vec::new();
    for (direction, embedding) in directions.iter().zip(embedding_weights) {
        let file = file_name(&direction.attribute);
        write(&dir.join(format!("{file}.npy")), &npy(&direction.weights))?;
        write(&dir.join(format!("{file}.embedding.npy")), &npy(embedding))?;
        tensors.extend(direction_tensors(&file, direction, embedding));
        records.push(Record::new(file, direction, embedding.len()));
    }
    let path = dir.join(TENSORS_FILE);
    write(&path, &to_safetensors(&path, &tensors)?)?;
    let path = dir.join(DESCRIPTION_FILE);
    let description = Description { version: FORMAT_VERSION, directions: records };
    let mut text = serde_json::to_vec_pretty(&description).map_err(|error| content(&path, error))?;
    text.push(b'\n');
    write(&path, &text)
}

/// Reads what [`save`] wrote.
///
/// # Errors
/// [`Error::Io`] and [`Error::Content`] for files that are missing or not whole, [`Error::Newer`] for those of a newer version.
pub fn load(dir: &Path) -> Result<Saved> {
    let path = dir.join(DESCRIPTION_FILE);
    let text = read(&path)?;
    check_version(&path, &text)?;
    let description: Description = serde_json::from_slice(&text).map_err(|error| content(&path, error))?;
    let path = dir.join(TENSORS_FILE);
    let bytes = read(&path)?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| content(&path, error))?;
    let source = Source { path, tensors };
    let mut saved = Saved { directions: Vec::new(), embedding_weights: Vec::new() };
    for record in description.directions {
        saved.embedding_weights.push(source.take(&record.file, "embedding", record.embedding_width)?);
        saved.directions.push(record.direction(&source)?);
    }
    Ok(saved)
}

fn check_version(path: &Path, text: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let Version { version } = serde_json::from_slice(text).map_err(|error| content(path, error))?;
    if version > FORMAT_VERSION {
        return Err(Error::Newer { path: path.to_owned(), found: version, supported: FORMAT_VERSION });
    }
    Ok(())
}

impl Record {
    fn new(file: String, d: &Direction, embedding_width: usize) -> Self {
        let model = match &d.model {
            Model::Bottleneck(network) => Kind::Bottleneck { hidden: network.b1.len() },
            Model::Logistic { .. } => Kind::Logistic,
            Model::Gaussian { .. } => Kind::Gaussian,
        };
        Self {
            attribute: d.attribute.clone(),
            file,
            classes: d.classes.clone(),
            order: d.order.clone(),
            method: d.method,
            axes: d.weights.len(),
            embedding_width,
            model,
            orientation: d.orientation,
            found_order: d.found_order.clone(),
            verdict: d.verdict,
            restarts: d.restarts.clone(),
            evidence: d.evidence.clone(),
        }
    }

    fn direction(self, source: &Source<'_>) -> Result<Direction> {
        Ok(Direction {
            weights: source.take(&self.file, "weights", self.axes)?,
            model: source.model(&self)?,
            attribute: self.attribute,
            classes: self.classes,
            order: self.order,
            method: self.method,
            orientation: self.orientation,
            found_order: self.found_order,
            verdict: self.verdict,
            restarts: self.restarts,
            evidence: self.evidence,
        })
    }
}

fn direction_tensors(file: &str, direction: &Direction, embedding: &[f64]) -> Vec<Tensor> {
    let tensor = |name: &str, shape: &[usize], values: &[f64]| Tensor {
        name: format!("{file}.{name}"),
        shape: shape.to_vec(),
        values: values.to_vec(),
    };
    let line = |name: &str, values: &[f64]| tensor(name, &[values.len()], values);
    let mut tensors = vec![line("weights", &direction.weights), line("embedding", embedding)];
    tensors.extend(match &direction.model {
        Model::Bottleneck(n) => {
            let (h, c) = (n.b1.len(), n.b3.len());
            vec![
                line("unit", &[n.scale, n.offset]),
                tensor("hidden1.weight", &[h, 1], &n.w1),
                line("hidden1.bias", &n.b1),
                tensor("hidden2.weight", &[h, h], &n.w2),
                line("hidden2.bias", &n.b2),
                tensor("output.weight", &[c, h], &n.w3),
                line("output.bias", &n.b3),
            ]
        }
        Model::Logistic { slope, intercept } => vec![line("logistic", &[*slope, *intercept])],
        Model::Gaussian { means, variance, log_priors } => vec![
            line("gaussian.means", means),
            line("gaussian.variance", &[*variance]),
            line("gaussian.log_priors", log_priors),
        ],
    });
    tensors
}

fn to_safetensors(path: &Path, tensors: &[Tensor]) -> Result<Vec<u8>> {
    let fault = |error| content(path, error);
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|tensor| tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let mut views = Vec::new();
    for (tensor, bytes) in tensors.iter().zip(&bytes) {
        let view = TensorView::new(Dtype::F64, tensor.shape.clone(), bytes).map_err(fault)?;
        views.push((tensor.name.as_str(), view));
    }
    safetensors::serialize(views, None).map_err(fault)
}

/// An open tensor file.
struct Source<'a> {
    path: PathBuf,
    tensors: SafeTensors<'a>,
}

impl Source<'_> {
    fn take(&self, file: &str, name: &str, expected: usize) -> Result<Vec<f64>> {
        let name = format!("{file}.{name}");
        let view = self.tensors.tensor(&name).map_err(|error| content(&self.path, error))?;
        let whole = view.dtype() == Dtype::F64 && view.data().len() == 8 * expected;
        if !whole {
            return Err(content(&self.path, format!("tensor `{name}` is not {expected} numbers of type F64")));
        }
        let (numbers, _) = view.data().as_chunks::<8>();
        Ok(numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
    }

    fn model(&self, record: &Record) -> Result<Model> {
        let c = record.classes.len();
        let take = |name: &str, expected: usize| self.take(&record.file, name, expected);
        Ok(match record.model {
            Kind::Bottleneck { hidden: h } => {
                let unit = take("unit", 2)?;
                Model::Bottleneck(BottleneckModel {
                    scale: unit[0],
                    offset: unit[1],
                    w1: take("hidden1.weight", h)?,
                    b1: take("hidden1.bias", h)?,
                    w2: take("hidden2.weight", h * h)?,
                    b2: take("hidden2.bias", h)?,
                    w3: take("output.weight", c * h)?,
                    b3: take("output.bias", c)?,
                })
            }
            Kind::Logistic => {
                let values = take("logistic", 2)?;
                Model::Logistic { slope: values[0], intercept: values[1] }
            }
            Kind::Gaussian => Model::Gaussian {
                means: take("gaussian.means", c)?,
                variance: take("gaussian.variance", 1)?[0],
                log_priors: take("gaussian.log_priors", c)?,
            },
        })
    }
}

/// A one-dimensional f32 array in NumPy's format 1.0.
fn npy(values: &[f64]) -> Vec<u8> {
    const PREFIX: usize = 10;
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", values.len());
    // Header and prefix together fill a multiple of 64 bytes and end in a line feed.
    let padded = (PREFIX + header.len() + 1).next_multiple_of(64) - PREFIX;
    header.extend(std::iter::repeat_n(' ', padded - 1 - header.len()));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((padded as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|&value| (value as f32).to_le_bytes()));
    bytes
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|source| Error::Io { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe_and_distinct() {
        assert_eq!(file_name("sleeve=long"), "sleeve=long");
        assert_eq!(file_name("../a b.c"), "%2E%2E%2Fa%20b%2Ec");
        assert_ne!(file_name("a/b"), file_name("a_b"));
        assert_ne!(file_name("a%2Fb"), file_name("a/b"));
    }
}
