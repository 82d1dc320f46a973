//! SSH host keys, which a node keeps when it is built anew.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::common::{self, Lab, make_private};
use super::{TYPES, key_file, pem, ssh_keygen, values};

/// The files that a script's `put` commands write, by path.
fn put_files(text: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((path, _)) =
            line.strip_prefix("put 0600 ").and_then(|rest| rest.split_once(" <<'"))
        else {
            continue;
        };
        let content =
            lines.by_ref().take_while(|l| *l != "EOF").map(|l| format!("{l}\n")).collect();
        files.insert(path.to_owned(), content);
    }
    files
}

#[test]
fn a_node_keeps_its_host_keys_over_rebuilds() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "-o", "out"]);
    for node in ["controller", "compute"] {
        let kickstart = lab.read(&format!("out/{node}/ks.cfg"));
        let nochroot = kickstart.split("%post --nochroot").nth(1).expect("a script");
        let (nochroot, rest) = nochroot.split_once("\n%end\n").expect("its end");
        assert!(!rest.contains("PRIVATE KEY"), "only among the secrets");
        let files = put_files(nochroot);
        let data: serde_json::Value =
            serde_yaml::from_str(&lab.read(&format!("out/{node}/user-data"))).expect("YAML");
        assert_eq!(data["ssh_deletekeys"], true);
        let keys = data["ssh_keys"].as_object().expect("keys");
        assert_eq!(keys.len(), 6);
        for kind in TYPES {
            let file = &files[&format!("/mnt/sysimage/etc/ssh/ssh_host_{kind}_key")];
            assert_eq!(
                *file,
                pem(&values(&lab)[&format!("SSH_HOST_KEY_{}_{node}", kind.to_uppercase())])
            );
            assert_eq!(keys[&format!("{kind}_private")], *file);
            let public = ssh_keygen(&["-yf", &key_file(&lab, file)]);
            assert_eq!(keys[&format!("{kind}_public")], format!("{}\n", public.trim_end()));
        }
        let commands = data["runcmd"].to_string();
        assert!(
            commands.contains(r#"["chmod","0644","/etc/ssh/ssh_host_rsa_key.pub","#),
            "{commands}"
        );
    }
}

#[test]
fn the_installed_system_makes_the_public_halves() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "compute", "-o", "out"]);
    let kickstart = lab.read("out/compute/ks.cfg");
    let data: serde_json::Value =
        serde_yaml::from_str(&lab.read("out/compute/user-data")).expect("YAML");
    let etc = lab.path("etc/ssh");
    fs::create_dir_all(&etc).expect("a folder");
    for (path, content) in put_files(&kickstart) {
        if let Some(name) = path.strip_prefix("/mnt/sysimage/etc/ssh/") {
            fs::write(etc.join(name), content).expect("written");
            make_private(&etc.join(name));
        }
    }
    let post = &kickstart[kickstart.find("\n%post --interpreter").expect("a script")..];
    let between = |begin: &str, end: &str| {
        let start = post.find(begin).unwrap_or_else(|| panic!("{begin}"));
        &post[start..start + post[start..].find(end).expect("an end")]
    };
    let put = between("put() {", "\n}\n").to_owned() + "\n}\n";
    let part = between("for key in /etc/ssh/", "\n\n");
    assert!(part.ends_with("\ndone\nrestorecon -RF /etc/ssh"), "{part}");
    let part =
        part.replace("restorecon -RF", "echo").replace("/etc/ssh", &etc.display().to_string());
    let mut command = common::judge("bash");
    command.args(["-Eeuc", &format!("umask 077\n{put}{part}")]);
    common::judged(command);
    for kind in TYPES {
        let public = etc.join(format!("ssh_host_{kind}_key.pub"));
        assert_eq!(fs::metadata(&public).expect("there").permissions().mode() & 0o777, 0o644);
        // The same as cloud-init gets.
        let line = fs::read_to_string(&public).expect("text");
        assert_eq!(data["ssh_keys"][format!("{kind}_public")], format!("{}\n", line.trim_end()));
    }
}

#[test]
fn a_private_key_where_a_public_one_belongs_is_refused() {
    let lab = Lab::example("smallest.yaml");
    // Without its beginning, by which it would be known before anything is rendered.
    let body = values(&lab)["SSH_HOST_KEY_RSA_controller"][30..].to_owned();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0";
    let text =
        format!("access: {{ssh_authorized_keys: [\"{key} {body}\"]}}\n{}", lab.read("lab.yaml"));
    fs::write(lab.path("lab.yaml"), text).expect("written");
    let refused = lab.run(&["render", "-o", "out"]);
    assert_eq!(refused.status, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("`SSH_HOST_KEY_RSA_controller`"), "{}", refused.stderr);
    assert!(!lab.path("out").exists());
}
