//! How time and memory grow with the number of images: runs on given vectors that are made up here, with planted lines.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use latentwalk_cli::OutputArgs;
use serde_json::Value;

use self::vectors::Vectors;

mod vectors;

/// Pixels of a made-up image's side.
const SIDE: usize = 8;
/// Rows that are made and written together.
const BATCH: usize = 4096;
const LENGTHS: [&str; 3] = ["short", "middle", "long"];
const PATTERNS: [&str; 4] = ["solid", "striped", "floral", "plaid"];

/// Arguments of `bench scale`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ScaleArgs {
    /// Numbers of images, one run each.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000")]
    rows: Vec<usize>,
    /// Numbers of a vector.
    #[arg(long, default_value_t = 1000)]
    width: usize,
    /// Change one key of the description, as for `pipeline`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder for vectors and stores, 9 bytes per number of a vector; a temporary one when missing. Vectors that are there are used again,
    /// stores are made anew and stay, so that `explore` can open them.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What one run took.
#[derive(Debug, Clone, PartialEq)]
struct Measured {
    rows: usize,
    seconds: f64,
    /// Bytes.
    memory: f64,
    /// Of HNSW, where an index was built.
    recall: Option<f64>,
    /// How often a line toward another value of the planted order finds it.
    hit: f64,
    stages: Vec<(String, f64)>,
}

pub(crate) fn run(args: &ScaleArgs, output: OutputArgs) -> Result<()> {
    ensure!(args.width >= vectors::FACTORS, "--width is {}; it must be at least {}", args.width, vectors::FACTORS);
    ensure!(args.rows.iter().all(|&rows| rows >= 1000), "--rows must be at least 1000");
    let binary = PathBuf::from(crate::build()?);
    let root = args.dir.clone().unwrap_or_else(|| std::env::temp_dir().join("latentwalk-bench-scale"));
    let mut measured = Vec::new();
    for &rows in &args.rows {
        let folder = root.join(format!("{rows}x{}", args.width));
        make(&folder, rows, args.width)?;
        let store = folder.join("store");
        super::remove_store(&store)?;
        let mut command = Command::new(&binary);
        command.arg("pipeline").arg(folder.join("scale.toml")).arg("--data").arg(&folder);
        command.arg("--embeddings").arg(folder.join("vectors.npy")).arg("--store").arg(&store);
        command.args(args.set.iter().flat_map(|change| ["--set", change]));
        let run = command.stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
        let said = String::from_utf8_lossy(&run.stderr);
        ensure!(run.status.success(), "the run of {rows} images failed:\n{said}");
        let summary = super::summary(&store)?;
        let number = |pointer: &str| summary.pointer(pointer).and_then(Value::as_f64);
        let needed = |pointer: &str| number(pointer).with_context(|| format!("the run has no figure {pointer}"));
        measured.push(Measured {
            rows,
            seconds: needed("/seconds")?,
            memory: needed("/peak_memory_bytes")?,
            recall: number("/index/recall_at_10"),
            hit: needed("/toward/length/hit")?,
            stages: stages(&said),
        });
        if !output.quiet {
            let _ =
                writeln!(std::io::stderr().lock(), "{rows} images: {:.1} s, {}", needed("/seconds")?, folder.display());
        }
    }
    std::fs::write(root.join("growth.svg"), figure(&measured))?;
    let mut out = std::io::stdout().lock();
    out.write_all(table(&measured).as_bytes())?;
    writeln!(out, "figure: {}", root.join("growth.svg").display())?;
    Ok(out.flush()?)
}

/// Writes images, labels, vectors and description of so many made-up garments, unless they are there.
fn make(folder: &Path, rows: usize, width: usize) -> Result<()> {
    let description = folder.join("scale.toml");
    if description.is_file() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let create = |name: &str| -> Result<BufWriter<File>> {
        let path = folder.join(name);
        Ok(BufWriter::new(File::create(&path).with_context(|| path.display().to_string())?))
    };
    let [mut images, mut labels, mut vectors] = ["images", "labels", "vectors.npy"].map(create);
    let (images, labels, npy) = (images.as_mut(), labels.as_mut(), vectors.as_mut());
    let [Ok(images), Ok(labels), Ok(npy)] = [images, labels, npy] else {
        anyhow::bail!("cannot write into {}", folder.display())
    };
    let count = u32::try_from(rows).context("more rows than a file of images can count")?.to_be_bytes();
    let side = (SIDE as u32).to_be_bytes();
    images.write_all(&[[0, 0, 8, 3], count, side, side].concat())?;
    labels.write_all(&[[0, 0, 8, 1], count].concat())?;
    npy.write_all(&npy_header(rows, width))?;
    let source = Vectors::new(width);
    let mut batch = vec![0.0_f32; BATCH * width];
    for first in (0..rows).step_by(BATCH) {
        let batch = &mut batch[..BATCH.min(rows - first) * width];
        let made = source.fill(first, batch);
        let bytes: Vec<u8> = batch.iter().flat_map(|value| value.to_le_bytes()).collect();
        npy.write_all(&bytes)?;
        for (length, pattern) in made {
            let label = (length * PATTERNS.len() + pattern) as u8;
            labels.write_all(&[label])?;
            images.write_all(&[label * 20; SIDE * SIDE])?;
        }
    }
    for file in [images, labels, npy] {
        file.flush()?;
    }
    // Last, so that what was cut short is made again.
    Ok(std::fs::write(description, text_of_description())?)
}

