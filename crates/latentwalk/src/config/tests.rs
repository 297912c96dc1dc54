//! Descriptions that load, and mistakes that are told.

#![allow(clippy::unwrap_used)]

use super::*;

fn load(changes: &[&str]) -> Result<Config> {
    let set = changes.iter().map(|&c| c.to_owned()).collect();
    Config::load(&DescriptionArgs { set, ..named("fashion-mnist") })
}

fn named(description: &str) -> DescriptionArgs {
    DescriptionArgs { description: Some(description.to_owned()), ..DescriptionArgs::default() }
}

fn message(changes: &[&str]) -> String {
    format!("{:#}", load(changes).unwrap_err())
}

#[test]
fn the_default_description_has_its_name() {
    let config = load(&[]).unwrap();
    assert_eq!(config.name, "fashion-mnist");
    assert!(config.parameters().unwrap().contains_key("probe.restarts"));
}

#[test]
fn every_built_in_description_loads() {
    for known in BUILT_IN {
        let data = known.needs_files.then(|| PathBuf::from("data"));
        let config = Config::load(&DescriptionArgs { data, ..named(known.name) }).unwrap();
        assert!(config.parameters().unwrap().len() > 50, "{}", known.name);
    }
}

#[test]
fn weights_are_known_by_their_content_not_by_their_place() {
    let with = |weights: Option<&str>| {
        let weights = weights.map(PathBuf::from);
        Config::load(&DescriptionArgs { weights, ..named("fashion-mnist") }).unwrap()
    };
    let (a, b) = (with(Some("a/r.pth")), with(Some("/b/r.pth")));
    assert_eq!(a.parameters().unwrap(), b.parameters().unwrap());
    assert_eq!(a.parameters().unwrap()["backbone.arch"], Value::from(DETECTED));
    assert_eq!(b.weights(), Some(PathBuf::from("/b/r.pth")));
    assert!(a.weights().unwrap().is_absolute());
    assert_eq!(with(None).parameters().unwrap()["backbone.arch"], Value::from("small"));
    assert!(message(&["backbone.preprocess=torchvision-v1"]).contains("backbone.weights"));
}

#[test]
fn a_change_reaches_its_key_and_only_it() {
    let (a, b) = (load(&[]).unwrap(), load(&["probe.restarts=3"]).unwrap());
    let (a, b) = (a.parameters().unwrap(), b.parameters().unwrap());
    let changed: Vec<_> = a.iter().filter(|&(k, v)| b.get(k) != Some(v)).map(|(k, _)| k.as_str()).collect();
    assert_eq!(changed, ["probe.restarts"]);
}

#[test]
fn small_images_are_shifted_less_unless_the_description_says_how_far() {
    let shift = |changes: &[&str]| load(changes).unwrap().parameters().unwrap()["augment.shift_px"].clone();
    assert_eq!(shift(&["images.size=28"]), Value::from(1));
    assert_eq!(shift(&["images.size=96"]), Value::from(2));
    assert_eq!(shift(&["images.size=28", "augment.shift_px=3"]), Value::from(3));
}

#[test]
fn a_network_has_its_own_recipe_unless_the_description_names_a_part_of_one() {
    let recipe = |changes: &[&str]| {
        let all = load(changes).unwrap().parameters().unwrap();
        ["optimizer", "learning_rate", "weight_decay"].map(|key| all[&format!("backbone.{key}")].clone())
    };
    let adamw = [Value::from("adamw"), Value::from(2e-3), Value::from(0.01)];
    assert_ne!(recipe(&[]), adamw);
    assert_eq!(recipe(&["backbone.optimizer=adamw"]), adamw);
    assert_eq!(recipe(&["backbone.learning_rate=0.004"])[..2], [Value::from("adamw"), Value::from(0.004)]);
    assert_eq!(recipe(&["backbone.arch=resnet18"]), adamw);
    assert_eq!(recipe(&["backbone.arch=medium"]), recipe(&[]));
    assert_eq!(recipe(&["backbone.weights=w.pth"]), adamw);
}

#[test]
fn one_seed_seeds_every_stage_that_has_none_of_its_own() {
    let p = load(&["seed=9", "probe.seed=4"]).unwrap().parameters().unwrap();
    assert_eq!((&p["backbone.seed"], &p["probe.seed"]), (&Value::from(9), &Value::from(4)));
}

#[test]
fn mistakes_are_named() {
    assert!(message(&["walks.stops=1"]).contains("walks.stops"));
    assert!(message(&["nonsense"]).contains("KEY=VALUE"));
    assert!(message(&["decomposition.axes=5", "decomposition.variance=0.9"]).contains("both"));
    assert!(message(&["index.enabled=false", "walks.search=hnsw"]).contains("index.enabled"));
    assert!(message(&["name=../up"]).contains("name"));
    let message = |description| format!("{:#}", Config::load(&named(description)).unwrap_err());
    assert!(message("fashon").contains("fashion-mnist"));
    assert!(message("absent.toml").contains("absent.toml"));
    assert!(message("fashion-mnist-60k").contains("--data DIR"));
}

/// Six lines, to which a case adds its own.
const PHOTOS: &str = "[images]\nsource = \"folder\"\nroot = \"photos\"\n\n[attributes.sleeve]\nkind = \"nominal\"\n";

/// What is said of a file, without its folder.
fn of_file(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latentwalk.toml");
    std::fs::write(&path, text).unwrap();
    let error = Config::load(&named(path.to_str().unwrap())).unwrap_err();
    let message = format!("{error:#}");
    message.replace(&format!("{}{}", folder.path().display(), std::path::MAIN_SEPARATOR), "")
}

