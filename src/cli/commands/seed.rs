use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::load::{Good, chosen, chosen_one, load_good, load_secrets};
use super::render::write_files;
use super::source::keep_own;
use super::{build, cloud_network};
use crate::appear;
use crate::cli::ui::Ui;
use crate::cli::{SeedArgs, SeedKind};
use crate::exit::{self, Failure};
use crate::iso::{self, Custom, Order, Replace, Seed, Seeded, Xorriso};
use crate::plan::NodePlan;
use crate::render::{Rendered, Renderer, nocloud_net};

pub(in crate::cli) fn seed(
    lab: &Path,
    secrets_file: &Path,
    args: &SeedArgs,
    ui: &Ui,
) -> Result<()> {
    let good = load_good(lab, secrets_file, ui)?;
    if args.nodes.len() > 1 {
        return several(&good, lab, secrets_file, args, ui);
    }
    let node = chosen_one(&good.plan, &args.nodes[0])?;
    if args.boot && args.kind != SeedKind::Oemdrv {
        let message = "`--boot` is for seeds of a medium's installer: `--kind oemdrv --boot`";
        bail!(Failure::new(exit::USAGE, message));
    }
    let output = args.output.clone().unwrap_or_else(|| default_output(node, args.kind));
    let source = match args.kind {
        SeedKind::NocloudNet => {
            if let Some(why) = nocloud_net::refusal(node) {
                bail!(Failure::new(exit::REFUSED, why));
            }
            nocloud_net::source(args.url.as_deref(), &output)
                .map_err(|error| Failure::new(exit::USAGE, error.to_string()))?
        }
        _ if args.url.is_some() => {
            bail!(Failure::new(
                exit::USAGE,
                "`--url` is for `--kind nocloud-net`: no medium needs one"
            ))
        }
        _ => String::new(),
    };
    keep_own(&output, &[lab, secrets_file])?;
    let secrets = load_secrets(secrets_file, &good, ui)?;
    let rendered = Renderer::new(&good.plan, &secrets).render(node);
    let rendered = rendered.map_err(|error| good.told(error, ui))?;
    match args.kind {
        SeedKind::Cidata => medium("cidata", cloud_files(&rendered, true)?, output, args, ui)?,
        SeedKind::Oemdrv if args.boot => {
            bootable(&good, node, &rendered.kickstart, output, lab, args, ui)?;
            return Ok(());
        }
        SeedKind::Oemdrv => {
            let kickstart = rendered.kickstart.into_bytes();
            medium(iso::SEED_LABEL, vec![("ks.cfg", kickstart)], output, args, ui)?;
        }
        SeedKind::NocloudNet => folder(&cloud_files(&rendered, false)?, &output, args, ui)?,
    }
    if !matches!(args.kind, SeedKind::Oemdrv)
        && let Some(warning) = cloud_network::warning(node)
    {
        ui.note(warning);
    }
    ui.note(next(node, args.kind, &source));
    Ok(())
}

fn default_output(node: &NodePlan, kind: SeedKind) -> PathBuf {
    let name = &node.name;
    match kind {
        SeedKind::Cidata => format!("{name}-cidata.iso"),
        SeedKind::Oemdrv => format!("{name}-oemdrv.iso"),
        SeedKind::NocloudNet => format!("{name}-nocloud"),
    }
    .into()
}

/// What cloud-init's source `NoCloud` reads. From a web server it reads no network-config.
pub(super) fn cloud_files(
    rendered: &Rendered,
    network: bool,
) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let mut files = vec![
        ("meta-data", rendered.meta_data.clone().into_bytes()),
        ("user-data", rendered.seed_user_data()?),
    ];
    if network {
        files.push(("network-config", rendered.network_config.clone().into_bytes()));
    }
    Ok(files)
}

