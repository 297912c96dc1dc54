//! The same questions over HTTP. Each answer is worked out on a thread of its own, so that a slow one keeps no other waiting.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::json;

use crate::answer::WalkAsked;
use crate::catalogue::{Only, Wanted};
use crate::error::{Error, Result};
use crate::guard::{Guard, guard};
use crate::page;
use crate::query::Query;
use crate::selections::SelectionAsked;
use crate::session::{PICTURE_PX, Session};

/// Most bytes of a picture that is sent.
const PICTURE_BYTES: usize = 64 << 20;
/// Most bytes of a selection: its images may be listed one by one.
const SELECTION_BYTES: usize = 16 << 20;
/// Most bytes of any other request.
const REQUEST_BYTES: usize = 64 << 10;
/// How long a browser may keep an image of the run: its run never changes.
const KEPT: &str = "private, max-age=86400";

/// The addresses with what they take and give; a test holds answers against it.
const OPENAPI: &str = include_str!("../openapi.json");

type Shared = State<Arc<Session>>;

/// The routes, for requests that the guard lets pass.
pub(crate) fn router(session: Arc<Session>, asked: Guard) -> Router {
    Router::new()
        .route("/api/run", get(run))
        .route("/api/images", get(images))
        .route("/api/images/{row}", get(image))
        .route("/api/images/{row}/picture", get(image_picture))
        .route("/api/images/{row}/near", get(near))
        .route("/api/pictures", post(place).layer(DefaultBodyLimit::max(PICTURE_BYTES)))
        .route("/api/pictures/{name}/picture", get(own_picture))
        .route("/api/walk", post(walk))
        .route("/api/strip", post(strip))
        .route("/api/scatter", get(scatter))
        .route("/api/selections", get(selections).post(select).layer(DefaultBodyLimit::max(SELECTION_BYTES)))
        .route("/api/selections/{name}", delete(unselect))
        .route("/api/selections/{name}/direction.npy", get(direction))
        .route("/api/openapi.json", get(async || ([(header::CONTENT_TYPE, "application/json")], OPENAPI)))
        .fallback(file)
        .method_not_allowed_fallback(method)
        .layer(DefaultBodyLimit::max(REQUEST_BYTES))
        .layer(axum::middleware::from_fn_with_state(asked, guard))
        .with_state(session)
}

/// An answer that names what was wrong.
pub(crate) fn refusal(status: StatusCode, message: &str) -> Response {
    let (error, hint) = match message.split_once("\nhint: ") {
        Some((error, hint)) => (error, Some(hint)),
        None => (message, None),
    };
    let cache = [(header::CACHE_CONTROL, "no-store")];
    (status, cache, Json(json!({ "error": error, "hint": hint }))).into_response()
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut message = self.to_string();
        let mut source = std::error::Error::source(&self);
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        refusal(status, &message)
    }
}

/// Works an answer out beside the threads that serve.
async fn work<T: Send + 'static>(
    session: Arc<Session>,
    work: impl FnOnce(&Session) -> Result<T> + Send + 'static,
) -> Result<T, Response> {
    match tokio::task::spawn_blocking(move || work(&session)).await {
        Ok(done) => done.map_err(IntoResponse::into_response),
        Err(_) => Err(refusal(StatusCode::INTERNAL_SERVER_ERROR, "working the answer out failed")),
    }
}

async fn told<T: Serialize + Send + 'static>(
    session: Arc<Session>,
    question: impl FnOnce(&Session) -> Result<T> + Send + 'static,
) -> Response {
    match work(session, question).await {
        Ok(value) => ([(header::CACHE_CONTROL, "no-store")], Json(value)).into_response(),
        Err(refused) => refused,
    }
}

async fn shown(
    session: Arc<Session>,
    cache: &'static str,
    picture: impl FnOnce(&Session) -> Result<Vec<u8>> + Send + 'static,
) -> Response {
    match work(session, picture).await {
        Ok(png) => ([(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, cache)], png).into_response(),
        Err(refused) => refused,
    }
}

async fn run(State(session): Shared) -> Response {
    told(session, |session| Ok(session.overview().clone())).await
}

