//! Every rule that a lab file is held to, in one list: what is told names its rule, and the table in
//! `docs/rules.md` is made from here.

use super::Severity;

/// Defines the rules: name in Rust, name for people, weight, what it is about.
macro_rules! rules {
    ($( $(#[doc = $meaning:literal])+ $name:ident = $id:literal $severity:ident, )*) => {
        /// A rule that a lab file is held to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Rule {
            $( $(#[doc = $meaning])+ $name, )*
        }

        impl Rule {
            /// All of them.
            pub const ALL: &[Rule] = &[$( Rule::$name, )*];

            /// Its name for people and programs, such as `address-taken`.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $( Rule::$name => $id, )* }
            }

            /// How much it weighs.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $( Rule::$name => Severity::$severity, )* }
            }

            /// What it is about, in one line.
            #[must_use]
            pub fn meaning(self) -> String {
                match self { $( Rule::$name => concat!($( $meaning ),+).trim().to_owned(), )* }
            }
        }
    };
}

rules! {
    // The file itself.
    /// The file is not YAML.
    Yaml = "yaml" Error,
    /// A file holds one document, which describes one lab.
    Document = "document" Error,
    /// A file, or what its aliases grow into, is far larger or deeper than a lab file can be.
    TooLarge = "too-large" Error,
    /// An alias names an anchor that is not there, or stands inside what it names.
    Alias = "alias" Error,
    /// A tag other than `!replace`.
    Tag = "tag" Error,
    /// A key is a single value.
    KeyForm = "key-form" Error,
    /// A key stands twice in one mapping.
    DuplicateKey = "duplicate-key" Error,
    /// A key that is not known at its place.
    UnknownKey = "unknown-key" Error,
    /// A value is of the wrong kind: a list where a mapping belongs, and so on.
    Kind = "kind" Error,
    /// A value does not have the form that its key takes.
    Value = "value" Error,
    /// A time zone that CentOS 7.9 does not have.
    Timezone = "timezone" Error,
    /// A language that CentOS 7.9 does not have.
    Language = "language" Error,
    /// A keyboard that CentOS 7.9 does not have.
    Keyboard = "keyboard" Error,
    /// The file says a version of the format that is not known.
    Version = "version" Error,
    /// An included file cannot be read.
    IncludeFile = "include-file" Error,
    /// A file includes itself, directly or by others.
    IncludeCycle = "include-cycle" Error,
    /// A file that a lab file names (a key, a script, a template) cannot be read.
    NamedFile = "named-file" Error,
    /// A range of nodes cannot be expanded.
    Range = "range" Error,

    // Nodes and their addresses.
    /// A node's name is a host name by RFC 1123.
    HostName = "host-name" Error,
    /// A lab has a controller.
    NoController = "no-controller" Error,
    /// A lab has one controller.
    SecondController = "second-controller" Error,
    /// Every node has a role.
    NoRole = "no-role" Error,
    /// A role that is not there.
    UnknownRole = "unknown-role" Error,
    /// A role of the lab's own that no node has.
    UnusedRole = "unused-role" Warning,
    /// A node without an address on a network that needs one.
    NoAddress = "no-address" Error,
    /// An address lies outside its network.
    AddressOutside = "address-outside" Error,
    /// An address is the network's own or its broadcast address.
    AddressReserved = "address-reserved" Error,
    /// Two machines, or a machine and a gateway, have one address.
    AddressTaken = "address-taken" Error,
    /// A node's address is said twice, differently.
    AddressTwice = "address-twice" Error,
    /// Two interfaces have one MAC address.
    MacTaken = "mac-taken" Error,

    // Networks.
    /// A network that is not there.
    UnknownNetwork = "unknown-network" Error,
    /// A network of the lab's own that no interface attaches to.
    UnusedNetwork = "unused-network" Warning,
    /// Two networks overlap.
    NetworksOverlap = "networks-overlap" Error,
    /// Two networks use one VirtualBox adapter.
    AdapterTaken = "adapter-taken" Error,
    /// An interface without a network.
    NoNetwork = "no-network" Error,
    /// Two interfaces of a node attach to one network.
    NetworkTwice = "network-twice" Error,
    /// A node has an interface on the management network.
    NoManagement = "no-management" Error,

    // Packages.
    /// A mirror by https, whose certificate a fresh CentOS 7.9 may not know.
    HttpsMirror = "https-mirror" Hint,

    // Logins.
    /// Nobody could log in to a node.
    NoLogin = "no-login" Error,

    // Stages.
    /// A stage of the lab's own that cannot be used.
    OwnStage = "own-stage" Error,
    /// A template of the lab's own that overrides nothing.
    UnknownTemplate = "unknown-template" Error,
    /// A template of the lab's own that cannot be rendered.
    Template = "template" Error,
    /// What templates of the lab's own make is no kickstart that the installer takes.
    Rendered = "rendered" Error,
    /// A service that no stage provides.
    UnknownService = "unknown-service" Error,
    /// A stage that is not there.
    UnknownStage = "unknown-stage" Error,
    /// A stage has no parameter of that name.
    UnknownParameter = "unknown-parameter" Error,
    /// No stage writes that file from options.
    UnknownSettingsFile = "unknown-settings-file" Error,
    /// An option that cannot be written so that it is read back as it is.
    Option = "option" Error,
    /// Two stages write one option differently.
    StagesDisagree = "stages-disagree" Error,
}
