//! Scripts of one's own.

use std::collections::HashMap;

use crate::report::{Rule, Span};
use crate::spec::{Added, HookSpec, HooksSpec, KickstartSpec, Spanned};

use super::settle::{Resolver, Wrong, word};
use super::{Hook, Origin};

/// Scripts, each list in the order in which they run.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// In the installer.
    pub pre: Vec<Hook>,
    /// In the new system before its first boot.
    pub post: Vec<Hook>,
    /// The same, in what the installer has made only.
    pub installed: Vec<Hook>,
    /// At the first boot.
    pub first_boot: Vec<Hook>,
}

pub(super) fn resolve(
    spec: Option<&Spanned<HooksSpec>>,
    kickstart: Option<&Spanned<KickstartSpec>>,
    r: &mut Resolver,
) -> Hooks {
    let (spec, kickstart) = (spec.map(|s| &s.value), kickstart.map(|s| &s.value));
    let mut seen = HashMap::new();
    let mut of = |path: &str, written: Option<&Spanned<Added<HookSpec>>>| {
        let mut hooks = Vec::new();
        for hook in written.iter().flat_map(|hooks| &hooks.value.0) {
            check_script(&hook.value, r);
            let name = &hook.value.name;
            if r.settle(path, Some(name), hook_name).is_none() {
                continue;
            }
            if let Some(first) = seen.insert(name.value.clone(), name.span) {
                let first = r.sources.seen_from(name.span, first);
                let why = format!("is the name of two hooks of one node; the first is {first}");
                let help = "their logs are named after them: give one of the two another name with `{name: …, script: …}`, or another file name";
                r.reject(name, Wrong::of(Rule::HookTwice, why, help));
            }
            hooks.push(hook.value.clone());
        }
        if hooks.is_empty() {
            r.note(path, &"none", Origin::BuiltIn);
        }
        hooks
    };
    let mut pre = of("hooks.pre", spec.and_then(|s| s.pre.as_ref()));
    // Only an installer has such a point in time: they are one list.
    pre.extend(of("kickstart.pre", kickstart.and_then(|s| s.pre.as_ref())));
    Hooks {
        pre,
        post: of("hooks.post", spec.and_then(|s| s.post.as_ref())),
        installed: of("kickstart.post", kickstart.and_then(|s| s.post.as_ref())),
        first_boot: of("hooks.first_boot", spec.and_then(|s| s.first_boot.as_ref())),
    }
}

fn hook_name(text: &str) -> Result<String, String> {
    word(text, 40, "_-").map_err(|allowed| format!("a hook's name is {allowed}"))
}

/// What bash would stumble over, or not do as its author meant.
fn check_script(hook: &HookSpec, r: &mut Resolver) {
    let HookSpec { name, script, path, .. } = hook;
    let mut tell = |rule, line: usize, what: &str, help: &str| {
        let span: Span = hook.line(line, r.sources);
        r.findings.tell(rule, path, span, format!("the hook `{}` {what}", name.value), help);
    };
    let line_of = |c: char| script.lines().position(|line| line.contains(c)).map(|i| i + 1);
    if let Some(line) = line_of('\0') {
        tell(Rule::Unwritable, line, "holds a NUL character", "a script is text");
    }
    if script.starts_with('\u{feff}') {
        let help = "bash takes it for a part of the first command: save the script as UTF-8 without it (`sed -i '1s/^\\xef\\xbb\\xbf//' FILE`)";
        tell(Rule::HookInterpreter, 1, "begins with a byte order mark", help);
    }
    let ends = script.split('\n').position(|line| line.ends_with('\r'));
    if let Some(line) = ends.map(|i| i + 1) {
        let help = "bash takes the carriage return for a part of the command: save the script with Unix line ends (`sed -i 's/\\r$//' FILE`)";
        tell(Rule::HookLineEnds, line, "has Windows line ends", help);
    }
    if let Some(interpreter) = script.lines().next().and_then(|line| line.strip_prefix("#!")) {
        let words: Vec<&str> = interpreter.split_whitespace().collect();
        match words[..] {
            ["/bin/bash" | "/usr/bin/bash"] | ["/usr/bin/env", "bash"] => {}
            ["/bin/bash" | "/usr/bin/bash", ..] => tell(
                Rule::HookInterpreter,
                1,
                "gives options to bash, which would not be heeded",
                "a hook is run by `/bin/bash FILE`: say `set -eu` and the like on a line of their own",
            ),
            _ => tell(
                Rule::HookInterpreter,
                1,
                "is not written for bash",
                "hooks are run by /bin/bash: begin with `#!/bin/bash`, and start other interpreters from there",
            ),
        }
    }
    let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if !script.lines().any(says) {
        tell(Rule::HookEmpty, 1, "does nothing", "leave it out, or write what it is to do");
    }
}
