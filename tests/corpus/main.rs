//! What the fuzzer found worth keeping, and what it begins with: the examples and the cases of the rules, media and menus. Each goes all
//! the way, as in the fuzzer.

#[path = "../../fuzz/lab.rs"]
mod lab;
#[path = "../../fuzz/medium.rs"]
mod medium;

#[path = "../common/mod.rs"]
mod common;

mod media;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use common::ROOT;
use serde::Deserialize;

/// The files of a folder of the project, and of those in it, by their path inside it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(Path::new(ROOT).join(folder)).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            let inside = self::files(&path).into_iter();
            files.extend(inside.map(|(file, text)| (format!("{name}/{file}"), text)));
        } else {
            files.insert(name, fs::read(path).expect("a file"));
        }
    }
    files
}

/// A lab and the files beside it as one text.
fn joined<'f>(lab: &str, files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Vec<u8> {
    let mut text = lab.to_owned();
    for (name, content) in files {
        let _ = write!(text, "\n{}{name}\n{content}", lab::FILE_MARK);
    }
    text.into_bytes()
}

#[derive(Deserialize)]
struct Case {
    lab: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

/// What a fuzzer begins with: labs that people write, and labs with one mistake.
fn seeds() -> BTreeMap<String, Vec<u8>> {
    let mut seeds = BTreeMap::new();
    let examples = files(Path::new("examples"));
    let text = |file: &str| String::from_utf8(examples[file].clone()).expect("text");
    let labs = examples.keys().filter_map(|name| Some((name, name.strip_suffix(".yaml")?)));
    for (name, stem) in labs.filter(|(name, _)| !name.contains('/')) {
        // What an example is made of lies in the folder of its name.
        let folder = format!("{stem}/");
        let beside: Vec<_> = examples.keys().filter(|other| other.starts_with(&folder)).collect();
        let beside: Vec<_> =
            beside.into_iter().map(|other| (other.as_str(), text(other))).collect();
        let beside = beside.iter().map(|(name, text)| (*name, text.as_str()));
        seeds.insert(name.clone(), joined(&text(name), beside));
    }
    for (name, text) in files(Path::new("tests/rules")) {
        let cases: Vec<Case> = serde_yaml::from_slice(&text).expect("cases");
        for (i, case) in cases.into_iter().enumerate() {
            let files = case.files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
            seeds.insert(format!("{name}-{i}"), joined(&case.lab, files));
        }
    }
    seeds
}

/// `TRAINYARD_SEEDS` names a folder that they are written to, for scripts/dev/fuzz.sh.
fn plant(seeds: &BTreeMap<String, Vec<u8>>, run: fn(&[u8])) {
    for (name, input) in seeds {
        if let Some(folder) = std::env::var_os("TRAINYARD_SEEDS") {
            fs::write(Path::new(&folder).join(name), input).expect("written");
        }
        println!("{name}");
        run(input);
    }
}

fn replay(corpus: &str, run: fn(&[u8])) {
    let corpus = files(Path::new(corpus));
    let bytes: usize = corpus.values().map(Vec::len).sum();
    assert!((50..400).contains(&corpus.len()), "{} files: minimise them", corpus.len());
    assert!(bytes < 1 << 20, "{bytes} bytes: minimise them");
    for (name, input) in corpus {
        println!("{name}");
        run(&input);
    }
}

#[test]
fn lab_seeds_go_all_the_way() {
    let seeds = seeds();
    assert!(seeds.len() > 20, "{}", seeds.len());
    plant(&seeds, lab::run);
}

#[test]
fn lab_corpus_goes_all_the_way() {
    replay("fuzz/corpus/lab", lab::run);
}

#[test]
fn medium_seeds_go_all_the_way() {
    plant(&media::seeds(), medium::run);
}

#[test]
fn medium_corpus_goes_all_the_way() {
    replay("fuzz/corpus/medium", medium::run);
}

/// `fuzz/` is a package of its own, with a Cargo.lock that nothing else looks at.
#[test]
fn the_fuzzer_is_built_from_the_same_versions() {
    let versions = |file: &str| -> BTreeSet<(String, String)> {
        let text = fs::read_to_string(Path::new(ROOT).join(file)).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        let value =
            |line: &str, key: &str| Some(line.strip_prefix(key)?.trim_matches('"').to_owned());
        let pair = |two: &[&str]| Some((value(two[0], "name = ")?, value(two[1], "version = ")?));
        lines.windows(2).filter_map(pair).collect()
    };
    let (ours, fuzz) = (versions("Cargo.lock"), versions("fuzz/Cargo.lock"));
    let names: BTreeSet<&String> = ours.iter().map(|(name, _)| name).collect();
    let other: Vec<_> = fuzz.difference(&ours).filter(|(name, _)| names.contains(name)).collect();
    assert!(
        fuzz.len() > 50 && other.is_empty(),
        "copy Cargo.lock to fuzz/, and build there: {other:?}"
    );
    let manifest = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).expect("text");
    let needed = manifest.split("[dev-dependencies]").next().expect("text").split("[dependencies]");
    let needed =
        needed.last().expect("dependencies").lines().filter_map(|line| line.split_once(" = "));
    let lock = fs::read_to_string(Path::new(ROOT).join("fuzz/Cargo.lock")).expect("text");
    let ours = lock.split("name = \"trainyard\"\n").nth(1).expect("our own package");
    let ours = ours.split(']').next().expect("text");
    for (name, said) in needed.filter(|(name, _)| !name.starts_with('#')) {
        let name =
            said.split("package = \"").nth(1).map_or(name, |n| n.split('"').next().expect("text"));
        // One that several versions are there of has its version after it.
        let known = [format!("\"{name}\""), format!("\"{name} ")];
        let known = known.iter().any(|known| ours.contains(known));
        assert!(known, "fuzz/Cargo.lock does not know that trainyard uses `{name}`: build there");
    }
}

