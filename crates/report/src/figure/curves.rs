//! Curves over a common axis, named at their ends.

use super::axis::{self, XAxis, XScale};
use super::{WIDTH, style};
use crate::charts::{Frame, LINE, dodge};
use crate::check::{at_most, finite, some};
use crate::error::{Error, Result};
use crate::palette;
use crate::svg::{Anchor, Scale, Svg, shorten, text_width};

/// Most series that a figure takes: as many as there are colours that differ clearly.
pub const MAX_SERIES: usize = palette::DISTINCT;

/// Height of the plot itself.
const HEIGHT: f64 = 300.0;
/// Longest name at the end of a curve, in characters.
const NAME: usize = 30;
/// Size of a name, in pixels.
const NAME_SIZE: f64 = 12.0;
/// Room between the frame and the names, for the hair lines.
const GUTTER: f64 = 20.0;
/// A curve that ends this far from the frame ends early: that is shown by a dot and a dotted line to its name.
const EARLY: f64 = 40.0;
/// From one row of words above the plot to the next.
const MARK_ROW: f64 = 17.0;

/// Curves over a common horizontal axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// The figure's text alternative.
    pub label: String,
    /// Name of the horizontal axis.
    pub x_name: String,
    /// Name of the vertical axis.
    pub y_name: String,
    /// What the horizontal axis measures.
    pub x_scale: XScale,
    /// Both ends of the vertical axis; widened where a value lies outside. `None` fits it to the values.
    pub y_range: Option<(f64, f64)>,
    /// One to [`MAX_SERIES`] curves, coloured in this order.
    pub series: Vec<Series>,
    /// Places of the horizontal axis, marked by a vertical line with words.
    pub marks: Vec<(f64, String)>,
}

/// One curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Its points from left to right; one that is not finite breaks the line.
    pub points: Vec<(f64, f64)>,
    /// Whether the line is dashed.
    pub dashed: bool,
}

/// The curves as a file.
///
/// Points carry a dot on [`XScale::Steps`], where both neighbours are missing, and where a curve ends before the others. A series without any finite point is
/// named with a dash.
///
/// # Errors
///
/// [`Error::Count`] without a finite point or without steps, and for too many series; [`Error::Number`] for a mark or an end
/// of the range that is not finite, and for an x without a place on [`XScale::Log10`] or [`XScale::Steps`].
pub fn curves(curves: &Curves) -> Result<String> {
    check(curves)?;
    let plot = Plot::new(curves);
    let mut svg = Svg::new(WIDTH, plot.height(), &curves.label);
    plot.draw(&mut svg);
    Ok(svg.finish_file(&style(0, curves.series.len())))
}

fn check(curves: &Curves) -> Result<()> {
    let place = format!("curves of `{}`", curves.y_name);
    at_most(&place, "series", curves.series.len(), MAX_SERIES)?;
    if let XScale::Steps(names) = &curves.x_scale {
        some(|| place.clone(), "steps", names.len())?;
    }
    let points = curves.series.iter().flat_map(|s| &s.points);
    some(|| place.clone(), "finite points", points.filter(|point| is_finite(point)).count())?;
    finite(&place, "end of the range", curves.y_range.iter().flat_map(|r| [r.0, r.1]))?;
    finite(&place, "mark", curves.marks.iter().map(|m| m.0))?;
    check_x(&place, "mark", &curves.x_scale, curves.marks.iter().map(|m| m.0))?;
    curves.series.iter().try_for_each(|series| {
        let place = format!("{place}, series `{}`", series.name);
        check_x(&place, "x of point", &curves.x_scale, series.points.iter().map(|p| p.0))
    })
}

/// Whether an axis has a place for these numbers.
fn check_x(place: &str, what: &'static str, scale: &XScale, values: impl Iterator<Item = f64>) -> Result<()> {
    let last = match scale {
        XScale::Linear => return Ok(()),
        XScale::Log10 => None,
        XScale::Steps(names) => Some(names.len().saturating_sub(1)),
    };
    let outside = |v: f64| last.map_or(v <= 0.0, |last| !(0.0..=last as f64).contains(&v));
    let Some((index, value)) = values.enumerate().find(|(_, v)| v.is_finite() && outside(*v)) else { return Ok(()) };
    let place = place.to_owned();
    let must = match last {
        None => "a logarithmic axis holds only numbers above 0".to_owned(),
        Some(last) => format!("the axis has the places 0 to {last}"),
    };
    Err(Error::Number { place, what, index, value, must })
}

