//! Nodes as they are rendered, and the rendered text with one thing changed, which a check must tell.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;

use crate::common::installed::{self, Script, files_in};
use crate::common::{Lab, ROOT};

/// The three texts of a node that something reads.
#[derive(Clone)]
pub struct Rendered {
    /// The example and the node.
    pub name: String,
    pub kickstart: String,
    pub user_data: String,
    pub network_config: String,
    /// What was read of it once.
    data: OnceLock<Value>,
    files: OnceLock<Vec<File>>,
}

/// A file as it arrives on a node.
#[derive(Clone)]
pub struct File {
    /// `ks.cfg` or `user-data`.
    pub by: &'static str,
    pub path: String,
    pub content: String,
}

impl Rendered {
    pub fn scripts(&self) -> Vec<Script> {
        installed::scripts(&self.kickstart)
    }

    /// The script that runs in the new system.
    pub fn post(&self) -> String {
        let mut posts = self.scripts().into_iter();
        let inside = |s: &Script| s.header.starts_with("%post") && !s.header.contains("--nochroot");
        posts.find(inside).map(|s| s.body).unwrap_or_default()
    }

    /// The kickstart's commands, which are the lines outside its sections.
    pub fn commands(&self) -> Vec<&str> {
        let mut inside = false;
        let mut commands = Vec::new();
        for line in self.kickstart.lines() {
            let is_section = line.starts_with('%') && !line.starts_with("%include");
            if !inside && !is_section && !line.is_empty() && !line.starts_with('#') {
                commands.push(line);
            }
            if is_section {
                inside = line != "%end";
            }
        }
        commands
    }

    pub fn data(&self) -> &Value {
        self.data.get_or_init(|| serde_yaml::from_str(&self.user_data).expect("YAML"))
    }

    /// The files of both spellings. Those of the kickstart that are no here-documents are left out.
    pub fn files(&self) -> &[File] {
        self.files.get_or_init(|| self.read_files())
    }

    fn read_files(&self) -> Vec<File> {
        let data = files_in(self.data()).into_iter();
        let mut files: Vec<_> =
            data.map(|(path, _, content)| File { by: "user-data", path, content }).collect();
        let mut open: Option<(String, File)> = None;
        for line in self.kickstart.lines() {
            if let Some((end, file)) = &mut open {
                if line == end {
                    files.extend(open.take().map(|(_, file)| file));
                } else {
                    file.content += line;
                    file.content.push('\n');
                }
            } else if let Some((path, end)) = here_document(line) {
                let path = path.strip_prefix("/mnt/sysimage").unwrap_or(path).to_owned();
                open = Some((end.to_owned(), File { by: "ks.cfg", path, content: String::new() }));
            }
        }
        files
    }

    /// The files with this path: one of each spelling.
    pub fn both(&self, path: &str) -> Vec<File> {
        self.files().iter().filter(|file| file.path == path).cloned().collect()
    }

    /// The files of a stage by what follows its folder.
    pub fn of_stage(&self, stage: &str, inside: &str) -> Vec<File> {
        self.both(&format!("/etc/trainyard/stages/{stage}/{inside}"))
    }

    /// What `node.env` says.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let files = self.both("/etc/trainyard/node.env");
        let lines = files.iter().flat_map(|file| file.content.lines());
        lines.filter_map(|l| l.split_once('=')).map(|(n, v)| (n.into(), v.into())).collect()
    }

    /// The stages, in the order of each spelling.
    pub fn orders(&self) -> Vec<Vec<String>> {
        let files = self.both("/etc/trainyard/stages/order");
        files.iter().map(|f| f.content.lines().map(str::to_owned).collect()).collect()
    }

    pub fn is_controller(&self) -> bool {
        self.environment().get("TRAINYARD_ROLE").is_some_and(|role| role == "controller")
    }
}

/// `put MODE PATH <<'END'`: the path and the end.
fn here_document(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.strip_prefix("put ")?.split_once(' ')?;
    let (path, end) = rest.split_once(" <<'")?;
    Some((path, end.strip_suffix('\'')?))
}

/// The lines of a script that bash takes for commands: no comments, no here-documents.
pub fn code(script: &str) -> Vec<&str> {
    let mut end: Option<&str> = None;
    let mut lines = Vec::new();
    for line in script.lines() {
        if let Some(delimiter) = end {
            if line == delimiter {
                end = None;
            }
            continue;
        }
        end = here_document(line).map(|(_, end)| end);
        if !line.trim_start().starts_with('#') {
            lines.push(line);
        }
    }
    lines
}

