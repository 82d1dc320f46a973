//! What roles and nodes inherit: the lab's settings, then the role's, then the node's, over what is built in.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::report::{Rule, Sources, Span};

use super::decode::{Decode as _, Spanned, mapping, mapping_such_as, name_of, split};
use super::files::Reader;
use super::merge::{merge, with_built_in};
use super::range;
use super::restated;
use super::schema::{LabFields, LabSpec, NodeFields, NodeSpec, RoleFields, RoleSpec};
use super::settings::SettingsSpec;
use super::shape::Shape;
use super::tree::{Key, Node, Room, Value};

const ROLES: &str = "roles";
const NODES: &str = "nodes";

/// Reads a whole lab from its tree.
pub(super) fn lab(root: &Node, built_in: &Node, shape: &Shape, r: &mut Reader) -> Option<LabSpec> {
    let (own, settings) = split(root, SettingsSpec::KEYS);
    let (own_built_in, settings_built_in) = split(built_in, SettingsSpec::KEYS);
    let also = [SettingsSpec::KEYS, &[ROLES, NODES, super::include::KEY]].concat();
    let fields = with_built_in(&own_built_in, &own, Some(shape));
    let fields = LabFields::decode_beside(&fields, &also, r)?;

    let no_roles = Node::empty();
    let built_in_roles = built_in.get(ROLES).unwrap_or(&no_roles);
    let roles = Roles::read(root.get(ROLES), built_in_roles, r);
    let of_node = shape.under(NODES).and_then(|nodes| nodes.under(""));
    let shape = SettingsSpec::shape();
    let layers = Layers {
        shape: &shape,
        built_in: settings_built_in,
        lab: settings,
        roles: &roles,
        room: Cell::new(Some(Room::FOR_NODES)),
    };
    let lab_settings = layers.settings(None, None, None, r);
    for role in &roles.all {
        restated::tell(&role.settings, &layers.lab, r);
    }
    let nodes_at = root.get(NODES).map_or(first_line(root), |n| n.span);
    let nodes = match root.get(NODES).filter(|n| !matches!(n.value, Value::Null)) {
        Some(nodes) => self::nodes(nodes, of_node, &layers, r),
        None => Vec::new(),
    };
    let role = |role: &Role| RoleSpec {
        name: role.name.clone(),
        built_in: role.is_built_in,
        fields: role.fields.clone(),
        settings: layers.settings(Some(role), None, Some(&role.name), r),
    };
    let roles = roles.all.iter().map(role).collect();
    Some(LabSpec { lab: fields, settings: lab_settings, roles, nodes, nodes_at })
}

/// Where the lab file begins: what it does not say stands nowhere.
fn first_line(root: &Node) -> Span {
    Span { file: root.span.file, line: 1, column: 1, length: 1 }
}

/// A role with what it says for its nodes.
struct Role {
    name: Spanned<String>,
    is_built_in: bool,
    fields: RoleFields,
    settings: Node,
    /// What is built in for it, below what the lab says for all.
    built_in: Node,
}

struct Roles {
    all: Vec<Role>,
}

impl Roles {
    fn read(written: Option<&Node>, built_in: &Node, r: &mut Reader) -> Self {
        let written = written.filter(|n| !matches!(n.value, Value::Null));
        let written = written.and_then(|node| mapping(node, r)).unwrap_or_default();
        let is_built_in = |key: &Key| built_in.get(&key.name).is_some();
        let find = |key: &Key| written.iter().find(|(k, _)| k.name == key.name);
        let known = built_in.entries().iter().map(|entry| find(&entry.0).unwrap_or(entry));
        let own = written.iter().filter(|(key, _)| !is_built_in(key));
        let mut all = Vec::new();
        for (key, node) in known.chain(own) {
            let says_something =
                key.span.file != Sources::BUILT_IN && !matches!(node.value, Value::Null);
            let nothing = Node { value: Value::Map(Vec::new()), ..node.clone() };
            let (own, settings) =
                split(if says_something { node } else { &nothing }, SettingsSpec::KEYS);
            if says_something && mapping(node, r).is_none() {
                continue;
            }
            let fields = RoleFields::decode_beside(&own, SettingsSpec::KEYS, r).unwrap_or_default();
            all.push(Role {
                name: name_of(key, node),
                is_built_in: is_built_in(key),
                fields,
                settings,
                built_in: built_in.get(&key.name).cloned().unwrap_or_else(Node::empty),
            });
        }
        Self { all }
    }

