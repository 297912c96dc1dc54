//! Order statistics.

/// The values in ascending order: −0 before +0, NaN at the ends.
pub fn ascending(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Quantile of ascending values, interpolated linearly between neighbours; `None` without values.
///
/// **Units and conventions.** `q` is a probability; outside 0 to 1 it counts as the nearer end. The quantile lies at place
/// `q (n − 1)`, counted from 0.
///
/// **Source.** `numpy.quantile` with its default method, `linear`.
pub fn quantile(ascending: &[f64], q: f64) -> Option<f64> {
    let last = ascending.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    Some(ascending[below] + (ascending[above] - ascending[below]) * (place - below as f64))
}

/// The value whose place is nearest to that of [`quantile`]; `None` without values.
///
/// It never lies between two values. Stopwatches report it: their median is a time that was measured. Half way between two
/// places it is the upper one, so that the median of an even number of values is the upper one of the middle two.
pub fn nearest_quantile(ascending: &[f64], q: f64) -> Option<f64> {
    let last = ascending.len().checked_sub(1)?;
    Some(ascending[(q.clamp(0.0, 1.0) * last as f64).round() as usize])
}

/// The middle of ascending values, or the mean of the middle two; `None` without values.
///
/// It differs from [`quantile`] at 0.5 in the last bit: `(a + b) / 2` is rounded in another place than `a + (b − a) / 2`.
/// Figures of walks, of experiments and of benchmarks are made with this one; figures of directions with the other.
///
/// **Source.** `numpy.median`.
pub fn median(ascending: &[f64]) -> Option<f64> {
    let last = ascending.len().checked_sub(1)?;
    Some((ascending[last / 2] + ascending[ascending.len() / 2]) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_numpys() {
        // numpy.quantile([1, 2, 4, 8], [0.05, 0.25, 0.5, 0.75, 0.95])
        for (q, expected) in [(0.05, 1.15), (0.25, 1.75), (0.5, 3.0), (0.75, 5.0), (0.95, 7.4)] {
            let got = quantile(&[1.0, 2.0, 4.0, 8.0], q);
            // Decimal fractions: a unit in the last place.
            assert!(got.is_some_and(|got| (got - expected).abs() < 1e-12), "{q}: {got:?}");
        }
        assert_eq!(quantile(&[3.0], 0.95), Some(3.0));
        assert_eq!((quantile(&[1.0, 2.0], -1.0), quantile(&[1.0, 2.0], 7.0)), (Some(1.0), Some(2.0)));
    }

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!((median(&[1.0, 2.0, 4.0]), median(&[1.0, 2.0, 3.0, 4.0])), (Some(2.0), Some(2.5)));
        let nearest = |values: &[f64]| nearest_quantile(values, 0.5);
        assert_eq!((nearest(&[1.0, 2.0, 4.0]), nearest(&[1.0, 2.0, 3.0, 4.0])), (Some(2.0), Some(3.0)));
        assert_eq!((nearest_quantile(&[1.0, 2.0], -1.0), nearest_quantile(&[1.0, 2.0], 7.0)), (Some(1.0), Some(2.0)));
    }

    #[test]
    fn the_two_medians_differ_in_bits() {
        let values = [0.1, 0.7];
        assert_eq!((median(&values), quantile(&values, 0.5)), (Some(0.399_999_999_999_999_97), Some(0.4)));
    }

    #[test]
    fn nothing_has_no_figures() {
        assert_eq!((quantile(&[], 0.5), nearest_quantile(&[], 0.5), median(&[])), (None, None, None));
    }

    #[test]
    fn ascending_values_have_a_total_order() {
        let sorted = ascending([f64::NAN, 1.0, 0.0, f64::NEG_INFINITY, -0.0]);
        let bits: Vec<u64> = [f64::NEG_INFINITY, -0.0, 0.0, 1.0, f64::NAN].map(f64::to_bits).to_vec();
        assert_eq!(sorted.into_iter().map(f64::to_bits).collect::<Vec<_>>(), bits);
    }
}
