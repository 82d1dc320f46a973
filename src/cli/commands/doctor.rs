use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use reqwest::Url;
use serde_json::json;

use super::disk::fetch_command;
use super::fetch;
use super::load::{Loaded, load, load_text};
use super::source::{Source, beside};
use crate::base_image::known::{DEFAULT, KNOWN, Repository};
use crate::base_image::{Facts, Wanted};
use crate::cli::DoctorArgs;
use crate::cli::ui::Ui;
use crate::doctor::{self, AskedImage, Check, Kind, Mirror, Needs, State, Thing};
use crate::exit::{self, Failure};
use crate::model::{Image, ImageSource};
use crate::spec;

pub(in crate::cli) fn doctor(
    lab_file: &Path,
    secrets: &Path,
    args: &DoctorArgs,
    ui: &Ui,
) -> Result<()> {
    // Before anybody is asked.
    let real = if args.write { Some(real(lab_file)?) } else { None };
    let loaded = if lab_file.exists() { Some(load(lab_file, secrets, false)?) } else { None };
    if loaded.as_ref().is_some_and(|loaded| loaded.planned.is_none()) {
        ui.note(format!(
            "`{}` has errors, which `trainyard check` tells: defaults are looked at instead",
            lab_file.display()
        ));
    }
    let cache = args.network.cache()?;
    let needs = needs(loaded.as_ref());
    let image = image(loaded.as_ref(), &args.mirror)?;
    let cloud = cloud_image(loaded.as_ref(), &args.cloud_mirror)?;
    let is_missing = |image: &&Wanted| !matches!(cache.find(image), Ok(Some(_)));
    let missing = image.iter().chain(&cloud).filter(is_missing).count();
    let folders = [
        ("the cache", cache.folder(), missing as u64),
        ("ISOs, here", Path::new("."), needs.nodes),
    ];
    let mut checks = doctor::host(needs, &folders);
    let planned = loaded.as_ref().and_then(|loaded| loaded.planned.as_ref());
    if let Some(ImageSource::Path(path)) = planned.map(|(lab, _)| &lab.image.source) {
        checks.push(doctor::image_file(&beside(lab_file, path)));
    }
    checks.extend(cloud_check(loaded.as_ref(), lab_file, args, cloud.as_ref(), ui)?);
    let mut mirrors = Vec::new();
    if !args.offline {
        let (asked, images) = asked(loaded.as_ref(), &args.mirror, image.as_ref(), cloud.as_ref());
        mirrors = ask(&asked, args, ui)?;
        checks.extend(doctor::judge(&mirrors, &ids(), &images));
    }
    let written = real.map(|real| write(lab_file, &real, secrets, &mirrors));
    let pinned = written.as_ref().and_then(|written| written.as_ref().ok());
    let text = || text(&checks, &mirrors, pinned.copied());
    ui.result(
        text,
        &json!({ "schema": 1, "checks": checks, "mirrors": mirrors, "pinned": pinned }),
    )?;
    written.transpose()?;
    let bad: Vec<&Check> = checks.iter().filter(|check| check.state == State::Bad).collect();
    let is_of = |kind| bad.iter().any(|check| check.kind == kind);
    if bad.is_empty() {
        return Ok(());
    }
    let code = if is_of(Kind::Program) {
        exit::PROGRAM_MISSING
    } else if is_of(Kind::Machine) {
        exit::INPUT
    } else {
        exit::NETWORK
    };
    let names: Vec<&str> = bad.iter().map(|check| check.what.as_str()).collect();
    bail!(Failure::new(code, format!("not as it should be: {}", names.join(", "))))
}

fn ask(asked: &[(String, Vec<Thing>)], args: &DoctorArgs, ui: &Ui) -> Result<Vec<Mirror>> {
    let mirrors = if asked.len() == 1 { "mirror" } else { "mirrors" };
    let questions = asked.iter().map(|(_, things)| things.len()).sum();
    let bar = ui.steps(&format!("asking {} {mirrors}", asked.len()), questions);
    let tell = |progress: doctor::Progress| {
        let doctor::Progress { mirror, thing, done } = progress;
        bar.set_position(done as u64);
        bar.set_message(format!("asking {mirror} for {thing}"));
    };
    let answers = doctor::ask(asked, &args.network.network(), &tell);
    bar.finish_and_clear();
    Ok(answers?)
}

fn needs(loaded: Option<&Loaded>) -> Needs {
    let Some((lab, plan)) = loaded.and_then(|loaded| loaded.planned.as_ref()) else {
        return Needs { nodes: 1, memory: 0, disks: false };
    };
    Needs {
        nodes: plan.nodes.len() as u64,
        memory: lab.nodes.iter().map(|node| node.settings.hardware.memory_mib).sum(),
        disks: lab.own_cloud_image().is_some(),
    }
}

