//! How do I see it? One self-contained HTML file of a finished run.
//!
//! The caller fills a [`Report`] with plain values; [`render`] checks it and writes the page: text, tables, drawings and
//! images in one file that opens from disk, without network, on a screen, a phone or paper. [`figures`] and [`strips`] give
//! what the page shows as files of their own. A small script steps through the strips; without it everything is still there
//! to be read.
//!
//! ```
//! use latentwalk_report::{AttributeSection, ClassPositions, Kind, Report, Verdict, render};
//!
//! let class = |name: &str, held_out: Vec<f64>| ClassPositions { name: name.into(), train: 70, held_out };
//! let sleeve = AttributeSection {
//!     name: "sleeve".into(),
//!     kind: Kind::Ordered,
//!     order: vec!["short".into(), "long".into()],
//!     verdict: Verdict::separated(0.99, 0.98),
//!     split: "test".into(),
//!     classes: vec![class("short", vec![-2.0, -1.5]), class("long", vec![1.0, 1.5, 2.5])],
//!     ..Default::default()
//! };
//! let report = Report { title: "Shirts".into(), attributes: vec![sleeve], ..Default::default() };
//! let page = render(&report)?;
//! assert!(page.starts_with("<!doctype html>"));
//! # Ok::<(), latentwalk_report::Error>(())
//! ```

mod attribute;
mod charts;
mod check;
mod classes;
mod error;
mod evidence;
pub mod figure;
mod files;
mod images;
mod model;
mod number;
mod palette;
mod plain;
mod statistics;
mod svg;
mod view;

pub use attribute::{
    Answer, AttributeSection, Card, Claim, ClassPositions, Kind, Null, PairAuc, Probabilities, Restarts, StopCard,
    Strip, Tone, Toward, TowardRow, TowardStrip, Verdict, WalkRole, WalkRow, Walks,
};
pub use error::{Error, Result};
pub use evidence::{Comparison, Failures, Hub, LineMatrix, Side};
pub use files::{FigureFile, StripFile, figures, strips};
pub use images::ImageData;
pub use model::{AccuracyRow, Confusion, EpochPoint, Recipe, Report, RunFacts, Spectrum, StageFact, Training};

/// Longest side, in pixels, at which the images of a page are worth embedding.
pub const DEFAULT_THUMBNAIL_PX: u32 = 128;

/// The page of a report.
///
/// Same data, same bytes. Names, labels and ids are text, whatever characters they hold.
///
/// # Errors
///
/// [`Error`] names what cannot be drawn: an image that is missing or of a foreign type, a position that is not finite,
/// lists that do not fit together, a class that is not listed or listed twice.
pub fn render(report: &Report) -> Result<String> {
    check::check(report)?;
    view::page(report)
}

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
