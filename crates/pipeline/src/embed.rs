//! `embed`: vectors of a folder of images by a network of the user's own, nothing else.
//!
//! Finished batches lie as small Parquet files in a folder beside the result until all are there. A run that was stopped
//! goes on after the last whole batch; one with another network, other settings or other files starts afresh.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use latentwalk_artifacts::{hash_bytes, write_atomic};
use latentwalk_backbone::{
    ARCHITECTURES, Evaluator, Interpolation, Network, NetworkSpec, PREPROCESSES, Precision, Preprocess,
    checkpoint_file, detect_arch, read_checkpoint,
};
use latentwalk_cli::{EmbedArgs, ExifRule, PrecisionRule};
use latentwalk_embeddings::{Reader, Schema, Table, Writer, WriterOptions};
use latentwalk_images::{Decoding, Exif, Preparation, Resize, list_images, prepare};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::config::Tap;
use crate::progress::Console;
use crate::runner;

/// Images that are kept at once; at most so many are lost when a run is stopped.
const SHARD: usize = 64;
/// The file of a shard folder that says what its shards are made from.
const SETTINGS: &str = "settings.json";

/// Runs the `embed` command.
///
/// # Errors
/// Unknown names, weights that do not fit, a folder without readable images, a result that exists, a full disk.
pub fn run(args: &EmbedArgs, console: &Console) -> Result<()> {
    if args.list {
        return list();
    }
    let weights = args.weights.as_deref().context("name the checkpoint by --weights FILE")?;
    let weights = &crate::weights::locate(weights)?;
    let folder = args.dir.as_deref().context("name the folder of images")?;
    let out = args.out.as_deref().context("name the result by --out FILE.parquet")?;
    ensure!(!out.exists(), "{} exists already; move it away or name another file", out.display());
    runner::set_threads(args.threads)?;
    let preprocess = preprocess(&args.preprocess)?;
    let tap = tap(&args.tap)?;
    let network = load(args, weights, preprocess, console)?;
    let (files, unread) = list_images(folder)?;
    ensure!(!files.is_empty(), "{} holds no JPEG, PNG or WebP images", folder.display());
    let settings = Settings {
        weights: hash_bytes(&fs::read(checkpoint_file(weights)?).with_context(|| weights.display().to_string())?),
        arch: network.spec().arch.clone(),
        preprocess: preprocess.name.to_owned(),
        tap: tap.name().to_owned(),
        exif: matches!(args.exif, Some(ExifRule::Apply)),
        scaled: args.scaled,
        precision: precision(args.precision),
        device: latentwalk_backbone::parse_device(&args.device)?.kind().to_owned(),
        files: fingerprint(folder, &files)?,
    };
    let shards = Shards::open(out, &settings, files.len(), console)?;
    let schema = schema(&network, tap, &settings);
    let preparation = preparation(preprocess, args);
    let width = network.width(tap.of_network());
    // Without the weights that the compiled plan was made from: half the memory.
    let network = network.into_evaluator(preprocess.crop, preprocess.crop)?;
    let work = Work { network: &network, tap, width, preparation, folder, files: &files, schema: &schema };
    let mut skipped = work.run(&shards, console)?;
    let rows = shards.merge(out, &schema, files.len())?;
    skipped.extend(unread.into_iter().map(|s| Skipped { path: s.path, reason: s.reason }));
    tell(out, rows, &skipped, console)
}

fn list() -> Result<()> {
    let mut text = String::from("networks (--arch; found from the weights when not given)\n");
    for arch in &ARCHITECTURES {
        let _ = writeln!(text, "  {:<16}pooled {}, fc {}", arch.name, arch.pooled(), arch.fc);
    }
    text.push_str("preprocessing (--preprocess)\n");
    for p in &PREPROCESSES {
        let filter = if p.interpolation == Interpolation::Bicubic { "bicubic" } else { "bilinear" };
        let _ = writeln!(text, "  {:<16}short side {}, {filter}, centre {} x {}", p.name, p.resize, p.crop, p.crop);
    }
    text.push_str("layers (--tap)\n  fc, pool, stem, layer1, layer2, layer3\n");
    crate::commands::print(&text)
}

