//! What cloud-init 19.4 knows, as CentOS 7 has it (its modules are those of the package's `/etc/cloud/cloud.cfg`), and what becomes of
//! each of its keys here. What this takes has a form, so that it arrives as the type that its key wants, whoever reads it.

use Verdict::{Later, Refused, Taken, Unheard};

use super::top::{PASSWORD, SSH};

/// What becomes of a key.
#[derive(Clone, Copy)]
pub(super) enum Verdict {
    /// It is handed on, in this form.
    Taken(Form),
    /// It is refused: why, and what to do instead.
    Refused(&'static str, &'static str),
    /// CentOS 7 does not run the module that reads it: what to do instead.
    Unheard(&'static str),
    /// It came after cloud-init 19.4: what to do instead.
    Later(&'static str),
}

/// What a value is.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Text,
    /// A text that useradd writes into a field of /etc/passwd.
    Field,
    Flag,
    /// A whole number from 1 to this.
    Count(u32),
    /// A whole number that useradd's module of 19.4 wants as a text.
    Digits,
    /// A person's number, as such a text.
    Uid,
    /// A text, or a list of texts.
    Texts,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A file's mode in octal. A number in YAML 1.1 is another one in YAML 1.2, so it goes as a text.
    Mode,
    /// A path that a file of a person's may have.
    Path,
    /// The name of a file that rsyslog reads, without a folder: 19.4 joins it to one, and writes whatever that leads to.
    RsyslogFile,
    /// Where a server is told.
    Url,
    /// `all`, or a list of what is sent.
    Post,
    /// A day: `2027-12-31`.
    Day,
    /// Names that the person chooses, each with a text.
    Names,
    /// Commands: texts for the shell, or lists of words.
    Commands,
    Files,
    Users,
    /// The name of an account that is not there yet.
    Account,
    Group,
    /// Groups, in a list or with commas between them.
    GroupNames,
    Shell,
    Groups,
    /// An account that every image has, and a group: `root:root`.
    Owner,
    /// What sudo lets an account do.
    Sudo,
    Keys,
    /// Fixed keys, and the one without which its module gives up.
    Mapping(&'static [Known], Option<&'static str>),
}

/// Keys, and what becomes of each.
pub(super) type Known = (&'static [&'static str], Verdict);

/// What becomes of a key.
pub(super) fn verdict(name: &str, known: &[Known]) -> Option<Verdict> {
    known.iter().find(|(names, _)| names.contains(&name)).map(|(_, verdict)| *verdict)
}

/// The keys that are handed on.
pub(super) fn taken(known: &[Known]) -> Vec<&'static str> {
    let taken = known.iter().filter(|(_, verdict)| matches!(verdict, Taken(_)));
    taken.flat_map(|(names, _)| names.iter().copied()).collect()
}

/// The keys of a file in `write_files`.
pub(super) const FILE: &[Known] = &[
    (&["path"], Taken(Form::Path)),
    (&["content"], Taken(Form::Text)),
    (
        &["encoding"],
        Taken(Form::Word(&[
            "b64",
            "base64",
            "gz",
            "gzip",
            "gz+b64",
            "gz+base64",
            "gzip+b64",
            "gzip+base64",
            "text/plain",
        ])),
    ),
    (&["owner"], Taken(Form::Owner)),
    (&["permissions"], Taken(Form::Mode)),
    (&["append"], Taken(Form::Flag)),
    (&["defer"], Later("say it under `files`, whose owners are there when they are written")),
    (&["source"], Later("`files` takes a file beside the lab file as `source`")),
];

/// The users of CentOS 7's targeted policy. useradd makes no account for another.
const SELINUX_USERS: &[&str] =
    &["guest_u", "root", "staff_u", "sysadm_u", "system_u", "unconfined_u", "user_u", "xguest_u"];

