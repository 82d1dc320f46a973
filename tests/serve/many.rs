//! Many nodes at once.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread::Builder;

use crate::common::Lab;
use crate::kept::lab_of;
use crate::running::Serving;

/// The first hardware address of every node.
pub fn macs(lab: &Lab) -> BTreeMap<String, String> {
    let plan = lab.done(&["plan", "--format", "json"]).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("a plan");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let nodes = plan["nodes"].as_array().expect("nodes").iter();
    nodes.map(|node| (text(&node["name"]), text(&node["interfaces"][0]["mac"]))).collect()
}

#[test]
fn all_boot_at_once_and_each_gets_its_own() {
    let count = 1000;
    let serving = Serving::of(lab_of(count), &["--rate", "0"]);
    let macs: Vec<_> = macs(&serving.lab).into_iter().collect();
    serving.wait_for(&macs[count - 1].0, "armed");
    for (name, _) in &macs {
        serving.wait_for(name, "armed");
    }
    // None begins before all are there.
    let gate = Barrier::new(count);
    std::thread::scope(|scope| {
        for (name, mac) in &macs {
            let (serving, gate) = (&serving, &gate);
            let node = Builder::new().stack_size(256 << 10);
            let node = node.spawn_scoped(scope, move || {
                gate.wait();
                install(serving, name, mac);
            });
            node.expect("a thread");
        }
    });
    let nodes = serving.get("/api/v1/nodes").json();
    let nodes = nodes["nodes"].as_array().expect("nodes").iter();
    let states: Vec<_> =
        nodes.map(|node| (node["state"].as_str(), node["attempts"].as_u64())).collect();
    assert_eq!(states, vec![(Some("installed"), Some(1)); count]);
}

fn install(serving: &Serving, name: &str, mac: &str) {
    let script = serving.get(&format!("/ipxe?mac={mac}")).text();
    assert!(script.contains(&format!("# {name} (role ")), "{script}");
    let url =
        script.split(' ').find_map(|word| word.strip_prefix("inst.ks=")).expect("a kickstart");
    let path = url.split_once(&serving.address.to_string()).expect("here").1;
    for file in ["vmlinuz", "initrd.img"] {
        let file = path.replace("/ks", &format!("/tree/images/pxeboot/{file}"));
        assert_eq!(serving.get(&file).status, 200);
    }
    let kickstart = serving.get_as(mac, path).text();
    assert!(kickstart.starts_with(&format!("# Kickstart of the node {name} ")), "{name}");
    assert_eq!(serving.tell(&Serving::report_path(&kickstart), "what=installed").status, 204);
}
