//! Whole imports: the true Fashion-MNIST part, folders, manifests, bad input, batches.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use latentwalk_images::{
    Attribute, AttributeKind, Augmentation, Batcher, Dataset, Depth, Description, Error, Label, Origin, Pixels, Result,
    Skipped, Split, Suspicion, files, import, init, originals, survey, thumbnail,
};
use latentwalk_testing::{fixture, on_threads};
use tempfile::TempDir;

fn photographs() -> PathBuf {
    fixture("fashion-mnist")
}

fn run(text: &str, dir: &Path) -> Result<(Dataset, TempDir)> {
    let out = TempDir::new().unwrap();
    let origin = Origin::Folder(dir.into());
    let dataset = import("test", &Description::parse(text)?, &origin, out.path(), &|_, _| {})?;
    assert_eq!(Dataset::open(out.path())?, dataset);
    Ok((dataset, out))
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
    text.split("\n[backbone]").next().unwrap().to_owned()
}

#[test]
fn the_built_in_photographs_are_read_whole() {
    let text = built_in();
    let description = Description::parse(&text).unwrap();
    let listed = files(&description, &Origin::Folder(photographs())).unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].name, "t10k-images-idx3-ubyte.gz");

    let (dataset, out) = run(&text, &photographs()).unwrap();
    assert_eq!(dataset.items.len(), 10_000);
    assert_eq!(dataset.items[42].id, "t10k-00042");
    let names: Vec<&str> = dataset.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    assert_eq!(names, ["category", "sleeve", "shoe_height", "kind"]);
    for (split, each) in Split::ALL.into_iter().zip([700, 100, 200]) {
        assert_eq!(dataset.class_counts(0, split), [vec![each; 10], vec![0]].concat());
        assert_eq!(dataset.class_counts(1, split), [each, 2 * each, 7 * each]);
        assert_eq!(dataset.class_counts(2, split), [each, each, each, 7 * each]);
        assert_eq!(dataset.class_counts(3, split), [4 * each, each, each, 3 * each, each, 0]);
    }
    // The first image of the part is an ankle boot.
    assert_eq!(dataset.items[0].labels, [Label::One(9), Label::Missing, Label::One(2), Label::One(3)]);

    let pixels = Pixels::open(out.path(), &dataset).unwrap();
    let (mean, std) = pixels.statistics(&(0..10_000).collect::<Vec<_>>()).unwrap();
    // Computed with numpy from the same file: mean 0.28684928, std 0.35244415 (float64).
    assert!((mean[0] - 0.286_849_3).abs() < 1e-6 && (std[0] - 0.352_444_15).abs() < 1e-6, "{mean:?} {std:?}");
}

#[test]
fn embedded_files_give_the_same_bytes() {
    let images = fs::read(photographs().join("t10k-images-idx3-ubyte.gz")).unwrap();
    let labels = fs::read(photographs().join("t10k-labels-idx1-ubyte.gz")).unwrap();
    let table: &'static [(&'static str, &'static [u8])] = Box::leak(Box::new([
        ("t10k-images-idx3-ubyte.gz", &*Box::leak(images.into_boxed_slice())),
        ("t10k-labels-idx1-ubyte.gz", &*Box::leak(labels.into_boxed_slice())),
    ]));
    let text = built_in().replace("size = 28", "size = 28\nlimit = 500");
    let description = Description::parse(&text).unwrap();
    let origin = Origin::Embedded(table);
    assert!(files(&description, &origin).unwrap().iter().all(|file| file.path.is_none() && file.bytes.is_some()));
    assert_eq!(originals(&description, &origin), None);
    let (from_folder, first) = run(&text, &photographs()).unwrap();
    let second = TempDir::new().unwrap();
    let calls = AtomicUsize::new(0);
    let seen = |done: usize, all: usize| {
        assert!(done <= all && all == 500);
        calls.fetch_add(1, Ordering::Relaxed);
    };
    let embedded = import("test", &description, &origin, second.path(), &seen).unwrap();
    assert!(calls.into_inner() > 1);
    assert_eq!(embedded, from_folder);
    assert_eq!(embedded.class_counts(0, Split::Train), [vec![35; 10], vec![0]].concat());
    for name in ["dataset.json", "items.jsonl", "pixels.u8", "skipped.jsonl"] {
        assert_eq!(fs::read(first.path().join(name)).unwrap(), fs::read(second.path().join(name)).unwrap(), "{name}");
    }
    let folder = Description::parse(FOLDER).unwrap();
    let refused = files(&folder, &origin).unwrap_err();
    assert_eq!(refused.key().as_deref(), Some("images.source"));
    assert!(told(&refused).starts_with("`images.source` is \"folder\": it needs a folder"), "{refused}");
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

#[test]
fn parts_are_joined_and_cropped() {
    let dir = TempDir::new().unwrap();
    let (dataset, out) = run(&idx_parts(dir.path()), dir.path()).unwrap();
    assert_eq!(dataset.items.len(), 42);
    assert_eq!((&dataset.items[30].id[..], &dataset.items[41].id[..]), ("b-00000", "b-00011"));
    let mut bytes = [0; 36];
    Pixels::open(out.path(), &dataset).unwrap().read(&[29, 41, 5], &mut bytes).unwrap();
    assert_eq!(bytes[..], [[29; 12], [11; 12], [5; 12]].concat());
}

