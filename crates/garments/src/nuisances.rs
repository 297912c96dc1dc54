//! What varies from image to image without a label.

use rand::Rng;
use serde::{Deserialize, Serialize};

/// How the garment is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Worn {
    /// By a figure.
    Figure,
    /// Laid flat.
    Flat,
}

/// An arm of the figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// How far it hangs from the body, 0 to 1.
    pub spread: f32,
    /// How much the elbow bends, 0 to 1.
    pub bend: f32,
    /// Whether its hand rests on the hip.
    pub on_hip: bool,
}

/// The figure: what of it varies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// Left and right arm, as the image shows them.
    pub arms: [Arm; 2],
    /// Sideways lean, −1 to 1.
    pub lean: f32,
    /// Distance of the feet, 0 to 1.
    pub stance: f32,
    /// Skin, 0 (light) to 1 (dark).
    pub skin: f32,
    /// Hair colour, 0 to 1.
    pub hair_colour: f32,
    /// Hair cut: 0 long, 1 bob, 2 bun, 3 over the shoulder.
    pub hair_cut: u8,
    /// Shoe colour, 0 to 1.
    pub shoes: f32,
}

/// Everything that a render depends on beside the factors.
///
/// **Units and conventions.** Lengths are shares of the image's side; angles are in radians.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nuisances {
    /// Worn or laid flat.
    pub worn: Worn,
    /// 1: the front; 2: front and back side by side.
    pub views: u8,
    /// The figure.
    pub pose: Pose,
    /// Shift of hue, saturation and lightness of the colour, each −1 to 1.
    pub colour_jitter: [f32; 3],
    /// Which second colour is preferred: index into the renderer's list.
    pub second_colour: u8,
    /// Which accent (flower centres, thin lines) is preferred.
    pub accent: u8,
    /// Size of the pattern against its usual one, 0.85 to 1.25.
    pub pattern_scale: f32,
    /// Phase of the pattern, each 0 to 1.
    pub pattern_phase: [f32; 2],
    /// Way of the stripes: 0 across, 1 along, 2 slanting.
    pub pattern_way: u8,
    /// Seed of folds, flowers and the like.
    pub cloth_seed: u32,
    /// Depth of folds and creases, 0.5 to 1.3.
    pub folds: f32,
    /// Sheen of the cloth, 0 to 1.
    pub sheen: f32,
    /// A row of buttons down the front.
    pub buttons: bool,
    /// A belt at the waist.
    pub belt: bool,
    /// Which background.
    pub background: u8,
    /// Its lightness, 0 to 1.
    pub background_tone: f32,
    /// Where the light stands: −1 left to 1 right.
    pub light_side: f32,
    /// Strength of the light, 0.9 to 1.1.
    pub light: f32,
    /// Warmth of the light, −1 to 1.
    pub warmth: f32,
    /// Scale of the whole.
    pub scale: f32,
    /// Shift of the whole.
    pub shift: [f32; 2],
    /// Rotation of what is laid flat.
    pub turn: f32,
    /// Standard deviation of the sensor's noise, in shares of white.
    pub noise: f32,
    /// Seed of that noise.
    pub noise_seed: u32,
    /// JPEG quality with which a data set stores the image.
    pub jpeg_quality: u8,
}

/// Share of garments that a figure wears.
pub const SHARE_WORN: f64 = 0.7;
/// Share of images with two views.
pub const SHARE_TWO_VIEWS: f64 = 0.2;

impl Nuisances {
    /// Draws all of them; every call takes the same numbers from `rng` in the same order.
    pub(crate) fn draw(rng: &mut impl Rng) -> Self {
        let worn = if rng.random::<f64>() < SHARE_WORN { Worn::Figure } else { Worn::Flat };
        let views = if rng.random::<f64>() < SHARE_TWO_VIEWS { 2 } else { 1 };
        Self {
            worn,
            views,
            pose: Pose::draw(rng),
            colour_jitter: std::array::from_fn(|_| span(rng, -1.0, 1.0)),
            second_colour: rng.random_range(0..8),
            accent: rng.random_range(0..8),
            pattern_scale: span(rng, 0.85, 1.25),
            pattern_phase: [unit(rng), unit(rng)],
            pattern_way: [0, 0, 0, 1, 1, 2][rng.random_range(0..6_usize)],
            cloth_seed: rng.random(),
            folds: span(rng, 0.5, 1.3),
            sheen: unit(rng) * unit(rng),
            buttons: rng.random::<f64>() < 0.22,
            belt: rng.random::<f64>() < 0.15,
            background: rng.random_range(0..8),
            background_tone: unit(rng),
            light_side: span(rng, -1.0, 1.0),
            light: span(rng, 0.92, 1.06),
            warmth: span(rng, -1.0, 1.0),
            scale: span(rng, 1.03, 1.13),
            shift: [span(rng, -0.03, 0.03), span(rng, -0.010, 0.010)],
            turn: span(rng, -0.07, 0.07),
            noise: 0.002 + 0.014 * unit(rng) * unit(rng),
            noise_seed: rng.random(),
            jpeg_quality: rng.random_range(78..=95),
        }
    }
}

impl Pose {
    fn draw(rng: &mut impl Rng) -> Self {
        let mut arm = || Arm { spread: unit(rng), bend: unit(rng), on_hip: rng.random::<f64>() < 0.18 };
        Self {
            arms: [arm(), arm()],
            lean: span(rng, -1.0, 1.0),
            stance: unit(rng),
            skin: unit(rng),
            hair_colour: unit(rng),
            hair_cut: rng.random_range(0..4),
            shoes: unit(rng),
        }
    }
}

fn unit(rng: &mut impl Rng) -> f32 {
    rng.random::<f32>()
}

fn span(rng: &mut impl Rng, from: f32, to: f32) -> f32 {
    from + (to - from) * unit(rng)
}
