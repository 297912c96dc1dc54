//! A fitted direction: what every method returns.

use std::fmt;

use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::error::check_shape;
use crate::{Evidence, Model, RestartReport, Result};

/// The method that made a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The article's network.
    Bottleneck,
    /// Logistic regression.
    Logistic,
    /// Difference of class means.
    MeanDifference,
    /// Linear discriminant of the outer classes.
    Lda,
    /// Haufe's pattern of another direction.
    Pattern,
    /// Proportional odds.
    ProportionalOdds,
    /// Ridge regression on ranks.
    RidgeOnRanks,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bottleneck => "bottleneck",
            Self::Logistic => "logistic",
            Self::MeanDifference => "mean_difference",
            Self::Lda => "lda",
            Self::Pattern => "pattern",
            Self::ProportionalOdds => "proportional_odds",
            Self::RidgeOnRanks => "ridge_on_ranks",
        })
    }
}

/// What fixed the sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// The last class of the declared order has the greater training median than the first.
    Declared,
    /// No order declared: the last class of the list has the greater training mean than the first.
    ClassMeans,
}

/// Whether the declared order was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Class medians rise along the declared order in every split that has rows of all its classes.
    InOrder,
    /// They do not: the axis separates classes but not along the order. Never a success.
    Folded,
    /// No order was declared.
    Unordered,
}

/// A direction in PCA space with what it predicts and how well.
///
/// **Units and conventions**: `weights` has unit length in raw PCA coordinates; the position of a vector z is `weights · z`, without
/// offset. `weights` are a score (a covector): under a linear map of the space they go by the inverse transpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Direction {
    /// Name of the attribute.
    pub attribute: String,
    /// Names of its classes.
    pub classes: Vec<String>,
    /// Its declared order, low to high; empty if none.
    pub order: Vec<u32>,
    /// Method.
    pub method: Method,
    /// Unit vector, k entries.
    pub weights: Vec<f64>,
    /// What fixed the sign.
    pub orientation: Orientation,
    /// All classes by median position on training rows.
    pub found_order: Vec<u32>,
    /// Whether the declared order was found.
    pub verdict: Verdict,
    /// Restarts of the bottleneck network; empty for the other methods.
    pub restarts: Vec<RestartReport>,
    /// Figures on held-out rows.
    pub evidence: Evidence,
    /// Class probabilities along the axis.
    pub model: Model,
}

impl Direction {
    /// Position of a vector: its raw coordinate along the direction.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] if the vector has another width than the direction.
    pub fn position(&self, row: ArrayView1<'_, f32>) -> Result<f64> {
        self.check_width(row.len())?;
        Ok(project(&self.weights, row))
    }

    /// Position of every row. **Shapes**: `z` n×k, result n.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] if `z` has another width than the direction.
    pub fn positions(&self, z: ArrayView2<'_, f32>) -> Result<Vec<f64>> {
        self.check_width(z.ncols())?;
        Ok(z.rows().into_iter().map(|row| project(&self.weights, row)).collect())
    }

    /// Probability of every class for every row. **Shapes**: `z` n×k, result n×c.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] if `z` has another width than the direction.
    pub fn predict(&self, z: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        let mut out = Array2::zeros((z.nrows(), self.classes.len()));
        for (mut line, position) in out.rows_mut().into_iter().zip(self.positions(z)?) {
            line.iter_mut().zip(self.model.probabilities(position)).for_each(|(slot, p)| *slot = p);
        }
        Ok(out)
    }

    /// How many restarts stood in the declared order.
    pub fn restarts_in_order(&self) -> usize {
        self.restarts.iter().filter(|restart| restart.in_order == Some(true)).count()
    }

    /// How many restarts collapsed.
    pub fn restarts_collapsed(&self) -> usize {
        self.restarts.iter().filter(|restart| restart.collapsed.is_some()).count()
    }

    fn check_width(&self, got: usize) -> Result<()> {
        check_shape(&self.attribute, "axes of the vectors", self.weights.len(), got)
    }
}

/// `weights · row`.
pub(crate) fn project(weights: &[f64], row: ArrayView1<'_, f32>) -> f64 {
    weights.iter().zip(row).map(|(w, &v)| w * f64::from(v)).sum()
}
