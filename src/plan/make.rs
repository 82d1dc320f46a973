//! Model and stages become a plan.

use std::collections::HashSet;

use anyhow::{Context as _, Error, Result, anyhow};

use super::context::Shared;
use super::stages::Planned;
use super::templates::{self, AllTemplates, StageTemplates};
use super::{
    AccessPlan, HookPlan, Host, InstallerPlan, Login, NodePlan, Plan, ROOT_PASSWORD, USER_PASSWORD,
    custom, interfaces, settings, stages, storage,
};
use crate::model::{CONTROLLER, Hook, HostKeys, Lab, MANAGEMENT, Node, PROVIDER, RootLogin};
use crate::report::{Findings, Rule, Span, did_you_mean, nearest};
use crate::secrets::account_password_name;
use crate::stack::{self, Catalogue, Stage};
use crate::template::{TemplateError, built_in};

/// What `%packages` names. The environment `minimal` is what the Minimal medium is made of; the others
/// are on it too, and are what the node needs before it has a repository: the right time, a firewall.
const INSTALLED: [&str; 3] = ["@^minimal", "chrony", "firewalld"];

/// Makes the plan of a lab, or nothing where the lab file asks for what the stages do not have; that is in `findings`.
///
/// # Errors
/// A mistake in the stage catalogue.
pub fn make(lab: &Lab, catalogue: &Catalogue, findings: &mut Findings) -> Result<Option<Plan>> {
    let services = services(lab, catalogue, findings);
    settings::check(lab, catalogue, findings);
    custom::check(lab, findings);
    check_roles(lab, catalogue, findings);
    check_templates(lab, catalogue, findings);
    if findings.errors() > 0 {
        return Ok(None);
    }
    let controller =
        lab.nodes.iter().find(|n| n.role == CONTROLLER).context("a lab without a controller")?;
    let controller = Host { name: controller.name.to_string(), address: controller.address };
    let shared = Shared::new(lab, controller);
    let mut templates = AllTemplates::new(catalogue);
    let mut nodes = Vec::new();
    for node in &lab.nodes {
        let of_node = catalogue.stages.iter().filter(|stage| applies(stage, node, lab, &services));
        let of_node: Vec<_> = of_node.collect();
        storage::check(node, &of_node, findings);
        let of_settings = templates.of(&node.settings.templates, findings)?;
        nodes.push(node_plan(node, &of_node, &shared, of_settings, findings)?);
    }
    if findings.errors() > 0 {
        return Ok(None);
    }
    let (name, settled) = (lab.name.clone(), lab.settled.clone());
    Ok(Some(Plan { schema: 1, lab: name, networking: lab.networking, nodes, settled }))
}

/// The stages that roles name are there.
fn check_roles(lab: &Lab, catalogue: &Catalogue, findings: &mut Findings) {
    let known = || catalogue.stages.iter().map(|s| s.name.as_str());
    // Nodes of a role share theirs.
    let mut seen = HashSet::new();
    let lists = lab.nodes.iter().filter_map(|n| n.stages.as_ref());
    for stage in lists.filter(|list| seen.insert(list.as_ptr())).flat_map(|list| list.iter()) {
        if findings.is_full() {
            return;
        }
        if !known().any(|name| name == stage.value) {
            let help = did_you_mean(&stage.value, known().collect::<Vec<_>>());
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
    for service in chosen.iter().filter(|s| !known.contains(&s.value.as_str())) {
        if findings.is_full() {
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
    chosen.iter().map(|s| s.value.as_str()).collect()
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
        && spec.when.networking.as_ref().is_none_or(|wanted| *wanted == lab.networking.as_str())
        && spec.when.service.as_ref().is_none_or(|wanted| services.contains(&wanted.as_str()))
}

fn node_plan(
    node: &Node,
    of_node: &[&Stage],
    shared: &Shared,
    templates: &mut StageTemplates,
    findings: &mut Findings,
) -> Result<NodePlan> {
    let lab = shared.lab;
    let interfaces = interfaces::of(node, lab);
    let is_provider = |i: &&super::InterfacePlan| i.network.as_deref() == Some(PROVIDER);
    let provider = interfaces.iter().find(is_provider).map(|i| i.name.clone());
    let mut planned = Vec::new();
    for stage in of_node {
        let plan = match stages::plan(stage, node, &interfaces, shared, templates) {
            Err(error) => told(error, stage, findings),
            Ok(plan) => Ok(Some(plan)),
        };
        let plan =
            plan.with_context(|| format!("planning `stack/{}` for `{}`", stage.name, node.name))?;
        planned.extend(
            plan.into_iter().flat_map(|plan| custom::fill(plan, stage.spec.custom, node, shared)),
        );
    }
    planned.sort_by_key(|stage| stage.phase);
    let stages = settings::merge(planned, node, findings);
    custom::check_stages(node, &stages, findings);
    let mut settled = node.settled.clone();
    settled.extend(node.settings.settled.iter().cloned());
    settled.extend(settings::parameters(node, &stages));
    let settings = &node.settings;
    let (storage, machine) = storage::plan(node, lab);
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
            packages: INSTALLED.map(str::to_owned).to_vec(),
            boot_timeout: settings.installer.boot_timeout,
            boot_arguments: settings.installer.boot_arguments.clone(),
            boot_arguments_removed: settings.installer.boot_arguments_removed.clone(),
        },
        kernel: settings.custom.kernel.clone(),
        pre_hooks: settings.custom.hooks.pre.iter().map(hook).collect(),
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

/// What is wrong with a stage or a template of the lab's own is a finding; a mistake in a built-in one is a failure.
fn told(error: Error, stage: &Stage, findings: &mut Findings) -> Result<Option<Planned>> {
    let error = match error.downcast::<TemplateError>() {
        Ok(error) if error.span().is_some() || stage.file.is_none() => {
            return Ok(templates::told(Err(error), findings)?);
        }
        // A text of `stage.yaml`: its line in the file is not known.
        Ok(error) if error.excerpt.is_empty() => Error::msg(error.message),
        Ok(error) => anyhow!("`{}`: {}", error.excerpt, error.message),
        Err(error) => error,
    };
    let Some(file) = stage.file else { return Err(error) };
    stack::tell_unusable(stage, file, &error, findings);
    Ok(None)
}

fn hook(hook: &Hook) -> HookPlan {
    HookPlan { name: hook.name.value.clone(), script: hook.script.to_string() }
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