/// The words that the fuzzer puts together: keys and values of the lab file and of a stage, and YAML's own.
#[test]
fn the_dictionary_is_what_the_schema_knows() {
    let mut words = BTreeSet::new();
    collect(&trainyard::spec::json_schema(), &mut words);
    let yaml = [
        "---",
        "...",
        "<<: ",
        "!replace ",
        "!!str ",
        "&a ",
        "*a",
        "? ",
        "|\n",
        ">-\n",
        "~",
        "[1-2]",
        "\u{feff}",
        "\r",
    ];
    let stage = [
        "stage.yaml",
        "verify.sh",
        "configure.sh",
        "secrets.yaml",
        ".j2",
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "secret(",
    ];
    words.extend(yaml.iter().chain(&stage).map(|word| (*word).to_owned()));
    words.extend(["\n", ""].map(|before| format!("{before}{}", lab::FILE_MARK)));
    let mut page =
        String::from("# Made from the schema: TRAINYARD_GOLDEN=write cargo test --test corpus\n");
    for word in words {
        let escaped: String = word.bytes().map(escape).collect();
        let _ = writeln!(page, "\"{escaped}\"");
    }
    common::golden("fuzz/lab.dict", &page);
}

/// Keys (with their colon), words to choose from, and examples.
fn collect(schema: &serde_json::Value, words: &mut BTreeSet<String>) {
    use serde_json::Value;
    let mut add = |word: &Value, after: &str| match word {
        Value::String(text) if text.len() <= 60 => drop(words.insert(format!("{text}{after}"))),
        _ => {}
    };
    match schema {
        Value::Object(object) => {
            for key in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
                add(&Value::String(key.0.clone()), ": ");
            }
            for key in ["enum", "examples"] {
                for word in object.get(key).and_then(Value::as_array).into_iter().flatten() {
                    add(word, "");
                }
            }
            object.values().for_each(|value| collect(value, words));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        _ => {}
    }
}

/// A byte as a dictionary of libFuzzer holds it.
fn escape(byte: u8) -> String {
    match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}
