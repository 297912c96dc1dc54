//! The head of the page: facts, verdicts, and one walk.

use minijinja::context;
use minijinja::value::Value;

use super::strip;
use crate::attribute::{Answer, AttributeSection, Claim, Tone, Verdict};
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

/// One card an attribute.
pub(super) fn verdicts(report: &Report) -> Vec<Value> {
    let cards = report.attributes.iter().enumerate();
    let card = |(i, a): (usize, &AttributeSection)| {
        context! { index => i, name => &a.name, verdict => verdict(&a.verdict), claims => claims(&a.claims) }
    };
    cards.map(card).collect()
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
    let claim = |claim: &Claim| {
        let (tone, mark, answer) = match claim.answer {
            Answer::Yes => ("good", "✓", "yes"),
            Answer::No => ("bad", "✕", "no"),
            Answer::Unclear => ("neutral", "?", "unclear"),
        };
        context! { tone => tone, mark => mark, answer => answer, question => &claim.question, sentence => &claim.sentence }
    };
    claims.iter().map(claim).collect()
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
