//! The page as a whole: what it must show, what it must never do.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;

use latentwalk_report::*;

const HOSTILE: &str = "</style></svg><script>alert(\"x\")</script> 'q' & \u{202e}مرحبا";

fn image(id: &str) -> ImageData {
    // The smallest GIF: one pixel. Its bytes carry the id so that each is told apart.
    let mut bytes = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff".to_vec();
    bytes.extend(id.as_bytes());
    ImageData { id: id.into(), mime: "image/gif".into(), width: 28, height: 28, bytes }
}

fn card(report: &mut Report, id: &str, position: f64, label: &str) -> Card {
    Card {
        image: Some(report.intern(image(id))),
        id: id.into(),
        split: "train".into(),
        position,
        distance: Some(1.25),
        label: Some(label.into()),
        others: vec![
            ("kind".into(), Some(if position > 1.0 { "bag" } else { "shoe" }.into())),
            ("sleeve".into(), None),
        ],
    }
}

fn class(name: &str, train: usize, held_out: Vec<f64>) -> ClassPositions {
    ClassPositions { name: name.into(), train, held_out }
}

fn wave(n: usize, centre: f64) -> Vec<f64> {
    (0..n).map(|i| centre + (i as f64 * 12.9898).sin()).collect()
}

/// Both walks from a start toward the sneakers: one arrives, one does not.
fn comparison(start: &Card, stops: &[StopCard]) -> Comparison {
    let side = |name: &str, hit, label: &str| {
        let mut stops = stops.to_vec();
        stops[0].card.as_mut().unwrap().label = Some(label.into());
        let does = "One sentence.".into();
        Side { name: name.into(), does, hit: Some(hit), kept: Some(0.5), stops }
    };
    Comparison {
        start: start.clone(),
        value: "Sneaker".into(),
        article: side("the article's walk", 0.257, "Sandal"),
        toward: side("the line toward the value", 0.972, "Sneaker"),
    }
}

