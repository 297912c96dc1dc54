//! A toy space in which every answer is known by hand.
#![allow(clippy::unwrap_used)]

use latentwalk_testing::on_threads;
use ndarray::{Array2, array};

use super::*;
use crate::{Error, LineToValue, Metric};

type Labels = Vec<Vec<Option<u32>>>;

/// Axis 0 is the target (classes 0, 1, 2 at those positions), axis 1 the other attribute, axis 2 a nuisance; a third
/// attribute is labelled in the starts alone.
fn toy() -> (Array2<f32>, Labels, Array2<f32>, Labels) {
    let pool = array![[0.0_f32, 0.0, 0.0], [1.0, 0.0, 3.0], [1.0, 1.0, 0.0], [2.0, 0.0, 0.0], [9.0, 9.0, 9.0]];
    let of_pool = vec![
        vec![Some(0), Some(1), Some(1), Some(2), None],
        vec![Some(0), Some(0), Some(1), Some(0), Some(0)],
        vec![None; 5],
    ];
    let starts = array![[0.1_f32, 0.0, 0.0], [1.0, 0.0, 0.0], [2.2, 1.0, 0.0]];
    let of_starts =
        vec![vec![Some(0), None, Some(2)], vec![Some(0), Some(0), Some(1)], vec![Some(7), Some(7), Some(7)]];
    (pool, of_pool, starts, of_starts)
}

/// From and to the classes' own positions, half way.
fn line_to(start: usize, to: u32) -> Option<LineToValue> {
    let from = [0.0, 1.0, 2.0][start];
    Some(LineToValue::towards(vec![1.0, 0.0, 0.0], from, f64::from(to), 0.5).unwrap())
}

fn twins(start: usize, to: u32) -> Option<Vec<f32>> {
    match (start, to) {
        (0, 1) => Some(vec![1.0, 0.0, 0.0]),
        // The very place of row 3.
        (0, 2) => Some(vec![2.0, 0.0, 0.0]),
        // Beyond the slab of class 1.
        (2, 1) => Some(vec![3.0, 1.0, 0.0]),
        _ => None,
    }
}

fn study<'a>(toy: &'a (Array2<f32>, Labels, Array2<f32>, Labels)) -> PreservationStudy<'a> {
    PreservationStudy {
        pool: toy.0.view(),
        pool_labels: &toy.1,
        starts: toy.2.view(),
        start_labels: &toy.3,
        target: 0,
        classes: 3,
        twins: &twins,
    }
}

/// The fields of a case, in their order.
type Fields = (usize, u32, Option<usize>, bool, f64, Option<usize>);

fn found(figures: &PreservationFigures) -> Vec<Fields> {
    figures.per_case.iter().map(|c| (c.start, c.to, c.row, c.hit, c.unchanged, c.twin_rank)).collect()
}

#[test]
fn a_line_finds_the_nearest_image_in_the_slab() {
    let (toy, metric) = (toy(), Metric::euclidean(3).unwrap());
    let figures = study(&toy).run(&Way::Line { metric: &metric, line_to: &line_to }).unwrap();
    let expected = [
        (0, 1, Some(2), true, 0.0, Some(1)),
        (0, 2, Some(3), true, 1.0, Some(2)),
        (2, 0, Some(0), true, 0.0, None),
        (2, 1, Some(2), true, 1.0, None),
    ];
    assert_eq!(found(&figures), expected);
    assert_eq!((figures.cases, figures.missed, figures.hit_rate, figures.mean_unchanged), (4, 0, 1.0, 0.5));
    assert_eq!(figures.unchanged, [None, Some(0.5), None]);
    let twins = figures.twins.clone().unwrap();
    assert_eq!((twins.cases, twins.ranked, twins.first, twins.first_ten), (3, 2.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0));
    assert_eq!(twins.median_rank, Some(1.5));
    let again: PreservationFigures = serde_json::from_str(&serde_json::to_string(&figures).unwrap()).unwrap();
    assert_eq!(again.per_case, figures.per_case);
}