fn preprocess(name: &str) -> Result<&'static Preprocess> {
    Preprocess::named(name).with_context(|| {
        let known: Vec<&str> = PREPROCESSES.iter().map(|p| p.name).collect();
        format!("`--preprocess {name}` is unknown; give one of {}", known.join(", "))
    })
}

fn tap(name: &str) -> Result<Tap> {
    let known = [Tap::Fc, Tap::Pool, Tap::Stem, Tap::Layer1, Tap::Layer2, Tap::Layer3];
    let found = known.into_iter().find(|tap| tap.name() == name);
    found.with_context(|| format!("`--tap {name}` is unknown; give one of {}", known.map(Tap::name).join(", ")))
}

fn load(args: &EmbedArgs, weights: &Path, preprocess: &Preprocess, console: &Console) -> Result<Network> {
    let checkpoint = read_checkpoint(weights)?;
    let arch = match (&args.arch, detect_arch(&checkpoint)) {
        (Some(arch), _) => arch.clone(),
        (None, Some(found)) => found.to_owned(),
        (None, None) => bail!(
            "{}: cannot tell which ResNet this is; name it by --arch, or bring vectors of another network by --embeddings",
            weights.display()
        ),
    };
    let spec = NetworkSpec {
        fc: checkpoint.fc_len(),
        mean: preprocess.mean.to_vec(),
        std: preprocess.std.to_vec(),
        ..NetworkSpec::new(&arch, checkpoint.in_channels().unwrap_or(3), Vec::new())
    };
    let device = latentwalk_backbone::parse_device(&args.device)?;
    ensure!(
        spec.in_channels == 3,
        "{}: takes images of {} channels; `embed` prepares colour images, so take the pipeline for grey ones",
        weights.display(),
        spec.in_channels
    );
    let (network, report) = Network::pretrained(spec, 0, &checkpoint, &device)?;
    ensure!(
        report.missing.is_empty() || args.tap != "fc",
        "{}: the FC layer is missing ({}); take --tap pool",
        weights.display(),
        report.missing.join(", ")
    );
    console.say(&format!(
        "{arch}: {} tensors taken from {}, {} of it not used",
        report.matched.len(),
        weights.display(),
        report.unexpected.len()
    ));
    Ok(network.with_precision(precision(args.precision))?)
}

fn precision(rule: PrecisionRule) -> Precision {
    match rule {
        PrecisionRule::F32 => Precision::F32,
        PrecisionRule::Bf16 => Precision::Bf16,
        PrecisionRule::Bf16Emulated => Precision::Bf16Emulated,
    }
}

fn preparation(preprocess: &Preprocess, args: &EmbedArgs) -> Preparation {
    Preparation {
        resize: preprocess.resize as u32,
        crop: preprocess.crop as u32,
        filter: match preprocess.interpolation {
            Interpolation::Bilinear => Resize::Bilinear,
            Interpolation::Bicubic => Resize::Bicubic,
        },
        exif: match args.exif {
            Some(ExifRule::Apply) => Exif::Apply,
            // As the libraries do that the preprocessings come from.
            Some(ExifRule::Ignore) | None => Exif::Ignore,
        },
        decoding: if args.scaled { Decoding::Scaled } else { Decoding::Exact },
    }
}

/// What the vectors are made from; a run goes on only where all of it is the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Settings {
    weights: String,
    arch: String,
    preprocess: String,
    tap: String,
    /// Whether EXIF rotation is applied.
    exif: bool,
    scaled: bool,
    precision: Precision,
    device: String,
    files: String,
}

/// Names, sizes and times of all files; contents are not read twice.
fn fingerprint(folder: &Path, files: &[String]) -> Result<String> {
    let mut text = String::new();
    for file in files {
        let meta = fs::metadata(folder.join(file)).with_context(|| format!("cannot read {file}"))?;
        let changed = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        let _ = writeln!(text, "{file} {} {}", meta.len(), changed.map_or(0, |t| t.as_nanos()));
    }
    Ok(hash_bytes(text.as_bytes()))
}

