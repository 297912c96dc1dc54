//! Which of some ways is the default, by validation starts.

use super::TowardCases;
use crate::checks;
use crate::error::Result;

/// Share of the resamples within the interval of a difference.
const SHARE: f64 = 0.90;

/// The way that is chosen, and the one that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    /// Number of the way.
    pub way: usize,
    /// Number of the way with the highest score among the others; `None` with one way.
    pub runner_up: Option<usize>,
}

/// Chooses among ways by their score in each case.
///
/// The way with the highest score, or the earliest of the list whose 90 % interval of the difference from it contains 0: what
/// cannot be told apart goes to the way that stands first. Intervals resample groups of starts, the same for all ways.
///
/// **Shapes.** `scores` has one list for each way, one score a case. **Errors.** No ways, lists of another length than the cases.
pub fn choose(cases: &TowardCases<'_>, scores: &[Vec<f64>], seed: u64) -> Result<Chosen> {
    checks::some("the list of ways", scores.len())?;
    let means = scores.iter().map(|list| cases.mean(list)).collect::<Result<Vec<f64>>>()?;
    let best_of = |skip: Option<usize>| {
        let ways = (0..means.len()).filter(|&way| Some(way) != skip);
        ways.reduce(|best, way| if means[way] > means[best] { way } else { best })
    };
    let best = best_of(None).unwrap_or(0);
    let earlier = (0..best).find(|&way| {
        let difference = |case: usize| scores[best][case] - scores[way][case];
        cases.interval(difference, SHARE, seed).is_none_or(|(low, _)| low <= 0.0)
    });
    let way = earlier.unwrap_or(best);
    Ok(Chosen { way, runner_up: best_of(Some(way)) })
}
