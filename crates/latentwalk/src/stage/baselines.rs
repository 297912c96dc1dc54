//! Coordinates of the same images that owe nothing to training: their pixels, and a network like the run's with random weights.
//!
//! Where the run's network learned from random weights, these are the same: it is the network before its first step.

use anyhow::Result;
use latentwalk_backbone::{ImageSource, Network, NetworkSpec};
use latentwalk_cli::Stage;
use latentwalk_decomposition::{Accumulator, Error, Keep, Pca, PcaOptions};
use latentwalk_embeddings::{Writer, WriterOptions};
use latentwalk_images::{Augmentation, Batcher, Dataset, ImageShape, Pixels, Split};
use latentwalk_run::{BASELINES_FILE, BaselinesRecord, PIXELS, UNTRAINED};
use ndarray::{Array2, ArrayView4, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::backbone::Source;
use super::inputs;
use super::vectors::{schema, table};
use crate::job::Job;

/// Longest side of the pixels that are compared with: larger images are averaged down to it.
const PIXEL_SIDE: usize = 32;

/// Writes one Parquet file of PCA coordinates per baseline, of the same images each.
///
/// # Errors
/// Files that cannot be read or written, a device that does not exist.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let dataset = inputs::dataset(job)?;
    let rows = chosen(&dataset, job.config.baselines.images, job.config.baselines.seed);
    let axes = Pca::load(job.folder(Stage::Decomposition)?)?.k();
    let mut sets = Vec::new();
    let mut add = |name: &str, file: &str, vectors: Array2<f32>| -> Result<()> {
        match write(job, &dataset, &rows, &vectors, axes, file)? {
            true => sets.push((name.to_owned(), file.to_owned())),
            false => job.progress.say(&format!("{name} do not vary, and are left out")),
        }
        Ok(())
    };
    add(PIXELS, "pixels.parquet", pixels(job, &dataset, &rows)?)?;
    if job.inputs.contains_key(&Stage::Backbone) {
        add(UNTRAINED, "untrained.parquet", untrained(job, &dataset, &rows)?)?;
    }
    let figures = json!({ "images": rows.len(), "sets": sets.iter().map(|(name, _)| name).collect::<Vec<_>>() });
    job.write_json(BASELINES_FILE, &BaselinesRecord { rows, sets })?;
    Ok(figures)
}

/// At most so many images, ascending.
fn chosen(dataset: &Dataset, most: usize, seed: u64) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..dataset.items.len()).collect();
    if rows.len() > most {
        rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        rows.truncate(most);
        rows.sort_unstable();
    }
    rows
}

/// Pixels as vectors, from 0 to 1.
fn pixels(job: &Job<'_>, dataset: &Dataset, rows: &[usize]) -> Result<Array2<f32>> {
    let pixels = Pixels::open(job.folder(Stage::Images)?, dataset)?;
    let shape = pixels.shape();
    let small = ImageShape { height: shape.height.min(PIXEL_SIDE), width: shape.width.min(PIXEL_SIDE), ..shape };
    let mut vectors = Array2::zeros((rows.len(), small.len()));
    let mut bytes = Vec::new();
    let mut done = 0;
    for part in rows.chunks(inputs::READ_ROWS.min((1 << 26) / shape.len()).max(1)) {
        bytes.resize(part.len() * shape.len(), 0);
        pixels.read(part, &mut bytes)?;
        for image in bytes.chunks_exact(shape.len()) {
            averaged(image, shape, small, vectors.row_mut(done).as_slice_mut().unwrap_or_default());
            done += 1;
        }
    }
    Ok(vectors)
}

/// The mean of each box of pixels, boxes as equal as whole pixels allow.
fn averaged(image: &[u8], from: ImageShape, to: ImageShape, out: &mut [f32]) {
    let edge = |at: usize, from: usize, to: usize| at * from / to;
    for (y, line) in out.chunks_exact_mut(to.width * to.channels).enumerate() {
        let high = edge(y, from.height, to.height)..edge(y + 1, from.height, to.height);
        for (x, pixel) in line.chunks_exact_mut(to.channels).enumerate() {
            let wide = edge(x, from.width, to.width)..edge(x + 1, from.width, to.width);
            let count = (high.len() * wide.len()) as f32;
            for (channel, value) in pixel.iter_mut().enumerate() {
                let of = |(y, x): (usize, usize)| u32::from(image[(y * from.width + x) * from.channels + channel]);
                let all = high.clone().flat_map(|y| wide.clone().map(move |x| (y, x)));
                *value = all.map(of).sum::<u32>() as f32 / (255.0 * count);
            }
        }
    }
}

