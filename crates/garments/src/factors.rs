//! The labelled factors, what cannot be worn together, and the garment itself.

use serde::{Deserialize, Serialize};

use crate::nuisances::Nuisances;

/// Declares a factor: an enum, its values in order, and their names.
macro_rules! factor {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$value_doc])* #[serde(rename = $text)] $value,)+
        }

        impl $name {
            /// All values, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];
            /// The names of all values, in their order.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The name as manifests write it.
            pub fn as_str(self) -> &'static str {
                Self::NAMES[self as usize]
            }
        }
    };
}

factor! {
    /// Sleeve; the first three stand in order of their length.
    Sleeve {
        /// Bare arms, straps over the shoulders.
        Sleeveless = "sleeveless",
        /// To the middle of the upper arm.
        Short = "short",
        /// To the wrist.
        Long = "long",
        /// A gathered balloon on the upper arm.
        Puff = "puff",
        /// Neither sleeves nor straps.
        Strapless = "strapless",
    }
}

factor! {
    /// Pattern of the cloth.
    Pattern {
        /// One colour.
        Solid = "solid",
        /// Parallel stripes.
        Striped = "striped",
        /// Dots on a lattice.
        Dotted = "dotted",
        /// Scattered flowers with leaves.
        Floral = "floral",
        /// Crossing bands.
        Plaid = "plaid",
    }
}

factor! {
    /// Neckline.
    Neckline {
        /// A round scoop.
        Round = "round",
        /// A deep V; the notch between the cups where there are no straps.
        V = "v",
        /// A rectangle; a straight edge where there are no straps.
        Square = "square",
        /// Wide and shallow, from shoulder to shoulder.
        Boat = "boat",
        /// A collar up the neck.
        Turtleneck = "turtleneck",
    }
}

factor! {
    /// Length, in order.
    Length {
        /// To the hip.
        Top = "top",
        /// To the middle of the thigh.
        Mini = "mini",
        /// To the knee.
        Knee = "knee",
        /// To the calf.
        Midi = "midi",
        /// To the ankle.
        Maxi = "maxi",
    }
}

factor! {
    /// Silhouette.
    Silhouette {
        /// Close to the body all the way.
        Sheath = "sheath",
        /// Widening evenly from the bust.
        ALine = "a-line",
        /// A tight waist and a wide skirt.
        FitAndFlare = "fit-and-flare",
    }
}

factor! {
    /// Colour of the ground.
    Colour {
        /// Black.
        Black = "black",
        /// White.
        White = "white",
        /// Grey.
        Grey = "grey",
        /// Beige.
        Beige = "beige",
        /// Red.
        Red = "red",
        /// Pink.
        Pink = "pink",
        /// Orange.
        Orange = "orange",
        /// Yellow.
        Yellow = "yellow",
        /// Green.
        Green = "green",
        /// Blue.
        Blue = "blue",
        /// Navy.
        Navy = "navy",
        /// Purple.
        Purple = "purple",
    }
}

/// A labelled factor: which one, not its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Factor {
    /// [`Sleeve`].
    Sleeve,
    /// [`Pattern`].
    Pattern,
    /// [`Neckline`].
    Neckline,
    /// [`Length`].
    Length,
    /// [`Silhouette`].
    Silhouette,
    /// [`Colour`].
    Colour,
}

impl Factor {
    /// All factors, in the order of the manifest's columns.
    pub const ALL: [Self; 6] =
        [Self::Sleeve, Self::Pattern, Self::Neckline, Self::Length, Self::Silhouette, Self::Colour];

    /// The name as manifests write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sleeve => "sleeve",
            Self::Pattern => "pattern",
            Self::Neckline => "neckline",
            Self::Length => "length",
            Self::Silhouette => "silhouette",
            Self::Colour => "colour",
        }
    }

    /// The names of its values, in their order.
    pub fn values(self) -> &'static [&'static str] {
        match self {
            Self::Sleeve => Sleeve::NAMES,
            Self::Pattern => Pattern::NAMES,
            Self::Neckline => Neckline::NAMES,
            Self::Length => Length::NAMES,
            Self::Silhouette => Silhouette::NAMES,
            Self::Colour => Colour::NAMES,
        }
    }
}

