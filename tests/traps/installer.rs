//! Traps of the installer, anaconda.

use crate::rendered::In::{Either, Kickstart};
use crate::rendered::{Rendered, code, expect, hold};

/// What clears a disk, or divides it.
const CLEARS: [&str; 9] = [
    "zerombr",
    "clearpart",
    "ignoredisk",
    "bootloader",
    "reqpart",
    "part",
    "volgroup",
    "logvol",
    "autopart",
];

fn i1(node: &Rendered, wrong: &mut Vec<String>) {
    for line in node.commands() {
        let command = line.split(' ').next().expect("a word");
        expect(wrong, !CLEARS.contains(&command), line);
    }
    let include = node.commands().iter().filter(|l| l.starts_with("%include")).count();
    expect(wrong, include == 1, "what the guard wrote is not included once");
    let scripts = node.scripts();
    let Some(guard) = scripts.iter().find(|s| s.header.ends_with("/tmp/trainyard-guard.log"))
    else {
        return wrong.push("there is no guard".into());
    };
    let guard = guard.body.as_str();
    // It is written last, after everything that can refuse; and who refuses waits for ever.
    let written = guard.find("\ncat > \"$commands.new\"");
    let refusal = guard.rfind("    refuse \"");
    let cleared = guard.find("\nzerombr\n");
    expect(wrong, refusal.is_some() && refusal < written && written < cleared, "the order");
    let strict = guard.find("set -eu -o pipefail\n");
    let caught = guard.find("\ntrap 'refuse ");
    expect(wrong, strict.is_some() && strict < caught, "a failure of its own does not refuse");
    expect(wrong, guard.contains("    while :; do sleep 3600; done\n}\n"), "it does not wait");
    for console in ["console", "tty1", "ttyS0"] {
        expect(wrong, guard.contains(&format!("\"$dev/{console}\"")), console);
    }
}

#[test]
fn i1_a_disk_is_cleared_only_by_what_a_script_has_written_that_could_have_refused() {
    hold(
        i1,
        &[
            (
                Kickstart,
                "%include /tmp/trainyard-storage.ks\n",
                "zerombr\n%include /tmp/trainyard-storage.ks\n",
            ),
            (Kickstart, "%include /tmp/trainyard-storage.ks\n", ""),
            (Kickstart, "\nset -eu -o pipefail\n", "\nset -u\n"),
            (Kickstart, "\ntrap 'refuse ", "\n: 'refuse "),
            (Kickstart, "while :; do sleep 3600; done", "exit 1"),
            (Kickstart, "\"$dev/ttyS0\"", "/dev/null"),
            (Kickstart, "\nused=$disk wiped=", "\nzerombr\nused=$disk wiped="),
        ],
    );
}

/// What the medium itself holds; one example has a package more.
const ON_THE_MEDIUM: [&str; 4] = ["@^minimal", "chrony", "firewalld", "mdadm"];

fn i2(node: &Rendered, wrong: &mut Vec<String>) {
    for line in node.commands() {
        let command = line.split(' ').next().expect("a word");
        let fetches = ["repo", "url", "nfs", "liveimg", "harddrive", "hmc"];
        expect(wrong, !fetches.contains(&command), line);
    }
    expect(wrong, node.commands().contains(&"cdrom"), "packages do not come from the medium");
    let packages = node.kickstart.lines().skip_while(|l| *l != "%packages").skip(1);
    for line in packages.take_while(|l| *l != "%end").filter(|l| !l.starts_with('#')) {
        expect(wrong, ON_THE_MEDIUM.contains(&line), line);
    }
}

#[test]
fn i2_the_installer_fetches_nothing() {
    hold(
        i2,
        &[
            (Kickstart, "\ncdrom\n", "\nurl --url=http://vault.centos.org/7.9.2009/os/x86_64/\n"),
            (Kickstart, "\ncdrom\n", "\ncdrom\nrepo --name=updates --baseurl=http://x/\n"),
            (Kickstart, "\nfirewalld\n%end", "\nfirewalld\nmariadb-server\n%end"),
        ],
    );
}

