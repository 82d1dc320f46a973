//! What goes over TLS, and what does not without it.

use std::fs;
use std::time::{Duration, Instant};

use crate::client::ask;
use crate::common::readers::{judge_scripts, read, scripts_of};
use crate::common::{Lab, Outcome, judge, judged, outcome, seeded_by_web};
use crate::running::{Serving, begin, serve};

/// A server that made its own certificate.
pub fn serving() -> Serving {
    Serving::of(Lab::example("reference.yaml"), &["--tls"])
}

/// What curl brings of a path, with what it trusts.
pub fn curl(serving: &Serving, trusted: &str, path: &str, more: &[&str]) -> Outcome {
    let mut curl = judge("curl");
    curl.args(["-s", "-S", "-f", "--max-time", "20", "--cacert"]).arg(serving.lab.path(trusted));
    curl.args(more).arg(format!("https://{}{path}", serving.address));
    outcome(curl)
}

pub const MADE: &str = ".trainyard/tls.pem";

/// A node's state, as `trainyard node` tells it.
pub fn state(serving: &Serving, name: &str) -> String {
    let said = serving.node_command(&["status", name, "--format", "json"]);
    let value: serde_json::Value =
        serde_json::from_str(&said.stdout).unwrap_or_else(|e| panic!("{e}: {said:?}"));
    value["nodes"][0]["state"].as_str().expect("a state").to_owned()
}

pub fn wait_for(serving: &Serving, name: &str, wanted: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    while state(serving, name) != wanted {
        assert!(Instant::now() < end, "{}", serving.said());
    }
}

/// What a machine with this card is told to boot: by iPXE, GRUB and PXELINUX.
pub fn told_to_boot(serving: &Serving, mac: &str) -> [String; 3] {
    let card = mac.replace(':', "-");
    let paths = [
        format!("/ipxe?mac={mac}"),
        format!("/grub/{mac}"),
        format!("/pxelinux/pxelinux.cfg/01-{card}"),
    ];
    paths.map(|path| serving.get(&path).text())
}

/// The arguments that the installer of a node is given, by iPXE.
pub fn arguments(serving: &Serving, name: &str) -> Vec<String> {
    let script = serving.boot(name);
    let line = script.lines().find(|line| line.starts_with("kernel ")).expect("a kernel");
    line.split(' ').skip(1).map(str::to_owned).collect()
}

/// The path of its kickstart, of which it is told by TLS.
pub fn kickstart_path(serving: &Serving, name: &str) -> String {
    let arguments = arguments(serving, name);
    let ks = arguments.iter().find_map(|it| it.strip_prefix("inst.ks=")).expect("a kickstart");
    let path = ks.strip_prefix(&format!("https://{}", serving.address));
    path.unwrap_or_else(|| panic!("{ks}")).to_owned()
}

pub fn header(serving: &Serving, name: &str) -> String {
    format!("X-RHN-Provisioning-MAC-0: eth0 {}", serving.mac(name))
}

pub fn kickstart(serving: &Serving, trusted: &str, name: &str) -> Outcome {
    wait_for(serving, name, "armed");
    let path = kickstart_path(serving, name);
    curl(serving, trusted, &path, &["-H", &header(serving, name)])
}

#[test]
fn a_kickstart_comes_by_a_certificate_that_is_trusted_and_by_no_other() {
    let serving = serving();
    let got = kickstart(&serving, MADE, "compute");
    assert!(got.status == 0 && got.stdout.contains("%end"), "{got:?}");
    // The system's own authorities say nothing of it.
    let path = kickstart_path(&serving, "compute");
    let mut plain = judge("curl");
    plain.args(["-s", "-S", "-f", "-H", &header(&serving, "compute")]);
    plain.arg(format!("https://{}{path}", serving.address));
    let refused = outcome(plain);
    assert_eq!((refused.status, refused.stdout.as_str()), (60, ""), "{refused:?}");
    // Neither does another lab's.
    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("made");
    fs::write(serving.lab.path("other.pem"), other.cert.pem()).expect("written");
    assert_eq!(curl(&serving, "other.pem", &path, &[]).status, 60);
    // TLS 1.2 is what CentOS 7 has.
    let old = curl(&serving, MADE, "/metrics", &["--tls-max", "1.2"]);
    assert!(old.status == 0 && old.stdout.contains("trainyard_nodes"), "{old:?}");
}

