//! Damaged and hostile files: refused or decoded, never a panic, never more memory or time than their size explains.

#![allow(clippy::unwrap_used)]

use std::fs;

use latentwalk_jpeg::{Damage, Decoder, Error, Image, Options, Scale};

fn golden(name: &str) -> Vec<u8> {
    let folder = latentwalk_testing::fixture("golden/jpeg");
    fs::read(folder.join(name).with_extension("jpg")).unwrap()
}

fn decode(file: &[u8]) -> Result<Image, Error> {
    Decoder::new(file)?.decode(&Options::default())
}

/// Where the payload of the `nth` segment with a marker begins.
fn payload(file: &[u8], marker: u8) -> usize {
    file.windows(2).position(|pair| pair == [0xff, marker]).unwrap() + 4
}

fn kept(file: &[u8]) -> Result<Image, Error> {
    Decoder::new(file)?.decode(&Options { damage: Damage::Keep, ..Options::default() })
}

/// **Source.** Pillow with `ImageFile.LOAD_TRUNCATED_IMAGES`: the same pixels, see `fixtures/golden/jpeg/damaged.py`.
#[test]
fn what_could_be_read_is_kept_on_request() {
    for name in KINDS {
        let whole = golden(name);
        assert_eq!(kept(&whole), decode(&whole), "{name}");
        let image = kept(&whole[..whole.len() * 9 / 10]).unwrap();
        assert_eq!(image.pixels.len(), decode(&whole).unwrap().pixels.len(), "{name}");
    }
    let folder = latentwalk_testing::fixture("golden/jpeg");
    let expected = fs::read_to_string(folder.join("damaged.txt")).unwrap();
    for line in expected.lines().filter(|line| !line.starts_with('#')) {
        let [name, end, changed, hash] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let mut file = golden(name);
        file.truncate(end.parse().unwrap());
        if changed != "0" {
            let byte = &mut file[changed.parse::<usize>().unwrap()];
            *byte = byte.wrapping_add(0x35);
        }
        let got = latentwalk_arithmetic::Fnv::new().bytes(&kept(&file).unwrap().pixels).value();
        assert_eq!(got, u64::from_str_radix(hash, 16).unwrap(), "{name} {end} {changed}");
    }
    assert!(expected.lines().count() > 40);
}

#[test]
fn an_interval_that_is_lost_leaves_the_others() {
    let mut file = golden("420-restart");
    let whole = decode(&file).unwrap();
    // The second interval begins behind the first restart marker; all its bytes become a code that is none.
    let first = file.windows(2).position(|pair| pair == [0xff, 0xd0]).unwrap() + 2;
    let second = file.windows(2).position(|pair| pair == [0xff, 0xd1]).unwrap();
    file.drain(first..second);
    assert!(decode(&file).is_err());
    let image = kept(&file).unwrap();
    let same = image.pixels.iter().zip(&whole.pixels).filter(|(a, b)| a == b).count();
    assert!(same * 2 > whole.pixels.len() && same < whole.pixels.len(), "{same} of {}", whole.pixels.len());
}

const KINDS: [&str; 12] = [
    "420-33x17-q75",
    "444-40x35-q100",
    "422-progressive-restart",
    "420-progressive",
    "420-restart",
    "cmyk",
    "cmyk-progressive",
    "grey",
    "factors-scans",
    "factors-scans-restart",
    "factors-410",
    "colours-ycck",
];

#[test]
fn mutated_files_never_panic() {
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    let limited = Options { max_bytes: 1 << 22, ..Options::default() };
    let keep = Options { damage: Damage::Keep, ..limited };
    let (mut refused, mut decoded) = (0, 0);
    for name in KINDS {
        let whole = golden(name);
        for _ in 0..1500 {
            let mut file = whole.clone();
            for _ in 0..=random(4) {
                let at = random(file.len());
                match random(4) {
                    0 => file[at] ^= 1 << random(8),
                    1 => file[at] = random(256) as u8,
                    2 => file[at] = [0xff, 0xd0, 0xd9, 0][random(4)],
                    _ => file.truncate(at.max(1)),
                }
            }
            let scale = [Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth][random(4)];
            if let Ok(decoder) = Decoder::new(&file) {
                let _ = decoder.decode(&keep);
            }
            match Decoder::new(&file).and_then(|decoder| decoder.decode(&Options { scale, ..limited })) {
                Ok(_) => decoded += 1,
                Err(error) => {
                    assert!(error.to_string().starts_with("it ") || error.to_string().starts_with("the region"));
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 2000 && decoded > 2000, "{refused} refused, {decoded} decoded");
}

#[test]
fn every_cut_is_noticed() {
    for name in KINDS {
        let whole = golden(name);
        decode(&whole).unwrap();
        for length in 0..whole.len() {
            let error = decode(&whole[..length]).unwrap_err();
            let expected = if length < 2 { Error::NotJpeg } else { Error::Truncated };
            assert_eq!(error, expected, "{name} {length}");
        }
    }
}

#[test]
fn what_lies_behind_the_picture_does_not_matter() {
    for name in KINDS {
        let whole = golden(name);
        assert_eq!(decode(&[&whole[..], &[0xff, 0xd8, 1, 2, 3]].concat()), decode(&whole));
    }
}

#[test]
fn bombs_are_refused_before_memory_is_taken() {
    for name in ["420-33x17-q75", "420-progressive"] {
        let mut file = golden(name);
        let marker = if name.ends_with("progressive") { 0xc2 } else { 0xc0 };
        let frame = payload(&file, marker);
        file[frame + 1..frame + 5].fill(0xff);
        assert!(matches!(decode(&file), Err(Error::TooLarge { width: 65_535, height: 65_535, .. })));
        // Within the limit, but more blocks than the file can hold.
        file[frame + 1..frame + 5].copy_from_slice(&[0x10, 0, 0x10, 0]);
        assert_eq!(decode(&file), Err(Error::Truncated));
    }
}

#[test]
fn many_scans_are_refused() {
    let file = golden("420-progressive");
    let scan = payload(&file, 0xda) - 4;
    let next = scan + 4 + file[scan + 4..].windows(2).position(|pair| pair[0] == 0xff && pair[1] >= 0xc0).unwrap();
    let many = [&file[..scan], &file[scan..next].repeat(300), &file[next..]].concat();
    let error = decode(&many).unwrap_err();
    assert!(matches!(error, Error::Damaged { what: "it has more scans than are read", .. }), "{error}");
}

#[test]
fn endless_restart_markers_end() {
    let file = golden("420-restart");
    let scan = payload(&file, 0xda);
    let markers: Vec<u8> = (0..200_000).flat_map(|n: u32| [0xff, 0xd0 + (n % 8) as u8]).collect();
    let many = [&file[..scan + 10], &markers, &[0xff, 0xd9]].concat();
    assert!(matches!(decode(&many), Err(Error::Damaged { .. })));
    assert_eq!(
        decode(&many[..many.len() - 2]),
        Err(Error::Damaged { what: "a scan's data end too early", at: scan + 10 })
    );
}

#[test]
fn what_others_read_is_told_from_damage() {
    let mut arithmetic = golden("grey");
    let frame = payload(&arithmetic, 0xc0);
    arithmetic[frame - 3] = 0xc9;
    let error = decode(&arithmetic).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains("arithmetic"), "{error}");
    let mut twelve = golden("grey");
    twelve[frame] = 12;
    assert!(matches!(decode(&twelve), Err(Error::Unsupported { .. })));
}