/// Files that bash runs or sources.
pub fn scripts(node: &Rendered) -> Vec<(String, String)> {
    let files = node.files().iter().filter(|file| {
        Path::new(&file.path).extension().is_some_and(|e| e == "sh")
            || file.path.ends_with("/trainyard-node")
    });
    files.map(|file| (format!("{} ({})", file.path, file.by), file.content.clone())).collect()
}

/// Of every example: the controller, and three others.
pub fn nodes() -> &'static [Rendered] {
    static NODES: OnceLock<Vec<Rendered>> = OnceLock::new();
    NODES.get_or_init(|| {
        let mut nodes = Vec::new();
        for example in fs::read_dir(Path::new(ROOT).join("examples")).expect("examples") {
            let example = example.expect("an entry").file_name().to_string_lossy().into_owned();
            // What a lab adds in the words of the installer and of cloud-init is its owner's; `tests/additions.rs` judges it.
            if Path::new(&example).extension().is_none_or(|e| e != "yaml")
                || example == "own-additions.yaml"
            {
                continue;
            }
            let lab = Lab::example(&example);
            lab.done(&["--quiet", "render", "-o", "out"]);
            let mut names = lab.names("out");
            let controller = names.iter().position(|name| name.starts_with("controller"));
            let controller = names.remove(controller.expect("each has one"));
            for node in std::iter::once(controller).chain(names.into_iter().rev().take(3)) {
                let read = |file: &str| lab.read(&format!("out/{node}/{file}"));
                nodes.push(Rendered {
                    name: format!("{example}, {node}"),
                    kickstart: read("ks.cfg"),
                    user_data: read("user-data"),
                    network_config: read("network-config"),
                    data: OnceLock::new(),
                    files: OnceLock::new(),
                });
            }
        }
        assert!(nodes.len() > 20);
        // What is changed is most often in this one.
        nodes.sort_by_key(|node| !node.name.starts_with("reference.yaml"));
        nodes
    })
}

/// Which text is changed.
#[derive(Clone, Copy, Debug)]
pub enum In {
    Kickstart,
    UserData,
    NetworkConfig,
    /// Once in the kickstart and once in user-data: it is a file of both.
    Either,
}

/// What tells what is wrong with a node.
pub type Check = fn(&Rendered, &mut Vec<String>);

/// No node falls into the trap; and a node that is changed so does.
pub fn hold(check: Check, changes: &[(In, &str, &str)]) {
    for node in nodes() {
        let mut wrong = Vec::new();
        check(node, &mut wrong);
        assert!(wrong.is_empty(), "{}: {wrong:#?}", node.name);
    }
    assert!(!changes.is_empty(), "a check that nothing fails is none");
    for &(place, from, to) in changes {
        let places = match place {
            In::Either => vec![In::Kickstart, In::UserData],
            one => vec![one],
        };
        for place in places {
            let mut fallen =
                nodes().iter().filter_map(|node| change(node, place, from, to)).peekable();
            assert!(fallen.peek().is_some(), "nothing has `{from}` in {place:?}");
            // Some have what was changed, and it means nothing to them: a compute has no file of the controller's.
            let told = fallen.take(6).any(|node| {
                let mut wrong = Vec::new();
                check(&node, &mut wrong);
                !wrong.is_empty()
            });
            assert!(told, "nobody told that `{from}` became `{to}` in {place:?}");
        }
    }
}

/// The node with one of its texts changed, if there is something to change.
pub fn change(node: &Rendered, place: In, from: &str, to: &str) -> Option<Rendered> {
    let text = match place {
        In::Kickstart | In::Either => &node.kickstart,
        In::UserData => &node.user_data,
        In::NetworkConfig => &node.network_config,
    };
    if !text.contains(from) {
        return None;
    }
    let changed = text.replace(from, to);
    let mut node = node.clone();
    node.files = OnceLock::new();
    match place {
        In::Kickstart | In::Either => node.kickstart = changed,
        In::UserData => {
            node.user_data = changed;
            node.data = OnceLock::new();
        }
        In::NetworkConfig => node.network_config = changed,
    }
    Some(node)
}

/// Notes what is not so.
pub fn expect(wrong: &mut Vec<String>, holds: bool, what: impl Into<String>) {
    if !holds {
        wrong.push(what.into());
    }
}
