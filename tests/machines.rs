//! The lines of docs/machines.md are run, with stand-ins for the programs that are not here: what they are given are files that
//! trainyard has written, the cards and MAC addresses of the lab, and options that their manuals have.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Lab, PROGRAM, ROOT, judge, judged};
use serde_json::Value;

/// Options of `VBoxManage`'s commands, from its manual (`man_VBoxManage-*.xml`) and, for names without dashes inside, its source
/// (`VBoxManageModifyVM.cpp`); `#` is an adapter's number.
const VBOXMANAGE: [(&str, &str); 6] = [
    ("natnetwork add", "--netname --network --dhcp --enable --port-forward-4"),
    ("createvm", "--name --platform-architecture --ostype --register"),
    (
        "modifyvm",
        "--memory --cpus --ioapic --rtcuseutc --boot# --nic# --nat-network# --bridgeadapter# --nicpromisc# --macaddress#",
    ),
    ("storagectl", "--name --add --controller"),
    ("storageattach", "--storagectl --port --device --type --medium"),
    ("startvm", "--type"),
];

/// Options of virt-install(1).
const VIRT_INSTALL: &str =
    "--name --memory --vcpus --os-variant --import --disk --network --graphics --noautoconsole";

/// The host's own programs that make the networks.
const OF_HOST: [&str; 4] = ["ip", "sysctl", "iptables", "mkdir"];

/// The commands of the block below a heading, as the programs got them, and the folder in which they ran.
fn run(heading: &str) -> (Lab, Vec<Vec<String>>) {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/machines.md")).expect("text");
    let part = page.split_once(&format!("\n## {heading}\n")).expect("the heading").1;
    let block = part.split("```").nth(1).and_then(|b| b.strip_prefix("sh\n")).expect("a block");

    let lab = Lab::example("reference.yaml");
    let mut create = judge("qemu-img");
    create.args(["create", "-q", "-f", "qcow2"]).arg(lab.path("base.qcow2")).arg("64M");
    judged(create);
    let text = lab.read("lab.yaml") + "cloud_image: {path: base.qcow2}\n";
    fs::write(lab.path("lab.yaml"), text).expect("written");
    fs::create_dir(lab.path("bin")).expect("made");
    let log = lab.path("log");
    // Words are kept apart by a sign that none of them holds.
    let record =
        format!("printf '%s\\037' \"${{0##*/}}\" \"$@\" >> '{0}'; echo >> '{0}'\n", log.display());
    // Images are brought by other tests.
    let trainyard = format!("[ \"$1\" = fetch ] || exec '{PROGRAM}' \"$@\"\n");
    for (name, script) in [
        ("virsh", &record),
        ("virt-install", &record),
        ("VBoxManage", &record),
        ("qemu-system-x86_64", &record),
        ("trainyard", &trainyard),
    ] {
        let path = lab.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    }
    // What is root's to do on a host is noted as well, and one file of the host's is the test's.
    let block = block.replace(">> /etc/qemu/bridge.conf", "> bridge.conf");
    for name in OF_HOST {
        let path = lab.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{record}")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    }
    let mut bash = Command::new("bash");
    bash.args(["-euc", &block]).current_dir(lab.path("")).env("HOME", lab.path(""));
    let path = std::env::var("PATH").expect("a path");
    bash.env("PATH", format!("{}:{path}", lab.path("bin").display()));
    judged(bash);
    let said = fs::read_to_string(&log).expect("something was run");
    let words = |line: &str| line.split_terminator('\u{1f}').map(str::to_owned).collect();
    (lab, said.lines().map(words).collect())
}

/// What the plan has of each node.
fn nodes(lab: &Lab) -> Vec<Value> {
    let plan = lab.done(&["plan", "--format", "json"]).stdout;
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    plan["nodes"].as_array().expect("nodes").clone()
}

/// The MAC addresses of a node's cards, in the lab's order.
fn macs(node: &Value) -> Vec<&str> {
    let cards = node["interfaces"].as_array().expect("interfaces").iter();
    cards.map(|card| card["mac"].as_str().expect("a MAC address")).collect()
}

/// The values of an option.
fn values<'w>(words: &'w [String], option: &str) -> Vec<&'w str> {
    let pairs = words.windows(2).filter(|two| two[0] == option);
    pairs.map(|two| two[1].as_str()).collect()
}

