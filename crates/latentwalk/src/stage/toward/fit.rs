//! Fits the lines toward an attribute's values. Whatever loads them later never fits again.

use std::collections::BTreeMap;

use anyhow::Result;
use latentwalk_arithmetic::{ascending, median};
use latentwalk_images::Split;
use latentwalk_lines::toward::ValueLines;
use latentwalk_lines::{LineToValue, Metric, MetricKind, Stops};
use latentwalk_probe::{Direction, MethodChoice, ProbeOptions, Standardize, Task};
use latentwalk_run::{AttributeLabels, Course, Estimator, MetricFit, Points, Way};

/// What the lines toward an attribute's values are fitted on. Directions and metrics are fitted once for all ways.
pub(crate) struct TowardFit<'a> {
    points: &'a Points,
    labels: &'a AttributeLabels,
    fit: MetricFit<'a>,
    directions: BTreeMap<Estimator, Vec<Vec<f64>>>,
    metrics: BTreeMap<(MetricKind, u64), Metric>,
}

impl<'a> TowardFit<'a> {
    /// Nothing is fitted yet; the other arguments are those of [`MetricFit::new`].
    pub(crate) fn new(
        points: &'a Points,
        labels: &'a AttributeLabels,
        all: (&[AttributeLabels], &[usize]),
        shrinkage: f64,
    ) -> Self {
        let fit = MetricFit::new(points, labels, all, shrinkage);
        Self { points, labels, fit, directions: BTreeMap::new(), metrics: BTreeMap::new() }
    }

    /// Fits a way: one line toward each class.
    ///
    /// # Errors
    /// A class with fewer training rows than a fit needs, coordinates that do not vary, no convergence.
    pub(crate) fn lines(&mut self, way: &Way) -> Result<ValueLines> {
        let metric = self.metric(way.metric, way.others)?;
        if !self.directions.contains_key(&way.estimator) {
            let classes = 0..self.labels.classes.len() as u32;
            let fitted = classes.map(|class| against_rest(self.points, self.labels, class, way.estimator));
            let fitted = fitted.collect::<Result<_>>()?;
            self.directions.insert(way.estimator, fitted);
        }
        let directions = &self.directions[&way.estimator];
        let line = |(class, weights): (u32, &Vec<f64>)| {
            let (own, rest) = self.medians(weights, class);
            LineToValue::towards(weights.clone(), rest, own, way.reach).map_err(|source| self.failed(source))
        };
        let lines = (0u32..).zip(directions).map(line).collect::<Result<_>>()?;
        let (mut courses, mut places) = (Vec::new(), Vec::new());
        match way.course {
            Course::Score => {}
            Course::Means => {
                let along =
                    |class| metric.weights_along(&self.between_means(class)).map_err(|source| self.failed(source));
                courses = (0..self.labels.classes.len() as u32).map(along).collect::<Result<_>>()?;
            }
            Course::Effects => places = self.fit.class_effects().map_err(|source| self.failed(source))?,
        }
        Ok(ValueLines { metric, lines, courses, places })
    }

    /// From the mean of all other labelled training rows to that of a class.
    fn between_means(&self, class: u32) -> Vec<f64> {
        let k = self.points.z.ncols();
        let (mut sums, mut counts) = ([vec![0.0; k], vec![0.0; k]], [0.0; 2]);
        for &row in self.fit.train() {
            let Some(label) = self.labels.labels[row] else { continue };
            let side = usize::from(label == class);
            counts[side] += 1.0;
            sums[side].iter_mut().zip(self.points.z.row(row)).for_each(|(sum, &v)| *sum += f64::from(v));
        }
        let [rest, own] = sums;
        own.iter().zip(rest).map(|(own, rest)| own / counts[1] - rest / counts[0]).collect()
    }

    /// The metric in which closeness to the start is compared, whatever the way: the residual one, or plain distance where it
    /// cannot be fitted.
    ///
    /// # Errors
    /// Coordinates without axes.
    pub(crate) fn common_metric(&mut self) -> Result<Metric> {
        self.metric(MetricKind::Residual, 0.0).or_else(|_| self.metric(MetricKind::Euclidean, 0.0))
    }

