//! Walks, as the page asks for them and as they are answered.

use std::collections::BTreeMap;

use latentwalk_run::{Along, AttributeLabels, Ready, Start, StopRecord};
use serde::{Deserialize, Serialize};

use crate::catalogue::{Image, Only};
use crate::error::{Error, Result};
use crate::session::{Session, StartAsked};

/// Most images for one stop.
const MOST_PER_STOP: usize = 60;
/// Most places of the knob that are asked for at once.
const MOST_PLACES: usize = 200;
/// Most lines of a mix.
const MOST_LINES: usize = 12;

/// A walk that is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WalkAsked {
    pub(crate) start: StartAsked,
    pub(crate) lines: Vec<LineAsked>,
    #[serde(default)]
    pub(crate) keep: Vec<String>,
    /// Places on the knob; without them, the usual stops.
    #[serde(default)]
    pub(crate) at: Option<Vec<f64>>,
    #[serde(default)]
    pub(crate) per_stop: Option<usize>,
    /// Among which images; without it, the run's own pool.
    #[serde(default)]
    pub(crate) pool: Option<PoolAsked>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineAsked {
    pub(crate) attribute: String,
    #[serde(default)]
    pub(crate) toward: Option<String>,
    #[serde(default = "one")]
    pub(crate) weight: f64,
}

