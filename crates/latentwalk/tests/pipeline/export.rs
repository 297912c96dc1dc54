//! `export` for other programs: what Embedding Atlas and TensorBoard's projector open.

use arrow::array::{Array, AsArray, RecordBatch, StructArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type};
use latentwalk_images::Dataset;
use latentwalk_run::{Along, Walker, position};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

fn export(store: &Path, out: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(BINARY);
    command.arg("export").args(more).arg("--out").arg(out).arg("--store").arg(store);
    let output = command.output().unwrap();
    (output.status.code(), said(&output))
}

fn table(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn numbers<'a>(table: &'a RecordBatch, name: &str) -> &'a [f64] {
    table.column_by_name(name).unwrap_or_else(|| panic!("no column {name}")).as_primitive::<Float64Type>().values()
}

fn walker(store: &Path) -> Walker {
    Walker::open(&Run::open(&Store::open_existing(store).unwrap(), None).unwrap()).unwrap()
}

/// Positions by the library.
fn positions(walker: &Walker, line: &Along) -> Vec<f64> {
    let weights = walker.line_weights(line).unwrap();
    walker.data().points.z.outer_iter().map(|z| position(z, &weights)).collect()
}

#[test]
fn other_programs_open_what_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    run(&store, &[], &[]);
    let walker = walker(&store);
    the_atlas_has_places_neighbours_and_images(&store, folder.path(), &walker);
    lines_are_named_as_elsewhere(&store, folder.path(), &walker);
    the_projector_has_coordinates_labels_and_small_images(&store, folder.path(), &walker);
}

fn the_atlas_has_places_neighbours_and_images(store: &Path, folder: &Path, walker: &Walker) {
    let out = folder.join("of the run.parquet");
    let (code, text) = export(store, &out, &["--format", "atlas"]);
    let flags = "--x x --y y --neighbors neighbors --image image";
    let open = format!("open it by: embedding-atlas '{}' {flags}\n", out.display());
    assert!(code == Some(0) && text.contains(&open) && text.contains("600 rows"), "{text}");
    assert!(text.contains("x is category, y is sleeve"), "{text}");
    assert!(text.contains(&format!("in the {} metric", walker.metric("category").unwrap().kind())), "{text}");
    let table = table(&out);
    let schema = table.schema();
    let last: Vec<&str> = schema.fields().iter().rev().take(4).map(|field| field.name().as_str()).collect();
    assert_eq!(last, ["image", "neighbors", "y", "x"]);
    assert_eq!(schema.field(0).name(), "id");
    for (axis, name) in [("x", "category"), ("y", "sleeve")] {
        let own = numbers(&table, &format!("{name}.position"));
        let wide = own.iter().fold(0.0_f64, |wide, p| wide.max(p.abs()));
        // The sum of the same products in another order.
        assert!(numbers(&table, axis).iter().zip(own).all(|(a, b)| (a - b).abs() <= 1e-9 * wide), "{axis}");
    }
    neighbours_are_those_of_brute_force(&table, walker);
    images_are_the_packed_pixels(&table, store, &walker.data().points.dataset);
    let (code, text) = export(store, &out, &["--format", "atlas"]);
    assert!(code == Some(1) && text.contains("exists already\nhint: "), "{text}");
}

fn neighbours_are_those_of_brute_force(table: &RecordBatch, walker: &Walker) {
    let near: &StructArray = table.column_by_name("neighbors").unwrap().as_struct();
    let element = |name: &str| match near.column_by_name(name).unwrap().data_type() {
        DataType::List(element) => element.data_type().clone(),
        other => panic!("{name} is {other}"),
    };
    assert_eq!((element("ids"), element("distances")), (DataType::Int64, DataType::Float32));
    let ids = near.column_by_name("ids").unwrap().as_list::<i32>();
    let distances = near.column_by_name("distances").unwrap().as_list::<i32>();
    let z = walker.metric("category").unwrap().map(walker.data().points.z.view()).unwrap();
    for row in [0, 17, 255, 256, 599] {
        let square = |other: usize| {
            let differences = z.row(row).into_iter().zip(z.row(other)).map(|(a, b)| f64::from(*a) - f64::from(*b));
            differences.fold(0.0, |sum, d| sum + d * d)
        };
        let mut all: Vec<(f64, usize)> = (0..600).filter(|&other| other != row).map(|o| (square(o), o)).collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let expected: Vec<i64> = all[..15].iter().map(|(_, other)| *other as i64).collect();
        assert_eq!(ids.value(row).as_primitive::<Int64Type>().values(), &expected[..], "row {row}");
        let expected: Vec<f32> = all[..15].iter().map(|(square, _)| square.sqrt() as f32).collect();
        assert_eq!(distances.value(row).as_primitive::<Float32Type>().values(), &expected[..], "row {row}");
    }
}

