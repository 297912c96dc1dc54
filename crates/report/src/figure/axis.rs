//! Axes of single figures: what stands where, and which words stand beside it.

use crate::charts::Frame;
use crate::number;
use crate::statistics;
use crate::svg::{Anchor, Scale, Svg, log_ticks, shorten, text_width, tick_decimals};

/// Size of the text beside ticks, in pixels.
pub(super) const TICK_SIZE: f64 = 11.5;
/// Lines that the name of a step may take.
const STEP_LINES: usize = 2;

/// What the horizontal axis of [`Curves`](super::Curves) measures.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum XScale {
    /// Numbers.
    #[default]
    Linear,
    /// Numbers above 0, equal factors equally far apart.
    Log10,
    /// Named places 0, 1, 2, …, such as the layers of a network.
    Steps(Vec<String>),
}

/// A horizontal axis.
pub(super) struct XAxis {
    scale: Scale,
    log: bool,
    /// Where ticks stand, with their words.
    pub(super) labels: Vec<(f64, String)>,
}

impl XAxis {
    /// An axis of these values from `left` to `right`; on [`XScale::Log10`] they are above 0.
    pub(super) fn new(kind: &XScale, values: impl Iterator<Item = f64>, (left, right): (f64, f64)) -> Self {
        let log = *kind == XScale::Log10;
        let domain = match kind {
            XScale::Steps(names) => (-0.4, names.len() as f64 - 0.8),
            _ => statistics::range(values.map(|v| if log { v.log10() } else { v })).unwrap_or((0.0, 1.0)),
        };
        let inset = if matches!(kind, XScale::Steps(_)) { 0.0 } else { 8.0 };
        let scale = Scale::new(domain, (left + inset, right - inset));
        let mut axis = Self { scale, log, labels: Vec::new() };
        axis.labels = match kind {
            XScale::Linear => linear_labels(&scale, &scale.ticks(9)),
            XScale::Log10 => axis.log_labels(),
            XScale::Steps(names) => axis.step_labels(names),
        };
        axis
    }

    /// The coordinate of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        self.scale.at(if self.log { value.log10() } else { value })
    }

    fn log_labels(&self) -> Vec<(f64, String)> {
        let (low, high) = self.scale.domain();
        let [low, high] = [low, high].map(|v| 10f64.powf(v));
        let ticks = match log_ticks(low, high) {
            ticks if ticks.len() >= 3 => ticks,
            _ => Scale::new((low, high), (0.0, 1.0)).ticks(6),
        };
        ticks.into_iter().filter(|t| *t > 0.0).map(|t| (self.at(t), plain(t))).collect()
    }

    fn step_labels(&self, names: &[String]) -> Vec<(f64, String)> {
        let room = self.scale.at(1.0) - self.scale.at(0.0) - 6.0;
        names.iter().enumerate().map(|(i, name)| (self.scale.at(i as f64), wrap(name, room))).collect()
    }
}

/// Words of evenly spaced ticks.
pub(super) fn linear_labels(scale: &Scale, ticks: &[f64]) -> Vec<(f64, String)> {
    let decimals = tick_decimals(ticks);
    let most = ticks.iter().fold(0.0, |most: f64, t| most.max(t.abs()));
    let ordinary = most == 0.0 || (1e-3..1e6).contains(&most);
    let word = |t: f64| if ordinary { number::fixed(t, decimals) } else { number::significant(t) };
    ticks.iter().map(|t| (scale.at(*t), word(*t))).collect()
}

/// A vertical axis over `domain` within a frame's height, and the words of its ticks.
pub(super) fn y_axis(domain: (f64, f64), frame: &Frame, ticks: usize) -> (Scale, Vec<(f64, String)>) {
    let scale = Scale::new(domain, (frame.bottom, frame.top));
    let labels = linear_labels(&scale, &scale.ticks(ticks));
    (scale, labels)
}

/// The margin which such words need on their left.
pub(super) fn left_margin(labels: &[(f64, String)]) -> f64 {
    labels.iter().map(|l| text_width(&l.1, TICK_SIZE)).fold(24.0, f64::max) + 8.0
}

