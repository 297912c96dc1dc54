//! What a run leaves, and what the next one does with it.

use super::*;

#[test]
fn a_run_writes_its_record_a_second_does_nothing_and_a_change_runs_only_what_lies_downstream() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    fs::create_dir(&store).unwrap();
    fs::write(store.join("notes.txt"), "not the store's").unwrap();

    let first = run(&store, &[], &[]);
    assert_eq!(made(&first).len(), 13, "{first}");
    let folders = runs(&store);
    assert_eq!(folders.len(), 1);
    check_summary(&json(&folders[0].join("summary.json")));
    assert!(first.contains("report.html"));
    walks_by_the_library_are_those_of_the_run(&store);
    figures_lie_beside_the_report_and_in_its_artifact(&store, &folders[0]);
    explorer::the_page_answers_as_the_library_does(&store);

    let figures = folder.path().join("figures.json");
    let second = run(&store, &[], &["--json", figures.to_str().unwrap()]);
    assert!(second.contains("nothing to do") && made(&second).is_empty(), "{second}");
    let figures = json(&figures);
    assert_eq!(figures["summary"], json(&folders[0].join("summary.json")));
    assert_eq!(figures["stages"].as_array().unwrap().len(), 13);
    assert_eq!(runs(&store), folders);

    let dry = run(&store, &["walks.stops=5"], &["--dry-run"]);
    assert!(dry.contains("`walks.stops` changed from 7 to 5") && made(&dry).is_empty(), "{dry}");

    let changed = run(&store, &["probe.restarts=3"], &[]);
    assert_eq!(made(&changed), ["probe", "null", "metrics", "index", "walks", "toward", "verdicts", "report"]);
    assert!(changed.contains("`probe.restarts` changed from 2 to 3"), "{changed}");
    assert_eq!(runs(&store).len(), 2);

    indexes_are_built_where_they_are_asked_for(&store);

    let before = hashes(&store);
    let again = run(&store, &[], &["--from", "decomposition", "--until", "probe"]);
    assert_eq!(made(&again), ["decomposition", "probe"]);
    assert_eq!(hashes(&store), before, "the same inputs gave other bytes");

    look_into(&store);
    assert_eq!(fs::read_to_string(store.join("notes.txt")).unwrap(), "not the store's");
}

/// Exact walks ask for no index: there is one for its recall, or none where the pool is too large for that.
fn indexes_are_built_where_they_are_asked_for(store: &Path) {
    let until = ["--until", "walks"];
    let large = run(store, &["index.unasked_rows=10"], &until);
    assert!(
        large.contains("no index: an exact walk through") && large.contains("`walks.search = \"hnsw\"`"),
        "{large}"
    );
    assert!(!large.contains("recall@10"), "{large}");
    let asked = run(store, &["index.unasked_rows=10", "walks.search=hnsw"], &until);
    let measured = |name: &str| asked.contains(&format!("{name}: recall@10"));
    assert!(["category", "sleeve", "shoe_height", "kind"].into_iter().all(measured), "{asked}");
}

