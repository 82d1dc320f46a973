//! The command line: its types, without logic.

mod commands;
mod images;
mod lab;
mod media;
mod network;
mod packages;
mod ui;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub use images::{DoctorArgs, FetchArgs, ImageCommand, NetworkArgs, SourceArgs};
pub use lab::{LabArgs, LabCommand};
use media::output;
pub use media::{
    BuildArgs, CustomArgs, HowToBuildArgs, InspectArgs, MenuTimeout, ReplaceArgs, SeedArgs,
    SeedKind, SerialConsole,
};
pub use network::{DhcpArgs, DhcpMode, LoaderChoice, NodeArgs, NodeCommand, ServeArgs};
pub use packages::{KeptArgs, PackagesCommand};
pub use ui::tell;

use crate::secrets;

/// Rebuilds OpenStack Train labs on CentOS 7.9 from one lab file.
#[derive(Debug, Parser)]
#[command(
    name = "trainyard",
    version,
    max_term_width = 80,
    help_expected = true,
    disable_help_subcommand = true,
    after_help = "Begin with: trainyard init mylab && cd mylab && trainyard plan"
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The lab file
    #[arg(long, global = true, value_name = "FILE", default_value = "lab.yaml")]
    pub lab: PathBuf,
    /// The secrets file [default: secrets.yaml beside the lab file]
    #[arg(long, global = true, value_name = "FILE")]
    pub secrets: Option<PathBuf>,
    /// Say nothing but results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say what is done in detail, such as each external command
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub format: Format,
    /// Take warnings about the lab file for errors
    #[arg(long, global = true)]
    pub strict: bool,
}

impl Global {
    /// Where the secrets of a lab are.
    fn secrets_of(&self, lab: &Path) -> PathBuf {
        self.secrets.clone().unwrap_or_else(|| secrets::path_beside(lab))
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One finding on a line, as compilers write them; all else as text
    Short,
    /// For programs
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a lab file to begin with, and its secrets
    #[command(after_help = "Example: trainyard init mylab")]
    Init {
        /// The folder, made if it is not there
        #[arg(value_name = "DIR", default_value = ".")]
        folder: PathBuf,
    },
    /// Check a lab file and tell every mistake at once
    #[command(after_help = "Example: trainyard check lab.yaml")]
    Check {
        /// The lab file; `--lab` says the same
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Show what will be done: every value, every node, every stage
    #[command(after_help = "Example: trainyard plan --explain compute")]
    Plan {
        /// Show this node in detail
        #[arg(value_name = "NODE")]
        node: Option<String>,
        /// Show every value that the node has, and where it comes from
        #[arg(long, requires = "node")]
        explain: bool,
    },
    /// Write kickstart and cloud-init files
    #[command(after_help = "Example: trainyard render compute -o rendered")]
    Render(RenderArgs),
    /// Bring a medium or cloud image into the cache, and prove it
    #[command(after_help = "Example: trainyard fetch centos-7.9-minimal")]
    Fetch(FetchArgs),
    /// List, verify and remove images
    #[command(after_help = "Example: trainyard image list", disable_help_subcommand = true)]
    Image {
        /// What to do
        #[command(subcommand)]
        command: ImageCommand,
    },
    /// Keep what nodes install from, for the next one and for later
    #[command(after_help = "Example: trainyard packages serve", disable_help_subcommand = true)]
    Packages {
        /// What to do
        #[command(subcommand)]
        command: PackagesCommand,
    },
    /// Build an unattended install ISO for each node
    #[command(
        after_help = "Example: trainyard build -o isos --image CentOS-7-x86_64-Minimal-2009.iso"
    )]
    Build(BuildArgs),
    /// Make a node's seed, a tiny medium for cloud-init or the installer
    #[command(after_help = "Example: trainyard seed compute --kind oemdrv --boot")]
    Seed(SeedArgs),
    /// Make a node's disk from the verified cloud image
    #[command(after_help = "Example: trainyard disk compute --kind vdi")]
    Disk(DiskArgs),
    /// Install nodes by network, each once
    #[command(after_help = "Example: trainyard serve --listen 10.0.0.5:8080")]
    Serve(ServeArgs),
    /// See how far nodes are, and which are installed next
    #[command(after_help = "Example: trainyard node status", disable_help_subcommand = true)]
    Node(NodeArgs),
    /// Make, rebuild and take away the machines of the whole lab
    #[command(after_help = "Example: trainyard lab up", disable_help_subcommand = true)]
    Lab(LabArgs),
    /// Tell what this machine lacks, and which mirrors still live
    #[command(after_help = "Example: trainyard doctor --write")]
    Doctor(DoctorArgs),
    /// Read a medium back: label, boot records, boot menu, kickstart
    #[command(after_help = "Example: trainyard inspect isos/controller.iso")]
    Inspect(InspectArgs),
    /// Take the untouched medium out of an ISO that was built from it
    #[command(after_help = "Example: trainyard reset isos/controller.iso -o CentOS.iso")]
    Reset {
        /// The ISO
        #[arg(value_name = "ISO")]
        iso: PathBuf,
        /// Where the medium goes
        #[arg(short, long, value_name = "FILE", value_parser = output)]
        output: PathBuf,
        /// Replace what is there
        #[arg(long)]
        force: bool,
    },
    /// Make the secrets that are missing; list, show or rotate them
    #[command(after_help = "Example: trainyard secrets", disable_help_subcommand = true)]
    Secrets {
        /// What to do; without it, what is missing is made
        #[command(subcommand)]
        command: Option<SecretsCommand>,
    },
    /// Print the lab file's schema for editors, or its reference page
    #[command(after_help = "Example: trainyard schema > lab.schema.json")]
    Schema {
        /// Print the reference page, as Markdown
        #[arg(long)]
        markdown: bool,
    },
    /// Print a shell's completions
    #[command(
        after_help = "Example: trainyard completions bash > /etc/bash_completion.d/trainyard"
    )]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

