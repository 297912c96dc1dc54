//! A figure of ours beside the same figure of yardsticks, one bar a row.

use crate::number;
use crate::svg::{Anchor, Scale, Svg};

/// Height of the words above a panel.
const HEAD: f64 = 30.0;

/// What a bar stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The line itself.
    Ours,
    /// Another way of walking.
    Rival,
    /// What is reached without the line.
    Yardstick,
}

/// One bar; a value that is not finite is a dash.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) value: Option<f64>,
}

/// One figure, over all that are compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Panel {
    pub(crate) figure: String,
    pub(crate) bars: Vec<Bar>,
}

impl Role {
    fn class(self) -> &'static str {
        match self {
            Self::Ours => "bar-ours",
            Self::Rival => "bar-rival",
            Self::Yardstick => "bar",
        }
    }
}

/// Where things stand in a row, for a page and for a phone.
struct Layout {
    /// From one row to the next.
    row: f64,
    /// Where bars begin.
    left: f64,
    /// How far below its name a bar stands; 0 beside it.
    below: f64,
    /// Width that a name may take.
    name: f64,
}

impl Layout {
    fn of(width: f64) -> Self {
        match width < 600.0 {
            true => Self { row: 36.0, left: 0.0, below: 16.0, name: width },
            false => Self { row: 23.0, left: 420.0, below: 0.0, name: 408.0 },
        }
    }
}

/// The drawing at a width: shares from 0 to 1 as bars with their figures; a negative one has no bar.
pub(crate) fn draw(panels: &[Panel], width: f64, label: &str) -> Svg {
    let layout = Layout::of(width);
    let rows: usize = panels.iter().map(|panel| panel.bars.len()).sum();
    let mut svg = Svg::new(width, HEAD * panels.len() as f64 + layout.row * rows as f64 + 4.0, label);
    let x = Scale::new((0.0, 1.0), (layout.left, width - 62.0));
    let mut y = 0.0;
    for panel in panels {
        svg.text((0.0, y + 19.0), Anchor::Start, "class", &panel.figure);
        y += HEAD;
        for tick in [0.0, 0.5, 1.0].into_iter().filter(|_| layout.below == 0.0) {
            svg.line((x.at(tick), y - 4.0), (x.at(tick), y + layout.row * panel.bars.len() as f64 - 6.0), "grid");
        }
        for bar in &panel.bars {
            draw_bar(&mut svg, &x, bar, y, &layout);
            y += layout.row;
        }
    }
    svg
}

fn draw_bar(svg: &mut Svg, x: &Scale, bar: &Bar, y: f64, layout: &Layout) {
    let name = if bar.role == Role::Ours { "row-name ours-row" } else { "row-name" };
    svg.label((0.0, y + 11.0), Anchor::Start, name, &bar.name, layout.name);
    let value = bar.value.filter(|value| value.is_finite());
    let (end, y) = (x.at(value.unwrap_or(0.0).clamp(0.0, 1.0)), y + layout.below);
    svg.rect((layout.left, y), (end - layout.left, 14.0), bar.role.class(), "");
    svg.text((end + 7.0, y + 11.0), Anchor::Start, name, &number::share(value));
}