fn images_are_the_packed_pixels(table: &RecordBatch, store: &Path, dataset: &Dataset) {
    let image: &StructArray = table.column_by_name("image").unwrap().as_struct();
    let bytes = image.column_by_name("bytes").unwrap().as_binary::<i32>();
    let paths = image.column_by_name("path").unwrap().as_string::<i32>();
    let ids = table.column_by_name("id").unwrap().as_string::<i32>();
    let pixels = fs::read(packed(store)).unwrap();
    for (row, pixels) in pixels.chunks(dataset.shape.len()).enumerate() {
        assert_eq!((paths.value(row), ids.value(row)), (&dataset.items[row].id[..], &dataset.items[row].id[..]));
        assert_eq!(image::load_from_memory(bytes.value(row)).unwrap().into_luma8().as_raw(), pixels, "row {row}");
    }
}

/// The file of packed pixels.
fn packed(store: &Path) -> PathBuf {
    fs::read_dir(store.join("objects/images")).unwrap().next().unwrap().unwrap().path().join("pixels.u8")
}

fn lines_are_named_as_elsewhere(store: &Path, folder: &Path, walker: &Walker) {
    let out = folder.join("lines.parquet");
    let file = folder.join("lines.json");
    let more = ["--format", "atlas", "--x", "sleeve=long", "--y", "shoe_height", "--json", file.to_str().unwrap()];
    let (code, text) = export(store, &out, &more);
    assert_eq!(code, Some(0), "{text}");
    let found = table(&out);
    assert_eq!(numbers(&found, "x"), positions(walker, &Along::new("sleeve", Some("long"))));
    assert_eq!(numbers(&found, "y"), positions(walker, &Along::new("shoe_height", None)));
    let told = json(&file);
    assert_eq!(record::keys(&told), ["file", "metric", "open", "rows", "x", "y"]);
    assert!(told["x"] == "sleeve=long" && told["rows"] == 600, "{told}");
    // The other line is not the same again.
    fs::remove_file(&out).unwrap();
    let (code, text) = export(store, &out, &["--format", "atlas", "--y", "category"]);
    assert!(code == Some(0) && text.contains("x is sleeve, y is category"), "{text}");

    let none = folder.join("none.parquet");
    for (more, expected) in [
        (&["--format", "atlas", "--x", "sleeves"][..], "no line `sleeves`\nhint: name one of category, sleeve, "),
        (&["--format", "atlas", "--y", "sleeve=puffed"], "no line `sleeve=puffed`\nhint: name one of category"),
        (&["--format", "atlas", "--y", "own:none"], "no line `own:none`"),
        (&["--x", "sleeve"], "Embedding Atlas alone\nhint: leave them out, or add --format atlas"),
        (&["--format", "projector", "--y", "sleeve"], "Embedding Atlas alone"),
    ] {
        let (code, text) = export(store, &none, more);
        assert!(code == Some(1) && text.contains(expected), "{text}");
    }
    let (_, text) = export(store, &none, &["--format", "atlas", "--x", "?"]);
    assert!(text.contains("sleeve=long, sleeve=") || text.contains(", sleeve=long"), "{text}");
    assert_eq!(export(store, &none, &["--format", "umap"]).0, Some(2));
    let (code, text) = export(store, &folder.join("none.pq"), &["--format", "atlas"]);
    assert!(code == Some(1) && text.contains("none.pq does not end in .parquet\nhint: "), "{text}");
    assert!(!none.exists());
}

