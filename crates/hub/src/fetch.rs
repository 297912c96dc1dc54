//! One download: redirects, hash, and the rename at its end.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

use crate::error::{Error, Result};
use crate::{Hub, HubId, Token, folder, token};

/// Redirects that are followed.
const HOPS: usize = 8;
/// Bytes read at once.
const BLOCK: usize = 1 << 16;
/// A hub that does not answer within this time is taken for unreachable.
const PATIENCE: Duration = Duration::from_secs(30);
/// In this header Hugging Face states the SHA-256 of a large file, in the answer that redirects to its content.
const LINKED_ETAG: &str = "x-linked-etag";

/// Fetches the file of a name to its path.
pub(crate) fn into(hub: &Hub, id: &HubId, path: &Path, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<()> {
    let url = hub.url(id);
    let gate = match id {
        HubId::Torchvision(_) => None,
        HubId::HuggingFace { .. } => Some(Gate { hub: &hub.hugging_face, token: hub.token.as_ref() }),
    };
    let answer = open(&url, gate.as_ref(), path)?;
    let expected = match id {
        HubId::Torchvision(file) => prefix_of(file.file).map(str::to_owned),
        HubId::HuggingFace { .. } => answer.sha256.clone(),
    };
    let expected = expected.ok_or_else(|| Error::NoHash { url: url.clone(), path: path.to_owned() })?;
    let failed = |source| Error::Write { path: path.to_owned(), source };
    fs::create_dir_all(folder(path)).map_err(failed)?;
    let part = Part(path.with_extension(format!("part{}", std::process::id())));
    let got = copy(answer, &url, path, &part.0, progress)?;
    if !got.starts_with(&expected) {
        return Err(Error::Hash { url, expected, got });
    }
    fs::rename(&part.0, path).map_err(failed)
}

/// The start of a SHA-256 in a torchvision file's name.
fn prefix_of(file: &str) -> Option<&str> {
    let (stem, _) = file.rsplit_once('.')?;
    stem.rsplit_once('-').map(|(_, digits)| digits)
}

/// A file on its way, removed unless it was renamed.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// An answer that carries the content.
struct Answer {
    body: Body,
    length: Option<u64>,
    sha256: Option<String>,
}

/// A hub that opens some of its repositories to the holders of a token.
struct Gate<'a> {
    /// Its address.
    hub: &'a str,
    token: Option<&'a Token>,
}

/// Follows an address to its content.
fn open(url: &str, gate: Option<&Gate<'_>>, path: &Path) -> Result<Answer> {
    let agent: Agent = Agent::config_builder()
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .build()
        .into();
    let unreachable = |reason: String| Error::Unreachable { url: url.to_owned(), reason, path: path.to_owned() };
    let (mut at, mut sha256) = (url.to_owned(), None);
    for _ in 0..HOPS {
        let mut request = agent.get(&at);
        // Asked anew for each address: a redirect may lead to another host.
        let shown = gate.filter(|gate| token::may_go(gate.hub, &at)).and_then(|gate| gate.token?.header());
        let with_token = shown.is_some();
        if let Some(value) = shown {
            request = request.header("authorization", value);
        }
        let response = request.call().map_err(|error| unreachable(error.to_string()))?;
        let (status, headers) = (response.status(), response.headers());
        sha256 = sha256.or_else(|| stated_hash(headers));
        if status.is_redirection()
            && let Some(next) = text(headers, "location")
        {
            at = resolve(&at, next);
        } else if status.is_success() {
            return Ok(answer(response, sha256));
        } else {
            let by_gate = gate.is_some_and(|gate| token::same_host(gate.hub, &at));
            let (url, status) = (url.to_owned(), status.as_u16());
            return Err(match status {
                401 | 403 if by_gate => Error::Denied { url, status, with_token },
                _ => Error::Status { url, status },
            });
        }
    }
    Err(unreachable(format!("more than {HOPS} redirects")))
}

fn answer(response: Response<Body>, sha256: Option<String>) -> Answer {
    let length = text(response.headers(), "content-length").and_then(|length| length.parse().ok());
    Answer { length, sha256, body: response.into_body() }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The SHA-256 that a hub states; the etags of small files are other hashes.
fn stated_hash(headers: &HeaderMap) -> Option<String> {
    let tag = text(headers, LINKED_ETAG)?.trim_start_matches("W/").trim_matches('"');
    let is_sha256 = tag.len() == 64 && tag.bytes().all(|b| b.is_ascii_hexdigit());
    is_sha256.then(|| tag.to_ascii_lowercase())
}

/// The address that a redirect leads to.
fn resolve(from: &str, to: &str) -> String {
    let host_end = from.find("://").map(|at| at + 3).and_then(|at| from[at..].find('/').map(|slash| at + slash));
    match to.starts_with('/') {
        true => format!("{}{to}", &from[..host_end.unwrap_or(from.len())]),
        false => to.to_owned(),
    }
}

/// Writes the content; gives its SHA-256.
fn copy(
    answer: Answer,
    url: &str,
    path: &Path,
    part: &Path,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<String> {
    let failed = |source| Error::Write { path: part.to_owned(), source };
    let broken = |reason: String| Error::Unreachable { url: url.to_owned(), reason, path: path.to_owned() };
    let mut file = File::create(part).map_err(failed)?;
    let (mut hash, mut done) = (Sha256::new(), 0u64);
    let mut reader = answer.body.into_with_config().limit(u64::MAX).reader();
    let mut block = vec![0; BLOCK];
    loop {
        let count = reader.read(&mut block).map_err(|error| broken(error.to_string()))?;
        if count == 0 {
            break;
        }
        file.write_all(&block[..count]).map_err(failed)?;
        hash.update(&block[..count]);
        done += count as u64;
        progress(done, answer.length);
    }
    if answer.length.is_some_and(|length| length != done) {
        return Err(broken(format!("the connection ended after {done} bytes")));
    }
    file.sync_all().map_err(failed)?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_may_be_relative() {
        assert_eq!(resolve("https://a.b/c/d", "/x"), "https://a.b/x");
        assert_eq!(resolve("https://a.b", "/x"), "https://a.b/x");
        assert_eq!(resolve("https://a.b/c", "https://d.e/f"), "https://d.e/f");
    }

    #[test]
    fn torchvisions_names_carry_a_hash() {
        assert_eq!(prefix_of("resnet50-0676ba61.pth"), Some("0676ba61"));
        for file in crate::TORCHVISION {
            assert!(prefix_of(file.file).is_some_and(|p| p.len() == 8 && p.bytes().all(|b| b.is_ascii_hexdigit())));
        }
    }
}
