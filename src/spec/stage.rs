//! `stage.yaml`, as a person writes it: what `stack` makes stages from, with the place of every value.

use crate::report::{Findings, Sources};

use super::custom::Protocol;
use super::decode::{Decode, Entries, Spanned, choice, record};
use super::files::Reader;
use super::settings::IniOptions;
use super::tree::{Node, Value};
use super::yaml;

record! {
    /// A stage. Values in `settings`, `files[].path` and `identity.services[].url` are templates.
    StageFields {
        /// One line: what the node has after it.
        summary: String = "load balancer (HAProxy)",
        /// The roles whose nodes have it; every role where it is left out.
        roles: Vec<Spanned<String>> = "[controller]",
        /// Roles whose nodes do not have it.
        except: Vec<Spanned<String>> = "[controller]",
        /// A condition on the lab; every part that is given must hold.
        when: WhenFields = "{networking: provider}",
        /// Stages that it cannot do without, where a node has them: it comes after them, does not run while one of them has failed,
        /// and runs again when one of them changed.
        requires: Vec<Spanned<String>> = "[database]",
        /// Stages that come before it where a node has both, and no more than that.
        after: Vec<Spanned<String>> = "[database]",
        /// What must answer on other nodes before it runs: a stage there must open that port.
        needs: Vec<Spanned<NeedFields>> = "[{role: controller, port: 5000}]",
        /// What of the lab's own keys it is made of; a node that has none of them does not have the stage.
        custom: StagePart = "site",
        /// Packages, installed by yum at first boot.
        packages: Vec<Spanned<String>> = "[haproxy]",
        /// Values that a lab may change.
        parameters: Entries<ParameterFields> = "{connections: {default: 2000, help: connections at once}}",
        /// Names of the secrets that it uses; a node gets no others.
        secrets: Vec<Spanned<String>> = "[HAPROXY_PASS]",
        /// Options of INI files: file, section, option, value. Several stages may contribute to one file.
        settings: IniOptions = "{/etc/x.conf: {DEFAULT: {debug: \"false\"}}}",
        /// Owner and mode of an INI file where they are not `root root 0644`.
        ini: Entries<OwnershipFields> = "{/etc/x.conf: {group: x, mode: \"0640\"}}",
        /// Files that are no INI.
        files: Vec<Spanned<StageFileFields>> = "[{path: /etc/x, source: x.j2}]",
        /// Units that are enabled and running after it.
        services: Vec<Spanned<String>> = "[haproxy.service]",
        /// Ports that it opens.
        firewall: Vec<Spanned<StageOpeningFields>> = "[{port: 8080, protocol: tcp, from: management}]",
        /// Databases that it uses.
        databases: Vec<Spanned<DatabaseFields>> = "[{name: x, user: x, secret: X_DBPASS}]",
        /// Its entries in keystone's catalogue.
        identity: IdentityFields = "{users: [{name: x, secret: X_PASS}]}",
        /// Memory that its services take on a small lab, in MiB; a machine with less than the sum is warned about.
        memory: u64 = "64",
        /// Seconds that the whole stage may take; 1800 where it is left out.
        time_limit: u64 = "600",
    }
}

record! {
    /// A condition on the lab.
    WhenFields {
        /// `openstack.networking` has this value.
        networking: super::Networking = "provider",
        /// The lab has this service.
        service: String = "x",
        /// The lab has a node of this role.
        role: Spanned<String> = "storage",
        /// The lab has its public endpoints by TLS, or has not.
        tls: bool = "yes",
    }
}

record! {
    /// A port of other nodes.
    NeedFields {
        /// On the nodes of this role.
        role: String = "controller",
        /// This port.
        port: u64 = "5000",
        /// Its protocol; tcp where it is left out. Nobody can ask a UDP port whether it answers: there the stage itself waits.
        protocol: Protocol = "tcp",
        /// Whether it is left out where no stage there opens that port; otherwise such a lab is refused.
        optional: bool = "yes",
    }
}

choice! {
    /// Keys of the lab file of which a stage is made.
    StagePart {
        /// `users`. The stage runs while the node is installed.
        Accounts = "accounts",
        /// `repositories` and `proxy`. Every node has the stage, for it has repositories of its own.
        Repositories = "repositories",
        /// `kernel`.
        Kernel = "kernel",
        /// `packages`, `files`, `sysctl`, `services` and `firewall`. The stage comes after all others.
        Site = "site",
        /// `hooks`: a stage for each of those that run in the new system.
        Hook = "hook",
    }
}

record! {
    /// A value that a lab may change.
    ParameterFields {
        /// What it is where the lab says nothing: a plain word, or a template that makes a whole number, such as `{{ node.workers }}`.
        default: String = "2000",
        /// What it means.
        help: String = "connections at once",
    }
}

record! {
    /// Who owns a file, and its mode.
    OwnershipFields {
        /// The user; root where it is left out.
        owner: String = "root",
        /// The group; root where it is left out.
        group: String = "x",
        /// The mode in octal; 0644 where it is left out.
        mode: String = "\"0640\"",
    }
}

