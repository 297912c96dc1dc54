//! Directions in closed form: mean difference, LDA, pattern.

use latentwalk_arithmetic::dot;
use ndarray::ArrayView2;

use crate::task::Prepared;
use crate::{Method, Result, scatter};

/// Shrinkage of LDA's within-class covariance, in units of its mean variance.
pub const LDA_SHRINKAGE: f64 = 1e-4;

/// The labelled training rows, each of weight 1.
fn training<'p>(prepared: &'p Prepared<'_>) -> impl Iterator<Item = (impl Iterator<Item = f64> + 'p, u32, f64)> + 'p {
    let train = &prepared.groups.train;
    train.rows.iter().zip(&train.classes).map(move |(&row, &class)| (scatter::vector(prepared.task.z, row), class, 1.0))
}

/// Mean vector of each class over the training rows.
fn class_means(prepared: &Prepared<'_>) -> Vec<Vec<f64>> {
    scatter::class_means(prepared.task.z.ncols(), training(prepared), prepared.classes()).0
}

fn difference(high: &[f64], low: &[f64]) -> Vec<f64> {
    high.iter().zip(low).map(|(h, l)| h - l).collect()
}

/// Mean of the highest class minus mean of the lowest: of the declared order, else of the two classes whose means lie furthest apart.
pub(crate) fn mean_difference(prepared: &Prepared<'_>) -> Vec<f64> {
    let means = class_means(prepared);
    if let [first, .., last] = prepared.task.order {
        return difference(&means[*last as usize], &means[*first as usize]);
    }
    let pairs = (0..means.len()).flat_map(|high| (0..high).map(move |low| (low, high)));
    let spans = pairs.map(|(low, high)| difference(&means[high], &means[low]));
    let widest = spans.map(|span| (dot(&span, &span), span)).max_by(|a, b| a.0.total_cmp(&b.0));
    widest.map(|(_, span)| span).unwrap_or_default()
}

/// `(S_W + shrinkage)⁻¹` times the mean difference, `S_W` the pooled within-class covariance of the labelled training rows.
pub(crate) fn lda(prepared: &Prepared<'_>) -> Result<Vec<f64>> {
    let means = class_means(prepared);
    let mut within = scatter::about(&means, training(prepared));
    within.scale(1.0 / (prepared.groups.train.rows.len() - means.len()) as f64);
    within.shrink(LDA_SHRINKAGE);
    let singular = || prepared.task.no_direction(Method::Lda);
    within.solve(&mean_difference(prepared)).ok_or_else(singular)
}

/// Haufe's pattern `a = Σw / (wᵀΣw)`: how the vectors of `z` move while the score `w·z` grows by one.
///
/// **Shapes**: `weights` k, `z` n×k, result k.
///
/// **Units and conventions**: Σ is the population covariance of the rows given; `w·a = 1`. All zeros if the score is constant.
///
/// **Source**: Haufe et al., NeuroImage 2014, equation 6.
pub fn pattern_weights(weights: &[f64], z: ArrayView2<'_, f32>) -> Vec<f64> {
    let n = z.nrows().max(1) as f64;
    let mut mean = vec![0.0; weights.len()];
    for row in z.rows() {
        mean.iter_mut().zip(row).for_each(|(m, &v)| *m += f64::from(v) / n);
    }
    let mut moved = vec![0.0; weights.len()];
    for row in z.rows() {
        let off: Vec<f64> = row.iter().zip(&mean).map(|(&v, m)| f64::from(v) - m).collect();
        let score = dot(&off, weights);
        moved.iter_mut().zip(&off).for_each(|(sum, o)| *sum += score * o / n);
    }
    let variance = dot(&moved, weights);
    moved.iter().map(|m| if variance > 0.0 { m / variance } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn pattern_is_covariance_times_weights() {
        // Axis 1 is twice axis 0: a score on axis 0 alone moves both.
        let z = Array2::from_shape_fn((9, 3), |(row, axis)| match axis {
            0 => row as f32,
            1 => 2.0 * row as f32,
            _ => [1.0, -1.0, 0.0][row % 3],
        });
        let a = pattern_weights(&[0.5, 0.0, 0.0], z.view());
        let scaled: Vec<f64> = a.iter().map(|v| v / a[0]).collect();
        assert!((a[0] * 0.5 - 1.0).abs() < 1e-12 && (scaled[1] - 2.0).abs() < 1e-12, "{a:?}");
        assert_eq!(pattern_weights(&[0.0; 3], z.view()), [0.0; 3]);
    }
}
