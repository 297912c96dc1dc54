//! How often what is worn: the one table of frequencies, and drawing from it.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::factors::{Colour, Factors, Garment, IMPOSSIBLE, Length, Neckline, Pattern, Silhouette, Sleeve};
use crate::nuisances::Nuisances;

/// How far from 1 a row may sum.
const SUM_TOLERANCE: f64 = 1e-6;

/// Frequencies of the factors, as conditional tables: sleeve, then neckline and length by sleeve, silhouette by length,
/// pattern by sleeve, colour by pattern.
///
/// **Units and conventions.** Every row sums to 1; columns stand in the order of the factor's values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Frequencies {
    /// Of the sleeves.
    pub sleeve: [f64; 5],
    /// Of the necklines, one row per sleeve.
    pub neckline: [[f64; 5]; 5],
    /// Of the lengths, one row per sleeve.
    pub length: [[f64; 5]; 5],
    /// Of the silhouettes, one row per length.
    pub silhouette: [[f64; 3]; 5],
    /// Of the patterns, one row per sleeve.
    pub pattern: [[f64; 5]; 5],
    /// Of the colours, one row per pattern.
    pub colour: [[f64; 12]; 5],
}

/// The catalogue's; so a table in a file need not name all of them.
impl Default for Frequencies {
    fn default() -> Self {
        Self::catalogue()
    }
}

impl Frequencies {
    /// Skewed and correlated as in a shop's catalogue: the first three sleeves make up 85 %, turtlenecks come mostly
    /// with long sleeves, strapless is mostly a dress, flowers are seldom black and plaid is often red or navy.
    pub fn catalogue() -> Self {
        Self {
            // sleeveless, short, long, puff, strapless
            sleeve: [0.31, 0.29, 0.25, 0.08, 0.07],
            // round, V, square, boat, turtleneck
            neckline: [
                [0.38, 0.32, 0.13, 0.11, 0.06],
                [0.44, 0.30, 0.10, 0.11, 0.05],
                [0.30, 0.22, 0.06, 0.14, 0.28],
                [0.30, 0.20, 0.38, 0.08, 0.04],
                [0.30, 0.36, 0.34, 0.00, 0.00],
            ],
            // top, mini, knee, midi, maxi
            length: [
                [0.26, 0.20, 0.22, 0.16, 0.16],
                [0.40, 0.20, 0.20, 0.12, 0.08],
                [0.42, 0.16, 0.18, 0.14, 0.10],
                [0.32, 0.28, 0.18, 0.14, 0.08],
                [0.14, 0.30, 0.16, 0.14, 0.26],
            ],
            // sheath, A-line, fit-and-flare
            silhouette: [
                [0.62, 0.25, 0.13],
                [0.38, 0.30, 0.32],
                [0.36, 0.28, 0.36],
                [0.34, 0.36, 0.30],
                [0.30, 0.42, 0.28],
            ],
            // solid, striped, dotted, floral, plaid
            pattern: [
                [0.48, 0.13, 0.11, 0.22, 0.06],
                [0.42, 0.19, 0.11, 0.19, 0.09],
                [0.46, 0.18, 0.09, 0.13, 0.14],
                [0.40, 0.09, 0.14, 0.29, 0.08],
                [0.60, 0.08, 0.09, 0.20, 0.03],
            ],
            // black, white, grey, beige, red, pink, orange, yellow, green, blue, navy, purple
            colour: [
                [0.20, 0.12, 0.09, 0.08, 0.10, 0.08, 0.04, 0.04, 0.07, 0.08, 0.06, 0.04],
                [0.12, 0.20, 0.08, 0.05, 0.09, 0.06, 0.04, 0.04, 0.06, 0.10, 0.13, 0.03],
                [0.17, 0.15, 0.06, 0.05, 0.12, 0.10, 0.04, 0.05, 0.05, 0.08, 0.10, 0.03],
                [0.07, 0.17, 0.05, 0.08, 0.10, 0.14, 0.06, 0.08, 0.08, 0.09, 0.04, 0.04],
                [0.09, 0.08, 0.10, 0.10, 0.19, 0.05, 0.05, 0.04, 0.11, 0.08, 0.09, 0.02],
            ],
        }
    }

    /// Every value as often as any other and independent of the rest, but for the necklines that strapless rules out.
    pub fn balanced() -> Self {
        let third = 1.0 / 3.0;
        let mut neckline = [[0.2; 5]; 5];
        neckline[Sleeve::Strapless as usize] = [third, third, third, 0.0, 0.0];
        Self {
            sleeve: [0.2; 5],
            neckline,
            length: [[0.2; 5]; 5],
            silhouette: [[third; 3]; 5],
            pattern: [[0.2; 5]; 5],
            colour: [[1.0 / 12.0; 12]; 5],
        }
    }

