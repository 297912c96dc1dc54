//! Locks between processes and threads, on files that may be removed while nobody holds them.
//!
//! The operating system frees a lock when its process ends, however it ends, so that a killed run blocks nobody.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::disk::is_absence;
use crate::error::{Result, io_at};

/// A held lock; freed when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock for one holder alone; calls `on_wait` once before it waits for another holder.
    pub(crate) fn exclusive(path: &Path, on_wait: &mut dyn FnMut()) -> Result<Self> {
        let mut told = false;
        loop {
            let file = open(path)?;
            if !try_lock(&file, path)? {
                if !told {
                    on_wait();
                }
                told = true;
                uninterrupted(|| file.lock()).map_err(io_at("lock", path))?;
            }
            if let Some(lock) = Self::if_current(file, path)? {
                return Ok(lock);
            }
        }
    }

    /// Takes the lock for one holder alone, or gives `None` where somebody holds it.
    pub(crate) fn try_exclusive(path: &Path) -> Result<Option<Self>> {
        loop {
            let file = open(path)?;
            if !try_lock(&file, path)? {
                return Ok(None);
            }
            if let Some(lock) = Self::if_current(file, path)? {
                return Ok(Some(lock));
            }
        }
    }

    /// Takes the lock together with other readers; `None` in a store that this user may only read.
    pub(crate) fn shared(path: &Path) -> Result<Option<Self>> {
        loop {
            let file = match open_raw(path) {
                Err(error) if cannot_write(&error) => return Ok(None),
                opened => opened.map_err(io_at("open the lock file", path))?,
            };
            uninterrupted(|| file.lock_shared()).map_err(io_at("lock", path))?;
            if let Some(lock) = Self::if_current(file, path)? {
                return Ok(Some(lock));
            }
        }
    }

    /// True if nobody holds the lock; creates nothing.
    pub(crate) fn is_free(path: &Path) -> Result<bool> {
        match File::open(path) {
            Ok(file) => try_lock(&file, path),
            Err(error) if is_absence(&error) => Ok(true),
            Err(error) => Err(io_at("open the lock file", path)(error)),
        }
    }

    /// Removes the lock file and frees the lock. Whoever waits for it sees that its file is gone and opens a new one.
    pub(crate) fn remove(self) {
        // Without a file's identity the waiting ones could not see it, so the file then stays.
        if cfg!(unix) {
            let _ = fs::remove_file(&self.path);
        }
    }

    /// The lock, if its file is still the one at the path: another process may have removed it while we waited.
    fn if_current(file: File, path: &Path) -> Result<Option<Self>> {
        let held = file.metadata().map_err(io_at("look at", path))?;
        let lock = Self { file, path: path.to_path_buf() };
        match fs::metadata(path) {
            Ok(there) => Ok((identity(&there) == identity(&held)).then_some(lock)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(io_at("look at", path)(error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child process that is just being started may share the open file for a moment.
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> Result<File> {
    open_raw(path).map_err(io_at("open the lock file", path))
}

fn open_raw(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn cannot_write(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

fn try_lock(file: &File, path: &Path) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(io_at("lock", path)(error)),
    }
}

fn uninterrupted(mut lock: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    loop {
        match lock() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Which file this is, whatever its name: device and inode.
#[cfg(unix)]
fn identity(data: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (data.dev(), data.ino())
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> (u64, u64) {
    (0, 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::time::Duration;

    #[test]
    fn readers_share_and_one_writer_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(Lock::is_free(&path).unwrap() && !path.exists());
        let one = Lock::shared(&path).unwrap();
        let two = Lock::shared(&path).unwrap();
        assert!(one.is_some() && two.is_some());
        assert!(Lock::try_exclusive(&path).unwrap().is_none());
        assert!(!Lock::is_free(&path).unwrap());
        drop((one, two));
        assert!(Lock::try_exclusive(&path).unwrap().is_some());
    }

    #[test]
    fn one_at_a_time_even_while_the_file_is_removed_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let (inside, rounds) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let lock = Lock::exclusive(&path, &mut || {}).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        rounds.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        lock.remove();
                    }
                });
            }
        });
        assert_eq!(rounds.into_inner(), 400);
    }

    #[test]
    #[cfg(unix)]
    fn a_lock_on_a_file_that_was_replaced_meanwhile_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let old = Lock::exclusive(&path, &mut || {}).unwrap();
        let (waits, freed) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _lock = Lock::exclusive(&path, &mut || waits.store(true, Ordering::SeqCst)).unwrap();
                assert!(freed.load(Ordering::SeqCst), "two hold the lock");
            });
            while !waits.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            fs::remove_file(&path).unwrap();
            let new = Lock::exclusive(&path, &mut || {}).unwrap();
            drop(old);
            std::thread::sleep(Duration::from_millis(50));
            freed.store(true, Ordering::SeqCst);
            drop(new);
        });
    }
}