#[test]
fn without_tls_there_are_boot_scripts_and_the_medium_and_no_more() {
    let serving = serving();
    let (got, mac) = (kickstart(&serving, MADE, "compute"), serving.mac("compute"));
    let (ks, report) = (kickstart_path(&serving, "compute"), Serving::report_path(&got.stdout));
    let tree = ks.replace("/ks", "/tree/.treeinfo");
    let by_grub = format!("/grub/{mac}");
    let by_pxelinux = format!("/pxelinux/pxelinux.cfg/01-{}", mac.replace(':', "-"));
    let first_steps = ["/boot.ipxe", "/grub.cfg", &by_grub, &by_pxelinux, "/tree/.treeinfo", &tree];
    for path in first_steps {
        assert_eq!(serving.get(path).status, 200, "{path}");
    }
    let seed = ks.replace("/ks", "/seed/user-data");
    let token = serving.lab.read(".trainyard/admin-token");
    let bearer = format!("Authorization: Bearer {}", token.trim());
    let closed = [
        ("GET", ks.as_str()),
        ("GET", "/ks"),
        ("GET", &seed),
        ("POST", &report),
        ("POST", &format!("{report}/stages")),
        ("POST", &format!("{report}/log?stage=x")),
        ("GET", "/"),
        ("GET", "/page/page.js"),
        ("GET", "/api/v1/nodes"),
        ("GET", "/api/v1/nodes/compute"),
        ("GET", "/api/v1/nodes/compute/log"),
        ("GET", "/api/v1/nodes/compute/seed"),
        ("POST", "/api/v1/nodes/compute/arm"),
        ("GET", "/api/v1/events"),
        ("GET", "/api/v1/stream"),
        ("GET", "/metrics"),
    ];
    let card = header(&serving, "compute");
    for (method, path) in closed {
        let form = "Content-Type: application/x-www-form-urlencoded".to_owned();
        let body = if method == "POST" { "what=installed" } else { "" };
        let headers = [card.clone(), bearer.clone(), form];
        let refused = ask(serving.address, method, path, &headers, body);
        assert_eq!(refused.status, 403, "{method} {path}");
        let sentence =
            format!("this server answers that by TLS alone: https://{}", serving.address);
        assert!(refused.text().contains(&sentence), "{path}: {}", refused.text());
        let is_data = refused.header("content-type") == Some("application/json");
        assert_eq!(is_data, path.starts_with("/api/"), "{path}");
        assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
    }
    assert_eq!(state(&serving, "compute"), "installing", "what was told so changed nothing");
    assert_eq!(kickstart_path(&serving, "compute"), ks, "and it was not armed anew");
    // By TLS all of them answer.
    for path in ["/", "/page/page.js", "/api/v1/nodes", "/metrics", "/boot.ipxe", &tree] {
        assert_eq!(curl(&serving, MADE, path, &[]).status, 0, "{path}");
    }
}

