//! The checks of each stage, with its own script: one thing is broken, and exactly the check that looks at it turns red. The
//! services are fakes here; whether they are asked rightly, the test hosts with real ones show.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use super::node::{Node, PASSWORD};
use super::verify::names_in;
use super::verify_cases::{CASES, Case, SYSTEMCTL};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn script(stage: &str, name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join("stack").join(stage).join(name)).expect("a script")
}

impl Case {
    fn node(&self) -> Node {
        let node = Node::new();
        node.write("root/nothing", "");
        node.write(
            "etc/trainyard/node.env",
            "TRAINYARD_NODE=controller\nTRAINYARD_ADDRESS=10.0.0.11\nTRAINYARD_CONTROLLER=controller\n\
             TRAINYARD_CONTROLLER_ADDRESS=10.0.0.11\n",
        );
        node.stage(self.stage, self.manifest, &[("verify.sh", &script(self.stage, "verify.sh"))]);
        for (name, body) in self.fakes {
            node.fake(name, body);
        }
        node.shell(self.healthy);
        node
    }
}

/// The names of the checks that are not content.
fn red(node: &Node, stage: &str) -> Vec<String> {
    node.checks(stage).into_iter().filter(|check| !check.1).map(|check| check.0).collect()
}

#[test]
fn exactly_the_check_that_looks_at_it_turns_red() {
    std::thread::scope(|scope| {
        for case in &CASES {
            scope.spawn(|| {
                let checks = case.node().checks(case.stage);
                assert!(checks.iter().all(|check| check.1), "{}: {checks:?}", case.stage);
                for (name, line) in case.breaks {
                    let node = case.node();
                    node.shell(line);
                    assert_eq!(red(&node, case.stage), [*name], "{}: {line}", case.stage);
                }
            });
        }
    });
}

#[test]
fn every_check_of_every_stage_can_turn_red() {
    let with_tests_of_their_own = ["host-network", "message-queue"];
    // Their services are asked by Python, which no fake here speaks with: the test hosts break each of their checks.
    let tables = concat!(
        include_str!("../node/openstack-breaks.tsv"),
        include_str!("../node/storage-breaks.tsv")
    );
    let of_openstack = tables.lines().filter_map(|line| line.split('\t').nth(1));
    let mut stages: Vec<_> = CASES.iter().map(|case| case.stage).collect();
    stages.extend(with_tests_of_their_own);
    stages.extend(of_openstack.collect::<BTreeSet<_>>());
    stages.sort_unstable();
    stages.dedup();
    let folders = fs::read_dir(Path::new(ROOT).join("stack")).expect("stages");
    let folders = folders.map(|e| e.expect("an entry").path()).filter(|path| path.is_dir());
    let mut found: Vec<_> =
        folders.map(|f| f.file_name().expect("a name").to_string_lossy().into_owned()).collect();
    found.sort();
    assert_eq!(found, stages);
    for case in &CASES {
        let names: BTreeSet<String> =
            names_in(&script(case.stage, "verify.sh")).into_iter().collect();
        let broken = case.breaks.iter().map(|(name, _)| (*name).to_owned());
        let broken: BTreeSet<String> = broken.filter(|name| name != "its services run").collect();
        assert_eq!(broken, names, "{}", case.stage);
    }
}

#[test]
fn a_lab_without_time_servers_goes_by_its_own_clock() {
    let case = CASES.iter().find(|case| case.stage == "time-server").expect("the case");
    let node = case.node();
    node.shell("echo 'local stratum 10' >$ROOT/etc/trainyard/stages/time-server/files/etc/chrony.conf; echo >$ROOT/sources");
    assert!(red(&node, case.stage).is_empty());
    // Of a pool, any servers.
    node.shell(
        "echo 'pool p.example' >$ROOT/etc/trainyard/stages/time-server/files/etc/chrony.conf",
    );
    assert_eq!(
        red(&node, case.stage),
        ["the sources of time are the lab's", "this clock follows one of them"]
    );
    node.shell("printf '^,+,192.0.2.1,3\\n^,*,198.51.100.7,2\\n' >$ROOT/sources");
    assert!(red(&node, case.stage).is_empty());
}

