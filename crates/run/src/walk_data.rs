//! What walks are made from.

use std::path::Path;

use latentwalk_images::Dataset;
use latentwalk_lines::{Metric, Space};
use latentwalk_probe::Direction;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::labels::AttributeLabels;
use crate::points::Points;
use crate::pool::PoolConfig;

/// How a strip's stops are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placing {
    /// Evenly between the outer classes' medians on the train split.
    #[default]
    Medians,
    /// At evenly spaced quantiles of the pool's positions, from 1 % to 99 %.
    Quantiles,
    /// One standard deviation of the pool's positions apart, around their mean.
    Sigma,
}

/// What the walks of a run have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkPlan {
    /// The attributes that have a direction; all of them when empty.
    pub attributes: Vec<String>,
    /// Which images may be retrieved, and where walks may start.
    pub pool: PoolConfig,
    /// Stops per strip.
    pub stops: usize,
    /// How they are placed.
    pub placing: Placing,
}

/// The artifacts that walks are made from.
#[derive(Debug, Clone, Copy)]
pub struct Folders<'a> {
    /// The data set: labels and splits.
    pub images: &'a Path,
    /// The axes and every image's coordinates.
    pub decomposition: &'a Path,
    /// The directions.
    pub probe: &'a Path,
}

/// Every image's coordinates and labels, the directions, and the pool of images that walks may retrieve.
pub struct WalkData {
    /// The images with their coordinates.
    pub points: Points,
    /// The labels that each direction tells apart.
    pub attributes: Vec<AttributeLabels>,
    /// The directions, in the order of `attributes`.
    pub directions: Vec<Direction>,
    /// Rows of the retrieval pool, ascending.
    pub pool: Vec<usize>,
    pub(crate) plan: WalkPlan,
    pub(crate) pool_z: Array2<f32>,
}

impl WalkData {
    /// Reads what an images, a decomposition and a probe stage wrote.
    ///
    /// # Errors
    /// A file that cannot be read, files that do not belong together, a plan that names what does not exist.
    pub fn read(folders: Folders<'_>, plan: WalkPlan) -> Result<Self> {
        let points = Points::read(Dataset::open(folders.images)?, folders.decomposition)?;
        let attributes = AttributeLabels::of(&points.dataset, &plan.attributes)?;
        let directions = latentwalk_probe::load(folders.probe)?.directions;
        let pool = plan.pool.rows(&points.dataset)?;
        let pool_z = points.select(&pool);
        Ok(Self { points, attributes, directions, pool, plan, pool_z })
    }

    /// An attribute's labels and direction.
    ///
    /// # Errors
    /// [`Error::NoDirection`].
    pub fn direction(&self, name: &str) -> Result<(&AttributeLabels, &Direction)> {
        let mut pairs = self.attributes.iter().zip(&self.directions);
        pairs.find(|(labels, _)| labels.name == name).ok_or_else(|| Error::NoDirection {
            attribute: name.to_owned(),
            known: self.attributes.iter().map(|labels| labels.name.clone()).collect(),
        })
    }

    /// Raw PCA coordinates of the pool, one row an image, in the order of `pool`.
    pub fn pool_z(&self) -> ArrayView2<'_, f32> {
        self.pool_z.view()
    }

    /// The pool's points under a metric.
    ///
    /// # Errors
    /// A metric of another number of axes.
    pub fn space(&self, metric: Metric) -> Result<Space> {
        Ok(Space::new(metric, self.pool_z.view())?)
    }

    /// All labels that can be told of an image: those of exclusive attributes, and those that a direction tells apart.
    pub fn all_labels(&self) -> Vec<AttributeLabels> {
        let mut all = AttributeLabels::all_exclusive(&self.points.dataset);
        for own in &self.attributes {
            if all.iter().all(|known| known.name != own.name) {
                all.push(own.clone());
            }
        }
        all
    }

    /// The place of a row in the pool.
    pub fn in_pool(&self, row: usize) -> Option<usize> {
        self.pool.binary_search(&row).ok()
    }

    /// The id of a row's image.
    ///
    /// # Panics
    /// Where the data set has no such row.
    pub fn id(&self, row: usize) -> &str {
        &self.points.dataset.items[row].id
    }
}
