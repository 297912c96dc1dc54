//! How long a fit and a projection take, medians of five:
//! `cargo run -p latentwalk-benches --bin pca_speed [ROWS] [WIDTH] [AXES]`.
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use latentwalk_decomposition::{Accumulator, Keep, Pca, PcaOptions};
use ndarray::{Array2, ArrayView2};

const REPEATS: usize = 5;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let mut sizes = std::env::args().skip(1).map(|size| size.parse::<usize>());
    let n = sizes.next().transpose()?.unwrap_or(100_000);
    let d = sizes.next().transpose()?.unwrap_or(1000);
    let k = sizes.next().transpose()?.unwrap_or(50);
    let mut state = 1_u64;
    let rows = Array2::from_shape_fn((n, d), |(_, j)| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((state >> 40) as f32 / (1 << 24) as f32) / (1.0 + j as f32 * 0.01)
    });
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..REPEATS {
        let (pca, time) = once(rows.view(), k)?;
        times.push(time);
        last = Some(pca);
    }
    let part = |of: fn(&[Duration; 3]) -> Duration| {
        let mut parts: Vec<Duration> = times.iter().map(of).collect();
        parts.sort();
        parts[REPEATS / 2]
    };
    println!(
        "{n} x {d}: covariance {:.2?}, axes {:.2?}, projection {:.2?}",
        part(|t| t[0]),
        part(|t| t[1]),
        part(|t| t[2])
    );
    println!("PCA {n} x {d} to {k}, fit and transform: {:.2} s", part(|t| t.iter().sum()).as_secs_f64());
    for (name, check) in last.iter().flat_map(|pca| pca.certificates().checks()) {
        println!("  {name}: {:.1e} of {:.0e} allowed", check.value, check.tolerance);
    }
    Ok(())
}

/// A fit and a projection, and what the covariance, the axes and the projection took.
fn once(rows: ArrayView2<'_, f32>, k: usize) -> Result<(Pca, [Duration; 3])> {
    let start = Instant::now();
    let mut accumulator = Accumulator::new(rows.ncols());
    accumulator.push(rows)?;
    let gathered = start.elapsed();
    let pca = accumulator.finish(&PcaOptions { keep: Keep::Axes(k), whiten: false })?;
    let fitted = start.elapsed();
    std::hint::black_box(pca.transform(rows)?);
    let projected = start.elapsed();
    Ok((pca, [gathered, fitted - gathered, projected - fitted]))
}
