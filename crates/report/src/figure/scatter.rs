//! Labelled points in a plane.

use super::axis::{self, XAxis, XScale};
use super::place::{Area, Ground, Label, place};
use super::{WIDTH, style};
use crate::charts::Frame;
use crate::check::{at_most, finite, some};
use crate::error::Result;
use crate::svg::{Anchor, Scale, Svg, shorten, text_width};

/// Most points that a figure takes: more names than this leave no room for the points.
pub const MAX_POINTS: usize = 60;

/// Height of the plot itself.
const HEIGHT: f64 = 440.0;
/// Longest name of a point and longest words of a guide, in characters.
const NAME: usize = 36;
/// Size of a name, in pixels.
const NAME_SIZE: f64 = 12.0;
/// Free ground around points when no range is asked for, as a share of what they take.
const FREE: f64 = 0.12;

/// Labelled points in a plane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scatter {
    /// The figure's text alternative.
    pub label: String,
    /// Name of the horizontal axis.
    pub x_name: String,
    /// Name of the vertical axis.
    pub y_name: String,
    /// Both ends of the horizontal axis; widened where a point or a guide lies outside. `None` fits it to them.
    pub x_range: Option<(f64, f64)>,
    /// Both ends of the vertical axis, likewise.
    pub y_range: Option<(f64, f64)>,
    /// One to [`MAX_POINTS`] points.
    pub points: Vec<Point>,
    /// Lines across the plane, e.g. at what must be reached.
    pub guides: Vec<Guide>,
}

/// A labelled point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Its name.
    pub name: String,
    /// Where it stands horizontally.
    pub x: f64,
    /// Where it stands vertically.
    pub y: f64,
    /// Whether it stands out.
    pub emphasis: bool,
}

/// How a line runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From left to right, at a value of the vertical axis.
    #[default]
    Horizontal,
    /// From top to bottom, at a value of the horizontal axis.
    Vertical,
}

/// A dashed line across the plane, with words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guide {
    /// How it runs.
    pub direction: Direction,
    /// The value at which it stands.
    pub at: f64,
    /// What it means.
    pub words: String,
}

/// The points as a file.
///
/// A name stands beside its point, or further away at the end of a hair line where it would cover another.
///
/// # Errors
///
/// [`crate::Error::Count`] without points and for too many; [`crate::Error::Number`] for a point, a guide or an end of a range that is not
/// finite.
pub fn scatter(scatter: &Scatter) -> Result<String> {
    check(scatter)?;
    let plot = Plot::new(scatter);
    let mut svg = Svg::new(WIDTH, plot.frame.bottom + 38.0, &scatter.label);
    plot.draw(&mut svg);
    Ok(svg.finish_file(&style(0, 0)))
}

fn check(scatter: &Scatter) -> Result<()> {
    let place = format!("scatter of `{}` against `{}`", scatter.y_name, scatter.x_name);
    some(|| place.clone(), "points", scatter.points.len())?;
    at_most(&place, "points", scatter.points.len(), MAX_POINTS)?;
    finite(&place, "x of point", scatter.points.iter().map(|p| p.x))?;
    finite(&place, "y of point", scatter.points.iter().map(|p| p.y))?;
    finite(&place, "guide", scatter.guides.iter().map(|g| g.at))?;
    let ranges = scatter.x_range.iter().chain(&scatter.y_range);
    finite(&place, "end of a range", ranges.flat_map(|r| [r.0, r.1]))
}

/// Where everything stands.
struct Plot<'a> {
    scatter: &'a Scatter,
    frame: Frame,
    x: XAxis,
    y: Scale,
    y_labels: Vec<(f64, String)>,
}

impl<'a> Plot<'a> {
    fn new(scatter: &'a Scatter) -> Self {
        let of = |direction| scatter.guides.iter().filter(move |g| g.direction == direction).map(|g| g.at);
        let xs = scatter.points.iter().map(|p| p.x).chain(of(Direction::Vertical));
        let ys = scatter.points.iter().map(|p| p.y).chain(of(Direction::Horizontal));
        let (x_low, x_high) = axis::domain(scatter.x_range, xs, FREE);
        let y_domain = axis::domain(scatter.y_range, ys, FREE);
        let mut frame = Frame { left: 0.0, right: WIDTH - 12.0, top: 28.0, bottom: 28.0 + HEIGHT };
        let (y, y_labels) = axis::y_axis(y_domain, &inner(&frame), 6);
        frame.left = axis::left_margin(&y_labels);
        let x = XAxis::new(&XScale::Linear, [x_low, x_high].into_iter(), (frame.left, frame.right));
        Self { scatter, frame, x, y, y_labels }
    }