/// All options are on the list.
fn known(words: &[String], list: &str) {
    for word in words.iter().filter(|word| word.starts_with("--")) {
        let number = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let is_known = |known: &str| known == word || known == format!("{number}#");
        assert!(list.split(' ').any(is_known), "{word} in {words:?}");
    }
}

/// All files that were made for machines, but the one that others are made from.
fn made(lab: &Lab) -> BTreeSet<String> {
    let is_medium =
        |name: &String| [".qcow2", ".vdi", ".iso"].iter().any(|end| name.ends_with(end));
    lab.names(".").into_iter().filter(is_medium).filter(|name| name != "base.qcow2").collect()
}

#[test]
fn machines_of_libvirt_have_the_disks_seeds_and_cards_of_their_nodes() {
    let (lab, commands) = run("libvirt");
    let of = |program: &'static str| commands.iter().filter(move |words| words[0] == program);
    let networks: BTreeSet<&str> =
        of("virsh").filter(|w| w[1] == "net-define").map(|w| w[2].as_str()).collect();
    let mut used = BTreeSet::new();
    let machines: Vec<_> = of("virt-install").collect();
    let nodes = nodes(&lab);
    assert_eq!(machines.len(), nodes.len());
    for (words, node) in machines.into_iter().zip(&nodes) {
        known(words, VIRT_INSTALL);
        let name = node["name"].as_str().expect("a name");
        assert_eq!(values(words, "--name"), [name]);
        for (option, key) in [("--memory", "memory_mib"), ("--vcpus", "cpus")] {
            assert_eq!(values(words, option), [node["hardware"][key].to_string()], "{option}");
        }
        assert_eq!(values(words, "--os-variant"), ["centos7.0"]);
        let disks = values(words, "--disk");
        assert_eq!(
            disks,
            [
                format!("{name}.qcow2,format=qcow2,bus=virtio"),
                format!("{name}-cidata.iso,device=cdrom")
            ]
        );
        used.extend(disks.iter().map(|disk| disk.split(',').next().unwrap_or("").to_owned()));
        let cards = node["interfaces"].as_array().expect("interfaces");
        let wanted: Vec<_> = cards
            .iter()
            .zip(macs(node))
            .map(|(card, mac)| {
                let network = format!("train-{}", card["network"].as_str().expect("a name"));
                assert!(networks.contains(&*format!("{network}.xml")), "{network}");
                assert!(lab.read(&format!("{network}.xml")).contains(&format!(">{network}<")));
                format!("network={network},model=virtio,mac={mac}")
            })
            .collect();
        assert_eq!(values(words, "--network"), wanted);
        let management = lab.read("train-management.xml");
        let gateway = cards[0]["gateway"].as_str().expect("a gateway");
        assert!(management.contains(&format!("<ip address='{gateway}' netmask='255.255.255.0'/>")));
        assert_eq!(cards[0]["prefix"], 24);
    }
    assert_eq!(used, made(&lab));
}