/// A small report that fills every part.
fn report() -> Report {
    let mut report = Report { title: "Shoes".into(), ..Default::default() };
    let start = Card { distance: None, ..card(&mut report, "start-1", 0.5, "Sneaker") };
    let hit = |report: &mut Report, id: &str, at: f64, label: &str| StopCard {
        position: at,
        card: Some(card(report, id, at, label)),
    };
    let stops = vec![
        hit(&mut report, "boot-1", 3.0, "Ankle boot"),
        StopCard { position: 1.0, card: None },
        hit(&mut report, "sandal-1", -3.0, "Sandal"),
    ];
    let again = vec![hit(&mut report, "sandal-1", -3.0, "Sandal")];
    report.attributes.push(AttributeSection {
        name: "shoe_height".into(),
        kind: Kind::Ordered,
        order: vec!["Sandal".into(), "Sneaker".into(), "Ankle boot".into()],
        verdict: Verdict::ordered(0.971, 0.96),
        claims: vec![
            Claim { question: "readable".into(), answer: Answer::Yes, sentence: "An AUC of 0.998.".into() },
            Claim { question: "separate".into(), answer: Answer::No, sentence: "Not so.".into() },
        ],
        method: "bottleneck probe".into(),
        settings: vec![("epochs".into(), "200".into())],
        restarts: Some(Restarts { total: 4, collapsed: 1, in_order: Some(2) }),
        split: "test".into(),
        classes: vec![
            class("Ankle boot", 1234, wave(40, 3.0)),
            class("Sandal", 701, wave(12, -3.0)),
            class("Sneaker", 702, wave(50, 0.0)),
        ],
        pairwise_auc: vec![
            PairAuc { lower: "Sandal".into(), upper: "Sneaker".into(), auc: Some(0.971) },
            PairAuc { lower: "Ankle boot".into(), upper: "Sneaker".into(), auc: Some(0.75) },
        ],
        probabilities: Some(Probabilities {
            positions: vec![-3.0, 0.0, 3.0],
            curves: vec![("Sandal".into(), vec![0.9, 0.1, f64::NAN]), ("Sneaker".into(), vec![0.1, 0.9, 0.2])],
        }),
        null: Some(Null {
            statistic: "min adjacent AUC".into(),
            drawn: "random triples".into(),
            values: vec![0.1, 0.5, 0.98, f64::NAN],
            ours: Some(0.971),
        }),
        walks: Some(Walks {
            starts: 100,
            rows: vec![
                WalkRow {
                    name: "within-class".into(),
                    default: true,
                    median_spearman: Some(0.945),
                    ..Default::default()
                },
                WalkRow {
                    name: "random direction".into(),
                    role: WalkRole::Baseline,
                    all_visited: Some(0.11),
                    ..Default::default()
                },
            ],
            ..Default::default()
        }),
        toward: Some(Toward {
            way: "From a test image to each value".into(),
            note: "Values weigh equally.".into(),
            rows: vec![
                TowardRow {
                    name: "logistic, residual".into(),
                    default: true,
                    hit: Some(0.964),
                    interval: "0.941 to 0.982".into(),
                    ..Default::default()
                },
                TowardRow {
                    name: "label oracle".into(),
                    role: WalkRole::Baseline,
                    kept: Some(0.913),
                    ..Default::default()
                },
            ],
            strips: vec![TowardStrip {
                start: start.clone(),
                found: vec![
                    ("Sneaker".into(), again[0].card.clone()),
                    ("Sandal".into(), again[0].card.clone()),
                    ("Ankle boot".into(), None),
                ],
            }],
        }),
        comparisons: vec![comparison(&start, &again)],
        failures: Some(Failures {
            walks: 100,
            judged_by: "Spearman".into(),
            worst: vec![Strip { caption: "Spearman \u{2212}0.50".into(), start: start.clone(), stops: again.clone() }],
            hubs: vec![Hub { card: again[0].card.clone().unwrap(), walks: 29 }],
        }),
        strips: vec![
            Strip { caption: String::new(), start: start.clone(), stops },
            Strip { caption: "again".into(), start, stops: again },
        ],
    });
    report.lines = Some(LineMatrix {
        attributes: vec!["shoe_height".into(), "kind".into()],
        split: "test".into(),
        auc: vec![vec![Some(0.97), Some(0.534)], vec![None, Some(0.99)]],
        cramers_v: vec![vec![Some(1.0), Some(0.127)], vec![Some(f64::NAN), Some(1.0)]],
        left_out: String::new(),
    });
    report.facts.seconds = Some(192.0);
    report.training = Some(Training {
        epochs: (1..4)
            .map(|epoch| EpochPoint {
                epoch,
                train_loss: 1.0 / epoch as f64,
                validation_loss: f64::NAN,
                validation_accuracy: vec![("shoe_height".into(), 0.9)],
            })
            .collect(),
        best_epoch: Some(2),
        accuracy: vec![AccuracyRow {
            attribute: "shoe_height".into(),
            n: 3001,
            accuracy: Some(0.951),
            ..Default::default()
        }],
        confusions: vec![Confusion {
            attribute: "shoe_height".into(),
            classes: vec!["a".into(), "b".into()],
            counts: vec![vec![8, 2], vec![0, 0]],
        }],
        ..Default::default()
    });
    report.spectrum = Some(Spectrum { variances: vec![90.0, 8.0, 1.5, 0.5], kept: 3, rank: Some(4) });
    report.recipe.command = "cargo xtask pipeline".into();
    report.recipe.stages =
        vec![StageFact { name: "images".into(), key: "abc123".into(), seconds: Some(0.5), reused: true }];
    report
}

