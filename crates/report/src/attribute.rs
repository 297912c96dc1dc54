//! The section of one attribute as plain data.

use serde::{Deserialize, Serialize};

use crate::evidence::{Comparison, Failures};

/// What kind of labels an attribute has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Classes with a declared order.
    Ordered,
    /// Classes without one.
    #[default]
    Nominal,
    /// Several labels at once.
    Multi,
}

impl Kind {
    /// The kind's name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ordered => "ordered",
            Kind::Nominal => "nominal",
            Kind::Multi => "multi",
        }
    }
}

/// How good a verdict is: decides the colour and the mark of its badge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// A success.
    Good,
    /// To be taken with care.
    Caution,
    /// Not a success.
    Bad,
    /// Nothing is claimed.
    #[default]
    Neutral,
}

/// What is to be thought of a direction: a badge and one sentence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Colour and mark.
    pub tone: Tone,
    /// Two or three words.
    pub badge: String,
    /// One sentence.
    pub sentence: String,
}

impl Verdict {
    /// The classes stand in the declared order, and the weakest adjacent pair has this AUC. Below `enough` the tone is
    /// [`Tone::Caution`].
    pub fn ordered(min_adjacent_auc: f64, enough: f64) -> Self {
        let tone = if min_adjacent_auc >= enough { Tone::Good } else { Tone::Caution };
        let auc = crate::number::share(Some(min_adjacent_auc));
        let sentence = format!("The classes stand in the declared order; min adjacent AUC {auc} on held-out images.");
        Self { tone, badge: "ordered".into(), sentence }
    }

    /// Two classes are told apart with this AUC. Below `enough` the tone is [`Tone::Caution`].
    pub fn separated(auc: f64, enough: f64) -> Self {
        let tone = if auc >= enough { Tone::Good } else { Tone::Caution };
        let auc = crate::number::share(Some(auc));
        let sentence = format!("The two classes separate along the direction; AUC {auc} on held-out images.");
        Self { tone, badge: "separated".into(), sentence }
    }

    /// The classes do not stand in the declared order.
    pub fn folded(min_adjacent_auc: f64) -> Self {
        let auc = crate::number::share(Some(min_adjacent_auc));
        let sentence = format!(
            "Folded: the class medians do not stand in the declared order (min adjacent AUC {auc}). Not a success."
        );
        Self { tone: Tone::Bad, badge: "folded".into(), sentence }
    }

    /// The attribute has no order, so none is claimed.
    pub fn nominal() -> Self {
        let sentence = "Nominal: no order is claimed; the direction shows which classes it tells apart.";
        Self { tone: Tone::Neutral, badge: "nominal".into(), sentence: sentence.into() }
    }
}

/// The answer of a [`Claim`].
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
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unclear => "unclear",
        }
    }
}

/// What may be said of a direction: a question, its answer, and one sentence with the figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// One or two words, e.g. `ordered`.
    pub question: String,
    /// The answer.
    pub answer: Answer,
    /// One sentence.
    pub sentence: String,
}

/// Everything about one attribute's direction.
///
/// **Units and conventions.** Every position is the absolute coordinate of a point's projection on the unit direction
/// in raw PCA space.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AttributeSection {
    /// The attribute.
    pub name: String,
    /// What kind of labels it has.
    pub kind: Kind,
    /// The declared order, from low to high; may name a subset of the classes, empty where there is none.
    pub order: Vec<String>,
    /// The verdict, shown here and at the head of the page.
    pub verdict: Verdict,
    /// What may be said of the direction, question by question.
    pub claims: Vec<Claim>,
    /// How the direction was found, e.g. `bottleneck probe`.
    pub method: String,
    /// The method's settings, name and value.
    pub settings: Vec<(String, String)>,
    /// What became of the seeded restarts.
    pub restarts: Option<Restarts>,
    /// The split whose positions are drawn, e.g. `test`.
    pub split: String,
    /// The classes with their positions.
    pub classes: Vec<ClassPositions>,
    /// AUC of pairs of classes along the direction.
    pub pairwise_auc: Vec<PairAuc>,
    /// The probe's class probabilities along the direction.
    pub probabilities: Option<Probabilities>,
    /// What other classes reach in random order.
    pub null: Option<Null>,
    /// How well walks along the direction do.
    pub walks: Option<Walks>,
    /// Lines toward each value: do they arrive, and does the rest stay?
    pub toward: Option<Toward>,
    /// Walks as rows of images.
    pub strips: Vec<Strip>,
    /// The article's walk and the line toward a value, from the same starts.
    pub comparisons: Vec<Comparison>,
    /// The walks that went worst, and the images in which many walks meet.
    pub failures: Option<Failures>,
}

/// What became of the seeded restarts of a probe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Restarts {
    /// How many there were.
    pub total: usize,
    /// How many collapsed to a constant.
    pub collapsed: usize,
    /// How many stood in the declared order on validation rows; `None` without an order.
    pub in_order: Option<usize>,
}

