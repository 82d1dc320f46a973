//! What people add to their nodes.

use crate::report::Rule;
use crate::spec::{Entries, Entry, FirewallSpec, Protocol, SettingsSpec, Spanned, UnitState};

use super::settle::{Resolver, Wrong, word};
use super::{
    Access, Account, CloudInit, CustomFile, Hooks, HostKeys, Kernel, Kickstart, Proxy, Repository,
    arguments, cloud_init, files, hooks, kickstart, lifelines, repositories, sysctl, users,
};

/// What a person adds to a node.
#[derive(Clone, Debug)]
pub struct Custom {
    /// Accounts; those that say their number first.
    pub accounts: Vec<Account>,
    /// What becomes of the SSH host keys at the next installation.
    pub host_keys: Option<HostKeys>,
    /// A web proxy.
    pub proxy: Option<Proxy>,
    /// Package repositories.
    pub repositories: Vec<Repository>,
    /// Packages.
    pub packages: Vec<String>,
    /// Units and how they stand.
    pub services: Vec<(Spanned<String>, UnitState)>,
    /// The installed system's kernel.
    pub kernel: Kernel,
    /// Kernel parameters and their values.
    pub sysctl: Vec<(String, String)>,
    /// Text files.
    pub files: Vec<CustomFile>,
    /// What the firewall lets in.
    pub openings: Vec<OpeningValue>,
    /// Scripts.
    pub hooks: Hooks,
    /// What only the installer does.
    pub kickstart: Kickstart,
    /// What only cloud-init does.
    pub cloud_init: CloudInit,
}

/// An opening of the firewall.
#[derive(Clone, Debug)]
pub struct OpeningValue {
    /// A port or a range.
    pub port: String,
    /// The protocol.
    pub protocol: Protocol,
    /// A network, or `any`.
    pub from: Spanned<String>,
}

/// Resolves everything, so that one mistake hides no other; `access` is nothing where it cannot be used.
pub(super) fn resolve(spec: &SettingsSpec, access: Option<&Access>, r: &mut Resolver) -> Custom {
    let accounts = users::resolve(spec.users.as_ref(), access, r);
    let host_keys = r.take("host_keys", spec.host_keys.as_ref());
    let proxy = repositories::proxy(spec.proxy.as_ref(), r);
    let repositories = repositories::resolve(spec.repositories.as_ref(), r);
    let packages = spec.packages.as_ref().map(|p| p.value.0.as_slice());
    let packages = r.settle_added("packages", packages, package);
    users::tell_shells(spec.users.as_ref(), &packages, r);
    let services = services(spec.services.as_ref(), r);
    let kernel = arguments::kernel(spec.kernel.as_ref(), r);
    let sysctl = sysctl::resolve(spec.sysctl.as_ref(), r);
    let files = files::resolve(spec.files.as_ref(), access, &accounts, r);
    let openings = openings(spec.firewall.as_ref(), r);
    let hooks = hooks::resolve(spec.hooks.as_ref(), spec.kickstart.as_ref(), r);
    let kickstart = kickstart::resolve(spec.kickstart.as_ref(), r);
    let others = cloud_init::Others { access, accounts: &accounts, files: &files };
    let cloud_init = cloud_init::resolve(spec, &others, r);
    Custom {
        accounts,
        host_keys,
        proxy,
        repositories,
        packages,
        services,
        kernel,
        sysctl,
        files,
        openings,
        hooks,
        kickstart,
        cloud_init,
    }
}

/// A package's name, or its name and version as rpm writes them.
pub(super) fn package(text: &str) -> Result<String, Wrong> {
    match word(text, 128, "._+-") {
        Ok(name) if !name.starts_with(['+', '_']) => Ok(name),
        _ if text.starts_with('-') => Err(Wrong::new(
            "would take a package away, and yum with it all that needs it",
            "leave it where it is, and say under `services` that it does not run",
        )),
        _ => Err(Wrong::from(
            "one package, such as `tcpdump` or `tcpdump-4.9.2-4.el7_7.1`: no group, no pattern, no URL",
        )),
    }
}

const UNIT_TYPES: [&str; 5] = [".service", ".socket", ".timer", ".target", ".path"];

fn services(
    spec: Option<&Spanned<Entries<UnitState>>>,
    r: &mut Resolver,
) -> Vec<(Spanned<String>, UnitState)> {
    let mut services = Vec::new();
    for Entry { name, value } in spec.iter().flat_map(|s| &s.value.0) {
        let origin = r.origin(name.span);
        let enabled = |unit: &str| {
            let mut all = spec.iter().flat_map(|s| &s.value.0);
            all.any(|e| e.name.value == unit && e.value == UnitState::Enabled)
        };
        let checked =
            unit(&name.value).and_then(|()| lifelines::unit(&name.value, *value, enabled));
        if let Err(wrong) = checked {
            r.reject(name, wrong);
        }
        r.note(&format!("services.{}", name.value), value, origin);
        services.push((name.clone(), *value));
    }
    services
}

fn unit(text: &str) -> Result<(), Wrong> {
    let name = UNIT_TYPES.iter().find_map(|end| text.strip_suffix(end)).unwrap_or_default();
    // A template (`getty@.service`) is no unit.
    if word(name, 200, "._:@-").is_ok() && !name.ends_with('@') {
        Ok(())
    } else {
        Err(Wrong::from(format!(
            "a unit with its type ({}), such as `chronyd.service`",
            UNIT_TYPES.map(|t| format!("`{t}`")).join(", ")
        )))
    }
}

fn openings(spec: Option<&Spanned<FirewallSpec>>, r: &mut Resolver) -> Vec<OpeningValue> {
    let mut openings = Vec::new();
    let written = spec.and_then(|s| s.value.open.as_ref());
    for opening in written.iter().flat_map(|open| &open.value.0) {
        let spec = &opening.value;
        let Some(port) = &spec.port else {
            let help = "for example `{port: 8080, protocol: tcp, from: management}`";
            r.tell(Rule::Value, opening, "an opening has no `port`", help);
            continue;
        };
        let Some(from) = &spec.from else {
            let help = "`from:` a network of the lab, or `any` for everyone";
            r.tell(Rule::Value, opening, "it is not said whom the opening is for", help);
            continue;
        };
        let protocol = spec.protocol.as_ref().map_or(Protocol::Tcp, |p| p.value);
        if let Err(wrong) = ports(&port.value) {
            r.reject(port, wrong);
            continue;
        }
        let shown = format!("{}/{protocol} from {}", port.value, from.value);
        let origin = r.origin(opening.span);
        r.note("firewall.open", &shown, origin);
        openings.push(OpeningValue { port: port.value.clone(), protocol, from: from.clone() });
    }
    openings
}

fn ports(text: &str) -> Result<(), Wrong> {
    let number = |text: &str| text.parse::<u16>().ok().filter(|n| *n > 0 && text.len() <= 5);
    let fits = match text.split_once('-') {
        Some((first, last)) => number(first).is_some() && number(first) < number(last),
        None => number(text).is_some(),
    };
    if fits {
        Ok(())
    } else {
        Err(Wrong::from("a port from 1 to 65535, or a range such as `9000-9010`"))
    }
}
