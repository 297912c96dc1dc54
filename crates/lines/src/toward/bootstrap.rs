//! Intervals that resample groups of starts.

use latentwalk_arithmetic::{ascending, quantile};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Resamples behind an interval.
const RESAMPLES: usize = 1000;

/// The interval of a ratio of sums that holds `share` of the resamples in its middle; `None` without any.
///
/// `groups` has the two sums of each group. As many groups as there are are drawn, with replacement; the same seed draws the same.
pub(super) fn interval(groups: &[(f64, f64)], share: f64, seed: u64) -> Option<(f64, f64)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let resample = |_| {
        let (mut top, mut bottom) = (0.0, 0.0);
        for _ in 0..groups.len() {
            let (more_top, more_bottom) = groups[rng.random_range(0..groups.len())];
            top += more_top;
            bottom += more_bottom;
        }
        (bottom > 0.0).then(|| top / bottom)
    };
    let sorted = ascending((0..RESAMPLES).filter_map(resample));
    let tail = (1.0 - share) / 2.0;
    Some((quantile(&sorted, tail)?, quantile(&sorted, 1.0 - tail)?))
}
