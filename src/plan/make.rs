//! Model and stages become a plan.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use super::context::Shared;
use super::templates::{AllTemplates, StageTemplates};
use super::told::Teller;
use super::{
    AccessPlan, HookPlan, Host, InstallerPlan, KickstartPlan, Login, NodePlan, Plan, ROOT_PASSWORD,
    USER_PASSWORD, custom, interfaces, needs, options, settings, stages, storage,
};
use crate::model::{CONTROLLER, Hook, HostKeys, Lab, MANAGEMENT, Node, PROVIDER, RootLogin};
use crate::report::{Findings, Rule, Span, did_you_mean, nearest};
use crate::secrets::account_password_name;
use crate::stack::{Catalogue, Stage};
use crate::template::built_in;

/// What `%packages` names. The environment `minimal` is what the Minimal medium is made of; the others
/// are on it too, and are what the node needs before it has a repository: the right time, a firewall.
const INSTALLED: [&str; 3] = ["@^minimal", "chrony", "firewalld"];

/// Nodes that are looked at where something is wrong already: more are no use before that is mended, and take time.
const MOST_IN_PART: usize = 64;

/// Makes the plan of a lab, or nothing where something is wrong; that is in `findings`.
///
/// # Errors
/// A mistake in the stage catalogue.
pub fn make(lab: &Lab, catalogue: &Catalogue, findings: &mut Findings) -> Result<Option<Plan>> {
    let plan = draft(lab, catalogue, findings)?;
    Ok((findings.errors() == 0).then_some(plan))
}

/// The same, whatever is wrong: good for nothing but finding more. It has some of the nodes, and none where values are wrong.
///
/// # Errors
/// A mistake in the stage catalogue.
pub fn draft(lab: &Lab, catalogue: &Catalogue, findings: &mut Findings) -> Result<Plan> {
    let services = services(lab, catalogue, findings);
    let before = findings.times();
    let named = options::named(lab, catalogue);
    settings::check(lab, catalogue, &named, findings);
    // Templates print parameters.
    let is_whole = lab.is_whole && findings.times() == before;
    custom::check(lab, findings);
    check_roles(lab, catalogue, findings);
    check_templates(lab, catalogue, findings);
    let controller = lab.nodes.iter().find(|n| n.role == CONTROLLER);
    let controller = match controller {
        Some(node) => Host { name: node.name.to_string(), address: node.address },
        None if lab.is_whole => bail!("a lab without a controller"),
        None => Host { name: CONTROLLER.to_owned(), address: Ipv4Addr::UNSPECIFIED },
    };
    let of_nodes: Vec<Vec<&Stage>> = lab
        .nodes
        .iter()
        .map(|node| catalogue.stages.iter().filter(|s| applies(s, node, lab, &services)).collect())
        .collect();
    let shared = Shared::new(lab, controller, &of_nodes, named);
    needs::check(lab, catalogue, &of_nodes, findings);
    let mut templates = AllTemplates::new(catalogue);
    // Where something is wrong already, nodes that share all they have are wrong in the same way.
    let in_part = findings.has_mistakes();
    let mut teller = Teller { findings, is_whole, options: HashSet::new() };
    // Templates that no node has are read as well.
    let with_own = lab.settings.iter().filter(|settings| !settings.templates.is_empty());
    for settings in with_own.take(MOST_IN_PART) {
        templates.of(&settings.templates, &mut teller)?;
    }
    let mut nodes = Vec::new();
    let mut seen = HashSet::new();
    for (node, of_node) in lab.nodes.iter().zip(&of_nodes) {
        let is_new = !in_part || seen.insert((Arc::as_ptr(&node.settings), &node.role));
        if teller.findings.is_full() || in_part && seen.len() > MOST_IN_PART {
            break;
        }
        if !is_new {
            continue;
        }
        if node.settings.is_sized {
            storage::check(node, of_node, teller.findings);
        }
        let of_settings = templates.of(&node.settings.templates, &mut teller)?;
        let plan = node_plan(node, of_node, &shared, of_settings, &mut teller)?;
        nodes.extend(is_whole.then_some(plan));
    }
    let (name, settled) = (lab.name.clone(), lab.settled.clone());
    Ok(Plan { schema: 1, lab: name, networking: lab.networking, nodes, settled })
}

