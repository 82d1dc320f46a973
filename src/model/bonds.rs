//! Options of the kernel's bonding driver, as far as NetworkManager takes them: a bond with one that it does not take is
//! none at all, and the node has no network.

use std::net::Ipv4Addr;

use crate::report::{Rule, did_you_mean};
use crate::spec::{BondMode, BondSpec};

use super::Mac;
use super::settle::Resolver;

/// What an option's value looks like.
enum Form {
    /// A number within these bounds.
    Number(u32, u32),
    /// Milliseconds.
    Time,
    /// One of these words, or its place among them.
    Words(&'static [&'static str]),
    /// One of the bond's members.
    Member,
    /// IPv4 addresses with commas between them; the driver keeps 16 (`BOND_MAX_ARP_TARGETS`).
    Addresses,
    /// A MAC address of one machine.
    Mac,
}
use Form::{Addresses, Member, Number, Time, Words};

/// The kernel's numbers are signed.
const MOST: u32 = i32::MAX as u32;
const MOST_TARGETS: usize = 16;

/// What NetworkManager 1.18 knows (`defaults` in nm-setting-bond.c, whose bounds are those of the kernel's `bond_options.c`),
/// but for `mode`, which is a key of its own.
const KNOWN: [(&str, Form); 26] = [
    ("active_slave", Member),
    ("ad_actor_sys_prio", Number(1, 65535)),
    ("ad_actor_system", Form::Mac),
    ("ad_select", Words(&["stable", "bandwidth", "count"])),
    ("ad_user_port_key", Number(0, 1023)),
    ("all_slaves_active", Number(0, 1)),
    ("arp_all_targets", Words(&["any", "all"])),
    ("arp_interval", Time),
    ("arp_ip_target", Addresses),
    (
        "arp_validate",
        Words(&["none", "active", "backup", "all", "filter", "filter_active", "filter_backup"]),
    ),
    ("downdelay", Time),
    ("fail_over_mac", Words(&["none", "active", "follow"])),
    ("lacp_rate", Words(&["slow", "fast"])),
    ("lp_interval", Number(1, MOST)),
    ("miimon", Time),
    ("min_links", Number(0, MOST)),
    ("num_grat_arp", Number(0, 255)),
    ("num_unsol_na", Number(0, 255)),
    ("packets_per_slave", Number(0, 65535)),
    ("primary", Member),
    ("primary_reselect", Words(&["always", "better", "failure"])),
    ("resend_igmp", Number(0, 255)),
    ("tlb_dynamic_lb", Number(0, 1)),
    ("updelay", Time),
    ("use_carrier", Number(0, 1)),
    ("xmit_hash_policy", Words(&["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4"])),
];

impl Form {
    /// Whether a value has this form; otherwise what is wrong with the option, and what is allowed.
    fn check(&self, name: &str, value: &str, members: &[String]) -> Result<(), Told> {
        let within = |first: u32, last: u32| {
            // `0100` would be octal to the kernel, and `+1` nothing to NetworkManager.
            let number = value.parse().ok().filter(|n: &u32| n.to_string() == value);
            number.is_some_and(|n| (first..=last).contains(&n))
        };
        let option = format!("{name}={value}");
        let (fits, message, help) = match self {
            Number(first, last) => (
                within(*first, *last),
                format!("`{option}` is out of bounds"),
                format!("a whole number from {first} to {last}"),
            ),
            Time => (
                within(0, MOST),
                format!("`{option}` is no number of milliseconds"),
                format!("for example `{name}=100`; {MOST} at most"),
            ),
            Words(words) => (
                words.contains(&value) || within(0, u32::try_from(words.len()).unwrap_or(0) - 1),
                format!("`{name}` cannot be `{value}`"),
                did_you_mean(value, words.iter().copied()),
            ),
            Member => (
                members.iter().any(|m| m == value),
                format!("`{value}` is no member of this bond"),
                did_you_mean(value, members.iter().map(String::as_str)),
            ),
            Addresses => (
                value.split(',').count() <= MOST_TARGETS
                    && value.split(',').all(|one| one.parse::<Ipv4Addr>().is_ok()),
                format!("`{option}` names no machines that answer"),
                format!("at most {MOST_TARGETS} IPv4 addresses with commas between them"),
            ),
            Form::Mac => (
                value.parse::<Mac>().is_ok(),
                format!("`{option}` is no address of a machine"),
                "a MAC address, such as `08:00:27:00:00:31`".to_owned(),
            ),
        };
        if fits { Ok(()) } else { Err((message, help)) }
    }
}

