//! A small writer of SVG: elements, scales, ticks. Pure functions of numbers; a number that is not finite is drawn at 0.

use std::fmt::Write;

/// Where a text hangs on its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing being written. Classes carry all looks, so that one drawing serves light and dark.
pub(crate) struct Svg {
    width: f64,
    height: f64,
    label: String,
    out: String,
}

/// Free ground around a drawing that is a file of its own.
const MARGIN: f64 = 14.0;

impl Svg {
    /// Starts a drawing that reads as an image with this label.
    pub(crate) fn new(width: f64, height: f64, label: &str) -> Self {
        Self { width, height, label: escape(label), out: String::new() }
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(coordinate);
        let _ = write!(self.out, "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>");
    }

    pub(crate) fn rect(&mut self, corner: (f64, f64), size: (f64, f64), class: &str, title: &str) {
        let [x, y, w, h] = [corner.0, corner.1, size.0.max(0.0), size.1.max(0.0)].map(coordinate);
        let _ = write!(self.out, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\">");
        self.title(title);
        self.out.push_str("</rect>");
    }

    pub(crate) fn circle(&mut self, centre: (f64, f64), radius: f64, class: &str, title: &str) {
        let [x, y, r] = [centre.0, centre.1, radius].map(coordinate);
        let _ = write!(self.out, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\">");
        self.title(title);
        self.out.push_str("</circle>");
    }

    /// A line through points, broken where a point is not finite.
    pub(crate) fn polyline(&mut self, points: &[(f64, f64)], class: &str) {
        let mut d = String::new();
        let mut pen_down = false;
        for &(x, y) in points {
            let finite = x.is_finite() && y.is_finite();
            if finite {
                let _ = write!(d, "{}{} {}", if pen_down { 'L' } else { 'M' }, coordinate(x), coordinate(y));
            }
            pen_down = finite;
        }
        if !d.is_empty() {
            let _ = write!(self.out, "<path class=\"{class}\" d=\"{d}\"/>");
        }
    }

    /// The area between a curve and a level.
    pub(crate) fn area(&mut self, points: &[(f64, f64)], level: f64, class: &str) {
        let [Some(first), Some(last)] = [points.first(), points.last()] else { return };
        let mut d = format!("M{} {}", coordinate(first.0), coordinate(level));
        for &(x, y) in points {
            let _ = write!(d, "L{} {}", coordinate(x), coordinate(y));
        }
        let _ = write!(d, "L{} {}Z", coordinate(last.0), coordinate(level));
        let _ = write!(self.out, "<path class=\"{class}\" d=\"{d}\"/>");
    }

    pub(crate) fn text(&mut self, at: (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let [x, y] = [at.0, at.1].map(coordinate);
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let _ = write!(self.out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}>{}</text>", escape(text));
    }

    /// A text cut to the width that it may take, whole in its tooltip.
    pub(crate) fn label(&mut self, at: (f64, f64), anchor: Anchor, class: &str, text: &str, width: f64) {
        let cut = shorten(text, (width / CHARACTER) as usize);
        if cut == text {
            return self.text(at, anchor, class, text);
        }
        self.out.push_str("<g>");
        self.title(text);
        self.text(at, anchor, class, &cut);
        self.out.push_str("</g>");
    }

    /// The drawing as an element of a page, whose style it takes.
    pub(crate) fn finish(self) -> String {
        let [w, h] = [self.width, self.height].map(coordinate);
        let Self { label, out, .. } = self;
        format!(
            "<svg class=\"chart\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" aria-label=\"{label}\">{out}</svg>"
        )
    }

    /// The drawing as a file of its own, with its style and a ground that reaches beyond it on all sides.
    pub(crate) fn finish_file(self, style: &str) -> String {
        let [x, w, h] = [-MARGIN, self.width + 2.0 * MARGIN, self.height + 2.0 * MARGIN].map(coordinate);
        let Self { label, out, .. } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"{x} {x} {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" aria-label=\"{label}\">\n<style>\n{style}</style>\n<rect class=\"ground\" x=\"{x}\" y=\"{x}\" width=\"{w}\" height=\"{h}\" rx=\"8\"/>\n{out}\n</svg>\n"
        )
    }

    fn title(&mut self, title: &str) {
        if !title.is_empty() {
            let _ = write!(self.out, "<title>{}</title>", escape(title));
        }
    }
}

/// Width to allow for one character of a label, generous so that wide fonts fit too.
pub(crate) const CHARACTER: f64 = 7.4;

/// A text of at most `most` characters, the last one an ellipsis where it was cut.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.into();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Width that a bold text may take at a font size. **Source.** Advance widths of DejaVu Sans Bold, rounded up: the widest
/// of the fonts that the style names, so that no viewer's text is wider.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        ' ' | '.' | ',' | ':' | ';' | '\'' | '|' | 'i' | 'j' | 'l' | 'I' => 0.4,
        'f' | 'r' | 't' | '-' | '(' | ')' | '[' | ']' | '/' | 's' => 0.6,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 1.1,
        'A'..='Z' | '<' | '>' | '&' | '=' | '+' | '…' | '–' => 0.86,
        c if c.is_ascii() => 0.72,
        c if c < '\u{1100}' => 0.86,
        _ => 1.0,
    };
    text.chars().map(em).sum::<f64>() * size
}

/// Text with the five characters escaped that mean something in HTML; what XML cannot hold is replaced.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c < ' ' && !matches!(c, '\t' | '\n' | '\r') => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

