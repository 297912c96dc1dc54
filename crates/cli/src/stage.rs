//! The stages by name.

use clap::ValueEnum;

/// A stage of the pipeline, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Stage {
    /// Read images and labels, map the labels onto attributes, split, pack the pixels.
    Images,
    /// Where a part of a pretrained network is frozen: the vectors that it hands to the part that learns.
    Features,
    /// Train the ResNet with one head per attribute.
    Backbone,
    /// The FC layer's vector of every image, as Parquet.
    Embeddings,
    /// PCA fitted on the train split; every image's coordinates.
    Decomposition,
    /// One direction per attribute, with its evidence on held-out images.
    Probe,
    /// The probe's figures for random classes in random order, to compare with.
    Null,
    /// The distances that a walk can use; walks from validation images decide which one is the default.
    Metrics,
    /// HNSW indexes of the retrieval pool, with their recall against the exact scan.
    Index,
    /// Lines from held-out images along each direction, and the real images nearest to them.
    Walks,
    /// Lines toward each value of an attribute: chosen by validation images, measured on test images.
    Toward,
    /// The same images by their pixels, and by an untrained network: what the verdicts compare with.
    Baselines,
    /// What may be said of each attribute's axis, from test images: five verdicts, each yes, no or unclear.
    Verdicts,
    /// One self-contained HTML page.
    Report,
}

impl Stage {
    /// Every stage, in the order in which they run.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The stage's name in commands, keys and folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Features => "features",
            Self::Backbone => "backbone",
            Self::Embeddings => "embeddings",
            Self::Decomposition => "decomposition",
            Self::Probe => "probe",
            Self::Null => "null",
            Self::Metrics => "metrics",
            Self::Index => "index",
            Self::Walks => "walks",
            Self::Toward => "toward",
            Self::Baselines => "baselines",
            Self::Verdicts => "verdicts",
            Self::Report => "report",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_named_alike_on_the_command_line_and_in_the_store() {
        for stage in Stage::all() {
            let value = stage.to_possible_value().map(|v| v.get_name().to_owned());
            assert_eq!(value.as_deref(), Some(stage.name()));
        }
    }
}
