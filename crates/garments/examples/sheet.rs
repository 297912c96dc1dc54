//! Contact sheets: a grid of garments, one attribute a row or a random draw, with their labels on standard output.
//!
//! `cargo run --example sheet -- OUT.png SIZE MODE [SEED]`, MODE `draw`, `worn`, `flat`, or the name of a factor.

#![allow(clippy::print_stdout)]

use std::error::Error;

use latentwalk_garments::{Factor, Frequencies, Garment, Worn, render};

const COLUMNS: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, size, mode, rest @ ..] = &arguments[..] else {
        return Err("usage: sheet OUT.png SIZE MODE [SEED]".into());
    };
    let size: u32 = size.parse()?;
    let seed = rest.first().map_or(Ok(1), |text| text.parse())?;
    let rows = rows(mode, seed);
    let (columns, height) = (rows[0].len() as u32, rows.len() as u32);
    let mut sheet = image::RgbImage::new(columns * size, height * size);
    for (y, row) in rows.iter().enumerate() {
        for (x, garment) in row.iter().enumerate() {
            let tile = render(garment, size)?;
            let tile = image::RgbImage::from_raw(size, size, tile.pixels).ok_or("a tile of the wrong size")?;
            image::imageops::replace(&mut sheet, &tile, i64::from(x as u32 * size), i64::from(y as u32 * size));
        }
        let labels = row.iter().map(|garment| Factor::ALL.map(|factor| garment.factors.value(factor)).join(" "));
        println!("row {y}: {}", labels.collect::<Vec<_>>().join(" | "));
    }
    sheet.save(out)?;
    Ok(())
}

fn rows(mode: &str, seed: u64) -> Vec<Vec<Garment>> {
    let frequencies = if mode == "draw" { Frequencies::catalogue() } else { Frequencies::balanced() };
    let draw = |at: usize| Garment::draw(seed, at as u64, &frequencies);
    let Some(factor) = Factor::ALL.into_iter().find(|factor| factor.as_str() == mode) else {
        let fits = |garment: &Garment| match mode {
            "worn" => garment.nuisances.worn == Worn::Figure && garment.nuisances.views == 1,
            "flat" => garment.nuisances.worn == Worn::Flat && garment.nuisances.views == 1,
            _ => true,
        };
        let all: Vec<Garment> = (0..).map(draw).filter(fits).take(COLUMNS * 6).collect();
        return all.chunks(COLUMNS).map(<[Garment]>::to_vec).collect();
    };
    let values = 0..factor.values().len();
    let row = |index: usize| {
        let make = |at: usize| {
            let mut garment = draw(at);
            garment.factors = garment.factors.with(factor, index);
            garment
        };
        (0..).map(make).filter(|garment| garment.factors.possible()).take(COLUMNS).collect()
    };
    values.map(row).collect()
}
