//! `explore`: the served page's answers beside those of the library, and what it refuses.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use latentwalk_run::{Along, Start, Walker};
use serde_json::json;

use super::*;

/// A served run; ends with the test. What it answers is held against its own description, `openapi.json`.
struct Served {
    process: Child,
    address: String,
    described: Value,
    /// Address and method of what was answered.
    asked: RefCell<BTreeSet<(String, String)>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An answer: status, headers, body.
type Answer = (u16, String, Vec<u8>);

impl Served {
    fn new(store: &Path) -> Self {
        let mut served = Self::start(store, &[]);
        served.described = serde_json::from_slice(&served.get("/api/openapi.json").2).unwrap();
        served
    }

    /// The address is what follows `http://` in what the program says.
    fn start(store: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(BINARY);
        command.args(["explore", "--port", "0", "--no-browser", "--store"]).arg(store).args(more);
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("http://") {
            line.clear();
            assert!(told.read_line(&mut line).unwrap() > 0, "the server ended");
        }
        let address = line.trim().rsplit("http://").next().unwrap().to_owned();
        // What it says later must find an open pipe.
        std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
        Self { process, address, described: Value::Null, asked: RefCell::default() }
    }

    /// Compares an answer with what the description says of its address.
    fn hold(&self, head: &str, status: u16, body: &[u8]) {
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap().to_lowercase(), words.next().unwrap());
        let target = target.split('?').next().unwrap();
        let fits = |known: &str| {
            let (known, parts): (Vec<&str>, Vec<&str>) = (known.split('/').collect(), target.split('/').collect());
            known.len() == parts.len() && known.iter().zip(&parts).all(|(k, part)| k.starts_with('{') || k == part)
        };
        let paths = self.described["paths"].as_object();
        let Some((path, methods)) = paths.and_then(|paths| paths.iter().find(|(known, _)| fits(known))) else { return };
        let described = &methods[&method]["responses"][if status == 200 { "200" } else { "4XX" }]["content"];
        assert!(status != 200 || described.is_object(), "{method} {path} answers and is not described");
        if let Some(schema) = described.get("application/json").map(|content| &content["schema"]) {
            let answer = serde_json::from_slice(body).unwrap();
            if let Err(reason) = conforms(&self.described, schema, &answer) {
                panic!("{method} {path}, {status}: {reason}");
            }
        }
        if status == 200 {
            self.asked.borrow_mut().insert((path.clone(), method));
        }
    }

    fn send(&self, head: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head = format!("{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        // A server that refuses a long body may close before it has read all of it.
        let _ = stream.write_all(&[head.as_bytes(), body].concat());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("{head}: no answer"));
        let headers = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer[end + 4..].to_vec();
        self.hold(&head, status, &body);
        (status, headers.to_lowercase(), body)
    }

    fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}", self.address), &[])
    }

    fn json(&self, path: &str) -> Value {
        let (status, _, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    fn post(&self, path: &str, asked: &Value) -> (u16, Value) {
        let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json", self.address);
        let (status, _, body) = self.send(&head, asked.to_string().as_bytes());
        let taken = &self.described["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"];
        let fits = conforms(&self.described, taken, asked);
        assert!(status != 200 || fits.is_ok(), "{path} took what is not described: {fits:?}");
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Asks what must be refused, though the description allows it or not.
    fn refused(&self, path: &str, asked: &Value, status: u16, part: &str) {
        let (got, answer) = self.post(path, asked);
        assert!(answer["error"].as_str().unwrap().contains(part), "{asked}: {answer}");
        assert_eq!(got, status, "{asked}: {answer}");
    }
}

pub(super) fn the_page_answers_as_the_library_does(store: &Path) {
    let served = Served::new(store);
    let (status, headers, page) = served.get("/");
    assert!(status == 200 && headers.contains("content-security-policy: default-src 'self'"), "{headers}");
    let page = String::from_utf8(page).unwrap();
    for path in page.split('"').filter(|part| part.ends_with(".js") || part.ends_with(".css")) {
        assert_eq!(served.get(&format!("/{}", path.trim_start_matches(['.', '/']))).0, 200, "{path}");
    }
    let run = served.json("/api/run");
    assert_eq!(
        (&run["images"], &run["network"], run["attributes"].as_array().unwrap().len()),
        (&json!(600), &json!(true), 4)
    );
    let shoe = run["attributes"].as_array().unwrap().iter().find(|a| a["name"] == "shoe_height").unwrap();
    assert_eq!(shoe["verdicts"].as_object().unwrap().len(), 5);
    let counted = |bins: &Value| bins.as_array().unwrap().iter().map(|bin| bin.as_u64().unwrap()).sum::<u64>();
    let classes = shoe["axis"]["histogram"]["classes"].as_object().unwrap();
    let all: u64 = classes.values().map(counted).sum::<u64>() + counted(&shoe["axis"]["histogram"]["unlabelled"]);
    assert_eq!(all, 600, "every image stands in a bin");
    walks_are_the_librarys(&served, store);
    pictures(&served);
    selections(&served, store);
    refusals(&served, store);
    other_machines_need_the_token(store);
    let methods = |(path, methods): (&String, &Value)| -> Vec<(String, String)> {
        methods.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())).collect()
    };
    let described: BTreeSet<_> = served.described["paths"].as_object().unwrap().iter().flat_map(methods).collect();
    assert_eq!(described, *served.asked.borrow(), "what is described was asked and answered, and nothing else");
}

