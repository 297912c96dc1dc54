//! Images that lie in the table that names them; the table's reader is a caller's.

use std::io;

use latentwalk_images::{EmbeddedImages, TableReader};

use super::*;

/// Stands for Parquet: the rows are the file's text, the images lie beside it.
const TABLES: TableReader = TableReader {
    rows: |path| Ok(Box::new(fs::File::open(path)?)),
    images: |path, column| {
        assert_eq!(column, "image");
        let (folder, count) = (path.with_extension(""), fs::read_to_string(path)?.lines().count());
        let image = move |row: usize| match fs::read(folder.join(row.to_string())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        };
        Ok(Box::new((0..count).map(image)) as EmbeddedImages)
    },
};

/// Writes a table of `count` rows; row 1 of the first has no image, row 2 holds something else.
fn shard(dir: &Path, name: &str, count: u8) {
    let folder = dir.join(name).with_extension("");
    fs::create_dir_all(&folder).unwrap();
    let mut text = String::new();
    for row in 0..count {
        let file = folder.join(row.to_string());
        let grey = GrayImage::from_pixel(6, 5, Luma([4 * row]));
        grey.save_with_format(&file, ImageFormat::Png).unwrap();
        let length = fs::metadata(&file).unwrap().len();
        let path = if row % 2 == 0 { format!("\"{name}/{row}.png\"") } else { "null".into() };
        text += &format!("{{\"image\": {{\"bytes\": {length}, \"path\": {path}}}, \"label\": {}}}\n", row % 3);
    }
    fs::write(dir.join(name), text).unwrap();
}

#[test]
fn images_within_tables_are_packed_in_their_order() {
    let dir = TempDir::new().unwrap();
    shard(dir.path(), "train-00000-of-00002.parquet", 60);
    shard(dir.path(), "train-00001-of-00002.parquet", 30);
    let options = InitOptions { base: None, tables: Some(TABLES) };
    let text = init(dir.path(), &options).unwrap().text;
    assert!(text.matches("[[images.parts]]").count() == 2 && text.contains("\"0\",   # 30 images"), "{text}");
    let origin = Origin::FolderWithTables(dir.path().into(), TABLES);
    let import_with = |text: &str| {
        let out = TempDir::new().unwrap();
        let description = Description::parse(text).unwrap();
        import("test", &description, &origin, out.path(), &|_, _| {}).map(|(dataset, _)| (dataset, out))
    };
    let (dataset, out) = import_with(&text).unwrap();
    assert_eq!((dataset.items.len(), dataset.items[0].path.as_deref()), (90, None));
    assert!(
        dataset.items[0].id.ends_with("/0.png") && dataset.items[1].id.ends_with("row-000002"),
        "{:?}",
        dataset.items[1]
    );
    let pixels = Pixels::open(out.path(), &dataset).unwrap();
    let mut bytes = vec![0; dataset.shape.len()];
    for (at, grey) in [(3, 12), (59, 236), (60, 0), (89, 116)] {
        pixels.read(&[at], &mut bytes).unwrap();
        assert!(bytes.iter().all(|value| *value == grey), "{at}: {bytes:?}");
    }
    // A part of them, in any number of threads.
    let (few, _out) = on_threads(1, || import_with(&text.replace("limit = 0", "limit = 60")).unwrap());
    assert_eq!(few.items.len(), 60);
    let first = dir.path().join("train-00000-of-00002");
    fs::remove_file(first.join("1")).unwrap();
    fs::write(first.join("2"), "no image").unwrap();
    let told = told(&import_with(&text).unwrap_err());
    assert!(told.contains("2 of 90 images could not be read") && told.contains("the row has no image"), "{told}");
    let (dataset, _out) = import_with(&text.replace("maximum_unreadable = 0.01", "maximum_unreadable = 0.1")).unwrap();
    assert_eq!((dataset.items.len(), dataset.skipped.len()), (88, 2));
    let description = Description::parse(&text).unwrap();
    let said = survey(&description, &origin, Depth::Contents, &|_, _| {}).unwrap().to_string();
    assert!(said.contains("90 images, 1 missing, 1 unreadable"), "{said}");
    assert!(files(&description, &origin).unwrap().len() == 3 && !out.path().join("nothing").exists());
}
