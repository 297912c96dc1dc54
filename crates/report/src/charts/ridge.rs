//! Where the classes lie along a direction: one row per class, on one axis.

use super::Frame;
use crate::attribute::AttributeSection;
use crate::classes::ClassRow;
use crate::number;
use crate::statistics::{self, DOTS_BELOW};
use crate::svg::{Anchor, Scale, Svg};

/// The name of the axis that ridges and probabilities share.
pub(crate) const AXIS: &str = "position along the direction, in units of raw PCA space";

/// What a ridge figure shows.
pub(crate) struct Ridge<'a> {
    pub(crate) rows: &'a [ClassRow],
    /// Stops of the walks, marked above the rows; empty where walks differ.
    pub(crate) stops: Vec<f64>,
    /// The split whose positions are drawn.
    pub(crate) split: &'a str,
    /// Both ends of the axis.
    pub(crate) domain: (f64, f64),
    /// The drawing's text alternative.
    pub(crate) label: String,
}

/// Room for the words above the classes which the order leaves out.
const UNRANKED: f64 = 30.0;

/// Where things stand within a row, for a page and for a phone.
struct Layout {
    left: f64,
    row: f64,
    curve: f64,
    /// Whether names stand beneath the row instead of beside it.
    beneath: bool,
}

impl Layout {
    fn of(width: f64, rows: usize) -> Self {
        match width < 600.0 {
            true => Self { left: 10.0, row: 78.0, curve: 40.0, beneath: true },
            false if rows <= 6 => Self { left: left_margin(width), row: 74.0, curve: 52.0, beneath: false },
            false => Self { left: left_margin(width), row: 60.0, curve: 40.0, beneath: false },
        }
    }
}

/// The margin that the names take, also of the figures which share the axis.
pub(crate) fn left_margin(width: f64) -> f64 {
    if width < 600.0 { 44.0 } else { 176.0 }
}

impl<'a> Ridge<'a> {
    /// The figure of a section whose classes are `rows`.
    pub(crate) fn of(section: &'a AttributeSection, rows: &'a [ClassRow]) -> Self {
        let stops = common_stops(section);
        let positions = rows.iter().flat_map(|r| &r.held_out).chain(&stops).copied();
        let domain = Scale::new(statistics::range(positions).unwrap_or((0.0, 1.0)), (0.0, 1.0)).domain();
        let decimals = number::decimals_for(domain.1 - domain.0);
        let median = |r: &ClassRow| number::fixed(statistics::quantile(&r.held_out, 0.5), decimals);
        let medians: Vec<String> = rows.iter().map(|r| format!("{} {}", r.name, median(r))).collect();
        let (name, medians) = (&section.name, medians.join(", "));
        let label = format!("Positions of the classes along the direction of {name}; medians: {medians}.");
        Self { rows, stops, split: &section.split, domain, label }
    }
}

/// The stops, where all strips share them.
fn common_stops(section: &AttributeSection) -> Vec<f64> {
    let of = |i: usize| section.strips[i].stops.iter().map(|s| s.position).collect::<Vec<f64>>();
    match section.strips.len() {
        0 => Vec::new(),
        n if (1..n).all(|i| of(i) == of(0)) => of(0),
        _ => Vec::new(),
    }
}

