//! The head of the page: facts, verdicts, and one walk.

use minijinja::context;
use minijinja::value::Value;

use super::strip;
use crate::attribute::{Answer, AttributeSection, Claim, Tone, Verdict, WalkRole};
use crate::classes;
use crate::model::Report;
use crate::number;

/// Names and texts of the run's facts.
pub(super) fn facts(report: &Report) -> Vec<Value> {
    let facts = &report.facts;
    let mut list = Vec::new();
    let mut add = |name: &str, text: String| list.push(context! { name => name, text => text });
    if !facts.dataset.is_empty() {
        add("data", facts.dataset.clone());
    }
    if !facts.splits.is_empty() {
        let splits: Vec<String> =
            facts.splits.iter().map(|(name, n)| format!("{name} {}", number::count(*n as u64))).collect();
        add("images", splits.join(" · "));
    }
    if facts.seconds.is_some() {
        add("time", number::duration(facts.seconds));
    }
    if facts.peak_memory_bytes.is_some() {
        add("peak memory", number::bytes(facts.peak_memory_bytes));
    }
    if let Some(training) = report.training.as_ref().filter(|t| !t.accuracy.is_empty()) {
        let texts: Vec<String> =
            training.accuracy.iter().map(|a| format!("{} {}", a.attribute, number::share(a.accuracy))).collect();
        add(&format!("accuracy, {}", training.split), texts.join(" · "));
    }
    facts.more.iter().for_each(|(name, text)| add(name, text.clone()));
    list
}

/// One row an attribute: its badge, the answer to every question, and how often lines toward a value find it.
pub(super) fn verdicts(report: &Report) -> Value {
    let mut questions: Vec<String> = Vec::new();
    for claim in report.attributes.iter().flat_map(|a| &a.claims) {
        if !questions.contains(&claim.question) {
            questions.push(claim.question.clone());
        }
    }
    let row = |(i, a): (usize, &AttributeSection)| {
        let cell = |question: &String| match a.claims.iter().find(|claim| claim.question == *question) {
            Some(found) => claim(found),
            None => Value::from(()),
        };
        let rows = a.toward.iter().flat_map(|toward| &toward.rows).filter(|row| row.role == WalkRole::Metric);
        let hit = |default: bool| rows.clone().find(|row| row.default == default).and_then(|row| row.hit);
        context! {
            index => i,
            name => &a.name,
            verdict => verdict(&a.verdict),
            answers => questions.iter().map(cell).collect::<Vec<_>>(),
            hit => number::percent(hit(true)),
            article => number::percent(hit(false)),
        }
    };
    let rows: Vec<Value> = report.attributes.iter().enumerate().map(row).collect();
    let walked = report.attributes.iter().any(|a| a.toward.is_some());
    context! { questions => questions, rows => rows, walked => walked }
}

/// A badge with its mark, so that colour alone says nothing.
pub(super) fn verdict(verdict: &Verdict) -> Value {
    let (tone, mark) = match verdict.tone {
        Tone::Good => ("good", "✓"),
        Tone::Caution => ("caution", "!"),
        Tone::Bad => ("bad", "✕"),
        Tone::Neutral => ("neutral", "○"),
    };
    context! { tone => tone, mark => mark, badge => &verdict.badge, sentence => &verdict.sentence }
}

/// Questions with the mark of their answer, so that colour alone says nothing.
pub(super) fn claims(claims: &[Claim]) -> Vec<Value> {
    claims.iter().map(claim).collect()
}

fn claim(claim: &Claim) -> Value {
    let mark = match claim.answer {
        Answer::Yes => "✓",
        Answer::No => "✕",
        Answer::Unclear => "?",
    };
    context! { mark => mark, answer => claim.answer.name(), question => &claim.question, sentence => &claim.sentence }
}

/// The first strip of the first attribute that is a success, else of the first one with strips: not chosen by looks.
pub(super) fn hero(report: &Report) -> Value {
    let filled = || report.attributes.iter().enumerate().filter(|(_, a)| !a.strips.is_empty());
    let good = filled().find(|(_, a)| a.verdict.tone == Tone::Good && !a.order.is_empty());
    let Some((index, section)) = good.or_else(|| filled().next()) else { return Value::from(()) };
    let rows = classes::rows(section);
    let strip = strip::view(&section.strips[0], &rows, strip::decimals(section));
    let ends: Vec<Value> = section.order.iter().map(|name| class(&rows, name)).collect();
    context! { index => index, name => &section.name, strip => strip, order => ends }
}

/// A class with its colour, for a label with a dot.
pub(super) fn class(rows: &[classes::ClassRow], name: &str) -> Value {
    let slot = classes::slot(rows, name).map_or(Value::from(()), Value::from);
    context! { name => name, slot => slot }
}
