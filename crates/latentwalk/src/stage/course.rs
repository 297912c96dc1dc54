//! What a walk along one attribute is made of: its direction, its order, its pool, its stops, its starts.

use anyhow::{Context, Result};
use latentwalk_cli::Stage;
use latentwalk_lines::{Metric, MetricKind, Space, StopContext, StopRule, Stops, WalkFigures, WalkStudy};
use latentwalk_probe::Direction;
use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::shared::{self, Points, Question};
use crate::config::{Config, Placing};
use crate::stages::Job;

/// The points, the questions and their directions, as the stages after the probe read them.
pub(crate) struct Scene {
    pub(crate) points: Points,
    pub(crate) questions: Vec<Question>,
    pub(crate) directions: Vec<Direction>,
    /// Dataset rows of the retrieval pool.
    pub(crate) pool: Vec<usize>,
    pool_z: Array2<f32>,
}

impl Scene {
    pub(crate) fn read(job: &Job<'_>) -> Result<Self> {
        let points = Points::read(job)?;
        let questions = shared::questions(job.config, &points.dataset)?;
        let directions = latentwalk_probe::load(job.folder(Stage::Probe)?)?.directions;
        let pool = shared::pool_rows(job.config, &points.dataset)?;
        let pool_z = points.select(&pool);
        Ok(Self { points, questions, directions, pool, pool_z })
    }

    /// One course for each question, in their order.
    pub(crate) fn courses(&self, config: &Config) -> Result<Vec<Course<'_>>> {
        let pairs = self.questions.iter().zip(&self.directions);
        pairs.map(|(question, direction)| Course::new(self, config, question, direction)).collect()
    }

    /// The space of a metric over the pool.
    pub(crate) fn space(&self, metric: Metric) -> Result<Space> {
        Ok(Space::new(metric, self.pool_z.view())?)
    }

    /// The place of a dataset row in the pool.
    pub(crate) fn in_pool(&self, row: usize) -> Option<usize> {
        self.pool.binary_search(&row).ok()
    }
}

/// One attribute's walk.
pub(crate) struct Course<'a> {
    scene: &'a Scene,
    pub(crate) question: &'a Question,
    pub(crate) direction: &'a Direction,
    /// The declared order, or the order that the direction found on the train split where none is declared.
    pub(crate) order: Vec<u32>,
    pub(crate) stops: Stops,
    /// The attribute's label of every pool row.
    pub(crate) labels: Vec<Option<u32>>,
}

impl<'a> Course<'a> {
    fn new(scene: &'a Scene, config: &Config, question: &'a Question, direction: &'a Direction) -> Result<Self> {
        let order = if question.order.is_empty() { direction.found_order.clone() } else { question.order.clone() };
        let stops = stops(scene, config, direction, &order)
            .with_context(|| format!("cannot place the stops of `{}`", question.name))?;
        let labels = scene.pool.iter().map(|&row| question.labels[row]).collect();
        Ok(Self { scene, question, direction, order, stops, labels })
    }

    /// The same walk along another direction.
    pub(crate) fn along<'b>(&'b self, config: &Config, direction: &'b Direction) -> Result<Course<'b>> {
        Course::new(self.scene, config, self.question, direction)
    }

    /// The metrics that this attribute can be walked in, in the order of `metrics.kinds`, and why others cannot.
    pub(crate) fn metrics(&self, config: &Config) -> Result<(Vec<Metric>, Vec<String>)> {
        let train = self.scene.points.dataset.rows(latentwalk_images::Split::Train);
        let mut metrics = Vec::new();
        let mut missing = Vec::new();
        for &kind in &config.metrics.kinds {
            match self.metric(kind, &train, config.metrics.shrinkage) {
                Ok(metric) => metrics.push(metric),
                Err(reason) => missing.push(format!("{} cannot be walked in {kind}: {reason}", self.question.name)),
            }
        }
        anyhow::ensure!(!metrics.is_empty(), "{}", missing.join("; "));
        Ok((metrics, missing))
    }

