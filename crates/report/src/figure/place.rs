//! Labels of points, placed so that none covers another.

use crate::svg::Anchor;

/// Height of a label.
const HEIGHT: f64 = 14.0;
/// From a point's centre to its label.
const NEAR: f64 = 9.0;
/// How far away labels are tried, in pixels.
const RINGS: [f64; 9] = [18.0, 26.0, 36.0, 48.0, 62.0, 78.0, 98.0, 122.0, 150.0];
/// Directions in which they are tried, right ones first, as cosine and sine; a table, so that every machine has the same.
const DIRECTIONS: [(f64, f64); 16] = [
    (1.0, 0.0),
    (0.92, -0.38),
    (0.92, 0.38),
    (0.71, -0.71),
    (0.71, 0.71),
    (-1.0, 0.0),
    (-0.92, -0.38),
    (-0.92, 0.38),
    (-0.71, -0.71),
    (-0.71, 0.71),
    (0.38, -0.92),
    (0.38, 0.92),
    (-0.38, -0.92),
    (-0.38, 0.92),
    (0.0, -1.0),
    (0.0, 1.0),
];
/// Points closer than this crowd each other.
const CROWD: f64 = 60.0;
/// How often every label may choose again.
const PASSES: usize = 4;
/// Cost of a label outside the frame.
const OUTSIDE: f64 = 1e12;
/// Cost of a square pixel of something else that is covered: more than any way away.
const COVERED: f64 = 1e3;
/// Cost of a square pixel of a line that is crossed; crossing a vertical one costs about as much as a short hair line.
const CROSSED: f64 = 0.6;
/// Cost of a hair line, and of each pixel of it.
const AWAY: (f64, f64) = (12.0, 0.5);

/// A rectangle that something takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Area {
    /// The square around a point.
    pub(super) fn around((x, y): (f64, f64), half: f64) -> Self {
        Self { left: x - half, right: x + half, top: y - half, bottom: y + half }
    }

    /// What a text takes whose vertical middle is at `y`.
    pub(super) fn of_text((x, y): (f64, f64), anchor: Anchor, width: f64) -> Self {
        let left = match anchor {
            Anchor::Start => x,
            Anchor::Middle => x - width / 2.0,
            Anchor::End => x - width,
        };
        Self { left, right: left + width, top: y - HEIGHT / 2.0, bottom: y + HEIGHT / 2.0 }
    }

    /// The area that two rectangles share.
    pub(super) fn shared(&self, other: &Area) -> f64 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// Whether another rectangle lies inside.
    pub(super) fn holds(&self, other: &Area) -> bool {
        other.left >= self.left && other.right <= self.right && other.top >= self.top && other.bottom <= self.bottom
    }
}

/// A label in its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Label {
    /// Where the text hangs: its vertical middle.
    pub(super) at: (f64, f64),
    pub(super) anchor: Anchor,
    pub(super) area: Area,
    /// The end of the hair line from the point, where the label was moved away from it.
    pub(super) leader: Option<(f64, f64)>,
}

/// What labels must not, and what they should not cover.
pub(super) struct Ground<'a> {
    /// Every label lies within it if it fits there at all.
    pub(super) frame: Area,
    /// Words that are there already.
    pub(super) taken: &'a [Area],
    /// Lines which a label may cross where that is better than to move far away.
    pub(super) lines: &'a [Area],
}

/// Places a label of these widths at each point: right of it, left, above or below where that is free, else further away.
///
/// Greedy, then improved label by label; of a few orders to begin with, the best outcome counts.
pub(super) fn place(points: &[(f64, f64)], widths: &[f64], ground: &Ground<'_>) -> Vec<Label> {
    let dots: Vec<Area> = points.iter().map(|p| Area::around(*p, 5.5)).collect();
    let places = Places { points, widths, ground, dots };
    let mut best: Option<(f64, Vec<Label>)> = None;
    for order in orders(points) {
        let (cost, labels) = places.in_order(&order);
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, labels));
        }
    }
    best.map_or(Vec::new(), |(_, labels)| labels)
}

/// The orders in which places are given: the most crowded points first, since they have the least choice, or from each
/// side.
fn orders(points: &[(f64, f64)]) -> [Vec<usize>; 5] {
    let near = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() < CROWD && (a.1 - b.1).abs() < CROWD;
    let crowd: Vec<f64> = points.iter().map(|a| points.iter().filter(|b| near(*a, **b)).count() as f64).collect();
    let by = |key: &dyn Fn(usize) -> f64| {
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|a, b| key(*a).total_cmp(&key(*b)).then(a.cmp(b)));
        order
    };
    [by(&|i| -crowd[i]), by(&|i| points[i].0), by(&|i| -points[i].0), by(&|i| points[i].1), by(&|i| -points[i].1)]
}

struct Places<'a> {
    points: &'a [(f64, f64)],
    widths: &'a [f64],
    ground: &'a Ground<'a>,
    dots: Vec<Area>,
}

/// A label and the areas along its hair line.
type Placed = (Label, Vec<Area>);

