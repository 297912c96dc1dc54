//! How long a fit and a projection take:
//! `cargo run -p latentwalk-benches --bin pca_speed [ROWS] [WIDTH] [AXES]`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use latentwalk_decomposition::{Accumulator, Keep, PcaOptions};
use ndarray::{Array2, Axis};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut sizes = std::env::args().skip(1).map(|size| size.parse::<usize>());
    let n = sizes.next().transpose()?.unwrap_or(50_000);
    let d = sizes.next().transpose()?.unwrap_or(1000);
    let k = sizes.next().transpose()?.unwrap_or(50);
    let mut state = 1_u64;
    let rows = Array2::from_shape_fn((n, d), |(_, j)| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((state >> 40) as f32 / (1 << 24) as f32) / (1.0 + j as f32 * 0.01)
    });
    let start = Instant::now();
    let mut accumulator = Accumulator::new(d);
    for batch in rows.axis_chunks_iter(Axis(0), 1000) {
        accumulator.push(batch)?;
    }
    let gathered = start.elapsed();
    let pca = accumulator.finish(&PcaOptions { keep: Keep::Axes(k), whiten: false })?;
    let fitted = start.elapsed();
    let scores = pca.transform(rows.view())?;
    let projected = start.elapsed();
    println!(
        "{n} x {d}: covariance {gathered:.2?}, axes {:.2?}, projection {:.2?}",
        fitted - gathered,
        projected - fitted
    );
    println!("fit and transform {projected:.2?}, {:?} scores, kept {:.4}", scores.dim(), pca.kept());
    for (name, check) in pca.certificates().checks() {
        println!("  {name}: {:.1e} of {:.0e} allowed", check.value, check.tolerance);
    }
    Ok(())
}
