//! First descriptions of folders as people have them: nothing is passed over in silence, nothing matched by guess.

use latentwalk_images::Draft;

use super::*;

/// Pictures `FOLDER/I.png` of different grey.
fn pictures(dir: &Path, folders: &[&str], count: usize) -> Vec<String> {
    let mut paths = Vec::new();
    for folder in folders {
        for at in 0..count {
            let name = if folder.is_empty() { format!("{at}.png") } else { format!("{folder}/{at}.png") };
            let grey = 10 * (paths.len() % 25) as u8 + at as u8 % 10;
            save(&dir.join(&name), GrayImage::from_pixel(6, 5, Luma([grey])), ImageFormat::Png);
            paths.push(name);
        }
    }
    paths
}

fn table(paths: &[String], head: &str, row: impl Fn(usize, &str) -> String) -> String {
    let rows: String = paths.iter().enumerate().map(|(at, path)| row(at, path) + "\n").collect();
    format!("{head}\n{rows}")
}

fn draft(dir: &Path) -> Draft {
    init(dir, &InitOptions::default()).unwrap()
}

/// The attributes of a draft with their classes, after an import.
fn imported(dir: &Path) -> (Vec<(String, Vec<String>)>, Dataset) {
    let text = draft(dir).text;
    let (dataset, _out) = run(&text, dir).unwrap_or_else(|error| panic!("{error}\n{text}"));
    (dataset.attributes.iter().map(|a| (a.name.clone(), a.classes.clone())).collect(), dataset)
}

fn colours() -> Vec<(String, Vec<String>)> {
    vec![("colour".to_owned(), vec!["blue".to_owned(), "red".to_owned()])]
}

fn colour(at: usize) -> &'static str {
    ["red", "blue"][at % 2]
}

#[test]
fn a_table_names_images_in_many_ways() {
    for (head, cut) in
        [("filename", 0), ("image_name", 0), ("img_path", 0), ("image_id", 4), ("id", 4), ("ID", 0), ("photo", 4)]
    {
        let dir = TempDir::new().unwrap();
        let paths = pictures(dir.path(), &["a", "b"], 12);
        let text = table(&paths, &format!("{head},colour"), |at, path| {
            format!("{},{}", &path[..path.len() - cut], colour(at))
        });
        fs::write(dir.path().join("labels.csv"), text).unwrap();
        let (attributes, dataset) = imported(dir.path());
        assert_eq!((attributes, dataset.items.len()), (colours(), 24), "{head}");
    }
    for (head, cut, folder) in [("image_id", 4, "img"), ("id", 4, "train_images"), ("Id", 0, "x/y"), ("name", 4, "")] {
        let dir = TempDir::new().unwrap();
        let paths = pictures(dir.path(), &[folder], 24);
        let text = table(&paths, &format!(",{head},colour"), |at, path| {
            let name = path.rsplit('/').next().unwrap();
            format!("{at},{},{}", &name[..name.len() - cut], colour(at))
        });
        fs::write(dir.path().join("labels.csv"), text).unwrap();
        let (attributes, dataset) = imported(dir.path());
        assert_eq!((attributes, dataset.items.len()), (colours(), 24), "{head}");
    }
}

#[test]
fn a_table_without_a_header_is_named() {
    let dir = TempDir::new().unwrap();
    let paths = pictures(dir.path(), &["a", "b"], 12);
    let rows: String = paths.iter().enumerate().map(|(at, path)| format!("{path},{}\n", colour(at))).collect();
    fs::write(dir.path().join("labels.csv"), rows).unwrap();
    let told = told(&init(dir.path(), &InitOptions::default()).unwrap_err());
    assert!(told.contains("labels.csv, row 1 cannot be read: its first row names the image `a/0.png`"), "{told}");
}

#[test]
fn a_name_that_fits_several_files_is_an_error() {
    let dir = TempDir::new().unwrap();
    let paths = pictures(dir.path(), &["a", "b"], 12);
    let text = table(&paths, "id,colour", |at, path| format!("{},{}", path[2..].trim_end_matches(".png"), colour(at)));
    fs::write(dir.path().join("labels.csv"), text).unwrap();
    let told = told(&init(dir.path(), &InitOptions::default()).unwrap_err());
    assert!(told.contains("labels.csv, row 2 has `0`, which may be a/0.png or b/0.png"), "{told}");
    // Folders before it tell which, also those of another machine.
    let text = table(&paths, "path,colour", |at, path| format!("C:\\data\\{},{}", path.replace('/', "\\"), colour(at)));
    fs::write(dir.path().join("labels.csv"), text).unwrap();
    let (attributes, dataset) = imported(dir.path());
    assert_eq!((attributes, dataset.items[13].path.as_deref()), (colours(), Some("b/1.png")));
}

