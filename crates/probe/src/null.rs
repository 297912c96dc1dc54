//! What a fit reaches for classes drawn at random: the figure beside which an attribute's own must stand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{DEFAULT_SEED, Direction, Error, ProbeOptions, Result, Task, Verdict, fit};

/// Draws per number of classes.
pub const DEFAULT_DRAWS: usize = 200;
/// Classes per draw.
pub const DEFAULT_WIDTH: usize = 3;
/// Value of a draw whose every restart collapsed: chance.
pub const COLLAPSED_VALUE: f64 = 0.5;

/// Options of [`null_distribution`]; unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NullOptions {
    /// Number of draws. Default [`DEFAULT_DRAWS`].
    pub draws: usize,
    /// Distinct classes per draw; use the number of classes of the order that is compared. Default [`DEFAULT_WIDTH`].
    pub width: usize,
    /// Seed of the draws (fits keep the probe's own). Default [`DEFAULT_SEED`].
    pub seed: u64,
}

impl Default for NullOptions {
    fn default() -> Self {
        Self { draws: DEFAULT_DRAWS, width: DEFAULT_WIDTH, seed: DEFAULT_SEED }
    }
}

/// The null's draws and what each reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NullReport {
    /// Base attribute.
    pub attribute: String,
    /// Classes in a draw.
    pub width: usize,
    /// Least adjacent AUC of each draw on test rows, in the order of `draws`.
    pub values: Vec<f64>,
    /// Classes of each draw, low to high.
    pub draws: Vec<Vec<u32>>,
    /// Draws whose direction was folded.
    pub folded: usize,
    /// Draws whose every restart collapsed; their value is [`COLLAPSED_VALUE`].
    pub collapsed: usize,
}

/// Where a figure stands among a null's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Share of null values at least as high.
    pub share: f64,
    /// One plus the number of null values that are higher: 1 is best.
    pub rank: usize,
    /// Number of null values.
    pub of: usize,
}

impl NullReport {
    /// Where `ours` stands among the draws.
    pub fn standing(&self, ours: f64) -> Standing {
        let of = self.values.len();
        let at_least = self.values.iter().filter(|&&value| value >= ours).count();
        let higher = self.values.iter().filter(|&&value| value > ours).count();
        Standing { share: at_least as f64 / of.max(1) as f64, rank: 1 + higher, of }
    }
}

/// What a draw came to.
#[derive(Clone, Copy)]
enum Outcome {
    Fitted { value: f64, folded: bool },
    Collapsed,
}

/// Fits directions for random classes of a base attribute in random order, with the same method and the same choice among restarts.
///
/// Each draw takes `width` distinct classes of `base` (whose own order is ignored) as an ordered attribute. A draw and its mirror
/// image are the same question, as the order may be found either way round, so each is fitted once; draws may repeat. Draws run in
/// parallel, and the result does not depend on the number of threads. `progress` is called with fits done and in all.
///
/// # Errors
/// [`Error::Option`] for a width outside 2 to the number of classes and for no draws, else as [`fit`](crate::fit()); every base class needs test rows.
pub fn null_distribution(
    base: &Task<'_>,
    null: &NullOptions,
    options: &ProbeOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<NullReport> {
    let classes = base.classes.len();
    if null.width < 2 || null.width > classes {
        let must = format!("between 2 and {classes}, the classes of `{}`", base.name);
        return Err(Error::Option { option: "width", got: null.width as f64, must });
    }
    if null.draws == 0 {
        return Err(Error::Option { option: "draws", got: 0.0, must: "at least 1".to_owned() });
    }
    base.groups()?;
    let draws: Vec<Vec<u32>> = (0..null.draws).map(|draw| random_classes(classes, null, draw)).collect();
    let mut questions: Vec<Vec<u32>> = draws.iter().map(|draw| canonical(draw)).collect();
    questions.sort();
    questions.dedup();
    // The interval of a draw is never read.
    let options = ProbeOptions { bootstrap: 0, ..options.clone() };
    let done = AtomicUsize::new(0);
    let outcomes: Result<BTreeMap<Vec<u32>, Outcome>> = questions
        .par_iter()
        .map(|question| {
            let outcome = answer(base, question, &options)?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, questions.len());
            Ok((question.clone(), outcome))
        })
        .collect();
    Ok(report(base, null.width, draws, &outcomes?))
}

fn random_classes(classes: usize, null: &NullOptions, draw: usize) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(null.seed);
    rng.set_stream(draw as u64);
    let mut all: Vec<u32> = (0..classes as u32).collect();
    all.shuffle(&mut rng);
    all.truncate(null.width);
    all
}

/// The draw or its mirror image, whichever starts with the smaller class.
fn canonical(draw: &[u32]) -> Vec<u32> {
    let mut classes = draw.to_vec();
    if classes.first() > classes.last() {
        classes.reverse();
    }
    classes
}

fn answer(base: &Task<'_>, question: &[u32], options: &ProbeOptions) -> Result<Outcome> {
    let rank = |class: u32| question.iter().position(|&c| c == class).map(|rank| rank as u32);
    let labels: Vec<Option<u32>> = base.labels.iter().map(|label| label.and_then(rank)).collect();
    let classes: Vec<String> = question.iter().map(|&class| base.classes[class as usize].clone()).collect();
    let order: Vec<u32> = (0..question.len() as u32).collect();
    let task = Task { classes: &classes, order: &order, labels: &labels, ..*base };
    match fit(&task, options, &|_, _| {}) {
        Ok(direction) => fitted(&task, &direction),
        Err(Error::AllCollapsed { .. }) => Ok(Outcome::Collapsed),
        Err(error) => Err(error),
    }
}

fn fitted(task: &Task<'_>, direction: &Direction) -> Result<Outcome> {
    match direction.evidence.min_adjacent_auc {
        Some(value) => Ok(Outcome::Fitted { value, folded: direction.verdict == Verdict::Folded }),
        None => Err(task.no_labelled_row(crate::Split::Test)),
    }
}

fn report(base: &Task<'_>, width: usize, draws: Vec<Vec<u32>>, outcomes: &BTreeMap<Vec<u32>, Outcome>) -> NullReport {
    let (mut values, mut folded, mut collapsed) = (Vec::with_capacity(draws.len()), 0, 0);
    for draw in &draws {
        match outcomes[&canonical(draw)] {
            Outcome::Fitted { value, folded: is_folded } => {
                values.push(value);
                folded += usize::from(is_folded);
            }
            Outcome::Collapsed => {
                values.push(COLLAPSED_VALUE);
                collapsed += 1;
            }
        }
    }
    NullReport { attribute: base.owned_name(), width, values, draws, folded, collapsed }
}
