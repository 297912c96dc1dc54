//! The embedded photographs, and IDX files of other sizes.

use super::*;

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
    let (embedded, _) = import("test", &description, &origin, second.path(), &seen).unwrap();
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
