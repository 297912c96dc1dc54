//! A description as the user gave it: a text, and changes from the command line; and where in it a key stands.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::mistake::{Mistake, join};

/// What the user gave.
pub(super) struct Given {
    /// The description as the command line names it: a built-in one, or a file.
    name: String,
    text: String,
    /// The text's values after the changes so far.
    pub(super) table: Table,
    changes: Vec<Change>,
}

/// One change from the command line.
struct Change {
    /// The dotted key that it sets.
    key: String,
    /// The flag as typed.
    flag: String,
}

impl Given {
    /// # Errors
    /// A text that is not TOML, with the place.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self> {
        let table = toml::from_str(text).map_err(|error: toml::de::Error| {
            let (line, column) = line_and_column(text, error.span().map_or(0, |span| span.start));
            anyhow!("{name}:{line}:{column}: this is not TOML: {}", error.message())
        })?;
        Ok(Self { name: name.to_owned(), text: text.to_owned(), table, changes: Vec::new() })
    }

    /// Sets the dotted key of `--set KEY=VALUE`; the value is TOML, or a bare word taken as a string.
    ///
    /// # Errors
    /// A change of another form, or below a key that is no table.
    pub(super) fn set(&mut self, change: &str) -> Result<()> {
        let (key, value) = change.split_once('=').with_context(|| format!("`--set {change}` is not KEY=VALUE"))?;
        let (key, value) = (key.trim(), value.trim());
        ensure!(
            !key.is_empty() && key.split('.').all(|p| !p.is_empty()),
            "`--set {change}`: the key is not of the form section.key"
        );
        let parsed = toml::from_str::<Table>(&format!("v = {value}")).ok().and_then(|mut t| t.remove("v"));
        let value = parsed.unwrap_or_else(|| Value::String(value.to_owned()));
        self.put(key, value, format!("--set {change}"))
    }

    /// Sets a key to the path of a file that a flag names: such a path starts where the user stands, not in the
    /// description's folder.
    ///
    /// # Errors
    /// A path that is not UTF-8.
    pub(super) fn set_file(&mut self, key: &str, flag: &str, path: &Path) -> Result<()> {
        let flag = format!("{flag} {}", path.display());
        let path = if hub_name(path).is_some() { path.to_owned() } else { std::path::absolute(path)? };
        let path = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?.to_owned();
        self.put(key, Value::String(path), flag)
    }

    /// Takes a key of a section back, unless the command line set it.
    pub(super) fn unless_set_remove(&mut self, section: &str, key: &str) {
        if !self.changes.iter().any(|change| change.key == join(section, key))
            && let Some(Value::Table(table)) = self.table.get_mut(section)
        {
            table.remove(key);
        }
    }

    fn put(&mut self, key: &str, value: Value, flag: String) -> Result<()> {
        let (tables, last) = key.rsplit_once('.').unwrap_or(("", key));
        let mut at = &mut self.table;
        for part in tables.split('.').filter(|part| !part.is_empty()) {
            let next = at.entry(part).or_insert_with(|| Value::Table(Table::new()));
            at = next.as_table_mut().with_context(|| format!("`{flag}`: `{part}` is not a section"))?;
        }
        at.insert(last.to_owned(), value);
        self.changes.push(Change { key: key.to_owned(), flag });
        Ok(())
    }

    /// A mistake with the flag or the place in the text that made it.
    pub(super) fn blame(&self, mistake: Mistake) -> anyhow::Error {
        let keys = &mistake.keys;
        let flag = keys.iter().find_map(|key| self.flag(key, covers)).or_else(|| {
            // A flag below the key: it may have set one share of three, or made a table that should not be there.
            keys.first().and_then(|key| self.flag(key, |changed, key| covers(key, changed)))
        });
        let found = flag.or_else(|| {
            let (line, column) = keys.iter().find_map(|key| place(&self.text, key, mistake.is_value()))?;
            Some(format!("{}:{line}:{column}", self.name))
        });
        let place = found.unwrap_or_else(|| self.name.clone());
        anyhow::Error::new(mistake).context(place)
    }

    /// The latest flag whose key stands in some relation to a key.
    fn flag(&self, key: &str, related: impl Fn(&str, &str) -> bool) -> Option<String> {
        let change = self.changes.iter().rev().find(|change| related(&change.key, key))?;
        Some(format!("`{}`", change.flag))
    }
}

/// The text of a path that is meant as a name in a hub.
pub(crate) fn hub_name(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| text.starts_with("hf:") || text.starts_with("torchvision:"))
}

/// Whether a key is another one, or stands in its table or list.
fn covers(table: &str, key: &str) -> bool {
    key.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Line and column, counted from 1, of a dotted key or of its value.
fn place(text: &str, key: &str, value: bool) -> Option<(usize, usize)> {
    let table = DeTable::parse(text).ok()?;
    let start = find(table.get_ref(), "", key, value)?;
    Some(line_and_column(text, start))
}

fn find(table: &DeTable<'_>, name: &str, wanted: &str, value: bool) -> Option<usize> {
    table.iter().find_map(|(key, content)| {
        let name = join(name, key.get_ref());
        if name == wanted {
            return Some(if value { content.span().start } else { key.span().start });
        }
        if covers(&name, wanted) { find_in(content.get_ref(), &name, wanted, value) } else { None }
    })
}

fn find_in(content: &DeValue<'_>, name: &str, wanted: &str, value: bool) -> Option<usize> {
    match content {
        DeValue::Table(table) => find(table, name, wanted, value),
        DeValue::Array(values) => values.iter().enumerate().find_map(|(at, content)| {
            let name = format!("{name}[{at}]");
            match name == wanted {
                true => Some(content.span().start),
                false => find_in(content.get_ref(), &name, wanted, value),
            }
        }),
        _ => None,
    }
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let line = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}