fn one() -> f64 {
    1.0
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PoolAsked {
    #[serde(default)]
    pub(crate) splits: Vec<String>,
    /// For each attribute the values of which an image must have one.
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, Vec<String>>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Walked {
    pub(crate) metric: &'static str,
    pub(crate) left: f64,
    pub(crate) range: (f64, f64),
    pub(crate) start: StartTold,
    pub(crate) pool: usize,
    pub(crate) positions: BTreeMap<String, f64>,
    pub(crate) stops: Vec<StopTold>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StartTold {
    pub(crate) position: f64,
    pub(crate) class: Option<String>,
    pub(crate) at: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StopTold {
    pub(crate) at: f64,
    pub(crate) position: f64,
    pub(crate) slab: (f64, f64),
    pub(crate) images: Vec<Found>,
}

/// An image that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Found {
    #[serde(flatten)]
    pub(crate) image: Image,
    pub(crate) position: f64,
    pub(crate) distance: f64,
    /// Its positions on the axes of the attributes that are walked along.
    pub(crate) axes: BTreeMap<String, f64>,
    /// Its value of the attribute that is walked along, the first one of a mix.
    pub(crate) value: Option<String>,
    /// Other attributes whose label is known and not the start's.
    pub(crate) changed: Vec<String>,
    /// Other attributes whose label is the start's.
    pub(crate) kept: Vec<String>,
}

impl WalkAsked {
    fn check(&self) -> Result<()> {
        let within = |what: &str, got: usize, most: usize| match got <= most {
            true => Ok(()),
            false => Err(Error::Asked(format!("{what}: {got} are asked for, at most {most} are given"))),
        };
        within("lines of a mix", self.lines.len(), MOST_LINES)?;
        within("images for each stop", self.per_stop.unwrap_or(1), MOST_PER_STOP)?;
        within("places on the knob", self.at.as_ref().map_or(0, Vec::len), MOST_PLACES)?;
        match self.lines.iter().find(|line| !line.weight.is_finite()) {
            Some(line) => Err(Error::Asked(format!("the weight of `{}` is no number", line.attribute))),
            None => Ok(()),
        }
    }

    /// What decides the line; the place on it and the pool do not.
    fn line(&self) -> String {
        serde_json::to_string(&(&self.start, &self.lines, &self.keep)).unwrap_or_default()
    }
}

impl Session {
    /// Walks.
    pub(crate) fn walk(&self, asked: &WalkAsked) -> Result<Walked> {
        asked.check()?;
        self.with_start(&asked.start, |start| {
            let lines: Vec<Along> = asked.lines.iter().map(along).collect();
            let ready = self.ready(&asked.line(), || Ok(self.walker.ready(start, &lines, &asked.keep)?))?;
            let stops = self.stops(asked, &ready)?;
            let attributes = &self.walker.data().attributes;
            let position =
                |labels: &AttributeLabels| Ok((labels.name.clone(), self.walker.position(&labels.name, start.z)?));
            let first = self.labels.iter().find(|labels| labels.name == lines[0].attribute);
            Ok(Walked {
                metric: ready.metric.name(),
                left: ready.left,
                range: (0.0, 1.0),
                start: StartTold {
                    position: ready.knob.sweep().start_position(),
                    class: first.and_then(|labels| Some(labels.class_of(start.row?)?.to_owned())),
                    at: ready.knob.place_of_start(),
                },
                pool: self.pool(asked)?.iter().filter(|row| **row).count(),
                positions: attributes.iter().map(position).collect::<Result<_>>()?,
                stops: stops.into_iter().map(|(at, stop)| self.told(at, stop, start, &lines)).collect(),
            })
        })
    }

    /// The walk as one picture: the start, then the nearest image of every stop.
    pub(crate) fn strip(&self, asked: &WalkAsked) -> Result<Vec<u8>> {
        let walked = self.walk(asked)?;
        let found = walked.stops.iter().map(|stop| stop.images.first().map(|found| found.image.row));
        let start = match asked.start {
            StartAsked::Row(row) => Some(Some(row)),
            StartAsked::Picture(_) => None,
        };
        self.strip_png(start.into_iter().chain(found).collect(), start.is_some())
    }

    fn stops(&self, asked: &WalkAsked, ready: &Ready) -> Result<Vec<(f64, StopRecord)>> {
        let (pool, count) = (self.pool(asked)?, asked.per_stop.unwrap_or(1));
        Ok(match &asked.at {
            None => ready.walk(None, count, &pool)?,
            Some(places) => places
                .iter()
                .map(|&place| Ok((place, ready.at(place, count, &pool)?)))
                .collect::<latentwalk_run::Result<_>>()?,
        })
    }

    fn pool(&self, asked: &WalkAsked) -> Result<std::borrow::Cow<'_, [bool]>> {
        let Some(pool) = &asked.pool else { return Ok(self.walker.pool().into()) };
        let labels = pool.labels.iter().flat_map(|(name, values)| values.iter().map(|v| (name.clone(), v.clone())));
        Ok(Only { splits: pool.splits.clone(), labels: labels.collect() }.rows(self)?.into())
    }

    fn told(&self, at: f64, stop: StopRecord, start: &Start<'_>, lines: &[Along]) -> StopTold {
        let images = stop.images.iter().map(|found| {
            let (mut changed, mut kept) = (Vec::new(), Vec::new());
            for labels in self.labels.iter().filter(|labels| lines.iter().all(|line| line.attribute != labels.name)) {
                match (start.row.and_then(|row| labels.labels[row]), labels.labels[found.row]) {
                    (Some(before), Some(after)) if before == after => kept.push(labels.name.clone()),
                    (Some(_), Some(_)) => changed.push(labels.name.clone()),
                    _ => {}
                }
            }
            let walked = self.labels.iter().find(|labels| labels.name == lines[0].attribute);
            Found {
                image: self.image(found.row),
                position: found.position,
                distance: found.distance,
                axes: self.on_axes(found.row, lines),
                value: walked.and_then(|labels| labels.class_of(found.row)).map(str::to_owned),
                changed,
                kept,
            }
        });
        StopTold { at, position: stop.position, slab: stop.slab, images: images.collect() }
    }

    fn on_axes(&self, row: usize, lines: &[Along]) -> BTreeMap<String, f64> {
        let z = self.walker.data().points.z.row(row);
        let position = |line: &Along| Some((line.attribute.clone(), self.walker.position(&line.attribute, z).ok()?));
        lines.iter().filter_map(position).collect()
    }
}

fn along(asked: &LineAsked) -> Along {
    Along { attribute: asked.attribute.clone(), toward: asked.toward.clone(), weight: asked.weight }
}
