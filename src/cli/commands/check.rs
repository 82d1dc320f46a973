use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::load::load_and_render;
use crate::cli::ui::Ui;
use crate::exit::LabErrors;
use crate::report::{Severity, Sources};

pub(in crate::cli) fn check(path: &Path, secrets: &Path, ui: &Ui) -> Result<()> {
    let loaded = load_and_render(path, secrets, ui.is_strict())?;
    loaded.note_unchecked(ui);
    let count = |severity| loaded.findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let name = &loaded.sources.file(Sources::BUILT_IN + 1).name;
    let text = || {
        let mut text = String::new();
        for finding in &loaded.findings {
            let _ = writeln!(text, "{}", ui.finding(finding, &loaded.sources));
        }
        match (&loaded.planned, warnings) {
            (Some((lab, _)), 0) => {
                let _ = writeln!(
                    text,
                    "{}: lab `{}` with {} nodes is right",
                    name,
                    lab.name,
                    lab.nodes.len()
                );
            }
            _ => {
                let _ = writeln!(text, "{name}: {errors} errors, {warnings} warnings");
            }
        }
        text
    };
    let data = json!({
        "schema": 1,
        "file": &**name,
        "errors": errors,
        "warnings": warnings,
        "findings": loaded.findings.iter().map(|f| f.to_json(&loaded.sources)).collect::<Vec<_>>(),
    });
    ui.result(text, &data)?;
    if errors > 0 { Err(LabErrors.into()) } else { Ok(()) }
}
