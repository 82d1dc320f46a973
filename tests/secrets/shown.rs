//! One value on request, and the list without any.

use super::common::Lab;
use super::{json, key_file, pem, ssh_keygen, values, with_environment, write_secrets};

#[test]
fn showing_prints_one_value_and_nothing_else() {
    let lab = Lab::example("smallest.yaml");
    let all = values(&lab);
    for name in ["ADMIN_PASS", "ROOT_PASS_SALT", "SSH_HOST_KEY_ECDSA_compute"] {
        let said =
            with_environment(&lab, &["secrets", "show", name], &[("TRAINYARD_SECRET_X", "x")]);
        assert_eq!((said.status, said.stderr.as_str()), (0, ""));
        assert_eq!(said.stdout, format!("{}\n", all[name]));
        let said = json(&lab.done(&["secrets", "show", name, "--format", "json"]));
        assert_eq!(said, serde_json::json!({ "schema": 1, "name": name, "value": all[name] }));
    }
    write_secrets(&lab, "ADMIN_PASS: ownvalue123\nMINE: ownvalue456\n");
    assert_eq!(lab.done(&["secrets", "show", "MINE"]).stdout, "ownvalue456\n");
    let missing = lab.run(&["secrets", "show", "RABBIT_PASS"]);
    assert_eq!(missing.status, 3);
    assert!(missing.stderr.contains("`RABBIT_PASS` is missing"), "{missing:?}");
}

#[test]
fn the_list_says_what_for_and_where_from() {
    let lab = Lab::example("smallest.yaml");
    let text = lab.read("secrets.yaml");
    let missing = text.lines().find(|l| l.starts_with("NOVA_PASS")).expect("there");
    write_secrets(&lab, &(text.replace(missing, "MINE: ownvalue123")));
    let variables = [("TRAINYARD_SECRET_RABBIT_PASS", "ownvalue456")];
    let said = with_environment(&lab, &["secrets", "list"], &variables).stdout;
    let words = |name: &str| {
        let line = said.lines().find(|l| l.split(' ').next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("{name}\n{said}"));
        line.split("  ").filter(|w| !w.is_empty()).map(|w| w.trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        words("ADMIN_PASS"),
        ["ADMIN_PASS", "secrets.yaml", "user admin of the Identity service"]
    );
    assert_eq!(words("RABBIT_PASS")[1..], ["environment", "user openstack of the message queue"]);
    assert_eq!(words("NOVA_PASS")[1], "missing");
    assert_eq!(words("MINE")[1..], ["secrets.yaml", "nothing asks for it"]);
    let key = "SSH_HOST_KEY_ED25519_compute";
    let file = key_file(&lab, &pem(&values(&lab)[key]));
    let fingerprint = ssh_keygen(&["-lf", &file]);
    let fingerprint = fingerprint.split(' ').nth(1).expect("a fingerprint");
    assert_eq!(words(key)[2], format!("SSH host key (ed25519) of compute: {fingerprint}"));

    let data = json(&with_environment(&lab, &["secrets", "list", "--format", "json"], &variables));
    let rows = data["secrets"].as_array().expect("rows");
    assert_eq!(rows.len(), said.lines().count());
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).expect("there");
    assert_eq!(row("ADMIN_PASS")["source"], "file");
    assert_eq!(row("RABBIT_PASS")["source"], "environment");
    assert_eq!(row("RABBIT_PASS")["variable"], "TRAINYARD_SECRET_RABBIT_PASS");
    assert!(row("NOVA_PASS")["source"].is_null() && row("MINE")["purpose"].is_null());
    assert_eq!(row(key)["fingerprint"], fingerprint);
}
