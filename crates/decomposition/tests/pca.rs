//! The decomposition against scikit-learn, against its own identities, and with bad input.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use latentwalk_decomposition::{
    Accumulator, BLOCK_ROWS, EXACT_ROWS, Error, Keep, Pca, PcaOptions, SUMMARY_FILE, TENSORS_FILE, fit,
};
use latentwalk_engine::Gram;
use latentwalk_testing::{Numbers, on_threads};
use ndarray::{Array2, ArrayView2, Axis, s};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    data: Vec<f32>,
    mean: Vec<f64>,
    axes: Vec<f64>,
    variances: Vec<f64>,
    ratios: Vec<f64>,
    scores: Vec<f64>,
    whitened: Vec<f64>,
    restored: Vec<f64>,
    axes_for: BTreeMap<String, usize>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../fixtures/golden/decomposition/pca.json")).unwrap()
}

fn plain(k: usize) -> PcaOptions {
    PcaOptions { keep: Keep::Axes(k), whiten: false }
}

fn white(k: usize) -> PcaOptions {
    PcaOptions { keep: Keep::Axes(k), whiten: true }
}

/// `rank` hidden factors of falling strength, mixed into `d` columns and moved by `offset`.
fn mixed(n: usize, d: usize, rank: usize, offset: f32, seed: u64) -> Array2<f32> {
    let mut numbers = Numbers(seed);
    let factors = Array2::from_shape_fn((n, rank), |(_, j)| numbers.one() * 2.0 / (1.0 + j as f32));
    let mixing = Array2::from_shape_fn((rank, d), |_| numbers.one());
    factors.dot(&mixing) + offset
}

#[track_caller]
fn close<'a>(got: impl IntoIterator<Item = f64>, want: impl IntoIterator<Item = &'a f64>, rtol: f64, atol: f64) {
    let (got, want): (Vec<f64>, Vec<f64>) = (got.into_iter().collect(), want.into_iter().copied().collect());
    assert_eq!(got.len(), want.len());
    for (place, (got, want)) in got.iter().zip(&want).enumerate() {
        assert!((got - want).abs() <= atol + rtol * want.abs(), "place {place}: {got}, expected {want}");
    }
}

fn doubles(values: &Array2<f32>) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

#[test]
fn scikit_learn_says_the_same() {
    let golden = golden();
    let data = Array2::from_shape_vec((200, 12), golden.data.clone()).unwrap();
    let pca = fit(data.view(), &plain(4)).unwrap();
    // Both in f64; scikit-learn by SVD of the rows, we by their covariance, whose condition is the square: about 1e-12.
    close(pca.mean().iter().copied(), &golden.mean, 1e-13, 1e-13);
    close(pca.variances().iter().copied(), &golden.variances, 1e-10, 0.0);
    close(pca.ratios(), &golden.ratios, 1e-10, 0.0);
    close(pca.axes().iter().copied(), &golden.axes, 0.0, 1e-11);
    close([pca.kept()], [&golden.ratios[..4].iter().sum()], 1e-12, 0.0);
    let shown = data.slice(s![..10, ..]);
    // Scores are rounded to f32: 6e-8 of each.
    let scores = pca.transform(shown).unwrap();
    close(doubles(&scores), &golden.scores, 1e-7, 1e-9);
    close(doubles(&pca.inverse_transform(scores.view()).unwrap()), &golden.restored, 1e-6, 1e-6);
    let whitened = fit(data.view(), &white(4)).unwrap();
    let scores = whitened.transform(shown).unwrap();
    close(doubles(&scores), &golden.whitened, 1e-7, 1e-9);
    close(doubles(&whitened.inverse_transform(scores.view()).unwrap()), &golden.restored, 1e-6, 1e-6);
    for (share, axes) in &golden.axes_for {
        let share: f64 = share.parse().unwrap();
        assert_eq!(pca.axes_for(share), *axes);
        assert_eq!(fit(data.view(), &PcaOptions { keep: Keep::Variance(share), whiten: false }).unwrap().k(), *axes);
    }
}