fn is_finite(point: &(f64, f64)) -> bool {
    point.0.is_finite() && point.1.is_finite()
}

/// Where everything stands.
struct Plot<'a> {
    curves: &'a Curves,
    frame: Frame,
    x: XAxis,
    y: Scale,
    y_labels: Vec<(f64, String)>,
    /// Of each mark: where its words start, and their row, counted from the plot upwards.
    marks: Vec<(f64, usize)>,
}

impl<'a> Plot<'a> {
    fn new(curves: &'a Curves) -> Self {
        let points = || curves.series.iter().flat_map(|s| &s.points).filter(|p| is_finite(p));
        let names = curves.series.iter().map(|s| text_width(&tag(s), NAME_SIZE)).fold(0.0, f64::max);
        let mut frame = Frame { left: 0.0, right: WIDTH - names - GUTTER, top: 0.0, bottom: HEIGHT };
        let domain = axis::domain(curves.y_range, points().map(|p| p.1), 0.04);
        // The words decide the left margin, the marks above decide the top; neither changes the ticks.
        frame.left = axis::left_margin(&axis::y_axis(domain, &frame, 5).1);
        let xs = points().map(|p| p.0).chain(curves.marks.iter().map(|m| m.0));
        let x = XAxis::new(&curves.x_scale, xs, (frame.left, frame.right));
        let marks = flags(&curves.marks.iter().map(|m| (x.at(m.0), m.1.as_str())).collect::<Vec<_>>());
        let rows = marks.iter().map(|m| m.1 + 1).max().unwrap_or(0);
        frame.top = 28.0 + MARK_ROW * rows as f64;
        frame.bottom = frame.top + HEIGHT;
        let (y, y_labels) = axis::y_axis(domain, &frame, 5);
        Self { curves, frame, x, y, y_labels, marks }
    }

    fn height(&self) -> f64 {
        let lines = self.x.labels.iter().map(|l| l.1.lines().count()).max().unwrap_or(1).max(1);
        self.frame.bottom + 38.0 + LINE * (lines - 1) as f64
    }

    fn draw(&self, svg: &mut Svg) {
        axis::name_y(svg, &self.curves.y_name);
        self.frame.y_labels(svg, &self.y_labels);
        self.frame.x_labels(svg, &self.x.labels, &self.curves.x_name);
        self.draw_marks(svg);
        self.draw_leaders_and_names(svg);
        self.curves.series.iter().enumerate().for_each(|(i, s)| self.draw_series(svg, i, s));
    }

    fn draw_marks(&self, svg: &mut Svg) {
        for ((value, words), (start, row)) in self.curves.marks.iter().zip(&self.marks) {
            let (at, baseline) = (self.x.at(*value), self.frame.top - 8.0 - MARK_ROW * *row as f64);
            svg.line((at, baseline + 4.0), (at, self.frame.bottom), "best");
            svg.text((*start, baseline), Anchor::Start, "words", &shorten(words, 60));
        }
    }

    fn draw_series(&self, svg: &mut Svg, index: usize, series: &Series) {
        let points: Vec<(f64, f64)> = series.points.iter().map(|p| self.at(p)).collect();
        let dashed = if series.dashed { " dashed" } else { "" };
        svg.polyline(&points, &format!("curve k{index}{dashed}"));
        let there = |i: Option<usize>| i.and_then(|i| points.get(i)).is_some_and(is_finite);
        for (i, &point) in points.iter().enumerate().filter(|(_, p)| is_finite(p)) {
            let alone = !there(i.checked_sub(1)) && !there(Some(i + 1));
            if self.steps() || alone {
                svg.circle(point, 3.2, &format!("dot k{index}"), "");
            }
        }
    }

    fn steps(&self) -> bool {
        matches!(self.curves.x_scale, XScale::Steps(_))
    }

    /// The coordinates of a point; not finite where the point is not.
    fn at(&self, point: &(f64, f64)) -> (f64, f64) {
        match is_finite(point) {
            true => (self.x.at(point.0), self.y.at(point.1)),
            false => (f64::NAN, f64::NAN),
        }
    }

