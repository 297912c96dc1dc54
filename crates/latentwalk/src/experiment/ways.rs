//! Ways to reach another value of an attribute, from the article's own to what an oracle would do.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use latentwalk_images::{Dataset, Label, Split};
use latentwalk_lines::{Course, Metric, PreservationFigures, PreservationStudy, Stops, Way};
use latentwalk_probe::{Direction, MethodChoice, ProbeOptions, Standardize, Task, pattern_weights};
use ndarray::{Array2, Axis};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::stage::course::{self, Scene};
use crate::stage::shared::Question;
use crate::stages::Job;

/// How far a slab reaches from the wanted value's median back towards the other one, as a share of the gap: half way.
const HALF_WAY: f64 = 0.5;
/// The same, for walks that stay close to the median.
const CLOSE: f64 = 0.3;
/// Added to the residual covariance's diagonal, as a share of the mean variance.
const SHRINKAGE: f64 = 1e-4;

/// Everything that the ways of one attribute share.
pub(super) struct Ground<'a> {
    scene: &'a Scene,
    pub(super) question: &'a Question,
    direction: &'a Direction,
    probe: &'a ProbeOptions,
    seed: u64,
    /// Every exclusive attribute of the data set.
    pub(super) attributes: Vec<Question>,
    /// Index of the attribute that changes among them.
    pub(super) target: usize,
    /// Dataset rows of the starts.
    pub(super) starts: Vec<usize>,
    /// Dataset row of the twin of a start, by its place and the wanted class.
    twins: BTreeMap<(usize, u32), usize>,
    train: Vec<usize>,
    start_z: Array2<f32>,
    pool_z: Array2<f32>,
    start_labels: Vec<Vec<Option<u32>>>,
    pool_labels: Vec<Vec<Option<u32>>>,
}

impl<'a> Ground<'a> {
    /// Starts are the held-out originals of twin sets, or held-out images where there are no twins.
    pub(super) fn new(job: &'a Job<'a>, scene: &'a Scene, attribute: &str) -> Result<Self> {
        let dataset = &scene.points.dataset;
        let at = scene.questions.iter().position(|q| q.name == attribute);
        let at = at.with_context(|| format!("the run has no direction of `{attribute}`"))?;
        let attributes: Vec<Question> =
            (0..dataset.attributes.len()).filter_map(|index| Question::exclusive(dataset, index)).collect();
        let target = attributes.iter().position(|q| q.name == attribute);
        let target = target.with_context(|| format!("`{attribute}` has several labels at once"))?;
        let starts = starts(job, dataset, target)?;
        let twins = twins(dataset, &starts, &attributes[target]);
        let of = |rows: &[usize]| -> Vec<Vec<Option<u32>>> {
            attributes.iter().map(|q| rows.iter().map(|&row| q.labels[row]).collect()).collect()
        };
        Ok(Self {
            scene,
            question: &scene.questions[at],
            direction: &scene.directions[at],
            probe: &job.config.probe.options,
            seed: job.config.walks.seed,
            target,
            twins,
            train: dataset.rows(Split::Train),
            start_z: scene.points.select(&starts),
            pool_z: scene.points.select(&scene.pool),
            start_labels: of(&starts),
            pool_labels: of(&scene.pool),
            starts,
            attributes,
        })
    }

    /// Dataset row of the exact twin of a start with a wanted class.
    pub(super) fn twin(&self, start: usize, class: u32) -> Option<usize> {
        self.twins.get(&(start, class)).copied()
    }

    /// Calls `work` with the study of this attribute.
    pub(super) fn study<T>(&self, work: impl FnOnce(&PreservationStudy<'_>) -> Result<T>) -> Result<T> {
        let z = &self.scene.points.z;
        let twin = |start: usize, class: u32| self.twin(start, class).map(|row| z.row(row).to_vec());
        work(&PreservationStudy {
            pool: self.pool_z.view(),
            pool_labels: &self.pool_labels,
            starts: self.start_z.view(),
            start_labels: &self.start_labels,
            target: self.target,
            classes: self.question.classes.len(),
            twins: &twin,
        })
    }

    fn classes(&self) -> u32 {
        self.question.classes.len() as u32
    }

    fn euclidean(&self) -> Result<Metric> {
        Ok(Metric::euclidean(self.scene.points.z.ncols())?)
    }

    /// Mahalanobis distance by what no attribute explains.
    fn residual(&self) -> Result<Metric> {
        Ok(course::residual(&self.scene.points, &self.train, SHRINKAGE)?)
    }

    /// Train rows of a class.
    fn members(&self, labels: &[Option<u32>], class: u32) -> Vec<usize> {
        self.train.iter().copied().filter(|&row| labels[row] == Some(class)).collect()
    }

    fn mean(&self, class: u32) -> Vec<f64> {
        self.mean_of(&self.members(&self.question.labels, class))
    }

    fn mean_of(&self, rows: &[usize]) -> Vec<f64> {
        let z = self.scene.points.z.select(Axis(0), rows).mapv(f64::from);
        z.mean_axis(Axis(0)).map_or_else(Vec::new, |mean| mean.to_vec())
    }

    /// Median positions of every class on the train split along some weights.
    fn medians(&self, weights: &[f64]) -> Vec<f64> {
        let position =
            |row: usize| self.scene.points.z.row(row).iter().zip(weights).map(|(&v, w)| f64::from(v) * w).sum::<f64>();
        let of = |class| median(self.members(&self.question.labels, class).into_iter().map(position).collect());
        (0..self.classes()).map(of).collect()
    }
}

/// The middle value.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n => (values[(n - 1) / 2] + values[n / 2]) / 2.0,
    }
}

