//! Questions to a store: what is there, which result does this short key mean, why would this one be made?

use std::fmt;

use crate::error::{Error, Result};
use crate::key::Key;
use crate::manifest::Manifest;
use crate::problem::Problem;
use crate::recipe::{Recipe, differences, explain};
use crate::store::{Artifact, Found, Loaded, Store};

/// One line of [`Store::list`].
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The stage that made the result.
    pub stage: String,
    /// The result's key.
    pub key: Key,
    /// How many files it has.
    pub files: usize,
    /// The sum of their sizes.
    pub bytes: u64,
    /// When the stage started, as it was handed in.
    pub created: String,
    /// How long the stage took.
    pub seconds: f64,
}

/// The answer to "would this be made, and why?"
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is there and whole.
    UpToDate,
    /// The stage has no stored result to compare with.
    New {
        /// The same as a sentence.
        reason: String,
    },
    /// It is there but not whole.
    Damaged(Problem),
    /// What differs from the stored result of the stage that differs least, a sentence each.
    Changed(Vec<String>),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UpToDate => write!(f, "up to date"),
            Self::New { reason } => write!(f, "{reason}"),
            Self::Damaged(problem) => write!(f, "{problem}"),
            Self::Changed(reasons) => write!(f, "{}", reasons.join(", ")),
        }
    }
}

impl Store {
    /// Every result with a readable manifest, sorted by stage, then by time.
    ///
    /// Results whose manifest cannot be read are [`Store::verify`]'s to report.
    ///
    /// **Errors**: [`Error::Io`].
    pub fn list(&self) -> Result<Vec<Entry>> {
        let manifests = self.manifests(|_| true)?;
        let mut entries: Vec<Entry> = manifests.into_iter().map(entry).collect();
        entries.sort_by(|a, b| (&a.stage, &a.created, a.key).cmp(&(&b.stage, &b.created, b.key)));
        Ok(entries)
    }

    /// The one result that a text means: the start of a key, or `STAGE/` and the start of a key.
    ///
    /// **Errors**: [`Error::NoMatch`] for none and for several, [`Error::Damaged`] if it is not whole.
    pub fn resolve(&self, prefix: &str) -> Result<Artifact> {
        let (stage, start) = prefix.split_once('/').map_or((None, prefix), |(stage, start)| (Some(stage), start));
        let mut matching = self.keys()?;
        matching.retain(|(of, key)| stage.is_none_or(|stage| stage == of) && key.to_string().starts_with(start));
        let no_match = || Error::NoMatch { prefix: prefix.to_owned(), candidates: Vec::new() };
        match matching.as_slice() {
            [] => Err(no_match()),
            [(stage, key)] => match self.look(stage, key)? {
                Found::Whole(artifact) => Ok(artifact),
                Found::Damaged(problem) => Err(Error::Damaged(problem)),
                Found::Missing => Err(no_match()),
            },
            several => Err(Error::NoMatch {
                prefix: prefix.to_owned(),
                candidates: several.iter().map(|(stage, key)| format!("{stage}/{}", key.short())).collect(),
            }),
        }
    }

    /// Why a recipe's result would be made: what differs from the stored result of its stage that differs least.
    ///
    /// **Units and conventions**: of results that differ in equally many facts, the newest is compared.
    ///
    /// **Errors**: as [`Store::look`].
    pub fn why(&self, new: &Recipe) -> Result<Why> {
        match self.look(&new.stage, &new.key())? {
            Found::Whole(_) => return Ok(Why::UpToDate),
            Found::Damaged(problem) => return Ok(Why::Damaged(problem)),
            Found::Missing => {}
        }
        let facts = new.facts();
        let stored = self.manifests(|stage| stage == new.stage)?;
        let farness = |old: &Manifest| differences(&old.facts, &facts).len();
        let nearest = stored.iter().min_by(|a, b| {
            let newest_first = || (&b.started, b.key).cmp(&(&a.started, a.key));
            farness(a).cmp(&farness(b)).then_with(newest_first)
        });
        Ok(match nearest {
            Some(old) => Why::Changed(explain(&old.facts, &facts)),
            None => Why::New { reason: format!("nothing is stored for stage `{}` yet", new.stage) },
        })
    }

    fn manifests(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<Manifest>> {
        let mut manifests = Vec::new();
        for (stage, key) in self.keys()?.into_iter().filter(|(stage, _)| wanted(stage)) {
            if let Loaded::Manifest(manifest) = self.load(&stage, &key)? {
                manifests.push(manifest);
            }
        }
        Ok(manifests)
    }
}

fn entry(manifest: Manifest) -> Entry {
    Entry {
        bytes: manifest.bytes(),
        files: manifest.files.len(),
        stage: manifest.stage,
        key: manifest.key,
        created: manifest.started,
        seconds: manifest.seconds,
    }
}

#[cfg(test)]
mod tests;