fn other_machines_need_the_token(store: &Path) {
    let mut served = Served::start(store, &["--address", "0.0.0.0"]);
    let told = std::mem::take(&mut served.address);
    let (address, token) = told.split_once("/?token=").unwrap();
    served.address = address.replace("0.0.0.0", "127.0.0.1");
    let get = |path: &str, more: &str| served.send(&format!("GET {path} HTTP/1.1\r\nHost: box:1{more}"), &[]);
    for path in ["/", "/api/run", "/?token=0", &format!("/api/run?token={token}")] {
        let (status, _, body) = get(path, "");
        let body = String::from_utf8(body).unwrap();
        assert!(status == 403 && body.contains("open the address that"), "{path}: {status} {body}");
        assert!(!body.contains(token));
    }
    let (status, headers, _) = get(&format!("/?token={token}"), "");
    assert!(
        status == 303 && headers.contains("location: /\r\n") && headers.contains("httponly; samesite=strict"),
        "{headers}"
    );
    let cookie = headers.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().split(';').next().unwrap();
    for shown in [format!("\r\nCookie: {cookie}"), format!("\r\nAuthorization: Bearer {token}")] {
        assert_eq!((get("/", &shown).0, get("/api/run", &shown).0), (200, 200));
        assert_eq!(get("/api/run", &format!("{shown}\r\nOrigin: http://evil.example")).0, 403);
    }
}

/// Whether a value is as a schema says; as much of JSON Schema as the description uses.
fn conforms(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        return conforms(root, root.pointer(name.trim_start_matches('#')).ok_or(format!("no {name}"))?, value);
    }
    if let Some(any) = schema["oneOf"].as_array() {
        let reasons: Vec<String> = any.iter().filter_map(|one| conforms(root, one, value).err()).collect();
        return if reasons.len() < any.len() { Ok(()) } else { Err(reasons.join("; nor: ")) };
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is = |name: &Value| name == kind || (name == "number" && kind == "integer");
    let fits = schema["type"].as_array().map_or_else(|| is(&schema["type"]), |names| names.iter().any(is));
    if !fits {
        return Err(format!("{value} is no {}", schema["type"]));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        return Err(format!("{value} is none of {allowed:?}"));
    }
    for item in value.as_array().into_iter().flatten() {
        conforms(root, &schema["items"], item)?;
    }
    let Some(object) = value.as_object() else { return Ok(()) };
    for name in schema["required"].as_array().into_iter().flatten() {
        object.get(name.as_str().unwrap()).ok_or(format!("{name} is missing in {value}"))?;
    }
    for (name, inner) in object {
        let known =
            schema["properties"].get(name).or(schema.get("additionalProperties").filter(|more| more.is_object()));
        let known = known.ok_or(format!("`{name}` is not described"))?;
        conforms(root, known, inner).map_err(|reason| format!("`{name}`: {reason}"))?;
    }
    Ok(())
}

