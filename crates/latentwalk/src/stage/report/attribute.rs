//! The report's section of each attribute.

use anyhow::{Context, Result};
use latentwalk_images::{AttributeKind, Label};
use latentwalk_lines::MetricKind;
use latentwalk_probe::verdict::{Answer, Card, Finding};
use latentwalk_probe::{Direction, Method, Verdict};
use latentwalk_report as page;
use latentwalk_run::{
    AttributeLabels, AttributeMetrics, AttributeToward, AttributeWalks, Figures, ImageRecord, StripRecord, WalkData,
};

use super::compare::comparisons;
use super::failures::failures;
use super::gallery::Gallery;
use super::toward::toward;
use crate::job::Job;
use crate::stage::null::NullFile;

/// What the sections are made from.
pub(crate) struct Sources<'a> {
    pub(crate) job: &'a Job<'a>,
    pub(crate) data: &'a WalkData,
    pub(crate) null: &'a NullFile,
    pub(crate) metrics: &'a [AttributeMetrics],
    pub(crate) toward: &'a [AttributeToward],
    pub(crate) cards: &'a [Card],
    /// The report's images.
    pub(crate) gallery: &'a Gallery<'a>,
}

/// One section an attribute, in declaration order.
pub(crate) fn all(sources: &Sources<'_>, walks: &[AttributeWalks]) -> Result<Vec<page::AttributeSection>> {
    let parts = sources.data.attributes.iter().zip(&sources.data.directions).zip(walks).zip(sources.metrics);
    parts.map(|(((labels, direction), walks), metrics)| section(sources, labels, direction, walks, metrics)).collect()
}

fn section(
    sources: &Sources<'_>,
    labels: &AttributeLabels,
    direction: &Direction,
    walks: &AttributeWalks,
    metrics: &AttributeMetrics,
) -> Result<page::AttributeSection> {
    let card = sources.cards.iter().find(|card| card.attribute == labels.name);
    let card = card.with_context(|| format!("verdicts.json has no card of `{}`", labels.name))?;
    let found = sources.toward.iter().find(|toward| toward.name == labels.name);
    Ok(page::AttributeSection {
        verdict: badge(labels, direction, card),
        claims: claims(card),
        method: method(direction.method).to_owned(),
        settings: settings(sources, direction, metrics),
        restarts: restarts(labels, direction),
        pairwise_auc: pairs(labels, direction, &walks.order),
        probabilities: Some(probabilities(labels, direction)),
        null: null(sources.null, labels, direction),
        walks: Some(figures(sources, walks)),
        comparisons: found.map_or(Ok(Vec::new()), |found| comparisons(sources, labels, direction, found))?,
        toward: found.map(|found| toward(sources, labels, found)).transpose()?,
        failures: Some(failures(sources, labels, walks, metrics)?),
        strips: walks.strips.iter().map(|s| strip(sources, labels, s)).collect::<Result<_>>()?,
        ..distribution(sources.data, labels, direction)?
    })
}

/// The badge of an attribute: the weakest of what its verdicts say of the axis.
fn badge(labels: &AttributeLabels, direction: &Direction, card: &Card) -> page::Verdict {
    use page::Tone::{Bad, Caution, Good, Neutral};
    if direction.verdict == Verdict::Folded {
        return page::Verdict::folded(direction.evidence.min_adjacent_auc.unwrap_or(f64::NAN));
    }
    let [exists, ordered, one_axis, ..] = card.findings();
    let asked_for_order = labels.order.len() > 2;
    let (tone, badge, finding) = match (exists.answer, ordered.answer, one_axis.answer) {
        (Answer::No, ..) => (Caution, "not of training", exists),
        (Answer::Unclear, ..) => (Neutral, "unclear", exists),
        (Answer::Yes, Answer::No, _) => (Bad, "another order", ordered),
        (Answer::Yes, Answer::Unclear, _) if asked_for_order => (Caution, "order unclear", ordered),
        (Answer::Yes, _, Answer::No) => (Caution, "more than one axis", one_axis),
        (Answer::Yes, Answer::Yes, _) => (Good, "in order", ordered),
        (Answer::Yes, ..) => (Good, "readable", exists),
    };
    page::Verdict { tone, badge: badge.to_owned(), sentence: finding.sentence }
}

