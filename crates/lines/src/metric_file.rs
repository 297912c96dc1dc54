//! A metric as JSON.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Result, content, io};
use crate::linalg;
use crate::metric::{Factor, Metric, MetricKind};

/// What a file of a metric holds.
///
/// Numbers are written as decimal strings: `serde_json` reads bare numbers to within one unit in the last place only,
/// and a metric read back must map every point to the same bytes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricFile {
    version: u32,
    kind: MetricKind,
    k: usize,
    /// Nothing, the k standard deviations, or the rows of the lower triangle.
    factor: Vec<String>,
}

const VERSION: u32 = 1;

impl From<Metric> for MetricFile {
    fn from(metric: Metric) -> Self {
        let k = metric.k;
        let factor = match &metric.factor {
            Factor::Identity => Vec::new(),
            Factor::Diagonal(deviations) => deviations.iter().map(f64::to_string).collect(),
            Factor::Lower { factor, .. } => linalg::packed(factor, k).iter().map(f64::to_string).collect(),
        };
        Self { version: VERSION, kind: metric.kind, k, factor }
    }
}

impl TryFrom<MetricFile> for Metric {
    type Error = String;

    fn try_from(file: MetricFile) -> std::result::Result<Self, String> {
        let k = file.k;
        if file.version != VERSION {
            return Err(format!("metric of version {}, this program reads {VERSION}", file.version));
        }
        let numbers: Vec<f64> = file.factor.iter().map(|text| number(text)).collect::<std::result::Result<_, _>>()?;
        let expected = match file.kind {
            MetricKind::Euclidean => 0,
            MetricKind::Whitened => k,
            // Checked, since k comes from a file.
            MetricKind::WithinClass | MetricKind::Residual | MetricKind::ResidualOthers => {
                k.checked_add(1).and_then(|k1| k1.checked_mul(k)).map_or(usize::MAX, |twice| twice / 2)
            }
        };
        if k == 0 || numbers.len() != expected {
            return Err(format!("{} numbers for a {} metric of {k} axes", numbers.len(), file.kind));
        }
        let factor = match file.kind {
            MetricKind::Euclidean => Factor::Identity,
            MetricKind::Whitened => Factor::Diagonal(numbers),
            MetricKind::WithinClass | MetricKind::Residual | MetricKind::ResidualOthers => lower(&numbers, k),
        };
        let positive = match &factor {
            Factor::Identity => true,
            Factor::Diagonal(deviations) => deviations.iter().all(|&d| d > 0.0),
            Factor::Lower { factor, .. } => (0..k).all(|j| factor[j * k + j] > 0.0),
        };
        if positive {
            Ok(Self { kind: file.kind, k, factor })
        } else {
            Err("a standard deviation that is not positive".into())
        }
    }
}

fn number(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(format!("`{text}` is not a finite number")),
    }
}

fn lower(triangle: &[f64], k: usize) -> Factor {
    let factor = linalg::square(triangle, k);
    let inverse = linalg::lower_inverse(&factor, k);
    Factor::Lower { factor, inverse }
}

impl Metric {
    /// Writes the metric as JSON; the same metric gives the same bytes.
    ///
    /// **Errors.** The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(|error| content(path, error))?;
        fs::write(path, json).map_err(|source| io(path, source))
    }

    /// Reads what [`Metric::save`] wrote; the metric is the same to the last bit.
    ///
    /// **Errors.** A missing file, another kind of file, another version, sizes or numbers that do not fit.
    pub fn load(path: &Path) -> Result<Self> {
        let json = fs::read(path).map_err(|source| io(path, source))?;
        serde_json::from_slice(&json).map_err(|error| content(path, error))
    }
}
