//! Study `layers`: how well each attribute separates along one axis after every stage of the network, trained and untrained;
//! and lines walked in FC space against lines in PCA space.

use anyhow::{Context, Result};
use latentwalk_backbone::Tap;
use latentwalk_cli::Stage;
use latentwalk_decomposition::Pca;
use latentwalk_embeddings::Reader;
use latentwalk_probe::{ProbeOptions, Standardize, Task};
use latentwalk_report::figure::{Curves, Series, XScale, curves};
use latentwalk_run::{AttributeLabels, probe_split, vectors_file};
use ndarray::Array2;

use super::attribute_result::mean_pair_auc;
use super::file::Experiment;
use super::outcome::Outcome;
use super::page::decimal;
use super::trial::Trials;
use super::variance::{NETWORKS, spectrum};
use super::ways;
use crate::config::DEFAULT_AXES;
use crate::job::Job;
use crate::stage::inputs;

/// Restarts of the probe at each place: as many attributes and layers as here leave no time for more.
const RESTARTS: usize = 8;
/// Layers in the order of the forward pass, with the name that the figure gives them.
const LAYERS: [(Tap, &str); 6] = [
    (Tap::Stem, "stem"),
    (Tap::Layer1, "stage 1"),
    (Tap::Layer2, "stage 2"),
    (Tap::Layer3, "stage 3"),
    (Tap::Pool, "stage 4, pooled"),
    (Tap::Fc, "FC"),
];
/// The AUC of an axis that tells nothing.
const CHANCE: f64 = 0.5;
/// What comes after the layers: the FC layer's first principal axes.
const PCA: &str = "PCA";

pub(super) fn run(experiment: &Experiment, trials: &Trials<'_>) -> Result<Outcome> {
    let seed = experiment.first_seed()?;
    let mut outcome = Outcome::default();
    let mut series = Vec::new();
    for (network, changes) in NETWORKS {
        let trial = trials.trial(experiment, seed, changes, Stage::Embeddings)?;
        let table = trial.job("layers", |job| separations(job, &experiment.attributes))?;
        tell(network, &experiment.attributes, &table, &mut outcome);
        series.extend(lines(network, &experiment.attributes, &table));
    }
    draw(&experiment.name, series, &mut outcome)?;
    spaces(experiment, trials, seed, &mut outcome)?;
    Ok(outcome)
}

/// For every place, the separation of every attribute.
fn separations(job: &Job<'_>, attributes: &[String]) -> Result<Vec<(String, Vec<f64>)>> {
    let dataset = inputs::dataset(job)?;
    let labels: Vec<AttributeLabels> = attributes.iter().map(|name| labels(&dataset, name)).collect::<Result<_>>()?;
    let splits: Vec<_> = dataset.items.iter().map(|item| probe_split(item.split)).collect();
    let mut table = Vec::new();
    let places = LAYERS.len() + 1;
    for (done, (tap, name)) in LAYERS.into_iter().enumerate() {
        let pca = spectrum(job, tap)?;
        let vectors = Reader::open(job.input(Stage::Embeddings, &vectors_file(tap))?)?.vectors(None)?;
        let z = pca.transform(vectors.view())?;
        table.push((name.to_owned(), separate(job, &labels, &splits, &z)?));
        job.progress.set(done + 1, places);
        if tap == Tap::Fc {
            let few = first_axes(&pca, &z);
            table.push((format!("{PCA} {DEFAULT_AXES}"), separate(job, &labels, &splits, &few)?));
            job.progress.set(places, places);
        }
    }
    Ok(table)
}

fn labels(dataset: &latentwalk_images::Dataset, name: &str) -> Result<AttributeLabels> {
    let index = dataset.attribute(name).with_context(|| format!("the run has no attribute `{name}`"))?;
    AttributeLabels::exclusive(dataset, index).with_context(|| format!("`{name}` has several labels at once"))
}

/// The first axes of coordinates that hold more.
fn first_axes(pca: &Pca, z: &Array2<f32>) -> Array2<f32> {
    z.slice(ndarray::s![.., ..DEFAULT_AXES.min(pca.k())]).to_owned()
}

