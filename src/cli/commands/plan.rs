use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::load::{chosen, load_good};
use crate::cli::ui::Ui;
use crate::model::Origin;
use crate::plan::{InterfacePlan, NodePlan, Plan, StagePlan};

pub(in crate::cli) fn plan(lab: &Path, node: Option<&str>, ui: &Ui) -> Result<()> {
    let (_, plan) = load_good(lab, ui)?;
    match node {
        None => ui.result(|| overview(&plan, lab), &plan),
        Some(name) => {
            let node = chosen(&plan, &[name.to_owned()])?[0];
            ui.result(|| detail(node), node)
        }
    }
}

fn overview(plan: &Plan, lab: &Path) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "lab {}: {} nodes, {} networking\n",
        plan.lab,
        plan.nodes.len(),
        plan.networking.as_str()
    );
    let width = plan.settled.iter().map(|s| s.path.len()).max().unwrap_or(0);
    let values =
        plan.settled.iter().map(|s| s.value.chars().count()).filter(|n| *n < 40).max().unwrap_or(0);
    for settled in &plan.settled {
        let origin = match settled.origin {
            Origin::File { line } => format!("{}:{line}", lab.display()),
            Origin::Default => "default".to_owned(),
        };
        let _ = writeln!(out, "  {:width$}  {:values$}  {origin}", settled.path, settled.value);
    }
    for node in &plan.nodes {
        let _ = writeln!(out, "\n{}", heading(node));
        for stage in &node.stages {
            let _ = writeln!(out, "  {:20} {}", stage.name, stage.summary);
        }
    }
    out
}

fn heading(node: &NodePlan) -> String {
    let h = node.hardware;
    format!(
        "{} ({}, {}): {} cpus, {} MiB memory, {} MiB disk",
        node.name, node.role, node.address, h.cpus, h.memory_mib, h.disk_mib
    )
}

fn detail(node: &NodePlan) -> String {
    let mut out = format!("{}\n", heading(node));
    for interface in &node.interfaces {
        let _ = writeln!(out, "  {:20} {}", interface.name, described(interface));
    }
    let installer = &node.installer;
    let _ = writeln!(out, "  {:20} wiped by the installer", format!("/dev/{}", installer.disk));
    let _ = writeln!(out, "  {:20} {}", "from the medium", installer.packages.join(" "));
    for stage in &node.stages {
        out.push('\n');
        stage_detail(stage, &mut out);
    }
    out
}

fn described(interface: &InterfacePlan) -> String {
    let address = match (interface.address, interface.prefix) {
        (Some(address), Some(prefix)) => format!("{address}/{prefix}"),
        _ => "no address".to_owned(),
    };
    let gateway = interface.gateway.map_or(String::new(), |gateway| format!(", gateway {gateway}"));
    format!("{}, {}, {address}{gateway}", interface.network, interface.mac)
}

fn stage_detail(stage: &StagePlan, out: &mut String) {
    let _ = writeln!(out, "stage {}: {}", stage.name, stage.summary);
    let mut row = |name: &str, values: Vec<String>| {
        if !values.is_empty() {
            let _ = writeln!(out, "  {name:10} {}", values.join(", "));
        }
    };
    row("needs", stage.needs.iter().map(|(host, port)| format!("{host}:{port}")).collect());
    row("packages", stage.packages.clone());
    row("files", stage.files.iter().map(|f| f.path.clone()).collect());
    row("databases", stage.databases.iter().map(|d| d.name.clone()).collect());
    row("services", stage.services.clone());
    row(
        "firewall",
        stage
            .firewall
            .iter()
            .map(|o| format!("{}/{} from {}", o.port, o.protocol, o.source))
            .collect(),
    );
    row(
        "parameters",
        stage.parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect(),
    );
    row("secrets", stage.secrets.clone());
    row("scripts", stage.scripts.iter().map(|(name, _)| name.clone()).collect());
}
