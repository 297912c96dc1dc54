//! Writes a report of invented data, to look at: `cargo run -p latentwalk-report --example sample -- out.html`.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use latentwalk_report::*;

/// A small generator of pseudo-random numbers (splitmix64), so that the sample needs no dependency.
struct Numbers(u64);

impl Numbers {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn normals(&mut self, n: usize, centre: f64, spread: f64) -> Vec<f64> {
        (0..n).map(|_| centre + spread * self.normal()).collect()
    }
}

/// A 28 x 28 grey bitmap (BMP, 8 bits) of a garment drawn from a shape function over the unit square.
fn bitmap(shape: impl Fn(f64, f64) -> f64) -> Vec<u8> {
    let (side, offset) = (28u32, 54 + 1024u32);
    let mut file = Vec::from(*b"BM");
    for word in [offset + side * side, 0, offset, 40, side, side] {
        file.extend(word.to_le_bytes());
    }
    file.extend(1u16.to_le_bytes());
    file.extend(8u16.to_le_bytes());
    for word in [0u32, side * side, 2835, 2835, 256, 0] {
        file.extend(word.to_le_bytes());
    }
    (0..=255u8).for_each(|v| file.extend([v, v, v, 0]));
    for row in (0..side).rev() {
        for column in 0..side {
            let (x, y) = ((f64::from(column) + 0.5) / 28.0, (f64::from(row) + 0.5) / 28.0);
            file.push((shape(x, y).clamp(0.0, 1.0) * 255.0) as u8);
        }
    }
    file
}

fn shoe(height: f64, numbers: &mut Numbers) -> Vec<u8> {
    let tone = 0.45 + 0.45 * numbers.uniform();
    let stripe = numbers.uniform() * 0.25;
    let noise: Vec<f64> = (0..784).map(|_| numbers.normal() * 0.03).collect();
    bitmap(move |x, y| {
        let sole = (0.78..0.86).contains(&y) && (0.08..0.92).contains(&x);
        let top = 0.78 - 0.16 - height * 0.5 * f64::from(x > 0.5) - 0.08 * (x * 5.0).sin().abs();
        let body = y < 0.78 && y > top && (0.1..0.9).contains(&x);
        let n = noise[((y * 28.0) as usize).min(27) * 28 + ((x * 28.0) as usize).min(27)];
        if sole {
            0.95
        } else if body {
            tone + n + if (x * 14.0) as i32 % 3 == 0 { stripe } else { 0.0 }
        } else {
            0.0
        }
    })
}

fn shirt(sleeve: f64, numbers: &mut Numbers) -> Vec<u8> {
    let tone = 0.4 + 0.5 * numbers.uniform();
    let noise: Vec<f64> = (0..784).map(|_| numbers.normal() * 0.03).collect();
    bitmap(move |x, y| {
        let body = (0.3..0.7).contains(&x) && (0.12..0.92).contains(&y);
        let reach = 0.12 + sleeve * 0.7;
        let arm = (0.14..reach + 0.1).contains(&y) && ((0.12..0.3).contains(&x) || (0.7..0.88).contains(&x));
        let neck = (x - 0.5).abs() < 0.1 && y < 0.18;
        let n = noise[((y * 28.0) as usize).min(27) * 28 + ((x * 28.0) as usize).min(27)];
        if (body || arm) && !neck { tone + n } else { 0.0 }
    })
}

/// What a sample attribute is made from.
struct Plan<'a> {
    name: &'a str,
    /// Class, centre, spread, images in train and test.
    classes: &'a [(&'a str, f64, f64, usize, usize)],
    order: &'a [&'a str],
    draw: fn(f64, &mut Numbers) -> Vec<u8>,
}

fn auc(lower: &[f64], upper: &[f64]) -> f64 {
    let wins: usize = upper.iter().map(|u| lower.iter().filter(|l| *l < u).count()).sum();
    wins as f64 / (lower.len() * upper.len()) as f64
}

