use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::fetch;
use super::load::{chosen, load_good, load_secrets};
use super::source::{Found, Source};
use crate::appear;
use crate::base_image::{Brought, Cache, Facts};
use crate::cli::images::NetworkArgs;
use crate::cli::ui::Ui;
use crate::cli::{BuildArgs, CustomArgs, MenuTimeout, ReplaceArgs, SerialConsole};
use crate::digest::Digest;
use crate::exit::{self, Failure};
use crate::iso::{
    self, Addition, Base, Custom, IsoError, Many, Order, Prepared, Replace, State, Step, Xorriso,
};
use crate::model::Lab;
use crate::plan::{NodePlan, Plan};
use crate::render::boot_menu::MenuPassword;
use crate::render::{Renderer, chooser};

pub(in crate::cli) fn build(
    lab_path: &Path,
    secrets_file: &Path,
    args: &BuildArgs,
    ui: &Ui,
) -> Result<()> {
    let good = load_good(lab_path, secrets_file, ui)?;
    let (lab, plan) = (&good.lab, &good.plan);
    let nodes = of_role(plan, chosen(plan, &args.nodes)?, args.role.as_deref())?;
    let secrets = load_secrets(secrets_file, &good, ui)?;
    let (lab_file, epoch) = (lab_file(lab_path)?, epoch()?);
    let xorriso = Xorriso::locate()?;
    let custom = custom(&args.custom, plan)?;
    let replace = match args.replace {
        ReplaceArgs { force: true, .. } => Replace::Everything,
        ReplaceArgs { update: true, .. } => Replace::OutOfDate,
        ReplaceArgs { .. } => Replace::Nothing,
    };
    let output = |name: &str| args.output.join(format!("{name}.iso"));
    let names: Vec<&str> = if args.together {
        vec![args.role.as_deref().unwrap_or(&plan.lab)]
    } else {
        nodes.iter().map(|node| node.name.as_str()).collect()
    };
    for name in &names {
        may_be_ours(&output(name), replace)?;
    }
    let source = image(args.image.as_deref(), &args.network, lab, lab_path, ui)?;
    let mut kickstarts = Vec::new();
    let mut renderer = Renderer::new(plan, &secrets);
    for node in &nodes {
        let files = renderer.render(node).map_err(|error| good.told(error, ui))?;
        kickstarts.push((*node, files.kickstart));
    }
    let cache = args.network.cache().ok();
    let base = proved(&source, cache.as_ref(), args.how.verify, ui)?;

    let all = kickstarts.iter().map(|(node, text)| (*node, text.as_str()));
    let contents: Vec<(Vec<_>, Option<String>)> = if args.together {
        let label = custom.volume_id.as_deref().unwrap_or(base.medium.label());
        let chooser = chooser::render(plan, &nodes, label);
        vec![(all.collect(), Some(chooser.map_err(|error| good.told(error, ui))?))]
    } else {
        all.map(|one| (vec![one], None)).collect()
    };
    let order = |((nodes, chooser), name): ((_, _), &&str)| Order {
        plan,
        nodes,
        chooser,
        custom: &custom,
        lab_file,
        epoch,
        output: output(name),
        replace,
    };
    let orders: Vec<Order> = contents.into_iter().zip(&names).map(order).collect();
    let prepared =
        orders.iter().map(|order| order.prepare(&base)).collect::<Result<Vec<_>, _>>()?;
    let many = Many::plan(&prepared, &base, &args.output, !args.how.dry_run)?;
    let states =
        if args.how.dry_run { many.states() } else { run(&many, &base, &xorriso, args, ui)? };
    show(&many, &prepared, &states, ui)
}

/// Those nodes that have a role.
fn of_role<'p>(
    plan: &Plan,
    nodes: Vec<&'p NodePlan>,
    role: Option<&str>,
) -> Result<Vec<&'p NodePlan>> {
    let Some(role) = role else { return Ok(nodes) };
    let found: Vec<_> = nodes.into_iter().filter(|node| node.role == role).collect();
    if found.is_empty() {
        let known = plan.nodes.iter().map(|node| node.role.as_str());
        let help = crate::report::did_you_mean(role, known);
        bail!(Failure::new(exit::USAGE, format!("no such node has the role `{role}`: {help}")));
    }
    Ok(found)
}

