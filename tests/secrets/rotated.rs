//! New values for those that are named.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::common::Lab;
use super::{values, write_secrets};

#[test]
fn rotating_changes_the_values_that_are_named_and_no_other_byte() {
    let lab = Lab::example("smallest.yaml");
    let text = lab.read("secrets.yaml") + "# the end\n";
    let odd = text
        .replace("RABBIT_PASS: \"", "\n'RABBIT_PASS'  :   \"")
        .replace("\nNOVA_PASS: ", "  # é\nNOVA_PASS: ");
    write_secrets(&lab, &odd);
    let before = values(&lab);
    let names = ["RABBIT_PASS", "ROOT_PASS", "SSH_HOST_KEY_ED25519_compute", "RABBIT_PASS"];
    let said = lab.done(&[&["secrets", "rotate"], &names[..]].concat());
    let rotated = ["RABBIT_PASS", "ROOT_PASS", "ROOT_PASS_SALT", "SSH_HOST_KEY_ED25519_compute"];
    assert_eq!(said.stdout, format!("secrets.yaml: new values for {}\n", rotated.join(", ")));
    let after = values(&lab);
    let mut restored = lab.read("secrets.yaml");
    for (name, value) in &after {
        let is_new = before[name] != *value;
        assert_eq!(is_new, rotated.contains(&name.as_str()), "{name}");
        if is_new {
            assert_eq!(restored.matches(value.as_str()).count(), 1);
            restored = restored.replace(value, &before[name]);
        }
    }
    assert_eq!(restored, odd);
    let mode = fs::metadata(lab.path("secrets.yaml")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    lab.done(&["render", "-o", "out"]);
    assert!(lab.read("out/controller/ks.cfg").contains(&after["RABBIT_PASS"]));
}

#[test]
fn rotating_what_nothing_asks_for_is_usage() {
    let lab = Lab::example("smallest.yaml");
    let before = lab.read("secrets.yaml");
    for (name, nearest) in [
        ("RABIT_PASS", "did you mean `RABBIT_PASS`?"),
        ("SSH_HOST_KEY_RSA_computer", "did you mean `SSH_HOST_KEY_RSA_compute`?"),
        ("XYZZY", "known here: `DATABASE_ROOT_PASS`, "),
    ] {
        let refused = lab.run(&["secrets", "rotate", "NOVA_PASS", name]);
        assert_eq!(refused.status, 2);
        assert!(refused.stderr.contains(&format!("`{name}`: {nearest}")), "{refused:?}");
        let refused = lab.run(&["secrets", "show", name]);
        assert_eq!(refused.status, 2);
        assert!(refused.stdout.is_empty() && refused.stderr.contains(nearest), "{refused:?}");
    }
    assert_eq!(lab.run(&["secrets", "rotate"]).status, 2);
    assert_eq!(lab.read("secrets.yaml"), before, "all or nothing");
}

#[test]
fn a_name_that_has_no_line_yet_gets_one_by_rotating() {
    let lab = Lab::example("smallest.yaml");
    write_secrets(&lab, "ADMIN_PASS: ownvalue123");
    lab.done(&["secrets", "rotate", "RABBIT_PASS"]);
    let text = lab.read("secrets.yaml");
    assert!(
        text.starts_with("ADMIN_PASS: ownvalue123\nRABBIT_PASS: \"")
            && text.ends_with("  # user openstack of the message queue\n"),
        "{text}"
    );
}
