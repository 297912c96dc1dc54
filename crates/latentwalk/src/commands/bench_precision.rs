//! `bench precision`: what bfloat16 does to a description's vectors, axes, directions and walks.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use latentwalk_arithmetic::{ascending, nearest_quantile};
use latentwalk_artifacts::Store;
use latentwalk_cli::{DescriptionArgs, PrecisionArgs, PrecisionRule, Stage};
use latentwalk_decomposition::Pca;
use latentwalk_embeddings::{DEFAULT_BATCH_ROWS, Reader};
use latentwalk_probe::Direction;
use latentwalk_run::{AttributeWalks, vectors_file};
use ndarray::{ArrayView1, ArrayView2};
use serde_json::{Map, Value, json};

use super::{answer, embed};
use crate::config::{Config, SearchKind};
use crate::defaults;
use crate::experiment::mean_pair_auc;
use crate::progress::Console;
use crate::runner::{self, RunRequest, StageResults};
use crate::weights;

/// Runs the command.
///
/// # Errors
/// A run that fails, given vectors instead of a network, a precision that the device lacks.
pub(super) fn run(args: &PrecisionArgs, command: &str, console: &Console) -> Result<()> {
    runner::set_threads(defaults::threads(args.threads))?;
    let device = defaults::device(args.run.device.as_deref());
    let rule = args.precision.unwrap_or_else(|| own(device));
    ensure!(rule != PrecisionRule::F32, "`--precision f32` is what is compared with\nhint: name bf16 or bf16-emulated");
    let name = embed::precision(rule).name();
    let store = Store::open(defaults::store(args.store.as_deref()))?;
    let side = |precision: &str| {
        let mut set = args.run.source.set.clone();
        set.push(format!("embeddings.precision={precision}"));
        let mut config = weights::load(&DescriptionArgs { set, ..args.run.source.clone() }, console)?;
        // Walks by the exact scan do not ask the indexes, whose making takes the most time.
        config.index.enabled &= config.walks.search == SearchKind::Hnsw;
        ensure!(config.vectors().is_none(), "the description takes given vectors: there is no network to run");
        console.say(&format!("`{}` in {precision}", config.name));
        let until = Some(Stage::Walks);
        let request = RunRequest { config: &config, device, from: None, until, command };
        let results = runner::stages(&request, &store, console)?;
        Side::read(&config, results)
    };
    let (exact, rough) = (side("f32")?, side(name)?);
    let figures = compare(name, &exact, &rough)?;
    answer::give(&args.json, &table(&figures), &figures)
}

/// The device's own bfloat16, else its emulation.
fn own(device: &str) -> PrecisionRule {
    match device == "cpu" && !latentwalk_backbone::multiplies_bf16() {
        true => PrecisionRule::Bf16Emulated,
        false => PrecisionRule::Bf16,
    }
}

/// One run, as far as it is compared.
struct Side {
    name: String,
    results: StageResults,
    vectors: Reader,
    pca: Pca,
    directions: Vec<Direction>,
    walks: Vec<AttributeWalks>,
}

impl Side {
    fn read(config: &Config, results: StageResults) -> Result<Self> {
        let artifact =
            |stage: Stage| results.artifacts.get(&stage).with_context(|| format!("the run has no `{stage}`"));
        Ok(Self {
            name: config.name.clone(),
            vectors: Reader::open(artifact(Stage::Embeddings)?.file(&vectors_file(config.decomposition.tap))?)?,
            pca: Pca::load(artifact(Stage::Decomposition)?.dir())?,
            directions: latentwalk_probe::load(artifact(Stage::Probe)?.dir())?.directions,
            walks: latentwalk_run::read_walks(artifact(Stage::Walks)?.dir())?,
            results,
        })
    }

    /// Figures of an attribute's walks, as in summary.json.
    fn walk_figures(&self, attribute: &str) -> Value {
        let metrics = self.results.artifacts.get(&Stage::Walks).map(|artifact| &artifact.manifest().metrics);
        let found = metrics.and_then(|metrics| metrics.get("walks")?.get(attribute)).cloned().unwrap_or_default();
        let keep = ["median_spearman", "middle_visited", "on_attribute"];
        Value::Object(keep.into_iter().map(|key| (key.to_owned(), found[key].clone())).collect::<Map<_, _>>())
    }
}

