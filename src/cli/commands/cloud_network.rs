//! What a node's network needs that CentOS 7's cloud image does not bring.

use crate::model::Kind;
use crate::plan::NodePlan;

/// A warning, where interfaces of the node come up by NetworkManager alone. `GenericCloud` was made without it, and its network
/// scripts make bridges by brctl(8), which is not there either, and take a VLAN's number from its name.
pub(super) fn warning(node: &NodePlan) -> Option<String> {
    let needs_it = |kind: &Kind, name: &str| match kind {
        Kind::Bridge { .. } => true,
        Kind::Vlan { link, id } => name != format!("{link}.{id}") && name != format!("vlan{id}"),
        _ => false,
    };
    let found: Vec<_> = node
        .interfaces
        .iter()
        .filter(|i| needs_it(&i.kind, &i.name))
        .map(|i| format!("`{}`", i.name))
        .collect();
    (!found.is_empty()).then(|| {
        format!(
            "warning: CentOS's cloud image has no NetworkManager, and its network scripts bring up no bridges, and only VLANs that are called \
             LINK.ID or vlanID: not {} of {}. Install the node from a medium, or put the package NetworkManager into the image before \
             (virt-customize --install)",
            found.join(", "),
            node.name
        )
    })
}
