//! Stops along a line and the slabs around them.

use latentwalk_arithmetic::ascending;
use serde::{Deserialize, Serialize};

use crate::checks;
use crate::error::{Error, Result};

/// How the stops of a walk are placed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StopRule {
    /// Evenly spaced from the median of the order's first class to that of its last.
    Medians {
        /// Number of stops.
        count: usize,
    },
    /// At quantiles of the pool's positions, evenly spaced in probability from `low` to `high`.
    Quantiles {
        /// Number of stops.
        count: usize,
        /// Probability of the first stop.
        #[serde(default = "StopRule::default_low")]
        low: f64,
        /// Probability of the last stop.
        #[serde(default = "StopRule::default_high")]
        high: f64,
    },
    /// Around the start, `step` standard deviations of the pool's positions apart; an odd count has one at the start.
    Sigma {
        /// Number of stops.
        count: usize,
        /// Distance between stops, in standard deviations.
        step: f64,
    },
}

/// What the rules place stops by; a rule reads only what it needs.
#[derive(Debug, Clone, Copy, Default)]
pub struct StopContext<'a> {
    /// Median positions of the order's classes over the training rows, first class of the order first.
    pub medians: &'a [f64],
    /// Positions of the pool.
    pub pool: &'a [f64],
    /// Position of the start.
    pub start: f64,
}

impl StopRule {
    /// Number of stops of a walk unless another is asked for.
    pub const DEFAULT_COUNT: usize = 7;
    /// Probability of the first quantile stop.
    pub const DEFAULT_LOW: f64 = 0.01;
    /// Probability of the last quantile stop.
    pub const DEFAULT_HIGH: f64 = 0.99;

    fn default_low() -> f64 {
        Self::DEFAULT_LOW
    }

    fn default_high() -> f64 {
        Self::DEFAULT_HIGH
    }

    /// Whether the stops depend on the start (and must be made anew for each).
    pub fn needs_start(&self) -> bool {
        matches!(self, Self::Sigma { .. })
    }

    /// The stops, ascending.
    ///
    /// **Units and conventions.** Quantiles interpolate linearly between order statistics (numpy's default); standard
    /// deviations divide by n. Outer medians the wrong way round (a direction that falls along the order) are swapped.
    /// **Errors.** Fewer than two stops, fewer than two medians, an empty pool, stops that fall together.
    pub fn place(&self, context: &StopContext<'_>) -> Result<Stops> {
        match *self {
            Self::Medians { count } => {
                checks::option("class medians", context.medians.len() as f64, 2.0, f64::INFINITY)?;
                let outer = [context.medians[0], context.medians[context.medians.len() - 1]];
                Stops::new(spaced(outer[0].min(outer[1]), outer[0].max(outer[1]), count))
            }
            Self::Quantiles { count, low, high } => {
                checks::option("the low quantile", low, 0.0, 1.0)?;
                checks::option("the high quantile", high, low, 1.0)?;
                let sorted = sorted_positions(context.pool)?;
                Stops::new(spaced(low, high, count).into_iter().map(|p| quantile(&sorted, p)).collect())
            }
            Self::Sigma { count, step } => {
                checks::option("the step in standard deviations", step, f64::MIN_POSITIVE, 1e6)?;
                checks::some("the pool", context.pool.len())?;
                let half = step * deviation(context.pool) * count.saturating_sub(1) as f64 / 2.0;
                Stops::new(spaced(context.start - half, context.start + half, count))
            }
        }
    }
}

/// Positions at which a walk stops, with the slab of each.
///
/// **Units and conventions.** Strictly ascending, at least two. The slab of a stop is `[low, high)` and reaches half way to
/// its neighbours; an outer one is as wide outwards as inwards. Slabs tile: each begins where the one before ends.
/// A single stop has no width, and two equal stops have no border, so both are errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Stops {
    positions: Vec<f64>,
    /// One more than stops: borders of the slabs.
    borders: Vec<f64>,
}

impl Stops {
    /// Stops at these positions.
    ///
    /// **Errors.** Fewer than two, values that are not usable, positions that do not ascend.
    pub fn new(positions: Vec<f64>) -> Result<Self> {
        checks::option("the number of stops", positions.len() as f64, 2.0, f64::INFINITY)?;
        checks::usable("the stops", 0, positions.iter().copied())?;
        let n = positions.len();
        let mut borders = Vec::with_capacity(n + 1);
        for (i, pair) in positions.windows(2).enumerate() {
            let (left, right) = (pair[0], pair[1]);
            let middle = left + (right - left) / 2.0;
            // Neighbours so close that no number lies between them have no slab either.
            if !(left < middle && middle < right) {
                return Err(Error::NotAscending { what: "stop", place: i + 1, left, right });
            }
            borders.push(middle);
        }
        borders.insert(0, positions[0] - (borders[0] - positions[0]));
        borders.push(positions[n - 1] + (positions[n - 1] - borders[n - 1]));
        Ok(Self { positions, borders })
    }

    /// Positions, ascending.
    pub fn positions(&self) -> &[f64] {
        &self.positions
    }

