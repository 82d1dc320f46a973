//! `lab up` and `lab rebuild`: what is missing is made, and waited for.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};
use reqwest::Method;
use serde_json::json;

use super::super::load::load_again;
use super::super::node::escaped;
use super::super::server::Server;
use super::media::Maker;
use super::perform::perform;
use super::record::Record;
use super::{At, wait};
use crate::cli::lab::{HowArgs, ProviderChoice, ScriptShell, Via};
use crate::cli::ui::{Ui, print};
use crate::doctor::{Check, State};
use crate::exit::{self, Failure};
use crate::machines::{self, Act, Machine, Power, Provider, Seen, Shell, Step, Wanted};
use crate::secrets::Blotter;
use crate::serve::{self, Folder, Options};

pub(super) fn up(at: &At, names: &[String], how: &HowArgs, anew: bool, ui: &Ui) -> Result<()> {
    let record = Record::of(Record::read(at.state)?.as_ref(), how)?;
    let provider = record.provider()?;
    let wanted = at.wanted(&record);
    let nodes = at.nodes(names)?;
    let seen = provider.look(&wanted)?;
    refuse_foreign(&seen)?;
    let checks = provider.preflight(&wanted);
    tell(&checks, ui);
    let razed = if anew { provider.raze(&wanted, &seen, &nodes)? } else { Vec::new() };
    if how.dry_run {
        // What is razed is not there to say how it would be made.
        let mut steps = razed;
        if !anew {
            steps = raised(&*provider, &wanted, &record, at, &nodes)?;
        }
        let text = || {
            let again = nodes.iter().filter(|_| anew);
            let again: String =
                again.map(|node| format!("{node}: make it as `trainyard lab up` does\n")).collect();
            planned(&steps) + &again
        };
        return ui.result(text, &json!({ "schema": 1, "steps": steps, "checks": checks }));
    }
    if let Some(bad) = checks.iter().find(|check| check.state == State::Bad) {
        bail!(Failure::new(
            exit::INPUT,
            format!("the lab cannot be made here: {}: {}", bad.what, bad.seen)
        ));
    }
    let maker = Maker::new(at, &wanted, provider.format(), how, ui);
    let is_new = |node: &&str| matches!(seen.power(node), Power::Missing | Power::Partial);
    if anew || nodes.iter().any(is_new) {
        maker.prepare()?;
    }
    let server = begin_server(at, &record, &*provider, &wanted)?;
    let media = |node: &str| {
        let armed = server.administer(Method::POST, &format!("nodes/{}/arm", escaped(node)))?;
        let report =
            armed["report"].as_str().context("the server does not say where a node reports")?;
        maker.make(node, report)
    };
    perform(&razed, &wanted, |_| Ok(()), ui)?;
    perform(&raised(&*provider, &wanted, &record, at, &nodes)?, &wanted, media, ui)?;
    if how.no_wait {
        return Ok(());
    }
    let machines: Vec<&Machine> =
        wanted.machines.iter().filter(|machine| nodes.contains(&machine.node.as_str())).collect();
    let blotter = Blotter::of(at.secrets);
    wait::wait(&*provider, &wanted, &machines, &server, how.patience, &blotter, ui)
}

/// The steps of VirtualBox's as a script.
pub(super) fn script(at: &At, names: &[String], shell: ScriptShell, via: Via) -> Result<()> {
    let record = Record::new(ProviderChoice::VirtualBox, via);
    let provider = record.provider()?;
    let wanted = at.wanted(&record);
    let seen = provider.look(&wanted)?;
    refuse_foreign(&seen)?;
    let steps = provider.raise(&wanted, &seen, &at.nodes(names)?)?;
    let shell = match shell {
        ScriptShell::Bash => Shell::Bash,
        ScriptShell::PowerShell => Shell::PowerShell,
    };
    print(&machines::script(&steps, shell))
}

/// The steps to what is missing, the record of how the lab was begun before all.
fn raised(
    provider: &dyn Provider,
    wanted: &Wanted,
    record: &Record,
    at: &At,
    nodes: &[&str],
) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    if Record::read(at.state)?.as_ref() != Some(record) {
        let (path, text) = (Record::path(at.state), record.text()?);
        steps.push(Step::lab("make the lab's folder", Act::Folder { path: wanted.folder.clone() }));
        steps.push(Step::lab("remember how the lab is begun", Act::Write { path, text }));
    }
    steps.extend(provider.raise(wanted, &provider.look(wanted)?, nodes)?);
    Ok(steps)
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

/// What nodes tell how far they are: on this machine's loopback, which nodes reach by their network's way out.
fn begin_server(
    at: &At,
    record: &Record,
    provider: &dyn Provider,
    wanted: &Wanted,
) -> Result<Server> {
    let listen = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), record.port_base);
    let host = provider.host(wanted).context(
        "nodes have no way to this machine's loopback: `networks.management` must be a NAT network or host-only, with a subnet and a gateway",
    )?;
    let path = at.state;
    let folder = Folder::open(path)
        .map_err(|source| serve::ServeError::Folder { path: path.to_owned(), source })?;
    let options = Options {
        listen,
        url: format!("http://{host}:{}", listen.port()),
        allowed: vec![listen.ip().into()],
        attempts: u32::MAX,
        silence: std::time::Duration::from_secs(u64::from(u32::MAX)),
        arm_new: false,
        on_event: None,
        dhcp: None,
        tls: None,
        rate: 0,
        signer: None,
    };
    let (lab_file, secrets_file) = (at.lab_file.to_owned(), at.secrets_file.to_owned());
    let again = move || load_again(&lab_file, &secrets_file, false);
    let lab = again().map_err(|wrong| anyhow!(wrong))?;
    let served = serve::Server::new(lab, Box::new(again), None, folder, options)?;
    let (begun, ready) = mpsc::channel();
    let told = begun.clone();
    // It ends with this program.
    thread::spawn(move || {
        let ended = served.run(move |_| drop(begun.send(Ok(()))));
        let _ = told.send(ended);
    });
    ready.recv().context("the lab's server ended")??;
    Server::at(path, format!("http://{listen}"))
}
