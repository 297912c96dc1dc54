//! Multinomial logistic regression by L-BFGS in whitened coordinates, in f64.

use latentwalk_arithmetic::dot;
use rayon::prelude::*;

use crate::direction::project;
use crate::error::check_shape;
use crate::linalg::{Factor, Symmetric};
use crate::task::Prepared;
use crate::{Method, ProbeOptions, Result, Task};
use ndarray::{ArrayView1, ArrayView2};

/// Multinomial logistic regression on all axes.
///
/// **Units and conventions**: the score of class c of a vector z is `weights[c] · z + intercepts[c]`, in raw PCA coordinates; the
/// highest one wins.
#[derive(Clone, Debug, PartialEq)]
pub struct Multinomial {
    /// One row of weights per class, k entries each.
    pub weights: Vec<Vec<f64>>,
    /// One intercept per class.
    pub intercepts: Vec<f64>,
    /// The objective at the solution: `½ l2 |W|² + Σ weight · loss`, on inputs scaled and classes weighted as the options say.
    pub value: f64,
}

impl Multinomial {
    /// Fits the labelled training rows.
    ///
    /// # Errors
    /// As [`fit`](crate::fit()); [`crate::Error::NoDirection`] where nothing varies.
    pub fn fit(task: &Task<'_>, options: &ProbeOptions) -> Result<Self> {
        let prepared = Prepared::new(task, options)?;
        let train = &prepared.groups.train;
        let fit = of_rows(&prepared, &train.rows, &train.classes, options.l2)?;
        let raw = fit.weights.iter().zip(&fit.intercepts).map(|(w, b)| prepared.scaling.to_raw(w, *b));
        let (weights, intercepts) = raw.unzip();
        Ok(Self { weights, intercepts, value: fit.value })
    }

    /// The class that each row most probably has. **Shapes**: `z` n×k, result n.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] if `z` has another width than the weights.
    pub fn classes(&self, z: ArrayView2<'_, f32>) -> Result<Vec<u32>> {
        check_shape("all axes", "axes of the vectors", self.weights[0].len(), z.ncols())?;
        let score =
            |row: ArrayView1<'_, f32>, class: usize| project(&self.weights[class], row) + self.intercepts[class];
        let class_of = |row: usize| highest((0..self.weights.len()).map(|class| score(z.row(row), class)));
        Ok((0..z.nrows()).into_par_iter().map(class_of).collect())
    }
}

/// The place of the highest score; of equal ones the first.
fn highest(scores: impl Iterator<Item = f64>) -> u32 {
    let best = scores.enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    best.map_or(0, |(class, _)| class as u32)
}

/// Multinomial logistic regression on some training rows of a prepared task.
pub(crate) fn of_rows(prepared: &Prepared<'_>, rows: &[usize], classes: &[u32], l2: f64) -> Result<Fit> {
    let x: Vec<f64> = rows.iter().flat_map(|&row| prepared.scaled(row)).collect();
    let weights: Vec<f64> = classes.iter().map(|&class| prepared.class_weights[class as usize]).collect();
    let width = prepared.task.z.ncols();
    let rows = Rows { x: &x, width, labels: classes, weights: &weights, classes: prepared.classes() };
    fit(&rows, l2).ok_or_else(|| prepared.task.no_direction(Method::Logistic))
}

/// Most iterations.
const MAX_STEPS: usize = 500;
/// Largest entry of the gradient at the solution, in units of the total weight.
const TOLERANCE: f64 = 1e-6;
/// Pairs of steps and gradients that are remembered.
const MEMORY: usize = 12;
/// Rows summed on their own; partial sums are added in row order, whatever the number of threads.
const CHUNK: usize = 512;
/// Shrinkage of the covariance that whitens, in units of its mean variance.
const SHRINKAGE: f64 = 1e-6;

