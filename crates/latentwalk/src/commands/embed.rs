//! `embed`: vectors of a folder of images by a network of the user's own, nothing else.
//!
//! Finished batches lie as small Parquet files in a folder beside the result until all are there. A run that was stopped
//! goes on after the last whole batch; one with another network, other settings or other files starts afresh.

mod settings;
mod shards;
mod work;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use latentwalk_artifacts::{hash_bytes, write_atomic};
use latentwalk_backbone::{
    ARCHITECTURES, Checkpoint, DEFAULT_PREPROCESS, Interpolation, Network, NetworkSpec, PREPROCESSES, Precision,
    Preprocess, Tap, checkpoint_file, checkpoint_of, detect_arch,
};
use latentwalk_cli::{AlphaRule, EmbedArgs, ExifRule, PrecisionRule};
use latentwalk_embeddings::Schema;
use latentwalk_images::{
    Alpha, DECODER_VERSION, DEFAULT_LIMITS, Damaged, Decoding, Exif, FileDecoding, Limits, Preparation, Resize,
    list_images, skipped_summary,
};
use serde_json::{Value, json};

use super::answer;
use crate::defaults::{self, DEFAULT_EMBED_ALPHA, DEFAULT_EMBED_EXIF, DEFAULT_EMBED_TAP};
use crate::progress::Console;
use crate::runner;

use settings::Settings;
use shards::{SHARD, Shards, Skipped};
use work::Work;

/// Runs the `embed` command.
///
/// # Errors
/// Unknown names, weights that do not fit, a folder without readable images, a result that exists, a full disk.
pub(super) fn run(args: &EmbedArgs, console: &Console) -> Result<()> {
    if args.list {
        return list(args);
    }
    let weights = args.weights.as_deref().context("no checkpoint is named\nhint: name one by --weights FILE")?;
    let weights = &crate::weights::locate(weights, console)?;
    let folder = args.dir.as_deref().context("no folder is named\nhint: name the folder of images")?;
    let out = args.out.as_deref().context("no result is named\nhint: name one by --out FILE.parquet")?;
    ensure!(!out.exists(), "{} exists already\nhint: move it away or name another file", out.display());
    runner::set_threads(defaults::threads(args.threads))?;
    let preprocess = preprocess(args.preprocess.as_deref().unwrap_or(DEFAULT_PREPROCESS))?;
    let tap = args.tap.as_deref().map_or(Ok(DEFAULT_EMBED_TAP), tap)?;
    let (hash, checkpoint) = read(weights)?;
    let network = load(args, weights, checkpoint, preprocess, console)?;
    let listing = list_images(folder)?;
    listing.left_out.iter().for_each(|sentence| console.say(sentence));
    let (files, unread) = (listing.images, listing.skipped);
    ensure!(
        !files.is_empty(),
        "{} holds no images{}",
        folder.display(),
        unread.first().map_or(String::new(), |first| format!(
            "; the first of {} left out is {}: {}",
            unread.len(),
            first.path,
            first.reason
        ))
    );
    let settings = Settings {
        weights: hash,
        arch: network.spec().arch.clone(),
        preprocess: preprocess.name.to_owned(),
        tap: tap.name().to_owned(),
        exif: args.exif.unwrap_or(DEFAULT_EMBED_EXIF) == ExifRule::Apply,
        white: args.alpha.unwrap_or(DEFAULT_EMBED_ALPHA) == AlphaRule::White,
        scaled: args.scaled,
        precision: args.precision.map(precision).unwrap_or_default(),
        device: latentwalk_backbone::parse_device(defaults::device(args.device.as_deref()))?.kind().to_owned(),
        files: fingerprint(folder, &files)?,
        decoder: DECODER_VERSION.to_owned(),
        shard: SHARD,
    };
    let shards = Shards::open(out, &settings, files.len(), console)?;
    let schema = schema(&network, tap, &settings);
    let preparation = preparation(preprocess, args);
    let width = network.width(tap);
    // Without the weights that the compiled plan was made from: half the memory.
    let network = network.into_evaluator(preprocess.crop, preprocess.crop)?;
    let work = Work { network: &network, tap, width, preparation, folder, files: &files, schema: &schema };
    let (started, images) = (Instant::now(), files.len() - (shards.done * SHARD).min(files.len()));
    let mut skipped = work.run(&shards, console)?;
    let rows = shards.merge(out, &schema, files.len())?;
    let seconds = started.elapsed().as_secs_f64();
    // `cargo xtask bench engine` reads this line.
    console.say(&format!("{images} images in {seconds:.3} s, from the first file to the result"));
    skipped.extend(unread.into_iter().map(|s| Skipped { path: s.path, reason: s.reason }));
    tell(args, out, rows, &skipped, console)
}

fn list(args: &EmbedArgs) -> Result<()> {
    let mut text = String::from("networks (--arch; found from the weights when not given)\n");
    for arch in &ARCHITECTURES {
        let _ = writeln!(text, "  {:<16}pooled {}, fc {}", arch.name, arch.pooled(), arch.fc);
    }
    text.push_str("preprocessing (--preprocess)\n");
    for p in &PREPROCESSES {
        let filter = filter(p);
        let _ = writeln!(text, "  {:<16}short side {}, {filter}, centre {} x {}", p.name, p.resize, p.crop, p.crop);
    }
    let _ = writeln!(text, "layers (--tap)\n  {}", Tap::ALL.map(Tap::name).join(", "));
    let networks = ARCHITECTURES.iter().map(|arch| json!({ "name": arch.name, "pool": arch.pooled(), "fc": arch.fc }));
    let preprocessings = PREPROCESSES
        .iter()
        .map(|p| json!({ "name": p.name, "short_side": p.resize, "filter": filter(p), "side": p.crop }));
    let value = json!({
        "networks": networks.collect::<Value>(),
        "preprocessings": preprocessings.collect::<Value>(),
        "layers": Tap::ALL.map(Tap::name),
    });
    answer::give(&args.json, &text, &value)
}