#[test]
fn a_mistake_in_a_file_is_told_with_its_place_and_the_nearest_key() {
    let cases = [
        ("[probes]", "7:2: unknown key `probes`\nhint: did you mean `probe`?"),
        ("[colours]", "7:2: unknown key `colours`; the keys are name, seed, images, attributes, augment, backbone"),
        ("[probe]\n  restart = 3", "8:3: unknown key `restart` in [probe]\nhint: did you mean `restarts`?"),
        ("[backbone]\nepoch = 3", "8:1: unknown key `epoch` in [backbone]\nhint: did you mean `epochs`?"),
        ("[backbone]\nhead = []", "8:1: unknown key `head` in [backbone]\nhint: did you mean `heads`?"),
        ("colums = \"x\"", "7:1: unknown key `colums` in [attributes.sleeve]\nhint: did you mean `column`?"),
        ("[images.split]\ntrian = 0.5", "8:1: unknown key `trian` in [images.split]\nhint: did you mean `train`?"),
        ("[images.garments]\ncuont = 5", "8:1: unknown key `cuont` in [images.garments]\nhint: did you mean `count`?"),
        (
            "[[images.parts]]\nfile = \"a\"\n[[images.parts]]\nfiles = \"b\"",
            "10:1: unknown key `files` in [[images.parts]]\nhint: did you mean `file`?",
        ),
        ("[walks]\nstops = \"many\"", "8:9: `walks.stops` is \"many\"; it must be a whole number, 0 or more"),
        ("[walks]\nstops = 7.0", "8:9: `walks.stops` is 7.0; it must be a whole number, 0 or more"),
        ("[probe]\nl2 = true", "8:6: `probe.l2` is true; it must be a number"),
        ("[report]\ntitle = 3", "8:9: `report.title` is 3; it must be text"),
        ("[pool]\nsplits = 1979-05-27", "8:10: `pool.splits` is a date; it must be a list"),
        ("[augment]\nerase_area = [0.1]", "8:14: `augment.erase_area` is a list of 1; it must be a list of 2"),
        (
            "[augment]\nerase_area = [0.1, 0.2, 0.3]",
            "8:14: `augment.erase_area` is a list of 3; it must be a list of 2",
        ),
        (
            "[walks]\nplacing = \"median\"",
            "8:11: `walks.placing` is `median`; it must be one of medians, quantiles, sigma\nhint: did you mean `medians`?",
        ),
        ("[walks]\nplacing = 3", "8:11: `walks.placing` is 3; it must be one of medians, quantiles, sigma"),
        (
            "[embeddings]\ntaps = [\"fc\",\n  \"layer9\"]",
            "9:3: `embeddings.taps` is `layer9`; it must be one of fc, pool, stem, layer1, layer2, layer3\nhint: did you mean `layer1`?",
        ),
        ("[walks]\nstops = 1", "8:1: `walks.stops` is 1; a walk needs at least 2"),
        ("order = [\"a\", \"b\"]", "7:1: `attributes.sleeve.order` is given: only kind"),
        ("[images.split]\ntrain = 0.8", "7:9: `images.split` is train 0.8"),
        ("[decomposition]\ntap = \"pool\"", "8:1: `decomposition.tap` is not among"),
        ("[backbone]\npreprocess = \"timm-a1\"", "8:1: `backbone.preprocess` belongs to weights"),
        ("[walks", "7:7: this is not TOML: "),
    ];
    for (added, expected) in cases {
        let got = of_file(&format!("{PHOTOS}{added}\n"));
        assert!(got.starts_with(&format!("latentwalk.toml:{expected}")), "{added}: {got}");
    }
    let missing = of_file(&PHOTOS.replace("source = \"folder\"", ""));
    assert_eq!(missing, "latentwalk.toml:1:2: `images.source` is missing");
    assert_eq!(of_file(""), "latentwalk.toml: `images` is missing");
}

#[test]
fn a_mistake_on_the_command_line_is_told_with_its_flag() {
    let cases = [
        ("probe.restart=3", "unknown key `restart` in [probe]\nhint: did you mean `restarts`?"),
        ("probes.restarts=3", "unknown key `probes`\nhint: did you mean `probe`?"),
        ("probe=3", "`probe` is 3; it must be a table"),
        ("images.split={ trian = 0.5 }", "unknown key `trian` in [images.split]\nhint: did you mean `train`?"),
        ("images.split.test=0.5", "`images.split` is train 0.7"),
        ("walks.placing=middle", "`walks.placing` is `middle`; it must be one of medians, quantiles, sigma"),
        ("walks.stops=1", "`walks.stops` is 1; a walk needs at least 2"),
        ("embeddings.taps=[\"pool\"]", "`decomposition.tap` is not among `embeddings.taps`"),
        ("seed=-1", "`seed` is -1; it must be a whole number, 0 or more"),
    ];
    for (change, expected) in cases {
        let got = message(&[change]);
        assert!(got.starts_with(&format!("`--set {change}`: {expected}")), "{change}: {got}");
    }
    // The later one is to blame.
    assert!(message(&["walks.stops=1", "walks.stops=0"]).starts_with("`--set walks.stops=0`"));
    let both = DescriptionArgs { weights: Some("w.pth".into()), embeddings: Some("v.npy".into()), ..named("garments") };
    let error = format!("{:#}", Config::load(&both).unwrap_err());
    assert!(error.starts_with("`--weights w.pth`: both vectors and weights are given"), "{error}");
}
