//! How fast is an exact line scan, and how good is the index? `cargo run -p latentwalk-benches --bin scan_speed`
//!
//! Prints, for 100,000 and 1,000,000 points of 50 axes, the milliseconds of one walk (7 stops, one image each) and the bytes
//! of points read in a second; then, for 7,000 clustered points, the seconds of a build and recall@10 by width of search;
//! last, for 8,400 points and 2,900 cases, the seconds of a preservation study by way.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use latentwalk_lines::{
    Error, HnswIndex, HnswOptions, LineToValue, Metric, PreservationStudy, Search, Space, StopContext, StopRule,
    WalkOptions, Way, walk,
};
use ndarray::{Array1, Array2, ArrayView2, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const K: usize = 50;
const REPEATS: usize = 15;

fn main() -> Result<(), Error> {
    for n in [100_000, 1_000_000] {
        scan(n)?;
    }
    index(7_000, 1_000)?;
    preservation(8_400, 725)
}

fn scan(n: usize) -> Result<(), Error> {
    let z = clustered(n, 100, 1);
    let space = Space::new(Metric::euclidean(K)?, z.view())?;
    let mut w = vec![0.0; K];
    (w[0], w[3]) = (0.8, 0.6);
    let positions = space.positions(&w)?;
    let context = StopContext { pool: &positions, ..StopContext::default() };
    let stops = StopRule::Quantiles { count: 7, low: 0.01, high: 0.99 }.place(&context)?;
    let mut times = Vec::new();
    for repeat in 0..REPEATS {
        let clock = Instant::now();
        let line = space.metric().line(&w, z.row(repeat))?;
        let exclude = [repeat];
        let strip = walk(&space, &line, &stops, &WalkOptions { exclude: &exclude, ..WalkOptions::default() })?;
        times.push(clock.elapsed().as_secs_f64());
        assert!(strip.stops.iter().all(|stop| stop.hits.len() == 1));
    }
    times.sort_by(f64::total_cmp);
    let (median, best) = (times[REPEATS / 2], times[0]);
    let bytes = (n * K * 4) as f64;
    println!(
        "scan {n:>9} x {K}: median {:6.2} ms ({:5.1} GB/s), best {:6.2} ms",
        median * 1e3,
        bytes / median / 1e9,
        best * 1e3
    );
    Ok(())
}

fn index(n: usize, queries: usize) -> Result<(), Error> {
    let z = clustered(n + queries, 100, 2);
    let space = Space::new(Metric::euclidean(K)?, z.slice(s![..n, ..]))?;
    let clock = Instant::now();
    let index = HnswIndex::build(&space, HnswOptions::default())?;
    println!("index {n} x {K}: built in {:.2} s", clock.elapsed().as_secs_f64());
    let held_out = space.metric().map(z.slice(s![n.., ..]))?;
    let (on_lines, agreement) = lines(&space, &index, z.slice(s![n.., ..]))?;
    for ef in [10, 16, 32, 64, 128] {
        let recall = index.recall_at(&space, 10, ef, held_out.view())?;
        let stops = index.recall_at(&space, 10, ef, on_lines.view())?;
        println!("  ef {ef:>3}: recall@10 {recall:.4} for held-out points, {stops:.4} for stops of lines");
    }
    println!("  self-retrieval at ef 64: {:.4}", index.self_retrieval(&space, 64, space.len())?);
    println!("  indexed walks retrieve the exact image at {agreement:.4} of stops");
    Ok(())
}

/// Points of lines at their stops, and how often an indexed walk finds what the exact one finds.
fn lines(space: &Space, index: &HnswIndex, starts: ArrayView2<'_, f32>) -> Result<(Array2<f32>, f64), Error> {
    let mut w = vec![0.0; K];
    (w[0], w[3]) = (0.8, 0.6);
    let positions = space.positions(&w)?;
    let context = StopContext { pool: &positions, ..StopContext::default() };
    let stops = StopRule::Quantiles { count: 7, low: 0.01, high: 0.99 }.place(&context)?;
    let count = starts.nrows().min(150);
    let mut points = Array2::zeros((count * stops.len(), K));
    let mut equal = 0;
    for (i, start) in starts.outer_iter().take(count).enumerate() {
        let line = space.metric().line(&w, start)?;
        for (stop, &position) in stops.positions().iter().enumerate() {
            points.row_mut(i * stops.len() + stop).assign(&Array1::from(line.mapped_point(position)));
        }
        let exact = walk(space, &line, &stops, &WalkOptions::default())?;
        let search = Search::indexed(index);
        let indexed = walk(space, &line, &stops, &WalkOptions { search, ..WalkOptions::default() })?;
        equal += exact.stops.iter().zip(&indexed.stops).filter(|(a, b)| a == b).count();
    }
    Ok((points, equal as f64 / (count * stops.len()) as f64))
}

/// Ten attributes of five classes that follow the first ten axes; every case has a twin.
fn preservation(n: usize, starts: usize) -> Result<(), Error> {
    let z = clustered(n + starts, 100, 3);
    let class = |v: f32| ((v + 1.0) * 2.5).clamp(0.0, 4.0) as u32;
    let labels = |z: ArrayView2<'_, f32>| -> Vec<Vec<Option<u32>>> {
        (0..10).map(|j| z.column(j).iter().map(|&v| Some(class(v))).collect()).collect()
    };
    let (pool, held_out) = (z.slice(s![..n, ..]), z.slice(s![n.., ..]));
    let (of_pool, of_starts) = (labels(pool), labels(held_out));
    let rows: Vec<usize> = (0..n).collect();
    let clock = Instant::now();
    let metric = Metric::residual(pool, &of_pool, &[5; 10], &rows, 1e-4)?;
    println!("preservation {n} x {K}: residual metric in {:.3} s", clock.elapsed().as_secs_f64());
    let twins = |start: usize, to: u32| {
        let mut twin = held_out.row(start).to_vec();
        twin[2] = f64::from(to).mul_add(0.4, -0.8) as f32;
        Some(twin)
    };
    let line_to = |start: usize, to: u32| {
        let weights = (0..K).map(|j| f64::from(u8::from(j == 2))).collect();
        let median = |class: u32| f64::from(class).mul_add(0.4, -0.8);
        LineToValue::towards(weights, median(of_starts[2][start].unwrap_or(0)), median(to), 0.5).ok()
    };
    let study = PreservationStudy {
        pool,
        pool_labels: &of_pool,
        starts: held_out,
        start_labels: &of_starts,
        target: 2,
        classes: 5,
        twins: &twins,
    };
    let line = Way::Line { metric: &metric, line_to: &line_to };
    for (name, way) in
        [("line", line), ("nearest", Way::Nearest { metric: &metric }), ("labelled", Way::Labelled { metric: &metric })]
    {
        let clock = Instant::now();
        let figures = study.run(&way)?;
        println!(
            "  {name:>8}: {} cases in {:.2} s, hit {:.3}, unchanged {:.3}",
            figures.cases,
            clock.elapsed().as_secs_f64(),
            figures.hit_rate,
            figures.mean_unchanged
        );
    }
    let clock = Instant::now();
    let ceiling = study.ceiling()?;
    println!("   ceiling: unchanged {:.3} in {:.2} s", ceiling.mean_unchanged, clock.elapsed().as_secs_f64());
    Ok(())
}

/// Clusters with a falling spectrum, as after PCA.
fn clustered(n: usize, clusters: usize, seed: u64) -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let scale = |j: usize| 1.0 / ((j + 1) as f32).sqrt();
    let centres = Array2::from_shape_fn((clusters, K), |(_, j)| rng.random_range(-3.5_f32..3.5) * scale(j));
    let mut z = Array2::zeros((n, K));
    for mut row in z.rows_mut() {
        let centre = centres.row(rng.random_range(0..clusters));
        for (j, (value, c)) in row.iter_mut().zip(centre).enumerate() {
            // The sum of three uniform deviates of this range has variance 1.
            *value = c + scale(j) * (0..3).map(|_| rng.random_range(-1.0_f32..1.0)).sum::<f32>();
        }
    }
    z
}
