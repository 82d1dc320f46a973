//! Steps as a script, for a host on which trainyard is not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::perform::LOCKED;
use super::{Act, Step};
use crate::template::quote;

/// The language of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// Bash, 3.2 (macOS) and newer.
    Bash,
    /// PowerShell, 5.1 (Windows) and newer.
    PowerShell,
}

/// How each file of a node's media is made, by its name.
const MEDIA: [(&str, &str); 6] = [
    ("install.iso", "trainyard build NODE -o FOLDER, which calls it NODE.iso"),
    ("medium.iso", "trainyard fetch, which brings the untouched medium"),
    ("oemdrv.iso", "trainyard seed NODE --kind oemdrv -o FILE"),
    ("cidata.iso", "trainyard seed NODE -o FILE"),
    ("system.vdi", "trainyard disk NODE --kind vdi -o FILE"),
    ("system.qcow2", "trainyard disk NODE -o FILE"),
];

/// Machines by QEMU need trainyard where they run: it connects them.
const OWN: &str = "# This is done by trainyard alone.\n";

const BASH: &str = r"#!/usr/bin/env bash
# Made by `trainyard lab script`. It stops at the first command that fails.
set -euo pipefail
# What programs say is read below, in this language.
export LC_ALL=C
";

/// Each stands in a script that uses it.
const BASH_INSIST: &str = r#"
# Runs a command again while what it says is that something is locked, so many seconds long.
insist() {
  local end=$((SECONDS + $1)) said
  shift
  until said=$("$@" 2>&1); do
    printf '%s\n' "$said" >&2
    case $said in LOCKED) ;; *) return 1 ;; esac
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 1
  done
}
"#;

const BASH_NEEDED: &str = r#"
needed() {
  [ -f "$1" ] && return
  printf '%s is missing; it is made by: %s\n' "$1" "$2" >&2
  exit 1
}
"#;

const POWERSHELL: &str = r#"# Made by `trainyard lab script`. It stops at the first command that fails.
$ErrorActionPreference = 'Stop'
if (-not (Get-Command VBoxManage -ErrorAction SilentlyContinue)) {
  $env:Path += ';' + (Join-Path $env:ProgramFiles 'Oracle\VirtualBox')
}

function Assert-Done($Name) {
  if ($LASTEXITCODE -ne 0) { throw "$Name ended with $LASTEXITCODE" }
}

# Runs a program again while what it says is that something is locked, so many seconds long.
function Invoke-Insist($Seconds, $Name, $Words) {
  $ErrorActionPreference = 'Continue'
  $end = (Get-Date).AddSeconds($Seconds)
  while ($true) {
    $said = & $Name $Words 2>&1 | Out-String
    if ($LASTEXITCODE -eq 0) { return }
    Write-Host $said
    if (($said -notmatch 'LOCKED') -or ((Get-Date) -ge $end)) { throw "$Name ended with $LASTEXITCODE" }
    Start-Sleep -Seconds 1
  }
}

function Assert-Medium($Path, $By) {
  if (-not (Test-Path -LiteralPath $Path -PathType Leaf)) { throw "$Path is missing; it is made by: $By" }
}
"#;