impl Ridge<'_> {
    /// The drawing at a width.
    pub(crate) fn draw(&self, width: f64) -> Svg {
        let layout = Layout::of(width, self.rows.len());
        let top = if self.stops.is_empty() { 10.0 } else { 34.0 };
        let ranked = self.rows.iter().take_while(|r| r.in_order).count();
        let gap = if ranked == self.rows.len() { 0.0 } else { UNRANKED };
        let bottom = top + layout.row * self.rows.len() as f64 + gap + 4.0;
        let frame = Frame { left: layout.left, right: width - 14.0, top, bottom };
        let x = Scale::new(self.domain, (frame.left + 6.0, frame.right - 6.0));
        let mut svg = Svg::new(width, bottom + 46.0, &self.label);
        let ticks = x.ticks(if layout.beneath { 5 } else { 9 });
        for &tick in &ticks {
            svg.line((x.at(tick), top), (x.at(tick), bottom), "grid");
        }
        self.draw_stops(&mut svg, &frame, &x, &layout);
        let samples: Vec<Vec<f64>> = self.rows.iter().map(|r| r.held_out.clone()).collect();
        let bandwidth = statistics::common_bandwidth(&samples);
        let curves: Vec<Vec<(f64, f64)>> = self.rows.iter().map(|r| curve(r, bandwidth)).collect();
        let peak = curves.iter().flatten().fold(0.0, |peak: f64, p| peak.max(p.1));
        for (i, (row, curve)) in self.rows.iter().zip(&curves).enumerate() {
            let gap = if i < ranked { 0.0 } else { gap };
            let base = top + layout.row * i as f64 + gap + layout.curve + 8.0;
            self.draw_row(&mut svg, &layout, &x, row, base);
            let height = Scale::new((0.0, peak), (base, base - layout.curve));
            draw_curve(&mut svg, &x, &height, row, curve, base);
            draw_marks(&mut svg, &x, row, base + 9.0);
        }
        if gap > 0.0 {
            let y = top + layout.row * ranked as f64 + 8.0;
            svg.line((frame.left.min(10.0), y), (frame.right, y), "grid");
            svg.text((frame.left.min(10.0), y + 17.0), Anchor::Start, "tick", "not in the declared order");
        }
        frame.x_axis(&mut svg, &x, &ticks, if layout.beneath { "position along the direction" } else { AXIS });
        svg
    }

    fn draw_stops(&self, svg: &mut Svg, frame: &Frame, x: &Scale, layout: &Layout) {
        for &stop in &self.stops {
            let at = x.at(stop);
            svg.line((at, frame.top), (at, frame.bottom), "stop");
            svg.area(
                &[(at - 4.0, frame.top - 9.0), (at, frame.top - 2.0), (at + 4.0, frame.top - 9.0)],
                frame.top - 9.0,
                "mark",
            );
        }
        match (self.stops.is_empty(), layout.beneath) {
            (true, _) => {}
            (false, true) => svg.text((frame.left, frame.top - 17.0), Anchor::Start, "tick", "stops of the walks"),
            (false, false) => {
                svg.text((frame.left - 14.0, frame.top - 3.0), Anchor::End, "tick", "stops of the walks");
            }
        }
    }

    fn draw_row(&self, svg: &mut Svg, layout: &Layout, x: &Scale, row: &ClassRow, base: f64) {
        let class = format!("row k{}", row.slot);
        svg.line((layout.left, base), (x.at(x.domain().1) + 6.0, base), &class);
        let (train, n) = (number::count(row.train as u64), number::count(row.held_out.len() as u64));
        let counts = format!("train {train} · {} {n}", self.split);
        if layout.beneath {
            let width = (x.at(x.domain().1) - layout.left) / 2.0;
            svg.circle((layout.left + 5.0, base + 22.0), 4.0, &format!("dot k{}", row.slot), "");
            svg.label((layout.left + 15.0, base + 26.0), Anchor::Start, "class", &row.name, width * 0.85);
            svg.label((x.at(x.domain().1) + 6.0, base + 26.0), Anchor::End, "tick", &counts, width + 30.0);
        } else {
            let right = layout.left - 14.0;
            svg.label((right, base - 12.0), Anchor::End, "class", &row.name, right * 0.78);
            svg.label((right, base + 4.0), Anchor::End, "tick", &counts, right + 30.0);
        }
    }
}

fn curve(row: &ClassRow, bandwidth: Option<f64>) -> Vec<(f64, f64)> {
    match bandwidth {
        Some(bandwidth) if row.held_out.len() >= DOTS_BELOW => statistics::density(&row.held_out, bandwidth),
        _ => Vec::new(),
    }
}

/// The density, or the images one by one where there are too few for a density (or they all stand at one place).
fn draw_curve(svg: &mut Svg, x: &Scale, height: &Scale, row: &ClassRow, curve: &[(f64, f64)], base: f64) {
    if row.held_out.is_empty() {
        return svg.text((x.at(x.domain().0) + 4.0, base - 8.0), Anchor::Start, "tick", "no held-out image");
    }
    if curve.is_empty() {
        for (i, &value) in row.held_out.iter().take(DOTS_BELOW).enumerate() {
            let y = base - 6.0 - (i * 7 % 5) as f64 * 5.5;
            svg.circle((x.at(value), y), 3.0, &format!("dot k{}", row.slot), "");
        }
        return;
    }
    let points: Vec<(f64, f64)> = curve.iter().map(|p| (x.at(p.0), height.at(p.1))).collect();
    svg.area(&points, base, &format!("fill k{}", row.slot));
    svg.polyline(&points, &format!("line k{}", row.slot));
}

/// A thin bar from the 5 to the 95 % quantile, a thick one over the middle half, a tick at the median.
fn draw_marks(svg: &mut Svg, x: &Scale, row: &ClassRow, y: f64) {
    let Some(q) = statistics::quantiles(&row.held_out) else { return };
    svg.line((x.at(q.p05), y), (x.at(q.p95), y), &format!("whisker k{}", row.slot));
    svg.line((x.at(q.p25), y), (x.at(q.p75), y), &format!("box k{}", row.slot));
    svg.line((x.at(q.median), y - 6.0), (x.at(q.median), y + 6.0), "median-ground");
    svg.line((x.at(q.median), y - 6.0), (x.at(q.median), y + 6.0), &format!("median k{}", row.slot));
}
