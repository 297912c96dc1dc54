//! Which of some ways is the default, by validation starts.

use super::{TowardCases, bootstrap};
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
    let weights: Vec<f64> = cases.cases.iter().map(|case| case.weight).collect();
    let means = scores.iter().map(|list| cases.mean(list)).collect::<Result<Vec<f64>>>()?;
    let best_of = |skip: Option<usize>| {
        let ways = (0..means.len()).filter(|&way| Some(way) != skip);
        ways.reduce(|best, way| if means[way] > means[best] { way } else { best })
    };
    let best = best_of(None).unwrap_or(0);
    let groups = cases.by_group();
    let earlier = (0..best).find(|&way| {
        let difference = |&case: &usize| weights[case] * (scores[best][case] - scores[way][case]);
        let sums: Vec<(f64, f64)> = groups
            .iter()
            .map(|group| (group.iter().map(difference).sum(), group.iter().map(|&case| weights[case]).sum()))
            .collect();
        let drawn = bootstrap::draws(groups.len(), seed).filter_map(|counts| {
            let parts = counts.iter().zip(&sums);
            let (top, bottom) = parts
                .fold((0.0, 0.0), |(t, b), (&n, &(top, bottom))| (t + f64::from(n) * top, b + f64::from(n) * bottom));
            (bottom > 0.0).then(|| top / bottom)
        });
        bootstrap::interval(drawn, SHARE).is_none_or(|(low, _)| low <= 0.0)
    });
    let way = earlier.unwrap_or(best);
    Ok(Chosen { way, runner_up: best_of(Some(way)) })
}