/// Fails unless every element is closed in the order in which it was opened.
fn assert_balanced(page: &str) {
    const VOID: [&str; 2] = ["meta", "!doctype"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let end = rest[at..].find('>').expect("a tag ends") + at;
        let tag = &rest[at + 1..end];
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap();
        match tag {
            _ if VOID.contains(&name) || tag.ends_with('/') => {}
            _ if tag.starts_with('/') => {
                assert_eq!(open.pop(), Some(name), "near {}", &rest[at.saturating_sub(80).min(at)..end])
            }
            _ => open.push(name),
        }
        rest = &rest[end + 1..];
        if ["style", "script"].contains(&name) && !tag.starts_with('/') {
            rest = &rest[rest.find(&format!("</{name}>")).unwrap()..];
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

#[test]
fn everything_is_on_the_page() {
    let page = render(&report()).unwrap();
    assert_balanced(&page);
    for text in [
        "Sandal",
        "Sneaker",
        "Ankle boot",
        "train 1,234 · test 40",
        "train 701 · test 12",
        "min adjacent AUC 0.971",
        "2 of 4 restarts stood in the declared order, 1 collapsed",
        "3 axes keep 99.5\u{202f}% of the variance",
        "98\u{202f}% needs 2 axes",
        "numerical rank 4 of 4",
        "1 of 3 (33.3\u{202f}%) are at least as high as ours",
        "1 values were not finite",
        "no image in this slab",
        "1 of 3 slabs empty",
        "Fewer than 30 images",
        "kept: epoch 2",
        "Lines toward each value",
        "→ Sandal ✓",
        "→ Sneaker ✕",
        "→ Ankle boot ✕",
        "<span class=\"answer yes\"><span aria-hidden=\"true\">✓</span>readable<span class=\"is\">: yes</span></span>",
        "<span class=\"answer no\"><span aria-hidden=\"true\">✕</span><span class=\"word\">no</span></span>",
        "the article&#x27;s walk",
        "25.7\u{202f}%",
        "97.2\u{202f}%",
        "→ Sneaker ✓",
        "The worst of 100 walks along the axis",
        "Spearman \u{2212}0.50",
        "in 29 of 100",
        "None: all 3 classes stand in the declared order by their medians.",
        "Beside yardsticks",
        "0.53</td>",
        "0.13</td>",
        "Cramér’s V",
        "An AUC of 0.998.",
        "0.941 to 0.982",
        "3,001",
        "cargo xtask pipeline",
        "abc123",
        "found in the store",
        "3\u{202f}min 12\u{202f}s",
        "80.0\u{202f}%",
    ] {
        assert!(page.contains(text), "missing: {text}");
    }
    // Given as (Ankle boot, Sneaker) 0.75, shown as (Sneaker, Ankle boot) 0.25: folded.
    assert!(page.contains("folded\" title=\"a random Ankle boot stands further along than a random Sneaker\">0.250"));
}

#[test]
fn every_image_is_embedded_once_and_every_use_has_one() {
    let mut report = report();
    report.intern(image("never used"));
    let page = render(&report).unwrap();
    let defined: Vec<&str> = page.split("<image id=\"").skip(1).map(|s| s.split('"').next().unwrap()).collect();
    let used: BTreeSet<&str> = page.split("<use href=\"#").skip(1).map(|s| s.split('"').next().unwrap()).collect();
    assert_eq!(defined.len(), 3);
    assert_eq!(defined.iter().copied().collect::<BTreeSet<_>>(), used);
    assert_eq!(page.matches(";base64,").count(), 3);
}

#[test]
fn nothing_is_loaded_and_only_the_pages_own_script_runs() {
    use base64::Engine;
    use sha2::Digest;
    let page = render(&report()).unwrap();
    for text in ["http:", "https:", "<script ", "<link", "<iframe", "@import", "url(", "src=", " onclick", "eval("] {
        assert!(!page.contains(text), "{text}");
    }
    assert_eq!(page.matches("<script").count(), 1);
    let script = page.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(script.as_bytes()));
    assert!(page.contains(&format!(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{hash}'"
    )));
}

#[test]
fn classes_out_of_order_are_told_with_their_medians() {
    let mut report = report();
    report.attributes[0].classes[0].held_out = wave(40, -1.0);
    let page = render(&report).unwrap();
    assert!(page.contains("2 of 3 classes stand elsewhere than declared, by their medians."), "broken order");
    assert_eq!(page.matches("<tr class=\"misplaced\">").count(), 2);
}

#[test]
fn a_report_without_pictures_renders() {
    let mut report = report();
    report.images.clear();
    let section = &mut report.attributes[0];
    let without = |card: &mut Card| card.image = None;
    let of_stops = |stops: &mut Vec<StopCard>| stops.iter_mut().filter_map(|s| s.card.as_mut()).for_each(without);
    let failures = section.failures.as_mut().unwrap();
    for strip in section.strips.iter_mut().chain(&mut failures.worst) {
        without(&mut strip.start);
        of_stops(&mut strip.stops);
    }
    failures.hubs.iter_mut().for_each(|hub| without(&mut hub.card));
    section.comparisons.iter_mut().for_each(|c| {
        without(&mut c.start);
        of_stops(&mut c.article.stops);
        of_stops(&mut c.toward.stops);
    });
    section.toward.as_mut().unwrap().strips.clear();
    let page = render(&report).unwrap();
    assert_balanced(&page);
    assert!(page.contains("no picture") && !page.contains("<use "));
    assert!(strips(&report).unwrap().iter().all(|strip| strip.cells.iter().all(Option::is_none)));
}

#[test]
fn every_chart_is_a_file_with_its_numbers_beside() {
    let report = report();
    let files = figures(&report).unwrap();
    assert_eq!(files, figures(&report).unwrap());
    let named = |chart: &str, ending: &str| {
        let found = files.iter().filter(|file| file.chart == chart && file.ending == ending);
        assert_eq!(found.clone().count(), 1, "{chart}.{ending}");
        found.map(|file| file.text.as_str()).next().unwrap()
    };
    for chart in ["positions", "probabilities", "null", "yardsticks", "training-loss", "training-accuracy", "variance"]
    {
        let svg = named(chart, "svg");
        assert!(svg.starts_with("<svg xmlns=") && svg.contains("<style>"), "{chart}");
        for text in ["var(", "--", "@media", "<script", "href", "url(", "NaN"] {
            assert!(!svg.contains(text), "{chart}: {text}");
        }
    }
    for chart in
        ["positions", "densities", "probabilities", "null", "yardsticks", "auc", "training", "variance", "lines"]
    {
        let csv = named(chart, "csv");
        // Commas between quotes are text.
        let cells = |line: &str| line.split('"').step_by(2).map(|part| part.matches(',').count()).sum::<usize>();
        let head = cells(csv.lines().next().unwrap());
        assert!(csv.lines().count() > 1 && csv.lines().all(|line| cells(line) == head), "{chart}: {csv}");
        assert!(!csv.contains("NaN") && !csv.contains("inf"), "{chart}: {csv}");
    }
    assert!(named("lines", "csv").contains("shoe_height,kind,0.534,0.127\nkind,shoe_height,,\n"));
    assert!(named("verdicts", "csv").contains("shoe_height,separate,no,Not so."));
    assert!(named("comparison-1-toward", "csv").contains("\nstart,start-1,train,,,"), "no position on another line");
    assert!(named("walk-1", "csv").starts_with("cell,id,split,position,distance,label,kind,sleeve\n"));
}

#[test]
fn strips_are_given_in_the_order_of_the_page() {
    let strips = strips(&report()).unwrap();
    let names: Vec<&str> = strips.iter().map(|strip| strip.strip.as_str()).collect();
    assert_eq!(
        names,
        ["comparison-1-article", "comparison-1-toward", "toward-1", "walk-1", "walk-2", "worst-1", "hubs"]
    );
    let walk = &strips[3];
    assert_eq!((&walk.cells[..], walk.start), (&[Some(2), Some(0), None, Some(1)][..], Some(1)));
    assert_eq!((strips[6].cells.len(), strips[6].start), (1, None));
}

#[test]
fn hostile_text_stays_text() {
    let mut report = report();
    report.title = HOSTILE.into();
    report.facts.dataset = HOSTILE.into();
    report.recipe.description = HOSTILE.into();
    report.recipe.versions.push((HOSTILE.into(), HOSTILE.into()));
    let section = &mut report.attributes[0];
    section.name = HOSTILE.into();
    section.method = HOSTILE.into();
    section.order[0] = HOSTILE.into();
    section.classes[1].name = HOSTILE.into();
    section.pairwise_auc[0].lower = HOSTILE.into();
    section.probabilities.as_mut().unwrap().curves[0].0 = HOSTILE.into();
    section.null.as_mut().unwrap().statistic = HOSTILE.into();
    section.claims[0].question = HOSTILE.into();
    section.claims[0].sentence = HOSTILE.into();
    section.toward.as_mut().unwrap().rows[0].interval = HOSTILE.into();
    section.toward.as_mut().unwrap().strips[0].found[1].0 = HOSTILE.into();
    section.comparisons[0].value = HOSTILE.into();
    section.comparisons[0].article.name = HOSTILE.into();
    section.comparisons[0].toward.does = HOSTILE.into();
    section.failures.as_mut().unwrap().judged_by = HOSTILE.into();
    section.failures.as_mut().unwrap().worst[0].caption = HOSTILE.into();
    section.strips[0].caption = HOSTILE.into();
    section.strips[0].start.id = HOSTILE.into();
    section.strips[0].start.label = Some(HOSTILE.into());
    section.strips[0].start.others[0] = (HOSTILE.into(), Some(HOSTILE.into()));
    report.lines.as_mut().unwrap().attributes[0] = HOSTILE.into();
    report.lines.as_mut().unwrap().left_out = HOSTILE.into();
    let page = render(&report).unwrap();
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains("alert(\"") && !page.contains(" 'q'"));
    assert!(page.contains("&lt;script&gt;"));
    assert_balanced(&page);
    for file in figures(&report).unwrap().iter().filter(|file| file.ending == "svg") {
        assert!(!file.text.contains("<script") && file.text.matches("</svg>").count() == 1, "{}", file.chart);
    }
}

#[test]
fn the_start_stands_at_its_own_coordinate_between_sorted_stops() {
    let page = render(&report()).unwrap();
    // The strip toward each value comes first.
    let strip = page.split("<div class=\"walk\">").nth(2).unwrap().split("</ol>").next().unwrap();
    let heads: Vec<&str> = strip.split("<span class=\"at\">").skip(1).map(|s| s.split('<').next().unwrap()).collect();
    assert_eq!(heads, ["\u{2212}3.00", "0.50", "1.00", "3.00"]);
    let kinds: Vec<&str> = strip.split("<li class=\"").skip(1).map(|s| s.split('"').next().unwrap()).collect();
    assert_eq!(kinds, ["hit", "start", "miss", "hit"]);
    assert!(strip.contains("<span class=\"other kept\" title=\"kind: shoe\">"));
    assert!(strip.contains("<span class=\"other changed\" title=\"kind: bag\">"));
    assert!(!strip.contains("title=\"sleeve:"), "an attribute without any label takes no line");
}

#[test]
fn numbers_that_place_something_must_be_finite() {
    let break_and_render = |change: fn(&mut Report)| {
        let mut report = report();
        change(&mut report);
        render(&report).unwrap_err().to_string()
    };
    let message = break_and_render(|r| r.attributes[0].classes[2].held_out[7] = f64::NAN);
    assert!(message.contains("attribute `shoe_height`, class `Sneaker`: position 7 is NaN"), "{message}");
    let message = break_and_render(|r| r.attributes[0].strips[0].stops[1].position = f64::INFINITY);
    assert!(message.contains("strip 1: stop 1 is inf"), "{message}");
    let message = break_and_render(|r| r.spectrum.as_mut().unwrap().variances[2] = f64::NAN);
    assert!(message.contains("variance 2"), "{message}");
    let message = break_and_render(|r| r.attributes[0].strips[1].start.image = Some(9));
    assert!(message.contains("`start-1` names image 9, but the report holds 3 images"), "{message}");
    let message = break_and_render(|r| r.images[1].mime = "text/html".into());
    assert!(message.contains("`boot-1` has type `text/html`"), "{message}");
    let message = break_and_render(|r| r.images[1].bytes.clear());
    assert!(message.contains("is empty (0 bytes"), "{message}");
    let message = break_and_render(|r| r.attributes[0].order.push("Clog".into()));
    assert!(message.contains("attribute `shoe_height`, the order: `Clog` is none of its classes\nhint: "), "{message}");
    let message = break_and_render(|r| r.attributes[0].classes[0].name = "Sandal".into());
    assert!(message.contains("`Sandal` is listed twice"), "{message}");
    let message = break_and_render(|r| r.attributes[0].probabilities.as_mut().unwrap().positions.push(9.0));
    assert!(message.contains("3 values, expected 4"), "{message}");
    let message = break_and_render(|r| r.spectrum.as_mut().unwrap().kept = 5);
    assert!(message.contains("5 kept axes, expected 4"), "{message}");
    let message = break_and_render(|r| r.attributes[0].comparisons[0].value = "Clog".into());
    assert!(message.contains("a comparison of walks: `Clog` is none of its classes"), "{message}");
    let message = break_and_render(|r| {
        r.lines.as_mut().unwrap().auc.pop();
    });
    assert!(message.contains("lines beside attributes: 1 rows, expected 2"), "{message}");
    let message = break_and_render(|r| r.training.as_mut().unwrap().confusions[0].counts[1].clear());
    assert!(message.contains("0 columns, expected 2"), "{message}");
}

#[test]
fn figures_that_do_not_exist_are_dashes_and_break_nothing() {
    let mut report = report();
    let section = &mut report.attributes[0];
    section.pairwise_auc[0].auc = Some(f64::NAN);
    section.null.as_mut().unwrap().ours = None;
    section.null.as_mut().unwrap().values = vec![f64::NAN];
    section.walks.as_mut().unwrap().rows[0].median_spearman = Some(f64::INFINITY);
    section.strips[0].stops[0].card.as_mut().unwrap().distance = Some(f64::NAN);
    report.training.as_mut().unwrap().epochs.iter_mut().for_each(|e| e.train_loss = f64::INFINITY);
    report.facts.seconds = Some(f64::NAN);
    let page = render(&report).unwrap();
    assert_balanced(&page);
    assert!(!page.contains("NaN") && !page.contains("inf\"") && !page.contains(">inf"));
    assert!(page.contains("<span class=\"d\">d –</span>"));
}

#[test]
fn empty_and_one_point_classes_are_drawn() {
    for held_out in [vec![], vec![2.0], vec![2.0; 50]] {
        let section =
            AttributeSection { name: "a".into(), classes: vec![class("only", 3, held_out)], ..Default::default() };
        let page = render(&Report { attributes: vec![section], ..Default::default() }).unwrap();
        assert_balanced(&page);
        assert!(page.contains("only"));
    }
    assert_balanced(&render(&Report::default()).unwrap());
    let section = AttributeSection { name: "a".into(), ..Default::default() };
    assert_balanced(&render(&Report { attributes: vec![section], ..Default::default() }).unwrap());
}

#[test]
fn a_report_survives_json_and_gives_the_same_page() {
    let report = report();
    let json = serde_json::to_string(&report).unwrap();
    let read: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(render(&report).unwrap(), render(&read).unwrap());
    assert_eq!(report.images, read.images);
}

#[test]
fn more_classes_than_colours_are_all_named() {
    let classes: Vec<ClassPositions> =
        (0..60).map(|i| class(&format!("class-{i:02}."), i, wave(35, i as f64))).collect();
    let section = AttributeSection { name: "many".into(), split: "test".into(), classes, ..Default::default() };
    let page = render(&Report { attributes: vec![section], ..Default::default() }).unwrap();
    assert!((0..60).all(|i| page.contains(&format!("class-{i:02}."))));
}

/// Five attributes with as many images as the pipeline shows at its defaults, each a photograph of 15 kB.
#[test]
fn a_full_report_of_photographs_stays_below_twenty_megabytes() {
    let mut report = report();
    let template = report.attributes.remove(0);
    let stops = |report: &mut Report, name: &str, count: u32| -> Vec<StopCard> {
        let stop = |i| {
            let card = card(report, &format!("{name}-{i}"), f64::from(i), "Sneaker");
            report.images[card.image.unwrap()].bytes.resize(15_000, 7);
            StopCard { position: f64::from(i), card: Some(card) }
        };
        (0..count).map(stop).collect()
    };
    for a in 0..5 {
        let mut section = template.clone();
        section.name = format!("attribute {a}");
        let strip =
            |report: &mut Report, name: String| Strip { stops: stops(report, &name, 8), ..template.strips[0].clone() };
        section.strips = (0..6).map(|s| strip(&mut report, format!("{a}-walk-{s}"))).collect();
        let failures = section.failures.as_mut().unwrap();
        failures.worst = (0..2).map(|s| strip(&mut report, format!("{a}-worst-{s}"))).collect();
        let hubs = stops(&mut report, &format!("{a}-hub"), 6);
        failures.hubs = hubs.into_iter().map(|stop| Hub { card: stop.card.unwrap(), walks: 9 }).collect();
        for s in 0..2 {
            let mut comparison = template.comparisons[0].clone();
            comparison.article.stops = stops(&mut report, &format!("{a}-article-{s}"), 9);
            comparison.toward.stops = stops(&mut report, &format!("{a}-line-{s}"), 9);
            section.comparisons.push(comparison);
        }
        let toward = section.toward.as_mut().unwrap();
        for s in 0..4 {
            let found = stops(&mut report, &format!("{a}-toward-{s}"), 13);
            let found = found.into_iter().map(|stop| ("Sneaker".to_owned(), stop.card)).collect();
            toward.strips.push(TowardStrip { start: template.strips[0].start.clone(), found });
        }
        report.attributes.push(section);
    }
    let page = render(&report).unwrap();
    let images = page.matches("<image id=").count();
    assert!((700..=5 * 160).contains(&images), "{images}");
    assert!(page.len() < 20_000_000, "{}", page.len());
}

#[test]
fn a_full_report_stays_below_two_megabytes() {
    let mut report = report();
    let template = report.attributes.remove(0);
    for a in 0..4 {
        let mut section = AttributeSection { name: format!("attribute {a}"), strips: Vec::new(), ..template.clone() };
        for s in 0..8 {
            let stops = (0..7)
                .map(|i| {
                    let mut found = card(&mut report, &format!("{a}-{s}-{i}"), f64::from(i), "Sneaker");
                    // A raw 28 x 28 grey image is larger than its PNG.
                    report.images[found.image.unwrap()].bytes.resize(784, 7);
                    found.others.push(("category".into(), Some("Sneaker".into())));
                    StopCard { position: f64::from(i), card: Some(found) }
                })
                .collect();
            section.strips.push(Strip { start: template.strips[0].start.clone(), stops, ..Default::default() });
        }
        report.attributes.push(section);
    }
    assert!(render(&report).unwrap().len() < 2_000_000);
}
