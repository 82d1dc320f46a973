//! `lab up` and `lab rebuild`: what is missing is made, and waited for.

use std::net::SocketAddrV4;

use anyhow::{Context as _, Result, bail};
use reqwest::Method;
use serde_json::json;

use super::super::node::escaped;
use super::media::Maker;
use super::perform::perform;
use super::record::{Begun, Record};
use super::server::begin;
use super::wait::Waiting;
use super::{At, is_at_work, show};
use crate::cli::lab::{HowArgs, ScriptArgs, ScriptShell};
use crate::cli::ui::{Ui, print};
use crate::doctor::{Check, Kind, State};
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::machines::virtualbox::{self, VBOX_MANAGE};
use crate::machines::{
    self, Act, Machine, Media, Power, Seen, Shell, Step, Wanted, Watch, preflight,
};
use crate::secrets::Blotter;
use crate::serve::Folder;
use crate::state::{Sqlite, State as Way, Store as _};
use crate::tool::{Tool, ToolError};

pub(super) fn up(at: &At, names: &[String], how: &HowArgs, anew: bool, ui: &Ui) -> Result<()> {
    Record::refuse_foreign(&at.machines())?;
    let known = Record::read(at.state)?;
    let begun = Begun::of(known.as_ref().map(|known| known.begun), how)?;
    let how = &remembering(how, known.as_ref())?;
    let provider = begun.provider()?;
    let mut wanted = at.wanted(begun);
    let nodes = at.nodes(names)?;
    let mut seen = provider.look(&wanted)?;
    seen.foreign.extend(never_begun(known.as_ref(), &wanted, &seen));
    refuse_foreign(&seen)?;
    show::tell_left(&wanted, &seen, ui);
    let going = if anew { nodes.clone() } else { Vec::new() };
    if !anew {
        for node in under_way(at, &wanted, &seen, &nodes) {
            ui.note(format!(
                "{node}: it is off, and its installation was never heard to end: it is started as it is; where it does not come up, `trainyard lab rebuild {node}` begins it anew"
            ));
        }
    }
    let after = seen.without(&going);
    keep(&mut wanted, known.as_ref(), &after, ui);
    let mut checks = provider.preflight(&wanted, &after, &nodes);
    let server = SocketAddrV4::new(provider.listens(&wanted), begun.port_base);
    // A plan may be asked for while another `lab up` is at work, whose server is the lab's own.
    if !(how.dry_run && is_at_work(at.state)) {
        checks.extend(preflight::port(server, "nodes are to tell there how far they are"));
    }
    if let Some(image) = how.image.as_deref().filter(|image| !image.is_file()) {
        let fix = "name another file (`--image`), or bring it back";
        let seen = format!("`{}` is no file", image.display());
        checks.push(Check::not(Kind::Machine, "image", State::Lacking, seen, fix));
    }
    // What was asked of a program then failed because of that, and is no fault of the host's.
    interrupt::check()?;
    tell(&checks, ui);
    let bad = checks.iter().find(|check| check.state == State::Bad);
    if let Some(bad) = bad.filter(|_| !how.dry_run) {
        bail!(Failure::new(
            exit::INPUT,
            format!("the lab cannot be made here: {}: {}", bad.what, bad.seen)
        ));
    }
    let mut steps = remembered(at, Record::new(begun, how.image.clone(), wanted.clone()))?;
    steps.extend(provider.raze(&wanted, &seen, &going)?);
    steps.extend(provider.raise(&wanted, &after, &nodes)?);
    if how.dry_run {
        let image = how.image.as_deref();
        let data = json!({
            "schema": 1, "begun": begun, "image": image, "steps": steps, "checks": checks
        });
        let image = image.map(|image| format!(", from `{}`", image.display()));
        ui.note(format!("{begun}{}", image.unwrap_or_default()));
        return ui.result(|| planned(&steps), &data);
    }
    let maker = Maker::new(at, &wanted, provider.format(), how, ui);
    let is_new = |node: &&str| matches!(after.power(node), Power::Missing | Power::Partial);
    if nodes.iter().any(is_new) {
        maker.prepare()?;
    }
    let mut watch = Watch::begin(&wanted, &after, &nodes);
    let (server, timeline) = begin(at, server, &*provider, &wanted, how, ui)?;
    let media = |node: &str| {
        let armed = server.administer(Method::POST, &format!("nodes/{}/arm", escaped(node)));
        // Ctrl-C ends the server as well.
        interrupt::check()?;
        let armed = armed?;
        let report =
            armed["report"].as_str().context("the server does not say where a node reports")?;
        maker.make(node, report)
    };
    // Before they start: what they tell then counts.
    for node in nodes.iter().filter(|node| after.power(node) == Power::Off) {
        timeline.starts(node, "its machine is started");
    }
    perform(&steps, &wanted, media, ui)?;
    let (blotter, provider) = (&Blotter::of(at.secrets), &*provider);
    let (wanted, server, timeline) = (&wanted, &server, &timeline);
    let waiting = Waiting { provider, wanted, server, how, blotter, timeline, ui };
    waiting.note(&mut watch, Some(&provider.look(wanted)?));
    if how.no_wait {
        return Ok(());
    }
    let machines: Vec<&Machine> =
        wanted.machines.iter().filter(|machine| nodes.contains(&machine.node.as_str())).collect();
    waiting.wait(&machines, &mut watch)
}

