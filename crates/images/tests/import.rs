//! Whole imports: the true Fashion-MNIST part, folders, manifests, bad input, batches.
#![allow(clippy::unwrap_used)]

#[path = "import/drafts.rs"]
mod drafts;
#[path = "import/embedded.rs"]
mod embedded;
#[path = "import/fashion.rs"]
mod fashion;
#[path = "import/folder.rs"]
mod folder;
#[path = "import/garments.rs"]
mod garments;
#[path = "import/idx.rs"]
mod idx;
#[path = "import/manifest.rs"]
mod manifest;
#[path = "import/pack.rs"]
mod pack;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use latentwalk_images::{
    Attribute, AttributeKind, Augmentation, Batcher, Dataset, Depth, Description, Error, FileDecoding, InitOptions,
    Label, Origin, Pixels, Result, Skipped, Split, Suspicion, files, import, init, originals, survey, thumbnail,
};
use latentwalk_testing::{fixture, on_threads};
use tempfile::TempDir;

fn photographs() -> PathBuf {
    fixture("fashion-mnist")
}

fn run(text: &str, dir: &Path) -> Result<(Dataset, TempDir)> {
    let out = TempDir::new().unwrap();
    let origin = Origin::Folder(dir.into());
    let (dataset, _) = import("test", &Description::parse(text)?, &origin, out.path(), &|_, _| {})?;
    assert_eq!(Dataset::open(out.path())?, dataset);
    Ok((dataset, out))
}

/// A first description.
fn drafted(dir: &Path) -> Result<String> {
    Ok(init(dir, &InitOptions::default())?.text)
}

fn message(text: &str, dir: &Path) -> String {
    told(&run(text, dir).map(|_| ()).unwrap_err())
}

/// An error and its causes.
fn told(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", told(cause)));
    format!("{error}{}", cause.unwrap_or_default())
}

fn save(path: &Path, image: impl Into<DynamicImage>, format: ImageFormat) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image.into().save_with_format(path, format).unwrap();
}

/// 20 grey PNGs of class `dark`, 20 RGB JPEGs of class `light`, and a file that is no image.
fn photos(dir: &Path) {
    for at in 0..20_u8 {
        let dark = GrayImage::from_pixel(6, 4, Luma([at]));
        save(&dir.join(format!("photos/dark/{at:02}.png")), dark, ImageFormat::Png);
        let light = RgbImage::from_pixel(5, 9, Rgb([250, 240, 200 + at]));
        save(&dir.join(format!("photos/light/{at:02}.JPG")), light, ImageFormat::Jpeg);
    }
    fs::write(dir.join("photos/dark/broken.png"), b"\x89PNG\r\n\x1a\nno").unwrap();
    fs::write(dir.join("photos/dark/notes.txt"), "not an image").unwrap();
}

const FOLDER: &str = r#"
    [images]
    source = "folder"
    root = "photos"
    size = 4
    channels = 3
    maximum_unreadable = 0.05
    [attributes.tone]
    kind = "ordered"
    order = ["dark", "light"]
"#;

/// This crate's part of the built-in description: the sections of other stages follow it.
fn built_in() -> String {
    let text = fs::read_to_string(photographs().join("fashion-mnist.toml")).unwrap();
    text.split("\n[augment]").next().unwrap().to_owned()
}

/// Two small IDX parts, 3 x 2 pixels, labels 0 and 1 in turn.
fn idx_parts(dir: &Path) -> String {
    for (part, count) in [("a", 30_u8), ("b", 12)] {
        let mut images = vec![0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 3, 0, 0, 0, 2];
        images.extend((0..count).flat_map(|at| [at; 6]));
        let mut labels = vec![0, 0, 8, 1, 0, 0, 0, count];
        labels.extend((0..count).map(|at| at % 2));
        fs::write(dir.join(format!("{part}-images.idx")), images).unwrap();
        fs::write(dir.join(format!("{part}-labels.idx")), labels).unwrap();
    }
    r#"
    [images]
    source = "idx"
    images = ["a-images.idx", "b-images.idx"]
    labels = ["a-labels.idx", "b-labels.idx"]
    size = 2
    channels = 3
    [attributes.parity]
    kind = "nominal"
    map = { "0" = "even", "1" = "odd" }
    "#
    .into()
}

/// 60 images in 20 groups, some labels missing, some several.
fn manifest(dir: &Path) -> String {
    let mut rows = String::from("file_name,group,split,sleeve,tags,sku\n");
    for at in 0..60_usize {
        save(&dir.join(format!("img/{at}.png")), GrayImage::from_pixel(4, 4, Luma([at as u8])), ImageFormat::Png);
        let split = if at < 3 { "test" } else { "" };
        let sleeve = ["short", "long", ""][at % 3];
        let tags = ["red", "red|dotted", "", "dotted"][at % 4];
        rows += &format!("{at}.png,g{},{split},{sleeve},{tags},sku{at}\n", at / 3);
    }
    fs::write(dir.join("labels.csv"), rows).unwrap();
    r#"
    [images]
    source = "manifest"
    file = "labels.csv"
    root = "img"
    size = 4
    channels = 1
    [attributes.sleeve]
    kind = "ordered"
    order = ["short", "long"]
    [attributes.tags]
    kind = "multi"
    "#
    .into()
}
