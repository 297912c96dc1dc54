//! The rendered wardrobe as a source.

use super::*;

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