fn filter(preprocess: &Preprocess) -> &'static str {
    match preprocess.interpolation {
        Interpolation::Bilinear => "bilinear",
        Interpolation::Bicubic => "bicubic",
    }
}

fn preprocess(name: &str) -> Result<&'static Preprocess> {
    Preprocess::named(name).with_context(|| {
        let known: Vec<&str> = PREPROCESSES.iter().map(|p| p.name).collect();
        format!("`--preprocess {name}` is unknown; it must be one of {}", known.join(", "))
    })
}

fn tap(name: &str) -> Result<Tap> {
    let found = Tap::ALL.into_iter().find(|tap| tap.name() == name);
    found
        .with_context(|| format!("`--tap {name}` is unknown; it must be one of {}", Tap::ALL.map(Tap::name).join(", ")))
}

/// The checkpoint and the hash of its file, which is read once.
fn read(weights: &Path) -> Result<(String, Checkpoint)> {
    let file = checkpoint_file(weights)?;
    let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let (hash, checkpoint) = rayon::join(|| hash_bytes(&bytes), || checkpoint_of(&file, &bytes));
    Ok((hash, checkpoint?))
}

fn load(
    args: &EmbedArgs,
    weights: &Path,
    checkpoint: Checkpoint,
    preprocess: &Preprocess,
    console: &Console,
) -> Result<Network> {
    let arch = match (&args.arch, detect_arch(&checkpoint)) {
        (Some(arch), _) => arch.clone(),
        (None, Some(found)) => found.to_owned(),
        (None, None) => bail!(
            "{}: cannot tell which ResNet this is\nhint: name it by --arch, or bring vectors of another network by --embeddings",
            weights.display()
        ),
    };
    let spec = NetworkSpec {
        fc: checkpoint.fc_len(),
        mean: preprocess.mean.to_vec(),
        std: preprocess.std.to_vec(),
        ..NetworkSpec::new(&arch, checkpoint.in_channels().unwrap_or(3), Vec::new())
    };
    let device = latentwalk_backbone::parse_device(defaults::device(args.device.as_deref()))?;
    ensure!(
        spec.in_channels == 3,
        "{}: takes images of {} channels, and `embed` prepares colour images\nhint: take the pipeline for grey ones",
        weights.display(),
        spec.in_channels
    );
    let (network, report) = Network::of_checkpoint(spec, 0, checkpoint, &device)?;
    ensure!(
        report.missing.is_empty() || args.tap.as_deref() != Some("fc"),
        "{}: the FC layer is missing ({})\nhint: take --tap pool",
        weights.display(),
        report.missing.join(", ")
    );
    console.say(&format!(
        "{arch}: {} tensors taken from {}, {} of it not used",
        report.matched.len(),
        weights.display(),
        report.unexpected.len()
    ));
    Ok(network.with_precision(args.precision.map(precision).unwrap_or_default())?)
}

pub(super) fn precision(rule: PrecisionRule) -> Precision {
    match rule {
        PrecisionRule::F32 => Precision::F32,
        PrecisionRule::Tf32 => Precision::Tf32,
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
        file: FileDecoding {
            exif: match args.exif.unwrap_or(DEFAULT_EMBED_EXIF) {
                ExifRule::Apply => Exif::Apply,
                ExifRule::Ignore => Exif::Ignore,
            },
            alpha: match args.alpha.unwrap_or(DEFAULT_EMBED_ALPHA) {
                AlphaRule::Drop => Alpha::Drop,
                AlphaRule::White => Alpha::White,
            },
            damaged: Damaged::Refuse,
            limits: Limits {
                pixels: args.max_pixels.unwrap_or(DEFAULT_LIMITS.pixels),
                file_bytes: args.max_file_bytes.unwrap_or(DEFAULT_LIMITS.file_bytes),
                ..DEFAULT_LIMITS
            },
        },
        decoding: if args.scaled { Decoding::Scaled } else { Decoding::Exact },
    }
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

fn schema(network: &Network, tap: Tap, settings: &Settings) -> Schema {
    let mut schema = Schema::new(network.width(tap), Vec::new());
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

fn tell(args: &EmbedArgs, out: &Path, rows: usize, skipped: &[Skipped], console: &Console) -> Result<()> {
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
        let listed =
            skipped.iter().map(|s| latentwalk_images::Skipped { path: s.path.clone(), reason: s.reason.clone() });
        if let Some(summary) = skipped_summary(&listed.collect::<Vec<_>>()) {
            console.say(&summary);
        }
        console.say(&format!("{} images could not be read; {} lists them", skipped.len(), path.display()));
    }
    let value = json!({ "file": answer::path(out), "vectors": rows, "skipped": skipped });
    answer::give(&args.json, &format!("{rows} vectors in {}\n", out.display()), &value)
}
