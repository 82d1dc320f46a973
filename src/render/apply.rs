//! The third spelling of a node's files: a script that brings a node that is installed to what the lab says now.

use std::rc::Rc;

use minijinja::context;
use minijinja::value::{Serde, Value};
use serde_json::json;

use super::RenderError;
use super::node::{self, RELABEL};
use super::spelled::Spelled;
use crate::plan::{NodePlan, Plan};
use crate::secrets::Secrets;
use crate::template::Engine;

/// The template's name.
const NAME: &str = "apply.sh.j2";

/// The template. It is no part of the kickstart, and no lab overrides it: it has to fit the runner.
pub(super) const TEMPLATE: (&str, &str) = (NAME, include_str!("../../scripts/node/apply.sh.j2"));

/// Renders the script, with an engine that has the template.
///
/// # Errors
/// A secret is missing.
pub(super) fn render(
    plan: &Plan,
    node: &NodePlan,
    secrets: &Secrets,
    engine: &Engine,
    files: &[Rc<Spelled>],
) -> Result<String, RenderError> {
    let context = json!({
        "lab": plan.lab,
        "node": node.name,
        "address": node.address,
        "secrets": node::secrets(node, secrets)?,
        "relabel": RELABEL,
    });
    let context = context! {
        placed => files.iter().map(|file| file.command.clone()).collect::<Vec<_>>(),
        ..Value::from(Serde(context))
    };
    Ok(engine.render_value(NAME, context)?)
}
