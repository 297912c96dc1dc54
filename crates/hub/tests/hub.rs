//! Fetching from a hub of the test's own, on this machine.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use latentwalk_hub::{Error, Fetched, Hub, HubId, Token};
use sha2::{Digest, Sha256};

const CONTENT: &[u8] = b"weights of some network";

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Answers requests by a function of their path, one after the other; remembers the paths, and which token came along.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    tokens: Arc<Mutex<Vec<Option<String>>>>,
}

impl Server {
    fn start(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let tokens = Arc::new(Mutex::new(Vec::new()));
        let (log, token_log) = (asked.clone(), tokens.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let path = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned();
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let fields = head.iter().filter_map(|line| line.split_once(": "));
                let mut tokens = fields.filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
                token_log.lock().unwrap().push(tokens.next().map(|(_, value)| value.to_owned()));
                log.lock().unwrap().push(path.clone());
                let _ = (&stream).write_all(&answer(&path));
            }
        });
        Server { address, asked, tokens }
    }

    fn hub(&self, cache: &Path) -> Hub {
        let address = || self.address.clone();
        Hub { hugging_face: address(), torchvision: address(), ..Hub::public(cache) }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn tokens(&self) -> Vec<Option<String>> {
        self.tokens.lock().unwrap().clone()
    }
}

fn whole(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn redirect(to: &str, hash: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 302 Found\r\nlocation: {to}\r\nx-linked-etag: \"{hash}\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
    .into_bytes()
}

fn refusal(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes()
}

fn id(text: &str) -> HubId {
    text.parse().unwrap()
}

/// Fetches a file by its name, and tells nobody how far it is.
fn fetch(hub: &Hub, name: &str) -> Result<Fetched, Error> {
    hub.fetch(&id(name), &mut |_, _| ())
}

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|e| if e.path().is_dir() { files(&e.path()) } else { 1 }).sum()
}

#[test]
fn a_repositorys_file_is_fetched_once_and_checked() {
    let server = Server::start(|path| match path {
        "/timm/net/resolve/main/model.safetensors" => redirect("/content", &sha256(CONTENT)),
        "/content" => whole(CONTENT),
        _ => refusal("404 Not Found"),
    });
    let cache = tempfile::tempdir().unwrap();
    let hub = server.hub(cache.path());
    let mut told = Vec::new();
    let fetched = hub.fetch(&id("hf:timm/net"), &mut |done, all| told.push((done, all))).unwrap();
    assert!(fetched.new && fetched.path == cache.path().join("hf/timm/net/main/model.safetensors"));
    assert_eq!(std::fs::read(&fetched.path).unwrap(), CONTENT);
    assert_eq!(told.last(), Some(&(23, Some(23))));
    let again = fetch(&hub, "hf:timm/net").unwrap();
    assert!(!again.new && again.path == fetched.path && server.asked.lock().unwrap().len() == 2);
    let missing = fetch(&hub, "hf:timm/other").unwrap_err();
    assert!(matches!(missing, Error::Status { status: 404, .. }), "{missing}");
    assert_eq!(files(cache.path()), 1);
}

#[test]
fn content_that_is_not_what_was_announced_is_not_kept() {
    let server = Server::start(|path| match path {
        "/a/changed/resolve/main/model.safetensors" => redirect("/content", &sha256(b"something else")),
        "/a/short/resolve/main/model.safetensors" => redirect("/short", &sha256(CONTENT)),
        "/short" => b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\nconnection: close\r\n\r\nweights".to_vec(),
        "/a/round/resolve/main/model.safetensors" => redirect("/a/round/resolve/main/model.safetensors", ""),
        // torchvision's file and a small file of a repository: neither has the hash that it should.
        _ => whole(CONTENT),
    });
    let cache = tempfile::tempdir().unwrap();
    let hub = server.hub(cache.path());
    let error = |name: &str| fetch(&hub, name).unwrap_err();
    let changed = error("hf:a/changed");
    assert!(matches!(&changed, Error::Hash { got, .. } if *got == sha256(CONTENT)), "{changed}");
    assert!(matches!(error("hf:a/short"), Error::Unreachable { .. }));
    assert!(matches!(error("hf:a/unchecked:config.json"), Error::NoHash { .. }));
    let message = error("hf:a/round").to_string();
    assert!(message.contains("redirects"), "{message}");
    assert!(matches!(error("torchvision:resnet18-v1"), Error::Hash { expected, .. } if expected == "f37072fd"));
    assert_eq!(files(cache.path()), 0);
}

#[test]
fn without_a_network_the_message_says_what_to_put_where() {
    // A port that nothing listens on: bound, and given back.
    let address = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub { torchvision: address, ..Hub::public(cache.path()) };
    let name = id("torchvision:resnet50-v2");
    let message = hub.fetch(&name, &mut |_, _| ()).unwrap_err().to_string();
    let place = cache.path().join("torchvision/resnet50-11ad3fa6.pth");
    assert!(message.contains("/resnet50-11ad3fa6.pth") && message.contains(place.to_str().unwrap()), "{message}");
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(&place, CONTENT).unwrap();
    assert_eq!(hub.fetch(&name, &mut |_, _| ()).unwrap().path, place);
}

#[test]
fn the_public_addresses_are_those_of_the_hubs() {
    let hub = Hub::public("cache");
    assert_eq!(hub.url(&id("torchvision:resnet50-v1")), "https://download.pytorch.org/models/resnet50-0676ba61.pth");
    let url = hub.url(&id("hf:microsoft/resnet-50@v1"));
    assert_eq!(url, "https://huggingface.co/microsoft/resnet-50/resolve/v1/model.safetensors");
}

