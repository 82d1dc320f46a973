//! One plan, two spellings: what a kickstart puts on a node and what user-data and network-config put there is the same, but
//! for what one of them cannot say.
//!
//! Both are read by programs that are not ours (`read.py`), each by itself and as its own reader on a node would: pykickstart,
//! bash, `PyYAML`, cloud-init's network renderer. Every fact that only one of them tells must be in the list `alone::ALONE`.
//! `TRAINYARD_LABS=N` takes N random labs, beside all examples.

#[path = "../common/mod.rs"]
mod common;
#[path = "../generated/extras.rs"]
mod extras;
#[path = "../generated/folder.rs"]
mod folder;
#[path = "../generated/images.rs"]
#[allow(dead_code, reason = "what must be found again is another test's")]
mod images;
#[path = "../generated/lab.rs"]
#[allow(dead_code, reason = "what must be found again is another test's")]
mod lab;
#[path = "../generated/layer.rs"]
mod layer;
#[path = "../generated/random.rs"]
mod random;
#[path = "../generated/wires.rs"]
#[allow(dead_code, reason = "what must be found again is another test's")]
mod wires;

mod alone;
mod instance;
mod page;
mod spoiled;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use alone::ALONE;
use common::everything::everything;
use common::installed::Installed;
use common::readers::python;
use common::{Lab, ROOT, judged};
use folder::number;
use serde::Deserialize;

/// Something that the two spellings of a node do not say alike.
#[derive(Clone, Debug, Deserialize)]
struct Difference {
    about: String,
    kickstart: Option<String>,
    user_data: Option<String>,
}

/// What the readers of both spellings say.
fn reader() -> Command {
    let mut command = python();
    command.arg(Path::new(ROOT).join("tests/twins/read.py"));
    command
}

/// Where the spellings of nodes differ, by the nodes' folders.
fn differences(folders: &[String]) -> Vec<Vec<Difference>> {
    let mut command = reader();
    command.args(folders);
    let output = judged(command);
    serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}\n{}", output.stderr))
}

/// A lab with its name and the folders of its nodes.
type Rendered = (String, Lab, Vec<String>);

/// Every lab in `examples/`, and one that says what they do not.
fn examples() -> Vec<Rendered> {
    let mut labs = vec![("a lab with everything".to_owned(), everything())];
    for example in fs::read_dir(Path::new(ROOT).join("examples")).expect("examples") {
        let name = example.expect("an entry").file_name().to_string_lossy().into_owned();
        // What this one adds is for one of the two alone.
        if Path::new(&name).extension().is_some_and(|e| e == "yaml") && name != "own-additions.yaml"
        {
            labs.push((name.clone(), Lab::example(&name)));
        }
    }
    let with_folders = |(name, lab): (String, Lab)| {
        let folders = rendered(&lab);
        (name, lab, folders)
    };
    labs.into_iter().map(with_folders).collect()
}

/// What says something to one of the two alone, by its name.
const ONE_SIDED: [&str; 2] = ["cloud_init", "kickstart"];

/// A lab file without what it says to one of the two alone.
fn without_one_sided(text: &str) -> String {
    fn drop(value: &mut serde_json::Value) {
        if let Some(mapping) = value.as_object_mut() {
            mapping.retain(|key, _| !ONE_SIDED.contains(&key.as_str()));
            mapping.values_mut().for_each(drop);
        }
    }
    let mut lab = serde_yaml::from_str(text).expect("YAML");
    drop(&mut lab);
    serde_yaml::to_string(&lab).expect("YAML")
}

/// Random labs, rendered by as many programs at a time as there are processors.
fn random_labs(first: u64, count: u64) -> Vec<Rendered> {
    let of_seed = |seed: u64| {
        let mut lab = lab::generate(seed);
        lab.text = without_one_sided(&lab.text);
        for (path, text) in &mut lab.files {
            if Path::new(path).extension().is_some_and(|e| e == "yaml") {
                *text = without_one_sided(text);
            }
        }
        let lab = lab.folder();
        let folders = rendered(&lab);
        (format!("seed {seed}"), lab, folders)
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let parts: Vec<_> = (first..)
            .take(workers)
            .map(|from| {
                let seeds = (from..first + count).step_by(workers);
                scope.spawn(move || seeds.map(of_seed).collect::<Vec<_>>())
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("rendered")).collect()
    })
}

/// The folders of a lab's nodes, rendered.
fn rendered(lab: &Lab) -> Vec<String> {
    lab.done(&["--quiet", "render", "-o", "out"]);
    lab.names("out").iter().map(|n| lab.path("out").join(n).display().to_string()).collect()
}

#[test]
fn a_kickstart_and_user_data_make_the_same_node() {
    let (first, count) = (number("TRAINYARD_SEED", 1), number("TRAINYARD_LABS", 120));
    println!("every example, and labs of the seeds {first} to {}", first + count - 1);
    let mut labs = examples();
    labs.extend(random_labs(first, count));
    let nodes: Vec<(&str, String)> = labs
        .iter()
        .flat_map(|(name, _, folders)| folders.iter().map(move |folder| (&**name, folder.clone())))
        .collect();
    let folders: Vec<String> = nodes.iter().map(|(_, folder)| folder.clone()).collect();
    let mut needed = BTreeSet::new();
    let mut wrong: BTreeMap<String, String> = BTreeMap::new();
    for ((lab, folder), found) in nodes.iter().zip(differences(&folders)) {
        for one in found {
            let known: Vec<usize> = (0..ALONE.len()).filter(|i| ALONE[*i].covers(&one)).collect();
            if known.is_empty() {
                let node = folder.rsplit('/').next().unwrap_or_default();
                wrong.entry(one.about.clone()).or_insert_with(|| format!("{lab}, {node}: {one:?}"));
            }
            needed.extend(known);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences that nobody has explained:\n{}",
        wrong.len(),
        wrong.into_values().collect::<Vec<_>>().join("\n")
    );
    println!("{} nodes", nodes.len());
    let idle: Vec<_> =
        (0..ALONE.len()).filter(|i| !needed.contains(i)).map(|i| &ALONE[i]).collect();
    assert!(idle.is_empty(), "no lab needs these any more: {idle:#?}");
}

/// Mode, owner and content, by path.
type Files = BTreeMap<String, (u32, String, String)>;

#[test]
fn the_reader_of_scripts_finds_the_files_that_the_scripts_leave() {
    for (lab, node) in [
        (Lab::example("reference.yaml"), "controller"),
        (Lab::example("customised.yaml"), "compute"),
        (everything(), "controller"),
    ] {
        rendered(&lab);
        let mut command = reader();
        command.arg("--files").arg(lab.path("out").join(node));
        let found: [Files; 2] = serde_json::from_str(&judged(command).stdout).expect("JSON");
        let installed = Installed::new(&lab, node, &[]);
        assert!(found[0].len() > 40);
        for (path, (mode, _, content)) in &found[0] {
            assert_eq!(installed.mode(path), *mode, "{path}");
            if path.ends_with("/authorized_keys") {
                // Their order says nothing; the reader sorts them.
                let mut lines: Vec<_> = installed.read(path).lines().map(str::to_owned).collect();
                lines.sort();
                assert_eq!(lines, content.lines().collect::<Vec<_>>(), "{path}");
            } else if !path.ends_with("_key.pub") && !path.ends_with("/data-disk") {
                assert_eq!(installed.read(path), *content, "{path}");
            }
        }
    }
}
