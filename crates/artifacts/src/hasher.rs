//! Content hashes of outside files, without reading an unchanged file twice.
//!
//! Like git's index: the cache only saves work, the answer is always the hash of the content. A file counts as unchanged
//! if size, times and inode are the same and its last change was well before it was hashed. A change within the
//! clock's grain of the hashing could leave all of them as they were; such entries are not trusted and the file is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::disk::{hash_reader, read_if_there, replace};
use crate::error::{Error, Result, io_at};
use crate::lock::Lock;
use crate::store::Store;

/// The coarsest time stamps in use are FAT's, of two seconds.
const GRAIN_NS: i64 = 2_000_000_000;

const CACHE_FORMAT: &str = "latentwalk-hashes";
const CACHE_VERSION: u32 = 1;

/// BLAKE3 of some bytes, in hexadecimal.
pub fn hash_bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Hashes outside files by content and remembers which it has read.
#[derive(Debug)]
pub struct ContentHasher {
    cache: PathBuf,
    temporary: PathBuf,
    lock: PathBuf,
    now_ns: i64,
    entries: BTreeMap<String, Line>,
    asked: BTreeSet<String>,
    files_read: u64,
}

/// What shows that a file may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stat {
    size: u64,
    modified_ns: i64,
    /// Time of the last change of content or attributes, which a program cannot set back; 0 where there is none.
    changed_ns: i64,
    inode: u64,
}

/// One remembered file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    path: String,
    #[serde(flatten)]
    stat: Stat,
    /// When it was hashed, or somewhat earlier.
    hashed_ns: i64,
    blake3: String,
}

/// The cache's first line; `body` is the hash of all that follows.
#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    body: String,
}

impl ContentHasher {
    /// Opens the cache of a store; a cache that cannot be used counts as empty.
    ///
    /// **Units and conventions**: `now` is the time of this call or earlier; earlier only makes it trust less.
    ///
    /// **Errors**: [`Error::Io`] where the cache exists and cannot be read.
    pub fn open(store: &Store, now: SystemTime) -> Result<Self> {
        let cache = store.root().join("hashes.jsonl");
        let entries = read_if_there(&cache)?.and_then(|bytes| parse(&bytes)).unwrap_or_default();
        Ok(Self {
            cache,
            temporary: store.root().join("tmp").join("hashes.jsonl"),
            lock: store.root().join("locks").join("hashes"),
            now_ns: nanoseconds(now),
            entries,
            asked: BTreeSet::new(),
            files_read: 0,
        })
    }

    /// BLAKE3 of a file's content, in hexadecimal; read in pieces, or remembered if the file is unchanged.
    ///
    /// **Errors**: [`Error::Io`], [`Error::ChangedWhileRead`] if something writes to the file meanwhile.
    pub fn hash_file(&mut self, path: impl AsRef<Path>) -> Result<String> {
        let given = path.as_ref();
        let path = fs::canonicalize(given).map_err(io_at("find", given))?;
        let name = path.to_str().map(str::to_owned);
        if let Some(line) = name.as_ref().and_then(|name| self.entries.get(name)) {
            let stat = Stat::of(&fs::metadata(&path).map_err(io_at("look at", given))?);
            if stat == line.stat && !line.is_racy() {
                self.asked.extend(name);
                return Ok(line.blake3.clone());
            }
        }
        let (blake3, stat) = read(&path)?;
        self.files_read += 1;
        // A path that is not UTF-8 is hashed every time.
        if let Some(name) = name {
            self.asked.insert(name.clone());
            let line = Line { path: name.clone(), stat, hashed_ns: self.now_ns, blake3: blake3.clone() };
            self.entries.insert(name, line);
        }
        Ok(blake3)
    }

    /// BLAKE3 of some bytes, in hexadecimal.
    pub fn hash_bytes(&self, bytes: &[u8]) -> String {
        hash_bytes(bytes)
    }

    /// How many files have been read since this was opened, the remembered ones not counted.
    pub fn files_read(&self) -> u64 {
        self.files_read
    }

    /// Writes the cache, whole or not at all; files that are gone are forgotten. Of two processes the last one wins.
    ///
    /// **Errors**: [`Error::Io`], [`Error::Full`]; the old cache then stands.
    pub fn save(&self) -> Result<()> {
        let unwritable = |error: serde_json::Error| io_at("write", &self.cache)(error.into());
        let mut body = String::new();
        for (name, line) in &self.entries {
            if self.asked.contains(name) || Path::new(name).exists() {
                body.push_str(&serde_json::to_string(line).map_err(unwritable)?);
                body.push('\n');
            }
        }
        let header =
            Header { format: CACHE_FORMAT.to_owned(), version: CACHE_VERSION, body: hash_bytes(body.as_bytes()) };
        let text = format!("{}\n{body}", serde_json::to_string(&header).map_err(unwritable)?);
        // One writer at a time, so that a fixed temporary name will do and a killed writer leaves no litter.
        let _lock = Lock::exclusive(&self.lock, &mut || {})?;
        replace(&self.cache, &self.temporary, text.as_bytes())
    }
}

impl Line {
    fn is_racy(&self) -> bool {
        let last_change = self.stat.modified_ns.max(self.stat.changed_ns);
        last_change.saturating_add(GRAIN_NS) >= self.hashed_ns
    }
}

impl Stat {
    #[cfg(unix)]
    fn of(data: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let ns = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            size: data.size(),
            modified_ns: ns(data.mtime(), data.mtime_nsec()),
            changed_ns: ns(data.ctime(), data.ctime_nsec()),
            inode: data.ino(),
        }
    }

    #[cfg(not(unix))]
    fn of(data: &Metadata) -> Self {
        // Without a time the file counts as changed just now, and so is never trusted.
        let modified_ns = data.modified().map_or(i64::MAX, nanoseconds);
        Self { size: data.len(), modified_ns, changed_ns: 0, inode: 0 }
    }
}

/// Hashes a file and makes sure that it was one and the same from the first byte to the last.
fn read(path: &Path) -> Result<(String, Stat)> {
    let file = File::open(path).map_err(io_at("open", path))?;
    let look = || file.metadata().map(|data| Stat::of(&data)).map_err(io_at("look at", path));
    let before = look()?;
    let (hash, bytes) = hash_reader(&file).map_err(io_at("read", path))?;
    if look()? != before || bytes != before.size {
        return Err(Error::ChangedWhileRead { path: path.to_path_buf() });
    }
    Ok((hash, before))
}

fn parse(bytes: &[u8]) -> Option<BTreeMap<String, Line>> {
    let (header, body) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let header: Header = serde_json::from_str(header).ok()?;
    let ours = header.format == CACHE_FORMAT && header.version == CACHE_VERSION;
    if !ours || header.body != hash_bytes(body.as_bytes()) {
        return None;
    }
    let lines = body.lines().map(serde_json::from_str::<Line>);
    lines.map(|line| line.ok().map(|line| (line.path.clone(), line))).collect()
}

fn nanoseconds(time: SystemTime) -> i64 {
    let signed = |ns: u128| i64::try_from(ns).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => signed(after.as_nanos()),
        Err(before) => -signed(before.duration().as_nanos()),
    }
}

#[cfg(test)]
mod tests;
