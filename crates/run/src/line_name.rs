//! A line by its name, as somebody writes it.

use crate::error::{Error, Result};
use crate::toward::AttributeToward;
use crate::walker::{Along, Walker};

impl Walker {
    /// The line that a name means: `ATTRIBUTE` its axis, `ATTRIBUTE=VALUE` the line toward a value, `own:NAME` a line that was added.
    ///
    /// An axis comes first: that of one label among several is called `ATTRIBUTE=LABEL` itself.
    ///
    /// # Errors
    /// [`Error::NoLine`], which lists the lines that there are.
    pub fn line(&self, name: &str) -> Result<Along> {
        if self.known_lines().iter().any(|known| known == name) {
            return Ok(Along::new(name, None));
        }
        let mut toward = self.values();
        let found = toward.find(|(attribute, value)| called(attribute, value) == name);
        let found = found.map(|(attribute, value)| Along::new(attribute, Some(value)));
        found.ok_or_else(|| Error::NoLine { name: name.to_owned(), known: self.line_names() })
    }

    /// The names of all lines, as [`Walker::line`] takes them: axes and lines that were added, then those toward values.
    pub fn line_names(&self) -> Vec<String> {
        let mut names = self.known_lines();
        names.extend(self.values().map(|(attribute, value)| called(attribute, value)));
        names
    }

    /// Every attribute with each value that a line leads toward.
    fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        let of = move |toward: &AttributeToward| {
            let (labels, _) = self.data().direction(&toward.name).ok()?;
            let known = labels.classes.iter().filter(|class| !toward.absent.contains(class));
            Some(known.map(|class| (labels.name.as_str(), class.as_str())).collect::<Vec<_>>())
        };
        self.toward().iter().filter_map(of).flatten()
    }
}

fn called(attribute: &str, value: &str) -> String {
    format!("{attribute}={value}")
}
