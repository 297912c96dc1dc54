//! Decodes every JPEG of a folder and writes `NAME.SCALE.raw` beside it: width, height and channels as 4 bytes each, little
//! endian, then the pixels. `fixtures/golden/jpeg/differential.py` compares these with Pillow's.
//!
//! Usage: `cargo run -p latentwalk-jpeg --example decode_folder -- FOLDER`

#![allow(clippy::print_stderr)]

use std::path::Path;
use std::{env, fs};

use latentwalk_jpeg::{Decoder, Options, Scale};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = env::args().nth(1).ok_or("name a folder")?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "jpg") {
            continue;
        }
        for scale in [Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth] {
            if let Err(error) = decode(&path, scale) {
                eprintln!("{}: {error}", path.display());
            }
        }
    }
    Ok(())
}

fn decode(path: &Path, scale: Scale) -> Result<(), Box<dyn std::error::Error>> {
    let file = fs::read(path)?;
    let image = Decoder::new(&file)?.decode(&Options { scale, ..Options::default() })?;
    let sides = [image.width, image.height, image.colour.channels() as u32].map(u32::to_le_bytes);
    let raw = [sides.as_flattened(), &image.pixels[..]].concat();
    fs::write(path.with_extension(format!("{}.raw", scale.divisor())), raw)?;
    Ok(())
}
