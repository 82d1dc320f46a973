//! What people add to the kickstart: what only an installer does.

use super::decode::{Added, record};
use super::hooks::HookSpec;

record! {
    /// What people add to the kickstart. A node that boots a cloud image has none of it.
    KickstartSpec {
        /// Scripts in the installer, after those of `hooks.pre`, which run in the same way.
        pre: Added<HookSpec> = "[load-driver.sh]",
        /// Scripts in the new system, chrooted, when everything else is written. (Those of `hooks.post` run in both ways to a node.)
        post: Added<HookSpec> = "[{name: fonts, script: \"rm -rf /usr/share/fonts\"}]",
        /// Packages, and groups with an `@`, that the medium itself holds, for `%packages`. Others come at the first boot, by `packages`.
        packages: Added<String> = "[tcpdump, \"@debugging\"]",
        /// Lines of commands, as RHEL 7's kickstart has them; none that trainyard writes itself.
        commands: Added<String> = "[\"logging --host=10.0.0.5 --level=debug\"]",
    }
}
