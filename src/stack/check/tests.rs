use std::collections::BTreeMap;

use crate::stack::Catalogue;

fn told(stage: &str, more: &[(&str, &str)]) -> String {
    let mut files = BTreeMap::from([("x/stage.yaml".to_owned(), format!("summary: x\n{stage}\n"))]);
    files.extend(more.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    Catalogue::from_files(&files).map_or_else(|e| format!("{e:#}"), |_| "fine".into())
}

#[test]
fn mistakes_in_a_stage_are_told() {
    let verify = ("x/verify.sh", "true\n");
    assert_eq!(told("packages: [a]", &[verify]), "fine");
    assert!(told("", &[]).contains("verify.sh is missing"));
    assert!(told("packges: [a]", &[verify]).contains("packges"));
    assert!(told("packages: [a b]", &[verify]).contains("`a b`"));
    assert!(told("secrets: [NOPE]", &[verify]).contains("`NOPE`"));
    assert!(
        told("firewall: [{port: 70000, protocol: tcp, from: any}]", &[verify]).contains("`70000`")
    );
    assert!(told("files: [{path: /a, source: a.j2}]", &[verify]).contains("`a.j2` is missing"));
    for (stage, wrong) in [
        ("parameters: {a: {default: \"b\\nservice c\", help: x}}", "the default of `a`"),
        ("parameters: {a: {default: b c, help: x}}", "the default of `a`"),
        ("parameters: {a-b: {default: c, help: x}}", "`a-b` is no parameter's name"),
        ("parameters: {1a: {default: c, help: x}}", "`1a` is no parameter's name"),
        ("ini: {/etc/a: {owner: a b}}", "`a b` is no plain word"),
        ("ini: {/etc/a: {group: \"a\\nb\"}}", "`a\\nb` is no plain word"),
        ("ini: {/etc/a: {mode: '+644'}}", "`+644` is no mode"),
        ("services: [--now]", "`--now` begins with `-`"),
        ("time_limit: 0", "`time_limit`"),
        ("settings: {/etc/a b.conf: {a: {b: c}}}", "`/etc/a b.conf` is no absolute path"),
        ("settings: {etc/a.conf: {a: {b: c}}}", "`etc/a.conf` is no absolute path"),
        ("settings: {/etc/../a.conf: {a: {b: c}}}", "`/etc/../a.conf` is no absolute path"),
        ("settings: {/run/a.conf: {a: {b: c}}}", "`/run/a.conf` does not last"),
    ] {
        let told = told(stage, &[verify]);
        assert!(told.contains(wrong), "{stage}: {told}");
    }
    for identity in [
        "users: [{name: a b, secret: S}]",
        "users: [{name: a}]",
        "services: [{name: a, type: --x, description: b, url: c}]",
        "services: [{name: a, type: x, description: \"b\\nc\", url: c}]",
        "services: [{name: a, type: x, description: b}]",
    ] {
        let stage = format!("secrets: [S]\nidentity: {{{identity}}}");
        let secrets = ("secrets.yaml", "S: x\n");
        assert!(told(&stage, &[verify, secrets]).contains("x/stage.yaml:3:"), "{identity}");
    }
    for name in ["A_HASH", "A_SALT", "USER_PASS_A", "SSH_HOST_KEY_RSA_A"] {
        let told = told("", &[verify, ("secrets.yaml", &format!("{name}: x\n"))]);
        assert!(told.contains("a name that trainyard gives itself"), "{told}");
    }
    for owner in ["owner: a b", "group: -a"] {
        let stage = format!("files: [{{path: /a, source: a.j2, {owner}}}]");
        assert_ne!(told(&stage, &[verify, ("x/a.j2", "")]), "fine", "{stage}");
    }
    assert_eq!(told("parameters: {a_1: {default: '', help: x}}", &[verify]), "fine");
    assert!(told("", &[verify, ("x/stray", "?")]).contains("nothing uses"));
    assert!(
        told("files: [{path: /a, source: a.j2, mode: '99'}]", &[verify, ("x/a.j2", "")])
            .contains("`99`")
    );
}