    /// Number of stops.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Never true: fewer than two stops are refused.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// The slab `[low, high)` of a stop. Panics beyond the last stop, as an index does.
    pub fn slab(&self, stop: usize) -> (f64, f64) {
        (self.borders[stop], self.borders[stop + 1])
    }

    /// The stop whose slab holds `position`.
    pub fn stop_of(&self, position: f64) -> Option<usize> {
        let passed = self.borders.iter().filter(|&&border| border <= position).count();
        (passed >= 1 && passed <= self.len()).then(|| passed - 1)
    }
}

/// `count` values from `low` to `high`, both met exactly.
pub(crate) fn spaced(low: f64, high: f64, count: usize) -> Vec<f64> {
    let gaps = count.saturating_sub(1).max(1) as f64;
    (0..count).map(|i| if i + 1 == count && i > 0 { high } else { low + (high - low) * (i as f64 / gaps) }).collect()
}

pub(crate) fn sorted_positions(positions: &[f64]) -> Result<Vec<f64>> {
    checks::some("the pool", positions.len())?;
    checks::usable("the pool's positions", 0, positions.iter().copied())?;
    Ok(ascending(positions.iter().copied()))
}

/// Quantile of positions that [`sorted_positions`] gave; there are some.
pub(crate) fn quantile(sorted: &[f64], probability: f64) -> f64 {
    latentwalk_arithmetic::quantile(sorted, probability).unwrap_or(f64::NAN)
}

fn deviation(positions: &[f64]) -> f64 {
    let n = positions.len() as f64;
    let mean = positions.iter().sum::<f64>() / n;
    (positions.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / n).sqrt()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn slabs_tile_and_reach_half_way() {
        let stops = Stops::new(vec![0.0, 1.0, 4.0]).unwrap();
        assert_eq!((0..3).map(|i| stops.slab(i)).collect::<Vec<_>>(), [(-0.5, 0.5), (0.5, 2.5), (2.5, 5.5)]);
        let found = [-0.51, -0.5, 0.49, 0.5, 2.5, 5.49, 5.5, f64::NAN].map(|s| stops.stop_of(s));
        assert_eq!(found, [None, Some(0), Some(0), Some(1), Some(2), Some(2), None, None]);
    }

    #[test]
    fn rules_place_stops() {
        let pool: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let context = StopContext { medians: &[6.0, 9.0, 0.0], pool: &pool, start: 10.0 };
        let medians = StopRule::Medians { count: 4 }.place(&context).unwrap();
        assert_eq!(medians.positions(), [0.0, 2.0, 4.0, 6.0]);
        let quantiles = StopRule::Quantiles { count: 3, low: 0.01, high: 0.99 }.place(&context).unwrap();
        for (got, expected) in quantiles.positions().iter().zip([1.0, 50.0, 99.0]) {
            assert!((got - expected).abs() < 1e-12);
        }
        let sigma = StopRule::Sigma { count: 3, step: 0.5 }.place(&context).unwrap();
        // Standard deviation of 0..=100 is sqrt((101² − 1) / 12).
        let step = 0.5 * 850.0_f64.sqrt();
        for (got, expected) in sigma.positions().iter().zip([10.0 - step, 10.0, 10.0 + step]) {
            assert!((got - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn stops_without_slabs_are_refused() {
        assert!(matches!(Stops::new(vec![1.0]), Err(Error::Option { .. })));
        assert!(matches!(Stops::new(vec![]), Err(Error::Option { .. })));
        assert!(matches!(Stops::new(vec![1.0, 1.0]), Err(Error::NotAscending { place: 1, .. })));
        assert!(matches!(Stops::new(vec![1.0, f64::NAN]), Err(Error::NotUsable { .. })));
        let context = StopContext { medians: &[2.0, 3.0, 2.0], pool: &[1.0, 1.0], start: 0.0 };
        let equal = StopRule::Medians { count: 3 }.place(&context);
        assert!(matches!(equal, Err(Error::NotAscending { .. })));
        let constant = StopRule::Sigma { count: 3, step: 1.0 }.place(&context);
        assert!(matches!(constant, Err(Error::NotAscending { .. })));
        let none = StopRule::Quantiles { count: 3, low: 0.1, high: 0.9 }.place(&StopContext::default());
        assert!(matches!(none, Err(Error::Empty { .. })));
        let backwards = StopRule::Quantiles { count: 3, low: 0.9, high: 0.1 }.place(&context);
        assert!(matches!(backwards, Err(Error::Option { .. })));
    }

    #[test]
    fn rules_read_their_defaults() {
        let rule: StopRule = serde_json::from_str(r#"{"rule":"quantiles","count":5}"#).unwrap();
        assert_eq!(rule, StopRule::Quantiles { count: 5, low: StopRule::DEFAULT_LOW, high: StopRule::DEFAULT_HIGH });
        assert!(serde_json::from_str::<StopRule>(r#"{"rule":"medians","count":5,"low":0.1}"#).is_err());
    }
}
