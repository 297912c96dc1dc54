//! Intervals that resample groups of starts.

use latentwalk_arithmetic::{ascending, quantile};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Resamples behind an interval.
pub(super) const RESAMPLES: usize = 1000;

/// Draws of as many groups as there are, with replacement: how often each group was drawn.
pub(super) fn draws(groups: usize, seed: u64) -> impl Iterator<Item = Vec<u32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..RESAMPLES).map(move |_| {
        let mut counts = vec![0; groups];
        (0..groups).for_each(|_| counts[rng.random_range(0..groups)] += 1);
        counts
    })
}

/// The interval that holds a share of the resamples in its middle; `None` without any.
pub(super) fn interval(values: impl Iterator<Item = f64>, share: f64) -> Option<(f64, f64)> {
    let sorted = ascending(values);
    let tail = (1.0 - share) / 2.0;
    Some((quantile(&sorted, tail)?, quantile(&sorted, 1.0 - tail)?))
}
