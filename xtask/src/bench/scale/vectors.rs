//! Made-up vectors: clusters of few factors, a line along which a length grows, four patterns, and noise.

use super::{LENGTHS, PATTERNS};

/// Factors that give the clusters their shape, strongest first.
const SHAPE: usize = 40;
/// All factors: shape, the length's line, the patterns' room.
pub(super) const FACTORS: usize = SHAPE + 1 + PATTERNS.len();
const CLUSTERS: usize = 200;

/// Mixes factors into vectors. Row `i` is the same whatever else is made.
pub(super) struct Vectors {
    width: usize,
    /// `FACTORS x width`.
    mixing: Vec<f32>,
    /// `CLUSTERS x SHAPE`.
    centers: Vec<f32>,
    /// `PATTERNS x PATTERNS`.
    patterns: Vec<f32>,
}

impl Vectors {
    pub(super) fn new(width: usize) -> Self {
        let mut random = Random::new(u64::MAX);
        let scale = (width as f32).sqrt().recip();
        let mut normals =
            |count: usize, scale: f32| -> Vec<f32> { (0..count).map(|_| random.normal() * scale).collect() };
        Self {
            width,
            mixing: normals(FACTORS * width, scale),
            centers: normals(CLUSTERS * SHAPE, 1.0),
            patterns: normals(PATTERNS.len() * PATTERNS.len(), 0.7),
        }
    }

    /// Fills rows from `first` on, and says the length and the pattern of each.
    pub(super) fn fill(&self, first: usize, rows: &mut [f32]) -> Vec<(usize, usize)> {
        rows.chunks_exact_mut(self.width).zip(first..).map(|(row, number)| self.fill_row(number, row)).collect()
    }

    fn fill_row(&self, number: usize, row: &mut [f32]) -> (usize, usize) {
        let mut random = Random::new(number as u64);
        let [cluster, length, pattern] = [CLUSTERS, LENGTHS.len(), PATTERNS.len()].map(|of| random.below(of));
        let mut factors = [0.0_f32; FACTORS];
        for (i, factor) in factors[..SHAPE].iter_mut().enumerate() {
            let center = self.centers[cluster * SHAPE + i];
            *factor = (center + 0.5 * random.normal()) * 2.0 / (1.0 + i as f32 * 0.1);
        }
        factors[SHAPE] = (length as f32 - 1.0) * 1.2 + 0.35 * random.normal();
        for (i, factor) in factors[SHAPE + 1..].iter_mut().enumerate() {
            *factor = self.patterns[pattern * PATTERNS.len() + i] + 0.25 * random.normal();
        }
        row.iter_mut().for_each(|value| *value = 0.03 * random.normal());
        for (factor, mixing) in factors.iter().zip(self.mixing.chunks_exact(self.width)) {
            row.iter_mut().zip(mixing).for_each(|(value, mixing)| *value += factor * mixing);
        }
        (length, pattern)
    }
}

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
struct Random(u64);

impl Random {
    fn new(stream: u64) -> Self {
        let mut random = Self(stream.wrapping_mul(0xD134_2543_DE82_EF95));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() >> 33) as usize % count
    }

    /// Nearly normal, of variance 1: the sum of four numbers of 16 bits.
    fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: u32 = (0..4).map(|part| (bits >> (16 * part)) as u32 & 0xFFFF).sum();
        // Four uniform numbers have a variance of 4/12.
        (sum as f32 / 65_536.0 - 2.0) * 3.0_f32.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_do_not_depend_on_their_batch_and_lie_along_the_planted_line() {
        let vectors = Vectors::new(60);
        let (mut all, mut later) = (vec![0.0; 300 * 60], vec![0.0; 100 * 60]);
        let made = vectors.fill(0, &mut all);
        assert_eq!(vectors.fill(200, &mut later), made[200..]);
        assert_eq!(later, all[200 * 60..]);
        let line = &vectors.mixing[SHAPE * 60..][..60];
        let mean = |length: usize| {
            let rows = all.chunks_exact(60).zip(&made).filter(|(_, made)| made.0 == length);
            let positions: Vec<f32> = rows.map(|(row, _)| row.iter().zip(line).map(|(a, b)| a * b).sum()).collect();
            positions.iter().sum::<f32>() / positions.len() as f32
        };
        assert!(mean(0) < mean(1) && mean(1) < mean(2));
    }

    #[test]
    fn noise_has_variance_one() {
        let mut random = Random::new(5);
        let numbers: Vec<f32> = (0..100_000).map(|_| random.normal()).collect();
        let mean = numbers.iter().sum::<f32>() / 1e5;
        let variance = numbers.iter().map(|number| number * number).sum::<f32>() / 1e5 - mean * mean;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }
}
