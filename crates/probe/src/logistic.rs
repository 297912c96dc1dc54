//! L2-penalised logistic regression by Newton's method, in f64.

use latentwalk_arithmetic::dot;
use rayon::prelude::*;

use crate::linalg::Symmetric;
use crate::task::Prepared;
use crate::{Error, ProbeOptions, Result};

/// Most Newton steps.
const MAX_STEPS: usize = 200;
/// Largest entry of the gradient at the solution, in units of the total weight.
const TOLERANCE: f64 = 1e-11;
/// Relative rounding of the objective that a step may hide in.
const ROUNDING: f64 = 1e-12;
/// Rows summed on their own; partial sums are added in row order, whatever the number of threads.
const CHUNK: usize = 2048;

/// Raw weights (not of unit length) and intercept: `ln p₁/p₀ = w·z + intercept`.
pub(crate) struct Fit {
    pub(crate) weights: Vec<f64>,
    pub(crate) intercept: f64,
}

struct Problem {
    /// Scaled inputs with a trailing 1, row by row.
    x: Vec<f64>,
    width: usize,
    /// 1 or 0.
    target: Vec<f64>,
    weight: Vec<f64>,
    l2: f64,
}

/// Value, gradient and Hessian at a point.
struct Local {
    value: f64,
    gradient: Vec<f64>,
    hessian: Symmetric,
}

/// Fits class 1 against class 0.
pub(crate) fn fit(prepared: &Prepared<'_>, options: &ProbeOptions) -> Result<Fit> {
    let refused = |reason: String, remedy| Error::NoDirection { attribute: prepared.task.owned_name(), reason, remedy };
    if prepared.classes() != 2 {
        let reason = format!("logistic regression fits two classes, but it has {}", prepared.classes());
        return Err(refused(reason, "use `auto` or `bottleneck`"));
    }
    let not_converged = |iterations: usize, gradient: f64| {
        let reason = format!("logistic regression did not converge in {iterations} iterations (gradient {gradient:e})");
        refused(reason, "raise l2")
    };
    let problem = Problem::new(prepared, options.l2);
    let tolerance = TOLERANCE * problem.weight.iter().sum::<f64>() * problem.largest_rms().max(1.0);
    let mut point = vec![0.0; problem.width];
    let mut local = problem.local(&point);
    let mut gradient = f64::INFINITY;
    for iterations in 0..MAX_STEPS {
        gradient = local.gradient.iter().fold(0.0, |top: f64, g| top.max(g.abs()));
        if gradient <= tolerance {
            return Ok(problem.raw(prepared, &point));
        }
        let stuck = || not_converged(iterations, gradient);
        let step = local.hessian.clone().solve(&local.gradient).ok_or_else(stuck)?;
        (point, local) = problem.descend(&point, &step, &local).ok_or_else(stuck)?;
    }
    Err(not_converged(MAX_STEPS, gradient))
}

impl Problem {
    fn new(prepared: &Prepared<'_>, l2: f64) -> Self {
        let train = &prepared.groups.train;
        let width = prepared.task.z.ncols() + 1;
        let mut x = Vec::with_capacity(train.rows.len() * width);
        for &row in &train.rows {
            x.extend(prepared.scaled(row));
            x.push(1.0);
        }
        let target = train.classes.iter().map(|&class| f64::from(class)).collect();
        let weight = train.classes.iter().map(|&class| prepared.class_weights[class as usize]).collect();
        Self { x, width, target, weight, l2 }
    }

    fn largest_rms(&self) -> f64 {
        let mut squares = vec![0.0; self.width];
        for row in self.x.chunks_exact(self.width) {
            squares.iter_mut().zip(row).for_each(|(sum, x)| *sum += x * x);
        }
        (squares.into_iter().fold(0.0, f64::max) / self.target.len() as f64).sqrt()
    }

    /// The largest of the steps 1, ½, ¼ … that lowers the objective enough (Armijo's rule, with room for the rounding of the sum).
    fn descend(&self, point: &[f64], step: &[f64], local: &Local) -> Option<(Vec<f64>, Local)> {
        let slope = dot(step, &local.gradient);
        let bound = local.value + ROUNDING * local.value.abs();
        (0..40).map(|halvings| 0.5_f64.powi(halvings)).find_map(|length| {
            let next: Vec<f64> = point.iter().zip(step).map(|(p, s)| p - length * s).collect();
            let at_next = self.local(&next);
            (at_next.value <= bound - 1e-4 * length * slope).then_some((next, at_next))
        })
    }

    fn local(&self, point: &[f64]) -> Local {
        let chunks = self.target.len().div_ceil(CHUNK);
        let parts: Vec<Local> = (0..chunks).into_par_iter().map(|chunk| self.chunk(point, chunk)).collect();
        let mut total = self.penalty(point);
        for part in parts {
            total.value += part.value;
            total.gradient.iter_mut().zip(&part.gradient).for_each(|(a, b)| *a += b);
            total.hessian.add(&part.hessian);
        }
        total
    }

    /// The penalty's share; the intercept is free.
    fn penalty(&self, point: &[f64]) -> Local {
        let weights = &point[..self.width - 1];
        let mut gradient: Vec<f64> = weights.iter().map(|w| self.l2 * w).collect();
        gradient.push(0.0);
        let mut hessian = Symmetric::zero(self.width);
        (0..self.width - 1).for_each(|axis| hessian.add_diagonal(axis, self.l2));
        Local { value: 0.5 * self.l2 * dot(weights, weights), gradient, hessian }
    }

    fn chunk(&self, point: &[f64], chunk: usize) -> Local {
        let first = chunk * CHUNK;
        let last = (first + CHUNK).min(self.target.len());
        let mut local = Local { value: 0.0, gradient: vec![0.0; self.width], hessian: Symmetric::zero(self.width) };
        let rows = self.x[first * self.width..last * self.width].chunks_exact(self.width);
        for ((row, &target), &weight) in rows.zip(&self.target[first..last]).zip(&self.weight[first..last]) {
            let logit = dot(row, point);
            let probability = sigmoid(logit);
            local.value += weight * (logit.max(0.0) - logit * target + (-logit.abs()).exp().ln_1p());
            let slope = weight * (probability - target);
            local.gradient.iter_mut().zip(row).for_each(|(g, x)| *g += slope * x);
            local.hessian.add_outer(weight * probability * sigmoid(-logit), row);
        }
        local
    }

    fn raw(&self, prepared: &Prepared<'_>, point: &[f64]) -> Fit {
        let (weights, intercept) = prepared.scaling.to_raw(&point[..self.width - 1], point[self.width - 1]);
        Fit { weights, intercept }
    }
}

/// `1 / (1 + e^{-t})` without overflow.
pub(crate) fn sigmoid(t: f64) -> f64 {
    let small = (-t.abs()).exp();
    if t >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
}
