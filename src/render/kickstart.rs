//! The kickstart: an unattended text install of CentOS 7.9 that is complete in itself.

use std::rc::Rc;

use minijinja::context;
use minijinja::value::{Serde, Value};
use serde_json::json;

use super::node::{self, RELABEL};
use super::spelled::{self, Spelled};
use super::{Blamed, RenderError, Server, apply, kickstart_network, lint, storage};
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
    engine.add(apply::TEMPLATE.0, apply::TEMPLATE.1)?;
    for (path, file) in templates {
        if let Some(name) = path.strip_prefix("kickstart/") {
            engine.add_own(name, &file.text, file.file)?;
        }
    }
    Ok(engine)
}

/// What is wrong with each of the person's templates by itself.
pub fn check(templates: &Templates) -> Vec<RenderError> {
    let mut engine = Engine::default();
    let own = templates.iter().filter_map(|(path, file)| {
        let name = path.strip_prefix("kickstart/")?;
        engine.add_own(name, &file.text, file.file).err()
    });
    own.map(RenderError::from).collect()
}

/// Renders a node's kickstart, and reads it back; what leaves the node weaker than it would be comes with it.
///
/// # Errors
/// A secret is missing, or the result is not what it should be.
pub fn render(
    plan: &Plan,
    node: &NodePlan,
    secrets: &Secrets,
    engine: &Engine,
    files: &[Rc<Spelled>],
    server: Option<&Server>,
) -> Result<(String, Vec<Blamed>), RenderError> {
    let logins = node.login_secrets();
    let hash = |name| logins.contains(&name).then(|| secrets.password_hash(name)).transpose();
    let context = json!({
        "lab": plan.lab,
        "node": { "name": node.name, "role": node.role },
        "installer": node.installer,
        "access": node.access,
        "interfaces": node.interfaces,
        "network": kickstart_network::commands(node),
        "disks": storage::context(plan, node, secrets)?,
        "root_hash": hash(ROOT_PASSWORD)?,
        "user_hash": hash(USER_PASSWORD)?,
        "authorized_keys": node.access.authorized_keys.iter().map(|key| format!("{key}\n")).collect::<String>(),
        "secrets": node::secrets(node, secrets)?,
        "host_keys": node::host_keys(node, secrets)?,
        "folders": node::PUBLIC_FOLDERS,
        "relabel": RELABEL,
        "kernel": node.kernel,
        "server": server,
        "pre_hooks": node.pre_hooks,
        "kickstart": node.kickstart,
        "early": node.early_stages().collect::<Vec<_>>(),
    });
    let context = context! {
        placed => files.iter().map(|file| file.command.clone()).collect::<Vec<_>>(),
        ..Value::from(Serde(context))
    };
    let text = engine.render_value("ks.cfg.j2", context)?;
    let weak = lint::kickstart(&text, node, secrets, server)?;
    Ok((text, weak))
}

/// The filter: `content|put(mode, path)`.
fn put(content: String, mode: String, path: String) -> Value {
    Value::from_safe_string(spelled::put(&content, &mode, &path))
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
