//! `bootcmd` and `runcmd` of one's own.

use serde_json::{Value, json};

use super::values::Checker;
use crate::report::Rule;
use crate::spec::{Data, Spanned};

const HELP: &str = "a list of commands: `[[touch, /root/seen], \"date > /root/when\"]`";

impl Checker<'_, '_> {
    /// Commands. 19.4 gives up on all of them, trainyard's as well, where one is neither a text nor a list of words.
    pub(super) fn commands(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        let mut commands = Vec::new();
        for (at, item) in self.items(at, written, HELP)? {
            match &item.value {
                Data::Text(text) if text.trim().is_empty() => {
                    self.r.tell(Rule::CloudInitValue, item, "an empty text is no command", HELP);
                }
                Data::Text(text) => {
                    self.tell_stop(item, script_stop(text));
                    commands.extend(self.text(&at, item).map(Value::String));
                }
                Data::List(words) if !words.is_empty() => {
                    let words: Vec<_> = words.iter().map(|word| self.plain(word)).collect();
                    if let Some(words) = words.into_iter().collect::<Option<Vec<_>>>() {
                        self.tell_stop(item, stop(words.iter().map(String::as_str)));
                        self.note(&at, &words.join(" "), item);
                        commands.push(json!(words));
                    }
                }
                Data::Map(_) => {
                    let help = "put a command with a colon and a blank in quotes: `'echo a: b'`";
                    self.mismatch(item, "a command", help);
                }
                _ => self.mismatch(item, "a command", HELP),
            }
        }
        Some(json!(commands))
    }

    fn tell_stop(&mut self, item: &Spanned<Data>, stop: Option<String>) {
        let Some(stop) = stop else { return };
        let message = format!("`{stop}` would cut the first boot off");
        let help = "stages ask for a reboot when they need one; a `hooks.first_boot` that ends with status 100 asks for one";
        self.r.tell(Rule::CloudInitValue, item, message, help);
    }
}

const STOPS: [&str; 4] = ["reboot", "poweroff", "halt", "shutdown"];

/// What systemctl calls the same, and the targets that are left at once.
const ASKED: [&str; 6] = ["reboot", "poweroff", "halt", "kexec", "rescue", "emergency"];

/// Where init goes from here: the run levels of telinit(8) in systemd 219 that end what runs.
const LEVELS: [&str; 5] = ["0", "1", "6", "s", "S"];

/// The command that a script begins with, or any of its own where nothing is quoted, if it stops the node.
fn script_stop(text: &str) -> Option<String> {
    let is_plain = !text.contains(['\'', '"', '\\', '`', '#']) && !text.contains("<<");
    let ends: &[char] =
        if is_plain { &[';', '&', '|', '\n', '(', ')'] } else { &[';', '&', '|', '\n'] };
    let commands = text.trim_start().split(ends).take(if is_plain { usize::MAX } else { 1 });
    commands.map(str::split_whitespace).find_map(stop)
}

/// The command of these words, if it stops the node: with a path before it or without, or asked of systemd.
fn stop<'w>(words: impl Iterator<Item = &'w str>) -> Option<String> {
    const BEFORE: [&str; 8] = ["sudo", "exec", "nohup", "then", "do", "else", "{", "!"];
    let name = |word: &'w str| word.rsplit('/').next().unwrap_or_default();
    let mut words = words.skip_while(|word| BEFORE.contains(word));
    let first = name(words.next()?);
    if STOPS.contains(&first) {
        return Some(first.to_owned());
    }
    let mut words = words.filter(|word| !word.starts_with('-'));
    let asked = words.next()?;
    let is_stop = match first {
        "init" | "telinit" => LEVELS.contains(&asked),
        "systemctl" if ["isolate", "start"].contains(&asked) => {
            let target = words.find(|word| is_end(word, asked))?;
            return Some(format!("systemctl {asked} {target}"));
        }
        "systemctl" => ASKED.contains(&asked),
        _ => false,
    };
    is_stop.then(|| format!("{first} {asked}"))
}

/// Whether a unit is a target that ends what runs; `isolate` takes one by its name alone.
fn is_end(unit: &str, asked: &str) -> bool {
    let name = unit.strip_suffix(".target");
    let name = if asked == "isolate" { name.or(Some(unit)) } else { name };
    name.is_some_and(|name| {
        let level = name.strip_prefix("runlevel");
        name == "shutdown" || ASKED.contains(&name) || level.is_some_and(|l| LEVELS.contains(&l))
    })
}

#[cfg(test)]
mod tests {
    use super::script_stop;

    #[test]
    fn commands_that_stop_the_node_are_known_and_no_others() {
        for (text, found) in [
            ("reboot", "reboot"),
            (" /sbin/shutdown -r now", "shutdown"),
            ("systemctl --no-block poweroff", "systemctl poweroff"),
            ("/usr/bin/systemctl reboot", "systemctl reboot"),
            ("sleep 5 && reboot", "reboot"),
            ("date\nhalt -p\n", "halt"),
            ("if test -e /x; then reboot; fi", "reboot"),
            ("(sleep 60; sudo poweroff) &", "poweroff"),
            ("reboot; echo 'x'", "reboot"),
            ("init 6", "init 6"),
            ("sleep 9; /sbin/init 0", "init 0"),
            ("telinit --no-wall 6", "telinit 6"),
            ("systemctl isolate reboot.target", "systemctl isolate reboot.target"),
            ("systemctl --no-block isolate poweroff", "systemctl isolate poweroff"),
            ("systemctl start a.service runlevel6.target", "systemctl start runlevel6.target"),
            ("systemctl kexec", "systemctl kexec"),
            ("systemctl rescue", "systemctl rescue"),
        ] {
            assert_eq!(script_stop(text).as_deref(), Some(found), "{text}");
        }
        for text in [
            "echo reboot",
            "echo 'a; reboot'",
            "rebooted",
            "systemctl status reboot.target",
            "systemctl mask halt.target",
            "systemctl isolate multi-user.target",
            "systemctl start reboot",
            "systemctl start runlevel3.target",
            "systemctl start",
            "init 3",
            "init",
            "telinit q",
            "cloud-init 6",
            "echo a # ; reboot",
            "cat <<E\nreboot\nE",
            "grep systemctl reboot",
        ] {
            assert_eq!(script_stop(text), None, "{text}");
        }
    }
}