    fn draw_leaders_and_names(&self, svg: &mut Svg) {
        let ends: Vec<Option<(f64, f64)>> =
            self.curves.series.iter().map(|s| s.points.iter().rfind(|p| is_finite(p)).map(|p| self.at(p))).collect();
        let wanted: Vec<f64> = ends.iter().map(|end| end.map_or(self.frame.bottom, |e| e.1)).collect();
        let places = dodge(&wanted, 16.0, self.frame.top, self.frame.bottom);
        let start = self.frame.right + GUTTER;
        for (i, ((series, end), place)) in self.curves.series.iter().zip(&ends).zip(places).enumerate() {
            if let Some(end) = end {
                let turn = end.0.max(self.frame.right - 4.0);
                let early = end.0 < self.frame.right - EARLY;
                let dotted = if early { " dotted" } else { "" };
                let line = [(end.0 + 4.0, end.1), (turn, end.1), (start - 4.0, place)];
                svg.polyline(&line, &format!("leader k{i}{dotted}"));
                if early && !self.steps() {
                    svg.circle(*end, 3.2, &format!("dot k{i}"), "");
                }
            }
            svg.text((start, place + 4.0), Anchor::Start, &format!("tag k{i}"), &tag(series));
        }
    }
}

/// What stands at the end of a curve.
fn tag(series: &Series) -> String {
    let name = shorten(&series.name, NAME);
    if series.points.iter().any(is_finite) { name } else { format!("{name} {}", crate::number::DASH) }
}

