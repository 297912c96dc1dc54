//! A finished run held open, and what can be asked of it. Nothing here speaks HTTP.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use latentwalk_backbone::{BackboneDevice, parse_device};
use latentwalk_images::{Pixels, SheetFormat, contact_sheet, packed_png, png_of};
use latentwalk_run::{AttributeLabels, FAR, Picture, Projector, Ready, Run, Start, Walker};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::selections::Saved;
use crate::{catalogue, overview};

/// Lines that are held ready: a drag asks for the same line again and again.
const READY: usize = 8;
/// Own pictures that are held; the oldest is forgotten first.
const PICTURES: usize = 64;
/// Side of an image in a strip, in pixels.
const STRIP_PX: u32 = 112;
/// Least and greatest side of a picture that can be asked for.
pub(crate) const PICTURE_PX: std::ops::RangeInclusive<u32> = 16..=512;

/// A finished run, opened for questions.
pub struct Session {
    pub(crate) run: Run,
    pub(crate) walker: Walker,
    pub(crate) labels: Vec<AttributeLabels>,
    pixels: Pixels,
    overview: Value,
    network: OnceLock<std::result::Result<Projector, String>>,
    ready: Mutex<VecDeque<(String, Arc<Ready>)>>,
    pictures: Mutex<Pictures>,
    pub(crate) selections: Mutex<Vec<Saved>>,
}

#[derive(Default)]
struct Pictures {
    made: u64,
    held: VecDeque<(String, Arc<Picture>)>,
}

/// From where a walk starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum StartAsked {
    /// An image of the run.
    Row(usize),
    /// An own picture, by the name that it was given.
    Picture(String),
}

/// What is told of a picture that was placed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Placed {
    pub(crate) picture: String,
    pub(crate) far: f64,
    pub(crate) warning: Option<String>,
}

impl Session {
    /// Opens a run.
    ///
    /// # Errors
    /// A run that lacks a part, or a part that cannot be read.
    pub fn open(run: &Run) -> Result<Self> {
        let walker = Walker::open(run)?;
        let labels = walker.data().all_labels();
        let pixels = run.pixels(&walker.data().points.dataset)?;
        let overview = overview::of(run, &walker, &labels)?;
        let session = Self {
            run: run.clone(),
            walker,
            labels,
            pixels,
            overview,
            network: OnceLock::new(),
            ready: Mutex::default(),
            pictures: Mutex::default(),
            selections: Mutex::default(),
        };
        session.read_selections()?;
        Ok(session)
    }

    /// What there is: images, attributes, verdicts.
    pub(crate) fn overview(&self) -> &Value {
        &self.overview
    }

    /// Number of images.
    pub(crate) fn images(&self) -> usize {
        self.walker.data().points.dataset.items.len()
    }

    /// An image of the run as a page shows it, PNG.
    pub(crate) fn image_png(&self, row: usize, size_px: u32) -> Result<Vec<u8>> {
        self.check_row(row)?;
        Ok(packed_png(&self.pixels, row, size_px)?)
    }

    pub(crate) fn check_row(&self, row: usize) -> Result<()> {
        match row < self.images() {
            true => Ok(()),
            false => Err(Error::Absent(format!("there is no image {row}: the run has {}", self.images()))),
        }
    }

    /// An own picture as the network sees it, PNG.
    pub(crate) fn picture_png(&self, name: &str, size_px: u32) -> Result<Vec<u8>> {
        let picture = self.picture(name)?;
        Ok(png_of(picture.packed.clone(), self.walker.data().points.dataset.shape, size_px)?)
    }

    fn picture(&self, name: &str) -> Result<Arc<Picture>> {
        let pictures = held(&self.pictures);
        let found = pictures.held.iter().find(|(known, _)| known == name).map(|(_, picture)| picture.clone());
        found.ok_or_else(|| Error::Absent(format!("the picture `{name}` is not held any more\nhint: choose it again")))
    }

    /// Places a picture that came as the bytes of a file, and keeps it.
    pub(crate) fn place(&self, bytes: &[u8]) -> Result<Placed> {
        let network = self.network.get_or_init(|| {
            let device: BackboneDevice = parse_device("cpu").map_err(|error| error.to_string())?;
            Projector::open(&self.run, &device).map_err(|error| error.to_string())
        });
        let network = network.as_ref().map_err(|reason| Error::NoNetwork(reason.clone()))?;
        let refused = |reason| Error::Picture(format!("the picture cannot be read: {reason}"));
        let placed = network.picture(bytes)?.map_err(refused)?;
        let attribute = &self.walker.data().attributes[0].name;
        let far = self.walker.farness(attribute, placed.z.view())?;
        let warning = (far > FAR).then(|| {
            format!(
                "This picture is unusual: more than {:.0} % of the run's images have a nearer neighbour than it has. What is found says little.",
                100.0 * FAR
            )
        });
        let mut pictures = held(&self.pictures);
        pictures.made += 1;
        let picture = format!("p{}", pictures.made);
        pictures.held.push_back((picture.clone(), Arc::new(placed)));
        if pictures.held.len() > PICTURES {
            pictures.held.pop_front();
        }
        Ok(Placed { picture, far, warning })
    }

    /// Calls with a start's row and coordinates.
    pub(crate) fn with_start<T>(&self, asked: &StartAsked, then: impl FnOnce(&Start<'_>) -> Result<T>) -> Result<T> {
        match asked {
            StartAsked::Row(row) => {
                self.check_row(*row)?;
                then(&self.walker.start(*row)?)
            }
            StartAsked::Picture(name) => {
                let picture = self.picture(name)?;
                then(&Start { row: None, z: picture.z.view() })
            }
        }
    }

    /// The line under this name, made where it is not held.
    pub(crate) fn ready(&self, name: &str, make: impl FnOnce() -> Result<Ready>) -> Result<Arc<Ready>> {
        if let Some((_, ready)) = held(&self.ready).iter().find(|(known, _)| known == name) {
            return Ok(ready.clone());
        }
        let ready = Arc::new(make()?);
        let mut lines = held(&self.ready);
        lines.push_back((name.to_owned(), ready.clone()));
        if lines.len() > READY {
            lines.pop_front();
        }
        Ok(ready)
    }

    /// Forgets the lines that are held ready: one of their names may mean another line now.
    pub(crate) fn forget_lines(&self) {
        held(&self.ready).clear();
    }

    /// Images in one row, PNG; with `mark_first` the first one is framed as the start.
    pub(crate) fn strip_png(&self, rows: Vec<Option<usize>>, mark_first: bool) -> Result<Vec<u8>> {
        let dataset = &self.walker.data().points.dataset;
        Ok(contact_sheet(&self.pixels, dataset, &[rows], STRIP_PX, mark_first, SheetFormat::Png)?)
    }

    /// What is told of an image.
    pub(crate) fn image(&self, row: usize) -> catalogue::Image {
        let dataset = &self.walker.data().points.dataset;
        let item = &dataset.items[row];
        catalogue::Image { row, id: item.id.clone(), split: item.split.to_string(), labels: self.labels_of(row) }
    }

    fn labels_of(&self, row: usize) -> Value {
        self.labels.iter().map(|labels| (labels.name.clone(), Value::from(labels.class_of(row)))).collect()
    }
}

pub(crate) fn held<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
