//! One attribute of one run: its figures, and its part of a page.

use anyhow::{Context, Result};
use latentwalk_cli::Stage;
use latentwalk_images::{Pixels, SheetFormat, contact_sheet};
use latentwalk_probe::{Direction, Verdict};
use latentwalk_run::{AttributeLabels, AttributeWalks, Figures, StripRecord, WalkData};

use super::outcome::Outcome;
use super::page::decimal;
use crate::job::Job;
use crate::stage::report::attribute;

/// Side of an image in a strip, in pixels.
const SIDE_PX: usize = 96;
/// Images smaller than this are shown with every pixel so many times as wide and high.
const SMALL_PX: (usize, usize) = (40, 3);

/// One attribute of one run.
pub(super) struct AttributeResult<'a> {
    job: &'a Job<'a>,
    data: &'a WalkData,
    labels: &'a AttributeLabels,
    direction: &'a Direction,
    walks: &'a AttributeWalks,
}

impl<'a> AttributeResult<'a> {
    /// The attribute's part of a run.
    pub(super) fn new(
        job: &'a Job<'a>,
        data: &'a WalkData,
        all: &'a [AttributeWalks],
        attribute: &str,
    ) -> Result<Self> {
        let (labels, direction) = data.direction(attribute)?;
        let walks = all.iter().find(|walks| walks.name == attribute);
        let walks = walks.with_context(|| format!("the run has no walks along `{attribute}`"))?;
        Ok(Self { job, data, labels, direction, walks })
    }

    fn class(&self, class: u32) -> &str {
        &self.labels.classes[class as usize]
    }

    pub(super) fn figures(&self, prefix: &str, figures: &mut Vec<(String, f64)>) {
        let evidence = &self.direction.evidence;
        let mut add = |name: &str, value: f64| figures.push((format!("{prefix}: {name}"), value));
        if let Some(auc) = evidence.min_adjacent_auc {
            add("weakest adjacent AUC", auc);
        }
        add("mean AUC over pairs of classes", mean_pair_auc(self.direction));
        if self.walks.declared {
            let in_order = self.direction.verdict == Verdict::InOrder;
            add("declared order found (1) or folded (0)", f64::from(u8::from(in_order)));
            if let Some(figures) = self.chosen() {
                add("walks: median Spearman", figures.median_spearman);
                add("walks: strips that meet every class", figures.middle_visited);
            }
        }
    }

    fn chosen(&self) -> Option<&Figures> {
        self.walks.by_metric.iter().find(|(kind, _)| *kind == self.walks.metric).map(|(_, figures)| figures)
    }

    /// The figure of the distribution, the table of AUCs, the walks and their strips.
    pub(super) fn show(&self, page: &str, outcome: &mut Outcome) -> Result<()> {
        let (name, body) = (&self.labels.name, &mut outcome.body);
        body.heading(&format!("The direction of {name}"));
        let section = attribute::distribution(self.data, self.labels, self.direction)?;
        let file = format!("{page}-{name}.svg");
        outcome.files.push((file.clone(), latentwalk_report::figure::distribution(&section)?.into_bytes()));
        body.picture(&file, &format!("Positions of held-out images along the direction of {name}, class by class"));
        let restarts = self.direction.restarts.len();
        let how = match (restarts, self.walks.declared) {
            (0, _) => "Logistic regression, since there are two classes.".to_owned(),
            (_, true) => format!(
                "The bottleneck probe of the article; {} of its {restarts} restarts found the declared order.",
                self.direction.restarts_in_order()
            ),
            (_, false) => format!("The bottleneck probe of the article, the best of {restarts} restarts."),
        };
        body.paragraph(&format!("{how} AUC of every pair of classes on the test split, the lower class first:"));
        let (head, rows) = self.pairs();
        body.table(&head.iter().map(String::as_str).collect::<Vec<_>>(), &rows);
        self.show_walks(page, outcome)
    }

