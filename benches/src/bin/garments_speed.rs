//! Writes a data set of garments and tells its speed:
//! `cargo run -p latentwalk-benches --bin garments_speed -- OUT COUNT SIZE TWIN_SETS`.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Instant;

use latentwalk_garments::{Options, write_dataset};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, count, size, twin_sets] = &arguments[..] else {
        return Err("usage: garments_speed OUT COUNT SIZE TWIN_SETS".into());
    };
    let twin_sets = twin_sets.parse()?;
    let options = Options { count: count.parse()?, size: size.parse()?, twin_sets, ..Options::default() };
    let start = Instant::now();
    let summary = write_dataset(out.as_ref(), &options, &|_, _| Ok(()), &|_, _| ())?;
    let (images, seconds) = (summary.garments + summary.twins, start.elapsed().as_secs_f64());
    println!("{summary:?} in {seconds:.2} s: {:.0} images per second", images as f64 / seconds);
    Ok(())
}
