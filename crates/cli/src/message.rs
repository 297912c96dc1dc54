//! What a user is told of an error.
//!
//! The first part of every message is the cause; `hint: …`, on a line of its own at the end, says what to do about it. No
//! error repeats the text of its source, so the parts are put together and nothing has to be taken out again.

use std::error::Error;

/// What stands between a cause and what to do about it.
const HINT: &str = "\nhint: ";

/// The causes in one sentence, the outermost first, then a line for each distinct hint, the innermost last.
pub fn message(error: &(dyn Error + 'static)) -> String {
    let mut hints: Vec<String> = Vec::new();
    for hint in chain(error).filter_map(|(_, hint)| hint) {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    hints.iter().fold(causes(error), |text, hint| text + HINT + hint)
}

/// The causes alone, in one sentence.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    chain(error).map(|(cause, _)| cause).collect::<Vec<_>>().join(": ")
}

/// An error and its sources, each as its cause and its hint.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = (String, Option<String>)> + 'a {
    std::iter::successors(Some(error), |&error| error.source()).map(|error| {
        let text = error.to_string();
        match text.rsplit_once(HINT) {
            Some((cause, hint)) => (cause.to_owned(), Some(hint.to_owned())),
            None => (text, None),
        }
    })
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn causes_stand_in_one_sentence_and_hints_on_lines_of_their_own() {
        let error = anyhow!("the disk is full\nhint: free some space").context("cannot write x").context("stage `a`");
        assert_eq!(message(error.as_ref()), "stage `a`: cannot write x: the disk is full\nhint: free some space");
        assert_eq!(causes(error.as_ref()), "stage `a`: cannot write x: the disk is full");
    }

    #[test]
    fn every_hint_is_told_once_and_the_innermost_last() {
        let error = anyhow!("no file\nhint: fetch it").context("no weights\nhint: name others").context("run");
        assert_eq!(message(error.as_ref()), "run: no weights: no file\nhint: name others\nhint: fetch it");
        let twice = anyhow!("inner\nhint: try again").context("outer\nhint: try again");
        assert_eq!(message(twice.as_ref()), "outer: inner\nhint: try again");
    }

    #[test]
    fn causes_that_are_alike_are_both_told() {
        let error = anyhow!("row 1").context("row 12").context("row 1");
        assert_eq!(message(error.as_ref()), "row 1: row 12: row 1");
    }

    #[test]
    fn a_cause_of_several_lines_stays_whole() {
        let error = anyhow!("expected `=`\n  |\n1 | walks").context("not a valid experiment\nhint: correct it");
        let expected = "not a valid experiment: expected `=`\n  |\n1 | walks\nhint: correct it";
        assert_eq!(message(error.as_ref()), expected);
    }
}
