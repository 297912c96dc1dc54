//! Bit for bit the results of the formulas that stood in the crates before this one.

#![allow(clippy::unwrap_used)]

use latentwalk_arithmetic::{Fnv, Pivot, ascending, cholesky, median, nearest_quantile, quantile, spearman};
use proptest::collection::vec;
use proptest::prelude::*;

fn probe_quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = q * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64))
}

fn lines_quantile(sorted: &[f64], probability: f64) -> f64 {
    let place = probability * (sorted.len() - 1) as f64;
    let low = (place.floor() as usize).min(sorted.len() - 1);
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + (sorted[high] - sorted[low]) * (place - low as f64)
}

fn report_quantile(ascending: &[f64], q: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return f64::NAN };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    ascending[below] + (at - below as f64) * (ascending[above] - ascending[below])
}

fn precision_quantile(values: &[f64], share: f64) -> Option<f64> {
    values.get((share * (values.len().max(1) - 1) as f64).round() as usize).copied()
}

fn lines_median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
    (values[low] + values[high]) / 2.0
}

fn cases_median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n => (values[(n - 1) / 2] + values[n / 2]) / 2.0,
    }
}

fn row_median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[half]),
        _ => Some((sorted[half - 1] + sorted[half]) / 2.0),
    }
}

fn lines_spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len().min(b.len());
    let (a, b) = (average_ranks(&a[..n]), average_ranks(&b[..n]));
    let middle = (n as f64 + 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum::<f64>();
    let spread = product(&a, &a) * product(&b, &b);
    (spread > 0.0).then(|| product(&a, &b) / spread.sqrt())
}

fn average_ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        below as f64 + (equal as f64 + 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

fn probe_spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (probe_ranks(a), probe_ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().map(|x| x - mean).zip(b.iter().map(|y| y - mean)) {
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
}

fn probe_ranks(values: &[f64]) -> Vec<f64> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for group in places.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = first as f64 + (group.len() - 1) as f64 / 2.0;
        group.iter().for_each(|&place| ranks[place] = rank);
        first += group.len();
    }
    ranks
}

const SMALLEST_PIVOT: f64 = 1e-12;
const SMALLEST_SHARE: f64 = 1e-10;

fn lines_cholesky(matrix: &[f64], k: usize) -> Result<Vec<f64>, usize> {
    let largest = (0..k).map(|j| matrix[j * k + j]).fold(0.0, f64::max);
    let mut c = vec![0.0; k * k];
    for i in 0..k {
        for j in 0..=i {
            let below: f64 = (0..j).map(|m| c[i * k + m] * c[j * k + m]).sum();
            let rest = matrix[i * k + j] - below;
            if i > j {
                c[i * k + j] = rest / c[j * k + j];
                continue;
            }
            let positive = rest > SMALLEST_PIVOT * largest;
            if !positive {
                return Err(i);
            }
            c[i * k + i] = rest.sqrt();
        }
    }
    Ok(c)
}

fn lines_semidefinite_factor(gram: &[f64], p: usize) -> (Vec<f64>, Vec<bool>) {
    let mut c = vec![0.0; p * p];
    let mut kept = vec![false; p];
    for i in 0..p {
        for j in 0..i {
            let below: f64 = (0..j).map(|m| c[i * p + m] * c[j * p + m]).sum();
            c[i * p + j] = if kept[j] { (gram[i * p + j] - below) / c[j * p + j] } else { 0.0 };
        }
        let below: f64 = (0..i).map(|m| c[i * p + m] * c[i * p + m]).sum();
        let rest = gram[i * p + i] - below;
        kept[i] = rest > SMALLEST_SHARE * gram[i * p + i];
        c[i * p + i] = if kept[i] { rest.sqrt() } else { 0.0 };
    }
    (c, kept)
}

fn probe_factorise(entries: &mut [f64], size: usize) -> Option<()> {
    let row_start = |row: usize| row * (row + 1) / 2;
    for row in 0..size {
        let (above, line) = entries.split_at_mut(row_start(row));
        for column in 0..row {
            let other = &above[row_start(column)..row_start(column + 1)];
            line[column] = (line[column] - probe_dot(&line[..column], &other[..column])) / other[column];
        }
        let pivot = line[row] - probe_dot(&line[..row], &line[..row]);
        if !(pivot.is_finite() && pivot > 0.0) {
            return None;
        }
        line[row] = pivot.sqrt();
    }
    Some(())
}

fn probe_dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The training's own hash in its checkpoints.
struct Checkpoint(u64);

impl Checkpoint {
    fn number(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }
}

/// Any finite numbers, ordinary ones, and few that tie.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let any = prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO;
    prop_oneof![vec(any, 0..40), vec(-1e3..1e3, 0..400), vec((-4..4).prop_map(f64::from), 0..60)]
}

/// The same with infinities.
fn wild() -> impl Strategy<Value = Vec<f64>> {
    let any = prop::num::f64::NORMAL | prop::num::f64::INFINITE | prop::num::f64::ZERO;
    prop_oneof![values(), vec(any, 0..40)]
}

fn bits(value: Option<f64>) -> Option<u64> {
    // Which NaN it is shows nowhere.
    value.map(|value| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() })
}

