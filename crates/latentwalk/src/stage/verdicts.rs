//! What may be said of each attribute's axis: five verdicts from test images.

use anyhow::{Context, Result};
use latentwalk_backbone::NetworkSpec;
use latentwalk_cli::Stage;
use latentwalk_probe::verdict::{Card, CardTask, Other, card, decide};
use latentwalk_run::{AttributeLabels, Baselines, VERDICTS_FILE, WalkData};
use serde_json::{Map, Value, json};

use super::inputs;
use crate::job::Job;

/// Makes the figures of every attribute, then the verdicts.
///
/// # Errors
/// Artifacts that cannot be read, options out of range, a file that cannot be written.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let data = inputs::walk_data(job)?;
    let baselines = match job.inputs.contains_key(&Stage::Baselines) {
        true => Some(Baselines::read(job.folder(Stage::Baselines)?)?),
        false => None,
    };
    let heads: Vec<String> = match job.inputs.contains_key(&Stage::Backbone) {
        true => {
            let spec: NetworkSpec = job.read_json(Stage::Backbone, "network.json")?;
            spec.heads.into_iter().map(|head| head.name).collect()
        }
        false => Vec::new(),
    };
    let exclusive = AttributeLabels::all_exclusive(&data.points.dataset);
    let mut cards = Vec::new();
    for (done, labels) in data.attributes.iter().enumerate() {
        job.progress.note(&labels.name);
        let card = one(job, &data, labels, (&exclusive, baselines.as_ref()), &heads);
        cards.push(card.with_context(|| format!("verdicts on `{}`", labels.name))?);
        job.progress.set(done + 1, data.attributes.len());
    }
    decide(&mut cards);
    for card in &cards {
        let answers = card.findings().map(|finding| format!("{}: {}", finding.title, finding.answer.name()));
        job.progress.say(&format!("{}: {}", card.attribute, answers.join(", ")));
    }
    job.write_json(VERDICTS_FILE, &cards)?;
    let entries = cards.iter().map(|card| (card.attribute.clone(), summary(card)));
    Ok(json!({ "verdicts": Value::Object(entries.collect::<Map<_, _>>()) }))
}

fn one(
    job: &Job<'_>,
    data: &WalkData,
    labels: &AttributeLabels,
    (exclusive, baselines): (&[AttributeLabels], Option<&Baselines>),
    heads: &[String],
) -> Result<Card> {
    let others = exclusive.iter().filter(|other| other.name != labels.name);
    let others: Vec<Other<'_>> =
        others.map(|o| Other { name: &o.name, classes: &o.classes, labels: &o.labels }).collect();
    // One label of an attribute that holds several is named ATTRIBUTE=LABEL.
    let attribute = labels.name.split('=').next().unwrap_or(&labels.name);
    let task = CardTask {
        task: labels.task(&data.points),
        groups: &data.points.groups,
        direction: data.direction(&labels.name)?.1,
        others: &others,
        baselines: &baselines.map(Baselines::sets).unwrap_or_default(),
        trained: heads.iter().any(|head| *head == labels.name || head == attribute),
    };
    Ok(card(&task, &job.config.probe.options, &job.config.verdicts)?)
}

fn summary(card: &Card) -> Value {
    let findings = card.findings();
    let mut entry: Map<String, Value> =
        findings.iter().map(|finding| (finding.key.to_owned(), Value::from(finding.answer.name()))).collect();
    let sentences: Vec<&str> = findings.iter().map(|finding| finding.sentence.as_str()).collect();
    entry.insert("sentence".to_owned(), Value::from(sentences.join(" ")));
    Value::Object(entry)
}
