//! What is fitted: vectors, labels, splits; their checks, and the numbers a fit works on.

use std::fmt;

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::error::check_shape;
use crate::{Error, Method, ProbeOptions, Result, Standardize};

/// Fewest labelled training rows of a class.
pub const MIN_TRAIN_ROWS: usize = 3;

/// The part of the data a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Weights are fitted here.
    Train,
    /// Early stopping and the choice among restarts look here.
    Validation,
    /// Evidence comes from here.
    Test,
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

/// An attribute and the rows that carry it.
///
/// **Shapes**: `z` is n×k, `labels` and `splits` have n entries.
///
/// **Units and conventions**: `z` in raw PCA coordinates; a label is an index into `classes`; a row without label takes no part in a
/// fit. `order` lists classes from low to high and may name a subset; empty means that no order is declared.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// Name of the attribute.
    pub name: &'a str,
    /// Names of its classes.
    pub classes: &'a [String],
    /// Indices into `classes`, low to high.
    pub order: &'a [u32],
    /// Vectors, one per row.
    pub z: ArrayView2<'a, f32>,
    /// Class of each row, if known.
    pub labels: &'a [Option<u32>],
    /// Split of each row.
    pub splits: &'a [Split],
}

/// Labelled rows of one split, in the order of `z`.
#[derive(Debug, Default)]
pub(crate) struct Labelled {
    pub(crate) rows: Vec<usize>,
    pub(crate) classes: Vec<u32>,
}

impl Labelled {
    /// Rows of each class.
    pub(crate) fn counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        self.classes.iter().for_each(|&class| counts[class as usize] += 1);
        counts
    }
}

/// Labelled rows by split.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(crate) train: Labelled,
    pub(crate) validation: Labelled,
    pub(crate) test: Labelled,
}

impl Task<'_> {
    /// Checks the task and sorts its labelled rows by split.
    pub(crate) fn groups(&self) -> Result<Groups> {
        self.check_shapes()?;
        self.check_order()?;
        self.check_finite()?;
        let mut groups = Groups::default();
        for (row, label) in self.labels.iter().enumerate() {
            let Some(label) = *label else { continue };
            if label as usize >= self.classes.len() {
                return Err(self.no_class(format!("the label of row {row}"), label));
            }
            let group = match self.splits[row] {
                Split::Train => &mut groups.train,
                Split::Validation => &mut groups.validation,
                Split::Test => &mut groups.test,
            };
            group.rows.push(row);
            group.classes.push(label);
        }
        let all: Vec<u32> = (0..self.classes.len() as u32).collect();
        self.need(&groups.train, Split::Train, &all, MIN_TRAIN_ROWS)?;
        Ok(groups)
    }

    /// Requires rows of each of `classes` in a split.
    pub(crate) fn need(&self, group: &Labelled, split: Split, classes: &[u32], needed: usize) -> Result<()> {
        let counts = group.counts(self.classes.len());
        match classes.iter().find(|&&class| counts[class as usize] < needed) {
            None => Ok(()),
            Some(&class) => Err(Error::TooFew {
                attribute: self.owned_name(),
                what: format!("{split} row(s) of class `{}`", self.classes[class as usize]),
                got: counts[class as usize],
                needed,
            }),
        }
    }

    pub(crate) fn owned_name(&self) -> String {
        self.name.to_owned()
    }

    /// A split that has no labelled row at all.
    pub(crate) fn no_labelled_row(&self, split: Split) -> Error {
        Error::TooFew { attribute: self.owned_name(), what: format!("labelled {split} rows"), got: 0, needed: 1 }
    }

    /// A closed form whose result is no direction.
    pub(crate) fn no_direction(&self, method: Method) -> Error {
        Error::NoDirection {
            attribute: self.owned_name(),
            reason: format!("for {method}, the class means coincide or the covariance is singular"),
            remedy: "use another method",
        }
    }

    fn no_class(&self, what: String, got: u32) -> Error {
        Error::NoClass { attribute: self.owned_name(), what, got, classes: self.classes.len() }
    }

    fn check_shapes(&self) -> Result<()> {
        let expected = self.z.nrows();
        check_shape(self.name, "labels", expected, self.labels.len())?;
        check_shape(self.name, "splits", expected, self.splits.len())?;
        if self.classes.len() < 2 {
            let (what, got) = ("classes".to_owned(), self.classes.len());
            return Err(Error::TooFew { attribute: self.owned_name(), what, got, needed: 2 });
        }
        if self.z.ncols() == 0 {
            return Err(Error::NoDirection {
                attribute: self.owned_name(),
                reason: "the vectors have no axes".to_owned(),
                remedy: "keep at least one axis in the decomposition",
            });
        }
        Ok(())
    }

    fn check_order(&self) -> Result<()> {
        if self.order.len() == 1 {
            return Err(Error::Order { attribute: self.owned_name(), problem: "one class only".to_owned() });
        }
        for (place, &index) in self.order.iter().enumerate() {
            if index as usize >= self.classes.len() {
                return Err(self.no_class(format!("the class at place {place} of the order"), index));
            }
            if self.order[..place].contains(&index) {
                let problem = format!("class `{}` twice", self.classes[index as usize]);
                return Err(Error::Order { attribute: self.owned_name(), problem });
            }
        }
        Ok(())
    }

    fn check_finite(&self) -> Result<()> {
        match self.z.indexed_iter().find(|(_, value)| !value.is_finite()) {
            None => Ok(()),
            Some(((row, axis), _)) => Err(Error::NotFinite { attribute: self.owned_name(), row, axis }),
        }
    }
}

