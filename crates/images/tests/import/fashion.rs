//! Public fashion data sets, with their gaps, lists and rare classes.

use super::*;

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
    assert_eq!((names.len(), &names[24..]), (26, &["labels.csv".to_owned(), "train.json".to_owned()][..]));
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
    assert_eq!(
        (names, listed.len()),
        (vec!["(decoder of image files)", "labels.csv", "train.json", "validation.json"], 29)
    );

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
    assert_eq!(listed.len(), 34);
    // One person in two splits.
    let path = dir.path().join("identity_CelebA.txt");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("000010.jpg 2", "000010.jpg 1")).unwrap();
    assert!(message(text, dir.path()).contains("row 13 has `1`, a group in split validation"));
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
        assert_eq!(files(&description, &origin).unwrap().len(), label_files + 1, "{source}");
        let got = message(&text, dir.path());
        assert!(got.contains("2 of 2 images could not be read") || got.contains("split holds no images"), "{got}");
    }
}
