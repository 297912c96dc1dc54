//! Positions by class: quantiles, areas, orders.

use latentwalk_arithmetic::quantile;

/// Quantiles that are reported of every class, in percent: 5, 25, 50, 75, 95.
pub const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// Positions of each class, ascending.
pub(crate) fn by_class(positions: &[f64], labels: &[u32], classes: usize) -> Vec<Vec<f64>> {
    let mut groups = vec![Vec::new(); classes];
    positions.iter().zip(labels).for_each(|(&position, &class)| groups[class as usize].push(position));
    groups.iter_mut().for_each(|group| group.sort_by(f64::total_cmp));
    groups
}

/// Median of ascending values: their quantile, which differs in the last bit from [`latentwalk_arithmetic::median`].
pub(crate) fn median(sorted: &[f64]) -> Option<f64> {
    quantile(sorted, 0.5)
}

/// Classes that have a median, by median; ties by number.
pub(crate) fn class_order(medians: &[Option<f64>]) -> Vec<u32> {
    let mut found: Vec<(f64, u32)> =
        medians.iter().zip(0..).filter_map(|(median, class)| median.map(|median| (median, class))).collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    found.into_iter().map(|(_, class)| class).collect()
}

/// Whether the medians of the classes of `order` rise strictly.
pub(crate) fn rises(medians: &[Option<f64>], order: &[u32]) -> bool {
    order.windows(2).all(|pair| match (medians[pair[0] as usize], medians[pair[1] as usize]) {
        (Some(low), Some(high)) => low < high,
        _ => false,
    })
}

/// Whether they rise or fall strictly.
pub(crate) fn stands_in_order(medians: &[Option<f64>], order: &[u32]) -> bool {
    let reversed: Vec<u32> = order.iter().rev().copied().collect();
    rises(medians, order) || rises(medians, &reversed)
}

/// `P(high > low) + ½ P(high = low)` of two ascending samples; `None` if one is empty.
pub fn auc(low: &[f64], high: &[f64]) -> Option<f64> {
    if low.is_empty() || high.is_empty() {
        return None;
    }
    let (mut below, mut up_to, mut twice) = (0, 0, 0_u64);
    for &value in high {
        while below < low.len() && low[below] < value {
            below += 1;
        }
        up_to = up_to.max(below);
        while up_to < low.len() && low[up_to] <= value {
            up_to += 1;
        }
        twice += (below + up_to) as u64;
    }
    Some(twice as f64 / (2.0 * low.len() as f64 * high.len() as f64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::Value;

    use super::*;

    fn golden() -> Value {
        let text = latentwalk_testing::fixture_text("golden/probe/golden.json");
        serde_json::from_str::<Value>(&text).unwrap()["statistics"].take()
    }

    fn numbers(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    }

    #[test]
    fn areas_and_medians_are_those_of_scikit_learn_and_numpy() {
        let golden = golden();
        let scores = numbers(&golden["scores"]);
        let labels: Vec<u32> = numbers(&golden["y"]).into_iter().map(|y| y as u32).collect();
        let groups = by_class(&scores, &labels, 3);
        for pair in golden["pairs"].as_array().unwrap() {
            let class = |key: &str| pair[key].as_u64().unwrap() as usize;
            let got = auc(&groups[class("a")], &groups[class("b")]).unwrap();
            assert!((got - pair["auc"].as_f64().unwrap()).abs() < 1e-12);
        }
        for (group, want) in groups.iter().zip(golden["quantiles"].as_array().unwrap()) {
            assert!((median(group).unwrap() - numbers(want)[2]).abs() < 1e-12);
        }
    }

    #[test]
    fn empty_samples_have_no_figures() {
        assert_eq!((auc(&[], &[1.0]), auc(&[1.0], &[]), median(&[])), (None, None, None));
    }

    #[test]
    fn orders_are_strict_and_go_both_ways() {
        let medians = [Some(1.0), Some(0.0), Some(2.0), None];
        assert_eq!(class_order(&medians), [1, 0, 2]);
        assert!(rises(&medians, &[1, 0, 2]) && stands_in_order(&medians, &[2, 0, 1]));
        assert!(!stands_in_order(&medians, &[0, 1, 2]) && !rises(&medians, &[0, 3]));
        assert!(!stands_in_order(&[Some(1.0), Some(1.0)], &[0, 1]));
    }
}
