//! Walks as somebody asks for them: from any image, along axes or toward values, with others kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use latentwalk_lines::toward::TowardWalk;
use latentwalk_lines::{Hit, Knob, Metric, MetricKind, Neighbour, Space, StopContext, StopResult, Stops};
use ndarray::{ArrayView1, Axis};

use crate::attribute_walk::rule;
use crate::error::{Error, Result};
use crate::files::{AttributeMetrics, ImageRecord, StopRecord};
use crate::labels::AttributeLabels;
use crate::run::Run;
use crate::toward::AttributeToward;
use crate::walk_data::{Placing, WalkData};

/// Least share of a direction that has to be left by what is kept.
pub const LEAST_LEFT: f64 = 0.2;
/// [`Walker::farness`] above which a walk from a picture says little.
pub const FAR: f64 = 0.99;
/// How the name of a line that the run does not have begins: [`Walker::add_line`].
pub const OWN_LINE: &str = "own:";
/// Spaces that are held at a time: each takes as much memory as the coordinates.
const SPACES: usize = 2;
/// Images by whose distances it is told how far away a picture lies.
const MEASURED: usize = 200;

/// From where a walk starts.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// The row of an image of the run; `None` for a picture that the run has never seen.
    pub row: Option<usize>,
    /// Its raw PCA coordinates.
    pub z: ArrayView1<'a, f32>,
}

/// A line that is asked for: an attribute's axis, or the line toward one of its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Along {
    /// The attribute that changes, or the name of a line that was added, with [`OWN_LINE`] before it.
    pub attribute: String,
    /// The value toward which the line leads; without it, the attribute's axis.
    pub toward: Option<String>,
    /// How much the line counts in a mix; of no meaning for a line alone.
    pub weight: f64,
}

impl Along {
    /// A line alone.
    pub fn new(attribute: &str, toward: Option<&str>) -> Self {
        Self { attribute: attribute.to_owned(), toward: toward.map(str::to_owned), weight: 1.0 }
    }
}

/// Makes the walks of a finished run: what they need is read once, and spaces are held between them.
///
/// Rows are the data set's throughout: walks may retrieve from other images than the run's own walks do.
pub struct Walker {
    run: Run,
    data: WalkData,
    metrics: Vec<AttributeMetrics>,
    toward: Option<Vec<AttributeToward>>,
    pool: Vec<bool>,
    spaces: Mutex<Vec<(String, Arc<Space>)>>,
    usual: Mutex<BTreeMap<String, Arc<Vec<f64>>>>,
    own: Mutex<BTreeMap<String, Arc<Vec<f64>>>>,
}

/// A line from a start, ready to be walked; the images of the start's group are never found.
pub struct Ready {
    /// The distance in which images are near.
    pub metric: MetricKind,
    /// How much of the direction is left by what is kept; 1 where nothing is.
    pub left: f64,
    /// The line, with every image of the data set beside it.
    pub knob: Knob,
    group: Vec<bool>,
}

impl Ready {
    /// The walk: place and content of each stop. `pool` says of every row whether it may be found.
    ///
    /// # Errors
    /// As [`Knob::walk`].
    pub fn walk(&self, stops: Option<usize>, per_stop: usize, pool: &[bool]) -> Result<Vec<(f64, StopRecord)>> {
        let found = self.knob.walk(stops, per_stop, |row| pool[row] && !self.of_group(row))?;
        Ok(found.into_iter().map(|(place, stop)| (place, record(stop))).collect())
    }

    /// What lies at one place of the knob.
    ///
    /// # Errors
    /// As [`Knob::at`].
    pub fn at(&self, place: f64, count: usize, pool: &[bool]) -> Result<StopRecord> {
        Ok(record(self.knob.at(place, count, |row| pool[row] && !self.of_group(row))?))
    }

    fn of_group(&self, row: usize) -> bool {
        self.group.get(row).copied().unwrap_or(false)
    }
}

impl Walker {
    /// Reads what a run's walks are made from.
    ///
    /// # Errors
    /// As [`Run::walk_data`], [`Run::metrics`] and, where the run has lines toward values, [`Run::toward`].
    pub fn open(run: &Run) -> Result<Self> {
        let data = run.walk_data()?;
        let mut pool = vec![false; data.points.z.nrows()];
        data.pool.iter().for_each(|&row| pool[row] = true);
        let toward = if run.artifact("toward").is_ok() { Some(run.toward()?) } else { None };
        Ok(Self {
            run: run.clone(),
            metrics: run.metrics()?,
            data,
            toward,
            pool,
            spaces: Mutex::default(),
            usual: Mutex::default(),
            own: Mutex::default(),
        })
    }

