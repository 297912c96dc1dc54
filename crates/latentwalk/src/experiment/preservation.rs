//! Study `preservation`: when one attribute changes along a line, does it change, and does the rest stay?

use anyhow::{Context, Result};
use latentwalk_cli::Stage;
use latentwalk_images::{Dataset, Pixels, SheetFormat, contact_sheet};
use latentwalk_lines::PreservationFigures;
use latentwalk_report::figure::{Direction, Guide, Point, Scatter, scatter};
use latentwalk_run::WalkData;

use super::cases::Cases;
use super::file::Experiment;
use super::outcome::Outcome;
use super::page::decimal;
use super::trial::Trials;
use super::ways::{self, ARTICLE, BEST, Found, ORACLE, RANDOM, Role};
use crate::job::Job;
use crate::stage::inputs;

/// Share of the variance whose axes count as all of them.
const ALL_AXES: &str = "decomposition.variance=0.9999";
/// What the project set out to reach on both axes of the figure.
const TARGET: f64 = 0.9;
/// Side of an image in a strip, in pixels.
const SIDE_PX: u32 = 96;
/// Starts that are shown for an attribute.
const SHOWN: usize = 4;
/// Attributes whose walks are shown: the article's two.
const SHOWN_ATTRIBUTES: [&str; 2] = ["sleeve", "pattern"];

/// What one attribute gave.
struct Part {
    attribute: String,
    /// Names of all attributes that are judged.
    judged: Vec<String>,
    /// Share of the other attributes that the pool's best match keeps.
    ceiling: f64,
    found: Vec<Found>,
}

impl Part {
    fn of(&self, name: &str) -> Result<&PreservationFigures> {
        let found = self.found.iter().find(|found| found.name == name);
        Ok(&found.with_context(|| format!("there is no way `{name}`"))?.figures)
    }
}

pub(super) fn run(experiment: &Experiment, trials: &Trials<'_>) -> Result<Outcome> {
    let seed = experiment.first_seed()?;
    let mut outcome = Outcome::default();
    let mut sheets: Vec<(String, String, Vec<String>)> = Vec::new();
    let trial = trials.trial(experiment, seed, &[], Stage::Probe)?;
    let mut parts = trial.job("walks", |job| {
        let data = inputs::walk_data(job)?;
        let mut parts = Vec::new();
        for (done, attribute) in experiment.attributes.iter().enumerate() {
            let cases = Cases::new(job, &data, attribute)?;
            let part = Part {
                attribute: attribute.clone(),
                judged: cases.attributes.iter().map(|q| q.name.clone()).collect(),
                ceiling: cases.study(|study| Ok(study.ceiling()?))?.mean_unchanged,
                found: ways::all(&cases)?,
            };
            if SHOWN_ATTRIBUTES.contains(&attribute.as_str()) {
                let file = format!("{}-{attribute}.jpg", experiment.name);
                sheets.push((attribute.clone(), file.clone(), cases.labels.classes.clone()));
                outcome.files.push((file, sheet(job, &data, &cases, part.of(BEST)?)?));
            }
            parts.push(part);
            job.progress.set(done + 1, experiment.attributes.len());
        }
        Ok(parts)
    })?;
    let axes = more_axes(experiment, trials, seed, &mut parts)?;
    tell_ways(&parts, axes, &mut outcome)?;
    draw(&experiment.name, &parts, &mut outcome)?;
    tell_attributes(&parts, &mut outcome)?;
    tell_persistence(&parts, &mut outcome)?;
    for (attribute, file, classes) in sheets {
        outcome.body.heading(&format!("Walks to every other {attribute}"));
        outcome.body.paragraph(&format!(
            "Pairs of lines. The first: a held-out start, framed, and the image found by the best way for each value ({}), none \
             for its own. The second: the start again and its exact twins, which are not in the pool.",
            classes.join(", ")
        ));
        outcome.body.picture(&file, &format!("Starts, what was found for each {attribute}, and the exact twins"));
    }
    Ok(outcome)
}

/// The article's way and the best one again, in coordinates of all axes; gives their number.
fn more_axes(experiment: &Experiment, trials: &Trials<'_>, seed: u64, parts: &mut [Part]) -> Result<usize> {
    let trial = trials.trial(experiment, seed, &[ALL_AXES], Stage::Probe)?;
    trial.job("more axes", |job| {
        let data = inputs::walk_data(job)?;
        for part in parts.iter_mut() {
            let (article, best) = (ways::article(job, &data, &part.attribute), ways::best(job, &data, &part.attribute));
            let wide = |name, what, figures| Found { name, what, role: Role::Change, figures };
            part.found.push(wide(ARTICLE_WIDE, "the article's walk in coordinates of all axes", article?));
            part.found.push(wide(BEST_WIDE, "the best way in coordinates of all axes", best?));
        }
        Ok(data.points.z.ncols())
    })
}