    /// Checks that every row is a distribution and that nothing impossible has weight.
    ///
    /// **Errors.** [`Error::Frequencies`], [`Error::Impossible`].
    pub fn check(&self) -> Result<()> {
        row("sleeve", 0, &self.sleeve)?;
        for at in 0..5 {
            row("neckline", at, &self.neckline[at])?;
            row("length", at, &self.length[at])?;
            row("silhouette", at, &self.silhouette[at])?;
            row("pattern", at, &self.pattern[at])?;
            row("colour", at, &self.colour[at])?;
        }
        for (sleeve, neckline) in IMPOSSIBLE {
            let weight = self.neckline[sleeve as usize][neckline as usize];
            if weight > 0.0 {
                return Err(Error::Impossible { first: sleeve.as_str(), second: neckline.as_str(), weight });
            }
        }
        Ok(())
    }

    fn draw(&self, rng: &mut impl Rng) -> Factors {
        let sleeve = pick(rng, &self.sleeve);
        let neckline = pick(rng, &self.neckline[sleeve]);
        let length = pick(rng, &self.length[sleeve]);
        let silhouette = pick(rng, &self.silhouette[length]);
        let pattern = pick(rng, &self.pattern[sleeve]);
        let colour = pick(rng, &self.colour[pattern]);
        Factors {
            sleeve: Sleeve::ALL[sleeve],
            pattern: Pattern::ALL[pattern],
            neckline: Neckline::ALL[neckline],
            length: Length::ALL[length],
            silhouette: Silhouette::ALL[silhouette],
            colour: Colour::ALL[colour],
        }
    }
}

impl Garment {
    /// The garment number `index` of the wardrobe `seed`: the same whichever others are drawn, on every machine.
    pub fn draw(seed: u64, index: u64, frequencies: &Frequencies) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(index);
        let factors = frequencies.draw(&mut rng);
        Self { factors, nuisances: Nuisances::draw(&mut rng) }
    }
}

fn row(table: &'static str, row: usize, weights: &[f64]) -> Result<()> {
    let valid = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
    let sum = if valid { weights.iter().sum() } else { f64::NAN };
    if (sum - 1.0).abs() <= SUM_TOLERANCE { Ok(()) } else { Err(Error::Frequencies { table, row, sum }) }
}

/// An index, with the given probabilities; what rounding leaves over goes to the last that has weight.
fn pick(rng: &mut impl Rng, weights: &[f64]) -> usize {
    let mut left = rng.random::<f64>();
    for (index, weight) in weights.iter().enumerate() {
        if left < *weight {
            return index;
        }
        left -= weight;
    }
    weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn both_tables_are_distributions() {
        Frequencies::catalogue().check().unwrap();
        Frequencies::balanced().check().unwrap();
        let first_three: f64 = Frequencies::catalogue().sleeve[..3].iter().sum();
        assert!((first_three - 0.85).abs() < 1e-9);
    }

    #[test]
    fn bad_tables_are_refused() {
        let mut bad = Frequencies::catalogue();
        bad.length[2][0] += 0.1;
        let got = bad.check().unwrap_err().to_string();
        assert!(got.contains("frequencies of length, row 2: they sum to 1.1"), "{got}");
        let mut bad = Frequencies::balanced();
        bad.sleeve = [f64::NAN; 5];
        assert!(matches!(bad.check(), Err(Error::Frequencies { table: "sleeve", row: 0, .. })));
        let mut bad = Frequencies::balanced();
        bad.neckline[4] = [0.2; 5];
        let got = bad.check().unwrap_err().to_string();
        assert!(got.contains("0.2 to strapless with boat, which cannot be worn together"), "{got}");
    }

    #[test]
    fn counts_follow_the_table_and_nothing_impossible_is_drawn() {
        const DRAWS: u64 = 20_000;
        for frequencies in [Frequencies::catalogue(), Frequencies::balanced()] {
            let drawn: Vec<Factors> = (0..DRAWS).map(|at| Garment::draw(3, at, &frequencies).factors).collect();
            assert!(drawn.iter().all(Factors::possible));
            for sleeve in Sleeve::ALL {
                let of_sleeve: Vec<_> = drawn.iter().filter(|factors| factors.sleeve == *sleeve).collect();
                let n = of_sleeve.len() as f64;
                close(n / DRAWS as f64, frequencies.sleeve[*sleeve as usize], DRAWS as f64);
                for neckline in Neckline::ALL {
                    let count = of_sleeve.iter().filter(|factors| factors.neckline == *neckline).count();
                    close(count as f64 / n, frequencies.neckline[*sleeve as usize][*neckline as usize], n);
                }
                for length in Length::ALL {
                    let count = of_sleeve.iter().filter(|factors| factors.length == *length).count();
                    close(count as f64 / n, frequencies.length[*sleeve as usize][*length as usize], n);
                }
            }
        }
    }

    /// Within four and a half standard errors: one in a hundred thousand by chance, and the seed is fixed.
    fn close(got: f64, expected: f64, n: f64) {
        let error = (expected * (1.0 - expected) / n).sqrt();
        assert!((got - expected).abs() <= 4.5 * error, "{got} for {expected} ± {error}");
    }
}
