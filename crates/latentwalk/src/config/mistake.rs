//! What is wrong with a description: the key to blame, a sentence, and a hint that offers the nearest key that exists.

use std::fmt;

use serde::de::{Expected, Unexpected};

/// Something that a description asks for and cannot have.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The dotted keys to blame; the first that the user wrote is shown with its place. Empty while serde has only told
    /// what is wrong, and not yet where.
    pub(super) keys: Vec<String>,
    what: What,
}

#[derive(Debug)]
enum What {
    /// A key that its table does not have.
    UnknownKey { name: String, known: Vec<&'static str> },
    /// A word that is none of the words which a key can have.
    UnknownWord { word: String, known: &'static [&'static str] },
    /// A key that its table needs.
    Missing { name: &'static str },
    /// A value of another type or length.
    Type { got: String, expected: String },
    /// Anything else that serde tells, which does not know the key.
    Other(String),
    /// A sentence of a check, which names the key itself.
    Sentence(String),
    /// What the images' own check found, which names the key too.
    Images(Box<latentwalk_images::Error>),
}

impl Mistake {
    /// A mistake that a check found in the values of some keys.
    pub(super) fn of(keys: &[&str], sentence: impl fmt::Display) -> Self {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        Self { keys, what: What::Sentence(sentence.to_string()) }
    }

    /// A mistake that the images' own check found.
    pub(super) fn of_images(error: latentwalk_images::Error) -> Self {
        Self { keys: error.key().into_iter().collect(), what: What::Images(Box::new(error)) }
    }

    /// A key that a table does not have; `table` is empty for the description itself.
    pub(super) fn unknown_key(table: &str, name: &str, known: Vec<&'static str>) -> Self {
        Self::from(What::UnknownKey { name: name.to_owned(), known }).at(table)
    }

    /// Says under which key serde stood, unless a deeper one is known already.
    pub(super) fn at(mut self, key: &str) -> Self {
        if self.keys.is_empty() {
            self.keys = match &self.what {
                What::UnknownKey { name, .. } => vec![join(key, name)],
                What::Missing { name } => vec![join(key, name), key.to_owned()],
                _ => vec![key.to_owned()],
            };
        }
        self
    }

    /// Adds keys that a table has beside those of the struct that the rest of it was read into.
    pub(super) fn also_known(mut self, table: &str, names: &[&'static str]) -> Self {
        let own = self.keys.first().is_some_and(|key| parent(key) == table);
        if let What::UnknownKey { known, .. } = &mut self.what
            && own
        {
            known.extend(names);
        }
        self
    }

    /// Whether the value is wrong, and not the key.
    pub(super) fn is_value(&self) -> bool {
        matches!(self.what, What::UnknownWord { .. } | What::Type { .. } | What::Other(_))
    }
}

impl From<What> for Mistake {
    fn from(what: What) -> Self {
        Self { keys: Vec::new(), what }
    }
}

impl serde::de::Error for Mistake {
    fn custom<T: fmt::Display>(message: T) -> Self {
        What::Other(message.to_string()).into()
    }

    fn invalid_type(got: Unexpected<'_>, expected: &dyn Expected) -> Self {
        What::Type { got: shown(got), expected: in_words(&expected.to_string()) }.into()
    }

    fn invalid_value(got: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(got, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        What::Type { got: format!("a list of {length}"), expected: in_words(&expected.to_string()) }.into()
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        What::UnknownWord { word: word.to_owned(), known }.into()
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        What::UnknownKey { name: name.to_owned(), known: known.to_vec() }.into()
    }

    fn missing_field(name: &'static str) -> Self {
        What::Missing { name }.into()
    }
}

impl std::error::Error for Mistake {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.what {
            // Its own text is this mistake's.
            What::Images(error) => error.source(),
            _ => None,
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.keys.first().map_or("", String::as_str);
        match &self.what {
            What::UnknownKey { name, known } => {
                write!(f, "unknown key `{name}`{}", header(parent(key)))?;
                match nearest(name, known) {
                    Some(near) => meant(f, near),
                    None => write!(f, "; the keys are {}", known.join(", ")),
                }
            }
            What::UnknownWord { word, known } => {
                write!(f, "`{}` is `{word}`; it must be one of {}", plain(key), known.join(", "))?;
                nearest(word, known).map_or(Ok(()), |near| meant(f, near))
            }
            What::Missing { .. } => write!(f, "`{}` is missing", plain(key)),
            What::Type { got, expected } => write!(f, "`{}` is {got}; it must be {expected}", plain(key)),
            What::Other(message) => write!(f, "`{}`: {message}", plain(key)),
            What::Sentence(sentence) => f.write_str(sentence),
            What::Images(error) => write!(f, "{error}"),
        }
    }
}

fn meant(f: &mut fmt::Formatter<'_>, near: &str) -> fmt::Result {
    write!(f, "\nhint: did you mean `{near}`?")
}

/// The dotted name of a key in a table.
pub(super) fn join(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

/// The table of a dotted key; empty at the top.
fn parent(key: &str) -> &str {
    key.rsplit_once('.').map_or("", |(table, _)| table)
}

/// ` in [probe]`, as the description writes the table.
fn header(table: &str) -> String {
    match table.strip_suffix(']') {
        _ if table.is_empty() => String::new(),
        Some(_) => format!(" in [[{}]]", plain(table)),
        None => format!(" in [{}]", plain(table)),
    }
}

/// A key without the places in lists: `embeddings.taps[1]` stands in the list `embeddings.taps`.
fn plain(key: &str) -> String {
    key.split('[').map(|part| part.rsplit(']').next().unwrap_or(part)).collect()
}

/// A value as the user wrote it.
fn shown(got: Unexpected<'_>) -> String {
    match got {
        Unexpected::Str(text) => format!("\"{text}\""),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        // With its point, which makes it no whole number.
        Unexpected::Float(number) => format!("{number:?}"),
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// What serde expects, without the names of Rust's types.
fn in_words(expected: &str) -> String {
    let length = expected.strip_prefix("an array of length ").or(expected.strip_suffix(" elements in sequence"));
    if let Some(length) = length {
        return format!("a list of {length}");
    }
    let words = match expected {
        "usize" | "u64" | "u32" => "a whole number, 0 or more",
        "f64" | "f32" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "text",
        "a sequence" => "a list",
        "a map" => "a table",
        rust if rust.starts_with("struct ") => "a table",
        other => other,
    };
    words.to_owned()
}

/// The known word that a mistyped one was most likely meant to be.
fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let most = (word.chars().count() / 3).max(1);
    let edits = |known: &'k str| (strsim::damerau_levenshtein(word, known), known);
    let near = known.iter().map(|&known| edits(known)).filter(|&(edits, _)| edits <= most);
    near.min_by_key(|&(edits, _)| edits).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_that_is_near_is_offered() {
        assert_eq!(nearest("restart", &["epochs", "restarts", "rest"]), Some("restarts"));
        assert_eq!(nearest("trian", &["train", "test"]), Some("train"));
        assert_eq!(nearest("colour", &["epochs", "restarts"]), None);
        assert_eq!(nearest("m", &["ef"]), None);
    }

    #[test]
    fn places_in_lists_are_left_out() {
        assert_eq!(plain("images.parts[1].file"), "images.parts.file");
        assert_eq!(header("images.parts[1]"), " in [[images.parts]]");
        assert_eq!(header("images.split"), " in [images.split]");
        assert_eq!(header(""), "");
    }
}