fn i3(node: &Rendered, wrong: &mut Vec<String>) {
    // The installer copies the kickstart after our scripts have run, unless it finds this.
    let noted = "%pre\ntouch /tmp/NOSAVE_INPUT_KS\n%end\n";
    expect(wrong, node.kickstart.contains(noted), "the kickstart is kept");
    // The bodies of scripts that run in the new system stay in its /tmp.
    let mut outside = String::new();
    let mut elsewhere = node.kickstart.clone();
    for script in node.scripts().iter().filter(|s| s.header.contains("--nochroot")) {
        outside += &script.body;
        elsewhere = elsewhere.replace(&script.body, "");
    }
    let data = node.both("/etc/trainyard/secrets.env");
    let data = data.iter().find(|file| file.by == "user-data");
    for line in data.map(|f| f.content.lines()).into_iter().flatten() {
        let (name, value) = line.split_once('=').expect("NAME=value");
        expect(wrong, outside.contains(line), format!("{name} does not arrive"));
        expect(wrong, !elsewhere.contains(value), format!("{name} stands elsewhere"));
    }
    expect(wrong, !elsewhere.contains("PRIVATE KEY"), "a host key stands elsewhere");
    // And what is written after them goes at first boot, before any stage.
    for runner in node.both("/usr/local/sbin/trainyard-node") {
        let text = &runner.content;
        for copy in ["/root/anaconda-ks.cfg", "/root/original-ks.cfg", "/tmp/ks-script-*"] {
            expect(wrong, text.contains(&format!("\"$TRAINYARD_ROOT\"{copy}")), copy);
        }
        let run = text.find("run_command() {").map_or("", |at| &text[at..]);
        let removed = run.find("\n    remove_kickstarts\n");
        expect(wrong, removed.is_some() && removed < run.find("run_stage "), "not removed first");
    }
}

#[test]
fn i3_no_copy_of_a_secret_stays_behind() {
    hold(
        i3,
        &[
            (Kickstart, "touch /tmp/NOSAVE_INPUT_KS", "touch /tmp/nosave"),
            (Kickstart, "\n%post --nochroot --inter", "\n%post --inter"),
            (Kickstart, "\nRABBIT_PASS=", "\nRABBIT="),
            (Either, "/root/original-ks.cfg", "/root/original"),
            (Either, "    remove_kickstarts\n", "    true\n"),
        ],
    );
}

/// Programs that lorax takes out of the installer's image (share/runtime-cleanup.tmpl), as far as scripts use such.
const NOT_IN_THE_INSTALLER: [&str; 13] = [
    "base64",
    "install",
    "timeout",
    "stat",
    "nohup",
    "mkfifo",
    "paste",
    "join",
    "comm",
    "getent",
    "useradd",
    "grubby",
    "firewall-cmd",
];

fn i5(node: &Rendered, wrong: &mut Vec<String>) {
    let scripts = node.scripts();
    let inside = |header: &str| header.starts_with("%post") && !header.contains("--nochroot");
    let outside: Vec<_> = scripts.iter().filter(|script| !inside(&script.header)).collect();
    expect(wrong, outside.len() >= 4, "%pre, the wipe guard, secrets, %onerror");
    for script in outside {
        // The first word of what may be a command.
        let lines = code(&script.body).into_iter();
        let parts = lines.flat_map(|line| line.split(['|', ';', '&', '(', '`']));
        let before = ["if", "then", "else", "do", "until", "while", "!"];
        let words =
            parts.filter_map(|part| part.split_whitespace().find(|word| !before.contains(word)));
        for word in words.filter(|word| NOT_IN_THE_INSTALLER.contains(word)) {
            wrong.push(format!("{}: {word}", script.header));
        }
    }
}

