//! The few statistics that a picture of a distribution needs.

/// Below this many values a class is drawn as dots: a density would promise more than there is.
pub(crate) const DOTS_BELOW: usize = 30;

/// Points at which a density is evaluated.
const GRID: usize = 160;

/// The 5, 25, 50, 75 and 95 % quantiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantiles {
    pub(crate) p05: f64,
    pub(crate) p25: f64,
    pub(crate) median: f64,
    pub(crate) p75: f64,
    pub(crate) p95: f64,
}

/// A quantile of ascending values; NaN when empty, which stands last in an order and is shown as a dash.
pub(crate) fn quantile(ascending: &[f64], q: f64) -> f64 {
    latentwalk_arithmetic::quantile(ascending, q).unwrap_or(f64::NAN)
}

/// The five quantiles of ascending values; `None` when empty.
pub(crate) fn quantiles(ascending: &[f64]) -> Option<Quantiles> {
    let q = |share| quantile(ascending, share);
    (!ascending.is_empty()).then(|| Quantiles {
        p05: q(0.05),
        p25: q(0.25),
        median: q(0.5),
        p75: q(0.75),
        p95: q(0.95),
    })
}

/// Smallest and largest finite value; `None` when there is none.
pub(crate) fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|v| v.is_finite()).fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

/// One bandwidth for all classes: Silverman's rule on the pooled spread within the classes.
///
/// `0.9 min(sd, iqr / 1.349) m^(-1/5)` with `m` the mean number of values a class. A common bandwidth keeps the curves
/// comparable; the pooled spread keeps the gaps between classes from widening it. `None` without any spread.
///
/// **Source.** Silverman, Density Estimation (1986), equation 3.31.
pub(crate) fn common_bandwidth(classes: &[Vec<f64>]) -> Option<f64> {
    let filled: Vec<&Vec<f64>> = classes.iter().filter(|c| c.len() > 1).collect();
    let mut residuals = Vec::new();
    for class in &filled {
        let mean = class.iter().sum::<f64>() / class.len() as f64;
        residuals.extend(class.iter().map(|x| x - mean));
    }
    let n = residuals.len();
    if n <= filled.len() {
        return None;
    }
    let freedom = (n - filled.len()) as f64;
    let deviation = (residuals.iter().map(|r| r * r).sum::<f64>() / freedom).sqrt();
    residuals.sort_by(f64::total_cmp);
    let iqr = (quantile(&residuals, 0.75) - quantile(&residuals, 0.25)) / 1.349;
    let spread = if iqr > 0.0 { deviation.min(iqr) } else { deviation };
    let per_class = n as f64 / filled.len() as f64;
    let bandwidth = 0.9 * spread * per_class.powf(-0.2);
    (bandwidth.is_finite() && bandwidth > 0.0).then_some(bandwidth)
}

/// Gaussian kernel density on a grid over the values' own range, so that no tail reaches beyond the data; scaled so
/// that the area under the drawn curve is 1. Empty when the values have no range.
pub(crate) fn density(values: &[f64], bandwidth: f64) -> Vec<(f64, f64)> {
    let Some((low, high)) = range(values.iter().copied()).filter(|(low, high)| high > low) else { return Vec::new() };
    let step = (high - low) / (GRID - 1) as f64;
    let mut curve: Vec<(f64, f64)> = (0..GRID)
        .map(|i| {
            let x = low + step * i as f64;
            (x, values.iter().map(|v| (-0.5 * ((x - v) / bandwidth).powi(2)).exp()).sum())
        })
        .collect();
    let area = area(&curve);
    if area > 0.0 {
        curve.iter_mut().for_each(|(_, y)| *y /= area);
    }
    curve
}

/// Area under a curve by the trapezoid rule.
pub(crate) fn area(curve: &[(f64, f64)]) -> f64 {
    curve.windows(2).map(|p| (p[1].0 - p[0].0) * (p[0].1 + p[1].1) / 2.0).sum()
}

/// Counts in `bins` equal bins over `low..=high`; what lies outside or is not finite is not counted.
pub(crate) fn histogram(values: &[f64], low: f64, high: f64, bins: usize) -> Vec<usize> {
    let mut counts = vec![0; bins];
    for &v in values.iter().filter(|v| **v >= low && **v <= high) {
        let bin = ((v - low) / (high - low) * bins as f64) as usize;
        counts[bin.min(bins - 1)] += 1;
    }
    counts
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn wave(n: usize, centre: f64) -> Vec<f64> {
        (0..n).map(|i| centre + (i as f64 * 12.9898).sin()).collect()
    }

    #[test]
    fn quantiles_interpolate_as_numpy_does() {
        // numpy.quantile([1, 2, 4, 8], [0.05, 0.25, 0.5, 0.75, 0.95]) = 1.15, 1.75, 3, 5, 7.4
        let q = quantiles(&[1.0, 2.0, 4.0, 8.0]).unwrap();
        for (got, expected) in [(q.p05, 1.15), (q.p25, 1.75), (q.median, 3.0), (q.p75, 5.0), (q.p95, 7.4)] {
            assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        }
        assert_eq!(quantiles(&[]), None);
        assert_eq!(quantile(&[3.0], 0.95), 3.0);
    }

    #[test]
    fn a_density_integrates_to_one_and_stays_within_the_data() {
        for n in [2, 30, 500] {
            let values = wave(n, 3.0);
            let curve = density(&values, 0.2);
            let (low, high) = range(values).unwrap();
            assert!((area(&curve) - 1.0).abs() < 1e-12);
            assert_eq!(curve[0].0, low);
            assert!((curve[GRID - 1].0 - high).abs() < 1e-12);
            assert!(curve.iter().all(|p| p.1 >= 0.0));
        }
    }

    #[test]
    fn no_range_gives_no_density() {
        assert!(density(&[], 0.1).is_empty());
        assert!(density(&[2.0; 50], 0.1).is_empty());
    }

    #[test]
    fn the_bandwidth_ignores_the_gaps_between_classes() {
        let near = common_bandwidth(&[wave(200, 0.0), wave(200, 1.0)]).unwrap();
        let far = common_bandwidth(&[wave(200, 0.0), wave(200, 1000.0)]).unwrap();
        assert!((near - far).abs() < 1e-9);
        assert_eq!(common_bandwidth(&[vec![1.0], vec![]]), None);
        assert_eq!(common_bandwidth(&[vec![1.0; 9]]), None);
        assert_eq!(common_bandwidth(&[]), None);
    }

    #[test]
    fn a_histogram_counts_what_lies_inside() {
        let counts = histogram(&[0.0, 0.49, 0.5, 1.0, 1.5, f64::NAN], 0.0, 1.0, 2);
        assert_eq!(counts, [2, 2]);
    }
}