/// Mean AUC over pairs of classes along the probe's axis, attribute by attribute.
///
/// Coordinates are scaled axis by axis, so that no layer is at a disadvantage by the sizes of its variances.
fn separate(
    job: &Job<'_>,
    attributes: &[AttributeLabels],
    splits: &[latentwalk_probe::Split],
    z: &Array2<f32>,
) -> Result<Vec<f64>> {
    let options = ProbeOptions {
        restarts: RESTARTS,
        standardize: Standardize::PerAxis,
        bootstrap: 0,
        ..job.config.probe.options.clone()
    };
    let one = |a: &AttributeLabels| {
        let task = Task { name: &a.name, classes: &a.classes, order: &a.order, z: z.view(), labels: &a.labels, splits };
        match latentwalk_probe::fit(&task, &options, &|_, _| {}) {
            Ok(direction) => Ok(mean_pair_auc(&direction)),
            // No restart found anything to go by.
            Err(latentwalk_probe::Error::AllCollapsed { .. }) => Ok(CHANCE),
            Err(error) => Err(error.into()),
        }
    };
    attributes.iter().map(one).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn tell(network: &str, attributes: &[String], table: &[(String, Vec<f64>)], outcome: &mut Outcome) {
    let mut head = vec!["after".to_owned()];
    head.extend(attributes.iter().cloned());
    head.push("mean".to_owned());
    let row = |(place, values): &(String, Vec<f64>)| {
        let cells = values.iter().copied().chain([mean(values)]).map(decimal);
        std::iter::once(place.clone()).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = table.iter().map(row).collect();
    outcome.body.heading(&format!("Separation along one axis, {network} network"));
    outcome.body.table(&head.iter().map(String::as_str).collect::<Vec<_>>(), &rows);
    for (place, values) in table {
        outcome.figures.push((format!("{network}, {place}: mean separation"), mean(values)));
    }
}

/// One curve an attribute for the trained network, their mean for the untrained one.
fn lines(network: &str, attributes: &[String], table: &[(String, Vec<f64>)]) -> Vec<Series> {
    let along = |value: &dyn Fn(&[f64]) -> f64| {
        table.iter().enumerate().map(|(at, (_, values))| (at as f64, value(values))).collect::<Vec<_>>()
    };
    if network != NETWORKS[0].0 {
        return vec![Series { name: format!("{network}, mean"), points: along(&mean), dashed: true }];
    }
    let of = |(at, name): (usize, &String)| Series {
        name: name.clone(),
        points: along(&|values: &[f64]| values[at]),
        dashed: false,
    };
    attributes.iter().enumerate().map(of).collect()
}

fn draw(page: &str, series: Vec<Series>, outcome: &mut Outcome) -> Result<()> {
    let mut places: Vec<String> = LAYERS.iter().map(|(_, name)| (*name).to_owned()).collect();
    places.push(format!("{PCA} {DEFAULT_AXES}"));
    let label = "Mean AUC over pairs of classes along one axis, layer by layer".to_owned();
    let figure = Curves {
        label: label.clone(),
        x_name: "after".to_owned(),
        y_name: "mean AUC over pairs of classes".to_owned(),
        x_scale: XScale::Steps(places),
        y_range: Some((0.5, 1.0)),
        series,
        marks: Vec::new(),
    };
    let file = format!("{page}.svg");
    outcome.files.push((file.clone(), curves(&figure)?.into_bytes()));
    outcome.body.picture(&file, &label);
    Ok(())
}

/// The article's walks in the whole FC space and in that of its first principal axes.
fn spaces(experiment: &Experiment, trials: &Trials<'_>, seed: u64, outcome: &mut Outcome) -> Result<()> {
    let mut rows = Vec::new();
    let whole = format!("decomposition.variance={WHOLE}");
    for (name, changes) in [("PCA space", &[][..]), ("FC space", &[whole.as_str()][..])] {
        let trial = trials.trial(experiment, seed, changes, Stage::Probe)?;
        trial.job("spaces", |job| {
            let data = inputs::walk_data(job)?;
            let axes = data.points.z.ncols();
            for attribute in &experiment.attributes {
                let found = ways::article(job, &data, attribute)?;
                rows.push(vec![
                    attribute.clone(),
                    format!("{name}, {axes} axes"),
                    decimal(found.hit_rate),
                    decimal(found.mean_unchanged),
                ]);
                outcome.figures.push((format!("{name}, {attribute}: target hit"), found.hit_rate));
                outcome.figures.push((format!("{name}, {attribute}: others unchanged"), found.mean_unchanged));
            }
            Ok(())
        })?;
    }
    rows.sort_by(|a, b| place(experiment, &a[0]).cmp(&place(experiment, &b[0])));
    outcome.body.heading("Lines in FC space and in PCA space");
    outcome.body.paragraph(
        "The article's walk from held-out starts to the class median of every other value: share that finds the value, and \
         share of the other attributes that stay. FC space is taken in coordinates of its principal axes, a rotation that \
         changes no distance; axes beyond its rank are zero.",
    );
    outcome.body.table(&["attribute", "space", "target hit", "others unchanged"], &rows);
    Ok(())
}

/// Share of the variance that counts as all of FC space.
const WHOLE: f64 = 0.999_9;

fn place(experiment: &Experiment, attribute: &str) -> usize {
    experiment.attributes.iter().position(|known| known == attribute).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layers_are_those_of_the_network_in_order() {
        let names: Vec<&str> = LAYERS.iter().map(|(tap, _)| tap.name()).collect();
        assert_eq!(names, ["stem", "layer1", "layer2", "layer3", "pool", "fc"]);
    }
}
