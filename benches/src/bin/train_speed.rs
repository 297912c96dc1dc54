//! Training and extraction speed of the `small` network: `cargo run -p latentwalk-benches --bin train_speed [threads]`.
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use latentwalk_backbone::{
    Augment, BackboneDevice, Error, Head, ImageSource, LoadError, Network, NetworkSpec, Next, Tap, Targets, TrainData,
    TrainEvent, TrainOptions, train,
};
use ndarray::Array4;

/// Steps before the clock starts.
const WARMUP: usize = 3;
const STEPS: usize = 24;

struct Noise {
    len: usize,
    shape: (usize, usize, usize),
}

impl ImageSource for Noise {
    fn len(&self) -> usize {
        self.len
    }

    fn shape(&self) -> (usize, usize, usize) {
        self.shape
    }

    fn load(&self, rows: &[usize], _: Option<Augment>, out: &mut [f32]) -> Result<(), LoadError> {
        let image = out.len() / rows.len().max(1);
        for (i, v) in out.iter_mut().enumerate() {
            let (row, pixel) = (rows[i / image], i % image);
            *v = ((row * 7919 + pixel * 104_729) % 2003) as f32 / 1000.0 - 1.0;
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    latentwalk_engine::keep_freed_memory();
    let threads = std::env::args().nth(1).map_or(Ok(2), |text| text.parse())?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    println!("{threads} threads, images per second: median step (fastest step)");
    for shape in [(28, 28, 1), (32, 32, 3)] {
        for batch in [64, 128] {
            let training = pool.install(|| train_rate(shape, batch))?;
            let extraction = pool.install(|| embed_rate(shape, batch))?;
            println!("{shape:?} batch {batch}: training {training}, extraction {extraction}");
        }
    }
    Ok(())
}

fn spec(channels: usize) -> NetworkSpec {
    NetworkSpec::new("small", channels, vec![Head::exclusive("category", 10)])
}

fn train_rate(shape: (usize, usize, usize), batch: usize) -> Result<String, Error> {
    let images = Noise { len: batch * (STEPS + WARMUP), shape };
    let targets = [Targets::One((0..images.len as u32).map(|i| Some(i % 10)).collect())];
    let rows: Vec<usize> = (0..images.len).collect();
    let data = TrainData { images: &images, targets: &targets, train: &rows, validation: &[] };
    let options = TrainOptions { epochs: 1, batch, ..Default::default() };
    let mut ends = Vec::new();
    train(&spec(shape.2), &data, &options, &mut |event| {
        if matches!(event, TrainEvent::Step { .. }) {
            ends.push(Instant::now());
        }
        Next::GoOn
    })?;
    let steps = ends.windows(2).skip(WARMUP).map(|pair| pair[1] - pair[0]).collect();
    Ok(rates(batch, steps))
}

fn embed_rate((h, w, c): (usize, usize, usize), batch: usize) -> Result<String, Error> {
    let network = Network::new(spec(c), 0, &BackboneDevice::cpu())?;
    let pixels = Array4::from_shape_fn((batch, h, w, c), |(_, y, x, k)| ((y * w + x) * c + k) as f32 % 17.0 / 17.0);
    let mut times = Vec::new();
    for _ in 0..STEPS {
        let start = Instant::now();
        network.embed(pixels.view(), Tap::Fc)?;
        times.push(start.elapsed());
    }
    Ok(rates(batch, times))
}

fn rates(batch: usize, mut times: Vec<Duration>) -> String {
    times.sort();
    let rate = |at: usize| times.get(at).map_or(f64::NAN, |time| batch as f64 / time.as_secs_f64());
    format!("{:.0} ({:.0})", rate(times.len() / 2), rate(0))
}
