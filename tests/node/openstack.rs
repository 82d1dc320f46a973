//! The whole of OpenStack, on two hosts: from their kickstarts to a server that reaches the outside, and what becomes of it when a machine
//! loses its power. docs/test-hosts.md says what stands in for what.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::area::{may, must, text};
use crate::bench::{Bench, open_files, wait_until_done};
use crate::breaks::{break_openstack, break_storage, break_tls};
use crate::browser::{Browser, Window};
use crate::common::ROOT;
use crate::failing::apply;
use crate::faults::{random, seed};
use crate::host::Host;
use crate::install::install;
use crate::network::OUTSIDE;
use crate::outside::mirror;
use crate::state::starts;

fn lab_file(openstack: &str) -> String {
    let files = open_files();
    format!(
        "version: 1
name: hosts
mirror: ['{}']
openstack: {{{openstack}}}
networks:
  management: {{cidr: 10.0.0.0/24, gateway: {OUTSIDE}, dns: [{OUTSIDE}]}}
  provider: {{}}
time:
  servers: [time.example.net]
parameters:
  database: {{open_files: {files}}}
  message-queue: {{open_files: {files}}}
nodes:
  controller: {{role: controller, address: 10.0.0.11}}
  compute: {{role: compute, address: 10.0.0.31}}
",
        mirror("first")
    )
}

/// A node for volumes. Where there is neither device-mapper nor LIO, a driver of Cinder's own tests keeps them in no place; and a later Cinder than
/// Train's lets go of a volume only for who has a role of services, which Nova's user need not have for Train's.
const STORAGE: &str = "  storage: {role: storage, address: 10.0.0.41}\n";
const NO_DEVICE_MAPPER: &str = "config: {cinder.conf: {lvm: {volume_driver: cinder.tests.fake_driver.FakeLoggingVolumeDriver}, keystone_authtoken: {service_token_roles: admin}}}";

/// Two machines that the installer has just left, with OpenStack before them.
fn installed(openstack: &str) -> Bench {
    installed_of(&lab_file(openstack))
}

fn installed_of(lab: &str) -> Bench {
    let bench = Bench::openstack(lab);
    // A certificate, where the lab wants one.
    bench.lab.done(&["secrets"]);
    bench.install();
    bench
}