#[test]
fn a_table_that_cannot_be_read_is_named() {
    let dir = TempDir::new().unwrap();
    let paths = pictures(dir.path(), &["cat", "dog"], 12);
    let text = table(&paths, "path,colour", |at, path| format!("{path},{}", ["red", "bl\u{e4}ulich"][at % 2]));
    let file = dir.path().join("labels.csv");
    // Latin-1 says nothing of itself, so it is an error; UTF-16 has a mark.
    let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
    fs::write(&file, latin).unwrap();
    let told = told(&init(dir.path(), &InitOptions::default()).unwrap_err());
    assert!(told.contains("labels.csv, row 3") && told.contains("not UTF-8"), "{told}");
    let wide: Vec<u8> = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    fs::write(&file, wide).unwrap();
    assert_eq!(imported(dir.path()).0, [("colour".to_owned(), vec!["bl\u{e4}ulich".to_owned(), "red".to_owned()])]);
    // A table of something else is passed over, and that is told.
    fs::write(&file, "day,weather\n1,rain\n2,sun\n").unwrap();
    let found = draft(dir.path());
    assert!(found.text.contains("\"cat\""), "{}", found.text);
    assert!(found.remarks.iter().any(|remark| remark.contains("labels.csv: no column names the images")), "{found:?}");
    let strangers: String = (0..24).map(|at| format!("videos/{at}.mp4,{}\n", colour(at))).collect();
    fs::write(&file, format!("path,colour\n{strangers}")).unwrap();
    let found = draft(dir.path());
    assert!(found.text.contains("\"cat\""), "{}", found.text);
    assert!(found.remarks.iter().any(|remark| remark.contains("labels.csv names no image that is here")), "{found:?}");
    fs::write(dir.path().join("v.parquet"), "PAR1").unwrap();
    assert!(draft(dir.path()).remarks.iter().any(|remark| remark.contains("v.parquet was passed over")));
    fs::remove_file(dir.path().join("v.parquet")).unwrap();
    fs::write(&file, "day;weather\n1\n2;sun;3\n").unwrap();
    assert!(draft(dir.path()).remarks.iter().any(|remark| remark.contains("labels.csv was passed over")));
    // Other files that name images are named.
    fs::remove_file(&file).unwrap();
    fs::write(dir.path().join("list.txt"), paths.join(" red\n")).unwrap();
    assert!(draft(dir.path()).remarks.iter().any(|remark| remark.starts_with("list.txt names images")));
}

#[test]
fn json_lines_may_hold_nan_and_must_be_whole() {
    let dir = TempDir::new().unwrap();
    let paths = pictures(dir.path(), &["a", "b"], 12);
    let line = |at: usize| format!("{{\"path\": \"{}\", \"score\": NaN, \"colour\": \"{}\"}}", paths[at], colour(at));
    let mut lines: Vec<String> = (0..paths.len()).map(line).collect();
    let file = dir.path().join("labels.jsonl");
    fs::write(&file, lines.join("\n")).unwrap();
    assert_eq!(imported(dir.path()).0, colours());
    lines.push("{\"path\": \"b/11.p".into());
    fs::write(&file, lines.join("\n")).unwrap();
    let told = told(&init(dir.path(), &InitOptions::default()).unwrap_err());
    assert!(told.contains("labels.jsonl, row 25 cannot be read"), "{told}");
}

