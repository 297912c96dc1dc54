//! Lines toward each value of an attribute: the ways to find them, and what `toward.json` holds.

use std::path::Path;

use latentwalk_lines::MetricKind;
use latentwalk_lines::toward::{TowardFigures, ValueLines};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::files::read_json;

/// The file of the stage `toward`.
pub const TOWARD_FILE: &str = "toward.json";

/// By what the direction toward a value is found: it tells the value's training rows from all other labelled ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Estimator {
    /// Logistic regression.
    Logistic,
    /// Fisher's linear discriminant.
    Lda,
    /// The difference of the two means.
    MeanDifference,
}

/// Which way a line runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// As the direction's score grows, in the metric.
    Score,
    /// From the mean of all other labelled training rows to that of the value.
    Means,
    /// From where the start's own value lies to where the wanted one does, the additive effects of the informative attributes taken
    /// out; from the mean of all places where the start has no label.
    Effects,
}

/// How a line toward a value is found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// The direction: its score places images in the slab.
    pub estimator: Estimator,
    /// Which way the line runs.
    pub course: Course,
    /// The distance from the line.
    pub metric: MetricKind,
    /// Weight of the other attributes' values in [`MetricKind::ResidualOthers`]; 0 in all other metrics.
    pub others: f64,
    /// How far the slab reaches from the value's median toward that of the rest, as a share of the gap, and as far beyond.
    pub reach: f64,
}

/// The ways that are compared, in order: of those that validation cannot tell apart the first is taken.
pub const WAYS: [Way; 12] = [
    way(Estimator::Logistic, Course::Effects, MetricKind::ResidualOthers, 4.0, 0.1),
    way(Estimator::Logistic, Course::Effects, MetricKind::Residual, 0.0, 0.1),
    way(Estimator::Logistic, Course::Effects, MetricKind::Residual, 0.0, 0.2),
    way(Estimator::Logistic, Course::Effects, MetricKind::ResidualOthers, 4.0, 0.3),
    way(Estimator::Logistic, Course::Effects, MetricKind::Residual, 0.0, 0.3),
    way(Estimator::Logistic, Course::Means, MetricKind::Residual, 0.0, 0.1),
    way(Estimator::Logistic, Course::Score, MetricKind::ResidualOthers, 4.0, 0.1),
    way(Estimator::Logistic, Course::Score, MetricKind::Residual, 0.0, 0.2),
    way(Estimator::Lda, Course::Effects, MetricKind::Residual, 0.0, 0.1),
    way(Estimator::Logistic, Course::Score, MetricKind::WithinClass, 0.0, 0.1),
    way(Estimator::Logistic, Course::Score, MetricKind::Whitened, 0.0, 0.1),
    way(Estimator::Logistic, Course::Score, MetricKind::Euclidean, 0.0, 0.1),
];

const fn way(estimator: Estimator, course: Course, metric: MetricKind, others: f64, reach: f64) -> Way {
    Way { estimator, course, metric, others, reach }
}

impl Way {
    /// One line of words: `logistic, along the effects, residual-others 4, reach 0.1`.
    pub fn name(&self) -> String {
        let estimator = match self.estimator {
            Estimator::Logistic => "logistic",
            Estimator::Lda => "discriminant",
            Estimator::MeanDifference => "mean difference",
        };
        let course = match self.course {
            Course::Score => "",
            Course::Means => ", along the means",
            Course::Effects => ", along the effects",
        };
        let others =
            if self.metric == MetricKind::ResidualOthers { format!(" {}", self.others) } else { String::new() };
        format!("{estimator}{course}, {}{others}, reach {}", self.metric, self.reach)
    }
}

/// Why a way is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChosenBy {
    /// The mean over validation cases of hit times what is kept.
    Joint,
    /// The mean over validation cases of hit times closeness to the start: no attribute is informative.
    Closeness,
    /// Too few validation starts to choose: the first of the list.
    First,
}

/// A way and what it reached on validation starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The way's name.
    pub way: String,
    /// The score by which ways are compared.
    pub score: f64,
    /// Share of the cases in which the wanted value was found.
    pub hit: f64,
    /// What stays, corrected for chance; `None` without an informative attribute or a hit.
    pub kept_corrected: Option<f64>,
}

/// The lines toward one attribute's values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributeToward {
    /// The attribute.
    pub name: String,
    /// The way that was chosen.
    pub way: Way,
    /// Its lines: what a program that walks loads, and never fits again.
    pub lines: ValueLines,
    /// Why it was chosen.
    pub chosen_by: ChosenBy,
    /// The way with the highest score among the others.
    pub runner_up: Option<String>,
    /// Starts and groups of starts that chose.
    pub validation_starts: usize,
    /// Groups of validation starts.
    pub validation_groups: usize,
    /// Every way, in the order of the list.
    pub tried: Vec<Tried>,
    /// The attributes by which what is kept is judged.
    pub informative: Vec<String>,
    /// Why nothing is said of what is kept.
    pub null_reason: Option<String>,
    /// Values that no image of the pool has: nothing leads there.
    pub absent: Vec<String>,
    /// Dataset rows of the test starts.
    pub starts: Vec<usize>,
    /// The chosen way on test starts.
    pub test: TowardFigures,
    /// Our reading of the article's walk, on the same cases; `None` where its slabs cannot be placed.
    pub article: Option<TowardFigures>,
    /// What is reached without a line, on the same cases.
    pub yardsticks: Vec<(String, TowardFigures)>,
    /// Some starts, of each value in turn, with what was found for every other value.
    #[serde(default)]
    pub strips: Vec<TowardStrip>,
}

/// One start and what was found toward each value that it does not have; rows are the data set's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TowardStrip {
    /// The start.
    pub start: usize,
    /// The wanted class, and the image nearest to the line in its slab; `None` where the slab is empty.
    pub found: Vec<(u32, Option<usize>)>,
}

/// The lines toward every attribute's values, from the folder of a stage `toward`.
///
/// # Errors
/// A file that cannot be read, or that is none of ours.
pub fn read_toward(folder: &Path) -> Result<Vec<AttributeToward>> {
    read_json(&folder.join(TOWARD_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_short_and_its_names_differ() {
        let names: std::collections::BTreeSet<String> = WAYS.iter().map(Way::name).collect();
        assert!(names.len() == WAYS.len() && WAYS.len() <= 12);
        assert!(names.contains("logistic, along the effects, residual-others 4, reach 0.1"));
    }
}
