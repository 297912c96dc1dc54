//! Manifests: tables of paths and labels.

use super::*;

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
    let expected = r#"{"id":"1.png","split":"test","path":"1.png","group":"g0","labels":{"sleeve":"long","tags":["dotted","red"]}}"#;
    assert_eq!(items.lines().nth(1).unwrap(), expected);
    assert!(items.lines().nth(2).unwrap().contains(r#""sleeve":null,"tags":null"#));

    // A missing image is data, not a failure, up to a share.
    fs::remove_file(dir.path().join("img/30.png")).unwrap();
    let origin = Origin::Folder(dir.path().into());
    assert_eq!(files(&Description::parse(&text).unwrap(), &origin).unwrap().len(), 61);
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
        ("file_name", "title", "it needs a column with the path"),
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
fn what_passes_a_limit_names_its_key() {
    let dir = TempDir::new().unwrap();
    let text = manifest(dir.path()).replace("size = 4", "size = 4\n    maximum_unreadable = 1.0");
    let limited =
        |limit: &str| text.replacen("[attributes", &format!("[images.limits]\n    {limit}\n    [attributes"), 1);
    let got = message(&limited("rows = 59"), dir.path());
    assert!(
        got.contains("the source names 60 images, more than `images.limits.rows` = 59 allows\nhint: raise it"),
        "{got}"
    );
    let got = message(&limited("classes = 1"), dir.path());
    assert!(got.contains("attribute `sleeve` has 2 classes, more than `images.limits.classes` = 1 allows"), "{got}");
    let got = message(&limited("pixels = 15"), dir.path());
    assert!(got.contains("it is 4 x 4 pixels, more than `images.limits.pixels` = 15 allows"), "{got}");
    let got = message(&limited("file_bytes = 10"), dir.path());
    assert!(got.contains("more than `images.limits.file_bytes` = 10 allows"), "{got}");
    assert!(run(&limited("rows = 60"), dir.path()).is_ok());
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
    let first = drafted(dir.path()).unwrap();
    assert!(first.contains("file = \"labels.jsonl\"\nroot = \"img\""), "{first}");
}

#[test]
fn paths_that_leave_the_root_stop_the_import() {
    let dir = TempDir::new().unwrap();
    let text = manifest(dir.path());
    let path = dir.path().join("labels.csv");
    let rows = fs::read_to_string(&path).unwrap();
    let absolute = dir.path().join("5.png");
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
