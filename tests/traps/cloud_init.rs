//! Traps of cloud-init 19.4.

use serde_json::Value;

use crate::common::Lab;
use crate::rendered::In::{NetworkConfig, UserData};
use crate::rendered::{Rendered, expect, hold};

fn c1(node: &Rendered, wrong: &mut Vec<String>) {
    let data = node.data();
    let name = &node.environment()["TRAINYARD_NODE"];
    expect(wrong, data["hostname"] == name.as_str(), "hostname");
    expect(wrong, data["manage_etc_hosts"] == false, "/etc/hosts is cloud-init's");
    // fqdn would become the host name, and ntp is not among CentOS 7's modules.
    for key in ["fqdn", "prefer_fqdn_over_hostname", "ntp"] {
        expect(wrong, data.get(key).is_none(), key);
    }
}

#[test]
fn c1_names_are_left_to_the_stages() {
    hold(
        c1,
        &[
            (UserData, "\nhostname: ", "\nfqdn: x.example.org\nhostname: "),
            (UserData, "\nhostname: ", "\nhostname: x."),
            (UserData, "\nmanage_etc_hosts: false\n", "\nmanage_etc_hosts: true\n"),
            (UserData, "\nmanage_etc_hosts: false\n", "\n"),
            (UserData, "\nruncmd:\n", "\nntp: {}\nruncmd:\n"),
        ],
    );
}

fn c2(node: &Rendered, wrong: &mut Vec<String>) {
    let config: Value = serde_yaml::from_str(&node.network_config).expect("YAML");
    expect(wrong, config["version"] == 1, "19.4 writes no resolv.conf for version 2");
    let interfaces = config["config"].as_array().expect("interfaces");
    let is_mac = |text: &str| {
        text.len() == 17
            && text.split(':').all(|b| b.len() == 2 && u8::from_str_radix(b, 16).is_ok())
    };
    for one in interfaces.iter().filter(|one| one["type"] == "physical") {
        let mac = one["mac_address"].as_str().unwrap_or_default();
        expect(wrong, is_mac(mac), format!("{} would never exist", one["name"]));
    }
    let provider = node.environment().remove("TRAINYARD_PROVIDER_INTERFACE").unwrap_or_default();
    for one in interfaces {
        // Name servers that belong to no address go into /etc/resolv.conf, from which NetworkManager is kept for good.
        let kind = one["type"].as_str().unwrap_or_default();
        let is_interface = ["physical", "bond", "vlan", "bridge"].contains(&kind);
        expect(wrong, is_interface, format!("{kind}: no interface"));
        // `type: manual` would give ONBOOT=no.
        let kinds = one["subnets"].as_array().into_iter().flatten().map(|s| s["type"].clone());
        let known = kinds.into_iter().all(|k| k == "static" || k == "dhcp4" || k == "dhcp6");
        expect(wrong, known, format!("{}: a kind that 19.4 does not know", one["name"]));
        if one["name"] == provider.as_str() {
            expect(wrong, one.get("subnets").is_none(), "the provider interface has an address");
        }
    }
    let has = |name: &str| interfaces.iter().any(|one| one["name"] == name);
    expect(wrong, provider.is_empty() || has(&provider), "there is no provider interface");
}

#[test]
fn c2_interfaces_are_found_by_their_address_and_the_providers_is_left_bare() {
    hold(
        c2,
        &[
            (NetworkConfig, "version: 1\n", "version: 2\n"),
            (NetworkConfig, "config:\n", "config:\n- {type: nameserver, address: 10.0.0.2}\n"),
            (NetworkConfig, "  mac_address: ", "  address: "),
            (NetworkConfig, "  mac_address: ", "  mac_address: x"),
            (NetworkConfig, "  name: enp0s9\n", "  name: enp0s9\n  subnets: [{type: dhcp4}]\n"),
            (NetworkConfig, "  - type: static\n", "  - type: manual\n"),
            (NetworkConfig, "  name: enp0s9\n", "  name: enp0s10\n"),
        ],
    );
}

fn c3(node: &Rendered, wrong: &mut Vec<String>) {
    let data = node.data();
    for file in data["write_files"].as_array().expect("files") {
        // An owner that is not there yet ends the rest of it.
        let path = file["path"].as_str().expect("a path");
        expect(wrong, file["owner"] == "root:root", path);
        let ours = [
            "/etc/trainyard/",
            "/usr/local/sbin/trainyard-node",
            "/usr/local/libexec/trainyard/",
            "/etc/systemd/system/trainyard-",
            "/etc/profile.d/trainyard-",
            "/etc/cloud/cloud.cfg.d/zz-trainyard.cfg",
        ];
        // A package would not put its own file where there is one.
        expect(wrong, ours.iter().any(|folder| path.starts_with(folder)), path);
    }
    expect(wrong, data.get("packages").is_none(), "packages come before the repositories");
}

