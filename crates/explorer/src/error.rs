//! What the explorer refuses, and with which status of HTTP.

/// Result with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no answer. The first line of a message is the cause; a second one, `hint: …`, says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for does not exist.
    #[error("{0}")]
    Absent(String),
    /// A request that makes no sense.
    #[error("{0}")]
    Asked(String),
    /// A picture that cannot be placed.
    #[error("{0}")]
    Picture(String),
    /// A run that has no network.
    #[error("{0}")]
    NoNetwork(String),
    /// Saved selections that cannot be read or written.
    #[error("{0}")]
    Saved(String),
    /// The run cannot answer.
    #[error(transparent)]
    Run(#[from] latentwalk_run::Error),
    /// An image that cannot be shown.
    #[error(transparent)]
    Images(#[from] latentwalk_images::Error),
    /// The address cannot be served on.
    #[error("cannot serve on {address}: {reason}\nhint: {hint}")]
    Address {
        /// The address.
        address: String,
        /// What the system says.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// The server ended.
    #[error("the server ended")]
    Server(#[source] std::io::Error),
}

impl Error {
    /// Whether the one who asked can mend it, and how HTTP numbers that.
    pub(crate) fn status(&self) -> u16 {
        use latentwalk_run::Error as Run;
        match self {
            Self::Absent(_) => 404,
            Self::Picture(_) => 415,
            Self::Asked(_) | Self::NoNetwork(_) => 422,
            Self::Run(Run::NoRow { .. }) => 404,
            Self::Run(Run::Unknown { .. } | Run::NoDirection { .. } | Run::Asked { .. } | Run::Lines(_)) => 422,
            Self::Saved(_) | Self::Run(_) | Self::Images(_) | Self::Address { .. } | Self::Server(_) => 500,
        }
    }
}
