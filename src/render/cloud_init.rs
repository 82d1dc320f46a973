//! The same plan for cloud-init 19.4, as CentOS 7 has it: data, written by the serialiser.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::node::{self, PlacedHostKey, RELABEL};
use super::{RenderError, cloud_base, forget_seed, yaml};
use crate::model::RootLogin;
use crate::plan::{NodePlan, Plan, ROOT_PASSWORD, USER_PASSWORD};
use crate::secrets::Secrets;

/// The group whose members may do everything by `sudo`.
const ADMINISTRATORS: &str = "wheel";

/// The node's runner.
const RUNNER: &str = "/usr/local/sbin/trainyard-node";

/// The `user-data`: accounts, the files of the node, and the start of its first boot.
pub(super) fn user_data<'i>(
    node: &NodePlan,
    secrets: &Secrets,
    files: impl Iterator<Item = &'i str>,
) -> Result<String, RenderError> {
    let mut own = (*node.cloud_init).clone();
    let base = cloud_base::text(&node.templates, own.keys().map(String::as_str))?;
    let mut data = serde_json::Map::new();
    data.insert("hostname".into(), json!(node.name));
    data.insert("timezone".into(), json!(node.installer.timezone));
    data.insert("locale".into(), json!(node.installer.language));
    // A cloud image's sshd takes none. Where nobody of the lab's has a password, that stays: the image may hold accounts that
    // have one.
    data.insert("ssh_pwauth".into(), json!(!node.access.logins.is_empty()));
    data.insert("users".into(), with_own(users(node, secrets)?, own.shift_remove("users")));
    let host_keys = node::host_keys(node, secrets)?;
    if !host_keys.is_empty() {
        data.insert("ssh_keys".into(), ssh_keys(&host_keys));
    }
    // The items of a list stand one after the other, so each is written by itself, and those that nodes share once.
    let mut text = format!("#cloud-config\n{base}\n{}write_files:\n", yaml::to_string(&data)?);
    text.extend(files);
    if let Some(file) = data_disk(node) {
        text += &yaml::to_string(&json!([file]))?;
    }
    if let Some(files) = own.shift_remove("write_files") {
        text += OWN;
        text += &yaml::to_string(&files)?;
    }
    // Those of the lab come last: the script of them all ends where one says `exit`.
    let commands = with_own(runcmd(node, &host_keys), own.shift_remove("runcmd"));
    text += &yaml::to_string(&json!({ "runcmd": commands }))?;
    if !own.is_empty() {
        text += OWN;
        text += &yaml::to_string(&own)?;
    }
    if text.len() > LARGEST {
        return Err(RenderError::UserDataSize { node: node.name.clone(), bytes: text.len() });
    }
    Ok(text)
}

/// What the installer writes down of a data disk that nothing mounts. Nothing looks for disks here, so it is the name that the lab says;
/// where the lab says none, whoever wants the disk has to say that it is not known.
fn data_disk(node: &NodePlan) -> Option<Value> {
    let disk = &node.storage.storage.data.as_ref().filter(|data| data.mount.is_none())?.disk;
    let by_id = disk.by_id.as_ref().map(|id| format!("/dev/disk/by-id/{id}\n"));
    let name = by_id.or_else(|| Some(format!("/dev/{}\n", disk.name.as_ref()?)))?;
    let path = format!("{}/data-disk", node::FOLDER);
    Some(json!({ "path": path, "owner": "root:root", "permissions": "0644", "content": name }))
}

/// What stands before a part that is the lab's own.
const OWN: &str = "# The lab's own `cloud_init`.\n";

/// The most that a user-data may hold, in bytes. The bound is trainyard's: cloud-init 19.4 has none for `NoCloud`, whose files it reads
/// whole. (Clouds have theirs: OpenStack's takes 65535 bytes in base64, Amazon's 16384.) Its parser, `PyYAML`, takes 20 seconds and 100 MiB
/// for this much, measured on Debian 12.
pub const LARGEST: usize = 16 << 20;

