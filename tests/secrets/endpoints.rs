//! The certificate of OpenStack's public endpoints, and what becomes of it in the plan.

use std::fs;
use std::path::Path;

use super::common::{self, Lab, make_private};
use super::{json, lab_of, lab_text, values, with_environment};

const NAME: &str = "ENDPOINTS_TLS";
const NODES: [&str; 2] = ["controller", "compute"];
const FILES: [&str; 4] = ["ks.cfg", "user-data", "meta-data", "network-config"];

fn with_tls(tls: &str) -> Lab {
    let lab = lab_of(&NODES);
    say(&lab, tls);
    lab
}

/// Has the lab say this of TLS.
fn say(lab: &Lab, tls: &str) {
    let text = format!("{}openstack: {{tls: {tls}}}\n", lab_text(&NODES));
    fs::write(lab.path("lab.yaml"), text).expect("written");
}

fn decoded(value: &str) -> String {
    use base64ct::{Base64, Encoding as _};
    String::from_utf8(Base64::decode_vec(value).expect("base64")).expect("text")
}

/// The lines of the private key.
fn key_lines(pem: &str) -> Vec<&str> {
    let (_, key) = pem.split_once("PRIVATE KEY-----\n").expect("a key");
    key.lines().take_while(|line| !line.starts_with('-')).filter(|line| line.len() > 15).collect()
}

/// A key and a certificate of the person's own for these names, by openssl.
fn own(lab: &Lab, name: &str, names: &str) {
    let mut openssl = common::judge("openssl");
    openssl.current_dir(lab.path("")).args(["req", "-x509", "-nodes", "-newkey", "rsa:2048"]);
    openssl.args(["-subj", "/CN=x", "-days", "90", "-addext", &format!("subjectAltName={names}")]);
    openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
    common::judged(openssl);
    make_private(&lab.path(&format!("{name}.key")));
}

/// The names of a certificate, as openssl shows them.
fn shown_names(lab: &Lab, pem: &str) -> String {
    fs::write(lab.path("shown.pem"), pem).expect("written");
    let mut openssl = common::judge("openssl");
    openssl.args(["x509", "-noout", "-ext", "subjectAltName", "-in"]).arg(lab.path("shown.pem"));
    common::judged(openssl).stdout
}

/// What each file of each node is, after a rendering that must work.
fn rendered(lab: &Lab) -> Vec<(&'static str, String)> {
    lab.done(&["render", "-o", "out", "--force"]);
    let file = |node: &'static str| {
        FILES.map(|file| (node, lab.read(&format!("out/{node}/{file}")).replace("\n    ", "\n")))
    };
    NODES.into_iter().flat_map(file).collect()
}

#[test]
fn it_is_made_once_where_the_lab_wants_it_and_the_controller_alone_gets_it() {
    let lab = with_tls("yes");
    let missing = lab.run(&["render", "-o", "out"]);
    assert_ne!(missing.status, 0, "{missing:?}");
    assert!(missing.stderr.contains("the secret `ENDPOINTS_TLS` is missing"), "{missing:?}");
    lab.done(&["secrets"]);
    let before = lab.read("secrets.yaml");
    let value = values(&lab)[NAME].clone();
    let pem = decoded(&value);
    let names = shown_names(&lab, &pem);
    for name in ["DNS:controller", "IP Address:10.0.0.11", "DNS:localhost", "IP Address:127.0.0.1"]
    {
        assert!(names.contains(name), "{name}: {names}");
    }
    lab.done(&["secrets"]);
    assert_eq!(before, lab.read("secrets.yaml"));
    for (node, text) in rendered(&lab) {
        let count = text.matches(&format!("{NAME}={value}\n")).count();
        let has = node == "controller" && text.contains(&format!("\n{NAME}="));
        assert_eq!(count, usize::from(has), "{node}");
        assert_eq!(text.contains(&value), has, "{node}");
        assert!(!key_lines(&pem).iter().any(|line| text.contains(line)), "{node}");
    }
    let kickstart = lab.read("out/controller/ks.cfg");
    assert_eq!(kickstart.matches(&value).count(), 1, "once, in secrets.env");
    // Whoever takes TLS away keeps the certificate for another time.
    say(&lab, "no");
    assert!(!rendered(&lab).iter().any(|(_, text)| text.contains(NAME)));
    let kept = lab.done(&["secrets"]);
    assert!(kept.stderr.contains("nothing asks for the secret `ENDPOINTS_TLS`"), "{kept:?}");
    assert_eq!(before, lab.read("secrets.yaml"));
}

