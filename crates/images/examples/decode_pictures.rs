//! Lists a folder and decodes every image: what `fixtures/checks/corpora.py` compares with Pillow.
//!
//! `cargo run -p latentwalk-images --example decode_pictures -- FOLDER OUT` prints a line of JSON per file, and writes the pixels of
//! the images that can be read to OUT, as RGB, one after another.

#![allow(clippy::print_stdout)]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use latentwalk_images::{Alpha, Exif, FileDecoding, list_images, read_rgb};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out] = &arguments[..] else { return Err("give a folder and a file for the pixels".into()) };
    let decoding = FileDecoding { exif: Exif::Ignore, alpha: Alpha::Drop, ..FileDecoding::default() };
    let mut pixels = BufWriter::new(File::create(out)?);
    let listing = list_images(Path::new(folder))?;
    for path in listing.images {
        let line = match read_rgb(&Path::new(folder).join(&path), &decoding) {
            Ok((width, height, rgb)) => {
                pixels.write_all(&rgb)?;
                serde_json::json!({ "path": path, "width": width, "height": height })
            }
            Err(reason) => serde_json::json!({ "path": path, "reason": reason }),
        };
        println!("{line}");
    }
    for skipped in listing.skipped {
        println!("{}", serde_json::json!({ "path": skipped.path, "left_out": skipped.reason }));
    }
    for sentence in listing.left_out {
        println!("{}", serde_json::json!({ "remark": sentence }));
    }
    pixels.flush()?;
    Ok(())
}
