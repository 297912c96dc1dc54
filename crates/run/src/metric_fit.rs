//! The metrics of an attribute, fitted on the train split.

use latentwalk_images::Split;
use latentwalk_lines::{Error, Metric, MetricKind};

use crate::labels::AttributeLabels;
use crate::points::Points;

/// What the metrics of one attribute are fitted on: every image's coordinates, and the labels of all attributes.
pub struct MetricFit<'a> {
    points: &'a Points,
    target: &'a AttributeLabels,
    /// Labels of every attribute, and how many classes it has.
    labels: Vec<Vec<Option<u32>>>,
    classes: Vec<usize>,
    /// Numbers of the attributes of which a change counts more in [`MetricKind::ResidualOthers`].
    others: Vec<usize>,
    train: Vec<usize>,
    shrinkage: f64,
}

impl<'a> MetricFit<'a> {
    /// Metrics of `target`, by the labels of `all`; `others` are places in `all`.
    ///
    /// `shrinkage` times the mean variance is added to each covariance's diagonal. Nothing is fitted yet.
    pub fn new(
        points: &'a Points,
        target: &'a AttributeLabels,
        (all, others): (&[AttributeLabels], &[usize]),
        shrinkage: f64,
    ) -> Self {
        Self {
            points,
            target,
            labels: all.iter().map(|attribute| attribute.labels.clone()).collect(),
            classes: all.iter().map(|attribute| attribute.classes.len()).collect(),
            others: others.to_vec(),
            train: points.dataset.rows(Split::Train),
            shrinkage,
        }
    }

    /// Rows of the train split.
    pub fn train(&self) -> &[usize] {
        &self.train
    }

    /// Where each class of the target lies when the additive effects of the others are taken out.
    ///
    /// # Errors
    /// A class without training rows.
    pub fn class_effects(&self) -> Result<Vec<Vec<f64>>, Error> {
        let others: Vec<(&[Option<u32>], usize)> =
            self.others.iter().map(|&q| (&self.labels[q][..], self.classes[q])).collect();
        let own = (&self.target.labels[..], self.target.classes.len());
        latentwalk_lines::class_effects(self.points.z.view(), own, &others, &self.train)
    }

    /// One metric; `weight` is that of the other attributes in [`MetricKind::ResidualOthers`] and counts nowhere else.
    ///
    /// # Errors
    /// Too few rows, coordinates that do not vary.
    pub fn metric(&self, kind: MetricKind, weight: f64) -> Result<Metric, Error> {
        let (z, labels, classes) = (self.points.z.view(), &self.labels, &self.classes);
        match kind {
            MetricKind::Euclidean => Metric::euclidean(z.ncols()),
            MetricKind::Whitened => Metric::whitened(self.points.select(&self.train).view()),
            MetricKind::WithinClass => {
                let classes = self.target.classes.len();
                Metric::within_class(z, &self.target.labels, &self.train, classes, self.shrinkage)
            }
            MetricKind::Residual => Metric::residual(z, labels, classes, &self.train, self.shrinkage),
            MetricKind::ResidualOthers => {
                let others = (&self.others[..], weight);
                Metric::residual_others(z, labels, classes, &self.train, self.shrinkage, others)
            }
        }
    }
}
