//! `garments`: a wardrobe with known truth, as a folder of images.

use std::path::Path;

use anyhow::Result;
use latentwalk_cli::{GarmentsArgs, ImageFormat};
use latentwalk_garments::{DEFAULT_COUNT, DEFAULT_SEED, DEFAULT_SIZE, DEFAULT_TWIN_SETS, Format};
use serde_json::json;

use super::answer;
use super::output::megabytes;
use crate::progress::Console;

/// Renders a wardrobe into a folder.
///
/// # Errors
/// Options out of range, a folder that is not empty, a full disk.
pub(super) fn run(args: &GarmentsArgs, console: &Console) -> Result<()> {
    let options = latentwalk_garments::Options {
        count: args.count.unwrap_or(DEFAULT_COUNT),
        size: args.size.unwrap_or(DEFAULT_SIZE),
        seed: args.seed.unwrap_or(DEFAULT_SEED),
        balanced: args.balanced,
        twin_sets: args.twin_sets.unwrap_or(DEFAULT_TWIN_SETS),
        format: args.format.map(format).unwrap_or_default(),
    };
    let summary = {
        let progress = console.start("garments");
        let parquet = |folder: &Path, rows: &[_]| {
            let path = folder.join(latentwalk_garments::PARQUET_FILE);
            let columns = &latentwalk_garments::COLUMNS;
            latentwalk_embeddings::write_text_table(path, columns, rows).map_err(std::io::Error::other)
        };
        latentwalk_garments::write_dataset(&args.out, &options, &parquet, &|done, total| progress.set(done, total))?
    };
    let description = args.out.join(latentwalk_garments::DESCRIPTION_FILE);
    let text = format!(
        "{} garments and {} twins, {} of images in {}\nrun: latentwalk pipeline {}\n",
        summary.garments,
        summary.twins,
        megabytes(summary.image_bytes),
        args.out.display(),
        description.display()
    );
    let value = json!({
        "folder": answer::path(&args.out),
        "description": answer::path(&description),
        "garments": summary.garments,
        "twins": summary.twins,
        "image_bytes": summary.image_bytes,
    });
    answer::give(&args.json, &text, &value)
}

fn format(format: ImageFormat) -> Format {
    match format {
        ImageFormat::Jpeg => Format::Jpeg,
        ImageFormat::Png => Format::Png,
    }
}