/// Puts words beside lines at these places like flags: each flies to the right from its own line, in the lowest row
/// in which it ends before the flags to its right. So no line crosses another's words.
fn flags(marks: &[(f64, &str)]) -> Vec<(f64, usize)> {
    let mut order: Vec<usize> = (0..marks.len()).collect();
    order.sort_by(|a, b| marks[*b].0.total_cmp(&marks[*a].0).then(b.cmp(a)));
    let mut flags = vec![(0.0, 0); marks.len()];
    let mut flown: Vec<(f64, usize)> = Vec::new();
    for i in order {
        let (at, words) = marks[i];
        let width = text_width(&shorten(words, 60), axis::TICK_SIZE);
        let start = (at - 3.0).min(WIDTH - width).max(0.0);
        let row = flown.iter().filter(|f| f.0 < start + width + 10.0).map(|f| f.1 + 1).max().unwrap_or(0);
        flags[i] = (start, row);
        flown.push(flags[i]);
    }
    flags
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::{assert_file, texts};
    use super::*;

    fn series(name: &str, points: &[(f64, f64)]) -> Series {
        Series { name: name.into(), points: points.to_vec(), dashed: false }
    }

    fn figure(x_scale: XScale, series: Vec<Series>) -> Curves {
        Curves { label: "l".into(), x_name: "x".into(), y_name: "y".into(), x_scale, series, ..Default::default() }
    }

    fn steps(n: usize) -> XScale {
        XScale::Steps((0..n).map(|i| format!("stage {i}")).collect())
    }

    #[test]
    fn curves_stand_alone_and_names_are_text() {
        let mut figure = figure(steps(2), vec![series("<a&b>", &[(0.0, 0.2), (1.0, 0.4)])]);
        figure.marks = vec![(1.0, "\"here\" & \u{1}".into())];
        figure.label = "</svg>".into();
        let svg = curves(&figure).unwrap();
        assert_file(&svg);
        assert!(svg.contains(">&lt;a&amp;b&gt;<") && svg.contains(">&quot;here&quot; &amp; \u{fffd}<"));
        assert_eq!(svg, curves(&figure).unwrap());
    }

    #[test]
    fn a_missing_point_breaks_the_line_and_a_lone_one_is_dotted() {
        let points = [(0.0, 0.0), (1.0, 1.0), (2.0, f64::NAN), (f64::INFINITY, 1.0), (4.0, 0.5), (5.0, f64::NAN)];
        let svg = curves(&figure(XScale::Linear, vec![series("a", &points)])).unwrap();
        assert_file(&svg);
        let path = svg.split("class=\"curve k0\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
        assert_eq!(svg.matches("<circle").count(), 1);
        let short = vec![series("a", &[(0.0, 1.0), (1.0, 2.0)]), series("b", &[(0.0, 1.0), (1.0, 2.0), (5.0, 1.0)])];
        let svg = curves(&figure(XScale::Linear, short.clone())).unwrap();
        assert_eq!((svg.matches("<circle").count(), svg.matches("k0 dotted").count()), (1, 1));
        let svg = curves(&figure(steps(6), short)).unwrap();
        assert_eq!(svg.matches("<circle").count(), 5);
    }

    #[test]
    fn a_series_without_points_is_named_with_a_dash() {
        let empty = vec![series("a", &[(1.0, 1.0)]), series("b", &[]), series("c", &[(1.0, f64::NAN)])];
        let svg = curves(&figure(XScale::Linear, empty)).unwrap();
        assert_file(&svg);
        assert!(svg.contains(">a<") && svg.contains(">b –<") && svg.contains(">c –<"));
    }

    #[test]
    fn words_stay_on_the_ground_and_apart() {
        let many =
            (0..MAX_SERIES).map(|i| series(&format!("a rather long name of series {i}"), &[(1.0, 0.99), (1e3, 1.0)]));
        let mut figure = figure(XScale::Log10, many.collect());
        figure.marks = [50.0, 64.0, 70.0, 1000.0].map(|at| (at, format!("{at} axes of the network"))).to_vec();
        let svg = curves(&figure).unwrap();
        assert_file(&svg);
        let texts = texts(&svg);
        let mut tags: Vec<f64> = texts.iter().filter(|t| t.class.starts_with("tag")).map(|t| t.y).collect();
        tags.sort_by(f64::total_cmp);
        assert_eq!(tags.len(), MAX_SERIES);
        assert!(tags.windows(2).all(|w| w[1] - w[0] >= 15.9), "{tags:?}");
        for text in texts.iter().filter(|t| t.anchor.is_empty()) {
            assert!(text.x >= 0.0 && text.x + text_width(&text.text, 11.5) <= WIDTH + 0.1, "{}", text.text);
            assert!(text.y > 8.0, "{}", text.text);
        }
    }

    #[test]
    fn flags_fly_in_the_lowest_free_row() {
        let rows = |marks: &[(f64, &str)]| flags(marks).into_iter().map(|f| f.1).collect::<Vec<_>>();
        assert_eq!(rows(&[(100.0, "fifty"), (400.0, "sixty")]), [0, 0]);
        assert_eq!(rows(&[(100.0, "fifty axes"), (120.0, "sixty axes"), (140.0, "seventy")]), [2, 1, 0]);
        assert!(flags(&[(WIDTH, "at the right end")])[0].0 < WIDTH - 60.0);
    }

    #[test]
    fn what_cannot_be_drawn_is_named() {
        let message = |figure: &Curves| curves(figure).unwrap_err().to_string();
        let with = |x_scale, points: &[(f64, f64)]| figure(x_scale, vec![series("s", points)]);
        assert!(
            message(&figure(XScale::Linear, vec![]))
                .contains("curves of `y`: 0 finite points, but at least one is needed\nhint: leave the figure out")
        );
        assert!(message(&with(XScale::Linear, &[(f64::NAN, 1.0)])).contains("0 finite points"));
        assert!(message(&with(steps(0), &[(0.0, 1.0)])).contains("0 steps"));
        let got = message(&with(XScale::Log10, &[(1.0, 1.0), (0.0, 1.0)]));
        assert!(got.contains("series `s`: x of point 1 is 0, but a logarithmic axis"), "{got}");
        let got = message(&with(steps(2), &[(2.0, 1.0)]));
        assert!(got.contains("x of point 0 is 2, but the axis has the places 0 to 1"), "{got}");
        let many = vec![series("s", &[(0.0, 1.0)]); MAX_SERIES + 1];
        assert!(message(&figure(XScale::Linear, many)).contains("13 series, but at most 12"));
        let mut bad = with(XScale::Linear, &[(0.0, 1.0)]);
        bad.y_range = Some((0.0, f64::NAN));
        assert!(message(&bad).contains("end of the range 1 is NaN"));
        bad.y_range = None;
        bad.marks = vec![(f64::INFINITY, String::new())];
        assert!(message(&bad).contains("mark 0 is inf"));
    }

    #[test]
    fn extreme_numbers_do_not_break_a_file() {
        for y in [f64::MAX, f64::MIN_POSITIVE, -1e300, 1e6] {
            let points = [(1e-300, y), (1e300, -y), (1.0, 0.0)];
            for scale in [XScale::Linear, XScale::Log10] {
                assert_file(&curves(&figure(scale, vec![series("s", &points)])).unwrap());
            }
        }
    }
}
