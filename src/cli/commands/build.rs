use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::json;

use super::fetch;
use super::load::{chosen, load_good, load_secrets};
use crate::base_image::known::KNOWN;
use crate::base_image::{Brought, Facts};
use crate::cli::BuildArgs;
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::iso::{self, Base, Built, Order, Step, Tools};
use crate::model::{ImageSource, Lab};
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
    let Source { path: image, facts, help } = image(args, lab, lab_file, ui)?;
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
        order.check(&image)?;
    }

    let size = std::fs::metadata(&image).map_or(0, |m| m.len());
    let bar = ui.bytes(&format!("reading {}", image.display()), size);
    let base = Base::open(&image, &tools, |done| bar.set_position(done))?;
    bar.finish_and_clear();
    check_facts(&base, &facts, help)?;
    if let Some(unproved) = unproved(&base, &facts) {
        ui.note(unproved);
    }
    ui.detail(|| {
        format!("{}: label `{}`, sha256 {}", image.display(), base.medium.label(), base.sha256)
    });

    let mut built: Vec<Built> = Vec::new();
    for order in &orders {
        let bar = ui.bytes(&format!("building {}", order.output.display()), size);
        let shown = bar.clone();
        let done = iso::build(&base, order, &tools, move |step| match step {
            Step::Copied(bytes) => shown.set_position(bytes),
            Step::Checking => shown.set_message("checking it"),
        })?;
        bar.finish_and_clear();
        ui.detail(|| format!("{}: sha256 {}", done.path.display(), done.sha256));
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

/// The medium to build from.
struct Source {
    path: PathBuf,
    /// What is said about it.
    facts: Facts,
    /// What to do where it is not so.
    help: &'static str,
}

/// The medium to build from: the one on the command line, or the lab's, which is brought where it is no file.
fn image(args: &BuildArgs, lab: &Lab, lab_file: &Path, ui: &Ui) -> Result<Source> {
    match (&args.image, &lab.image.source) {
        (Some(path), _) => Ok(Source {
            path: path.clone(),
            facts: lab.image.facts.clone(),
            help: "name the right file, or correct what the lab file says about its `image`",
        }),
        (None, ImageSource::Path(path)) => {
            let help = "bring the right file there, or correct what the lab file says about it";
            Ok(Source { path: beside(lab_file, path), facts: lab.image.facts.clone(), help })
        }
        (None, _) => {
            let wanted = fetch::of_lab(lab, Facts::default())?;
            let Brought { path, proof, .. } = fetch::bring(&wanted, &args.network, false, ui)?;
            let facts = Facts { sha256: Some(proof.sha256), ..Facts::default() };
            Ok(Source {
                path,
                facts,
                help: "`trainyard fetch --verify` mends what is in the cache",
            })
        }
    }
}

/// A file that the lab names, which is relative to the lab file.
pub(super) fn beside(lab_file: &Path, path: &Path) -> PathBuf {
    lab_file.parent().unwrap_or(Path::new("")).join(path)
}

/// The medium, which has just been read, is what it is said to be: by the lab, or by the record of its proof.
fn check_facts(base: &Base, facts: &Facts, help: &str) -> Result<()> {
    let size = base.medium.file_size();
    let said = [
        (facts.sha256.map(|it| it.to_string()), "SHA-256", base.sha256.to_string()),
        (facts.size.map(|it| it.to_string()), "size", size.to_string()),
        (facts.volume_id.clone(), "volume id", base.medium.label().to_owned()),
    ];
    for (wanted, what, found) in said {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
            let message = format!(
                "`{}` is not what it should be: its {what} is `{found}`, not `{wanted}`; {help}",
                base.path.display()
            );
            bail!(Failure::new(exit::VERIFICATION, message));
        }
    }
    Ok(())
}

/// What to say of a medium that is built from on its owner's word alone.
fn unproved(base: &Base, facts: &Facts) -> Option<String> {
    let is_known = KNOWN.images.values().any(|image| image.sha256 == Some(base.sha256));
    (facts.sha256.is_none() && !is_known).then(|| {
        format!(
            "note: nothing says what `{}` must be: trainyard does not know its SHA-256, {sha256}; where it is right, `image: {{sha256: {sha256}}}` in the lab file holds it to that",
            base.path.display(),
            sha256 = base.sha256
        )
    })
}