#[test]
fn c3_files_are_written_only_for_root_and_before_any_package() {
    hold(
        c3,
        &[
            (
                UserData,
                "/files/etc/chrony.conf\n  owner: root:root",
                "/files/etc/chrony.conf\n  owner: chrony:chrony",
            ),
            (UserData, "- path: /etc/trainyard/stages/time-", "- path: /etc/time-"),
            (UserData, "\nruncmd:\n", "\npackages: [chrony]\nruncmd:\n"),
        ],
    );
}

fn c4(node: &Rendered, wrong: &mut Vec<String>) {
    expect(wrong, node.user_data.starts_with("#cloud-config\n"), "it is taken for a script");
    // CentOS 7's PyYAML refuses characters beyond the basic plane.
    expect(wrong, node.user_data.is_ascii(), "user-data is not ASCII");
    expect(wrong, node.network_config.is_ascii(), "network-config is not ASCII");
    let data = node.data();
    if data.get("ssh_keys").is_none() {
        return;
    }
    let commands = data["runcmd"].as_array().expect("commands").iter();
    let publish =
        commands.filter(|c| c[0] == "chmod" && c[1] == "0644").filter_map(|c| c.as_array());
    let public: Vec<_> = publish.flatten().filter_map(Value::as_str).collect();
    for kind in ["rsa", "ecdsa", "ed25519"] {
        // 19.4 gives the public halves the private ones' mode, and makes none where one is given.
        let path = format!("/etc/ssh/ssh_host_{kind}_key.pub");
        expect(wrong, public.contains(&path.as_str()), path);
        for half in ["private", "public"] {
            let name = format!("{kind}_{half}");
            expect(wrong, data["ssh_keys"][&name].is_string(), name);
        }
    }
}

#[test]
fn c4_what_19_4_does_otherwise_is_seen_to() {
    hold(
        c4,
        &[
            (UserData, "#cloud-config\n", "# cloud-config\n"),
            (UserData, "\nhostname: ", "\n# \u{1f600}\nhostname: "),
            (NetworkConfig, "version: 1\n", "version: 1 # é\n"),
            (UserData, "  - /etc/ssh/ssh_host_ecdsa_key.pub\n", ""),
            (UserData, "  ecdsa_private: ", "  dsa_private: "),
        ],
    );
}

fn c6(node: &Rendered, wrong: &mut Vec<String>) {
    let data = node.data();
    let commands = data["runcmd"].as_array().expect("commands");
    let mut has_password = node
        .both("/etc/trainyard/secrets.env")
        .iter()
        .any(|file| file.by == "user-data" && file.content.contains("_HASH="));
    for user in data["users"].as_array().expect("users") {
        let Some(name) = user["name"].as_str() else {
            wrong.push(format!("{user}: the image's own account"));
            continue;
        };
        // A lock is what holds where nothing is said, and it would undo the password.
        let locked = user["lock_passwd"].as_bool();
        let hash = user["hashed_passwd"].as_str();
        has_password |= hash.is_some();
        expect(wrong, locked == Some(hash.is_none()), format!("{name}: the lock"));
        // These are for new accounts only.
        for key in ["passwd", "uid", "shell", "homedir", "primary_group"] {
            expect(wrong, user.get(key).is_none(), format!("{name}: {key}"));
        }
        for group in user["groups"].as_str().into_iter().flat_map(|groups| groups.split(',')) {
            let wanted = serde_json::json!(["usermod", "-a", "-G", group, name]);
            expect(wrong, commands.contains(&wanted), format!("{name}: not in {group} for sure"));
        }
    }
    expect(wrong, data["ssh_pwauth"] == has_password, "sshd and passwords");
    expect(wrong, data["disable_root"] == false, "root's keys");
}

#[test]
fn c6_accounts_that_the_image_has_already_are_the_labs_too() {
    hold(
        c6,
        &[
            (UserData, "\nusers:\n", "\nusers:\n- default\n"),
            (UserData, "  lock_passwd: false\n", ""),
            (UserData, "  lock_passwd: false\n", "  lock_passwd: true\n"),
            (UserData, "  hashed_passwd: ", "  passwd: "),
            (UserData, "  lock_passwd: true\n", ""),
            (UserData, "\n- - usermod\n", "\n- - useradd\n"),
            (UserData, "\nssh_pwauth: true\n", "\nssh_pwauth: false\n"),
            (UserData, "\ndisable_root: false\n", "\n"),
        ],
    );
}

/// What of user-data 19.4 reads, in modules that CentOS 7 runs.
const READ: [&str; 12] = [
    "disable_root",
    "hostname",
    "locale",
    "manage_etc_hosts",
    "runcmd",
    "ssh_deletekeys",
    "ssh_genkeytypes",
    "ssh_keys",
    "ssh_pwauth",
    "timezone",
    "users",
    "write_files",
];