#[test]
fn i5_scripts_in_the_installer_use_what_it_has() {
    hold(
        i5,
        &[
            (Kickstart, "    rm -f \"$commands\"\n", "    timeout 5 rm -f \"$commands\"\n"),
            (Kickstart, "if [ -r \"$ks\" ]; then", "if stat \"$ks\"; then"),
            (Kickstart, "| tr -cd '[:print:]'", "| paste - | tr -cd '[:print:]'"),
        ],
    );
}

fn i6(node: &Rendered, wrong: &mut Vec<String>) {
    let commands = node.commands();
    let asks = ["graphical", "text", "rhsm", "interactive", "vnc"];
    for line in &commands {
        let command = line.split(' ').next().expect("a word");
        expect(wrong, !asks.contains(&command), *line);
    }
    for wanted in
        ["cmdline", "eula --agreed", "firstboot --disable", "reboot --eject", "selinux --enforcing"]
    {
        expect(wrong, commands.contains(&wanted), wanted);
    }
    for wanted in ["lang", "keyboard", "timezone", "rootpw", "network"] {
        let found = commands.iter().any(|line| line.split(' ').next() == Some(wanted));
        expect(wrong, found, wanted);
    }
}

#[test]
fn i6_the_installer_asks_nothing() {
    hold(
        i6,
        &[
            (Kickstart, "\ncmdline\n", "\ntext\n"),
            (Kickstart, "\neula --agreed\n", "\n"),
            (Kickstart, "\nfirstboot --disable\n", "\n"),
            (Kickstart, "\nkeyboard ", "\n#keyboard "),
            (Kickstart, "\nrootpw ", "\n#rootpw "),
            (Kickstart, "\nselinux --enforcing\n", "\nselinux --permissive\n"),
        ],
    );
}

fn i7(node: &Rendered, wrong: &mut Vec<String>) {
    let post = node.post();
    let enabled = "systemctl enable trainyard-first-boot.service";
    for line in code(&post).into_iter().filter(|line| line.contains("systemctl ")) {
        expect(wrong, line == enabled, line);
    }
    expect(wrong, code(&post).contains(&enabled), "nothing runs at the first boot");
}

#[test]
fn i7_nothing_is_started_in_the_new_system_before_it_runs() {
    hold(
        i7,
        &[
            (Kickstart, "\nsystemctl enable trainyard", "\nsystemctl enable --now trainyard"),
            (Kickstart, "\nsystemctl enable trainyard", "\nsystemctl start trainyard"),
            (Kickstart, "\nsystemctl enable trainyard-first-boot.service\n", "\n"),
        ],
    );
}

fn i8(node: &Rendered, wrong: &mut Vec<String>) {
    for script in node.scripts().iter().filter(|s| s.header.starts_with("%post")) {
        let lines = code(&script.body);
        let at = |what: &str| lines.iter().position(|line| line.starts_with(what));
        let first_put = at("put ");
        let told = format!("{}: what fails does not stop it", script.header);
        expect(wrong, at("set -Eeu").is_some() && at("set -Eeu") < first_put, told.as_str());
        expect(wrong, at("trap 'stop ").is_some() && at("trap 'stop ") < first_put, told.as_str());
        let stop = script.body.find("\nstop() {").map_or("", |at| &script.body[at..]);
        let stop = &stop[..stop.find("\n}\n").unwrap_or(0)];
        expect(wrong, stop.ends_with("\n    sleep infinity"), told.as_str());
        for console in ["console", "tty1", "ttyS0"] {
            expect(wrong, stop.contains(&format!("/dev/{console}")), console);
        }
    }
}

#[test]
fn i8_a_node_that_was_written_in_part_does_not_come_up() {
    hold(
        i8,
        &[
            (Kickstart, "\nset -Eeu\n", "\nset -u\n"),
            (Kickstart, "\ntrap 'stop ", "\n: 'stop "),
            (Kickstart, "\n    sleep infinity\n", "\n    exit 1\n"),
            (Kickstart, " /dev/ttyS0; do", "; do"),
        ],
    );
}