fn starts(job: &Job<'_>, dataset: &Dataset, target: usize) -> Result<Vec<usize>> {
    let labelled = |row: &usize| !matches!(dataset.items[*row].labels[target], Label::Missing);
    let test: Vec<usize> = dataset.rows(Split::Test).into_iter().filter(labelled).collect();
    // A twin's id begins with its original's.
    let ids: Vec<&str> = dataset.items.iter().map(|item| item.id.as_str()).collect();
    let has_twin =
        |row: &usize| ids.iter().any(|id| id.strip_prefix(ids[*row]).is_some_and(|rest| rest.starts_with('-')));
    let mut starts: Vec<usize> = test.iter().copied().filter(has_twin).collect();
    if starts.is_empty() {
        starts = test;
        starts.truncate(job.config.walks.starts);
    }
    anyhow::ensure!(!starts.is_empty(), "no held-out image is labelled");
    Ok(starts)
}

fn twins(dataset: &Dataset, starts: &[usize], question: &Question) -> BTreeMap<(usize, u32), usize> {
    let rows: BTreeMap<&str, usize> = dataset.items.iter().enumerate().map(|(row, i)| (i.id.as_str(), row)).collect();
    let mut twins = BTreeMap::new();
    for (place, &start) in starts.iter().enumerate() {
        for (class, name) in (0u32..).zip(&question.classes) {
            let id = latentwalk_garments::twin_id(&dataset.items[start].id, &question.name, name);
            twins.extend(rows.get(id.as_str()).map(|&row| ((place, class), row)));
        }
    }
    twins
}

/// What a way is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The article's, as it stands.
    Article,
    /// A change of one part of it.
    Change,
    /// What it has to be measured against.
    Yardstick,
}

/// One way and what it reaches.
pub(super) struct Found {
    pub(super) name: &'static str,
    /// What it does, in words.
    pub(super) what: &'static str,
    pub(super) role: Role,
    pub(super) figures: PreservationFigures,
}

/// The article's own way.
pub(super) const ARTICLE: &str = "article's walk";
/// The way that reaches most.
pub(super) const BEST: &str = "against the rest, residual, close";
/// The yardstick that knows the labels.
pub(super) const ORACLE: &str = "label oracle";
/// The yardstick that knows nothing.
pub(super) const RANDOM: &str = "random direction";

/// The article's way alone: one direction, euclidean distance, the class-median stop.
pub(super) fn article(job: &Job<'_>, scene: &Scene, attribute: &str) -> Result<PreservationFigures> {
    let ground = Ground::new(job, scene, attribute)?;
    let courses = ground.single(&ground.direction.weights)?;
    ground.along(&ground.euclidean()?, &courses)
}

/// [`BEST`] alone.
pub(super) fn best(job: &Job<'_>, scene: &Scene, attribute: &str) -> Result<PreservationFigures> {
    let ground = Ground::new(job, scene, attribute)?;
    ground.along(&ground.residual()?, &ground.against_rest(CLOSE)?)
}