#[test]
fn it_is_for_the_controller_and_another_one_is_told() {
    let lab = with_tls("yes");
    lab.done(&["secrets"]);
    assert!(!lab.done(&["render", "-o", "out"]).stderr.contains("warning"));
    let text = lab.read("lab.yaml").replace("address: 10.0.0.11", "address: 10.0.0.13");
    fs::write(lab.path("lab.yaml"), text).expect("written");
    let told = lab.done(&["render", "-o", "out", "--force"]).stderr;
    let warning = "warning: the certificate of OpenStack's endpoints is not for 10.0.0.13,";
    assert!(told.contains(warning), "{told}");
    let old = values(&lab)[NAME].clone();
    lab.done(&["secrets", "rotate", NAME]);
    assert_ne!(old, values(&lab)[NAME]);
    assert!(!lab.done(&["render", "-o", "out", "--force"]).stderr.contains("warning"));
    // Names through which a browser comes; what stands for many of them is left out.
    let text =
        lab.read("lab.yaml") + "parameters: {horizon: {hosts: \"lab.example.org,.example.org\"}}\n";
    fs::write(lab.path("lab.yaml"), text).expect("written");
    let told = lab.done(&["render", "-o", "out", "--force"]).stderr;
    assert!(told.contains("is not for lab.example.org, so that"), "{told}");
}

#[test]
fn ones_own_stands_in_its_place() {
    let lab = with_tls("{certificate: own.pem, key: own.key}");
    own(&lab, "own", "DNS:controller");
    lab.done(&["secrets"]);
    assert!(!values(&lab).contains_key(NAME), "none is made");
    let shown = lab.done(&["secrets", "show", NAME]).stdout;
    assert_eq!(decoded(shown.trim_end()), lab.read("own.pem") + &lab.read("own.key"));
    let told = lab.done(&["render", "-o", "out"]).stderr;
    assert!(told.contains("is not for 10.0.0.11, so that"), "{told}");
    let key = lab.read("own.key");
    for (node, text) in rendered(&lab) {
        let has = text.contains(&format!("{NAME}={}\n", shown.trim_end()));
        assert!(!has || node == "controller", "{node}");
        assert!(!key_lines(&key).iter().any(|line| text.contains(line)), "{node}");
    }
    let refused = lab.run(&["secrets", "rotate", NAME]);
    assert!(refused.stderr.contains("a certificate of its own, `own.pem`"), "{refused:?}");
    own(&lab, "other", "DNS:controller");
    let refusals: [(&dyn Fn(), &str); 3] = [
        (
            &|| drop(fs::copy(lab.path("other.pem"), lab.path("own.pem"))),
            "a key that is not the certificate's",
        ),
        (&|| open_to_others(&lab.path("own.key")), "can be read by others (mode 0644)"),
        (&|| fs::remove_file(lab.path("own.key")).expect("removed"), "there is no such file"),
    ];
    for (spoil, told) in refusals {
        spoil();
        let refused = lab.run(&["render", "-o", "out", "--force"]);
        assert_ne!(refused.status, 0, "{told}");
        assert!(refused.stderr.contains(told), "{told}: {refused:?}");
        assert!(!key_lines(&key).iter().any(|line| refused.stderr.contains(line)), "{told}");
    }
}

fn open_to_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("set");
}