fn medium(
    label: &'static str,
    files: Vec<(&'static str, Vec<u8>)>,
    output: PathBuf,
    args: &SeedArgs,
    ui: &Ui,
) -> Result<()> {
    let xorriso = Xorriso::locate()?;
    let made = iso::seed(&Seed { label, files, output, force: args.force }, &xorriso)?;
    tell(label, &made, args, ui)
}

/// Those of several nodes, at the same time.
fn several(good: &Good, lab: &Path, secrets_file: &Path, args: &SeedArgs, ui: &Ui) -> Result<()> {
    if args.boot || args.kind == SeedKind::NocloudNet || args.url.is_some() {
        let message =
            "several nodes at once are for `--kind cidata` and `--kind oemdrv` without `--boot`";
        bail!(Failure::new(exit::USAGE, message));
    }
    let xorriso = Xorriso::locate()?;
    let secrets = load_secrets(secrets_file, good, ui)?;
    let mut renderer = Renderer::new(&good.plan, &secrets);
    let nodes = chosen(&good.plan, &args.nodes)?;
    let mut seeds = Vec::new();
    for node in &nodes {
        let files = renderer.render(node).map_err(|error| good.told(error, ui))?;
        let (label, files) = match args.kind {
            SeedKind::Cidata => ("cidata", cloud_files(&files, true)?),
            _ => (iso::SEED_LABEL, vec![("ks.cfg", files.kickstart.into_bytes())]),
        };
        let output = default_output(node, args.kind);
        let output = args.output.as_ref().map_or_else(|| output.clone(), |to| to.join(&output));
        keep_own(&output, &[lab, secrets_file])?;
        appear::check(&output, args.force)?;
        seeds.push(Seed { label, files, output, force: args.force });
    }
    let made = iso::seeds(&seeds, &xorriso)?;
    for node in nodes.iter().filter(|_| args.kind == SeedKind::Cidata) {
        if let Some(warning) = cloud_network::warning(node) {
            ui.note(warning);
        }
    }
    let rows: Vec<_> = nodes.iter().zip(&seeds).zip(&made).collect();
    let text = || rows.iter().map(|((_, seed), made)| line(seed.label, made)).collect();
    let row = |((node, seed), made): &((&&NodePlan, &Seed), &Seeded)| json!({ "node": node.name, "label": seed.label, "path": made.path, "size": made.size, "sha256": made.sha256 });
    ui.result(text, &json!({ "schema": 1, "seeds": rows.iter().map(row).collect::<Vec<_>>() }))
}

fn line(label: &str, made: &Seeded) -> String {
    format!("{}  label {label}, {} KiB\n", made.path.display(), made.size.div_ceil(1024))
}

/// One that starts the installer of the medium beside it.
fn bootable(
    good: &Good,
    node: &NodePlan,
    kickstart: &str,
    output: PathBuf,
    lab_file: &Path,
    args: &SeedArgs,
    ui: &Ui,
) -> Result<()> {
    let xorriso = Xorriso::locate()?;
    // Before a medium is brought.
    appear::check(&output, args.force)?;
    let (lab_digest, epoch) = (build::lab_file(lab_file)?, build::epoch()?);
    let source = build::image(args.image.as_deref(), &args.network, &good.lab, lab_file, ui)?;
    let base = build::proved(&source, args.network.cache().ok().as_ref(), false, ui)?;
    let order = Order {
        plan: &good.plan,
        nodes: vec![(node, kickstart)],
        chooser: None,
        custom: &Custom::default(),
        lab_file: lab_digest,
        epoch,
        output,
        replace: if args.force { Replace::Everything } else { Replace::Nothing },
    };
    let made = iso::boot(&base, &order, &xorriso)?;
    tell(iso::SEED_LABEL, &made, args, ui)?;
    ui.note(format!(
        "next: attach it as the first CD, or write it onto a stick, and the untouched medium `{label}` as another CD; {name} installs itself {seconds} s \
         after it has started. Put its disk before them in the boot order: the seed stays in its drive",
        label = base.medium.label(),
        name = node.name,
        seconds = node.installer.boot_timeout,
    ));
    Ok(())
}

fn tell(label: &str, made: &Seeded, args: &SeedArgs, ui: &Ui) -> Result<()> {
    let text = || line(label, made);
    let data = json!({
        "schema": 1, "node": args.nodes[0], "label": label, "path": made.path, "size": made.size, "sha256": made.sha256,
    });
    ui.result(text, &data)
}

fn folder(
    files: &[(&'static str, Vec<u8>)],
    output: &Path,
    args: &SeedArgs,
    ui: &Ui,
) -> Result<()> {
    let files: Vec<(PathBuf, &[u8])> =
        files.iter().map(|(name, content)| (output.join(name), content.as_slice())).collect();
    let written = write_files(&files, args.force).context("writing the seed")?;
    let text = || written.iter().map(|path| format!("{}\n", path.display())).collect();
    ui.result(text, &json!({ "schema": 1, "node": args.nodes[0], "written": written }))
}

/// What to do with it.
fn next(node: &NodePlan, kind: SeedKind, source: &str) -> String {
    let name = &node.name;
    match kind {
        SeedKind::Cidata => format!(
            "next: attach it as a CD to a machine that starts a CentOS 7 cloud image, and that is to be {name}; cloud-init finds it by its label"
        ),
        SeedKind::Oemdrv => format!(
            "next: attach it as a second CD beside the untouched CentOS 7.9 medium. Its menu waits a minute and then checks the medium; \
             Tab (or `e`) and ` inst.ks=hd:LABEL=OEMDRV:/ks.cfg` at the end make {name}'s installation sure, as does a seed made with `--boot`, which starts the medium's installer itself"
        ),
        SeedKind::NocloudNet => format!(
            "next: serve the folder to nobody but {name}, for it holds its secrets and whoever asks gets them (its files are yours alone: \
             a server with an account of its own must be let in); and tell {name} of it, one of these:\n{}",
            nocloud_net::lines(name, source)
                .lines()
                .map(|line| format!("  {line}\n"))
                .collect::<String>()
                .trim_end()
        ),
    }
}
