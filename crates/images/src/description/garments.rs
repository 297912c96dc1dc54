//! Table `[images.garments]`: a wardrobe that is drawn while it is imported.

use latentwalk_garments::{Format, Frequencies, MAX_SIZE, MIN_SIZE, Options};
use serde::{Deserialize, Serialize};

/// Default of [`Wardrobe::count`]: fewer than for a folder of files, since they are drawn anew for every import.
pub const DEFAULT_GARMENTS: usize = 6_000;

/// Table `[images.garments]`: which garments are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wardrobe {
    /// Garments, their twins not counted. Default [`DEFAULT_GARMENTS`].
    pub count: usize,
    /// Seed of the wardrobe; the top-level `seed` does not reach it. Default [`latentwalk_garments::DEFAULT_SEED`].
    pub seed: u64,
    /// Whether every factor is drawn evenly and independently, instead of as in a catalogue.
    pub balanced: bool,
    /// Frequencies of another catalogue: conditional tables of which each row sums to 1. Tables that are not given stay
    /// as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequencies: Option<Frequencies>,
    /// For this many garments, the first ones, all twins are drawn too. These groups stand in the test split. Twins carry no
    /// labels, so that they change no figure; their ids, `ORIGINAL-FACTOR-VALUE`, say what they are. Default
    /// [`latentwalk_garments::DEFAULT_TWIN_SETS`].
    pub twin_sets: usize,
}

impl Default for Wardrobe {
    fn default() -> Self {
        let Options { seed, balanced, twin_sets, .. } = Options::default();
        Self { count: DEFAULT_GARMENTS, seed, balanced, frequencies: None, twin_sets }
    }
}

impl Wardrobe {
    /// What the renderer is asked for: garments of the pack's `size` in pixels, or of the nearest size that can be drawn.
    pub(crate) fn options(&self, size: usize) -> Options {
        let Self { count, seed, balanced, twin_sets, .. } = *self;
        let size = (size as u32).clamp(MIN_SIZE, MAX_SIZE);
        Options { count, size, seed, balanced, twin_sets, format: Format::Jpeg }
    }

    /// How often each factor is drawn.
    pub(crate) fn frequencies(&self) -> Frequencies {
        let built_in = || Options { balanced: self.balanced, ..Options::default() }.frequencies();
        self.frequencies.clone().unwrap_or_else(built_in)
    }
}
