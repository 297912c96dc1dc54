//! Means of classes, and how rows scatter about them.
//!
//! A row is its values, its class and its weight; whoever calls may draw them from vectors or from points in another space.

use ndarray::{ArrayView2, Axis};

use crate::linalg::Symmetric;

/// A row's values.
pub(crate) fn vector<'z>(z: ArrayView2<'z, f32>, row: usize) -> impl Iterator<Item = f64> + 'z {
    z.index_axis_move(Axis(0), row).into_iter().map(|&v| f64::from(v))
}

/// Weighted mean of each class and the weight of its rows; zeros for a class without weight.
///
/// **Shapes**: k values per row, one mean of k values per class.
pub(crate) fn class_means<V: Iterator<Item = f64>>(
    k: usize,
    rows: impl Iterator<Item = (V, u32, f64)>,
    classes: usize,
) -> (Vec<Vec<f64>>, Vec<f64>) {
    let (mut means, mut mass) = (vec![vec![0.0; k]; classes], vec![0.0; classes]);
    for (values, class, weight) in rows {
        mass[class as usize] += weight;
        means[class as usize].iter_mut().zip(values).for_each(|(m, v)| *m += weight * v);
    }
    for (mean, mass) in means.iter_mut().zip(&mass).filter(|(_, mass)| **mass > 0.0) {
        mean.iter_mut().for_each(|m| *m /= mass);
    }
    (means, mass)
}

/// `Σ weight (z − m)(z − m)ᵀ`, m the mean of the row's class.
pub(crate) fn about<V: Iterator<Item = f64>>(
    means: &[Vec<f64>],
    rows: impl Iterator<Item = (V, u32, f64)>,
) -> Symmetric {
    let k = means.first().map_or(0, Vec::len);
    let mut scatter = Symmetric::zero(k);
    let mut off = vec![0.0; k];
    for (values, class, weight) in rows {
        off.iter_mut().zip(values).zip(&means[class as usize]).for_each(|((o, v), m)| *o = v - m);
        scatter.add_outer(weight, &off);
    }
    scatter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_weight_two_is_two_rows() {
        let rows = [([0.0, 1.0], 0, 2.0), ([3.0, 1.0], 0, 1.0), ([5.0, 5.0], 1, 1.0)];
        let weighted = || rows.iter().map(|&(values, class, weight)| (values.into_iter(), class, weight));
        let twice = || [0, 0, 1, 2].into_iter().map(|at: usize| (rows[at].0.into_iter(), rows[at].1, 1.0));
        let (means, mass) = class_means(2, weighted(), 3);
        assert_eq!(means, [[1.0, 1.0], [5.0, 5.0], [0.0, 0.0]]);
        assert_eq!((means.clone(), mass), class_means(2, twice(), 3));
        assert_eq!(about(&means, weighted()).times(&[1.0, 0.0]), [6.0, 0.0]);
        assert_eq!(about(&means, twice()).times(&[1.0, 0.0]), [6.0, 0.0]);
    }
}