record! {
    /// A file that is no INI.
    StageFileFields {
        /// Where it goes; a template.
        path: String = "/etc/x",
        /// The template beside `stage.yaml` that it is made from.
        source: String = "x.j2",
        /// One for each of these, which the templates then know by that name.
        each: Each = "interface",
        /// Left out where the template makes nothing.
        optional: bool = "yes",
        /// The user; root where it is left out.
        owner: String = "root",
        /// The group; root where it is left out.
        group: String = "x",
        /// The mode in octal; 0644 where it is left out.
        mode: String = "\"0640\"",
    }
}

choice! {
    /// What a file can be repeated for.
    Each {
        /// Each interface of the node.
        Interface = "interface",
    }
}

record! {
    /// A port that is opened.
    StageOpeningFields {
        /// A port, or a range such as `5900-5999`.
        port: String = "8080",
        /// The protocol.
        protocol: Protocol = "tcp",
        /// A network's name, or `any`.
        from: String = "management",
        /// Where httpd answers for that port by TLS, if the lab has `openstack.tls` and the node the stage `endpoints-tls`; it is opened as
        /// well, and stands in the public URLs of keystone's catalogue.
        tls: u64 = "18080",
    }
}

record! {
    /// A database and the user that owns it.
    DatabaseFields {
        /// Its name.
        name: String = "x",
        /// Its user.
        user: String = "x",
        /// The name of the user's password.
        secret: String = "X_DBPASS",
    }
}

record! {
    /// Entries in keystone's catalogue.
    IdentityFields {
        /// Users with the role `admin` in the project `service`.
        users: Vec<Spanned<IdentityUserFields>> = "[{name: x, secret: X_PASS}]",
        /// Services with one URL for all three interfaces, except where it is reached by TLS.
        services: Vec<Spanned<IdentityServiceFields>> = "[{name: x, type: x, description: X, url: \"http://controller/\"}]",
    }
}

record! {
    /// A user.
    IdentityUserFields {
        /// Its name.
        name: String = "x",
        /// The name of its password.
        secret: String = "X_PASS",
        /// The project that it is for, which is made; `service` where it is left out.
        project: String = "service",
        /// Its role there; `admin` where it is left out.
        role: String = "admin",
    }
}

record! {
    /// A service and its endpoints.
    IdentityServiceFields {
        /// Its name.
        name: String = "x",
        /// Its type.
        kind as "type": String = "x",
        /// Its description.
        description: String = "X",
        /// Where it answers; a template.
        url: String = "\"http://controller:5000/v3/\"",
    }
}

/// Reads the text of a `stage.yaml`, the source file of that number. What is wrong goes to `findings`; a text that is no
/// mapping yields nothing.
pub fn stage(text: &str, file: usize, findings: &mut Findings) -> Option<StageFields> {
    read(text, file, findings)
}

/// Reads the text of a `secrets.yaml` of stages: name and purpose of each secret.
pub fn stage_secrets(text: &str, file: usize, findings: &mut Findings) -> Option<Entries<String>> {
    read(text, file, findings)
}

fn read<T: Decode>(text: &str, file: usize, findings: &mut Findings) -> Option<T> {
    let mut tree = yaml::parse(text, file, findings)?;
    if let Value::Null = tree.value {
        tree.value = Value::Map(Vec::new());
    }
    // An option with nothing after it is an option with an empty value.
    let options = entries(&mut tree).filter(|(name, _)| *name == "settings");
    let files = options.flat_map(|(_, files)| entries(files));
    for (_, value) in files.flat_map(|(_, s)| entries(s)).flat_map(|(_, o)| entries(o)) {
        if let Value::Null = value.value {
            value.value = Value::Scalar(String::new());
        }
    }
    // No file that stages name is read here.
    let mut sources = Sources::new("");
    T::decode(&tree, &mut Reader::new(findings, &mut sources))
}

fn entries(node: &mut Node) -> impl Iterator<Item = (&str, &mut Node)> {
    let entries =
        if let Value::Map(entries) = &mut node.value { &mut entries[..] } else { &mut [] };
    entries.iter_mut().map(|(key, node)| (key.name.as_str(), node))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_told_at_its_place() {
        let text = "summary: x\npackges: [a]\nfirewall:\n  - {port: 1, protocol: tpc, from: any}\nmemory: much\n";
        let mut findings = Findings::default();
        assert!(stage(text, 1, &mut findings).is_some());
        let told = findings.sorted().into_iter().map(|f| {
            let at = f.span.map_or((0, 0), |s| (s.line, s.column));
            (at, f.message, f.help.unwrap_or_default())
        });
        let told: Vec<_> = told.collect();
        let told: Vec<_> = told.iter().map(|(at, m, h)| (*at, m.as_str(), h.as_str())).collect();
        assert_eq!(
            told,
            [
                ((2, 1), "unknown key `packges`", "did you mean `packages`?"),
                ((4, 25), "`tpc` cannot be used here", "did you mean `tcp`?"),
                ((5, 9), "`much` is not a whole number", "for example `memory: 2`"),
            ]
        );
    }

    #[test]
    fn an_option_may_be_empty() {
        let mut findings = Findings::default();
        let stage = stage("settings: {/etc/x: {a: {b: }}}\n", 1, &mut findings).expect("read");
        let options: Vec<_> = stage.settings.expect("settings").value.options().collect();
        assert_eq!(options[0].value.value, "");
    }
}
