//! `docs/settings.md`: every key of a description, made from the option structs, their defaults and the stage table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use latentwalk::config::{Config, DEFAULT_SEED, SECTIONS};
use latentwalk::stages::{STAGES, StageRow};
use latentwalk_cli::DescriptionArgs;
use serde_json::Value;

use super::golden::EVERYTHING;
use super::source::{Item, Part, constant, enumeration, structure};
use super::{agree, load};

/// A description that gives nothing which has a default, but for tables that would be missing without their header.
const SMALLEST: &str = "\
[images]
source = \"garments\"
[images.garments.frequencies]
[attributes.NAME]
kind = \"nominal\"
";

const HEAD: &str = "\
# Settings

Every key of a description. A description is a TOML file:

```toml
[probe]
restarts = 16
```

One key can be changed on the command line too: `--set probe.restarts=16`. A key that is not given takes its default. A key
that does not exist is an error, which tells its place and the nearest key that exists.

\"Read by\" names the stages that read a key. Change it, and these stages and those that follow from them run again, unless the
meaning says that the key is no part of a result's identity. Flags of the commands are told by `--help`.

This page is made from the source. `UPDATE_DOCS=1 cargo test -p latentwalk --test settings` writes it anew, and without the
variable the test compares it.
";

#[test]
fn the_reference_of_settings_is_up_to_date() {
    agree("docs/settings.md", &Reference::new().page(), "UPDATE_DOCS");
}

#[test]
fn the_reference_tells_every_key_and_no_other() {
    let reference = Reference::new();
    let tables = reference.tables();
    let rows: Vec<&Row> = tables.iter().flat_map(|table| &table.rows).collect();
    let everything = load("fashion-mnist", EVERYTHING).unwrap().parameters().unwrap();
    let keys = reference.defaults.keys().chain(everything.keys());
    for key in keys.filter(|key| *key != "name") {
        let told = |row: &&Row| {
            let (told, parts): (Vec<&str>, Vec<&str>) = (row.key.split('.').collect(), key.split('.').collect());
            let open = row.kind.starts_with("table of");
            let alike = told.iter().zip(&parts).all(|(told, part)| told == part || *told == "NAME");
            alike && (told.len() == parts.len() || open && told.len() < parts.len())
        };
        assert!(rows.iter().any(told), "`{key}` is not told");
    }
    for row in rows.iter().filter(|row| row.can_be_set()) {
        let change = format!("{}={{}}", row.key.replace("NAME", "sleeve"));
        if let Err(error) = load("fashion-mnist", &[&change]) {
            assert!(!format!("{error:#}").contains("unknown key"), "{error:#}");
        }
    }
    for row in rows {
        let given = everything.keys().chain(reference.defaults.keys());
        let mut given = given.map(|key| key.strip_prefix(&row.key).unwrap_or("-"));
        let in_identity = given.any(|rest| rest.is_empty() || rest.starts_with('.'));
        // Keys of the source are part of it as soon as they are given.
        let of_source = row.key.starts_with("images.") || row.key.starts_with("attributes.NAME");
        let told = row.meaning.contains("identity");
        assert!(in_identity || of_source || told, "`{}` does not say that it is no part of the identity", row.key);
    }
}

#[test]
fn the_words_and_defaults_that_the_reference_tells_are_taken() {
    // With weights, to which some keys belong.
    let with = |change: &str| load("fashion-mnist", &["backbone.weights=w.pth", change]);
    let usual = with("name=fashion-mnist").unwrap().parameters().unwrap();
    for row in Reference::new().tables().iter().flat_map(|table| &table.rows).filter(|row| row.can_be_set()) {
        let key = row.key.replace("NAME", "sleeve");
        for (word, _) in &row.words {
            let value = if row.kind.starts_with("list") { format!("[\"{word}\"]") } else { word.clone() };
            if let Err(error) = with(&format!("{key}={value}")) {
                assert!(!format!("{error:#}").contains("must be one of"), "{error:#}");
            }
        }
        // What is no part of the identity unless it is given: as its default it changes nothing.
        if row.is_silent {
            let changed = with(&format!("{key}={}", row.default.trim_matches('`'))).unwrap().parameters().unwrap();
            assert_eq!(changed, usual, "`{key}`");
        }
    }
}

