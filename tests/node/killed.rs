//! The runner is killed with SIGKILL inside every stage, twice: at some command of the runner's own, and at one of the stage's
//! scripts. Which command it is, the seed decides. systemd starts it again, as on a node.

use crate::bench::{Bench, lab_file};
use crate::configured::{MIRRORS, undisturbed};
use crate::faults::seed;
use crate::host::Host;
use crate::state::{assert_same, state};

/// Every bash of the runner reads this first. Each stage and each script has its turn once.
const KILLER: &str = r#"
case $0:${1:-} in
*/trainyard-node:_stage) _where=$2 _of=25 ;;
*/etc/trainyard/stages/*/preflight.sh:*) return 0 ;;
*/etc/trainyard/stages/*) _where=${0#*/stages/} _of=8 ;;
*) return 0 ;;
esac
_where=${_where//\//.}
mkdir "/var/lib/killer/$_where" 2>/dev/null || return 0
_left=$(echo "$KILLER_SEED $_where" | cksum | cut -d ' ' -f 1)
_left=$((_left % _of + 1))
_kill() {
    case " ${FUNCNAME[*]} ${BASH_SOURCE[1]} " in *" stage_main "* | *" $0 "*) ;; *) return 0 ;; esac
    _left=$((_left - 1))
    [ "$_left" -ne 0 ] || {
        echo "$_where" >>/var/lib/killer/killed
        systemctl kill --kill-whom=main --signal=KILL trainyard-first-boot.service
    }
}
set -T
trap _kill DEBUG
"#;

#[test]
fn a_runner_that_is_killed_in_every_stage_ends_where_an_undisturbed_one_does() {
    let wanted = undisturbed();
    let seed = seed();
    println!("TRAINYARD_SEED={seed}");
    let mut bench = Bench::installed(&lab_file(&MIRRORS));
    for host in [&bench.controller, &bench.compute] {
        host.write("var/lib/killer/killer.sh", KILLER);
        host.unit_settings(&format!(
            "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=1\nEnvironment=BASH_ENV=/var/lib/killer/killer.sh KILLER_SEED={seed}\n"
        ));
    }
    // These are done when the installer leaves.
    let done = |host: &Host| {
        let stages = host.stages().into_iter();
        stages.filter(|(_, state)| state == "done").map(|(stage, _)| stage).collect::<Vec<_>>()
    };
    let before = [done(&bench.controller), done(&bench.compute)].concat();
    bench.start();
    bench.wait_until_done();
    for (host, wanted) in [(&bench.controller, wanted.controller), (&bench.compute, wanted.compute)]
    {
        let killed = host.read("var/lib/killer/killed");
        println!("{}: killed in {}", host.name, killed.replace('\n', " "));
        assert_in_every_stage(host, &killed, &before);
        assert_same(&format!("TRAINYARD_SEED={seed}"), &state(host), &wanted);
    }
}

fn assert_in_every_stage(host: &Host, killed: &str, before: &[String]) {
    for (stage, _) in host.stages().into_iter().filter(|(stage, _)| !before.contains(stage)) {
        assert!(killed.lines().any(|line| line == stage), "not killed in {stage}: {killed}");
    }
    let scripts = killed.lines().filter(|line| line.ends_with(".configure.sh")).count();
    assert!(scripts >= 2, "scripts were killed, too: {killed}");
}