#[test]
fn bad_idx_sources_are_named() {
    let dir = TempDir::new().unwrap();
    let text = idx_parts(dir.path());
    let path = |name: &str| dir.path().join(name);
    let got = message(&text.replace("\"a-images.idx\"", "\"c-images.idx\""), dir.path());
    assert!(got.contains("c-images.idx does not exist\nhint: check `images.images`"), "{got}");
    let got =
        message(&text.replace("\"a-labels.idx\", \"b-labels.idx\"", "\"b-labels.idx\", \"a-labels.idx\""), dir.path());
    assert!(got.contains("b-labels.idx cannot be read: it holds 12 labels for the 30 images of a-images.idx"), "{got}");
    let got = message(&text.replace("\"1\" = \"odd\"", "\"3\" = \"odd\""), dir.path());
    assert!(got.contains("a-labels.idx, row 1 has `1`, which attribute `parity` does not know"), "{got}");
    let got = message(&text.replace("channels = 3", "minimum_per_class = 16"), dir.path());
    assert!(got.contains("class `even` of attribute `parity` has 15 labelled images in the train split"), "{got}");
    let got = message(&text.replace("kind = ", "column = \"folder\"\nkind = "), dir.path());
    assert!(got.contains("`attributes.parity` names the column `folder`"), "{got}");
    let images = fs::read(path("b-images.idx")).unwrap();
    fs::write(path("b-images.idx"), &images[..images.len() - 1]).unwrap();
    // A subset reads the files to their ends too.
    for limit in ["size = 2", "size = 2\nlimit = 20\nminimum_per_class = 1"] {
        let got = message(&text.replace("size = 2", limit), dir.path());
        assert!(
            got.contains("b-images.idx is no whole IDX file: it ends after 87 bytes where 88 belong\nhint: fetch"),
            "{got}"
        );
    }
    fs::write(path("b-images.idx"), [images, vec![0]].concat()).unwrap();
    assert!(message(&text, dir.path()).contains("goes on after the 88 bytes"));
}

#[test]
fn a_folder_is_read_and_its_broken_file_skipped() {
    let dir = TempDir::new().unwrap();
    photos(dir.path());
    let (dataset, out) = run(FOLDER, dir.path()).unwrap();
    let tone = Attribute {
        name: "tone".into(),
        kind: AttributeKind::Ordered,
        classes: vec!["dark".into(), "light".into()],
        order: vec![0, 1],
    };
    assert_eq!(dataset.attributes, [tone]);
    assert_eq!(dataset.items.len(), 40);
    assert_eq!(dataset.skipped.len(), 1);
    assert_eq!(dataset.skipped[0].path, "dark/broken.png");
    assert_eq!((&dataset.items[3].id[..], dataset.items[3].path.as_deref()), ("dark/03.png", Some("dark/03.png")));
    assert_eq!(dataset.class_counts(0, Split::Test), [4, 4, 0]);

    let pixels = Pixels::open(out.path(), &dataset).unwrap();
    let mut bytes = vec![0; 2 * 48];
    pixels.read(&[3, 20], &mut bytes).unwrap();
    assert_eq!(bytes[..48], [3; 48]);
    for (got, expected) in bytes[48..].iter().zip([250_i16, 240, 200].iter().cycle()) {
        assert!((i16::from(*got) - expected).abs() <= 3, "JPEG rounding: {got} for {expected}");
    }
    assert!(matches!(pixels.read(&[40], &mut [0; 48]), Err(Error::Row { row: 40, n: 40 })));
    assert!(matches!(pixels.read(&[4], &mut [0; 47]), Err(Error::Length { .. })));

    let description = Description::parse(FOLDER).unwrap();
    let origin = Origin::Folder(dir.path().into());
    let names: Vec<String> = files(&description, &origin).unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!(names.len(), 41);
    assert!(names.is_sorted() && names[0] == "photos/dark/00.png");

    let size = |root: Option<&Path>, max_px: u32| {
        let png = thumbnail(&pixels, &dataset, 20, max_px, root).unwrap();
        let image = image::load_from_memory_with_format(&png, ImageFormat::Png).unwrap();
        (image.width(), image.height())
    };
    let root = originals(&description, &origin).unwrap();
    assert_eq!(size(Some(&root), 100), (5, 9));
    assert_eq!(size(Some(&root), 3), (2, 3));
    assert_eq!(size(None, 100), (4, 4));
    assert_eq!(size(Some(Path::new("/nowhere")), 2), (2, 2));
    assert!(thumbnail(&pixels, &dataset, 40, 9, None).is_err());
}

