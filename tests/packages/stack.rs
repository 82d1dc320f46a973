//! The packages of the tests' repositories: names, versions and needs as the stack's own have them, with other contents.

/// One of them.
pub struct Package {
    /// The repository's folder below the mirror.
    pub at: &'static str,
    pub name: &'static str,
    /// `EPOCH:VERSION-RELEASE`, or without an epoch.
    pub version: &'static str,
    /// What else is installed with it, separated by spaces.
    pub needs: &'static str,
    /// How much it holds that cannot be made smaller.
    pub kib: usize,
}

const fn package(
    at: &'static str,
    name: &'static str,
    version: &'static str,
    needs: &'static str,
    kib: usize,
) -> Package {
    Package { at, name, version, needs, kib }
}

pub const BASE: &str = "7.9.2009/os/x86_64";
pub const UPDATES: &str = "7.9.2009/updates/x86_64";
const EXTRAS: &str = "7.9.2009/extras/x86_64";
pub const TRAIN: &str = "7.9.2009/cloud/x86_64/openstack-train";
const CEPH: &str = "7.9.2009/storage/x86_64/ceph-nautilus";
const NFS: &str = "7.9.2009/storage/x86_64/nfs-ganesha-28";
const QEMU: &str = "7.9.2009/virt/x86_64/kvm-common";
/// The lab's own, which is not of the archive.
pub const SITE: &str = "site/7/x86_64";

/// All repositories, each with its id and where its packages lie.
pub const REPOSITORIES: [(&str, &str, &str); 8] = [
    ("base", BASE, "Packages"),
    ("updates", UPDATES, "Packages"),
    ("extras", EXTRAS, "Packages"),
    // By their first letter, as the archive has these.
    ("centos-openstack-train", TRAIN, "Packages/*"),
    ("centos-ceph-nautilus", CEPH, "Packages/*"),
    ("centos-nfs-ganesha28", NFS, "Packages/*"),
    ("centos-qemu-ev", QEMU, "Packages/*"),
    ("site", SITE, ""),
];

/// Names that nobody signed, and that were signed by another than the repository's key.
pub const UNSIGNED: &str = "site-unsigned";
pub const FOREIGN: &str = "site-foreign";

/// A large one, which is long on its way.
pub const LARGE: &str = "erlang";

/// What a controller installs of them; their needs are in all repositories but the lab's own.
pub const CONTROLLER: [&str; 11] = [
    "chrony",
    "etcd",
    "mariadb-server",
    "memcached",
    "nfs-ganesha",
    "openstack-glance",
    "openstack-keystone",
    "openstack-nova-compute",
    "python2-PyMySQL",
    "python2-openstackclient",
    "rabbitmq-server",
];

/// The newer one of `updates`, and the one that takes its place where a test changes that repository.
pub const UPDATED: Package =
    package(UPDATES, "httpd", "2.4.6-99.el7.centos.1", "httpd-tools mailcap", 130);
pub const CHANGED: Package =
    package(UPDATES, "httpd", "2.4.6-100.el7.centos", "httpd-tools mailcap", 131);