/// The affine map `x = (z − mean) · factor` that inputs go through inside a fit.
#[derive(Debug)]
pub(crate) struct Scaling {
    pub(crate) mean: Vec<f64>,
    pub(crate) factor: Vec<f64>,
}

impl Scaling {
    /// Fits the map on the labelled training rows.
    pub(crate) fn fit(task: &Task<'_>, train: &Labelled, how: Standardize) -> Result<Self> {
        let (mean, variance) = moments(task, &train.rows);
        let average = variance.iter().sum::<f64>() / variance.len() as f64;
        // Rounding of a constant column leaves a variance of about 1e-14 of its square, never an exact zero.
        let size = mean.iter().map(|m| m * m).fold(0.0, f64::max);
        if average <= 1e-14 * size || average == 0.0 {
            return Err(Error::NoDirection {
                attribute: task.owned_name(),
                reason: "all labelled training rows are the same vector".to_owned(),
                remedy: "check the embeddings",
            });
        }
        let factor = match how {
            Standardize::None => vec![1.0; mean.len()],
            Standardize::Common => vec![1.0 / average.sqrt(); mean.len()],
            Standardize::PerAxis => {
                variance.iter().map(|&v| if v > 1e-12 * average { 1.0 / v.sqrt() } else { 0.0 }).collect()
            }
        };
        Ok(Self { mean, factor })
    }

    /// Maps a score `w·x + bias` on scaled inputs back to `w·z + bias` on raw ones.
    pub(crate) fn to_raw(&self, weights: &[f64], bias: f64) -> (Vec<f64>, f64) {
        let raw: Vec<f64> = weights.iter().zip(&self.factor).map(|(w, f)| w * f).collect();
        let shift: f64 = raw.iter().zip(&self.mean).map(|(w, m)| w * m).sum();
        (raw, bias - shift)
    }
}

/// Mean and population variance of each axis.
fn moments(task: &Task<'_>, rows: &[usize]) -> (Vec<f64>, Vec<f64>) {
    let (k, n) = (task.z.ncols(), rows.len() as f64);
    let mut mean = vec![0.0; k];
    for &row in rows {
        mean.iter_mut().zip(task.z.row(row)).for_each(|(m, &v)| *m += f64::from(v));
    }
    mean.iter_mut().for_each(|m| *m /= n);
    let mut variance = vec![0.0; k];
    for &row in rows {
        for ((v, &value), m) in variance.iter_mut().zip(task.z.row(row)).zip(&mean) {
            let off = f64::from(value) - m;
            *v += off * off;
        }
    }
    variance.iter_mut().for_each(|v| *v /= n);
    (mean, variance)
}

/// A checked task with everything that its fits share.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    pub(crate) task: Task<'a>,
    pub(crate) groups: Groups,
    pub(crate) scaling: Scaling,
    /// Weight of a row of each class.
    pub(crate) class_weights: Vec<f64>,
}

impl<'a> Prepared<'a> {
    pub(crate) fn new(task: &Task<'a>, options: &ProbeOptions) -> Result<Self> {
        options.check()?;
        let groups = task.groups()?;
        let scaling = Scaling::fit(task, &groups.train, options.standardize)?;
        let counts = groups.train.counts(task.classes.len());
        let share = groups.train.rows.len() as f64 / counts.len() as f64;
        let class_weights =
            counts.iter().map(|&n| if options.class_weights { share / n as f64 } else { 1.0 }).collect();
        Ok(Self { task: *task, groups, scaling, class_weights })
    }

    pub(crate) fn classes(&self) -> usize {
        self.task.classes.len()
    }

    /// Share of weight of each training class: what the best constant prediction says.
    pub(crate) fn priors(&self) -> Vec<f64> {
        let counts = self.groups.train.counts(self.classes());
        let mass: Vec<f64> = counts.iter().zip(&self.class_weights).map(|(&n, w)| n as f64 * w).collect();
        let total: f64 = mass.iter().sum();
        mass.iter().map(|m| m / total).collect()
    }

    /// Scaled inputs of a row, in f64.
    pub(crate) fn scaled(&self, row: usize) -> impl Iterator<Item = f64> + '_ {
        let maps = self.scaling.mean.iter().zip(&self.scaling.factor);
        self.task.z.row(row).into_iter().zip(maps).map(|(&v, (m, f))| (f64::from(v) - m) * f)
    }
}