/// A bond's options, each as `name=value`. Without any that watches links, a dead one would go unnoticed.
pub(super) fn options(
    spec: &BondSpec,
    mode: BondMode,
    members: &[String],
    r: &mut Resolver,
) -> Vec<String> {
    let mut options: Vec<(String, String)> = Vec::new();
    let written = spec.options.as_ref();
    if let Some(written) = written {
        let errors = r.findings.times();
        for option in written.value.split_whitespace() {
            match one(option, mode, members, &options) {
                Ok(option) => options.push(option),
                Err((message, help)) => r.tell(Rule::BondOption, written, message, help),
            }
        }
        if r.findings.times() == errors
            && let Err((message, help)) = together(&options, mode)
        {
            r.tell(Rule::BondOption, written, message, help);
        }
    }
    let has = |name: &str| options.iter().any(|(n, _)| n == name);
    if !has("miimon") && !has("arp_interval") {
        options.insert(0, ("miimon".into(), "100".into()));
    }
    options.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

type Told = (String, String);

fn one(
    option: &str,
    mode: BondMode,
    members: &[String],
    before: &[(String, String)],
) -> Result<(String, String), Told> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.,:+-".contains(c);
    let (name, value) = match option.split_once('=') {
        Some((name, value)) if !value.is_empty() && value.chars().all(plain) => (name, value),
        _ => {
            let message = format!("`{option}` is no option of a bond");
            return Err((message, "blanks between them, each as `miimon=100`".into()));
        }
    };
    if name == "mode" {
        let message = "the mode stands beside the options".to_owned();
        return Err((message, format!("write `mode: {value}`")));
    }
    let Some((_, form)) = KNOWN.iter().find(|(known, _)| *known == name) else {
        let help = did_you_mean(name, KNOWN.iter().map(|(known, _)| *known));
        return Err((format!("bonds have no option `{name}`"), help));
    };
    if before.iter().any(|(other, _)| other == name) {
        return Err((format!("the option `{name}` stands twice"), "keep one of the two".into()));
    }
    let needs = |wanted: BondMode| {
        Err((format!("`{option}` is for bonds of the mode `{wanted}`"), "leave it out".to_owned()))
    };
    match name {
        "lacp_rate" | "ad_select" | "ad_actor_sys_prio" | "ad_actor_system"
        | "ad_user_port_key"
            if mode != BondMode::Lacp =>
        {
            needs(BondMode::Lacp)
        }
        "primary" | "active_slave" if mode != BondMode::ActiveBackup => {
            needs(BondMode::ActiveBackup)
        }
        _ => form.check(name, value, members).map(|()| (name.to_owned(), value.to_owned())),
    }
}

/// What goes together, and what does not.
fn together(options: &[(String, String)], mode: BondMode) -> Result<(), Told> {
    let has = |name: &str| options.iter().any(|(n, v)| n == name && v != "0");
    let told = |message: &str, help: &str| Err((message.to_owned(), help.to_owned()));
    if has("miimon") && has("arp_interval") {
        return told("`miimon` and `arp_interval` exclude each other", "keep one of the two");
    }
    let says = |name: &str| options.iter().any(|(n, _)| n == name);
    let watches_links = has("miimon") || !(says("miimon") || says("arp_interval"));
    if (has("updelay") || has("downdelay")) && !watches_links {
        return told(
            "`updelay` and `downdelay` go with `miimon`",
            "leave them out, or use `miimon=100`",
        );
    }
    if has("arp_interval") != has("arp_ip_target") {
        return told(
            "`arp_interval` and `arp_ip_target` belong together",
            "for example `arp_interval=1000 arp_ip_target=10.0.0.1`",
        );
    }
    if has("arp_interval")
        && matches!(mode, BondMode::Lacp | BondMode::BalanceTlb | BondMode::BalanceAlb)
    {
        return told("bonds of this mode do not watch by ARP", "use `miimon=100`");
    }
    Ok(())
}
