//! Who may ask: the page that this server gave, and programs of this machine; no foreign page.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::refusal;

/// The names under which the server may be spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Names(Arc<[String]>);

impl Names {
    pub(crate) fn of(address: SocketAddr) -> Self {
        let port = address.port();
        let mut names = vec![format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")];
        if port == 80 {
            names.extend(["127.0.0.1", "localhost", "[::1]"].map(str::to_owned));
        }
        Self(names.into())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Why a request is refused that names another host: somebody's name was made to point here.
    fn refuse_host(&self, headers: &HeaderMap) -> Option<String> {
        let host = text(headers, header::HOST).unwrap_or_default();
        (!self.has(host)).then(|| format!("this server answers to {}, not to `{host}`", self.0[0]))
    }

    /// Why a question is refused: also one that a page of another site asks.
    fn refuse(&self, headers: &HeaderMap) -> Option<String> {
        if let Some(reason) = self.refuse_host(headers) {
            return Some(reason);
        }
        let site = text(headers, header::HeaderName::from_static("sec-fetch-site")).unwrap_or("none");
        if !matches!(site, "none" | "same-origin") {
            return Some("pages of other sites may not ask".to_owned());
        }
        let origin = text(headers, header::ORIGIN)?;
        let own = origin.strip_prefix("http://").is_some_and(|name| self.has(name));
        (!own).then(|| format!("the page at `{origin}` may not ask"))
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// Refuses what comes from elsewhere, and tells browsers to load nothing from anywhere else.
pub(crate) async fn guard(State(names): State<Names>, request: Request, next: Next) -> Response {
    // A link on another page may lead here: the page itself is given, and asks on its own.
    let is_link = request.method() == Method::GET && !request.uri().path().starts_with("/api/");
    let refused = if is_link { names.refuse_host(request.headers()) } else { names.refuse(request.headers()) };
    let mut answer = match refused {
        Some(reason) => refusal(StatusCode::FORBIDDEN, &reason),
        None => next.run(request).await,
    };
    let headers = answer.headers_mut();
    let policy =
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_page_of_this_server_and_programs_of_this_machine_may_ask() {
        let names = Names::of("127.0.0.1:7117".parse().unwrap());
        let refused = |pairs: &[(&'static str, &str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
            names.refuse(&headers.collect()).is_some()
        };
        assert!(!refused(&[("host", "127.0.0.1:7117")]), "a program that sends no origin");
        assert!(!refused(&[("host", "localhost:7117"), ("origin", "http://localhost:7117")]));
        assert!(!refused(&[("host", "localhost:7117"), ("sec-fetch-site", "same-origin")]));
        assert!(refused(&[]), "no host");
        assert!(refused(&[("host", "evil.example:7117")]), "a name that was made to point here");
        assert!(refused(&[("host", "127.0.0.1:80")]));
        assert!(refused(&[("host", "127.0.0.1:7117"), ("origin", "http://evil.example")]));
        assert!(refused(&[("host", "127.0.0.1:7117"), ("origin", "null")]));
        assert!(refused(&[("host", "127.0.0.1:7117"), ("origin", "https://127.0.0.1:7117")]));
        assert!(refused(&[("host", "127.0.0.1:7117"), ("sec-fetch-site", "cross-site")]));
    }
}