#[test]
fn a_missing_line_or_image_is_a_miss() {
    let (toy, metric) = (toy(), Metric::euclidean(3).unwrap());
    let narrow = |start: usize, to: u32| match (start, to) {
        (0, 1) => None,
        // Between the pool's rows, around the twin.
        (0, 2) => Some(LineToValue { weights: vec![-1.0, 0.0, 0.0], slab: (-2.0, -1.9) }),
        (2, 0) => Some(LineToValue { weights: vec![1.0, 0.0, 0.0], slab: (0.1, 0.9) }),
        _ => line_to(start, to),
    };
    let figures = study(&toy).run(&Way::Line { metric: &metric, line_to: &narrow }).unwrap();
    let expected = [
        (0, 1, None, false, 0.0, None),
        // [-2, -1.9) holds the border: the row at 2 and its twin.
        (0, 2, Some(3), true, 1.0, Some(2)),
        (2, 0, None, false, 0.0, None),
        (2, 1, Some(2), true, 1.0, None),
    ];
    assert_eq!(found(&figures), expected);
    assert_eq!((figures.cases, figures.missed, figures.hit_rate, figures.mean_unchanged), (4, 2, 0.5, 0.5));
    assert_eq!(figures.unchanged, [None, Some(1.0), None], "misses have no attributes to compare");
    let alone = |_: usize, _: u32| Some(LineToValue { weights: vec![1.0, 0.0, 0.0], slab: (2.5, 3.5) });
    let figures = study(&toy).run(&Way::Line { metric: &metric, line_to: &alone }).unwrap();
    assert_eq!((figures.missed, figures.hit_rate, figures.mean_unchanged), (4, 0.0, 0.0));
    assert_eq!(figures.unchanged, [None; 3]);
    assert_eq!(figures.per_case[3].twin_rank, Some(1), "alone in its slab");
    assert_eq!(figures.twins.unwrap().median_rank, Some(1.0));
}

#[test]
fn yardsticks_find_what_they_should() {
    let (toy, metric) = (toy(), Metric::euclidean(3).unwrap());
    let nearest = study(&toy).run(&Way::Nearest { metric: &metric }).unwrap();
    let expected = [
        (0, 1, Some(0), false, 1.0, Some(2)),
        (0, 2, Some(0), false, 1.0, Some(4)),
        (2, 0, Some(3), false, 0.0, None),
        (2, 1, Some(3), false, 0.0, Some(1)),
    ];
    assert_eq!(found(&nearest), expected);
    assert_eq!((nearest.hit_rate, nearest.mean_unchanged), (0.0, 0.5));
    let labelled = study(&toy).run(&Way::Labelled { metric: &metric }).unwrap();
    let expected = [
        (0, 1, Some(2), true, 0.0, Some(1)),
        (0, 2, Some(3), true, 1.0, Some(2)),
        (2, 0, Some(0), true, 0.0, None),
        (2, 1, Some(2), true, 1.0, Some(1)),
    ];
    assert_eq!(found(&labelled), expected);
    assert_eq!((labelled.hit_rate, labelled.mean_unchanged), (1.0, 0.5));
    let none = PreservationStudy { twins: &|_, _| None, ..study(&toy) };
    assert_eq!(none.run(&Way::Labelled { metric: &metric }).unwrap().twins, None);
}

#[test]
fn the_ceiling_is_the_best_match_of_the_wanted_class() {
    let mut toy = toy();
    let ceiling = study(&toy).ceiling().unwrap();
    // Rows 1, 3, 0, 2: the start with the other attribute at 1 has no such row of class 0.
    assert_eq!((ceiling.cases, ceiling.mean_unchanged), (4, 0.75));
    assert_eq!(ceiling.unchanged, [None, Some(0.75), None]);
    let wider = PreservationStudy { classes: 4, ..study(&toy) };
    // Two more cases, of a class that the pool has not got.
    let ceiling = wider.ceiling().unwrap();
    assert_eq!((ceiling.cases, ceiling.mean_unchanged), (6, 0.5));
    assert_eq!(ceiling.unchanged, [None, Some(0.75), None]);
    let metric = Metric::euclidean(3).unwrap();
    let labelled = wider.run(&Way::Labelled { metric: &metric }).unwrap();
    assert_eq!((labelled.missed, labelled.mean_unchanged), (2, 2.0 / 6.0));
    // With the third attribute labelled too, rows 1 and 2 both keep one of two for start 0: the first row counts.
    toy.1[2] = vec![Some(7), Some(0), Some(7), Some(0), Some(0)];
    let ceiling = study(&toy).ceiling().unwrap();
    // Start 0 to 1: row 1 (kept, changed); to 2: row 3 (kept, changed); start 2 to 0: row 0 (changed, kept); to 1: row 2.
    assert_eq!(ceiling.unchanged, [None, Some(0.75), Some(0.5)]);
    assert_eq!(ceiling.mean_unchanged, (0.5 + 0.5 + 0.5 + 1.0) / 4.0);
}

