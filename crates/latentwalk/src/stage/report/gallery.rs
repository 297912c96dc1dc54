//! The report's images: each is made when it is first shown.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use latentwalk_cli::Stage;
use latentwalk_images::{Dataset, Pixels};
use latentwalk_report::ImageData;

use crate::job::Job;

/// Makes thumbnails, each once.
pub(crate) struct Gallery<'a> {
    job: &'a Job<'a>,
    dataset: &'a Dataset,
    pixels: Pixels,
    originals: Option<PathBuf>,
    shown: RefCell<Shown>,
}

#[derive(Default)]
struct Shown {
    images: Vec<ImageData>,
    rows: Vec<usize>,
    places: BTreeMap<usize, usize>,
}

impl<'a> Gallery<'a> {
    /// Over the run's images; nothing is shown yet.
    ///
    /// # Errors
    /// The pack cannot be read.
    pub(crate) fn open(job: &'a Job<'a>, dataset: &'a Dataset) -> Result<Self> {
        let pixels = Pixels::open(job.folder(Stage::Images)?, dataset)?;
        let originals = latentwalk_images::originals(&job.config.images, &job.config.origin);
        Ok(Self { job, dataset, pixels, originals, shown: RefCell::default() })
    }

    /// The place of a row's image among the report's.
    ///
    /// # Errors
    /// A row that does not exist, an image that cannot be read.
    pub(crate) fn place(&self, row: usize) -> Result<usize> {
        if let Some(&place) = self.shown.borrow().places.get(&row) {
            return Ok(place);
        }
        let image = self.image(row)?;
        let mut shown = self.shown.borrow_mut();
        let place = shown.images.len();
        shown.images.push(image);
        shown.rows.push(row);
        shown.places.insert(row, place);
        self.job.progress.set(place + 1, place + 1);
        Ok(place)
    }

    fn image(&self, row: usize) -> Result<ImageData> {
        let decoding = self.job.config.images.images.decoding();
        let originals = self.originals.as_deref().map(|root| (root, &decoding));
        let px = self.job.config.report.thumbnail_px;
        let png = latentwalk_images::thumbnail(&self.pixels, self.dataset, row, px, originals)?;
        let (width, height) = png_size(&png).context("a thumbnail is not a PNG")?;
        let (mime, bytes) = match latentwalk_images::lighter(&png) {
            Some(jpeg) => ("image/jpeg", jpeg),
            None => ("image/png", png),
        };
        Ok(ImageData { id: self.dataset.items[row].id.clone(), mime: mime.to_owned(), width, height, bytes })
    }

    /// The images, and the row of each.
    pub(crate) fn shown(&self) -> (Vec<ImageData>, Vec<usize>) {
        let shown = self.shown.borrow();
        (shown.images.clone(), shown.rows.clone())
    }
}

/// Width and height of a PNG, from its header.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    Some((number(16)?, number(20)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pngs_size_is_read_from_its_header() {
        let mut png = vec![0; 16];
        png.extend_from_slice(&28u32.to_be_bytes());
        png.extend_from_slice(&40u32.to_be_bytes());
        assert_eq!(png_size(&png), Some((28, 40)));
        assert_eq!(png_size(&png[..20]), None);
    }
}