    /// The images, directions and pool.
    pub fn data(&self) -> &WalkData {
        &self.data
    }

    /// The lines toward each attribute's values; none where the run made none.
    pub fn toward(&self) -> &[AttributeToward] {
        self.toward.as_deref().unwrap_or_default()
    }

    /// Of every row, whether the run's own walks may retrieve it.
    pub fn pool(&self) -> &[bool] {
        &self.pool
    }

    /// A start from one of the run's images.
    ///
    /// # Errors
    /// [`Error::NoRow`].
    pub fn start(&self, row: usize) -> Result<Start<'_>> {
        let rows = self.data.points.z.nrows();
        if row >= rows {
            return Err(Error::NoRow { row, rows });
        }
        Ok(Start { row: Some(row), z: self.data.points.z.row(row) })
    }

    /// The metric in which the run walks along an attribute's axis.
    ///
    /// # Errors
    /// As [`Run::metric`].
    pub fn metric(&self, attribute: &str) -> Result<&Metric> {
        let found = self.metrics.iter().find(|metrics| metrics.name == attribute);
        found.ok_or_else(|| self.no_direction(attribute))?.default_metric()
    }

    /// A start's position on an attribute's axis, or on a line of one's own.
    ///
    /// # Errors
    /// [`Error::NoDirection`].
    pub fn position(&self, attribute: &str, z: ArrayView1<'_, f32>) -> Result<f64> {
        Ok(position(z, &self.weights(attribute)?))
    }

    /// A line from a start, or a mix of several, with the positions on the axes of `keep` held.
    ///
    /// Along one axis from one of the run's own images it finds what the run's strips show; toward a value its end is what the run's
    /// figures count. A mix goes along Σ aᵢ wᵢ / σᵢ, with the weights aᵢ that were asked for and the standard deviations σᵢ of the pool's
    /// positions, in the residual metric where the run has one, else in the whitened one, from the 1st to the 99th percentile of the
    /// pool's positions. Nothing is fitted.
    ///
    /// # Errors
    /// No line; an attribute or a value that does not exist; a value that the start has already; a mix that cancels out; kept attributes
    /// that leave less than [`LEAST_LEFT`] of the direction; as [`Run::metrics`] and [`Run::toward`].
    pub fn ready(&self, start: &Start<'_>, lines: &[Along], keep: &[String]) -> Result<Ready> {
        let kept: Vec<Vec<f64>> = keep.iter().map(|name| self.weights(name)).collect::<Result<_>>()?;
        if let Some(both) = keep.iter().find(|name| lines.iter().any(|line| line.attribute == **name)) {
            let reason = format!("`{both}` is walked along and cannot be kept");
            return Err(Error::Asked { reason, hint: "leave it out of what is kept" });
        }
        let (metric, knob, left) = match lines {
            [] => return Err(Error::Asked { reason: "no line is asked for".to_owned(), hint: "name an attribute" }),
            [Along { attribute, toward: None, .. }] => self.along_axis(attribute, start, &kept)?,
            [Along { attribute, toward: Some(value), .. }] => self.toward_value(attribute, value, start, &kept)?,
            several => self.mix(several, start, &kept)?,
        };
        if left < LEAST_LEFT {
            let walked: Vec<String> = lines.iter().map(|line| format!("`{}`", line.attribute)).collect();
            let reason = format!(
                "keeping {} leaves {left:.2} of the direction of {}, less than {LEAST_LEFT}: the network sees them change together",
                keep.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
                walked.join(" and "),
            );
            return Err(Error::Asked { reason, hint: "keep fewer attributes" });
        }
        let groups = &self.data.points.groups;
        let group = start.row.map(|row| groups.iter().map(|group| *group == groups[row]).collect());
        Ok(Ready { metric, left, knob, group: group.unwrap_or_default() })
    }

    fn along_axis(&self, attribute: &str, start: &Start<'_>, kept: &[Vec<f64>]) -> Result<(MetricKind, Knob, f64)> {
        if attribute.starts_with(OWN_LINE) {
            return self.along_weights(&self.weights(attribute)?, start, kept);
        }
        let along = self.data.attribute(attribute)?;
        let metric = self.metric(attribute)?;
        let (weights, left) = metric.keeping(&along.direction.weights, kept)?;
        // What is refused for too little that is left has no stops worth placing.
        let stops = match kept {
            [] => along.stops.clone(),
            _ if left < LEAST_LEFT => along.stops.clone(),
            _ => stops_along(&self.data, attribute, &weights)?,
        };
        let space = self.space(format!("axis {attribute}"), metric)?;
        let sweep = space.sweep(&metric.line(&weights, start.z)?)?;
        Ok((metric.kind(), Knob::along(sweep, stops), left))
    }

    /// Along weights that are no attribute's: in the metric of mixes, from the 1st to the 99th percentile of the pool's positions.
    fn along_weights(&self, weights: &[f64], start: &Start<'_>, kept: &[Vec<f64>]) -> Result<(MetricKind, Knob, f64)> {
        let metric = self.mixed_metric()?;
        let (weights, left) = metric.keeping(weights, kept)?;
        let pool: Vec<f64> = self.data.pool_z.outer_iter().map(|row| position(row, &weights)).collect();
        let ends = StopContext { medians: &[], pool: &pool, start: 0.0 };
        let outer = rule(Placing::Quantiles, 2).place(&ends)?;
        let evenly = StopContext { medians: outer.positions(), ..ends };
        let stops = rule(Placing::Medians, self.data.plan.stops.max(2)).place(&evenly)?;
        let space = self.space("mix".to_owned(), metric)?;
        let sweep = space.sweep(&metric.line(&weights, start.z)?)?;
        Ok((metric.kind(), Knob::along(sweep, stops), left))
    }

    /// Adds a line of one's own, or replaces it: `own:NAME` then is its name among [`Along::attribute`] and what is kept.
    ///
    /// # Errors
    /// Weights of another width than the coordinates.
    pub fn add_line(&self, name: &str, weights: Vec<f64>) -> Result<()> {
        let (expected, got) = (self.data.points.z.ncols(), weights.len());
        if expected != got {
            let reason = format!("the line `{name}` has {got} weights, and images have {expected} coordinates");
            return Err(Error::Asked { reason, hint: "fit it again on this run" });
        }
        self.held_lines().insert(name.to_owned(), Arc::new(weights));
        Ok(())
    }

    /// Forgets a line of one's own.
    pub fn remove_line(&self, name: &str) {
        self.held_lines().remove(name);
    }

    fn held_lines(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Vec<f64>>>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The weights of an attribute's axis or of a line of one's own.
    ///
    /// # Errors
    /// [`Error::NoDirection`].
    pub fn weights(&self, name: &str) -> Result<Vec<f64>> {
        match name.strip_prefix(OWN_LINE) {
            None => Ok(self.data.direction(name)?.1.weights.clone()),
            Some(own) => {
                let found = self.held_lines().get(own).cloned();
                let unknown = || Error::NoDirection { attribute: name.to_owned(), known: self.known_lines() };
                Ok(found.ok_or_else(unknown)?.to_vec())
            }
        }
    }

    /// The names of the axes and of the lines that were added.
    pub(crate) fn known_lines(&self) -> Vec<String> {
        let attributes = self.data.attributes.iter().map(|labels| labels.name.clone());
        attributes.chain(self.held_lines().keys().map(|name| format!("{OWN_LINE}{name}"))).collect()
    }

    fn toward_value(
        &self,
        attribute: &str,
        value: &str,
        start: &Start<'_>,
        kept: &[Vec<f64>],
    ) -> Result<(MetricKind, Knob, f64)> {
        let (to, labels, toward) = self.value(attribute, value)?;
        let from = start.row.and_then(|row| labels.labels[row]);
        if from == Some(to) {
            let reason = format!("the start has `{attribute}` = `{value}` already");
            return Err(Error::Asked { reason, hint: "name another value, or another start" });
        }
        let space = self.space(format!("toward {attribute}"), &toward.lines.metric)?;
        let walk = TowardWalk {
            space: &space,
            pool: self.data.points.z.view(),
            start: start.z,
            from,
            to,
            stops: self.data.plan.stops,
            kept,
        };
        let (knob, left) = toward.lines.knob(&walk)?;
        Ok((toward.lines.metric.kind(), knob, left))
    }

    /// The class that a value names, the attribute's labels, and the lines toward its values.
    fn value(&self, attribute: &str, value: &str) -> Result<(u32, &AttributeLabels, &AttributeToward)> {
        let (labels, _) = self.data.direction(attribute)?;
        let place = labels.classes.iter().position(|class| class == value);
        let to = place.ok_or_else(|| Error::Unknown {
            key: "toward".to_owned(),
            kind: "class",
            name: value.to_owned(),
            known: labels.classes.clone(),
        })?;
        if self.toward.is_none() {
            self.run.toward()?;
        }
        let toward = self.toward().iter().find(|toward| toward.name == attribute);
        let toward = toward.ok_or_else(|| Error::NoDirection {
            attribute: attribute.to_owned(),
            known: self.toward().iter().map(|toward| toward.name.clone()).collect(),
        })?;
        Ok((to as u32, labels, toward))
    }

    /// The weights that place an image on a line: on an axis, toward a value, or on a line of one's own.
    ///
    /// # Errors
    /// An attribute, a value or a line that does not exist; as [`Run::toward`].
    pub fn line_weights(&self, line: &Along) -> Result<Vec<f64>> {
        let Some(value) = &line.toward else { return self.weights(&line.attribute) };
        let (to, _, toward) = self.value(&line.attribute, value)?;
        Ok(toward.lines.lines[to as usize].weights.clone())
    }

    fn mix(&self, lines: &[Along], start: &Start<'_>, kept: &[Vec<f64>]) -> Result<(MetricKind, Knob, f64)> {
        let width = self.data.points.z.ncols();
        let mut weights = vec![0.0; width];
        for line in lines {
            let own = self.line_weights(line)?;
            let deviation = self.deviation(&own);
            if deviation > 0.0 {
                weights.iter_mut().zip(&own).for_each(|(sum, w)| *sum += line.weight * w / deviation);
            }
        }
        let deviation = self.deviation(&weights);
        if !(deviation > 0.0 && deviation.is_finite()) {
            let reason = "these weights cancel out: no line is left".to_owned();
            return Err(Error::Asked { reason, hint: "give one of the lines another weight" });
        }
        self.along_weights(&weights, start, kept)
    }

    /// The metric of mixes: residual where the run has one, else whitened, else that of the first attribute.
    fn mixed_metric(&self) -> Result<&Metric> {
        let all = || self.metrics.iter().flat_map(|metrics| &metrics.metrics);
        let own = self.toward().iter().map(|toward| &toward.lines.metric);
        let residual = own.chain(all()).find(|metric| metric.kind() == MetricKind::Residual);
        let found = residual.or_else(|| all().find(|metric| metric.kind() == MetricKind::Whitened));
        found.map_or_else(|| self.metric(&self.data.attributes[0].name), Ok)
    }

    /// Standard deviation of the pool's positions, divided by n.
    fn deviation(&self, weights: &[f64]) -> f64 {
        let positions: Vec<f64> = self.data.pool_z.outer_iter().map(|row| position(row, weights)).collect();
        let n = positions.len() as f64;
        let mean = positions.iter().sum::<f64>() / n;
        (positions.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / n).sqrt()
    }

    /// The whole data set under a metric; the spaces used last are held.
    fn space(&self, name: String, metric: &Metric) -> Result<Arc<Space>> {
        let held = || self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut held = held();
            if let Some(at) = held.iter().position(|(known, _)| *known == name) {
                let entry = held.remove(at);
                let space = entry.1.clone();
                held.push(entry);
                return Ok(space);
            }
        }
        let space = Arc::new(Space::new(metric.clone(), self.data.points.z.view())?);
        let mut held = held();
        held.push((name, space.clone()));
        let over = held.len().saturating_sub(SPACES);
        held.drain(..over);
        Ok(space)
    }

    /// The `count` images nearest to a point, in the metric of an attribute's axis; those of the start's group are left out.
    ///
    /// # Errors
    /// As [`Walker::metric`]; coordinates of another width.
    pub fn near(&self, attribute: &str, start: &Start<'_>, count: usize) -> Result<Vec<Neighbour>> {
        let groups = &self.data.points.groups;
        let own: Vec<usize> = match start.row {
            Some(row) => (0..groups.len()).filter(|&other| groups[other] == groups[row]).collect(),
            None => Vec::new(),
        };
        self.nearest(attribute, start.z, count, &own)
    }

    /// For each of some rows the `count` other images nearest to it, in the metric of an attribute's axis; ties by row. Unlike in
    /// [`Walker::near`], images of its group are among them.
    ///
    /// # Errors
    /// As [`Walker::metric`]; a row that does not exist.
    pub fn neighbours(&self, attribute: &str, rows: &[usize], count: usize) -> Result<Vec<Vec<Neighbour>>> {
        let space = self.space(format!("axis {attribute}"), self.metric(attribute)?)?;
        Ok(space.neighbours(rows, count)?)
    }

    fn nearest(&self, attribute: &str, z: ArrayView1<'_, f32>, count: usize, own: &[usize]) -> Result<Vec<Neighbour>> {
        let metric = self.metric(attribute)?;
        let space = self.space(format!("axis {attribute}"), metric)?;
        let mapped = metric.map(z.insert_axis(Axis(0)))?;
        Ok(space.nearest(&mapped.into_iter().collect::<Vec<f32>>(), count, own)?)
    }

    /// How unusual a picture is that the run has never seen: the share of the run's images that have a nearer neighbour than it has, in
    /// the metric of an attribute's axis. It is measured on evenly drawn images. Above [`FAR`] a walk from the picture says little.
    ///
    /// # Errors
    /// As [`Walker::metric`]; coordinates of another width.
    pub fn farness(&self, attribute: &str, z: ArrayView1<'_, f32>) -> Result<f64> {
        let usual = self.usual_distances(attribute)?;
        let own = self.nearest(attribute, z, 1, &[])?.first().map_or(0.0, |found| found.distance);
        let nearer = usual.iter().filter(|&&distance| distance < own).count();
        Ok(nearer as f64 / usual.len().max(1) as f64)
    }

    /// Distances of some images from their nearest neighbours, measured once.
    fn usual_distances(&self, attribute: &str) -> Result<Arc<Vec<f64>>> {
        let held = || self.usual.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = held().get(attribute) {
            return Ok(known.clone());
        }
        let z = &self.data.points.z;
        let next = |row: usize| self.nearest(attribute, z.row(row), 1, &[row]);
        let rows = (0..z.nrows()).step_by(z.nrows().div_ceil(MEASURED).max(1));
        let found: Vec<Vec<Neighbour>> = rows.map(next).collect::<Result<_>>()?;
        let distances = Arc::new(found.iter().flatten().map(|neighbour| neighbour.distance).collect::<Vec<f64>>());
        held().insert(attribute.to_owned(), distances.clone());
        Ok(distances)
    }

    fn no_direction(&self, attribute: &str) -> Error {
        let known = self.metrics.iter().map(|metrics| metrics.name.clone()).collect();
        Error::NoDirection { attribute: attribute.to_owned(), known }
    }
}

