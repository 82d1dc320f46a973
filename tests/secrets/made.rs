//! What `trainyard secrets` makes, and what it leaves alone.

use std::fs;

use super::common::Lab;
use super::{
    TYPES, key_file, lab_of, lab_text, pem, ssh_keygen, values, with_environment, write_secrets,
};

#[test]
fn an_older_file_gets_what_is_new_and_keeps_every_byte() {
    let lab = lab_of(&["controller", "compute-1"]);
    let before =
        "# mine\nRABBIT_PASS:   ownvalue123   # of my own\n\nROOT_PASS: 'ownvalue456'\n# end";
    write_secrets(&lab, before);
    let made = lab.done(&["secrets"]);
    assert!(made.stdout.ends_with("secrets made, 2 kept\n"), "{made:?}");
    let after = lab.read("secrets.yaml");
    assert!(after.starts_with(&format!("{before}\n")), "{after}");
    let all = values(&lab);
    assert_eq!(all["RABBIT_PASS"], "ownvalue123");
    for node in ["controller", "compute-1"] {
        for (kind, bits) in TYPES.iter().zip(["3072", "256", "256"]) {
            let body = &all[&format!("SSH_HOST_KEY_{}_{node}", kind.to_uppercase())];
            let shown = ssh_keygen(&["-lf", &key_file(&lab, &pem(body))]);
            assert!(
                shown.starts_with(&format!("{bits} "))
                    && shown.ends_with(&format!("({})", kind.to_uppercase())),
                "{shown}"
            );
        }
    }
    assert!(lab.done(&["secrets"]).stdout.contains("nothing was missing"));
    assert_eq!(lab.read("secrets.yaml"), after);
    assert_eq!(
        lab.names("."),
        [".gitignore", "key", "lab.yaml", "secrets.yaml"],
        "nothing else is left"
    );
    lab.done(&["render", "-o", "out"]);
}

#[test]
fn keys_of_a_node_that_is_gone_are_kept_and_told() {
    let lab = lab_of(&["controller", "compute"]);
    fs::write(lab.path("lab.yaml"), lab_text(&["controller"])).expect("written");
    let before = lab.read("secrets.yaml");
    let said = lab.done(&["secrets"]);
    for kind in TYPES {
        let told =
            format!("nothing asks for the secret `SSH_HOST_KEY_{}_compute`", kind.to_uppercase());
        assert!(said.stderr.contains(&told), "{said:?}");
    }
    assert_eq!(lab.read("secrets.yaml"), before);
}

#[test]
fn a_lab_file_with_errors_gets_everything_but_host_keys() {
    let lab = Lab::new("nodes: {controller: {role: none}}\n");
    write_secrets(&lab, "# none yet\n");
    let said = lab.run(&["secrets"]);
    assert_eq!(said.status, 3);
    assert!(said.stdout.contains("24 secrets made"), "{said:?}");
    assert!(
        said.stderr.contains("`lab.yaml` has errors") && said.stderr.contains("host keys"),
        "{said:?}"
    );
    let all = values(&lab);
    assert!(all.contains_key("RABBIT_PASS") && !all.keys().any(|name| name.starts_with("SSH_")));
    // What is there of host keys is not told as unknown: nobody knows.
    let text = lab.read("secrets.yaml") + &format!("SSH_HOST_KEY_ED25519_x: {}\n", ed25519());
    write_secrets(&lab, &text);
    assert!(!lab.run(&["secrets"]).stderr.contains("nothing asks"));
    assert_eq!(lab.done(&["secrets", "show", "RABBIT_PASS"]).stdout.trim_end(), all["RABBIT_PASS"]);
}

/// One host key of the fixture.
fn ed25519() -> String {
    values(&lab_of(&["controller"]))["SSH_HOST_KEY_ED25519_controller"].clone()
}

#[test]
fn without_ssh_keygen_nothing_is_half_done() {
    let lab = lab_of(&["controller", "new"]);
    let before: String = lab
        .read("secrets.yaml")
        .lines()
        .filter(|l| !l.contains("_new:"))
        .map(|l| format!("{l}\n"))
        .collect();
    write_secrets(&lab, &before);
    for arguments in
        [&["secrets"][..], &["secrets", "rotate", "SSH_HOST_KEY_RSA_new"], &["init", "other"]]
    {
        let refused = with_environment(&lab, arguments, &[("PATH", "/nowhere")]);
        assert_eq!(refused.status, 4, "{refused:?}");
        assert!(
            refused.stderr.contains("`ssh-keygen` is needed to make the nodes' SSH host keys")
                && refused.stderr.contains("openssh-client"),
            "{refused:?}"
        );
    }
    assert_eq!(lab.read("secrets.yaml"), before);
    assert!(lab.names("other").is_empty());
    // It is needed for nothing else.
    let lab = Lab::example("smallest.yaml");
    let rendered = with_environment(&lab, &["render", "-o", "out"], &[("PATH", "/nowhere")]);
    assert_eq!(rendered.status, 0, "{rendered:?}");
}
