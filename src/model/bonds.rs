//! Options of the kernel's bonding driver, as far as NetworkManager takes them: a bond with one that it does not take is
//! none at all, and the node has no network.

use crate::report::{Rule, did_you_mean};
use crate::spec::{BondMode, BondSpec};

use super::settle::Resolver;

/// What NetworkManager 1.18 knows (nm-setting-bond), but for `mode`, which is a key of its own.
const KNOWN: [&str; 26] = [
    "active_slave",
    "ad_actor_sys_prio",
    "ad_actor_system",
    "ad_select",
    "ad_user_port_key",
    "all_slaves_active",
    "arp_all_targets",
    "arp_interval",
    "arp_ip_target",
    "arp_validate",
    "downdelay",
    "fail_over_mac",
    "lacp_rate",
    "lp_interval",
    "miimon",
    "min_links",
    "num_grat_arp",
    "num_unsol_na",
    "packets_per_slave",
    "primary",
    "primary_reselect",
    "resend_igmp",
    "tlb_dynamic_lb",
    "updelay",
    "use_carrier",
    "xmit_hash_policy",
];

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
        for option in written.value.split_whitespace() {
            match one(option, mode, members, &options) {
                Ok(option) => options.push(option),
                Err((message, help)) => r.tell(Rule::BondOption, written, message, help),
            }
        }
        if let Err((message, help)) = together(&options, mode) {
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
    if !KNOWN.contains(&name) {
        return Err((format!("bonds have no option `{name}`"), did_you_mean(name, KNOWN)));
    }
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
        "primary" | "active_slave" if !members.iter().any(|m| m == value) => Err((
            format!("`{value}` is no member of this bond"),
            did_you_mean(value, members.iter().map(String::as_str)),
        )),
        "miimon" | "arp_interval" | "updelay" | "downdelay" if value.parse::<u32>().is_err() => {
            Err((
                format!("`{option}` is no number of milliseconds"),
                format!("for example `{name}=100`"),
            ))
        }
        _ => Ok((name.to_owned(), value.to_owned())),
    }
}

/// What goes together, and what does not.
fn together(options: &[(String, String)], mode: BondMode) -> Result<(), Told> {
    let has = |name: &str| options.iter().any(|(n, v)| n == name && v != "0");
    let told = |message: &str, help: &str| Err((message.to_owned(), help.to_owned()));
    if has("miimon") && has("arp_interval") {
        return told("`miimon` and `arp_interval` exclude each other", "keep one of the two");
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
