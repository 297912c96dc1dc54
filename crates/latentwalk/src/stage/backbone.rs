//! Trains the network and measures it on held-out images.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use latentwalk_backbone::{
    Augment, Checkpoint, Head, HeadReport, ImageSource, LoadReport, Network, NetworkSpec, Next, PREPROCESSES,
    Preprocess, Targets, TrainData, TrainEvent, detect_arch, evaluate_features, read_checkpoint,
};
use latentwalk_cli::Stage;
use latentwalk_embeddings::Reader;
use latentwalk_images::{Attribute, AttributeKind, Batcher, Dataset, Label, Pixels, SourceFile, Split};
use latentwalk_run::vectors_file;
use ndarray::Array2;
use serde_json::{Map, Value, json};

use super::inputs;
use crate::config::{Config, DETECTED};
use crate::job::Job;

/// The images crate's batches, as the backbone asks for them.
pub(crate) struct Source {
    batcher: Batcher,
    shape: (usize, usize, usize),
    len: usize,
}

impl Source {
    pub(crate) fn new(dataset: &Dataset, batcher: Batcher) -> Self {
        let s = dataset.shape;
        Self { batcher, shape: (s.height, s.width, s.channels), len: dataset.items.len() }
    }
}

impl ImageSource for Source {
    fn len(&self) -> usize {
        self.len
    }

    fn shape(&self) -> (usize, usize, usize) {
        self.shape
    }

    fn load(
        &self,
        rows: &[usize],
        augment: Option<Augment>,
        out: &mut [f32],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.batcher.load(rows, augment.map(|a| (a.seed, a.epoch)), out)?)
    }
}

/// Trains on the train split, stops by validation, reports on the test split.
///
/// # Errors
/// Unknown architecture, head or device; a loss that is not finite; files that cannot be read or written.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let dataset = inputs::dataset(job)?;
    let pixels = Pixels::open(job.folder(Stage::Images)?, &dataset)?;
    let train = dataset.rows(Split::Train);
    let heads = heads(job, &dataset)?;
    let checkpoint = job.config.weights().map(|path| read_checkpoint(&path)).transpose()?;
    let spec = match &checkpoint {
        None => {
            let (mean, std) = pixels.statistics(&train)?;
            spec(job, &dataset, &heads, &job.config.backbone.arch, mean, std)
        }
        Some(checkpoint) => spec_of(job, &dataset, &heads, checkpoint)?,
    };
    let (mean, std) = (spec.mean.clone(), spec.std.clone());
    let targets: Vec<Targets> = heads.iter().map(|&(index, a)| targets(&dataset, index, a)).collect();
    let source = Source::new(&dataset, Batcher::new(pixels, mean, std, job.config.augment.clone())?);
    let data =
        TrainData { images: &source, targets: &targets, train: &train, validation: &dataset.rows(Split::Validation) };
    let mut options = job.config.backbone.train.clone();
    options.device = job.device.to_owned();
    options.checkpoint_dir = Some(job.partial.to_path_buf());
    let epochs = options.epochs;
    let every = Duration::from_secs_f64(60.0 * job.config.backbone.checkpoint_minutes);
    let mut saved = Instant::now();
    let on_event = &mut |event: &TrainEvent| {
        show(job, event, epochs, &spec);
        let due = saved.elapsed() >= every;
        if due || matches!(event, TrainEvent::Epoch(_)) {
            saved = Instant::now();
        }
        if due { Next::Save } else { Next::GoOn }
    };
    let features = features(job)?;
    let trained = match (&checkpoint, &features) {
        (None, _) => latentwalk_backbone::train(&spec, &data, &options, on_event)?,
        (Some(_), None) => latentwalk_backbone::train_from(pretrained(job, &dataset)?, &data, &options, on_event)?,
        (Some(_), Some(features)) => {
            let network = pretrained(job, &dataset)?;
            latentwalk_backbone::train_on_features(network, &data, features.view(), &options, on_event)?
        }
    };
    let network = &trained.network;
    network.save(job.out)?;
    let test = dataset.rows(Split::Test);
    let reports = match &features {
        None => latentwalk_backbone::evaluate(network, &source, &targets, &test, options.batch)?,
        Some(vectors) => evaluate_features(network, options.trainable, vectors.view(), &targets, &test, options.batch)?,
    };
    job.write_json("history.json", &json!({ "best_epoch": trained.best_epoch, "epochs": trained.history }))?;
    job.write_json("evaluation.json", &json!({ "split": "test", "heads": reports }))?;
    Ok(json!({
        "accuracy": accuracy(&reports),
        "parameters": network.parameters(),
        "epochs": trained.history.len(),
        "best_epoch": trained.best_epoch,
    }))
}

/// The vectors below what learns, where the rest of the network is frozen.
fn features(job: &Job<'_>) -> Result<Option<Array2<f32>>> {
    let Some(tap) = job.config.features() else { return Ok(None) };
    Ok(Some(Reader::open(job.input(Stage::Features, &vectors_file(tap))?)?.vectors(None)?))
}

/// The checkpoint's network, before anything is learned.
///
/// # Errors
/// A checkpoint that cannot be read or does not fit, an unknown preset, a device that does not exist.
pub(crate) fn pretrained(job: &Job<'_>, dataset: &Dataset) -> Result<Network> {
    let path = job.config.weights().context("no weights are given")?;
    let checkpoint = read_checkpoint(&path)?;
    let spec = spec_of(job, dataset, &heads(job, dataset)?, &checkpoint)?;
    let device = latentwalk_backbone::parse_device(job.device)?;
    let (network, report) = Network::pretrained(spec, job.config.backbone.train.seed, &checkpoint, &device)?;
    say(job, &checkpoint, &report);
    Ok(network)
}

