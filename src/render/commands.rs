//! What a kickstart's commands do to a node: those that the installer of CentOS 7 knows, those that nobody could answer for, and those that
//! leave the node weaker than the built-in templates do. pykickstart judges the whole grammar in the tests.

use super::blame::{Fault, LINE};
use super::storage;
use crate::model::{is_kickstart_command, is_timezone};

/// What is refused, and why.
const REFUSED: [(&[&str], &str); 3] = [
    (
        &["url", "repo", "nfs", "harddrive", "liveimg", "ostreesetup", "method", "hmc"],
        "would install from elsewhere, where the installer checks no signature: packages come from the medium, and others at the first boot",
    ),
    (&["upgrade", "rescue"], "would install nothing"),
    (&["nvdimm"], "would change a disk that no wipe guard has seen"),
];

/// Sections of RHEL 7's kickstart: those that hold a script, and `%packages` and `%addon`.
pub(super) const SECTIONS: [&str; 8] =
    ["%addon", "%anaconda", "%onerror", "%packages", "%post", "%pre", "%pre-install", "%traceback"];

/// What is wrong with a command; nothing of those that say what becomes of a disk, which `storage` looks at.
pub(super) fn judge(line: &str) -> Option<Fault> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let first = *words.first()?;
    if first.starts_with('#') || storage::COMMANDS.contains(&first) {
        return None;
    }
    if let Some((_, why)) = REFUSED.iter().find(|(commands, _)| commands.contains(&first)) {
        return Some(Fault::of_line(line, format!("{LINE} {why}")));
    }
    if !is_kickstart_command(first) && first != "%include" {
        let what = format!("{LINE} is no command of CentOS 7's installer");
        return Some(Fault::of_line(line, what));
    }
    if first == "timezone" {
        let name = words[1..].iter().find(|word| !word.starts_with('-'));
        let name = name.map(|name| name.trim_matches(['"', '\'']));
        if name.is_some_and(|name| !is_timezone(name)) {
            let what = format!("{LINE} names a time zone that CentOS 7 does not have");
            return Some(Fault::of_line(line, what));
        }
    }
    weakness(first, &words[1..]).map(|what| Fault::of_line(line, what).weak())
}

/// What makes a node weaker. The line itself is not told: it may be a password.
fn weakness(command: &str, words: &[&str]) -> Option<String> {
    let has = |option: &str| {
        words.iter().any(|word| {
            word.strip_prefix(option).is_some_and(|r| r.is_empty() || r.starts_with('='))
        })
    };
    let is_plain = match command {
        "rootpw" | "sshpw" => !has("--iscrypted") && !has("--lock"),
        "user" => has("--password") && !has("--iscrypted"),
        _ => false,
    };
    let what = match command {
        _ if is_plain => {
            "has a password in plain text: `--iscrypted` and a `$6$` hash, or `--lock`"
        }
        "selinux" if has("--disabled") || has("--permissive") => {
            "switches SELinux off; the stages are made for `--enforcing`"
        }
        "firewall" if has("--disabled") || has("--disable") => {
            "switches the firewall off; the stages open what they need"
        }
        "firewall" if has("--trust") => {
            "lets everything in at an interface; the stages open what they need"
        }
        "auth" | "authconfig" if has("--enablenullok") || has("--enablemd5") => {
            "lets weak passwords in"
        }
        "vnc" if !has("--password") => "opens the installer to everyone who reaches it",
        "updates" | "driverdisk" if !words.is_empty() => {
            "runs in the installer what nobody has signed"
        }
        _ => return None,
    };
    Some(format!("`{command}` {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_refused_is_one() {
        let refused = REFUSED.iter().flat_map(|(commands, _)| commands.iter().copied());
        for command in refused {
            assert!(is_kickstart_command(command), "{command}");
        }
    }

    #[test]
    fn what_opens_a_node_is_told() {
        let told = |line: &str| judge(line).map(|fault| fault.is_weak());
        for refused in [
            "url --url=http://x",
            "repo --name=x --baseurl=http://x",
            "nfs --server=x",
            "liveimg --url=x",
            "harddrive --partition=sdb1",
            "timezone Mars/Base --utc",
            "zipl",
            "cdrm",
        ] {
            assert_eq!(told(refused), Some(false), "{refused}");
        }
        for weak in [
            "rootpw hunter22",
            "rootpw --plaintext x",
            "user --name=a --password=b",
            "selinux --disabled",
            "selinux --permissive",
            "firewall --disabled",
            "vnc",
            "sshpw --username=root x",
        ] {
            assert_eq!(told(weak), Some(true), "{weak}");
        }
        for fine in [
            "",
            "# x",
            "logging --level=debug",
            "services --enabled=x",
            "iscsi --ipaddr=10.0.0.9",
            "poweroff",
            "rootpw --lock",
            "rootpw --iscrypted $6$x",
            "user --name=a",
            "selinux --enforcing",
            "timezone Europe/Berlin --utc",
            "timezone --utc UTC",
            "vnc --password=x",
            "part / --size=1",
        ] {
            assert_eq!(told(fine), None, "{fine}");
        }
    }
}