#[test]
fn boot_loaders_are_led_to_the_kickstart_by_tls_and_to_the_rest_without() {
    let serving = serving();
    wait_for(&serving, "compute", "armed");
    let (path, mac) = (kickstart_path(&serving, "compute"), serving.mac("compute"));
    let tree = format!("http://{}{}", serving.address, path.replace("/ks", "/tree"));
    let told = told_to_boot(&serving, &mac);
    for script in &told {
        let words: Vec<&str> = script.split_whitespace().collect();
        let ks = format!("inst.ks=https://{}{path}", serving.address);
        let stage2 = format!("inst.stage2={tree}");
        let syslog = format!("inst.syslog={}", serving.address);
        for wanted in [ks.as_str(), &stage2, &syslog, "inst.nosave=all_ks", "inst.noverifyssl"] {
            assert!(words.contains(&wanted), "{wanted} in {script}");
        }
        let all = script.matches("https://").count();
        assert_eq!(script.matches(&ks).count(), all, "{script}");
    }
    assert!(told[0].contains(&format!("kernel {tree}/images/pxeboot/vmlinuz ")));
    let grub = format!("(http,{}')'/n/", serving.address).replacen('(', "'('", 1);
    assert!(told[1].contains(&grub) && told[1].contains("if linuxefi "), "{}", told[1]);
    // Without TLS nobody is told to look away.
    let plain = Serving::new();
    plain.wait_for("compute", "armed");
    for script in told_to_boot(&plain, &plain.mac("compute")) {
        let words: Vec<&str> = script.split_whitespace().collect();
        let syslog = format!("inst.syslog={}", plain.address);
        assert!(words.contains(&"inst.nosave=all_ks") && words.contains(&&*syslog), "{script}");
        assert!(!script.contains("noverifyssl"), "{script}");
    }
}

#[test]
fn the_kickstart_brings_what_proves_the_server_and_its_scripts_use_it() {
    let serving = serving();
    serving.lab.done(&["render", "-o", "out"]);
    let text = kickstart(&serving, MADE, "compute").stdout;
    let made = serving.lab.read(MADE);
    let authority = &made[made.rfind("-----BEGIN").expect("two")..];
    assert!(text.contains(authority.trim_end()), "it is the authority's");
    assert_eq!(text.matches("-----BEGIN CERTIFICATE-----").count(), 1);
    assert!(!text.contains("--insecure") && !text.contains("curl -k"));
    let curls = text.lines().filter(|line| line.contains("curl -s -f -m 8 "));
    let (checked, all) = (curls.clone().filter(|it| it.contains("--cacert \"$proof\"")), curls);
    assert_eq!(checked.count(), all.clone().filter(|it| !it.contains("-H ")).count());
    assert!(all.count() > 4);
    fs::write(serving.lab.path("out/compute/ks.cfg"), &text).expect("written");
    let mut command = judge("ksvalidator");
    command.args(["-v", "RHEL7"]).arg(serving.lab.path("out/compute/ks.cfg"));
    judged(command);
    let folder = serving.lab.path("out/compute").display().to_string();
    judge_scripts(&scripts_of(&read(&[folder])[0]));
}

/// The kickstart's own `%pre` and function, run as its scripts run them.
#[test]
fn what_its_scripts_tell_arrives_at_this_server_alone() {
    let serving = serving();
    let text = kickstart(&serving, MADE, "compute").stdout;
    let pre = text.split("\n%pre\n").nth(1).expect("it").split("\n%end").next().expect("its end");
    let at = text.find("tell() {").expect("the function");
    let function = &text[at..at + text[at..].find("\n}\n").expect("its end") + 3];
    let here =
        |script: &str| script.replace("/tmp/", &format!("{}/", serving.lab.path("").display()));
    let run = |script: &str| {
        let mut bash = judge("bash");
        bash.args(["-c", &here(script)]);
        outcome(bash)
    };
    assert_eq!(run(pre).status, 0);
    let tell = |what: &str| run(&format!("set -Eeu -o pipefail\n{function}\n{what}\nwait\n"));
    assert_eq!(tell("tell failed 'no disk' 1").status, 0);
    assert_eq!(state(&serving, "compute"), "failed");
    // Where somebody else's certificate is expected, it is told nothing.
    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("made");
    fs::write(serving.lab.path("trainyard-report.pem"), other.cert.pem()).expect("written");
    assert_eq!(tell("tell installed '' 1").status, 0);
    assert_eq!(state(&serving, "compute"), "failed");
    assert_eq!(run(pre).status, 0);
    assert_eq!(tell("tell installed '' 1").status, 0);
    assert_eq!(state(&serving, "compute"), "installed");
}