/// An image that gave no vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Skipped {
    path: String,
    reason: String,
}

/// The folder of finished batches.
struct Shards {
    folder: PathBuf,
    /// Batches that are there.
    done: usize,
}

impl Shards {
    fn open(out: &Path, settings: &Settings, files: usize, console: &Console) -> Result<Self> {
        let name = out.file_name().context("`--out` names no file")?.to_string_lossy().into_owned();
        let folder = out.with_file_name(format!(".{name}.unfinished"));
        let stored = fs::read(folder.join(SETTINGS)).ok();
        let same = stored.as_deref().and_then(|bytes| serde_json::from_slice::<Settings>(bytes).ok());
        if folder.exists() && same.as_ref() != Some(settings) {
            console.say("starting afresh: the network, the settings or the files are not those of the unfinished run");
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        write_atomic(folder.join(SETTINGS), &serde_json::to_vec(settings)?)?;
        let mut shards = Self { folder, done: 0 };
        while shards.path(shards.done, "json").is_file() {
            shards.done += 1;
        }
        if shards.done > 0 {
            console.say(&format!("going on after {} of {files} images", (shards.done * SHARD).min(files)));
        }
        Ok(shards)
    }

    fn path(&self, shard: usize, ending: &str) -> PathBuf {
        self.folder.join(format!("{shard:08}.{ending}"))
    }

    /// Writes a batch; its list of skipped images comes last and says that it is whole.
    fn write(&self, shard: usize, schema: &Schema, table: &Table, skipped: &[Skipped]) -> Result<()> {
        if table.rows() > 0 {
            let mut writer = Writer::create(self.path(shard, "parquet"), schema, WriterOptions::default())?;
            writer.write(table)?;
            writer.finish()?;
        }
        write_atomic(self.path(shard, "json"), &serde_json::to_vec(skipped)?)?;
        Ok(())
    }

    fn skipped(&self, shards: usize) -> Result<Vec<Skipped>> {
        let mut all = Vec::new();
        for shard in 0..shards {
            let bytes = fs::read(self.path(shard, "json"))?;
            all.extend(serde_json::from_slice::<Vec<Skipped>>(&bytes)?);
        }
        Ok(all)
    }

    /// Joins all batches into the result and removes them; gives the number of rows.
    fn merge(self, out: &Path, schema: &Schema, files: usize) -> Result<usize> {
        let hidden = self.folder.join("whole.parquet");
        let mut writer = Writer::create(&hidden, schema, WriterOptions::default())?;
        for shard in 0..files.div_ceil(SHARD) {
            let path = self.path(shard, "parquet");
            if path.is_file() {
                for table in Reader::open(&path)?.batches(SHARD)? {
                    writer.write(&table?)?;
                }
            }
        }
        let rows = writer.finish()?.rows;
        ensure!(rows > 0, "no image could be read; {} names each with its reason", self.folder.display());
        fs::rename(&hidden, out).with_context(|| format!("cannot write {}", out.display()))?;
        fs::remove_dir_all(&self.folder).with_context(|| format!("cannot remove {}", self.folder.display()))?;
        Ok(rows)
    }
}

fn schema(network: &Network, tap: Tap, settings: &Settings) -> Schema {
    let mut schema = Schema::new(network.width(tap.of_network()), Vec::new());
    for (key, value) in [
        ("latentwalk.tap", &settings.tap),
        ("latentwalk.arch", &settings.arch),
        ("latentwalk.preprocess", &settings.preprocess),
        ("latentwalk.weights", &settings.weights),
    ] {
        schema.metadata.insert(key.to_owned(), value.clone());
    }
    if settings.precision != Precision::F32 {
        schema.metadata.insert("latentwalk.precision".to_owned(), settings.precision.name().to_owned());
    }
    schema
}

/// One batch on its way from the decoder to the network.
struct Batch {
    shard: usize,
    ids: Vec<String>,
    pixels: Vec<f32>,
    skipped: Vec<Skipped>,
}

struct Work<'a> {
    network: &'a Evaluator,
    width: usize,
    tap: Tap,
    preparation: Preparation,
    folder: &'a Path,
    files: &'a [String],
    schema: &'a Schema,
}

