//! A walk as somebody asks for it: from any image, along an attribute's axis or toward one of its values, with others kept.

use latentwalk_lines::toward::TowardWalk;
use latentwalk_lines::{Hit, MetricKind, StopContext, Stops, Strip, WalkOptions, walk};
use ndarray::ArrayView1;

use crate::attribute_walk::rule;
use crate::error::{Error, Result};
use crate::files::{ImageRecord, StopRecord};
use crate::run::Run;
use crate::walk_data::WalkData;

/// Least share of a direction that has to be left by what is kept.
pub const LEAST_LEFT: f64 = 0.2;

/// From where a walk starts.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// The row of an image of the run; `None` for a picture that the run has never seen.
    pub row: Option<usize>,
    /// Its raw PCA coordinates.
    pub z: ArrayView1<'a, f32>,
}

/// What is asked of a walk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes<'a> {
    /// The attribute's value toward which it leads; without it, the walk along the attribute's axis.
    pub toward: Option<&'a str>,
    /// Stops; without it, as many as the run's own walks have.
    pub stops: Option<usize>,
    /// Images per stop; 0 is 1.
    pub per_stop: usize,
    /// Attributes on whose axis the position has to stay.
    pub keep: &'a [String],
}

/// A walk and what was found; rows are the data set's.
#[derive(Debug, Clone, PartialEq)]
pub struct Walked {
    /// The distance in which images are near.
    pub metric: MetricKind,
    /// The start's position.
    pub position: f64,
    /// The stops, in the order of the walk.
    pub stops: Vec<StopRecord>,
    /// How much of the direction is left by what is kept; 1 where nothing is.
    pub left: f64,
}

impl Run {
    /// The walk from a start along an attribute.
    ///
    /// Along the axis from one of the run's own images it finds what the run's strips show; toward a value its last stop is what the
    /// run's figures count. Nothing is fitted. The start and the images of its group are never found.
    ///
    /// # Errors
    /// An attribute or a value that does not exist; a value that the start has already; kept attributes that leave less than
    /// [`LEAST_LEFT`] of the direction; as [`Run::metric`] and [`Run::toward`].
    pub fn walk(&self, data: &WalkData, attribute: &str, start: &Start<'_>, wishes: &Wishes<'_>) -> Result<Walked> {
        let kept: Vec<Vec<f64>> =
            wishes.keep.iter().map(|name| Ok(data.direction(name)?.1.weights.clone())).collect::<Result<_>>()?;
        if wishes.keep.iter().any(|name| name == attribute) {
            let reason = format!("`{attribute}` is walked along and cannot be kept");
            return Err(Error::Asked { reason, hint: "leave it out of what is kept" });
        }
        let walked = match wishes.toward {
            Some(value) => self.toward_value(data, attribute, (start, value), wishes, &kept)?,
            None => self.along_axis(data, attribute, start, wishes, &kept)?,
        };
        if walked.left < LEAST_LEFT {
            let reason = format!(
                "keeping {} leaves {:.2} of the direction of `{attribute}`, less than {LEAST_LEFT}: the network sees them change together",
                wishes.keep.join(", "),
                walked.left
            );
            return Err(Error::Asked { reason, hint: "keep fewer attributes" });
        }
        Ok(walked)
    }

    fn along_axis(
        &self,
        data: &WalkData,
        attribute: &str,
        start: &Start<'_>,
        wishes: &Wishes<'_>,
        kept: &[Vec<f64>],
    ) -> Result<Walked> {
        let along = data.attribute(attribute)?;
        let metric = self.metric(attribute)?;
        let own = &along.direction.weights;
        let (weights, left) = metric.keeping(own, kept)?;
        if left < LEAST_LEFT {
            return Ok(Walked { metric: metric.kind(), position: 0.0, stops: Vec::new(), left });
        }
        let stops = match (kept, wishes.stops) {
            ([], None) => along.stops.clone(),
            _ => stops_along(data, attribute, &weights, wishes.stops.unwrap_or(data.plan.stops))?,
        };
        let space = data.space(metric)?;
        let line = space.metric().line(&weights, start.z)?;
        let exclude = of_group(data, start);
        let options = WalkOptions { per_stop: wishes.per_stop.max(1), exclude: &exclude, ..WalkOptions::default() };
        let found = walk(&space, &line, &stops, &options)?;
        Ok(record(data, space.metric().kind(), &found, left))
    }

