//! Two axes at once: where the images stand on both.

use serde::Serialize;

use crate::error::Result;
use crate::session::Session;

/// Most points of a scatter.
const MOST: usize = 50_000;

/// Positions of evenly drawn images on two axes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Scatter {
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
    pub(crate) rows: Vec<usize>,
    pub(crate) total: usize,
}

impl Session {
    /// Positions on two attributes' axes.
    pub(crate) fn scatter(&self, x: &str, y: &str) -> Result<Scatter> {
        let data = self.walker.data();
        let rows: Vec<usize> = (0..self.images()).step_by(self.images().div_ceil(MOST).max(1)).collect();
        let z = data.points.select(&rows);
        let of = |name: &str| -> latentwalk_run::Result<Vec<f64>> {
            Ok(data.direction(name)?.1.positions(z.view())?.into_iter().map(|p| (p * 1e6).round() / 1e6).collect())
        };
        Ok(Scatter { x: of(x)?, y: of(y)?, rows, total: self.images() })
    }
}
