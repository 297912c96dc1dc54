//! Fits the lines toward an attribute's values. Whatever loads them later never fits again.

use std::collections::BTreeMap;

use anyhow::Result;
use latentwalk_arithmetic::{ascending, median};
use latentwalk_images::Split;
use latentwalk_lines::toward::ValueLines;
use latentwalk_lines::{LineToValue, Metric, MetricKind, Stops};
use latentwalk_probe::{Direction, MethodChoice, ProbeOptions, Standardize, Task};
use latentwalk_run::{AttributeLabels, Course, Estimator, Points, Way};

/// What the lines toward an attribute's values are fitted on. Directions and metrics are fitted once for all ways.
pub(crate) struct TowardFit<'a> {
    points: &'a Points,
    labels: &'a AttributeLabels,
    /// Every attribute by which the rest is judged, the target among them.
    all: &'a [AttributeLabels],
    /// Numbers of the other attributes that count in [`MetricKind::ResidualOthers`].
    others: Vec<usize>,
    shrinkage: f64,
    train: Vec<usize>,
    directions: BTreeMap<Estimator, Vec<Vec<f64>>>,
    metrics: BTreeMap<(MetricKind, u64), Metric>,
}

impl<'a> TowardFit<'a> {
    /// Nothing is fitted yet.
    pub(crate) fn new(
        points: &'a Points,
        labels: &'a AttributeLabels,
        (all, others): (&'a [AttributeLabels], &[usize]),
        shrinkage: f64,
    ) -> Self {
        let train = points.dataset.rows(Split::Train);
        let (directions, metrics) = (BTreeMap::new(), BTreeMap::new());
        Self { points, labels, all, others: others.to_vec(), shrinkage, train, directions, metrics }
    }

    /// Fits a way: one line toward each class.
    ///
    /// # Errors
    /// A class with fewer training rows than a fit needs, coordinates that do not vary, no convergence.
    pub(crate) fn lines(&mut self, way: &Way) -> Result<ValueLines> {
        let metric = self.metric(way.metric, way.others)?;
        if !self.directions.contains_key(&way.estimator) {
            let classes = 0..self.labels.classes.len() as u32;
            let fitted = classes.map(|class| self.direction(way.estimator, class)).collect::<Result<_>>()?;
            self.directions.insert(way.estimator, fitted);
        }
        let directions = &self.directions[&way.estimator];
        let line = |(class, weights): (u32, &Vec<f64>)| {
            let (own, rest) = self.medians(weights, class);
            LineToValue::towards(weights.clone(), rest, own, way.reach).map_err(|source| self.failed(source))
        };
        let lines = (0u32..).zip(directions).map(line).collect::<Result<_>>()?;
        let courses = match way.course {
            Course::Score => Vec::new(),
            Course::Means => {
                let along =
                    |class| metric.weights_along(&self.between_means(class)).map_err(|source| self.failed(source));
                (0..self.labels.classes.len() as u32).map(along).collect::<Result<_>>()?
            }
        };
        Ok(ValueLines { metric, lines, courses })
    }

    /// From the mean of all other labelled training rows to that of a class.
    fn between_means(&self, class: u32) -> Vec<f64> {
        let k = self.points.z.ncols();
        let (mut sums, mut counts) = ([vec![0.0; k], vec![0.0; k]], [0.0; 2]);
        for &row in &self.train {
            let Some(label) = self.labels.labels[row] else { continue };
            let side = usize::from(label == class);
            counts[side] += 1.0;
            sums[side].iter_mut().zip(self.points.z.row(row)).for_each(|(sum, &v)| *sum += f64::from(v));
        }
        let [rest, own] = sums;
        own.iter().zip(rest).map(|(own, rest)| own / counts[1] - rest / counts[0]).collect()
    }

    /// The article's way: one direction for all values, plain distance, slabs half way between the classes' medians.
    ///
    /// # Errors
    /// Two classes with the same median.
    pub(crate) fn article(&self, direction: &Direction) -> Result<ValueLines> {
        let weights = &direction.weights;
        let medians: Vec<f64> = (0..self.labels.classes.len() as u32).map(|c| self.medians(weights, c).0).collect();
        let mut order: Vec<usize> = (0..medians.len()).collect();
        order.sort_by(|&a, &b| medians[a].total_cmp(&medians[b]));
        let stops = Stops::new(order.iter().map(|&class| medians[class]).collect());
        let stops = stops.map_err(|source| self.failed(source))?;
        let mut lines = vec![LineToValue { weights: weights.clone(), slab: (0.0, 0.0) }; medians.len()];
        order.iter().enumerate().for_each(|(stop, &class)| lines[class].slab = stops.slab(stop));
        let metric = Metric::euclidean(self.points.z.ncols()).map_err(|source| self.failed(source))?;
        Ok(ValueLines { metric, lines, courses: Vec::new() })
    }

    /// The metric in which closeness to the start is compared, whatever the way: the residual one.
    ///
    /// # Errors
    /// Coordinates that do not vary.
    pub(crate) fn common_metric(&mut self) -> Result<Metric> {
        self.metric(MetricKind::Residual, 0.0)
    }

    /// Plain distance, where the residual metric cannot be fitted.
    ///
    /// # Errors
    /// Coordinates without axes.
    pub(crate) fn plain_metric(&mut self) -> Result<Metric> {
        self.metric(MetricKind::Euclidean, 0.0)
    }

    fn metric(&mut self, kind: MetricKind, weight: f64) -> Result<Metric> {
        let key = (kind, weight.to_bits());
        if let Some(known) = self.metrics.get(&key) {
            return Ok(known.clone());
        }
        let z = self.points.z.view();
        let classes: Vec<usize> = self.all.iter().map(|attribute| attribute.classes.len()).collect();
        let labels: Vec<Vec<Option<u32>>> = self.all.iter().map(|attribute| attribute.labels.clone()).collect();
        let metric = match kind {
            MetricKind::Euclidean => Metric::euclidean(z.ncols()),
            MetricKind::Whitened => Metric::whitened(self.points.select(&self.train).view()),
            MetricKind::WithinClass => {
                let classes = self.labels.classes.len();
                Metric::within_class(z, &self.labels.labels, &self.train, classes, self.shrinkage)
            }
            MetricKind::Residual => Metric::residual(z, &labels, &classes, &self.train, self.shrinkage),
            MetricKind::ResidualOthers => {
                let others = (&self.others[..], weight);
                Metric::residual_others(z, &labels, &classes, &self.train, self.shrinkage, others)
            }
        };
        let metric = metric.map_err(|source| self.failed(source))?;
        self.metrics.insert(key, metric.clone());
        Ok(metric)
    }

    fn direction(&self, estimator: Estimator, class: u32) -> Result<Vec<f64>> {
        against_rest(self.points, self.labels, class, estimator)
    }

    fn medians(&self, weights: &[f64], class: u32) -> (f64, f64) {
        medians(self.points, self.labels, &self.train, weights, class)
    }

    fn failed(&self, source: latentwalk_lines::Error) -> anyhow::Error {
        anyhow::Error::new(source).context(format!("no line leads toward the values of `{}`", self.labels.name))
    }
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
