//! Does the target change, and does the rest stay?
//!
//! From a start one goes to another value of one attribute, the target, and looks at the image that is found there: does
//! it have the value, and did every other attribute keep its own? Where the exact twin of the start with that value is
//! known, its place among the candidates says how much of the distance is left to nuisances. [`Way`] names the ways to be
//! compared, [`PreservationStudy::ceiling`] what no way can surpass in this pool.

use latentwalk_arithmetic::{ascending, median};
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checks;
use crate::error::Result;
use crate::labels::{Labels, share};
use crate::way::{Finder, Way};

/// Places at which a twin counts as among the first.
const FIRST_PLACES: usize = 10;

/// Starts, the pool in which they look for images, and the labels by which these are judged.
///
/// A case is a start and a class of the target other than the start's own; starts unlabelled in the target make none.
#[derive(Clone, Copy)]
pub struct PreservationStudy<'a> {
    /// Raw PCA coordinates of the pool, m × k; neither starts nor twins belong in it.
    pub pool: ArrayView2<'a, f32>,
    /// One list for each attribute, m long.
    pub pool_labels: &'a [Vec<Option<u32>>],
    /// Raw PCA coordinates of the starts, s × k.
    pub starts: ArrayView2<'a, f32>,
    /// One list for each attribute, s long.
    pub start_labels: &'a [Vec<Option<u32>>],
    /// Number of the attribute that is to change.
    pub target: usize,
    /// Its number of classes.
    pub classes: usize,
    /// Raw PCA coordinates of the exact twin of a start (its row) with a class of the target, where there is one.
    pub twins: &'a (dyn Fn(usize, u32) -> Option<Vec<f32>> + Sync),
}

/// What was found for one start and one wanted class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Row of the start.
    pub start: usize,
    /// The class that was wanted.
    pub to: u32,
    /// The pool row that was found; `None` for a miss.
    pub row: Option<usize>,
    /// Whether it has the class that was wanted.
    pub hit: bool,
    /// Share of the other attributes, of those labelled on both sides, that are as in the start; 0 for a miss and where
    /// none is labelled on both.
    pub unchanged: f64,
    /// Place of the twin among the candidates, 1 for the first, were it alone added to the pool; at equal distance the
    /// pool row stands first. `None` without a twin, without a line, and for a twin outside the slab.
    pub twin_rank: Option<usize>,
}

/// Where the exact twins stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TwinFigures {
    /// Cases that have a twin.
    pub cases: usize,
    /// Share of them in which the twin has a rank.
    pub ranked: f64,
    /// Share of them in which it stands first.
    pub first: f64,
    /// Share of them in which it stands among the first ten.
    pub first_ten: f64,
    /// Median rank of those that have one.
    pub median_rank: Option<f64>,
}

/// How often a way hits the target and leaves the rest as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreservationFigures {
    /// Number of cases.
    pub cases: usize,
    /// Cases in which no image was found; neither a hit nor unchanged.
    pub missed: usize,
    /// Share of the cases in which the image found has the class that was wanted.
    pub hit_rate: f64,
    /// For each attribute, the share of images that kept the start's value, over the images found that are labelled on
    /// both sides; `None` for the target and where there is no such image. Misses do not count here.
    pub unchanged: Vec<Option<f64>>,
    /// Mean of [`Case::unchanged`] over all cases, misses included.
    pub mean_unchanged: f64,
    /// Where the exact twins stand; `None` when no case has one.
    pub twins: Option<TwinFigures>,
    /// One entry a case: by start, then by class.
    pub per_case: Vec<Case>,
}

/// What the pool allows: the best match that has the wanted class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Number of cases.
    pub cases: usize,
    /// Mean over all cases of the best share of unchanged attributes; 0 for a case whose class is not in the pool.
    pub mean_unchanged: f64,
    /// For each attribute, the share of best matches (the first row among equals) that kept the start's value, as
    /// [`PreservationFigures::unchanged`].
    pub unchanged: Vec<Option<f64>>,
}

