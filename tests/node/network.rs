//! The networks of a lab: a namespace with a switch for each, and one for every host.

use std::path::Path;
use std::process::Command;

use crate::area::{may, must, prefix};

/// The namespace in which both switches stand. It has the addresses of what is outside.
pub struct Switches {
    name: String,
}

/// Where packages, names and the time come from.
pub const OUTSIDE: &str = "10.0.0.1";

/// What is reached by way of that.
pub const BEHIND: &str = "203.0.113.1";

/// The switches, with the adapter of a host that is plugged into each.
const NETWORKS: [(&str, &str); 2] = [("management", "enp0s3"), ("provider", "enp0s9")];

impl Switches {
    pub fn new() -> Self {
        let switches = Self { name: format!("{}net", prefix()) };
        must("ip", &["netns", "add", &switches.name]);
        switches.ip(&["link", "set", "lo", "up"]);
        for (network, _) in NETWORKS {
            switches.ip(&["link", "add", network, "type", "bridge"]);
            switches.ip(&["link", "set", network, "up"]);
        }
        switches.ip(&["address", "add", &format!("{OUTSIDE}/24"), "dev", "management"]);
        switches.ip(&["address", "add", &format!("{BEHIND}/24"), "dev", "provider"]);
        switches
    }

    pub fn ip(&self, arguments: &[&str]) {
        must("ip", &[&["-n", &self.name], arguments].concat());
    }

    /// Whether an address answers to what is outside, within half a minute: to a connection to the port of ssh, where nothing listens, it says
    /// so. (This machine may have no ping.)
    pub fn reach(&self, address: &str) -> bool {
        let connect = format!(": </dev/tcp/{address}/22");
        let words = ["netns", "exec", &self.name, "timeout", "2", "bash", "-c", &connect];
        let is_refused = || {
            let output = Command::new("ip").args(words).env("LC_ALL", "C").output().expect("ip");
            String::from_utf8_lossy(&output.stderr).contains("Connection refused")
        };
        (0..15).any(|_| is_refused())
    }

    /// The namespace, as `nsenter` takes it.
    pub fn path(&self) -> String {
        format!("/run/netns/{}", self.name)
    }
}

impl Drop for Switches {
    fn drop(&mut self) {
        may("ip", &["netns", "delete", &self.name]);
    }
}

/// A host's own network, as it is when the host is switched on: two adapters without addresses.
pub struct Adapters {
    name: String,
    /// Names of the switches' ends.
    ports: Vec<String>,
}

impl Adapters {
    /// Plugs a host in. The number tells one boot from the next: the kernel takes its time to remove what was there before.
    pub fn new(switches: &Switches, host: &str, boot: usize, absent: &[&str]) -> Self {
        let name = format!("{}{host}", prefix());
        may("ip", &["netns", "delete", &name]);
        must("ip", &["netns", "add", &name]);
        let mut adapters = Self { name, ports: Vec::new() };
        for (network, adapter) in NETWORKS {
            if absent.contains(&adapter) {
                continue;
            }
            let port = format!("{}{}{}{boot}", &host[..4], &host[host.len() - 1..], &network[..4]);
            let peer = ["peer", "name", adapter, "netns", &adapters.name];
            switches.ip(&[&["link", "add", &port, "type", "veth"], &peer[..]].concat());
            switches.ip(&["link", "set", &port, "master", network, "up"]);
            adapters.ports.push(port);
        }
        adapters
    }

    /// The namespace, as `nsenter` takes it.
    pub fn path(&self) -> String {
        format!("/run/netns/{}", self.name)
    }

    /// Gives an adapter its MAC address.
    pub fn address(&self, adapter: &str, mac: &str) {
        must("ip", &["-n", &self.name, "link", "set", adapter, "address", mac]);
    }

    /// Pulls the cables, or plugs them in again.
    pub fn carrier(&self, switches: &Switches, there: bool) {
        for port in &self.ports {
            switches.ip(&["link", "set", port, if there { "up" } else { "down" }]);
        }
    }
}

impl Drop for Adapters {
    fn drop(&mut self) {
        if Path::new(&self.path()).exists() {
            may("ip", &["netns", "delete", &self.name]);
        }
    }
}