/// What the page is made from.
struct Reference {
    /// Values of a description that gives nothing.
    defaults: BTreeMap<String, Value>,
    /// The same with a checkpoint, and with vectors: stages that read files from outside.
    with_files: [Config; 2],
    _folder: tempfile::TempDir,
}

/// One table of a description.
struct Table {
    /// As descriptions write its header.
    title: String,
    doc: String,
    rows: Vec<Row>,
}

/// One key.
struct Row {
    /// With its tables.
    key: String,
    kind: String,
    default: String,
    meaning: String,
    /// The words that it may have, with their meanings.
    words: Vec<(String, String)>,
    stages: Vec<&'static str>,
    /// Whether parameters leave the key out as long as it has its default.
    is_silent: bool,
}

impl Row {
    /// Tables of a list have no dotted keys.
    fn can_be_set(&self) -> bool {
        !self.key.starts_with("images.parts.")
    }
}

impl Reference {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("smallest.toml"), SMALLEST).unwrap();
        let description = file("smallest.toml").to_str().map(str::to_owned);
        let of = |args: DescriptionArgs| Config::load(&DescriptionArgs { description: description.clone(), ..args });
        let weights = DescriptionArgs { weights: Some(file("w.pth")), ..DescriptionArgs::default() };
        let embeddings = DescriptionArgs { embeddings: Some(file("v.npy")), ..DescriptionArgs::default() };
        let values = |args| of(args).unwrap().parameters().unwrap();
        let mut defaults = values(DescriptionArgs::default());
        // The default network has a recipe of its own, which the section's text tells; a key's default is what others take.
        let arch = "backbone.arch";
        let others = values(DescriptionArgs { set: vec![format!("{arch}=resnet18")], ..DescriptionArgs::default() });
        defaults.extend(others.into_iter().filter(|(key, _)| key.starts_with("backbone.") && key != arch));
        Self { defaults, with_files: [weights, embeddings].map(|args| of(args).unwrap()), _folder: folder }
    }

    fn tables(&self) -> Vec<Table> {
        let first = [("images", "ImagesSection"), ("attributes.NAME", "AttributeDescription")];
        let sections = first.into_iter().chain(SECTIONS.iter().map(|row| (row.name, row.holds)));
        let mut tables = Vec::new();
        for (name, holds) in sections {
            self.add(&mut tables, name, format!("[{name}]"), &structure(holds, None).unwrap());
        }
        tables
    }

    /// Adds a table and the tables in it.
    fn add(&self, tables: &mut Vec<Table>, prefix: &str, title: String, item: &Item) {
        let mut rows = Vec::new();
        let mut inner = Vec::new();
        for (of, part) in item.keys() {
            let key = format!("{prefix}.{}", part.name);
            let holds = inside(&part.holds);
            if let Some(item) = structure(holds.trim_end_matches(">"), Some(&of)) {
                let list = part.holds.contains("Vec<");
                inner.push((key.clone(), if list { format!("[[{key}]]") } else { format!("[{key}]") }, item));
            }
            rows.push(self.row(key, &of, &part));
        }
        tables.push(Table { title, doc: introduction(item), rows });
        for (key, title, item) in inner {
            self.add(tables, &key, title, &item);
        }
    }

    fn row(&self, key: String, item: &Item, part: &Part) -> Row {
        let words = enumeration(inside(&part.holds), item).map(|found| (found.words(), found));
        let words = words.map(|(words, found)| {
            words.into_iter().map(|(word, meaning)| (word, cleaned(&meaning, &found))).collect::<Vec<_>>()
        });
        let words = words.unwrap_or_default();
        let linked = linked_default(item, part);
        let told = self.defaults.get(&key).filter(|value| !value.is_null());
        let seeded = SECTIONS.iter().any(|row| row.seeded && key == format!("{}.seed", row.name));
        let default = match (told, &linked) {
            _ if seeded => "the `seed` at the top".to_owned(),
            _ if !item.all_optional() && part.is_required() => "required".to_owned(),
            (Some(value), linked) => {
                let told = shown(value);
                let same = linked.as_ref().is_none_or(|linked| number(linked) == number(told.trim_matches('`')));
                assert!(same || value.is_array(), "`{key}` is {told}, and its doc comment links {linked:?}");
                told
            }
            (None, Some(linked)) => format!("`{linked}`"),
            (None, None) if part.holds.starts_with("Option<") => "none".to_owned(),
            (None, None) if part.holds.contains("Vec<") || part.holds.contains("Map<") => "empty".to_owned(),
            (None, None) if structure(&part.holds, Some(item)).is_some() => "see below".to_owned(),
            (None, None) => panic!("no default of `{key}` is known; link one in its doc comment"),
        };
        Row {
            kind: kind(&part.holds, &words, item),
            is_silent: linked.is_some() && !self.defaults.contains_key(&key),
            meaning: cleaned(&part.doc, item),
            stages: self.stages(&key),
            default,
            words,
            key,
        }
    }

    /// The stages that read a key.
    fn stages(&self, key: &str) -> Vec<&'static str> {
        let covers = |name: &str| key == name || key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let from_outside = |row: &StageRow, file: &str| {
            let files = |config| row.outside.map(|list| list(config).unwrap()).unwrap_or_default();
            self.with_files.iter().any(|config| files(config).iter().any(|found| found.name == file))
        };
        let reads = |row: &&StageRow| {
            let file = match key {
                "backbone.weights" => from_outside(row, "weights"),
                "embeddings.file" => from_outside(row, "vectors"),
                _ => false,
            };
            file || row.parameters.iter().any(|name| covers(name))
        };
        STAGES.iter().filter(reads).map(|row| row.stage.name()).collect()
    }

    fn page(&self) -> String {
        let mut page = HEAD.to_owned();
        let tables = self.tables();
        page.push_str("\n## Top of the file\n\n");
        let seeded: Vec<&str> = SECTIONS.iter().filter(|row| row.seeded).map(|row| row.name).collect();
        let name = "Name of the run, for reports and run folders: letters, digits, `-`, `_` and `.`.";
        let named = "that of the built-in description, or of the file without its ending";
        let seed = format!("Seed of every table that has a `seed` and is given none: `[{}]`.", seeded.join("]`, `["));
        let by_seed = STAGES.iter().map(|row| row.stage.name()).filter(|stage| seeded.contains(stage));
        head(&mut page);
        line(&mut page, ["`name`", "text", named, name, &self.stages("name").join(", ")]);
        let by_seed = by_seed.collect::<Vec<_>>().join(", ");
        line(&mut page, ["`seed`", "whole number", &format!("`{DEFAULT_SEED}`"), &seed, &by_seed]);
        for table in &tables {
            let _ = write!(page, "\n## `{}`\n\n{}\n\n", table.title, table.doc);
            head(&mut page);
            for row in &table.rows {
                let name = format!("`{}`", row.key.rsplit('.').next().unwrap());
                line(&mut page, [&name, &row.kind, &row.default, &row.meaning, &row.stages.join(", ")]);
            }
            for row in table.rows.iter().filter(|row| !row.words.is_empty()) {
                let _ = write!(page, "\n`{}`:\n\n", row.key);
                for (word, meaning) in &row.words {
                    let _ = writeln!(page, "* `{word}`: {meaning}");
                }
            }
        }
        page
    }
}

