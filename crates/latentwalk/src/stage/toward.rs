//! Lines toward each value of every attribute: all ways fitted on train rows, one chosen by validation starts, measured on test starts.

pub(crate) mod fit;

use anyhow::{Context, Result};
use latentwalk_images::Split;
use latentwalk_lines::toward::{Answer, TowardCases, TowardStudy, ValueLines, choose};
use latentwalk_lines::{Error, MetricKind};
use latentwalk_probe::Multinomial;
use latentwalk_run::{
    AttributeLabels, AttributeToward, ChosenBy, TOWARD_FILE, TowardStrip, Tried, WAYS, WalkData, Way,
};
use ndarray::Array2;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use super::inputs;
use crate::job::Job;
use fit::TowardFit;

/// Fewest groups of validation starts that choose.
const FEWEST_GROUPS: usize = 30;
/// The yardstick of plain supervised retrieval.
pub(crate) const CLASSIFIER: &str = "nearest image that a classifier takes for the value";
/// Fewest of them that want each value.
const FEWEST_OF_A_VALUE: usize = 5;

/// Fits, chooses and measures, attribute by attribute.
///
/// # Errors
/// A class with too few training rows, coordinates that do not vary, a file that cannot be written.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let data = inputs::walk_data(job)?;
    let mut all = Vec::new();
    for (done, labels) in data.attributes.iter().enumerate() {
        let toward = of_attribute(job, &data, labels);
        all.extend(toward.with_context(|| format!("lines toward the values of `{}`", labels.name))?);
        job.progress.set(done + 1, data.attributes.len());
    }
    job.write_json(TOWARD_FILE, &all)?;
    let entries = all.iter().map(|toward| (toward.name.clone(), summary(toward)));
    Ok(json!({ "toward": Value::Object(entries.collect::<Map<_, _>>()) }))
}

/// Starts of a split with their labels.
struct Starts {
    rows: Vec<usize>,
    z: Array2<f32>,
    labels: Vec<Vec<Option<u32>>>,
    groups: Vec<usize>,
}

/// What the cases of one attribute share.
struct Judged<'a> {
    data: &'a WalkData,
    /// Every attribute by which an image is judged, the target among them.
    all: Vec<AttributeLabels>,
    target: usize,
    pool_z: Array2<f32>,
    pool_labels: Vec<Vec<Option<u32>>>,
    pool_groups: Vec<usize>,
    may_start: Vec<bool>,
}

impl<'a> Judged<'a> {
    fn new(job: &Job<'_>, data: &'a WalkData, target: &AttributeLabels) -> Result<Self> {
        let mut all = AttributeLabels::all_exclusive(&data.points.dataset);
        let known = all.iter().position(|attribute| attribute.name == target.name);
        let target = known.unwrap_or_else(|| {
            // One label of an attribute that holds several at once.
            all.push(target.clone());
            all.len() - 1
        });
        let pool_labels = labels_of(&all, &data.pool);
        let pool_groups = data.pool.iter().map(|&row| data.points.groups[row]).collect();
        let may_start = job.config.pool.may_start(&data.points.dataset)?;
        Ok(Self { data, target, pool_z: data.points.select(&data.pool), pool_labels, pool_groups, may_start, all })
    }

    /// Up to `count` labelled rows of a split, drawn with a seed.
    fn starts(&self, split: Split, count: usize, seed: u64) -> Starts {
        let points = &self.data.points;
        let labelled = |row: &usize| self.all[self.target].labels[*row].is_some() && self.may_start[*row];
        let mut rows: Vec<usize> = points.dataset.rows(split).into_iter().filter(labelled).collect();
        rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        rows.truncate(count);
        let groups = rows.iter().map(|&row| points.groups[row]).collect();
        Starts { z: points.select(&rows), labels: labels_of(&self.all, &rows), groups, rows }
    }

    fn study<'s>(&'s self, starts: &'s Starts) -> TowardStudy<'s> {
        TowardStudy {
            pool: self.pool_z.view(),
            pool_labels: &self.pool_labels,
            pool_groups: &self.pool_groups,
            starts: starts.z.view(),
            start_labels: &starts.labels,
            start_groups: &starts.groups,
            target: self.target,
            classes: self.all[self.target].classes.len(),
        }
    }
}

fn labels_of(all: &[AttributeLabels], rows: &[usize]) -> Vec<Vec<Option<u32>>> {
    all.iter().map(|attribute| rows.iter().map(|&row| attribute.labels[row]).collect()).collect()
}

