//! Study `variance`: the share of the variance that the first axes keep, for both layers, trained and untrained.

use anyhow::Result;
use latentwalk_backbone::Tap;
use latentwalk_cli::Stage;
use latentwalk_decomposition::{Accumulator, Keep, Pca, PcaOptions};
use latentwalk_embeddings::Reader;
use latentwalk_report::figure::{Curves, Series, XScale, curves};
use latentwalk_run::vectors_file;
use ndarray::Axis;

use super::file::Experiment;
use super::outcome::Outcome;
use super::page::decimal;
use super::trial::Trials;
use crate::config::DEFAULT_AXES;
use crate::job::Job;
use crate::stage::inputs::READ_ROWS;

/// Shares of the variance whose number of axes is told.
const SHARES: [f64; 4] = [0.90, 0.95, 0.98, 0.99];
/// Both networks, and what makes them.
pub(super) const NETWORKS: [(&str, &[&str]); 2] = [("trained", &[]), ("untrained", &["backbone.epochs=0"])];

pub(super) fn run(experiment: &Experiment, trials: &Trials<'_>) -> Result<Outcome> {
    let seed = experiment.first_seed()?;
    let mut spectra = Vec::new();
    for (network, changes) in NETWORKS {
        let trial = trials.trial(experiment, seed, changes, Stage::Embeddings)?;
        for tap in [Tap::Fc, Tap::Pool] {
            let name = format!("{network}, {}", tap.name());
            spectra.push((name, trial.job("variance", |job| spectrum(job, tap))?));
        }
    }
    let mut outcome = Outcome::default();
    tell(&spectra, &mut outcome)?;
    draw(&experiment.name, &spectra, &mut outcome)?;
    Ok(outcome)
}

/// The PCA of a layer's vectors on the train split.
pub(super) fn spectrum(job: &Job<'_>, tap: Tap) -> Result<Pca> {
    let reader = Reader::open(job.input(Stage::Embeddings, &vectors_file(tap))?)?;
    let mut accumulator = Accumulator::new(reader.schema().width);
    for table in reader.batches(READ_ROWS)? {
        let table = table?;
        let rows: Vec<usize> = (0..table.ids.len()).filter(|&row| table.splits[row] == "train").collect();
        accumulator.push(table.vectors.select(Axis(0), &rows).view())?;
    }
    Ok(accumulator.finish(&PcaOptions { keep: Keep::Variance(ALMOST_ALL), whiten: false })?)
}

/// Axes beyond this share of the variance carry rounding alone.
const ALMOST_ALL: f64 = 0.999_99;

fn kept(pca: &Pca, axes: usize) -> f64 {
    let all: f64 = pca.variances().iter().sum();
    pca.variances().iter().take(axes).sum::<f64>() / all
}

fn tell(spectra: &[(String, Pca)], outcome: &mut Outcome) -> Result<()> {
    let mut rows = Vec::new();
    for (name, pca) in spectra {
        let share = kept(pca, DEFAULT_AXES);
        let mut row = vec![name.clone(), pca.d().to_string(), pca.embedding_rank().to_string(), decimal(share)];
        row.extend(SHARES.iter().map(|&share| pca.axes_for(share).to_string()));
        rows.push(row);
        outcome.figures.push((format!("{name}: share kept by {DEFAULT_AXES} axes"), share));
        outcome.figures.push((format!("{name}: axes for 98 %"), pca.axes_for(0.98) as f64));
        outcome.figures.push((format!("{name}: rank"), pca.embedding_rank() as f64));
    }
    outcome.body.heading("Variance kept");
    let kept = format!("kept by {DEFAULT_AXES} axes");
    let head = ["network, layer", "width", "rank", &kept, "axes for 90 %", "95 %", "98 %", "99 %"];
    outcome.body.table(&head, &rows);
    Ok(())
}

fn draw(page: &str, spectra: &[(String, Pca)], outcome: &mut Outcome) -> Result<()> {
    let series = spectra.iter().map(|(name, pca)| {
        let all: f64 = pca.variances().iter().sum();
        let mut sum = 0.0;
        let points = pca.variances().iter().take(pca.embedding_rank()).enumerate().map(|(axis, variance)| {
            sum += variance;
            ((axis + 1) as f64, sum / all)
        });
        Series { name: name.clone(), points: points.collect(), dashed: name.starts_with("untrained") }
    });
    let figure = Curves {
        label: "Share of the variance kept, against the number of axes".to_owned(),
        x_name: "axes".to_owned(),
        y_name: "share of the variance".to_owned(),
        x_scale: XScale::Log10,
        y_range: Some((0.0, 1.0)),
        series: series.collect(),
        marks: vec![(DEFAULT_AXES as f64, format!("{DEFAULT_AXES} axes"))],
    };
    let file = format!("{page}.svg");
    outcome.files.push((file.clone(), curves(&figure)?.into_bytes()));
    outcome.body.picture(&file, "Share of the variance kept, against the number of axes");
    Ok(())
}