fn section(plan: &Plan<'_>, report: &mut Report, numbers: &mut Numbers) -> AttributeSection {
    let classes: Vec<ClassPositions> = plan
        .classes
        .iter()
        .map(|(name, centre, spread, train, test)| ClassPositions {
            name: (*name).into(),
            train: *train,
            held_out: numbers.normals(*test, *centre, *spread),
        })
        .collect();
    let mut pairwise_auc = Vec::new();
    for (i, a) in classes.iter().enumerate() {
        for b in classes.iter().skip(i + 1).filter(|b| !b.held_out.is_empty()) {
            let auc = Some(auc(&a.held_out, &b.held_out)).filter(|v| v.is_finite());
            pairwise_auc.push(PairAuc { lower: a.name.clone(), upper: b.name.clone(), auc });
        }
    }
    let (low, high) = plan.classes.iter().fold((f64::MAX, f64::MIN), |r, c| (r.0.min(c.1), r.1.max(c.1)));
    let strips: Vec<Strip> = (0..8).map(|i| strip(plan, report, numbers, i, (low, high))).collect();
    let ordered = !plan.order.is_empty();
    let adjacent = |o: &[&str]| pairwise_auc.iter().find(|p| p.lower == o[0] && p.upper == o[1]).and_then(|p| p.auc);
    let weakest = plan.order.windows(2).filter_map(adjacent).min_by(f64::total_cmp);
    let verdict = match weakest {
        None => Verdict::nominal(),
        Some(auc) if auc < 0.5 => Verdict::folded(auc),
        Some(auc) if plan.order.len() == 2 => Verdict::separated(auc, 0.98),
        Some(auc) => Verdict::ordered(auc, 0.96),
    };
    AttributeSection {
        name: plan.name.into(),
        kind: if ordered { Kind::Ordered } else { Kind::Nominal },
        order: plan.order.iter().map(|s| (*s).into()).collect(),
        verdict,
        claims: claims(weakest),
        method: "bottleneck probe (1, 10, 10, C)".into(),
        settings: vec![("epochs".into(), "at most 200".into()), ("class weights".into(), "inverse frequency".into())],
        restarts: Some(Restarts { total: 8, collapsed: 1, in_order: ordered.then_some(5) }),
        split: "test".into(),
        probabilities: Some(probabilities(plan, (low, high))),
        null: ordered.then(|| null(numbers, weakest)),
        walks: Some(walks(ordered)),
        toward: Some(toward()),
        classes,
        pairwise_auc,
        comparisons: comparisons(plan, &strips),
        failures: Some(failures(&strips)),
        strips,
    }
}

fn claims(weakest: Option<f64>) -> Vec<Claim> {
    let ordered = match weakest {
        Some(auc) if auc < 0.5 => Answer::No,
        Some(_) => Answer::Yes,
        None => Answer::Unclear,
    };
    let sentence = "One sentence with the figures behind the answer, from held-out images.";
    let claim =
        |(question, answer): (&str, Answer)| Claim { question: question.into(), answer, sentence: sentence.into() };
    [
        ("readable", Answer::Yes),
        ("ordered", ordered),
        ("one axis", Answer::Yes),
        ("stable", Answer::No),
        ("separate", Answer::Unclear),
    ]
    .map(claim)
    .into()
}

fn nearest<'a>(plan: &'a Plan<'_>, at: f64) -> &'a str {
    let key = |c: &&(&str, f64, f64, usize, usize)| (c.1 - at).abs();
    plan.classes.iter().min_by(|a, b| key(a).total_cmp(&key(b))).unwrap().0
}

fn card(plan: &Plan<'_>, report: &mut Report, numbers: &mut Numbers, at: f64, share: f64, split: &str) -> Card {
    let id = format!("{split}-{:05}", (numbers.uniform() * 9999.0) as u32);
    let bytes = (plan.draw)(share + 0.06 * numbers.normal(), numbers);
    let image = ImageData { id: id.clone(), mime: "image/bmp".into(), width: 28, height: 28, bytes };
    let image = Some(report.intern(image));
    let label = (numbers.uniform() > 0.06).then(|| nearest(plan, at).to_owned());
    let kind = if numbers.uniform() > 0.05 { "footwear" } else { "bag" };
    let others = vec![("kind".into(), Some(kind.into())), ("category".into(), label.clone()), ("sleeve".into(), None)];
    Card { image, id, split: split.into(), position: at, distance: None, label, others }
}

