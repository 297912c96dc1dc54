#![allow(clippy::unwrap_used)]

use ndarray::{Array2, array};

use super::*;
use crate::{Metric, Space, StopResult};

/// Two attributes on a grid: axis 0 is the target's value, axis 1 the other one's, both 0 to 2; four images of each pair.
fn pool() -> (Array2<f32>, Vec<Vec<Option<u32>>>) {
    let rows: Vec<(u32, u32, u32)> =
        (0..3).flat_map(|a| (0..3).flat_map(move |b| (0..4).map(move |i| (a, b, i)))).collect();
    let z = Array2::from_shape_fn((rows.len(), 2), |(row, axis)| {
        let (a, b, i) = rows[row];
        [a as f32 + 0.01 * i as f32, b as f32 - 0.01 * i as f32][axis]
    });
    let labels = vec![rows.iter().map(|r| Some(r.0)).collect(), rows.iter().map(|r| Some(r.1)).collect()];
    (z, labels)
}

fn lines(slant: f64) -> Vec<LineToValue> {
    let line = |value: f64| LineToValue { weights: vec![1.0, slant], slab: (value - 0.5, value + 0.5) };
    vec![line(0.0), line(1.0), line(2.0)]
}

fn way(metric: &Metric, slant: f64) -> ValueLines {
    ValueLines { metric: metric.clone(), lines: lines(slant), courses: Vec::new(), places: Vec::new() }
}

struct World {
    pool: Array2<f32>,
    pool_labels: Vec<Vec<Option<u32>>>,
    pool_groups: Vec<usize>,
    starts: Array2<f32>,
    start_labels: Vec<Vec<Option<u32>>>,
    start_groups: Vec<usize>,
}

impl World {
    fn new() -> Self {
        let (pool, pool_labels) = pool();
        let starts = array![[0.0_f32, 0.0], [1.0, 2.0], [2.0, 1.0]];
        let start_labels = vec![vec![Some(0), Some(1), Some(2)], vec![Some(0), Some(2), Some(1)]];
        let pool_groups = (100..100 + pool.nrows()).collect();
        Self { pool, pool_labels, pool_groups, starts, start_labels, start_groups: vec![0, 1, 2] }
    }

    fn study(&self) -> TowardStudy<'_> {
        TowardStudy {
            pool: self.pool.view(),
            pool_labels: &self.pool_labels,
            pool_groups: &self.pool_groups,
            starts: self.starts.view(),
            start_labels: &self.start_labels,
            start_groups: &self.start_groups,
            target: 0,
            classes: 3,
        }
    }
}

#[test]
fn a_line_along_the_target_hits_and_keeps_and_one_along_the_other_does_not() {
    let world = World::new();
    let cases = world.study().cases().unwrap();
    assert_eq!((cases.len(), cases.informative(), cases.absent()), (6, &[1][..], &[][..]));
    let metric = Metric::euclidean(2).unwrap();
    let straight = cases.along(&way(&metric, 0.0)).unwrap();
    let found = cases.figures(&straight, 1);
    assert_eq!((found.hit, found.joint, found.hit_interval), (1.0, Some(1.0), (1.0, 1.0)));
    let kept = found.kept.unwrap();
    // Of the three values of the other attribute one is the start's: chance is a third.
    assert!((kept.by_chance - 1.0 / 3.0).abs() < 1e-12 && kept.ceiling == 1.0 && kept.corrected == 1.0);
    let slanted = cases.along(&way(&metric, 1.0)).unwrap();
    let other = cases.figures(&slanted, 1);
    assert!(other.joint.unwrap() < 0.7, "{other:?}");
    let scores = |answers: &[Answer]| answers.iter().map(Answer::joint).collect::<Vec<_>>();
    let chosen = choose(&cases, &[scores(&slanted), scores(&straight), scores(&straight)], 7).unwrap();
    assert_eq!(chosen, Chosen { way: 1, runner_up: Some(2) }, "the earlier of two equal ones");
}

#[test]
fn unlabelled_and_missing_images_are_failures() {
    let mut world = World::new();
    // Every image of value 2 loses its label: nothing leads there, and it is named.
    let blank = |label: &mut Option<u32>| *label = label.filter(|&l| l != 2);
    world.pool_labels[0].iter_mut().for_each(blank);
    let cases = world.study().cases().unwrap();
    assert_eq!((cases.len(), cases.absent()), (4, &[2][..]));
    let metric = Metric::euclidean(2).unwrap();
    let mut far = lines(0.0);
    far[0].slab = (1.6, 2.5);
    far[1].slab = (9.0, 10.0);
    let found = cases.figures(&cases.along(&ValueLines { lines: far, ..way(&metric, 0.0) }).unwrap(), 1);
    assert_eq!((found.hit, found.unlabelled, found.missed, found.joint), (0.0, 2, 2, Some(0.0)));
    assert_eq!((found.kept, &found.hit_by_value[..]), (None, &[Some(0.0), Some(0.0), None][..]));
}

