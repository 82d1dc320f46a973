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
    /// A file, or what its aliases grow into, is far larger or deeper than a lab file can be; or what a node would get is.
    TooLarge = "too-large" Error,
    /// There are more findings than anyone reads.
    TooMany = "too-many" Error,
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
    /// What is said of the endpoints' certificate is not enough: it is needed in PEM, with its key.
    EndpointCertificate = "endpoint-certificate" Error,
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
    /// A value stands twice in one list.
    Repeated = "repeated" Warning,
    /// A mark of a secret cannot come from a lab file.
    SecretMark = "secret-mark" Error,
    /// A role or a node says what it inherits.
    Restated = "restated" Hint,
    /// A range of nodes cannot be expanded.
    Range = "range" Error,

    // Nodes and their addresses.
    /// A node's name is a host name by RFC 1123.
    HostName = "host-name" Error,
    /// A lab has a controller.
    NoController = "no-controller" Error,
    /// A lab has one controller.
    SecondController = "second-controller" Error,
    /// Nodes that one range would make.
    CouldBeRange = "could-be-range" Hint,
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
    /// An address is the network's own, its broadcast address or its routers' anycast address.
    AddressReserved = "address-reserved" Error,
    /// Two machines, or a machine and a gateway, have one address.
    AddressTaken = "address-taken" Error,
    /// A node has an address at which the lab has something else, such as a name server.
    AddressOfOther = "address-of-other" Warning,
    /// A node's address is said twice, differently.
    AddressTwice = "address-twice" Error,
    /// Two interfaces have one MAC address.
    MacTaken = "mac-taken" Error,
    /// Two nodes are one machine by its UUID.
    UuidTaken = "uuid-taken" Error,
    /// Two nodes are one machine by its serial number.
    SerialTaken = "serial-taken" Error,
    /// A host of one's own has the name of a node, of every machine, or of another.
    HostsConflict = "hosts-conflict" Error,

    // Networks.
    /// A network that is not there.
    UnknownNetwork = "unknown-network" Error,
    /// A network of the lab's own that no interface attaches to.
    UnusedNetwork = "unused-network" Warning,
    /// Two networks overlap.
    NetworksOverlap = "networks-overlap" Error,
    /// A network lies in addresses that no machines' network can have.
    SubnetReserved = "subnet-reserved" Error,
    /// A pool holds no address, or lies outside its network.
    Pool = "pool" Error,
    /// A pool has fewer addresses than there are nodes that need one.
    PoolExhausted = "pool-exhausted" Error,
    /// A pool that gives no address to anyone.
    UnusedPool = "unused-pool" Warning,
    /// A network's gateway is in its pool.
    PoolGateway = "pool-gateway" Hint,
    /// A route goes by an address that the interface cannot reach.
    RouteUnreachable = "route-unreachable" Error,
    /// Two routes of a node lead to one network.
    RouteTwice = "route-twice" Error,
    /// More name servers than the C library asks.
    NameServers = "name-servers" Warning,
    /// More search domains than the C library reads.
    SearchDomains = "search-domains" Error,
    /// An MTU with which there is no IPv6.
    MtuIpv6 = "mtu-ipv6" Warning,
    /// Two time servers, of which nobody can tell which is right.
    TwoTimeServers = "two-time-servers" Hint,
    /// Two networks use one VirtualBox adapter.
    AdapterTaken = "adapter-taken" Error,

    // Interfaces.
    /// An interface without a network that is no part of another.
    NoNetwork = "no-network" Error,
    /// Two interfaces of a node attach to one network.
    NetworkTwice = "network-twice" Error,
    /// A node has an interface on the management network.
    NoManagement = "no-management" Error,
    /// A node by which instances reach the outside has no interface on the provider network.
    NoProvider = "no-provider" Warning,
    /// An interface is a bond, a VLAN or a bridge, not two of them.
    InterfaceKind = "interface-kind" Error,
    /// An interface is named that is neither declared nor an Ethernet port.
    UnknownInterface = "unknown-interface" Error,
    /// An interface is a part of something that it cannot be a part of.
    InterfacePart = "interface-part" Error,
    /// An interface is a part of two others, or twice of one.
    PartTwice = "part-twice" Error,
    /// A part of a bond or bridge has a network, an address or routes of its own.
    PartAddress = "part-address" Error,
    /// A bond or bridge of no ports.
    NoParts = "no-parts" Error,
    /// Interfaces that are parts of each other.
    InterfaceCycle = "interface-cycle" Error,
    /// An interface's MTU is larger than that of what carries it.
    MtuPart = "mtu-part" Error,
    /// Two VLANs of one number on one link.
    VlanTwice = "vlan-twice" Error,
    /// A VLAN's name says another number or link than the VLAN has.
    VlanName = "vlan-name" Error,
    /// An option that the kernel's bonding driver does not have, or not with that value.
    BondOption = "bond-option" Error,
    /// `mac` or `match` at an interface that is no Ethernet port, or `match: mac` without a `mac`.
    InterfaceMac = "interface-mac" Error,
    /// The provider network's interface is a bridge.
    ProviderBridge = "provider-bridge" Error,

    // Disks and memory.
    /// Nothing says which disk is meant.
    NoDisk = "no-disk" Error,
    /// The data disk is the disk that the node is installed to.
    SameDisk = "same-disk" Error,
    /// What is to be on a disk takes more than the machine's disk has.
    DiskTooSmall = "disk-too-small" Error,
    /// The disk that a node is installed to has another size than the machine's disk.
    DiskSize = "disk-size" Error,
    /// A file system without a size.
    NoSize = "no-size" Error,
    /// Two file systems have one mount point.
    MountTwice = "mount-twice" Error,
    /// Nodes inherit that their disks may be wiped, and nothing says which machine or which disk.
    WipeInherited = "wipe-inherited" Warning,
    /// Two file systems grow to the rest of one disk.
    SecondGrow = "second-grow" Error,
    /// `/` may be too small for OpenStack's packages, logs and images.
    SmallRoot = "small-root" Warning,
    /// A machine has less memory than its stages need.
    SmallMemory = "small-memory" Warning,

    // Packages.
    /// A mirror by https, whose certificate a fresh CentOS 7.9 may not know.
    HttpsMirror = "https-mirror" Hint,
    /// Packages are locked, and something would be installed that no lock can hold.
    NotLocked = "not-locked" Error,

    // Logins.
    /// Nobody could log in to a node.
    NoLogin = "no-login" Error,
    /// An account or group that the system or a service has already.
    AccountReserved = "account-reserved" Error,
    /// An account that is said twice.
    AccountTwice = "account-twice" Error,
    /// Two accounts have one number.
    UidTaken = "uid-taken" Error,
    /// An account into which nobody can log in.
    UserWithoutLogin = "user-without-login" Warning,
    /// An account's shell is none that the node has by itself, and no package is named after it.
    UnknownShell = "unknown-shell" Warning,
    /// What an account may do as others is said in a way that could be read in two.
    SudoRule = "sudo-rule" Error,

    // Packages.
    /// A repository has an id that others need.
    RepositoryTaken = "repository-taken" Error,
    /// A repository without a key that its packages can be checked with.
    RepositoryKey = "repository-key" Error,
    /// Packages of a repository are installed unchecked.
    UnsignedRepository = "unsigned-repository" Warning,
    /// A URL that everyone on the node may read holds a name or a password.
    Credentials = "credentials" Error,

    // What people add to the system.
    /// With this, a node would not come up, or nobody could reach it.
    NodeLost = "node-lost" Error,
    /// With this, a part of a node would not work; it may be meant.
    NodeAtRisk = "node-at-risk" Warning,
    /// A kernel argument is both added and removed at one place, or added twice.
    ArgumentTwice = "argument-twice" Error,
    /// A kernel's command line is longer than the kernel keeps.
    CommandLine = "command-line" Error,
    /// A unit that a stage needs is switched off.
    StageService = "stage-service" Warning,
    /// A file has one text, from the lab file or from a file beside it.
    FileContent = "file-content" Error,
    /// A text would not arrive as it is.
    Unwritable = "unwritable" Error,
    /// A file that belongs to trainyard, to the kernel, or to another key of the lab file.
    FilePlace = "file-place" Error,
    /// A file that a stage writes, or that is in the way of one.
    FileOfStage = "file-of-stage" Error,
    /// A file's owner or group is not there.
    UnknownOwner = "unknown-owner" Error,

    // Hooks.
    /// A hook without a name or a script.
    HookParts = "hook-parts" Error,
    /// Two hooks of a node have one name.
    HookTwice = "hook-twice" Error,
    /// A hook that bash is not to run, or not as bash would run it.
    HookInterpreter = "hook-interpreter" Error,
    /// A hook with carriage returns.
    HookLineEnds = "hook-line-ends" Error,
    /// A hook, or a script of a stage of the lab's own, in which bash finds a syntax error.
    ScriptSyntax = "script-syntax" Error,
    /// A script uses what CentOS 7 does not have.
    El7Script = "el7-script" Warning,
    /// A hook that does nothing.
    HookEmpty = "hook-empty" Warning,

    // What only one way to a node has.
    /// What is handed to cloud-init is written without anchors, aliases, merge keys and tags.
    DataPlain = "data-plain" Error,
    /// A key of `cloud_init` that is trainyard's to say, or that would break the node.
    CloudInitKey = "cloud-init-key" Error,
    /// A key of `cloud_init` that cloud-init 19.4 does not know, or not as CentOS 7 has it.
    CloudInitUnknown = "cloud-init-unknown" Error,
    /// A value of `cloud_init` on which cloud-init 19.4 would give up, or that it would take for something else.
    CloudInitValue = "cloud-init-value" Error,
    /// A command of `kickstart` that trainyard writes itself, that would break the node, or that the installer does not know.
    KickstartCommand = "kickstart-command" Error,

    // Stages.
    /// A stage of the lab's own that cannot be used.
    OwnStage = "own-stage" Error,
    /// A template of the lab's own that overrides nothing.
    UnknownTemplate = "unknown-template" Error,
    /// A template of the lab's own that cannot be rendered.
    Template = "template" Error,
    /// What templates of the lab's own make is no kickstart that the installer takes.
    Rendered = "rendered" Error,
    /// What templates of the lab's own put into a kickstart leaves a node weaker than it would be.
    WeakKickstart = "weak-kickstart" Warning,
    /// A service that no stage provides.
    UnknownService = "unknown-service" Error,
    /// A service for which the lab has no node of the role that it needs.
    ServiceWithoutNode = "service-without-node" Error,
    /// A service that nobody chose and that a chosen one needs.
    ServiceAdded = "service-added" Hint,
    /// A stage that is not there.
    UnknownStage = "unknown-stage" Error,
    /// A stage has no parameter of that name.
    UnknownParameter = "unknown-parameter" Error,
    /// No stage writes that file from options.
    UnknownSettingsFile = "unknown-settings-file" Error,
    /// An option that cannot be written so that it is read back as it is.
    Option = "option" Error,
    /// A configuration file of OpenStack's has no section or option of that name in Train.
    UnknownOption = "unknown-option" Error,
    /// An option of OpenStack's has another name today.
    RenamedOption = "renamed-option" Error,
    /// An option of OpenStack's does not take that value.
    OptionValue = "option-value" Error,
    /// An option of OpenStack's that releases after Train do not have.
    DeprecatedOption = "deprecated-option" Hint,
    /// A stage waits for what no stage of another node provides.
    StageNeeds = "stage-needs" Error,
    /// Two stages write one option differently.
    StagesDisagree = "stages-disagree" Error,
    /// Two stages of a node write one file, or a file where the other needs a folder.
    FileOfTwoStages = "file-of-two-stages" Error,
}
