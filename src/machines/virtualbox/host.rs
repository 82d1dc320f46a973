//! What of the host's system is in VirtualBox's way, from texts that anybody may read.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Where host-only interfaces may have addresses unless the host says otherwise, on Linux, macOS and Solaris since 6.1.28.
pub(super) const ALLOWED: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 56, 0), 21);

/// Where the host says otherwise.
pub(super) const NETWORKS_CONF: &str = "/etc/vbox/networks.conf";

/// The subnets that `networks.conf` allows; nothing where it is not there. Lines begin with `*`; `#` begins a comment.
pub(super) fn allowed(conf: Option<&str>) -> Vec<Ipv4Net> {
    let Some(conf) = conf else { return vec![ALLOWED] };
    let lines = conf.lines().filter_map(|line| line.split('#').next()?.trim().strip_prefix('*'));
    lines.flat_map(str::split_whitespace).filter_map(|net| net.parse().ok()).collect()
}

/// Why KVM keeps the processor's virtualisation from VirtualBox, and what to do: from `/proc/modules` and
/// `/sys/module/kvm/parameters/enable_virt_at_load`.
pub(super) fn kvm(modules: &str, at_load: &str) -> Option<(String, String)> {
    let of = |name: &'static str| {
        let line = modules.lines().find(|line| line.split(' ').next() == Some(name))?;
        Some((name, line.split(' ').nth(2)?.parse::<u32>().ok()?))
    };
    let (name, users) = ["kvm_intel", "kvm_amd"].into_iter().find_map(of)?;
    if users > 0 {
        let seen = format!("machines of KVM's run ({name} has {users} users)");
        return Some((
            seen,
            "end them: on Linux only one program at a time has the processor's virtualisation"
                .to_owned(),
        ));
    }
    // Since Linux 6.12 KVM takes it as soon as it is loaded.
    let holds = ["Y", "1"].contains(&at_load.trim());
    let fix = format!(
        "unload it (`sudo modprobe -r {name}`), or start Linux with `kvm.enable_virt_at_load=0`"
    );
    holds.then(|| (format!("{name} is loaded, and holds the processor's virtualisation"), fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_allows_is_read() {
        assert_eq!(allowed(None), [ALLOWED]);
        let net = |text: &str| text.parse::<Ipv4Net>().expect("a subnet");
        let conf = "# * 1.0.0.0/8\n* 10.0.0.0/8 192.168.0.0/16\n* 2001::/64\n10.9.0.0/16\n*172.16.0.0/12\n";
        assert_eq!(
            allowed(Some(conf)),
            [net("10.0.0.0/8"), net("192.168.0.0/16"), net("172.16.0.0/12")]
        );
        assert_eq!(allowed(Some("")), []);
    }

    #[test]
    fn kvm_is_in_the_way_while_it_is_used_or_holds_on_by_itself() {
        let modules = "nfs 1 0 - Live 0x0\nkvm_intel 380928 4 - Live 0x0\nkvm 1146880 1 kvm_intel, Live 0x0\n";
        assert!(kvm(modules, "N\n").is_some_and(|(seen, _)| seen.contains("4 users")));
        let idle = modules.replace(" 4 ", " 0 ");
        assert_eq!(kvm(&idle, "N\n"), None);
        assert_eq!(kvm(&idle, ""), None);
        assert!(kvm(&idle, "Y\n").is_some_and(|(_, fix)| fix.contains("kvm_intel")));
        assert_eq!(kvm("nfs 1 0 - Live 0x0\n", "Y"), None);
    }
}
