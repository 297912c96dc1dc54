//! Study `calibration`: do the verdicts say yes where there is nothing, and do their intervals cover?

use anyhow::{Context, Result};
use latentwalk_probe::verdict::{Answer, Baseline, CardOptions, CardTask, card, decide};
use latentwalk_probe::{MethodChoice, ProbeOptions, Split, Task, fit};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::file::Experiment;
use super::outcome::Outcome;
use super::page::decimal;

/// Axes of the vectors.
const AXES: usize = 10;
/// Classes, in a declared order.
const CLASSES: usize = 3;
/// Runs on noise, and on a planted axis whose true AUC is known.
const RUNS: usize = 400;
/// Train, validation and test images of these runs; images come in pairs that share their label and half of their noise.
const SIZES: [usize; 3] = [300, 30, 240];
/// Fresh images that tell the true AUC of a fit.
const FRESH: usize = 20_000;
/// Runs of each cell of the table of strengths.
const CELL: usize = 40;
/// Planted distances between neighbouring class means, in standard deviations.
const STRENGTHS: [f64; 4] = [0.0, 0.25, 0.5, 1.0];
/// Train images of the table; there are as many test images.
const TRAIN: [usize; 3] = [150, 600, 2400];

/// Made-up vectors with labels, groups and splits.
struct World {
    z: Array2<f32>,
    noise: Array2<f32>,
    labels: Vec<Option<u32>>,
    groups: Vec<usize>,
    splits: Vec<Split>,
}

impl World {
    /// Pairs of images: classes lie `strength` standard deviations apart along the first axis.
    fn new(sizes: [usize; 3], strength: f64, rng: &mut ChaCha8Rng) -> Self {
        let n = sizes.iter().sum();
        let splits: Vec<Split> = [Split::Train, Split::Validation, Split::Test]
            .into_iter()
            .zip(sizes)
            .flat_map(|(split, size)| std::iter::repeat_n(split, size))
            .collect();
        let groups: Vec<usize> = (0..n).map(|row| row / 2).collect();
        let classes: Vec<u32> = (0..n.div_ceil(2)).map(|_| rng.random_range(0..CLASSES as u32)).collect();
        let vectors = |strength: f64, rng: &mut ChaCha8Rng| {
            let mut z = Array2::zeros((n, AXES));
            let mut shared = [0.0; AXES];
            for (row, mut vector) in z.rows_mut().into_iter().enumerate() {
                if row % 2 == 0 {
                    shared.iter_mut().for_each(|value| *value = normal(rng));
                }
                for (axis, value) in vector.iter_mut().enumerate() {
                    // Half of the variance is the pair's, half is the image's.
                    let noise = (shared[axis] + normal(rng)) / std::f64::consts::SQRT_2;
                    let place = if axis == 0 { strength * f64::from(classes[row / 2]) } else { 0.0 };
                    *value = (place + noise) as f32;
                }
            }
            z
        };
        let (z, noise) = (vectors(strength, rng), vectors(0.0, rng));
        Self { z, noise, labels: groups.iter().map(|&group| Some(classes[group])).collect(), groups, splits }
    }
}

/// A standard normal number, by Box and Muller.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// What one run said.
struct Said {
    p: f64,
    answers: [Answer; 5],
    auc: f64,
    interval: [f64; 2],
}

fn said(world: &World, seed: u64) -> Result<Said> {
    let classes = ["low", "middle", "high"].map(String::from);
    let order: Vec<u32> = (0..CLASSES as u32).collect();
    let z = world.z.view();
    let task =
        Task { name: "planted", classes: &classes, order: &order, z, labels: &world.labels, splits: &world.splits };
    let probe = ProbeOptions { method: MethodChoice::ProportionalOdds, seed, ..ProbeOptions::default() };
    let direction = fit(&task, &probe, &|_, _| ())?;
    let rows: Vec<usize> = (0..world.labels.len()).collect();
    let baselines = [Baseline { name: "noise", rows: &rows, z: world.noise.view() }];
    let task = CardTask {
        task,
        groups: &world.groups,
        direction: &direction,
        others: &[],
        baselines: &baselines,
        trained: false,
    };
    let mut cards = [card(&task, &probe, &CardOptions { seed, ..CardOptions::default() })?];
    decide(&mut cards);
    let [card] = &cards;
    let exists = &card.exists;
    Ok(Said {
        p: exists.p.context("no p-value")?,
        answers: card.findings().map(|finding| finding.answer),
        auc: exists.auc.context("no AUC")?,
        interval: exists.interval.context("no interval")?,
    })
}

/// The AUC that the discriminants of these train images reach on ever so many images.
fn true_auc(world: &World, strength: f64, rng: &mut ChaCha8Rng) -> Result<f64> {
    let fresh = World::new([0, 0, FRESH], strength, rng);
    let train = world.splits.iter().filter(|&&split| split == Split::Train).count();
    let mut joined = World {
        z: ndarray::concatenate![ndarray::Axis(0), world.z.slice(ndarray::s![..train, ..]), fresh.z],
        noise: Array2::zeros((0, AXES)),
        labels: world.labels[..train].iter().chain(&fresh.labels).copied().collect(),
        groups: (0..train + FRESH).collect(),
        splits: Vec::new(),
    };
    joined.splits = (0..train + FRESH).map(|row| if row < train { Split::Train } else { Split::Test }).collect();
    let classes = ["low", "middle", "high"].map(String::from);
    let task = Task {
        name: "planted",
        classes: &classes,
        order: &[],
        z: joined.z.view(),
        labels: &joined.labels,
        splits: &joined.splits,
    };
    latentwalk_probe::verdict::mean_pair_auc(&task).context("no two classes")
}

