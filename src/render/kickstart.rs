//! The kickstart: an unattended text install of CentOS 7.9 that is complete in itself.

use minijinja::value::Value;
use serde_json::json;

use super::node::{self, Placed, RELABEL};
use super::{RenderError, lint};
use crate::model::Templates;
use crate::plan::{NodePlan, Plan, ROOT_PASSWORD, USER_PASSWORD};
use crate::secrets::Secrets;
use crate::template::{Engine, TemplateError, built_in, quote};

/// An engine with the skeleton and its parts, as the person overrides them.
///
/// # Errors
/// A template has a syntax error.
pub fn engine(templates: &Templates) -> Result<Engine<'_>, TemplateError> {
    let mut engine = Engine::default();
    engine.filter("put", put);
    engine.filter("package", package);
    for (name, source) in built_in::kickstart() {
        engine.add(name, source)?;
    }
    for (path, file) in templates {
        if let Some(name) = path.strip_prefix("kickstart/") {
            engine.add_own(name, &file.text, file.file)?;
        }
    }
    Ok(engine)
}

/// Renders a node's kickstart, and reads it back.
///
/// # Errors
/// A secret is missing, or the result is not what it should be.
pub fn render(
    plan: &Plan,
    node: &NodePlan,
    secrets: &Secrets,
    engine: &Engine,
) -> Result<String, RenderError> {
    let files = node::files(plan, node);
    refuse_common(node, secrets, &files)?;
    let logins = node.login_secrets();
    let hash = |name| logins.contains(&name).then(|| secrets.password_hash(name)).transpose();
    let text = engine.render(
        "ks.cfg.j2",
        json!({
            "lab": plan.lab,
            "node": { "name": node.name, "role": node.role },
            "installer": node.installer,
            "access": node.access,
            "interfaces": node.interfaces,
            "root_hash": hash(ROOT_PASSWORD)?,
            "user_hash": hash(USER_PASSWORD)?,
            "authorized_keys": node.access.authorized_keys.iter().map(|key| format!("{key}\n")).collect::<String>(),
            "secrets": node::secrets(node, secrets)?,
            "host_keys": node::host_keys(node, secrets)?,
            "folders": node::PUBLIC_FOLDERS,
            "encoded": files.iter().any(|file| !goes_as_text(&file.content)),
            "files": files,
            "relabel": RELABEL,
        }),
    )?;
    lint::kickstart(&text, node, secrets)?;
    Ok(text)
}

fn goes_as_text(content: &str) -> bool {
    content.is_empty() || quote::fits_here_document(content)
}

/// A secret that is a word of the kickstart itself would be found all over it, and is soon guessed.
fn refuse_common(node: &NodePlan, secrets: &Secrets, files: &[Placed]) -> Result<(), RenderError> {
    let described = serde_json::json!([node.installer, node.access, node.interfaces]).to_string();
    let texts = || {
        files
            .iter()
            .map(|f| &*f.content)
            .chain(built_in::kickstart().map(|(_, text)| text))
            .chain([described.as_str()])
    };
    for name in node.all_secrets() {
        let traces = secrets.traces(&name)?;
        if texts().any(|text| traces.iter().any(|trace| text.contains(trace))) {
            return Err(RenderError::CommonSecret(name));
        }
    }
    Ok(())
}

/// A command that puts a text into a file: as a here-document, which a person can read, or in base64
/// where the text would not survive that.
fn put(content: String, mode: String, path: String) -> Value {
    use base64ct::{Base64, Encoding};
    let (mode, path) = (quote::shell(&mode), quote::shell(&path));
    let command = if goes_as_text(&content) {
        let end = quote::here_delimiter(&content);
        format!("put {mode} {path} <<'{end}'\n{content}{end}")
    } else {
        let encoded = Base64::encode_string(content.as_bytes());
        let lines: Vec<_> = encoded.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
        format!("put_base64 {mode} {path} <<'EOF'\n{}\nEOF", lines.join("\n"))
    };
    Value::from_safe_string(command)
}

/// A line of `%packages`: a name, `@group` or `@^environment`.
fn package(name: String) -> Result<Value, minijinja::Error> {
    let bare = name.trim_start_matches("@^").trim_start_matches('@');
    if quote::is_plain_word(bare) {
        return Ok(Value::from_safe_string(name));
    }
    Err(minijinja::Error::new(
        minijinja::ErrorKind::InvalidOperation,
        "this is no package, group or environment",
    ))
}