/// Shapes that meet one row more than axes, one column, a part of a chunk, several chunks and several tiles.
const CASES: [(usize, usize, usize, usize); 6] =
    [(2, 1, 1, 1), (5, 4, 4, 4), (60, 12, 12, 5), (300, 140, 140, 30), (BLOCK_ROWS, 20, 20, 20), (9001, 33, 33, 7)];

#[test]
fn identities_hold() {
    for (case, (n, d, rank, k)) in CASES.into_iter().enumerate() {
        let data = mixed(n, d, rank, 3.0, case as u64);
        let pca = fit(data.view(), &plain(k)).unwrap();
        assert_eq!((pca.n(), pca.d(), pca.k()), (n, d, k));
        let gram = pca.axes().dot(&pca.axes().t());
        close(gram.iter().copied(), &Array2::eye(k), 0.0, 1e-12);
        let exact = data.mapv(f64::from);
        let trace: f64 = exact.var_axis(Axis(0), 1.0).sum();
        let rounding = if n > EXACT_ROWS { 10.0 * Gram::usual_error(n) } else { 1e-12 };
        close([pca.variances().iter().sum()], [&trace], rounding, 0.0);
        assert!(pca.variances().windows(2).all(|pair| pair[0] >= pair[1]));
        close([pca.ratios().iter().sum::<f64>()], [&1.0], 1e-12, 0.0);
        let largest = |axis: &[f64]| axis.iter().fold(0.0_f64, |a, b| if b.abs() > a.abs() { *b } else { a });
        assert!(pca.axes().outer_iter().all(|axis| largest(&axis.to_vec()) > 0.0));
        // Scores have mean zero, the axes' variances and no covariance; in f32.
        let scores = pca.transform(data.view()).unwrap().mapv(f64::from);
        close(scores.mean_axis(Axis(0)).unwrap(), &vec![0.0; k], 0.0, 1e-5);
        let covariance = scores.t().dot(&scores) / (n as f64 - 1.0);
        let scale = pca.variances()[0];
        let want = Array2::from_diag(&ndarray::Array1::from(pca.variances()[..k].to_vec()));
        close(covariance.iter().copied(), &want, 1e-5, 1e-6 * scale);
        // Back and forth again changes nothing: the inverse of a projection lies in the kept space.
        let back = pca.inverse_transform(pca.transform(data.view()).unwrap().view()).unwrap();
        let again = pca.inverse_transform(pca.transform(back.view()).unwrap().view()).unwrap();
        close(doubles(&again), &doubles(&back), 1e-5, 1e-5);
        // What is lost has the dropped variances' energy; relative to the whole, as f32 rounds every value.
        let lost = (&exact - &back.mapv(f64::from)).mapv(|gap| gap * gap).sum() / (n as f64 - 1.0);
        close([lost / trace], [&(1.0 - pca.kept())], 1e-4, 1e-9);
    }
}

#[test]
fn whitened_scores_have_unit_variance_and_invert() {
    let data = mixed(500, 10, 10, -2.0, 4);
    let pca = fit(data.view(), &white(10)).unwrap();
    let scores = pca.transform(data.view()).unwrap();
    close(scores.mapv(f64::from).var_axis(Axis(0), 1.0), &vec![1.0; 10], 1e-5, 0.0);
    close(doubles(&pca.inverse_transform(scores.view()).unwrap()), &doubles(&data), 1e-5, 1e-5);
}

#[test]
fn moving_or_reordering_the_rows_changes_nothing_but_the_mean() {
    let data = mixed(700, 15, 15, 0.0, 5);
    let pca = fit(data.view(), &plain(6)).unwrap();
    // Moving by 512 costs 9 of the 24 bits that a f32 has: 3e-5 of each value.
    let moved = fit((&data + 512.0).view(), &plain(6)).unwrap();
    close(moved.variances().iter().copied(), pca.variances(), 1e-4, 1e-7);
    close(moved.axes().iter().copied(), pca.axes(), 0.0, 1e-3);
    let reversed = fit(data.slice(s![..;-1, ..]), &plain(6)).unwrap();
    close(reversed.variances().iter().copied(), pca.variances(), 1e-12, 1e-14);
    close(reversed.axes().iter().copied(), pca.axes(), 0.0, 1e-10);
    // Columns are named, not ordered: swapping them swaps the axes' entries.
    let swapped = fit(data.slice(s![.., ..;-1]), &plain(6)).unwrap();
    close(swapped.axes().iter().copied(), pca.axes().slice(s![.., ..;-1]), 0.0, 1e-10);
}

