//! Which images a walk may retrieve, and where walks may start.

use std::collections::BTreeMap;

use latentwalk_images::{Dataset, Label, Split};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::labels::AttributeLabels;

/// Default of [`PoolConfig::splits`].
pub const DEFAULT_POOL_SPLIT: &str = "train";

/// `[pool]`: which images a walk may retrieve, and where walks may start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolConfig {
    /// Splits of the retrievable images; unlabelled images are included. Default [`DEFAULT_POOL_SPLIT`].
    pub splits: Vec<String>,
    /// Labels that a retrievable image must carry, as attribute = class.
    pub only: BTreeMap<String, String>,
    /// Labels that a start must carry, as attribute = class.
    pub starts_only: BTreeMap<String, String>,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self { splits: vec![DEFAULT_POOL_SPLIT.to_owned()], only: BTreeMap::new(), starts_only: BTreeMap::new() }
    }
}

impl PoolConfig {
    /// The rows of the retrieval pool, ascending.
    ///
    /// # Errors
    /// A split, attribute or class that does not exist; a pool without images.
    pub fn rows(&self, dataset: &Dataset) -> Result<Vec<usize>> {
        let splits = self.splits.iter().map(|s| parse_split(s, "pool.splits")).collect::<Result<Vec<_>>>()?;
        let only = required(dataset, &self.only, "pool.only")?;
        let rows: Vec<usize> = (0..dataset.items.len())
            .filter(|&i| splits.contains(&dataset.items[i].split) && carries(dataset, i, &only))
            .collect();
        match rows.is_empty() {
            true => Err(Error::NoImages {
                can: "is in the retrieval pool".to_owned(),
                hint: "widen `pool.splits` or `pool.only`",
            }),
            false => Ok(rows),
        }
    }

    /// For every row whether a walk may start there, by the labels that a start must carry.
    ///
    /// # Errors
    /// An attribute or class that does not exist.
    pub fn may_start(&self, dataset: &Dataset) -> Result<Vec<bool>> {
        let only = required(dataset, &self.starts_only, "pool.starts_only")?;
        Ok((0..dataset.items.len()).map(|row| carries(dataset, row, &only)).collect())
    }

    /// The rows where a walk along an attribute may start: of the split, with a label in the order where there is one.
    ///
    /// # Errors
    /// A split, attribute or class that does not exist; no such image.
    pub(crate) fn starts(&self, dataset: &Dataset, attribute: &AttributeLabels, of: &str) -> Result<Vec<usize>> {
        let split = parse_split(of, "walks.start_split")?;
        let only = required(dataset, &self.starts_only, "pool.starts_only")?;
        let labelled = |row: usize| match attribute.labels[row] {
            Some(class) => attribute.order.is_empty() || attribute.order.contains(&class),
            None => false,
        };
        let rows: Vec<usize> = (0..dataset.items.len())
            .filter(|&i| dataset.items[i].split == split && labelled(i) && carries(dataset, i, &only))
            .collect();
        match rows.is_empty() {
            true => Err(Error::NoImages {
                can: format!("of the split `{of}` has a label to start a walk along `{}`", attribute.name),
                hint: "widen `pool.starts_only`, or leave the attribute out of `probe.attributes`",
            }),
            false => Ok(rows),
        }
    }
}

/// A split by its name.
///
/// # Errors
/// [`Error::Unknown`], which names the key that asks for it.
pub fn parse_split(name: &str, key: &'static str) -> Result<Split> {
    Split::parse(name).ok_or_else(|| {
        let known = Split::ALL.map(|split| split.to_string()).to_vec();
        Error::Unknown { key: key.to_owned(), kind: "split", name: name.to_owned(), known }
    })
}

fn required(dataset: &Dataset, wanted: &BTreeMap<String, String>, key: &'static str) -> Result<Vec<(usize, u32)>> {
    let find = |(name, class): (&String, &String)| {
        let index = dataset.attribute(name).ok_or_else(|| Error::undeclared(dataset, key, name))?;
        let classes = &dataset.attributes[index].classes;
        let place = (0u32..).zip(classes).find(|(_, known)| *known == class);
        let key = format!("{key}.{name}");
        let unknown = || Error::Unknown { key, kind: "class", name: class.clone(), known: classes.clone() };
        Ok((index, place.map(|(place, _)| place).ok_or_else(unknown)?))
    };
    wanted.iter().map(find).collect()
}

fn carries(dataset: &Dataset, row: usize, wanted: &[(usize, u32)]) -> bool {
    wanted.iter().all(|&(attribute, class)| match &dataset.items[row].labels[attribute] {
        Label::One(c) => *c == class,
        Label::Many(cs) => cs.contains(&class),
        Label::Missing => false,
    })
}
