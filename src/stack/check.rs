//! What must hold of a stage before a plan can use it: its words fit the manifest, what it names exists.

use indexmap::IndexMap;

use super::fields::{entries, items};
use super::{Names, SECRETS, Stage, check_path};
use crate::report::{Findings, Rule, Span, did_you_mean};
use crate::secrets::is_derived;
use crate::spec::{DatabaseFields, IdentityFields, Spanned, StageFields};
use crate::template::quote::is_plain_word;

/// What there is besides a stage.
pub(super) struct Known<'k> {
    /// The names of all stages.
    pub stages: &'k [String],
    /// Whether there may be more of them, and more secrets.
    pub is_partial: bool,
    /// What the lab has; nothing where that is not known.
    pub lab: Option<&'k Names<'k>>,
    /// The secrets that stages may name.
    pub secrets: &'k IndexMap<String, String>,
}

/// Stages that are made of the lab's own keys and come after all others.
const LAST: [&str; 2] = ["site", "hook"];

pub(super) const HELP: &str = "CONTRIBUTING.md says how a stage is made";

/// Tells everything that is wrong with a stage, whose `stage.yaml` is the source file of that number.
pub(super) fn check(
    stage: &Stage,
    fields: &StageFields,
    file: usize,
    known: &Known,
    findings: &mut Findings,
) {
    let top = Span { file, line: 1, column: 1, length: 1 };
    let mut check = Check { stage, known, top, findings };
    if !stage.scripts.contains_key("verify.sh") {
        check.tell("", top, "verify.sh is missing: every stage proves itself");
    }
    if !is_plain_word(&stage.name) {
        check.tell("", top, "the folder's name is no plain word");
    }
    if let Some(custom) = fields.custom.as_ref().filter(|_| stage.file.is_some()) {
        check.tell(
            &custom.path,
            custom.span,
            "`custom` is for the stages that trainyard comes with",
        );
    }
    check.line("", top, "summary", fields.summary.as_ref());
    if let Some(limit) = &fields.time_limit
        && !(1..=u64::from(u32::MAX)).contains(&limit.value)
    {
        check.tell(&limit.path, limit.span, "`time_limit` is no number of seconds from 1 on");
    }
    check.names(fields);
    for word in items(fields.packages.as_ref()).chain(items(fields.services.as_ref())) {
        check.word(word);
    }
    check.parameters(fields);
    check.needs(fields);
    check.openings(fields);
    check.files(fields);
    for database in items(fields.databases.as_ref()) {
        let DatabaseFields { name, user, secret } = &database.value;
        check.needed_word(database, "name", name.as_ref());
        check.needed_word(database, "user", user.as_ref());
        check.used_secret(database, secret.as_ref());
    }
    if let Some(identity) = &fields.identity {
        check.identity(&identity.value);
    }
}

struct Check<'a> {
    stage: &'a Stage,
    known: &'a Known<'a>,
    top: Span,
    findings: &'a mut Findings,
}