    fn draw(&self, svg: &mut Svg) {
        axis::name_y(svg, &self.scatter.y_name);
        for (at, _) in &self.x.labels {
            svg.line((*at, self.frame.top), (*at, self.frame.bottom), "grid");
        }
        self.frame.y_labels(svg, &self.y_labels);
        self.frame.x_labels(svg, &self.x.labels, &self.scatter.x_name);
        let points: Vec<(f64, f64)> = self.scatter.points.iter().map(|p| (self.x.at(p.x), self.y.at(p.y))).collect();
        let (words, lines) = self.draw_guides(svg, &points);
        let names: Vec<String> = self.scatter.points.iter().map(|p| shorten(&p.name, NAME)).collect();
        let widths: Vec<f64> = names.iter().map(|name| text_width(name, NAME_SIZE)).collect();
        let labels = place(&points, &widths, &Ground { frame: self.area(), taken: &words, lines: &lines });
        for (at, label) in points.iter().zip(&labels) {
            if let Some(end) = label.leader {
                svg.line(*at, end, "leader");
            }
        }
        for emphasis in [false, true] {
            let which = || (0..points.len()).filter(|i| self.scatter.points[*i].emphasis == emphasis);
            which().for_each(|i| draw_point(svg, points[i], emphasis));
            which().for_each(|i| draw_name(svg, &labels[i], &names[i], emphasis));
        }
    }

    /// Draws the guides and gives what their words and their lines take.
    fn draw_guides(&self, svg: &mut Svg, points: &[(f64, f64)]) -> (Vec<Area>, Vec<Area>) {
        let dots: Vec<Area> = points.iter().map(|p| Area::around(*p, 7.0)).collect();
        let mut taken: Vec<Area> = Vec::new();
        let mut lines: Vec<Area> = Vec::new();
        for guide in &self.scatter.guides {
            let Frame { left, right, top, bottom } = self.frame;
            let (from, to) = match guide.direction {
                Direction::Horizontal => ((left, self.y.at(guide.at)), (right, self.y.at(guide.at))),
                Direction::Vertical => ((self.x.at(guide.at), top), (self.x.at(guide.at), bottom)),
            };
            svg.line(from, to, "guide");
            lines.push(Area { left: from.0 - 1.0, right: to.0 + 1.0, top: from.1 - 1.0, bottom: to.1 + 1.0 });
            let words = shorten(&guide.words, NAME);
            let width = text_width(&words, axis::TICK_SIZE);
            let cost = |(at, anchor): &((f64, f64), Anchor)| -> f64 {
                let area = Area::of_text(*at, *anchor, width);
                let outside = if self.area().holds(&area) { 0.0 } else { 1e9 };
                outside + taken.iter().chain(&dots).map(|other| area.shared(other)).sum::<f64>()
            };
            let places = beside(guide.direction, from, to);
            let Some((at, anchor)) = places.into_iter().min_by(|a, b| cost(a).total_cmp(&cost(b))) else { continue };
            svg.text((at.0, at.1 + 4.0), anchor, "words", &words);
            taken.push(Area::of_text(at, anchor, width));
        }
        (taken, lines)
    }

    fn area(&self) -> Area {
        let Frame { left, right, top, bottom } = self.frame;
        Area { left: left + 1.0, right, top, bottom: bottom - 1.0 }
    }
}

/// Points at the ends of a range stand whole within the frame.
fn inner(frame: &Frame) -> Frame {
    Frame { top: frame.top + 8.0, bottom: frame.bottom - 8.0, ..*frame }
}

/// Where the words of a guide may stand, the best places first.
fn beside(direction: Direction, from: (f64, f64), to: (f64, f64)) -> [((f64, f64), Anchor); 4] {
    let (start, end) = (Anchor::Start, Anchor::End);
    match direction {
        Direction::Horizontal => {
            let [left, right, above, below] = [from.0 + 6.0, to.0 - 4.0, from.1 - 9.0, from.1 + 9.0];
            [((right, above), end), ((right, below), end), ((left, above), start), ((left, below), start)]
        }
        Direction::Vertical => {
            let [left, right, top, bottom] = [from.0 - 6.0, from.0 + 6.0, from.1 + 10.0, to.1 - 12.0];
            [((right, bottom), start), ((left, bottom), end), ((right, top), start), ((left, top), end)]
        }
    }
}