#[test]
fn of_several_tables_the_one_with_the_labels_is_taken() {
    // Tables named after splits belong together.
    let dir = TempDir::new().unwrap();
    let paths = pictures(dir.path(), &["img"], 40);
    let part = |range: std::ops::Range<usize>| {
        table(&paths[range], "path,colour", |at, path| format!("{path},{}", colour(at)))
    };
    fs::write(dir.path().join("train.csv"), part(0..30)).unwrap();
    fs::write(dir.path().join("test.csv"), part(30..40)).unwrap();
    let (attributes, dataset) = imported(dir.path());
    assert_eq!(attributes, colours());
    assert_eq!(dataset.class_counts(0, Split::Test), [5, 5, 0]);
    assert!(dataset.class_counts(0, Split::Validation)[0] > 0, "drawn from train");
    // A form to be filled in has no labels; it stands before train.csv in the alphabet.
    let dir = TempDir::new().unwrap();
    let train = pictures(dir.path(), &["train"], 30);
    let test = pictures(dir.path(), &["test"], 10);
    let stem = |path: &str| path.rsplit('/').next().unwrap().strip_suffix(".png").unwrap().to_owned();
    let id = |path: &String| format!("{}{}", &path[..2], stem(path));
    for path in train.iter().chain(&test) {
        let folder = path.split('/').next().unwrap();
        fs::rename(dir.path().join(path), dir.path().join(folder).join(format!("{}.png", id(path)))).unwrap();
    }
    let rows = |paths: &[String], label: &dyn Fn(usize) -> &'static str| -> String {
        let rows = paths.iter().enumerate().map(|(at, path)| format!("{},{}\n", id(path), label(at)));
        std::iter::once("id,colour\n".to_owned()).chain(rows).collect()
    };
    fs::write(dir.path().join("sample_submission.csv"), rows(&test, &|_| "red")).unwrap();
    fs::write(dir.path().join("train.csv"), rows(&train, &colour)).unwrap();
    let found = draft(dir.path());
    assert!(
        found.text.contains("file = \"train.csv\"") && found.text.contains("path_match = \"stem\""),
        "{}",
        found.text
    );
    assert!(
        found.remarks.iter().any(|remark| remark.contains("sample_submission.csv: no column could be")),
        "{found:?}"
    );
    assert_eq!((imported(dir.path()).0, imported(dir.path()).1.items.len()), (colours(), 30));
}

#[test]
fn folders_may_be_splits() {
    for (splits, root) in [
        (&["train", "val"][..], ""),
        (&["train", "valid", "test"], ""),
        (&["Training", "Validation"], ""),
        (&["training_set", "test_set"], "dataset/"),
        (&["train/train", "test/test"], ""),
    ] {
        let dir = TempDir::new().unwrap();
        for split in splits {
            pictures(dir.path(), &[&format!("{root}{split}/cat"), &format!("{root}{split}/dog")], 15);
        }
        let (attributes, dataset) = imported(dir.path());
        assert_eq!(attributes, [("category".to_owned(), vec!["cat".to_owned(), "dog".to_owned()])], "{splits:?}");
        let of = |split| dataset.items.iter().filter(|item| item.split == split).count();
        assert_eq!(of(Split::Train) + of(Split::Validation) + of(Split::Test), 30 * splits.len());
        assert!(Split::ALL.into_iter().all(|split| of(split) > 0), "{splits:?}");
        let of_folder = |item: &latentwalk_images::Item| item.path.clone().unwrap().to_lowercase();
        assert!(
            dataset.items.iter().filter(|item| of_folder(item).contains("test")).all(|item| item.split == Split::Test)
        );
    }
    // A class that is called `train`, beside others.
    let dir = TempDir::new().unwrap();
    pictures(dir.path(), &["train", "bus", "tram"], 15);
    assert_eq!(imported(dir.path()).0[0].1, ["bus", "train", "tram"]);
    let dir = TempDir::new().unwrap();
    pictures(dir.path(), &["train/steam", "train/diesel", "bus/city"], 15);
    assert_eq!(imported(dir.path()).0[0].1, ["bus", "train"]);
    // One split has classes, the other only images.
    let dir = TempDir::new().unwrap();
    pictures(dir.path(), &["train/cat", "train/dog", "test"], 15);
    let found = draft(dir.path());
    assert!(found.remarks.iter().any(|remark| remark.contains("`test` holds no folders of classes")), "{found:?}");
    assert_eq!(imported(dir.path()).1.items.len(), 30);
    // None has.
    let dir = TempDir::new().unwrap();
    pictures(dir.path(), &["train", "test"], 15);
    let told = told(&init(dir.path(), &InitOptions::default()).unwrap_err());
    assert!(told.contains("`test`, `train` are named after splits"), "{told}");
}

