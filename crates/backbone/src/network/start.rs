//! Seeded starts of the parameters; candle's CPU generator cannot be seeded.

use std::f64::consts::TAU;

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::arch::{Parameter, Start};

/// Start values of the parameter at `index`, from a random stream of its own.
///
/// Each parameter has its own stream, so that another head or FC length leaves the layers before it alone.
pub(crate) fn start_values(parameter: &Parameter, seed: u64, index: usize) -> Vec<f32> {
    let len = parameter.shape.iter().product();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index as u64);
    match parameter.start {
        Start::Constant(value) => vec![value; len],
        Start::Uniform(bound) => (0..len).map(|_| (bound * (2.0 * rng.random::<f64>() - 1.0)) as f32).collect(),
        Start::Normal(deviation) => normals(&mut rng, len, deviation),
    }
}

/// Box-Muller: two uniforms give two normals.
fn normals(rng: &mut ChaCha8Rng, len: usize, deviation: f64) -> Vec<f32> {
    let mut values = Vec::with_capacity(len + 1);
    while values.len() < len {
        // 1 - u lies in (0, 1], so that the logarithm is finite.
        let radius = deviation * (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        let (sin, cos) = (TAU * rng.random::<f64>()).sin_cos();
        values.extend([(radius * cos) as f32, (radius * sin) as f32]);
    }
    values.truncate(len);
    values
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parameter(start: Start) -> Parameter {
        Parameter { name: "p".into(), shape: vec![100, 201], start }
    }

    #[test]
    fn moments_match_the_declared_distribution() {
        let n = 20_100.0;
        let normal = start_values(&parameter(Start::Normal(0.5)), 1, 0);
        let mean: f64 = normal.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let var: f64 = normal.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n;
        // Five standard errors of 20,100 draws.
        assert!(mean.abs() < 5.0 * 0.5 / n.sqrt() && (var - 0.25).abs() < 5.0 * 0.25 * (2.0 / n).sqrt());
        let uniform = start_values(&parameter(Start::Uniform(0.1)), 1, 0);
        assert!(uniform.iter().all(|v| v.abs() <= 0.1) && uniform.iter().any(|v| *v > 0.099));
    }

    #[test]
    fn seed_and_index_pick_the_stream() {
        let p = parameter(Start::Normal(1.0));
        assert_eq!(start_values(&p, 3, 4), start_values(&p, 3, 4));
        assert_ne!(start_values(&p, 3, 4), start_values(&p, 3, 5));
        assert_ne!(start_values(&p, 3, 4), start_values(&p, 4, 4));
    }
}
