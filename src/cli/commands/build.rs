use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::fetch;
use super::load::{chosen, load_good, load_secrets};
use super::source::{Found, Source};
use crate::base_image::{Brought, Facts};
use crate::cli::BuildArgs;
use crate::cli::images::NetworkArgs;
use crate::cli::ui::Ui;
use crate::iso::{self, Base, Built, Copied, Order, Step, Tools};
use crate::model::Lab;
use crate::render::Renderer;

pub(in crate::cli) fn build(
    lab_file: &Path,
    secrets_file: &Path,
    args: &BuildArgs,
    ui: &Ui,
) -> Result<()> {
    let good = load_good(lab_file, secrets_file, ui)?;
    let (lab, plan) = (&good.lab, &good.plan);
    let nodes = chosen(plan, &args.nodes)?;
    let secrets = load_secrets(secrets_file, &good, ui)?;
    let tools = Tools::locate()?;
    let source = image(args.image.as_deref(), &args.network, lab, lab_file, ui)?;
    let mut kickstarts = Vec::new();
    let mut renderer = Renderer::new(plan, &secrets);
    for node in nodes {
        let files = renderer.render(node).map_err(|error| good.told(error, ui))?;
        kickstarts.push((node, files.kickstart));
    }
    let order = |(node, kickstart)| {
        let node: &crate::plan::NodePlan = node;
        Order {
            plan,
            node,
            kickstart,
            output: args.output.join(format!("{}.iso", node.name)),
            force: args.force,
        }
    };
    let orders: Vec<Order> =
        kickstarts.iter().map(|(node, text)| order((*node, text.as_str()))).collect();
    for order in &orders {
        order.check(&source.path)?;
    }
    let base = proved(&source, &tools, ui)?;
    let size = base.medium.file_size();

    let mut built: Vec<Built> = Vec::new();
    for order in &orders {
        let bar = ui.bytes(&format!("building {}", order.output.display()), size);
        let shown = bar.clone();
        let done = iso::build(&base, order, &tools, move |step| match step {
            Step::Copied(bytes) => shown.set_position(bytes),
            Step::Checking => shown.set_message("checking it"),
        })?;
        bar.finish_and_clear();
        ui.detail(|| {
            let how = match done.copied {
                Copied::Shared => "shares the blocks of its base",
                Copied::Whole => "is a whole copy (this file system shares no blocks)",
            };
            format!("{} {how}: sha256 {}", done.path.display(), done.sha256)
        });
        built.push(done);
    }
    let text = || {
        built
            .iter()
            .map(|b| format!("{}  kickstart sha256 {}\n", b.path.display(), b.kickstart_sha256))
            .collect()
    };
    ui.result(text, &json!({ "schema": 1, "built": built }))
}

/// Reads the whole medium, and refuses it where it is not what it is said to be.
pub(super) fn proved(source: &Source, tools: &Tools, ui: &Ui) -> Result<Base> {
    let Source { path, facts, help } = source;
    let size = std::fs::metadata(path).map_or(0, |m| m.len());
    let bar = ui.bytes(&format!("reading {}", path.display()), size);
    let base = Base::open(path, tools, |done| bar.set_position(done))?;
    bar.finish_and_clear();
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
