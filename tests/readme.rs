//! What the README shows is what a person gets.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Lab, ROOT};

fn readme() -> String {
    fs::read_to_string(Path::new(ROOT).join("README.md")).expect("text")
}

/// The code blocks of that kind.
fn blocks(kind: &str) -> Vec<String> {
    let readme = readme();
    let parts: Vec<_> = readme.split("```").collect();
    let blocks = parts.iter().skip(1).step_by(2);
    blocks.filter_map(|b| b.strip_prefix(kind)?.strip_prefix('\n').map(str::to_owned)).collect()
}

#[test]
fn the_lab_file_it_shows_is_the_shortest() {
    let example = fs::read_to_string(Path::new(ROOT).join("examples/smallest.yaml")).expect("text");
    let shown = &blocks("yaml")[0];
    assert!(example.ends_with(shown.as_str()), "{shown}");
}

#[test]
fn the_keys_it_shows_are_right() {
    Lab::new(&blocks("yaml")[1]).done(&["check"]);
}

#[test]
fn the_error_it_shows_is_what_is_told() {
    let lab = Lab::new(&blocks("yaml")[0].replace("10.0.0.31", "10.0.1.31"));
    let told = lab.run(&["check"]).stdout;
    let shown = &blocks("")[0];
    assert!(told.starts_with(shown.as_str()), "{shown}\n{told}");
}

#[test]
fn the_commands_it_lists_are_those_there_are() {
    let help = Lab::example("smallest.yaml").done(&["--help"]).stdout;
    let listed =
        help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    let commands: Vec<_> = listed.filter_map(|l| l.split_whitespace().next()).collect();
    let readme = readme();
    let rows: Vec<_> = readme
        .lines()
        .filter_map(|l| l.strip_prefix("| `trainyard ")?.split([' ', '`']).next())
        .collect();
    assert_eq!(rows, commands);
}

#[test]
fn the_steps_it_lists_work() {
    let lab = Lab::example("smallest.yaml");
    let steps = blocks("sh");
    let mut folder = String::new();
    for line in steps[1].lines() {
        let command = line.split('#').next().unwrap_or("").trim();
        for step in command.split(" && ") {
            let words: Vec<_> = step.split_whitespace().collect();
            match words[..] {
                ["cd", to] => folder = to.to_owned(),
                // The last two ask the world; tests/fetch does both with mirrors on loopback.
                ["make", ..] | ["trainyard", "build", "-o", "isos"] | ["trainyard", "doctor"] => {}
                ["trainyard", ref arguments @ ..] => {
                    let mut run = lab.command(arguments);
                    run.current_dir(lab.path(&folder));
                    assert_eq!(common::outcome(run).status, 0, "{step}");
                }
                _ => panic!("{step}"),
            }
        }
    }
    assert_eq!(folder, "mylab");
}

/// A mirror on this machine, at a port that is free.
#[test]
fn an_image_is_brought_as_it_says() {
    let steps = blocks("sh");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port().to_string();
    drop(free);
    let lab = Lab::new("nodes: {}\n");
    let script = format!(
        "set -e\ntrap 'kill $!' EXIT\n{}",
        steps[2]
            .replace("8000", &port)
            .replace(" &\n", " &\nuntil (: </dev/tcp/127.0.0.1/PORT) 2>&-; do sleep 0.1; done\n")
            .replace("PORT", &port)
    );
    let mut run = Command::new("bash");
    run.args(["-c", &script]).current_dir(lab.path(""));
    std::os::unix::fs::symlink(Path::new(ROOT).join("scripts"), lab.path("scripts"))
        .expect("linked");
    let folder = Path::new(common::PROGRAM).parent().expect("a folder").display().to_string();
    run.env("PATH", format!("{folder}:{}", std::env::var("PATH").expect("a path")));
    run.env("HOME", lab.path("")).env_remove("XDG_CACHE_HOME");
    let said = common::judged(run).stdout;
    assert!(said.contains("was brought; proved on "), "{said}");
    assert!(said.contains("small.iso  "), "{said}");
}