#[test]
fn what_a_folder_holds_beside_images_is_told() {
    let dir = TempDir::new().unwrap();
    pictures(dir.path(), &["cat", "dog", "@eaDir/cat", "#recycle"], 12);
    let jpeg = dir.path().join("cat/more.jpg");
    save(&jpeg, RgbImage::from_pixel(8, 8, Rgb([9, 9, 9])), ImageFormat::Jpeg);
    for name in ["other", "a.jfif", "b.jpe", "c.dng", "d.mpo"] {
        fs::copy(&jpeg, dir.path().join("cat").join(name)).unwrap();
    }
    fs::write(dir.path().join("cat/notes.md"), "no image").unwrap();
    fs::write(dir.path().join("dog/x.heic"), b"\0\0\0\x1cftypheic").unwrap();
    fs::write(dir.path().join("dog/.hidden.png"), "").unwrap();
    let found = draft(dir.path());
    let all = found.remarks.join("\n");
    for expected in [
        "`@eaDir` is a folder of the system: its 12 files",
        "`#recycle`",
        "1 file that is no picture: 1 .md",
        "1 hidden",
    ] {
        assert!(all.contains(expected), "{expected}: {all}");
    }
    assert!(
        found.text.contains("\"cat\",   # 18 images") && found.text.contains("1 in formats that are not read"),
        "{}",
        found.text
    );
}

/// How labels are written into one cell.
type Join<'a> = &'a dyn Fn(&[&str]) -> String;

