//! The versions of what lies on the disk.

/// The version of the store's layout that this build writes and reads.
pub const STORE_VERSION: u32 = 1;

/// The version of the manifest's own layout that this build writes and reads.
pub const MANIFEST_VERSION: u32 = 1;
