//! Networks, and the interfaces that attach to them.

use super::decode::{OneOrMany, Spanned, choice, record};

record! {
    /// A network.
    NetworkSpec {
        /// Its IPv4 subnet; without one, and without DHCP, nodes hold no IPv4 address on it.
        cidr: String = "10.0.0.0/24",
        /// The way out. Nodes leave by the management network only.
        gateway: String = "10.0.0.1" else "on `management` its first address",
        /// Name servers, IPv4 or IPv6; nodes ask those of the management network. With DHCP, in the place of those that it
        /// names.
        dns: OneOrMany<String> = "[8.8.8.8]",
        /// Domains in which nodes look up short names; those of the management network count.
        search: OneOrMany<String> = "[lab.example.org]",
        /// The largest packet, in bytes, 68 to 9000.
        mtu: u64 = "9000" else "`1500`",
        /// Networks that are reached through others than the gateway. A node that is the way itself leaves the route out.
        routes: Vec<Spanned<RouteSpec>> = "[{to: 10.20.0.0/16, via: 10.0.0.254}]",
        /// How nodes get their IPv4 addresses. With `dhcp` on the management network each node
        /// still names its address (or takes it from `pool`), because `/etc/hosts` and every stage name it: the DHCP server
        /// must give that one to the node's MAC address.
        addresses: Addressing = "dhcp" else "`static`",
        /// Addresses for nodes that name none, given in the order of the file. What nodes name is left out, and
        /// where the lab has something else: gateways and routers, name servers, time servers, a proxy, mirrors, `hosts`.
        pool: String = "10.0.0.100-10.0.0.199",
        /// Its IPv6.
        ipv6: Ipv6Spec = "{cidr: \"fd00:10::/64\", gateway: \"fd00:10::1\"}" else "what routers advertise",
        /// How VirtualBox attaches it, which also decides the interface's name on the nodes.
        virtualbox: VirtualBoxSpec = "{adapter: 1, attach: nat-network}",
    }
}

record! {
    /// A network's IPv6.
    Ipv6Spec {
        /// Its subnet.
        cidr: String = "\"fd00:10::/64\"",
        /// The way out, on the management network.
        gateway: String = "\"fd00:10::1\"",
        /// More name servers, after those of `dns`.
        dns: OneOrMany<String> = "[\"2001:4860:4860::8888\"]",
        /// How nodes get their addresses.
        addresses: Ipv6Addressing = "auto" else "`static` with a `cidr`, `auto` without",
    }
}

record! {
    /// A route.
    RouteSpec {
        /// The network that it leads to.
        to: String = "10.20.0.0/16" else "needed",
        /// The address, on the network that it stands in, that knows the way.
        via: String = "10.0.0.254" else "needed",
    }
}

choice! {
    /// How nodes get their IPv4 addresses.
    Addressing {
        /// From the lab file.
        Static = "static",
        /// From a DHCP server.
        Dhcp = "dhcp",
    }
}

choice! {
    /// How nodes get their IPv6 addresses.
    Ipv6Addressing {
        /// From the lab file: each interface names its own.
        Static = "static",
        /// From what routers advertise.
        Auto = "auto",
        /// From a DHCP server.
        Dhcp = "dhcp",
        /// Not at all.
        None = "none",
    }
}

record! {
    /// A VirtualBox adapter.
    VirtualBoxSpec {
        /// Its number, 1 to 8.
        adapter: u64 = "2" else "the next that is free",
        /// What it is attached to.
        attach: Attach = "host-only" else "`host-only`",
        /// The host's interface to bridge to; `auto` chooses when the lab is made.
        host_interface: String = "eth0" else "`auto`",
    }
}

choice! {
    /// What a VirtualBox adapter is attached to.
    Attach {
        /// A NAT network of VirtualBox.
        NatNetwork = "nat-network",
        /// One of the host's interfaces.
        Bridged = "bridged",
        /// A network between the host and its machines.
        HostOnly = "host-only",
    }
}

record! {
    /// A machine's interface: an Ethernet port, or what `bond`, `vlan` or `bridge` makes it.
    InterfaceSpec {
        /// The network it attaches to. A bond's member and a bridge's port have none; what carries VLANs need not have one.
        network: String = "management",
        /// Its IPv4 address there.
        address: String = "10.0.0.31" else "on `management` the node's, elsewhere one of the network's `pool`",
        /// Its IPv6 address there, or `auto` (what routers advertise), or `none`.
        ipv6: String = "\"fd00:10::31\"" else "as the network's `ipv6` says",
        /// Its MAC address.
        mac: String = "\"08:00:27:00:00:31\"" else "derived from lab, node and interface",
        /// How the node finds it. With `mac` the port that has this `mac` gets this name, whatever it was called.
        found_by as "match": FoundBy = "mac" else "`name`",
        /// The largest packet, in bytes, 68 to 9000.
        mtu: u64 = "9000" else "the network's",
        /// Routes, beside the network's.
        routes: Vec<Spanned<RouteSpec>> = "[{to: 10.20.0.0/16, via: 10.0.0.254}]",
        /// Makes it a bond: several ports that act as one.
        bond: BondSpec = "{members: [enp0s3, enp0s8], mode: 802.3ad, options: lacp_rate=fast}",
        /// Makes it a VLAN on another interface.
        vlan: VlanSpec = "{link: bond0, id: 100}",
        /// Makes it a bridge.
        bridge: BridgeSpec = "{ports: [enp0s9]}",
    }
}

choice! {
    /// How a node finds an interface.
    FoundBy {
        /// By its name.
        Name = "name",
        /// By its MAC address.
        Mac = "mac",
    }
}

record! {
    /// A bond.
    BondSpec {
        /// The Ethernet ports that it is made of; those that are not declared need not be.
        members: OneOrMany<String> = "[enp0s3, enp0s8]" else "needed",
        /// How they share the work.
        mode: BondMode = "802.3ad" else "`active-backup`",
        /// More options of the kernel's bonding driver; a link is looked at every 100 ms (`miimon=100`) where they say nothing.
        options: String = "miimon=100 lacp_rate=fast" else "`miimon=100`",
    }
}

choice! {
    /// How the members of a bond share the work.
    BondMode {
        /// One works, the others wait.
        ActiveBackup = "active-backup",
        /// LACP; the switch must speak it too.
        Lacp = "802.3ad",
        /// In turn; the switch must know.
        BalanceRr = "balance-rr",
        /// By addresses; the switch must know.
        BalanceXor = "balance-xor",
        /// All at once.
        Broadcast = "broadcast",
        /// Outgoing by load.
        BalanceTlb = "balance-tlb",
        /// Both ways by load.
        BalanceAlb = "balance-alb",
    }
}

record! {
    /// A VLAN.
    VlanSpec {
        /// The interface that carries it: an Ethernet port, a bond or a bridge.
        link: String = "bond0" else "needed",
        /// Its number, 1 to 4094.
        id: u64 = "100" else "needed",
    }
}

record! {
    /// A bridge.
    BridgeSpec {
        /// Its ports: Ethernet ports, bonds, VLANs.
        ports: OneOrMany<String> = "[enp0s9]" else "needed",
        /// Whether it speaks the spanning tree protocol.
        stp: bool = "no" else "`no`",
    }
}
