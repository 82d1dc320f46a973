//! Readers and judges of rendered nodes that are not ours, asked about many nodes at once: starting one takes longer than
//! its judgement.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{ROOT, judge, judged};

/// Python with pykickstart and cloud-init.
pub fn python() -> Command {
    let target = Path::new(ROOT).join("target");
    let site = |base: &str, name: &str| {
        let found = fs::read_dir(target.join(base)).expect("set-up made it");
        let mut found = found.map(|e| e.expect("an entry").path().join(name));
        found.find(|path| path.exists())
    };
    let kickstart = site("venv/lib", "site-packages").expect("pykickstart is there");
    let cloud_init = target.join("cloud-init/usr/lib/python3/dist-packages");
    let mut command = Command::new("/usr/bin/python3");
    command.env("PYTHONPATH", format!("{}:{}", kickstart.display(), cloud_init.display()));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// What the readers found in every node's folder.
pub fn read(folders: &[String]) -> Vec<Value> {
    let mut command = python();
    command.arg(Path::new(ROOT).join("tests/common/read.py")).args(folders);
    let output = judged(command);
    serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}\n{}", output.stderr))
}

/// A script without the bodies of its quoted here-documents, which no shell looks into.
fn without_here_documents(script: &str) -> String {
    let mut out = String::new();
    let mut end: Option<String> = None;
    for line in script.lines() {
        if let Some(delimiter) = &end {
            if line != delimiter {
                continue;
            }
            end = None;
        } else if let Some((_, rest)) = line.split_once("<<'") {
            end = rest.split_once('\'').map(|(delimiter, _)| delimiter.to_owned());
        }
        let _ = writeln!(out, "{line}");
    }
    out
}

/// The scripts of a node as the readers found it: those of the kickstart, and those that are files.
pub fn scripts_of(found: &Value) -> BTreeSet<String> {
    let bodies = found["kickstart"]["shapes"].as_array().expect("scripts");
    let bodies = bodies.iter().filter_map(Value::as_str).map(without_here_documents);
    let files = found["files"].as_object().expect("files").iter();
    let files = files.filter(|(path, _)| Path::new(path).extension().is_some_and(|e| e == "sh"));
    bodies.chain(files.filter_map(|(_, f)| f.as_str().map(str::to_owned))).collect()
}

/// Every script is one for bash and for shellcheck.
pub fn judge_scripts(scripts: &BTreeSet<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut paths = Vec::new();
    for (i, script) in scripts.iter().enumerate() {
        let path = folder.path().join(format!("{i}.sh"));
        let head = if script.starts_with("#!") || script.starts_with("# shellcheck") {
            ""
        } else {
            "#!/bin/bash\n"
        };
        fs::write(&path, format!("{head}{script}")).expect("written");
        let mut command = judge("bash");
        command.arg("-n").arg(&path);
        judged(command);
        paths.push(path);
    }
    for some in paths.chunks(20) {
        let mut command = judge("shellcheck");
        // What they source is judged with them.
        command.args(["-e", "SC1091"]).args(some);
        judged(command);
    }
}
