//! The group of volumes on a storage node's data disk, and what LVM may look at: the stage's own script, with fakes for LVM's programs.

use super::node::Node;

const PREPARE: &str = include_str!("../../stack/cinder-volume/prepare.sh");

/// A machine whose disk `dev/sdb` is empty. The fakes keep in files what LVM would keep on it.
fn node() -> Node {
    let node = Node::new();
    // No block device can be made here.
    let prepare = PREPARE.replace("[ -b \"$disk\" ]", "[ -e \"$disk\" ]");
    assert_ne!(prepare, PREPARE);
    node.stage("cinder-volume", "", &[("prepare.sh", &prepare)]);
    node.write("dev/sdb", "");
    node.write("etc/trainyard/data-disk", &format!("{}\n", node.path("dev/sdb").display()));
    node.fake("vgs", "[ -e $ROOT/vg ]");
    node.fake("wipefs", "[ \"$1\" = -n ] && [ $# = 2 ] && cat $ROOT/signature");
    node.fake(
        "pvs",
        "case $* in *pv_name,pv_uuid,vg_name) cat $ROOT/others; [ ! -e $ROOT/vg ] || echo \"  /dev/sdb uuid-b cinder-volumes\";;\n\
         *'-o vg_name '*) cat $ROOT/group;; *) [ -e $ROOT/pv ];; esac",
    );
    node.fake("pvcreate", "touch $ROOT/pv; echo 'sdb 0x218 LVM2_member' >$ROOT/signature; [ ! -e $ROOT/cut ] || { rm $ROOT/cut; kill -KILL $PPID; }");
    node.fake("vgcreate", "[ -e $ROOT/pv ] && touch $ROOT/vg");
    node.shell("touch $ROOT/signature $ROOT/others $ROOT/group");
    node
}

/// What was done to a disk since the last look.
fn changes(node: &Node) -> Vec<String> {
    let changes = |call: &String| call.starts_with("pvcreate") || call.starts_with("vgcreate");
    node.calls().into_iter().filter(changes).collect()
}

/// The lists of both filters, without the folder that plays the machine.
fn filters(node: &Node) -> Vec<String> {
    let file = node.read("etc/lvm/lvmlocal.conf");
    let file = file.replace(&node.path("").display().to_string(), "/");
    let lines = file.lines().filter_map(|line| line.trim().split_once(" = "));
    lines.map(|(name, list)| format!("{name} {list}")).collect()
}

/// The file that LVM reads gives both filters this list.
fn assert_accepts(node: &Node, list: &str) {
    let list = format!("[ {list}\"r|.*|\" ]");
    assert_eq!(filters(node), [format!("filter {list}"), format!("global_filter {list}")]);
}

const OURS: &str = r#""a|^/dev/sdb$|", "a|^/dev/disk/by-id/lvm-pv-uuid-uuid-b$|", "a|^/dev/sdb$|", "a|^/dev/sdb$|", "#;

#[test]
fn an_empty_disk_becomes_the_group_and_a_second_run_changes_nothing() {
    let node = node();
    node.expect(0, &["run"]);
    let made = ["pvcreate /dev/sdb", "vgcreate cinder-volumes /dev/sdb"];
    assert_eq!(changes(&node), made);
    assert_accepts(&node, OURS);
    let file = || node.path("etc/lvm/lvmlocal.conf").metadata().expect("a file").modified();
    let before = file().expect("a time");
    node.expect(0, &["run", "--force"]);
    assert_eq!(changes(&node), [""; 0]);
    assert_eq!(file().expect("a time"), before);
}

#[test]
fn a_disk_with_something_on_it_is_refused_and_not_touched() {
    for (signature, group, why) in [
        ("sdb 0x438 ext4", "", "is not empty, and nothing of it is touched: sdb 0x438 ext4"),
        ("sdb 0x1fe dos", "", "is not empty"),
        ("sdb 0x218 LVM2_member", "  theirs", "belongs to another volume group"),
    ] {
        let node = node();
        node.write("signature", &format!("{signature}\n"));
        node.write("group", &format!("{group}\n"));
        let said = node.expect(6, &["run"]);
        assert!(said.contains(why), "{said}");
        assert_eq!(changes(&node), [""; 0], "{signature}");
        assert!(!node.path("etc/lvm/lvmlocal.conf").exists());
    }
}

#[test]
fn what_the_system_lies_on_stays_accepted_and_what_has_no_group_does_not() {
    let node = node();
    // A physical volume of no group, and one that is missing.
    node.write(
        "others",
        "  /dev/sda3 uuid-a centos\n  /dev/sdd uuid-d\n  [unknown] uuid-e centos\n",
    );
    node.expect(0, &["run"]);
    let system = r#""a|^/dev/sda3$|", "a|^/dev/disk/by-id/lvm-pv-uuid-uuid-a$|", "#;
    assert_accepts(&node, &format!("{system}{OURS}"));
}

#[test]
fn a_run_that_was_cut_off_between_disk_and_group_goes_on() {
    let node = node();
    node.write("cut", "");
    let said = node.expect(0, &["run"]);
    assert!(said.contains("attempt 1 of 2"), "{said}");
    assert_eq!(changes(&node), ["pvcreate /dev/sdb", "vgcreate cinder-volumes /dev/sdb"]);
    assert_accepts(&node, OURS);
}

/// A compute node attaches servers' volumes, and has none of its own.
#[test]
fn a_compute_node_looks_at_its_system_alone() {
    let node = node();
    let prepare = include_str!("../../stack/nova-compute/prepare.sh");
    node.write("etc/trainyard/stages/order", "");
    let manifest = "parameter virt_type qemu\n";
    let files = [("prepare.sh", prepare), ("files/etc/nova/nova.conf", "[DEFAULT]\n")];
    node.stage("nova-compute", manifest, &files);
    node.fake("iscsi-iname", "echo iqn.1994-05.com.redhat:x");
    node.expect(0, &["run"]);
    assert_accepts(&node, "");
    node.write("others", "  /dev/sda3 uuid-a centos\n");
    node.expect(0, &["run", "--force"]);
    assert_accepts(&node, r#""a|^/dev/sda3$|", "a|^/dev/disk/by-id/lvm-pv-uuid-uuid-a$|", "#);
}
