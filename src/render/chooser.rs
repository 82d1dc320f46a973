//! The kickstart that a medium for several nodes starts with: it finds out which of them a machine is.

use minijinja::value::{Serde, Value};
use serde_json::json;

use super::{RenderError, kickstart};
use crate::model::{Templates, Uuid};
use crate::plan::{NodePlan, Plan};
use crate::template::built_in;

/// Renders the chooser of a medium with this label, whose file `/nodes/NAME/ks.cfg` is the kickstart of each of these nodes. It knows a machine
/// by the hardware addresses that the lab file names; a node without such an address is listed, and is found by nothing. It holds no secret.
///
/// # Errors
/// The template cannot be rendered.
pub fn render(plan: &Plan, nodes: &[&NodePlan], label: &str) -> Result<String, RenderError> {
    let none = Templates::default();
    let mut engine = kickstart::engine(&none)?;
    let (name, source) = built_in::CHOOSER;
    engine.add(name, source)?;
    let nodes = nodes.iter().map(|node| {
        let machine = &node.machine;
        let text = |uuid: Option<Uuid>| uuid.map(|uuid| uuid.to_string()).unwrap_or_default();
        json!({
            "name": node.name,
            "serial": machine.serial.as_deref().unwrap_or_default(),
            "uuid": text(machine.uuid),
            "uuid_swapped": text(machine.uuid.map(Uuid::swapped)),
            "macs": machine.macs,
        })
    });
    let context = json!({
        "lab": plan.lab,
        "label": label,
        "nodes": nodes.collect::<Vec<_>>(),
    });
    Ok(engine.render_value(name, Value::from(Serde(context)))?)
}
