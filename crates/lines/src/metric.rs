//! Metrics: a linear map followed by plain distance.

use std::fmt;

use ndarray::{Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checks;
use crate::error::{Error, Result};
use crate::linalg;
use crate::line::Line;
use crate::metric_file::MetricFile;

/// Share of the mean variance that is added to the diagonal of the within-class or the residual covariance.
pub const DEFAULT_SHRINKAGE: f64 = 1e-4;

/// The metrics that are compared unless others are named, in order: those that need the labels of one attribute alone.
pub const DEFAULT_METRICS: [MetricKind; 3] = [MetricKind::Euclidean, MetricKind::Whitened, MetricKind::WithinClass];

/// Rows mapped by one task.
const ROWS_PER_TASK: usize = 512;
/// A standard deviation this small, beside the largest one, is rounding of 32-bit vectors and no variance.
pub const SMALLEST_DEVIATION: f64 = 3e-6;

/// Which distance is meant, from the simplest to the most elaborate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricKind {
    /// Plain distance between raw PCA coordinates.
    Euclidean,
    /// Every coordinate divided by its standard deviation.
    Whitened,
    /// Mahalanobis distance with the pooled within-class covariance of an attribute.
    WithinClass,
    /// Mahalanobis distance with the covariance of what all attributes together leave unexplained.
    Residual,
    /// The same, in which the directions of the other attributes' values count more.
    ResidualOthers,
}

impl MetricKind {
    /// The name used in descriptions and tables: `euclidean`, `whitened`, `within-class`, `residual`, `residual-others`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Euclidean => "euclidean",
            Self::Whitened => "whitened",
            Self::WithinClass => "within-class",
            Self::Residual => "residual",
            Self::ResidualOthers => "residual-others",
        }
    }
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A linear map `z' = Lᵀz` of raw PCA space after which plain distance is the distance that is meant.
///
/// **Units and conventions.** The map is held as the lower triangular `C = L⁻ᵀ`, for which `M⁻¹ = C Cᵀ`: the identity,
/// the standard deviations, or the Cholesky factor of the shrunk covariance (within classes, or of the residuals). So
/// `z' = C⁻¹z`, weights become `L⁻¹w = Cᵀw`, and the walk's displacement in raw space is `C Cᵀ w`. Everything is f64; mapped points are f32.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "MetricFile", into = "MetricFile")]
pub struct Metric {
    pub(crate) kind: MetricKind,
    pub(crate) k: usize,
    pub(crate) factor: Factor,
}

/// The triangular `C`, as sparse as the metric allows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Factor {
    Identity,
    Diagonal(Vec<f64>),
    Lower { factor: Vec<f64>, inverse: Vec<f64> },
}

impl Metric {
    /// Plain distance in raw PCA space of `k` axes.
    ///
    /// **Errors.** `k` of zero.
    pub fn euclidean(k: usize) -> Result<Self> {
        checks::some("the list of axes", k)?;
        Ok(Self { kind: MetricKind::Euclidean, k, factor: Factor::Identity })
    }

    /// Every coordinate divided by its standard deviation over the training rows, or by [`SMALLEST_DEVIATION`] times the largest one
    /// where its own is smaller: axes beyond the rank of the vectors hold rounding, which would count as much as any other axis.
    ///
    /// **Shapes.** `z_train` is n × k, n at least 2. **Units and conventions.** Variances divide by n − 1; coordinates are
    /// not centred (distances do not see it). **Errors.** Too few rows, values that are not usable, rows that are all the same.
    pub fn whitened(z_train: ArrayView2<'_, f32>) -> Result<Self> {
        let k = z_train.ncols();
        checks::some("the list of axes", k)?;
        checks::rows("training points", k, z_train)?;
        checks::option("rows to whiten by", z_train.nrows() as f64, 2.0, f64::INFINITY)?;
        let mut deviations = Vec::with_capacity(k);
        for column in z_train.columns() {
            deviations.push(variance(column).sqrt());
        }
        let largest = deviations.iter().copied().fold(0.0, f64::max);
        if largest == 0.0 {
            return Err(Error::Singular { metric: MetricKind::Whitened, axis: 0, shrinkage: 0.0 });
        }
        deviations.iter_mut().for_each(|d| *d = d.max(SMALLEST_DEVIATION * largest));
        Ok(Self { kind: MetricKind::Whitened, k, factor: Factor::Diagonal(deviations) })
    }

