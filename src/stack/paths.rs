//! Where a stage can write.

use crate::template::quote::is_plain_word;

/// Where no stage can write: what is no file on the disk, or does not last.
const NEVER: [&str; 5] = ["/proc", "/sys", "/dev", "/run", "/var/run"];

/// Where no stage of the lab's own can write, because trainyard does.
const TRAINYARD: [&str; 7] = [
    "/etc/trainyard",
    "/var/lib/trainyard",
    "/var/log/trainyard",
    "/usr/local/libexec/trainyard",
    "/usr/local/sbin/trainyard-node",
    "/etc/systemd/system/trainyard-first-boot.service",
    "/etc/systemd/system/trainyard-verify.service",
];

/// Whether a stage can write a file; `own` where it is one of the lab's own.
///
/// # Errors
/// Why it cannot.
pub fn check_path(path: &str, own: bool) -> Result<(), String> {
    let normal = path.strip_prefix('/').is_some_and(|steps| {
        steps.split('/').all(|step| !step.is_empty() && step != "." && step != "..")
    });
    if !normal || !is_plain_word(path) || path.len() > 255 {
        return Err(format!(
            "`{}` is no absolute path of letters, digits and `._:/@+,=-`, as it is after `..`",
            path.escape_debug()
        ));
    }
    let inside = |folder: &&&str| {
        path.strip_prefix(**folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if let Some(folder) = NEVER.iter().find(inside) {
        return Err(format!("`{path}` does not last: `{folder}` is gone after a boot"));
    }
    match TRAINYARD.iter().find(inside).filter(|_| own) {
        Some(folder) => Err(format!("`{path}` cannot be written: `{folder}` is trainyard's own")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check_path;

    #[test]
    fn a_stage_writes_absolute_paths_that_last_and_are_not_trainyards() {
        let wrong =
            ["", "a", "/", "/a b", "/a\nb", "/a/../b", "/a/./b", "//a", "/a/", "/dev/x", "/run"];
        for path in wrong {
            assert!(check_path(path, false).is_err(), "{path:?}");
        }
        for path in ["/etc/trainyard", "/etc/trainyard/x", "/var/lib/trainyard/x"] {
            assert!(check_path(path, false).is_ok() && check_path(path, true).is_err(), "{path}");
        }
        for path in ["/etc/trainyard.conf", "/etc/systemd/system/a@.service", "/devel"] {
            assert!(check_path(path, true).is_ok(), "{path}");
        }
    }
}
