//! Files and folders: whole-or-nothing writes, syncing, walking and hashing.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Result, io_at};

/// Bytes read at a time when a file is hashed.
const CHUNK: usize = 1 << 17;

/// Writes a file whole or not at all: a temporary file beside it, synced, then renamed over it.
///
/// A reader sees the old content or the new, never a part; of two writers at once the last one wins. A process that is
/// killed on the way can leave a hidden `.NAME.PID.N.tmp` beside the file.
///
/// **Errors**: [`crate::Error::Full`] and [`crate::Error::Io`]; the old content then stands.
pub fn write_atomic(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let path = path.as_ref();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_file_name(format!(".{name}.{}.{count}.tmp", std::process::id()));
    replace(path, &temporary, bytes)
}

/// Writes and syncs `temporary`, then renames it to `path`; both lie on one file system.
pub(crate) fn replace(path: &Path, temporary: &Path, bytes: &[u8]) -> Result<()> {
    let written = write_synced(temporary, bytes)
        .and_then(|()| fs::rename(temporary, path).map_err(io_at("rename a temporary file to", path)));
    if written.is_err() {
        let _ = fs::remove_file(temporary);
    }
    written?;
    sync_folder(parent(path))
}

/// Writes a file and waits until it is on the disk.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path).map_err(io_at("create", path))?;
    file.write_all(bytes).map_err(io_at("write", path))?;
    file.sync_all().map_err(io_at("sync", path))
}

/// Waits until a folder's list of names is on the disk.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    // Only Unix opens a folder as a file; elsewhere the rename itself has to do.
    if cfg!(unix) {
        let folder = File::open(path).map_err(io_at("open the folder", path))?;
        folder.sync_all().map_err(io_at("sync the folder", path))?;
    }
    Ok(())
}

/// The folder that a path lies in; `.` for a bare name.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates a folder and those above it; being there already is fine.
pub(crate) fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(io_at("create the folder", path))
}

/// Removes a folder with all it holds; being gone already is fine.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io_at("remove the folder", path)(error)),
        _ => Ok(()),
    }
}

/// Reads a file; `None` if there is none.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(io_at("read", path)(error)),
    }
}

/// True where the error says that there is nothing at the path, a file in place of a folder above it included.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The names in a folder, sorted; none if there is no such folder. Names that are not UTF-8 are not ours: left out.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absence(&error) => return Ok(Vec::new()),
        Err(error) => return Err(io_at("list the folder", folder)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(io_at("list the folder", folder))?.file_name();
        names.extend(name.into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// What lies in a folder, at any depth.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Plain files, relative to the folder, sorted.
    pub(crate) files: Vec<PathBuf>,
    /// Folders, relative to the folder.
    pub(crate) folders: Vec<PathBuf>,
    /// Links, sockets and other things that are neither, relative to the folder.
    pub(crate) odd: Vec<PathBuf>,
    /// The sum of the plain files' sizes.
    pub(crate) bytes: u64,
}

/// Lists a folder at any depth, without following links.
pub(crate) fn tree(folder: &Path) -> Result<Tree> {
    let mut tree = Tree::default();
    let mut open = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        let full = folder.join(&inner);
        for entry in fs::read_dir(&full).map_err(io_at("list the folder", &full))? {
            let entry = entry.map_err(io_at("list the folder", &full))?;
            let path = inner.join(entry.file_name());
            let data = entry.metadata().map_err(io_at("look at", &entry.path()))?;
            if data.is_dir() {
                open.push(path.clone());
                tree.folders.push(path);
            } else if data.is_file() {
                tree.bytes += data.len();
                tree.files.push(path);
            } else {
                tree.odd.push(path);
            }
        }
    }
    tree.files.sort();
    tree.odd.sort();
    Ok(tree)
}

/// BLAKE3 of everything that a reader gives, in hexadecimal, and how many bytes that was.
pub(crate) fn hash_reader(mut reader: impl Read) -> io::Result<(String, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; CHUNK];
    let mut total = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((hasher.finalize().to_hex().to_string(), total)),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                total += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_atomic_write_replaces_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.json");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()).unwrap(), ["summary.json"]);
    }

    #[test]
    fn a_failed_write_keeps_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir_all(path.join("inside")).unwrap();
        let error = write_atomic(&path, b"one").unwrap_err().to_string();
        assert!(error.contains("taken"), "{error}");
        assert_eq!(names(folder.path()).unwrap(), ["taken"]);
        assert!(write_atomic(folder.path().join("no/such/x"), b"one").is_err());
    }

    #[test]
    fn writers_at_once_leave_one_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::thread::scope(|scope| {
            for letter in b'a'..b'e' {
                let path = &path;
                scope.spawn(move || (0..8).for_each(|_| write_atomic(path, &vec![letter; 100_000]).unwrap()));
            }
        });
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 100_000);
        assert!(bytes.iter().all(|byte| *byte == bytes[0]));
        assert_eq!(names(folder.path()).unwrap(), ["x"]);
    }

    #[test]
    fn hashing_reads_in_chunks() {
        let bytes: Vec<u8> = (0..CHUNK * 2 + 7).map(|at| (at % 251) as u8).collect();
        let (hash, count) = hash_reader(bytes.as_slice()).unwrap();
        assert_eq!(hash, blake3::hash(&bytes).to_hex().to_string());
        assert_eq!(count, bytes.len() as u64);
    }
}