/// The cases of some starts; none, with a remark, where no start wants a value that the pool has.
fn cases_of<'s>(job: &Job<'_>, name: &str, split: Split, study: TowardStudy<'s>) -> Result<Option<TowardCases<'s>>> {
    match study.cases() {
        Ok(cases) => Ok(Some(cases)),
        Err(Error::Empty { .. }) => {
            let reason = format!("no {split} image is labelled, or the pool has no other value");
            job.progress.say(&format!("{name}: no lines toward its values: {reason}"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The way that validation starts chose.
struct Choice {
    way: Way,
    lines: ValueLines,
    chosen_by: ChosenBy,
    runner_up: Option<String>,
    starts: usize,
    groups: usize,
    tried: Vec<Tried>,
    absent: Vec<String>,
}

/// `None`, with a remark, for an attribute that no line can be drawn for.
fn of_attribute(job: &Job<'_>, data: &WalkData, labels: &AttributeLabels) -> Result<Option<AttributeToward>> {
    let options = &job.config.toward;
    let judged = Judged::new(job, data, labels)?;
    let Some(choice) = choice(job, &judged)? else { return Ok(None) };
    // Test rows are looked at here for the first time, and only along what was chosen.
    let starts = judged.starts(Split::Test, options.starts, options.seed);
    let Some(cases) = cases_of(job, &labels.name, Split::Test, judged.study(&starts))? else { return Ok(None) };
    let figures = |answers: Vec<Answer>| cases.figures(&answers, options.seed);
    let along = |lines: &ValueLines| -> Result<_> { Ok(figures(cases.along(lines)?)) };
    let answers = cases.along(&choice.lines)?;
    // Two classes with the same median leave the article's walk no slabs.
    let article = fit::article(&data.points, labels, data.direction(&labels.name)?.1).ok();
    let toward = AttributeToward {
        name: labels.name.clone(),
        informative: cases.informative().iter().map(|&q| judged.all[q].name.clone()).collect(),
        null_reason: null_reason(&cases, &judged),
        strips: strips(&judged, &starts, &answers, options.strips),
        test: figures(answers),
        article: article.as_ref().map(along).transpose()?,
        yardsticks: yardsticks(job, &judged, &cases, &choice.lines.metric, &figures)?,
        starts: starts.rows,
        way: choice.way,
        lines: choice.lines,
        chosen_by: choice.chosen_by,
        runner_up: choice.runner_up,
        validation_starts: choice.starts,
        validation_groups: choice.groups,
        tried: choice.tried,
        absent: choice.absent,
    };
    say(job, &toward);
    Ok(Some(toward))
}

/// Fits every way and lets validation starts choose; `None` where no way can be fitted.
fn choice(job: &Job<'_>, judged: &Judged<'_>) -> Result<Option<Choice>> {
    let (options, labels) = (&job.config.toward, &judged.all[judged.target]);
    let starts = judged.starts(Split::Validation, options.starts, options.seed);
    let Some(cases) = cases_of(job, &labels.name, Split::Validation, judged.study(&starts))? else { return Ok(None) };
    let others = cases.informative();
    let mut fit = TowardFit::new(&judged.data.points, labels, (&judged.all, others), options.shrinkage);
    let (mut ways, mut answers): (Vec<(Way, ValueLines)>, Vec<Vec<Answer>>) = Default::default();
    // Where no other attribute is informative, none can count more.
    for &way in WAYS.iter().filter(|way| !(others.is_empty() && way.metric == MetricKind::ResidualOthers)) {
        match fit.lines(&way) {
            Ok(lines) => {
                answers.push(cases.along(&lines)?);
                ways.push((way, lines));
            }
            // An axis without variance, a class with too few train images: other ways may still be fitted.
            Err(error) => job.progress.say(&format!("{}: left out: {}: {error:#}", labels.name, way.name())),
        }
    }
    if ways.is_empty() {
        return Ok(None);
    }
    let scores: Vec<Vec<f64>> = match others.is_empty() {
        false => answers.iter().map(|answers| answers.iter().map(Answer::joint).collect()).collect(),
        true => cases.closeness(&fit.common_metric()?, &answers)?,
    };
    let chosen = choose(&cases, &scores, options.seed)?;
    let enough = cases.groups() >= FEWEST_GROUPS && cases.fewest_groups_of_a_value() >= FEWEST_OF_A_VALUE;
    let (place, chosen_by, next) = match (enough, others.is_empty()) {
        (true, false) => (chosen.way, ChosenBy::Joint, chosen.runner_up),
        (true, true) => (chosen.way, ChosenBy::Closeness, chosen.runner_up),
        // Too few to choose, but not to say which way came first.
        (false, _) if chosen.way == 0 => (0, ChosenBy::First, chosen.runner_up),
        (false, _) => (0, ChosenBy::First, Some(chosen.way)),
    };
    let tried = ways.iter().zip(&answers).zip(&scores).map(|(((way, _), answers), score)| {
        let figures = cases.figures(answers, options.seed);
        let kept_corrected = figures.kept.map(|kept| kept.corrected);
        Ok(Tried { way: way.name(), score: cases.mean(score)?, hit: figures.hit, kept_corrected })
    });
    let (tried, runner_up) = (tried.collect::<Result<Vec<_>>>()?, next.map(|next| ways[next].0.name()));
    let absent = cases.absent().iter().map(|&class| labels.classes[class as usize].clone()).collect();
    let (starts, groups, (way, lines)) = (starts.rows.len(), cases.groups(), ways.swap_remove(place));
    Ok(Some(Choice { way, lines, chosen_by, runner_up, starts, groups, tried, absent }))
}

/// The first starts of each value in turn, with their answers.
fn strips(judged: &Judged<'_>, starts: &Starts, answers: &[Answer], count: usize) -> Vec<TowardStrip> {
    let labels = &starts.labels[judged.target];
    let mut by_class: Vec<Vec<usize>> = vec![Vec::new(); judged.all[judged.target].classes.len()];
    for start in (0..starts.rows.len()).rev() {
        by_class[labels[start].unwrap_or_default() as usize].push(start);
    }
    let mut chosen = Vec::new();
    while chosen.len() < count && by_class.iter().any(|list| !list.is_empty()) {
        chosen.extend(by_class.iter_mut().filter_map(Vec::pop));
    }
    chosen.truncate(count);
    let found = |start: usize| {
        let own = answers.iter().filter(move |answer| answer.start == start);
        own.map(|answer| (answer.to, answer.row.map(|row| judged.data.pool[row]))).collect()
    };
    chosen.into_iter().map(|start| TowardStrip { start: starts.rows[start], found: found(start) }).collect()
}

/// What is reached without a line: by the labels themselves, by what a classifier takes for the value, and by the nearest image
/// whatever it is.
fn yardsticks<F>(
    job: &Job<'_>,
    judged: &Judged<'_>,
    cases: &TowardCases<'_>,
    metric: &latentwalk_lines::Metric,
    figures: &dyn Fn(Vec<Answer>) -> F,
) -> Result<Vec<(String, F)>> {
    let labels = &judged.pool_labels[judged.target];
    let labelled = cases.nearest(metric, |row, to| labels[row] == Some(to))?;
    let nearest = cases.nearest(metric, |_, _| true)?;
    let task = judged.all[judged.target].task(&judged.data.points);
    let taken_for = Multinomial::fit(&task, &job.config.probe.options).and_then(|fit| fit.classes(task.z));
    let taken_for = match taken_for {
        Ok(classes) => Some(cases.nearest(metric, |row, to| classes[judged.data.pool[row]] == to)?),
        Err(error) => {
            job.progress.say(&format!("{}: no classifier beside its lines: {error}", task.name));
            None
        }
    };
    let taken_for = taken_for.map(|answers| (CLASSIFIER.to_owned(), figures(answers)));
    Ok([
        Some(("label oracle: nearest image with the wanted label".to_owned(), figures(labelled))),
        taken_for,
        Some(("nearest image, whatever it is".to_owned(), figures(nearest))),
    ]
    .into_iter()
    .flatten()
    .collect())
}

fn null_reason(cases: &TowardCases<'_>, judged: &Judged<'_>) -> Option<String> {
    if !cases.informative().is_empty() {
        return None;
    }
    Some(match judged.all.len() {
        1 => "there is no other attribute".to_owned(),
        _ => "no other attribute can be kept more often than by chance: each follows from this one, or hardly varies with it fixed"
            .to_owned(),
    })
}

fn summary(toward: &AttributeToward) -> Value {
    let (test, kept) = (&toward.test, toward.test.kept);
    let article = toward.article.as_ref();
    json!({
        "hit": test.hit,
        "hit_interval": [test.hit_interval.0, test.hit_interval.1],
        "kept": kept.map(|k| k.kept),
        "kept_by_chance": kept.map(|k| k.by_chance),
        "kept_of_ceiling": kept.map(|k| k.of_ceiling),
        "kept_corrected": kept.map(|k| k.corrected),
        "joint": test.joint,
        "cases": test.cases,
        "unlabelled": test.unlabelled,
        "most_frequent": test.most_frequent,
        "way": toward.way.name(),
        "runner_up": toward.runner_up,
        "chosen_by": toward.chosen_by,
        "null_reason": toward.null_reason,
        "article_hit": article.map(|a| a.hit),
        "article_kept": article.and_then(|a| a.kept).map(|k| k.kept),
    })
}

fn say(job: &Job<'_>, toward: &AttributeToward) {
    let corrected = |kept: Option<f64>| kept.map_or_else(|| "-".to_owned(), |k| format!("{k:.2}"));
    for tried in &toward.tried {
        let mark = if tried.way == toward.way.name() { " (chosen)" } else { "" };
        job.progress.say(&format!(
            "{}: {:<46} score {:.3}, hit {:.2}, kept {}",
            toward.name,
            format!("{}{mark}", tried.way),
            tried.score,
            tried.hit,
            corrected(tried.kept_corrected)
        ));
    }
}