#[test]
fn bad_studies_are_refused() {
    let (toy, metric) = (toy(), Metric::euclidean(3).unwrap());
    let way = Way::Nearest { metric: &metric };
    let error = |study: PreservationStudy<'_>| study.run(&way).unwrap_err();
    let both = |study: PreservationStudy<'_>| {
        assert_eq!(study.ceiling().unwrap_err().to_string(), study.run(&way).unwrap_err().to_string());
        study.ceiling().unwrap_err()
    };
    let good = study(&toy);
    assert!(matches!(both(PreservationStudy { target: 3, ..good }), Error::Outside { got: 3, count: 3, .. }));
    assert!(matches!(
        both(PreservationStudy { start_labels: &toy.3[..2], ..good }),
        Error::Shape { what: "attributes with labels of the starts", expected: 3, got: 2, .. }
    ));
    assert!(matches!(
        both(PreservationStudy { start_labels: &toy.1, ..good }),
        Error::Shape { what: "labels of the starts", expected: 3, got: 5, .. }
    ));
    assert!(matches!(
        both(PreservationStudy { pool_labels: &toy.3, ..good }),
        Error::Shape { what: "labels of the pool", expected: 5, got: 3, .. }
    ));
    assert!(matches!(
        both(PreservationStudy { classes: 2, ..good }),
        Error::Outside { what, got: 2, count: 2 } if what == "the label of row 3"
    ));
    assert!(matches!(both(PreservationStudy { classes: 1, ..good }), Error::Option { .. }));
    let nothing = Array2::<f32>::zeros((0, 3));
    assert!(matches!(both(PreservationStudy { pool: nothing.view(), ..good }), Error::Empty { what: "the pool" }));
    let unlabelled = vec![vec![None; 3], toy.3[1].clone(), toy.3[2].clone()];
    assert!(matches!(both(PreservationStudy { start_labels: &unlabelled, ..good }), Error::Empty { .. }));
    let narrow = Array2::<f32>::zeros((5, 2));
    assert!(matches!(
        error(PreservationStudy { pool: narrow.view(), ..good }),
        Error::Shape { what: "the pool", unit: "axes", expected: 3, got: 2 }
    ));
    let narrow = Array2::<f32>::zeros((3, 2));
    assert!(matches!(
        error(PreservationStudy { starts: narrow.view(), ..good }),
        Error::Shape { what: "starts", unit: "axes", expected: 3, got: 2 }
    ));
    let short = |_: usize, _: u32| Some(LineToValue { weights: vec![1.0], slab: (0.0, 1.0) });
    let refused = good.run(&Way::Line { metric: &metric, line_to: &short });
    assert!(matches!(refused, Err(Error::Shape { what: "the direction", expected: 3, got: 1, .. })));
    assert!(matches!(
        error(PreservationStudy { twins: &|_, _| Some(vec![0.0]), ..good }),
        Error::Shape { what: "the twin", expected: 3, got: 1, .. }
    ));
}

#[test]
fn equal_figures_in_pools_of_one_and_two_threads() {
    let spread = |i: usize, j: usize| ((i * (7 + 4 * j) + 3 * j) % (997 - 10 * j)) as f32 * 0.01;
    let pool = Array2::from_shape_fn((5000, 6), |(i, j)| spread(i, j));
    let starts = Array2::from_shape_fn((40, 6), |(i, j)| spread(7 * i + 3, j) + 0.003);
    let labels = |n: usize| -> Labels {
        (0..3).map(|a| (0..n).map(|i| (i % 11 > 0).then_some((i * (a + 2) % 13 % 4) as u32)).collect()).collect()
    };
    let (of_pool, of_starts) = (labels(5000), labels(40));
    let rows: Vec<usize> = (0..5000).collect();
    let metric = Metric::residual(pool.view(), &of_pool, &[4; 3], &rows, 1e-4).unwrap();
    let study = PreservationStudy {
        pool: pool.view(),
        pool_labels: &of_pool,
        starts: starts.view(),
        start_labels: &of_starts,
        target: 1,
        classes: 4,
        twins: &|start, to| (start % 3 > 0).then(|| pool.row(start * 50 + to as usize).to_vec()),
    };
    let line_to = |start: usize, to: u32| {
        let weights = (0..6).map(|j| ((start + j) % 5) as f64 - 1.5).collect();
        LineToValue::towards(weights, 0.0, f64::from(to) * 3.0, 0.5).ok()
    };
    let ways = [
        Way::Line { metric: &metric, line_to: &line_to },
        Way::Nearest { metric: &metric },
        Way::Labelled { metric: &metric },
    ];
    let results = [1, 2]
        .map(|threads| on_threads(threads, || (ways.map(|way| study.run(&way).unwrap()), study.ceiling().unwrap())));
    assert_eq!(results[0], results[1]);
    let line = &results[0].0[0];
    assert!(line.missed > 0 && line.missed < line.cases, "{} of {}", line.missed, line.cases);
    assert!(line.twins.as_ref().unwrap().ranked > 0.0);
    assert!(results[0].0[2].mean_unchanged <= results[0].1.mean_unchanged);
}
