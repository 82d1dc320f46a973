use clap::CommandFactory as _;

use crate::cli::Cli;

pub(in crate::cli) fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "trainyard", &mut std::io::stdout());
}
