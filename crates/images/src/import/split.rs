//! Who belongs to train, validation and test; and a stratified subset.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::attribute::{Label, Split};

/// One image as the split sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member<'a> {
    /// Stratum; see [`strata`].
    pub(super) stratum: usize,
    /// Images of one group stay together.
    pub(super) group: Option<&'a str>,
    /// The source's own word.
    pub(super) declared: Option<Split>,
}

/// A group that the source puts into two splits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Straddle {
    /// Index of the member that contradicts.
    pub(super) member: usize,
    pub(super) first: Split,
    pub(super) second: Split,
}

/// A stratum for each label: its class, one for the unlabelled, and for several labels the rarest.
pub(super) fn strata<'a>(labels: impl Iterator<Item = &'a Label> + Clone, classes: usize) -> Vec<usize> {
    let mut counts = vec![0_usize; classes];
    for label in labels.clone() {
        if let Label::Many(several) = label {
            several.iter().for_each(|&class| counts[class as usize] += 1);
        }
    }
    let rarest = |several: &[u32]| several.iter().copied().min_by_key(|&class| (counts[class as usize], class));
    let stratum = |label: &Label| match label {
        Label::Missing => classes,
        Label::One(class) => *class as usize,
        Label::Many(several) => rarest(several).map_or(classes, |class| class as usize),
    };
    labels.map(stratum).collect()
}

/// Where the source declares a split for every image and none in a split that should have a share: that share is drawn from
/// the images declared for training. Gives the members and shares to draw by, and the splits that were missing.
pub(super) fn lend<'a>(members: &[Member<'a>], shares: [f64; 3]) -> (Vec<Member<'a>>, [f64; 3], Vec<Split>) {
    let declares = |split: Split| members.iter().any(|member| member.declared == Some(split));
    let all_declared = members.iter().all(|member| member.declared.is_some());
    let missing: Vec<Split> = Split::ALL
        .into_iter()
        .zip(shares)
        .filter(|&(split, share)| share > 0.0 && !declares(split))
        .map(|(split, _)| split)
        .collect();
    if !all_declared || missing.is_empty() || !declares(Split::Train) {
        return (members.to_vec(), shares, Vec::new());
    }
    let lent = |member: &Member<'a>| match member.declared {
        Some(Split::Train) => Member { declared: None, ..*member },
        _ => *member,
    };
    let kept =
        |(split, share): (Split, f64)| if split == Split::Train || missing.contains(&split) { share } else { 0.0 };
    let mut drawn = [0.0; 3];
    drawn.iter_mut().zip(Split::ALL.into_iter().zip(shares)).for_each(|(drawn, share)| *drawn = kept(share));
    (members.iter().map(lent).collect(), drawn, missing)
}

