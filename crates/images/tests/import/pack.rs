//! What an import writes: damage is found, and threads change nothing.

use super::*;

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
