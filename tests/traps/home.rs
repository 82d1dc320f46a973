//! Homes that a disk brings from an earlier installation.

use std::os::unix::fs::symlink;

use crate::common::Lab;
use crate::common::installed::{Installed, scripts};

#[test]
fn i9_keys_go_through_no_link_of_a_home_that_was_kept() {
    let lab = Lab::new(
        "access: {user: op, root_login: key, ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0 me]}\n\
         nodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    lab.done(&["render", "-o", "out"]);
    let kickstart = lab.read("out/controller/ks.cfg");
    let post = |installed: &Installed| {
        let mut posts = scripts(&kickstart).into_iter().filter(|s| s.header.starts_with("%post"));
        let outside = installed.run(&posts.next().expect("the first"), &[]);
        assert_eq!(outside.status, 0, "{outside:?}");
        installed.run(&posts.next().expect("the second"), &[])
    };
    let fresh = || {
        let installed = Installed::prepare(&lab, "controller");
        std::fs::create_dir_all(installed.path("home/op")).expect("a folder");
        std::fs::write(installed.path("etc/shadow"), "root's\n").expect("written");
        installed
    };

    // The file, and the one that becomes it, are links.
    let installed = fresh();
    std::fs::create_dir(installed.path("home/op/.ssh")).expect("a folder");
    for name in ["authorized_keys", "authorized_keys~"] {
        symlink("../../../etc/shadow", installed.path(&format!("home/op/.ssh/{name}")))
            .expect("a link");
    }
    let outcome = post(&installed);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(installed.read("etc/shadow"), "root's\n");
    assert!(installed.read("home/op/.ssh/authorized_keys").ends_with(" me\n"));
    assert_eq!(installed.mode("home/op/.ssh/authorized_keys"), 0o600);
    assert_eq!(installed.mode("home/op/.ssh"), 0o700);
    let calls = installed.calls();
    assert!(
        calls.contains(&"chown op: /home/op/.ssh /home/op/.ssh/authorized_keys".to_owned()),
        "{calls:?}"
    );
    assert!(!calls.iter().any(|call| call.starts_with("chown -R")), "{calls:?}");

    // A link to a folder in the place of the file is no way into it.
    let installed = fresh();
    std::fs::create_dir(installed.path("home/op/.ssh")).expect("a folder");
    symlink("../../../etc", installed.path("home/op/.ssh/authorized_keys")).expect("a link");
    assert_eq!(post(&installed).status, 0);
    assert!(!installed.exists("etc/authorized_keys~"));
    assert!(installed.read("home/op/.ssh/authorized_keys").ends_with(" me\n"));

    // The folder is a link: nothing is written, and the installation stops.
    let installed = fresh();
    symlink("../../etc", installed.path("home/op/.ssh")).expect("a link");
    let outcome = post(&installed);
    assert_eq!(outcome.status, 9, "it waits for ever: {outcome:?}");
    assert!(outcome.stdout.contains("/home/op/.ssh is a link"), "{outcome:?}");
    assert!(!installed.exists("etc/authorized_keys"));
}
