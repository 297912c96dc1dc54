//! Files as NumPy and the safetensors library write them, and everything that can be wrong with them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use ndarray::array;

use super::*;

/// As `numpy.save` writes version 1.0.
fn npy(descr: &str, shape: &str, order: &str, data: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}");
    header.extend(std::iter::repeat_n(' ', 64 - (10 + header.len() + 1) % 64));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// A zip file of the given members, stored or deflated.
fn npz(members: &[(&str, Vec<u8>)], deflated: bool) -> Vec<u8> {
    let (mut bytes, mut table) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let packed = if deflated {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        } else {
            content.clone()
        };
        let start = bytes.len() as u32;
        let mut entry = vec![20, 0, 0, 0, if deflated { 8 } else { 0 }, 0, 0, 0, 0x21, 0];
        entry.extend(crc.sum().to_le_bytes());
        entry.extend((packed.len() as u32).to_le_bytes());
        entry.extend((content.len() as u32).to_le_bytes());
        entry.extend((name.len() as u16).to_le_bytes());
        entry.extend([0, 0]);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&entry);
        bytes.extend(name.as_bytes());
        bytes.extend(packed);
        table.extend(b"PK\x01\x02\x14\x00");
        table.extend(&entry);
        table.extend([0; 10]);
        table.extend(start.to_le_bytes());
        table.extend(name.as_bytes());
    }
    let start = bytes.len() as u32;
    bytes.extend(&table);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend((members.len() as u16).to_le_bytes());
    bytes.extend((members.len() as u16).to_le_bytes());
    bytes.extend((table.len() as u32).to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// All vectors in reverse, and the ids.
fn backwards(bytes: &[u8]) -> Result<(Option<Vec<String>>, Array2<f32>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.bin");
    fs::write(&path, bytes).unwrap();
    let mut file = VectorFile::open(&path, folder.path())?;
    let rows: Vec<usize> = (0..file.rows()).rev().collect();
    let vectors = file.read(&rows)?;
    let ids = file.ids().map(<[String]>::to_vec);
    drop(file);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "what was unpacked is gone");
    Ok((ids, vectors))
}

fn message(bytes: &[u8]) -> String {
    let error = backwards(bytes).unwrap_err();
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
    let text = format!("{error}{}", cause.unwrap_or_default());
    assert!(text.contains("v.bin"), "{text}");
    text
}