const ARTICLE_WIDE: &str = "article's walk, all axes";
const BEST_WIDE: &str = "best way, all axes";

/// Means over the attributes.
struct Means {
    hit: f64,
    unchanged: f64,
    of_ceiling: f64,
    twin_ranked: f64,
    twin_first: f64,
    twin_ten: f64,
}

fn means(parts: &[Part], name: &str) -> Result<Means> {
    let figures = parts.iter().map(|part| Ok((part.of(name)?, part.ceiling))).collect::<Result<Vec<_>>>()?;
    let mean = |value: &dyn Fn(&PreservationFigures, f64) -> f64| {
        figures.iter().map(|(figures, ceiling)| value(figures, *ceiling)).sum::<f64>() / figures.len() as f64
    };
    let twin = |value: fn(&latentwalk_lines::TwinFigures) -> f64| {
        mean(&move |f: &PreservationFigures, _| f.twins.as_ref().map_or(f64::NAN, value))
    };
    Ok(Means {
        hit: mean(&|f, _| f.hit_rate),
        unchanged: mean(&|f, _| f.mean_unchanged),
        of_ceiling: mean(&|f, ceiling| f.mean_unchanged / ceiling),
        twin_ranked: twin(|t| t.ranked),
        twin_first: twin(|t| t.first),
        twin_ten: twin(|t| t.first_ten),
    })
}

fn tell_ways(parts: &[Part], axes: usize, outcome: &mut Outcome) -> Result<()> {
    let cases: usize = parts.iter().filter_map(|part| part.of(ARTICLE).ok()).map(|f| f.cases).sum();
    outcome.body.heading("Every way, averaged over the attributes");
    outcome.body.paragraph(&format!(
        "{cases} cases: every held-out start to every other value of every attribute, no twin in the pool. *Target hit*: the \
         image found has the wanted value. *Others unchanged*: share of the other labelled attributes, worn or laid flat and \
         one view or two included, that are as in the start. *Of the ceiling*: that share divided by the one of the pool's \
         best match with the wanted value. *Twin*: when the exact twin alone is added to the pool, how often it comes into \
         the slab, first, and among the first ten. \"All axes\" are {axes}."
    ));
    let mut rows = Vec::new();
    for found in &parts[0].found {
        let m = means(parts, found.name)?;
        let name = match found.role {
            Role::Article => format!("**{}**", found.name),
            Role::Change => found.name.to_owned(),
            Role::Yardstick => format!("*{}*", found.name),
        };
        let cells = [m.hit, m.unchanged, m.of_ceiling, m.twin_ranked, m.twin_first, m.twin_ten];
        rows.push([name, found.what.to_owned()].into_iter().chain(cells.map(decimal)).collect());
        outcome.figures.push((format!("{}: target hit", found.name), m.hit));
        outcome.figures.push((format!("{}: others unchanged, of the ceiling", found.name), m.of_ceiling));
    }
    let ceiling = parts.iter().map(|part| part.ceiling).sum::<f64>() / parts.len() as f64;
    let mut row = vec!["*ceiling*".to_owned(), "the pool's best match with the wanted value, by all labels".to_owned()];
    row.extend([1.0, ceiling, 1.0].map(decimal));
    row.extend(["–"; 3].map(str::to_owned));
    rows.push(row);
    let head =
        ["way", "target hit", "others unchanged", "of the ceiling", "twin in the slab", "twin first", "among ten"];
    outcome.body.table(&head, &rows);
    let best = means(parts, BEST)?;
    outcome.figures.push((format!("{BEST}: twin among the first ten"), best.twin_ten));
    let (oracle, random) = (means(parts, ORACLE)?, means(parts, RANDOM)?);
    let nearer =
        |value: f64, oracle: f64, random: f64| f64::from(u8::from((oracle - value).abs() < (value - random).abs()));
    let hit = nearer(best.hit, oracle.hit, random.hit);
    let kept = nearer(best.of_ceiling, oracle.of_ceiling, random.of_ceiling);
    outcome
        .figures
        .push(("best way nearer to the label oracle than to the random direction, target hit".to_owned(), hit));
    outcome
        .figures
        .push(("best way nearer to the label oracle than to the random direction, unchanged".to_owned(), kept));
    Ok(())
}