    fn get(&self, name: &str) -> Option<&Role> {
        self.all.iter().find(|role| role.name.value == name)
    }
}

/// The layers that a node's settings are made of.
struct Layers<'a> {
    shape: &'a Shape,
    built_in: Node,
    lab: Node,
    roles: &'a Roles,
    /// What is left for all settings together; nothing where they were too much already.
    room: Cell<Option<Room>>,
}

impl Layers<'_> {
    /// Reads the settings of the lab, or of a role, or of a node that says some of its own, with what is built in below them.
    fn settings(
        &self,
        role: Option<&Role>,
        own: Option<&Node>,
        of: Option<&Spanned<String>>,
        r: &mut Reader,
    ) -> Arc<SettingsSpec> {
        let Some(mut room) = self.room.get() else { return Arc::default() };
        let shape = Some(self.shape);
        let (far, inherited) = match role {
            Some(role) => (
                merge(&self.built_in, &role.built_in, shape),
                merge(&self.lab, &role.settings, shape),
            ),
            None => (self.built_in.clone(), self.lab.clone()),
        };
        let near = match own {
            Some(own) => {
                restated::tell(own, &inherited, r);
                merge(&inherited, own, shape)
            }
            None => inherited,
        };
        let settings = with_built_in(&far, &near, shape);
        let size = settings.size();
        let fits = room.take(size.values, size.bytes);
        self.room.set(fits.then_some(room));
        if !fits {
            let (path, span) = of.map_or(("", Span::default()), |of| (&*of.path, of.span));
            let message = "what roles and nodes inherit is too much from here on";
            let help = "a node that says something of its own holds all that it inherits once more: say it in roles";
            r.findings.tell(Rule::TooLarge, path, span, message, help);
            return Arc::default();
        }
        Arc::new(SettingsSpec::decode(&settings, r).unwrap_or_default())
    }
}

fn nodes(
    written: &Node,
    of_node: Option<&Shape>,
    layers: &Layers,
    r: &mut Reader,
) -> Vec<NodeSpec> {
    if mapping(written, r).is_none() {
        return Vec::new();
    }
    // By role: what it gives to nodes that say nothing of their own.
    let mut shared: HashMap<String, Arc<SettingsSpec>> = HashMap::new();
    let mut nodes = Vec::new();
    for (key, node) in range::expand(written, of_node, r) {
        let name = name_of(&key, &node);
        let node = match node.value {
            Value::Null => Node { value: Value::Map(Vec::new()), ..node },
            _ => node,
        };
        let example = || "{role: controller, address: 10.0.0.11}".to_owned();
        if mapping_such_as(&node, example, r).is_none() {
            continue;
        }
        let (own, settings) = split(&node, SettingsSpec::KEYS);
        let fields = NodeFields::decode_beside(&own, SettingsSpec::KEYS, r).unwrap_or_default();
        let role = fields.role.as_ref().and_then(|role| layers.roles.get(&role.value));
        let settings = if settings.entries().is_empty() {
            let by = role.map_or(String::new(), |role| role.name.value.clone());
            let read = || layers.settings(role, None, Some(&name), r);
            shared.entry(by).or_insert_with(read).clone()
        } else {
            layers.settings(role, Some(&settings), Some(&name), r)
        };
        nodes.push(NodeSpec { name, fields, settings });
    }
    nodes
}
