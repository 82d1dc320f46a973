use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::json;

use super::load::{chosen, load_good, load_secrets};
use crate::cli::BuildArgs;
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::iso::{self, Base, Built, Order, Step, Tools};
use crate::model::{Image, Lab};
use crate::render::Renderer;
use crate::report::without_userinfo;

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
    let image = image(args.image.as_deref(), lab, lab_file)?;
    let tools = Tools::locate()?;
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

/// The medium to build from: the one on the command line, or the file that the lab names.
fn image(given: Option<&Path>, lab: &Lab, lab_file: &Path) -> Result<PathBuf> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let what = match &lab.image {
        Image::Path(path) => return Ok(lab_file.parent().unwrap_or(Path::new("")).join(path)),
        Image::Known(name) => format!("`{name}`"),
        Image::Url { url, .. } => format!("`{}`", without_userinfo(url)),
    };
    let message = format!(
        "the lab's image is {what}, which this version does not download: \
         name the file with `--image ISO`, or in the lab with `image: {{path: ISO}}`"
    );
    bail!(Failure::new(exit::USAGE, message))
}