    fn metric(
        &self,
        kind: MetricKind,
        train: &[usize],
        shrinkage: f64,
    ) -> Result<Metric, latentwalk_lines::LinesError> {
        let points = &self.scene.points;
        match kind {
            MetricKind::Euclidean => Metric::euclidean(points.z.ncols()),
            MetricKind::Whitened => Metric::whitened(points.select(train).view()),
            MetricKind::WithinClass => {
                let classes = self.question.classes.len();
                Metric::within_class(points.view(), &self.question.labels, train, classes, shrinkage)
            }
            MetricKind::Residual => residual(points, train, shrinkage),
        }
    }

    /// The figures of walks from some dataset rows.
    pub(crate) fn study<T>(
        &self,
        space: &Space,
        starts: &[usize],
        figures: impl FnOnce(&WalkStudy<'_>) -> Result<T, latentwalk_lines::LinesError>,
    ) -> Result<T> {
        let z = self.scene.points.z.select(Axis(0), starts);
        let start_rows: Vec<Option<usize>> = starts.iter().map(|&row| self.scene.in_pool(row)).collect();
        let study = WalkStudy {
            space,
            labels: &self.labels,
            order: &self.order,
            weights: &self.direction.weights,
            stops: &self.stops,
            starts: z.view(),
            start_rows: &start_rows,
        };
        figures(&study).with_context(|| format!("walks along `{}`", self.question.name))
    }

    /// Up to `count` seeded starts of a split.
    pub(crate) fn starts(
        &self,
        config: &Config,
        split: &str,
        key: &str,
        count: usize,
        seed: u64,
    ) -> Result<Vec<usize>> {
        let mut rows = shared::start_rows(config, &self.scene.points.dataset, self.question, split, key)?;
        rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        rows.truncate(count);
        Ok(rows)
    }
}

/// The metric of what no attribute of the data set explains; attributes with several labels at once are left out.
pub(crate) fn residual(
    points: &Points,
    train: &[usize],
    shrinkage: f64,
) -> Result<Metric, latentwalk_lines::LinesError> {
    let count = points.dataset.attributes.len();
    let all: Vec<Question> = (0..count).filter_map(|index| Question::exclusive(&points.dataset, index)).collect();
    let classes: Vec<usize> = all.iter().map(|question| question.classes.len()).collect();
    let labels: Vec<Vec<Option<u32>>> = all.into_iter().map(|question| question.labels).collect();
    Metric::residual(points.view(), &labels, &classes, train, shrinkage)
}

fn stops(scene: &Scene, config: &Config, direction: &Direction, order: &[u32]) -> Result<Stops> {
    let count = config.walks.stops;
    let rule = match config.walks.placing {
        Placing::Medians => StopRule::Medians { count },
        Placing::Quantiles => StopRule::Quantiles { count, low: StopRule::DEFAULT_LOW, high: StopRule::DEFAULT_HIGH },
        Placing::Sigma => StopRule::Sigma { count, step: 1.0 },
    };
    let medians = order.iter().filter_map(|&class| direction.evidence.train[class as usize].as_ref());
    let medians: Vec<f64> = medians.map(|spread| spread.median()).collect();
    let pool = direction.positions(scene.pool_z.view())?;
    // All starts share their stops, so that strips can be compared: sigma stops stand around the pool's mean.
    let start = pool.iter().sum::<f64>() / pool.len() as f64;
    Ok(rule.place(&StopContext { medians: &medians, pool: &pool, start })?)
}

/// Figures of many walks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) starts: usize,
    pub(crate) median_spearman: f64,
    pub(crate) middle_visited: f64,
    pub(crate) on_attribute: f64,
    pub(crate) missed_stops: usize,
    pub(crate) mean_distance: Option<f64>,
}

impl From<&WalkFigures> for Figures {
    fn from(f: &WalkFigures) -> Self {
        Self {
            starts: f.starts,
            median_spearman: f.median_spearman,
            middle_visited: f.middle_visited,
            on_attribute: f.on_attribute,
            missed_stops: f.missed_stops,
            mean_distance: f.mean_distance,
        }
    }
}