#[test]
fn images_of_the_starts_group_are_never_found() {
    let mut world = World::new();
    world.pool_groups.fill(1);
    world.pool_groups[0] = 5;
    let cases = world.study().cases().unwrap();
    let metric = Metric::euclidean(2).unwrap();
    let answers = cases.along(&way(&metric, 0.0)).unwrap();
    let of_the_second: Vec<_> = answers.iter().filter(|a| a.start == 1).map(|a| a.row).collect();
    assert_eq!(of_the_second, [Some(0), None]);
    let nearest = cases.nearest(&metric, |_, _| true).unwrap();
    assert!(nearest.iter().filter(|a| a.start == 1).all(|a| a.row == Some(0)));
}

#[test]
fn an_attribute_that_cannot_be_kept_is_not_judged() {
    let mut world = World::new();
    // The other attribute is the target under another name: no image of another value can keep it.
    world.pool_labels[1] = world.pool_labels[0].clone();
    world.start_labels[1] = world.start_labels[0].clone();
    let cases = world.study().cases().unwrap();
    assert!(cases.informative().is_empty());
    let metric = Metric::euclidean(2).unwrap();
    let answers = cases.along(&way(&metric, 0.0)).unwrap();
    let found = cases.figures(&answers, 1);
    assert_eq!((found.hit, found.kept, found.joint), (1.0, None, None));
    let closeness = cases.closeness(&metric, &[answers.clone(), answers]).unwrap();
    assert_eq!(closeness[0], closeness[1]);
    assert!(closeness[0].iter().all(|&c| c > 0.6), "{closeness:?}");
}

#[test]
fn a_line_is_drawn_along_its_course_and_arrives_in_its_slab() {
    let world = World::new();
    let cases = world.study().cases().unwrap();
    let metric = Metric::euclidean(2).unwrap();
    // The slab is that of the target, but the line runs along both axes: it loses the other attribute.
    let crooked = ValueLines { courses: vec![vec![1.0, 1.0]; 3], ..way(&metric, 0.0) };
    let found = cases.figures(&cases.along(&crooked).unwrap(), 1);
    assert!(found.hit == 1.0 && found.joint.unwrap() < 0.7, "{found:?}");
    assert!(cases.along(&ValueLines { courses: vec![vec![1.0, 1.0]; 2], ..way(&metric, 0.0) }).is_err());
}

#[test]
fn a_line_runs_from_the_place_of_the_starts_value() {
    let world = World::new();
    let cases = world.study().cases().unwrap();
    let metric = Metric::euclidean(2).unwrap();
    // Value 1 lies off the straight line from 0 to 2.
    let places = vec![vec![0.0, 0.0], vec![1.0, 4.0], vec![2.0, 0.0]];
    let bent = ValueLines { places: places.clone(), ..way(&metric, 0.0) };
    assert_eq!(bent.course(Some(0), 2).unwrap(), [2.0, 0.0]);
    assert_eq!(bent.course(Some(1), 2).unwrap(), [1.0, -4.0]);
    assert_eq!(bent.course(None, 1).unwrap(), [1.0, 4.0], "from where all values together lie");
    let answers = cases.along(&bent).unwrap();
    let kept = |start: usize, to: u32| answers.iter().find(|a| (a.start, a.to) == (start, to)).unwrap().kept.unwrap();
    assert_eq!((kept(0, 2), kept(2, 0)), (1.0, 1.0), "along the axis the other attribute stays");
    assert_eq!(kept(0, 1), 0.0, "a line that climbs loses it");
    assert!(cases.along(&ValueLines { places: places[..2].to_vec(), ..bent }).is_err());
}