    /// Mahalanobis distance with the pooled within-class covariance of the labelled rows among `train_rows`.
    ///
    /// **Shapes.** `z` is n × k, `labels` n long (`None`: unlabelled, left out), `train_rows` rows of `z`.
    /// **Units and conventions.** Scatter about the class means divided by rows − classes; `shrinkage` times its mean
    /// diagonal is added to the diagonal ([`DEFAULT_SHRINKAGE`]). Every class of `0..classes` takes part.
    /// **Errors.** Values that are not usable, labels of another length or outside the classes, a class with fewer
    /// than 2 rows, a covariance that stays singular. **Source.** Pooled `S_W` as in Fisher's discriminant analysis.
    pub fn within_class(
        z: ArrayView2<'_, f32>,
        labels: &[Option<u32>],
        train_rows: &[usize],
        classes: usize,
        shrinkage: f64,
    ) -> Result<Self> {
        let k = z.ncols();
        checks::some("the list of axes", k)?;
        checks::some("the list of classes", classes)?;
        checks::length("labels", z.nrows(), labels.len())?;
        checks::option("shrinkage", shrinkage, 0.0, 1e6)?;
        let members = members(z, labels, train_rows, classes)?;
        Self::mahalanobis(MetricKind::WithinClass, pooled_covariance(z, &members), k, shrinkage)
    }

    /// From a k × k covariance, to whose diagonal `shrinkage` times its mean is added.
    pub(crate) fn mahalanobis(kind: MetricKind, mut covariance: Vec<f64>, k: usize, shrinkage: f64) -> Result<Self> {
        let mean = (0..k).map(|j| covariance[j * k + j]).sum::<f64>() / k as f64;
        for j in 0..k {
            covariance[j * k + j] += shrinkage * mean;
        }
        let singular = |axis| Error::Singular { metric: kind, axis, shrinkage };
        let factor = linalg::cholesky(&covariance, k).map_err(singular)?;
        let inverse = linalg::lower_inverse(&factor, k);
        Ok(Self { kind, k, factor: Factor::Lower { factor, inverse } })
    }

    /// Which metric this is.
    pub fn kind(&self) -> MetricKind {
        self.kind
    }

    /// Number of axes.
    pub fn width(&self) -> usize {
        self.k
    }

    /// Points mapped into the space where plain distance is this metric's distance.
    ///
    /// **Shapes.** n × k to n × k. **Errors.** Another width, values that are not usable.
    pub fn map(&self, points: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        checks::rows("points", self.k, points)?;
        let mut mapped = Array2::<f32>::zeros(points.dim());
        let k = self.k;
        if let Some(flat) = mapped.as_slice_mut() {
            flat.par_chunks_mut(k * ROWS_PER_TASK).enumerate().for_each(|(task, chunk)| {
                for (i, out) in chunk.chunks_exact_mut(k).enumerate() {
                    let z: Vec<f64> = points.row(task * ROWS_PER_TASK + i).iter().map(|&v| f64::from(v)).collect();
                    for (slot, value) in out.iter_mut().zip(self.map_point(&z)) {
                        *slot = value as f32;
                    }
                }
            });
        }
        checks::rows("mapped points", k, mapped.view())?;
        Ok(mapped)
    }

    /// The line from `start` along which `wᵀz` grows.
    ///
    /// **Shapes.** `w` and `start` are k long. **Units and conventions.** `w` is a weight vector (a score) in raw PCA space,
    /// by convention of unit length; it is mapped by the inverse transpose. A direction that is a displacement `d` is
    /// the caller's business: its weights in this metric are `M d`. **Errors.** Another width, values that are not
    /// usable, a direction of length zero.
    pub fn line(&self, w: &[f64], start: ArrayView1<'_, f32>) -> Result<Line> {
        checks::width("the direction", self.k, w.len())?;
        checks::usable("the direction", 0, w.iter().copied())?;
        checks::width("the start", self.k, start.len())?;
        checks::usable("the start", 0, start.iter().map(|&v| f64::from(v)))?;
        let start: Vec<f64> = start.iter().map(|&v| f64::from(v)).collect();
        Line::new(self, w, start)
    }

    /// The weights whose line moves along a displacement `d` of raw space: `M d`.
    ///
    /// **Shapes.** k to k. **Errors.** Another width, values that are not usable.
    ///
    /// **Example**
    ///
    /// ```
    /// use latentwalk_lines::Metric;
    /// use ndarray::array;
    ///
    /// # fn main() -> Result<(), latentwalk_lines::Error> {
    /// let metric = Metric::whitened(array![[0.0_f32, 1.0], [4.0, 0.0], [2.0, 5.0]].view())?;
    /// let line = metric.line(&metric.weights_along(&[3.0, -1.0])?, array![0.0_f32, 0.0].view())?;
    /// let along = line.displacement();
    /// assert!((along[0] / along[1] - -3.0).abs() < 1e-12);
    /// # Ok(())
    /// # }
    /// ```
    pub fn weights_along(&self, displacement: &[f64]) -> Result<Vec<f64>> {
        checks::width("the displacement", self.k, displacement.len())?;
        checks::usable("the displacement", 0, displacement.iter().copied())?;
        Ok(self.unmap_weights(&self.map_point(displacement)))
    }

