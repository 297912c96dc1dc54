//! Decodes every JPEG of a folder and writes `NAME.SCALE.raw` beside it: width, height and channels as 4 bytes each, little
//! endian, then the pixels. `fixtures/golden/jpeg/differential.py` compares these with Pillow's.
//!
//! Usage: `cargo run -p latentwalk-jpeg --example decode_folder -- FOLDER [keep]`; with `keep` damaged files too.

#![allow(clippy::print_stderr)]

use std::path::Path;
use std::{env, fs};

use latentwalk_jpeg::{Damage, Decoder, Options, Scale};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = env::args().nth(1).ok_or("name a folder")?;
    let damage = if env::args().nth(2).is_some_and(|word| word == "keep") { Damage::Keep } else { Damage::Refuse };
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "jpg") {
            continue;
        }
        for scale in [Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth] {
            if let Err(error) = decode(&path, Options { scale, damage, ..Options::default() }) {
                eprintln!("{}: {error}", path.display());
            }
        }
    }
    Ok(())
}

fn decode(path: &Path, options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let file = fs::read(path)?;
    let image = Decoder::new(&file)?.decode(&options)?;
    let sides = [image.width, image.height, image.colour.channels() as u32].map(u32::to_le_bytes);
    let raw = [sides.as_flattened(), &image.pixels[..]].concat();
    fs::write(path.with_extension(format!("{}.raw", options.scale.divisor())), raw)?;
    Ok(())
}
