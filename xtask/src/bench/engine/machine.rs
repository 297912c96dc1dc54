//! The machine: what it is, and how a process is kept on as many cores as it has threads.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Variables that set the threads of a library when it loads.
const THREAD_VARIABLES: [&str; 5] =
    ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "RAYON_NUM_THREADS"];

/// The Python that has the peers.
pub(crate) fn python() -> OsString {
    std::env::var_os("PEER_PYTHON").unwrap_or_else(|| "python3".into())
}

/// The machine that everything runs on.
pub(crate) struct Machine {
    threads: usize,
    /// What the contender says of the processor.
    facts: Value,
    /// The cores to stay on, where there are more than threads and `taskset` is there.
    cores: Option<String>,
}

impl Machine {
    pub(crate) fn new(threads: usize, facts: Value) -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        let cores = allowed.and_then(|list| first_cores(list.trim(), threads)).filter(|_| has_taskset());
        Machine { threads, facts, cores }
    }

    /// One line for the head of the table.
    pub(crate) fn described(&self) -> String {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let bf16: Vec<&str> = self.facts["bf16"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        format!(
            "{}, {}, bf16: {}; {} threads{}\n",
            model.map_or(std::env::consts::ARCH, |(_, name)| name),
            self.facts["instruction_set"].as_str().unwrap_or("unknown instructions"),
            if bf16.is_empty() { "none".to_owned() } else { bf16.join(", ") },
            self.threads,
            self.cores.as_ref().map_or(String::new(), |cores| format!(" on cores {cores}")),
        )
    }

    /// A command that stays on as many cores as it has threads.
    pub(crate) fn pinned(&self, program: &Path) -> Command {
        let mut command = match &self.cores {
            None => Command::new(program),
            Some(cores) => {
                let mut command = Command::new("taskset");
                command.arg("--cpu-list").arg(cores).arg(program);
                command
            }
        };
        command.envs(THREAD_VARIABLES.map(|name| (name, self.threads.to_string())));
        command
    }
}

fn has_taskset() -> bool {
    let tried = Command::new("taskset").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// The first cores of a list such as `0-3,8`; `None` where there are no more than asked for.
fn first_cores(list: &str, count: usize) -> Option<String> {
    let range = |part: &str| -> Option<std::ops::RangeInclusive<usize>> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    let cores: Vec<usize> = list.split(',').map(range).collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
    let first: Vec<String> = cores.iter().take(count).map(usize::to_string).collect();
    (cores.len() > count).then(|| first.join(","))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_cores_are_taken_from_the_allowed_ones() {
        assert_eq!(first_cores("0-3,8", 2).as_deref(), Some("0,1"));
        assert_eq!(first_cores("3,6-7", 2).as_deref(), Some("3,6"));
        assert_eq!(first_cores("0-1", 2), None);
        assert_eq!(first_cores("all", 1), None);
    }

    #[test]
    fn a_pinned_command_names_cores_and_threads() {
        let facts = json!({"instruction_set": "Avx2Fma", "bf16": ["AMX-BF16"]});
        let machine = Machine { threads: 2, facts, cores: Some("0,1".to_owned()) };
        let command = machine.pinned(Path::new("worker"));
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["--cpu-list", "0,1", "worker"]);
        assert!(command.get_envs().any(|(name, value)| name == "OMP_NUM_THREADS" && value.unwrap() == "2"));
        let head = machine.described();
        assert!(head.contains("Avx2Fma") && head.contains("bf16: AMX-BF16; 2 threads on cores 0,1"), "{head}");
    }
}