/// The steps as a script.
#[must_use]
pub fn script(steps: &[Step], shell: Shell) -> String {
    let made: BTreeSet<&str> = steps.iter().filter_map(|step| value(step, "--filename")).collect();
    let mut lines = match shell {
        Shell::Bash => BASH.to_owned(),
        Shell::PowerShell => locked(POWERSHELL, str::to_owned, "|"),
    };
    if shell == Shell::Bash {
        let any = |is: fn(&Act) -> bool| steps.iter().any(|step| is(&step.act));
        let used = [
            (
                locked(BASH_INSIST, |said| format!("*{}*", said.replace(' ', "\\ ")), " | "),
                any(|act| matches!(act, Act::Insist { .. })),
            ),
            (BASH_NEEDED.to_owned(), any(|act| matches!(act, Act::Media { .. }))),
        ];
        lines.extend(used.into_iter().filter(|(_, used)| *used).map(|(text, _)| text));
    }
    for (at, step) in steps.iter().enumerate() {
        let about = step.node.as_deref().map_or_else(String::new, |node| format!("{node}: "));
        let about = quote::line(&format!("{about}{}", step.what));
        lines.extend(["\n# ", &about, "\n"]);
        let later = || media(&steps[at..], &made);
        let done = match shell {
            Shell::Bash => bash(step, later),
            Shell::PowerShell => powershell(step, later),
        };
        lines.push_str(&done);
    }
    // Windows' own PowerShell reads what has no such mark by the system's code page.
    if shell == Shell::PowerShell && !lines.is_ascii() {
        lines.insert(0, '\u{feff}');
    }
    lines
}

/// Has a script know what says that something is locked.
fn locked(text: &str, word: impl Fn(&str) -> String, between: &str) -> String {
    text.replace("LOCKED", &LOCKED.map(word).join(between))
}

/// The value of an option in a step that runs a program.
fn value<'s>(step: &'s Step, option: &str) -> Option<&'s str> {
    let (Act::Run { arguments, .. } | Act::Insist { arguments, .. }) = &step.act else {
        return None;
    };
    let at = arguments.iter().position(|word| word == option)?;
    arguments.get(at + 1).map(String::as_str)
}

/// The files that later steps of the same node put in, and no step makes; with how each is made.
fn media(steps: &[Step], made: &BTreeSet<&str>) -> Vec<(PathBuf, String)> {
    let Some(Step { node: Some(node), act: Act::Media { path: folder }, .. }) = steps.first()
    else {
        return Vec::new();
    };
    let own = steps.iter().filter(|step| step.node.as_ref() == Some(node));
    let files = own.filter_map(|step| value(step, "--medium")).filter(|file| !made.contains(file));
    let files = files.map(PathBuf::from).filter(|file| file.starts_with(folder));
    files.map(|file| (file.clone(), way(&file, node, folder))).collect()
}