fn all_bits(values: &[f64]) -> Vec<Option<u64>> {
    values.iter().map(|&value| bits(Some(value))).collect()
}

/// Gram matrix of a design of small whole numbers or of any numbers; some columns repeat others or are zero.
fn gram() -> impl Strategy<Value = (usize, Vec<f64>)> {
    (1..8usize, 1..12usize, any::<bool>()).prop_flat_map(|(k, n, whole)| {
        let number = move |v: f64| if whole { v.round() } else { v };
        vec(-3.0..3.0, k * n).prop_map(move |x: Vec<f64>| {
            let entry = |i: usize, j: usize| (0..n).map(|r| number(x[r * k + i]) * number(x[r * k + j])).sum::<f64>();
            (k, (0..k * k).map(|at| entry(at / k, at % k)).collect())
        })
    })
}

fn packed(matrix: &[f64], k: usize) -> Vec<f64> {
    (0..k).flat_map(|i| matrix[i * k..=i * k + i].iter().copied()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn quantiles(values in wild(), q in prop_oneof![0.0..=1.0, Just(0.0), Just(0.5), Just(1.0), Just(0.95)]) {
        let sorted = ascending(values.iter().copied());
        let got = bits(quantile(&sorted, q));
        prop_assert_eq!(got, bits(probe_quantile(&sorted, q)));
        prop_assert_eq!(got.unwrap_or(f64::NAN.to_bits()), bits(Some(report_quantile(&sorted, q))).unwrap());
        if !sorted.is_empty() {
            prop_assert_eq!(got, bits(Some(lines_quantile(&sorted, q))));
        }
        prop_assert_eq!(bits(nearest_quantile(&sorted, q)), bits(precision_quantile(&sorted, q)));
    }

    #[test]
    fn medians(values in wild()) {
        let sorted = ascending(values.iter().copied());
        let got = bits(median(&sorted));
        prop_assert_eq!(got.unwrap_or(f64::NAN.to_bits()), bits(Some(cases_median(values.clone()))).unwrap());
        if !values.is_empty() {
            prop_assert_eq!(got, bits(Some(lines_median(values.clone()))));
            // The stopwatch's.
            prop_assert_eq!(bits(nearest_quantile(&sorted, 0.5)), bits(Some(sorted[sorted.len() / 2])));
        }
        // Twice the value overflows beyond that.
        if values.iter().all(|v| v.abs() <= f64::MAX / 2.0) {
            prop_assert_eq!(got, bits(row_median(&values)));
        }
    }

    #[test]
    fn correlations((a, b) in values().prop_flat_map(|a| {
        let n = a.len();
        (Just(a), prop_oneof![vec((-3..3).prop_map(f64::from), n), vec(-1.0..1.0, n)])
    }), longer in 0..3usize) {
        prop_assert_eq!(bits(spearman(&a, &b)), bits(probe_spearman(&a, &b)));
        let longer = [&b[..], &vec![1.0; longer]].concat();
        prop_assert_eq!(bits(spearman(&a, &longer)), bits(lines_spearman(&a, &longer)));
    }

    #[test]
    fn factors((k, gram) in gram(), ridge in prop_oneof![Just(0.0), 1e-14..1e-9, 1e-4..1.0]) {
        let mut matrix = gram.clone();
        (0..k).for_each(|i| matrix[i * k + i] += ridge);

        let mut got = packed(&matrix, k);
        let ok = cholesky(&mut got, |rest, _| if rest.is_finite() && rest > 0.0 { Pivot::Keep } else { Pivot::Refuse });
        let mut want = packed(&matrix, k);
        prop_assert_eq!(ok.ok(), probe_factorise(&mut want, k));
        prop_assert!(ok.is_err() || all_bits(&got) == all_bits(&want));

        let largest = (0..k).map(|j| matrix[j * k + j]).fold(0.0, f64::max);
        let mut got = packed(&matrix, k);
        let judge = |rest: f64, _| if rest > SMALLEST_PIVOT * largest { Pivot::Keep } else { Pivot::Refuse };
        let ok = cholesky(&mut got, judge).map(|()| all_bits(&got));
        prop_assert_eq!(ok, lines_cholesky(&matrix, k).map(|c| all_bits(&packed(&c, k))));

        let mut got = packed(&matrix, k);
        let judge = |rest: f64, diagonal: f64| if rest > SMALLEST_SHARE * diagonal { Pivot::Keep } else { Pivot::Drop };
        prop_assert_eq!(cholesky(&mut got, judge), Ok(()));
        let (c, kept) = lines_semidefinite_factor(&matrix, k);
        prop_assert_eq!(all_bits(&got), all_bits(&packed(&c, k)));
        let found: Vec<bool> = (0..k).map(|i| got[i * (i + 1) / 2 + i] > 0.0).collect();
        prop_assert_eq!(found, kept);
    }

    #[test]
    fn hashes(words in vec(any::<u64>(), 0..50)) {
        let mut former = Checkpoint(0xcbf2_9ce4_8422_2325);
        words.iter().for_each(|&word| former.number(word));
        prop_assert_eq!(words.iter().fold(Fnv::new(), |hash, &word| hash.turned_word(word)).value(), former.0);
    }
}