fn bits(pca: &Pca) -> Vec<u64> {
    let numbers = pca.mean().into_iter().chain(pca.axes()).chain(pca.variances());
    numbers.map(|value| value.to_bits()).collect()
}

#[test]
fn batches_do_not_change_a_bit() {
    let data = mixed(9001, 21, 21, 1.0, 6);
    let reference = fit(data.view(), &plain(9)).unwrap();
    for batch in [1, 333, BLOCK_ROWS - 1, BLOCK_ROWS, 5000] {
        let mut accumulator = Accumulator::new(21);
        for rows in data.axis_chunks_iter(Axis(0), batch) {
            accumulator.push(rows).unwrap();
        }
        assert_eq!(accumulator.n(), 9001);
        let pca = accumulator.finish(&plain(9)).unwrap();
        assert!(bits(&pca) == bits(&reference), "batches of {batch}");
        assert_eq!(pca, reference);
    }
    // A few rows first, then more at once than are multiplied in f64.
    for first in [0, 100, BLOCK_ROWS + 1, EXACT_ROWS] {
        let (first, rest) = data.view().split_at(Axis(0), first);
        let mut accumulator = Accumulator::new(21);
        accumulator.push(first).unwrap();
        accumulator.push(rest).unwrap();
        assert_eq!(accumulator.finish(&plain(9)).unwrap(), reference, "{} rows first", first.nrows());
    }
    // Rows that do not lie one after another in memory are the same rows.
    let columns = data.t().as_standard_layout().to_owned();
    assert_eq!(fit(columns.t(), &plain(9)).unwrap(), reference);
}

#[test]
fn threads_do_not_change_a_bit() {
    let data = mixed(9001, 300, 300, 1.0, 7);
    let run = || {
        let pca = fit(data.view(), &white(40)).unwrap();
        let scores = pca.transform(data.view()).unwrap();
        let back = pca.inverse_transform(scores.view()).unwrap();
        let bits = |values: &Array2<f32>| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        (self::bits(&pca), bits(&scores), bits(&back))
    };
    let one = on_threads(1, run);
    for threads in [2, 5] {
        assert!(on_threads(threads, run) == one, "{threads} threads");
    }
}

#[test]
fn vectors_of_low_rank() {
    let data = mixed(1200, 1000, 20, 1.0, 8);
    let pca = fit(data.view(), &plain(50)).unwrap();
    assert_eq!(pca.embedding_rank(), 20);
    assert!(pca.axes_for(0.999_999) <= 20);
    close([pca.kept()], [&1.0], 1e-9, 0.0);
    let scores = pca.transform(data.view()).unwrap();
    assert!(scores.iter().all(|score| score.is_finite()));
    // Twenty axes restore the rows to the rounding of f32.
    let twenty = fit(data.view(), &white(20)).unwrap();
    let back = twenty.inverse_transform(twenty.transform(data.view()).unwrap().view()).unwrap();
    close(doubles(&back), &doubles(&data), 1e-5, 1e-5);
    let error = fit(data.view(), &white(50)).unwrap_err();
    assert!(matches!(error, Error::TooManyAxes { k: 50, most: 20, .. }), "{error}");
    assert!(error.to_string().contains("\nhint: lower k to 20"), "{error}");
    let all = fit(data.view(), &PcaOptions { keep: Keep::Variance(1.0), whiten: false }).unwrap();
    assert!(all.k() <= 20, "{}", all.k());
}