/// With the image that was named last, where none is named now.
fn remembering(how: &HowArgs, known: Option<&Record>) -> Result<HowArgs> {
    let named = how.image.as_deref().map(std::path::absolute).transpose()?;
    let image = named.or_else(|| known?.image.clone());
    Ok(HowArgs { image, ..how.clone() })
}

/// Folders of nodes that the lab had not when it was last begun: nothing of what is in them is its own.
fn never_begun(known: Option<&Record>, wanted: &Wanted, seen: &Seen) -> Vec<String> {
    let Some(known) = known else { return Vec::new() };
    let is_strange = |machine: &&Machine| {
        known.lab.machine(&machine.node).is_none() && seen.power(&machine.node) == Power::Partial
    };
    let told = |machine: &Machine| {
        let (folder, node) = (machine.folder.display(), &machine.node);
        format!(
            "`{folder}` has something in it, and the lab never had a node `{node}`: move it elsewhere"
        )
    };
    wanted.machines.iter().filter(is_strange).map(told).collect()
}

/// Leaves machines that are there as they were made, whatever the lab file says now: other addresses or ports would cut off nodes that run.
fn keep(wanted: &mut Wanted, known: Option<&Record>, after: &Seen, ui: &Ui) {
    let Some(known) = known else { return };
    let there = after.machines.iter().filter(|(_, power)| !matches!(power, Power::Partial));
    let there: Vec<&str> = there.map(|(node, _)| node.as_str()).collect();
    for (node, changes) in wanted.keep(&known.lab, &there) {
        let changes = changes.join(", ");
        ui.note(format!(
            "{node}: its machine stays as it was made, though the lab file says otherwise now ({changes}): `trainyard lab rebuild {node}` makes it anew"
        ));
    }
}

/// The nodes of these whose machines are off, and which were heard to begin their installation, and not to end it. (What another server has
/// open is not known here.) They may be whole all the same: nobody hears a node while no `lab up` waits.
fn under_way<'n>(at: &At, wanted: &Wanted, seen: &Seen, nodes: &[&'n str]) -> Vec<&'n str> {
    let database = Folder::at(at.state).database();
    let known = database.exists().then(|| Sqlite::open(&database).and_then(|store| store.nodes()));
    let known = known.and_then(Result::ok).unwrap_or_default();
    let is_begun = |node: &str| {
        known.iter().any(|it| it.name == node && matches!(it.state, Way::Installing | Way::Failed))
    };
    let is_off = |node: &str| {
        seen.power(node) == Power::Off
            && wanted.machine(node).is_some_and(|machine| machine.media != Media::Cloud)
    };
    nodes.iter().copied().filter(|node| is_off(node) && is_begun(node)).collect()
}

/// The steps of VirtualBox's as a script.
pub(super) fn script(at: &At, args: &ScriptArgs) -> Result<()> {
    let known = Record::read(at.state)?;
    let begun = Begun::of_script(known.as_ref().map(|known| known.begun), args)?;
    let image = known.and_then(|known| known.image);
    let folder = args.folder.clone().unwrap_or_else(|| at.machines());
    let wanted = at.wanted_in(begun, &folder);
    let nodes = at.nodes(&args.nodes)?;
    // What is there on another host nobody knows here, and no trainyard is there that would look for what is remembered.
    let is_here = args.folder.is_none();
    let is_none = matches!(Tool::locate(VBOX_MANAGE), Err(ToolError::Missing { .. }));
    let mut steps = if is_here {
        remembered(at, Record::new(begun, image, wanted.clone()))?
    } else {
        Vec::new()
    };
    steps.extend(if args.assume_empty || !is_here || is_none {
        virtualbox::from_nothing(&wanted, &nodes)?
    } else {
        let provider = begun.provider()?;
        let seen = provider.look(&wanted)?;
        refuse_foreign(&seen)?;
        provider.raise(&wanted, &seen, &nodes)?
    });
    let shell = match args.shell {
        ScriptShell::Bash => Shell::Bash,
        ScriptShell::PowerShell => Shell::PowerShell,
    };
    print(&machines::script(&steps, shell))
}

/// The steps that remember the lab, before all others.
fn remembered(at: &At, record: Record) -> Result<Vec<Step>> {
    let (path, text) = (Record::path(at.state), record.text()?);
    if std::fs::read_to_string(&path).is_ok_and(|known| known == text) {
        return Ok(Vec::new());
    }
    Ok(vec![
        Step::lab("make the lab's folder", Act::Folder { path: record.lab.folder }),
        Step::lab("remember what the lab is", Act::Write { path, text }),
    ])
}

fn refuse_foreign(seen: &Seen) -> Result<()> {
    if seen.foreign.is_empty() {
        return Ok(());
    }
    let message =
        format!("in the way of the lab, and not its own:\n  {}", seen.foreign.join("\n  "));
    bail!(Failure::new(exit::REFUSED, message))
}

fn tell(checks: &[Check], ui: &Ui) {
    for check in checks.iter().filter(|check| check.state != State::Good) {
        let fix = check.fix.as_deref().unwrap_or_default();
        ui.note(format!("{}: {}\n  {fix}", check.what, check.seen));
    }
}

/// The steps, for a person.
pub(super) fn planned(steps: &[Step]) -> String {
    if steps.is_empty() {
        return "nothing is to be done\n".to_owned();
    }
    steps
        .iter()
        .map(|step| format!("{}: {}\n", step.node.as_deref().unwrap_or("lab"), step.what))
        .collect()
}
