use anyhow::Result;

use crate::cli::ui;
use crate::spec;

pub(in crate::cli) fn schema(markdown: bool) -> Result<()> {
    let text = if markdown { spec::markdown() } else { format!("{:#}\n", spec::json_schema()) };
    ui::print(&text)
}