#[test]
fn several_labels_in_a_cell_are_taken_apart() {
    let sets: [&[&str]; 4] = [&["clear", "water"], &["clear", "road"], &["clear", "water", "road"], &["road"]];
    let json =
        |set: &[&str]| format!("\"[{}]\"", set.iter().map(|s| format!("\"\"{s}\"\"")).collect::<Vec<_>>().join(", "));
    let ways: [(&str, Join<'_>); 5] = [
        ("|", &|set| set.join("|")),
        (";", &|set| set.join(";")),
        (" ", &|set| set.join(" ")),
        (",", &|set| format!("\"{}\"", set.join(","))),
        ("list", &json),
    ];
    for (word, join) in ways {
        let dir = TempDir::new().unwrap();
        let paths = pictures(dir.path(), &["img"], 40);
        fs::write(
            dir.path().join("labels.csv"),
            table(&paths, "path,tags", |at, path| format!("{path},{}", join(sets[at % 4]))),
        )
        .unwrap();
        let (attributes, dataset) = imported(dir.path());
        assert_eq!(attributes[0].1, ["clear", "road", "water"], "{word}");
        assert_eq!(dataset.attributes[0].kind, AttributeKind::Multi);
    }
    let dir = TempDir::new().unwrap();
    let paths = pictures(dir.path(), &["img"], 40);
    let names = ["\"Paris, France\"", "\"Rome, Italy\"", "light blue"];
    fs::write(
        dir.path().join("labels.csv"),
        table(&paths, "path,place", |at, path| format!("{path},{}", names[at % 3])),
    )
    .unwrap();
    assert_eq!(imported(dir.path()).0[0].1, ["Paris, France", "Rome, Italy", "light blue"]);
}

#[test]
fn a_column_per_class_is_one_attribute() {
    let dir = TempDir::new().unwrap();
    let paths = pictures(dir.path(), &["img"], 60);
    let flags = |at: usize| ["1,0,0", "0,1,0", "0,0,1"][at % 3];
    fs::write(
        dir.path().join("labels.csv"),
        table(&paths, "path,cat,dog,fox", |at, path| format!("{path},{}", flags(at))),
    )
    .unwrap();
    let (attributes, dataset) = imported(dir.path());
    assert_eq!(attributes, [("category".to_owned(), ["cat", "dog", "fox"].map(String::from).to_vec())]);
    assert_eq!((dataset.attributes[0].kind, &dataset.items[0].labels[0]), (AttributeKind::Nominal, &Label::One(0)));
    // Several may apply: in a file that is called so they are one attribute, elsewhere each is its own.
    let several = |at: usize| ["1,1,0", "0,1,0", "0,0,0"][at % 3];
    let text =
        table(&paths, "filename,cat,dog,fox", |at, path| format!("{path},{}", several(at))).replace(",0\n", ",1\n");
    fs::write(dir.path().join("labels.csv"), &text).unwrap();
    assert_eq!(imported(dir.path()).0.len(), 2);
    fs::rename(dir.path().join("labels.csv"), dir.path().join("_classes.csv")).unwrap();
    let (attributes, dataset) = imported(dir.path());
    assert_eq!((attributes.len(), dataset.attributes[0].kind), (1, AttributeKind::Multi));
    assert_eq!(dataset.items[0].labels[0], Label::Many(vec![0, 1, 2]));
}

#[test]
fn many_classes_are_declared() {
    for classes in [100, 101, 300] {
        let dir = TempDir::new().unwrap();
        let folders: Vec<String> = (0..classes).map(|at| format!("breed{at:03}")).collect();
        for folder in &folders {
            pictures(dir.path(), &[folder], 2);
        }
        assert!(draft(dir.path()).text.matches("# 2 images").count() == classes);
    }
}

#[test]
fn names_are_compared_in_one_unicode_form() {
    let (nfc, nfd) = ("U\u{308}bung", "\u{dc}bung");
    let dir = TempDir::new().unwrap();
    let mut rows = String::from("path,place\n");
    for at in 0..24 {
        let file = format!("img/{}_{at}.png", if at % 2 == 0 { nfc } else { "Cafe" });
        save(&dir.path().join(&file), GrayImage::from_pixel(6, 5, Luma([at * 9])), ImageFormat::Png);
        let place = [nfc, nfd, "Cafe", "Cafe"][usize::from(at) / 2 % 2 + 2 * usize::from(at % 2)];
        rows += &format!("{},{place}\n", file.replace(nfc, nfd));
    }
    fs::write(dir.path().join("labels.csv"), rows).unwrap();
    let (attributes, dataset) = imported(dir.path());
    assert_eq!((attributes[0].1.len(), dataset.items.len(), dataset.skipped.len()), (2, 24, 0));
    let dir = TempDir::new().unwrap();
    for (folder, at) in [(nfc, 0), (nfd, 1), ("Cafe", 2)] {
        pictures(dir.path(), &[folder], 8 + at);
    }
    assert_eq!(imported(dir.path()).0[0].1.len(), 2);
}

#[test]
fn classes_that_look_alike_or_like_nothing_are_doubted() {
    let dir = TempDir::new().unwrap();
    let paths = pictures(dir.path(), &["img"], 60);
    let cells = ["Cat,small", "cat,large", "CAT,nan", "dog,None"];
    fs::write(
        dir.path().join("labels.csv"),
        table(&paths, "path,animal,size", |at, path| format!("{path},{}", cells[at % 4])),
    )
    .unwrap();
    let all = draft(dir.path()).remarks.join("\n");
    assert!(
        all.contains("classes `CAT`, `Cat`, `cat` look alike") && all.contains("`None`, `nan` may stand for a missing"),
        "{all}"
    );
    let description = Description::parse(&draft(dir.path()).text).unwrap();
    let origin = Origin::Folder(dir.path().into());
    let said = survey(&description, &origin, Depth::Names, &|_, _| {}).unwrap().to_string();
    assert!(
        said.contains("`cat` of attribute `animal` look alike") && said.contains("may stand for a missing label"),
        "{said}"
    );
}

#[test]
fn absolute_paths_are_read_and_a_draft_may_lie_elsewhere() {
    let dir = TempDir::new().unwrap();
    let paths = pictures(&dir.path().join("photos"), &["img"], 30);
    let root = dir.path().join("photos").canonicalize().unwrap();
    let text = table(&paths, "path,colour", |at, path| format!("{},{}", root.join(path).display(), colour(at)));
    fs::write(root.join("labels.csv"), text).unwrap();
    let (attributes, dataset) = imported(&root);
    assert_eq!((attributes, dataset.items[0].path.as_deref()), (colours(), Some("img/0.png")));
    let elsewhere = dir.path().join("mine");
    fs::create_dir(&elsewhere).unwrap();
    for (base, expected) in [(dir.path().to_owned(), "photos/labels.csv"), (elsewhere, "/photos/labels.csv")] {
        let text = init(&root, &InitOptions { base: Some(base.clone()), tables: None }).unwrap().text;
        assert!(text.contains(expected), "{text}");
        assert_eq!(run(&text, &base).unwrap().0.items.len(), 30);
    }
}