/// The name of the vertical axis, above its words.
pub(super) fn name_y(svg: &mut Svg, name: &str) {
    svg.text((0.0, 12.0), Anchor::Start, "name", name);
}

/// The range that an axis shows: the one asked for, widened to what lies outside it; without one, a little more than
/// the values take.
pub(super) fn domain(asked: Option<(f64, f64)>, values: impl Iterator<Item = f64>, free: f64) -> (f64, f64) {
    match asked {
        Some((a, b)) => statistics::range([a, b].into_iter().chain(values)).unwrap_or((0.0, 1.0)),
        None => {
            let (low, high) = Scale::new(statistics::range(values).unwrap_or((0.0, 1.0)), (0.0, 1.0)).domain();
            let free = free * (high - low);
            (low - free, high + free)
        }
    }
}

/// A number of a logarithmic axis in full where it is of ordinary size.
fn plain(value: f64) -> String {
    match value {
        1.0..1e7 if value.fract() == 0.0 => number::count(value as u64),
        1e-4..1e7 => {
            let text = number::fixed(value, 6);
            text.trim_end_matches('0').trim_end_matches('.').into()
        }
        _ => format!("{value:e}").replace('-', "\u{2212}"),
    }
}

/// A name broken at spaces into lines that fit a width; what does not fit into the last line is cut.
fn wrap(name: &str, room: f64) -> String {
    let fits = |text: &str| text_width(text, TICK_SIZE) <= room;
    let mut lines: Vec<String> = vec![String::new()];
    for word in name.split_whitespace() {
        let full = lines.len() == STEP_LINES;
        if let Some(line) = lines.last_mut() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if line.is_empty() || full || fits(&longer) {
                *line = longer;
                continue;
            }
        }
        lines.push(word.to_owned());
    }
    let cut = |line: &String| {
        let most = (1..=line.chars().count()).rev().find(|most| fits(&shorten(line, *most)));
        shorten(line, most.unwrap_or(1))
    };
    lines.iter().map(cut).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_on_a_logarithmic_axis_are_written_in_full() {
        assert_eq!([1.0, 1000.0, 0.05, 2.5].map(plain), ["1", "1,000", "0.05", "2.5"]);
        assert_eq!([1e8, 1e-7].map(plain), ["1e8", "1e\u{2212}7"]);
    }

    #[test]
    fn a_logarithmic_axis_of_any_span_has_ticks() {
        for (low, high) in [(1.0, 1000.0), (3.0, 4.0), (7.0, 7.0), (1e-9, 1e9), (1e-300, 1e300), (0.02, 0.3)] {
            let axis = XAxis::new(&XScale::Log10, [low, high].into_iter(), (50.0, 700.0));
            assert!((2..=14).contains(&axis.labels.len()), "{low} to {high}: {:?}", axis.labels);
            assert!(axis.labels.iter().all(|l| (50.0..=700.0).contains(&l.0)), "{:?}", axis.labels);
        }
    }

    #[test]
    fn names_of_steps_are_broken_and_cut() {
        assert_eq!(wrap("stage 1", 80.0), "stage 1");
        assert_eq!(wrap("pooled features", 80.0), "pooled\nfeatures");
        let lines = wrap("a very very long name of a step", 60.0);
        assert!(lines.lines().count() == 2 && lines.ends_with('…'), "{lines}");
        assert!(lines.lines().all(|line| text_width(line, TICK_SIZE) <= 60.0));
        assert_eq!(wrap("", 60.0), "");
        assert_eq!(wrap("wide", 1.0), "…");
    }

    #[test]
    fn a_range_asked_for_hides_no_value() {
        assert_eq!(domain(Some((1.0, 0.5)), [0.4, 0.9, f64::NAN].into_iter(), 0.1), (0.4, 1.0));
        assert_eq!(domain(None, [0.0, 10.0].into_iter(), 0.1), (-1.0, 11.0));
        assert_eq!(domain(None, std::iter::empty(), 0.0), (0.0, 1.0));
    }
}