/// Position of raw coordinates along weights, `wᵀz`.
pub fn position(row: ArrayView1<'_, f32>, weights: &[f64]) -> f64 {
    row.iter().zip(weights).map(|(&v, w)| f64::from(v) * w).sum()
}

/// The run's way of placing stops, along other weights than its own.
fn stops_along(data: &WalkData, attribute: &str, weights: &[f64]) -> Result<Stops> {
    let along = data.attribute(attribute)?;
    let train = |row: &usize| data.points.splits[*row] == latentwalk_probe::Split::Train;
    let median = |&class: &u32| {
        let rows = (0..along.labels.labels.len()).filter(|&row| along.labels.labels[row] == Some(class)).filter(train);
        let positions = latentwalk_arithmetic::ascending(rows.map(|row| position(data.points.z.row(row), weights)));
        latentwalk_arithmetic::median(&positions)
    };
    let medians: Vec<f64> = along.order.iter().filter_map(median).collect();
    let pool: Vec<f64> = data.pool_z.outer_iter().map(|row| position(row, weights)).collect();
    let start = pool.iter().sum::<f64>() / pool.len() as f64;
    let stops = rule(data.plan.placing, data.plan.stops);
    Ok(stops.place(&StopContext { medians: &medians, pool: &pool, start })?)
}

fn record(stop: StopResult) -> StopRecord {
    let image = |hit: Hit| ImageRecord { row: hit.row, position: hit.position, distance: hit.distance };
    StopRecord { position: stop.position, slab: stop.slab, images: stop.hits.into_iter().map(image).collect() }
}
