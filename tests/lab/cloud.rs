//! Labs whose nodes come up: real machines, emulated, from the image that stands in for CentOS's cloud image (scripts/dev/cloud-boot.sh).

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use crate::common::{Outcome, ROOT, judge, judged};
use crate::running::Machines;

/// A program that goes on until this value is dropped, or the test ends otherwise.
struct Running(Child);

impl Running {
    fn begin(words: &[&str]) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("it runs"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A lab with mirrors behind its gateway and a person's key.
struct Cloud {
    lab: Machines,
    _mirrors: Running,
}

impl Cloud {
    /// What the lab file says beside that.
    fn new(more: &str) -> Self {
        let mut make = Command::new(format!("{ROOT}/scripts/dev/cloud-boot.sh"));
        make.arg("--image");
        let image = judged(make).stdout;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        // Its clock is the controller's, and nobody waits for a better one.
        let lab = Machines::of(&format!(
            "name: cloud
openstack: {{services: []}}
cloud_image: {{path: {}}}
mirror: ['http://10.0.0.1:{port}/first']
access: {{ssh_authorized_keys: key.pub}}
templates: own
parameters:
  host-network: {{outside: none}}
  time-server: {{wait_seconds: 1}}
{more}",
            image.trim()
        ));
        std::fs::create_dir_all(lab.path("own/stack/time-server")).expect("made");
        std::fs::write(
            lab.path("own/stack/time-server/chrony.conf.j2"),
            "driftfile /var/lib/chrony/drift\nallow {{ networks.management.cidr }}\nlocal stratum 5\n",
        )
        .expect("written");
        let (outside, requests) =
            (format!("{ROOT}/tests/node/outside.py"), lab.path("requests").display().to_string());
        let mirrors = ["python3", &outside, "mirrors", "127.0.0.1", &port.to_string(), &requests];
        let mut make = judge("ssh-keygen");
        make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(lab.path("key"));
        judged(make);
        Self { lab, _mirrors: Running::begin(&mirrors) }
    }

    fn run(&self, words: &[&str]) -> Outcome {
        self.lab.run(words)
    }

    fn done(&self, words: &[&str]) -> String {
        let outcome = self.run(words);
        let console = || self.run(&["lab", "console", "controller", "--tail", "30"]).stdout;
        assert_eq!(outcome.status, 0, "{words:?}\n{outcome:?}\n{}", console());
        outcome.stdout
    }

    fn on(&self, node: &str, command: &str) -> String {
        self.done(&["lab", "ssh", "-i", "key", node, command])
    }
}

/// Differs after each boot.
const BOOT: &str = "cat /proc/sys/kernel/random/boot_id";

#[test]
fn a_lab_comes_up_one_node_is_made_anew_and_nothing_is_left() {
    let cloud = Cloud::new(
        "roles: {controller: {stages: [time-server, key-value-store]}}
memory: 1GiB
cpus: 1
nodes:
  controller: {role: controller, address: 10.0.0.11}
  compute: {role: compute, address: 10.0.0.31}
",
    );
    let told = cloud.done(&["lab", "up"]);
    for part in ["10.0.0.11", "10.0.0.31", "trainyard lab ssh compute"] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert_eq!(cloud.lab.powers(), ["controller running", "compute running"]);
    for node in ["controller", "compute"] {
        assert_eq!(cloud.on(node, "hostname"), format!("{node}\n"));
        // The image names its adapters by what the seed says of them; here, what the system itself would have called them.
        let names = "for n in enp0s3 enp0s9; do udevadm info /sys/class/net/$n | sed -n 's/^E: ID_NET_NAME=//p'; done";
        assert_eq!(cloud.on(node, names), "enp0s3\nenp0s9\n", "{node}");
    }
    // As the lab file says where it is installed to.
    assert_eq!(cloud.on("compute", "lsblk -dno NAME -e 11"), "sda\n");
    cloud.on("compute", "curl -sf http://controller:2379/health | grep true");

    let before = [cloud.on("controller", BOOT), cloud.on("compute", BOOT)];
    cloud.on("compute", "touch /root/old");
    cloud.done(&["lab", "rebuild", "compute"]);
    assert_eq!(cloud.on("controller", BOOT), before[0]);
    assert_ne!(cloud.on("compute", BOOT), before[1]);
    assert_eq!(cloud.on("compute", "ls -A /root | grep -cx old || true"), "0\n");
    let told = cloud.done(&["lab", "verify", "-i", "key", "compute"]);
    assert!(told.contains("the controller's etcd keeps a value"), "{told}");
    assert!(told.lines().all(|line| line.starts_with("compute: ")), "{told}");

    cloud.done(&["lab", "down"]);
    cloud.lab.nothing_is_left();
}

/// Twenty minutes, so only where there is time for it.
#[test]
fn the_base_stack_comes_up_and_is_there_again_after_a_cold_start() {
    if std::env::var_os("TRAINYARD_LONG").is_none() {
        return;
    }
    let cloud = Cloud::new(
        "memory: 3GiB
nodes:
  controller: {role: controller, address: 10.0.0.11}
  compute: {role: compute, address: 10.0.0.31}
",
    );
    cloud.done(&["lab", "up"]);
    let before = cloud.on("controller", BOOT);
    cloud.done(&["lab", "verify", "-i", "key", "--cold"]);
    assert_ne!(cloud.on("controller", BOOT), before);
    cloud.done(&["lab", "rebuild", "compute"]);
    cloud.done(&["lab", "down"]);
    cloud.lab.nothing_is_left();
}
