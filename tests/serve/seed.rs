//! The seed of a cloud image, by network.

use std::fs;
use std::io::Read as _;

use flate2::read::GzDecoder;

use crate::client::ask;
use crate::common::{Lab, judge, judged, seeded_by_web};
use crate::running::Serving;

fn serving(more: &[&str]) -> Serving {
    Serving::of(Lab::new(&seeded_by_web()), more)
}

/// The part of its source after the server's address, as its administrator hears it.
fn folder(serving: &Serving, node: &str) -> String {
    let said = serving.lab.done(&["node", "seed", node, "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    let source = said["source"].as_str().expect("a source");
    let url = format!("ds=nocloud-net;s=http://{}", serving.address);
    source.strip_prefix(&url).unwrap_or_else(|| panic!("{source}")).to_owned()
}

#[test]
fn an_armed_node_gets_what_a_seed_has_and_tells_of_itself() {
    let serving = serving(&[]);
    serving.wait_for("controller", "armed");
    let folder = folder(&serving, "controller");
    assert!(folder.ends_with("/seed/"), "{folder}");
    let meta = serving.get(&format!("{folder}meta-data"));
    assert!(meta.status == 200 && meta.text().contains("instance-id: "), "{meta:?}");
    // Who only looks begins nothing, and neither does who has half of it.
    assert_eq!(ask(serving.address, "HEAD", &format!("{folder}user-data"), &[], "").status, 200);
    assert_eq!(serving.state("controller"), "armed");
    let data = serving.get(&format!("{folder}user-data"));
    assert_eq!(data.header("cache-control"), Some("no-store"));
    assert_eq!(serving.state("controller"), "installing");
    assert!(serving.node("controller")["step"].as_str().expect("one").contains("its user-data"));
    assert_eq!(serving.get(&format!("{folder}user-data")).body, data.body, "the same again");
    assert_eq!(serving.node("controller")["attempts"], 1);
    for without in ["network-config", "vendor-data", ""] {
        assert_eq!(serving.get(&format!("{folder}{without}")).status, 404, "{without}");
    }

    // That of a seed, and where the node tells how far it is.
    fs::write(serving.lab.path("user-data"), &data.body).expect("written");
    let mut command = judge("cloud-init");
    command.args(["schema", "--config-file"]).arg(serving.lab.path("user-data"));
    judged(command);
    serving.lab.done(&["render", "controller", "-o", "out"]);
    let seed = serving.lab.read("out/controller/user-data");
    let served = data.text();
    let more: Vec<_> = served.lines().filter(|line| !seed.lines().any(|it| it == *line)).collect();
    assert_eq!(more.len(), 2, "{more:?}");
    assert!(more[0].contains("/etc/trainyard/report") && served.starts_with(&seed[..500]));
    let report = more[1].split_once(&format!("http://{}", serving.address)).expect("an address").1;
    let report = report.trim_end_matches(['"', '\'', '\\', 'n']);
    let json = "Content-Type: application/json".to_owned();
    let stages = r#"{"stages": [{"name": "accounts", "state": "done", "detail": ""}]}"#;
    let told = ask(serving.address, "POST", &format!("{report}/stages"), &[json], stages);
    assert_eq!(told.status, 204, "{told:?}");
    assert_eq!(serving.state("controller"), "installed");
    assert_eq!(serving.get(&format!("{folder}user-data")).status, 404, "dead from here on");
    let refused = serving.lab.run(&["node", "seed", "controller"]);
    assert_eq!(refused.status, 3, "{refused:?}");
    assert!(refused.stderr.contains("`trainyard node arm controller` makes"), "{refused:?}");
}

#[test]
fn seeds_need_no_medium_and_then_nothing_is_installed() {
    let serving = Serving::of_seeds(Lab::new(&seeded_by_web()));
    serving.wait_for("controller", "armed");
    assert!(serving.said().contains("`trainyard node seed NODE` says where"), "{}", serving.said());
    let data = serving.get(&format!("{}user-data", folder(&serving, "controller")));
    assert!(data.status == 200 && data.text().starts_with("#cloud-config\n"), "{data:?}");
    let script = serving.boot("controller");
    assert!(script.contains("sanboot") && !script.contains("kernel"), "{script}");
    assert_eq!(serving.get("/tree/.treeinfo").status, 404);
    for more in [["--image", "x.iso"], ["--dhcp", "full"]] {
        let refused = serving.lab.run(&[&["serve", "--seeds"], &more[..]].concat());
        assert_eq!(refused.status, 2, "{refused:?}");
    }
}

#[test]
fn it_is_said_ready_to_paste_and_to_the_administrator_alone() {
    let serving = serving(&[]);
    serving.wait_for("controller", "armed");
    let said = serving.lab.done(&["node", "seed", "controller"]);
    for line in [
        "kernel      'ds=nocloud-net;s=http://",
        "-smbios 'type=1,serial=ds=",
        "DmiSystemSerial 'ds=",
    ] {
        assert!(said.stdout.contains(line), "{line}: {said:?}");
    }
    let refused = serving.get("/api/v1/nodes/controller/seed");
    assert!(refused.status == 401 && !refused.text().contains("/n/"), "{refused:?}");
    let log = serving.said();
    let token = folder(&serving, "controller").split('/').nth(2).expect("a token").to_owned();
    assert!(token.len() > 20 && !log.contains(&token), "{log}");
    // A lab that finds its ports by their addresses says each once.
    assert_eq!(log.matches("08:00:27:00:00:11").count(), 1, "{log}");
    let unknown = serving.lab.run(&["node", "seed", "nobody"]);
    assert!(unknown.status == 2 && unknown.stderr.contains("no node `nobody`"), "{unknown:?}");
}

#[test]
fn a_node_with_a_fixed_address_is_refused_with_the_reason() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let refused = serving.lab.run(&["node", "seed", "compute"]);
    assert_eq!(refused.status, 3, "{refused:?}");
    assert!(refused.stderr.contains("`compute` has no port with DHCP"), "{refused:?}");
    // It has no seed there, either.
    let kickstart = serving.kickstart_path("compute");
    let seed = kickstart.replace("/ks", "/seed/user-data");
    assert_ne!(kickstart, seed);
    assert_eq!(serving.get(&seed).status, 404);
    assert_eq!(serving.state("compute"), "armed");
}

#[test]
fn strangers_get_none_of_it() {
    let serving = serving(&["--allow", "10.99.0.0/16"]);
    serving.wait_for("controller", "armed");
    let folder = folder(&serving, "controller");
    for file in ["user-data", "meta-data"] {
        assert_eq!(serving.get(&format!("{folder}{file}")).status, 403, "{file}");
        let other = format!("/n/{}/seed/{file}", "x".repeat(43));
        assert_eq!(serving.get(&other).status, 404);
    }
    assert_eq!(serving.state("controller"), "armed");
}

/// As a seed's is that is made by hand: cloud-init takes it, and only its first bytes say so.
#[test]
fn user_data_that_is_large_goes_compressed() {
    let text = format!("files: {{/opt/big: {{source: big}}}}\n{}", seeded_by_web());
    let lab = Lab::new(&text);
    fs::write(lab.path("big"), "a line that repeats itself\n".repeat(20_000)).expect("written");
    let serving = Serving::of(lab, &[]);
    serving.wait_for("controller", "armed");
    let folder = folder(&serving, "controller");
    let data = serving.get(&format!("{folder}user-data"));
    assert_eq!(data.header("content-type"), Some("application/gzip"));
    assert_eq!(data.header("content-encoding"), None, "cloud-init 19.4 looks at no header");
    assert!(data.body.len() < 96 << 10, "{}", data.body.len());
    let mut text = String::new();
    GzDecoder::new(data.body.as_slice()).read_to_string(&mut text).expect("gzip");
    assert!(text.starts_with("#cloud-config\n") && text.contains("/etc/trainyard/report"));
}