/// A word as its host writes it: in a path of Windows (`C:\…`, `\\HOST\…`) a `\`, and only one, stands before each part.
fn native(text: &str) -> String {
    let is_drive =
        matches!(text.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    if !is_drive && !text.starts_with('\\') {
        return text.to_owned();
    }
    // The first two characters are a drive, or begin the name of a host.
    let (begin, rest) = text.split_at(if text.is_char_boundary(2) { 2 } else { 1 });
    let mut path = begin.replace('/', "\\");
    for c in rest.chars().map(|c| if c == '/' { '\\' } else { c }) {
        if c != '\\' || !path.ends_with('\\') {
            path.push(c);
        }
    }
    path
}

fn way(file: &Path, node: &str, folder: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let way = MEDIA.iter().find(|(of, _)| *of == name).map_or("trainyard", |(_, way)| way);
    let way = way.replace("NODE", node).replace("FILE", &native(&file.to_string_lossy()));
    way.replace("FOLDER", &native(&folder.to_string_lossy()))
}

fn bash(step: &Step, media: impl FnOnce() -> Vec<(PathBuf, String)>) -> String {
    let word = |path: &Path| quote::shell(&native(&path.to_string_lossy()));
    let line = |words: &[String]| {
        words.iter().map(|word| quote::shell(&native(word))).collect::<Vec<_>>().join(" ")
    };
    match &step.act {
        Act::Run { program, arguments, may_fail } => {
            let end = if *may_fail { " || true" } else { "" };
            format!("{program} {}{end}\n", line(arguments))
        }
        Act::Insist { program, arguments, seconds } => {
            format!("insist {seconds} {program} {}\n", line(arguments))
        }
        Act::Begin { .. } | Act::Start { .. } | Act::Tell { .. } | Act::Disconnect { .. } => {
            OWN.to_owned()
        }
        Act::Folder { path } => format!("(umask 077 && mkdir -p {})\n", word(path)),
        Act::Media { .. } => {
            let line = |(file, way): (PathBuf, String)| {
                format!("needed {} {}\n", word(&file), quote::shell(&way))
            };
            media().into_iter().map(line).collect()
        }
        Act::Write { path, text } => format!("printf %s {} > {}\n", quote::shell(text), word(path)),
        Act::Remove { path } => format!("rm -rf -- {}\n", word(path)),
        Act::RemoveEmpty { path } => format!("rmdir -- {} 2> /dev/null || true\n", word(path)),
    }
}

fn powershell(step: &Step, media: impl FnOnce() -> Vec<(PathBuf, String)>) -> String {
    let word = |path: &Path| single(&native(&path.to_string_lossy()));
    let line = |words: &[String], between: &str| {
        words.iter().map(|word| single(&native(word))).collect::<Vec<_>>().join(between)
    };
    match &step.act {
        Act::Run { program, arguments, may_fail } => {
            let program = single(program);
            let check = if *may_fail { String::new() } else { format!("Assert-Done {program}\n") };
            format!("& {program} {}\n{check}", line(arguments, " "))
        }
        Act::Insist { program, arguments, seconds } => {
            format!("Invoke-Insist {seconds} {} @({})\n", single(program), line(arguments, ", "))
        }
        Act::Begin { .. } | Act::Start { .. } | Act::Tell { .. } | Act::Disconnect { .. } => {
            OWN.to_owned()
        }
        Act::Folder { path } => {
            format!("New-Item -ItemType Directory -Force -Path {} | Out-Null\n", word(path))
        }
        Act::Media { .. } => {
            let line = |(file, way): (PathBuf, String)| {
                format!("Assert-Medium {} {}\n", word(&file), single(&way))
            };
            media().into_iter().map(line).collect()
        }
        Act::Write { path, text } => {
            format!("[IO.File]::WriteAllText({}, {})\n", word(path), single(text))
        }
        Act::Remove { path } => {
            let path = word(path);
            format!(
                "if (Test-Path -LiteralPath {path}) {{ Remove-Item -LiteralPath {path} -Recurse -Force }}\n"
            )
        }
        Act::RemoveEmpty { path } => {
            let path = word(path);
            format!(
                "if ((Test-Path -LiteralPath {path}) -and -not (Get-ChildItem -LiteralPath {path} -Force)) {{ Remove-Item -LiteralPath {path} -Force }}\n"
            )
        }
    }
}

/// One word of PowerShell: in single quotes, which end with a quotation mark of any form, unless there are two.
fn single(text: &str) -> String {
    let is_mark = |c| matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}');
    let inside: String =
        text.chars().flat_map(|c| std::iter::repeat_n(c, if is_mark(c) { 2 } else { 1 })).collect();
    format!("'{inside}'")
}

#[cfg(test)]
mod tests {
    use super::native;

    #[test]
    fn a_path_of_windows_has_windows_separators_and_no_other_word_is_touched() {
        for (given, written) in [
            (r"C:\labs\train/nodes/compute", r"C:\labs\train\nodes\compute"),
            (r"C:\labs\/nodes", r"C:\labs\nodes"),
            (r"C:\/nodes", r"C:\nodes"),
            ("d:/labs//a b/x.iso", r"d:\labs\a b\x.iso"),
            (r"\\host\labs/nodes", r"\\host\labs\nodes"),
            (r"\labs/é", r"\labs\é"),
            ("\\é/x", "\\é\\x"),
            ("\\", "\\"),
            ("/home/ann/C:/x", "/home/ann/C:/x"),
            ("trainyard/whole", "trainyard/whole"),
            ("ssh:tcp:[127.0.0.1]:2211:[10.0.0.11]:22", "ssh:tcp:[127.0.0.1]:2211:[10.0.0.11]:22"),
            ("é:/x", "é:/x"),
            ("", ""),
        ] {
            assert_eq!(native(given), written, "{given}");
        }
    }
}
