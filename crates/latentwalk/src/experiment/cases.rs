//! The cases of one attribute: every held-out start to every other value, and what an answer is judged by.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use latentwalk_arithmetic::{ascending, median};
use latentwalk_images::{Dataset, Label, Split};
use latentwalk_lines::{Metric, MetricKind, PreservationStudy};
use latentwalk_probe::Direction;
use latentwalk_run::{AttributeLabels, MetricFit, WalkData};
use ndarray::{Array2, Axis};

use crate::job::Job;

/// Added to the residual covariance's diagonal, as a share of the mean variance.
pub(super) const SHRINKAGE: f64 = 1e-4;

/// One attribute's cases, and everything that the ways from a start to another value share.
pub(super) struct Cases<'a> {
    pub(super) data: &'a WalkData,
    pub(super) labels: &'a AttributeLabels,
    pub(super) direction: &'a Direction,
    pub(super) seed: u64,
    /// Every exclusive attribute of the data set.
    pub(super) attributes: Vec<AttributeLabels>,
    /// Index of the attribute that changes among them.
    pub(super) target: usize,
    /// Dataset rows of the starts.
    pub(super) starts: Vec<usize>,
    /// Dataset row of the twin of a start, by its place and the wanted class.
    twins: BTreeMap<(usize, u32), usize>,
    pub(super) train: Vec<usize>,
    start_z: Array2<f32>,
    pool_z: Array2<f32>,
    pub(super) start_labels: Vec<Vec<Option<u32>>>,
    pool_labels: Vec<Vec<Option<u32>>>,
}

impl<'a> Cases<'a> {
    /// Starts are the held-out originals of twin sets, or held-out images where there are no twins.
    pub(super) fn new(job: &'a Job<'a>, data: &'a WalkData, attribute: &str) -> Result<Self> {
        let dataset = &data.points.dataset;
        let (labels, direction) = data.direction(attribute)?;
        let attributes = AttributeLabels::all_exclusive(dataset);
        let target = attributes.iter().position(|q| q.name == attribute);
        let target = target.with_context(|| format!("`{attribute}` has several labels at once"))?;
        let starts = starts(job, dataset, target)?;
        let twins = twins(dataset, &starts, &attributes[target]);
        let of = |rows: &[usize]| -> Vec<Vec<Option<u32>>> {
            attributes.iter().map(|q| rows.iter().map(|&row| q.labels[row]).collect()).collect()
        };
        Ok(Self {
            data,
            labels,
            direction,
            seed: job.config.walks.seed,
            target,
            twins,
            train: dataset.rows(Split::Train),
            start_z: data.points.select(&starts),
            pool_z: data.points.select(&data.pool),
            start_labels: of(&starts),
            pool_labels: of(&data.pool),
            starts,
            attributes,
        })
    }

    /// Dataset row of the exact twin of a start with a wanted class.
    pub(super) fn twin(&self, start: usize, class: u32) -> Option<usize> {
        self.twins.get(&(start, class)).copied()
    }

    /// Calls `work` with the study of this attribute.
    pub(super) fn study<T>(&self, work: impl FnOnce(&PreservationStudy<'_>) -> Result<T>) -> Result<T> {
        let z = &self.data.points.z;
        let twin = |start: usize, class: u32| self.twin(start, class).map(|row| z.row(row).to_vec());
        work(&PreservationStudy {
            pool: self.pool_z.view(),
            pool_labels: &self.pool_labels,
            starts: self.start_z.view(),
            start_labels: &self.start_labels,
            target: self.target,
            classes: self.labels.classes.len(),
            twins: &twin,
        })
    }

    pub(super) fn classes(&self) -> u32 {
        self.labels.classes.len() as u32
    }

    pub(super) fn euclidean(&self) -> Result<Metric> {
        Ok(Metric::euclidean(self.data.points.z.ncols())?)
    }

    /// Mahalanobis distance by what no attribute explains.
    pub(super) fn residual(&self) -> Result<Metric> {
        let fit = MetricFit::new(&self.data.points, self.labels, (&self.attributes, &[]), SHRINKAGE);
        Ok(fit.metric(MetricKind::Residual, 0.0)?)
    }

    /// Train rows of a class.
    pub(super) fn members(&self, labels: &[Option<u32>], class: u32) -> Vec<usize> {
        self.train.iter().copied().filter(|&row| labels[row] == Some(class)).collect()
    }

    pub(super) fn mean(&self, class: u32) -> Vec<f64> {
        self.mean_of(&self.members(&self.labels.labels, class))
    }

    pub(super) fn mean_of(&self, rows: &[usize]) -> Vec<f64> {
        let z = self.data.points.z.select(Axis(0), rows).mapv(f64::from);
        z.mean_axis(Axis(0)).map_or_else(Vec::new, |mean| mean.to_vec())
    }

    /// Median positions of every class on the train split along some weights.
    pub(super) fn medians(&self, weights: &[f64]) -> Vec<f64> {
        let position =
            |row: usize| self.data.points.z.row(row).iter().zip(weights).map(|(&v, w)| f64::from(v) * w).sum::<f64>();
        let of = |class| {
            let members = self.members(&self.labels.labels, class);
            // A class without members has no stop; what places stops refuses it.
            median(&ascending(members.into_iter().map(position))).unwrap_or(f64::NAN)
        };
        (0..self.classes()).map(of).collect()
    }
}

fn starts(job: &Job<'_>, dataset: &Dataset, target: usize) -> Result<Vec<usize>> {
    let labelled = |row: &usize| !matches!(dataset.items[*row].labels[target], Label::Missing);
    let test: Vec<usize> = dataset.rows(Split::Test).into_iter().filter(labelled).collect();
    // A twin's id begins with its original's.
    let ids: Vec<&str> = dataset.items.iter().map(|item| item.id.as_str()).collect();
    let has_twin =
        |row: &usize| ids.iter().any(|id| id.strip_prefix(ids[*row]).is_some_and(|rest| rest.starts_with('-')));
    let mut starts: Vec<usize> = test.iter().copied().filter(has_twin).collect();
    if starts.is_empty() {
        starts = test;
        starts.truncate(job.config.walks.starts);
    }
    anyhow::ensure!(!starts.is_empty(), "no held-out image is labelled");
    Ok(starts)
}

fn twins(dataset: &Dataset, starts: &[usize], attribute: &AttributeLabels) -> BTreeMap<(usize, u32), usize> {
    let rows: BTreeMap<&str, usize> = dataset.items.iter().enumerate().map(|(row, i)| (i.id.as_str(), row)).collect();
    let mut twins = BTreeMap::new();
    for (place, &start) in starts.iter().enumerate() {
        for (class, name) in (0u32..).zip(&attribute.classes) {
            let id = latentwalk_garments::twin_id(&dataset.items[start].id, &attribute.name, name);
            twins.extend(rows.get(id.as_str()).map(|&row| ((place, class), row)));
        }
    }
    twins
}
