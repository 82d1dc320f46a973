//! How a machine's interfaces are made of each other: bonds of ports, VLANs on links, bridges of ports.

use std::collections::HashMap;

use crate::report::{Rule, did_you_mean};
use crate::spec::{BondMode, Entry, InterfaceSpec, Spanned};

use super::net::interface_name;
use super::settle::Resolver;
use super::{Kind, bonds};

/// An interface, as far as it is known without its network.
pub(super) struct Link<'s> {
    pub name: String,
    pub kind: Kind,
    /// What the lab says of it; nothing of a port that only others name.
    pub spec: Option<&'s InterfaceSpec>,
    /// Where its name stands.
    pub key: &'s Spanned<String>,
    /// The bond or bridge that it is a part of.
    pub master: Option<String>,
    /// Whether VLANs sit on it.
    pub carries: bool,
}

/// Interfaces of a machine, and parts of one of them: more are looked at no more.
const MOST: usize = 256;

fn tell_many(at: &Spanned<String>, what: &str, r: &mut Resolver) {
    let message = format!("there are more than {MOST} {what}");
    r.tell(Rule::TooLarge, at, message, "no machine has so many");
}

/// The interfaces that are written, in their order, then the ports that they imply.
pub(super) fn resolve<'s>(written: &'s [Entry<InterfaceSpec>], r: &mut Resolver) -> Vec<Link<'s>> {
    let mut links: Vec<Link<'s>> = Vec::new();
    if let Some(entry) = written.get(MOST) {
        tell_many(&entry.name, "interfaces", r);
    }
    for entry in written.iter().take(MOST) {
        match interface_name(&entry.name.value) {
            Ok(name) => {
                let kind = kind(&name, entry, r);
                let (spec, key) = (Some(&entry.value), &entry.name);
                links.push(Link { name, kind, spec, key, master: None, carries: false });
            }
            Err(allowed) => r.reject(&entry.name, allowed),
        }
    }
    let mut places: HashMap<String, usize> =
        links.iter().enumerate().map(|(i, link)| (link.name.clone(), i)).collect();
    for i in 0..links.len() {
        for part in links[i].spec.map(parts).unwrap_or_default() {
            let place = match places.get(&part.value) {
                Some(place) => *place,
                None if !is_port(part, &links, r) => continue,
                None => {
                    let (name, kind) = (part.value.clone(), Kind::Ethernet);
                    places.insert(name.clone(), links.len());
                    links.push(Link {
                        name,
                        kind,
                        spec: None,
                        key: part,
                        master: None,
                        carries: false,
                    });
                    links.len() - 1
                }
            };
            join(i, place, part, &mut links, r);
        }
    }
    tell_cycles(&links, &places, r);
    tell_vlans(&links, r);
    links
}

/// The names of its parts, where they stand.
fn parts(spec: &InterfaceSpec) -> Vec<&Spanned<String>> {
    let names = match (&spec.bond, &spec.vlan, &spec.bridge) {
        (_, Some(vlan), _) => return vlan.value.link.iter().collect(),
        (Some(bond), ..) => bond.value.members.as_ref(),
        (.., Some(bridge)) => bridge.value.ports.as_ref(),
        _ => None,
    };
    names.iter().flat_map(|n| &n.value.0).take(MOST + 1).collect()
}

fn kind(name: &str, entry: &Entry<InterfaceSpec>, r: &mut Resolver) -> Kind {
    let spec = &entry.value;
    let said = [
        ("bond", spec.bond.is_some()),
        ("vlan", spec.vlan.is_some()),
        ("bridge", spec.bridge.is_some()),
    ];
    let said: Vec<_> = said.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect();
    if let [one, other, ..] = said[..] {
        let message = format!("`{name}` has `{one}` and `{other}`");
        let help = "an interface is one of them; give the other a name of its own";
        r.tell(Rule::InterfaceKind, &entry.name, message, help);
        return Kind::Ethernet;
    }
    let parts = parts(spec);
    if let Some(part) = parts.get(MOST) {
        tell_many(part, &format!("parts of `{name}`"), r);
    }
    let names: Vec<String> = parts.iter().map(|p| p.value.clone()).collect();
    if let Some(bond) = &spec.bond {
        if names.is_empty() {
            let help = "for example `bond: {members: [enp0s3, enp0s8]}`";
            r.tell(Rule::NoParts, bond, format!("the bond `{name}` has no members"), help);
        }
        let mode = bond.value.mode.as_ref().map_or(BondMode::ActiveBackup, |m| m.value);
        let options = bonds::options(&bond.value, mode, &names, r);
        return Kind::Bond { members: names, mode, options };
    }
    if let Some(bridge) = &spec.bridge {
        if names.is_empty() {
            let help = "for example `bridge: {ports: [enp0s9]}`";
            r.tell(Rule::NoParts, bridge, format!("the bridge `{name}` has no ports"), help);
        }
        let stp = bridge.value.stp.as_ref().is_some_and(|s| s.value);
        return Kind::Bridge { ports: names, stp };
    }
    let Some(vlan) = &spec.vlan else { return Kind::Ethernet };
    let id =
        r.settle_number(&format!("interfaces.{name}.vlan.id"), vlan.value.id.as_ref(), 1..=4094);
    if vlan.value.id.is_none() || vlan.value.link.is_none() {
        let message = format!("the VLAN `{name}` needs a `link` and an `id`");
        r.tell(Rule::NoParts, vlan, message, "for example `vlan: {link: bond0, id: 100}`");
    }
    let link = names.into_iter().next().unwrap_or_default();
    Kind::Vlan { link, id: id.unwrap_or(0) }
}