impl Check<'_> {
    fn tell(&mut self, path: &str, at: Span, message: impl Into<String>) {
        self.findings.tell(Rule::OwnStage, path, at, message, HELP);
    }

    /// What must stand under a key of the mapping at `path`.
    fn needed<'w, T>(
        &mut self,
        path: &str,
        at: Span,
        key: &str,
        written: Option<&'w Spanned<T>>,
    ) -> Option<&'w Spanned<T>> {
        if written.is_none() && !self.findings.explains_absence(at.file, path, key) {
            let message = match path {
                "" => format!("the stage `{}` has no `{key}`", self.stage.name),
                _ => format!("`{key}` is missing"),
            };
            self.tell(path, at, message);
        }
        written
    }

    fn word(&mut self, word: &Spanned<String>) {
        let text = &word.value;
        if !is_plain_word(text) {
            self.tell(&word.path, word.span, format!("`{}` is no plain word", text.escape_debug()));
        } else if text.starts_with('-') {
            // A command would take it for an option.
            self.tell(&word.path, word.span, format!("`{text}` begins with `-`"));
        }
    }

    fn needed_word<T>(&mut self, of: &Spanned<T>, key: &str, word: Option<&Spanned<String>>) {
        if let Some(word) = self.needed(&of.path, of.span, key, word) {
            self.word(word);
        }
    }

    fn line(&mut self, path: &str, at: Span, key: &str, line: Option<&Spanned<String>>) {
        if let Some(line) = self.needed(path, at, key, line)
            && line.value.chars().any(char::is_control)
        {
            self.tell(&line.path, line.span, format!("`{key}` is not one line"));
        }
    }

    /// What it names of other stages, of roles and of secrets.
    fn names(&mut self, fields: &StageFields) {
        let roles = items(fields.roles.as_ref()).chain(items(fields.except.as_ref()));
        let condition = fields.when.as_ref().and_then(|when| when.value.role.as_ref());
        for role in roles.chain(condition.map(|role| &role.value)) {
            self.role(role);
        }
        for before in items(fields.requires.as_ref()).chain(items(fields.after.as_ref())) {
            let stages = self.known.stages;
            if !stages.contains(&before.value) && !self.known.is_partial {
                let message = format!("unknown stage `{}`", before.value);
                let help = did_you_mean(&before.value, stages.iter().map(String::as_str));
                self.findings.tell(Rule::UnknownStage, &before.path, before.span, message, help);
            }
        }
        for required in items(fields.requires.as_ref()) {
            if LAST.contains(&required.value.as_str()) {
                let message = format!("nothing can require `{}`, which comes last", required.value);
                self.tell(&required.path, required.span, message);
            }
        }
        for secret in items(fields.secrets.as_ref()) {
            self.word(secret);
            let secrets = self.known.secrets;
            if !secrets.contains_key(&secret.value) && !self.known.is_partial {
                let message = format!("the secret `{}` is not in {SECRETS}", secret.value);
                let help = did_you_mean(&secret.value, secrets.keys().map(String::as_str));
                self.findings.tell(Rule::OwnStage, &secret.path, secret.span, message, help);
            }
        }
    }

    fn role(&mut self, role: &Spanned<String>) {
        let Some(Names { roles, .. }) = self.known.lab else { return };
        if !roles.contains(&role.value.as_str()) {
            let message = format!("unknown role `{}`", role.value);
            let help = did_you_mean(&role.value, roles.iter().copied());
            self.findings.tell(Rule::UnknownRole, &role.path, role.span, message, help);
        }
    }

    /// Whom an opening is for.
    fn network(&mut self, from: &Spanned<String>) {
        let Some(Names { networks, .. }) = self.known.lab else { return };
        let known = || networks.iter().copied().chain(["any"]);
        if !known().any(|name| name == from.value) {
            let message = format!("unknown network `{}`", from.value);
            let help = did_you_mean(&from.value, known().collect::<Vec<_>>());
            self.findings.tell(Rule::UnknownNetwork, &from.path, from.span, message, help);
        }
    }

    fn used_secret<T>(&mut self, of: &Spanned<T>, secret: Option<&Spanned<String>>) {
        let Some(secret) = self.needed(&of.path, of.span, "secret", secret) else { return };
        if !self.stage.spec.secrets.contains(&secret.value) {
            let message = format!("`{}` is used but not among the stage's `secrets`", secret.value);
            self.tell(&secret.path, secret.span, message);
        }
    }

    fn parameters(&mut self, fields: &StageFields) {
        for (name, parameter) in entries(fields.parameters.as_ref()) {
            if !is_variable(&name.value) {
                let shown = name.value.escape_debug();
                let message = format!("`{shown}` is no parameter's name: {VARIABLE}");
                self.tell(&name.path, name.span, message);
            }
            let default = parameter.default.as_ref();
            let default = self.needed(&name.path, name.span, "default", default);
            self.line(&name.path, name.span, "help", parameter.help.as_ref());
            // A line of the runner's manifest holds it. A mark of a secret was told.
            if let Some(default) = default.filter(|d| {
                !d.value.is_empty() && !is_plain_word(&d.value) && !d.value.contains('{')
            }) {
                let name = &name.value;
                let message = format!(
                    "the default of `{name}` is no plain word: letters, digits and `._:/@+,=-`"
                );
                self.tell(&default.path, default.span, message);
            }
        }
    }

    fn needs(&mut self, fields: &StageFields) {
        for need in items(fields.needs.as_ref()) {
            if let Some(role) = self.needed(&need.path, need.span, "role", need.value.role.as_ref())
            {
                self.role(role);
            }
            if let Some(port) = self.needed(&need.path, need.span, "port", need.value.port.as_ref())
                && !(1..=65535).contains(&port.value)
            {
                self.tell(&port.path, port.span, format!("`{}` is no port", port.value));
            }
        }
    }

    fn openings(&mut self, fields: &StageFields) {
        for opening in items(fields.firewall.as_ref()) {
            let (at, path) = (opening.span, &opening.path);
            let opening = &opening.value;
            self.needed(path, at, "protocol", opening.protocol.as_ref());
            if let Some(from) = self.needed(path, at, "from", opening.from.as_ref()) {
                self.network(from);
            }
            let Some(port) = self.needed(path, at, "port", opening.port.as_ref()) else { continue };
            let mut ports = port.value.splitn(2, '-');
            if !ports.all(|port| port.parse::<u16>().is_ok_and(|p| p > 0)) {
                self.tell(&port.path, port.span, format!("`{}` is no port or range", port.value));
            }
            if let Some(tls) = &opening.tls {
                if !(1..=65535).contains(&tls.value) {
                    self.tell(&tls.path, tls.span, format!("`{}` is no port", tls.value));
                } else if port.value.contains('-') {
                    let message = "a range of ports has no one port by TLS";
                    self.tell(&tls.path, tls.span, message);
                }
            }
        }
    }

    fn files(&mut self, fields: &StageFields) {
        for file in items(fields.files.as_ref()) {
            let f = &file.value;
            if let Some(path) = self.needed(&file.path, file.span, "path", f.path.as_ref()) {
                self.path(path);
            }
            if let Some(source) = self.needed(&file.path, file.span, "source", f.source.as_ref())
                && !self.stage.sources.contains_key(&self.stage.source_name(&source.value))
            {
                let message = format!("the source `{}` is missing", source.value);
                self.tell(&source.path, source.span, message);
            }
            self.ownership(f.owner.as_ref(), f.group.as_ref(), f.mode.as_ref());
        }
        for (path, _) in entries(fields.settings.as_ref()) {
            self.path(path);
        }
        for (path, ini) in entries(fields.ini.as_ref()) {
            self.path(path);
            self.ownership(ini.owner.as_ref(), ini.group.as_ref(), ini.mode.as_ref());
        }
        for (source, text) in &self.stage.sources {
            if !self.stage.spec.files.iter().any(|f| self.stage.source_name(&f.source) == *source)
                && !self.findings.explains_absence(self.top.file, "", "files")
            {
                let at = Span { file: text.file.unwrap_or(self.top.file), ..self.top };
                self.findings.tell(
                    Rule::OwnStage,
                    "",
                    at,
                    format!("nothing uses the file `{source}`"),
                    HELP,
                );
            }
        }
    }

    /// A path; one that is a template is checked when it is rendered.
    fn path(&mut self, path: &Spanned<String>) {
        if path.value.contains('{') {
            return;
        }
        if let Err(wrong) = check_path(&path.value, self.stage.file.is_some()) {
            self.tell(&path.path, path.span, wrong);
        }
    }

    fn ownership(
        &mut self,
        owner: Option<&Spanned<String>>,
        group: Option<&Spanned<String>>,
        mode: Option<&Spanned<String>>,
    ) {
        for word in owner.into_iter().chain(group) {
            self.word(word);
        }
        let octal =
            |mode: &str| mode.len() == 4 && mode.bytes().all(|b| (b'0'..=b'7').contains(&b));
        if let Some(mode) = mode.filter(|mode| !octal(&mode.value)) {
            let message = format!("`{}` is no mode such as \"0644\"", mode.value);
            self.tell(&mode.path, mode.span, message);
        }
    }

    fn identity(&mut self, identity: &IdentityFields) {
        for user in items(identity.users.as_ref()) {
            self.needed_word(user, "name", user.value.name.as_ref());
            for word in user.value.project.iter().chain(&user.value.role) {
                self.word(word);
            }
            self.used_secret(user, user.value.secret.as_ref());
        }
        for service in items(identity.services.as_ref()) {
            let s = &service.value;
            self.needed_word(service, "name", s.name.as_ref());
            self.needed_word(service, "type", s.kind.as_ref());
            self.line(&service.path, service.span, "description", s.description.as_ref());
            self.line(&service.path, service.span, "url", s.url.as_ref());
        }
    }
}

const VARIABLE: &str = "letters, digits and `_`, and no digit in front";

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Checks a secret's name, which the runner finds in a mark.
///
/// # Errors
/// What is wrong with it.
pub(super) fn secret_name(name: &str) -> Result<(), String> {
    let fits = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if !fits {
        return Err(format!(
            "`{}` is no secret's name: capital letters, digits and `_`, and a letter in front",
            name.escape_debug()
        ));
    }
    if is_derived(name) {
        return Err(format!(
            "`{name}` is a name that trainyard gives itself: none begins with `USER_PASS_` or `SSH_HOST_KEY_`, or ends with `_HASH` or `_SALT`"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
