//! Reads a rendered kickstart back, as the installer will, and tells what it would stumble over.

use super::RenderError;
use crate::plan::NodePlan;
use crate::secrets::Secrets;

/// The commands of RHEL 7's kickstart that ours use; pykickstart judges the whole grammar in the tests.
const COMMANDS: [&str; 22] = [
    "auth",
    "bootloader",
    "cdrom",
    "clearpart",
    "cmdline",
    "eula",
    "firewall",
    "firstboot",
    "ignoredisk",
    "keyboard",
    "lang",
    "network",
    "part",
    "reboot",
    "reqpart",
    "rootpw",
    "selinux",
    "skipx",
    "timezone",
    "url",
    "user",
    "zerombr",
];

/// Sections that hold a script, and `%packages` and `%addon`.
const SECTIONS: [&str; 5] = ["%addon", "%onerror", "%packages", "%post", "%pre"];

pub(super) fn kickstart(text: &str, node: &NodePlan, secrets: &Secrets) -> Result<(), RenderError> {
    let mut findings = Vec::new();
    let mut section: Option<(&str, usize)> = None;
    let mut among_secrets = false;
    let values: Vec<_> = node.secrets().into_iter().chain(node.login_secrets()).collect();
    for (number, line) in (1..).zip(text.lines()) {
        let first = line.split_whitespace().next().unwrap_or("");
        among_secrets = (among_secrets || line == "# trainyard: secrets begin")
            && line != "# trainyard: secrets end";
        for name in &values {
            if !among_secrets && line.contains(secrets.get(name)?.reveal()) {
                findings
                    .push(format!("  line {number}: the secret {name} stands outside its section"));
            }
        }
        match section {
            Some((name, start)) if first == "%end" => {
                section = None;
                if among_secrets {
                    findings.push(format!(
                        "  line {number}: {name} of line {start} ends among the secrets"
                    ));
                }
            }
            Some((name, start)) if line.trim_start().starts_with('%') => {
                findings.push(format!("  line {number}: `{first}` inside {name} of line {start}"));
            }
            Some(_) => {}
            None if SECTIONS.contains(&first) => section = Some((first, number)),
            None if first.is_empty() || first.starts_with('#') || COMMANDS.contains(&first) => {}
            None => {
                findings
                    .push(format!("  line {number}: `{first}` is no command that is used here"));
            }
        }
    }
    if let Some((name, start)) = section {
        findings.push(format!("  line {start}: {name} has no %end"));
    }
    for needed in
        ["lang ", "keyboard ", "timezone ", "rootpw ", "network ", "bootloader ", "part / "]
    {
        if !text.lines().any(|line| line.starts_with(needed)) {
            findings.push(format!(
                "  the command `{}` is missing, and the installer would ask",
                needed.trim_end()
            ));
        }
    }
    if findings.is_empty() {
        Ok(())
    } else {
        Err(RenderError::Lint { node: node.name.clone(), findings })
    }
}