/// The stages that roles name are there.
fn check_roles(lab: &Lab, catalogue: &Catalogue, findings: &mut Findings) {
    let known = || catalogue.stages.iter().map(|s| s.name.as_str());
    // Those that are made of the lab's own keys are not for anyone to name.
    let offered = catalogue.stages.iter().filter(|s| s.spec.custom.is_none());
    let offered: Vec<&str> = offered.map(|s| s.name.as_str()).collect();
    let lists = lab.roles.iter().filter_map(|role| role.stages.as_ref());
    for stage in lists.flat_map(|list| list.value.iter()) {
        if findings.is_full() {
            return;
        }
        if !known().any(|name| name == stage.value) && !catalogue.is_partial {
            let help = did_you_mean(&stage.value, offered.iter().copied());
            let message = format!("unknown stage `{}`", stage.value);
            findings.tell(Rule::UnknownStage, &stage.path, stage.span, message, help);
        }
    }
}

/// The lab's own templates override some that there are.
fn check_templates(lab: &Lab, catalogue: &Catalogue, findings: &mut Findings) {
    let mut known: Vec<String> =
        built_in::kickstart().map(|(name, _)| format!("kickstart/{name}")).collect();
    known.extend(catalogue.template_paths());
    known.push(built_in::USER_DATA.to_owned());
    for (path, file) in lab.settings.iter().flat_map(|s| s.templates.iter()) {
        if !known.contains(path) {
            let at = Span { file: file.file, line: 1, column: 1, length: 1 };
            let message = format!("`{path}` overrides no template");
            let help = match nearest(path, known.iter().map(String::as_str)) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "docs/templates.md lists the templates".to_owned(),
            };
            findings.tell(Rule::UnknownTemplate, "templates", at, message, help);
        }
    }
}

fn services<'a>(lab: &'a Lab, catalogue: &'a Catalogue, findings: &mut Findings) -> Vec<&'a str> {
    let known = catalogue.services();
    let Some(chosen) = &lab.services else { return known };
    // A stage that cannot be read may provide it.
    let all_read = catalogue.is_read();
    for service in chosen.iter().filter(|s| !known.contains(&s.value.as_str())) {
        if findings.is_full() || !all_read {
            break;
        }
        let message = format!("no stage provides the service `{}`", service.value);
        findings.tell(
            Rule::UnknownService,
            &service.path,
            service.span,
            message,
            did_you_mean(&service.value, known.iter().copied()),
        );
    }
    for service in chosen {
        let mut stages = catalogue
            .stages
            .iter()
            .filter(|s| s.spec.when.service.as_ref() == Some(&service.value));
        let missing =
            stages.find_map(|s| s.spec.when.role.as_ref().filter(|role| !has_role(lab, role)));
        if let Some(role) = missing.filter(|_| lab.is_whole) {
            let message = format!(
                "`{}` needs a node of the role `{role}`, and the lab has none",
                service.value
            );
            let help = format!("add a node with `role: {role}`, or leave the service out");
            findings.tell(Rule::ServiceWithoutNode, &service.path, service.span, message, help);
        }
    }
    let mut all: Vec<&str> = chosen.iter().map(|s| s.value.as_str()).collect();
    let mut next = 0;
    while let Some(&service) = all.get(next) {
        for (needed, stage) in catalogue.needs_of_service(service) {
            if !all.contains(&needed) {
                let said = chosen.iter().find(|s| s.value == service).or(chosen.first());
                if let Some(said) = said {
                    let message = format!(
                        "`{needed}` comes with `{service}`: the stage `{stage}` requires it"
                    );
                    let help = format!(
                        "name `{needed}` among the services as well, so that who reads the lab sees it"
                    );
                    findings.tell(Rule::ServiceAdded, &said.path, said.span, message, help);
                }
                all.push(needed);
            }
        }
        next += 1;
    }
    all
}

fn has_role(lab: &Lab, role: &str) -> bool {
    lab.nodes.iter().any(|node| node.role == role)
}

fn applies(stage: &Stage, node: &Node, lab: &Lab, services: &[&str]) -> bool {
    let spec = &stage.spec;
    let named = match (&spec.roles, &node.stages) {
        (None, _) => true,
        (Some(roles), None) => roles.contains(&node.role),
        (Some(_), Some(stages)) => stages.iter().any(|s| s.value == stage.name),
    };
    named
        && !spec.except.contains(&node.role)
        && spec.when.networking.is_none_or(|wanted| wanted == lab.networking)
        && spec.when.tls.is_none_or(|wanted| wanted == lab.tls.is_some())
        && spec.when.role.as_ref().is_none_or(|wanted| has_role(lab, wanted))
        && spec.when.service.as_ref().is_none_or(|wanted| services.contains(&wanted.as_str()))
}

