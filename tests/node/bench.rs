//! A lab on the bench: its file, its networks, what is outside, and the hosts of its two nodes.

use std::fs;
use std::time::{Duration, Instant};

use crate::area::Area;
use crate::cloud;
use crate::common::{Lab, ROOT};
use crate::host::Host;
use crate::install::{image, install};
use crate::network::{OUTSIDE, Switches};
use crate::outside::{Outside, mirror};

/// Dropped in this order: hosts end before their networks.
pub struct Bench {
    pub controller: Host,
    pub compute: Host,
    pub outside: Outside,
    pub switches: Switches,
    pub lab: Lab,
    pub area: Area,
    /// Whether its hosts are cloud images with seeds.
    cloud: bool,
}

/// How long a first boot may take, in seconds. Undisturbed it takes about one.
const LIMIT: u64 = 300;

/// The default lab, with the mirrors, the clock and the names that there are here, and something of each kind that people
/// add. A mirror that is a URL already stays one.
pub fn lab_file(mirrors: &[&str]) -> String {
    let mirrors: Vec<_> = mirrors
        .iter()
        .map(|how| if how.contains(':') { (*how).to_owned() } else { mirror(how) })
        .collect();
    let files = open_files();
    format!(
        "version: 1
name: hosts
mirror: [{}]
networks:
  management: {{cidr: 10.0.0.0/24, gateway: {OUTSIDE}, dns: [{OUTSIDE}], ipv6: {{cidr: \"fd00:10::/64\"}}}}
  provider: {{}}
time:
  servers: [time.example.net]
parameters:
  database: {{open_files: {files}}}
  message-queue: {{open_files: {files}}}
own_stages: own
users:
  alice: {{uid: 1500, groups: [wheel], ssh_authorized_keys: alice.pub, sudo: [\"ALL=(ALL) NOPASSWD: /usr/sbin/reboot\"]}}
services: {{dpkg-db-backup.timer: disabled, fstrim.timer: masked}}
sysctl: {{net.ipv4.tcp_fin_timeout: 45}}
kernel: {{remove: [trainyard.absent]}}
hooks:
  first_boot:
    - {{name: greet, script: \"#!/bin/bash\\necho hello >/root/greeting\\n\"}}
nodes:
  controller:
    role: controller
    interfaces:
      enp0s3: {{network: management, address: 10.0.0.11, ipv6: \"fd00:10::11\"}}
      enp0s9: {{network: provider}}
  compute:
    role: compute
    interfaces:
      enp0s3: {{network: management, address: 10.0.0.31, ipv6: \"fd00:10::31\"}}
      enp0s9: {{network: provider}}
",
        mirrors.join(", ")
    )
}

/// A stage of the lab's own, which has a database.
const OWN_STAGE: &str = "summary: what has a database
roles: [controller]
requires: [database]
secrets: [KEYSTONE_DBPASS]
databases: [{name: registry, user: registry, secret: KEYSTONE_DBPASS}]
";

/// The lab's folder, with what its file names.
fn lab_folder(text: &str) -> Lab {
    let lab = Lab::new(text);
    fs::create_dir_all(lab.path("own/registry")).expect("made");
    fs::write(lab.path("own/registry/stage.yaml"), OWN_STAGE).expect("written");
    fs::write(lab.path("own/registry/verify.sh"), "#!/bin/bash\ntrue\n").expect("written");
    fs::copy(format!("{ROOT}/examples/customised/alice.pub"), lab.path("alice.pub"))
        .expect("copied");
    lab
}

/// As many files as the stages allow their services, or as this machine allows anything.
fn open_files() -> u64 {
    let limits = fs::read_to_string("/proc/self/limits").expect("limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    let hard = line.split_whitespace().nth(4).and_then(|n| n.parse().ok());
    hard.unwrap_or(u64::MAX).min(65535)
}

impl Bench {
    /// Two machines with nothing on them, and a lab that is rendered.
    pub fn empty(lab: &str) -> Self {
        let area = Area::new(false);
        let switches = Switches::new();
        let outside = Outside::new(&area, &switches);
        let lab = lab_folder(lab);
        lab.done(&["render", "-o", "out"]);
        Self {
            controller: Host::new(&area, "controller"),
            compute: Host::new(&area, "compute"),
            outside,
            switches,
            lab,
            area,
            cloud: false,
        }
    }

    /// Two machines that are to start from a cloud image, with the seeds of their nodes in their drives.
    pub fn cloud(lab: &str) -> Self {
        let mut bench = Self::empty(lab);
        bench.cloud = true;
        bench.insert_seeds();
        bench
    }

    /// Makes the seeds of the lab as it is now, and puts them into the drives.
    pub fn insert_seeds(&mut self) {
        for host in [&mut self.controller, &mut self.compute] {
            cloud::insert_seed(&self.area, &self.lab, host);
        }
    }

    pub fn is_cloud(&self) -> bool {
        self.cloud
    }

    /// How its nodes come about.
    pub fn way(&self) -> &'static str {
        if self.cloud { "cloud" } else { "kickstart" }
    }

    /// Two machines that the installer has just left.
    pub fn installed(lab: &str) -> Self {
        let bench = Self::empty(lab);
        bench.install();
        bench
    }

    /// Does what the installer does to machines with nothing on them.
    pub fn install(&self) {
        for host in [&self.controller, &self.compute] {
            if self.cloud {
                image(&self.area, host.name, &host.layer());
                continue;
            }
            install(&self.area, &self.lab, host.name, &host.layer());
            assert!(!host.read("etc/trainyard/node.env").is_empty());
        }
    }

    /// Switches both on.
    pub fn start(&mut self) {
        self.controller.start(&self.switches);
        self.compute.start(&self.switches);
    }

    /// Waits until both have done all their stages.
    pub fn wait_until_done(&mut self) {
        let begun = Instant::now();
        for host in [&mut self.controller, &mut self.compute] {
            wait_until_done(host, &self.switches, begun);
        }
    }
}

/// Waits until the unit of the first boot has ended, and asserts that every stage is done.
pub fn wait_until_done(host: &mut Host, switches: &Switches, begun: Instant) {
    loop {
        host.tend(switches);
        let stages = host.stages();
        if !stages.is_empty() && stages.iter().all(|(_, state)| state == "done") {
            break;
        }
        let failed = stages.iter().any(|(_, state)| state == "failed");
        let late = begun.elapsed() > Duration::from_secs(LIMIT);
        assert!(!failed && !late && host.is_on(), "{}", host.progress());
        std::thread::sleep(Duration::from_millis(200));
    }
    wait_until_ended(host, 120);
    host.done("systemctl show -p Result trainyard-first-boot.service | grep -x Result=success");
}

/// Waits until the unit of the first boot has run, and is not to be started again.
pub fn wait_until_ended(host: &Host, seconds: u64) {
    host.wait_until(
        seconds,
        "systemctl -q is-active multi-user.target &&
         [ \"$(systemctl show -p ActiveState --value trainyard-first-boot.service)\" = inactive ] &&
         [ \"$(systemctl show -p ExecMainExitTimestampMonotonic --value trainyard-first-boot.service)\" -gt 0 ]",
    );
}
