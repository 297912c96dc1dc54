//! The server on an address of this machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::error::{Error, Result};
use crate::http::router;
use crate::session::Session;

/// The port that is served on unless another is named.
pub const DEFAULT_PORT: u16 = 7117;

/// A session that is served on an address.
pub struct Server {
    runtime: Runtime,
    listener: TcpListener,
    session: Arc<Session>,
    address: SocketAddr,
}

impl Server {
    /// Takes a port of 127.0.0.1; port 0 takes any that is free.
    ///
    /// # Errors
    /// [`Error::Address`] for a port that is taken, or that this user may not take.
    pub fn bind(session: Session, port: u16) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let refused = |error: std::io::Error| Error::Address {
            address: address.to_string(),
            reason: error.to_string(),
            hint: "name another port, or 0 for any that is free",
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_io()
            .thread_name("explorer")
            .build()
            .map_err(refused)?;
        let listener = runtime.block_on(TcpListener::bind(address)).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { runtime, listener, session: Arc::new(session), address })
    }

    /// The address of the page.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until the process ends.
    ///
    /// # Errors
    /// [`Error::Server`].
    pub fn run(self) -> Result<()> {
        let router = router(self.session, self.address);
        self.runtime.block_on(async { axum::serve(self.listener, router).await }).map_err(Error::Server)
    }
}