fn strip(plan: &Plan<'_>, report: &mut Report, numbers: &mut Numbers, i: usize, (low, high): (f64, f64)) -> Strip {
    let share = |at: f64| ((at - low) / (high - low)).clamp(0.0, 1.0);
    let at = low + (high - low) * (0.05 + 0.9 * numbers.uniform());
    let start = card(plan, report, numbers, at, share(at), "test");
    let stops = (0..7)
        .map(|s| {
            let stop = low + (high - low) * f64::from(s) / 6.0;
            let position = stop + 0.1 * numbers.normal();
            let mut found = card(plan, report, numbers, position, share(position), "train");
            found.distance = Some(2.0 + 4.0 * numbers.uniform());
            StopCard { position: stop, card: (numbers.uniform() > 0.06).then_some(found) }
        })
        .collect();
    let caption = if i == 7 { "random direction".into() } else { String::new() };
    Strip { caption, start, stops }
}

fn comparisons(plan: &Plan<'_>, strips: &[Strip]) -> Vec<Comparison> {
    let side = |name: &str, does: &str, hit, kept, strip: &Strip| Side {
        name: name.into(),
        does: does.into(),
        hit: Some(hit),
        kept: Some(kept),
        stops: strip.stops.clone(),
    };
    let does = ["One direction for all values, plain distance.", "Its own line toward the value."];
    vec![Comparison {
        start: strips[0].start.clone(),
        value: plan.classes[plan.classes.len() - 1].0.into(),
        article: side("The article’s walk, as we read it", does[0], 0.69, 0.5, &strips[1]),
        toward: side("The line toward the value", does[1], 0.96, 0.91, &strips[0]),
    }]
}

fn failures(strips: &[Strip]) -> Failures {
    let hub = |(i, stop): (usize, &StopCard)| Some(Hub { card: stop.card.clone()?, walks: 31 - 4 * i });
    Failures {
        walks: 100,
        judged_by: "Spearman’s correlation between stop and rank of the class".into(),
        worst: strips[5..7].iter().map(|s| Strip { caption: "Spearman −0.31".into(), ..s.clone() }).collect(),
        hubs: strips[4].stops.iter().take(5).enumerate().filter_map(hub).collect(),
    }
}

fn lines() -> LineMatrix {
    let some = |rows: [[f64; 4]; 4]| rows.map(|row| row.map(Some).to_vec()).to_vec();
    LineMatrix {
        attributes: ["shoe_height", "sleeve", "heel_as_declared_by_the_seller_of_the_shoe", "category"]
            .map(str::to_owned)
            .to_vec(),
        split: "test".into(),
        auc: some([
            [0.97, 0.56, 0.74, 0.81],
            [0.53, 0.99, 0.58, 0.77],
            [0.69, 0.55, 0.88, 0.66],
            [0.71, 0.69, 0.6, 0.98],
        ]),
        cramers_v: some([
            [1.0, 0.07, 0.41, 0.63],
            [0.07, 1.0, 0.11, 0.52],
            [0.41, 0.11, 1.0, 0.3],
            [0.63, 0.52, 0.3, 1.0],
        ]),
        left_out: String::new(),
    }
}

fn probabilities(plan: &Plan<'_>, (low, high): (f64, f64)) -> Probabilities {
    let positions: Vec<f64> = (0..121).map(|i| low - 4.0 + (high - low + 8.0) * f64::from(i) / 120.0).collect();
    let weight = |c: &(&str, f64, f64, usize, usize), s: f64| (-0.5 * ((s - c.1) / c.2).powi(2)).exp() + 1e-9;
    let curve = |c: &(&str, f64, f64, usize, usize)| {
        let p = positions.iter().map(|s| weight(c, *s) / plan.classes.iter().map(|k| weight(k, *s)).sum::<f64>());
        (c.0.to_owned(), p.collect())
    };
    Probabilities { curves: plan.classes.iter().map(curve).collect(), positions: positions.clone() }
}

fn null(numbers: &mut Numbers, ours: Option<f64>) -> Null {
    Null {
        statistic: "min adjacent AUC".into(),
        drawn: "200 random triples of classes in random order".into(),
        values: (0..200).map(|_| 0.99 - 0.9 * numbers.uniform().powi(2)).collect(),
        ours,
    }
}