/// The keys of an account in `users`.
pub(super) const USER: &[Known] = &[
    (&["name"], Taken(Form::Account)),
    (&["gecos"], Taken(Form::Field)),
    (&["uid"], Taken(Form::Uid)),
    (&["groups"], Taken(Form::GroupNames)),
    (&["primary_group"], Taken(Form::Group)),
    (&["homedir"], Taken(Form::Path)),
    (&["shell"], Taken(Form::Shell)),
    (&["sudo"], Taken(Form::Sudo)),
    (&["ssh_authorized_keys"], Taken(Form::Keys)),
    (&["expiredate"], Taken(Form::Day)),
    (&["inactive"], Taken(Form::Digits)),
    (&["selinux_user"], Taken(Form::Word(SELINUX_USERS))),
    (&["lock_passwd"], Taken(Form::Flag)),
    (&["system"], Taken(Form::Flag)),
    (&["create_groups"], Taken(Form::Flag)),
    (&["no_create_home"], Taken(Form::Flag)),
    (&["no_user_group"], Taken(Form::Flag)),
    (&["no_log_init"], Taken(Form::Flag)),
    (
        &["passwd", "hashed_passwd", "plain_text_passwd"],
        Refused(
            PASSWORD,
            "`users` of the lab gives it a password, which `trainyard secrets` makes",
        ),
    ),
    (
        &["ssh_redirect_user"],
        Refused(SSH, "leave the account without keys, and nobody logs in as it"),
    ),
    (&["ssh_import_id"], Unheard("say its keys as `ssh_authorized_keys`")),
    (&["snapuser"], Unheard("say its `name`")),
    (&["doas"], Later("say it as `sudo`")),
];

pub(super) const RSYSLOG: &[Known] = &[
    (&["configs"], Taken(Form::Texts)),
    (&["config_filename"], Taken(Form::RsyslogFile)),
    (&["remotes"], Taken(Form::Names)),
    (
        &["config_dir"],
        Refused("is a folder in which CentOS 7's rsyslog does not look", "leave it out"),
    ),
    (&["service_reload_command"], Refused("is known to cloud-init", "leave it out")),
];

pub(super) const PHONE_HOME: &[Known] = &[
    (&["url"], Taken(Form::Url)),
    (&["post"], Taken(Form::Post)),
    (&["tries"], Taken(Form::Count(100))),
];

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::top::TOP;
    use super::{FILE, Known, USER};

    /// The keys of the three mappings in the schema of a newer cloud-init, each on a line.
    const SCRIPT: &str = "import sys; sys.path.insert(0, sys.argv[1])\n\
        from cloudinit.config.schema import get_schema\n\
        defs = get_schema()['$defs']\n\
        print(*sorted({k for n, d in defs.items() if n.startswith('cc_') for k in d['properties']}))\n\
        print(*sorted(defs['cc_write_files']['properties']['write_files']['items']['properties']))\n\
        print(*sorted(set(defs['users_groups.user']['properties']) - {'lock-passwd'}))";

    #[test]
    fn every_key_of_a_newer_cloud_init_is_judged_and_none_twice() {
        let library =
            concat!(env!("CARGO_MANIFEST_DIR"), "/target/cloud-init/usr/lib/python3/dist-packages");
        let mut python = Command::new("/usr/bin/python3");
        let said = python.args(["-c", SCRIPT, library]).output().expect("Python is there");
        let theirs = String::from_utf8(said.stdout).expect("text");
        let ours: [&[Known]; 3] = [TOP, FILE, USER];
        assert_eq!(theirs.lines().count(), ours.len(), "{}", String::from_utf8_lossy(&said.stderr));
        for (theirs, ours) in theirs.lines().zip(ours) {
            let known = |name: &str| {
                ours.iter().flat_map(|(names, _)| *names).filter(|key| **key == name).count()
            };
            assert!(theirs.split(' ').count() > 5);
            for name in theirs.split(' ') {
                assert_eq!(known(name), 1, "{name}");
            }
            assert!(ours.iter().flat_map(|(names, _)| *names).all(|name| known(name) == 1));
        }
    }
}
