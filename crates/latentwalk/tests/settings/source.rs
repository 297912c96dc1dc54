//! The option structs as their source files have them: fields with their types and doc comments.

use std::path::{Path, PathBuf};

/// A struct or an enum.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// The crate's folder.
    krate: &'static str,
    /// What stands on the lines before it.
    attributes: String,
    /// The doc comment, a line per paragraph.
    pub(crate) doc: String,
    pub(crate) parts: Vec<Part>,
}

/// A field of a struct, or a variant of an enum.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    attributes: String,
    /// The doc comment, a line per paragraph.
    pub(crate) doc: String,
    pub(crate) name: String,
    /// The type of a field.
    pub(crate) holds: String,
}

/// The crates whose structs and constants a description is made of, as folders.
const CRATES: [&str; 10] =
    ["latentwalk", "run", "images", "backbone", "embeddings", "decomposition", "probe", "lines", "report", "garments"];

/// A struct by its name, in one crate or, with `None`, in the first that has it.
pub(crate) fn structure(name: &str, near: Option<&Item>) -> Option<Item> {
    item(&format!("pub struct {name} {{"), near)
}

/// An enum by its name.
pub(crate) fn enumeration(name: &str, near: &Item) -> Option<Item> {
    item(&format!("pub enum {name} {{"), Some(near))
}

/// The text that a constant is set to, by its link in a doc comment.
pub(crate) fn constant(link: &str, near: &Item) -> Option<String> {
    let name = link.rsplit("::").next()?;
    let all = crates(Some(near)).flat_map(files).collect::<Vec<_>>();
    all.iter().find_map(|text| {
        let (_, rest) = text.split_once(&format!("pub const {name}: "))?;
        let (_, value) = rest.split_once(" = ")?;
        Some(value.split_once(';')?.0.trim_matches('"').replace('_', ""))
    })
}

impl Item {
    /// Whether every field of the struct has a default.
    pub(crate) fn all_optional(&self) -> bool {
        !self.attributes.contains("Deserialize") || serde(&self.attributes, "default")
    }

    /// The struct's keys: its fields, but for those that only the program sets. Flattened structs are opened.
    pub(crate) fn keys(&self) -> Vec<(Item, Part)> {
        let of_file = |part: &&Part| !(self.attributes.contains("Deserialize") && serde(&part.attributes, "skip"));
        let open = |part: &Part| match serde(&part.attributes, "flatten") {
            true => structure(&part.holds, Some(self)).unwrap().keys(),
            false => vec![(self.clone(), part.clone())],
        };
        self.parts.iter().filter(of_file).flat_map(open).collect()
    }

    /// The words of an enum with their meaning.
    pub(crate) fn words(&self) -> Vec<(String, String)> {
        let rule = quoted(&self.attributes, "rename_all = ").unwrap_or_default();
        let word = |part: &Part| quoted(&part.attributes, "rename = ").unwrap_or_else(|| renamed(&part.name, &rule));
        self.parts.iter().map(|part| (word(part), part.doc.clone())).collect()
    }

    /// The word of a variant.
    pub(crate) fn word(&self, variant: &str) -> Option<String> {
        let at = self.parts.iter().position(|part| part.name == variant)?;
        Some(self.words().swap_remove(at).0)
    }
}

impl Part {
    /// Whether a key has no default in its own attributes and is no `Option`.
    pub(crate) fn is_required(&self) -> bool {
        !serde(&self.attributes, "default") && !self.holds.starts_with("Option<")
    }
}

fn crates(near: Option<&Item>) -> impl Iterator<Item = &'static str> {
    near.map(|item| item.krate).into_iter().chain(CRATES)
}

fn files(krate: &str) -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(krate).join("src")];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

fn item(head: &str, near: Option<&Item>) -> Option<Item> {
    crates(near).find_map(|krate| files(krate).iter().find_map(|text| parse(krate, text, head)))
}

fn parse(krate: &'static str, text: &str, head: &str) -> Option<Item> {
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| *line == head)?;
    let before = lines[..at].iter().rposition(|line| !line.starts_with("///") && !line.starts_with("#["));
    let (doc, attributes) = notes(&lines[before.map_or(0, |line| line + 1)..at]);
    let mut parts = Vec::new();
    let mut from = at + 1;
    for line in at + 1.. {
        match lines[line].trim() {
            "}" => break,
            note if note.starts_with("///") || note.starts_with("#[") => {}
            part => {
                let (doc, attributes) = notes(&lines[from..line]);
                let (name, holds) = part.trim_end_matches(',').split_once(": ").unwrap_or((part, ""));
                let name = name.trim_start_matches("pub ").trim_end_matches(',').to_owned();
                parts.push(Part { attributes, doc, name, holds: holds.to_owned() });
                from = line + 1;
            }
        }
    }
    Some(Item { krate, attributes, doc, parts })
}

/// The doc comment and the attributes among some lines.
fn notes(lines: &[&str]) -> (String, String) {
    let lines = || lines.iter().map(|line| line.trim());
    let docs: Vec<&str> = lines().filter_map(|line| line.strip_prefix("///")).map(str::trim).collect();
    let paragraphs: Vec<String> = docs.split(|line| line.is_empty()).map(|lines| lines.join(" ")).collect();
    (paragraphs.join("\n"), lines().filter(|line| line.starts_with("#[")).collect::<Vec<_>>().join("\n"))
}

/// Whether serde's attributes have a word.
fn serde(attributes: &str, word: &str) -> bool {
    let own = attributes.lines().filter_map(|line| line.strip_prefix("#[serde("));
    own.flat_map(|inner| inner.trim_end_matches(")]").split(", ")).any(|part| part.split(" = ").next() == Some(word))
}

fn quoted(attributes: &str, before: &str) -> Option<String> {
    let (_, rest) = attributes.split_once(&format!("{before}\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// A variant's name by serde's rule.
fn renamed(name: &str, rule: &str) -> String {
    let between = match rule {
        "kebab-case" => "-",
        "snake_case" => "_",
        _ => "",
    };
    let mut word = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push_str(between);
        }
        word.extend(letter.to_lowercase());
    }
    word
}
