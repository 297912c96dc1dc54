//! What may be said of an attribute's axis, and how sure it is: five verdicts from held-out rows.
//!
//! Each is `yes`, `no` or `unclear`. Figures are of test rows; intervals resample groups of them, and a verdict is unclear
//! wherever its interval straddles its line or a value has too few groups. [`card`] makes the figures of one attribute,
//! [`decide`] the verdicts of all attributes of a run: how significant one is depends on how many were asked.

mod discriminant;
mod exists;
mod one_axis;
mod ordered;
mod sample;
mod selection;
mod separate;
mod stable;
#[cfg(test)]
mod tests;

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

pub use exists::{BaselineAuc, Exists};
pub use one_axis::OneAxis;
pub use ordered::{Ordered, Rival};
pub use selection::{Apart, MIN_SELECTED, Selection, SelectionCard, judge_selection};
pub use separate::{OtherAttribute, OtherValue, Separate};
pub use stable::Stable;

use crate::error::check_shape;
use crate::linalg::Symmetric;
use crate::{DEFAULT_SEED, Direction, Error, ProbeOptions, Result, Task, scatter};
use sample::Sample;

/// Refits on permuted labels.
pub const DEFAULT_PERMUTATIONS: usize = 200;
/// Resamples of groups.
pub const DEFAULT_CARD_BOOTSTRAPS: usize = 200;
/// Most train rows that are fitted on.
pub const DEFAULT_CARD_ROWS: usize = 10_000;
/// Fewest groups of test rows that each value must have.
pub const MIN_TEST_GROUPS: usize = 10;
/// Fewest groups of train rows that each value must have for its axis to be drawn again.
pub const MIN_TRAIN_GROUPS: usize = 10;
/// Largest adjusted p-value that counts as significant.
const SIGNIFICANT: f64 = 0.05;
/// Shrinkage of the within-class covariance, in units of its mean variance.
const SHRINKAGE: f64 = 1e-4;

/// A verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Surely so.
    Yes,
    /// Surely not.
    No,
    /// The data cannot bear either.
    #[default]
    Unclear,
}

impl Answer {
    /// Its name, as files have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unclear => "unclear",
        }
    }
}

/// Another attribute of the same rows.
#[derive(Clone, Copy, Debug)]
pub struct Other<'a> {
    /// Its name.
    pub name: &'a str,
    /// Names of its classes.
    pub classes: &'a [String],
    /// Class of each row, if known.
    pub labels: &'a [Option<u32>],
}

/// Coordinates of some of the rows that owe nothing to the network's training.
#[derive(Clone, Copy, Debug)]
pub struct Baseline<'a> {
    /// What they are, in the plural: `raw pixels`.
    pub name: &'a str,
    /// The task's rows that they belong to, ascending; the same for all baselines.
    pub rows: &'a [usize],
    /// One vector per such row.
    pub z: ArrayView2<'a, f32>,
}

/// What the verdicts on one attribute are made from.
///
/// **Shapes**: `groups` has an entry per row of `task.z`; images of one group stand in one split. `direction` was fitted on `task`.
#[derive(Clone, Copy, Debug)]
pub struct CardTask<'a> {
    /// Vectors, labels, splits.
    pub task: Task<'a>,
    /// Group of each row.
    pub groups: &'a [usize],
    /// The axis that the run walks along.
    pub direction: &'a Direction,
    /// The other attributes.
    pub others: &'a [Other<'a>],
    /// What the network is compared with.
    pub baselines: &'a [Baseline<'a>],
    /// Whether a head of the network was trained on the attribute.
    pub trained: bool,
}

/// How much is resampled for the verdicts on each attribute; unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CardOptions {
    /// Refits on permuted labels: the least p-value is one over one more. Default [`DEFAULT_PERMUTATIONS`].
    pub permutations: usize,
    /// Resamples of groups behind each interval. Default [`DEFAULT_CARD_BOOTSTRAPS`].
    pub bootstraps: usize,
    /// Most train rows that refits use, whole groups drawn at random. Default [`DEFAULT_CARD_ROWS`].
    pub rows: usize,
    /// Seed of the draws. Default [`DEFAULT_SEED`].
    pub seed: u64,
}

impl Default for CardOptions {
    fn default() -> Self {
        Self {
            permutations: DEFAULT_PERMUTATIONS,
            bootstraps: DEFAULT_CARD_BOOTSTRAPS,
            rows: DEFAULT_CARD_ROWS,
            seed: DEFAULT_SEED,
        }
    }
}

impl CardOptions {
    /// Checks every option's range.
    ///
    /// # Errors
    /// [`Error::Option`] for the first that is outside.
    pub fn check(&self) -> Result<()> {
        for (option, got) in [("permutations", self.permutations), ("bootstraps", self.bootstraps)] {
            if got < 20 {
                return Err(Error::Option { option, got: got as f64, must: "at least 20".to_owned() });
            }
        }
        if self.rows < 100 {
            return Err(Error::Option { option: "rows", got: self.rows as f64, must: "at least 100".to_owned() });
        }
        Ok(())
    }
}

/// The verdicts on one attribute, with their figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The attribute.
    pub attribute: String,
    /// Names of its classes.
    pub classes: Vec<String>,
    /// Is it readable in this network, and better than without training?
    pub exists: Exists,
    /// Do its values stand in the declared order?
    pub ordered: Ordered,
    /// Is one axis enough to tell them apart?
    pub one_axis: OneAxis,
    /// Would other images give the same axis?
    pub stable: Stable,
    /// Does the axis leave other attributes alone?
    pub separate: Separate,
}

