//! Single figures as SVG files, for pages that are not a report.
//!
//! Each is a file of its own: it brings its style, lies on a ground and follows the reader's choice of light or dark, so
//! that it can be shown by an `<img>` on any page. It holds no script and loads nothing. Same data, same bytes; names are
//! text, whatever characters they hold.
//!
//! ```
//! use latentwalk_report::figure::{Curves, Series, XScale, curves};
//!
//! let series = |name: &str, points: Vec<(f64, f64)>| Series { name: name.into(), points, dashed: false };
//! let svg = curves(&Curves {
//!     label: "Sleeve and colour after every stage".into(),
//!     x_name: "stage".into(),
//!     y_name: "AUC along one axis".into(),
//!     x_scale: XScale::Steps(vec!["stage 1".into(), "stage 2".into()]),
//!     series: vec![series("sleeve", vec![(0.0, 0.6), (1.0, 0.9)]), series("colour", vec![(0.0, 0.8), (1.0, 0.7)])],
//!     ..Default::default()
//! })?;
//! assert!(svg.starts_with("<svg xmlns="));
//! # Ok::<(), latentwalk_report::Error>(())
//! ```

mod axis;
mod curves;
mod place;
mod scatter;
#[cfg(test)]
mod testing;

pub use axis::XScale;
pub use curves::{Curves, MAX_SERIES, Series, curves};
pub use scatter::{Direction, Guide, MAX_POINTS, Point, Scatter, scatter};

use crate::attribute::AttributeSection;
use crate::charts::ridge::Ridge;
use crate::error::Result;
use crate::{charts, check, classes, palette};

/// Width of a figure, in pixels.
const WIDTH: f64 = 880.0;

/// Where the classes of a section lie along its direction: one row per class, on one axis, with the stops of the walks
/// where all of them share theirs.
///
/// # Errors
///
/// [`crate::Error::Count`] without classes; otherwise as [`render`](crate::render) does for the section.
pub fn distribution(section: &AttributeSection) -> Result<String> {
    check::check_attribute(section)?;
    check::some(|| format!("distribution of `{}`", section.name), "classes", section.classes.len())?;
    let rows = classes::rows(section);
    let drawing = Ridge::of(section, &rows).draw(WIDTH);
    Ok(drawing.finish_file(&style(section.order.len(), rows.len())))
}

/// The style of a file: `ordered` colours from the ramp, the rest distinct hues.
fn style(ordered: usize, colours: usize) -> String {
    let figure = include_str!("../page/figure.css");
    let (slots, colours) = (palette::slots(), palette::rules(":root", ordered, colours));
    format!("{}{}{figure}{slots}\n{colours}", charts::GROUND, charts::STYLE)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::attribute::{ClassPositions, Strip};

    fn section() -> AttributeSection {
        let wave = |n: usize, centre: f64| (0..n).map(|i| centre + (i as f64 * 12.9898).sin()).collect();
        let class = |name: &str, held_out| ClassPositions { name: name.into(), train: 700, held_out };
        AttributeSection {
            name: "sleeve".into(),
            order: vec!["sleeveless".into(), "short".into(), "long".into()],
            split: "test".into(),
            classes: vec![
                class("long", wave(300, 4.0)),
                class("puff <a&b>", wave(80, 1.5)),
                class("short", wave(300, 0.0)),
                class("sleeveless", wave(300, -4.0)),
                class("strapless", wave(20, -3.0)),
            ],
            strips: vec![Strip::default()],
            ..Default::default()
        }
    }

    #[test]
    fn a_distribution_stands_alone() {
        let svg = distribution(&section()).unwrap();
        testing::assert_file(&svg);
        assert_eq!(svg, distribution(&section()).unwrap());
        assert!(svg.contains("puff &lt;a&amp;b&gt;") && svg.contains("not in the declared order"));
        assert!(svg.contains("--k4:") && !svg.contains("--k5:"));
    }

    #[test]
    fn empty_classes_are_drawn_and_none_are_not() {
        let mut section = section();
        section.classes.iter_mut().for_each(|c| c.held_out.clear());
        testing::assert_file(&distribution(&section).unwrap());
        section.classes[0].held_out.push(f64::NAN);
        assert!(matches!(distribution(&section), Err(crate::Error::Number { .. })));
        let message =
            distribution(&AttributeSection { name: "x".into(), ..Default::default() }).unwrap_err().to_string();
        assert!(message.starts_with("distribution of `x`: 0 classes, but at least one is needed"), "{message}");
    }
}