/// A list, and what the lab adds to it.
fn with_own(mut list: Value, own: Option<Value>) -> Value {
    if let (Some(list), Some(Value::Array(own))) = (list.as_array_mut(), own) {
        list.extend(own);
    }
    list
}

fn users(node: &NodePlan, secrets: &Secrets) -> Result<Value, RenderError> {
    let keys = &node.access.authorized_keys;
    let account =
        |name: &str, password: Option<&str>, keys: &[String]| -> Result<Value, RenderError> {
            let mut account = json!({ "name": name, "lock_passwd": password.is_none() });
            if let Some(password) = password {
                account["hashed_passwd"] = json!(secrets.password_hash(password)?);
            }
            if !keys.is_empty() {
                account["ssh_authorized_keys"] = json!(keys);
            }
            Ok(account)
        };
    let mut users = vec![match node.access.root_login {
        RootLogin::Password => account("root", Some(ROOT_PASSWORD), keys)?,
        RootLogin::Key => account("root", None, keys)?,
        RootLogin::Locked => account("root", None, &[])?,
    }];
    if let Some(user) = &node.access.user {
        let mut account = account(user, Some(USER_PASSWORD), keys)?;
        account["groups"] = json!(ADMINISTRATORS);
        users.push(account);
    }
    Ok(json!(users))
}

/// The host keys under the names that 19.4's module `cc_ssh` knows. It sees to the SELinux labels, and makes
/// no keys of its own once there is one here, so all types are needed.
fn ssh_keys(host_keys: &[PlacedHostKey]) -> Value {
    let mut keys = serde_json::Map::new();
    for key in host_keys {
        keys.insert(format!("{}_private", key.kind), json!(key.private.content));
        keys.insert(format!("{}_public", key.kind), json!(key.public.content));
    }
    keys.into()
}

fn runcmd(node: &NodePlan, host_keys: &[PlacedHostKey]) -> Value {
    let mut relabel = vec!["restorecon", "-RF"];
    relabel.extend(RELABEL);
    relabel.push(forget_seed::SETTINGS);
    // 19.4 makes folders that everyone may enter. On a node that has another seed, stages have put files of other modes beside theirs.
    let mut commands =
        vec![json!(["chmod", "0700", node::FOLDER]), json!(["chmod", "-R", "go=", node::STAGES])];
    if let Some(user) = &node.access.user {
        // 19.4 gives no groups to an account that the image has already.
        commands.push(json!(["usermod", "-a", "-G", ADMINISTRATORS, user]));
    }
    if !host_keys.is_empty() {
        // 19.4 gives the public halves the private ones' mode.
        let mut publish = vec!["chmod", "0644"];
        publish.extend(host_keys.iter().map(|key| &*key.public.path));
        commands.push(json!(publish));
    }
    commands.extend([
        json!(["localectl", "set-keymap", node.installer.keyboard]),
        json!([RUNNER, "place", "host-network"]),
        json!(relabel),
        json!(["systemctl", "daemon-reload"]),
        json!(["systemctl", "enable", "trainyard-first-boot.service"]),
    ]);
    commands.extend(forget_seed::commands());
    // What a kickstart does in the new system. Where it fails, the first boot begins with it.
    let mut early = vec![RUNNER, "run"];
    early.extend(node.early_stages());
    if early.len() > 2 {
        commands.push(json!(early));
    }
    // Waiting for it here would wait for cloud-init's own end.
    commands.push(json!(["systemctl", "--no-block", "start", "trainyard-first-boot.service"]));
    json!(commands)
}

/// The `meta-data`. The instance-id is made from what is rendered, so that cloud-init provisions a
/// changed node again and leaves an unchanged one alone.
pub(super) fn meta_data(
    plan: &Plan,
    node: &NodePlan,
    user_data: &str,
    network: &str,
) -> Result<String, RenderError> {
    let digest = Sha256::new().chain_update(user_data).chain_update(network).finalize();
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let id = format!("{}-{}-{digest}", plan.lab, node.name);
    Ok(yaml::to_string(&json!({ "instance-id": id, "local-hostname": node.name }))?)
}
