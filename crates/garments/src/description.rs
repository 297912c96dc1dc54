//! The description that goes with a data set, so that the pipeline runs on the folder as it is.

use std::fmt::Write as _;

use crate::factors::{Factor, Sleeve};

/// Name of the description in a data set's folder.
pub const DESCRIPTION_FILE: &str = "garments.toml";
/// Name of the manifest in a data set's folder.
pub const MANIFEST_FILE: &str = "manifest.csv";
/// Name of the same manifest as Parquet, where the caller writes one.
pub const PARQUET_FILE: &str = "manifest.parquet";

/// How many sleeves, from the first, stand in an order.
const ORDERED_SLEEVES: usize = 3;

/// The description in TOML: every factor as an attribute, and `worn` and `views`, with images packed at `size_px`.
pub fn description(size_px: u32) -> String {
    let mut text = format!(
        "# Rendered garments with known factors. Made by latentwalk-garments; manifest columns beside the attributes:\n\
         # `group` (a garment and its twins), `twin_of` and `twin_factor` (which garment a twin copies but for one factor).\n\n\
         [images]\nsource = \"manifest\"\nfile = \"{MANIFEST_FILE}\"\nsize = {size_px}\nchannels = 3\n\
         minimum_per_class = 5\n\n\
         [images.split]\ntrain = 0.7\nvalidation = 0.1\ntest = 0.2\nseed = 1\nstratify = \"sleeve\"\n"
    );
    for factor in Factor::ALL {
        let kind = if matches!(factor, Factor::Sleeve | Factor::Length) { "ordered" } else { "nominal" };
        attribute(&mut text, factor.as_str(), kind, factor.values());
        if factor == Factor::Sleeve {
            text.push_str(&format!("order = [{}]\n", quoted(&Sleeve::NAMES[..ORDERED_SLEEVES])));
        }
    }
    attribute(&mut text, "worn", "nominal", &["figure", "flat"]);
    attribute(&mut text, "views", "nominal", &["1", "2"]);
    text.push_str("\n[backbone]\narch = \"small\"\n");
    text
}

fn attribute(text: &mut String, name: &str, kind: &str, classes: &[&str]) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\n[attributes.{name}]\nkind = \"{kind}\"\nclasses = [{}]\n", quoted(classes));
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_factor_is_an_attribute_with_all_its_classes() {
        let text = description(64);
        for factor in Factor::ALL {
            assert!(text.contains(&format!("[attributes.{}]", factor.as_str())));
            assert!(text.contains(&format!("classes = [{}]", quoted(factor.values()))));
        }
        assert!(text.contains("order = [\"sleeveless\", \"short\", \"long\"]\n"));
        assert!(text.contains("size = 64\n"));
    }
}
