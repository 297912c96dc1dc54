//! Walks that do without the line, without the direction, or without both: what the figures must beat.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::figures::{WalkFigures, WalkStudy};
use crate::stops::{Stops, quantile, sorted_positions, spaced};
use crate::walk::{Hit, WalkOptions, walk};

/// Quantiles of the pool between which the stops of a random direction stand.
const RANDOM_RANGE: (f64, f64) = (0.05, 0.95);

impl WalkStudy<'_> {
    /// The same walks along a random direction, a fresh one for every start.
    ///
    /// Directions are uniform on the sphere of the mapped space. As many stops as the study has, evenly spaced between
    /// the positions of the pool's 5 % and 95 % quantiles along that direction. The same seed gives the same
    /// figures. **Errors.** As [`WalkStudy::walk`].
    pub fn random_direction(&self, seed: u64) -> Result<WalkFigures> {
        self.check()?;
        self.each_start(|start| {
            let unit = random_unit(&mut stream(seed, start), self.space.width());
            let weights = self.space.metric().unmap_weights(&unit);
            let line = self.space.metric().line(&weights, self.start(start))?;
            let sorted = sorted_positions(&self.space.scan(&line)?.0)?;
            let (low, high) = (quantile(&sorted, RANDOM_RANGE.0), quantile(&sorted, RANDOM_RANGE.1));
            let stops = Stops::new(spaced(low, high, self.stops.len()))?;
            let exclude = self.exclude(start);
            let options = WalkOptions { exclude: exclude.as_slice(), ..WalkOptions::default() };
            let strip = walk(self.space, &line, &stops, &options)?;
            Ok(strip.stops.iter().map(|stop| stop.hits.first().copied()).collect())
        })
    }

    /// A random image of the same slab instead of the one nearest to the line.
    ///
    /// Uniform over the slab's pool rows, the start's own row left out; an empty slab is a miss here too. The same seed
    /// gives the same figures. **Errors.** As [`WalkStudy::walk`].
    pub fn random_in_slab(&self, seed: u64) -> Result<WalkFigures> {
        self.check()?;
        let mut slabs = vec![Vec::new(); self.stops.len()];
        for (row, &position) in self.space.scan(&self.line(0)?)?.0.iter().enumerate() {
            if let Some(stop) = self.stops.stop_of(position) {
                slabs[stop].push(row);
            }
        }
        self.each_start(|start| {
            let line = self.line(start)?;
            let exclude = self.space.excluded(&self.exclude(start))?;
            let mut rng = stream(seed, start);
            let mut pick = |rows: &Vec<usize>| {
                let row = random_other(&mut rng, rows, exclude.first().copied())?;
                Some(Hit::from(self.space.locate(row, &line)))
            };
            Ok(slabs.iter().map(&mut pick).collect())
        })
    }

    /// The start's nearest neighbours, as many as there are stops, in the order of their positions.
    ///
    /// Distances are from the line, as in the other figures. **Errors.** As [`WalkStudy::walk`].
    pub fn nearest_to_start(&self) -> Result<WalkFigures> {
        self.check()?;
        self.each_start(|start| {
            let line = self.line(start)?;
            let point = line.mapped_point(line.start_position());
            let near = self.space.nearest(&point, self.stops.len(), &self.exclude(start))?;
            let mut hits: Vec<Hit> = near.iter().map(|n| Hit::from(self.space.locate(n.row, &line))).collect();
            hits.sort_by(|a, b| a.position.total_cmp(&b.position).then(a.row.cmp(&b.row)));
            let mut strip: Vec<Option<Hit>> = hits.into_iter().map(Some).collect();
            strip.resize(self.stops.len(), None);
            Ok(strip)
        })
    }
}

/// One generator a start, so that starts may run in any order.
fn stream(seed: u64, start: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(start as u64);
    rng
}

/// A uniform member of sorted `rows` other than `banned`.
fn random_other(rng: &mut ChaCha8Rng, rows: &[usize], banned: Option<usize>) -> Option<usize> {
    let skip = banned.and_then(|row| rows.binary_search(&row).ok());
    let count = rows.len() - usize::from(skip.is_some());
    if count == 0 {
        return None;
    }
    let drawn = rng.random_range(0..count);
    Some(rows[drawn + usize::from(skip.is_some_and(|place| drawn >= place))])
}

/// A point of the unit sphere: normal deviates (Box and Muller), scaled.
fn random_unit(rng: &mut ChaCha8Rng, k: usize) -> Vec<f64> {
    let mut normal = || {
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
    };
    let vector: Vec<f64> = (0..k).map(|_| normal()).collect();
    let length = crate::linalg::norm(&vector);
    if length > 0.0 {
        return vector.iter().map(|v| v / length).collect();
    }
    // All deviates zero: once in an age, and then any axis will do.
    (0..k).map(|axis| f64::from(u8::from(axis == 0))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_other_row_is_drawn_equally_often() {
        let rows = [3, 5, 8, 9];
        let mut counts = [0_usize; 10];
        let mut rng = stream(1, 0);
        for _ in 0..3000 {
            counts[random_other(&mut rng, &rows, Some(5)).unwrap()] += 1;
        }
        assert_eq!(counts[5], 0);
        // 3 rows: 1000 expected, standard deviation 26.
        assert!([3, 8, 9].iter().all(|&row| (870..1130).contains(&counts[row])), "{counts:?}");
        assert_eq!(random_other(&mut rng, &[5], Some(5)), None);
        assert_eq!(random_other(&mut rng, &[], None), None);
    }

    #[test]
    fn random_units_are_units_and_differ_between_starts() {
        let (a, b) = (random_unit(&mut stream(7, 0), 9), random_unit(&mut stream(7, 1), 9));
        assert!((crate::linalg::norm(&a) - 1.0).abs() < 1e-12);
        assert_ne!(a, b);
        assert_eq!(a, random_unit(&mut stream(7, 0), 9));
    }
}
