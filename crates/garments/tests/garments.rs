//! The crate from outside: bytes that stay, threads that do not matter, folders that are whole or absent.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use latentwalk_arithmetic::Fnv;
use latentwalk_garments::{
    Error, Factor, Format, Frequencies, Garment, IMPOSSIBLE, MANIFEST_FILE, Options, Summary, render, twins,
    write_dataset, write_dataset_from,
};
use latentwalk_testing::on_threads;

fn fnv(bytes: &[u8]) -> u64 {
    Fnv::new().bytes(bytes).value()
}

/// (index, size, hash) of renders of the catalogue with seed 1; a change of the renderer changes them on purpose.
const GOLDEN: [(u64, u32, u64); 8] = [
    (0, 64, 0xb2eb39e29fc72e41),
    (1, 64, 0x134a21832bb38d6a),
    (2, 128, 0x8c46ba5520762968),
    (3, 128, 0xbc95950649eb64a5),
    (4, 128, 0x230a037e4a3b83cf),
    (5, 200, 0x971ad0f242cdc3c3),
    (6, 256, 0x36cd36e10ec51fce),
    (7, 512, 0x1c7b998794e24e22),
];

#[test]
fn renders_keep_their_bytes() {
    let frequencies = Frequencies::catalogue();
    let got = GOLDEN.map(|(index, size, _)| {
        let image = render(&Garment::draw(1, index, &frequencies), size).unwrap();
        assert_eq!(image.pixels.len(), (size * size * 3) as usize);
        (index, size, fnv(&image.pixels))
    });
    assert_eq!(got, GOLDEN);
}

#[test]
fn sizes_out_of_range_are_refused() {
    let garment = Garment::draw(1, 0, &Frequencies::catalogue());
    for size in [0, 63, 513, u32::MAX] {
        let got = render(&garment, size).unwrap_err().to_string();
        assert_eq!(got, format!("the size in px is {size}, but it must lie in 64 to 512"));
    }
}

#[test]
fn a_garment_survives_its_description_in_json() {
    let garment = Garment::draw(1, 3, &Frequencies::catalogue());
    let text = serde_json::to_string(&garment).unwrap();
    assert_eq!(serde_json::from_str::<Garment>(&text).unwrap(), garment);
    assert!(text.contains(&format!("\"sleeve\":\"{}\"", garment.factors.sleeve.as_str())));
}

#[test]
fn every_twin_changes_one_factor_and_is_seen() {
    for index in 0..20 {
        let garment = Garment::draw(5, index, &Frequencies::balanced());
        let image = render(&garment, 64).unwrap();
        let all = twins(&garment);
        for twin in &all {
            let differ = |factor: &Factor| garment.factors.value(*factor) != twin.garment.factors.value(*factor);
            assert_eq!(Factor::ALL.into_iter().filter(differ).collect::<Vec<_>>(), [twin.factor]);
            assert_eq!(twin.garment.factors.value(twin.factor), twin.value);
            assert_eq!(twin.garment.nuisances, garment.nuisances);
            assert!(twin.garment.factors.possible());
            let other = render(&twin.garment, 64).unwrap();
            let seen = image.pixels.iter().zip(&other.pixels).filter(|(a, b)| a.abs_diff(**b) > 24).count();
            assert!(seen >= 12, "{index}: {:?} {} changes {seen} bytes", twin.factor, twin.value);
        }
        let others: usize = Factor::ALL.iter().map(|factor| factor.values().len() - 1).sum();
        assert!((others - IMPOSSIBLE.len()..=others).contains(&all.len()), "{}", all.len());
    }
}

fn options(count: usize) -> Options {
    Options { count, size: 64, twin_sets: 2, ..Options::default() }
}

fn write(out: &Path, options: &Options) -> Summary {
    write_dataset(out, options, &|_, _| Ok(()), &|_, _| ()).unwrap()
}

/// Every file below a folder with the hash of its bytes.
fn files(folder: &Path) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name().into_string().unwrap())).unwrap();
        if path.is_dir() {
            all.extend(files(&path).into_iter().map(|(inner, hash)| (format!("{name}/{inner}"), hash)));
        } else {
            all.insert(name, fnv(&fs::read(path).unwrap()));
        }
    }
    all
}

