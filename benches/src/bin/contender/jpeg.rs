//! JPEG files to normalised pixels, as `embed` prepares them.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use latentwalk_backbone::Preprocess;
use latentwalk_images::{Alpha, Decoding, Exif, FileDecoding, Preparation, Resize, list_images, prepare};
use rayon::prelude::*;

use crate::prepare::IMAGES;
use crate::session::Session;

/// Decoding, resize to 256, crop of 224.
pub(crate) fn decode(session: &mut Session, data: &Path, decoding: Decoding) -> Result<()> {
    let preset = Preprocess::named("torchvision-v1").context("the preset torchvision-v1 is gone")?;
    let (resize, crop) = (preset.resize as u32, preset.crop as u32);
    let file = FileDecoding { exif: Exif::Ignore, alpha: Alpha::Drop, ..FileDecoding::default() };
    let preparation = Preparation { resize, crop, filter: Resize::Bilinear, file, decoding };
    measure(session, data, preset, |path| prepare(path, &preparation))
}

fn measure(
    session: &mut Session,
    data: &Path,
    preset: &Preprocess,
    prepare: impl Fn(&Path) -> Result<Vec<u8>, String> + Sync,
) -> Result<()> {
    let folder = data.join(IMAGES);
    let files = list_images(&folder)?.images;
    ensure!(!files.is_empty(), "{} holds no images", folder.display());
    let image = preset.crop * preset.crop * 3;
    let mut pixels = vec![0.0_f32; files.len() * image];
    let mut once = || -> Result<()> {
        let work = pixels.par_chunks_mut(image).zip(&files);
        work.try_for_each(|(out, file)| -> Result<()> {
            let bytes = prepare(&folder.join(file)).map_err(anyhow::Error::msg).with_context(|| file.clone())?;
            normalise(&bytes, preset, out);
            Ok(())
        })
    };
    once()?;
    session.ready(None)?;
    session.rates(files.len() as f64, once)
}

fn normalise(bytes: &[u8], preset: &Preprocess, out: &mut [f32]) {
    for (out, bytes) in out.chunks_exact_mut(3).zip(bytes.chunks_exact(3)) {
        for c in 0..3 {
            out[c] = (f32::from(bytes[c]) / 255.0 - preset.mean[c]) / preset.std[c];
        }
    }
}