#[test]
fn a_token_goes_to_the_hub_and_not_where_it_redirects_to() {
    let elsewhere = Server::start(|_| whole(CONTENT));
    let content = format!("{}/content", elsewhere.address);
    let server = Server::start(move |path| match path {
        // A repository that was renamed, whose content lies on another host.
        "/a/gated/resolve/main/model.safetensors" => redirect("/b/gated/resolve/main/model.safetensors", ""),
        "/b/gated/resolve/main/model.safetensors" => redirect(&content, &sha256(CONTENT)),
        _ => whole(CONTENT),
    });
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub { token: Token::new("hf_secret\n"), ..server.hub(cache.path()) };
    let fetched = fetch(&hub, "hf:a/gated").unwrap();
    assert_eq!(std::fs::read(fetched.path).unwrap(), CONTENT);
    assert_eq!(server.tokens(), vec![Some("Bearer hf_secret".to_owned()); 2]);
    assert_eq!((elsewhere.asked(), elsewhere.tokens()), (vec!["/content".to_owned()], vec![None]));

    // The hub's token is not torchvision's, even at the same address.
    fetch(&hub, "torchvision:resnet18-v1").unwrap_err();
    assert_eq!(server.tokens().last(), Some(&None));
    assert!(!format!("{hub:?}").contains("secret"));
}

#[test]
fn a_closed_repository_says_what_to_do_and_shows_no_token() {
    let server = Server::start(|path| match path {
        "/a/gated/resolve/main/model.safetensors" => refusal("403 Forbidden"),
        "/a/away/resolve/main/model.safetensors" => redirect("http://localhost:1/x", ""),
        _ => refusal("401 Unauthorized"),
    });
    let cache = tempfile::tempdir().unwrap();
    let without = fetch(&server.hub(cache.path()), "hf:a/private").unwrap_err();
    assert!(matches!(without, Error::Denied { status: 401, with_token: false, .. }), "{without}");
    let message = without.to_string();
    assert!(message.contains("/a/private/") && message.contains("no token was sent"), "{message}");
    let hint = message.lines().last().unwrap();
    assert!(hint.starts_with("hint: ") && hint.contains("accept") && hint.contains("HF_TOKEN"), "{message}");

    let hub = Hub { token: Token::new("hf_secret"), ..server.hub(cache.path()) };
    let with = fetch(&hub, "hf:a/gated").unwrap_err();
    assert!(matches!(with, Error::Denied { status: 403, with_token: true, .. }), "{with}");
    assert!(with.to_string().contains("HF_TOKEN") && !format!("{with} {with:?}").contains("secret"), "{with}");
    // A connection that fails later does not show it either.
    let away = fetch(&hub, "hf:a/away").unwrap_err();
    assert!(matches!(away, Error::Unreachable { .. }) && !format!("{away} {away:?}").contains("secret"), "{away}");
    // torchvision has no closed files: the name is wrong.
    let torchvision = fetch(&hub, "torchvision:resnet18-v1").unwrap_err();
    assert!(matches!(torchvision, Error::Status { status: 401, .. }), "{torchvision}");
    assert_eq!(files(cache.path()), 0);
}

#[test]
fn our_cache_comes_first_then_that_of_hugging_face_then_the_network() {
    let server = Server::start(|path| match path {
        "/content" => whole(CONTENT),
        _ => redirect("/content", &sha256(CONTENT)),
    });
    let folder = tempfile::tempdir().unwrap();
    let (own, theirs) = (folder.path().join("own"), folder.path().join("theirs"));
    let hub = Hub { hugging_face_cache: Some(theirs.clone()), ..server.hub(&own) };
    let fetch = |name: &str| fetch(&hub, name).unwrap();
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let repository = theirs.join("models--timm--net");
    let write = |path: &Path, text: &str| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };

    // Theirs, in its place: by the branch, by the commit, and a file in a folder.
    let snapshot = repository.join("snapshots").join(commit);
    write(&repository.join("refs/main"), &format!("{commit}\n"));
    write(&snapshot.join("model.safetensors"), "theirs");
    write(&snapshot.join("onnx/model.bin"), "theirs");
    let found = fetch("hf:timm/net");
    assert!(!found.new && found.path == snapshot.join("model.safetensors"));
    assert_eq!(fetch(&format!("hf:timm/net@{commit}")).path, snapshot.join("model.safetensors"));
    assert_eq!(fetch("hf:timm/net:onnx/model.bin").path, snapshot.join("onnx/model.bin"));
    assert!(server.asked().is_empty() && !own.exists());

    // What theirs does not have is fetched into ours: another file, another revision, a branch that leads out of the cache.
    write(&repository.join("refs/odd"), "../../elsewhere");
    write(&theirs.join("elsewhere/model.safetensors"), "elsewhere");
    for (name, place) in [
        ("hf:timm/net:other.safetensors", "main/other.safetensors"),
        ("hf:timm/net@v2", "v2/model.safetensors"),
        ("hf:timm/net@odd", "odd/model.safetensors"),
    ] {
        let fetched = fetch(name);
        assert!(fetched.new && fetched.path == own.join("hf/timm/net").join(place), "{name}: {fetched:?}");
    }
    assert_eq!(files(&theirs), 5, "their cache is never written to");

    // Ours comes first.
    write(&own.join("hf/timm/net/main/model.safetensors"), "ours");
    let asked = server.asked().len();
    assert_eq!(std::fs::read_to_string(fetch("hf:timm/net").path).unwrap(), "ours");
    assert_eq!(server.asked().len(), asked);
}