/// One value of every factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Factors {
    /// The sleeve.
    pub sleeve: Sleeve,
    /// The pattern.
    pub pattern: Pattern,
    /// The neckline.
    pub neckline: Neckline,
    /// The length.
    pub length: Length,
    /// The silhouette.
    pub silhouette: Silhouette,
    /// The colour.
    pub colour: Colour,
}

/// What cannot be worn together: without straps nothing holds a boat neckline or a collar.
pub const IMPOSSIBLE: [(Sleeve, Neckline); 2] =
    [(Sleeve::Strapless, Neckline::Boat), (Sleeve::Strapless, Neckline::Turtleneck)];

impl Factors {
    /// Whether the values can be worn together, by the table [`IMPOSSIBLE`].
    pub fn possible(&self) -> bool {
        !IMPOSSIBLE.contains(&(self.sleeve, self.neckline))
    }

    /// Index of a factor's value among [`Factor::values`].
    pub fn index(&self, factor: Factor) -> usize {
        match factor {
            Factor::Sleeve => self.sleeve as usize,
            Factor::Pattern => self.pattern as usize,
            Factor::Neckline => self.neckline as usize,
            Factor::Length => self.length as usize,
            Factor::Silhouette => self.silhouette as usize,
            Factor::Colour => self.colour as usize,
        }
    }

    /// Name of a factor's value.
    pub fn value(&self, factor: Factor) -> &'static str {
        factor.values()[self.index(factor)]
    }

    /// A copy with another value of one factor.
    ///
    /// **Panics** when `index` is not below the number of [`Factor::values`].
    pub fn with(self, factor: Factor, index: usize) -> Self {
        match factor {
            Factor::Sleeve => Self { sleeve: Sleeve::ALL[index], ..self },
            Factor::Pattern => Self { pattern: Pattern::ALL[index], ..self },
            Factor::Neckline => Self { neckline: Neckline::ALL[index], ..self },
            Factor::Length => Self { length: Length::ALL[index], ..self },
            Factor::Silhouette => Self { silhouette: Silhouette::ALL[index], ..self },
            Factor::Colour => Self { colour: Colour::ALL[index], ..self },
        }
    }
}

/// A garment: labelled factors and unlabelled nuisances. It holds all that a render depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Garment {
    /// What is labelled.
    pub factors: Factors,
    /// What is not.
    pub nuisances: Nuisances,
}

/// A copy of a garment that differs in one factor.
#[derive(Debug, Clone, PartialEq)]
pub struct Twin {
    /// The factor that differs.
    pub factor: Factor,
    /// Its value in the twin.
    pub value: &'static str,
    /// The twin.
    pub garment: Garment,
}

/// One twin for each other value of each factor that can be worn with the rest; all nuisances equal.
///
/// **Units and conventions.** By factor in the order of [`Factor::ALL`], then by value.
///
/// **Example**
///
/// ```
/// use latentwalk_garments::{Frequencies, Garment, twins};
///
/// let garment = Garment::draw(1, 0, &Frequencies::catalogue());
/// assert!(twins(&garment).iter().all(|twin| twin.garment.nuisances == garment.nuisances));
/// ```
pub fn twins(garment: &Garment) -> Vec<Twin> {
    let mut all = Vec::new();
    for factor in Factor::ALL {
        for (index, &value) in factor.values().iter().enumerate() {
            let factors = garment.factors.with(factor, index);
            if factors != garment.factors && factors.possible() {
                all.push(Twin { factor, value, garment: Garment { factors, nuisances: garment.nuisances.clone() } });
            }
        }
    }
    all
}