/// The positions of one class's images along the direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassPositions {
    /// The class.
    pub name: String,
    /// Images of the class in the train split.
    pub train: usize,
    /// Positions of the held-out images; their number is the count of that split.
    pub held_out: Vec<f64>,
}

/// How well a direction puts one class before another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PairAuc {
    /// The class expected at the lower end.
    pub lower: String,
    /// The class expected at the upper end.
    pub upper: String,
    /// Probability that an image of `upper` stands further along than one of `lower`, ties counted half.
    pub auc: Option<f64>,
}

/// Class probabilities as functions of the position.
///
/// **Shapes.** Each curve has as many values as there are positions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probabilities {
    /// Where they were computed, ascending.
    pub positions: Vec<f64>,
    /// Class and probability at each position; one that is not finite leaves a gap.
    #[serde(deserialize_with = "crate::plain::curves")]
    pub curves: Vec<(String, Vec<f64>)>,
}

/// The same figure for other classes in random order: classes of the same network, so that it is no level of chance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Null {
    /// What the figure is, e.g. `min adjacent AUC`.
    pub statistic: String,
    /// How they were drawn, e.g. `200 random triples of classes in random order`.
    pub drawn: String,
    /// The figure of each draw; values that are not finite are left out and counted.
    #[serde(deserialize_with = "crate::plain::list")]
    pub values: Vec<f64>,
    /// Ours.
    pub ours: Option<f64>,
}

/// Figures of many walks, and what is reached without the line on the same starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Walks {
    /// How many start images.
    pub starts: usize,
    /// The starts' split.
    pub start_split: String,
    /// Where images are retrieved from, in words.
    pub pool: String,
    /// Stops a walk.
    pub stops: usize,
    /// The highest Spearman's correlation that a walk can have over these stops and classes.
    pub spearman_ceiling: Option<f64>,
    /// The metric of the distances on the cards, e.g. `within-class`.
    pub metric: String,
    /// One row a metric, then the baselines.
    pub rows: Vec<WalkRow>,
}

/// Lines toward each value of an attribute, and what is reached otherwise, in the same cases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Toward {
    /// The way of the lines and why it is the default, in words.
    pub way: String,
    /// What a case is, by what is kept judged, what is left out: sentences.
    pub note: String,
    /// The lines first, then the article's walk, then what does without a line.
    pub rows: Vec<TowardRow>,
    /// Some starts with what was found for each value.
    pub strips: Vec<TowardStrip>,
}

/// One image, and what was found for each value that it does not have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TowardStrip {
    /// Where the lines start; positions are not shown.
    pub start: Card,
    /// The wanted value, and the image that was found; `None` where the value's slab is empty.
    pub found: Vec<(String, Option<Card>)>,
}

/// What one way reaches over all cases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TowardRow {
    /// The way.
    pub name: String,
    /// Whether it is a way of walking or a comparison.
    pub role: WalkRole,
    /// Whether it is the default.
    pub default: bool,
    /// Share of the cases in which the image found has the wanted value.
    pub hit: Option<f64>,
    /// The 95 % interval of `hit`, in words.
    pub interval: String,
    /// What stays of the rest, from chance (0) to the best that the pool allows (1).
    pub kept: Option<f64>,
    /// Mean of hit times the share of the rest that stays.
    pub joint: Option<f64>,
}

/// Whether a row is a way of walking or a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalkRole {
    /// A metric in which the line's nearest images are sought.
    #[default]
    Metric,
    /// What is reached without the direction.
    Baseline,
}

/// Figures of the walks of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WalkRow {
    /// The metric or the baseline.
    pub name: String,
    /// Which of the two it is.
    pub role: WalkRole,
    /// Whether it is the default, chosen on validation starts.
    pub default: bool,
    /// Median over walks of Spearman's correlation between stop and retrieved class rank.
    pub median_spearman: Option<f64>,
    /// Share of walks that meet every class of the order.
    pub all_visited: Option<f64>,
    /// Share of stops whose image carries a label of the attribute.
    pub on_attribute: Option<f64>,
    /// Share of walks in which the image stands that stands in most of them.
    pub most_frequent: Option<f64>,
}

/// One walk: a start image and what lies nearest to its line at each stop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Strip {
    /// A remark, e.g. `random direction`; may be empty.
    pub caption: String,
    /// The start image.
    pub start: Card,
    /// The stops; drawn in ascending position.
    pub stops: Vec<StopCard>,
}

/// A stop of a walk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StopCard {
    /// The stop's coordinate.
    pub position: f64,
    /// The image found in the stop's slab; `None` where the slab is empty.
    pub card: Option<Card>,
}

/// One image with what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Index into [`Report::images`](crate::Report::images); `None` where there is no picture.
    pub image: Option<usize>,
    /// The image's id.
    pub id: String,
    /// Its split.
    pub split: String,
    /// Its position along the direction.
    pub position: f64,
    /// Its distance from the line; `None` for the start.
    pub distance: Option<f64>,
    /// Its label of the section's attribute.
    pub label: Option<String>,
    /// Its labels of other attributes.
    pub others: Vec<(String, Option<String>)>,
}
