//! New images to coordinates: the way that the run's own images went.

use std::path::Path;

use latentwalk_backbone::{BackboneDevice, Network, Tap};
use latentwalk_decomposition::Pca;
use latentwalk_images::{DEFAULT_LIMITS, FileDecoding, ImageShape, pack_bytes, pack_file};
use ndarray::{Array1, Array2, ArrayView4};
use rayon::prelude::*;

use crate::error::Result;
use crate::run::Run;

/// The network and the axes of a run.
pub struct Projector {
    network: Network,
    pca: Pca,
    tap: Tap,
    shape: ImageShape,
    decoding: FileDecoding,
}

/// Where some images stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Projected {
    /// Places, in the list of files, of those that could be read.
    pub read: Vec<usize>,
    /// Their coordinates, one row each.
    pub z: Array2<f32>,
    /// Places of the others, each with the reason.
    pub skipped: Vec<(usize, String)>,
}

/// A picture that the run has never seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Its pixels as the network takes them: height × width × channels bytes of [`Projector::shape`], channels last.
    pub packed: Vec<u8>,
    /// Its coordinates.
    pub z: Array1<f32>,
}

impl Projector {
    /// Loads what a run places images with.
    ///
    /// # Errors
    /// As [`Run::network`], [`Run::pca`] and [`Run::dataset`].
    pub fn open(run: &Run, device: &BackboneDevice) -> Result<Self> {
        Ok(Self {
            shape: run.dataset()?.shape,
            network: run.network(device)?,
            pca: run.pca()?,
            tap: run.tap()?,
            decoding: run.file_decoding()?,
        })
    }

    /// The coordinates of some image files, in one pass of the network.
    ///
    /// A file that cannot be read is listed with its reason, and no error.
    ///
    /// # Errors
    /// What the network refuses.
    pub fn coordinates<P: AsRef<Path> + Sync>(&self, files: &[P]) -> Result<Projected> {
        let pack = |file: &P| pack_file(file.as_ref(), self.shape.width, self.shape.channels, &self.decoding);
        let packed: Vec<Result<Vec<u8>, String>> = files.par_iter().map(pack).collect();
        let (mut read, mut skipped, mut pixels) = (Vec::new(), Vec::new(), Vec::new());
        for (place, bytes) in packed.into_iter().enumerate() {
            match bytes {
                Ok(bytes) => {
                    read.push(place);
                    let from = pixels.len();
                    pixels.resize(from + bytes.len(), 0.0);
                    self.network.spec().normalise(&bytes, &mut pixels[from..]);
                }
                Err(reason) => skipped.push((place, reason)),
            }
        }
        let z = match read.len() {
            0 => Array2::zeros((0, self.pca.k())),
            n => self.pca.transform(self.embed(&pixels, n)?.view())?,
        };
        Ok(Projected { read, z, skipped })
    }

    /// A picture that came as the bytes of a file: as the network sees it, and its coordinates; the reason where it is none.
    ///
    /// At most [`DEFAULT_LIMITS`]' number of pixels is decoded.
    ///
    /// # Errors
    /// What the network refuses.
    pub fn picture(&self, bytes: &[u8]) -> Result<Result<Picture, String>> {
        let decoding = FileDecoding { limits: DEFAULT_LIMITS, ..self.decoding };
        let packed = match pack_bytes(bytes, self.shape.width, self.shape.channels, &decoding) {
            Ok(packed) => packed,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut pixels = vec![0.0; packed.len()];
        self.network.spec().normalise(&packed, &mut pixels);
        let z = self.pca.transform(self.embed(&pixels, 1)?.view())?;
        Ok(Ok(Picture { z: z.row(0).to_owned(), packed }))
    }

    /// Size of every image, as the network takes it.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    fn embed(&self, pixels: &[f32], n: usize) -> Result<Array2<f32>> {
        let ImageShape { height, width, .. } = self.shape;
        let pixels = ArrayView4::from_shape((n, height, width, self.network.spec().in_channels), pixels)?;
        Ok(self.network.embed(pixels, self.tap)?)
    }
}