/// The five questions with their answers.
fn claims(card: &Card) -> Vec<page::Claim> {
    let claim = |finding: Finding| page::Claim {
        question: finding.title.to_owned(),
        answer: match finding.answer {
            Answer::Yes => page::Answer::Yes,
            Answer::No => page::Answer::No,
            Answer::Unclear => page::Answer::Unclear,
        },
        sentence: finding.sentence,
    };
    card.findings().into_iter().map(claim).collect()
}

/// As much of a section as the figure of its distribution needs.
pub(crate) fn distribution(
    data: &WalkData,
    labels: &AttributeLabels,
    direction: &Direction,
) -> Result<page::AttributeSection> {
    Ok(page::AttributeSection {
        name: labels.name.clone(),
        kind: match labels.kind {
            AttributeKind::Ordered => page::Kind::Ordered,
            AttributeKind::Nominal => page::Kind::Nominal,
            AttributeKind::Multi => page::Kind::Multi,
        },
        order: labels.order.iter().map(|&c| labels.classes[c as usize].clone()).collect(),
        split: "test".to_owned(),
        classes: classes(data, labels, direction)?,
        ..Default::default()
    })
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Bottleneck => "bottleneck probe: Linear(k,1), Linear(1,10), ReLU, Linear(10,10), ReLU, Linear(10,c)",
        Method::Logistic => "logistic regression",
        Method::MeanDifference => "difference of class means",
        Method::Lda => "linear discriminant",
        Method::Pattern => "pattern of a direction",
        Method::ProportionalOdds => "proportional odds: logistic regression of the declared order",
        Method::RidgeOnRanks => "ridge regression on the ranks of the declared order",
    }
}

fn settings(sources: &Sources<'_>, direction: &Direction, metrics: &AttributeMetrics) -> Vec<(String, String)> {
    let e = &direction.evidence;
    let share = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
    let mut settings = vec![
        ("test accuracy".to_owned(), share(e.test_accuracy)),
        ("balanced accuracy".to_owned(), share(e.balanced_accuracy)),
        ("majority".to_owned(), share(e.majority_baseline)),
    ];
    if let Some([low, high]) = e.min_adjacent_auc_interval {
        settings.push(("min. adjacent AUC, 95 % interval".to_owned(), format!("{low:.3} to {high:.3}")));
    }
    let chosen = if metrics.chosen_by_validation { "chosen by validation starts" } else { "as described" };
    settings.push(("metric of the walks".to_owned(), format!("{}, {chosen}", metrics.default)));
    if direction.method == Method::Logistic {
        let l2 = sources.job.config.probe.options.l2;
        settings.push(("L2 strength".to_owned(), format!("{l2}, scikit-learn's 1/C")));
    }
    settings.push(("class weights".to_owned(), sources.job.config.probe.options.class_weights.to_string()));
    settings.push(("seed".to_owned(), sources.job.config.probe.options.seed.to_string()));
    settings
}

fn restarts(labels: &AttributeLabels, direction: &Direction) -> Option<page::Restarts> {
    (!direction.restarts.is_empty()).then(|| page::Restarts {
        total: direction.restarts.len(),
        collapsed: direction.restarts_collapsed(),
        in_order: (!labels.order.is_empty()).then(|| direction.restarts_in_order()),
    })
}

fn classes(data: &WalkData, labels: &AttributeLabels, direction: &Direction) -> Result<Vec<page::ClassPositions>> {
    let positions = direction.positions(data.points.z.view())?;
    let splits = &data.points.splits;
    let of_class = |(index, name): (usize, &String)| {
        let class = Some(index as u32);
        let rows = (0..positions.len()).filter(|&i| labels.labels[i] == class);
        let held_out = rows.filter(|&i| splits[i] == latentwalk_probe::Split::Test);
        page::ClassPositions {
            name: name.clone(),
            train: direction.evidence.rows[index].train,
            held_out: held_out.map(|i| positions[i]).collect(),
        }
    };
    Ok(labels.classes.iter().enumerate().map(of_class).collect())
}

/// Every pair, lower class first by the walk's order; classes outside it come last.
fn pairs(labels: &AttributeLabels, direction: &Direction, order: &[u32]) -> Vec<page::PairAuc> {
    let outside = (0..labels.classes.len() as u32).filter(|c| !order.contains(c));
    let all: Vec<usize> = order.iter().copied().chain(outside).map(|c| c as usize).collect();
    let auc = &direction.evidence.pairwise_auc;
    let mut pairs = Vec::new();
    for (i, &lower) in all.iter().enumerate() {
        for &upper in &all[i + 1..] {
            pairs.push(page::PairAuc {
                lower: labels.classes[lower].clone(),
                upper: labels.classes[upper].clone(),
                auc: auc[lower][upper],
            });
        }
    }
    pairs
}

