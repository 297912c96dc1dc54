//! What several stages read alike.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use latentwalk_cli::Stage;
use latentwalk_embeddings::{LabelColumn, Reader};
use latentwalk_images::{Attribute, AttributeKind, Dataset, Label, Split};
use latentwalk_probe::Task;
use ndarray::{Array2, ArrayView2, Axis};

use crate::config::Config;
use crate::stages::Job;

/// Rows read from Parquet at a time.
pub(crate) const READ_ROWS: usize = 4096;

/// The dataset of the run.
pub(crate) fn dataset(job: &Job<'_>) -> Result<Dataset> {
    Ok(Dataset::open(job.folder(Stage::Images)?)?)
}

/// A dataset with every image's PCA coordinates, row by row.
pub(crate) struct Points {
    pub(crate) dataset: Dataset,
    /// n × k, in raw PCA space.
    pub(crate) z: Array2<f32>,
    pub(crate) splits: Vec<latentwalk_probe::Split>,
}

impl Points {
    pub(crate) fn read(job: &Job<'_>) -> Result<Self> {
        let dataset = dataset(job)?;
        let path = job.input(Stage::Decomposition, "coordinates.parquet")?;
        let reader = Reader::open(&path)?;
        ensure!(
            reader.rows() == dataset.items.len(),
            "{} has {} rows for {} images; run again with --from embeddings",
            path.display(),
            reader.rows(),
            dataset.items.len()
        );
        let z = reader.vectors(None)?;
        let splits = dataset.items.iter().map(|item| probe_split(item.split)).collect();
        Ok(Self { dataset, z, splits })
    }

    pub(crate) fn select(&self, rows: &[usize]) -> Array2<f32> {
        self.z.select(Axis(0), rows)
    }

    pub(crate) fn view(&self) -> ArrayView2<'_, f32> {
        self.z.view()
    }
}

pub(crate) fn probe_split(split: Split) -> latentwalk_probe::Split {
    match split {
        Split::Train => latentwalk_probe::Split::Train,
        Split::Validation => latentwalk_probe::Split::Validation,
        Split::Test => latentwalk_probe::Split::Test,
    }
}

/// One question that a direction answers: an exclusive attribute, or one label of a multi attribute against its
/// absence (`tags=floral`).
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) kind: AttributeKind,
    pub(crate) classes: Vec<String>,
    /// The declared order, low to high; empty when there is none.
    pub(crate) order: Vec<u32>,
    pub(crate) labels: Vec<Option<u32>>,
}

impl Question {
    /// The question of an exclusive attribute; `None` for a multi one.
    pub(crate) fn exclusive(dataset: &Dataset, index: usize) -> Option<Self> {
        let attribute = &dataset.attributes[index];
        (attribute.kind != AttributeKind::Multi).then(|| Self {
            name: attribute.name.clone(),
            kind: attribute.kind,
            classes: attribute.classes.clone(),
            order: attribute.order.clone(),
            labels: dataset.items.iter().map(|item| exclusive(&item.labels[index])).collect(),
        })
    }

    pub(crate) fn task<'a>(&'a self, points: &'a Points) -> Task<'a> {
        Task {
            name: &self.name,
            classes: &self.classes,
            order: &self.order,
            z: points.view(),
            labels: &self.labels,
            splits: &points.splits,
        }
    }
}

/// The questions of a run, in declaration order.
pub(crate) fn questions(config: &Config, dataset: &Dataset) -> Result<Vec<Question>> {
    let wanted = &config.probe.attributes;
    for name in wanted {
        ensure!(
            dataset.attributes.iter().any(|a| a.name == *name),
            "`probe.attributes` names `{name}`, which is not declared under [attributes]"
        );
    }
    let chosen = dataset.attributes.iter().enumerate();
    let chosen = chosen.filter(|(_, a)| wanted.is_empty() || wanted.contains(&a.name));
    Ok(chosen.flat_map(|(index, attribute)| of_attribute(dataset, index, attribute)).collect())
}