fn draw_point(svg: &mut Svg, at: (f64, f64), emphasis: bool) {
    let (radius, class) = if emphasis { (5.5, "point emphasis") } else { (4.5, "point") };
    svg.circle(at, radius, class, "");
}

fn draw_name(svg: &mut Svg, label: &Label, name: &str, emphasis: bool) {
    let class = if emphasis { "at-point emphasis" } else { "at-point" };
    svg.text((label.at.0, label.at.1 + 4.0), label.anchor, class, name);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::{assert_file, texts};
    use super::*;

    fn point(name: &str, x: f64, y: f64) -> Point {
        Point { name: name.into(), x, y, emphasis: false }
    }

    fn figure(points: Vec<Point>) -> Scatter {
        Scatter { label: "l".into(), x_name: "kept".into(), y_name: "hit".into(), points, ..Default::default() }
    }

    fn guide(direction: Direction, at: f64, words: &str) -> Guide {
        Guide { direction, at, words: words.into() }
    }

    #[test]
    fn points_stand_alone_and_names_are_text() {
        let mut figure = figure(vec![point("<a&b>", 0.2, 0.9), point("", 0.2, 0.9)]);
        figure.points[0].emphasis = true;
        figure.guides = vec![guide(Direction::Horizontal, 0.9, "must & <shall>"), guide(Direction::Vertical, 0.5, "v")];
        let svg = scatter(&figure).unwrap();
        assert_file(&svg);
        assert_eq!(svg, scatter(&figure).unwrap());
        assert!(svg.contains(">&lt;a&amp;b&gt;<") && svg.contains(">must &amp; &lt;shall&gt;<"));
        assert_eq!((svg.matches("class=\"guide\"").count(), svg.matches("class=\"point").count()), (2, 2));
    }

    #[test]
    fn names_and_words_stay_inside_the_frame() {
        let points = (0..30).map(|i| {
            let at = |k: f64| 0.5 + 0.5 * (i as f64 * k).sin();
            point(&format!("a method with a rather long name {i}"), at(12.9898), at(78.233))
        });
        let mut figure = figure(points.collect());
        (figure.x_range, figure.y_range) = (Some((0.0, 1.0)), Some((0.0, 1.0)));
        figure.guides = vec![guide(Direction::Vertical, 1.0, "right"), guide(Direction::Horizontal, 1.0, "top")];
        let plot = Plot::new(&figure);
        let svg = scatter(&figure).unwrap();
        for text in texts(&svg).iter().filter(|t| t.class.starts_with("at-point") || t.class == "words") {
            let anchor = match text.anchor.as_str() {
                "end" => Anchor::End,
                "middle" => Anchor::Middle,
                _ => Anchor::Start,
            };
            let area = Area::of_text((text.x, text.y - 4.0), anchor, text_width(&text.text, 11.5));
            assert!(plot.area().holds(&area), "{}: {area:?}", text.text);
        }
    }

    #[test]
    fn one_point_and_extreme_points_do_not_break_a_file() {
        assert_file(&scatter(&figure(vec![point("only", 0.0, 0.0)])).unwrap());
        assert_file(&scatter(&figure(vec![point("a", f64::MAX, 1e-300), point("b", f64::MIN, 1e300)])).unwrap());
    }

    #[test]
    fn what_cannot_be_drawn_is_named() {
        let message = |figure: &Scatter| scatter(figure).unwrap_err().to_string();
        assert!(
            message(&figure(vec![])).contains("scatter of `hit` against `kept`: 0 points, but at least one is needed")
        );
        assert!(message(&figure(vec![point("a", 0.0, f64::NAN)])).contains("y of point 0 is NaN"));
        assert!(message(&figure(vec![point("a", 0.0, 0.0); 61])).contains("61 points, but at most 60"));
        let mut bad = figure(vec![point("a", 0.0, 0.0)]);
        bad.guides = vec![guide(Direction::Vertical, f64::INFINITY, "")];
        assert!(message(&bad).contains("guide 0 is inf"));
        bad.guides.clear();
        bad.x_range = Some((f64::NAN, 1.0));
        assert!(message(&bad).contains("end of a range 0 is NaN"));
    }
}