/// What `secrets` can do besides making what is missing.
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// List names, where each value comes from, and what it is for; never a value
    #[command(after_help = "Example: trainyard secrets list")]
    List,
    /// Print one value
    #[command(after_help = "Example: trainyard secrets show ADMIN_PASS")]
    Show {
        /// The secret's name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Make new values for these names
    #[command(after_help = "Example: trainyard secrets rotate RABBIT_PASS")]
    Rotate {
        /// The secrets' names; a login's salt is made anew with it
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
}

/// What `render` takes.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// The nodes; all of them where none is named
    #[arg(value_name = "NODE")]
    pub nodes: Vec<String>,
    /// The folder to write to: DIR/NODE/ks.cfg and so on
    #[arg(short, long, value_name = "DIR", value_parser = output)]
    pub output: PathBuf,
    /// Replace files that are there; signatures that would not fit any more are removed
    #[arg(long)]
    pub force: bool,
    /// Sign each file with this OpenSSH key, into a file FILE.sig beside it
    #[arg(long, value_name = "KEY")]
    pub sign: Option<PathBuf>,
}

/// What `disk` takes.
#[derive(Debug, Args)]
pub struct DiskArgs {
    /// The node
    #[arg(value_name = "NODE")]
    pub node: String,
    /// Where it goes [default: NODE.qcow2, NODE.vdi and so on]
    #[arg(short, long, value_name = "FILE", value_parser = output)]
    pub output: Option<PathBuf>,
    /// What it is for
    #[arg(long, value_enum, default_value = "qcow2")]
    pub kind: DiskKind,
    /// The cloud image, in the format qcow2 [default: the lab's, which `fetch --cloud` brings]
    #[arg(long, value_name = "QCOW2")]
    pub image: Option<PathBuf>,
    /// The folder of the cache [default: `$XDG_CACHE_HOME/trainyard`]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Replace the disk that is there, unless a running machine has it; never a data disk
    #[arg(long)]
    pub force: bool,
}

/// What a disk is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiskKind {
    /// QEMU: an overlay, which holds what the node changes and needs the image beside it
    Qcow2,
    /// VirtualBox: all of it
    Vdi,
    /// VMware: all of it
    Vmdk,
    /// Anything else: the bytes of the disk
    Raw,
}

/// Does what the command line asks for.
///
/// # Errors
/// Whatever went wrong; [`crate::exit::code_of`] knows the exit code.
pub fn run(cli: Cli) -> Result<()> {
    let ui = ui::Ui::new(&cli.global);
    let lab = cli.global.lab.as_path();
    let secrets = cli.global.secrets_of(lab);
    match cli.command {
        Command::Init { folder } => {
            let lab = folder.join("lab.yaml");
            commands::init(&lab, &cli.global.secrets_of(&lab), &ui)
        }
        Command::Check { file } => {
            let lab = file.as_deref().unwrap_or(lab);
            commands::check(lab, &cli.global.secrets_of(lab), &ui)
        }
        Command::Plan { node, explain } => {
            commands::plan(lab, &secrets, node.as_deref(), explain, &ui)
        }
        Command::Render(args) => commands::render(lab, &secrets, &args, &ui),
        Command::Build(args) => commands::build(lab, &secrets, &args, &ui),
        Command::Seed(args) => commands::seed(lab, &secrets, &args, &ui),
        Command::Disk(args) => commands::disk(lab, &secrets, &args, &ui),
        Command::Serve(args) => commands::serve(lab, &secrets, &args, &ui),
        Command::Node(args) => commands::node(lab, &args, &ui),
        Command::Lab(args) => commands::lab(lab, &secrets, &args, &ui),
        Command::Doctor(args) => commands::doctor(lab, &secrets, &args, &ui),
        Command::Packages { command } => commands::packages(lab, &secrets, &command, &ui),
        Command::Fetch(args) => commands::fetch(lab, &secrets, &args, &ui),
        Command::Image { command } => commands::image(lab, &secrets, &command, &ui),
        Command::Inspect(args) => commands::inspect(&args, &ui),
        Command::Reset { iso, output, force } => commands::reset(&iso, &output, force, &ui),
        Command::Secrets { command } => commands::secrets(lab, secrets, command.as_ref(), &ui),
        Command::Schema { markdown } => commands::schema(markdown),
        Command::Completions { shell } => commands::completions(shell),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_and_fits_a_terminal() {
        let mut command = Cli::command();
        command.build();
        let nested = |sub: &clap::Command| sub.get_subcommands().cloned().collect::<Vec<_>>();
        let all: Vec<_> =
            command.get_subcommands().flat_map(|s| [vec![s.clone()], nested(s)].concat()).collect();
        for mut sub in all {
            let help = sub.render_long_help().to_string();
            assert!(help.contains("Example: trainyard "), "{}", sub.get_name());
            let long: Vec<_> = help.lines().filter(|line| line.chars().count() > 80).collect();
            // An example is copied whole.
            assert!(long.iter().all(|line| line.starts_with("Example: ")), "{long:?}");
        }
    }
}