/// Rows beyond [`EXACT_ROWS`], so that they are multiplied in `f32`, and the same in `f64`: merged from streams short enough.
fn single_and_double(data: &Array2<f32>, options: &PcaOptions) -> [Pca; 2] {
    let mut double = Accumulator::new(data.ncols());
    for part in data.axis_chunks_iter(Axis(0), EXACT_ROWS / 2) {
        let mut next = Accumulator::new(data.ncols());
        next.push(part).unwrap();
        double.merge(next).unwrap();
    }
    [fit(data.view(), options).unwrap(), double.finish(options).unwrap()]
}

#[test]
fn rounding_is_not_taken_for_axes() {
    let data = mixed(2 * EXACT_ROWS, 120, 32, 1.0, 12);
    let [single, double] = single_and_double(&data, &plain(50));
    assert_eq!([single.embedding_rank(), double.embedding_rank()], [32, 32]);
    assert_eq!(single.axes_for(1.0), 32);
    close(single.axes().slice(s![..32, ..]).iter().copied(), &double.axes().slice(s![..32, ..]).to_owned(), 0.0, 1e-4);
    assert_eq!(
        [single.certificates().covariance.value > 0.0, double.certificates().covariance.value == 0.0],
        [true; 2]
    );
}

/// Axes whose variances span eight orders of magnitude.
#[test]
fn small_variances_are_right_or_not_counted() {
    let d = 17;
    let mut numbers = Numbers(13);
    let data = Array2::from_shape_fn((2 * EXACT_ROWS, d), |(_, j)| numbers.one() * 10.0_f32.powf(-(j as f32) / 4.0));
    let [single, double] = single_and_double(&data, &plain(d));
    assert!(double.variances()[d - 1] / double.variances()[0] < 2e-8);
    // Few rows of the same: f64, and every axis counts.
    assert_eq!(fit(data.slice(s![..EXACT_ROWS, ..]), &plain(d)).unwrap().embedding_rank(), d);
    let counted = single.embedding_rank();
    assert!((10..d).contains(&counted), "{counted}");
    for (single, double) in single.variances().iter().zip(double.variances()).take(counted) {
        assert!((single / double - 1.0).abs() < 0.02, "{single} beside {double}");
    }
}

#[test]
fn more_columns_than_rows() {
    let data = mixed(30, 100, 100, 0.0, 9);
    let pca = fit(data.view(), &plain(29)).unwrap();
    assert_eq!(pca.embedding_rank(), 29);
    let back = pca.inverse_transform(pca.transform(data.view()).unwrap().view()).unwrap();
    close(doubles(&back), &doubles(&data), 1e-5, 1e-5);
    assert!(matches!(fit(data.view(), &plain(30)), Err(Error::TooManyAxes { k: 30, most: 29, .. })));
    let all = fit(data.view(), &PcaOptions { keep: Keep::Variance(1.0), whiten: true }).unwrap();
    assert_eq!(all.k(), 29);
}

#[test]
fn columns_that_never_change_are_no_trouble() {
    let mut data = mixed(BLOCK_ROWS + 5, 6, 6, 0.0, 10);
    data.column_mut(2).fill(0.1);
    data.column_mut(4).fill(-1234.567);
    let pca = fit(data.view(), &plain(6)).unwrap();
    // Zero up to the rounding of the eigendecomposition.
    assert!(pca.axes().slice(s![..4, 2]).iter().all(|entry| entry.abs() < 1e-14));
    assert!(pca.variances()[4..].iter().all(|variance| *variance < 1e-14));
    assert_eq!(pca.embedding_rank(), 4);
}