fn check_summary(s: &Value) {
    let mut top = keys(s);
    top.sort_unstable();
    let expected = [
        "accuracy",
        "directions",
        "index",
        "peak_memory_bytes",
        "report",
        "seconds",
        "toward",
        "variance",
        "verdicts",
        "walks",
    ];
    assert_eq!(top, expected);
    assert_eq!(keys(&s["accuracy"]), ["category", "kind", "shoe_height", "sleeve"]);
    assert_eq!(keys(&s["accuracy"]["category"]), ["macro_f1", "test"]);
    assert_eq!(keys(&s["variance"]), ["axes", "axes_for_98", "kept"]);
    let direction = ["classes", "method", "min_adjacent_auc", "pairwise_auc", "test_accuracy"];
    assert_eq!(keys(&s["directions"]["shoe_height"]), direction);
    let walk = [
        "by_metric",
        "median_spearman",
        "metric",
        "middle_visited",
        "most_frequent",
        "on_attribute",
        "spearman_ceiling",
        "starts",
    ];
    assert_eq!(keys(&s["walks"]["shoe_height"]), walk);
    assert_eq!(keys(&s["walks"]["shoe_height"]["by_metric"]), ["euclidean", "whitened", "within-class"]);
    let toward = [
        "article_hit",
        "article_kept",
        "cases",
        "chosen_by",
        "hit",
        "hit_interval",
        "joint",
        "kept",
        "kept_by_chance",
        "kept_corrected",
        "kept_of_ceiling",
        "most_frequent",
        "null_reason",
        "runner_up",
        "unlabelled",
        "way",
    ];
    assert_eq!(keys(&s["toward"]["shoe_height"]), toward);
    let verdicts = ["exists", "one_axis", "ordered", "sentence", "separate", "stable"];
    assert_eq!(keys(&s["verdicts"]["shoe_height"]), verdicts);
    let answers = ["exists", "ordered", "one_axis", "stable", "separate"].map(|name| &s["verdicts"]["sleeve"][name]);
    assert!(answers.iter().all(|a| ["yes", "no", "unclear"].contains(&a.as_str().unwrap())), "{answers:?}");
    // Two epochs on 600 photographs teach nothing that pixels do not tell.
    assert_ne!(s["verdicts"]["sleeve"]["exists"], "yes");
    // On these photographs every other attribute follows from the shoe.
    assert!(s["toward"]["shoe_height"]["kept"].is_null() && s["toward"]["shoe_height"]["null_reason"].is_string());
    assert!(s["toward"]["shoe_height"]["hit"].as_f64().unwrap() > 0.5);
    assert!(s["directions"]["category"]["min_adjacent_auc"].is_null());
    assert!(s["directions"]["sleeve"]["min_adjacent_auc"].as_f64().unwrap() > 0.5);
    assert_eq!(s["walks"]["shoe_height"]["starts"], 10);
    assert!(s["index"]["recall_at_10"].as_f64().unwrap() > 0.9);
    assert!(Path::new(s["report"].as_str().unwrap()).is_absolute());
    let html = fs::read_to_string(s["report"].as_str().unwrap()).unwrap();
    assert!(html.contains("shoe_height") && html.contains("sandal"));
    assert!(!html.contains("src=\"http") && !html.contains("href=\"http"), "the report loads something from outside");
}

