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
pub(super) struct Scene {
    pub(super) points: Points,
    pub(super) questions: Vec<Question>,
    pub(super) directions: Vec<Direction>,
    /// Dataset rows of the retrieval pool.
    pub(super) pool: Vec<usize>,
    pool_z: Array2<f32>,
}

impl Scene {
    pub(super) fn read(job: &Job<'_>) -> Result<Self> {
        let points = Points::read(job)?;
        let questions = shared::questions(job.config, &points.dataset)?;
        let directions = latentwalk_probe::load(job.folder(Stage::Probe)?)?.directions;
        let pool = shared::pool_rows(job.config, &points.dataset)?;
        let pool_z = points.select(&pool);
        Ok(Self { points, questions, directions, pool, pool_z })
    }

    /// One course for each question, in their order.
    pub(super) fn courses(&self, config: &Config) -> Result<Vec<Course<'_>>> {
        let pairs = self.questions.iter().zip(&self.directions);
        pairs.map(|(question, direction)| Course::new(self, config, question, direction)).collect()
    }

    /// The space of a metric over the pool.
    pub(super) fn space(&self, metric: Metric) -> Result<Space> {
        Ok(Space::new(metric, self.pool_z.view())?)
    }

    /// The place of a dataset row in the pool.
    pub(super) fn in_pool(&self, row: usize) -> Option<usize> {
        self.pool.binary_search(&row).ok()
    }
}

/// One attribute's walk.
pub(super) struct Course<'a> {
    scene: &'a Scene,
    pub(super) question: &'a Question,
    pub(super) direction: &'a Direction,
    /// The declared order, or the order that the direction found on the train split where none is declared.
    pub(super) order: Vec<u32>,
    pub(super) stops: Stops,
    /// The attribute's label of every pool row.
    pub(super) labels: Vec<Option<u32>>,
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
    pub(super) fn along<'b>(&'b self, config: &Config, direction: &'b Direction) -> Result<Course<'b>> {
        Course::new(self.scene, config, self.question, direction)
    }

    /// The metrics that this attribute can be walked in, simplest first, and why others cannot.
    pub(super) fn metrics(&self, config: &Config) -> Result<(Vec<Metric>, Vec<String>)> {
        let points = &self.scene.points;
        let train = points.dataset.rows(latentwalk_images::Split::Train);
        let labelled = Metric::within_class(
            points.view(),
            &self.question.labels,
            &train,
            self.question.classes.len(),
            config.metrics.shrinkage,
        );
        let whitened = Metric::whitened(points.select(&train).view());
        let mut metrics = vec![Metric::euclidean(points.z.ncols())?];
        let mut missing = Vec::new();
        for (kind, metric) in [(MetricKind::Whitened, whitened), (MetricKind::WithinClass, labelled)] {
            match metric {
                Ok(metric) => metrics.push(metric),
                Err(reason) => missing.push(format!("{} cannot be walked in {kind}: {reason}", self.question.name)),
            }
        }
        Ok((metrics, missing))
    }

    /// The figures of walks from some dataset rows.
    pub(super) fn study<T>(
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
    pub(super) fn starts(
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
pub(super) struct Figures {
    pub(super) starts: usize,
    pub(super) median_spearman: f64,
    pub(super) middle_visited: f64,
    pub(super) on_attribute: f64,
    pub(super) missed_stops: usize,
    pub(super) mean_distance: Option<f64>,
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