/// Drawn requests of every kind, over HTTP and by the library.
fn walks_are_the_librarys(served: &Served, store: &Path) {
    let run = Run::open(&Store::open_existing(store).unwrap(), None).unwrap();
    let walker = Walker::open(&run).unwrap();
    let mut state = 1_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let names = ["category", "sleeve", "shoe_height", "kind"];
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..500 {
        let row = draw(600);
        let lines: Vec<Along> = (0..[1, 1, 1, 2, 3][draw(5)])
            .map(|_| {
                let name = names[draw(4)];
                let classes = &walker.data().direction(name).unwrap().0.classes;
                let toward = (draw(2) == 0).then(|| classes[draw(classes.len())].clone());
                Along { attribute: name.to_owned(), toward, weight: [1.0, -0.5, 2.0][draw(3)] }
            })
            .collect();
        let keep: Vec<String> = (0..draw(2)).map(|_| names[draw(4)].to_owned()).collect();
        let place = draw(101) as f64 / 100.0;
        let per_stop = 1 + draw(4);
        let asked_lines: Vec<Value> = lines
            .iter()
            .map(|line| json!({ "attribute": line.attribute, "toward": line.toward, "weight": line.weight }))
            .collect();
        let mut asked = json!({ "start": { "row": row }, "lines": asked_lines, "keep": keep, "per_stop": per_stop });
        let ready = walker.ready(&walker.start(row).unwrap(), &lines, &keep);
        let (status, walked) = served.post("/api/walk", &asked);
        let Ok(ready) = ready else {
            assert_eq!(status, 422, "{asked}: {walked}");
            refused += 1;
            continue;
        };
        answered += 1;
        assert_eq!(status, 200, "{asked}: {walked}");
        let rows = |stop: &Value| -> Vec<usize> {
            let images = stop["images"].as_array().unwrap();
            images.iter().map(|image| image["row"].as_u64().unwrap() as usize).collect()
        };
        let told: Vec<Vec<usize>> = walked["stops"].as_array().unwrap().iter().map(rows).collect();
        let own = ready.walk(None, per_stop, walker.pool()).unwrap();
        let own: Vec<Vec<usize>> =
            own.iter().map(|(_, stop)| stop.images.iter().map(|image| image.row).collect()).collect();
        assert_eq!(told, own, "{asked}");
        asked["at"] = json!([place]);
        let (_, walked) = served.post("/api/walk", &asked);
        let there = ready.at(place, per_stop, walker.pool()).unwrap();
        assert_eq!(rows(&walked["stops"][0]), there.images.iter().map(|i| i.row).collect::<Vec<_>>(), "{asked}");
        assert!(there.images.iter().all(|image| image.row != row && walker.pool()[image.row]));
    }
    assert!(answered > 250 && refused > 25, "{answered} answered, {refused} refused");
    kept_positions_stay(&walker);
}

/// Along a line that keeps attributes, positions on their axes are constant.
fn kept_positions_stay(walker: &Walker) {
    let start = walker.start(3).unwrap();
    let Start { z, .. } = start;
    let (_, kept) = walker.data().direction("kind").unwrap();
    let metric = walker.metric("shoe_height").unwrap();
    let (weights, left) = metric
        .keeping(&walker.data().direction("shoe_height").unwrap().1.weights, std::slice::from_ref(&kept.weights))
        .unwrap();
    assert!(left > 0.0 && left < 1.0);
    let line = metric.line(&weights, z).unwrap();
    let position = |point: &[f64]| point.iter().zip(&kept.weights).map(|(p, w)| p * w).sum::<f64>();
    let before = position(&line.point(line.start_position()));
    for step in [-3.0, 0.5, 7.0] {
        let after = position(&line.point(line.start_position() + step));
        assert!((after - before).abs() < 1e-9 * (1.0 + before.abs()), "{before} {after}");
    }
}

