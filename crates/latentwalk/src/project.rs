//! `project`: where new images stand on the direction of a finished run.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use latentwalk_artifacts::{Artifact, Key, Store};
use latentwalk_backbone::{Network, Precision};
use latentwalk_cli::{ProjectArgs, Stage};
use latentwalk_decomposition::Pca;
use latentwalk_images::{Dataset, Exif, pack_file};
use latentwalk_probe::Direction;
use ndarray::Array2;
use rayon::prelude::*;

use crate::config::Tap;
use crate::defaults;
use crate::embed::normalised;
use crate::progress::Console;
use crate::summary::{self, RunFile};

/// Images that go through the network at once.
const BATCH: usize = 32;

/// Runs the `project` command: one line an image with its position, its likeliest class and that class's probability.
///
/// # Errors
/// A run, an attribute or an artifact that does not exist; no image that can be read.
pub fn run(args: &ProjectArgs, console: &Console) -> Result<()> {
    let store = Store::open(defaults::store(args.store.as_deref()))?;
    let run = find_run(&store, args.run.as_deref())?;
    let artifact = |stage: Stage| artifact(&store, &run, stage);
    let dataset = Dataset::open(artifact(Stage::Images)?.dir())?;
    let device = latentwalk_backbone::parse_device(defaults::device(args.device.as_deref()))?;
    ensure!(
        run.artifacts.contains_key(Stage::Backbone.name()),
        "the run was made from given vectors: without a network new images cannot be placed"
    );
    let network = Network::load(artifact(Stage::Backbone)?.dir(), &device)?;
    let network = network.with_precision(precision(&artifact(Stage::Embeddings)?, args)?)?;
    let pca = Pca::load(artifact(Stage::Decomposition)?.dir())?;
    let tap = tap(&artifact(Stage::Decomposition)?)?;
    let directions = latentwalk_probe::load(artifact(Stage::Probe)?.dir())?.directions;
    let direction = directions.iter().find(|d| d.attribute == args.attribute).with_context(|| {
        let known: Vec<&str> = directions.iter().map(|d| d.attribute.as_str()).collect();
        format!("the run has no direction of `{}`; it has {}", args.attribute, known.join(", "))
    })?;
    let exif = exif(&artifact(Stage::Images)?)?;
    let mut text = format!("{:<12}{:<16}{:>8}  image\n", "position", "class", "share");
    let mut read = 0;
    for files in args.images.chunks(BATCH) {
        let packed: Vec<Result<Vec<u8>, String>> =
            files.par_iter().map(|f| pack_file(f, dataset.shape.width, dataset.shape.channels, exif)).collect();
        let mut names: Vec<&Path> = Vec::new();
        let mut pixels: Vec<f32> = Vec::new();
        for (file, bytes) in files.iter().zip(packed) {
            match bytes {
                Ok(bytes) => {
                    names.push(file);
                    pixels.extend(normalised(network.spec(), &bytes));
                }
                Err(reason) => console.say(&format!("skipped {}: {reason}", file.display())),
            }
        }
        if names.is_empty() {
            continue;
        }
        read += names.len();
        let (h, w) = (dataset.shape.height, dataset.shape.width);
        let vectors = network.embed(&pixels, names.len(), h, w, tap.of_network())?;
        lines(&mut text, &names, direction, &pca.transform(vectors.view())?)?;
    }
    ensure!(read > 0, "none of the {} images could be read", args.images.len());
    crate::commands::print(&text)
}

pub(crate) fn find_run(store: &Store, name: Option<&str>) -> Result<RunFile> {
    let folders = summary::run_folders(&store.runs_dir())?;
    let named = |folder: &Path| folder.file_name().is_some_and(|f| Some(f.to_string_lossy().as_ref()) == name);
    let folder = match name {
        None => folders.last(),
        Some(_) => folders.iter().find(|folder| named(folder)),
    };
    let Some(folder) = folder else {
        match name {
            Some(name) => bail!("there is no run `{name}` in {}", store.runs_dir().display()),
            None => bail!("there is no run in {}; run the pipeline first", store.runs_dir().display()),
        }
    };
    summary::read_run(folder).with_context(|| format!("{} holds no record of a run", folder.display()))
}

pub(crate) fn artifact(store: &Store, run: &RunFile, stage: Stage) -> Result<Artifact> {
    let key = run.artifacts.get(stage.name()).and_then(|key| Key::parse(key).ok());
    let key = key.with_context(|| format!("the run's record names no `{stage}`"))?;
    let found = store.find(stage.name(), &key)?;
    found.with_context(|| format!("the run's `{stage}` is not in the store any more; run the pipeline again"))
}

/// The layer that the decomposition was fitted on.
fn tap(decomposition: &Artifact) -> Result<Tap> {
    let value = decomposition.manifest().parameters.get("decomposition.tap").cloned();
    value.map_or(Ok(Tap::Fc), |value| serde_json::from_value(value).context("the decomposition's layer is unknown"))
}

/// The precision of the run's own vectors; where this processor lacks it, the same roundings without it.
fn precision(embeddings: &Artifact, args: &ProjectArgs) -> Result<Precision> {
    let value = embeddings.manifest().parameters.get("embeddings.precision").cloned();
    let precision = value.map_or(Ok(Precision::F32), |value| {
        serde_json::from_value(value).context("`embeddings.precision` of the run is unknown")
    })?;
    let lacks = defaults::device(args.device.as_deref()) == "cpu" && !latentwalk_backbone::multiplies_bf16();
    Ok(if precision == Precision::Bf16 && lacks { Precision::Bf16Emulated } else { precision })
}

/// What the run did with its own images' EXIF data.
fn exif(images: &Artifact) -> Result<Exif> {
    let value = images.manifest().parameters.get("images.exif").cloned();
    value.map_or(Ok(Exif::default()), |value| {
        serde_json::from_value(value).context("`images.exif` of the run is unknown")
    })
}

fn lines(text: &mut String, names: &[&Path], direction: &Direction, z: &Array2<f32>) -> Result<()> {
    let positions = direction.positions(z.view())?;
    for (name, position) in names.iter().zip(positions) {
        let probabilities = direction.model.probabilities(position);
        let class = direction.model.class_at(position) as usize;
        let (label, share) = (&direction.classes[class], probabilities[class]);
        let _ = writeln!(text, "{position:<12.4}{label:<16}{share:>8.3}  {}", name.display());
    }
    Ok(())
}