fn heads<'d>(job: &Job<'_>, dataset: &'d Dataset) -> Result<Vec<(usize, &'d Attribute)>> {
    let wanted = &job.config.backbone.heads;
    for name in wanted {
        ensure!(
            dataset.attributes.iter().any(|a| a.name == *name),
            "`backbone.heads` names `{name}`, which is not declared under [attributes]"
        );
    }
    let all = dataset.attributes.iter().enumerate();
    Ok(all.filter(|(_, a)| wanted.is_empty() || wanted.contains(&a.name)).collect())
}

/// The checkpoint that the description names, as a file from outside.
///
/// # Errors
/// None; a missing file is told where it is read.
pub fn files(config: &Config) -> Result<Vec<SourceFile>> {
    let Some(path) = config.weights() else { return Ok(Vec::new()) };
    let path = latentwalk_backbone::checkpoint_file(&path)?;
    // By what it is, not by where it lies: moving a file changes no result.
    Ok(vec![SourceFile { name: "weights".to_owned(), path: Some(path), bytes: None }])
}

/// What became of the checkpoint's tensors.
fn say(job: &Job<'_>, checkpoint: &Checkpoint, report: &LoadReport) {
    let some = |names: &[String]| names.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
    job.progress.say(&format!(
        "{}: {} tensors taken; {} start afresh {}; {} not used {}",
        checkpoint.path().display(),
        report.matched.len(),
        report.missing.len(),
        some(&report.missing),
        report.unexpected.len(),
        some(&report.unexpected),
    ));
    for r in &report.replaced {
        job.progress
            .say(&format!("{} is {:?} in the file and {:?} here: starts afresh", r.name, r.in_file, r.in_network));
    }
}

/// The network that a checkpoint asks for, with this data set's heads.
fn spec_of(
    job: &Job<'_>,
    dataset: &Dataset,
    heads: &[(usize, &Attribute)],
    checkpoint: &Checkpoint,
) -> Result<NetworkSpec> {
    let config = &job.config.backbone;
    let arch = match config.arch.as_str() {
        DETECTED => detect_arch(checkpoint)
            .with_context(|| {
                format!(
                    "{}: cannot tell which ResNet this is\nhint: name it by `backbone.arch`",
                    checkpoint.path().display()
                )
            })?
            .to_owned(),
        name => name.to_owned(),
    };
    let name = config.preprocess.as_deref().unwrap_or_default();
    let preset = Preprocess::named(name).with_context(|| {
        let known: Vec<&str> = PREPROCESSES.iter().map(|p| p.name).collect();
        format!("`backbone.preprocess` is `{name}`; it must be one of {}", known.join(", "))
    })?;
    let channels = dataset.shape.channels;
    let (mean, std) = (preset.mean[..channels].to_vec(), preset.std[..channels].to_vec());
    let spec = spec(job, dataset, heads, &arch, mean, std);
    Ok(NetworkSpec { fc: config.fc.or(checkpoint.fc_len()), ..spec })
}

fn spec(
    job: &Job<'_>,
    dataset: &Dataset,
    heads: &[(usize, &Attribute)],
    arch: &str,
    mean: Vec<f32>,
    std: Vec<f32>,
) -> NetworkSpec {
    let head = |&(_, a): &(usize, &Attribute)| Head {
        name: a.name.clone(),
        classes: a.classes.len(),
        multi: a.kind == AttributeKind::Multi,
    };
    let backbone = &job.config.backbone;
    let heads = heads.iter().map(head).collect();
    NetworkSpec { fc: backbone.fc, mean, std, ..NetworkSpec::new(arch, dataset.shape.channels, heads) }
}

fn targets(dataset: &Dataset, index: usize, attribute: &Attribute) -> Targets {
    let labels = dataset.items.iter().map(|item| &item.labels[index]);
    if attribute.kind == AttributeKind::Multi {
        let many = |label: &Label| match label {
            Label::Many(classes) => Some(classes.clone()),
            _ => None,
        };
        Targets::Many(labels.map(many).collect())
    } else {
        Targets::One(labels.map(Label::class).collect())
    }
}

fn show(job: &Job<'_>, event: &TrainEvent, epochs: usize, spec: &NetworkSpec) {
    match event {
        TrainEvent::Step { epoch, step, steps, loss } => {
            job.progress.note(&format!("loss {loss:.3}"));
            job.progress.set(epoch * steps + step + 1, epochs * steps);
        }
        TrainEvent::Epoch(e) => {
            let heads = spec.heads.iter().zip(&e.validation_accuracy);
            let heads: Vec<_> = heads.filter_map(|(h, a)| Some(format!("{} {:.3}", h.name, (*a)?))).collect();
            job.progress.say(&format!(
                "epoch {}: train loss {:.4}, validation loss {:.4}, accuracy {}",
                e.epoch + 1,
                e.train_loss,
                e.validation_loss.unwrap_or(f64::NAN),
                heads.join(", ")
            ));
        }
        TrainEvent::Resumed { epoch, step } => {
            job.progress.say(&format!("going on after epoch {epoch} and {step} batches of an interrupted run"))
        }
        TrainEvent::Ignored { reason } => job.progress.say(&format!("starting afresh: {reason}")),
    }
}

fn accuracy(reports: &[HeadReport]) -> Value {
    let entry = |r: &HeadReport| (r.name.clone(), json!({ "test": r.accuracy, "macro_f1": r.macro_f1 }));
    Value::Object(reports.iter().map(entry).collect::<Map<_, _>>())
}
