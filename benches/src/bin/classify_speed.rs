//! How long multinomial logistic regression takes on all axes: `cargo run -p latentwalk-benches --bin classify_speed OUT [ROWS THREADS]`.
//!
//! Vectors are synthetic, with variances that fall as those of principal axes do; ten classes overlap. They are written to `OUT/x.npy` and
//! `OUT/y.npy`, where `fixtures/peers/classify.py` fits them with scikit-learn to the same loss. Median seconds of five fits.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;
use std::time::Instant;

use latentwalk_probe::{Multinomial, ProbeOptions, Split, Task};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const AXES: usize = 50;
const CLASSES: usize = 10;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let out = PathBuf::from(arguments.next().expect("a folder for the data"));
    let mut number = |default: usize| arguments.next().and_then(|a| a.parse().ok()).unwrap_or(default);
    let (rows, threads) = (number(100_000), number(2));
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut normal = move || {
        let (radius, angle): (f64, f64) = (rng.random(), rng.random());
        (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    };
    let means = Array2::from_shape_fn((CLASSES, AXES), |_| 0.6 * normal());
    let z = Array2::from_shape_fn((rows, AXES), |(row, axis)| {
        ((means[[row % CLASSES, axis]] + normal()) * 20.0 / (1.0 + axis as f64)) as f32
    });
    let labels: Vec<Option<u32>> = (0..rows).map(|row| Some((row % CLASSES) as u32)).collect();
    std::fs::create_dir_all(&out).unwrap();
    npy(&out.join("x.npy"), "<f4", &[rows, AXES], z.iter().flat_map(|v| v.to_le_bytes()).collect());
    npy(&out.join("y.npy"), "<u4", &[rows], labels.iter().flat_map(|l| l.unwrap().to_le_bytes()).collect());
    let classes: Vec<String> = (0..CLASSES).map(|c| c.to_string()).collect();
    let splits = vec![Split::Train; rows];
    let task = Task { name: "class", classes: &classes, order: &[], z: z.view(), labels: &labels, splits: &splits };
    let options = ProbeOptions::default();
    let mut seconds = Vec::new();
    let mut value = 0.0;
    for _ in 0..5 {
        let clock = Instant::now();
        value = Multinomial::fit(&task, &options).unwrap().value;
        seconds.push(clock.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    println!("{rows} x {AXES}, {CLASSES} classes, {threads} threads: {:.2} s, objective {value:.4}", seconds[2]);
}

/// Writes an array in NumPy's format 1.0.
fn npy(path: &std::path::Path, kind: &str, shape: &[usize], bytes: Vec<u8>) {
    let shape: String = shape.iter().map(|n| format!("{n},")).collect();
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    header.push_str(&" ".repeat((10 + header.len() + 1).next_multiple_of(64) - 11 - header.len()));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(bytes);
    std::fs::write(path, file).unwrap();
}