fn draw(page: &str, parts: &[Part], outcome: &mut Outcome) -> Result<()> {
    let mut points = Vec::new();
    for found in &parts[0].found {
        let m = means(parts, found.name)?;
        points.push(Point {
            name: found.name.to_owned(),
            x: m.hit,
            y: m.of_ceiling,
            emphasis: found.name == ARTICLE || found.name == BEST,
        });
    }
    let label = "Target hit against others unchanged, way by way".to_owned();
    let guide = |direction| Guide { direction, at: TARGET, words: format!("target {TARGET}") };
    let figure = Scatter {
        label: label.clone(),
        x_name: "target hit".to_owned(),
        y_name: "others unchanged, of the pool's ceiling".to_owned(),
        x_range: Some((0.0, 1.0)),
        y_range: None,
        points,
        guides: vec![guide(Direction::Vertical), guide(Direction::Horizontal)],
    };
    let file = format!("{page}.svg");
    outcome.files.push((file.clone(), scatter(&figure)?.into_bytes()));
    outcome.body.picture(&file, &label);
    Ok(())
}

fn tell_attributes(parts: &[Part], outcome: &mut Outcome) -> Result<()> {
    outcome.body.heading("Attribute by attribute");
    let mut rows = Vec::new();
    for part in parts {
        let (article, best, oracle) = (part.of(ARTICLE)?, part.of(BEST)?, part.of(ORACLE)?);
        let twin = |f: &PreservationFigures| f.twins.as_ref().and_then(|t| t.median_rank).unwrap_or(f64::NAN);
        rows.push(vec![
            part.attribute.clone(),
            best.cases.to_string(),
            decimal(part.ceiling),
            decimal(article.hit_rate),
            decimal(article.mean_unchanged / part.ceiling),
            decimal(best.hit_rate),
            decimal(best.mean_unchanged / part.ceiling),
            format!("{:.0}", twin(best)),
            decimal(oracle.mean_unchanged / part.ceiling),
        ]);
        outcome.figures.push((format!("{}, best way: target hit", part.attribute), best.hit_rate));
        let kept = best.mean_unchanged / part.ceiling;
        outcome.figures.push((format!("{}, best way: others unchanged, of the ceiling", part.attribute), kept));
    }
    let head = [
        "attribute",
        "cases",
        "ceiling",
        "article's: hit",
        "unchanged",
        "best way: hit",
        "unchanged",
        "median twin rank",
        "label oracle: unchanged",
    ];
    outcome.body.paragraph(&format!("The best way is *{BEST}*. Unchanged: of the ceiling."));
    outcome.body.table(&head, &rows);
    Ok(())
}

/// Which attributes stay while another changes.
fn tell_persistence(parts: &[Part], outcome: &mut Outcome) -> Result<()> {
    let judged = &parts[0].judged;
    let mut head = vec!["changed"];
    head.extend(judged.iter().map(String::as_str));
    let mut rows = Vec::new();
    for part in parts {
        let kept = part.of(BEST)?.unchanged.iter().map(|value| value.map_or_else(|| "–".to_owned(), decimal));
        rows.push(std::iter::once(part.attribute.clone()).chain(kept).collect());
    }
    outcome.body.heading("What stays");
    outcome.body.paragraph("Share of the best way's cases in which each attribute stayed as in the start:");
    outcome.body.table(&head, &rows);
    for (at, name) in judged.iter().enumerate() {
        let kept = parts.iter().map(|part| Ok(part.of(BEST)?.unchanged[at])).collect::<Result<Vec<_>>>()?;
        let kept: Vec<f64> = kept.into_iter().flatten().collect();
        if !kept.is_empty() {
            let mean = kept.iter().sum::<f64>() / kept.len() as f64;
            outcome.figures.push((format!("best way: {name} stays"), mean));
        }
    }
    Ok(())
}

/// For some starts: what was found for each class, and beneath it the exact twins.
fn sheet(job: &Job<'_>, data: &WalkData, cases: &Cases<'_>, best: &PreservationFigures) -> Result<Vec<u8>> {
    let dataset: &Dataset = &data.points.dataset;
    let pixels = Pixels::open(job.folder(Stage::Images)?, dataset)?;
    let classes = cases.labels.classes.len() as u32;
    let mut lines = Vec::new();
    for (start, &row) in cases.starts.iter().enumerate().take(SHOWN) {
        let found = |class: u32| {
            let case = best.per_case.iter().find(|case| case.start == start && case.to == class)?;
            Some(data.pool[case.row?])
        };
        lines.push(std::iter::once(Some(row)).chain((0..classes).map(found)).collect());
        lines.push(std::iter::once(Some(row)).chain((0..classes).map(|class| cases.twin(start, class))).collect());
    }
    Ok(contact_sheet(&pixels, dataset, &lines, SIDE_PX, true, SheetFormat::Jpeg)?)
}