#[test]
fn a_score_and_its_direction_order_vectors_alike() {
    let data = mixed(400, 9, 9, 2.0, 11);
    let weights = [0.3, -1.2, 0.7, 2.0];
    for options in [plain(4), white(4)] {
        let pca = fit(data.view(), &options).unwrap();
        let direction = pca.direction_to_embedding(&weights).unwrap();
        close([direction.iter().map(|value| value * value).sum()], [&1.0], 1e-14, 0.0);
        let scores = pca.transform(data.view()).unwrap().mapv(f64::from);
        let by_score = scores.dot(&ndarray::Array1::from(weights.to_vec()));
        let by_vector = (data.mapv(f64::from) - pca.mean()).dot(&ndarray::Array1::from(direction));
        // One is a positive multiple of the other.
        let ratio = by_score[0] / by_vector[0];
        assert!(ratio > 0.0);
        close(by_score.iter().copied(), &(by_vector * ratio), 1e-4, 1e-5);
    }
    let pca = fit(data.view(), &plain(4)).unwrap();
    assert!(matches!(pca.direction_to_embedding(&[1.0]), Err(Error::Shape { expected: 4, got: 1, .. })));
    for bad in [0.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(pca.direction_to_embedding(&[bad; 4]), Err(Error::NoDirection { .. })));
    }
}

#[test]
fn bad_input_is_named() {
    let data = mixed(20, 5, 5, 0.0, 12);
    let error = |data: ArrayView2<'_, f32>, keep| fit(data, &PcaOptions { keep, whiten: false }).unwrap_err();
    assert!(matches!(error(data.view(), Keep::Axes(6)), Error::TooManyAxes { k: 6, most: 5, .. }));
    assert!(matches!(error(data.slice(s![..4, ..]), Keep::Axes(4)), Error::TooManyAxes { k: 4, most: 3, .. }));
    assert!(matches!(error(data.view(), Keep::Axes(0)), Error::Keep { got, .. } if got == "0 axes"));
    for share in [0.0, -0.5, 1.5, f64::NAN] {
        assert!(matches!(
            error(data.view(), Keep::Variance(share)),
            Error::Keep { must: "a share above 0 and at most 1", .. }
        ));
    }
    for rows in [0, 1] {
        let got = error(data.slice(s![..rows, ..]), Keep::Axes(1));
        assert!(matches!(got, Error::TooFewRows { got } if got == rows));
    }
    assert!(matches!(error(Array2::from_elem((9, 5), 0.1).view(), Keep::Axes(1)), Error::NoVariance { n: 9 }));
    assert!(matches!(error(Array2::zeros((9, 0)).view(), Keep::Axes(1)), Error::NoVariance { n: 9 }));
    let mut holed = data.clone();
    holed[[13, 2]] = f32::NAN;
    let got = error(holed.view(), Keep::Axes(2));
    assert!(got.to_string().contains("row 13"), "{got}");
    let pca = fit(data.view(), &plain(2)).unwrap();
    assert!(matches!(pca.transform(holed.view()), Err(Error::NotFinite { row: 13, place: 2, .. })));
    assert!(matches!(
        pca.transform(holed.slice(s![.., ..4])),
        Err(Error::Shape { what: "vectors", expected: 5, got: 4 })
    ));
    assert!(matches!(pca.inverse_transform(data.view()), Err(Error::Shape { expected: 2, got: 5, .. })));
    assert_eq!(pca.transform(data.slice(s![..0, ..])).unwrap().dim(), (0, 2));
}

#[test]
fn values_of_any_size_are_decomposed() {
    for scale in [1e-18_f32, 1e-3, 1e18] {
        let data = mixed(200, 8, 8, 0.0, 13) * scale;
        let pca = fit(data.view(), &plain(8)).unwrap();
        let reference = fit(mixed(200, 8, 8, 0.0, 13).view(), &plain(8)).unwrap();
        close(pca.ratios(), &reference.ratios(), 1e-5, 0.0);
    }
}