fn compare(precision: &str, exact: &Side, rough: &Side) -> Result<Value> {
    let (vectors, shifts) = vectors(exact, rough)?;
    let mut attributes = Map::new();
    for (direction, shift) in exact.directions.iter().zip(shifts) {
        let name = &direction.attribute;
        let Some(other) = rough.directions.iter().find(|d| d.attribute == *name) else { continue };
        let entry = json!({
            "same_line": { "correlation": shift.correlation(), "shift": shift.relative() },
            "separation": { "f32": mean_pair_auc(direction), precision: mean_pair_auc(other) },
            "accuracy": { "f32": direction.evidence.test_accuracy, precision: other.evidence.test_accuracy },
            "walks": { "f32": exact.walk_figures(name), precision: rough.walk_figures(name) },
            "same_images": same_images(exact, rough, name),
        });
        attributes.insert(name.clone(), entry);
    }
    Ok(json!({
        "description": exact.name,
        "precision": precision,
        "images": exact.vectors.rows(),
        "width": exact.pca.d(),
        "cosine": vectors,
        "pca": {
            "axes": { "f32": exact.pca.k(), precision: rough.pca.k() },
            "kept": { "f32": exact.pca.kept(), precision: rough.pca.kept() },
            "axes_for_98": { "f32": exact.pca.axes_for(0.98), precision: rough.pca.axes_for(0.98) },
            "shared": shared(exact.pca.axes(), rough.pca.axes()),
        },
        "attributes": attributes,
    }))
}

/// Cosines of the same images' vectors, and how far images move along the lines of the first run.
fn vectors(exact: &Side, rough: &Side) -> Result<(Value, Vec<Shift>)> {
    ensure!(exact.vectors.rows() == rough.vectors.rows(), "the two runs have another number of images");
    let mean = exact.pca.mean();
    let zero = ndarray::Array1::zeros(mean.len());
    let (mut plain, mut centred) = (Vec::new(), Vec::new());
    let mut shifts: Vec<Shift> = exact.directions.iter().map(|_| Shift::default()).collect();
    let batches = exact.vectors.batches(DEFAULT_BATCH_ROWS)?.zip(rough.vectors.batches(DEFAULT_BATCH_ROWS)?);
    for (a, b) in batches {
        let (a, b) = (a?.vectors, b?.vectors);
        for (a, b) in a.rows().into_iter().zip(b.rows()) {
            plain.push(cosine(a, b, zero.view()));
            centred.push(cosine(a, b, mean));
        }
        let (a, b) = (exact.pca.transform(a.view())?, exact.pca.transform(b.view())?);
        for (shift, direction) in shifts.iter_mut().zip(&exact.directions) {
            let pairs = direction.positions(a.view())?.into_iter().zip(direction.positions(b.view())?);
            pairs.for_each(|(a, b)| shift.add(a, b));
        }
    }
    let spread = |values: Vec<f64>| {
        let values = ascending(values);
        let at = |share: f64| nearest_quantile(&values, share);
        json!({ "median": at(0.5), "least_percent": at(0.01), "least": at(0.0) })
    };
    Ok((json!({ "plain": spread(plain), "centred": spread(centred) }), shifts))
}

