//! Experiments: a page for each study, and figures that stray.

use super::*;

/// A small wardrobe, trained for a moment: what is tested is the way from a file to a page, not the figures.
const EXPERIMENT: &str = r#"
title = "Test"
question = "Does it run?"
findings = "It does."
study = "STUDY"
description = "garments"
set = [
  "images.garments.count=500", "images.garments.twin_sets=6", "images.size=32", "images.minimum_per_class=2",
  "backbone.arch=small", "backbone.epochs=3", "backbone.batch=16",
  "probe.attributes=['pattern']", "probe.restarts=4",
  "walks.starts=10", "metrics.starts=10", "index.queries=10",
  "embeddings.taps=['fc', 'pool', 'stem', 'layer1', 'layer2', 'layer3']",
]
seeds = [1]
attributes = ["pattern"]
order = ["solid", "striped", "floral", "plaid"]
probes = 2
[figures]
"#;

#[test]
fn every_study_writes_its_page_and_a_figure_that_strays_fails_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("pages");
    let experiment = |study: &str, figures: &str| {
        let file = folder.path().join(format!("{study}.toml"));
        fs::write(&file, EXPERIMENT.replace("STUDY", study) + figures).unwrap();
        Command::new(BINARY)
            .arg("experiment")
            .arg(&file)
            .arg("--out")
            .arg(&pages)
            .arg("--json")
            .arg(folder.path().join("figures.json"))
            .arg("--store")
            .arg(folder.path().join("store"))
            .output()
            .unwrap()
    };
    for (study, figure) in [
        ("direction", "pattern: mean AUC over pairs of classes"),
        ("order", "share of all probes in the order"),
        ("variance", "trained, fc: rank"),
        ("layers", "trained, FC: mean separation"),
        ("preservation", "random direction: target hit"),
    ] {
        let expected = format!("\"{figure}\" = {{ expected = 0.5, tolerance = 1000.0 }}\n");
        let output = experiment(study, &expected);
        assert!(output.status.success(), "{study}: {}", said(&output));
        let page = fs::read_to_string(pages.join(format!("{study}.md"))).unwrap();
        assert!(page.contains("# Test") && page.contains(figure), "{page}");
        for line in page.lines().filter(|line| line.starts_with("![")) {
            let file = line.rsplit_once('(').unwrap().1.trim_end_matches(')');
            assert!(fs::metadata(pages.join(file)).unwrap().len() > 500, "{file}");
        }
    }
    let strayed =
        experiment("direction", "\"pattern: mean AUC over pairs of classes\" = { expected = 9.0, tolerance = 0.1 }");
    assert_eq!(strayed.status.code(), Some(1));
    let told = json(&folder.path().join("figures.json"));
    let figures = told["experiments"][0]["figures"].as_array().unwrap();
    let auc = figures.iter().find(|figure| figure["name"] == "pattern: mean AUC over pairs of classes").unwrap();
    assert!(auc["expected"] == 9.0 && auc["within"] == false && auc["found"].as_f64().unwrap() < 2.0, "{auc}");
    assert!(said(&strayed).contains("1 of `direction`"), "{}", said(&strayed));
    assert!(fs::read_to_string(pages.join("direction.md")).unwrap().contains("outside"));
    let unknown = experiment("direction", "\"no such figure\" = { expected = 1.0, tolerance = 0.1 }");
    assert!(unknown.status.code() == Some(1) && said(&unknown).contains("no such figure"), "{}", said(&unknown));
}
