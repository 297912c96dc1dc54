//! The walk along one attribute: its direction, its order, its stops, its starts.

use latentwalk_lines::{
    Hit, Metric, MetricKind, Search, Space, StopContext, StopResult, StopRule, Stops, WalkOptions, WalkStudy, walk,
};
use latentwalk_probe::Direction;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::files::{ImageRecord, StopRecord, StripRecord};
use crate::labels::AttributeLabels;
use crate::metric_fit::MetricFit;
use crate::walk_data::{Placing, WalkData};

/// What a change of another attribute counts more in the metric `residual-others` of a walk: as much again.
const OTHERS_WEIGHT: f64 = 1.0;

/// One attribute's walk.
pub struct AttributeWalk<'a> {
    data: &'a WalkData,
    /// The labels that the direction tells apart.
    pub labels: &'a AttributeLabels,
    /// The direction that is walked along.
    pub direction: &'a Direction,
    /// The declared order, or the order that the direction found on the train split where none is declared.
    pub order: Vec<u32>,
    /// The positions at which images are looked for.
    pub stops: Stops,
    /// The attribute's label of every pool row.
    pub pool_labels: Vec<Option<u32>>,
}

impl WalkData {
    /// The walk along an attribute.
    ///
    /// # Errors
    /// [`Error::NoDirection`]; stops that cannot be placed.
    pub fn attribute(&self, name: &str) -> Result<AttributeWalk<'_>> {
        let (labels, direction) = self.direction(name)?;
        AttributeWalk::new(self, labels, direction)
    }

    /// The walk along every attribute, in their order.
    ///
    /// # Errors
    /// Stops that cannot be placed.
    pub fn all_attributes(&self) -> Result<Vec<AttributeWalk<'_>>> {
        let pairs = self.attributes.iter().zip(&self.directions);
        pairs.map(|(labels, direction)| AttributeWalk::new(self, labels, direction)).collect()
    }
}

impl<'a> AttributeWalk<'a> {
    fn new(data: &'a WalkData, labels: &'a AttributeLabels, direction: &'a Direction) -> Result<Self> {
        let order = if labels.order.is_empty() { direction.found_order.clone() } else { labels.order.clone() };
        let stops = stops(data, direction, &order)
            .map_err(|source| Error::Walk { attribute: labels.name.clone(), source: Box::new(source) })?;
        let pool_labels = data.pool.iter().map(|&row| labels.labels[row]).collect();
        Ok(Self { data, labels, direction, order, stops, pool_labels })
    }

    /// The same walk along another direction.
    ///
    /// # Errors
    /// Stops that cannot be placed.
    pub fn along<'b>(&'b self, direction: &'b Direction) -> Result<AttributeWalk<'b>> {
        AttributeWalk::new(self.data, self.labels, direction)
    }

    /// The metrics that this attribute can be walked in, in the order of `kinds`, and why it cannot be in others.
    ///
    /// Each is fitted on the train split.
    ///
    /// # Errors
    /// The first reason, an [`Error::Metric`], when none is left.
    pub fn metrics(&self, kinds: &[MetricKind], shrinkage: f64) -> Result<(Vec<Metric>, Vec<Error>)> {
        let all = AttributeLabels::all_exclusive(&self.data.points.dataset);
        let others: Vec<usize> = (0..all.len()).filter(|&at| all[at].name != self.labels.name).collect();
        let fit = MetricFit::new(&self.data.points, self.labels, (&all, &others), shrinkage);
        let mut metrics = Vec::new();
        let mut missing = Vec::new();
        for &kind in kinds {
            match fit.metric(kind, OTHERS_WEIGHT) {
                Ok(metric) => metrics.push(metric),
                Err(source) => missing.push(Error::Metric { attribute: self.labels.name.clone(), kind, source }),
            }
        }
        if metrics.is_empty() && !missing.is_empty() {
            return Err(missing.swap_remove(0));
        }
        Ok((metrics, missing))
    }

    /// Figures of walks from some rows.
    ///
    /// # Errors
    /// What the figures refuse, with the attribute's name.
    pub fn study<T>(
        &self,
        space: &Space,
        starts: &[usize],
        figures: impl FnOnce(&WalkStudy<'_>) -> Result<T, latentwalk_lines::Error>,
    ) -> Result<T> {
        let z = self.data.points.select(starts);
        let start_rows: Vec<Option<usize>> = starts.iter().map(|&row| self.data.in_pool(row)).collect();
        let study = WalkStudy {
            space,
            labels: &self.pool_labels,
            order: &self.order,
            weights: &self.direction.weights,
            stops: &self.stops,
            starts: z.view(),
            start_rows: &start_rows,
        };
        figures(&study).map_err(|source| self.failed(source))
    }

    /// Up to `count` rows of a split where a walk may start, drawn with a seed.
    ///
    /// # Errors
    /// An unknown split; [`Error::NoImages`].
    pub fn starts(&self, split: &str, count: usize, seed: u64) -> Result<Vec<usize>> {
        let mut rows = self.data.plan.pool.starts(&self.data.points.dataset, self.labels, split)?;
        rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        rows.truncate(count);
        Ok(rows)
    }

    /// The strip from a row: at each stop the `per_stop` pool images that are nearest to the line through it.
    ///
    /// The start itself is never retrieved.
    ///
    /// # Errors
    /// A row that does not exist, a space of another number of axes, an index that does not belong to the space.
    pub fn strip(&self, space: &Space, search: Search<'_>, start: usize, per_stop: usize) -> Result<StripRecord> {
        let points = &self.data.points;
        let rows = points.z.nrows();
        if start >= rows {
            return Err(Error::NoRow { row: start, rows });
        }
        let line = space.metric().line(&self.direction.weights, points.z.row(start)).map_err(|e| self.failed(e))?;
        let exclude: Vec<usize> = self.data.in_pool(start).into_iter().collect();
        let options = WalkOptions { per_stop, search, exclude: &exclude };
        let found = walk(space, &line, &self.stops, &options).map_err(|e| self.failed(e))?;
        let image =
            |hit: &Hit| ImageRecord { row: self.data.pool[hit.row], position: hit.position, distance: hit.distance };
        let stop = |s: &StopResult| StopRecord {
            position: s.position,
            slab: s.slab,
            images: s.hits.iter().map(image).collect(),
        };
        Ok(StripRecord { start, position: found.start_position, stops: found.stops.iter().map(stop).collect() })
    }

    fn failed(&self, source: latentwalk_lines::Error) -> Error {
        Error::Walk { attribute: self.labels.name.clone(), source: Box::new(source.into()) }
    }
}

fn stops(data: &WalkData, direction: &Direction, order: &[u32]) -> Result<Stops> {
    let medians = order.iter().filter_map(|&class| direction.evidence.train[class as usize].as_ref());
    let medians: Vec<f64> = medians.map(|spread| spread.median()).collect();
    let pool = direction.positions(data.pool_z.view())?;
    // All starts share their stops, so that strips can be compared: sigma stops stand around the pool's mean.
    let start = pool.iter().sum::<f64>() / pool.len() as f64;
    Ok(rule(data.plan.placing, data.plan.stops).place(&StopContext { medians: &medians, pool: &pool, start })?)
}

/// The rule by which a description's word places stops.
pub(crate) fn rule(placing: Placing, count: usize) -> StopRule {
    match placing {
        Placing::Medians => StopRule::Medians { count },
        Placing::Quantiles => StopRule::Quantiles { count, low: StopRule::DEFAULT_LOW, high: StopRule::DEFAULT_HIGH },
        Placing::Sigma => StopRule::Sigma { count, step: 1.0 },
    }
}