/// All but small ones, [`UPDATED`] and [`CHANGED`].
pub const PACKAGES: [Package; 46] = [
    package(BASE, "chrony", "3.4-1.el7", "libseccomp", 60),
    package(BASE, "firewalld", "0.6.3-12.el7", "", 20),
    package(BASE, "kernel", "3.10.0-1160.el7", "", 100),
    package(BASE, "dnsmasq", "2.76-17.el7_9.3", "", 40),
    package(BASE, "httpd", "2.4.6-95.el7.centos", "httpd-tools mailcap", 128),
    package(BASE, "httpd-tools", "2.4.6-95.el7.centos", "", 12),
    package(BASE, "libaio", "0.3.109-13.el7", "", 3),
    package(BASE, "libevent", "2.0.21-4.el7", "", 30),
    package(BASE, "libseccomp", "2.3.1-4.el7", "", 8),
    // Its name is another in a URL.
    package(BASE, "libstdc++", "4.8.5-44.el7", "", 40),
    package(BASE, "mailcap", "2.1.41-2.el7", "", 5),
    package(BASE, "memcached", "1.4.15-10.el7_3.1", "libevent", 20),
    package(BASE, "mod_wsgi", "3.4-18.el7", "httpd", 12),
    package(BASE, "python-setuptools", "0.9.8-7.el7", "", 60),
    package(EXTRAS, "centos-release-cloud", "7-7.el7.centos", "", 2),
    package(EXTRAS, "centos-release-openstack-train", "1-1.el7.centos", "centos-release-cloud", 2),
    package(EXTRAS, "etcd", "3.3.11-2.el7.centos", "", 256),
    package(TRAIN, LARGE, "21.3.8.21-1.el7", "libstdc++", 4096),
    package(TRAIN, "mariadb", "3:10.3.20-3.el7.0.0.rdo1", "mariadb-common libstdc++", 200),
    package(TRAIN, "mariadb-common", "3:10.3.20-3.el7.0.0.rdo1", "", 4),
    package(TRAIN, "mariadb-server", "3:10.3.20-3.el7.0.0.rdo1", "mariadb libaio", 512),
    package(TRAIN, "novnc", "1.1.0-2.el7", "", 20),
    package(
        TRAIN,
        "openstack-glance",
        "1:19.0.4-1.el7",
        "python2-glance openstack-selinux python-rbd",
        6,
    ),
    package(
        TRAIN,
        "openstack-keystone",
        "1:16.0.1-1.el7",
        "python2-keystone httpd mod_wsgi openstack-selinux",
        6,
    ),
    package(TRAIN, "openstack-neutron", "1:15.3.4-1.el7", "python2-neutron dnsmasq", 6),
    package(TRAIN, "openstack-nova-api", "1:20.6.0-1.el7", "python2-nova", 6),
    package(
        TRAIN,
        "openstack-nova-compute",
        "1:20.6.0-1.el7",
        "python2-nova qemu-kvm-ev libvirt-daemon-kvm",
        6,
    ),
    package(TRAIN, "openstack-selinux", "0.8.26-1.el7", "", 30),
    package(TRAIN, "python-memcached", "1.58-1.el7", "", 10),
    package(TRAIN, "python2-PyMySQL", "0.9.2-2.el7", "", 25),
    package(TRAIN, "python2-glance", "1:19.0.4-1.el7", "python2-oslo-config python2-oslo-db", 90),
    package(TRAIN, "python2-keystone", "1:16.0.1-1.el7", "python2-oslo-config python2-oslo-db", 90),
    package(TRAIN, "python2-neutron", "1:15.3.4-1.el7", "python2-oslo-messaging", 120),
    package(TRAIN, "python2-nova", "1:20.6.0-1.el7", "python2-oslo-messaging python2-PyMySQL", 150),
    package(TRAIN, "python2-openstackclient", "4.0.2-1.el7", "python2-oslo-utils", 40),
    package(TRAIN, "rabbitmq-server", "3.6.16-1.el7", "erlang", 300),
    package(CEPH, "librbd1", "2:14.2.11-0.el7", "libstdc++", 100),
    package(CEPH, "python-rbd", "2:14.2.11-0.el7", "librbd1", 12),
    package(NFS, "libntirpc", "1.8.0-1.el7", "", 20),
    package(NFS, "nfs-ganesha", "2.8.2-1.el7", "libntirpc", 30),
    package(QEMU, "libvirt-daemon-kvm", "4.5.0-36.el7_9.5", "qemu-kvm-ev", 30),
    package(QEMU, "qemu-kvm-ev", "10:2.12.0-44.1.el7_8.1", "libaio libseccomp", 400),
    package(SITE, FOREIGN, "1.0-1", "", 1),
    package(SITE, "site-plain", "1.0-1", "httpd-tools", 1),
    package(SITE, "site-tools", "1.0-1", "site-plain", 1),
    package(SITE, UNSIGNED, "1.0-1", "", 1),
];

/// The rest of them: a few dozen small libraries of OpenStack's.
pub const SMALL: [&str; 36] = [
    "automaton",
    "barbicanclient",
    "castellan",
    "cinderclient",
    "cliff",
    "cursive",
    "debtcollector",
    "futurist",
    "glance-store",
    "glanceclient",
    "heatclient",
    "keystoneauth1",
    "keystoneclient",
    "keystonemiddleware",
    "microversion-parse",
    "neutron-lib",
    "neutronclient",
    "novaclient",
    "openstacksdk",
    "os-brick",
    "os-client-config",
    "osc-lib",
    "oslo-cache",
    "oslo-concurrency",
    "oslo-config",
    "oslo-context",
    "oslo-db",
    "oslo-i18n",
    "oslo-log",
    "oslo-messaging",
    "oslo-middleware",
    "oslo-policy",
    "oslo-rootwrap",
    "oslo-serialization",
    "oslo-service",
    "oslo-utils",
];
