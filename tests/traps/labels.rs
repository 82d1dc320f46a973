//! What is written where SELinux has a type of its own for it.

use crate::rendered::In::{Either, Kickstart, UserData};
use crate::rendered::{Rendered, code, expect, hold};

/// Whether a path is one of these, or inside.
fn is_under(path: &str, folders: &[&str]) -> bool {
    folders.iter().any(|f| path == *f || path.strip_prefix(f).is_some_and(|p| p.starts_with('/')))
}

fn i4(node: &Rendered, wrong: &mut Vec<String>) {
    // What is written, and what is labelled after that.
    let post = node.post();
    let lines = code(&post);
    let labelled = |after: usize| -> Vec<&str> {
        let later = lines[after..].iter().filter_map(|l| l.strip_prefix("restorecon -RF "));
        later.flat_map(|paths| paths.split(' ')).collect()
    };
    for (number, line) in lines.iter().enumerate() {
        let Some(path) = line.strip_prefix("put ").and_then(|l| l.split(' ').nth(1)) else {
            continue;
        };
        let folder = if path.starts_with('"') { "/etc/ssh" } else { path };
        expect(wrong, is_under(folder, &labelled(number)), format!("{path} is not labelled"));
    }
    for script in node.scripts().iter().filter(|s| s.header.contains("--nochroot")) {
        for line in code(&script.body) {
            let path = line.strip_prefix("put ").and_then(|l| l.split(' ').nth(1));
            if let Some(path) = path.and_then(|path| path.strip_prefix("/mnt/sysimage")) {
                expect(wrong, is_under(path, &labelled(0)), format!("{path} is not labelled"));
            }
        }
    }
    let data = node.data();
    let commands = data["runcmd"].as_array().into_iter().flatten();
    let restorecon = commands.filter(|c| c[0] == "restorecon").filter_map(|c| c.as_array());
    let labelled: Vec<&str> = restorecon.flatten().filter_map(|w| w.as_str()).collect();
    for file in node.files().iter().filter(|file| file.by == "user-data") {
        expect(wrong, is_under(&file.path, &labelled), format!("{} is not labelled", file.path));
    }
    for library in node.both("/usr/local/libexec/trainyard/stage-lib.sh") {
        let text = &library.content;
        let put = text.find("\nput_file() {").map_or("", |at| &text[at..]);
        let end = put.find("\n}\n").unwrap_or(0);
        let relabels = put[..end].contains("    relabel \"$TRAINYARD_ROOT$path\"");
        expect(wrong, relabels, "stages do not label what they write");
        expect(wrong, text.contains("        restorecon -RF \"$1\""), "relabel");
    }
    for checks in node.both("/usr/local/libexec/trainyard/checks.sh") {
        expect(wrong, checks.content.contains("matchpathcon -V "), "labels are not verified");
    }
    // bin_t by the policy's own rules, or systemd may not start it.
    for (name, words) in [("first-boot", "run --verify"), ("verify", "verify --retry")] {
        for unit in node.both(&format!("/etc/systemd/system/trainyard-{name}.service")) {
            let starts = unit.content.lines().filter_map(|l| l.strip_prefix("ExecStart="));
            let wanted = format!("/usr/local/sbin/trainyard-node {words}");
            expect(wrong, starts.eq([wanted]), "ExecStart");
        }
    }
}

#[test]
fn i4_what_is_written_is_labelled_afterwards() {
    hold(
        i4,
        &[
            (Kickstart, "\nrestorecon -RF /etc/trainyard /usr", "\nrestorecon -RF /usr"),
            (Kickstart, "\nrestorecon -RF /root/.ssh\n", "\n"),
            (Kickstart, "\nrestorecon -RF /etc/ssh\n", "\n"),
            (
                UserData,
                "- - restorecon\n  - -RF\n  - /etc/trainyard\n",
                "- - restorecon\n  - -RF\n",
            ),
            (Either, "    relabel \"$TRAINYARD_ROOT$path\"", "    true"),
            (Either, "        restorecon -RF \"$1\"", "        true"),
            (Either, "matchpathcon -V", "true"),
            (Either, "ExecStart=/usr/local/sbin/", "ExecStart=/etc/trainyard/"),
        ],
    );
}