/// What is wanted besides the lab file.
fn custom(args: &CustomArgs, plan: &Plan) -> Result<Custom> {
    let mut custom = Custom {
        add: args.add.clone(),
        updates: args.updates.clone().map(Addition::updates),
        volume_id: args.volume_id.clone(),
        arguments: args.kernel_arg.clone(),
        removed_arguments: args.without_kernel_arg.clone(),
        serial: None,
        menu_title: args.menu_title.clone(),
        timeout: args.menu_timeout.map(|MenuTimeout(timeout)| timeout),
        menu_password: None,
        media_check: !args.no_media_check,
    };
    match args.serial_console {
        Some(SerialConsole::On(serial)) => {
            custom.serial = Some(serial);
            custom.arguments.push(format!("console=ttyS{},{}", serial.unit, serial.speed));
        }
        Some(SerialConsole::Off) => custom.removed_arguments.push("console".to_owned()),
        None => {}
    }
    if let Some(path) = &args.menu_password_file {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("`{}`", path.display()))?;
        // The same lab has the same hash: an ISO is the same again.
        let salt = Digest::of(format!("boot menu of {}", plan.lab).as_bytes()).to_string();
        let password = MenuPassword::new(text.lines().next().unwrap_or_default(), &salt[..16]);
        let wrong = |error| Failure::new(exit::USAGE, format!("`{}`: {error}", path.display()));
        custom.menu_password = Some(password.map_err(wrong)?);
    }
    Ok(custom)
}

/// Builds what is open.
fn run(
    many: &Many,
    base: &Base,
    xorriso: &Xorriso,
    args: &BuildArgs,
    ui: &Ui,
) -> Result<Vec<State>> {
    let size = base.medium.file_size();
    let open = many.open();
    let jobs = many.jobs(args.jobs.map(usize::from));
    ui.detail(|| {
        let how = if many.shared {
            "sharing the blocks of the medium"
        } else {
            "as whole copies, for this file system shares no blocks with the medium's"
        };
        format!("{open} to build, {jobs} at a time, {how}; {} MiB are needed", many.needed >> 20)
    });
    let all = (open > 1 && ui.has_bars()).then(|| ui.steps("ISOs", open));
    let states = many.build(xorriso, jobs, |one| {
        let bar = ui.bytes(&format!("building {}", one.output().display()), size);
        let all = all.clone();
        move |step| match step {
            Step::Written(bytes) => bar.set_position(bytes),
            Step::Checking => bar.set_message("checking it"),
            Step::Done => {
                bar.finish_and_clear();
                if let Some(all) = &all {
                    all.inc(1);
                }
            }
        }
    })?;
    if let Some(all) = all {
        all.finish_and_clear();
    }
    Ok(states)
}

fn show(many: &Many, prepared: &[Prepared], states: &[State], ui: &Ui) -> Result<()> {
    let rows: Vec<_> = prepared.iter().zip(states).collect();
    let word = |state: &State| match state {
        State::Built(_) => "built",
        State::Unchanged => "unchanged",
        State::Open => "would be built",
    };
    let text = || {
        let row = |(one, state): &(&Prepared, &State)| {
            let mark = one.mark();
            let what = match mark.nodes.as_slice() {
                [node] => match mark.files.get(&node.kickstart) {
                    Some(digest) => format!("kickstart sha256 {digest}"),
                    None => node.name.clone(),
                },
                nodes => nodes.iter().map(|n| n.name.as_str()).collect::<Vec<_>>().join(", "),
            };
            let became = match state {
                State::Built(_) => String::new(),
                other => format!("  ({})", word(other)),
            };
            format!("{}  {what}{became}\n", one.output().display())
        };
        rows.iter().map(row).collect()
    };
    let data = |(one, state): &(&Prepared, &State)| {
        let (size, shared) = match state {
            State::Built(built) => (Some(built.size), Some(built.shared)),
            State::Unchanged => (None, None),
            // Where it is not there yet, nobody knows.
            State::Open => {
                (None, one.output().parent().is_some_and(Path::is_dir).then_some(many.shared))
            }
        };
        json!({
            "path": one.output(), "state": word(state), "size": size, "shared": shared, "mark": one.mark(),
        })
    };
    let isos: Vec<_> = rows.iter().map(data).collect();
    ui.result(text, &json!({ "schema": 2, "isos": isos }))
}

