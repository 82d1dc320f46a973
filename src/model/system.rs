//! The accounts and groups that a node has by itself: those of CentOS 7.9's Minimal medium and cloud image, and those
//! that the packages of OpenStack's services bring.

/// Accounts of the installed system.
const USERS: [&str; 26] = [
    "root",
    "bin",
    "daemon",
    "adm",
    "lp",
    "sync",
    "shutdown",
    "halt",
    "mail",
    "operator",
    "games",
    "ftp",
    "nobody",
    "systemd-network",
    "dbus",
    "polkitd",
    "sshd",
    "postfix",
    "chrony",
    "tss",
    "rpc",
    "rpcuser",
    "nfsnobody",
    "ntp",
    "tcpdump",
    "libstoragemgmt",
];

/// Groups of the installed system that no account of the same name has.
const GROUPS: [&str; 24] = [
    "sys",
    "tty",
    "disk",
    "mem",
    "kmem",
    "wheel",
    "cdrom",
    "man",
    "dialout",
    "floppy",
    "tape",
    "video",
    "lock",
    "audio",
    "users",
    "utmp",
    "utempter",
    "input",
    "systemd-journal",
    "systemd-bus-proxy",
    "ssh_keys",
    "postdrop",
    "cgred",
    "printadmin",
];

/// Accounts, with their groups, that packages of stages and services make when they are installed. One that is there
/// already would give them another number and home.
const SERVICES: [&str; 29] = [
    "mysql",
    "rabbitmq",
    "epmd",
    "memcached",
    "etcd",
    "keystone",
    "glance",
    "placement",
    "nova",
    "neutron",
    "cinder",
    "swift",
    "heat",
    "ceilometer",
    "gnocchi",
    "aodh",
    "apache",
    "dnsmasq",
    "haproxy",
    "radvd",
    "qemu",
    "kvm",
    "libvirt",
    "unbound",
    "openvswitch",
    "hugetlbfs",
    "ceph",
    "ganesha",
    "saslauth",
];

/// Whether the installed system has an account of that name.
pub(super) fn is_user(name: &str) -> bool {
    USERS.contains(&name)
}

/// Whether the installed system has a group of that name.
pub(super) fn is_group(name: &str) -> bool {
    USERS.contains(&name) || GROUPS.contains(&name)
}

/// Whether an account of that name comes with a package.
pub(super) fn is_of_service(name: &str) -> bool {
    SERVICES.contains(&name)
}