/// Every way.
pub(super) fn all(ground: &Ground<'_>) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut add = |role, name, what, figures| found.push(Found { name, what, role, figures });
    let (plain, residual) = (ground.euclidean()?, ground.residual()?);
    let train_z = ground.scene.points.select(&ground.train);
    let whitened = Metric::whitened(train_z.view())?;
    let labels = &ground.question.labels;
    let classes = ground.question.classes.len();
    let within = Metric::within_class(ground.scene.points.view(), labels, &ground.train, classes, SHRINKAGE)?;

    let single = ground.single(&ground.direction.weights)?;
    let what = "the probe's direction, plain distance, the slab of the class-median stop";
    add(Role::Article, ARTICLE, what, ground.along(&plain, &single)?);
    let what = "the same in whitened space, where the line moves along the pattern vector";
    add(Role::Change, "whitened", what, ground.along(&whitened, &single)?);
    add(Role::Change, "within-class", "the same in the within-class metric", ground.along(&within, &single)?);
    add(Role::Change, "residual", "the same in the residual metric", ground.along(&residual, &single)?);
    let pattern = pattern_weights(&ground.direction.weights, train_z.view());
    let what = "the direction's pattern vector (Haufe) instead of its weights, plain distance";
    add(Role::Change, "pattern vector", what, ground.along(&plain, &ground.single(&pattern)?)?);
    let conditional = ground.single(&ground.conditional(&ground.direction.weights))?;
    let what = "the direction without its part in the span of the other attributes' class means, plain distance";
    add(Role::Change, "others projected out", what, ground.along(&plain, &conditional)?);

    let what = "for each pair of values the difference of their means, plain distance";
    add(Role::Yardstick, "class-mean difference", what, ground.along(&plain, &ground.differences(&plain)?)?);
    let differences = ground.differences(&residual)?;
    let what = "the same in the residual metric";
    add(Role::Change, "class-mean difference, residual", what, ground.along(&residual, &differences)?);
    let rest = ground.against_rest(HALF_WAY)?;
    let what = "for each value the direction of logistic regression against all others, plain distance";
    add(Role::Change, "against the rest", what, ground.along(&plain, &rest)?);
    let what = "the same in the residual metric";
    add(Role::Change, "against the rest, residual", what, ground.along(&residual, &rest)?);
    let what = "the same, the slab reaching 0.3 instead of 0.5 of the way back from the class median";
    add(Role::Change, BEST, what, ground.along(&residual, &ground.against_rest(CLOSE)?)?);

    let run = |way: Way<'_>| ground.study(|study| Ok(study.run(&way)?));
    let what = "the image nearest to the start";
    add(Role::Yardstick, "nearest neighbour", what, run(Way::Nearest { metric: &plain })?);
    let what = "a fresh random direction for every start, class medians along it as stops";
    add(Role::Yardstick, RANDOM, what, ground.along(&plain, &ground.random()?)?);
    let what = "the image nearest to the start among those labelled with the wanted value";
    add(Role::Yardstick, ORACLE, what, run(Way::Labelled { metric: &plain })?);
    let oracle = run(Way::Labelled { metric: &residual })?;
    add(Role::Yardstick, "label oracle, residual", "the same in the residual metric", oracle);
    Ok(found)
}

/// The course from a start, by its place, to a class.
type Courses<'a> = Box<dyn Fn(usize, u32) -> Option<Course> + Sync + 'a>;

