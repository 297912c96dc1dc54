//! Every kind of file against the bytes that Pillow's libjpeg-turbo decodes; see `fixtures/golden/jpeg/make.py`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use latentwalk_arithmetic::Fnv;
use latentwalk_jpeg::{Decoder, Image, Options, Region, Scale};

fn folder() -> PathBuf {
    latentwalk_testing::fixture("golden/jpeg")
}

/// Files by name.
fn files() -> BTreeMap<String, Vec<u8>> {
    let paths = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let jpegs = paths.filter(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    jpegs.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())).collect()
}

fn scale(divisor: &str) -> Scale {
    match divisor {
        "1" => Scale::Full,
        "2" => Scale::Half,
        "4" => Scale::Quarter,
        _ => Scale::Eighth,
    }
}

#[test]
fn bytes_are_libjpegs_at_every_scale() {
    let files = files();
    let expected = fs::read_to_string(folder().join("expected.txt")).unwrap();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for line in expected.lines().filter(|line| !line.starts_with('#')) {
        let [name, divisor, width, height, channels, hash] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let options = Options { scale: scale(divisor), ..Options::default() };
        let image = Decoder::new(&files[name]).and_then(|decoder| decoder.decode(&options));
        let Image { width: w, height: h, colour, pixels } = image.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!([w, h, colour.channels() as u32].map(|side| side.to_string()), [width, height, channels], "{name}");
        if Fnv::new().bytes(&pixels).value() != u64::from_str_radix(hash, 16).unwrap() {
            wrong.push(format!("{name} 1/{divisor}"));
        }
        checked += 1;
    }
    assert!(checked > 300 && checked == files.len() * 4, "{checked} lines for {} files", files.len());
    assert!(wrong.is_empty(), "{} of {checked} differ: {wrong:?}", wrong.len());
}

/// Frames of a webcam leave the standard tables out, with which these files were written.
#[test]
fn missing_tables_are_the_standards() {
    let files = files();
    for name in ["420-33x17-q75", "grey", "444-33x17-q75"] {
        let Some(file) = files.get(name) else { continue };
        let (mut bare, mut at) = (file[..2].to_vec(), 2);
        while file[at + 1] != 0xda {
            let next = at + 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
            if file[at + 1] != 0xc4 {
                bare.extend_from_slice(&file[at..next]);
            }
            at = next;
        }
        bare.extend_from_slice(&file[at..]);
        assert!(bare.len() + 100 < file.len(), "{name}");
        let decode = |file: &[u8]| Decoder::new(file).unwrap().decode(&Options::default()).unwrap();
        assert_eq!(decode(&bare), decode(file), "{name}");
    }
    assert!(files.contains_key("420-33x17-q75") && files.contains_key("grey"));
}

#[test]
fn a_region_is_cut_from_the_whole() {
    for (name, file) in files() {
        let decoder = Decoder::new(&file).unwrap();
        for scale in [Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth] {
            let whole = decoder.decode(&Options { scale, ..Options::default() }).unwrap();
            let (w, h, n) = (whole.width, whole.height, whole.colour.channels());
            for (x, y, width, height) in
                [(0, 0, 1, 1), (w / 2, h / 3, w.div_ceil(3), h.div_ceil(2)), (w - 1, h - 1, 1, 1)]
            {
                let region = Region { x, y, width, height };
                let part = decoder.decode(&Options { scale, region: Some(region), ..Options::default() }).unwrap();
                let row = |y: u32| &whole.pixels[(y * w + x) as usize * n..][..width as usize * n];
                let cut: Vec<u8> = (y..y + height).flat_map(row).copied().collect();
                assert_eq!((part.width, part.height, part.colour), (width, height, whole.colour));
                assert!(part.pixels == cut, "{name} {scale:?} {region:?}");
            }
        }
    }
}
