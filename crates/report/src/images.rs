//! Images inside the page: each embedded once, drawn wherever a card points at it.

use std::collections::BTreeSet;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::attribute::{Card, Strip};
use crate::error::{Error, Result};
use crate::model::Report;
use crate::plain;

/// The image types that every browser draws.
pub(crate) const MIME_TYPES: [&str; 6] =
    ["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/svg+xml"];

/// Raster images up to this many pixels per side are drawn with hard pixel edges.
const PIXELATED_UP_TO: u32 = 64;

/// An encoded image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageData {
    /// The image's id, unique in a report.
    pub id: String,
    /// Its type, e.g. `image/png`.
    pub mime: String,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// The encoded file.
    #[serde(with = "plain::bytes")]
    pub bytes: Vec<u8>,
}

impl ImageData {
    fn check(&self) -> Result<()> {
        if !MIME_TYPES.contains(&self.mime.as_str()) {
            return Err(self.refused(format!("has type `{}`", self.mime)));
        }
        if self.bytes.is_empty() || self.width == 0 || self.height == 0 {
            let (bytes, width, height) = (self.bytes.len(), self.width, self.height);
            return Err(self.refused(format!("is empty ({bytes} bytes, {width} x {height} pixels)")));
        }
        Ok(())
    }

    fn refused(&self, problem: String) -> Error {
        Error::Image { id: self.id.clone(), problem }
    }

    fn pixelated(&self) -> bool {
        self.mime != "image/svg+xml" && self.width.max(self.height) <= PIXELATED_UP_TO
    }
}

/// The hidden drawing that defines every image some card uses, as `i0`, `i1`, ... in the order of `report.images`.
///
/// `<use href="#i0">` draws one anywhere. Background images would need the reader's printer to print backgrounds, and a
/// script could not run where scripts are off.
pub(crate) fn definitions(report: &Report) -> Result<String> {
    let used: BTreeSet<usize> = cards(report).filter_map(|(_, card)| card.image).collect();
    let mut out = String::from("<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\n");
    for (index, image) in report.images.iter().enumerate().filter(|(index, _)| used.contains(index)) {
        image.check()?;
        let class = if image.pixelated() { " class=\"px\"" } else { "" };
        let _ = writeln!(
            out,
            "<image id=\"i{index}\"{class} width=\"100\" height=\"100\" href=\"data:{};base64,{}\"/>",
            image.mime,
            STANDARD.encode(&image.bytes)
        );
    }
    out.push_str("</defs></svg>");
    Ok(out)
}

/// Every card of every strip with its attribute's name.
pub(crate) fn cards(report: &Report) -> impl Iterator<Item = (&str, &Card)> {
    report.attributes.iter().flat_map(|section| {
        let toward = section.toward.iter().flat_map(|toward| &toward.strips).flat_map(|strip| {
            std::iter::once(&strip.start).chain(strip.found.iter().filter_map(|(_, card)| card.as_ref()))
        });
        let compared = section.comparisons.iter().flat_map(|comparison| {
            let stops = comparison.article.stops.iter().chain(&comparison.toward.stops);
            std::iter::once(&comparison.start).chain(stops.filter_map(|stop| stop.card.as_ref()))
        });
        let failures = section.failures.iter();
        let worst = failures.clone().flat_map(|failures| &failures.worst).flat_map(of_strip);
        let hubs = failures.flat_map(|failures| failures.hubs.iter().map(|hub| &hub.card));
        let along = section.strips.iter().flat_map(of_strip);
        along.chain(toward).chain(compared).chain(worst).chain(hubs).map(|card| (section.name.as_str(), card))
    })
}

fn of_strip(strip: &Strip) -> impl Iterator<Item = &Card> {
    std::iter::once(&strip.start).chain(strip.stops.iter().filter_map(|stop| stop.card.as_ref()))
}