fn walks(ordered: bool) -> Walks {
    let row = |name: &str, role, default, figures: [f64; 3]| WalkRow {
        name: name.into(),
        role,
        default,
        median_spearman: ordered.then_some(figures[0]),
        all_visited: ordered.then_some(figures[1]),
        on_attribute: Some(figures[2]),
        most_frequent: Some(0.04),
    };
    use WalkRole::{Baseline, Metric};
    Walks {
        starts: 100,
        start_split: "test".into(),
        pool: "train, unlabelled included".into(),
        stops: 7,
        spearman_ceiling: Some(0.945),
        metric: "within-class".into(),
        rows: vec![
            row("euclidean", Metric, false, [0.898, 0.47, 0.981]),
            row("whitened", Metric, false, [0.931, 0.86, 0.99]),
            row("within-class", Metric, true, [0.945, 0.94, 1.0]),
            row("random direction", Baseline, false, [0.02, 0.11, 0.71]),
            row("random image of the same slab", Baseline, false, [0.87, 0.62, 0.34]),
            row("nearest neighbours", Baseline, false, [f64::NAN, 0.05, 0.99]),
        ],
    }
}

fn toward() -> Toward {
    let row = |name: &str, role, default, figures: [f64; 3]| TowardRow {
        name: name.into(),
        role,
        default,
        hit: Some(figures[0]),
        interval: format!("{:.3} to {:.3}", figures[0] - 0.03, figures[0] + 0.02),
        kept: Some(figures[1]),
        joint: Some(figures[2]),
    };
    use WalkRole::{Baseline, Metric};
    Toward {
        way: "From a test image to each value that it does not have: logistic, residual, reach 0.3.".into(),
        note: "200 cases from 100 test images. Values weigh equally.".into(),
        rows: vec![
            row("logistic, residual, reach 0.3", Metric, true, [0.96, 0.91, 0.9]),
            row("the article's walk, as we read it", Metric, false, [0.69, 0.5, 0.52]),
            row("nearest image, whatever it is", Baseline, false, [0.05, f64::NAN, 0.03]),
        ],
        strips: Vec::new(),
    }
}

fn training() -> Training {
    let names = ["category", "sleeve", "shoe_height", "kind"];
    let epochs = (1..=12)
        .map(|epoch| {
            let e = epoch as f64;
            EpochPoint {
                epoch,
                train_loss: 0.25 + 1.9 * (-0.45 * e).exp(),
                validation_loss: 0.42 + 1.5 * (-0.42 * e).exp() + 0.004 * (e - 9.0).max(0.0).powi(2),
                validation_accuracy: names
                    .iter()
                    .zip([0.88, 0.985, 0.955, 0.975])
                    .map(|(n, top)| ((*n).into(), top - 0.3 * (-0.4 * e).exp()))
                    .collect(),
            }
        })
        .collect();
    let accuracy = names
        .iter()
        .zip([
            (1000, 10, 0.874, 0.871, 0.1),
            (400, 2, 0.984, 0.98, 0.67),
            (300, 3, 0.951, 0.95, 0.34),
            (1000, 5, 0.972, 0.969, 0.41),
        ])
        .map(|(name, (n, classes, accuracy, f1, majority))| AccuracyRow {
            attribute: (*name).into(),
            n,
            classes,
            accuracy: Some(accuracy),
            macro_f1: Some(f1),
            majority: Some(majority),
        })
        .collect();
    let classes: Vec<String> = CATEGORIES.iter().map(|c| c.0.into()).collect();
    let counts =
        (0..10).map(|i| (0..10).map(|j| if i == j { 84 } else { u64::from((i * 7 + j * 3) % 4 == 0) * 5 }).collect());
    Training {
        network: "small residual network, 0.7 M parameters, FC layer of 128".into(),
        epochs,
        best_epoch: Some(10),
        accuracy,
        split: "test".into(),
        confusions: vec![Confusion { attribute: "category".into(), classes, counts: counts.collect() }],
    }
}

