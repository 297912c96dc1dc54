//! Who may ask: the page that this server gave, and programs of this machine; no foreign page. On other addresses, whoever has the token.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::refusal;
use crate::query::Query;

/// What a request must show.
#[derive(Clone)]
pub(crate) enum Guard {
    /// The server answers this machine alone, under these names.
    Here(Arc<[String]>),
    /// It answers others too, who have the token.
    Elsewhere(Arc<Token>),
}

/// A secret that is drawn at each start.
pub(crate) struct Token {
    secret: String,
    /// The cookie's name: cookies do not tell ports apart.
    cookie: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// # Errors
    /// A system without random numbers.
    pub(crate) fn draw(port: u16) -> std::io::Result<Self> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        let secret = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { secret, cookie: format!("latentwalk-{port}") })
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// Whether this is the secret; how long the answer takes tells nothing of it.
    fn is(&self, shown: &str) -> bool {
        let differing = |sum: u8, (a, b): (u8, u8)| sum | (a ^ b);
        shown.len() == self.secret.len() && shown.bytes().zip(self.secret.bytes()).fold(0, differing) == 0
    }

    /// Whether a request shows the secret: a browser in a cookie, a program in `Authorization: Bearer`.
    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let own = |part: &str| {
            part.trim()
                .strip_prefix(&self.cookie)
                .and_then(|rest| rest.strip_prefix('='))
                .is_some_and(|shown| self.is(shown))
        };
        let in_cookie = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        in_cookie.flat_map(|cookies| cookies.split(';')).any(own)
            || text(headers, header::AUTHORIZATION)
                .and_then(|value| value.strip_prefix("Bearer "))
                .is_some_and(|shown| self.is(shown))
    }

    /// The answer to a page's address with the token in it: the cookie, and the same address without the token.
    fn welcome(&self, request: &Request) -> Option<Response> {
        let query = Query::parse(request.uri().query()?);
        let shown = query.all("token").any(|shown| self.is(shown));
        if request.method() != Method::GET || !shown {
            return None;
        }
        let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie, self.secret);
        let headers = [
            (header::SET_COOKIE, cookie),
            (header::LOCATION, request.uri().path().to_owned()),
            (header::CACHE_CONTROL, "no-store".to_owned()),
        ];
        Some((StatusCode::SEE_OTHER, headers).into_response())
    }
}

impl Guard {
    /// For an address of this machine alone.
    pub(crate) fn here(address: SocketAddr) -> Self {
        let port = address.port();
        let mut names = vec![format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")];
        if port == 80 {
            names.extend(["127.0.0.1", "localhost", "[::1]"].map(str::to_owned));
        }
        Self::Here(names.into())
    }

    /// Why a request is refused that names another host: somebody's name was made to point here. Whoever has the token may use any name.
    fn refuse_host(&self, headers: &HeaderMap) -> Option<String> {
        let Self::Here(names) = self else { return None };
        let host = text(headers, header::HOST).unwrap_or_default();
        let known = names.iter().any(|known| known.eq_ignore_ascii_case(host));
        (!known).then(|| format!("this server answers to {}, not to `{host}`", names[0]))
    }

    /// Why a request is refused that does not show the token.
    fn refuse_stranger(&self, headers: &HeaderMap) -> Option<String> {
        let Self::Elsewhere(token) = self else { return None };
        let reason =
            "this server answers those who have its token\nhint: open the address that `latentwalk explore` printed";
        (!token.is_shown(headers)).then(|| reason.to_owned())
    }

    /// Why a question is refused that a page of another site asks.
    fn refuse_page(&self, headers: &HeaderMap) -> Option<String> {
        let site = text(headers, HeaderName::from_static("sec-fetch-site")).unwrap_or("none");
        if !matches!(site, "none" | "same-origin") {
            return Some("pages of other sites may not ask".to_owned());
        }
        let origin = text(headers, header::ORIGIN)?;
        let host = text(headers, header::HOST).unwrap_or_default();
        let own = origin.strip_prefix("http://").is_some_and(|name| match self {
            Self::Here(names) => names.iter().any(|known| known.eq_ignore_ascii_case(name)),
            Self::Elsewhere(_) => name.eq_ignore_ascii_case(host),
        });
        (!own).then(|| format!("the page at `{origin}` may not ask"))
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// Refuses what comes from elsewhere, and tells browsers to load nothing from anywhere else.
pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    // A link on another page may lead here: the page itself is given, and asks on its own.
    let is_link = request.method() == Method::GET && !request.uri().path().starts_with("/api/");
    let welcome = match &guard {
        Guard::Elsewhere(token) => token.welcome(&request).filter(|_| is_link),
        Guard::Here(_) => None,
    };
    let refused = guard.refuse_host(headers).or_else(|| guard.refuse_stranger(headers));
    let refused = if is_link { refused } else { refused.or_else(|| guard.refuse_page(headers)) };
    let mut answer = match (welcome, refused) {
        (Some(welcome), _) => welcome,
        (None, Some(reason)) => refusal(StatusCode::FORBIDDEN, &reason),
        (None, None) => next.run(request).await,
    };
    let headers = answer.headers_mut();
    let policy =
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
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
        let guard = Guard::here("127.0.0.1:7117".parse().unwrap());
        let refused = |pairs: &[(&'static str, &str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
            let headers = headers.collect();
            guard.refuse_host(&headers).or_else(|| guard.refuse_page(&headers)).is_some()
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

    #[test]
    fn elsewhere_the_token_is_asked_for() {
        let token = Arc::new(Token::draw(7117).unwrap());
        let secret = token.secret().to_owned();
        assert_eq!(secret.len(), 32);
        assert_ne!(secret, Token::draw(7117).unwrap().secret());
        let guard = Guard::Elsewhere(Arc::clone(&token));
        let refused = |pairs: &[(&'static str, String)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
            let headers = headers.collect();
            guard
                .refuse_host(&headers)
                .or_else(|| guard.refuse_stranger(&headers))
                .or_else(|| guard.refuse_page(&headers))
                .is_some()
        };
        let host = ("host", "box:7117".to_owned());
        let cookie = |value: &str| ("cookie", format!("a=b; latentwalk-7117={value}"));
        assert!(refused(std::slice::from_ref(&host)));
        assert!(!refused(&[host.clone(), cookie(&secret)]));
        assert!(!refused(&[host.clone(), ("authorization", format!("Bearer {secret}"))]));
        for wrong in [String::new(), secret[1..].to_owned(), format!("{secret}0"), "0".repeat(32)] {
            assert!(refused(&[host.clone(), cookie(&wrong)]), "{wrong}");
        }
        assert!(refused(&[host.clone(), ("cookie", format!("latentwalk-7118={secret}"))]), "another server's");
        // A cookie alone is not enough for a page of another site.
        assert!(refused(&[host.clone(), cookie(&secret), ("origin", "http://evil.example".to_owned())]));
        assert!(!refused(&[host, cookie(&secret), ("origin", "http://box:7117".to_owned())]));
        let asked = |uri: &str| Request::builder().uri(uri).body(axum::body::Body::empty()).unwrap();
        assert!(token.welcome(&asked("/?token=0")).is_none() && token.welcome(&asked("/")).is_none());
        let welcome = token.welcome(&asked(&format!("/?token={secret}"))).unwrap();
        assert_eq!(
            (welcome.status(), &welcome.headers()[header::LOCATION]),
            (StatusCode::SEE_OTHER, &HeaderValue::from_static("/"))
        );
    }
}
