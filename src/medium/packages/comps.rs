//! comps.xml: groups and environments.

use std::collections::BTreeMap;
use std::io::BufRead;

use super::{Environment, Group};
use crate::repodata::{self, Step, names};

/// Groups and environments, each by id.
pub(super) type Comps = (BTreeMap<String, Group>, BTreeMap<String, Environment>);

/// Reads the document. The error says what is wrong with it.
pub(super) fn read(source: impl BufRead) -> Result<Comps, String> {
    let mut groups = BTreeMap::new();
    let mut environments = BTreeMap::new();
    let mut id = String::new();
    let mut kind = String::new();
    let mut group = Group::default();
    let mut environment = Environment::default();
    repodata::read(source, |step| match step {
        Step::Open(path, element) => {
            if let [_, _, _, last] = path
                && last == "packagereq"
            {
                kind = element.attribute("type").unwrap_or_default();
            }
        }
        Step::Close(path, text) => match names(path).as_slice() {
            ["comps", "group" | "environment", "id"] => text.clone_into(&mut id),
            ["comps", "group", "packagelist", "packagereq"] => {
                // Without a type a package is mandatory, as libcomps reads it.
                let set = match kind.as_str() {
                    "default" => &mut group.default,
                    "optional" => &mut group.optional,
                    "conditional" => &mut group.conditional,
                    _ => &mut group.mandatory,
                };
                set.insert(text.to_owned());
            }
            ["comps", "environment", "grouplist", "groupid"] => {
                environment.groups.insert(text.to_owned());
            }
            ["comps", "environment", "optionlist", "groupid"] => {
                environment.options.insert(text.to_owned());
            }
            ["comps", "group"] => {
                groups.insert(std::mem::take(&mut id), std::mem::take(&mut group));
            }
            ["comps", "environment"] => {
                environments.insert(std::mem::take(&mut id), std::mem::take(&mut environment));
            }
            _ => {}
        },
    })?;
    groups.remove("");
    environments.remove("");
    Ok((groups, environments))
}