/// Rows to tell apart.
pub(crate) struct Rows<'a> {
    /// Inputs, row by row.
    pub(crate) x: &'a [f64],
    /// Length of a row.
    pub(crate) width: usize,
    /// The class of each row.
    pub(crate) labels: &'a [u32],
    /// The weight of each row.
    pub(crate) weights: &'a [f64],
    /// Number of classes.
    pub(crate) classes: usize,
}

/// One row of weights and an intercept per class.
pub(crate) struct Fit {
    weights: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
    /// `½ l2 |W|² + Σ weight · loss` at the solution.
    pub(crate) value: f64,
}

impl Fit {
    /// The class with the highest score.
    pub(crate) fn class_of(&self, x: &[f64]) -> u32 {
        highest(self.weights.iter().zip(&self.intercepts).map(|(w, b)| dot(w, x) + b))
    }
}

/// The minimum of `½ l2 |W|² + Σ weight · loss`, intercepts free; `None` where inputs do not vary or no step lowers the objective.
///
/// Coordinates are whitened first, so that the curvature is nearly the same in every direction; the penalty stays that of the
/// inputs as they are given.
pub(crate) fn fit(rows: &Rows<'_>, l2: f64) -> Option<Fit> {
    let problem = Problem::new(rows, l2)?;
    let total: f64 = rows.weights.iter().sum();
    let mut point = vec![0.0; rows.classes * (rows.width + 1)];
    let (mut value, mut gradient) = problem.local(&point);
    let mut memory = Memory::default();
    for _ in 0..MAX_STEPS {
        if gradient.iter().fold(0.0, |top: f64, g| top.max(g.abs())) <= TOLERANCE * total {
            break;
        }
        let step = memory.step(&gradient, total);
        let slope = dot(&step, &gradient);
        let (next, at_next, slopes) = (0..40).map(|halvings| 0.5_f64.powi(halvings)).find_map(|length| {
            let next: Vec<f64> = point.iter().zip(&step).map(|(p, s)| p - length * s).collect();
            let (at_next, slopes) = problem.local(&next);
            (at_next <= value + 1e-12 * value.abs() - 1e-4 * length * slope).then_some((next, at_next, slopes))
        })?;
        let moved: Vec<f64> = next.iter().zip(&point).map(|(n, p)| n - p).collect();
        let changed: Vec<f64> = slopes.iter().zip(&gradient).map(|(n, g)| n - g).collect();
        memory.push(moved, changed);
        (point, value, gradient) = (next, at_next, slopes);
    }
    Some(problem.raw(&point, value))
}

/// The last steps with the changes of the gradient along them.
#[derive(Default)]
struct Memory {
    pairs: Vec<(Vec<f64>, Vec<f64>, f64)>,
}

impl Memory {
    fn push(&mut self, moved: Vec<f64>, changed: Vec<f64>) {
        let curvature = dot(&moved, &changed);
        if curvature > 1e-12 * dot(&changed, &changed).sqrt() * dot(&moved, &moved).sqrt() {
            self.pairs.push((moved, changed, curvature));
        }
        if self.pairs.len() > MEMORY {
            self.pairs.remove(0);
        }
    }

    /// The inverse Hessian, as the pairs show it, times the gradient.
    ///
    /// **Source**: Nocedal, "Updating quasi-Newton matrices with limited storage", 1980: the two loops.
    fn step(&self, gradient: &[f64], total: f64) -> Vec<f64> {
        let mut step = gradient.to_vec();
        let mut taken = Vec::with_capacity(self.pairs.len());
        for (moved, changed, curvature) in self.pairs.iter().rev() {
            let share = dot(moved, &step) / curvature;
            step.iter_mut().zip(changed).for_each(|(s, c)| *s -= share * c);
            taken.push(share);
        }
        // In whitened coordinates the curvature of a class is at most a quarter of the total weight.
        let scale = self.pairs.last().map_or(4.0 / total, |(_, changed, curvature)| curvature / dot(changed, changed));
        step.iter_mut().for_each(|s| *s *= scale);
        for ((moved, changed, curvature), share) in self.pairs.iter().zip(taken.into_iter().rev()) {
            let back = share - dot(changed, &step) / curvature;
            step.iter_mut().zip(moved).for_each(|(s, m)| *s += back * m);
        }
        step
    }
}