#[test]
fn node_speaks_to_the_server_of_its_folder_and_to_no_impostor() {
    let mut serving = serving();
    wait_for(&serving, "compute", "armed");
    let path = kickstart_path(&serving, "compute");
    assert_eq!(serving.node_command(&["arm", "compute"]).status, 0);
    assert_ne!(kickstart_path(&serving, "compute"), path);
    let events = serving.node_command(&["events", "compute"]);
    assert_eq!(events.stdout.matches("armed: ").count(), 2, "{events:?}");
    assert_eq!(serving.node_command(&["logs", "compute"]).status, 0);
    let address = format!("https://{}", serving.address);
    let elsewhere =
        |more: &[&str]| serving.node_command(&[&["status", "--server", &address], more].concat());
    let unknown = elsewhere(&[]);
    assert_eq!(unknown.status, 7, "{unknown:?}");
    assert!(
        unknown.stderr.contains("cannot prove who it is") && unknown.stderr.contains("`--ca-file`")
    );
    assert_eq!(elsewhere(&["--ca-file", MADE]).status, 0);
    let plain = serving.node_command(&["status", "--server", &address.replace("https", "http")]);
    assert_eq!(plain.status, 8, "{plain:?}");
    assert!(plain.stderr.contains("by TLS alone"), "{plain:?}");

    // Somebody else at its address, with a certificate for it.
    serving.kill();
    let impostor = Lab::example("reference.yaml");
    let (mut child, _) = begin(serve(&impostor, serving.address, &["--tls"]));
    for command in [&["status"][..], &["arm", "compute"]] {
        let refused = serving.node_command(command);
        assert_eq!(refused.status, 7, "{refused:?}");
        assert!(
            refused.stderr.contains("shows another certificate than `")
                && refused.stderr.contains(".trainyard/server.pem"),
            "{refused:?}"
        );
    }
    child.kill().and_then(|()| child.wait()).expect("it ends");
    serving.again(&["--tls"]);
    assert_eq!(serving.node_command(&["status"]).status, 0);
    fs::remove_file(serving.lab.path(".trainyard/server.pem")).expect("removed");
    let unknown = serving.node_command(&["status"]);
    assert!(unknown.status == 9 && unknown.stderr.contains("is no certificate"), "{unknown:?}");
}

#[test]
fn what_happens_is_followed_by_tls() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;
    let serving = serving();
    wait_for(&serving, "compute", "armed");
    let mut follow = serving.lab.command(&["node", "events", "compute", "--follow"]);
    let mut child = follow.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its words")).lines();
    assert!(lines.next().expect("one").expect("text").contains("armed: "));
    let got = kickstart(&serving, MADE, "compute");
    let report = Serving::report_path(&got.stdout);
    let told = curl(&serving, MADE, &report, &["-d", "what=step&more=doing it"]);
    assert_eq!(told.status, 0, "{told:?}");
    let next: Vec<String> = lines.by_ref().take(3).map(|line| line.expect("text")).collect();
    assert!(next[1].contains("fetched its kickstart") && next[2].contains("doing it"), "{next:?}");
    child.kill().and_then(|()| child.wait()).expect("it ends");
    // And as a browser follows it.
    let stream = curl(&serving, MADE, "/api/v1/stream", &["--max-time", "2"]);
    assert!(stream.status == 28 && stream.stdout.contains("doing it"), "{stream:?}");
}

#[test]
fn a_seed_needs_a_certificate_that_the_image_knows() {
    let serving = Serving::of(Lab::new(&seeded_by_web()), &["--tls"]);
    wait_for(&serving, "controller", "armed");
    let refused = serving.node_command(&["seed", "controller"]);
    assert_eq!(refused.status, 3, "{refused:?}");
    for words in ["cannot be told a certificate", "`--tls-cert`", "--kind cidata"] {
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
    let refused = serving.lab.run(&["serve", "--seeds", "--tls"]);
    assert!(refused.status == 2 && refused.stderr.contains("`--tls-cert`"), "{refused:?}");
}