    /// Classes by their median on the training rows, each against those above it.
    fn pairs(&self) -> (Vec<String>, Vec<Vec<String>>) {
        let order = &self.direction.found_order;
        let auc = &self.direction.evidence.pairwise_auc;
        let head = std::iter::once(String::new()).chain(order.iter().skip(1).map(|&c| self.class(c).to_owned()));
        let row = |(at, &lower): (usize, &u32)| {
            let cell = |upper: usize| match upper > at {
                true => auc[lower as usize][order[upper] as usize].map_or("–".to_owned(), decimal),
                false => String::new(),
            };
            std::iter::once(self.class(lower).to_owned()).chain((1..order.len()).map(cell)).collect()
        };
        (head.collect(), order.iter().enumerate().take(order.len() - 1).map(row).collect())
    }

    fn show_walks(&self, page: &str, outcome: &mut Outcome) -> Result<()> {
        let name = &self.labels.name;
        let row = |name: String, f: &Figures| {
            let declared = |value: f64| if self.walks.declared { decimal(value) } else { "–".to_owned() };
            vec![name, declared(f.median_spearman), declared(f.middle_visited), decimal(f.on_attribute)]
        };
        let mark = |kind| if kind == self.walks.metric { ", chosen by validation starts" } else { "" };
        let metrics = self.walks.by_metric.iter().map(|(kind, f)| row(format!("{kind}{}", mark(*kind)), f));
        let rivals = self.walks.yardsticks.iter().map(|(name, f)| row(format!("*{name}*"), f));
        let rows: Vec<Vec<String>> = metrics.chain(rivals).collect();
        let starts = self.walks.by_metric.first().map_or(0, |(_, f)| f.starts);
        outcome.body.paragraph(&format!(
            "Walks from {starts} held-out starts through the {} images of the pool, by metric, and what is reached without \
             the line:",
            self.data.pool.len()
        ));
        let head = ["walks", "median Spearman", "strips that meet every class", "on the attribute"];
        outcome.body.table(&head, &rows);
        let dataset = &self.data.points.dataset;
        let pixels = Pixels::open(self.job.folder(Stage::Images)?, dataset)?;
        let strips: Vec<Vec<Option<usize>>> = self.walks.strips.iter().map(images).collect();
        if !strips.is_empty() {
            let file = format!("{page}-{name}-strips.jpg");
            let width = dataset.shape.width;
            let side = if width < SMALL_PX.0 { width * SMALL_PX.1 } else { SIDE_PX };
            let sheet = contact_sheet(&pixels, dataset, &strips, side as u32, true, SheetFormat::Jpeg)?;
            outcome.files.push((file.clone(), sheet));
            let starts: Vec<&str> = self.walks.strips.iter().map(|s| self.label(s.start)).collect();
            outcome.body.paragraph(&format!(
                "Each line below starts from the framed held-out image on the left ({}) and shows the nearest real images at \
                 evenly spaced stops along the direction.",
                starts.join(", ")
            ));
            outcome.body.picture(&file, &format!("Walks along {name}, one per line"));
        }
        Ok(())
    }

    fn label(&self, row: usize) -> &str {
        self.labels.labels[row].map_or("unlabelled", |class| self.class(class))
    }
}

/// The start and the nearest image at every stop.
fn images(strip: &StripRecord) -> Vec<Option<usize>> {
    let stops = strip.stops.iter().map(|stop| stop.images.first().map(|image| image.row));
    std::iter::once(Some(strip.start)).chain(stops).collect()
}

/// Mean over all pairs of classes of the AUC along the axis, whichever class stands above.
pub(crate) fn mean_pair_auc(direction: &Direction) -> f64 {
    let auc = &direction.evidence.pairwise_auc;
    let classes = auc.len();
    let pairs = (0..classes).flat_map(|a| (a + 1..classes).map(move |b| (a, b)));
    let values: Vec<f64> = pairs.filter_map(|(a, b)| auc[a][b]).map(|value| value.max(1.0 - value)).collect();
    values.iter().sum::<f64>() / values.len() as f64
}
