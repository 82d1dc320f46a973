//! Which mirrors are asked for a lab's image, and in which order. All of them are behind a proxy on loopback.

use std::net::TcpListener;

use crate::common::{self, Lab, Outcome};
use crate::server::{Reply, Server};
use crate::{Bench, sha256};

const NODES: &str = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";

/// Runs it with this proxy; nobody is asked by HTTPS.
fn through(proxy: &Server, lab: &Lab, arguments: &[&str]) -> Outcome {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it");
    let mut command = lab.command(arguments);
    command.env("http_proxy", proxy.url("")).env("https_proxy", format!("http://{closed}"));
    command.env_remove("HTTPS_PROXY").env_remove("no_proxy").env_remove("NO_PROXY");
    common::outcome(command)
}

/// Who was asked for the image, by its host.
fn asked(proxy: &Server) -> Vec<String> {
    let of_image =
        |path: &str| path.ends_with("/7.9.2009/isos/x86_64/CentOS-7-x86_64-Minimal-2009.iso");
    let all = proxy.requests().into_iter().filter(|request| of_image(&request.path));
    all.map(|request| request.path.split('/').nth(2).unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_labs_own_mirrors_are_asked_first() {
    let bench = Bench::new(1000);
    let own = "image: {mirrors: ['http://near.example'], sha256: SUM}\nmirror: 'http://packages.example/a'\n";
    let own = own.replace("SUM", &sha256(&bench.file));
    let lab = Lab::new(&format!("{own}{NODES}"));
    let none = Server::new(|_| Reply::status(404));
    let outcome = through(&none, &lab, &["fetch", "--retry", "0"]);
    assert_eq!(outcome.status, 7, "{outcome:?}");
    let hosts = asked(&none);
    assert_eq!(hosts[..2], ["near.example", "packages.example"], "{hosts:?}");
    let known = outcome.stderr.find("bringing https://vault.centos.org").expect("it is asked");
    let packages = "bringing http://packages.example/a/7.9.2009/isos";
    assert!(outcome.stderr.find(packages).is_some_and(|at| at < known), "{outcome:?}");

    // Those of a role and a node count as well; those that are built in are no one's choice.
    let lab = Lab::new(
        "nodes: {controller: {role: controller, address: 10.0.0.11, mirror: 'http://node.example'}}\n",
    );
    let outcome = through(&none, &lab, &["fetch", "--retry", "0"]);
    assert_eq!(asked(&none)[hosts.len()], "node.example", "{outcome:?}");
    assert!(!outcome.stderr.contains("bringing http://vault.centos.org"), "{outcome:?}");

    // And `--mirror` asks nobody else.
    let lab = Lab::new(&format!("{own}{NODES}"));
    let only = Server::new(|_| Reply::status(404));
    let arguments = ["fetch", "--retry", "0", "--mirror", "http://only.example"];
    through(&only, &lab, &arguments);
    assert_eq!(asked(&only), ["only.example"]);
}

/// `doctor` asks the same, and tells who would send the image first.
#[test]
fn doctor_follows_the_same_order() {
    let own = "image: {mirrors: ['http://near.example']}\nmirror: 'http://packages.example'\n";
    let lab = Lab::new(&format!("{own}{NODES}"));
    for (dead, first) in [("nobody", "near.example"), ("near", "packages.example")] {
        let proxy = Server::new(move |request| {
            if request.path.starts_with(&format!("http://{dead}")) {
                return Reply::status(404);
            }
            if request.path.contains("/isos/") {
                return Reply { length: Some(1_020_264_448), ..Reply::whole(b"") };
            }
            Reply::whole(b"<repomd>")
        });
        let outcome = through(&proxy, &lab, &["doctor"]);
        let line = outcome.stdout.lines().find(|line| line.contains("mirrors of the image"));
        let line = line.expect("it is told");
        assert!(line.contains(&format!(", first http://{first}")), "{line}");
        // With packages only.
        let told = outcome.stdout.split("\nhttps://mirrors.cloud.tencent.com/centos\n").nth(1);
        let told = told.and_then(|text| text.split("\n\n").next()).expect("it is asked");
        assert!(told.contains("base") && !told.contains(".iso"), "{told}");
        assert!(outcome.stdout.contains("\nhttps://mirrors.aliyun.com/centos\n"), "{outcome:?}");
        assert!(
            outcome.stdout.contains("repositories, first http://packages.example\n"),
            "{outcome:?}"
        );
    }
}
