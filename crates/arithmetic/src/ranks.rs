//! Ranks and their correlation.

/// Spearman's rank correlation, ties at their mean rank; `None` where the values of one side are all equal, or there are none.
///
/// **Shapes.** Two lists of one length; of a longer one the rest is not read.
///
/// **Source.** `scipy.stats.spearmanr`.
///
/// **Example**
///
/// ```
/// assert_eq!(latentwalk_arithmetic::spearman(&[1.0, 2.0, 3.0], &[10.0, 20.0, 15.0]), Some(0.5));
/// ```
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len().min(b.len());
    let (a, b) = (ranks(&a[..n]), ranks(&b[..n]));
    // Mean ranks sum as plain ranks do.
    let mean = (n as f64 - 1.0) / 2.0;
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().map(|x| x - mean).zip(b.iter().map(|y| y - mean)) {
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
}

/// Ranks from 0, ties at their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_and_empty_sides_have_no_correlation() {
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[1.0, 2.0], &[1.0, 1.0]), None);
        assert_eq!((spearman(&[], &[]), spearman(&[1.0], &[1.0])), (None, None));
    }

    #[test]
    fn known_strips_have_known_correlations() {
        let along = |ranks: &[f64]| spearman(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..ranks.len()], ranks);
        // Three digits are stated.
        let near = |got: Option<f64>, expected: f64| {
            assert!(got.is_some_and(|got| (got - expected).abs() < 5e-4), "{got:?} {expected}");
        };
        near(along(&[0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 2.0]), 0.945);
        near(along(&[0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0]), 0.866);
        near(along(&[2.0, 1.0, 0.0]), -1.0);
        assert_eq!(along(&[1.0, 1.0, 1.0]), None);
    }

    #[test]
    fn the_rest_of_a_longer_list_is_not_read() {
        assert_eq!(spearman(&[1.0, 2.0, 0.0], &[3.0, 4.0]), Some(1.0));
    }

    #[test]
    fn ties_share_their_mean_rank() {
        assert_eq!(ranks(&[3.0, -0.0, 3.0, 0.0, 9.0]), [2.5, 0.5, 2.5, 0.5, 4.0]);
    }
}
