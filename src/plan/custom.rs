//! What people add to their nodes becomes stages.

use super::context::Shared;
use super::stages::{Phase, Planned, source};
use super::{FilePlan, OpeningPlan, StagePlan};
use crate::model::{Hook, Lab, Node, PackageKey, Proxy, Repository, UnitState};
use crate::report::{Findings, Rule, did_you_mean};
use crate::secrets::account_password_name;
use crate::stack::{Custom, Ownership};

/// Fills a stage from the node's own keys: nothing where it says none of them, one for each hook. A stage that is not made
/// of such keys stays as it is.
pub(super) fn fill(
    mut stage: Planned,
    part: Option<Custom>,
    node: &Node,
    shared: &Shared,
) -> Vec<Planned> {
    let custom = &node.settings.custom;
    let plan = &mut stage.plan;
    let is_there = match part {
        None => true,
        Some(Custom::Accounts) => {
            stage.phase = Phase::Early;
            plan.early = true;
            accounts(plan, node);
            !custom.accounts.is_empty()
        }
        Some(Custom::Repositories) => {
            repositories(plan, node, shared.lab);
            true
        }
        Some(Custom::Kernel) => {
            kernel(plan, node);
            !plan.facts.is_empty()
        }
        Some(Custom::Site) => {
            stage.phase = Phase::Last;
            site(plan, node, shared.lab);
            let services = custom.services.is_empty() && plan.firewall.is_empty();
            !(plan.packages.is_empty() && plan.files.is_empty() && services)
        }
        Some(Custom::Hook) => return hooks(&stage, node),
    };
    if is_there { vec![stage] } else { Vec::new() }
}

fn file(path: String, mode: &str, content: String) -> FilePlan {
    FilePlan {
        path,
        ownership: Ownership { mode: mode.to_owned(), ..Ownership::default() },
        content: content.into(),
    }
}

fn accounts(plan: &mut StagePlan, node: &Node) {
    for account in &node.settings.custom.accounts {
        let name = &account.name;
        let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        let hash = if account.password {
            format!("{}_HASH", account_password_name(name))
        } else {
            String::new()
        };
        let words = [
            name.clone(),
            or_none(account.uid.map(|uid| uid.to_string()).unwrap_or_default()),
            account.shell.clone(),
            or_none(account.groups.join(",")),
            or_none(hash.clone()),
        ];
        plan.facts.push(("account".to_owned(), words.join(" ")));
        if account.password {
            plan.facts.push(("secret".to_owned(), hash));
        }
        let lines = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect();
        if !account.keys.is_empty() {
            let path = format!("/etc/trainyard/accounts/{name}.keys");
            plan.files.push(file(path, "0600", lines(&account.keys)));
        }
        if !account.sudo.is_empty() {
            let rules: Vec<String> =
                account.sudo.iter().map(|rule| format!("{name} {rule}")).collect();
            plan.files.push(file(
                format!("/etc/sudoers.d/trainyard-{name}"),
                "0440",
                lines(&rules),
            ));
        }
    }
}

fn key_path(repository: &Repository) -> String {
    format!("/etc/pki/rpm-gpg/RPM-GPG-KEY-trainyard-{}", repository.id)
}

/// Where the node has a repository's key.
pub(super) fn key_url(repository: &Repository) -> Option<String> {
    Some(match repository.key.as_ref()? {
        PackageKey::Text(_) => format!("file://{}", key_path(repository)),
        PackageKey::OnNode(url) => url.clone(),
    })
}

fn repositories(plan: &mut StagePlan, node: &Node, lab: &Lab) {
    let custom = &node.settings.custom;
    for repository in &custom.repositories {
        if let Some(PackageKey::Text(text)) = &repository.key {
            plan.files.push(file(key_path(repository), "0644", text.clone()));
        }
    }
    if let Some(proxy) = &custom.proxy {
        let path = "/etc/profile.d/trainyard-proxy.sh".to_owned();
        plan.files.push(file(path, "0644", profile(proxy, lab)));
    }
}

/// What programs of people who log in go by. The nodes talk to each other directly: their clients heed these, too.
fn profile(proxy: &Proxy, lab: &Lab) -> String {
    let nodes = lab.nodes.iter().flat_map(|n| [n.name.to_string(), n.address.to_string()]);
    let without: Vec<String> = ["localhost", "127.0.0.1"]
        .map(str::to_owned)
        .into_iter()
        .chain(nodes)
        .chain(proxy.without.iter().cloned())
        .collect();
    format!(
        "# Written by trainyard.\nexport http_proxy={url}\nexport https_proxy={url}\nexport no_proxy={}\n",
        without.join(","),
        url = proxy.url
    )
}

/// The proxy that a repository at these URLs is reached through. yum knows one for a repository and no exceptions, so it is
/// used where one URL needs it.
pub(super) fn proxy_for<'n>(urls: &[String], node: &'n Node) -> Option<&'n str> {
    let proxy = node.settings.custom.proxy.as_ref()?;
    urls.iter().any(|url| !is_without(proxy, url)).then_some(proxy.url.as_str())
}

fn is_without(proxy: &Proxy, url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', ':']).next().unwrap_or(rest);
    url.starts_with("file:")
        || proxy.without.iter().any(|known| {
            let domain = known.trim_start_matches('.');
            host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
        })
}

fn kernel(plan: &mut StagePlan, node: &Node) {
    let kernel = &node.settings.custom.kernel;
    for (keyword, arguments) in [("add", &kernel.arguments), ("remove", &kernel.remove)] {
        plan.facts.extend(arguments.iter().map(|a| (keyword.to_owned(), a.clone())));
    }
}