/// Gives every member its split: the declared one, else by share within its stratum (largest remainder), groups whole.
pub(super) fn assign(members: &[Member<'_>], shares: [f64; 3], seed: u64) -> Result<Vec<Split>, Straddle> {
    let declared = declared(members)?;
    let free: Vec<usize> = (0..members.len()).filter(|&at| declared[at].is_none()).collect();
    let mut plan = Plan::new(members, &free, shares);
    let mut splits: Vec<Split> = declared.into_iter().map(|split| split.unwrap_or(Split::Train)).collect();
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut singles: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in free {
        match members[at].group {
            Some(group) => groups.entry(group).or_default().push(at),
            None => singles.entry(members[at].stratum).or_default().push(at),
        }
    }
    for group in by_size(groups.into_values().collect(), seed) {
        let split = plan.place(members, &group);
        group.iter().for_each(|&at| splits[at] = Split::ALL[split]);
    }
    for (stratum, mut rows) in singles {
        rows.shuffle(&mut rng(seed, 1 + stratum as u64));
        let counts = plan.remaining(stratum, rows.len());
        let drawn = Split::ALL.iter().zip(counts).flat_map(|(&split, count)| std::iter::repeat_n(split, count));
        rows.iter().zip(drawn).for_each(|(&at, split)| splits[at] = split);
    }
    Ok(splits)
}

/// Indices of a subset of `limit` members, ascending, every (declared split, stratum) in its proportion.
pub(super) fn subset(members: &[Member<'_>], limit: usize, seed: u64) -> Vec<usize> {
    let mut cells: BTreeMap<(Option<Split>, usize), Vec<usize>> = BTreeMap::new();
    for (at, member) in members.iter().enumerate() {
        cells.entry((member.declared, member.stratum)).or_default().push(at);
    }
    let sizes: Vec<f64> = cells.values().map(|rows| rows.len() as f64).collect();
    let counts = largest_remainder(limit.min(members.len()), &sizes);
    let mut chosen = Vec::new();
    for (number, (mut rows, count)) in cells.into_values().zip(counts).enumerate() {
        rows.shuffle(&mut rng(seed, u64::MAX - number as u64));
        chosen.extend_from_slice(&rows[..count]);
    }
    chosen.sort_unstable();
    chosen
}

/// The source's own splits, spread over whole groups.
fn declared(members: &[Member<'_>]) -> Result<Vec<Option<Split>>, Straddle> {
    let mut of_group: BTreeMap<&str, Split> = BTreeMap::new();
    for (member, at) in members.iter().zip(0..) {
        if let (Some(group), Some(second)) = (member.group, member.declared) {
            let first = *of_group.entry(group).or_insert(second);
            if first != second {
                return Err(Straddle { member: at, first, second });
            }
        }
    }
    let split = |member: &Member<'_>| member.declared.or_else(|| of_group.get(member.group?).copied());
    Ok(members.iter().map(split).collect())
}

/// How many of each stratum should go where, and how many have gone.
struct Plan {
    shares: [f64; 3],
    targets: BTreeMap<usize, [usize; 3]>,
    taken: BTreeMap<usize, [usize; 3]>,
}

impl Plan {
    fn new(members: &[Member<'_>], free: &[usize], shares: [f64; 3]) -> Self {
        let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
        for &at in free {
            *sizes.entry(members[at].stratum).or_default() += 1;
        }
        let target = |(stratum, size)| (stratum, three(&largest_remainder(size, &shares)));
        Self { shares, targets: sizes.into_iter().map(target).collect(), taken: BTreeMap::new() }
    }

    fn need(&self, stratum: usize) -> [usize; 3] {
        let target = self.targets.get(&stratum).copied().unwrap_or_default();
        let taken = self.taken.get(&stratum).copied().unwrap_or_default();
        std::array::from_fn(|split| target[split].saturating_sub(taken[split]))
    }

    /// The split that a group goes to: among those with room for all of it the one that lacks the largest share of its
    /// target, else the one with most room.
    fn place(&mut self, members: &[Member<'_>], group: &[usize]) -> usize {
        let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
        for &at in group {
            *sizes.entry(members[at].stratum).or_default() += 1;
        }
        let mut best = (0, (false, 0.0));
        for split in (0..3).filter(|&split| self.shares[split] > 0.0) {
            let (mut room, mut need, mut target) = (0, 0, 0);
            for (&stratum, &size) in &sizes {
                let left = self.need(stratum)[split];
                room += left.min(size);
                need += left;
                target += self.targets.get(&stratum).map_or(0, |targets| targets[split]);
            }
            let fits = room == group.len();
            let score = if fits { need as f64 / target.max(1) as f64 } else { room as f64 };
            if (fits, score) > best.1 {
                best = (split, (fits, score));
            }
        }
        for (stratum, size) in sizes {
            self.taken.entry(stratum).or_default()[best.0] += size;
        }
        best.0
    }

    /// Counts for the ungrouped rest of a stratum.
    fn remaining(&self, stratum: usize, rows: usize) -> [usize; 3] {
        let need = self.need(stratum);
        if need.iter().sum::<usize>() == rows {
            return need;
        }
        three(&largest_remainder(rows, &need.map(|count| count as f64)))
    }
}

fn three(counts: &[usize]) -> [usize; 3] {
    std::array::from_fn(|at| counts.get(at).copied().unwrap_or_default())
}

/// Groups in random order, then the largest first: large ones are the hardest to place.
fn by_size(mut groups: Vec<Vec<usize>>, seed: u64) -> Vec<Vec<usize>> {
    groups.shuffle(&mut rng(seed, 0));
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    groups
}

fn rng(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// Whole numbers that add up to `total` in proportion to `weights`, each less than 1 from its exact share; ties go to the
/// earlier.
fn largest_remainder(total: usize, weights: &[f64]) -> Vec<usize> {
    /// Keeps `0.7 * 10` from becoming 6 by rounding of the product.
    const SLACK: f64 = 1e-9;
    let sum: f64 = weights.iter().sum();
    let quotas: Vec<f64> = weights.iter().map(|weight| total as f64 * (weight / sum)).collect();
    let mut counts: Vec<usize> = quotas.iter().map(|quota| (quota + SLACK).floor() as usize).collect();
    let remainder = |at: usize| quotas[at] - counts[at] as f64;
    let mut order: Vec<usize> = (0..weights.len()).filter(|&at| weights[at] > 0.0).collect();
    order.sort_by(|&a, &b| remainder(b).total_cmp(&remainder(a)).then(a.cmp(&b)));
    let left = total.saturating_sub(counts.iter().sum());
    order.into_iter().take(left).for_each(|at| counts[at] += 1);
    counts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const SHARES: [f64; 3] = [0.7, 0.1, 0.2];

    fn member(stratum: usize, group: Option<&str>) -> Member<'_> {
        Member { stratum, group, declared: None }
    }

    fn count(splits: &[Split], members: &[Member<'_>], stratum: usize, split: Split) -> usize {
        let hit = |(member, found): &(&Member<'_>, &Split)| member.stratum == stratum && **found == split;
        members.iter().zip(splits).filter(hit).count()
    }

    #[test]
    fn remainders_go_to_the_largest() {
        assert_eq!(largest_remainder(10, &SHARES), [7, 1, 2]);
        assert_eq!(largest_remainder(3, &SHARES), [2, 0, 1]);
        assert_eq!(largest_remainder(1, &SHARES), [1, 0, 0]);
        assert_eq!(largest_remainder(0, &SHARES), [0, 0, 0]);
        assert_eq!(largest_remainder(5, &[1.0, 0.0, 1.0]), [3, 0, 2]);
    }

    #[test]
    fn declared_splits_win_and_spread_over_their_group() {
        let mut members = vec![member(0, Some("g")); 3];
        members[1].declared = Some(Split::Test);
        members.push(Member { declared: Some(Split::Validation), ..member(0, None) });
        let splits = assign(&members, [1.0, 0.0, 0.0], 1).unwrap();
        assert_eq!(splits, [Split::Test, Split::Test, Split::Test, Split::Validation]);
        members[2].declared = Some(Split::Train);
        let straddle = assign(&members, SHARES, 1).unwrap_err();
        assert_eq!(straddle, Straddle { member: 2, first: Split::Test, second: Split::Train });
    }

    #[test]
    fn what_the_source_leaves_out_is_drawn_from_train() {
        let declared = |split| Member { declared: Some(split), ..member(0, None) };
        let mut members = vec![declared(Split::Train); 90];
        members.extend(vec![declared(Split::Validation); 30]);
        let (lent, shares, missing) = lend(&members, SHARES);
        assert_eq!((shares, &missing[..]), ([0.7, 0.0, 0.2], &[Split::Test][..]));
        let splits = assign(&lent, shares, 1).unwrap();
        assert_eq!(Split::ALL.map(|split| count(&splits, &members, 0, split)), [70, 30, 20]);
        assert!(splits[90..].iter().all(|split| *split == Split::Validation));
        // One image without a split, no train images, or nothing missing: as it was.
        members.push(member(0, None));
        assert_eq!(lend(&members, SHARES), (members.clone(), SHARES, vec![]));
        members.pop();
        assert_eq!(lend(&members[90..], SHARES).2, []);
        assert_eq!(lend(&members, [0.9, 0.1, 0.0]).2, []);
    }

    #[test]
    fn groups_of_equal_size_reach_their_shares() {
        let names: Vec<String> = (0..100).map(|group| format!("g{group}")).collect();
        let members: Vec<Member<'_>> = (0..500).map(|at| member(0, Some(&names[at / 5]))).collect();
        let splits = assign(&members, SHARES, 3).unwrap();
        let counts = Split::ALL.map(|split| count(&splits, &members, 0, split));
        assert_eq!(counts, [350, 50, 100]);
    }

    #[test]
    fn several_labels_count_by_their_rarest() {
        let labels = [Label::Many(vec![0, 1]), Label::Many(vec![0]), Label::Missing, Label::One(1)];
        assert_eq!(strata(labels.iter(), 2), [1, 0, 2, 1]);
    }

    #[test]
    fn another_seed_is_another_split() {
        let members = vec![member(0, None); 50];
        assert_ne!(assign(&members, SHARES, 1), assign(&members, SHARES, 2));
    }

    proptest! {
        #[test]
        fn splits_are_stratified_and_deterministic(
            strata in prop::collection::vec(0_usize..4, 0..200),
            train in 1_u32..20, validation in 0_u32..20, test in 0_u32..20, seed in any::<u64>(),
        ) {
            let sum = f64::from(train + validation + test);
            let shares = [train, validation, test].map(|part| f64::from(part) / sum);
            let members: Vec<Member<'_>> = strata.iter().map(|&stratum| member(stratum, None)).collect();
            let splits = assign(&members, shares, seed).unwrap();
            prop_assert_eq!(&splits, &assign(&members, shares, seed).unwrap());
            prop_assert_eq!(splits.len(), members.len());
            for stratum in 0..4 {
                let size = strata.iter().filter(|&&found| found == stratum).count() as f64;
                for (split, share) in Split::ALL.into_iter().zip(shares) {
                    let got = count(&splits, &members, stratum, split) as f64;
                    prop_assert!((got - share * size).abs() < 1.0 + 1e-6, "{got} of {size} for {share}");
                }
            }
        }

        #[test]
        fn groups_stay_whole(rows in prop::collection::vec((0_usize..3, 0_usize..12, 0_usize..6), 0..150), seed in any::<u64>()) {
            let names: Vec<String> = (0..12).map(|group| format!("g{group}")).collect();
            // Groups 0 to 3 are declared; every third row has no group.
            let own = |group: usize| Split::ALL.get(group).copied();
            let members: Vec<Member<'_>> = rows.iter().map(|&(stratum, group, marked)| Member {
                stratum,
                group: (marked > 1).then_some(&*names[group]),
                declared: if marked == 2 { own(group) } else { None },
            }).collect();
            let splits = assign(&members, SHARES, seed).unwrap();
            for (a, first) in members.iter().zip(&splits) {
                prop_assert!(a.declared.is_none_or(|split| split == *first));
                for (b, second) in members.iter().zip(&splits) {
                    prop_assert!(a.group.is_none() || a.group != b.group || first == second);
                }
            }
        }

        #[test]
        fn subsets_keep_proportions(strata in prop::collection::vec(0_usize..4, 1..200), limit in 0_usize..220, seed in any::<u64>()) {
            let members: Vec<Member<'_>> = strata.iter().map(|&stratum| member(stratum, None)).collect();
            let chosen = subset(&members, limit, seed);
            prop_assert_eq!(chosen.len(), limit.min(members.len()));
            prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(&chosen, &subset(&members, limit, seed));
            for stratum in 0..4 {
                let size = strata.iter().filter(|&&found| found == stratum).count() as f64;
                let got = chosen.iter().filter(|&&at| strata[at] == stratum).count() as f64;
                let exact = chosen.len() as f64 * size / members.len() as f64;
                prop_assert!((got - exact).abs() < 1.0 + 1e-6);
            }
        }
    }
}