/// The five questions: key in files, and name for readers.
pub const QUESTIONS: [(&str, &str); 5] = [
    ("exists", "readable"),
    ("ordered", "ordered"),
    ("one_axis", "one axis"),
    ("stable", "stable"),
    ("separate", "separate"),
];

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Key of the question in files.
    pub key: &'static str,
    /// Its name for readers.
    pub title: &'static str,
    /// The answer.
    pub answer: Answer,
    /// One sentence with the figures.
    pub sentence: String,
}

impl Card {
    /// The five verdicts, in the order of [`QUESTIONS`].
    pub fn findings(&self) -> [Finding; 5] {
        let told = [
            (self.exists.answer, self.exists.sentence()),
            (self.ordered.answer, self.ordered.sentence(&self.classes)),
            (self.one_axis.answer, self.one_axis.sentence()),
            (self.stable.answer, self.stable.sentence()),
            (self.separate.answer, self.separate.sentence()),
        ];
        let mut questions = QUESTIONS.into_iter();
        told.map(|(answer, sentence)| {
            let (key, title) = questions.next().unwrap_or_default();
            Finding { key, title, answer, sentence }
        })
    }
}

/// The figures of one attribute, and every verdict but `exists`, which waits for [`decide`].
///
/// Fits are made on train rows, figures on test rows; validation rows are not looked at.
///
/// # Example
/// ```
/// use latentwalk_probe::verdict::{Answer, CardOptions, CardTask, card};
/// use latentwalk_probe::{ProbeOptions, Split, Task, fit};
///
/// // 400 vectors: sleeves lengthen along the first axis, the second is noise.
/// let noise = |row: usize, by: usize| (row * by % 97) as f32 / 97.0 - 0.5;
/// let z = ndarray::Array2::from_shape_fn((400, 2), |(row, axis)| match axis {
///     0 => (row % 2) as f32 + noise(row, 37),
///     _ => noise(row, 53),
/// });
/// let labels: Vec<Option<u32>> = (0..400).map(|row| Some(row % 2)).collect();
/// let splits: Vec<Split> = (0..400).map(|row| [Split::Train, Split::Test][usize::from(row >= 200)]).collect();
/// let classes = ["short", "long"].map(String::from);
/// let task =
///     Task { name: "sleeve", classes: &classes, order: &[0, 1], z: z.view(), labels: &labels, splits: &splits };
/// let probe = ProbeOptions::default();
/// let direction = fit(&task, &probe, &|_, _| {})?;
/// let groups: Vec<usize> = (0..400).collect();
/// let of = CardTask { task, groups: &groups, direction: &direction, others: &[], baselines: &[], trained: false };
/// let card = card(&of, &probe, &CardOptions::default())?;
/// assert_eq!(card.one_axis.answer, Answer::Yes);
/// assert!(card.exists.auc > Some(0.9) && card.exists.p < Some(0.01), "{:?}", card.exists);
/// # Ok::<(), latentwalk_probe::Error>(())
/// ```
///
/// # Errors
/// Options or input out of range, as for [`fit`](crate::fit()); groups of another number than rows; a baseline whose rows and
/// vectors do not match.
pub fn card(card: &CardTask<'_>, probe: &ProbeOptions, options: &CardOptions) -> Result<Card> {
    let task = &card.task;
    options.check()?;
    check_shape(task.name, "groups", task.labels.len(), card.groups.len())?;
    check_shape(task.name, "axes of the vectors", card.direction.weights.len(), task.z.ncols())?;
    for baseline in card.baselines {
        check_shape(task.name, "vectors of a baseline", card.baselines[0].rows.len(), baseline.z.nrows())?;
    }
    for other in card.others {
        check_shape(task.name, "labels of another attribute", task.labels.len(), other.labels.len())?;
    }
    task.groups()?;
    Ok(Card {
        attribute: task.name.to_owned(),
        classes: task.classes.to_vec(),
        exists: exists::exists(card, options),
        ordered: ordered::ordered(card, probe, options),
        one_axis: one_axis::one_axis(card, probe, options)?,
        stable: stable::stable(card, probe, options)?,
        separate: separate::separate(card, options),
    })
}

/// How well the values of an attribute are told apart: the figure of [`Exists::auc`], fitted on train rows, of test rows.
///
/// `None` where train rows do not vary or no two values have test rows.
pub fn mean_pair_auc(task: &Task<'_>) -> Option<f64> {
    exists::mean_pair_auc(task)
}

/// Adjusts the p-values of all attributes of a run, and decides which exist.
pub fn decide(cards: &mut [Card]) {
    let p: Vec<f64> = cards.iter().map(|card| card.exists.p.unwrap_or(1.0)).collect();
    for (card, q) in cards.iter_mut().zip(exists::benjamini_hochberg(&p)) {
        card.exists.q = card.exists.p.map(|_| q);
        card.exists.decide();
    }
}

fn too_few(groups: usize) -> String {
    format!("too few groups of test images have one of the values ({groups}; {MIN_TEST_GROUPS} are needed)")
}

/// The pooled within-class covariance of some rows; `None` where they do not vary.
fn within(z: ArrayView2<'_, f32>, sample: &Sample, classes: usize) -> Option<Symmetric> {
    let rows = || sample.vectors(z, &sample.classes, None);
    let (means, _) = scatter::class_means(z.ncols(), rows(), classes);
    let mut covariance = scatter::about(&means, rows());
    covariance.scale(1.0 / sample.len() as f64);
    covariance.shrink(SHRINKAGE);
    (covariance.trace() > 0.0).then_some(covariance)
}
