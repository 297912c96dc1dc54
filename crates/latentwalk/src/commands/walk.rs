//! `walk`: the knob. From an image, the run's images along an attribute.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use latentwalk_artifacts::write_atomic;
use latentwalk_cli::WalkArgs;
use latentwalk_images::{SheetFormat, contact_sheet};
use latentwalk_lines::MetricKind;
use latentwalk_run::{Along, AttributeLabels, FAR, ImageRecord, Projector, Run, Start, StopRecord, WalkData, Walker};
use ndarray::Array1;
use serde_json::{Value, json};

use super::{answer, finished};
use crate::defaults;
use crate::progress::Console;

/// Side of an image in the picture of a walk.
const SIDE_PX: u32 = 112;

/// Walks, and prints what was found at each stop.
///
/// # Errors
/// A run, an image, an attribute or a value that does not exist; a file that cannot be read; what [`Walker::ready`] refuses.
pub(super) fn run(args: &WalkArgs, console: &Console) -> Result<()> {
    let run = finished(&args.run)?;
    let walker = Walker::open(&run)?;
    let data = walker.data();
    ensure!(args.stops != Some(0) && args.per_stop != Some(0), "a walk needs a stop and an image for it");
    let (row, z) = start(args, &run, data)?;
    let start = Start { row, z: z.view() };
    let far = if row.is_none() { Some(walker.farness(&args.attribute, z.view())?) } else { None };
    let line = Along::new(&args.attribute, args.toward.as_deref());
    let ready = walker.ready(&start, &[line], &args.keep)?;
    let stops = ready.walk(args.stops, args.per_stop.unwrap_or(1), walker.pool())?;
    let walked = Walked {
        metric: ready.metric,
        position: ready.knob.sweep().start_position(),
        left: ready.left,
        stops: stops.into_iter().map(|(_, stop)| stop).collect(),
    };
    let told = Told::new(data, args, row);
    if let Some(share) = far
        && share > FAR
    {
        console.say(&format!(
            "{} is unusual: more than {:.0} % of the run's images have a nearer neighbour than it has. What is found says little",
            args.start,
            100.0 * FAR
        ));
    }
    if let Some(out) = &args.out {
        let rows = walked.stops.iter().map(|stop| stop.images.first().map(|image| image.row));
        let line: Vec<Option<usize>> = row.map(Some).into_iter().chain(rows).collect();
        let dataset = &data.points.dataset;
        let is_png = out.extension().is_some_and(|ending| ending == "png");
        let format = if is_png { SheetFormat::Png } else { SheetFormat::Jpeg };
        let sheet = contact_sheet(&run.pixels(dataset)?, dataset, &[line], SIDE_PX, row.is_some(), format)?;
        write_atomic(out, &sheet)?;
    }
    answer::give(&args.json, &told.text(&walked), &told.value(&walked, far))
}

/// A walk and what was found; rows are the data set's.
struct Walked {
    metric: MetricKind,
    position: f64,
    left: f64,
    stops: Vec<StopRecord>,
}

/// The start's row, where it is an image of the run, and its coordinates.
fn start(args: &WalkArgs, run: &Run, data: &WalkData) -> Result<(Option<usize>, Array1<f32>)> {
    let dataset = &data.points.dataset;
    if let Some(row) = dataset.items.iter().position(|item| item.id == args.start) {
        return Ok((Some(row), data.points.z.row(row).to_owned()));
    }
    let file = Path::new(&args.start);
    if !file.is_file() {
        let first = dataset.items.first().map_or("", |item| item.id.as_str());
        bail!("the run has no image `{}`, and there is no such file\nhint: ids look like `{first}`", args.start);
    }
    let device = latentwalk_backbone::parse_device(defaults::device(args.device.as_deref()))?;
    let placed = Projector::open(run, &device)?.coordinates(&[file])?;
    if let Some((_, reason)) = placed.skipped.first() {
        bail!("{} cannot be read: {reason}", args.start);
    }
    Ok((None, placed.z.row(0).to_owned()))
}

