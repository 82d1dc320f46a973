//! How the controller gets the certificate of the endpoints, and httpd its ports.

use std::fs;
use std::path::Path;

use super::mode;
use super::node::Node;

const OWN: &str = "etc/pki/tls/private/endpoints.pem";
const AUTHORITY: &str = "etc/pki/tls/certs/endpoints-authority.pem";

fn block(name: &str, body: &str) -> String {
    format!("-----BEGIN {name}-----\n{body}\n-----END {name}-----\n")
}

/// A node with the stage's own scripts that has this certificate, with its key, among its secrets.
fn node(pem: &str) -> Node {
    use base64ct::{Base64, Encoding as _};
    let node = Node::new();
    let secrets = node.read("etc/trainyard/secrets.env");
    let value = Base64::encode_string(pem.as_bytes());
    node.write("etc/trainyard/secrets.env", &format!("{secrets}ENDPOINTS_TLS={value}\n"));
    node.write(
        "etc/trainyard/node.env",
        "TRAINYARD_NODE=controller\nTRAINYARD_ROLE=controller\nTRAINYARD_CONTROLLER=controller\n",
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stack/endpoints-tls");
    let script = |name| fs::read_to_string(folder.join(name)).expect("a script");
    let hosts = "Listen 13292\n<VirtualHost *:13292>\n</VirtualHost>\nListen 443\n";
    node.stage(
        "endpoints-tls",
        "service httpd.service\nfile 0644 root root /etc/httpd/conf.d/ssl.conf\n",
        &[
            ("prepare.sh", &script("prepare.sh")),
            ("configure.sh", &script("configure.sh")),
            ("files/etc/httpd/conf.d/ssl.conf", hosts),
        ],
    );
    node.fake("selinuxenabled", "[ ! -e $ROOT/without ]");
    node.fake(
        "semanage",
        "case \"$2\" in -l) echo 'ssh_port_t  tcp  22'; echo \"http_port_t  tcp  80, 443$(cat $ROOT/labelled)\";; -a) echo \", $7\" >>$ROOT/labelled;; esac",
    );
    node.write("labelled", "");
    // What httpd shows is what it began with; a certificate's fingerprint is its first line here.
    node.fake(
        "systemctl",
        &format!("case $* in 'start httpd'*) [ -e $ROOT/shown ];; 'restart httpd'*) false;; esac || cp $ROOT/{OWN} $ROOT/shown"),
    );
    node.fake(
        "openssl",
        "case $* in s_client*) cat $ROOT/shown;; *' -in '*) sed -n 2p $6;; *) sed -n 2p;; esac",
    );
    node
}

#[test]
fn httpd_gets_all_of_it_and_everyone_what_proves_it() {
    let (server, middle, root) = ("SERVER", "MIDDLE", "ROOT");
    let of = |body: &str| block("CERTIFICATE", body);
    let key = block("PRIVATE KEY", "KEY");
    for (pem, proof) in [
        (of(server) + &of(root) + &key, of(root)),
        (of(server) + &of(middle) + &of(root) + &key, of(middle) + &of(root)),
        (key.clone() + &of(server) + &of(root), of(root)),
        (of(server) + &key, of(server)),
    ] {
        let node = node(&pem);
        node.expect(0, &["run"]);
        assert_eq!(node.read(OWN), pem);
        assert_eq!(mode(&node.path(OWN)), 0o600);
        assert_eq!(node.read(AUTHORITY), proof);
        assert_eq!(mode(&node.path(AUTHORITY)), 0o644);
        assert!(!node.read("var/log/trainyard/endpoints-tls.log").contains("KEY"));
    }
}

#[test]
fn ports_are_labelled_once_and_only_where_there_is_selinux() {
    let pem = block("CERTIFICATE", "SERVER") + &block("PRIVATE KEY", "KEY");
    let node = node(&pem);
    let labels = |node: &Node| {
        let calls = node.calls();
        let labels = calls.into_iter().filter(|call| call.starts_with("semanage port -"));
        labels.filter(|call| !call.ends_with("-l")).collect::<Vec<_>>()
    };
    node.expect(0, &["run"]);
    assert_eq!(labels(&node), ["semanage port -a -t http_port_t -p tcp 13292"]);
    node.expect(0, &["run", "--force"]);
    assert!(labels(&node).is_empty());
    node.write("without", "");
    node.write("labelled", "");
    node.expect(0, &["run", "--force"]);
    assert!(labels(&node).is_empty());
}

#[test]
fn httpd_is_started_anew_for_another_certificate_alone() {
    let pem = |body| block("CERTIFICATE", body) + &block("PRIVATE KEY", "KEY");
    let node = node(&pem("ONE"));
    node.expect(0, &["run"]);
    node.calls();
    let restarts = |node: &Node| {
        node.expect(0, &["run", "--force"]);
        node.calls().iter().filter(|call| call.starts_with("systemctl restart httpd")).count()
    };
    assert_eq!(restarts(&node), 0);
    // The node's secrets changed.
    let other = self::node(&pem("TWO")).read("etc/trainyard/secrets.env");
    node.write("etc/trainyard/secrets.env", &other);
    assert_eq!(restarts(&node), 1);
    assert!(node.read("shown").contains("TWO"));
    assert_eq!(restarts(&node), 0);
}