#[test]
fn machines_of_qemu_have_the_disks_seeds_and_cards_of_their_nodes() {
    let (lab, commands) = run("QEMU");
    let made_bridges: BTreeSet<&str> = commands
        .iter()
        .filter(|words| words[..3] == ["ip", "link", "add"])
        .map(|words| words[3].as_str())
        .collect();
    // The kernel takes no longer names.
    assert!(made_bridges.len() == 2 && made_bridges.iter().all(|name| name.len() < 16));
    let allowed: BTreeSet<String> =
        lab.read("bridge.conf").lines().map(|line| line.replace("allow ", "")).collect();
    assert!(allowed.iter().map(String::as_str).eq(made_bridges.iter().copied()), "{allowed:?}");
    let machines: Vec<_> = commands.iter().filter(|w| w[0] == "qemu-system-x86_64").collect();
    let nodes = nodes(&lab);
    assert_eq!(machines.len(), nodes.len());
    let gateway = nodes[0]["interfaces"][0]["gateway"].as_str().expect("a gateway");
    let address = format!("ip address add {gateway}/24 dev train-mgmt");
    assert!(commands.iter().any(|words| words.join(" ") == address), "{address}");
    let mut used = BTreeSet::new();
    for (words, node) in machines.into_iter().zip(&nodes) {
        let name = node["name"].as_str().expect("a name");
        for (option, key) in [("-m", "memory_mib"), ("-smp", "cpus")] {
            assert_eq!(values(words, option), [node["hardware"][key].to_string()], "{option}");
        }
        let drive = values(words, "-drive")[0];
        used.extend([format!("{name}.qcow2"), format!("{name}-cidata.iso")]);
        assert_eq!(drive, format!("if=virtio,format=qcow2,file={name}.qcow2"));
        assert_eq!(values(words, "-cdrom"), [format!("{name}-cidata.iso")]);
        let wanted: Vec<_> = ["train-mgmt", "train-provider"]
            .iter()
            .zip(macs(node))
            .map(|(bridge, mac)| format!("bridge,br={bridge},model=virtio-net-pci,mac={mac}"))
            .collect();
        assert_eq!(values(words, "-nic"), wanted);

        // A real one takes these words, but for what this machine may not have: KVM, and bridges.
        let here = words[1..].iter().map(|word| {
            let word =
                word.replace("accel=kvm", "accel=tcg").replace("bridge,br=", "hubport,hubid=0,id=");
            if word == "host" { "max".to_owned() } else { word }
        });
        let mut qemu = judge("qemu-system-x86_64");
        qemu.current_dir(lab.path(".")).args(here.filter(|word| word != "-daemonize"));
        let monitor = format!("unix:{name}.monitor,server=on,wait=off");
        assert_eq!(values(words, "-monitor"), [monitor]);
        qemu.args(["-S", "-qmp", "stdio"]);
        let said = fed(qemu, "{\"execute\": \"qmp_capabilities\"}{\"execute\": \"quit\"}");
        assert!(said.contains("\"SHUTDOWN\""), "{said}");
        assert!(lab.path(&format!("{name}.log")).exists());
    }
    assert_eq!(used, made(&lab));
}

/// What a program says that is told this, and ends well.
fn fed(mut command: Command, text: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it begins");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn machines_of_virtualbox_have_the_disks_seeds_and_cards_of_their_nodes() {
    let (lab, commands) = run("VirtualBox");
    let mut used = BTreeSet::new();
    for words in &commands {
        let line = words[1..].join(" ");
        let (_, list) = VBOXMANAGE
            .iter()
            .find(|(command, _)| line.starts_with(&format!("{command} ")))
            .unwrap_or_else(|| panic!("{words:?}"));
        known(words, list);
        used.extend(values(words, "--medium").into_iter().map(str::to_owned));
    }
    assert_eq!(used, made(&lab));
    let forwarded = values(&commands[0], "--port-forward-4");
    assert_eq!(values(&commands[0], "--network"), ["10.0.0.0/24"]);
    let nodes = nodes(&lab);
    assert_eq!(forwarded.len(), nodes.len());
    for (node, rule) in nodes.iter().zip(forwarded) {
        let name = node["name"].as_str().expect("a name");
        let address = node["interfaces"][0]["address"].as_str().expect("an address");
        assert!(
            rule.starts_with(&format!("{name}:tcp:[127.0.0.1]:"))
                && rule.ends_with(&format!(":[{address}]:22")),
            "{rule}"
        );
        let of_node: Vec<&Vec<String>> =
            commands.iter().filter(|w| w.contains(&name.to_owned())).collect();
        let one = |option: &str| -> String {
            let all: Vec<_> = of_node.iter().flat_map(|words| values(words, option)).collect();
            assert_eq!(all.len(), 1, "{option} of {name}");
            all[0].to_owned()
        };
        for (option, key) in [("--memory", "memory_mib"), ("--cpus", "cpus")] {
            assert_eq!(one(option), node["hardware"][key].to_string(), "{option}");
        }
        assert_eq!((one("--nic1"), one("--nic3")), ("natnetwork".into(), "bridged".into()));
        assert_eq!(one("--nat-network1"), values(&commands[0], "--netname")[0]);
        let hex = |mac: &str| mac.replace(':', "");
        assert_eq!(
            vec![one("--macaddress1"), one("--macaddress3")],
            macs(node).into_iter().map(hex).collect::<Vec<_>>()
        );
        // What `disk` prints for this node stands on the page.
        let said = lab.done(&["disk", name, "--kind", "vdi", "--force"]).stderr;
        let printed: Vec<Vec<&str>> = said
            .lines()
            .filter_map(|line| Some(line.split_once("VBoxManage ")?.1.split(' ').collect()))
            .collect();
        assert_eq!(printed.len(), 3, "{said}");
        for words in printed {
            assert!(of_node.iter().any(|given| given[1..] == words[..]), "{words:?}");
        }
    }
}
