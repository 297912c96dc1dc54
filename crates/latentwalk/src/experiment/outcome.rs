//! What a study hands to its page.

use super::file::{Check, Experiment};
use super::page::{self, Page};

/// What an experiment found.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Named figures, in the order of the page.
    pub(crate) figures: Vec<(String, f64)>,
    /// The page's body.
    pub(crate) body: Page,
    /// Further files of the page: name and content.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Outcome {
    /// The page as Markdown.
    pub(crate) fn page(&self, experiment: &Experiment, checks: &[Check]) -> String {
        page::whole(experiment, &self.body, checks)
    }
}