fn node_plan(
    node: &Node,
    of_node: &[&Stage],
    shared: &Shared,
    templates: &mut StageTemplates,
    teller: &mut Teller,
) -> Result<NodePlan> {
    let lab = shared.lab;
    let interfaces = interfaces::of(node, lab);
    let is_provider = |i: &&super::InterfacePlan| i.network.as_deref() == Some(PROVIDER);
    let provider = interfaces.iter().find(is_provider).map(|i| i.name.clone());
    let known = shared.of_node(node, of_node, &interfaces);
    let mut planned = Vec::new();
    // What is wrong with one that is not whole was told.
    for stage in of_node.iter().filter(|stage| stage.is_whole) {
        let plan = stages::plan(stage, node, &interfaces, (shared, &known), templates, teller)
            .with_context(|| format!("planning `stack/{}` for `{}`", stage.name, node.name))?;
        planned.extend(custom::fill(plan, stage.spec.custom, node, shared));
    }
    planned.sort_by_key(|stage| stage.phase);
    let mut stages = settings::merge(planned, node, of_node, teller);
    let names: HashSet<String> = stages.iter().map(|stage| stage.name.clone()).collect();
    for stage in &mut stages {
        stage.requires.retain(|name| name == custom::ALL_BEFORE || names.contains(name));
    }
    custom::check_stages(node, &stages, teller.findings);
    let mut settled = node.settled.clone();
    settled.extend(node.settings.settled.iter().cloned());
    settled.extend(settings::parameters(node, &stages));
    let settings = &node.settings;
    let (storage, machine) = storage::plan(node);
    let kickstart = &settings.custom.kickstart;
    let mut packages = INSTALLED.map(str::to_owned).to_vec();
    let own = kickstart.packages.iter().filter(|name| !INSTALLED.contains(&name.as_str()));
    packages.extend(own.cloned());
    let management = lab.network(MANAGEMENT).and_then(|n| n.subnet);
    Ok(NodePlan {
        name: node.name.to_string(),
        role: node.role.clone(),
        address: node.address,
        hardware: settings.hardware,
        controller: shared.controller.clone(),
        management: management.map(|s| s.to_string()).unwrap_or_default(),
        provider_interface: provider,
        interfaces,
        machine,
        storage,
        installer: InstallerPlan {
            language: settings.language.clone(),
            keyboard: settings.keyboard.clone(),
            timezone: settings.timezone.clone(),
            packages,
            boot_timeout: settings.installer.boot_timeout,
            boot_arguments: settings.installer.boot_arguments.clone(),
            boot_arguments_removed: settings.installer.boot_arguments_removed.clone(),
        },
        kernel: settings.custom.kernel.clone(),
        pre_hooks: settings.custom.hooks.pre.iter().map(hook).collect(),
        kickstart: KickstartPlan {
            packages: kickstart.packages.clone(),
            commands: kickstart.commands.clone(),
            post: settings.custom.hooks.installed.iter().map(hook).collect(),
        },
        cloud_init: settings.custom.cloud_init.data.clone(),
        access: AccessPlan {
            root_login: settings.access.root_login,
            user: settings.access.user.clone(),
            authorized_keys: settings.access.authorized_keys.clone(),
            logins: logins(node),
        },
        host_keys: settings.custom.host_keys != Some(HostKeys::New),
        stages,
        templates: settings.templates.clone(),
        settled,
    })
}

fn hook(hook: &Hook) -> HookPlan {
    HookPlan { name: hook.name.value.clone(), script: hook.script.clone() }
}

/// The accounts that have a password, and the names of the secrets.
fn logins(node: &Node) -> Vec<Login> {
    let access = &node.settings.access;
    let login = |account: &str, secret| Login { account: account.to_owned(), secret };
    let root =
        (access.root_login == RootLogin::Password).then(|| login("root", ROOT_PASSWORD.to_owned()));
    let user = access.user.as_ref().map(|user| login(user, USER_PASSWORD.to_owned()));
    let accounts = node.settings.custom.accounts.iter().filter(|account| account.password);
    let others = accounts.map(|account| login(&account.name, account_password_name(&account.name)));
    root.into_iter().chain(user).chain(others).collect()
}
