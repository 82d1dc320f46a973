use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::load::{chosen, load_good};
use crate::cli::ui::Ui;
use crate::model::{Ipv6, Kind, Settled};
use crate::plan::{FilePlan, InterfacePlan, NodePlan, Plan, StagePlan};
use crate::stack::Ownership;

pub(in crate::cli) fn plan(
    lab: &Path,
    secrets: &Path,
    node: Option<&str>,
    explain: bool,
    ui: &Ui,
) -> Result<()> {
    let plan = load_good(lab, secrets, ui)?.plan;
    let Some(name) = node else { return ui.result(|| overview(&plan), &plan) };
    let node = chosen(&plan, &[name.to_owned()])?[0];
    if explain {
        return ui.result(|| explained(&plan, node), &[&plan.settled[..], &node.settled].concat());
    }
    ui.result(|| detail(node), node)
}

fn overview(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "lab {}: {} nodes, {} networking\n",
        plan.lab,
        plan.nodes.len(),
        plan.networking.as_str()
    );
    // What all nodes have in common is said once.
    let shared = |value: &&Settled| plan.nodes.iter().all(|n| n.settled.contains(value));
    let common: Vec<&Settled> =
        plan.nodes.first().iter().flat_map(|n| &n.settled).filter(shared).collect();
    rows(plan.settled.iter().chain(common.iter().copied()), &mut out);
    for node in &plan.nodes {
        let _ = writeln!(out, "\n{}", heading(node));
        for stage in &node.stages {
            let _ = writeln!(out, "  {:20} {}", stage.name, stage.summary);
        }
        let own = node.settled.iter().filter(|value| !common.contains(value));
        rows(own, &mut out);
    }
    out
}

/// Every value that holds for a node, and where it comes from.
fn explained(plan: &Plan, node: &NodePlan) -> String {
    let mut out = format!("{}\n", heading(node));
    rows(plan.settled.iter().chain(&node.settled), &mut out);
    out
}

fn rows<'s>(settled: impl Iterator<Item = &'s Settled> + Clone, out: &mut String) {
    let width = settled.clone().map(|s| s.path.len()).max().unwrap_or(0);
    let values = settled.clone().map(|s| s.value.chars().count()).filter(|n| *n < 40);
    let values = values.max().unwrap_or(0);
    for Settled { path, value, origin } in settled {
        let _ = writeln!(out, "  {path:width$}  {value:values$}  {origin}");
    }
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
    disks(node, &mut out);
    let mut row = |name: &str, values: Vec<String>| {
        if !values.is_empty() {
            let _ = writeln!(out, "  {name:20} {}", values.join(" "));
        }
    };
    row("from the medium", installer.packages.clone());
    row("installer's kernel", signed(&installer.boot_arguments, &installer.boot_arguments_removed));
    row("installer's hooks", node.pre_hooks.iter().map(|hook| hook.name.clone()).collect());
    row("installer's commands", node.kickstart.commands.iter().map(|c| format!("`{c}`")).collect());
    row("installed hooks", node.kickstart.post.iter().map(|hook| hook.name.clone()).collect());
    row("cloud-init only", node.cloud_init.keys().cloned().collect());
    row("kernel", signed(&node.kernel.arguments, &node.kernel.remove));
    row("at installation", node.early_stages().map(str::to_owned).collect());
    for stage in &node.stages {
        out.push('\n');
        stage_detail(stage, &mut out);
    }
    out
}

fn disks(node: &NodePlan, out: &mut String) {
    let storage = &node.storage.storage;
    let whatever = |wipe| if wipe { ", whatever is on it" } else { "" };
    let _ = writeln!(out, "  {:20} {}{}", "installed to", storage.disk, whatever(storage.wipe));
    let fixed = std::iter::once(("/boot", storage.boot_mib, false));
    let swap = storage.swap_mib.map(|size| ("swap", size, false));
    let volumes = storage.volumes.iter().map(|v| (v.mount.as_str(), v.size_mib, v.grow));
    for (name, size, grow) in fixed.chain(swap).chain(volumes) {
        let more = if grow { " and the rest" } else { "" };
        let _ = writeln!(out, "    {name:18} {size} MiB{more}");
    }
    if let Some(data) = &storage.data {
        let mount = data.mount.as_deref().unwrap_or("left as it is");
        let _ = writeln!(out, "  {:20} {}{}: {mount}", "data disk", data.disk, whatever(data.wipe));
    }
}

/// Arguments that are added, and those that are taken away.
fn signed(added: &[String], removed: &[String]) -> Vec<String> {
    let sign =
        |sign, list: &[String]| list.iter().map(|a| format!("{sign}{a}")).collect::<Vec<_>>();
    [sign('+', added), sign('-', removed)].concat()
}

/// What an interface is, in a row. Of a port that attaches to a network: network, MAC, addresses.
fn described(interface: &InterfacePlan) -> String {
    let mut parts = Vec::new();
    if interface.kind != Kind::Ethernet {
        parts.push(interface.kind.to_string());
    }
    parts.extend(interface.network.clone());
    parts.extend(interface.bond.as_ref().map(|bond| format!("member of {bond}")));
    parts.extend(interface.bridge.as_ref().map(|bridge| format!("port of {bridge}")));
    let found = if interface.found_by_mac { " (by which it is found)" } else { "" };
    parts.extend(interface.mac.map(|mac| format!("{mac}{found}")));
    let address = interface.address.zip(interface.prefix);
    let address = address.map(|(address, prefix)| format!("{address}/{prefix}"));
    if interface.network.is_some() {
        parts.push(match (interface.dhcp, address) {
            (true, Some(address)) => format!("{address} by DHCP"),
            (true, None) => "address by DHCP".into(),
            (false, address) => address.unwrap_or("no address".into()),
        });
    }
    parts.extend(interface.gateway.map(|gateway| format!("gateway {gateway}")));
    match interface.ipv6 {
        Ipv6::Static { address, prefix } => parts.push(format!("{address}/{prefix}")),
        Ipv6::Dhcp => parts.push("IPv6 by DHCP".into()),
        Ipv6::Auto | Ipv6::None => {}
    }
    parts.extend(interface.ipv6_gateway.map(|gateway| format!("gateway {gateway}")));
    parts.extend(interface.mtu.map(|mtu| format!("mtu {mtu}")));
    parts.extend(interface.routes.iter().map(|route| format!("route to {route}")));
    parts.join(", ")
}

/// A file's path, and whose it is where that is not the usual.
fn file(file: &FilePlan) -> String {
    let of = &file.ownership;
    if *of == Ownership::default() {
        return file.path.clone();
    }
    format!("{} ({} {}:{})", file.path, of.mode, of.owner, of.group)
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
    row("files", stage.files.iter().map(file).collect());
    row("databases", stage.databases.iter().map(|d| d.name.clone()).collect());
    row("services", stage.services.clone());
    for (keyword, words) in stage.facts.iter().filter(|(keyword, _)| keyword != "secret") {
        row(keyword, vec![words.clone()]);
    }
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