/// Refuses early what is there and was built by nobody like us.
fn may_be_ours(output: &Path, replace: Replace) -> Result<()> {
    let is_ours = || iso::inspect(output).is_ok_and(|there| there.built.is_some());
    if replace != Replace::Nothing || output.symlink_metadata().is_ok() && !is_ours() {
        appear::check(output, replace != Replace::Nothing).map_err(IsoError::from)?;
    }
    Ok(())
}

/// What a lab file's text is.
pub(super) fn lab_file(path: &Path) -> Result<Digest> {
    let text = std::fs::read(path).with_context(|| format!("`{}`", path.display()))?;
    Ok(Digest::of(&text))
}

/// Of what time new files are: seconds since 1970 (reproducible-builds.org), or else now.
pub(super) fn epoch() -> Result<u64> {
    // Four digits of a year are all that ISO 9660 has room for.
    const LAST: u64 = 253_402_300_799;
    let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|text| !text.is_empty()) else {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        return Ok(now.as_secs());
    };
    let seconds = text.to_str().and_then(|text| text.parse().ok()).filter(|n| *n <= LAST);
    seconds.ok_or_else(|| {
        let text = text.to_string_lossy();
        let message =
            format!("SOURCE_DATE_EPOCH is `{text}`: that is no number of seconds since 1970");
        Failure::new(exit::USAGE, message).into()
    })
}

/// Reads the whole medium, unless that was done and it was not touched since; and refuses it where it is not what it is said to be.
pub(super) fn proved(
    source: &Source,
    cache: Option<&Cache>,
    verify: bool,
    ui: &Ui,
) -> Result<Base> {
    let Source { path, facts, help } = source;
    let before = std::fs::metadata(path).ok();
    let size = before.as_ref().map_or(0, std::fs::Metadata::len);
    let known = cache.filter(|_| !verify).and_then(|cache| cache.seen(path));
    let base = if known.is_some() {
        ui.detail(|| format!("{} was read through before, and not touched since", path.display()));
        Base::open(path, known, |_| ())?
    } else {
        let bar = ui.bytes(&format!("reading {}", path.display()), size);
        let base = Base::open(path, None, |done| bar.set_position(done))?;
        bar.finish_and_clear();
        let noted =
            cache.zip(before).map(|(cache, before)| cache.note_seen(path, &before, base.sha256));
        if let Some(Err(error)) = noted {
            ui.detail(|| format!("it will be read again next time: {error}"));
        }
        base
    };
    let found = Found {
        path: &base.path,
        sha256: base.sha256,
        size: base.medium.file_size(),
        volume_id: Some(base.medium.label()),
    };
    found.check(facts, help)?;
    if let Some(unproved) = found.unproved(facts, "image") {
        ui.note(unproved);
    }
    ui.detail(|| {
        format!("{}: label `{}`, sha256 {}", path.display(), base.medium.label(), base.sha256)
    });
    Ok(base)
}

/// The medium to build from: the one on the command line, or the lab's, which is brought where it is no file.
pub(super) fn image(
    given: Option<&Path>,
    network: &NetworkArgs,
    lab: &Lab,
    lab_file: &Path,
    ui: &Ui,
) -> Result<Source> {
    if let Some(file) = Source::of_file(given, &lab.image, "image", lab_file) {
        return Ok(file);
    }
    let wanted = fetch::of_lab(lab, Facts::default())?;
    let Brought { path, proof, .. } = fetch::bring(&wanted, network, false, ui)?;
    Ok(Source::of_cache(path, proof.sha256, "trainyard fetch"))
}
