//! Signatures of what is served: OpenSSH judges them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::client::ask;
use crate::common::signing::{is_signed, make_key};
use crate::common::{Lab, judge, judged, seeded_by_web};
use crate::running::{Serving, free, medium};

fn lab(text: &str) -> Lab {
    let lab = if text.is_empty() { Lab::example("reference.yaml") } else { Lab::new(text) };
    make_key(&lab, "key", "");
    lab
}

/// Whether what is served there, with its signature, was signed by this key.
fn fits(serving: &Serving, key: &str, path: &str, card: &[String]) -> bool {
    let get = |path: &str| ask(serving.address, "GET", path, card, "");
    let (file, signature) = (get(path), get(&format!("{path}.sig")));
    assert_eq!((file.status, signature.status), (200, 200), "{path}");
    assert_eq!(signature.header("cache-control"), Some("no-store"));
    fs::write(serving.lab.path("file"), file.body).expect("written");
    fs::write(serving.lab.path("file.sig"), signature.body).expect("written");
    is_signed(&serving.lab, key, "file")
}

#[test]
fn a_kickstarts_signature_is_for_who_may_have_the_kickstart_and_begins_nothing() {
    let mut serving = Serving::of(lab(""), &["--sign", "key"]);
    serving.wait_for("compute", "armed");
    let own = serving.mac("compute");
    let card = [format!("X-RHN-Provisioning-MAC-0: eth0 {own}")];
    let path = serving.kickstart_path("compute");
    let signature = format!("{path}.sig");
    assert_eq!(serving.get_as(&own, &signature).status, 200);
    assert_eq!(serving.state("compute"), "armed", "nothing has begun");
    for mac in ["52:54:00:00:00:01", &serving.mac("controller")] {
        assert_eq!(serving.get_as(mac, &signature).status, 403);
    }
    assert_eq!(serving.get(&signature).status, 403);
    assert_eq!(serving.get_as(&own, &format!("/n/{}/ks.sig", "0".repeat(32))).status, 404);
    assert!(fits(&serving, "key", &path, &card));
    assert_eq!(serving.state("compute"), "installing");
    let kickstart = serving.get_as(&own, &path).text();
    serving.tell(&Serving::report_path(&kickstart), "what=installed");
    assert_eq!(serving.get_as(&own, &signature).status, 404, "it is as dead as its kickstart");
    // Armed anew, it is signed anew.
    assert_eq!(serving.node_command(&["arm", "compute"]).status, 0);
    let path = serving.kickstart_path("compute");
    assert!(fits(&serving, "key", &path, &card));
    serving.kill();
    serving.again(&["--sign", "key", "--allow", "10.0.0.0/24"]);
    assert_eq!(serving.get_as(&own, &format!("{path}.sig")).status, 403);
    let said = serving.said();
    assert!(!said.contains("OPENSSH") && !said.contains("ssh-keygen"), "{said}");
}

#[test]
fn a_seed_has_signatures_as_well() {
    let serving = Serving::of(lab(&seeded_by_web()), &["--sign", "key"]);
    serving.wait_for("controller", "armed");
    let said = serving.lab.done(&["node", "seed", "controller", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    let source = said["source"].as_str().expect("a source");
    let folder = source.split_once(&serving.address.to_string()).expect("here").1;
    for file in ["meta-data", "user-data"] {
        let path = format!("{folder}{file}");
        assert_eq!(serving.get(&format!("{path}.sig")).status, 200);
        assert_eq!(serving.state("controller"), "armed");
        assert!(fits(&serving, "key", &path, &[]), "{file}");
    }
    assert_eq!(serving.state("controller"), "installing", "its user-data was fetched");
    assert_eq!(serving.get(&format!("{folder}network-config.sig")).status, 404);
}

/// Nodes that were armed without a key, or with another one, are signed for when the server begins with it.
#[test]
fn the_key_that_signs_is_the_one_that_the_server_began_with() {
    let mut serving = Serving::of(lab(""), &[]);
    serving.wait_for("compute", "armed");
    serving.wait_for("controller", "armed");
    let path = serving.kickstart_path("compute");
    let own = serving.mac("compute");
    let card = [format!("X-RHN-Provisioning-MAC-0: eth0 {own}")];
    assert_eq!(serving.get_as(&own, &format!("{path}.sig")).status, 404);
    make_key(&serving.lab, "other", "");
    for key in ["key", "other"] {
        serving.kill();
        serving.again(&["--sign", key]);
        assert!(fits(&serving, key, &path, &card), "{key}");
    }
    assert!(!is_signed(&serving.lab, "key", "file"));
}

#[test]
fn a_key_that_cannot_sign_ends_the_server_or_arms_nothing() {
    let refused = |lab: &Lab, key: &str| {
        let (listen, image) = (free().to_string(), medium());
        let inner = lab.command(&["serve", "--listen", &listen, "--image", &image, "--sign", key]);
        // It would serve for ever, were it content.
        let mut command = judge("timeout");
        command.arg("20").arg(inner.get_program()).args(inner.get_args());
        command.current_dir(lab.path(""));
        crate::common::outcome(command)
    };
    let lab = lab("");
    make_key(&lab, "closed", "hunter2hunter2");
    let missing = refused(&lab, "none");
    assert_eq!(missing.status, 9, "{missing:?}");
    assert!(missing.stderr.contains("the key `none`: No such file"), "{missing:?}");
    let closed = refused(&lab, "closed");
    assert_eq!(closed.status, 6, "{closed:?}");
    assert!(closed.stderr.contains("`ssh-add closed` asks for it once"), "{closed:?}");

    let serving = Serving::of(lab, &["--sign", "key"]);
    serving.wait_for("compute", "armed");
    serving.wait_for("controller", "armed");
    let path = serving.kickstart_path("compute");
    let mode = fs::Permissions::from_mode(0o644);
    fs::set_permissions(serving.lab.path("key"), mode).expect("set");
    let armed = serving.node_command(&["arm", "compute"]);
    assert_ne!(armed.status, 0, "{armed:?}");
    for part in ["its files cannot be signed: ", "ssh-keygen -Y sign", "`chmod go= key`"] {
        assert!(armed.stderr.contains(part), "{part}: {armed:?}");
    }
    assert_eq!(serving.kickstart_path("compute"), path, "it is as it was");
    let files = serving.lab.names(".trainyard/files");
    // Of both nodes, a kickstart and its signature: no medium's node has a seed here.
    assert_eq!(files.len(), 4, "{files:?}");
}

/// A thousand nodes must not wait for their signatures: one run of ssh-keygen signs many.
#[test]
fn signing_takes_few_runs() {
    let lab = crate::kept::lab_of(60);
    make_key(&lab, "key", "");
    let address = free();
    let mut command = crate::running::serve(&lab, address, &["-v", "--sign", "key"]);
    command.env("LC_ALL", "C");
    let (mut child, said) = crate::running::begin(command);
    let armed = || {
        let mut curl = judge("curl");
        curl.args(["-s", "-f"]).arg(format!("http://{address}/metrics"));
        judged(curl).stdout.contains("trainyard_nodes{state=\"armed\"} 60")
    };
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !armed() {
        assert!(std::time::Instant::now() < end, "{}", said.lock().expect("whole"));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().expect("killed");
    child.wait().expect("it ends");
    let said = said.lock().expect("whole").clone();
    assert_eq!(said.matches("ssh-keygen -Y sign").count(), 2, "a trial, and all: {said}");
}
