//! What stages wait for on other nodes, and who provides it there.

use std::collections::HashSet;

use crate::model::{Lab, Node};
use crate::report::{Findings, Rule, Span};
use crate::stack::{Catalogue, Need, Stage, holds};

/// Tells what a stage waits for on the nodes of a role, where no stage of theirs, and nothing that the lab says, opens that port.
/// `of_nodes` are the stages of the lab's nodes.
pub(super) fn check(
    lab: &Lab,
    catalogue: &Catalogue,
    of_nodes: &[Vec<&Stage>],
    findings: &mut Findings,
) {
    // A stage that cannot be read may provide it.
    if !catalogue.is_read() {
        return;
    }
    let nodes = || lab.nodes.iter().zip(of_nodes);
    let mut told: HashSet<(&str, &str)> = HashSet::new();
    for (node, stages) in nodes() {
        let needs = stages.iter().flat_map(|stage| stage.spec.needs.iter().map(|n| (*stage, n)));
        for (stage, need) in needs.filter(|(_, need)| !need.optional) {
            let mut others = nodes().filter(|(n, _)| n.role == need.role && n.name != node.name);
            // Nobody waits for himself, and nothing is known of a node whose own stages are not.
            if node.role == need.role
                || others.any(|(other, stages)| provides(other, stages, need))
                || is_unknown(lab, catalogue, &need.role)
                || !told.insert((&stage.name, &need.role))
            {
                continue;
            }
            tell(lab, catalogue, node, stage, need, findings);
        }
    }
}

/// Whether a stage of a node, or the lab for it, opens what is needed of it.
pub(super) fn provides(node: &Node, stages: &[&Stage], need: &Need) -> bool {
    let opens = |stage: &&Stage| {
        stage.spec.firewall.iter().any(|opening| opening.opens(need.port, need.protocol))
    };
    let mut own = node.settings.custom.openings.iter();
    stages.iter().any(opens)
        || own.any(|opening| opening.protocol == need.protocol && holds(&opening.port, need.port))
}

/// Whether a role names a stage that is not there, or nobody has a known role.
fn is_unknown(lab: &Lab, catalogue: &Catalogue, role: &str) -> bool {
    let known = |name: &str| catalogue.stages.iter().any(|stage| stage.name == name);
    let list = lab.role(role).and_then(|role| role.stages.as_ref());
    let names_unknown = list.is_some_and(|l| l.value.iter().any(|stage| !known(&stage.value)));
    names_unknown || !lab.is_whole && !lab.nodes.iter().any(|node| node.role == role)
}

fn tell(
    lab: &Lab,
    catalogue: &Catalogue,
    node: &Node,
    stage: &Stage,
    need: &Need,
    findings: &mut Findings,
) {
    let Need { role, port, protocol, .. } = need;
    let message = format!(
        "the stage `{}` of `{}` waits for port {port}/{protocol} of a `{role}`, which no stage there opens",
        stage.name, node.name
    );
    let opens = |stage: &&Stage| stage.spec.firewall.iter().any(|o| o.opens(*port, *protocol));
    let providers: Vec<String> =
        catalogue.stages.iter().filter(opens).map(|stage| format!("`{}`", stage.name)).collect();
    let list = lab.role(role).and_then(|role| role.stages.as_ref());
    let help = match (providers.is_empty(), list) {
        (false, Some(_)) => {
            format!(
                "add {} to the stages of the role, or open the port under `firewall`",
                providers.join(" or ")
            )
        }
        (false, None) => format!("{} opens it: let a `{role}` have it", providers.join(" or ")),
        (true, _) => "open the port under `firewall` where something else provides it".to_owned(),
    };
    let (path, at) = match (list, stage.file) {
        (Some(list), _) => (list.path.to_string(), list.span),
        (None, Some(_)) => ("own_stages".to_owned(), need.at),
        (None, None) => (format!("nodes.{}", node.name), Span::default()),
    };
    findings.tell(Rule::StageNeeds, &path, at, message, help);
}