fn npy_header(rows: usize, width: usize) -> Vec<u8> {
    let mut text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {width}), }}");
    // The data begin at a multiple of 64 bytes.
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    text += &" ".repeat(length - text.len() - 1);
    text.push('\n');
    [b"\x93NUMPY\x01\x00".as_slice(), &(length as u16).to_le_bytes(), text.as_bytes()].concat()
}

fn text_of_description() -> String {
    let mut text = format!(
        "[images]\nsource = \"idx\"\nimages = [\"images\"]\nlabels = [\"labels\"]\nsize = {SIDE}\nchannels = 1\n\n\
         [images.split]\ntrain = 0.8\nvalidation = 0.05\ntest = 0.15\nseed = 1\n"
    );
    let kinds = LENGTHS.len() * PATTERNS.len();
    for (name, kind, classes) in
        [("length", "ordered", LENGTHS.as_slice()), ("pattern", "nominal", PATTERNS.as_slice())]
    {
        let _ = write!(text, "\n[attributes.{name}]\nkind = \"{kind}\"\ncolumn = \"label\"\nclasses = {classes:?}\n");
        if kind == "ordered" {
            let _ = writeln!(text, "order = {classes:?}");
        }
        let _ = writeln!(text, "[attributes.{name}.map]");
        for label in 0..kinds {
            let class = if name == "length" { label / PATTERNS.len() } else { label % PATTERNS.len() };
            let _ = writeln!(text, "\"{label}\" = \"{}\"", classes[class]);
        }
    }
    text
}

/// The seconds of each stage, from lines such as `  probe: 4.6 s, 21625c8d3ede`.
fn stages(said: &str) -> Vec<(String, f64)> {
    let stage = |line: &str| {
        let (name, rest) = line.strip_prefix("  ")?.split_once(": ")?;
        let (seconds, key) = rest.split_once(" s, ")?;
        let is_key = key.len() == 12 && key.chars().all(|c| c.is_ascii_hexdigit());
        Some((name.to_owned(), seconds.parse().ok().filter(|_| is_key)?))
    };
    said.lines().filter_map(stage).collect()
}

fn table(measured: &[Measured]) -> String {
    let mut text = "| figure |".to_owned();
    let columns = |text: &mut String, value: &dyn Fn(&Measured) -> String| {
        for run in measured {
            let _ = write!(text, " {} |", value(run));
        }
        text.push('\n');
    };
    columns(&mut text, &|run| format!("{} images", run.rows));
    text += &format!("|---|{}\n", "---|".repeat(measured.len()));
    let mut row = |name: &str, value: &dyn Fn(&Measured) -> String| {
        text += &format!("| {name} |");
        columns(&mut text, value);
    };
    row("seconds", &|run| format!("{:.1}", run.seconds));
    row("peak memory, MB", &|run| format!("{:.0}", run.memory / 1e6));
    row("lines toward another length find it", &|run| format!("{:.3}", run.hit));
    row("HNSW recall@10", &|run| run.recall.map_or("not built".to_owned(), |recall| format!("{recall:.4}")));
    for (stage, _) in measured.first().map(|run| run.stages.as_slice()).unwrap_or_default() {
        let of = |run: &Measured| run.stages.iter().find(|(name, _)| name == stage).map(|(_, seconds)| *seconds);
        row(&format!("{stage}, seconds"), &|run| {
            of(run).map_or("left out".to_owned(), |seconds| format!("{seconds:.1}"))
        });
    }
    text
}