fn cosine(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>, from: ArrayView1<'_, f64>) -> f64 {
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for ((a, b), from) in a.iter().zip(b).zip(from) {
        let (a, b) = (f64::from(*a) - from, f64::from(*b) - from);
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    ab / (aa * bb).sqrt()
}

/// The part of one space of axes that lies in another, of the same number of axes: 1 where they are the same.
///
/// **Shapes** both k x d, of orthonormal rows.
fn shared(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> f64 {
    a.dot(&b.t()).iter().map(|v| v * v).sum::<f64>() / a.nrows().min(b.nrows()).max(1) as f64
}

/// Positions of the same images along one line, from both runs' vectors.
#[derive(Debug, Default)]
struct Shift {
    n: f64,
    a: f64,
    b: f64,
    aa: f64,
    bb: f64,
    ab: f64,
    squares: f64,
}

impl Shift {
    fn add(&mut self, a: f64, b: f64) {
        self.n += 1.0;
        (self.a, self.b) = (self.a + a, self.b + b);
        (self.aa, self.bb, self.ab) = (self.aa + a * a, self.bb + b * b, self.ab + a * b);
        self.squares += (a - b) * (a - b);
    }

    fn variance(&self, sum: f64, squares: f64) -> f64 {
        squares / self.n - (sum / self.n) * (sum / self.n)
    }

    /// Pearson's correlation.
    fn correlation(&self) -> f64 {
        let together = self.ab / self.n - self.a / self.n * (self.b / self.n);
        together / (self.variance(self.a, self.aa) * self.variance(self.b, self.bb)).sqrt()
    }

    /// Root mean square of the differences, in standard deviations of the positions.
    fn relative(&self) -> f64 {
        (self.squares / self.n / self.variance(self.a, self.aa)).sqrt()
    }
}

/// Of the images that strips from the same starts show, the share that both runs show at the same stop.
fn same_images(exact: &Side, rough: &Side, attribute: &str) -> Option<f64> {
    let of = |side: &'_ Side| side.walks.iter().position(|walks| walks.name == attribute);
    let (a, b) = (&exact.walks[of(exact)?], &rough.walks[of(rough)?]);
    let (mut both, mut all) = (0, 0);
    for strip in &a.strips {
        let Some(other) = b.strips.iter().find(|other| other.start == strip.start) else { continue };
        for (stop, other) in strip.stops.iter().zip(&other.stops) {
            all += stop.images.len();
            both += stop.images.iter().filter(|i| other.images.iter().any(|o| o.row == i.row)).count();
        }
    }
    (all > 0).then(|| f64::from(both as u32) / f64::from(all as u32))
}

fn table(f: &Value) -> String {
    let precision = f["precision"].as_str().unwrap_or_default();
    let figure =
        |value: &Value, digits: usize| value.as_f64().map_or_else(|| "-".to_owned(), |x| format!("{x:.digits$}"));
    let mut text = format!(
        "\n{}: {} vectors of {} numbers, f32 beside {precision}\n\n{:<10}{:>14}{:>18}{:>14}\n",
        f["description"].as_str().unwrap_or_default(),
        f["images"],
        f["width"],
        "cosine",
        "median",
        "lowest percent",
        "least"
    );
    for kind in ["plain", "centred"] {
        let c = &f["cosine"][kind];
        let _ = writeln!(
            text,
            "{kind:<10}{:>14}{:>18}{:>14}",
            figure(&c["median"], 7),
            figure(&c["least_percent"], 7),
            figure(&c["least"], 7)
        );
    }
    let p = &f["pca"];
    let _ = writeln!(
        text,
        "\nPCA       {} axes keep {} and {}; 98 % needs {} and {}; shared space {}",
        p["axes"]["f32"],
        figure(&p["kept"]["f32"], 5),
        figure(&p["kept"][precision], 5),
        p["axes_for_98"]["f32"],
        p["axes_for_98"][precision],
        figure(&p["shared"], 5)
    );
    let _ = writeln!(
        text,
        "\n{:<16}{:>13}{:>9}{:>17}{:>17}{:>17}{:>17}{:>8}",
        "attribute", "correlation", "shift", "separation", "Spearman", "visited", "on attribute", "images"
    );
    for (name, a) in f["attributes"].as_object().into_iter().flatten() {
        let pair = |a: &Value, key: Option<&str>| {
            let of = |side: &Value| figure(key.map_or(side, |key| &side[key]), 4);
            format!("{} {}", of(&a["f32"]), of(&a[precision]))
        };
        let walk = |key| pair(&a["walks"], Some(key));
        let _ = writeln!(
            text,
            "{name:<16}{:>13}{:>9}{:>17}{:>17}{:>17}{:>17}{:>8}",
            figure(&a["same_line"]["correlation"], 7),
            figure(&a["same_line"]["shift"], 4),
            pair(&a["separation"], None),
            walk("median_spearman"),
            walk("middle_visited"),
            walk("on_attribute"),
            figure(&a["same_images"], 2)
        );
    }
    text.push_str(
        "\ncorrelation, shift: both runs' vectors along the line found in f32 (shift in standard deviations)\n\
         separation, walks: each run with its own axes, line and walks, f32 first; separation is the mean AUC of pairs\n\
         images: share of the strips' images that are the same at the same stop\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    #[test]
    fn cosines_are_taken_from_the_given_point() {
        let (a, b) = (arr1(&[1.0f32, 0.0]), arr1(&[0.0f32, 1.0]));
        assert!(cosine(a.view(), b.view(), arr1(&[0.0, 0.0]).view()).abs() < 1e-12);
        assert!((cosine(a.view(), b.view(), arr1(&[1.0, 1.0]).view())).abs() < 1e-12);
        assert!((cosine(a.view(), b.view(), arr1(&[0.5, 0.5]).view()) + 1.0).abs() < 1e-12);
        assert!((cosine(a.view(), b.view(), arr1(&[-1.0, -1.0]).view()) - 0.8).abs() < 1e-12);
    }

    #[test]
    fn shared_space_does_not_depend_on_the_axes_within_it() {
        let s = 0.5f64.sqrt();
        let plane = arr2(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        let turned = arr2(&[[s, s, 0.0], [s, -s, 0.0]]);
        let tilted = arr2(&[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
        assert!((shared(plane.view(), turned.view()) - 1.0).abs() < 1e-12);
        assert!((shared(plane.view(), tilted.view()) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_shift_is_counted_in_standard_deviations() {
        let mut shift = Shift::default();
        for i in 0..100 {
            let a = f64::from(i % 2) * 2.0 - 1.0;
            shift.add(a, a + 0.1);
        }
        assert!((shift.relative() - 0.1).abs() < 1e-12);
        assert!((shift.correlation() - 1.0).abs() < 1e-12);
        shift.add(1.0, -1.0);
        assert!(shift.correlation() < 0.99);
    }
}