/// The image that is built from, unless it is a file.
fn image(loaded: Option<&Loaded>, only: &[String]) -> Result<Option<Wanted>> {
    let said = Facts { mirrors: only.to_vec(), ..Facts::default() };
    match loaded.and_then(|loaded| loaded.planned.as_ref()) {
        Some((lab, _)) if matches!(lab.image.source, ImageSource::Path(_)) => Ok(None),
        Some((lab, _)) => fetch::of_lab(lab, said).map(Some),
        None => Ok(Some(Wanted::known(DEFAULT, said)?)),
    }
}

/// The cloud image that the lab says something about, unless it is a file.
fn cloud_image(loaded: Option<&Loaded>, only: &[String]) -> Result<Option<Wanted>> {
    let Some((lab, _)) = loaded.and_then(|loaded| loaded.planned.as_ref()) else { return Ok(None) };
    let is_asked = |image: &Image| !matches!(image.source, ImageSource::Path(_));
    if !lab.own_cloud_image().is_some_and(is_asked) {
        return Ok(None);
    }
    let said = Facts { mirrors: only.to_vec(), ..Facts::default() };
    fetch::cloud_of_lab(lab, said).map(Some)
}

/// Whether the lab's cloud image is there, where the lab says something about it.
fn cloud_check(
    loaded: Option<&Loaded>,
    lab_file: &Path,
    args: &DoctorArgs,
    wanted: Option<&Wanted>,
    ui: &Ui,
) -> Result<Option<Check>> {
    if let Some(wanted) = wanted {
        let fetch = fetch_command(lab_file, args.network.cache.as_deref());
        return Ok(Some(doctor::cloud_cached(&args.network.cache()?, wanted, &fetch)));
    }
    let planned = loaded.and_then(|loaded| loaded.planned.as_ref());
    let image = planned.and_then(|(lab, _)| lab.own_cloud_image());
    let file = image.and_then(|image| Source::of_file(None, image, "cloud_image", lab_file));
    let Some(Source { path, facts, .. }) = file else { return Ok(None) };
    let bar = facts.sha256.map(|_| ui.bytes(&format!("reading {}", path.display()), 0));
    let check = doctor::cloud_file(&path, &facts, |done, of| {
        if let Some(bar) = &bar {
            bar.set_length(of);
            bar.set_position(done);
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(Some(check?))
}

/// What each mirror is asked for: the repositories, and the images; and the images, with who is asked for each, in their order.
fn asked(
    loaded: Option<&Loaded>,
    only: &[String],
    image: Option<&Wanted>,
    cloud: Option<&Wanted>,
) -> (Vec<(String, Vec<Thing>)>, Vec<AskedImage>) {
    let planned = loaded.and_then(|loaded| loaded.planned.as_ref());
    let of_lab = planned.iter().flat_map(|(lab, _)| lab.settings.iter().flat_map(|s| &s.mirrors));
    let mut mirrors: Vec<String> = Vec::new();
    let all: Vec<&String> = if only.is_empty() {
        of_lab.chain(["centos", "packages"].iter().flat_map(|tree| &KNOWN.mirrors[*tree])).collect()
    } else {
        only.iter().collect()
    };
    for mirror in all {
        let mirror = mirror.trim_end_matches('/').to_owned();
        if !mirrors.contains(&mirror) {
            mirrors.push(mirror);
        }
    }
    let things = |mirror: &str| {
        let thing = |(id, repository): (&String, &Repository)| Thing {
            name: id.clone(),
            url: repository.index(mirror),
            size: None,
            begins: Some("<repomd"),
        };
        KNOWN.repositories.iter().map(thing).collect()
    };
    let mut asked: Vec<(String, Vec<Thing>)> =
        mirrors.iter().map(|mirror| (mirror.clone(), things(mirror))).collect();
    let mut images = Vec::new();
    let medium = image.map(|wanted| (wanted, "mirrors of the image", MEDIUM_FIX));
    let cloud = cloud.map(|wanted| (wanted, "mirrors of the cloud image", CLOUD_FIX));
    for (wanted, about, fix) in medium.into_iter().chain(cloud) {
        let order = wanted.urls.iter().map(|url| also(&mut asked, wanted, url)).collect();
        images.push(AskedImage { about, name: wanted.file.clone(), order, fix });
    }
    (asked, images)
}

const MEDIUM_FIX: &str =
    "name one that does (`image: {mirrors: [URL]}` in the lab file), or a file (`--image ISO`)";
const CLOUD_FIX: &str = "name one that does (`cloud_image: {mirrors: [URL]}` in the lab file), or a file (`cloud_image: {path: FILE}`)";

/// Asks for an image at one of its places as well. The number of the mirror there.
fn also(asked: &mut Vec<(String, Vec<Thing>)>, wanted: &Wanted, url: &Url) -> usize {
    let thing =
        Thing { name: wanted.file.clone(), url: url.to_string(), size: wanted.size, begins: None };
    // With its packages, where the same mirror has both.
    let same = |(mirror, _): &(String, Vec<Thing>)| {
        url.as_str().starts_with(&format!("{mirror}/7.9.2009/"))
    };
    let Some(known) = asked.iter().position(same) else {
        asked.push((url.to_string(), vec![thing]));
        return asked.len() - 1;
    };
    asked[known].1.push(thing);
    known
}

/// The repositories that every node installs from.
fn ids() -> Vec<&'static str> {
    KNOWN.repositories.keys().map(String::as_str).collect()
}

fn text(checks: &[Check], mirrors: &[Mirror], pinned: Option<&str>) -> String {
    let mut out = String::new();
    for check in checks {
        let state = match check.state {
            State::Good => "ok",
            State::Lacking => "-",
            State::Bad => "BAD",
        };
        let _ = writeln!(out, "{state:4} {}: {}", check.what, check.seen);
        if let Some(fix) = &check.fix {
            let _ = writeln!(out, "       {fix}");
        }
    }
    for mirror in mirrors {
        let carries = if mirror.carries.is_empty() {
            "nothing".to_owned()
        } else {
            mirror.carries.join(", ")
        };
        let _ = writeln!(out, "\n{}\n  carries {carries}", mirror.mirror);
        // A dead mirror says the same of everything.
        let mut told: Vec<(&str, Vec<&str>)> = Vec::new();
        for (name, what) in &mirror.lacks {
            match told.iter_mut().find(|(known, _)| known == what) {
                Some((_, names)) => names.push(name),
                None => told.push((what, vec![name])),
            }
        }
        for (what, names) in told {
            let _ = writeln!(out, "  {}: {what}", names.join(", "));
        }
    }
    if let Some(pinned) = pinned {
        let _ = writeln!(out, "\nthe lab's mirror is now {pinned}");
    }
    out
}

/// The lab file itself, where it is a link.
fn real(lab_file: &Path) -> Result<PathBuf> {
    lab_file
        .canonicalize()
        .with_context(|| format!("`{}`: make a lab with `trainyard init`", lab_file.display()))
}

/// Why a mirror is not written that was asked with a name and a password.
fn needs_password(lab_file: &Path, mirror: &str) -> Failure {
    let message = format!(
        "`{}` is not changed: only a mirror that was asked with a name and a password carries all repositories. They are left out here, and stay yours to add where they are needed; no lab file may hold them, because every account on a node could read them: let the mirror know the nodes by their addresses, and write `mirror: {mirror}` into it",
        lab_file.display()
    );
    Failure::new(exit::LAB, message)
}

/// Writes the first mirror that carries all repositories, and asks for no password, into the lab file, which must mean the same otherwise.
fn write<'m>(
    lab_file: &Path,
    real: &Path,
    secrets: &Path,
    mirrors: &'m [Mirror],
) -> Result<&'m str> {
    let ids = ids();
    let found: Vec<&Mirror> = mirrors.iter().filter(|mirror| mirror.carries_all(&ids)).collect();
    let open = found.iter().find(|mirror| mirror.without_password().is_none());
    let Some(Mirror { mirror, .. }) = open else {
        let closed = found.first().and_then(|mirror| mirror.without_password());
        bail!(closed.map_or_else(
            || {
                let message = "no mirror carries all repositories, so none is written";
                Failure::new(exit::NETWORK, message)
            },
            |closed| needs_password(lab_file, &closed),
        ));
    };
    let by_hand = || {
        let name = lab_file.display();
        Failure::new(
            exit::LAB,
            format!("`{name}` is not changed: write `mirror: {mirror}` into it"),
        )
    };
    let before = std::fs::read_to_string(real).context("reading the lab file")?;
    let after = spec::with_mirror(&before, mirror).ok_or_else(by_hand)?;
    let loaded = load_text(lab_file, secrets, &after)?;
    // Whatever was wrong with it before has been told; it must be right now, and mean this.
    let is_pinned = loaded.planned.as_ref().is_some_and(|(lab, _)| {
        lab.settings.iter().all(|settings| settings.mirrors == [mirror.clone()])
    });
    if !is_pinned {
        bail!(by_hand());
    }
    let folder = real.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).context("writing the lab file")?;
    io::Write::write_all(&mut file, after.as_bytes()).context("writing the lab file")?;
    let permissions = std::fs::metadata(real).context("reading the lab file")?.permissions();
    file.as_file().set_permissions(permissions).context("writing the lab file")?;
    file.persist(real).context("writing the lab file")?;
    Ok(mirror)
}