/// A coordinate with at most two decimals.
fn coordinate(value: f64) -> String {
    if !value.is_finite() {
        return "0".into();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// A linear map from values to coordinates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
}

impl Scale {
    /// A scale over `domain`; one without extent is widened around its value, one that is not finite becomes 0 to 1.
    pub(crate) fn new(domain: (f64, f64), range: (f64, f64)) -> Self {
        let (low, high) = domain;
        let domain = match low.is_finite() && high.is_finite() {
            false => (0.0, 1.0),
            true if high > low => (low, high),
            true => {
                let half = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
                (low - half, low + half)
            }
        };
        Self { domain, range }
    }

    /// The coordinate of a value.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let share = (value - self.domain.0) / (self.domain.1 - self.domain.0);
        self.range.0 + share * (self.range.1 - self.range.0)
    }

    /// The values at both ends.
    pub(crate) fn domain(&self) -> (f64, f64) {
        self.domain
    }

    /// Nice ticks inside the domain.
    pub(crate) fn ticks(&self, about: usize) -> Vec<f64> {
        ticks(self.domain.0, self.domain.1, about)
    }
}

/// Multiples of 1, 2 or 5 times a power of ten inside `low..=high`, about that many.
pub(crate) fn ticks(low: f64, high: f64, about: usize) -> Vec<f64> {
    let extent = high - low;
    if !extent.is_finite() || extent <= 0.0 || about == 0 {
        return Vec::new();
    }
    let rough = extent / about as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = match rough / power {
        r if r < 1.5 => power,
        r if r < 3.5 => 2.0 * power,
        r if r < 7.5 => 5.0 * power,
        _ => 10.0 * power,
    };
    let slack = step * 1e-9;
    let (first, last) = (((low - slack) / step).ceil() as i64, ((high + slack) / step).floor() as i64);
    (first..=last.min(first.saturating_add(1000))).map(|i| i as f64 * step).collect()
}

/// Ticks of a logarithmic axis: 1, 2 and 5 times the powers of ten; over many decades powers of ten alone, evenly
/// thinned.
pub(crate) fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor(), high.log10().floor());
    if !(first.is_finite() && last.is_finite() && first <= last) {
        return Vec::new();
    }
    let decades = (last - first) as i32 + 1;
    let multiples: &[f64] = if decades <= 4 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    (0..decades)
        .step_by((decades as usize).div_ceil(10))
        .map(|i| power_of_ten(first as i32 + i))
        .flat_map(|power| multiples.iter().map(move |m| m * power))
        .filter(|t| *t >= low * (1.0 - 1e-9) && *t <= high * (1.0 + 1e-9))
        .collect()
}

/// Dividing by a whole power rounds better than multiplying by its inverse.
fn power_of_ten(exponent: i32) -> f64 {
    if exponent < 0 { 1.0 / 10f64.powi(-exponent) } else { 10f64.powi(exponent) }
}

/// How many decimals the labels of such ticks need.
pub(crate) fn tick_decimals(ticks: &[f64]) -> usize {
    let step = match ticks {
        [a, b, ..] => (b - a).abs(),
        _ => return 2,
    };
    (0..6).find(|d| ((step * 10f64.powi(*d)).round() / 10f64.powi(*d) - step).abs() < step * 1e-6).unwrap_or(6) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_nice_and_inside() {
        assert_eq!(ticks(0.0, 1.0, 5), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks(-7.3, 11.9, 4), [-5.0, 0.0, 5.0, 10.0]);
        assert_eq!(ticks(1.0, 12.0, 6), [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]);
        assert!(ticks(1.0, 1.0, 5).is_empty());
        assert!(ticks(f64::NAN, 1.0, 5).is_empty());
        assert!(ticks(0.0, f64::INFINITY, 5).is_empty());
        assert!(ticks(1e300, 1.1e300, 5).len() < 1002);
    }

    #[test]
    fn tick_labels_have_the_decimals_they_need() {
        assert_eq!(tick_decimals(&ticks(0.0, 1.0, 5)), 1);
        assert_eq!(tick_decimals(&ticks(0.0, 0.1, 4)), 2);
        assert_eq!(tick_decimals(&ticks(0.0, 100.0, 4)), 0);
        assert_eq!(log_ticks(1.0, 128.0), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(log_ticks(0.04, 0.5), [0.05, 0.1, 0.2, 0.5]);
        assert_eq!(log_ticks(1e-2, 1e4), [0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4]);
        assert!(log_ticks(1e-300, 1e300).len() < 12);
        assert!(log_ticks(0.0, 1.0).is_empty() && log_ticks(f64::NAN, 1.0).is_empty());
    }

    #[test]
    fn scales_survive_any_domain() {
        for domain in [(2.0, 2.0), (0.0, 0.0), (f64::NAN, 1.0), (f64::NEG_INFINITY, 3.0)] {
            let scale = Scale::new(domain, (0.0, 100.0));
            assert!(scale.at(1.0).is_finite());
            assert!(!scale.ticks(5).is_empty());
        }
        assert_eq!(Scale::new((0.0, 4.0), (10.0, 20.0)).at(1.0), 12.5);
    }

    #[test]
    fn a_line_is_broken_where_a_point_is_missing() {
        let mut svg = Svg::new(10.0, 10.0, "a \"b\" <c>");
        svg.polyline(&[(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0), (3.0, 4.0)], "l");
        svg.circle((f64::INFINITY, 1.0), 2.0, "c", "");
        let text = svg.finish();
        assert!(text.contains("d=\"M0 1M2 3L3 4\""), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf"));
        assert!(text.contains("aria-label=\"a &quot;b&quot; &lt;c&gt;\""));
    }

    #[test]
    fn labels_are_cut_by_characters_not_bytes() {
        assert_eq!(shorten("Größe", 5), "Größe");
        assert_eq!(shorten("Größenwahn", 5), "Größ…");
        assert_eq!(shorten("短袖短袖短袖", 3), "短袖…");
    }
}