#[test]
fn threads_do_not_change_a_byte() {
    let folder = tempfile::tempdir().unwrap();
    let written = [1, 2].map(|threads| {
        let out = folder.path().join(format!("threads-{threads}"));
        on_threads(threads, || write(&out, &options(30)));
        files(&out)
    });
    assert_eq!(written[0], written[1]);
    let other = folder.path().join("other");
    write(&other, &Options { seed: 2, ..options(30) });
    assert_ne!(files(&other), written[0]);
}

#[test]
fn the_manifest_names_every_image_with_its_labels_and_group() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("wardrobe");
    let done = AtomicUsize::new(0);
    let summary = write_dataset(&out, &Options { format: Format::Png, ..options(12) }, &|_, _| Ok(()), &|_, all| {
        assert_eq!(all, 12);
        done.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    assert_eq!((summary.garments, done.into_inner()), (12, 12));
    let mut reader = csv::Reader::from_path(out.join(MANIFEST_FILE)).unwrap();
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 12 + summary.twins);
    let mut ids = BTreeSet::new();
    for row in &rows {
        let bytes = fs::read(out.join(&row["path"])).unwrap();
        let decoded = image::load_from_memory(&bytes).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (64, 64));
        assert!(ids.insert(row["id"].clone()));
        assert!(Factor::ALL.iter().all(|factor| factor.values().contains(&row[factor.as_str()].as_str())));
        assert!(row["views"] == "1" || row["views"] == "2");
        assert!(row["worn"] == "figure" || row["worn"] == "flat");
        assert_eq!(row["split"], if row["group"].as_str() < "00002" { "test" } else { "" });
        if !row["twin_of"].is_empty() {
            let origin = rows.iter().find(|other| other["id"] == row["twin_of"]).unwrap();
            let differ = |factor: &&Factor| row[factor.as_str()] != origin[factor.as_str()];
            let differ: Vec<&str> = Factor::ALL.iter().filter(differ).map(|factor| factor.as_str()).collect();
            assert_eq!((differ, &row["group"]), (vec![&*row["twin_factor"]], &origin["group"]));
        }
    }
    let garment = Garment::draw(1, 5, &Frequencies::catalogue());
    let png = image::open(out.join("images/00005.png")).unwrap();
    assert_eq!(png.into_rgb8().into_raw(), render(&garment, 64).unwrap().pixels);
}

#[test]
fn bad_options_are_refused_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("wardrobe");
    let refused = |options: Options| write_dataset(&out, &options, &|_, _| Ok(()), &|_, _| ()).unwrap_err().to_string();
    assert!(refused(options(0)).starts_with("the number of garments is 0, but it must lie in 1 to"));
    assert!(refused(options(1)).starts_with("the number of twin sets is 2, but it must lie in 0 to 1"));
    assert!(refused(Options { size: 40, ..options(3) }).starts_with("the size in px is 40"));
    let mut frequencies = Frequencies::catalogue();
    frequencies.colour[1][0] += 0.5;
    let got = write_dataset_from(&out, &options(3), &frequencies, &|_, _| Ok(()), &|_, _| ()).unwrap_err().to_string();
    assert!(got.starts_with("frequencies of colour, row 1: they sum to 1.5"), "{got}");
    assert!(got.ends_with("\nhint: make them non-negative with sum 1"), "{got}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    fs::create_dir(&out).unwrap();
    write(&out, &options(3));
    let before = files(&out);
    assert!(refused(options(3)).contains("exists and is not an empty folder\nhint: remove it"));
    assert_eq!(files(&out), before);
    let file = out.join(MANIFEST_FILE);
    let got = write_dataset(&file, &options(3), &|_, _| Ok(()), &|_, _| ()).unwrap_err();
    assert!(matches!(got, Error::NotEmpty { .. }), "{got}");
    let got = write_dataset(&file.join("below"), &options(3), &|_, _| Ok(()), &|_, _| ()).unwrap_err();
    assert!(matches!(got, Error::Io { .. } | Error::NotEmpty { .. }), "{got}");
    assert_eq!(files(&out), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_an_interrupted_run_left_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (out, rest) = (folder.path().join("wardrobe"), folder.path().join(".wardrobe.unfinished"));
    fs::create_dir_all(rest.join("images")).unwrap();
    fs::write(rest.join("images/00000.jpg"), b"half").unwrap();
    write(&out, &options(3));
    assert!(!rest.exists());
    assert!(files(&out)["images/00000.jpg"] != fnv(b"half"));
}
