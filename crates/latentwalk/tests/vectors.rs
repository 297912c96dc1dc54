//! Vectors, manifests and pictures of other programs through the real binary.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use arrow::array::AsArray;
use arrow::datatypes::{Float32Type, Int64Type};
use latentwalk_embeddings::{Column, JsonLines, Schema, Table, Writer, WriterOptions, write_columns};
use ndarray::Array2;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_latentwalk");

fn latentwalk(arguments: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } = Command::new(BINARY).args(arguments).output().unwrap();
    (status.success(), format!("{}{}", String::from_utf8_lossy(&stderr), String::from_utf8_lossy(&stdout)))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn rows(parquet: &Path) -> Vec<Value> {
    let mut text = String::new();
    JsonLines::open(parquet).unwrap().read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A rendered wardrobe: its folder, and its pictures by name.
fn wardrobe(folder: &Path, count: &str) -> (PathBuf, Vec<PathBuf>) {
    let out = folder.join("wardrobe");
    let (done, said) = latentwalk(&["garments", "--count", count, "--size", "64", "--out", text(&out)]);
    assert!(done, "{said}");
    let mut pictures: Vec<_> = fs::read_dir(out.join("images")).unwrap().map(|e| e.unwrap().path()).collect();
    if pictures.iter().all(|path| path.is_dir()) {
        pictures = pictures.iter().flat_map(|p| fs::read_dir(p).unwrap().map(|e| e.unwrap().path())).collect();
    }
    pictures.sort();
    (out, pictures)
}

/// The only artifact of a stage in a store.
fn artifact(store: &Path, stage: &str) -> PathBuf {
    let found: Vec<_> = fs::read_dir(store.join("objects").join(stage)).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

/// A value between -0.5 and 0.5 that depends on both numbers.
fn noise(row: usize, axis: usize) -> f32 {
    ((row * 7919 + axis * 104_729) % 1009) as f32 / 1009.0 - 0.5
}

#[test]
fn vectors_come_in_from_parquet_and_numpy_and_their_columns_go_out_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_, pictures) = wardrobe(folder.path(), "80");
    let photos = folder.path().join("photos");
    let mut ids = Vec::new();
    for (at, picture) in pictures[..80].iter().enumerate() {
        let class = ["left", "right"][at / 40];
        fs::create_dir_all(photos.join(class)).unwrap();
        ids.push(format!("{class}/{:02}.jpg", at % 40));
        fs::copy(picture, photos.join(&ids[at])).unwrap();
    }
    assert!(latentwalk(&["init", text(&photos)]).0);
    let vectors = Array2::from_shape_fn((80, 6), |(row, axis)| {
        noise(row, axis) + if axis == 0 { [-2.0, 2.0][row / 40] } else { 0.0 }
    });

    // Parquet: backwards, with a vector too many and a column of prices.
    let order: Vec<usize> = (0..80).rev().collect();
    let names = |rows: &[usize]| rows.iter().map(|&row| ids[row].clone()).collect::<Vec<_>>();
    let plain = folder.path().join("plain.parquet");
    let mut writer = Writer::create(&plain, &Schema::new(6, Vec::new()), WriterOptions::default()).unwrap();
    let table = |ids: Vec<String>, vectors: Array2<f32>| Table {
        splits: vec![String::new(); ids.len()],
        ids,
        vectors,
        labels: Vec::new(),
    };
    writer.write(&table(names(&order), vectors.select(ndarray::Axis(0), &order))).unwrap();
    writer.write(&table(vec!["stranger.jpg".into()], Array2::zeros((1, 6)))).unwrap();
    writer.finish().unwrap();
    let given = folder.path().join("given.parquet");
    let all: Vec<String> = names(&order).into_iter().chain(["stranger.jpg".to_owned()]).collect();
    let prices = Column::Number((0..81).map(f64::from).collect());
    write_columns(&given, &all, &[("price".to_owned(), prices)], Some(&plain)).unwrap();

    // NumPy: in the order of the images, numbers alone.
    let numpy = folder.path().join("given.npy");
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (80, 6), }";
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(118_u16.to_le_bytes());
    bytes.extend(format!("{header:<117}\n").as_bytes());
    bytes.extend(vectors.iter().flat_map(|v| v.to_le_bytes()));
    fs::write(&numpy, bytes).unwrap();

    let description = photos.join("latentwalk.toml");
    let run = |store: &Path, vectors: &Path, more: &[&str]| {
        let fixed = ["pipeline", text(&description), "--embeddings", text(vectors), "--store", text(store)];
        let small = ["--set", "decomposition.axes=4", "--set", "probe.restarts=2"];
        latentwalk(&[&fixed[..], &small, more].concat())
    };
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let until = ["--set", "walks.starts=4", "--set", "metrics.starts=4", "--set", "index.queries=4"];
    let (done, said) = run(&first, &given, &until);
    assert!(done && said.contains("1 vectors of"), "{said}");
    let (done, said) = run(&second, &numpy, &["--until", "embeddings"]);
    assert!(done, "{said}");
    let fc = |store: &Path| fs::read(artifact(store, "embeddings").join("fc.parquet")).unwrap();
    assert!(fc(&first) == fc(&second), "the same vectors make the same table");
    let left: Vec<_> = fs::read_dir(artifact(&first, "embeddings")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");

    let out = folder.path().join("out.parquet");
    let export = || latentwalk(&["export", "--store", text(&first), "--out", text(&out)]);
    let (done, said) = export();
    assert!(done && said.contains("80 rows"), "{said}");
    let found = rows(&out);
    assert_eq!(found.len(), 80);
    for (at, row) in found.iter().enumerate() {
        assert_eq!(row["id"], ids[79 - at]);
        assert_eq!(row["price"], at);
        assert_eq!(row["category"], ids[79 - at].split('/').next().unwrap());
        assert_eq!(row["category.class"], row["category"]);
        assert!(row["category.share"].as_f64().unwrap() > 0.5 && row["category.position"].is_number());
        assert!(["train", "validation", "test"].contains(&row["latentwalk.split"].as_str().unwrap()), "{row}");
    }
    let (done, said) = export();
    assert!(!done && said.contains("exists already"), "{said}");
    let again = folder.path().join("again.parquet");
    let (done, said) = latentwalk(&["export", "-q", "--json", "-", "--store", text(&first), "--out", text(&again)]);
    assert!(done, "{said}");
    let value: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(value, serde_json::json!({ "file": text(&again), "rows": 80 }));

    // For Embedding Atlas, in the order of the vectors' file: neighbours are its rows.
    let atlas = folder.path().join("atlas.parquet");
    let (done, said) = latentwalk(&["export", "--format", "atlas", "--store", text(&first), "--out", text(&atlas)]);
    assert!(done && said.contains("x is category, y is principal axis"), "{said}");
    neighbours_are_rows_of_the_file(&atlas);

    // One row too few.
    let bytes = fs::read(&numpy).unwrap();
    let text = String::from_utf8_lossy(&bytes[..128]).replace("(80, 6)", "(79, 6)");
    let short =
        [&b"\x93NUMPY\x01\x00\x76\x00"[..], &text.as_bytes()[text.len() - 118..], &bytes[128..bytes.len() - 24]];
    fs::write(&numpy, short.concat()).unwrap();
    let (done, said) = run(&folder.path().join("third"), &numpy, &["--until", "embeddings"]);
    assert!(!done && said.contains("79 rows for 80 images"), "{said}");
}

