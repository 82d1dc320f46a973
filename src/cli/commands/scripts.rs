//! Whether bash can read the scripts that the lab brings along.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::model::{Lab, lacking};
use crate::report::{Findings, Rule, Sources, Span, line_of};
use crate::tool::{Tool, ToolError, Wanted};

const BASH: Wanted = Wanted {
    name: "bash",
    purpose: "to check the syntax of hooks and scripts",
    hint: "its package is `bash`",
};

/// Bash is asked about one at a time.
const MOST: usize = 1000;

/// A script of the lab's own.
struct Script<'l> {
    /// What it is, after "bash cannot read".
    what: String,
    /// Its YAML path, and where the lab file says it.
    path: &'l str,
    said: Span,
    text: &'l str,
    /// Where a line of it stands.
    line: Box<dyn Fn(usize) -> Span + 'l>,
}

/// Asks bash whether it can read each hook, and each script of the lab's own stages (`bash -n` runs nothing of it). What it
/// stumbles over is told where it stands, and what CentOS 7 lacks; where there is no bash, that is returned.
///
/// # Errors
/// A script cannot be handed to bash, or the person asks to stop.
pub(super) fn check(
    lab: &Lab,
    sources: &Sources,
    findings: &mut Findings,
) -> Result<Option<ToolError>> {
    let mut seen: HashSet<(Span, &str)> = HashSet::new();
    let scripts: Vec<Script> = hooks(lab, sources)
        .chain(of_stages(lab))
        // One that is no text was told.
        .filter(|script| {
            !script.text.contains('\0') && seen.insert(((script.line)(1), script.text))
        })
        .collect();
    if scripts.is_empty() {
        return Ok(None);
    }
    tell_lacking(&scripts, findings);
    let bash = match Tool::locate(BASH) {
        Ok(bash) => bash,
        Err(missing) => return Ok(Some(missing)),
    };
    if let Some(script) = scripts.get(MOST) {
        let message = format!("there are {} different scripts", scripts.len());
        let help = format!("a lab has at most {MOST}; let roles say what their nodes share");
        findings.tell(Rule::TooLarge, script.path, script.said, message, help);
        return Ok(None);
    }
    for script in scripts {
        let mut file = tempfile::NamedTempFile::new().context("writing a script for bash")?;
        file.write_all(script.text.as_bytes()).context("writing a script for bash")?;
        let arguments = [std::ffi::OsStr::new("-n"), file.path().as_os_str()];
        let said = match bash.run(arguments).limit(Duration::from_secs(60)).finish() {
            Ok(_) => continue,
            Err(ToolError::Failed { tail, .. }) => tail,
            Err(other) => return Err(other.into()),
        };
        let (line, wrong) = parse(&said, &file.path().display().to_string());
        let span = line.map_or(script.said, &script.line);
        let message = format!("bash cannot read {}: {wrong}", script.what);
        let help = "`bash -n FILE` tells the same";
        findings.tell(Rule::ScriptSyntax, script.path, span, message, help);
    }
    Ok(None)
}

/// Tells where a script uses what CentOS 7 does not have, which only a node would show otherwise.
fn tell_lacking(scripts: &[Script], findings: &mut Findings) {
    for script in scripts.iter().take(MOST) {
        for (line, why) in lacking(script.text) {
            let message = format!("{} cannot use this on CentOS 7: {why}", script.what);
            let help = "CentOS 7 has bash 4.2, systemd 219, coreutils 8.22, util-linux 2.23, iproute2 4.11, curl 7.29 and OpenSSL 1.0.2";
            findings.tell(Rule::El7Script, script.path, (script.line)(line), message, help);
        }
    }
}

fn hooks<'l>(lab: &'l Lab, sources: &'l Sources) -> impl Iterator<Item = Script<'l>> {
    let hooks = lab.settings.iter().map(|settings| &settings.custom.hooks);
    let all = hooks.flat_map(|hooks| {
        let installed = hooks.pre.iter().chain(&hooks.post).chain(&hooks.installed);
        installed.chain(&hooks.first_boot)
    });
    all.map(|hook| Script {
        what: format!("the hook `{}`", hook.name.value),
        path: &hook.path,
        said: hook.name.span,
        text: &hook.script,
        line: Box::new(|line| hook.line(line, sources)),
    })
}

fn of_stages(lab: &Lab) -> impl Iterator<Item = Script<'_>> {
    let is_script = |name: &str| Path::new(name).extension().is_some_and(|e| e == "sh");
    lab.own_stages.iter().flat_map(move |folder| {
        let scripts = folder.value.files.values().filter(move |file| is_script(&file.name));
        scripts.map(|file| Script {
            what: format!("`{}`", file.name),
            path: &folder.path,
            said: folder.span,
            text: &file.text,
            line: Box::new(|line| {
                let (line, _) = line_of(&file.text, line);
                Span { file: file.file, line, column: 1, length: 1 }
            }),
        })
    })
}

/// The line that bash names, and what it says of it: it says `FILE: line 3: syntax error`.
fn parse<'s>(said: &'s str, file: &str) -> (Option<usize>, &'s str) {
    let first = said.lines().next().unwrap_or_default();
    let after_file = first.strip_prefix(file).and_then(|rest| rest.strip_prefix(": line "));
    match after_file.and_then(|rest| rest.split_once(": ")) {
        Some((number, what)) => (number.parse().ok(), what),
        None => (None, first),
    }
}