/// What is told of each image.
struct Told<'a> {
    data: &'a WalkData,
    args: &'a WalkArgs,
    row: Option<usize>,
    labels: Vec<AttributeLabels>,
}

impl<'a> Told<'a> {
    fn new(data: &'a WalkData, args: &'a WalkArgs, row: Option<usize>) -> Self {
        let labels = data.all_labels();
        Self { data, args, row, labels }
    }

    /// The value of the attribute that is walked along.
    fn own(&self, row: usize) -> Option<String> {
        self.labels
            .iter()
            .find(|attribute| attribute.name == self.args.attribute)
            .and_then(|a| a.class_of(row))
            .map(str::to_owned)
    }

    /// The other attributes whose label is known and not the start's.
    fn changed(&self, row: usize) -> Vec<(String, String)> {
        let Some(start) = self.row else { return Vec::new() };
        let others = self.labels.iter().filter(|attribute| attribute.name != self.args.attribute);
        let differs = others.filter(|attribute| {
            let (a, b) = (attribute.labels[start], attribute.labels[row]);
            a.is_some() && b.is_some() && a != b
        });
        differs.filter_map(|attribute| Some((attribute.name.clone(), attribute.class_of(row)?.to_owned()))).collect()
    }

    fn text(&self, walked: &Walked) -> String {
        let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let aim = self.args.toward.as_ref().map_or("along its axis".to_owned(), |value| format!("toward `{value}`"));
        let kept = match &self.args.keep[..] {
            [] => String::new(),
            keep => format!(", {} kept ({:.2} of the direction is left)", keep.join(" and "), walked.left),
        };
        let mut text = format!("{} {aim}, in the {} metric{kept}\n", self.args.attribute, walked.metric);
        let _ = writeln!(text, "{:<6}{:>10}{:>10}  {:<16}image", "stop", "position", "distance", self.args.attribute);
        let own = shown(self.row.and_then(|row| self.own(row)));
        let _ = writeln!(text, "{:<6}{:>10.3}{:>10}  {own:<16}{}", "start", walked.position, "", self.args.start);
        for (number, stop) in (1..).zip(&walked.stops) {
            if stop.images.is_empty() {
                let _ = writeln!(text, "{number:<6}{:>10.3}{:>10}  {:<16}no image lies there", stop.position, "", "");
            }
            for ImageRecord { row, position, distance } in &stop.images {
                let changed = self.changed(*row).into_iter().map(|(name, class)| format!("{name} {class}"));
                let changed = changed.collect::<Vec<_>>().join(", ");
                let changed = if changed.is_empty() { String::new() } else { format!("   ({changed})") };
                let (value, id) = (shown(self.own(*row)), self.data.id(*row));
                let _ = writeln!(text, "{number:<6}{position:>10.3}{distance:>10.3}  {value:<16}{id}{changed}");
            }
        }
        if self.row.is_some() {
            text.push_str("in brackets: other labels that differ from the start's\n");
        }
        text
    }

    fn value(&self, walked: &Walked, far: Option<f64>) -> Value {
        let image = |image: &ImageRecord| {
            let changed = self.changed(image.row).into_iter().map(|(name, class)| (name, json!(class)));
            json!({
                "id": self.data.id(image.row),
                "position": image.position,
                "distance": image.distance,
                "class": self.own(image.row),
                "changed": changed.collect::<serde_json::Map<_, _>>(),
            })
        };
        let stops = walked.stops.iter().map(|stop| {
            json!({ "position": stop.position, "slab": stop.slab, "images": stop.images.iter().map(image).collect::<Value>() })
        });
        json!({
            "attribute": self.args.attribute,
            "toward": self.args.toward,
            "metric": walked.metric.name(),
            "kept": self.args.keep,
            "left": walked.left,
            "start": {
                "id": self.args.start,
                "position": walked.position,
                "class": self.row.and_then(|row| self.own(row)),
                "nearer_than_it": far,
            },
            "stops": stops.collect::<Value>(),
        })
    }
}