#[test]
fn etcd_of_either_version_is_asked() {
    let case = CASES.iter().find(|case| case.stage == "controller-services").expect("the case");
    for (line, wanted) in [("true", "/v3/"), ("touch $ROOT/etcd-3.3", "/v3beta/")] {
        let node = case.node();
        node.shell(line);
        assert!(red(&node, case.stage).is_empty());
        let calls = node.calls();
        let last = calls.iter().rfind(|call| call.contains("/deleterange")).expect("removed");
        assert!(last.contains(wanted) && last.contains("--noproxy *"), "{last}");
        assert!(!node.path("kept").exists());
    }
}

#[test]
fn a_compute_waits_for_services_behind_open_ports_and_says_for_what() {
    let case = CASES.iter().find(|case| case.stage == "controller-services").expect("the case");
    let node = case.node();
    let path = "etc/trainyard/stages/controller-services/configure.sh";
    node.write(path, &script(case.stage, "configure.sh"));
    node.expect(0, &["run"]);
    node.shell("rm $ROOT/amqp");
    let said = node.expect(6, &["run", "--force"]);
    assert!(
        said.contains("RabbitMQ of controller did not serve in 0 s, though its port is open"),
        "{said}"
    );
    let log = node.read("var/log/trainyard/controller-services.log");
    assert!(log.contains("waiting for RabbitMQ of controller, at most 0 s"), "{log}");
}

/// Plays a broker that knows `openstack` with its password, for as long as the test runs. Returns its port.
fn broker(password: &'static str, virtual_host: &'static [u8]) -> u16 {
    fn frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
        let mut head = [0; 7];
        stream.read_exact(&mut head).ok()?;
        assert_eq!(head[..3], [1, 0, 0]);
        let size = u32::from_be_bytes(head[3..].try_into().expect("four bytes"));
        let mut body = vec![0; size as usize + 1];
        stream.read_exact(&mut body).expect("a whole frame");
        assert_eq!(body.pop(), Some(0xce));
        Some(body)
    }
    fn answer(stream: &mut TcpStream, method: u8, arguments: &[u8]) {
        let size = u8::try_from(arguments.len() + 4).expect("a short one");
        let head = [1, 0, 0, 0, 0, 0, size, 0, 10, 0, method];
        stream.write_all(&[&head, arguments, &[0xce]].concat()).expect("sent");
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut header = [0; 8];
            stream.read_exact(&mut header).expect("a header");
            assert_eq!(&header, b"AMQP\0\0\x09\x01");
            answer(&mut stream, 10, b"\0\x09\0\0\0\0\0\0\0\x05PLAIN\0\0\0\x05en_US");
            while let Some(body) = frame(&mut stream) {
                match body[3] {
                    11 => {
                        let response = format!("\0openstack\0{password}");
                        let size = u32::try_from(response.len()).expect("short").to_be_bytes();
                        let wanted = [
                            &[0, 10, 0, 11, 0, 0, 0, 0, 5][..],
                            b"PLAIN",
                            &size,
                            response.as_bytes(),
                            b"\x05en_US",
                        ];
                        if body != wanted.concat() {
                            break;
                        }
                        answer(&mut stream, 30, &[7, 255, 0, 2, 0, 0, 0, 60]);
                    }
                    31 => assert_eq!(body[4..], [0, 1, 0, 2, 0, 0, 0, 0]),
                    40 if body[4..] == *virtual_host => answer(&mut stream, 41, &[0]),
                    40 => answer(&mut stream, 50, &[2, 18, 0, 0, 0, 0, 0]),
                    50 => answer(&mut stream, 51, &[]),
                    other => panic!("method {other}"),
                }
            }
        }
    });
    port
}