pub(super) fn run(experiment: &Experiment) -> Result<Outcome> {
    let seed = experiment.first_seed()?;
    let stream = |part: u64, run: usize| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream((part << 32) | run as u64);
        rng
    };
    let mut outcome = Outcome::default();
    let runs = |part: u64, count: usize, sizes: [usize; 3], strength: f64| -> Result<Vec<Said>> {
        let one = |run: usize| said(&World::new(sizes, strength, &mut stream(part, run)), run as u64);
        (0..count).into_par_iter().map(one).collect()
    };
    let noise = runs(0, RUNS, SIZES, 0.0)?;
    tell_noise(&noise, &mut outcome);
    let planted = |run: usize| -> Result<(Said, f64)> {
        let mut rng = stream(1, run);
        let world = World::new(SIZES, 0.5, &mut rng);
        Ok((said(&world, run as u64)?, true_auc(&world, 0.5, &mut rng)?))
    };
    let planted: Vec<(Said, f64)> = (0..RUNS).into_par_iter().map(planted).collect::<Result<_>>()?;
    tell_coverage(&planted, &mut outcome);
    let mut rows = Vec::new();
    for (at, &strength) in STRENGTHS.iter().enumerate() {
        for (column, &train) in TRAIN.iter().enumerate() {
            let part = 2 + (at * TRAIN.len() + column) as u64;
            let said = runs(part, CELL, [train, 30, train], strength)?;
            let yes = |verdict: usize| share(said.iter().map(|said| said.answers[verdict] == Answer::Yes));
            let auc = said.iter().map(|said| said.auc).sum::<f64>() / CELL as f64;
            let cells = [auc, yes(0), yes(1), yes(2), yes(3)].map(decimal);
            rows.push([format!("{strength}"), train.to_string()].into_iter().chain(cells).collect());
            outcome.figures.push((format!("strength {strength}, {train} images: said to be readable"), yes(0)));
        }
    }
    outcome.body.heading("How strong, and how many images, for a yes");
    outcome.body.paragraph(&format!(
        "{CELL} runs per line. Strength: distance between the means of neighbouring values, in standard deviations; as many test \
         images as train images. Shares of the runs that say yes."
    ));
    let head = ["strength", "train images", "mean AUC", "readable", "ordered", "one axis", "stable"];
    outcome.body.table(&head, &rows);
    Ok(outcome)
}

fn share(hits: impl Iterator<Item = bool>) -> f64 {
    let (mut yes, mut all) = (0, 0);
    hits.for_each(|hit| (yes, all) = (yes + usize::from(hit), all + 1));
    f64::from(yes as u32) / all as f64
}

fn tell_noise(noise: &[Said], outcome: &mut Outcome) {
    outcome.body.heading("Where there is nothing");
    outcome.body.paragraph(&format!(
        "{RUNS} runs on noise: {} train and {} test images in pairs that share their label and half of their noise, {AXES} axes, \
         {CLASSES} values in an order. A p-value below 0.05 is expected in 0.05 of the runs; by chance alone that share lies \
         between 0.030 and 0.073 in 95 of 100 such studies.",
        SIZES[0], SIZES[2]
    ));
    let below = |level: f64| share(noise.iter().map(|said| said.p <= level));
    let yes = |verdict: usize| share(noise.iter().map(|said| said.answers[verdict] == Answer::Yes));
    let figures = [
        ("noise: p at most 0.05", below(0.05)),
        ("noise: p at most 0.2", below(0.2)),
        ("noise: p at most 0.5", below(0.5)),
        ("noise: said to be readable", yes(0)),
        ("noise: said to be ordered", yes(1)),
        ("noise: said to be one axis", yes(2)),
        ("noise: said to be stable", yes(3)),
    ];
    let rows: Vec<Vec<String>> =
        figures.iter().map(|(name, value)| vec![(*name).to_owned(), decimal(*value)]).collect();
    outcome.body.table(&["", "share of the runs"], &rows);
    outcome.figures.extend(figures.map(|(name, value)| (name.to_owned(), value)));
}

fn tell_coverage(planted: &[(Said, f64)], outcome: &mut Outcome) {
    let covered = share(planted.iter().map(|(said, truth)| (said.interval[0]..=said.interval[1]).contains(truth)));
    let mean = |value: &dyn Fn(&(Said, f64)) -> f64| planted.iter().map(value).sum::<f64>() / planted.len() as f64;
    outcome.body.heading("Do the intervals cover?");
    outcome.body.paragraph(&format!(
        "{RUNS} runs on a planted axis of strength 0.5. The AUC that each fit would reach on ever so many images is measured on \
         {FRESH} fresh ones: {} on average, where the runs measure {}. The intervals of 95 % hold it in {covered:.3} of the runs.",
        decimal(mean(&|(_, truth)| *truth)),
        decimal(mean(&|(said, _)| said.auc)),
    ));
    outcome.figures.push(("planted: the interval of the AUC covers".to_owned(), covered));
}
