//! What must hold of a stage before a plan can use it.

use anyhow::{Result, bail, ensure};
use indexmap::IndexMap;

use super::Stage;
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
    let mut words: Vec<&String> =
        spec.packages.iter().chain(&spec.services).chain(&spec.secrets).collect();
    words.extend(spec.parameters.keys());
    for database in &spec.databases {
        words.extend([&database.name, &database.user, &database.secret]);
    }
    if let Some(word) = words.into_iter().find(|word| !is_plain_word(word)) {
        bail!("`{word}` is no plain word");
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
    let modes = spec.files.iter().map(|f| &f.mode).chain(spec.ini.values().map(|o| &o.mode));
    for mode in modes {
        ensure!(
            mode.len() == 4 && u32::from_str_radix(mode, 8).is_ok(),
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
        assert!(told("", &[verify, ("x/stray", "?")]).contains("nothing uses"));
        assert!(
            told("files: [{path: /a, source: a.j2, mode: '99'}]", &[verify, ("x/a.j2", "")])
                .contains("`99`")
        );
    }
}