fn site(plan: &mut StagePlan, node: &Node, lab: &Lab) {
    let custom = &node.settings.custom;
    plan.packages.extend(custom.packages.iter().cloned());
    plan.files.extend(custom.files.iter().map(|file| FilePlan {
        path: file.path.value.clone(),
        ownership: Ownership {
            owner: file.owner.clone(),
            group: file.group.clone(),
            mode: file.mode.clone(),
        },
        content: file.content.clone(),
    }));
    if !custom.sysctl.is_empty() {
        let lines = custom.sysctl.iter().map(|(name, value)| format!("{name} = {value}\n"));
        plan.files.push(file("/etc/sysctl.d/90-trainyard.conf".into(), "0644", lines.collect()));
    }
    for (unit, state) in &custom.services {
        match state {
            UnitState::Enabled => plan.services.push(unit.value.clone()),
            _ => plan.facts.push((state.to_string(), unit.value.clone())),
        }
    }
    for opening in &custom.openings {
        // `check` has told what there is none for.
        let Some(source) = source(&opening.from.value, lab) else { continue };
        let (port, protocol) = (opening.port.clone(), opening.protocol.to_string());
        plan.firewall.push(OpeningPlan { port, protocol, source });
    }
}

/// A hook in the new system is a stage: a log, a mark and a time limit of its own, and tried again.
/// What a stage requires that runs only when all before it are done. That one of them changed does not run it again.
pub(super) const ALL_BEFORE: &str = "*";

fn hooks(stage: &Planned, node: &Node) -> Vec<Planned> {
    let hooks = &node.settings.custom.hooks;
    let planned = |hook: &Hook, phase| {
        let mut planned = Planned { phase, ..stage.clone() };
        let plan = &mut planned.plan;
        plan.name = format!("hook-{}", hook.name.value);
        plan.summary = format!("{} `{}`", plan.summary, hook.name.value);
        plan.early = phase == Phase::Early;
        if phase == Phase::Hook {
            plan.requires.push(ALL_BEFORE.to_owned());
        }
        plan.scripts.push(("configure.sh".to_owned(), hook.script.clone()));
        planned
    };
    let post = hooks.post.iter().map(|hook| planned(hook, Phase::Early));
    post.chain(hooks.first_boot.iter().map(|hook| planned(hook, Phase::Hook))).collect()
}

/// Checks what is said of other parts of the lab.
pub(super) fn check(lab: &Lab, findings: &mut Findings) {
    for opening in lab.settings.iter().flat_map(|settings| &settings.custom.openings) {
        let from = &opening.from;
        let network = format!("networks.{}", from.value);
        let is_told = findings.has_told("networks") || findings.has_told_within(&network);
        if source(&from.value, lab).is_some() || is_told {
            continue;
        }
        let (rule, message, help) = if lab.network(&from.value).is_some() {
            let message = format!("the network `{}` has no subnet", from.value);
            (Rule::Value, message, "say its `cidr`, or open the port to another network".to_owned())
        } else {
            let known = lab.networks.iter().map(|network| network.name.as_str()).chain(["any"]);
            let help = did_you_mean(&from.value, known.collect::<Vec<_>>());
            (Rule::UnknownNetwork, format!("unknown network `{}`", from.value), help)
        };
        findings.tell(rule, &from.path, from.span, message, help);
    }
}

/// Checks what is said of things that the node's stages have, too.
pub(super) fn check_stages(node: &Node, stages: &[StagePlan], findings: &mut Findings) {
    let custom = &node.settings.custom;
    let others = || stages.iter().filter(|stage| stage.name != "site");
    let paths = custom.files.iter().map(|file| &file.path);
    for path in paths.chain(&custom.cloud_init.files) {
        let of_stages = || others().flat_map(|s| s.files.iter().map(move |f| (s, f.path.as_str())));
        let is_in = |path: &str, folder: &str| {
            path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        if findings.has_told_of(Rule::FileOfStage, &path.path) {
            continue;
        }
        let mut tell = |message: String, help: &str| {
            findings.tell(Rule::FileOfStage, &path.path, path.span, message, help);
        };
        if let Some((stage, file)) = of_stages().find(|(_, file)| is_in(&path.value, file)) {
            let message = format!(
                "`{}` cannot be there: `{file}` is a file of the stage `{}`",
                path.value, stage.name
            );
            tell(message, "another path");
        }
        if let Some((stage, file)) = of_stages().find(|(_, file)| is_in(file, &path.value)) {
            let message = format!(
                "`{}` is a folder, with `{file}` of the stage `{}`",
                path.value, stage.name
            );
            tell(message, "a file in it, or another path");
        }
        let Some((stage, _)) = of_stages().find(|(_, file)| *file == path.value) else { continue };
        let message = format!("`{}` is written by the stage `{}`", path.value, stage.name);
        let help = "change what the stage writes, by `parameters` and `settings` (`trainyard plan NODE` shows them), or write another file beside it";
        tell(message, help);
    }
    for (unit, state) in custom.services.iter().filter(|(_, state)| *state != UnitState::Enabled) {
        let runs = |stage: &&StagePlan| stage.services.contains(&unit.value);
        let Some(stage) = others().find(runs) else { continue };
        // On another node, another stage may need it.
        if findings.has_told_of(Rule::StageService, &unit.path) {
            continue;
        }
        let message =
            format!("`{}` is {state}, and the stage `{}` needs it", unit.value, stage.name);
        let help = "`trainyard-node verify` will tell that the stage does not work; leave the unit as it is, or the stage out";
        findings.tell(Rule::StageService, &unit.path, unit.span, message, help);
    }
}