#[test]
fn what_was_saved_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("deep/pca");
    let data = mixed(300, 14, 14, 1.0, 14);
    let pca = fit(data.view(), &white(6)).unwrap();
    pca.save(&place).unwrap();
    let loaded = Pca::load(&place).unwrap();
    assert_eq!(bits(&loaded), bits(&pca));
    assert_eq!((loaded.n(), loaded.options(), loaded.whiten()), (pca.n(), pca.options(), true));
    assert_eq!(loaded.transform(data.view()).unwrap(), pca.transform(data.view()).unwrap());
    let names = |pca: &Pca| pca.certificates().checks().map(|(name, check)| (name, check.tolerance));
    assert_eq!(names(&loaded), names(&pca));
    let files = [TENSORS_FILE, SUMMARY_FILE].map(|name| std::fs::read(place.join(name)).unwrap());
    fit(data.view(), &white(6)).unwrap().save(&place).unwrap();
    assert_eq!([TENSORS_FILE, SUMMARY_FILE].map(|name| std::fs::read(place.join(name)).unwrap()), files);
    let summary: serde_json::Value = serde_json::from_slice(&files[1]).unwrap();
    assert_eq!(summary["options"]["keep"]["axes"], 6);
    assert_eq!(summary["axes_for_98"], pca.axes_for(0.98));
    assert_eq!(summary["kernel"], "f64");
    // Files of version 1 know neither kernel nor the covariance's certificate.
    let mut first = summary.clone();
    first["schema_version"] = 1.into();
    first.as_object_mut().unwrap().remove("kernel");
    first["certificates"].as_object_mut().unwrap().remove("covariance");
    std::fs::write(place.join(SUMMARY_FILE), first.to_string()).unwrap();
    assert_eq!(bits(&Pca::load(&place).unwrap()), bits(&pca));
}

/// What is wrong with a file's content.
fn content(error: Error) -> String {
    match error {
        Error::Content { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

#[test]
fn damaged_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let pca = fit(mixed(50, 4, 4, 0.0, 15).view(), &plain(3)).unwrap();
    pca.save(place).unwrap();
    let summary = std::fs::read_to_string(place.join(SUMMARY_FILE)).unwrap();
    let tensors = std::fs::read(place.join(TENSORS_FILE)).unwrap();
    let with_summary = |from: &str, to: &str| {
        assert!(summary.contains(from), "{from}");
        std::fs::write(place.join(SUMMARY_FILE), summary.replacen(from, to, 1)).unwrap();
        Pca::load(place).unwrap_err()
    };
    let error = with_summary("\"schema_version\": 2", "\"schema_version\": 3");
    assert!(matches!(error, Error::Version { got: 3, known: 2, .. }), "{error}");
    assert!(content(with_summary("\"k\": 3", "\"k\": 2")).contains("tensor `axes` has shape [3, 4], expected [2, 4]"));
    assert!(content(with_summary("\"d\": 4", "\"d\": 5")).contains("tensor `mean` has shape [4], expected [5]"));
    assert!(matches!(with_summary("\"n\": 50", "\"n\": 1"), Error::TooFewRows { got: 1 }));
    assert!(matches!(with_summary("\"whiten\"", "\"white\""), Error::Content { .. }));
    std::fs::write(place.join(SUMMARY_FILE), &summary).unwrap();

    let with_tensors = |bytes: &[u8]| {
        std::fs::write(place.join(TENSORS_FILE), bytes).unwrap();
        Pca::load(place).unwrap_err()
    };
    assert!(matches!(with_tensors(&tensors[..tensors.len() - 8]), Error::Content { .. }));
    assert!(matches!(with_tensors(b"nonsense"), Error::Content { .. }));
    // Values lie at the end in the order axes (12), mean (4), variances (4).
    let spoiled = |place: usize, value: f64| {
        let mut bytes = tensors.clone();
        let start = bytes.len() - 8 * (20 - place);
        bytes[start..start + 8].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    let reason = content(with_tensors(&spoiled(13, f64::NAN)));
    assert!(reason.starts_with("tensor `mean` holds NaN at place 1"), "{reason}");
    let reason = content(with_tensors(&spoiled(17, 1e9)));
    assert!(reason.starts_with("tensor `variances` holds 1000000000 at place 1"), "{reason}");
    let error = with_tensors(&spoiled(0, 3.0));
    assert!(matches!(error, Error::Certificate { name: "orthonormal", .. }), "{error}");
    std::fs::remove_file(place.join(TENSORS_FILE)).unwrap();
    assert!(matches!(Pca::load(place), Err(Error::Io { .. })));
}