fn le(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

const VALUES: [f32; 6] = [1.0, -2.5, 3.0, 0.0, 7.0, 8.0];

fn reversed() -> Array2<f32> {
    array![[0.0_f32, 7.0, 8.0], [1.0, -2.5, 3.0]]
}

#[test]
fn numpy_arrays_of_every_width_and_byte_order_are_read() {
    let double: Vec<u8> = VALUES.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect();
    let swapped: Vec<u8> = VALUES.iter().flat_map(|v| v.to_be_bytes()).collect();
    let half: Vec<u8> = VALUES.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect();
    for (descr, data) in [("'<f4'", le(&VALUES)), ("'<f8'", double), ("'>f4'", swapped), ("'<f2'", half)] {
        let found = backwards(&npy(descr, "(2, 3)", "False", &data)).unwrap();
        assert_eq!(found, (None, reversed()), "{descr}");
    }
    let mut second = npy("'<f4'", "(2, 3)", "False", &le(&VALUES));
    // Version 2.0: four bytes of length.
    second[6] = 2;
    second.splice(10..10, [0, 0]);
    assert_eq!(backwards(&second).unwrap().1, reversed());
}

#[test]
fn numpy_arrays_that_are_no_vectors_are_refused_with_what_to_do() {
    let whole = |descr: &str, shape: &str, order: &str| message(&npy(descr, shape, order, &le(&VALUES)));
    assert!(message(&npy("'<f4'", "(2, 3)", "False", &le(&VALUES)[..20])).contains("needs 24 bytes and there are 20"));
    assert!(
        whole("'<f4'", "(2, 3)", "True").contains("the array is in Fortran order\nhint: save numpy.ascontiguousarray")
    );
    assert!(whole("'<f4'", "(6,)", "False").contains("[6], not two dimensions"));
    assert!(whole("'<f4'", "(6, 0)", "False").contains("[6, 0]"));
    assert!(whole("'<i4'", "(2, 3)", "False").contains("<i4, not floats"));
    assert!(whole("'|O'", "(2, 3)", "False").contains("Python objects"));
    assert!(whole("[('a', '<f4'), ('b', '<f4')]", "(3,)", "False").contains("not floats"));
    assert!(whole("'<f4'", "(9999999999999, 9999999999999)", "False").contains("9999999999999"));
    assert!(message(b"\x93NUMPY\x01").contains("ends in it"));
    assert!(message(b"id,vector\n").contains("neither Parquet"));
    assert!(message(b"").contains("neither Parquet"));
    let nan = npy("'<f4'", "(2, 2)", "False", &le(&[1.0, 2.0, 3.0, f32::NAN]));
    assert!(message(&nan).contains("row 1 (`row 1`) has NaN on axis 1"));
}

#[test]
fn archives_give_vectors_and_ids_stored_and_compressed() {
    let vectors = npy("'<f4'", "(2, 3)", "False", &le(&VALUES));
    let unicode: Vec<u8> = ["né", "b"]
        .iter()
        .flat_map(|text| text.chars().chain(std::iter::repeat('\0')).take(3).collect::<Vec<_>>())
        .flat_map(|c| (c as u32).to_le_bytes())
        .collect();
    let texts = [
        (npy("'<U3'", "(2,)", "False", &unicode), ["né", "b"]),
        (npy("'|S2'", "(2,)", "False", b"xyz\0"), ["xy", "z"]),
        (npy("'<i2'", "(2,)", "False", &[0xfe, 0xff, 1, 2]), ["-2", "513"]),
    ];
    for deflated in [false, true] {
        for (ids, expected) in &texts {
            let bytes = npz(&[("ids.npy", ids.clone()), ("embeddings.npy", vectors.clone())], deflated);
            let (ids, found) = backwards(&bytes).unwrap();
            assert_eq!((ids.unwrap(), found), (expected.map(str::to_owned).to_vec(), reversed()));
        }
        // The only one of two dimensions, whatever its name.
        let other = npy("'<f4'", "(1,)", "False", &le(&[1.0]));
        let bytes = npz(&[("loss.npy", other.clone()), ("x.npy", vectors.clone())], deflated);
        assert_eq!(backwards(&bytes).unwrap(), (None, reversed()));
    }
}

#[test]
fn arrays_beside_the_vectors_are_told() {
    let vectors = npy("'<f4'", "(2, 3)", "False", &le(&VALUES));
    let members = [
        ("embeddings.npy", vectors),
        ("filenames.npy", npy("'|S2'", "(2,)", "False", b"xyz\0")),
        ("label.npy", npy("'<i2'", "(2,)", "False", &[0, 0, 1, 0])),
        ("objects.npy", npy("'|O'", "(2,)", "False", b"pickle")),
        ("three.npy", npy("'|S1'", "(3,)", "False", b"abc")),
        ("loss.npy", npy("'<f4'", "(2,)", "False", &le(&[1.0, 2.0]))),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.npz");
    fs::write(&path, npz(&members, true)).unwrap();
    let file = VectorFile::open(&path, folder.path()).unwrap();
    let found: Vec<(&str, Option<Vec<&str>>)> = file
        .texts()
        .iter()
        .map(|array| {
            let values = array.values.as_ref().ok();
            (&array.name[..], values.map(|values| values.iter().map(String::as_str).collect()))
        })
        .collect();
    assert_eq!(found, [("filenames", Some(vec!["xy", "z"])), ("label", Some(vec!["0", "1"])), ("objects", None)]);
    assert!(file.ids().is_none());
}

#[test]
fn shards_are_read_as_one_in_the_order_of_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let (vectors, tables) = (folder.path().join("img_emb"), folder.path().join("metadata"));
    fs::create_dir(&vectors).unwrap();
    fs::create_dir(&tables).unwrap();
    for (shard, rows) in [(2_usize, 3_usize), (10, 2), (1, 1)] {
        let values: Vec<f32> = (0..rows * 2).map(|at| (shard * 100 + at) as f32).collect();
        let shape = format!("({rows}, 2)");
        fs::write(vectors.join(format!("img_emb_{shard}.npy")), npy("'<f4'", &shape, "False", &le(&values))).unwrap();
        let ids: Vec<String> = (0..rows).map(|row| format!("/data/{shard}/{row}.png")).collect();
        let number = crate::Column::Number((0..rows).map(|row| row as f64).collect());
        let table = tables.join(format!("metadata_{shard}.parquet"));
        crate::write_columns(&table, &ids, &[("width".to_owned(), number)], None).unwrap();
    }
    let mut file = VectorFile::open(folder.path(), folder.path()).unwrap();
    assert_eq!((file.rows(), file.width(), vector_files(folder.path()).unwrap().len()), (6, 2, 6));
    let read = file.read(&[5, 0, 1, 2, 4]).unwrap();
    assert_eq!(read.column(0).to_vec(), [1002.0, 100.0, 200.0, 202.0, 1000.0]);
    let ids = file.texts().iter().find(|array| array.name == "id").unwrap().values.clone().unwrap();
    assert_eq!((&ids[0][..], &ids[5][..]), ("/data/1/0.png", "/data/10/1.png"));
    // A table that is missing, and a shard of another width.
    fs::remove_file(tables.join("metadata_1.parquet")).unwrap();
    let told = |error: Error| std::error::Error::source(&error).unwrap().to_string();
    assert!(told(VectorFile::open(folder.path(), folder.path()).unwrap_err()).contains("3 .npy files and 2 tables"));
    fs::write(vectors.join("img_emb_3.npy"), npy("'<f4'", "(1, 3)", "False", &le(&[0.0; 3]))).unwrap();
    assert!(told(VectorFile::open(folder.path(), folder.path()).unwrap_err()).contains("vectors of 3 numbers"));
}

#[test]
fn archives_that_do_not_fit_are_refused() {
    let vectors = npy("'<f4'", "(2, 3)", "False", &le(&VALUES));
    let two = npz(&[("a.npy", vectors.clone()), ("b.npy", vectors.clone())], false);
    assert!(message(&two).contains("the arrays a, b\nhint: save the vectors"), "{}", message(&two));
    assert!(message(&npz(&[], false)).contains("no array"));
    let three = npy("'|S1'", "(3,)", "False", b"abc");
    assert!(message(&npz(&[("v.npy", vectors.clone()), ("id.npy", three)], true)).contains("3 ids for 2 vectors"));
    let objects = npy("'|O'", "(2,)", "False", b"pickle");
    assert!(message(&npz(&[("v.npy", vectors.clone()), ("ids.npy", objects)], true)).contains("ids.astype(str)"));
    let floats = npy("'<f4'", "(2,)", "False", &le(&[1.0, 2.0]));
    assert!(
        message(&npz(&[("v.npy", vectors.clone()), ("ids.npy", floats)], true))
            .contains("`ids` is of type <f4 and shape [2], which are no ids")
    );
    let whole = npz(&[("v.npy", vectors)], true);
    assert!(message(&whole[..whole.len() - 30]).contains("header is damaged"));
}

#[test]
fn a_tensor_is_taken_by_its_shape_or_name() {
    let one = r#"{"__metadata__":{"format":"pt"},"x":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;
    assert_eq!(backwards(&safetensors(one, &le(&VALUES))).unwrap(), (None, reversed()));
    let brain: Vec<u8> = VALUES.iter().flat_map(|v| half::bf16::from_f32(*v).to_le_bytes()).collect();
    let data = [le(&[9.0, 9.0]), brain].concat();
    let named = r#"{"head":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},
                    "vectors":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]}}"#;
    assert_eq!(backwards(&safetensors(named, &data)).unwrap().1, reversed());
    assert!(message(&safetensors(named, &data[..15])).contains("cut short"));
    let either = named.replace("vectors", "tail");
    assert!(message(&safetensors(&either, &data)).contains("head, tail"));
    assert!(message(&safetensors(&one.replace("F32", "I32"), &le(&VALUES))).contains("I32, not floats"));
    assert!(message(&safetensors("{broken", &[])).contains("header is damaged"));
    assert!(message(b"\xff\xff\xff\xff\xff\xff\xff\xff{").contains("neither Parquet"));
}
