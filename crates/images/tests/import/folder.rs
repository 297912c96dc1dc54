//! Folders of image files: what is read, skipped, turned upright or refused.

use super::*;

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
    assert_eq!(names.len(), 42);
    assert!(names.is_sorted() && names[0] == "(decoder of image files)" && names[1] == "photos/dark/00.png");

    let decoding = FileDecoding::default();
    let size = |root: Option<&Path>, max_px: u32| {
        let png = thumbnail(&pixels, &dataset, 20, max_px, root.map(|root| (root, &decoding))).unwrap();
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
    fs::write(dir.path().join("photos/light/x.heic"), "").unwrap();
    let (dataset, _out) = run(FOLDER, dir.path()).unwrap();
    let reason = "it is a HEIC picture, which is not read: convert it to JPEG or PNG".into();
    assert_eq!(dataset.skipped[0], Skipped { path: "light/x.heic".into(), reason });
    fs::remove_dir_all(dir.path().join("photos/light")).unwrap();
    assert!(message(FOLDER, dir.path()).contains("fewer than two classes"));
}

#[test]
fn a_first_description_imports_as_it_stands() {
    // Sub-folders; the broken file is one of 41, past the share that a first description allows.
    let dir = TempDir::new().unwrap();
    photos(dir.path());
    let text = drafted(dir.path()).unwrap();
    assert!(text.contains("root = \"photos\"") && text.contains("\"light\",   # 20 images"), "{text}");
    assert!(message(&text, dir.path()).contains("broken.png"));
    fs::remove_file(dir.path().join("photos/dark/broken.png")).unwrap();
    let (dataset, _out) = run(&drafted(dir.path()).unwrap(), dir.path()).unwrap();
    assert_eq!((dataset.items.len(), &dataset.attributes[0].name[..]), (40, "category"));

    // A manifest: the number of a product is no attribute.
    let dir = TempDir::new().unwrap();
    manifest(dir.path());
    let text = drafted(dir.path()).unwrap();
    assert!(
        text.contains("file = \"labels.csv\"\nroot = \"img\"") && text.contains("sku (60 values for 60 images)"),
        "{text}"
    );
    let (dataset, _out) = run(&text, dir.path()).unwrap();
    let found: Vec<(&str, AttributeKind)> = dataset.attributes.iter().map(|a| (&a.name[..], a.kind)).collect();
    assert_eq!(found, [("sleeve", AttributeKind::Nominal), ("tags", AttributeKind::Multi)]);
    assert_eq!(dataset.shape.channels, 1);

    // IDX files.
    let text = drafted(&photographs()).unwrap();
    assert!(
        text.contains("images = [\"t10k-images-idx3-ubyte.gz\"]") && text.contains("\"9\",   # 1000 images"),
        "{text}"
    );
    let (dataset, _out) = run(&text.replace("limit = 0", "limit = 400"), &photographs()).unwrap();
    assert_eq!((dataset.items.len(), dataset.shape.height), (400, 28));

    // Nothing at all.
    let dir = TempDir::new().unwrap();
    assert!(matches!(drafted(dir.path()), Err(Error::NoImages { .. })));
    assert!(drafted(&dir.path().join("nowhere")).is_err());
    save(&dir.path().join("only/1.png"), GrayImage::new(2, 2), ImageFormat::Png);
    assert!(matches!(drafted(dir.path()), Err(Error::NoAttribute { .. })));
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
    assert!(
        skipped[2].0 == "dark/huge.jpg"
            && skipped[2].1.contains("50000 x 50000 pixels, more than `images.limits.pixels` = 178956970 allows"),
        "{skipped:?}"
    );
    assert!(
        skipped[3].0 == "dark/text.jpg" && skipped[3].1.contains("no picture of a kind that is read"),
        "{skipped:?}"
    );
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