    fn toward_value(
        &self,
        data: &WalkData,
        attribute: &str,
        (start, value): (&Start<'_>, &str),
        wishes: &Wishes<'_>,
        kept: &[Vec<f64>],
    ) -> Result<Walked> {
        let (labels, _) = data.direction(attribute)?;
        let unknown = || Error::Unknown {
            key: "toward".to_owned(),
            kind: "class",
            name: value.to_owned(),
            known: labels.classes.clone(),
        };
        let to = labels.classes.iter().position(|class| class == value).ok_or_else(unknown)? as u32;
        let from = start.row.and_then(|row| labels.labels[row]);
        if from == Some(to) {
            let reason = format!("the start has `{attribute}` = `{value}` already");
            return Err(Error::Asked { reason, hint: "name another value, or another start" });
        }
        let all = self.toward()?;
        let toward = all.iter().find(|toward| toward.name == attribute).ok_or_else(|| Error::NoDirection {
            attribute: attribute.to_owned(),
            known: all.iter().map(|toward| toward.name.clone()).collect(),
        })?;
        let walk = TowardWalk {
            pool: data.pool_z.view(),
            start: start.z,
            from,
            to,
            stops: wishes.stops.unwrap_or(data.plan.stops),
            per_stop: wishes.per_stop.max(1),
            kept,
        };
        let own = of_group(data, start);
        let (found, left) = toward.lines.strip(&walk, &|row| own.binary_search(&row).is_ok())?;
        Ok(record(data, toward.lines.metric.kind(), &found, left))
    }
}

/// The pool's rows that are of the start's group, ascending.
fn of_group(data: &WalkData, start: &Start<'_>) -> Vec<usize> {
    let Some(own) = start.row.map(|row| data.points.groups[row]) else { return Vec::new() };
    (0..data.pool.len()).filter(|&at| data.points.groups[data.pool[at]] == own).collect()
}

/// The run's way of placing stops, along other weights than its own or in another number.
fn stops_along(data: &WalkData, attribute: &str, weights: &[f64], count: usize) -> Result<Stops> {
    let along = data.attribute(attribute)?;
    let position = |row: ArrayView1<'_, f32>| -> f64 { row.iter().zip(weights).map(|(&v, w)| f64::from(v) * w).sum() };
    let train = |row: &usize| data.points.splits[*row] == latentwalk_probe::Split::Train;
    let median = |&class: &u32| {
        let rows = (0..along.labels.labels.len()).filter(|&row| along.labels.labels[row] == Some(class)).filter(train);
        let positions = latentwalk_arithmetic::ascending(rows.map(|row| position(data.points.z.row(row))));
        latentwalk_arithmetic::median(&positions)
    };
    let medians: Vec<f64> = along.order.iter().filter_map(median).collect();
    let pool: Vec<f64> = data.pool_z.outer_iter().map(position).collect();
    let start = pool.iter().sum::<f64>() / pool.len() as f64;
    Ok(rule(data.plan.placing, count).place(&StopContext { medians: &medians, pool: &pool, start })?)
}

fn record(data: &WalkData, metric: MetricKind, found: &Strip, left: f64) -> Walked {
    let image = |hit: &Hit| ImageRecord { row: data.pool[hit.row], position: hit.position, distance: hit.distance };
    let stops = found.stops.iter().map(|stop| StopRecord {
        position: stop.position,
        slab: stop.slab,
        images: stop.hits.iter().map(image).collect(),
    });
    Walked { metric, position: found.start_position, stops: stops.collect(), left }
}
