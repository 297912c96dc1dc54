//! Speed and memory of evaluation: `cargo run -p latentwalk-benches --bin infer_speed -- [threads] [model size batch]...`,
//! by default over the table of `docs/performance.md`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use latentwalk_backbone::{BackboneDevice, Head, Network, NetworkSpec, Tap};
use ndarray::Array4;

/// Runs of each row that count, after one that does not.
const RUNS: usize = 7;
/// A run repeats the batch until it has taken this long.
const SECONDS: f64 = 0.3;

/// Model, side, channels and batch.
const TABLE: [(&str, usize, usize, usize); 10] = [
    ("resnet50", 224, 3, 1),
    ("resnet50", 224, 3, 8),
    ("resnet50", 224, 3, 32),
    ("resnet18", 64, 3, 64),
    ("resnet18", 224, 3, 1),
    ("resnet18", 224, 3, 8),
    ("small", 28, 1, 64),
    ("small", 28, 1, 128),
    ("small", 32, 3, 64),
    ("small", 32, 3, 128),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    latentwalk_engine::keep_freed_memory();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let threads = args.first().map_or(Ok(2), |text| text.parse())?;
    let mut rows = Vec::new();
    for row in args.get(1..).unwrap_or_default().chunks_exact(3) {
        let side = row[1].parse()?;
        rows.push((row[0].as_str(), side, if side == 28 { 1 } else { 3 }, row[2].parse()?));
    }
    if rows.is_empty() {
        rows.extend(TABLE);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    for (model, side, channels, batch) in rows {
        let network = Network::new(
            NetworkSpec::new(model, channels, vec![Head::exclusive("kind", 2)]),
            0,
            &BackboneDevice::cpu(),
        )?;
        let values = (0..batch * side * side * channels).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
        let pixels = Array4::from_shape_vec((batch, side, side, channels), values)?;
        let start = Instant::now();
        let evaluator = pool.install(|| network.into_evaluator(side, side))?;
        let embed = || pool.install(|| evaluator.embed(pixels.view(), Tap::Pool));
        embed()?;
        let first = start.elapsed().as_secs_f64();
        let mut rates = Vec::new();
        for _ in 0..RUNS {
            let (start, mut images) = (Instant::now(), 0);
            while start.elapsed().as_secs_f64() < SECONDS {
                embed()?;
                images += batch;
            }
            rates.push(images as f64 / start.elapsed().as_secs_f64());
        }
        rates.sort_by(f64::total_cmp);
        println!(
            "{model} f32 {side} b{batch}: {:.1} images per second ({:.1} to {:.1}), compiled and first batch {first:.2} s, memory {} MB, at most {} MB",
            rates[RUNS / 2],
            rates[0],
            rates[RUNS - 1],
            memory("VmRSS:"),
            memory("VmHWM:"),
        );
    }
    Ok(())
}

/// Memory of the process in MB, now (`VmRSS:`) or the most so far (`VmHWM:`); `?` where the system does not tell.
fn memory(field: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kb = status.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kb.map_or_else(|| "?".to_owned(), |kb| (kb / 1024).to_string())
}
