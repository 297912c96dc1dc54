//! What a result depends on, as data; hashed for its key and compared for the reason of a re-run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fact::Fact;
use crate::key::Key;

/// Longest value, in characters, that an explanation shows.
const SHOWN: usize = 60;

const PARAMETER: &str = "parameter ";
const INPUT: &str = "input ";
const FILE: &str = "file ";

/// Everything that a stage's result depends on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The stage that makes the result.
    pub stage: String,
    /// The revision of the stage's code; raised whenever the same inputs give another result.
    pub revision: u32,
    /// The schema version of what the stage writes.
    pub schema: u32,
    /// The kind of device that the stage computes on, where that can change its result.
    pub device: Option<String>,
    /// The parameters that the stage reads, by dotted name: `probe.restarts`.
    pub parameters: BTreeMap<String, Value>,
    /// The results that the stage reads: stage to key.
    pub inputs: BTreeMap<String, Key>,
    /// The content of the outside files that the stage reads: name to BLAKE3 in hexadecimal.
    pub files: BTreeMap<String, String>,
}

impl Recipe {
    /// A recipe with nothing but a stage, the revision of its code and the schema version of what it writes.
    pub fn new(stage: impl Into<String>, revision: u32, schema: u32) -> Self {
        Self { stage: stage.into(), revision, schema, ..Self::default() }
    }

    /// Adds a parameter by its dotted name.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// Adds another stage's result as an input.
    #[must_use]
    pub fn input(mut self, stage: impl Into<String>, key: Key) -> Self {
        self.inputs.insert(stage.into(), key);
        self
    }

    /// Adds an outside file's content hash, as [`crate::ContentHasher::hash_file`] gives it.
    #[must_use]
    pub fn file(mut self, name: impl Into<String>, blake3: impl Into<String>) -> Self {
        self.files.insert(name.into(), blake3.into());
        self
    }

    /// Everything that the result depends on, sorted by name: what the key hashes and what [`explain`] compares.
    pub fn facts(&self) -> Vec<Fact> {
        let mut facts = vec![
            fact("", "stage", &Value::from(self.stage.as_str())),
            fact("", "revision", &Value::from(self.revision)),
            fact("", "schema", &Value::from(self.schema)),
            fact("", "device", &Value::from(self.device.as_deref())),
        ];
        facts.extend(self.parameters.iter().map(|(name, value)| fact(PARAMETER, name, value)));
        facts.extend(self.inputs.iter().map(|(stage, key)| fact(INPUT, stage, &Value::from(key.to_string()))));
        facts.extend(self.files.iter().map(|(name, hash)| fact(FILE, name, &Value::from(hash.as_str()))));
        facts.sort();
        facts
    }

    /// The key of the result: a hash of the facts.
    pub fn key(&self) -> Key {
        Key::of(&self.facts())
    }
}

fn fact(kind: &str, name: &str, value: &Value) -> Fact {
    let mut text = String::new();
    write_canonical(value, &mut text);
    Fact { name: format!("{kind}{name}"), value: text }
}

/// Writes JSON without spaces and with sorted names, whatever order the map type of `serde_json` keeps in this build.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            out.push('{');
            for (at, (name, item)) in sorted.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_scalar(&Value::from(name.as_str()), out);
                out.push(':');
                write_canonical(item, out);
            }
            out.push('}');
        }
        scalar => write_scalar(scalar, out),
    }
}

fn write_scalar(value: &Value, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{value}");
}

/// What differs between two results, one sentence a fact; empty exactly when both have the same key.
///
/// **Units and conventions**: `old` and `new` as [`Recipe::facts`] gives them. The stage itself comes first, then
/// parameters, inputs and files, each by name.
///
/// **Example**
///
/// ```
/// use latentwalk_artifacts::{Recipe, explain};
/// let old = Recipe::new("probe", 1, 1).parameter("probe.restarts", 4);
/// let new = Recipe::new("probe", 1, 1).parameter("probe.restarts", 8);
/// assert_eq!(explain(&old.facts(), &new.facts()), ["`probe.restarts` changed from 4 to 8"]);
/// ```
pub fn explain(old: &[Fact], new: &[Fact]) -> Vec<String> {
    let mut changes = differences(old, new);
    changes.sort_by_key(|change| (rank(change.name), change.name));
    changes.iter().map(sentence).collect()
}

/// One fact that is not the same on both sides; `None` where a side lacks it.
pub(crate) struct Difference<'a> {
    name: &'a str,
    old: Option<&'a str>,
    new: Option<&'a str>,
}

/// The facts that differ, by name.
pub(crate) fn differences<'a>(old: &'a [Fact], new: &'a [Fact]) -> Vec<Difference<'a>> {
    let mut sides: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for fact in old {
        sides.entry(&fact.name).or_default().0 = Some(&fact.value);
    }
    for fact in new {
        sides.entry(&fact.name).or_default().1 = Some(&fact.value);
    }
    let differing = sides.into_iter().filter(|(_, (old, new))| old != new);
    differing.map(|(name, (old, new))| Difference { name, old, new }).collect()
}

fn rank(name: &str) -> usize {
    let kinds = [PARAMETER, INPUT, FILE];
    kinds.iter().position(|kind| name.starts_with(kind)).map_or(0, |at| at + 1)
}

fn sentence(change: &Difference<'_>) -> String {
    if let Some(name) = change.name.strip_prefix(PARAMETER) {
        return with_values(&format!("`{name}`"), change);
    }
    for kind in [INPUT, FILE] {
        if let Some(name) = change.name.strip_prefix(kind) {
            return format!("{kind}`{name}` {}", what_happened(change));
        }
    }
    match change.name {
        "revision" => with_values("stage revision", change),
        "schema" => with_values("schema version", change),
        other => with_values(other, change),
    }
}

fn what_happened(change: &Difference<'_>) -> &'static str {
    match (change.old, change.new) {
        (None, _) => "is new",
        (_, None) => "is gone",
        _ => "changed",
    }
}

/// Shows the values as long as both are short: two cut-off texts could look the same.
fn with_values(subject: &str, change: &Difference<'_>) -> String {
    let short = |text: &&str| text.chars().count() <= SHOWN;
    let happened = what_happened(change);
    match (change.old.filter(short), change.new.filter(short)) {
        (Some(old), Some(new)) => format!("{subject} {happened} from {old} to {new}"),
        (None, Some(new)) if change.old.is_none() => format!("{subject} {happened} ({new})"),
        (Some(old), None) if change.new.is_none() => format!("{subject} {happened} (was {old})"),
        _ => format!("{subject} {happened}"),
    }
}

#[cfg(test)]
mod tests;
