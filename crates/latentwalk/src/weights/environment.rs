//! What the environment says of hubs: caches, a token, a mirror.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use latentwalk_hub::{Hub, Token};

/// The hubs as the variables describe them; an empty variable counts as none.
///
/// # Errors
/// No folder for fetched files is known; a token that cannot be read, or that is none.
pub(super) fn hub(variable: impl Fn(&str) -> Option<OsString>) -> Result<Hub> {
    let given = |name: &str| variable(name).filter(|value| !value.is_empty());
    let folder = |name: &str| given(name).map(PathBuf::from);
    let user = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
    let own = folder("LATENTWALK_CACHE")
        .or_else(|| user.clone().or_else(|| folder("LOCALAPPDATA")).map(|user| user.join("latentwalk")));
    let own = own.context("no folder for fetched files is known\nhint: name one by LATENTWALK_CACHE")?;
    // The same variables, in the same order, as Hugging Face's own tools.
    let home = folder("HF_HOME").or_else(|| user.map(|user| user.join("huggingface")));
    let mut hub = Hub::public(own);
    hub.hugging_face_cache = folder("HF_HUB_CACHE").or_else(|| home.as_ref().map(|home| home.join("hub")));
    hub.token = match given("HF_TOKEN") {
        Some(text) => Some(token(&text.to_string_lossy(), "HF_TOKEN")?),
        None => home.map_or(Ok(None), |home| stored_token(&home.join("token")))?,
    };
    if let Some(address) = given("HF_ENDPOINT") {
        hub.hugging_face = address.to_string_lossy().trim_end_matches('/').to_owned();
    }
    Ok(hub)
}

/// The token in a file, if it exists and is not empty.
fn stored_token(file: &Path) -> Result<Option<Token>> {
    match std::fs::read_to_string(file) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => token(&text, &file.display().to_string()).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// A token from a place; the message names the place and never the text.
fn token(text: &str, place: &str) -> Result<Token> {
    Token::new(text).with_context(|| {
        format!(
            "what {place} holds is no token: it has spaces or other characters that no token has\nhint: copy it anew"
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The hubs of some variables.
    fn with(variables: &[(&str, &str)]) -> Result<Hub> {
        hub(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    fn folders(variables: &[(&str, &str)]) -> (String, String) {
        let hub = with(variables).unwrap();
        let text = |path: PathBuf| path.to_str().unwrap().replace('\\', "/");
        (text(hub.cache), text(hub.hugging_face_cache.unwrap()))
    }

    #[test]
    fn folders_are_those_of_the_variables_in_their_order() {
        let own = |cache: &str, theirs: &str| (cache.to_owned(), theirs.to_owned());
        let home = ("HOME", "/h");
        assert_eq!(folders(&[home]), own("/h/.cache/latentwalk", "/h/.cache/huggingface/hub"));
        let xdg = ("XDG_CACHE_HOME", "/x");
        assert_eq!(folders(&[home, xdg]), own("/x/latentwalk", "/x/huggingface/hub"));
        let (cache, hf_home) = (("LATENTWALK_CACHE", "/l"), ("HF_HOME", "/f"));
        assert_eq!(folders(&[home, xdg, cache, hf_home]), own("/l", "/f/hub"));
        assert_eq!(folders(&[home, hf_home, ("HF_HUB_CACHE", "/c")]), own("/h/.cache/latentwalk", "/c"));
        assert_eq!(folders(&[home, ("LATENTWALK_CACHE", ""), ("HF_HOME", "")]), folders(&[home]));
        assert!(with(&[cache]).unwrap().hugging_face_cache.is_none());
        let nowhere = with(&[]).unwrap_err().to_string();
        assert!(nowhere.contains("LATENTWALK_CACHE"), "{nowhere}");
        let mirror = with(&[home, ("HF_ENDPOINT", "https://mirror.example.org/")]).unwrap();
        assert_eq!(mirror.hugging_face, "https://mirror.example.org");
    }

    #[test]
    fn a_token_comes_from_the_variable_else_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let home = ("HF_HOME", folder.path().to_str().unwrap());
        let cache = ("LATENTWALK_CACHE", "/l");
        assert_eq!(with(&[home, cache]).unwrap().token, None);
        std::fs::write(folder.path().join("token"), "hf_of_the_file\n").unwrap();
        assert_eq!(with(&[home, cache]).unwrap().token, Token::new("hf_of_the_file"));
        let both = [home, cache, ("HF_TOKEN", "hf_of_the_variable")];
        assert_eq!(with(&both).unwrap().token, Token::new("hf_of_the_variable"));
        // What is none is told by its place, and not shown.
        let message = format!("{:?}", with(&[home, cache, ("HF_TOKEN", "hf_secret and more")]).unwrap_err());
        assert!(message.contains("HF_TOKEN") && !message.contains("secret"), "{message}");
        std::fs::write(folder.path().join("token"), "hf_secret\nhf_other\n").unwrap();
        let message = format!("{:?}", with(&[home, cache]).unwrap_err());
        assert!(message.contains("token") && message.contains(home.1) && !message.contains("secret"), "{message}");
        std::fs::write(folder.path().join("token"), "\n").unwrap();
        assert_eq!(with(&[home, cache]).unwrap().token, None);
    }
}