fn c7(node: &Rendered, wrong: &mut Vec<String>) {
    let data = node.data();
    for key in data.as_object().expect("a mapping").keys() {
        expect(wrong, READ.contains(&key.as_str()), format!("{key} is read by nobody"));
    }
    for file in data["write_files"].as_array().expect("files") {
        let known = ["path", "owner", "permissions", "content", "encoding"];
        let keys = file.as_object().expect("a file").keys();
        expect(wrong, keys.into_iter().all(|key| known.contains(&&**key)), format!("{file}"));
        // A number would be taken for an octal one, and for a decimal one in another form.
        let mode = file["permissions"].as_str().unwrap_or_default();
        expect(wrong, mode.len() == 4 && mode.starts_with('0'), format!("{}: mode", file["path"]));
    }
    let commands = data["runcmd"].as_array().expect("commands");
    for command in commands {
        // A text would be a line for a shell.
        let words = command.as_array().into_iter().flatten();
        expect(wrong, command.is_array() && words.clone().all(Value::is_string), "a command");
    }
    // It makes folders that everyone may enter.
    let above = serde_json::json!(["chmod", "0700", "/etc/trainyard"]);
    let below = serde_json::json!(["chmod", "-R", "go=", "/etc/trainyard/stages"]);
    expect(wrong, commands.contains(&above) && commands.contains(&below), "it is open");
    expect(wrong, data["ssh_deletekeys"] == true, "host keys that others know");
    let made = serde_json::json!(["rsa", "ecdsa", "ed25519"]);
    expect(wrong, data["ssh_genkeytypes"] == made, "types of host keys");
}

#[test]
fn c7_nothing_is_said_that_19_4_reads_otherwise_or_not_at_all() {
    hold(
        c7,
        &[
            (UserData, "\nruncmd:\n", "\nyum_repos: {}\nruncmd:\n"),
            (UserData, "\nruncmd:\n", "\nchpasswd: {expire: false}\nruncmd:\n"),
            (UserData, "\nruncmd:\n", "\nkeyboard: {layout: us}\nruncmd:\n"),
            (UserData, "\nruncmd:\n", "\nruncmd:\n- echo $HOME\n"),
            (UserData, "  permissions: '0644'\n", "  permissions: 420\n"),
            (UserData, "  permissions: '0600'\n", "  permissions: '0600'\n  defer: true\n"),
            (UserData, "- - chmod\n  - -R\n", "- - chmod\n  - -v\n"),
            (UserData, "\nssh_deletekeys: true\n", "\n"),
            (UserData, "\nssh_genkeytypes: [rsa, ", "\nssh_genkeytypes: [dsa, rsa, "),
        ],
    );
}

#[test]
fn c5_a_changed_node_is_another_instance_and_an_unchanged_one_is_not() {
    let id = |text: &str| {
        let lab = Lab::new(text);
        lab.done(&["render", "controller", "-o", "out"]);
        lab.read("out/controller/meta-data").lines().next().expect("an id").to_owned()
    };
    let one = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";
    assert_eq!(id(one), id(one));
    for changed in [
        "keyboard: kr\n",
        "files: {/etc/motd: {content: x}}\n",
        "networks: {management: {mtu: 1400}}\n",
    ] {
        assert_ne!(id(one), id(&format!("{changed}{one}")), "{changed}");
    }
    assert!(id(one).starts_with("instance-id: train-controller-"));
}

fn c8(node: &Rendered, wrong: &mut Vec<String>) {
    let has = |path: &str, text: &str| {
        let found = node.files().iter().find(|file| file.path == path);
        found.is_some_and(|file| file.content.contains(text))
    };
    let settings = "/etc/cloud/cloud.cfg.d/zz-trainyard.cfg";
    // Where it finds no seed, 19.4 writes DHCP over the interface files, and `None` would be a new instance.
    expect(wrong, has(settings, "\nnetwork: {config: disabled}\n"), "interfaces");
    expect(wrong, has(settings, "\ndatasource_list: [NoCloud, ConfigDrive]\n"), "sources");
    // It writes the seed down at every boot, and reads it in its last stage.
    let unit = "/etc/systemd/system/trainyard-forget-seed.service";
    expect(wrong, has(unit, "\nAfter=cloud-final.service\n"), "too early");
    expect(wrong, has(unit, "\nWantedBy=cloud-final.service\n"), "not at every boot");
    let commands = node.data()["runcmd"].as_array().into_iter().flatten();
    let commands: Vec<String> = commands
        .map(|c| {
            c.as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    for command in ["enable", "--no-block start"] {
        let command = format!("systemctl {command} trainyard-forget-seed.service");
        expect(wrong, commands.contains(&command), command);
    }
}

#[test]
fn c8_what_cloud_init_keeps_of_a_seed_is_removed_and_a_seed_may_go() {
    hold(
        c8,
        &[
            (UserData, "    network: {config: disabled}\n", ""),
            (UserData, "[NoCloud, ConfigDrive]", "[NoCloud, None]"),
            (UserData, "    After=cloud-final.service\n", "    After=cloud-config.service\n"),
            (UserData, "    WantedBy=cloud-final.service\n", "    WantedBy=multi-user.target\n"),
            (
                UserData,
                "  - enable\n  - trainyard-forget-seed.service\n",
                "  - enable\n  - x.service\n",
            ),
            (
                UserData,
                "  - start\n  - trainyard-forget-seed.service\n",
                "  - start\n  - x.service\n",
            ),
        ],
    );
}