/// Every chart as a file, the same in both places; a bounded number of images in the page; and a comparison's end is what is counted.
fn figures_lie_beside_the_report_and_in_its_artifact(store: &Path, folder: &Path) {
    let artifact = fs::read_dir(store.join("objects/report")).unwrap().next().unwrap().unwrap().path();
    let names = |folder: &Path| {
        let files = fs::read_dir(folder.join("figures")).unwrap();
        let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let all = names(folder);
    assert_eq!(all, names(&artifact));
    for name in [
        "sleeve.positions.svg",
        "sleeve.walk-1.png",
        "shoe_height.null.csv",
        "kind.hubs.csv",
        "lines.csv",
        "variance.svg",
    ] {
        assert!(all.iter().any(|known| known == name), "{name} is not among {all:?}");
        assert_eq!(
            fs::read(folder.join("figures").join(name)).unwrap(),
            fs::read(artifact.join("figures").join(name)).unwrap()
        );
    }
    assert!(fs::read(folder.join("figures/sleeve.walk-1.png")).unwrap().starts_with(b"\x89PNG"));
    let html = fs::read_to_string(folder.join("report.html")).unwrap();
    // At most 160 an attribute: 6 walks and 2 of the worst of 8 images, 4 starts with 12 values, 2 pairs of walks of 8 stops, 6 hubs.
    assert!((50..4 * 160).contains(&html.matches("<image id=").count()));
    let store = Store::open_existing(store).unwrap();
    let run = Run::open(&store, None).unwrap();
    let (data, toward) = (run.walk_data().unwrap(), run.toward().unwrap());
    let sleeve = toward.iter().find(|toward| toward.name == "sleeve").unwrap();
    let answer = data.id(sleeve.strips[0].found[0].1.unwrap());
    let table = fs::read_to_string(folder.join("figures/sleeve.comparison-1-toward.csv")).unwrap();
    assert_eq!(table.lines().last().unwrap().split(',').nth(1), Some(answer), "{table}");
}

/// A finished run opened and walked without the binary: the strips that its report shows.
fn walks_by_the_library_are_those_of_the_run(store: &Path) {
    let store = Store::open_existing(store).unwrap();
    let run = Run::open(&store, None).unwrap();
    let (data, all) = (run.walk_data().unwrap(), run.walks().unwrap());
    assert_eq!(all.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(), ["category", "sleeve", "shoe_height", "kind"]);
    let mut indexed = 0;
    for walks in &all {
        let walk = data.attribute(&walks.name).unwrap();
        let space = data.space(run.metric(&walks.name).unwrap()).unwrap();
        assert_eq!((walk.stops.positions().len(), walks.strips.len()), (7, 6));
        for strip in &walks.strips {
            let again = walk.strip(&space, Search::Exact, strip.start, 1).unwrap();
            // Through text, as the run's own: reading a number back can cost its last digit.
            let again = serde_json::from_str(&serde_json::to_string(&again).unwrap()).unwrap();
            assert_eq!(*strip, again, "{}", walks.name);
        }
        // Walks are exact, so the metric of the most attributes alone has an index.
        match run.index(&walks.name, &space) {
            Ok(index) => {
                indexed += 1;
                assert!(walk.strip(&space, Search::indexed(&index), walks.strips[0].start, 1).is_ok());
            }
            Err(error) => assert!(error.to_string().contains("`walks.search = \"hnsw\"`"), "{error}"),
        }
    }
    assert!(indexed > 0);
    for toward in run.toward().unwrap() {
        let (labels, _) = data.direction(&toward.name).unwrap();
        assert_eq!((toward.lines.lines.len(), toward.tried.len() > 5), (labels.classes.len(), true));
        assert!(toward.starts.iter().all(|&row| labels.labels[row].is_some()), "starts are labelled");
    }
    let refused = |error: latentwalk_run::Error| error.to_string();
    assert!(refused(data.attribute("collar").err().unwrap()).contains("it has category, sleeve, shoe_height, kind"));
    assert!(refused(run.metric("collar").err().unwrap()).contains("collar"));
    assert!(refused(Run::open(&store, Some("yesterday")).err().unwrap()).contains("yesterday"));
    let walk = data.attribute("sleeve").unwrap();
    assert!(refused(walk.starts("tests", 1, 1).err().unwrap()).contains("must be one of train, validation, test"));
    let space = data.space(run.metric("sleeve").unwrap()).unwrap();
    assert!(refused(walk.strip(&space, Search::Exact, 600, 1).err().unwrap()).contains("600"));
}

fn look_into(store: &Path) {
    let list = said(&artifacts(store, &["list"]));
    assert_eq!(list.lines().filter(|l| l.starts_with("backbone ")).count(), 1, "{list}");
    let key = list.lines().find(|l| l.starts_with("backbone ")).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    assert!(said(&artifacts(store, &["show", &key])).contains("\"accuracy\""));
    assert!(said(&artifacts(store, &["why", "--stage", "images"])).contains("would run"));
    assert!(artifacts(store, &["verify"]).status.success());
    let unfinished = store.join("partial/backbone").join("0".repeat(64));
    fs::create_dir_all(&unfinished).unwrap();
    fs::write(unfinished.join("checkpoint.safetensors"), "half of a training").unwrap();
    let gone = said(&artifacts(store, &["gc", "--keep-runs", "1"]));
    assert!(gone.contains("removed") && unfinished.is_dir(), "{gone}");
    assert!(artifacts(store, &["gc", "--keep-runs", "1", "--unfinished"]).status.success() && !unfinished.exists());
    let latest = run(store, &["probe.restarts=3"], &[]);
    assert!(latest.contains("nothing to do"), "gc took what the latest run uses:\n{latest}");

    let model = store.join("objects/backbone");
    let model = fs::read_dir(&model).unwrap().next().unwrap().unwrap().path().join("model.safetensors");
    let mut bytes = fs::read(&model).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&model, bytes).unwrap();
    let verify = artifacts(store, &["verify"]);
    assert_eq!(verify.status.code(), Some(1));
    assert!(said(&verify).contains("model.safetensors"));
}

pub(super) fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}