#[test]
fn a_strip_ends_with_the_answer_and_holds_no_image_twice() {
    let world = World::new();
    let cases = world.study().cases().unwrap();
    let metric = Metric::euclidean(2).unwrap();
    let places = ValueLines { places: vec![vec![0.0, 0.0], vec![1.0, 0.1], vec![2.0, -0.1]], ..way(&metric, 0.2) };
    let space = Space::new(metric.clone(), world.pool.view()).unwrap();
    for way in [way(&metric, 0.3), places] {
        for answer in cases.along(&way).unwrap() {
            let walk = TowardWalk {
                space: &space,
                pool: world.pool.view(),
                start: world.starts.row(answer.start),
                from: world.start_labels[0][answer.start],
                to: answer.to,
                stops: 5,
                kept: &[],
            };
            let (knob, left) = way.knob(&walk).unwrap();
            let strip: Vec<StopResult> = knob.walk(None, 2, |_| true).unwrap().into_iter().map(|stop| stop.1).collect();
            assert_eq!((strip.len(), left), (5, 1.0));
            assert_eq!(strip[4].hits.first().map(|hit| hit.row), answer.row);
            let mut rows: Vec<usize> = strip.iter().flat_map(|stop| &stop.hits).map(|hit| hit.row).collect();
            let all = rows.len();
            rows.sort_unstable();
            rows.dedup();
            assert_eq!(rows.len(), all, "no image stands twice");
            for stop in &strip {
                let inside = |position: f64| stop.slab.0 <= position && position < stop.slab.1;
                assert!(stop.hits.iter().all(|hit| inside(hit.position)));
                assert!(stop.hits.windows(2).all(|pair| pair[0].distance <= pair[1].distance));
            }
            let other = knob.walk(None, 2, |row| Some(row) != answer.row).unwrap();
            assert!(other.iter().flat_map(|(_, stop)| &stop.hits).all(|hit| Some(hit.row) != answer.row));
        }
    }
    let walk = TowardWalk {
        space: &space,
        pool: world.pool.view(),
        start: world.starts.row(0),
        from: None,
        to: 2,
        stops: 3,
        kept: &[vec![0.0, 1.0]],
    };
    let (_, left) = way(&metric, 1.0).knob(&walk).unwrap();
    assert!((left - 0.5_f64.sqrt()).abs() < 1e-12, "{left}");
    let refused = |walk: TowardWalk<'_>| way(&metric, 0.0).knob(&walk).is_err();
    assert!(refused(TowardWalk { stops: 0, ..walk }));
    assert!(refused(TowardWalk { to: 3, ..walk }) && !refused(TowardWalk { kept: &[], ..walk }));
}

#[test]
fn values_weigh_equally() {
    let mut world = World::new();
    world.starts = array![[0.0_f32, 0.0], [0.0, 1.0], [1.0, 1.0]];
    world.start_labels = vec![vec![Some(0), Some(0), Some(1)], vec![Some(0), Some(1), Some(1)]];
    let cases = world.study().cases().unwrap();
    let mut way = way(&Metric::euclidean(2).unwrap(), 0.0);
    way.lines[0].slab = (9.0, 10.0);
    let found = cases.figures(&cases.along(&way).unwrap(), 1);
    // Value 0 is wanted once and never found; 1 twice and 2 three times, always found.
    assert!((found.hit - 2.0 / 3.0).abs() < 1e-12, "{found:?}");
}

#[test]
fn ways_read_back_as_they_were_written() {
    let z = Array2::from_shape_fn((30, 2), |(i, j)| ((i * (3 + j)) % 11) as f32 * 0.1);
    let mut way = way(&Metric::whitened(z.view()).unwrap(), 1.0 / 3.0);
    way.courses = vec![vec![0.1, 0.2], vec![1.0 / 7.0, 0.0], vec![-1e-300, 3.0]];
    let text = serde_json::to_string(&way).unwrap();
    assert_eq!(serde_json::from_str::<ValueLines>(&text).unwrap(), way);
    assert!(serde_json::from_str::<ValueLines>(&text.replace("0.3333333333333333", "third")).is_err());
}

#[test]
fn mistakes_are_refused() {
    let mut world = World::new();
    world.start_groups.pop();
    assert!(world.study().cases().is_err());
    // Nothing to go to: told apart from other mistakes, so that a caller can go on without this attribute.
    let mut world = World::new();
    world.pool_labels[0].fill(Some(0));
    world.start_labels[0].fill(Some(0));
    assert!(matches!(world.study().cases(), Err(crate::Error::Empty { .. })));
    let world = World::new();
    let cases = world.study().cases().unwrap();
    let two = ValueLines { lines: lines(0.0)[..2].to_vec(), ..way(&Metric::euclidean(2).unwrap(), 0.0) };
    assert!(cases.along(&two).is_err());
    assert!(choose(&cases, &[], 1).is_err() && choose(&cases, &[vec![1.0]], 1).is_err());
}