    fn metric(&mut self, kind: MetricKind, weight: f64) -> Result<Metric> {
        let key = (kind, weight.to_bits());
        if let Some(known) = self.metrics.get(&key) {
            return Ok(known.clone());
        }
        let metric = self.fit.metric(kind, weight).map_err(|source| self.failed(source))?;
        self.metrics.insert(key, metric.clone());
        Ok(metric)
    }

    fn medians(&self, weights: &[f64], class: u32) -> (f64, f64) {
        medians(self.points, self.labels, self.fit.train(), weights, class)
    }

    fn failed(&self, source: latentwalk_lines::Error) -> anyhow::Error {
        anyhow::Error::new(source).context(format!("no line leads toward the values of `{}`", self.labels.name))
    }
}

/// The article's way: one direction for all values, plain distance, slabs half way between the classes' medians.
///
/// # Errors
/// Two classes with the same median.
pub(crate) fn article(points: &Points, labels: &AttributeLabels, direction: &Direction) -> Result<ValueLines> {
    let (weights, train) = (&direction.weights, points.dataset.rows(Split::Train));
    let classes = 0..labels.classes.len() as u32;
    let medians: Vec<f64> = classes.map(|class| medians(points, labels, &train, weights, class).0).collect();
    let line = |slab| LineToValue { weights: weights.clone(), slab };
    let lines = half_way(&medians)?.into_iter().map(line).collect();
    Ok(ValueLines { metric: Metric::euclidean(points.z.ncols())?, lines, courses: Vec::new(), places: Vec::new() })
}

/// The slab of every class: stops at the medians, each reaching half way to its neighbours.
///
/// # Errors
/// Two classes with the same median.
pub(crate) fn half_way(medians: &[f64]) -> Result<Vec<(f64, f64)>> {
    let mut order: Vec<usize> = (0..medians.len()).collect();
    order.sort_by(|&a, &b| medians[a].total_cmp(&medians[b]));
    let stops = Stops::new(order.iter().map(|&class| medians[class]).collect())?;
    let mut slabs = vec![(0.0, 0.0); medians.len()];
    order.iter().enumerate().for_each(|(stop, &class)| slabs[class] = stops.slab(stop));
    Ok(slabs)
}

/// Median positions of a class and of all other labelled rows among those of the train split.
pub(crate) fn medians(
    points: &Points,
    labels: &AttributeLabels,
    train: &[usize],
    weights: &[f64],
    class: u32,
) -> (f64, f64) {
    let (mut own, mut rest) = (Vec::new(), Vec::new());
    for &row in train {
        let Some(label) = labels.labels[row] else { continue };
        let position = points.z.row(row).iter().zip(weights).map(|(&v, w)| f64::from(v) * w).sum();
        if label == class { &mut own } else { &mut rest }.push(position);
    }
    // A side without rows has no line; what places the slab refuses it.
    let middle = |positions| median(&ascending(positions)).unwrap_or(f64::NAN);
    (middle(own), middle(rest))
}

/// The direction that tells a class from all other labelled training rows.
///
/// # Errors
/// A side with fewer training rows than a fit needs, coordinates that do not vary, no convergence.
pub(crate) fn against_rest(
    points: &Points,
    labels: &AttributeLabels,
    class: u32,
    estimator: Estimator,
) -> Result<Vec<f64>> {
    let names = ["other".to_owned(), labels.classes[class as usize].clone()];
    let wanted: Vec<Option<u32>> = labels.labels.iter().map(|l| l.map(|known| u32::from(known == class))).collect();
    let task = Task {
        name: &labels.name,
        classes: &names,
        order: &[0, 1],
        z: points.z.view(),
        labels: &wanted,
        splits: &points.splits,
    };
    let options = ProbeOptions {
        method: match estimator {
            Estimator::Logistic => MethodChoice::Logistic,
            Estimator::Lda => MethodChoice::Lda,
            Estimator::MeanDifference => MethodChoice::MeanDifference,
        },
        standardize: Standardize::PerAxis,
        bootstrap: 0,
        ..ProbeOptions::default()
    };
    Ok(latentwalk_probe::fit(&task, &options, &|_, _| {})?.weights)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn slabs_belong_to_their_classes_whatever_the_order_of_the_medians() {
        assert_eq!(half_way(&[4.0, 0.0, 1.0]).unwrap(), [(2.5, 5.5), (-0.5, 0.5), (0.5, 2.5)]);
        assert!(half_way(&[1.0, 1.0]).is_err());
    }
}