#[test]
fn the_environment_may_hold_it_and_what_is_wrong_is_told_without_it() {
    let lab = with_tls("yes");
    lab.done(&["secrets"]);
    let mut good = values(&lab).remove(NAME).expect("there");
    let render = ["render", "-o", "out", "--force"];
    let variable = "TRAINYARD_SECRET_ENDPOINTS_TLS";
    let outcome = with_environment(&lab, &render, &[(variable, &good)]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    good.truncate(good.len() - 40);
    let outcome = with_environment(&lab, &render, &[(variable, &good)]);
    assert!(outcome.stderr.contains(&format!("`{variable}`: ")), "{outcome:?}");
    assert!(!outcome.stderr.contains(&good[200..240]), "{outcome:?}");
}

#[test]
fn public_endpoints_have_their_urls_ports_and_hosts() {
    let lab = with_tls("yes");
    let plan = json(&lab.done(&["plan", "--format", "json"]));
    let stages = |node: usize| plan["nodes"][node]["stages"].as_array().expect("stages").clone();
    let (controller, compute) = (stages(0), stages(1));
    let services = controller.iter().filter_map(|stage| stage["identity"]["services"].as_array());
    let mut urls: Vec<_> = services
        .flatten()
        .map(|service| {
            let text = |key: &str| service[key].as_str().expect("text").to_owned();
            (text("type"), text("url"), text("public"))
        })
        .collect();
    urls.sort();
    let wanted = [
        ("compute", "8774/v2.1", "13774/v2.1"),
        ("identity", "5000/v3/", "13000/v3/"),
        ("image", "9292", "13292"),
        ("network", "9696", "13696"),
        ("placement", "8778", "13778"),
    ];
    let wanted = wanted.map(|(kind, plain, tls)| {
        (kind.to_owned(), format!("http://controller:{plain}"), format!("https://controller:{tls}"))
    });
    assert_eq!(urls, wanted);
    let opened = |stages: &[serde_json::Value]| {
        let all = stages.iter().flat_map(|stage| stage["firewall"].as_array().expect("openings"));
        all.map(|it| it["port"].as_str().expect("a port").to_owned()).collect::<Vec<_>>()
    };
    let file = |stages: &[serde_json::Value], path: &str| {
        let mut files = stages.iter().flat_map(|stage| stage["files"].as_array().expect("files"));
        let file = files.find(|file| file["path"] == path);
        file.map(|file| file["content"].as_str().expect("text").to_owned()).unwrap_or_default()
    };
    let hosts = file(&controller, "/etc/httpd/conf.d/ssl.conf");
    for port in ["13000", "13292", "13778", "13774", "13696", "13080", "443"] {
        assert!(hosts.contains(&format!("Listen {port}\n\n<VirtualHost *:{port}>\n")), "{hosts}");
        assert!(opened(&controller).iter().any(|opened| opened == port), "{port}");
        assert!(!opened(&compute).iter().any(|opened| opened == port), "{port}");
    }
    assert!(!hosts.contains("13776"), "no block storage here");
    assert!(file(&controller, "/root/admin-openrc").contains("OS_CACERT=/etc/pki/tls/certs/"));
    let nova = file(&compute, "/etc/nova/nova.conf");
    assert!(nova.contains("\nnovncproxy_base_url = https://127.0.0.1:6080/vnc_auto.html\n"));
    // Without it, there is nothing of it.
    say(&lab, "no");
    let plan = lab.done(&["plan", "--format", "json"]).stdout;
    for word in ["https://controller", "OS_CACERT", "ssl.conf", "13000", "endpoints-tls\""] {
        assert!(!plan.contains(word), "{word}");
    }
}

#[test]
fn without_the_dashboard_it_is_for_where_consoles_are_shown_as_well() {
    let lab = with_tls("yes, services: [nova, neutron]");
    lab.done(&["secrets"]);
    let names = shown_names(&lab, &decoded(&values(&lab)[NAME]));
    assert!(names.contains("IP Address:127.0.0.1") && !names.contains("localhost"), "{names}");
}