/// Whether a name that is not declared can be that of a port; tells where it cannot.
fn is_port(part: &Spanned<String>, links: &[Link], r: &mut Resolver) -> bool {
    let name = &part.value;
    if let Err(allowed) = interface_name(name) {
        r.reject(part, allowed);
        return false;
    }
    let made = |prefix: &str| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
    };
    if name.contains('.') || ["bond", "br", "vlan", "team"].iter().any(|p| made(p)) {
        let known = links.iter().filter(|l| l.spec.is_some()).map(|l| l.name.as_str());
        let help = match crate::report::nearest(name, known.clone()) {
            Some(_) => did_you_mean(name, known.collect::<Vec<_>>()),
            None => {
                "say beside the others what it is; only Ethernet ports need not be declared".into()
            }
        };
        r.tell(Rule::UnknownInterface, part, format!("unknown interface `{name}`"), help);
        return false;
    }
    true
}

/// Makes one interface a part of another.
fn join(whole: usize, place: usize, part: &Spanned<String>, links: &mut [Link], r: &mut Resolver) {
    let (kind, name) = (&links[whole].kind, links[whole].name.clone());
    let (is_vlan, what) = (matches!(kind, Kind::Vlan { .. }), kind.part());
    let found = &links[place];
    if let Some(why) = kind.refuses(&found.kind).filter(|_| whole != place) {
        let message = format!("`{}` is {}: {why}", part.value, found.kind.noun());
        r.tell(Rule::InterfacePart, part, message, "name another, or change what it is");
        return;
    }
    if is_vlan {
        links[place].carries = true;
    } else {
        match &found.master {
            Some(other) if *other == name => {
                let message = format!("`{}` stands twice in `{name}`", part.value);
                r.tell(Rule::PartTwice, part, message, "once is enough");
            }
            Some(other) => {
                let message =
                    format!("`{}` is {what} of `{name}` and a part of `{other}`", part.value);
                r.tell(
                    Rule::PartTwice,
                    part,
                    message,
                    "an interface is a part of one bond or bridge",
                );
            }
            None => links[place].master = Some(name.clone()),
        }
        tell_own(part, what, &name, &links[place], r);
    }
    let Link { name, kind: _, master, carries, .. } = &links[place];
    let in_bond = master.as_ref().and_then(|m| links.iter().find(|l| l.name == *m));
    if *carries && in_bond.is_some_and(|m| matches!(m.kind, Kind::Bond { .. })) {
        let message = format!("`{name}` is a member of a bond and carries a VLAN");
        r.tell(Rule::InterfacePart, part, message, "let the bond carry the VLAN");
    }
}

/// Tells what a part has of its own that is its whole's.
fn tell_own(part: &Spanned<String>, what: &str, whole: &str, link: &Link, r: &mut Resolver) {
    let Some(spec) = link.spec else { return };
    let own = [
        ("network", spec.network.is_some()),
        ("address", spec.address.is_some()),
        ("ipv6", spec.ipv6.is_some()),
        ("routes", spec.routes.is_some()),
    ];
    if let Some((key, _)) = own.iter().find(|(_, is)| *is) {
        let message = format!("`{}` has `{key}`, and is {what} of `{whole}`", part.value);
        r.tell(Rule::PartAddress, link.key, message, format!("give it to `{whole}`"));
    }
}

fn tell_cycles(links: &[Link], places: &HashMap<String, usize>, r: &mut Resolver) {
    // 0: not seen, 1: being looked at, 2: in no cycle.
    let mut seen = vec![0u8; links.len()];
    for start in 0..links.len() {
        let mut way = vec![(start, 0)];
        if seen[start] > 0 {
            continue;
        }
        seen[start] = 1;
        while let Some((i, next)) = way.last().copied() {
            let Some(part) = links[i].kind.parts().get(next) else {
                seen[i] = 2;
                way.pop();
                continue;
            };
            way.last_mut().expect("it has one").1 += 1;
            let Some(&place) = places.get(part) else { continue };
            match seen[place] {
                0 => {
                    seen[place] = 1;
                    way.push((place, 0));
                }
                1 => {
                    let from = way.iter().position(|(i, _)| *i == place).unwrap_or(0);
                    let names: Vec<_> =
                        way[from..].iter().map(|(i, _)| format!("`{}`", links[*i].name)).collect();
                    let message = if names.len() == 1 {
                        format!("{} is made of itself", names[0])
                    } else {
                        format!("{} are made of each other", names.join(" and "))
                    };
                    let help = "ports stand at the end; name one";
                    r.tell(Rule::InterfaceCycle, links[place].key, message, help);
                }
                _ => {}
            }
        }
    }
}

fn tell_vlans(links: &[Link], r: &mut Resolver) {
    let mut first: HashMap<(&str, u16), &str> = HashMap::new();
    for Link { name, kind, key, .. } in links {
        let Kind::Vlan { link, id } = kind else { continue };
        if *id == 0 || link.is_empty() {
            continue; // told
        }
        if let Some(other) = first.insert((link, *id), name) {
            let message = format!("`{other}` and `{name}` are both VLAN {id} on `{link}`");
            r.tell(Rule::VlanTwice, key, message, "give one of them another `id`");
        }
        // NetworkManager, the installer and the network scripts all read the number from such a name.
        let wrong = match (name.rsplit_once('.'), name.strip_prefix("vlan")) {
            (Some((before, number)), _) => number != id.to_string() || before == "vlan",
            (None, Some(number)) => number != id.to_string(),
            (None, None) => false,
        };
        if wrong {
            let message = format!("`{name}` is no name for VLAN {id} on `{link}`");
            let help = format!(
                "call it `{link}.{id}` or `vlan{id}`; other names have no `.` and do not begin with `vlan`"
            );
            r.tell(Rule::VlanName, key, message, help);
        }
    }
}