fn probabilities(labels: &AttributeLabels, direction: &Direction) -> page::Probabilities {
    let curve = &direction.evidence.curve;
    let of_class = |c: usize| curve.probabilities.iter().map(|p| p[c]).collect();
    page::Probabilities {
        positions: curve.positions.clone(),
        curves: labels.classes.iter().enumerate().map(|(c, name)| (name.clone(), of_class(c))).collect(),
    }
}

fn null(file: &NullFile, labels: &AttributeLabels, direction: &Direction) -> Option<page::Null> {
    let report = file.by_width.get(&labels.order.len())?;
    let base = file.base.as_deref()?;
    Some(page::Null {
        statistic: "min. adjacent AUC".to_owned(),
        drawn: format!("{} draws of {} random classes of {base} in random order", report.values.len(), report.width),
        values: report.values.clone(),
        ours: direction.evidence.min_adjacent_auc,
    })
}

fn figures(sources: &Sources<'_>, walks: &AttributeWalks) -> page::Walks {
    let row = |name: String, role, default, f: &Figures| page::WalkRow {
        name,
        role,
        default,
        median_spearman: Some(f.median_spearman),
        all_visited: (walks.declared && walks.order.len() <= walks.stops.len()).then_some(f.middle_visited),
        on_attribute: Some(f.on_attribute),
        most_frequent: Some(f.most_frequent),
    };
    let metric = |(kind, f): &(MetricKind, Figures)| {
        row(kind.name().to_owned(), page::WalkRole::Metric, *kind == walks.metric, f)
    };
    let yardstick = |(name, f): &(String, Figures)| row(name.clone(), page::WalkRole::Baseline, false, f);
    page::Walks {
        starts: walks.by_metric.first().map_or(0, |(_, f)| f.starts),
        start_split: sources.job.config.walks.start_split.clone(),
        pool: format!(
            "{} images of the {} split",
            sources.data.pool.len(),
            sources.job.config.pool.splits.join(" and ")
        ),
        stops: walks.stops.len(),
        spearman_ceiling: latentwalk_lines::spearman_ceiling(walks.stops.len(), walks.order.len()),
        metric: walks.metric.name().to_owned(),
        rows: walks.by_metric.iter().map(metric).chain(walks.yardsticks.iter().map(yardstick)).collect(),
    }
}

fn strip(sources: &Sources<'_>, labels: &AttributeLabels, strip: &StripRecord) -> Result<page::Strip> {
    let mut stops = Vec::new();
    for stop in &strip.stops {
        let nearest = stop.images.first();
        let card =
            nearest.map(|image: &ImageRecord| card(sources, labels, image.row, image.position, Some(image.distance)));
        stops.push(page::StopCard { position: stop.position, card: card.transpose()? });
    }
    Ok(page::Strip { caption: String::new(), start: card(sources, labels, strip.start, strip.position, None)?, stops })
}

/// An image with what is known of it.
pub(super) fn card(
    sources: &Sources<'_>,
    labels: &AttributeLabels,
    row: usize,
    position: f64,
    distance: Option<f64>,
) -> Result<page::Card> {
    let dataset = &sources.data.points.dataset;
    let item = dataset.items.get(row).with_context(|| format!("an artifact names row {row}, which does not exist"))?;
    let others = dataset.attributes.iter().zip(&item.labels).filter(|(a, _)| a.name != labels.name);
    let text = |classes: &[String], label: &Label| match label {
        Label::Missing => None,
        Label::One(c) => Some(classes[*c as usize].clone()),
        Label::Many(cs) => Some(cs.iter().map(|&c| classes[c as usize].as_str()).collect::<Vec<_>>().join(", ")),
    };
    Ok(page::Card {
        image: Some(sources.gallery.place(row)?),
        id: item.id.clone(),
        split: item.split.as_str().to_owned(),
        position,
        distance,
        label: labels.labels[row].map(|c| labels.classes[c as usize].clone()),
        others: others.map(|(a, label)| (a.name.clone(), text(&a.classes, label))).collect(),
    })
}