/// Lines that somebody made in the explorer are known here too.
pub(super) fn lines_of_selections_place_images(store: &Path, line: &str) {
    let out = store.join("own.parquet");
    let (code, text) = export(store, &out, &["--format", "atlas", "--y", line]);
    assert!(code == Some(0) && text.contains(&format!("x is category, y is {line}")), "{text}");
    let walker = walker(store);
    latentwalk_explorer::add_saved_lines(&Run::open(&Store::open_existing(store).unwrap(), None).unwrap(), &walker)
        .unwrap();
    assert_eq!(numbers(&table(&out), "y"), positions(&walker, &walker.line(line).unwrap()));
    fs::remove_file(out).unwrap();
}

fn the_projector_has_coordinates_labels_and_small_images(store: &Path, folder: &Path, walker: &Walker) {
    let out = folder.join("projector");
    // What a killed call left.
    fs::create_dir(folder.join(".projector.unfinished")).unwrap();
    fs::write(folder.join(".projector.unfinished/old"), "").unwrap();
    let (code, text) = export(store, &out, &["--format", "projector"]);
    assert!(
        code == Some(0) && text.contains(&format!("open it by: tensorboard --logdir {}\n", out.display())),
        "{text}"
    );
    let mut files: Vec<_> = fs::read_dir(&out).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["metadata.tsv", "projector_config.pbtxt", "sprite.png", "vectors.tsv"]);
    let points = &walker.data().points;
    let lines = |name: &str| -> Vec<Vec<String>> {
        let text = fs::read_to_string(out.join(name)).unwrap();
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    };
    let vectors: Vec<Vec<f32>> =
        lines("vectors.tsv").iter().map(|line| line.iter().map(|v| v.parse().unwrap()).collect()).collect();
    assert!(vectors.len() == 600 && vectors.iter().zip(points.z.outer_iter()).all(|(a, b)| *a == b.to_vec()));
    let metadata = lines("metadata.tsv");
    let names = ["category", "sleeve", "shoe_height", "kind"];
    let header: Vec<String> =
        names.map(str::to_owned).into_iter().chain(names.map(|n| format!("{n}.position"))).collect();
    assert_eq!(metadata[0], [&["id".to_owned(), "split".to_owned()][..], &header].concat());
    assert!(metadata.len() == 601 && metadata.iter().all(|line| line.len() == 10));
    let own = positions(walker, &Along::new("sleeve", None));
    for (row, line) in metadata[1..].iter().enumerate() {
        assert_eq!((&line[0], &line[1][..]), (&points.dataset.items[row].id, points.dataset.items[row].split.as_str()));
        assert!((line[7].parse::<f64>().unwrap() - own[row]).abs() < 1e-5);
    }
    let sprite = image::open(out.join("sprite.png")).unwrap().into_luma8();
    // 600 images of 28 pixels stand in 25 columns and 24 lines.
    assert_eq!(sprite.dimensions(), (25 * 28, 24 * 28));
    let pixels = fs::read(packed(store)).unwrap();
    for row in [0, 24, 25, 599] {
        let view = image::imageops::crop_imm(&sprite, row % 25 * 28, row / 25 * 28, 28, 28).to_image();
        assert_eq!(view.as_raw(), &pixels[row as usize * 784..][..784], "row {row}");
    }
    let config = fs::read_to_string(out.join("projector_config.pbtxt")).unwrap();
    let expected = [
        "tensor_shape: 600".to_owned(),
        format!("tensor_shape: {}", points.z.ncols()),
        "tensor_path: \"vectors.tsv\"".to_owned(),
        "metadata_path: \"metadata.tsv\"".to_owned(),
        "image_path: \"sprite.png\"\n    single_image_dim: 28\n    single_image_dim: 28".to_owned(),
    ];
    assert!(expected.iter().all(|part| config.contains(part)), "{config}");
    let (code, text) = export(store, &out, &["--format", "projector"]);
    assert!(code == Some(1) && text.contains("exists already"), "{text}");
}