    /// `z' = C⁻¹z`.
    pub(crate) fn map_point(&self, z: &[f64]) -> Vec<f64> {
        match &self.factor {
            Factor::Identity => z.to_vec(),
            Factor::Diagonal(deviations) => z.iter().zip(deviations).map(|(v, d)| v / d).collect(),
            Factor::Lower { inverse, .. } => linalg::lower_times(inverse, z),
        }
    }

    /// `Cᵀw`: weights of the same score over mapped points.
    pub(crate) fn map_weights(&self, w: &[f64]) -> Vec<f64> {
        match &self.factor {
            Factor::Identity => w.to_vec(),
            Factor::Diagonal(deviations) => w.iter().zip(deviations).map(|(v, d)| v * d).collect(),
            Factor::Lower { factor, .. } => linalg::lower_transposed_times(factor, w),
        }
    }

    /// `C⁻ᵀw'`: weights over raw points of a score over mapped points.
    pub(crate) fn unmap_weights(&self, w: &[f64]) -> Vec<f64> {
        match &self.factor {
            Factor::Identity => w.to_vec(),
            Factor::Diagonal(deviations) => w.iter().zip(deviations).map(|(v, d)| v / d).collect(),
            Factor::Lower { inverse, .. } => linalg::lower_transposed_times(inverse, w),
        }
    }

    /// `C d'`: a mapped displacement back in raw space.
    pub(crate) fn unmap_displacement(&self, d: &[f64]) -> Vec<f64> {
        match &self.factor {
            Factor::Identity => d.to_vec(),
            Factor::Diagonal(deviations) => d.iter().zip(deviations).map(|(v, s)| v * s).collect(),
            Factor::Lower { factor, .. } => linalg::lower_times(factor, d),
        }
    }
}

fn variance(column: ArrayView1<'_, f32>) -> f64 {
    let n = column.len() as f64;
    let mean = column.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    column.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / (n - 1.0)
}

/// Labelled training rows of every class.
fn members(
    z: ArrayView2<'_, f32>,
    labels: &[Option<u32>],
    train_rows: &[usize],
    classes: usize,
) -> Result<Vec<Vec<usize>>> {
    let mut members = vec![Vec::new(); classes];
    for &row in train_rows {
        checks::inside("training rows", labels.len(), row)?;
        let Some(label) = labels[row] else { continue };
        checks::usable("labelled training points", row, z.row(row).iter().map(|&v| f64::from(v)))?;
        checks::label(row, classes, label)?;
        members[label as usize].push(row);
    }
    match members.iter().position(|rows| rows.len() < 2) {
        Some(class) => Err(Error::TooFewRows {
            what: format!("labelled training rows of class {class} for the within-class metric"),
            rows: members[class].len(),
            needed: 2,
        }),
        None => Ok(members),
    }
}

/// Pooled within-class covariance, k × k row-major, summed in the order of the rows.
fn pooled_covariance(z: ArrayView2<'_, f32>, members: &[Vec<usize>]) -> Vec<f64> {
    let k = z.ncols();
    let mut scatter = vec![0.0; k * k];
    let mut centred = vec![0.0; k];
    for rows in members {
        let mut mean = vec![0.0; k];
        for &row in rows {
            mean.iter_mut().zip(z.row(row)).for_each(|(m, &v)| *m += f64::from(v));
        }
        mean.iter_mut().for_each(|m| *m /= rows.len() as f64);
        for &row in rows {
            for ((c, &v), m) in centred.iter_mut().zip(z.row(row)).zip(&mean) {
                *c = f64::from(v) - m;
            }
            add_outer(&mut scatter, &centred);
        }
    }
    let freedom = (members.iter().map(Vec::len).sum::<usize>() - members.len()) as f64;
    scatter.iter_mut().for_each(|v| *v /= freedom);
    scatter
}

/// Both triangles are filled, so that the result is a plain symmetric matrix.
pub(crate) fn add_outer(scatter: &mut [f64], x: &[f64]) {
    for (row, &a) in scatter.chunks_exact_mut(x.len()).zip(x) {
        row.iter_mut().zip(x).for_each(|(s, &b)| *s += a * b);
    }
}