fn wanted(session: &Session, query: &Query) -> Result<Wanted> {
    // Names and values may hold colons of their own, so the longest known name counts.
    let label = |text: &str| {
        let names = session.labels.iter().map(|labels| labels.name.as_str());
        let known = names.filter(|name| text.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')));
        let name = known.max_by_key(|name| name.len()).or_else(|| Some(text.split_once(':')?.0));
        let name =
            name.ok_or_else(|| Error::Asked(format!("`label={text}` names no value\nhint: write ATTRIBUTE:VALUE")))?;
        Ok((name.to_owned(), text[name.len() + 1..].to_owned()))
    };
    let labels = query.all("label").map(label).collect::<Result<_>>()?;
    Ok(Wanted {
        text: query.first("q").unwrap_or_default().to_owned(),
        only: Only { splits: query.all("split").map(str::to_owned).collect(), labels },
        seed: query.number("seed")?,
        offset: query.number("offset")?.unwrap_or(0),
        limit: query.number("limit")?.unwrap_or(60),
    })
}

async fn images(State(session): Shared, RawQuery(query): RawQuery) -> Response {
    told(session, move |session| {
        let query = Query::parse(query.as_deref().unwrap_or_default());
        session.page(&wanted(session, &query)?)
    })
    .await
}

fn row(text: &str) -> Result<usize> {
    text.parse().map_err(|_| Error::Absent(format!("there is no image `{text}`: images are numbered from 0")))
}

async fn image(State(session): Shared, Path(name): Path<String>) -> Response {
    told(session, move |session| {
        let row = row(&name)?;
        session.check_row(row)?;
        Ok(session.image(row))
    })
    .await
}

fn size(query: Option<&str>) -> Result<u32> {
    let size = Query::parse(query.unwrap_or_default()).number("size")?.unwrap_or(96);
    match PICTURE_PX.contains(&size) {
        true => Ok(size),
        false => {
            let (least, most) = (PICTURE_PX.start(), PICTURE_PX.end());
            Err(Error::Asked(format!("`size` is {size}; it must be {least} to {most}")))
        }
    }
}

async fn image_picture(State(session): Shared, Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    shown(session, KEPT, move |session| session.image_png(row(&name)?, size(query.as_deref())?)).await
}

async fn own_picture(State(session): Shared, Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    shown(session, "no-store", move |session| session.picture_png(&name, size(query.as_deref())?)).await
}

async fn near(State(session): Shared, Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    told(session, move |session| {
        let limit = Query::parse(query.as_deref().unwrap_or_default()).number("limit")?.unwrap_or(24);
        Ok(json!({ "images": session.near(row(&name)?, limit)? }))
    })
    .await
}

async fn place(State(session): Shared, bytes: std::result::Result<Bytes, BytesRejection>) -> Response {
    match bytes {
        Ok(bytes) => told(session, move |session| session.place(&bytes)).await,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let most = PICTURE_BYTES >> 20;
            refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("the picture has more than {most} MB\nhint: choose a smaller one"),
            )
        }
        Err(rejection) => refusal(rejection.status(), &rejection.body_text()),
    }
}

type Asked = std::result::Result<Json<WalkAsked>, JsonRejection>;

async fn walk(State(session): Shared, asked: Asked) -> Response {
    match asked {
        Ok(Json(asked)) => told(session, move |session| session.walk(&asked)).await,
        Err(rejection) => refusal(rejection.status(), &rejection.body_text()),
    }
}

async fn strip(State(session): Shared, asked: Asked) -> Response {
    match asked {
        Ok(Json(asked)) => shown(session, "no-store", move |session| session.strip(&asked)).await,
        Err(rejection) => refusal(rejection.status(), &rejection.body_text()),
    }
}

async fn scatter(State(session): Shared, RawQuery(query): RawQuery) -> Response {
    told(session, move |session| {
        let query = Query::parse(query.as_deref().unwrap_or_default());
        let axis = |key| query.first(key).ok_or_else(|| Error::Asked(format!("`{key}` names no attribute")));
        session.scatter(axis("x")?, axis("y")?)
    })
    .await
}

async fn selections(State(session): Shared) -> Response {
    told(session, |session| Ok(json!({ "selections": session.selections() }))).await
}

async fn select(State(session): Shared, asked: std::result::Result<Json<SelectionAsked>, JsonRejection>) -> Response {
    match asked {
        Ok(Json(asked)) => told(session, move |session| session.select(&asked)).await,
        Err(rejection) => refusal(rejection.status(), &rejection.body_text()),
    }
}

async fn unselect(State(session): Shared, Path(name): Path<String>) -> Response {
    told(session, move |session| {
        session.unselect(&name)?;
        Ok(json!({ "selections": session.selections() }))
    })
    .await
}

async fn direction(State(session): Shared, Path(name): Path<String>) -> Response {
    match work(session, move |session| session.direction_npy(&name)).await {
        Ok(npy) => ([(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, "no-store")], npy)
            .into_response(),
        Err(refused) => refused,
    }
}

async fn file(uri: Uri) -> Response {
    match page::file(uri.path()) {
        Some((kind, content)) => {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            // The files change with the binary, and they are few.
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            (headers, content).into_response()
        }
        None => refusal(StatusCode::NOT_FOUND, &format!("there is nothing at `{}`", uri.path())),
    }
}

async fn method() -> Response {
    refusal(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method")
}