/// Whom an image names as near is as near to it, whichever of them comes first in the file.
fn neighbours_are_rows_of_the_file(path: &Path) {
    let file = fs::File::open(path).unwrap();
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let table = reader.next().unwrap().unwrap();
    let near = table.column_by_name("neighbors").unwrap().as_struct();
    let ids = |row: usize| near.column(0).as_list::<i32>().value(row).as_primitive::<Int64Type>().values().to_vec();
    let distances =
        |row: usize| near.column(1).as_list::<i32>().value(row).as_primitive::<Float32Type>().values().to_vec();
    let mut mutual = 0;
    for row in 0..table.num_rows() {
        for (id, distance) in ids(row).into_iter().zip(distances(row)) {
            assert_ne!(id, row as i64);
            if let Some(back) = ids(id as usize).iter().position(|&back| back == row as i64) {
                assert_eq!(distances(id as usize)[back], distance);
                mutual += 1;
            }
        }
    }
    assert!(mutual > 400, "{mutual}");
}

#[test]
fn a_parquet_manifest_is_read_as_its_csv_is() {
    let folder = tempfile::tempdir().unwrap();
    let (wardrobe, _) = wardrobe(folder.path(), "300");
    let description = fs::read_to_string(wardrobe.join("garments.toml")).unwrap();
    assert!(description.contains("manifest.csv"), "{description}");
    fs::write(wardrobe.join("parquet.toml"), description.replace("manifest.csv", "manifest.parquet")).unwrap();
    let items = |name: &str| {
        let store = folder.path().join(name);
        let arguments = ["--until", "images", "--set", "images.minimum_per_class=0", "--store", text(&store)];
        let (done, said) = latentwalk(&[&["pipeline", text(&wardrobe.join(name))][..], &arguments].concat());
        assert!(done, "{said}");
        fs::read_to_string(artifact(&store, "images").join("items.jsonl")).unwrap()
    };
    assert_eq!(items("parquet.toml"), items("garments.toml"));
    let (done, checked) = latentwalk(&["import", text(&wardrobe.join("parquet.toml")), "--check"]);
    assert!(done && checked.contains("manifest.parquet"), "{checked}");
    // Classes that too few images have are named, and unlabelled.
    let store = folder.path().join("support");
    let minimum = ["--set", "images.minimum_support=40", "--set", "images.minimum_per_class=0", "--until", "images"];
    let description = wardrobe.join("parquet.toml");
    let only = ["pipeline", text(&description), "--store", text(&store)];
    let (_, said) = latentwalk(&[&only[..], &minimum].concat());
    assert!(said.contains("fewer than `images.minimum_support` = 40") || said.contains("two classes"), "{said}");
    fs::write(wardrobe.join("manifest.parquet"), b"PAR1 cut").unwrap();
    let (done, said) = latentwalk(&["import", text(&wardrobe.join("parquet.toml")), "--check"]);
    assert!(!done && said.contains("manifest.parquet"), "{said}");
}

