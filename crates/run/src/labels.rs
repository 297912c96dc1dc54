//! An attribute's labels, image by image.

use latentwalk_embeddings::LabelColumn;
use latentwalk_images::{Attribute, AttributeKind, Dataset, Label};
use latentwalk_probe::Task;

use crate::error::{Error, Result};
use crate::points::Points;

/// The labels that one direction tells apart: those of an exclusive attribute, or one label of a multi attribute against its
/// absence (`tags=floral`).
#[derive(Debug, Clone)]
pub struct AttributeLabels {
    /// The attribute's name, or `ATTRIBUTE=LABEL`.
    pub name: String,
    /// The attribute's kind.
    pub kind: AttributeKind,
    /// The classes' names.
    pub classes: Vec<String>,
    /// The declared order as class indices, low to high; empty when there is none.
    pub order: Vec<u32>,
    /// The class of every row; `None` is unlabelled.
    pub labels: Vec<Option<u32>>,
}

impl AttributeLabels {
    /// The labels of an attribute by its index; `None` for a multi one.
    pub fn exclusive(dataset: &Dataset, index: usize) -> Option<Self> {
        let attribute = &dataset.attributes[index];
        (attribute.kind != AttributeKind::Multi).then(|| Self {
            name: attribute.name.clone(),
            kind: attribute.kind,
            classes: attribute.classes.clone(),
            order: attribute.order.clone(),
            labels: dataset.items.iter().map(|item| item.labels[index].class()).collect(),
        })
    }

    /// The name of a row's class, where it has a label.
    ///
    /// # Panics
    /// Where there is no such row.
    pub fn class_of(&self, row: usize) -> Option<&str> {
        self.labels[row].map(|class| self.classes[class as usize].as_str())
    }

    /// All exclusive attributes of a data set, in declaration order.
    pub fn all_exclusive(dataset: &Dataset) -> Vec<Self> {
        (0..dataset.attributes.len()).filter_map(|index| Self::exclusive(dataset, index)).collect()
    }

    /// The labels that a run's directions tell apart, in declaration order.
    ///
    /// `wanted` names the attributes; empty means all of them.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a name that the data set does not have.
    pub fn of(dataset: &Dataset, wanted: &[String]) -> Result<Vec<Self>> {
        for name in wanted {
            if dataset.attribute(name).is_none() {
                return Err(Error::undeclared(dataset, "probe.attributes", name));
            }
        }
        let chosen = dataset.attributes.iter().enumerate();
        let chosen = chosen.filter(|(_, a)| wanted.is_empty() || wanted.contains(&a.name));
        Ok(chosen.flat_map(|(index, attribute)| one_or_each(dataset, index, attribute)).collect())
    }

    /// The labels as a probe takes them, with the coordinates of the same rows.
    pub fn task<'a>(&'a self, points: &'a Points) -> Task<'a> {
        Task {
            name: &self.name,
            classes: &self.classes,
            order: &self.order,
            z: points.z.view(),
            labels: &self.labels,
            splits: &points.splits,
        }
    }
}

fn one_or_each(dataset: &Dataset, index: usize, attribute: &Attribute) -> Vec<AttributeLabels> {
    if let Some(labels) = AttributeLabels::exclusive(dataset, index) {
        return vec![labels];
    }
    let labels = || dataset.items.iter().map(move |item| &item.labels[index]);
    let present = |label: &Label, class: u32| match label {
        Label::Many(classes) => Some(u32::from(classes.contains(&class))),
        _ => None,
    };
    (0u32..)
        .zip(&attribute.classes)
        .map(|(class, name)| AttributeLabels {
            name: format!("{}={name}", attribute.name),
            kind: AttributeKind::Multi,
            classes: vec![format!("not {name}"), name.clone()],
            order: vec![0, 1],
            labels: labels().map(|label| present(label, class)).collect(),
        })
        .collect()
}

/// Every attribute's labels of some rows, as columns of class names.
pub fn label_columns(dataset: &Dataset, rows: &[usize]) -> Vec<LabelColumn> {
    let column = |(index, attribute): (usize, &Attribute)| {
        let class = |c: u32| attribute.classes[c as usize].clone();
        let labels = rows.iter().map(|&row| &dataset.items[row].labels[index]);
        if attribute.kind == AttributeKind::Multi {
            let many = |label: &Label| match label {
                Label::Many(classes) => Some(classes.iter().map(|&c| class(c)).collect()),
                _ => None,
            };
            LabelColumn::Many(labels.map(many).collect())
        } else {
            LabelColumn::One(labels.map(|label| label.class().map(class)).collect())
        }
    };
    dataset.attributes.iter().enumerate().map(column).collect()
}