struct Problem<'a> {
    rows: &'a Rows<'a>,
    /// Whitened inputs with a trailing 1.
    u: Vec<f64>,
    mean: Vec<f64>,
    factor: Factor,
    /// `l2 · L⁻¹ L⁻ᵀ`, row by row: the penalty in whitened coordinates.
    penalty: Vec<f64>,
}

impl<'a> Problem<'a> {
    fn new(rows: &'a Rows<'a>, l2: f64) -> Option<Self> {
        let (k, total) = (rows.width, rows.weights.iter().sum::<f64>());
        let inputs = || rows.x.chunks_exact(k).zip(rows.weights);
        let mut mean = vec![0.0; k];
        inputs().for_each(|(x, w)| mean.iter_mut().zip(x).for_each(|(m, v)| *m += w * v / total));
        let mut covariance = Symmetric::zero(k);
        for (x, weight) in inputs() {
            let off: Vec<f64> = x.iter().zip(&mean).map(|(v, m)| v - m).collect();
            covariance.add_outer(weight / total, &off);
        }
        let shrink = SHRINKAGE * covariance.trace() / k as f64;
        (0..k).for_each(|axis| covariance.add_diagonal(axis, shrink));
        let factor = covariance.factor()?;
        let mut u = vec![1.0; rows.labels.len() * (k + 1)];
        u.par_chunks_exact_mut(k + 1).zip(rows.x.par_chunks_exact(k)).for_each(|(u, x)| {
            u[..k].iter_mut().zip(x).zip(&mean).for_each(|((u, v), m)| *u = v - m);
            factor.forward(&mut u[..k]);
        });
        // W = V L⁻¹, so |W|² is the sum over classes of v L⁻¹ L⁻ᵀ vᵀ.
        let column = |axis: usize| {
            let mut unit = vec![0.0; k];
            unit[axis] = l2;
            factor.backward(&mut unit);
            factor.forward(&mut unit);
            unit
        };
        let penalty = (0..k).flat_map(column).collect();
        Some(Self { rows, u, mean, factor, penalty })
    }

    /// Value and gradient at a point: for each class its weights, then its intercept.
    fn local(&self, point: &[f64]) -> (f64, Vec<f64>) {
        let (k, width) = (self.rows.width, self.rows.width + 1);
        let mut gradient = vec![0.0; point.len()];
        let mut value = 0.0;
        for (slope, of_class) in gradient.chunks_exact_mut(width).zip(point.chunks_exact(width)) {
            for (s, line) in slope.iter_mut().zip(self.penalty.chunks_exact(k)) {
                *s = dot(line, of_class);
            }
            value += 0.5 * dot(&slope[..k], of_class);
        }
        let chunks = self.rows.labels.len().div_ceil(CHUNK);
        let parts: Vec<(f64, Vec<f64>)> = (0..chunks).into_par_iter().map(|chunk| self.chunk(point, chunk)).collect();
        for (more, slopes) in parts {
            value += more;
            gradient.iter_mut().zip(slopes).for_each(|(g, s)| *g += s);
        }
        (value, gradient)
    }

