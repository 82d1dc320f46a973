//! Parses the command line, has it done, prints the error, exits with its code.

use std::process::ExitCode;

use clap::Parser;
use trainyard::cli::{self, Cli};
use trainyard::{exit, interrupt};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = interrupt::watch().map_err(Into::into).and_then(|()| cli::run(cli));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cli::tell(&error);
            ExitCode::from(exit::code_of(&error))
        }
    }
}