#[test]
fn folders_without_what_is_needed_are_named() {
    let dir = TempDir::new().unwrap();
    assert!(message(FOLDER, dir.path()).contains("photos does not exist\nhint: check `images.root`"));
    fs::create_dir_all(dir.path().join("photos/dark")).unwrap();
    assert!(message(FOLDER, dir.path()).contains("photos holds no images"));
    photos(dir.path());
    let got = message(&FOLDER.replace("0.05", "0.0"), dir.path());
    assert!(got.contains("1 of 41 images could not be read") && got.contains("dark/broken.png"), "{got}");
    let got = message(&FOLDER.replace("[\"dark\", \"light\"]", "[\"dark\", \"bright\"]"), dir.path());
    assert!(got.contains("`attributes.tone.order` names the class `bright`"), "{got}");
    let got = message(&FOLDER.replace("channels = 3", "split.validation = 0.001\nsplit.test = 0.299"), dir.path());
    assert!(got.contains("the validation split holds no images\nhint: add images"), "{got}");
    fs::write(dir.path().join("photos/light/x.gif"), "GIF89a").unwrap();
    let (dataset, _out) = run(FOLDER, dir.path()).unwrap();
    let gif = Skipped { path: "light/x.gif".into(), reason: "only JPEG, PNG and WebP are read: convert it".into() };
    assert_eq!(dataset.skipped[0], gif);
    fs::remove_dir_all(dir.path().join("photos/light")).unwrap();
    assert!(message(FOLDER, dir.path()).contains("fewer than two classes"));
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

#[test]
fn a_manifest_keeps_groups_splits_and_several_labels() {
    let dir = TempDir::new().unwrap();
    let text = manifest(dir.path());
    let (dataset, out) = run(&text, dir.path()).unwrap();
    assert_eq!(dataset.items.len(), 60);
    assert_eq!(dataset.attributes[0].classes, ["long", "short"]);
    assert_eq!(dataset.attributes[0].order, [1, 0]);
    assert_eq!(dataset.attributes[1].classes, ["dotted", "red"]);
    assert_eq!(dataset.items[1].labels, [Label::One(0), Label::Many(vec![0, 1])]);
    assert_eq!(dataset.items[2].labels, [Label::Missing, Label::Missing]);
    let mut splits: BTreeMap<usize, Split> = BTreeMap::new();
    for (at, item) in dataset.items.iter().enumerate() {
        assert_eq!(*splits.entry(at / 3).or_insert(item.split), item.split);
    }
    assert_eq!(splits[&0], Split::Test);
    assert_eq!(Split::ALL.map(|split| dataset.rows(split).len() % 3), [0, 0, 0]);
    let items = fs::read_to_string(out.path().join("items.jsonl")).unwrap();
    let expected = r#"{"id":"1.png","split":"test","path":"1.png","labels":{"sleeve":"long","tags":["dotted","red"]}}"#;
    assert_eq!(items.lines().nth(1).unwrap(), expected);
    assert!(items.lines().nth(2).unwrap().contains(r#""sleeve":null,"tags":null"#));

    // A missing image is data, not a failure, up to a share.
    fs::remove_file(dir.path().join("img/30.png")).unwrap();
    let origin = Origin::Folder(dir.path().into());
    assert_eq!(files(&Description::parse(&text).unwrap(), &origin).unwrap().len(), 60);
    let got = message(&text, dir.path());
    assert!(got.contains("1 of 60 images could not be read") && got.contains("30.png: it does not exist"), "{got}");
    let (dataset, _out) = run(&text.replace("size = 4", "size = 4\nmaximum_unreadable = 0.02"), dir.path()).unwrap();
    assert_eq!((dataset.items.len(), dataset.skipped.len()), (59, 1));
}

#[test]
fn bad_manifests_are_named() {
    let dir = TempDir::new().unwrap();
    let text = manifest(dir.path());
    let path = dir.path().join("labels.csv");
    let rows = fs::read_to_string(&path).unwrap();
    for (from, to, expected) in [
        (
            "5.png,g1",
            "4.png,g1",
            "labels.csv, row 7 has `4.png`, the id of labels.csv, row 6 too\nhint: give every image",
        ),
        (
            "2.png,g0,test",
            "2.png,g0,train",
            "labels.csv, row 4 has `g0`, a group in split train that an earlier row puts into test\nhint: correct",
        ),
        ("2.png,g0,test", "2.png,g0,dev", "row 4 has `dev`, which is no split\nhint: use train, validation"),
        ("file_name", "file", "it needs a column with the path"),
        (",sleeve,", ",sleeves,", "`attributes.sleeve` names the column `sleeve`, which labels.csv does not have"),
        (
            "0.png,g0,test,short",
            "0.png,g0,test,short|long",
            "row 2 has `short|long`, several labels for attribute `sleeve`",
        ),
    ] {
        assert!(rows.contains(from), "{from}");
        fs::write(&path, rows.replacen(from, to, 1)).unwrap();
        let got = message(&text, dir.path());
        assert!(got.contains(expected), "{got}");
    }
    fs::write(&path, rows.replace("short", "").replace("long", "")).unwrap();
    let got = message(&text.replace("order = [\"short\", \"long\"]", ""), dir.path());
    assert!(got.contains("attribute `sleeve` has fewer than two classes with labelled images (0 found)"), "{got}");
    fs::write(&path, "file_name,sleeve\n").unwrap();
    assert!(message(&text, dir.path()).contains("labels.csv holds no images"));
    fs::remove_file(&path).unwrap();
    assert!(message(&text, dir.path()).contains("labels.csv does not exist\nhint: check `images.file`"));
}

#[test]
fn damaged_packs_are_found() {
    let dir = TempDir::new().unwrap();
    let text = idx_parts(dir.path());
    let damage = |name: &str, change: &dyn Fn(String) -> Vec<u8>| {
        let (_, out) = run(&text, dir.path()).unwrap();
        let path = out.path().join(name);
        let content = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        fs::write(&path, change(content)).unwrap();
        Dataset::open(out.path()).unwrap_err().to_string()
    };
    let replace = |from: &'static str, to: &'static str| {
        move |content: String| {
            assert!(content.contains(from));
            content.replacen(from, to, 1).into_bytes()
        }
    };
    assert!(
        damage("dataset.json", &replace("\"schema\": 1", "\"schema\": 9"))
            .contains("schema version 9, this program reads up to 1\nhint: use a newer program")
    );
    assert!(damage("dataset.json", &replace("\"name\"", "\"nom\"")).contains("dataset.json, line"));
    assert!(
        damage("dataset.json", &replace("\"items\": 42", "\"items\": 41"))
            .contains("holds 42 lines, expected 41\nhint: import again")
    );
    assert!(damage("dataset.json", &replace("\"height\": 2", "\"height\": 0")).contains("its shape is 0 x 2 x 3"));
    assert!(damage("items.jsonl", &replace("\"even\"", "\"evil\"")).contains("items.jsonl, line 1: class evil"));
    assert!(damage("items.jsonl", &replace("\"even\"", "\"odd\"")).contains("its counts differ"));
    assert!(damage("items.jsonl", &replace("\"parity\"", "\"purity\"")).contains("no label for parity"));
    assert!(damage("pixels.u8", &|_| vec![0; 503]).contains("holds 503 bytes, expected 504"));
    assert!(Dataset::open(dir.path()).unwrap_err().to_string().contains("dataset.json"));
}

#[test]
fn batches_do_not_depend_on_threads_or_company() {
    let dir = TempDir::new().unwrap();
    photos(dir.path());
    let (dataset, out) = run(&FOLDER.replace("size = 4", "size = 9"), dir.path()).unwrap();
    let pixels = Pixels::open(out.path(), &dataset).unwrap();
    let rows: Vec<usize> = (0..40).rev().collect();
    let size = pixels.shape().len();
    let (mean, std) = pixels.statistics(&rows).unwrap();
    let batcher = Batcher::new(pixels, mean, std, Augmentation::default()).unwrap();
    let load = |rows: &[usize], augment: Option<(u64, u64)>| {
        let mut out = vec![f32::NAN; rows.len() * size];
        batcher.load(rows, augment, &mut out).unwrap();
        out
    };
    let [one, two] = [1, 2].map(|threads| on_threads(threads, || load(&rows, Some((1, 2)))));
    assert_eq!(one, two);
    assert_eq!(load(&[7], Some((1, 2))), one[32 * size..33 * size]);
    assert_ne!(load(&rows, Some((1, 3))), one);
    assert_ne!(load(&rows, Some((2, 2))), one);
    assert!(one.iter().all(|value| value.is_finite()));

    let plain = load(&rows, None);
    for channel in 0..3 {
        let values: Vec<f64> = plain.iter().skip(channel).step_by(3).map(|value| f64::from(*value)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let square = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 1e-5 && (square - 1.0).abs() < 1e-4, "{mean} {square}");
    }
    let mut still = batcher;
    still.augment = Augmentation::none();
    let mut unchanged = vec![0.0; plain.len()];
    still.load(&rows, Some((1, 2)), &mut unchanged).unwrap();
    assert!(plain.iter().zip(&unchanged).all(|(a, b)| (a - b).abs() < 1e-5));
    assert!(matches!(still.load(&rows, None, &mut [0.0]), Err(Error::Length { .. })));
    let pixels = Pixels::open(out.path(), &dataset).unwrap();
    assert!(Batcher::new(pixels, vec![0.0; 3], vec![1.0, 0.0, 1.0], Augmentation::none()).is_err());
}

#[test]
fn imports_do_not_depend_on_threads() {
    let dir = TempDir::new().unwrap();
    photos(dir.path());
    let bytes = |threads: usize| {
        let (_, out) = on_threads(threads, || run(FOLDER, dir.path())).unwrap();
        ["dataset.json", "items.jsonl", "pixels.u8", "skipped.jsonl"]
            .map(|name| fs::read(out.path().join(name)).unwrap())
    };
    assert_eq!(bytes(1), bytes(2));
}

#[test]
fn a_first_description_imports_as_it_stands() {
    // Sub-folders; the broken file is one of 41, past the share that a first description allows.
    let dir = TempDir::new().unwrap();
    photos(dir.path());
    let text = init(dir.path()).unwrap();
    assert!(text.contains("root = \"photos\"") && text.contains("\"light\",   # 20 images"), "{text}");
    assert!(message(&text, dir.path()).contains("broken.png"));
    fs::remove_file(dir.path().join("photos/dark/broken.png")).unwrap();
    let (dataset, _out) = run(&init(dir.path()).unwrap(), dir.path()).unwrap();
    assert_eq!((dataset.items.len(), &dataset.attributes[0].name[..]), (40, "category"));

    // A manifest: the number of a product is no attribute.
    let dir = TempDir::new().unwrap();
    manifest(dir.path());
    let text = init(dir.path()).unwrap();
    assert!(text.contains("file = \"labels.csv\"\nroot = \"img\"") && text.contains("too many values: sku"), "{text}");
    let (dataset, _out) = run(&text, dir.path()).unwrap();
    let found: Vec<(&str, AttributeKind)> = dataset.attributes.iter().map(|a| (&a.name[..], a.kind)).collect();
    assert_eq!(found, [("sleeve", AttributeKind::Nominal), ("tags", AttributeKind::Multi)]);
    assert_eq!(dataset.shape.channels, 1);

    // IDX files.
    let text = init(&photographs()).unwrap();
    assert!(
        text.contains("images = [\"t10k-images-idx3-ubyte.gz\"]") && text.contains("\"9\",   # 1000 images"),
        "{text}"
    );
    let (dataset, _out) = run(&text.replace("limit = 0", "limit = 400"), &photographs()).unwrap();
    assert_eq!((dataset.items.len(), dataset.shape.height), (400, 28));

    // Nothing at all.
    let dir = TempDir::new().unwrap();
    assert!(matches!(init(dir.path()), Err(Error::NoImages { .. })));
    assert!(init(&dir.path().join("nowhere")).is_err());
    save(&dir.path().join("only/1.png"), GrayImage::new(2, 2), ImageFormat::Png);
    assert!(matches!(init(dir.path()), Err(Error::OneClass { .. })));
}

const GARMENTS: &str = r#"
    [images]
    source = "garments"
    size = 64
    channels = 3
    minimum_per_class = 1
    [images.garments]
    count = 60
    twin_sets = 2
    [attributes.length]
    kind = "ordered"
    classes = ["top", "mini", "knee", "midi", "maxi"]
    [attributes.views]
    kind = "nominal"
"#;

#[test]
fn rendered_garments_are_a_source_like_any_other() {
    let dir = TempDir::new().unwrap();
    let (dataset, out) = run(GARMENTS, dir.path()).unwrap();
    let (twins, originals): (Vec<_>, Vec<_>) = dataset.items.iter().partition(|item| item.id.contains('-'));
    assert_eq!(originals.len(), 60);
    assert!(twins.len() > 40 && twins.iter().all(|t| t.split == Split::Test && t.labels == vec![Label::Missing; 2]));
    assert!(originals.iter().all(|item| !item.labels.contains(&Label::Missing)));
    assert_eq!((originals[0].split, originals[1].split), (Split::Test, Split::Test));

    // The same images as a data set on disk.
    let wardrobe = dir.path().join("wardrobe");
    let options = latentwalk_garments::Options { count: 60, size: 64, twin_sets: 2, ..Default::default() };
    latentwalk_garments::write_dataset(&wardrobe, &options, &|_, _| Ok(()), &|_, _| ()).unwrap();
    let pixels = Pixels::open(out.path(), &dataset).unwrap();
    let mut packed = vec![0; 64 * 64 * 3];
    for row in [0, 3, dataset.items.len() - 1] {
        let file = wardrobe.join(format!("images/{}.jpg", dataset.items[row].id));
        pixels.read(&[row], &mut packed).unwrap();
        assert_eq!(image::open(file).unwrap().into_rgb8().into_raw(), packed);
    }
    let description = Description::parse(GARMENTS).unwrap();
    let origin = Origin::Folder(dir.path().into());
    let named = files(&description, &origin).unwrap();
    assert_eq!(named.len(), 1);
    assert_eq!(named[0].bytes, Some(latentwalk_garments::REVISION.as_bytes()));
}

#[test]
fn a_description_may_bring_its_own_frequencies() {
    let dir = TempDir::new().unwrap();
    let table =
        "count = 60\n    frequencies = { length = [[1,0,0,0,0],[1,0,0,0,0],[0,0,0,0,1],[0,0,0,0,1],[0,0,0,0,1]] }";
    let text = GARMENTS.replace("count = 60", table).replace("minimum_per_class = 1", "minimum_per_class = 0");
    let (dataset, _out) = run(&text, dir.path()).unwrap();
    let length = dataset.attribute("length").unwrap();
    let counts: Vec<usize> =
        (0..5).map(|class| dataset.items.iter().filter(|i| i.labels[length] == Label::One(class)).count()).collect();
    assert!(counts[0] > 20 && counts[4] > 10 && counts[1..4] == [0, 0, 0], "{counts:?}");
}

#[test]
fn a_wardrobe_that_cannot_be_drawn_is_refused_with_its_key() {
    let dir = TempDir::new().unwrap();
    let refused = |from: &str, to: &str| message(&GARMENTS.replace(from, to), dir.path());
    assert!(refused("count = 60", "count = 0").contains("`images.garments`"));
    assert!(
        refused("twin_sets = 2", "twin_sets = 61")
            .contains("`images.garments` asks for what cannot be drawn: the number of twin sets is 61")
    );
    assert!(refused("count = 60", "colour = 60").contains("colour"));
    let table = "count = 60\n    frequencies = { sleeve = [0.5, 0.5, 0.1, 0.0, 0.0] }";
    assert!(refused("count = 60", table).contains("frequencies of sleeve, row 0: they sum to 1.1"));
    let both = "count = 60\n    balanced = true\n    frequencies = { }";
    assert!(refused("count = 60", both).contains("`images.garments.frequencies` is given"));
    let file = refused("size = 64", "size = 64\n    file = \"labels.csv\"");
    assert!(file.contains("`images.file`") && file.contains("garments"), "{file}");
    let elsewhere = FOLDER.replace("[attributes.tone]", "[images.garments]\ncount = 5\n[attributes.tone]");
    assert!(message(&elsewhere, dir.path()).contains("`images.garments`"));
}

/// 24 images: the label map and the JSON as the contest has them, files with all three endings, one missing.
fn imaterialist(dir: &Path) -> String {
    let labels = "labelId,taskId,labelName,taskName\r\n66,3,Female,gender\r\n89,1,\"Hosiery, Stockings, Tights\",category\r\n\
                  105,8,Long Sleeved,sleeve\r\n171,8,Sleeveless,sleeve\r\n17,1,Casual Dresses,category";
    fs::write(dir.join("labels.csv"), labels).unwrap();
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    for at in 1..=24_u8 {
        let (ending, format) =
            [("jpg", ImageFormat::Jpeg), ("jpeg", ImageFormat::Jpeg), ("png", ImageFormat::Png)][usize::from(at % 3)];
        if at != 9 {
            save(&dir.join(format!("images/{at}.{ending}")), GrayImage::from_pixel(4, 4, Luma([at])), format);
        }
        images.push(format!(r#"{{"url": "https://contest.example/{at}.jpg", "imageId": "{at}"}}"#));
        let sleeve = if at % 2 == 0 { 105 } else { 171 };
        annotations.push(format!(r#"{{"labelId": ["66", "{sleeve}", "89", "17"], "imageId": "{at}"}}"#));
    }
    let text = format!(r#"{{"images": [{}], "annotations": [{}]}}"#, images.join(", "), annotations[..22].join(", "));
    fs::write(dir.join("train.json"), text).unwrap();
    r#"
    [images]
    source = "imaterialist"
    file = "train.json"
    labels_file = "labels.csv"
    root = "images"
    size = 4
    channels = 1
    minimum_per_class = 1
    maximum_unreadable = 0.1
    [attributes.sleeve]
    kind = "nominal"
    [attributes.category]
    kind = "multi"
    "#
    .into()
}

#[test]
fn imaterialist_is_imported_with_its_gaps() {
    let dir = TempDir::new().unwrap();
    let text = imaterialist(dir.path());
    let (dataset, _out) = run(&text, dir.path()).unwrap();
    assert_eq!(dataset.items.len(), 23);
    assert_eq!(dataset.skipped, [Skipped { path: "9.jpg".into(), reason: "it does not exist".into() }]);
    assert_eq!(dataset.attributes[0].classes, ["Long Sleeved", "Sleeveless"]);
    assert_eq!(dataset.attributes[1].classes, ["Casual Dresses", "Hosiery, Stockings, Tights"]);
    assert_eq!(dataset.items[0].labels, [Label::One(1), Label::Many(vec![0, 1])]);
    assert_eq!(dataset.items[22].labels, [Label::Missing, Label::Missing]);
    let paths: Vec<&str> = dataset.items[..3].iter().filter_map(|item| item.path.as_deref()).collect();
    assert_eq!(paths, ["1.jpeg", "2.png", "3.jpg"]);
    let origin = Origin::Folder(dir.path().into());
    let description = Description::parse(&text).unwrap();
    let names: Vec<String> = files(&description, &origin).unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!((names.len(), &names[23..]), (25, &["labels.csv".to_owned(), "train.json".to_owned()][..]));
    assert_eq!(originals(&description, &origin), Some(dir.path().join("images")));
    let got = message(&text.replace("maximum_unreadable = 0.1", "maximum_unreadable = 0.01"), dir.path());
    assert!(got.contains("1 of 24 images could not be read") && got.contains("9.jpg: it does not exist"), "{got}");
    let got = message(&text.replace("labels_file = \"labels.csv\"", "labels_file = \"map.csv\""), dir.path());
    assert!(got.contains("map.csv does not exist\nhint: check `images.labels_file`"), "{got}");
    let got = message(&text.replace("attributes.sleeve", "attributes.sleeves"), dir.path());
    assert!(got.contains("`sleeves`, which train.json does not have: it has category, gender, sleeve"), "{got}");
    let json = fs::read_to_string(dir.path().join("train.json")).unwrap();
    fs::write(dir.path().join("train.json"), &json[..json.len() - 40]).unwrap();
    assert!(message(&text, dir.path()).contains("train.json cannot be read: EOF while parsing"));
}

#[test]
fn two_files_of_one_contest_keep_their_images_apart() {
    let dir = TempDir::new().unwrap();
    let text = imaterialist(dir.path());
    // The same numbers mean other images in the second file.
    fs::create_dir_all(dir.path().join("images/train")).unwrap();
    for entry in fs::read_dir(dir.path().join("images")).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_file() {
            fs::rename(&entry, dir.path().join("images/train").join(entry.file_name().unwrap())).unwrap();
        }
    }
    for at in 1..=2_u8 {
        let path = dir.path().join(format!("images/validation/{at}.png"));
        save(&path, GrayImage::from_pixel(4, 4, Luma([100 + at])), ImageFormat::Png);
    }
    let json = r#"{"images": [{"imageId": "1"}, {"imageId": "2"}],
                   "annotations": [{"imageId": "1", "labelId": ["105", "17"]}, {"imageId": "2", "labelId": ["171", "89"]}]}"#;
    fs::write(dir.path().join("validation.json"), json).unwrap();
    let parts = "parts = [{ file = \"train.json\", root = \"train\" }, \
                 { file = \"validation.json\", root = \"validation\", split = \"test\" }]\n\
                 split = { train = 0.8, validation = 0.2, test = 0.0 }";
    let both = text.replace("file = \"train.json\"", parts);
    let (dataset, _out) = run(&both, dir.path()).unwrap();
    assert_eq!(dataset.items.len(), 25);
    assert_eq!(dataset.skipped[0].path, "train/9.jpg");
    let last = &dataset.items[24];
    assert_eq!(
        (&last.id[..], last.path.as_deref(), last.split),
        ("validation/2", Some("validation/2.png"), Split::Test)
    );
    assert_eq!((&dataset.items[0].id[..], &last.labels[0]), ("train/1", &Label::One(1)));
    assert_eq!(dataset.rows(Split::Test), [23, 24]);
    let description = Description::parse(&both).unwrap();
    let listed = files(&description, &Origin::Folder(dir.path().into())).unwrap();
    let names: Vec<&str> =
        listed.iter().map(|file| &file.name[..]).filter(|name| !name.starts_with("images")).collect();
    assert_eq!((names, listed.len()), (vec!["labels.csv", "train.json", "validation.json"], 28));

    let got = message(&both.replace("file = \"validation.json\"", "file = \"train.json\""), dir.path());
    assert!(got.contains("`images.parts` is with `train` twice"), "{got}");
    let got = message(&both.replace("labels_file", "file = \"x\"\nlabels_file"), dir.path());
    assert!(got.contains("`parts` take its place"), "{got}");
    let got = message(&both.replace("root = \"validation\"", "root = \"../..\""), dir.path());
    assert!(got.contains("leaves"), "{got}");
    let got = message(&both.replace("\"imaterialist\"", "\"idx\""), dir.path());
    assert!(got.contains("`images.parts` is given"), "{got}");
}

#[test]
fn classes_with_little_support_become_unlabelled() {
    let dir = TempDir::new().unwrap();
    photos(dir.path());
    for at in 0..3_u8 {
        save(
            &dir.path().join(format!("photos/odd/{at}.png")),
            GrayImage::from_pixel(4, 4, Luma([at])),
            ImageFormat::Png,
        );
    }
    let (dataset, _out) = run(&FOLDER.replace("size = 4", "size = 4\nminimum_support = 5"), dir.path()).unwrap();
    assert_eq!(dataset.attributes[0].classes, ["dark", "light"]);
    let [dropped] = &dataset.dropped[..] else { panic!("{:?}", dataset.dropped) };
    assert_eq!((&dropped.attribute[..], &dropped.class[..]), ("tone", "odd"));
    let odd = dataset.items.iter().filter(|item| item.id.starts_with("odd/"));
    assert_eq!(odd.map(|item| &item.labels[0]).collect::<Vec<_>>(), [&Label::Missing; 3]);
    let got = message(&FOLDER.replace("size = 4", "size = 4\nminimum_support = 100"), dir.path());
    assert!(got.contains("`tone`"), "{got}");
    let got = message(FOLDER, dir.path());
    assert!(got.contains("class `odd`") && got.contains("minimum_per_class"), "{got}");
}

#[test]
fn a_survey_says_what_an_import_would_meet() {
    let dir = TempDir::new().unwrap();
    let text = imaterialist(dir.path());
    fs::copy(dir.path().join("images/1.jpeg"), dir.path().join("images/7.jpeg")).unwrap();
    let origin = Origin::Folder(dir.path().into());
    let calls = AtomicUsize::new(0);
    let survey = survey(&Description::parse(&text).unwrap(), &origin, Depth::Contents, &|done, all| {
        assert!(done <= all && all == 24);
        calls.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    assert!(calls.into_inner() > 1);
    assert_eq!((survey.images, survey.missing, survey.same_content), (24, 1, 1));
    let columns: Vec<(&str, usize)> = survey.columns.iter().map(|column| (&column.name[..], column.labelled)).collect();
    assert_eq!(columns, [("category", 22), ("gender", 22), ("sleeve", 22)]);
    let paths = ["1.jpeg".to_owned(), "7.jpeg".to_owned()];
    assert_eq!(survey.suspicions, [Suspicion::SameContent { paths, splits: [None, None] }]);
    assert!(
        survey.to_string().contains("attribute sleeve of column sleeve: 22 labelled: Long Sleeved 11, Sleeveless 11")
    );
}

#[test]
fn list_files_bring_their_splits_and_groups() {
    let dir = TempDir::new().unwrap();
    let (mut attributes, mut partition, mut identities) =
        ("30\nSmiling Hat\n".to_owned(), String::new(), String::new());
    for at in 0..30_usize {
        save(
            &dir.path().join(format!("img/{at:06}.jpg")),
            GrayImage::from_pixel(4, 4, Luma([at as u8])),
            ImageFormat::Jpeg,
        );
        let value = |yes: bool| if yes { " 1" } else { "-1" };
        attributes += &format!("{at:06}.jpg {} {}\n", value(at % 2 == 0), value(at % 5 == 0));
        partition += &format!("{at:06}.jpg {}\n", at / 10);
        identities += &format!("{at:06}.jpg {}\n", at / 5);
    }
    fs::write(dir.path().join("list_attr_celeba.txt"), attributes).unwrap();
    fs::write(dir.path().join("list_eval_partition.txt"), partition).unwrap();
    fs::write(dir.path().join("identity_CelebA.txt"), identities).unwrap();
    let text = r#"
        [images]
        source = "celeba"
        annotations = "."
        root = "img"
        size = 4
        minimum_per_class = 5
        [attributes.smiling]
        kind = "ordered"
        column = "Smiling"
        classes = ["no", "yes"]
    "#;
    let (dataset, _out) = run(text, dir.path()).unwrap();
    assert_eq!(Split::ALL.map(|split| dataset.class_counts(0, split)), [[5, 5, 0], [5, 5, 0], [5, 5, 0]]);
    let listed = files(&Description::parse(text).unwrap(), &Origin::Folder(dir.path().into())).unwrap();
    assert_eq!(listed.len(), 33);
    // One person in two splits.
    let path = dir.path().join("identity_CelebA.txt");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("000010.jpg 2", "000010.jpg 1")).unwrap();
    assert!(message(text, dir.path()).contains("row 13 has `1`, a group in split validation"));
}

#[test]
fn json_lines_are_a_manifest_too() {
    let dir = TempDir::new().unwrap();
    let text = manifest(dir.path()).replace("labels.csv", "labels.jsonl");
    let (from_csv, _out) = run(&text.replace("labels.jsonl", "labels.csv"), dir.path()).unwrap();
    let rows = fs::read_to_string(dir.path().join("labels.csv")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let tags: Vec<String> =
            cells[4].split('|').filter(|tag| !tag.is_empty()).map(|tag| format!("{tag:?}")).collect();
        let sleeve = if cells[3].is_empty() { "null".to_owned() } else { format!("{:?}", cells[3]) };
        let (path, group, split, tags) = (cells[0], cells[1], cells[2], tags.join(", "));
        format!(
            r#"{{"file_name": "{path}", "group": "{group}", "split": "{split}", "sleeve": {sleeve}, "tags": [{tags}]}}"#
        )
    };
    let lines: Vec<String> = rows.lines().skip(1).map(row).collect();
    fs::write(dir.path().join("labels.jsonl"), lines.join("\n")).unwrap();
    let (from_lines, _out) = run(&text, dir.path()).unwrap();
    assert_eq!(from_lines, from_csv);
    fs::remove_file(dir.path().join("labels.csv")).unwrap();
    let first = init(dir.path()).unwrap();
    assert!(first.contains("file = \"labels.jsonl\"\nroot = \"img\""), "{first}");
}

#[test]
fn paths_that_leave_the_root_stop_the_import() {
    let dir = TempDir::new().unwrap();
    let text = manifest(dir.path());
    let path = dir.path().join("labels.csv");
    let rows = fs::read_to_string(&path).unwrap();
    let absolute = dir.path().join("img/5.png");
    for outside in ["../img/5.png", "a/../../5.png", absolute.to_str().unwrap()] {
        fs::write(&path, rows.replacen("\n5.png", &format!("\n{outside}"), 1)).unwrap();
        let got = message(&text, dir.path());
        let expected =
            format!("labels.csv, row 7 has `{outside}`, a path that leaves the root\nhint: set `images.root`");
        assert!(got.contains(&expected), "{got}");
        let description = Description::parse(&text).unwrap();
        assert!(files(&description, &Origin::Folder(dir.path().into())).is_err());
    }
    fs::write(&path, rows.replacen("\n5.png", "\na/../5.png", 1)).unwrap();
    fs::create_dir(dir.path().join("img/a")).unwrap();
    assert_eq!(run(&text, dir.path()).unwrap().0.items.len(), 60);
}

#[test]
fn bad_images_are_skipped_counted_and_named() {
    let dir = TempDir::new().unwrap();
    photos(dir.path());
    let dark = dir.path().join("photos/dark");
    fs::remove_file(dark.join("broken.png")).unwrap();
    let whole = fs::read(dir.path().join("photos/light/00.JPG")).unwrap();
    fs::write(dark.join("cut.jpg"), &whole[..whole.len() / 2]).unwrap();
    fs::write(dark.join("empty.jpg"), "").unwrap();
    fs::write(dark.join("text.jpg"), "no image").unwrap();
    let mut huge = whole;
    let frame = huge.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    huge[frame + 5..frame + 9].copy_from_slice(&[195, 80, 195, 80]);
    fs::write(dark.join("huge.jpg"), huge).unwrap();
    save(&dark.join("fine.webp"), RgbImage::from_pixel(5, 5, Rgb([1, 2, 3])), ImageFormat::WebP);
    let (dataset, _out) = run(&FOLDER.replace("0.05", "0.1"), dir.path()).unwrap();
    assert_eq!(dataset.items.len(), 41);
    let skipped: Vec<(&str, &str)> = dataset.skipped.iter().map(|s| (&s.path[..], &s.reason[..])).collect();
    assert_eq!(
        skipped[..2],
        [("dark/cut.jpg", "it is cut short: its end marker is missing"), ("dark/empty.jpg", "it is empty"),]
    );
    assert!(skipped[2].0 == "dark/huge.jpg" && skipped[2].1.contains("50000 x 50000 pixels"), "{skipped:?}");
    assert!(skipped[3].0 == "dark/text.jpg" && skipped[3].1.contains("neither a JPEG nor a PNG"), "{skipped:?}");
    let got = message(FOLDER, dir.path());
    assert!(got.contains("4 of 45 images could not be read") && got.contains("dark/cut.jpg"), "{got}");
}

#[test]
fn rotation_is_applied_unless_ignored() {
    use image::ImageEncoder;
    let dir = TempDir::new().unwrap();
    photos(dir.path());
    // White on the left, black on the right; upright it is turned by a quarter, white on top.
    let image = GrayImage::from_fn(8, 8, |x, _| Luma([if x < 4 { 255 } else { 0 }]));
    let tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    let mut file = fs::File::create(dir.path().join("photos/dark/00a.jpg")).unwrap();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 100);
    encoder.set_exif_metadata(tiff).unwrap();
    encoder.write_image(image.as_raw(), 8, 8, image::ExtendedColorType::L8).unwrap();
    let packed = |text: &str| {
        let (dataset, out) = run(text, dir.path()).unwrap();
        let row = dataset.items.iter().position(|item| item.id == "dark/00a.jpg").unwrap();
        let mut bytes = vec![0; 2 * 2];
        Pixels::open(out.path(), &dataset).unwrap().read(&[row], &mut bytes).unwrap();
        bytes.iter().map(|&value| value > 127).collect::<Vec<_>>()
    };
    let text = FOLDER.replace("size = 4", "size = 2").replace("channels = 3", "channels = 1");
    assert_eq!(packed(&text), [true, true, false, false]);
    assert_eq!(packed(&text.replace("size = 2", "size = 2\nexif = \"ignore\"")), [true, false, true, false]);
}

/// Rows of the three remaining data sets in their true formats, seen through a description.
#[test]
fn fashion_data_sets_are_read_through_descriptions() {
    let dir = TempDir::new().unwrap();
    for (name, text) in [
        (
            "label.csv",
            "Images/sleeve_length_labels/a.jpg,sleeve_length_labels,nynnnnnnn\nImages/sleeve_length_labels/b.jpg,sleeve_length_labels,nnnnnnnyn\n",
        ),
        (
            "coco.json",
            r#"{"categories": [{"id": 31, "name": "sleeve"}], "attributes": [{"id": 1, "name": "mini", "supercategory": "length"},
                {"id": 2, "name": "maxi", "supercategory": "length"}], "images": [{"id": 1, "file_name": "a.jpg"},
                {"id": 2, "file_name": "b.jpg"}], "annotations": [{"image_id": 1, "category_id": 31, "attribute_ids": [1]},
                {"image_id": 2, "category_id": 31, "attribute_ids": [2]}]}"#,
        ),
        ("Anno/list_category_cloth.txt", "2\nname type\nTee 1\nSkirt 2\n"),
        ("Anno/list_category_img.txt", "2\nimage label\nimg/a.jpg 1\nimg/b.jpg 2\n"),
        ("Anno/list_attr_cloth.txt", "1\nname type\noff the shoulder 4\n"),
        ("Anno/list_attr_img.txt", "2\nimage labels\nimg/a.jpg 1\nimg/b.jpg -1\n"),
        ("Eval/list_eval_partition.txt", "2\nimage status\nimg/a.jpg train\nimg/b.jpg test\n"),
    ] {
        fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
        fs::write(dir.path().join(name), text).unwrap();
    }
    for (source, attribute, classes, columns, label_files) in [
        ("source = \"fashionai\"\nfile = \"label.csv\"", "sleeve_length", ["long", "sleeveless"], 1, 1),
        ("source = \"coco\"\nfile = \"coco.json\"", "length", ["maxi", "mini"], 2, 1),
        ("source = \"deepfashion\"\nannotations = \".\"", "category", ["Skirt", "Tee"], 6, 5),
    ] {
        let text = format!(
            "[images]\n{source}\nminimum_per_class = 1\nmaximum_unreadable = 1.0\n[attributes.{attribute}]\nkind = \"nominal\""
        );
        let (description, origin) = (Description::parse(&text).unwrap(), Origin::Folder(dir.path().into()));
        let survey = survey(&description, &origin, Depth::Names, &|_, _| {}).unwrap();
        assert_eq!((survey.images, survey.missing, survey.columns.len()), (2, 2, columns), "{source}");
        let found: Vec<(&str, usize)> =
            survey.attributes[0].classes.iter().map(|class| (&class.name[..], class.images)).collect();
        assert_eq!(found, classes.map(|class| (class, 1)), "{source}");
        assert!(survey.suspicions.is_empty(), "{:?}", survey.suspicions);
        assert_eq!(files(&description, &origin).unwrap().len(), label_files, "{source}");
        let got = message(&text, dir.path());
        assert!(got.contains("2 of 2 images could not be read") || got.contains("split holds no images"), "{got}");
    }
}