fn of_attribute(dataset: &Dataset, index: usize, attribute: &Attribute) -> Vec<Question> {
    if let Some(question) = Question::exclusive(dataset, index) {
        return vec![question];
    }
    let labels = || dataset.items.iter().map(move |item| &item.labels[index]);
    let present = |label: &Label, class: u32| match label {
        Label::Many(classes) => Some(u32::from(classes.contains(&class))),
        _ => None,
    };
    (0u32..)
        .zip(&attribute.classes)
        .map(|(class, name)| Question {
            name: format!("{}={name}", attribute.name),
            kind: AttributeKind::Multi,
            classes: vec![format!("not {name}"), name.clone()],
            order: vec![0, 1],
            labels: labels().map(|label| present(label, class)).collect(),
        })
        .collect()
}

/// The class of an exclusive attribute's label.
pub(crate) fn exclusive(label: &Label) -> Option<u32> {
    match label {
        Label::One(class) => Some(*class),
        _ => None,
    }
}

/// Every attribute's labels of some rows, as columns of class names.
pub(crate) fn label_columns(dataset: &Dataset, rows: &[usize]) -> Vec<LabelColumn> {
    let column = |(index, attribute): (usize, &Attribute)| {
        let class = |c: u32| attribute.classes[c as usize].clone();
        let labels = rows.iter().map(|&row| &dataset.items[row].labels[index]);
        if attribute.kind == AttributeKind::Multi {
            let many = |label: &Label| match label {
                Label::Many(classes) => Some(classes.iter().map(|&c| class(c)).collect()),
                _ => None,
            };
            LabelColumn::Many(labels.map(many).collect())
        } else {
            LabelColumn::One(labels.map(|label| exclusive(label).map(class)).collect())
        }
    };
    dataset.attributes.iter().enumerate().map(column).collect()
}

/// The rows of the retrieval pool, ascending.
pub(crate) fn pool_rows(config: &Config, dataset: &Dataset) -> Result<Vec<usize>> {
    let splits = config.pool.splits.iter().map(|s| split(s, "pool.splits")).collect::<Result<Vec<_>>>()?;
    let only = required(dataset, &config.pool.only, "pool.only")?;
    let rows: Vec<usize> = (0..dataset.items.len())
        .filter(|&i| splits.contains(&dataset.items[i].split) && carries(dataset, i, &only))
        .collect();
    ensure!(!rows.is_empty(), "no image is in the retrieval pool; widen `pool.splits` or `pool.only`");
    Ok(rows)
}

/// The rows where a walk of a question may start: of the split, with a label in the order where there is one.
pub(crate) fn start_rows(
    config: &Config,
    dataset: &Dataset,
    question: &Question,
    of: &str,
    key: &str,
) -> Result<Vec<usize>> {
    let split = split(of, key)?;
    let only = required(dataset, &config.pool.starts_only, "pool.starts_only")?;
    let labelled = |row: usize| match question.labels[row] {
        Some(class) => question.order.is_empty() || question.order.contains(&class),
        None => false,
    };
    let rows: Vec<usize> = (0..dataset.items.len())
        .filter(|&i| dataset.items[i].split == split && labelled(i) && carries(dataset, i, &only))
        .collect();
    ensure!(
        !rows.is_empty(),
        "no labelled image of the split `{of}` can start a walk along `{}`; widen `pool.starts_only`, or leave the \
         attribute out of `probe.attributes`",
        question.name
    );
    Ok(rows)
}

pub(crate) fn split(name: &str, key: &str) -> Result<Split> {
    match Split::parse(name) {
        Some(split) => Ok(split),
        None => bail!("`{key}` names the split `{name}`; the splits are train, validation and test"),
    }
}

fn required(dataset: &Dataset, wanted: &BTreeMap<String, String>, key: &str) -> Result<Vec<(usize, u32)>> {
    let find = |(name, class): (&String, &String)| {
        let index = dataset.attributes.iter().position(|a| a.name == *name);
        let index = index.with_context(|| format!("`{key}` names the attribute `{name}`, which is not declared"))?;
        let classes = &dataset.attributes[index].classes;
        let class_index = classes.iter().position(|c| c == class);
        let class_index =
            class_index.with_context(|| format!("`{key}.{name}` is `{class}`, which is none of its classes"))?;
        Ok((index, u32::try_from(class_index)?))
    };
    wanted.iter().map(find).collect()
}

fn carries(dataset: &Dataset, row: usize, wanted: &[(usize, u32)]) -> bool {
    wanted.iter().all(|&(attribute, class)| match &dataset.items[row].labels[attribute] {
        Label::One(c) => *c == class,
        Label::Many(cs) => cs.contains(&class),
        Label::Missing => false,
    })
}
