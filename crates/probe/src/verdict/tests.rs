//! Verdicts on made-up data of which the truth is known.
#![allow(clippy::unwrap_used)]

use latentwalk_testing::Numbers;
use ndarray::Array2;

use super::*;
use crate::{Direction, MethodChoice, Split, fit};

/// Rows per split: half train, a quarter validation, a quarter test.
const ROWS: usize = 800;
const WIDTH: usize = 6;

/// Data with an attribute of some classes and another one of three.
struct World {
    z: Array2<f32>,
    labels: Vec<Option<u32>>,
    others: Vec<Option<u32>>,
    splits: Vec<Split>,
    groups: Vec<usize>,
    classes: Vec<String>,
    order: Vec<u32>,
    noise: Array2<f32>,
    rows: Vec<usize>,
}

impl World {
    /// `place` says where a class and a value of the other attribute lie.
    fn new(classes: u32, order: &[u32], place: impl Fn(u32, u32, usize) -> f32) -> Self {
        let mut numbers = Numbers(11);
        // Three numbers summed: near enough to a bell.
        let mut bell = || numbers.one() + numbers.one() + numbers.one();
        let labels: Vec<u32> = (0..ROWS as u32).map(|row| row % classes).collect();
        let others: Vec<u32> = (0..ROWS as u32).map(|row| row / classes % 3).collect();
        let z = Array2::from_shape_fn((ROWS, WIDTH), |(row, axis)| place(labels[row], others[row], axis) + bell());
        Self {
            z,
            labels: labels.into_iter().map(Some).collect(),
            others: others.into_iter().map(Some).collect(),
            splits: (0..ROWS)
                .map(|row| [Split::Train, Split::Train, Split::Validation, Split::Test][row * 4 / ROWS])
                .collect(),
            groups: (0..ROWS).collect(),
            classes: (0..classes).map(|class| format!("c{class}")).collect(),
            order: order.to_vec(),
            noise: Array2::from_shape_fn((ROWS, WIDTH), |_| bell()),
            rows: (0..ROWS).collect(),
        }
    }

    fn task(&self) -> Task<'_> {
        Task {
            name: "a",
            classes: &self.classes,
            order: &self.order,
            z: self.z.view(),
            labels: &self.labels,
            splits: &self.splits,
        }
    }

    fn direction(&self) -> Direction {
        let method = if self.order.is_empty() { MethodChoice::Auto } else { MethodChoice::ProportionalOdds };
        fit(&self.task(), &ProbeOptions { method, restarts: 2, ..ProbeOptions::default() }, &|_, _| ()).unwrap()
    }

    fn card(&self) -> Card {
        let values = ["x", "y", "z"].map(String::from);
        let others = [Other { name: "b", classes: &values, labels: &self.others }];
        let baselines = [Baseline { name: "noise", rows: &self.rows, z: self.noise.view() }];
        let task = CardTask {
            task: self.task(),
            groups: &self.groups,
            direction: &self.direction(),
            others: &others,
            baselines: &baselines,
            trained: true,
        };
        let mut cards = [card(&task, &ProbeOptions::default(), &CardOptions::default()).unwrap()];
        decide(&mut cards);
        let [card] = cards;
        card
    }
}

fn answers(card: &Card) -> [Answer; 5] {
    card.findings().map(|finding| finding.answer)
}

use Answer::{No, Unclear, Yes};

#[test]
fn an_axis_that_holds_is_told_so() {
    // Four values along axis 0, the other attribute along axis 1.
    let world = World::new(4, &[0, 1, 2, 3], |a, b, axis| [2.5 * a as f32, 2.0 * b as f32, 0.0, 0.0, 0.0, 0.0][axis]);
    let card = world.card();
    assert_eq!(answers(&card), [Yes; 5], "{:#?}", card.findings());
    assert_eq!(card.exists.p, Some(1.0 / 201.0));
    assert_eq!((card.ordered.orders, card.ordered.train_rank, card.ordered.test_rank), (12, Some(1), Some(1)));
    assert!(card.ordered.straightness.unwrap() > 0.95);
    assert!(card.exists.baselines[0].auc < 0.6 && card.exists.advantage.unwrap() > 0.3);
    // Independent labels: no association, no excess.
    assert!(card.separate.others[0].cramers_v.unwrap() < 0.1);
    for Finding { sentence, .. } in card.findings() {
        assert!(sentence.ends_with('.') && !sentence.contains("NaN"), "{sentence}");
    }
}

