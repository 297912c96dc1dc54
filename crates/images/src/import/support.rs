//! Classes that too few images carry.

use crate::attribute::{Attribute, Label};
use crate::dataset::Dropped;
use crate::error::{Error, Result};

/// Takes the classes out that fewer than `minimum` of the rows `train` carry, and gives them; an image that has no other
/// class of the attribute becomes unlabelled.
///
/// **Errors.** [`Error::OneClass`] where fewer than two classes, or two of the order, are left.
pub(super) fn drop_rare(
    attributes: &mut [Attribute],
    labels: &mut [Vec<Label>],
    train: &[usize],
    minimum: usize,
) -> Result<Vec<Dropped>> {
    let mut dropped = Vec::new();
    for (at, attribute) in attributes.iter_mut().enumerate() {
        let mut counts = vec![0; attribute.classes.len()];
        for &row in train {
            classes(&labels[row][at]).iter().for_each(|&class| counts[class as usize] += 1);
        }
        // From an old class to its new number.
        let mut kept = 0..;
        let new: Vec<Option<u32>> = counts.iter().map(|&n| if n < minimum { None } else { kept.next() }).collect();
        if new.iter().all(Option::is_some) {
            continue;
        }
        let rare = attribute.classes.iter().zip(&counts).zip(&new).filter(|(_, new)| new.is_none());
        dropped.extend(rare.map(|((class, &train), _)| Dropped {
            attribute: attribute.name.clone(),
            class: class.clone(),
            train,
        }));
        let had_order = !attribute.order.is_empty();
        attribute.order = attribute.order.iter().filter_map(|&class| new[class as usize]).collect();
        let mut stays = new.iter().map(Option::is_some);
        attribute.classes.retain(|_| stays.next().unwrap_or(true));
        let left = if had_order { attribute.order.len() } else { attribute.classes.len() };
        if left < 2 {
            return Err(Error::OneClass { attribute: attribute.name.clone(), classes: left });
        }
        labels.iter_mut().for_each(|labels| labels[at] = renumbered(&labels[at], &new));
    }
    Ok(dropped)
}

fn classes(label: &Label) -> &[u32] {
    match label {
        Label::Missing => &[],
        Label::One(class) => std::slice::from_ref(class),
        Label::Many(several) => several,
    }
}

fn renumbered(label: &Label, new: &[Option<u32>]) -> Label {
    match label {
        Label::Missing => Label::Missing,
        Label::One(class) => new[*class as usize].map_or(Label::Missing, Label::One),
        Label::Many(several) => {
            let left: Vec<u32> = several.iter().filter_map(|&class| new[class as usize]).collect();
            if left.is_empty() { Label::Missing } else { Label::Many(left) }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::attribute::AttributeKind;

    fn attribute(kind: AttributeKind, order: &[u32]) -> Attribute {
        let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
        Attribute { name: "x".into(), kind, classes, order: order.to_vec() }
    }

    #[test]
    fn rare_classes_become_unlabelled_and_the_rest_is_renumbered() {
        let mut attributes = vec![attribute(AttributeKind::Ordered, &[0, 1, 2]), attribute(AttributeKind::Multi, &[])];
        let row = |one: u32, many: &[u32]| vec![Label::One(one), Label::Many(many.to_vec())];
        // The last row is no train row and does not count.
        let mut labels = vec![row(0, &[0, 1]), row(2, &[0]), row(0, &[2]), row(2, &[2]), row(1, &[0, 1]), row(1, &[1])];
        labels[3][1] = Label::Missing;
        let dropped = drop_rare(&mut attributes, &mut labels, &[0, 1, 2, 3, 4], 2).unwrap();
        let names: Vec<_> = dropped.iter().map(|d| (&d.class[..], d.train)).collect();
        assert_eq!(names, [("b", 1), ("c", 1)]);
        assert_eq!((attributes[0].classes.join(""), &attributes[0].order[..]), ("ac".into(), &[0, 1][..]));
        assert_eq!(attributes[1].classes.join(""), "ab");
        let many = |classes: &[u32]| Label::Many(classes.to_vec());
        assert_eq!(labels[0], [Label::One(0), many(&[0, 1])]);
        assert_eq!(labels[1], [Label::One(1), many(&[0])]);
        assert_eq!(labels[2], [Label::One(0), Label::Missing]);
        assert_eq!(labels[4], [Label::Missing, many(&[0, 1])]);
        assert_eq!(labels[5], [Label::Missing, many(&[1])]);
    }

    #[test]
    fn nothing_is_dropped_down_to_one_class() {
        let mut attributes = vec![attribute(AttributeKind::Nominal, &[])];
        let mut labels = vec![vec![Label::One(0)], vec![Label::One(0)], vec![Label::One(1)]];
        let error = drop_rare(&mut attributes, &mut labels, &[0, 1, 2], 2).unwrap_err();
        assert!(matches!(error, Error::OneClass { classes: 1, .. }), "{error}");
    }
}