/// What a network like the run's sees before it learns anything, in the layer that was decomposed.
fn untrained(job: &Job<'_>, dataset: &Dataset, rows: &[usize]) -> Result<Array2<f32>> {
    let spec: NetworkSpec = job.read_json(Stage::Backbone, "network.json")?;
    let (mean, std) = (spec.mean.clone(), spec.std.clone());
    let pixels = Pixels::open(job.folder(Stage::Images)?, dataset)?;
    let source = Source::new(dataset, Batcher::new(pixels, mean, std, Augmentation::none())?);
    let (height, width, channels) = source.shape();
    let device = latentwalk_backbone::parse_device(job.device)?;
    let network = Network::new(spec, job.config.backbone.train.seed, &device)?.into_evaluator(height, width)?;
    let tap = job.config.decomposition.tap;
    let mut vectors = Array2::zeros((0, network.width(tap)));
    for part in rows.chunks(job.config.embeddings.batch) {
        let mut values = vec![0.0; part.len() * height * width * channels];
        source.load(part, None, &mut values).map_err(anyhow::Error::from_boxed)?;
        let images = ArrayView4::from_shape((part.len(), height, width, channels), &values)?;
        let found = rayon::scope(|_| network.embed(images, tap))?;
        vectors.append(Axis(0), found.view())?;
        job.progress.note(&format!("{} of {} images", vectors.nrows(), rows.len()));
    }
    Ok(vectors)
}

/// Writes the coordinates on as many axes as the run keeps, fitted on train images; `false` where these do not vary.
fn write(
    job: &Job<'_>,
    dataset: &Dataset,
    rows: &[usize],
    vectors: &Array2<f32>,
    axes: usize,
    file: &str,
) -> Result<bool> {
    let train: Vec<usize> = (0..rows.len()).filter(|&at| dataset.items[rows[at]].split == Split::Train).collect();
    let mut accumulator = Accumulator::new(vectors.ncols());
    for part in train.chunks(inputs::READ_ROWS) {
        accumulator.push(vectors.select(Axis(0), part).view())?;
    }
    let axes = axes.min(vectors.ncols()).min(train.len().saturating_sub(1)).max(1);
    let pca = match accumulator.finish_at_most(&PcaOptions { keep: Keep::Axes(axes), whiten: false }) {
        Err(Error::NoVariance { .. } | Error::TooFewRows { .. }) => return Ok(false),
        found => found?,
    };
    let schema = schema(dataset, pca.k(), job.config.decomposition.tap);
    let mut writer = Writer::create(job.out.join(file), &schema, WriterOptions::default())?;
    let mut done = 0;
    for part in rows.chunks(inputs::READ_ROWS) {
        let places: Vec<usize> = (done..done + part.len()).collect();
        done += part.len();
        let z = pca.transform(vectors.select(Axis(0), &places).view())?;
        writer.write(&table(dataset, part, z))?;
    }
    writer.finish()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_averaged_channel_by_channel() {
        let from = ImageShape { height: 2, width: 4, channels: 2 };
        let to = ImageShape { height: 1, width: 2, channels: 2 };
        // Channel 0 is 0, 1, 2, 3 in both rows, channel 1 is 255 everywhere.
        let image: Vec<u8> = (0..8).flat_map(|at| [at % 4, 255]).collect();
        let mut out = [0.0; 4];
        averaged(&image, from, to, &mut out);
        assert_eq!(out, [0.5 / 255.0, 1.0, 2.5 / 255.0, 1.0]);
        let mut same = [0.0; 16];
        averaged(&image, from, from, &mut same);
        assert_eq!(same[6], 3.0 / 255.0);
    }
}
