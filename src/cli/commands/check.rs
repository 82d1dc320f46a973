use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::load::load;
use crate::cli::ui::Ui;
use crate::exit::LabErrors;
use crate::report::{Severity, render_text};

pub(in crate::cli) fn check(path: &Path, ui: &Ui) -> Result<()> {
    let loaded = load(path)?;
    let count = |severity| loaded.findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let text = || {
        let mut text = String::new();
        for finding in &loaded.findings {
            let _ = writeln!(text, "{}", render_text(finding, &loaded.source));
        }
        match (&loaded.planned, warnings) {
            (Some((lab, _)), 0) => {
                let _ = writeln!(
                    text,
                    "{}: lab `{}` with {} nodes is right",
                    loaded.source.name,
                    lab.name,
                    lab.nodes.len()
                );
            }
            _ => {
                let _ =
                    writeln!(text, "{}: {errors} errors, {warnings} warnings", loaded.source.name);
            }
        }
        text
    };
    let data = json!({
        "schema": 1,
        "file": loaded.source.name,
        "errors": errors,
        "warnings": warnings,
        "findings": loaded.findings,
    });
    ui.result(text, &data)?;
    if errors > 0 { Err(LabErrors.into()) } else { Ok(()) }
}
