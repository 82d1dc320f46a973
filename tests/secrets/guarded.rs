//! A file that others own or could replace is refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use super::common::{self, Lab, PROGRAM};

#[test]
fn a_folder_that_others_can_write_is_refused() {
    let lab = Lab::example("smallest.yaml");
    let set =
        |mode| fs::set_permissions(lab.path("."), fs::Permissions::from_mode(mode)).expect("set");
    for mode in [0o775, 0o757] {
        set(mode);
        for arguments in
            [&["render", "-o", "out"][..], &["secrets"], &["secrets", "show", "ADMIN_PASS"]]
        {
            let refused = lab.run(arguments);
            assert_eq!(refused.status, 3, "{refused:?}");
            assert!(
                refused.stderr.contains(&format!("mode 0{mode:o}"))
                    && refused.stderr.contains("run `chmod go-w .`"),
                "{refused:?}"
            );
        }
    }
    set(0o1777);
    lab.done(&["render", "-o", "out"]);
    // What `init` makes is right whatever the umask.
    let mut command = common::judge("bash");
    command
        .args(["-c", "umask 002; exec \"$@\"", "-", PROGRAM, "init", "new"])
        .current_dir(lab.path("."));
    common::judged(command);
    let mode = fs::metadata(lab.path("new")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn a_file_of_another_user_is_refused() {
    use std::os::unix::process::CommandExt;
    // Somewhere that every user can enter, with the program and a file that is root's.
    let lab = Lab::example("smallest.yaml");
    fs::set_permissions(lab.path("."), fs::Permissions::from_mode(0o755)).expect("set");
    symlink("/etc/passwd", lab.path("link.yaml")).expect("linked");
    fs::copy(PROGRAM, lab.path("trainyard")).expect("copied");
    let as_user = |arguments: &[&str]| {
        let mut command = Command::new(lab.path("trainyard"));
        command.args(arguments).current_dir(lab.path("."));
        if rustix::process::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        common::outcome(command)
    };
    for file in ["/etc/passwd", "link.yaml"] {
        let refused = as_user(&["secrets", "list", "--secrets", file]);
        assert_eq!(refused.status, 3, "{refused:?}");
        assert!(
            refused.stderr.contains(&format!("`{file}` belongs to another user (uid 0)"))
                && refused.stderr.contains("chown"),
            "{refused:?}"
        );
    }
    for odd in ["/dev/null", "."] {
        let refused = lab.run(&["secrets", "list", "--secrets", odd]);
        assert_eq!(refused.status, 9, "{refused:?}");
        assert!(refused.stderr.contains("no regular file"), "{refused:?}");
    }
    // Root may, and what it writes stays the owner's.
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(lab.path("secrets.yaml"), Some(65534), Some(65534))
            .expect("given away");
        lab.done(&["secrets", "rotate", "ADMIN_PASS"]);
        std::os::unix::fs::chown(lab.path("."), Some(65534), Some(65534)).expect("given away");
        let shown = as_user(&["secrets", "show", "ADMIN_PASS"]);
        assert_eq!(shown.status, 0, "{shown:?}");
    }
}