impl Work<'_> {
    /// Makes the batches that are missing; a second thread decodes the next one meanwhile.
    fn run(&self, shards: &Shards, console: &Console) -> Result<Vec<Skipped>> {
        let all = self.files.len().div_ceil(SHARD);
        let progress = console.start("embed");
        let (started, first) = (Instant::now(), shards.done * SHARD);
        std::thread::scope(|scope| -> Result<()> {
            let (sender, receiver) = sync_channel(1);
            scope.spawn(move || {
                for shard in shards.done..all {
                    // Sending fails once the other side has given up.
                    if sender.send(self.decode(shard)).is_err() {
                        return;
                    }
                }
            });
            self.embed(shards, all, receiver, &mut |done| {
                progress.set(done, self.files.len());
                let rate = (done - first) as f64 / started.elapsed().as_secs_f64();
                progress.note(&format!("{rate:.1} images a second"));
            })
        })?;
        shards.skipped(all)
    }

    fn embed(&self, shards: &Shards, all: usize, batches: Receiver<Batch>, done: &mut dyn FnMut(usize)) -> Result<()> {
        for _ in shards.done..all {
            let batch = batches.recv().context("the decoder ended")?;
            let table = self.table(&batch)?;
            shards.write(batch.shard, self.schema, &table, &batch.skipped)?;
            done(((batch.shard + 1) * SHARD).min(self.files.len()));
        }
        Ok(())
    }

    fn table(&self, batch: &Batch) -> Result<Table> {
        let rows = batch.ids.len();
        let vectors = match rows {
            0 => Array2::zeros((0, self.width)),
            _ => self.network.embed(&batch.pixels, rows, self.tap.of_network())?,
        };
        Ok(Table { ids: batch.ids.clone(), splits: vec![String::new(); rows], vectors, labels: Vec::new() })
    }

    fn decode(&self, shard: usize) -> Batch {
        let files = &self.files[shard * SHARD..((shard + 1) * SHARD).min(self.files.len())];
        let decode = |file: &String| -> Result<Vec<f32>, String> {
            Ok(normalised(self.network.spec(), &prepare(&self.folder.join(file), &self.preparation)?))
        };
        let decoded: Vec<_> = files.par_iter().map(decode).collect();
        let mut batch = Batch { shard, ids: Vec::new(), pixels: Vec::new(), skipped: Vec::new() };
        for (file, image) in files.iter().zip(decoded) {
            match image {
                Ok(values) => {
                    batch.ids.push(file.clone());
                    batch.pixels.extend(values);
                }
                Err(reason) => batch.skipped.push(Skipped { path: file.clone(), reason }),
            }
        }
        batch
    }
}

/// Bytes of pixels as the network takes them.
pub(crate) fn normalised(spec: &NetworkSpec, bytes: &[u8]) -> Vec<f32> {
    let channel = |(at, &value): (usize, &u8)| {
        let c = at % spec.in_channels;
        (f32::from(value) / 255.0 - spec.mean[c]) / spec.std[c]
    };
    bytes.iter().enumerate().map(channel).collect()
}

fn tell(out: &Path, rows: usize, skipped: &[Skipped], console: &Console) -> Result<()> {
    for s in skipped.iter().take(3) {
        console.say(&format!("skipped {}: {}", s.path, s.reason));
    }
    if !skipped.is_empty() {
        let path = out.with_extension("skipped.jsonl");
        let mut lines = String::new();
        for s in skipped {
            let _ = writeln!(lines, "{}", serde_json::to_string(s)?);
        }
        write_atomic(&path, lines.as_bytes())?;
        console.say(&format!("{} images could not be read; {} lists them", skipped.len(), path.display()));
    }
    crate::commands::print(&format!("{rows} vectors in {}\n", out.display()))
}