impl Ground<'_> {
    fn along(&self, metric: &Metric, courses: &Courses<'_>) -> Result<PreservationFigures> {
        self.study(|study| Ok(study.run(&Way::Line { metric, course: courses.as_ref() })?))
    }

    /// One direction for all: every class's median is a stop, its slab reaches half way to its neighbours.
    fn single<'s>(&'s self, weights: &[f64]) -> Result<Courses<'s>> {
        let slabs = slabs(&self.medians(weights))?;
        let weights = weights.to_vec();
        Ok(Box::new(move |_, class| Some(Course { weights: weights.clone(), slab: *slabs.get(class as usize)? })))
    }

    /// From class to class along the difference of their means, in the metric.
    fn differences<'s>(&'s self, metric: &Metric) -> Result<Courses<'s>> {
        let means: Vec<Vec<f64>> = (0..self.classes()).map(|class| self.mean(class)).collect();
        let mut courses = BTreeMap::new();
        for from in 0..self.classes() {
            for to in (0..self.classes()).filter(|&to| to != from) {
                let way: Vec<f64> =
                    means[to as usize].iter().zip(&means[from as usize]).map(|(to, from)| to - from).collect();
                let weights = metric.weights_along(&way)?;
                let medians = self.medians(&weights);
                let (start, end) = (medians[from as usize], medians[to as usize]);
                courses.insert((from, to), Course::towards(weights, start, end, HALF_WAY)?);
            }
        }
        let labels = &self.start_labels[self.target];
        Ok(Box::new(move |start, to| courses.get(&(labels[start]?, to)).cloned()))
    }

    /// To each class along the direction that tells it from all the others: logistic regression, as for two classes.
    fn against_rest<'s>(&'s self, reach: f64) -> Result<Courses<'s>> {
        let names = ["other".to_owned(), "wanted".to_owned()];
        let mut courses = Vec::new();
        for class in 0..self.classes() {
            let labels: Vec<Option<u32>> =
                self.question.labels.iter().map(|label| label.map(|known| u32::from(known == class))).collect();
            let task = Task {
                name: &self.question.name,
                classes: &names,
                order: &[0, 1],
                z: self.scene.points.view(),
                labels: &labels,
                splits: &self.scene.points.splits,
            };
            let options = ProbeOptions {
                method: MethodChoice::Logistic,
                standardize: Standardize::PerAxis,
                bootstrap: 0,
                ..self.probe.clone()
            };
            let direction = latentwalk_probe::fit(&task, &options, &|_, _| {})?;
            let medians: Vec<f64> =
                direction.evidence.train.iter().map(|s| s.as_ref().map_or(f64::NAN, |s| s.median())).collect();
            courses.push(Course::towards(direction.weights, medians[0], medians[1], reach)?);
        }
        Ok(Box::new(move |_, to| courses.get(to as usize).cloned()))
    }

    /// A fresh direction for every start, with the classes' medians along it as stops.
    fn random<'s>(&'s self) -> Result<Courses<'s>> {
        let mut courses = Vec::new();
        for start in 0..self.starts.len() {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(start as u64);
            let weights: Vec<f64> = (0..self.scene.points.z.ncols()).map(|_| gaussian(&mut rng)).collect();
            courses.push((slabs(&self.medians(&weights))?, weights));
        }
        Ok(Box::new(move |start, class| {
            let (slabs, weights) = courses.get(start)?;
            Some(Course { weights: weights.clone(), slab: *slabs.get(class as usize)? })
        }))
    }

    /// Weights without their part in the span of the other attributes' class-mean differences.
    ///
    /// **Source.** Conditional manipulation as in Shen et al., "Interpreting the latent space of GANs for semantic face
    /// editing" (InterFaceGAN).
    fn conditional(&self, weights: &[f64]) -> Vec<f64> {
        let mut basis: Vec<Vec<f64>> = Vec::new();
        for (_, other) in self.attributes.iter().enumerate().filter(|(at, _)| *at != self.target) {
            let means: Vec<Vec<f64>> = (0..other.classes.len() as u32)
                .map(|class| self.members(&other.labels, class))
                .filter(|rows| !rows.is_empty())
                .map(|rows| self.mean_of(&rows))
                .collect();
            for mean in means.iter().skip(1) {
                let way = mean.iter().zip(&means[0]).map(|(a, b)| a - b).collect();
                basis.extend(unit(without(way, &basis)));
            }
        }
        without(weights.to_vec(), &basis)
    }
}

/// The slab of every class: stops at the medians, each reaching half way to its neighbours.
fn slabs(medians: &[f64]) -> Result<Vec<(f64, f64)>> {
    let mut order: Vec<usize> = (0..medians.len()).collect();
    order.sort_by(|&a, &b| medians[a].total_cmp(&medians[b]));
    let stops = Stops::new(order.iter().map(|&class| medians[class]).collect())?;
    let mut slabs = vec![(0.0, 0.0); medians.len()];
    order.iter().enumerate().for_each(|(stop, &class)| slabs[class] = stops.slab(stop));
    Ok(slabs)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// A vector without its part in the span of orthonormal ones.
fn without(mut vector: Vec<f64>, basis: &[Vec<f64>]) -> Vec<f64> {
    for axis in basis {
        let part = dot(&vector, axis);
        vector.iter_mut().zip(axis).for_each(|(v, a)| *v -= part * a);
    }
    vector
}

/// The vector at length 1; `None` where it is rounding of a zero.
fn unit(vector: Vec<f64>) -> Option<Vec<f64>> {
    let length = dot(&vector, &vector).sqrt();
    (length > 1e-9).then(|| vector.iter().map(|v| v / length).collect())
}

/// A standard normal number, by Box and Muller.
fn gaussian(rng: &mut impl Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn slabs_belong_to_their_classes_whatever_the_order_of_the_medians() {
        assert_eq!(slabs(&[4.0, 0.0, 1.0]).unwrap(), [(2.5, 5.5), (-0.5, 0.5), (0.5, 2.5)]);
        assert!(slabs(&[1.0, 1.0]).is_err());
    }

    #[test]
    fn a_projection_leaves_nothing_along_the_basis() {
        let basis = [unit(vec![3.0, 4.0, 0.0]).unwrap()];
        let rest = without(vec![1.0, 2.0, 5.0], &basis);
        assert!(dot(&rest, &basis[0]).abs() < 1e-12 && (rest[2] - 5.0).abs() < 1e-12);
        assert_eq!(unit(vec![0.0; 3]), None);
    }

    #[test]
    fn medians_of_even_and_odd_counts() {
        assert_eq!((median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0, 2.0, 3.0])), (2.0, 2.5));
        assert!(median(Vec::new()).is_nan());
    }
}
