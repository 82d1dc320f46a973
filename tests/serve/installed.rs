//! What nodes have installed, as they tell it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::client::{Answer, ask, raw};
use crate::common::lock_of;
use crate::running::Serving;

/// A node that is being installed.
struct Node {
    serving: Serving,
    report: String,
}

impl Node {
    fn new() -> Self {
        let serving = Serving::new();
        serving.wait_for("compute", "armed");
        let report = begin(&serving);
        Self { serving, report }
    }

    fn tell(&self, list: &str) -> Answer {
        tell(&self.serving, &self.report, list)
    }

    /// What is kept of it.
    fn kept(&self) -> Option<String> {
        fs::read_to_string(self.serving.lab.path(".trainyard/packages/compute")).ok()
    }
}

fn begin(serving: &Serving) -> String {
    let kickstart = serving.get_as(&serving.mac("compute"), &serving.kickstart_path("compute"));
    Serving::report_path(&kickstart.text())
}

fn tell(serving: &Serving, report: &str, list: &str) -> Answer {
    let plain = "Content-Type: text/plain".to_owned();
    ask(serving.address, "POST", &format!("{report}/packages"), &[plain], list)
}

fn list(count: usize) -> String {
    let digest = "1a".repeat(32);
    let lines = (0..count).map(|n| format!("p{n} 0 1.{n} 1.el7 x86_64 {digest}\n"));
    lines.collect::<String>() + "gpg-pubkey 0 f4a80eb5 53a7ff4b (none) -\n"
}

#[test]
fn the_last_list_is_kept() {
    let mut node = Node::new();
    assert_eq!(node.kept(), None);
    // That of a node with all of OpenStack has some hundred KB.
    for list in [list(5), list(5000)] {
        assert_eq!(node.tell(&list).status, 204);
        assert_eq!(node.kept(), Some(list));
    }
    let path = node.serving.lab.path(".trainyard/packages");
    let mode = |path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(path.join("compute")), mode(path)), (0o600, 0o700));
    // It outlives the server, and so does what lets the node tell another one.
    node.serving.kill();
    node.serving.again(&[]);
    assert_eq!(node.kept(), Some(list(5000)));
    assert_eq!(node.tell(&list(7)).status, 204);
    assert_eq!(node.kept(), Some(list(7)));

    // What is installed anew has nothing of it, and is told by another address.
    assert_eq!(node.serving.node_command(&["arm", "compute"]).status, 0);
    assert_eq!(node.kept(), None);
    assert_eq!(node.tell(&list(7)).status, 404);
    assert_eq!(node.kept(), None);
    let report = begin(&node.serving);
    assert_eq!(tell(&node.serving, &report, &list(8)).status, 204);
    assert_eq!(node.kept(), Some(list(8)));
}

#[test]
fn what_is_no_list_is_refused_and_leaves_the_one_before() {
    let node = Node::new();
    let good = list(5);
    assert_eq!(node.tell(&good).status, 204);
    for (wrong, words) in [
        (String::new(), "it names no package"),
        ("\n\n".to_owned(), "it names no package"),
        (good.replace("p3 0", "p3 x"), "line 4: `p3 x 1.3 1.el7 x86_64 1a"),
        (good.replace("p3", "p\u{1b}[31m"), "line 4: `p\\u{1b}[31m 0 "),
        (good.replace("1a1a\n", "1a\n"), "line 1: `p0 "),
        ("../../etc/passwd".to_owned(), "line 1: `../../etc/passwd` is no package"),
        ("x".repeat(1 << 20), "line 1: `xxx"),
    ] {
        let answer = node.tell(&wrong);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.text().contains(words) && answer.body.len() < 400, "{}", answer.text());
    }
    let path = format!("{}/packages", node.report);
    let head = |path: &str, length: usize| {
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
            .replace("Host: x", &format!("Host: {}", node.serving.address))
    };
    let bytes = [head(&path, 3).as_bytes(), b"a\xff\n"].concat();
    let answer = raw(node.serving.address, &bytes).expect("an answer");
    assert_eq!((answer.status, answer.text().as_str()), (400, "it is no text\n"));
    // A whole line more than there may be.
    let mut large = good.repeat((1 << 20) / good.len() + 1);
    large.truncate(1 + (1 << 20));
    assert_eq!(node.tell(&large).status, 413);
    assert_eq!(node.kept(), Some(good));

    // Nothing is read of who may not tell it: what is announced here never comes.
    let kickstart = node.serving.kickstart_path("controller");
    let files = kickstart.strip_suffix("/ks").expect("a path").replace("/n/", "/r/");
    for token in ["/r/x", &files, "/r/0123456789abcdef0123456789abcdef"] {
        let stranger = head(&format!("{token}/packages"), 500_000);
        let answer = raw(node.serving.address, stranger.as_bytes()).expect("an answer");
        assert_eq!(answer.status, 404, "{token}");
    }
    let get = node.serving.get(&path);
    assert_eq!(get.status, 405, "nobody reads it here");
}

/// What the server passes on is by the lock that it began with: a node of a lab that names another one would get something else.
#[test]
fn a_lab_that_is_locked_meanwhile_arms_no_node() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let (path, lock) = (serving.lab.path("packages.lock"), "package_lock: packages.lock\n");
    fs::write(path, lock_of(&["controller", "compute"], &[])).expect("written");
    let text = serving.lab.read("lab.yaml");
    fs::write(serving.lab.path("lab.yaml"), format!("{lock}{text}")).expect("written");
    let refused = serving.node_command(&["arm", "compute"]);
    assert_ne!(refused.status, 0, "{refused:?}");
    for words in ["`package_lock: ", "began with no `package_lock`: begin it again"] {
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
    fs::write(serving.lab.path("lab.yaml"), text).expect("written");
    assert_eq!(serving.node_command(&["arm", "compute"]).status, 0);
}
