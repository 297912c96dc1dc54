//! How do I play with it?
//!
//! A local web page over a finished run: choose an image, an attribute and a value, drag, and see the nearest real images change
//! under the hand. [`Session::open`] opens a run, [`Server::bind`] takes an address of this machine, [`Server::run`] serves until it is
//! told to end.
//!
//! | module | holds |
//! |---|---|
//! | `session` | the run held open: lines ready to be walked, own pictures |
//! | `overview` | what the run has, and what may be said of it |
//! | `catalogue` | its images, searched, filtered and drawn |
//! | `answer` | walks as the page asks for them |
//! | `scatter`, `selections` | two axes at once; images that somebody chose, as a judged direction |
//! | `http`, `query`, `guard` | the same questions over HTTP, and who may ask them |
//! | `page` | the page's files |
//!
//! **Conventions.** All arithmetic is [`latentwalk_run::Walker`]'s: the page shows the rows that `latentwalk walk` prints. Only addresses of
//! the machine itself are served. Nothing is read but the run, and nothing is written but
//! selections, beside the run.

mod answer;
mod catalogue;
mod error;
mod guard;
mod http;
mod overview;
mod page;
mod query;
mod scatter;
mod selections;
mod server;
mod session;

pub use error::{Error, Result};
pub use selections::add_saved_lines;
pub use server::{DEFAULT_PORT, Server};
pub use session::Session;

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
