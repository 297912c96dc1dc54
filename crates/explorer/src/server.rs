//! The server on an address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::error::{Error, Result};
use crate::guard::{Guard, Token};
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
    /// Where others than this machine can reach it.
    token: Option<Arc<Token>>,
}

impl Server {
    /// Takes a port of 127.0.0.1 or of the address that is named; port 0 takes any that is free.
    ///
    /// On an address that other machines can reach, every request must show a token, which is drawn here and stands in
    /// [`Server::url`]. What is sent is not encrypted.
    ///
    /// # Errors
    /// [`Error::Address`] for an address that is not this machine's, and a port that is taken, or that this user may not take.
    pub fn bind(session: Session, host: Option<IpAddr>, port: u16) -> Result<Self> {
        let address = SocketAddr::from((host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), port));
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
        let elsewhere = !address.ip().is_loopback();
        let token = elsewhere.then(|| Token::draw(address.port()).map(Arc::new)).transpose().map_err(refused)?;
        Ok(Self { runtime, listener, session: Arc::new(session), address, token })
    }

    /// The address of the page, with the token where one is asked for.
    pub fn url(&self) -> String {
        match &self.token {
            None => format!("http://{}", self.address),
            Some(token) => format!("http://{}/?token={}", self.address, token.secret()),
        }
    }

    /// Whether other machines can reach the page.
    pub fn is_open(&self) -> bool {
        self.token.is_some()
    }

    /// Serves until the process ends.
    ///
    /// # Errors
    /// [`Error::Server`].
    pub fn run(self) -> Result<()> {
        let guard = match self.token {
            None => Guard::here(self.address),
            Some(token) => Guard::Elsewhere(token),
        };
        let router = router(self.session, guard);
        self.runtime.block_on(async { axum::serve(self.listener, router).await }).map_err(Error::Server)
    }
}