fn head(page: &mut String) {
    line(page, ["key", "type", "default", "meaning", "read by"]);
    page.push_str("|---|---|---|---|---|\n");
}

fn line(page: &mut String, cells: [&str; 5]) {
    let _ = writeln!(page, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
}

/// The type in an `Option` or a list.
fn inside(holds: &str) -> &str {
    let inner = holds.strip_prefix("Option<").or(holds.strip_prefix("Vec<"));
    inner.and_then(|inner| inner.strip_suffix('>')).map_or(holds, inside)
}

/// A type in words.
fn kind(holds: &str, words: &[(String, String)], item: &Item) -> String {
    if let Some(inner) = holds.strip_prefix("Option<").and_then(|inner| inner.strip_suffix('>')) {
        return kind(inner, words, item);
    }
    if let Some(inner) = holds.strip_prefix("Vec<").and_then(|inner| inner.strip_suffix('>')) {
        return match words {
            [] => format!("list of {}s", kind(inner, words, item)),
            _ => format!("list of {}", kind(inner, words, item)),
        };
    }
    if let Some((inner, length)) = holds.strip_prefix('[').and_then(|list| list.strip_suffix(']')?.rsplit_once("; ")) {
        return match inner.starts_with('[') {
            true => format!("{length} {}", kind(inner, words, item).replacen("list", "lists", 1)),
            false => format!("list of {length} {}s", kind(inner, words, item)),
        };
    }
    match holds {
        "usize" | "u64" | "u32" => "whole number".to_owned(),
        "f32" | "f64" => "number".to_owned(),
        "bool" => "`true` or `false`".to_owned(),
        "String" => "text".to_owned(),
        "PathBuf" => "path".to_owned(),
        map if map.contains("Map<String, String>") => "table of texts".to_owned(),
        _ if !words.is_empty() => {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            words.join(", ")
        }
        other => {
            assert!(structure(other, Some(item)).is_some(), "the type {other} has no words");
            "table".to_owned()
        }
    }
}

/// What a doc comment links as the default: a constant's value, or an enum's word.
fn linked_default(item: &Item, part: &Part) -> Option<String> {
    let (_, rest) = part.doc.split_once("Default [`")?;
    let link = rest.split_once("`]")?.0;
    let word = link.rsplit_once("::").and_then(|(name, variant)| enumeration(name, item)?.word(variant));
    word.or_else(|| constant(link, item))
}

/// A value as TOML has it; long lists are those of the wardrobe's catalogue.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Number(number) => as_written(number),
        Value::Array(values) if values.is_empty() => return "empty".to_owned(),
        Value::Array(values) => {
            let inner = values.iter().map(|value| match value {
                Value::Number(number) => as_written(number),
                other => other.to_string(),
            });
            format!("[{}]", inner.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.len() > 60 { "as in the catalogue".to_owned() } else { format!("`{text}`") }
}

/// A number with the digits of the source: those of `f32` are many more as `f64`.
fn as_written(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && f64::from(float as f32) == float => format!("{:?}", float as f32),
        _ => number.to_string(),
    }
}

/// For comparison: 2e-3 is 0.002.
fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| text.to_owned())
}

/// A doc comment for readers who do not know the source: without the default, links as code, enum variants as their words.
fn cleaned(doc: &str, item: &Item) -> String {
    let doc = doc.split(" Default [`").next().unwrap();
    let mut text = String::new();
    let mut rest = doc;
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((link, after)) = after.split_once("`]") else { break };
        let last = link.rsplit("::").next().unwrap();
        let word = link.rsplit_once("::").and_then(|(name, variant)| enumeration(name, item)?.word(variant));
        let _ = write!(text, "{before}`{}`", word.as_deref().unwrap_or(last));
        rest = after;
    }
    text + rest
}

/// The first paragraph of a struct's doc comment, without the name of the table.
fn introduction(item: &Item) -> String {
    let doc = item.doc.split("\n").next().unwrap();
    let doc = doc.strip_prefix("Table ").unwrap_or(doc);
    let doc = match doc.split_once("]`: ") {
        Some((table, rest)) if table.starts_with("`[") => rest,
        _ => doc,
    };
    let mut letters = doc.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    cleaned(&(first + letters.as_str()), item)
}