fn pictures(served: &Served) {
    let page = served.json("/api/images?label=shoe_height:sandal&label=shoe_height:sneaker&split=test&seed=7&limit=5");
    assert!(page["total"].as_u64().unwrap() > 0);
    for image in page["images"].as_array().unwrap() {
        assert!(image["split"] == "test" && image["labels"]["shoe_height"] != "ankle boot", "{image}");
    }
    let unlabelled = served.json("/api/images?label=sleeve:&limit=3");
    assert!(unlabelled["images"].as_array().unwrap().iter().all(|image| image["labels"]["sleeve"].is_null()));
    let id = page["images"][0]["id"].as_str().unwrap().to_owned();
    assert!(served.json(&format!("/api/images?q={id}"))["total"].as_u64().unwrap() >= 1);
    let row = &page["images"][0]["row"];
    assert_eq!(served.json(&format!("/api/images/{row}")), page["images"][0]);
    let near = served.json("/api/images/5/near?limit=4");
    let distances: Vec<f64> =
        near["images"].as_array().unwrap().iter().map(|image| image["distance"].as_f64().unwrap()).collect();
    assert!(distances.len() == 4 && distances.is_sorted(), "{distances:?}");
    let (status, headers, png) = served.get("/api/images/5/picture?size=96");
    assert!(status == 200 && headers.contains("image/png") && headers.contains("max-age"), "{headers}");
    let decoded = image::load_from_memory(&png).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (84, 84), "28 pixels, three times");
    // The run's own image as somebody's picture finds itself.
    let head = format!("POST /api/pictures HTTP/1.1\r\nHost: {}", served.address);
    let (_, _, png) = served.get("/api/images/5/picture?size=28");
    let (status, _, placed) = served.send(&head, &png);
    let placed: Value = serde_json::from_slice(&placed).unwrap();
    assert!(status == 200 && placed["far"] == 0.0 && placed["warning"].is_null(), "{placed}");
    let picture = placed["picture"].as_str().unwrap();
    assert_eq!(served.get(&format!("/api/pictures/{picture}/picture")).0, 200);
    let asked = json!({ "start": { "picture": picture }, "lines": [{ "attribute": "sleeve", "toward": "long" }] });
    let (status, walked) = served.post("/api/walk", &asked);
    assert!(status == 200 && walked["start"]["class"].is_null() && walked["stops"].as_array().unwrap().len() == 7);
    let head = format!("POST /api/strip HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json", served.address);
    let (status, _, strip) = served.send(&head, asked.to_string().as_bytes());
    assert!(status == 200 && image::load_from_memory(&strip).unwrap().width() > 700);
    let scatter = served.json("/api/scatter?x=sleeve&y=kind");
    assert_eq!(scatter["rows"].as_array().unwrap().len(), 600);
}