#[test]
fn the_message_queue_is_asked_as_a_service_asks_it() {
    const RABBITMQCTL: &str = "[ \"$1\" = -q ] || exit 1; [ ! -e $ROOT/mute ] || exit 69\n\
        case $2 in list_users) cat $ROOT/users;; list_permissions) cat $ROOT/permissions;; eval) cat $ROOT/limit;; esac";
    let checks = [
        "the broker answers",
        "the user openstack may do everything",
        "there is no user guest",
        "it may hold as many connections as the lab says",
        "it greets at the management address",
        "the user openstack enters with the lab's password",
    ];
    assert_eq!(names_in(&script("message-queue", "verify.sh")), checks);
    let right = broker(PASSWORD, b"\x01/\0\0");
    let node = |port: u16| {
        let node = Node::new();
        let port = format!("/{port}");
        let moved = |text: &str| text.replace("/5672", &port);
        let manifest = "service rabbitmq-server.service\nparameter open_files 65536\n";
        let verify = moved(&script("message-queue", "verify.sh"));
        node.stage("message-queue", manifest, &[("verify.sh", &verify)]);
        let library = "usr/local/libexec/trainyard/checks.sh";
        node.write(library, &moved(&node.read(library)));
        node.write(
            "etc/trainyard/node.env",
            "TRAINYARD_NODE=controller\nTRAINYARD_ADDRESS=127.0.0.1\n",
        );
        node.fake("systemctl", SYSTEMCTL);
        node.fake("rabbitmqctl", RABBITMQCTL);
        node.shell("echo 'openstack []' >$ROOT/users; printf 'openstack\\t.*\\t.*\\t.*\\n' >$ROOT/permissions; echo 65436 >$ROOT/limit");
        node
    };
    let closed =
        TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one").port();
    for (port, line, wanted) in [
        (right, "true", None),
        (right, "touch $ROOT/stopped $ROOT/mute", Some("its services run")),
        (right, "touch $ROOT/mute", Some(checks[0])),
        (right, "printf 'openstack\\t.*\\t\\t.*\\n' >$ROOT/permissions", Some(checks[1])),
        (right, "echo >$ROOT/permissions", Some(checks[1])),
        (right, "echo 'guest [administrator]' >>$ROOT/users", Some(checks[2])),
        (right, "echo 924 >$ROOT/limit", Some(checks[3])),
        (closed, "true", Some(checks[4])),
        (broker("another", b"\x01/\0\0"), "true", Some(checks[5])),
        (broker(PASSWORD, b"\x05/lab1\0\0"), "true", Some(checks[5])),
    ] {
        let node = node(port);
        node.shell(line);
        assert_eq!(red(&node, "message-queue"), wanted.into_iter().collect::<Vec<_>>(), "{line}");
        assert!(!node.read("calls").contains(PASSWORD));
    }
}

/// A cache that is silent stands in the file as well.
#[test]
fn yum_lists_its_repositories_without_asking_them_where_it_can() {
    let case = CASES.iter().find(|case| case.stage == "repositories").expect("the case");
    let list = "echo repo id; sed 's:$:/7/x86_64 x 1:' $ROOT/used";
    for (kept, asked) in [(list, "exit 1"), ("exit 1", list)] {
        let node = case.node();
        node.fake("yum", &format!("case $* in *' -C '*) {kept};; *) {asked};; esac"));
        assert_eq!(red(&node, "repositories"), [""; 0]);
    }
}

#[test]
fn repositories_are_asked_by_their_proxies_and_passwords_are_not_shown() {
    let case = CASES.iter().find(|case| case.stage == "repositories").expect("the case");
    let node = case.node();
    let checks = node.checks(case.stage);
    let (_, _, detail) = checks.last().expect("the mirrors");
    assert_eq!(detail, "base: http://b.example/os\nown: http://own.example/");
    let asked = [
        "url = \"http://a.example/x86_64/repodata/repomd.xml\" by \n",
        "url = \"http://b.example/os/repodata/repomd.xml\" by \n",
        "url = \"http://me:pw@own.example/repodata/repomd.xml\" by http://p.example:3128\n",
    ];
    assert_eq!(node.read("asked"), asked.concat());
    assert!(!node.read("calls").contains("example"));
}
