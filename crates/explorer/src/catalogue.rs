//! The images of a run, searched, filtered and drawn.

use latentwalk_images::Split;
use latentwalk_run::parse_split;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::session::Session;

/// Most images of one answer.
pub(crate) const MOST: usize = 500;

/// What is told of an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Image {
    pub(crate) row: usize,
    pub(crate) id: String,
    pub(crate) split: String,
    pub(crate) labels: Value,
}

/// Images near a start.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Near {
    #[serde(flatten)]
    pub(crate) image: Image,
    pub(crate) distance: f64,
}

/// A page of the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Page {
    pub(crate) total: usize,
    pub(crate) images: Vec<Image>,
}

/// Which images are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    /// A part of the id, in any case.
    pub(crate) text: String,
    pub(crate) only: Only,
    /// In random order, by this seed.
    pub(crate) seed: Option<u64>,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// Splits and labels that an image must have: of one attribute any of the values, of several attributes all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Only {
    pub(crate) splits: Vec<String>,
    /// Attribute and value; an empty value is no label.
    pub(crate) labels: Vec<(String, String)>,
}

impl Only {
    /// Of every row, whether it is wanted.
    pub(crate) fn rows(&self, session: &Session) -> Result<Vec<bool>> {
        let items = &session.walker.data().points.dataset.items;
        let splits: Vec<Split> =
            self.splits.iter().map(|name| parse_split(name, "split")).collect::<latentwalk_run::Result<_>>()?;
        let mut wanted: Vec<bool> =
            items.iter().map(|item| splits.is_empty() || splits.contains(&item.split)).collect();
        let mut attributes: Vec<&String> = self.labels.iter().map(|(attribute, _)| attribute).collect();
        attributes.sort_unstable();
        attributes.dedup();
        for attribute in attributes {
            let known = || session.labels.iter().map(|labels| labels.name.as_str()).collect::<Vec<_>>().join(", ");
            let found = session.labels.iter().find(|labels| labels.name == *attribute);
            let labels = found
                .ok_or_else(|| Error::Asked(format!("there is no attribute `{attribute}`; there are {}", known())))?;
            let mut classes: Vec<Option<u32>> = Vec::new();
            for (_, value) in self.labels.iter().filter(|(name, _)| name == attribute) {
                let place = labels.classes.iter().position(|class| class == value);
                match (value.is_empty(), place) {
                    (_, Some(place)) => classes.push(Some(place as u32)),
                    (true, None) => classes.push(None),
                    (false, None) => {
                        let known = labels.classes.join(", ");
                        return Err(Error::Asked(format!("`{attribute}` has no value `{value}`; it has {known}")));
                    }
                }
            }
            wanted.iter_mut().zip(&labels.labels).for_each(|(wanted, label)| *wanted &= classes.contains(label));
        }
        Ok(wanted)
    }
}

impl Session {
    /// A page of the images that are wanted.
    pub(crate) fn page(&self, wanted: &Wanted) -> Result<Page> {
        let items = &self.walker.data().points.dataset.items;
        let text = wanted.text.to_lowercase();
        let of_rows = wanted.only.rows(self)?;
        let named = |row: &usize| text.is_empty() || items[*row].id.to_lowercase().contains(&text);
        let mut rows: Vec<usize> = (0..items.len()).filter(|&row| of_rows[row]).filter(named).collect();
        if let Some(seed) = wanted.seed {
            rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        }
        let shown = rows.iter().skip(wanted.offset).take(wanted.limit.min(MOST));
        Ok(Page { total: rows.len(), images: shown.map(|&row| self.image(row)).collect() })
    }

    /// The images nearest to one of the run's, nearest first.
    pub(crate) fn near(&self, row: usize, count: usize) -> Result<Vec<Near>> {
        self.check_row(row)?;
        let attribute = self.walker.data().attributes[0].name.clone();
        let found = self.walker.near(&attribute, &self.walker.start(row)?, count.clamp(1, MOST))?;
        Ok(found.into_iter().map(|near| Near { image: self.image(near.row), distance: near.distance }).collect())
    }
}
