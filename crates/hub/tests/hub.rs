//! Fetching from a hub of the test's own, on this machine.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use latentwalk_hub::{Error, Hub, HubId};
use sha2::{Digest, Sha256};

const CONTENT: &[u8] = b"weights of some network";

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Answers requests by a function of their path, one after the other; remembers the paths.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let path = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned();
                lines.find(String::is_empty);
                log.lock().unwrap().push(path.clone());
                let _ = (&stream).write_all(&answer(&path));
            }
        });
        Server { address, asked }
    }

    fn hub(&self, cache: &Path) -> Hub {
        let address = || self.address.clone();
        Hub { cache: cache.to_owned(), hugging_face: address(), torchvision: address() }
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

fn id(text: &str) -> HubId {
    text.parse().unwrap()
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
        _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec(),
    });
    let cache = tempfile::tempdir().unwrap();
    let hub = server.hub(cache.path());
    let mut told = Vec::new();
    let fetched = hub.fetch(&id("hf:timm/net"), &mut |done, all| told.push((done, all))).unwrap();
    assert!(fetched.new && fetched.path == cache.path().join("hf/timm/net/main/model.safetensors"));
    assert_eq!(std::fs::read(&fetched.path).unwrap(), CONTENT);
    assert_eq!(told.last(), Some(&(23, Some(23))));
    let again = hub.fetch(&id("hf:timm/net"), &mut |_, _| ()).unwrap();
    assert!(!again.new && again.path == fetched.path && server.asked.lock().unwrap().len() == 2);
    let missing = hub.fetch(&id("hf:timm/other"), &mut |_, _| ()).unwrap_err();
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
    let error = |name: &str| hub.fetch(&id(name), &mut |_, _| ()).unwrap_err();
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