/// The picture with an EXIF block that says it lies on its side (Orientation 6).
fn turned(jpeg: &[u8]) -> Vec<u8> {
    let tiff = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = (tiff.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], b"\xff\xe1", &length, tiff, &jpeg[2..]].concat()
}

#[test]
fn embed_turns_pictures_upright_only_where_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let (wardrobe, pictures) = wardrobe(folder.path(), "40");
    let store = folder.path().join("store");
    let network = ["--until", "backbone", "--set", "backbone.arch=small", "--set", "backbone.epochs=0"];
    let small = ["--set", "images.minimum_per_class=0", "--set", "images.size=32", "--store", text(&store)];
    let (done, said) =
        latentwalk(&[&["pipeline", text(&wardrobe.join("garments.toml"))][..], &network, &small].concat());
    assert!(done, "{said}");
    let weights = artifact(&store, "backbone").join("model.safetensors");
    let photos = folder.path().join("photos");
    fs::create_dir(&photos).unwrap();
    let jpeg = fs::read(&pictures[0]).unwrap();
    fs::write(photos.join("plain.jpg"), &jpeg).unwrap();
    fs::write(photos.join("turned.jpg"), turned(&jpeg)).unwrap();
    let vectors = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let fixed = ["embed", "--arch", "small", "--weights", text(&weights), "--out", text(&out), text(&photos)];
        let (done, said) = latentwalk(&[&fixed[..], more].concat());
        assert!(done, "{said}");
        rows(&out).into_iter().map(|row| row["vector"].clone()).collect::<Vec<_>>()
    };
    let stored = vectors("stored.parquet", &[]);
    assert_eq!(stored[0], stored[1]);
    assert_eq!(vectors("ignored.parquet", &["--exif", "ignore"]), stored);
    let upright = vectors("upright.parquet", &["--exif", "apply"]);
    assert_eq!(upright[0], stored[0]);
    assert_ne!(upright[1], stored[1]);
}