#[test]
fn noise_is_never_told_to_be_an_axis() {
    let card = World::new(3, &[0, 1, 2], |_, _, _| 0.0).card();
    assert!(!answers(&card).contains(&Yes) || answers(&card)[4] == Yes, "{:#?}", card.findings());
    assert_ne!(card.exists.answer, Yes);
    assert_ne!(card.stable.answer, Yes);
    assert!(card.one_axis.answer == Unclear && card.one_axis.reason.is_some(), "{:?}", card.one_axis);
}

#[test]
fn the_wrong_order_is_refused_and_the_right_one_named() {
    let world = World::new(4, &[0, 2, 1, 3], |a, _, axis| if axis == 0 { 3.0 * a as f32 } else { 0.0 });
    let card = world.card();
    assert_eq!((card.ordered.answer, card.ordered.instead.as_deref()), (No, Some(&[0, 1, 2, 3][..])));
    assert!(card.findings()[1].sentence.contains("c0 < c1 < c2 < c3"), "{}", card.findings()[1].sentence);
}

#[test]
fn corners_of_a_simplex_are_no_axis() {
    let world = World::new(5, &[], |a, _, axis| if axis == a as usize { 6.0 } else { 0.0 });
    let card = world.card();
    assert_eq!(card.one_axis.answer, No, "{:?}", card.one_axis);
    assert_eq!((card.ordered.answer, card.ordered.reason.is_some()), (Unclear, true));
}

#[test]
fn an_axis_that_moves_another_attribute_is_told_so() {
    // The other attribute lies along the same axis.
    let world = World::new(2, &[0, 1], |a, b, axis| if axis == 0 { 2.0 * a as f32 + 1.5 * b as f32 } else { 0.0 });
    let card = world.card();
    assert_eq!(card.separate.answer, No, "{:?}", card.separate);
}

#[test]
fn association_of_labels_alone_is_no_entanglement() {
    // The other attribute has no place of its own: it follows the labels half of the time.
    let mut world = World::new(2, &[0, 1], |a, _, axis| if axis == 0 { 4.0 * a as f32 } else { 0.0 });
    for row in 0..ROWS {
        let follows = (row / 2) % 2 == 0;
        world.others[row] = if follows { world.labels[row] } else { Some((row / 4 % 2) as u32) };
    }
    let card = world.card();
    let other = &card.separate.others[0];
    assert!(other.cramers_v.unwrap() > 0.3 && other.values[0].auc.max(1.0 - other.values[0].auc) > 0.65, "{other:?}");
    assert_eq!(card.separate.answer, Yes, "{:?}", card.separate);
    // Labels that are the same are confounded: nothing can be said.
    world.others = world.labels.clone();
    let card = world.card();
    assert!(card.separate.answer == Unclear && card.separate.others[0].confounded(), "{:?}", card.separate);
}

#[test]
fn few_groups_leave_everything_unclear() {
    let mut world = World::new(2, &[0, 1], |a, _, axis| if axis == 0 { 4.0 * a as f32 } else { 0.0 });
    // A hundred rows of one label and one split are one group.
    world.groups = (0..ROWS).map(|row| 2 * (row / 200) + row % 2).collect();
    let card = world.card();
    assert_eq!(answers(&card)[0], Unclear, "{:?}", card.exists);
    assert_eq!(card.stable.answer, Unclear, "{:?}", card.stable);
    assert!(card.exists.reason.as_ref().unwrap().contains("(1; 10 are needed)"), "{:?}", card.exists.reason);
}

#[test]
fn the_same_task_gives_the_same_card_whatever_the_threads() {
    let world = World::new(3, &[0, 1, 2], |a, _, axis| if axis == 0 { a as f32 } else { 0.0 });
    let one = latentwalk_testing::on_threads(1, || world.card());
    let three = latentwalk_testing::on_threads(3, || world.card());
    assert_eq!(one, three);
}