impl Places<'_> {
    /// Labels placed in this order and then improved, with what they cost together.
    fn in_order(&self, order: &[usize]) -> (f64, Vec<Label>) {
        let mut placed: Vec<Option<Placed>> = vec![None; self.points.len()];
        let mut total = f64::INFINITY;
        for _ in 0..PASSES {
            let mut cost = 0.0;
            for &i in order {
                placed[i] = None;
                let (least, label) = self.best(i, &placed);
                cost += least;
                placed[i] = label;
            }
            if cost >= total {
                break;
            }
            total = cost;
        }
        (total, placed.into_iter().flatten().map(|(label, _)| label).collect())
    }

    /// The cheapest place of a label, given the others.
    fn best(&self, i: usize, others: &[Option<Placed>]) -> (f64, Option<Placed>) {
        let mut best = (f64::INFINITY, None);
        for (own, label) in candidates(self.points[i], self.widths[i]) {
            if own >= best.0 {
                continue;
            }
            let trail = trail(self.points[i], label.leader);
            let cost = own + self.cost(i, &label, &trail, others);
            if cost < best.0 {
                best = (cost, Some((label, trail)));
            }
        }
        best
    }

    /// What a label covers.
    fn cost(&self, i: usize, label: &Label, trail: &[Area], others: &[Option<Placed>]) -> f64 {
        let shared =
            |other: &Area| label.area.shared(other) + trail.iter().map(|piece| piece.shared(other)).sum::<f64>();
        let dots = self.dots.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, dot)| dot);
        let placed = others.iter().flatten().flat_map(|(label, trail)| std::iter::once(&label.area).chain(trail));
        let covered: f64 = dots.chain(placed).chain(self.ground.taken).map(shared).sum();
        let crossed: f64 = self.ground.lines.iter().map(|line| label.area.shared(line)).sum();
        // A label that was moved away must not hide the point that it names, either.
        let hidden = if label.leader.is_some() { label.area.shared(&self.dots[i]) } else { 0.0 };
        let outside = if self.ground.frame.holds(&label.area) { 0.0 } else { OUTSIDE };
        outside + COVERED * (covered + hidden) + CROSSED * crossed
    }
}

/// The places for a label, each with its cost.
fn candidates((x, y): (f64, f64), width: f64) -> impl Iterator<Item = (f64, Label)> {
    let label = move |at, anchor, leader| Label { at, anchor, area: Area::of_text(at, anchor, width), leader };
    let beside = [
        (0.0, label((x + NEAR, y), Anchor::Start, None)),
        (1.0, label((x - NEAR, y), Anchor::End, None)),
        (2.0, label((x, y - NEAR - 4.0), Anchor::Middle, None)),
        (3.0, label((x, y + NEAR + 4.0), Anchor::Middle, None)),
    ];
    let away = RINGS.into_iter().flat_map(move |radius| {
        DIRECTIONS.into_iter().map(move |(cos, sin)| {
            let end = (x + radius * cos, y + radius * sin);
            let (at, anchor) = match cos {
                c if c > 0.3 => ((end.0 + 2.0, end.1), Anchor::Start),
                c if c < -0.3 => ((end.0 - 2.0, end.1), Anchor::End),
                _ => ((end.0, end.1 + HEIGHT / 2.0 * sin.signum()), Anchor::Middle),
            };
            (AWAY.0 + AWAY.1 * radius, label(at, anchor, Some(end)))
        })
    });
    beside.into_iter().chain(away)
}

/// Small areas along a hair line, from the rim of its point to its end.
fn trail(from: (f64, f64), to: Option<(f64, f64)>) -> Vec<Area> {
    let Some(to) = to else { return Vec::new() };
    let length = (to.0 - from.0).hypot(to.1 - from.1);
    let pieces = (length / 4.0).ceil().max(1.0) as usize;
    let at = |share: f64| (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
    (2..pieces).map(|i| Area::around(at(i as f64 / pieces as f64), 1.5)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Area = Area { left: 40.0, right: 860.0, top: 20.0, bottom: 480.0 };

    fn cloud(n: usize, spread: f64) -> Vec<(f64, f64)> {
        (0..n)
            .map(|i| (430.0 + spread * (i as f64 * 12.9898).sin(), 250.0 + spread * (i as f64 * 78.233).cos()))
            .collect()
    }

    fn placed(points: &[(f64, f64)], taken: &[Area]) -> Vec<Label> {
        let line = Area { left: 40.0, right: 860.0, top: 399.0, bottom: 401.0 };
        let widths = vec![120.0; points.len()];
        place(points, &widths, &Ground { frame: FRAME, taken, lines: &[line] })
    }

    #[test]
    fn a_lone_label_stands_right_and_turns_away_from_what_is_taken() {
        let at = [(400.0, 200.0)];
        assert_eq!(placed(&at, &[])[0].at, (409.0, 200.0));
        let right = Area { left: 405.0, right: 600.0, top: 190.0, bottom: 210.0 };
        assert_eq!(placed(&at, &[right])[0].at, (391.0, 200.0));
        assert_eq!(placed(&[(850.0, 30.0)], &[])[0].anchor, Anchor::End);
        assert_eq!(placed(&[(400.0, 400.0)], &[])[0].anchor, Anchor::Middle);
    }

    #[test]
    fn labels_lie_in_the_frame_and_cover_nothing() {
        for (n, spread) in [(14, 30.0), (14, 150.0), (20, 60.0), (40, 230.0)] {
            let points = cloud(n, spread);
            let labels = placed(&points, &[]);
            assert_eq!(labels.len(), n);
            for (i, label) in labels.iter().enumerate() {
                assert!(FRAME.holds(&label.area), "{n}, {spread}: {label:?}");
                assert!(
                    labels[..i].iter().all(|other| other.area.shared(&label.area) == 0.0),
                    "{n}, {spread}: {label:?}"
                );
                let hides = |p: &(f64, f64)| Area::around(*p, 3.0).shared(&label.area) > 0.0;
                assert!(!points.iter().any(hides), "{n}, {spread}: {label:?}");
            }
        }
    }

    #[test]
    fn points_in_one_place_and_in_a_corner_still_have_labels_in_the_frame() {
        for at in [(430.0, 250.0), (40.0, 20.0), (860.0, 480.0)] {
            let labels = placed(&[at; 30], &[]);
            assert!(labels.iter().all(|label| FRAME.holds(&label.area)));
        }
        assert!(placed(&[], &[]).is_empty());
    }
}
