//! What must hold of a stage before a plan can use it.

use anyhow::{Error, Result, ensure};
use indexmap::IndexMap;

use super::{Stage, check_path};
use crate::template::quote::is_plain_word;

/// Checks a stage by itself: its words fit the manifest, what it names exists.
pub(super) fn check(stage: &Stage, secrets: &IndexMap<String, String>) -> Result<()> {
    let spec = &stage.spec;
    ensure!(
        stage.scripts.contains_key("verify.sh"),
        "verify.sh is missing: every stage proves itself"
    );
    ensure!(is_plain_word(&stage.name), "the folder's name is no plain word");
    ensure!(
        stage.file.is_none() || spec.custom.is_none(),
        "`custom` is for the stages that trainyard comes with"
    );
    ensure!(!spec.summary.chars().any(char::is_control), "the summary is not one line");
    ensure!(spec.time_limit > 0, "`time_limit` is no number of seconds from 1 on");
    let mut words: Vec<&String> =
        spec.packages.iter().chain(&spec.services).chain(&spec.secrets).collect();
    for database in &spec.databases {
        words.extend([&database.name, &database.user, &database.secret]);
    }
    words.extend(spec.files.iter().flat_map(|f| [&f.owner, &f.group]));
    words.extend(spec.ini.values().flat_map(|o| [&o.owner, &o.group]));
    for word in words {
        ensure!(is_plain_word(word), "`{}` is no plain word", word.escape_debug());
        // A command would take it for an option.
        ensure!(!word.starts_with('-'), "`{word}` begins with `-`");
    }
    for (name, parameter) in &spec.parameters {
        ensure!(is_variable(name), "`{}` is no parameter's name: {VARIABLE}", name.escape_debug());
        let default = &parameter.default.0;
        // A line of the runner's manifest holds it.
        ensure!(
            default.is_empty() || is_plain_word(default) && !default.contains("@SECRET_"),
            "the default of `{name}` is no plain word: letters, digits and `._:/@+,=-`"
        );
    }
    let used = spec.databases.iter().map(|d| &d.secret);
    let used = used.chain(spec.identity.iter().flat_map(|i| &i.users).map(|u| &u.secret));
    for secret in used {
        ensure!(
            spec.secrets.contains(secret),
            "`{secret}` is used but not among the stage's `secrets`"
        );
    }
    for secret in &spec.secrets {
        ensure!(secrets.contains_key(secret), "the secret `{secret}` is not in secrets.yaml");
    }
    for opening in &spec.firewall {
        ensure!(
            matches!(opening.protocol.as_str(), "tcp" | "udp"),
            "`{}` is no protocol",
            opening.protocol
        );
        let mut ports = opening.port.0.splitn(2, '-');
        ensure!(
            ports.all(|port| port.parse::<u16>().is_ok_and(|p| p > 0)),
            "`{}` is no port or range",
            opening.port.0
        );
    }
    check_paths(stage)?;
    let modes = spec.files.iter().map(|f| &f.mode).chain(spec.ini.values().map(|o| &o.mode));
    for mode in modes {
        ensure!(
            mode.len() == 4 && mode.bytes().all(|b| (b'0'..=b'7').contains(&b)),
            "`{mode}` is no mode such as \"0644\""
        );
    }
    for file in &spec.files {
        ensure!(
            stage.sources.contains_key(&stage.source_name(&file.source)),
            "the source `{}` is missing",
            file.source
        );
    }
    for source in stage.sources.keys() {
        ensure!(
            spec.files.iter().any(|f| stage.source_name(&f.source) == *source),
            "nothing uses the file `{source}`"
        );
    }
    Ok(())
}

/// Checks the paths and options that are no templates; the others are checked when they are rendered.
fn check_paths(stage: &Stage) -> Result<()> {
    let spec = &stage.spec;
    let fixed = spec.files.iter().map(|f| &f.path).filter(|path| !path.contains('{'));
    for path in fixed.chain(spec.settings.keys()).chain(spec.ini.keys()) {
        check_path(path, stage.file.is_some()).map_err(Error::msg)?;
    }
    Ok(())
}

const VARIABLE: &str = "letters, digits and `_`, and no digit in front";

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Checks a secret's name, which the runner finds in a mark.
pub(super) fn secret_name(name: &str) -> Result<()> {
    let fits = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    ensure!(
        fits,
        "`{}` is no secret's name: capital letters, digits and `_`, and a letter in front",
        name.escape_debug()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::stack::Catalogue;

    fn told(stage: &str, more: &[(&str, &str)]) -> String {
        let mut files =
            BTreeMap::from([("x/stage.yaml".to_owned(), format!("summary: x\n{stage}\n"))]);
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
            told("firewall: [{port: 70000, protocol: tcp, from: any}]", &[verify])
                .contains("`70000`")
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
}
