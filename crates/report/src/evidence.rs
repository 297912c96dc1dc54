//! What persuades and what warns: two walks from one start, the walks that went worst, and lines beside other attributes.

use serde::{Deserialize, Serialize};

use crate::attribute::{Card, StopCard, Strip};

/// The article's walk and the line toward a value, from the same start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Where both walks start.
    pub start: Card,
    /// The value that both seek.
    pub value: String,
    /// The article's walk.
    pub article: Side,
    /// The line toward the value.
    pub toward: Side,
}

/// One walk of a [`Comparison`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The walk's name.
    pub name: String,
    /// What it does, in one sentence.
    pub does: String,
    /// Share of all cases in which the image at the end has the wanted value.
    pub hit: Option<f64>,
    /// What stays of the rest in the hits, from chance (0) to the best that the pool allows (1).
    pub kept: Option<f64>,
    /// The stops in the order of the walk; the last one is the answer.
    pub stops: Vec<StopCard>,
}

/// What does not work along an attribute's direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Failures {
    /// How many walks were looked at.
    pub walks: usize,
    /// By what walks were called worse than others, in words.
    pub judged_by: String,
    /// The worst walks; captions tell their figures.
    pub worst: Vec<Strip>,
    /// The images that stand in the most walks, most frequent first.
    pub hubs: Vec<Hub>,
}

/// An image that stands in several walks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hub {
    /// The image.
    pub card: Card,
    /// How many walks it stands in.
    pub walks: usize,
}

/// How far each attribute's line orders the values of every attribute, beside how far their labels go together.
///
/// **Shapes.** Both matrices have a row and a column per attribute. In `auc`, rows are lines and columns are attributes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LineMatrix {
    /// The attributes.
    pub attributes: Vec<String>,
    /// The split of the AUCs.
    pub split: String,
    /// Mean over pairs of values of the AUC along the line, each turned so that it is at least 0.5; `None` without images
    /// of two values.
    pub auc: Vec<Vec<Option<f64>>>,
    /// Cramér's V of the labels, from 0 (independent) to 1; `None` where it was not measured.
    pub cramers_v: Vec<Vec<Option<f64>>>,
    /// What is left out, in one sentence; may be empty.
    pub left_out: String,
}
