use anyhow::Result;
use clap::CommandFactory as _;

use crate::cli::{Cli, ui};

pub(in crate::cli) fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "trainyard", &mut script);
    ui::print(&String::from_utf8_lossy(&script))
}