    fn chunk(&self, point: &[f64], chunk: usize) -> (f64, Vec<f64>) {
        let (width, classes) = (self.rows.width + 1, self.rows.classes);
        let mut gradient = vec![0.0; point.len()];
        let mut value = 0.0;
        let mut scores = vec![0.0; classes];
        // Axis by axis, so that the scores of all classes grow side by side: a product summed class by class waits for each addition.
        let by_axis: Vec<f64> =
            (0..width).flat_map(|axis| (0..classes).map(move |class| point[class * width + axis])).collect();
        for at in chunk * CHUNK..((chunk + 1) * CHUNK).min(self.rows.labels.len()) {
            let (u, label, weight) =
                (&self.u[at * width..(at + 1) * width], self.rows.labels[at], self.rows.weights[at]);
            scores.fill(0.0);
            for (u, weights) in u.iter().zip(by_axis.chunks_exact(classes)) {
                scores.iter_mut().zip(weights).for_each(|(s, w)| *s += u * w);
            }
            let own = scores[label as usize];
            let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            scores.iter_mut().for_each(|s| *s = (*s - top).exp());
            let sum: f64 = scores.iter().sum();
            value += weight * (sum.ln() + top - own);
            for (class, (score, slope)) in scores.iter().zip(gradient.chunks_exact_mut(width)).enumerate() {
                let residual = weight * (score / sum - f64::from(u8::from(class == label as usize)));
                slope.iter_mut().zip(u).for_each(|(g, u)| *g += residual * u);
            }
        }
        (value, gradient)
    }

    /// Weights for inputs as they were given.
    fn raw(&self, point: &[f64], value: f64) -> Fit {
        let k = self.rows.width;
        let (mut weights, mut intercepts) = (Vec::new(), Vec::new());
        for of_class in point.chunks_exact(k + 1) {
            let mut w = of_class[..k].to_vec();
            self.factor.backward(&mut w);
            intercepts.push(of_class[k] - dot(&w, &self.mean));
            weights.push(w);
        }
        Fit { weights, intercepts, value }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Three classes in a plane, rows of weight 1 and 2.
    fn data() -> (Vec<f64>, Vec<u32>, Vec<f64>) {
        let labels: Vec<u32> = (0..60).map(|i| i % 3).collect();
        let x = (0..60).flat_map(|i| {
            let (a, b) = (((i * 7) % 11) as f64 * 0.3, ((i * 5) % 13) as f64 * 0.25 - 1.0);
            [[0.0, 2.0, 1.0][i % 3] + a, [0.0, 0.0, 1.5][i % 3] + b]
        });
        (x.collect(), labels, (0..60).map(|i| 1.0 + (i % 2) as f64).collect())
    }

    #[test]
    fn the_minimum_is_that_of_scikit_learn() {
        let (x, labels, weights) = data();
        let rows = Rows { x: &x, width: 2, labels: &labels, weights: &weights, classes: 3 };
        let fit = fit(&rows, 0.5).unwrap();
        // sklearn.linear_model.LogisticRegression(C=2, tol=1e-12, max_iter=10000) on the same rows and weights.
        let coefficients =
            [-1.078_149_353, -0.573_976_873, 0.973_771_160, -0.569_056_932, 0.104_378_193, 1.143_033_805];
        for (got, want) in fit.weights.iter().flatten().zip(coefficients) {
            // The gradient is zero to 1e-6 of the total weight.
            assert!((got - want).abs() < 1e-4, "{got} {want}");
        }
        assert!((fit.value - 57.117_548_577).abs() < 1e-6, "{}", fit.value);
    }

    #[test]
    fn every_row_gets_a_class_held_out_and_unlabelled_ones_too() {
        let z = ndarray::Array2::from_shape_fn((90, 2), |(row, axis)| {
            [[0.0, 3.0, 0.0], [0.0, 0.0, 3.0]][axis][row % 3] + (row * 7 % 11) as f32 * 0.1
        });
        let labels: Vec<Option<u32>> = (0..90).map(|row| (row < 80).then_some(row as u32 % 3)).collect();
        let splits = vec![crate::Split::Train; 90];
        let classes = ["a", "b", "c"].map(String::from);
        let task = Task { name: "t", classes: &classes, order: &[], z: z.view(), labels: &labels, splits: &splits };
        let found = Multinomial::fit(&task, &ProbeOptions::default()).unwrap().classes(z.view()).unwrap();
        assert!(found.iter().enumerate().all(|(row, &class)| class as usize == row % 3), "{found:?}");
    }
}