/// A lasso becomes a line that is judged, saved, walked, and forgotten again.
fn selections(served: &Served, store: &Path) {
    let scatter = served.json("/api/scatter?x=sleeve&y=kind");
    let numbers = |key: &str| scatter[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
    let (x, y) = (numbers("x"), numbers("y"));
    let mut sorted = x.clone();
    sorted.sort_by(f64::total_cmp);
    let (left, middle) = (sorted[0] - 1.0, (sorted[299] + sorted[300]) / 2.0);
    let (low, high) =
        (y.iter().copied().fold(f64::MAX, f64::min) - 1.0, y.iter().copied().fold(f64::MIN, f64::max) + 1.0);
    let half = json!({ "polygon": [[left, low], [middle, low], [middle, high], [left, high]] });
    let asked = json!({ "name": "left <b>half", "axes": ["sleeve", "kind"], "positive": half });
    let (status, card) = served.post("/api/selections", &asked);
    assert!(status == 200 && card["positive"] == 300 && card["negative"] == 300, "{card}");
    assert!(card["auc"].as_f64().unwrap() > 0.85 && card["plane"].as_f64().unwrap() > 0.5, "{card}");
    let apart = &card["apart"];
    assert!(
        apart["auc"].as_f64().unwrap() < card["auc"].as_f64().unwrap() && apart["p"].as_f64().unwrap() > 0.0,
        "{card}"
    );
    assert!(["yes", "no", "unclear"].contains(&card["answer"].as_str().unwrap()));
    served.refused("/api/selections", &asked, 422, "already");
    let line = json!([{ "attribute": card["line"] }]);
    let walk = json!({ "start": { "row": 9 }, "lines": line, "keep": ["shoe_height"], "per_stop": 2 });
    let (status, walked) = served.post("/api/walk", &walk);
    assert!(status == 200 && walked["stops"].as_array().unwrap().len() == 7, "{walked}");
    // Another program on the same store knows it too, and finds the same images.
    let again = Served::new(store);
    assert_eq!(again.json("/api/selections")["selections"], json!([card]));
    let found = |walked: &Value| -> Vec<Value> {
        let images =
            |stop: &Value| stop["images"].as_array().unwrap().iter().map(|i| i["row"].clone()).collect::<Value>();
        walked["stops"].as_array().unwrap().iter().map(images).collect()
    };
    assert_eq!(found(&again.post("/api/walk", &walk).1), found(&walked));
    drop(again);
    export::lines_of_selections_place_images(store, "own:left <b>half");
    let (status, _, npy) = served.get("/api/selections/left%20%3Cb%3Ehalf/direction.npy");
    assert!(status == 200 && npy.starts_with(b"\x93NUMPY") && npy.len() % 8 == 0);
    let few = json!({ "name": "few", "positive": { "rows": [1, 2, 3] } });
    served.refused("/api/selections", &few, 422, "20");
    let both: Vec<usize> = (0..40).collect();
    let overlapping = json!({ "name": "both", "positive": { "rows": both }, "negative": { "rows": both } });
    served.refused("/api/selections", &overlapping, 422, "both sides");
    served.refused("/api/selections", &json!({ "name": " ", "positive": { "rows": both } }), 422, "characters");
    served.refused("/api/selections", &json!({ "name": "x", "positive": { "rows": [600] } }), 404, "600");
    let adrift = json!({ "name": "x", "positive": { "polygon": [[0, 0], [1, 0], [1, 1]] } });
    served.refused("/api/selections", &adrift, 422, "axes");
    let head = format!("DELETE /api/selections/left%20%3Cb%3Ehalf HTTP/1.1\r\nHost: {}", served.address);
    assert_eq!(served.send(&head, &[]).0, 200);
    assert_eq!(served.send(&head, &[]).0, 404);
    served.refused("/api/walk", &walk, 422, "own:");
    assert_eq!(served.json("/api/selections")["selections"], json!([]));
}

fn refusals(served: &Served, store: &Path) {
    let line = json!([{ "attribute": "sleeve" }]);
    let walk = |start: Value, lines: &Value| json!({ "start": start, "lines": lines });
    served.refused("/api/walk", &walk(json!({ "row": 600 }), &line), 404, "600");
    served.refused("/api/walk", &walk(json!({ "picture": "p99" }), &line), 404, "p99");
    served.refused("/api/walk", &walk(json!({ "row": 1 }), &json!([{ "attribute": "<b>" }])), 422, "<b>");
    let toward = json!([{ "attribute": "sleeve", "toward": "puffed" }]);
    served.refused("/api/walk", &walk(json!({ "row": 1 }), &toward), 422, "puffed");
    served.refused("/api/walk", &walk(json!({ "row": 1 }), &json!([])), 422, "no line");
    served.refused("/api/walk", &json!({ "start": { "row": 1 }, "lines": line, "per_stop": 1000 }), 422, "at most");
    served.refused("/api/walk", &json!({ "start": { "row": 1 }, "lines": line, "at": [null] }), 422, "at");
    served.refused("/api/walk", &json!({ "begin": 1 }), 422, "begin");
    let pool = json!({ "splits": ["tests"] });
    served.refused("/api/walk", &json!({ "start": { "row": 1 }, "lines": line, "pool": pool }), 422, "tests");
    let refused = |answer: Answer, status: u16, part: &str| {
        let body = String::from_utf8_lossy(&answer.2).into_owned();
        assert!(answer.0 == status && body.contains(part), "{}: {body}", answer.0);
    };
    let host = format!("Host: {}", served.address);
    refused(served.get("/api/images/-1/picture"), 404, "-1");
    refused(served.get("/api/images/1/picture?size=9999"), 422, "9999");
    refused(served.get("/api/images?label=sleeve"), 422, "ATTRIBUTE:VALUE");
    refused(served.get("/api/images?seed=x"), 422, "seed=x");
    for path in ["/../Cargo.toml", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/api/images/..%2f..%2fetc/picture"] {
        refused(served.get(path), 404, "error");
    }
    let other = |host: &str| served.send(&format!("GET /api/run HTTP/1.1\r\nHost: {host}"), &[]);
    refused(other("evil.example"), 403, "evil.example");
    let foreign =
        format!("POST /api/walk HTTP/1.1\r\n{host}\r\nOrigin: http://evil.example\r\nContent-Type: application/json");
    refused(served.send(&foreign, b"{}"), 403, "evil.example");
    refused(served.send(&format!("DELETE /api/walk HTTP/1.1\r\n{host}"), &[]), 405, "method");
    let post = format!("POST /api/pictures HTTP/1.1\r\n{host}");
    refused(served.send(&post, b""), 415, "empty");
    refused(served.send(&post, b"no picture at all, only words that somebody wrote"), 415, "no picture");
    let json_head = format!("POST /api/walk HTTP/1.1\r\n{host}\r\nContent-Type: application/json");
    refused(served.send(&json_head, &vec![b' '; 70_000]), 413, "");
    refused(served.send(&format!("POST /api/walk HTTP/1.1\r\n{host}"), b"{}"), 415, "Content-Type");
    assert_eq!(served.get("/api/run").0, 200, "and it still answers");
    let mut taken = Command::new(BINARY);
    let port = served.address.rsplit(':').next().unwrap();
    taken.args(["explore", "--no-browser", "--port", port, "--store"]).arg(store);
    let taken = taken.output().unwrap();
    assert!(!taken.status.success() && said(&taken).contains("another port"), "{}", said(&taken));
}
