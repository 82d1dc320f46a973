//! The stages that are made of the lab's own keys, with their real scripts.

use std::fs;
use std::path::Path;

use super::node::Node;

/// A node with one stage of `stack/`, filled with this manifest.
fn with(stage: &str, manifest: &str) -> Node {
    let node = Node::new();
    node.stage(stage, manifest, &[]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stack").join(stage);
    for script in ["configure.sh", "verify.sh"] {
        let text = fs::read_to_string(folder.join(script)).expect("a script");
        node.write(&format!("etc/trainyard/stages/{stage}/{script}"), &text);
    }
    node
}

#[test]
fn kernel_arguments_need_a_reboot_only_where_the_kernel_has_others() {
    let node = with("kernel", "add console=ttyS0\nadd a=1,2\nremove rhgb\nremove b=3\n");
    node.fake("grubby", "");
    node.write("proc/cmdline", "root=/dev/sda3 rhgb b=4 console=ttyS0\n");
    node.expect(3, &["run"]);
    assert_eq!(
        node.calls(),
        [
            "grubby --update-kernel=ALL --args=console=ttyS0 a=1,2 --remove-args=rhgb rhgb b=3 b=3",
            "systemctl reboot"
        ]
    );
    assert!(node.expect(5, &["verify", "kernel"]).contains("these are not the arguments"));
    // It is done, so that a loader that does not heed grubby is no reason to reboot for ever.
    node.boot();
    node.expect(0, &["run"]);
    assert!(node.calls().is_empty());

    for running in ["a=1,2 console=ttyS0 b=4", "a=1,2 x console=ttyS0"] {
        node.write("proc/cmdline", &format!("root=/dev/sda3 {running}\n"));
        node.expect(0, &["run", "--force"]);
        assert!(node.calls().is_empty());
        node.expect(0, &["verify", "kernel"]);
    }
    for running in ["a=1,2 console=ttyS0 rhgb", "a=1,2 console=ttyS0 rhgb=1", "a=1 console=ttyS0"] {
        node.write("proc/cmdline", &format!("{running}\n"));
        node.expect(5, &["verify", "kernel"]);
    }
}

#[test]
fn kernel_parameters_are_set_and_verified() {
    let node = with("site", "file 0644 root root /etc/sysctl.d/90-trainyard.conf\n");
    let parameters = "net.ipv4.ip_forward = 1\nnet.ipv4.tcp_rmem = 4096   87380 6291456\n";
    node.write("etc/trainyard/stages/site/files/etc/sysctl.d/90-trainyard.conf", parameters);
    node.fake(
        "sysctl",
        "case $2 in *forward) echo 1;; *rmem) printf '4096\\t87380\\t6291456\\n';; esac",
    );
    node.expect(0, &["run"]);
    assert!(node.calls().contains(&"sysctl -p /etc/sysctl.d/90-trainyard.conf".to_owned()));
    let said = node.expect(0, &["verify", "site"]);
    assert!(said.contains("net.ipv4.tcp_rmem = 4096 87380 6291456"), "{said}");
    node.fake("sysctl", "echo 0");
    let said = node.expect(5, &["verify", "site"]);
    assert!(said.contains("net.ipv4.ip_forward is 0, not 1"), "{said}");
}

#[test]
fn units_are_switched_off_after_all_else() {
    let manifest = "package tcpdump\nservice a.service\ndisabled b.service\ndisabled gone.service\nmasked c.service\n";
    let node = with("site", manifest);
    node.fake("systemctl", "[ \"$1 $2\" != 'cat gone.service' ]");
    let said = node.expect(0, &["run"]);
    assert!(said.contains("site: done"), "{said}");
    assert_eq!(
        node.calls(),
        [
            "yum -y --disableplugin=fastestmirror install tcpdump",
            "systemctl daemon-reload",
            "systemctl enable a.service",
            "systemctl start a.service",
            "systemctl daemon-reload",
            "systemctl cat b.service",
            "systemctl stop b.service",
            "systemctl disable b.service",
            "systemctl cat gone.service",
            "systemctl stop c.service",
            "systemctl mask c.service"
        ]
    );
    node.fake(
        "systemctl",
        "case $* in 'is-active a.service') echo active ;; '--quiet is-active '*) exit 3 ;; 'is-enabled c.service') echo masked ;; esac",
    );
    node.expect(0, &["verify", "site"]);
    node.fake("systemctl", "");
    assert!(node.expect(5, &["verify", "site"]).contains("b.service runs"));

    // One that does not end is told, and is no unit that there is not.
    node.fake("systemctl", "");
    node.fake(
        "timeout",
        "case $* in *'stop c.service') exit 124 ;; *) exec /usr/bin/timeout \"$@\" ;; esac",
    );
    let said = node.expect(6, &["run", "--force"]);
    assert!(said.contains("c.service did not stop in 300 s"), "{said}");
}

#[test]
fn an_account_that_is_there_with_another_number_is_told() {
    let node = with("accounts", "account alice 1500 /bin/bash - -\n");
    for (name, body) in [("getent", ""), ("usermod", ""), ("id", "echo 1501"), ("visudo", "")] {
        node.fake(name, body);
    }
    let said = node.expect(6, &["run"]);
    assert!(
        said.contains("alice is there already with the number 1501, and the lab says 1500"),
        "{said}"
    );
    node.fake("id", "echo 1500");
    node.expect(0, &["run"]);
}

#[test]
fn an_unsigned_repository_is_in_use_only_where_it_says_so() {
    let node = Node::new();
    let pinned = "# ours\n\n[site]\nname=gpgkey and [x]\nbaseurl=http://a/\n        http://b/\ngpgcheck=0\n\n\
                  [later]\nbaseurl=http://c/\ngpgcheck=1\ngpgkey=file:///etc/pki/later\n";
    node.stage(
        "repositories",
        "package tool\nfile 0644 root root /etc/trainyard/pinned.repo\n",
        &[],
    );
    node.write("etc/trainyard/stages/repositories/files/etc/trainyard/pinned.repo", pinned);
    node.expect(0, &["run"]);
    assert_eq!(
        node.read("etc/yum.repos.d/trainyard.repo"),
        "# ours\n\n[site]\nname=gpgkey and [x]\nbaseurl=http://a/\n        http://b/\ngpgcheck=0\n"
    );
}

#[test]
fn a_package_may_be_named_with_its_version() {
    let node = Node::new();
    node.stage("site", "package tcpdump-4.9.2-4.el7_7.1\n", &[]);
    // rpm knows it by this name, but nothing provides it.
    node.fake("rpm", "[ \"$2\" = --quiet ] && [ -e \"$ROOT/installed/$3\" ]");
    node.expect(0, &["run"]);
    node.calls();
    node.expect(0, &["run", "--force"]);
    assert!(!node.calls().iter().any(|call| call.starts_with("yum")), "it is there");
}