impl PreservationStudy<'_> {
    /// Figures of one way.
    ///
    /// The result does not depend on the number of threads. **Errors.** An empty pool, no starts labelled in the target,
    /// lists of lengths that do not fit, points, lines or twins of another width or with values that are not usable, a
    /// target outside the attributes or labels of it outside its classes, a slab the wrong way round.
    pub fn run(&self, way: &Way<'_>) -> Result<PreservationFigures> {
        let cases = self.cases()?;
        let search = Finder::new(way, self.pool, &self.pool_labels[self.target])?;
        checks::rows("starts", search.width(), self.starts)?;
        let results: Vec<Result<(Case, bool)>> =
            cases.into_par_iter().map(|(start, to)| self.judge(&search, start, to)).collect();
        // The first error in the order of the cases, whichever thread met one first.
        let (per_case, twins): (Vec<Case>, Vec<bool>) =
            results.into_iter().collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let n = per_case.len() as f64;
        Ok(PreservationFigures {
            cases: per_case.len(),
            missed: per_case.iter().filter(|case| case.row.is_none()).count(),
            hit_rate: per_case.iter().filter(|case| case.hit).count() as f64 / n,
            unchanged: self.by_attribute(per_case.iter().filter_map(|case| Some((case.start, case.row?)))),
            mean_unchanged: per_case.iter().map(|case| case.unchanged).sum::<f64>() / n,
            twins: twin_figures(per_case.iter().zip(&twins).filter(|(_, twin)| **twin).map(|(case, _)| case.twin_rank)),
            per_case,
        })
    }

    /// The best that any way could find in this pool.
    ///
    /// **Errors.** As [`PreservationStudy::run`], of the labels.
    pub fn ceiling(&self) -> Result<Ceiling> {
        let cases = self.cases()?;
        let carriers = self.labels().carriers();
        let best: Vec<Option<(usize, f64)>> =
            cases.par_iter().map(|&(start, to)| self.best_match(start, &carriers[to as usize])).collect();
        let matches = cases.iter().zip(&best).filter_map(|(&(start, _), best)| Some((start, best.as_ref()?.0)));
        Ok(Ceiling {
            cases: cases.len(),
            mean_unchanged: best.iter().flatten().map(|(_, share)| share).sum::<f64>() / cases.len() as f64,
            unchanged: self.by_attribute(matches),
        })
    }

    fn labels(&self) -> Labels<'_> {
        Labels { pool: self.pool_labels, starts: self.start_labels, target: self.target, classes: self.classes }
    }

    /// Checks the labels; every start with every class but its own.
    fn cases(&self) -> Result<Vec<(usize, u32)>> {
        self.labels().check(self.pool.nrows(), self.starts.nrows())?;
        let cases: Vec<(usize, u32)> = self.labels().pairs().collect();
        checks::some("the list of starts labelled in the target", cases.len())?;
        Ok(cases)
    }

    /// The case, and whether it has a twin.
    fn judge(&self, search: &Finder<'_>, start: usize, to: u32) -> Result<(Case, bool)> {
        let twin = (self.twins)(start, to);
        let found = search.find((start, self.starts.row(start)), to, twin.as_deref())?;
        let hit = found.row.is_some_and(|row| self.pool_labels[self.target][row] == Some(to));
        let unchanged = found.row.map_or(0.0, |row| self.labels().unchanged(start, row));
        Ok((Case { start, to, row: found.row, hit, unchanged, twin_rank: found.twin_rank }, twin.is_some()))
    }

    /// The first of the rows with the greatest share.
    fn best_match(&self, start: usize, rows: &[usize]) -> Option<(usize, f64)> {
        let mut best: Option<(usize, f64)> = None;
        for &row in rows {
            let share = self.labels().unchanged(start, row);
            if best.is_none_or(|(_, most)| share > most) {
                best = Some((row, share));
            }
        }
        best
    }

    /// For each attribute the share of pairs (start, pool row) that have the same value.
    fn by_attribute(&self, pairs: impl Iterator<Item = (usize, usize)> + Clone) -> Vec<Option<f64>> {
        let of = |attribute| share(pairs.clone().filter_map(|(start, row)| self.labels().kept(attribute, start, row)));
        (0..self.pool_labels.len())
            .map(|attribute| if attribute == self.target { None } else { of(attribute) })
            .collect()
    }
}

/// Of the cases that have a twin.
fn twin_figures(ranks: impl Iterator<Item = Option<usize>>) -> Option<TwinFigures> {
    let ranks: Vec<Option<usize>> = ranks.collect();
    let within = |places: usize| share(ranks.iter().map(|rank| rank.is_some_and(|rank| rank <= places)));
    Some(TwinFigures {
        cases: ranks.len(),
        ranked: within(usize::MAX)?,
        first: within(1)?,
        first_ten: within(FIRST_PLACES)?,
        median_rank: median(&ascending(ranks.iter().flatten().map(|&rank| rank as f64))),
    })
}

#[cfg(test)]
mod tests;
