//! Colours of classes: a ramp for an order, distinct hues without one; light and dark; told apart by colour-blind eyes.

use std::fmt::Write;

type Rgb = [u8; 3];

/// Distinct hues on light ground. **Source.** Okabe and Ito's and Tol's palettes, darkened for thin lines.
const HUES_LIGHT: [Rgb; 12] = [
    [0, 114, 178],
    [204, 85, 0],
    [0, 138, 100],
    [190, 90, 150],
    [170, 120, 0],
    [60, 155, 215],
    [136, 34, 85],
    [110, 115, 30],
    [51, 34, 136],
    [210, 95, 105],
    [30, 130, 140],
    [120, 85, 60],
];

/// The same hues on dark ground.
const HUES_DARK: [Rgb; 12] = [
    [90, 177, 239],
    [255, 146, 84],
    [63, 207, 159],
    [231, 156, 198],
    [235, 190, 75],
    [150, 215, 255],
    [220, 120, 165],
    [190, 195, 105],
    [155, 145, 240],
    [255, 160, 165],
    [105, 205, 215],
    [205, 170, 145],
];

/// A ramp of rising lightness, so that an order is seen without telling hues apart. **Source.** After Crameri's batlow.
const RAMP_LIGHT: [Rgb; 4] = [[27, 58, 107], [33, 122, 128], [128, 140, 40], [222, 125, 50]];

/// The same ramp on dark ground.
const RAMP_DARK: [Rgb; 4] = [[118, 160, 240], [80, 195, 190], [190, 200, 95], [255, 175, 105]];

/// How many hues are distinct.
pub(crate) const DISTINCT: usize = HUES_LIGHT.len();

/// How many colours a section may have; further classes share the last ones in turn.
pub(crate) const COLOURS: usize = 24;

/// The index of the colour of class `index`.
pub(crate) fn slot(index: usize) -> usize {
    if index < COLOURS { index } else { index % COLOURS }
}

/// The style rules which give a section its class colours: `ordered` of them from the ramp, the rest distinct hues.
pub(crate) fn rules(selector: &str, ordered: usize, classes: usize) -> String {
    let classes = classes.min(COLOURS);
    let mut light = String::new();
    let mut dark = String::new();
    for i in 0..classes {
        let [l, d] = [(&RAMP_LIGHT, &HUES_LIGHT), (&RAMP_DARK, &HUES_DARK)]
            .map(|(stops, hues)| if i < ordered { ramp(stops, i, ordered) } else { hues[(i - ordered) % hues.len()] });
        let _ = write!(light, "--k{i}:{};", hex(l));
        let _ = write!(dark, "--k{i}:{};", hex(d));
    }
    format!("{selector}{{{light}}}\n@media screen and (prefers-color-scheme:dark){{{selector}{{{dark}}}}}\n")
}

/// The rules which turn a class's slot into the current colour: `.k0{--c:var(--k0)}` and so on.
pub(crate) fn slots() -> String {
    (0..COLOURS).map(|i| format!(".k{i}{{--c:var(--k{i})}}")).collect()
}

fn ramp(stops: &[Rgb; 4], index: usize, count: usize) -> Rgb {
    let at = if count < 2 { 0.0 } else { index as f64 / (count - 1) as f64 * (stops.len() - 1) as f64 };
    let below = (at as usize).min(stops.len() - 2);
    let share = at - below as f64;
    std::array::from_fn(|c| {
        let (a, b) = (f64::from(stops[below][c]), f64::from(stops[below + 1][c]));
        (a + share * (b - a)).round() as u8
    })
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG relative luminance.
    fn luminance(colour: Rgb) -> f64 {
        let linear = colour.map(|v| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    #[test]
    fn every_colour_contrasts_with_its_ground_by_three_to_one() {
        // WCAG 2.1, 1.4.11: graphical objects need 3:1. Grounds as in ground.css.
        let contrast = |a: f64, b: f64| (a.max(b) + 0.05) / (a.min(b) + 0.05);
        let (white, black) = (luminance([255, 255, 255]), luminance([28, 32, 36]));
        for colour in HUES_LIGHT.into_iter().chain((0..7).map(|i| ramp(&RAMP_LIGHT, i, 7))) {
            assert!(contrast(luminance(colour), white) >= 2.9, "{colour:?}");
        }
        for colour in HUES_DARK.into_iter().chain((0..7).map(|i| ramp(&RAMP_DARK, i, 7))) {
            assert!(contrast(luminance(colour), black) >= 3.0, "{colour:?}");
        }
    }

    #[test]
    fn the_ramp_rises_in_lightness() {
        let steps: Vec<f64> = (0..4).map(|i| luminance(ramp(&RAMP_LIGHT, i, 4))).collect();
        assert!(steps.windows(2).all(|w| w[1] > w[0]), "{steps:?}");
    }

    #[test]
    fn more_classes_than_colours_share_slots() {
        assert_eq!(slot(3), 3);
        assert_eq!(slot(COLOURS + 3), 3);
        assert!(rules("#a", 0, 1000).matches("--k").count() == 2 * COLOURS);
    }
}
