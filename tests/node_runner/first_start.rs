//! What a service makes at its first start, and a first start that is cut off.

use std::fs;
use std::path::Path;

use super::node::Node;

/// A node with a stage of `stack/` that has one service, which makes a file at each start, and fails while there is `$ROOT/cut`.
fn with(stage: &str, unit: &str, makes: &str) -> Node {
    let node = Node::new();
    node.stage(stage, &format!("service {unit}\n"), &[]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stack").join(stage);
    for script in ["prepare.sh", "configure.sh"] {
        let text = fs::read_to_string(folder.join(script)).expect("a script");
        node.write(&format!("etc/trainyard/stages/{stage}/{script}"), &text);
    }
    node.shell("echo DATABASE_ROOT_PASS=x >>$ROOT/etc/trainyard/secrets.env");
    for (name, body) in [("getent", ""), ("hostname", "echo controller"), ("rabbitmqctl", "")] {
        node.fake(name, body);
    }
    let start = format!(
        "[ \"$*\" = 'start {unit}' ] || exit 0\nmkdir -p $ROOT/{makes}; echo start >>$ROOT/{makes}/starts; [ ! -e $ROOT/cut ]"
    );
    node.fake("systemctl", &start);
    node
}

/// Stage, unit, the folder that is empty before the first start, what the start makes in it, and where that is moved.
const SERVICES: [[&str; 5]; 2] = [
    [
        "database",
        "mariadb.service",
        "var/lib/mysql",
        "var/lib/mysql/mysql",
        "var/lib/mysql.cut-off/mysql",
    ],
    [
        "message-queue",
        "rabbitmq-server.service",
        "var/lib/rabbitmq/mnesia",
        "var/lib/rabbitmq/mnesia/rabbit@controller",
        "var/lib/rabbitmq/mnesia.cut-off/rabbit@controller",
    ],
];

#[test]
fn what_a_first_start_left_that_was_cut_off_is_moved_aside() {
    for [stage, unit, folder, makes, aside] in SERVICES {
        let node = with(stage, unit, makes);
        node.write("cut", "");
        node.shell(&format!("mkdir -p $ROOT/{folder} $ROOT/var/lib/rabbitmq; touch $ROOT/var/lib/rabbitmq/.erlang.cookie"));
        if stage == "database" {
            // The root of a file system of its own.
            node.shell(&format!("mkdir $ROOT/{folder}/lost+found"));
        }
        node.expect(6, &["run"]);
        let mark = format!("var/lib/trainyard/first-start.{stage}");
        assert!(node.path(&mark).exists(), "{stage}");
        let calls = node.calls();
        assert!(calls.contains(&format!("systemctl stop {unit}")), "{calls:?}");
        // Two attempts, and each began with nothing.
        for path in [makes, aside] {
            assert_eq!(node.read(&format!("{path}/starts")), "start\n", "{path}");
        }
        assert_eq!(node.path("var/lib/rabbitmq/.erlang.cookie").exists(), stage == "database");

        node.shell("rm $ROOT/cut");
        node.expect(0, &["run"]);
        assert!(!node.path(&mark).exists(), "{stage}");
        assert_eq!(node.read(&format!("{makes}/starts")), "start\n");

        // It has come up once: whatever happens from now on, what is there stays.
        node.calls();
        node.write("cut", "");
        node.expect(6, &["run", "--force"]);
        assert!(!node.path(&mark).exists(), "{stage}");
        assert_eq!(node.read(&format!("{makes}/starts")), "start\nstart\nstart\n");
        assert!(!node.calls().contains(&format!("systemctl stop {unit}")));
    }
}

#[test]
fn what_was_there_before_the_first_start_is_not_touched() {
    for [stage, unit, _, makes, aside] in SERVICES {
        let node = with(stage, unit, makes);
        node.write("cut", "");
        node.write(&format!("{makes}/starts"), "of an earlier installation\n");
        node.expect(6, &["run"]);
        assert_eq!(
            node.read(&format!("{makes}/starts")),
            "of an earlier installation\nstart\nstart\n"
        );
        assert!(!node.path(aside).exists());
        node.shell("rm $ROOT/cut");
        node.expect(0, &["run"]);
        assert!(!node.path(&format!("var/lib/trainyard/first-start.{stage}")).exists());
    }
}

/// A database whose tables are lines of `$ROOT/tables`; half of them are made while there is `$ROOT/cut`, and none is made beside others.
#[test]
fn tables_that_were_cut_off_when_they_were_made_are_made_anew_and_others_stay() {
    let node = Node::new();
    let prepare = Path::new(env!("CARGO_MANIFEST_DIR")).join("stack/glance/prepare.sh");
    let prepare = fs::read_to_string(prepare).expect("a script");
    node.stage("glance", "", &[("prepare.sh", &prepare)]);
    node.fake(
        "mysql",
        "said=$(cat)\ncase $said in SHOW*) cat $ROOT/tables ;; DROP*) : >$ROOT/tables; echo \"$said\" >>$ROOT/sql ;; esac",
    );
    node.fake(
        "runuser",
        "[ \"$*\" = '-u glance -- glance-manage db_sync' ] && [ ! -s $ROOT/tables ] || exit 1\necho images >$ROOT/tables; [ ! -e $ROOT/cut ]",
    );
    node.write("tables", "");
    node.write("cut", "");
    let said = node.expect(6, &["run"]);
    assert!(!said.contains("DROP"), "{said}");
    let mark = "var/lib/trainyard/first-tables.glance";
    assert!(node.path(mark).exists());

    node.shell("rm $ROOT/cut");
    node.expect(0, &["run"]);
    assert!(node.read("sql").contains("DROP DATABASE `glance`; CREATE DATABASE `glance`"));
    assert_eq!(node.read("tables"), "images\n");
    assert!(!node.path(mark).exists());

    // Somebody's tables: whatever the command makes of them, they stay.
    node.shell("rm $ROOT/sql");
    node.expect(6, &["run", "--force"]);
    assert_eq!(node.read("tables"), "images\n");
    assert!(!node.path("sql").exists() && !node.path(mark).exists());
}
