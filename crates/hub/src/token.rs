//! The secret that opens private and gated repositories.

use std::fmt;

use ureq::http::HeaderValue;

/// A user's token for the Hugging Face hub. No text of this crate shows it: neither an error nor `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token as it stands in a variable or a file; white space around it does not count.
    ///
    /// `None` for a text that no token can be: an empty one, or one with other characters than visible ASCII.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let visible = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        visible.then(|| Self(text.to_owned()))
    }

    /// What the header `Authorization` says.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Whether a token may go to an address: only to the hub's own host, and encrypted unless that is this machine.
pub(crate) fn may_go(hub: &str, address: &str) -> bool {
    let safe = |(scheme, host): (String, String)| scheme == "https" || (scheme == "http" && is_this_machine(&host));
    same_host(hub, address) && origin(address).is_some_and(safe)
}

/// Whether an address has the scheme, host and port of the hub's address.
pub(crate) fn same_host(hub: &str, address: &str) -> bool {
    let hub = origin(hub);
    hub.is_some() && hub == origin(address)
}

/// Scheme and host, with the port where one is named, in lower case.
fn origin(address: &str) -> Option<(String, String)> {
    let (scheme, rest) = address.split_once("://")?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    Some((scheme.to_ascii_lowercase(), rest[..end].to_ascii_lowercase()))
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_the_hubs_own_host_alone() {
        let hub = "https://huggingface.co";
        for address in ["https://huggingface.co/a/b", "https://HuggingFace.co/api?x=1", "https://huggingface.co"] {
            assert!(may_go(hub, address), "{address}");
        }
        for address in [
            "http://huggingface.co/a/b",
            "https://cdn.huggingface.co/a",
            "https://huggingface.co.example.org/a",
            "https://huggingface.co@example.org/a",
            "https://example.org/https://huggingface.co/a",
            "https://huggingface.co:444/a",
            "huggingface.co/a",
            "/a/b",
        ] {
            assert!(!may_go(hub, address), "{address}");
        }
        // Unencrypted only where it does not leave the machine.
        assert!(may_go("http://127.0.0.1:8000", "http://127.0.0.1:8000/a"));
        assert!(may_go("http://[::1]:8000", "http://[::1]:8000/a"));
        assert!(!may_go("http://127.0.0.1:8000", "http://127.0.0.1:8001/a"));
        assert!(!may_go("http://mirror.example.org", "http://mirror.example.org/a"));
        assert!(!may_go("http://127.0.0.1.example.org", "http://127.0.0.1.example.org/a"));
    }

    #[test]
    fn a_token_is_visible_text_and_is_not_shown() {
        let token = Token::new(" hf_secret\n").unwrap();
        assert_eq!(token.header().unwrap(), "Bearer hf_secret");
        assert!(!format!("{token:?} {:?}", token.header()).contains("secret"));
        for text in ["", " \n", "two words", "tökn", "a\nb"] {
            assert!(Token::new(text).is_none(), "{text:?}");
        }
    }
}