/// Switches both on, cuts one of them off in the middle of a stage of OpenStack's, and waits until both are done. The seed and the number say
/// where: a controller has many such stages, a compute node few.
fn come_up_with_a_cut(bench: &mut Bench, seed: u64, n: u64) {
    let begun = Instant::now();
    bench.start();
    let host = if n % 4 == 3 { &mut bench.compute } else { &mut bench.controller };
    let stages = host.stages_of_its_own();
    let first = stages
        .iter()
        .position(|stage| stage == "keystone" || stage == "nova-compute")
        .expect("one");
    let stages = &stages[first..];
    let stage = &stages[usize::try_from(random(seed, 2 * n)).expect("64 bits") % stages.len()];
    let after = Duration::from_millis(random(seed, 2 * n + 1) % 6_000);
    let end = Instant::now() + Duration::from_secs(900);
    while !host
        .stages()
        .iter()
        .any(|(name, state)| name == stage && state != "pending" && state != "waiting")
    {
        assert!(Instant::now() < end, "{stage} does not begin\n{}", host.progress());
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(after);
    println!(
        "TRAINYARD_SEED={seed}: cut {n}: {} is cut off {after:?} after {stage} began",
        host.name
    );
    host.power_cut();
    host.start(&bench.switches);
    bench.wait_until_done();
    println!("done after {:.1?}", begun.elapsed());
}

/// Nothing is there twice, and nothing is missing. (That each endpoint is there once, the verification asks.)
fn is_whole(bench: &Bench) {
    let names = |words: &str| {
        let mut names: Vec<_> = rows(bench, words).into_iter().map(|row| row.join(" ")).collect();
        names.sort();
        names.join(", ")
    };
    let (cinder, volumes, endpoints) = if bench.lab.read("lab.yaml").contains(STORAGE) {
        ("cinder, ", ", volumev2, volumev3", 21)
    } else {
        ("", "", 15)
    };
    assert_eq!(
        names("identity /users users name"),
        format!("admin, {cinder}demo, glance, neutron, nova, placement")
    );
    assert_eq!(names("identity /projects projects name"), "admin, demo, service");
    assert_eq!(
        names("identity /services services type"),
        format!("compute, identity, image, network, placement{volumes}")
    );
    assert_eq!(rows(bench, "identity /endpoints endpoints id").len(), endpoints);
    let sql = |query: &str| {
        bench.controller.done(&format!("mysql --defaults-file=/root/.my.cnf -BNe '{query}'"))
    };
    assert_eq!(sql("SELECT name FROM nova_api.cell_mappings ORDER BY id"), "cell0\ncell1\n");
    assert_eq!(sql("SELECT host FROM nova_api.host_mappings"), "compute\n");
    let services = "compute /os-services services binary host";
    assert_eq!(
        names(services),
        "nova-compute compute, nova-conductor controller, nova-scheduler controller"
    );
}

/// Waits until every stage of both is content: after a boot, routers and DHCP are there only after their agents.
fn verified(bench: &Bench) {
    for host in [&bench.controller, &bench.compute] {
        is_verified(host);
    }
}

fn is_verified(host: &Host) {
    host.wait_until(
        420,
        "trainyard-node verify >/run/said || { grep -A 4 FAILED /run/said; exit 1; }",
    );
    println!("{}: {} checks", host.name, host.done("grep -c '^ *ok ' /run/said").trim());
}

/// A file of this machine that a host has as a block device, which LVM's own programs write to: a group needs no device-mapper until
/// something of it is made active.
struct DataDisk(String);

impl DataDisk {
    fn new(bench: &Bench) -> Self {
        let file = bench.area.path("data-disk");
        std::fs::File::create(&file).and_then(|f| f.set_len(4 << 30)).expect("a file");
        Self(must("losetup", &["--find", "--show", text(&file)]).trim().to_owned())
    }

    fn put_into(&self, host: &Host) {
        let number = must("stat", &["-c", "%Hr %Lr", &self.0]);
        host.wait_until(30, "systemctl -q is-active sysinit.target");
        host.done(&format!("mknod /dev/sdb b {number}"));
    }
}

impl Drop for DataDisk {
    fn drop(&mut self) {
        may("losetup", &["--detach", &self.0]);
    }
}

/// The stage's own programs have made it, and the database has the service that offers it.
fn has_a_group_of_volumes(storage: &Host) {
    let groups = storage.done("pvs --noheadings -o vg_name,pv_name");
    assert_eq!(groups.split_whitespace().collect::<Vec<_>>(), ["cinder-volumes", "/dev/sdb"]);
    let filter = storage.done("lvmconfig devices/global_filter");
    assert!(filter.contains("a|^/dev/sdb$|") && filter.contains("\"r|.*|\"]"), "{filter}");
    storage.done("trainyard-node run --force cinder-volume");
}

/// A service's list, as the runner's own client prints it.
fn rows(bench: &Bench, words: &str) -> Vec<Vec<String>> {
    let command = format!(
        "set -a; . /etc/trainyard/node.env; python2 /usr/local/libexec/trainyard/cloud.py rows {words}"
    );
    let said = bench.controller.done(&command);
    said.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// The server that `smoke --keep` left, as the networks see it.
struct Server {
    port: String,
    mac: String,
    address: String,
    network: String,
}

impl Server {
    fn of(bench: &Bench) -> Self {
        let ports = "network '/v2.0/ports?device_owner=compute:nova' ports id mac_address fixed_ips network_id";
        let port = rows(bench, ports).into_iter().next().expect("a port");
        let (_, address) = port[2].split_once("ip_address': '").expect("an address");
        let address = address.split('\'').next().expect("an address").to_owned();
        Self { port: port[0].clone(), mac: port[1].clone(), address, network: port[3].clone() }
    }

    /// A namespace of the compute node plays it: the fake driver plugs nothing in.
    fn plug(&self, host: &Host) {
        let (tap, bridge) =
            (format!("tap{}", &self.port[..11]), format!("brq{}", &self.network[..11]));
        host.done(&format!(
            "ip netns add server
             ip link add {tap} type veth peer name eth0 netns server
             ip -n server link set lo up
             ip -n server link set eth0 address {} mtu 1450 up
             ip link set {tap} up",
            self.mac
        ));
        // The agent makes the bridge when it sees the device, and leaves it to the Compute service to put that in.
        host.wait_until(120, &format!("ip link set {tap} master {bridge}"));
    }

    /// Asks for its address, as the system of a server does, and returns what it got. The usual script would make the node's own name server
    /// that of the server.
    fn asks_for_its_address(host: &Host) -> String {
        host.done(
            "cat >/run/leased <<'END'
#!/bin/sh
ip link set $interface up
[ -z \"$new_ip_address\" ] || ip address replace $new_ip_address/24 dev $interface
[ -z \"$new_routers\" ] || ip route replace default via $new_routers
# Without a router of OpenStack's, the way to the metadata service is told like this: width, net and gateway (RFC 3442).
set -- $new_rfc3442_classless_static_routes
while [ $# -gt 4 ]; do
    width=$1 net='' bytes=$((($1 + 7) / 8)); shift
    for byte in 1 2 3 4; do
        if [ $byte -le $bytes ]; then net=$net.$1; shift; else net=$net.0; fi
    done
    ip route replace ${net#.}/$width via $1.$2.$3.$4 dev $interface; shift 4
done
END
chmod +x /run/leased",
        );
        host.wait_until(
            120,
            "ip netns exec server timeout 20 dhclient -1 -q -sf /run/leased -pf /run/server.pid -lf /run/server.leases eth0",
        );
        host.done("ip -n server -4 -o address show eth0 | awk '{ print $4 }'").trim().to_owned()
    }
}

/// Passes connections on from this machine's loopback to a host's port, until it is dropped.
struct Forwarded {
    relay: Child,
    port: u16,
}

impl Forwarded {
    fn new(bench: &Bench, address: &str, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let here = listener.local_addr().expect("an address").port();
        let mut relay = Command::new("setpriv");
        relay.args(["--pdeathsig", "KILL", "nsenter", &format!("--net={}", bench.switches.path())]);
        relay.args(["python3", &format!("{ROOT}/tests/node/outside.py"), "relay"]);
        relay.args([address, &port.to_string()]).stdin(OwnedFd::from(listener));
        let relay = relay.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a relay");
        Self { relay, port: here }
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        let _ = self.relay.kill();
        let _ = self.relay.wait();
    }
}

#[test]
fn a_server_comes_up_and_reaches_the_outside_and_all_is_back_after_a_power_cut() {
    let mut bench = installed("networking: self-service");
    come_up_with_a_cut(&mut bench, seed(), 0);
    verified(&bench);
    is_whole(&bench);
    break_openstack(&bench);
    let stages = bench.controller.done("cat /var/log/trainyard/*.log");
    for secret in bench.controller.secrets() {
        assert!(!stages.contains(&secret), "a secret stands in a stage's log");
    }
    let took =
        bench.controller.done("trainyard-node status | awk '/ done / { print $1, $(NF - 1) }'");
    println!("{}", took.replace('\n', ", "));
    let memory = bench.controller.run_file("memory.sh");
    println!("{memory}");
    let all = memory.lines().find(|line| line.ends_with(" in all")).expect("a sum");
    let all: u32 = all.split_whitespace().next().and_then(|n| n.parse().ok()).expect("MiB");
    assert!(all < 3500, "a controller of 4 GiB has no room for that");

    let said = bench.controller.done("trainyard-node smoke --keep");
    println!("{said}");
    assert!(said.contains("ok server: ACTIVE on compute"), "{said}");
    let server = Server::of(&bench);
    server.plug(&bench.compute);
    let address = Server::asks_for_its_address(&bench.compute);
    assert_eq!(address, format!("{}/24", server.address));
    let inside = "ip netns exec server";
    // The router at the other node, through VXLAN; the outside, through the router's address on the provider network.
    bench.compute.wait_until(60, &format!("{inside} ping -c 1 -W 2 172.31.250.1"));
    bench.compute.wait_until(60, &format!("{inside} ping -c 1 -W 2 203.0.113.1"));
    // It answers with the server's name only where both halves of METADATA_SECRET agree.
    let name =
        format!("{inside} curl -sf --max-time 30 http://169.254.169.254/latest/meta-data/hostname");
    bench.compute.wait_until(120, &name);
    assert!(bench.compute.done(&name).starts_with("trainyard-smoke"), "its name");
    let floating = floating_address(&bench, &server);
    assert!(bench.switches.reach(&floating), "{floating} from the provider's side");

    dashboard(&bench);

    bench.controller.power_cut();
    bench.controller.start(&bench.switches);
    verified(&bench);
    assert!(
        bench.switches.reach(&floating),
        "{floating} again, when the node says that it is verified"
    );
    assert_eq!(Server::asks_for_its_address(&bench.compute), address);
    let said = bench.controller.done("trainyard-node smoke");
    assert!(said.contains("ok tidy: of an earlier run, ") && said.contains("ok clean"), "{said}");
}

/// An address of the provider network that leads to the server.
fn floating_address(bench: &Bench, server: &Server) -> String {
    let outside = rows(bench, "network '/v2.0/networks?router:external=True' networks id");
    let said = bench.controller.done(&format!(
        ". /root/demo-openrc; openstack floating ip create --port {} -f value -c floating_ip_address {}",
        server.port, outside[0][0]
    ));
    said.trim().to_owned()
}

/// A browser logs in, and sees the server.
fn dashboard(bench: &Bench) {
    let forwarded = Forwarded::new(bench, "10.0.0.11", 80);
    let browser = Browser::new(Window::Desktop, &[]);
    browser.open(&format!("http://127.0.0.1:{}/dashboard", forwarded.port));
    browser.wait("document.querySelector('input[name=password]') !== null");
    let password = bench.controller.done("sed -n 's/^DEMO_PASS=//p' /etc/trainyard/secrets.env");
    browser.run(&format!(
        "document.querySelector('input[name=domain]').value = 'Default';
         document.querySelector('input[name=username]').value = 'demo';
         document.querySelector('input[name=password]').value = '{}';
         document.querySelector('form').submit();",
        password.trim()
    ));
    browser.wait("location.pathname.startsWith('/dashboard/project')");
    browser.open(&format!("http://127.0.0.1:{}/dashboard/project/instances/", forwarded.port));
    browser.wait("document.body.innerText.includes('trainyard-smoke')");
    std::fs::write(format!("{ROOT}/target/dashboard.png"), browser.picture()).expect("written");
}

#[test]
fn power_cuts_anywhere_end_in_the_same_state() {
    if std::env::var_os("TRAINYARD_LONG").is_none() {
        return;
    }
    let seed = seed();
    for n in 1..10 {
        let mut bench = installed("networking: self-service");
        come_up_with_a_cut(&mut bench, seed, n);
        verified(&bench);
        is_whole(&bench);
    }
}

#[test]
fn servers_on_the_provider_network_with_tls_and_a_compute_node_that_comes_later() {
    if std::env::var_os("TRAINYARD_LONG").is_none() {
        return;
    }
    let lab = lab_file(&format!("networking: provider, tls: yes, {NO_DEVICE_MAPPER}")) + STORAGE;
    let mut bench = installed_of(&lab);
    let mut storage = Host::new(&bench.area, "storage");
    install(&bench.area, &bench.lab, storage.name, &storage.layer());
    let disk = DataDisk::new(&bench);
    bench.start();
    storage.start(&bench.switches);
    disk.put_into(&storage);
    bench.wait_until_done();
    wait_until_done(&mut storage, &bench.switches, Instant::now());
    verified(&bench);
    is_verified(&storage);
    has_a_group_of_volumes(&storage);
    is_whole(&bench);
    // By the public endpoints, as people ask.
    bench.controller.done(
        "set -e; . /root/admin-openrc; head -c 1048576 /dev/zero >/run/image
         openstack image create --file /run/image --disk-format raw --container-format bare by-tls
         openstack image delete by-tls; openstack hypervisor list; openstack network agent list",
    );
    bench.compute.done("test ! -e /etc/pki/tls/private/endpoints.pem");
    // Whatever is done again is there once.
    for host in [&bench.controller, &bench.compute] {
        let before = starts(host);
        host.done("trainyard-node run --force");
        assert_eq!(starts(host), before, "services were started again on {}", host.name);
    }
    is_whole(&bench);
    // firewalld throws the agent's rules away when it starts.
    let again = "systemctl stop firewalld && systemctl is-active neutron-linuxbridge-agent && systemctl start firewalld";
    bench.compute.done(again);
    verified(&bench);
    break_tls(&bench);
    break_storage(&bench, &storage);
    let said = bench.controller.done("trainyard-node smoke --keep");
    assert!(said.contains("ok server: ACTIVE on compute, 203.0.113."), "{said}");
    let server = Server::of(&bench);
    server.plug(&bench.compute);
    let address = Server::asks_for_its_address(&bench.compute);
    assert_eq!(address, format!("{}/24", server.address));
    bench.compute.wait_until(60, "ip netns exec server ping -c 1 -W 2 203.0.113.1");
    bench.compute.wait_until(120, "ip netns exec server curl -sf --max-time 30 http://169.254.169.254/latest/meta-data/hostname");
    assert!(bench.switches.reach(&server.address), "{} from the provider's side", server.address);

    let lab = bench.lab.read("lab.yaml") + "  compute2: {role: compute, address: 10.0.0.32}\n";
    std::fs::write(bench.lab.path("lab.yaml"), lab).expect("written");
    bench.lab.done(&["secrets"]);
    for host in [&bench.controller, &bench.compute] {
        apply(host, &bench.lab);
    }
    let mut third = Host::new(&bench.area, "compute2");
    install(&bench.area, &bench.lab, third.name, &third.layer());
    third.start(&bench.switches);
    wait_until_done(&mut third, &bench.switches, Instant::now());
    // Its hypervisor is listed, so it is mapped: nobody ran anything on the controller.
    third.wait_until(
        300,
        "trainyard-node verify >/run/said || { grep -A 4 FAILED /run/said; exit 1; }",
    );
    verified(&bench);
    let said = bench.controller.done("trainyard-node smoke");
    for part in ["ok server: ACTIVE on compute", "ok volume: ", "ok clean"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