const CATEGORIES: [(&str, f64, f64, usize, usize); 10] = [
    ("T-shirt/top", -1.2, 1.0, 700, 100),
    ("Trouser", -5.8, 0.8, 700, 100),
    ("Pullover", 0.6, 0.9, 700, 100),
    ("Dress", -2.6, 1.1, 700, 100),
    ("Coat", 1.4, 0.8, 700, 100),
    ("Sandal", 4.8, 1.2, 700, 100),
    ("Shirt", 0.0, 1.3, 700, 100),
    ("Sneaker", 6.6, 0.7, 700, 100),
    ("Bag", 2.6, 1.4, 700, 100),
    ("Ankle boot", 8.4, 0.9, 700, 100),
];

fn recipe() -> Recipe {
    let stages = ["images", "backbone", "embeddings", "decomposition", "probe", "null", "metrics", "index", "walks"];
    Recipe {
        command: "cargo xtask pipeline fashion-mnist --set probe.restarts=8".into(),
        description: "name = \"fashion-mnist\"\n\n[attributes.shoe_height]\nkind = \"ordered\"\norder = [\"Sandal\", \"Sneaker\", \"Ankle boot\"]\n".into(),
        versions: vec![("latentwalk".into(), "0.1.0".into()), ("rustc".into(), "1.95.0".into()), ("device".into(), "cpu".into())],
        seeds: vec![("split".into(), 7), ("training".into(), 7), ("probe".into(), 11)],
        stages: stages
            .iter()
            .enumerate()
            .map(|(i, s)| StageFact {
                name: (*s).into(),
                key: format!("{:016x}{:016x}", 0x9e37_79b9_7f4a_7c15u64.wrapping_mul(i as u64 + 1), 0x1234_5678_9abc_def1u64.wrapping_mul(i as u64 + 3)),
                seconds: Some([0.6, 118.0, 9.4, 0.3, 21.0, 12.0, 6.0, 1.2, 2.5][i]),
                reused: i < 2,
            })
            .collect(),
    }
}

/// The whole sample.
fn sample() -> Report {
    let mut numbers = Numbers(7);
    let mut report = Report {
        title: "Fashion-MNIST: directions in the space of a small network".into(),
        summary: "Product photographs ordered along straight lines that a classifier learned without being asked to. All data on this page are invented.".into(),
        facts: RunFacts {
            dataset: "fashion-mnist, t10k".into(),
            splits: vec![("train".into(), 8000), ("validation".into(), 1000), ("test".into(), 1000)],
            seconds: Some(192.4),
            peak_memory_bytes: Some(1_340_000_000),
            more: vec![("recall at 10 of the index".into(), "0.987".into())],
        },
        training: Some(training()),
        spectrum: Some(Spectrum {
            variances: (0..128).map(|i| 40.0 * (-0.22 * f64::from(i)).exp() + 0.01).collect(),
            kept: 50,
            rank: Some(128),
        }),
        recipe: recipe(),
        lines: Some(lines()),
        ..Default::default()
    };
    let shoes = [("Sandal", -4.6, 1.7, 812, 98), ("Sneaker", -0.4, 1.1, 790, 104), ("Ankle boot", 3.5, 1.4, 798, 100)];
    let sleeves = [("short", -2.2, 1.1, 801, 99), ("long", 2.4, 1.0, 1602, 204)];
    let folded = [
        ("low", -2.0, 0.8, 90, 24),
        ("middle", 3.1, 0.8, 90, 22),
        ("high", 1.0, 0.9, 90, 26),
        ("not worn, or hidden beneath <b>trousers & skirts</b> of any length", 0.0, 0.5, 12, 0),
    ];
    let plans = [
        Plan { name: "shoe_height", classes: &shoes, order: &["Sandal", "Sneaker", "Ankle boot"], draw: shoe },
        Plan { name: "sleeve", classes: &sleeves, order: &["short", "long"], draw: shirt },
        Plan {
            name: "heel_as_declared_by_the_seller_of_the_shoe",
            classes: &folded,
            order: &["low", "middle", "high"],
            draw: shoe,
        },
        Plan { name: "category", classes: &CATEGORIES, order: &[], draw: shirt },
    ];
    for plan in &plans {
        let section = section(plan, &mut report, &mut numbers);
        report.attributes.push(section);
    }
    report
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of the HTML file to write")?;
    let page = render(&sample())?;
    std::fs::write(&path, &page)?;
    println!("{path}: {} kB", page.len() / 1000);
    Ok(())
}