/// Seconds and memory over the number of images, both on logarithmic scales.
fn figure(measured: &[Measured]) -> String {
    const WIDE: f64 = 640.0;
    const HIGH: f64 = 360.0;
    const EDGE: f64 = 60.0;
    let logs =
        |value: fn(&Measured) -> f64| -> Vec<f64> { measured.iter().map(|run| value(run).max(1e-3).log10()).collect() };
    let [rows, seconds, memory] = [logs(|run| run.rows as f64), logs(|run| run.seconds), logs(|run| run.memory / 1e6)];
    let bounds = |values: &[f64]| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min).floor();
        (low, values.iter().copied().fold(low + 1.0, f64::max).ceil())
    };
    let ((left, right), (low, high)) = (bounds(&rows), bounds(&[seconds.as_slice(), &memory].concat()));
    let x = |value: f64| EDGE + (value - left) / (right - left) * (WIDE - 2.0 * EDGE);
    let y = |value: f64| HIGH - EDGE - (value - low) / (high - low) * (HIGH - 2.0 * EDGE);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDE} {HIGH}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDE}\" height=\"{HIGH}\" fill=\"#fff\"/>\n"
    );
    for power in low as i32..=high as i32 {
        let at = y(f64::from(power));
        let _ = writeln!(svg, "<path d=\"M{EDGE} {at:.1}H{}\" stroke=\"#ccc\"/>", WIDE - EDGE);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            EDGE - 8.0,
            at + 4.0,
            decade(power)
        );
    }
    for power in left as i32..=right as i32 {
        let at = x(f64::from(power));
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            HIGH - EDGE + 20.0,
            decade(power)
        );
    }
    for (name, values, colour, mark) in
        [("seconds", &seconds, "#1b6ca8", "4"), ("MB at the peak", &memory, "#b3541e", "0")]
    {
        let points: Vec<String> = rows.iter().zip(values).map(|(&r, &v)| format!("{:.1},{:.1}", x(r), y(v))).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{mark}\"/>",
            points.join(" ")
        );
        for point in &points {
            let (cx, cy) = point.split_once(',').unwrap_or_default();
            let _ = writeln!(svg, "<circle cx=\"{cx}\" cy=\"{cy}\" r=\"4\" fill=\"{colour}\"/>");
        }
        if let Some((&r, &v)) = rows.last().zip(values.last()) {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{name}</text>",
                x(r) - 8.0,
                y(v) - 10.0
            );
        }
    }
    let _ =
        writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">images</text>\n</svg>", WIDE / 2.0, HIGH - 12.0);
    svg
}

/// A power of ten in words of figures: 100, 10 k, 1 M.
fn decade(power: i32) -> String {
    let (divided, unit) = match power {
        6.. => (power - 6, " M"),
        4..=5 => (power - 3, " k"),
        _ => (power, ""),
    };
    format!("{}{unit}", 10_f64.powi(divided))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn measured(rows: usize, seconds: f64, recall: Option<f64>) -> Measured {
        let stages = vec![("probe".to_owned(), seconds / 2.0)];
        Measured { rows, seconds, memory: 2e8, recall, hit: 1.0, stages }
    }

    #[test]
    fn stages_are_read_from_what_a_run_says() {
        let said = "[1/2] images: nothing is stored\n  images: 2.5 s, 8327a061ead9\n  embeddings: 442368/1000000\n  note: 1 s, twice\n";
        assert_eq!(stages(said), [("images".to_owned(), 2.5)]);
    }

    #[test]
    fn table_and_figure_show_every_run() {
        let runs = [measured(10_000, 10.0, Some(0.98)), measured(100_000, 60.0, None)];
        let text = table(&runs);
        assert!(text.contains("| HNSW recall@10 | 0.9800 | not built |"), "{text}");
        assert!(text.contains("| probe, seconds | 5.0 | 30.0 |"), "{text}");
        let svg = figure(&runs);
        assert_eq!(svg.matches("<circle").count(), 4);
        assert!(svg.contains(">10 k<") && svg.contains(">100 k<") && !svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn made_files_are_whole_and_made_once() {
        let folder = std::env::temp_dir().join(format!("latentwalk-scale-{}", std::process::id()));
        make(&folder, 5000, 64).unwrap();
        let size = |name: &str| std::fs::metadata(folder.join(name)).unwrap().len();
        assert_eq!([size("images"), size("labels")], [16 + 5000 * 64, 8 + 5000]);
        assert_eq!(size("vectors.npy"), 128 + 5000 * 64 * 4);
        let before = std::fs::read(folder.join("vectors.npy")).unwrap();
        std::fs::remove_file(folder.join("scale.toml")).unwrap();
        make(&folder, 5000, 64).unwrap();
        assert_eq!(std::fs::read(folder.join("vectors.npy")).unwrap(), before);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
