//! From the text of a lab file to its rendered nodes, for any text at all: what comes out is findings or files, and both
//! hold what they promise. `targets/lab.rs` gives it to libFuzzer, `tests/corpus` replays what that found.
//!
//! A line `#file NAME` begins another file, which lies beside the lab file; files of the machine are never read.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use trainyard::plan::{NodePlan, Plan};
use trainyard::render::{RenderError, Renderer, Told};
use trainyard::report::{Finding, Findings, Source, Sources, render_line, render_text};
use trainyard::secrets::{Secrets, Wanted};
use trainyard::spec::{Files, FolderEntry};
use trainyard::stack::Catalogue;
use trainyard::{model, plan, spec, stack};

/// What begins a line that names another file.
pub const FILE_MARK: &str = "#file ";

/// Of a lab with more nodes than twice this, the first and the last are rendered.
const RENDERED: usize = 2;

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::built_in().expect("the built-in catalogue"));

/// Takes a lab all the way.
///
/// # Panics
/// Something does not hold.
pub fn run(data: &[u8]) {
    let files = Memory::of(&String::from_utf8_lossy(data));
    if let Some(first) = once(&files) {
        assert!(Some(first) == once(&files), "the same lab gives other files the second time");
    }
}

/// The rendered files; nothing where the lab has errors.
fn once(files: &Memory) -> Option<Vec<String>> {
    let mut findings = Findings::default();
    let text = files.0[Path::new(LAB)].as_str().into();
    let source = Source { name: LAB.into(), path: LAB.into(), text };
    let (sources, spec) = spec::parse_with(source, files, &mut findings);
    let mut plan = None;
    if let Some(spec) = spec {
        let lab = model::resolve(&spec, &sources, &mut findings);
        let mut catalogue = CATALOGUE.clone();
        let names = stack::Names {
            roles: lab.roles.iter().map(|role| role.name.as_str()).collect(),
            networks: lab.networks.iter().map(|network| network.name.as_str()).collect(),
        };
        stack::add_own(&mut catalogue, &lab.own_stages, &names, &mut findings);
        plan = plan::make(&lab, &catalogue, &mut findings).expect("only the lab can be wrong");
    }
    let errors = findings.errors();
    assert!(plan.is_none() == (errors > 0), "{errors} errors, and a plan: {}", plan.is_some());
    let rendered = plan.and_then(|plan| render(&plan, &mut findings));
    for finding in findings.sorted() {
        check_finding(&finding, &sources);
    }
    rendered
}

/// A finding can be told, and what it marks is there.
fn check_finding(finding: &Finding, sources: &Sources) {
    let told = render_text(finding, sources) + &render_line(finding, sources);
    assert!(told.len() < 100_000, "a finding of {} bytes", told.len());
    let _ = finding.to_json(sources);
    let Some(span) = finding.span else { return };
    assert!(span.file != Sources::BUILT_IN, "what is built in is right: {finding:?}");
    let lines = sources.lines(span.file);
    assert!((1..=lines).contains(&span.line), "there are {lines} lines: {finding:?}");
    let length = sources.line(span.file, span.line).chars().count();
    // What is missing at a line's end stands behind it.
    let end = span.column - 1 + span.length;
    let inside = span.length > 0 && end <= length.max(span.column) && span.column - 1 <= length;
    assert!(inside, "line {} has {length} characters: {finding:?}", span.line);
}

/// The files of all nodes; nothing where the lab's own templates make something else.
fn render(plan: &Plan, findings: &mut Findings) -> Option<Vec<String>> {
    let mut texts = vec![serde_json::to_string(plan).expect("a plan is data")];
    let secrets = secrets(plan);
    let mut renderer = Renderer::new(plan, &secrets);
    let count = plan.nodes.len();
    for (i, node) in plan.nodes.iter().enumerate() {
        if i >= RENDERED && i + RENDERED < count {
            continue;
        }
        match renderer.render(node) {
            Ok(files) => {
                let user_data: Result<serde_json::Value, _> =
                    serde_yaml::from_str(&files.user_data);
                user_data.expect("what is rendered can be read");
                texts.extend(files.files().map(|(_, text)| text.to_owned()));
            }
            // The fuzzer has found a stand-in in the program's memory, and said it in the lab: no lab holds its own secrets.
            Err(RenderError::CommonSecret { .. }) => return None,
            Err(error) if error.to_string().contains(" stands outside its section") => return None,
            Err(error) => {
                assert!(!node.templates.is_empty(), "no template is the lab's own: {error}");
                let told = error.findings();
                assert!(!told.is_empty(), "{} cannot be rendered: {error}", node.name);
                for Told { rule, path, span, message, help } in told {
                    findings.tell(rule, &path, span, message, help.unwrap_or_default());
                }
            }
        }
    }
    (findings.errors() == 0).then_some(texts)
}

/// Values for all secrets that a plan asks for. Hashing passwords takes long by design: those for the same names are kept.
fn secrets(plan: &Plan) -> Secrets {
    static KNOWN: Mutex<BTreeMap<[BTreeSet<String>; 2], Secrets>> = Mutex::new(BTreeMap::new());
    let names = plan.nodes.iter().flat_map(NodePlan::all_secrets).collect();
    let logins = plan.nodes.iter().flat_map(|node| node.login_secrets());
    let logins = logins.map(str::to_owned).collect();
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() > 100 {
        known.clear();
    }
    let made = |[names, logins]: &[BTreeSet<String>; 2]| {
        let purposes = names.iter().map(|name| (name.clone(), String::new()));
        let logins: Vec<&str> = logins.iter().map(String::as_str).collect();
        Secrets::stand_in(&Wanted::new(purposes, &logins, Some(&[])))
    };
    known.entry([names, logins]).or_insert_with_key(made).clone()
}

/// The lab file's name.
const LAB: &str = "lab.yaml";

/// Files in memory, by their path.
struct Memory(BTreeMap<PathBuf, String>);

impl Memory {
    fn of(text: &str) -> Self {
        let mut files = BTreeMap::new();
        let (mut name, mut content) = (PathBuf::from(LAB), String::new());
        for line in text.split_inclusive('\n') {
            match line.strip_prefix(FILE_MARK) {
                Some(next) => {
                    files.insert(name, std::mem::take(&mut content));
                    name = normal(Path::new(next.trim()));
                }
                None => content += line,
            }
        }
        // The lab file is the first one, whatever others are called.
        files.entry(name).or_insert(content);
        Self(files)
    }
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for step in path.components() {
        match step {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            step => normal.push(step),
        }
    }
    normal
}

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.0.get(&normal(path)).cloned().ok_or(io::ErrorKind::NotFound.into())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<FolderEntry>> {
        let folder = normal(folder);
        let inside = self.0.keys().filter_map(|path| path.strip_prefix(&folder).ok());
        let entries: BTreeSet<FolderEntry> = inside
            .filter_map(|path| {
                let mut steps = path.components();
                let name = steps.next()?.as_os_str().to_owned();
                Some(FolderEntry { name, is_folder: steps.next().is_some() })
            })
            .collect();
        if entries.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(entries.into_iter().collect())
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        normal(path)
    }
}
