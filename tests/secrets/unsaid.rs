//! No command says a value that nobody asked for.

use super::common::Lab;
use super::{values, with_environment, write_secrets};

/// Texts of which each gives a value away: the value, or any of its lines where it is broken into lines.
fn traces(lab: &Lab, more: &[&str]) -> Vec<String> {
    let mut traces: Vec<String> = more.iter().map(|&value| value.to_owned()).collect();
    for (name, value) in values(lab) {
        if name.starts_with("SSH_HOST_KEY") {
            // The first lines hold the public half; the last one, the comment and padding.
            let lines: Vec<_> = value.as_bytes().chunks(70).map(String::from_utf8_lossy).collect();
            traces.extend(
                lines[lines.len() / 2 + 1..lines.len() - 1].iter().map(ToString::to_string),
            );
        } else {
            traces.push(value);
        }
    }
    traces
}

#[test]
fn nothing_says_a_secret_that_was_not_asked_for() {
    let lab = Lab::example("reference.yaml");
    let variables = [
        ("TRAINYARD_SECRET_GLANCE_PASS", "fromEnvironment1"),
        ("TRAINYARD_SECRET_X", "fromEnvironment2"),
    ];
    let traces = traces(&lab, &["fromEnvironment1", "fromEnvironment2"]);
    assert!(traces.len() > 50);
    lab.done(&["render", "-o", "there"]);
    let mut said = Vec::new();
    let mut run = |arguments: &[&str], status: i32| {
        for level in [&[][..], &["--verbose"]] {
            let outcome = with_environment(&lab, &[level, arguments].concat(), &variables);
            assert_eq!(outcome.status, status, "{arguments:?} {outcome:?}");
            said.push((arguments.join(" "), outcome.stdout + &outcome.stderr));
        }
    };
    for json in [&[][..], &["--format", "json"]] {
        let mut run = |arguments: &[&str], status| run(&[arguments, json].concat(), status);
        run(&["check"], 0);
        run(&["plan"], 0);
        run(&["plan", "controller"], 0);
        run(&["secrets", "list"], 0);
        run(&["secrets", "show", "NO_SUCH"], 2);
        run(&["secrets"], 0);
        run(&["render", "-o", "there"], 8);
        run(&["render", "-o", "there", "--force"], 0);
        run(&["render", "nowhere", "-o", "there"], 2);
        run(&["build", "-o", "isos", "--image", "none.iso"], 9);
    }
    // Values that cannot be used, and a line that is no YAML.
    let text = lab.read("secrets.yaml");
    let ed25519 = &values(&lab)["SSH_HOST_KEY_ED25519_compute"];
    for broken in [
        text.replace(ed25519, &ed25519[..ed25519.len() - 8]),
        text.replace("RABBIT_PASS: \"", "RABBIT_PASS: \"$"),
        text.clone() + "ADMIN_PASS: \"fromEnvironment2\"\n",
        text.clone() + "  - fromEnvironment2: [\n",
        text.replace("\nRABBIT_PASS", "\nRABBIT_PAS"),
    ] {
        write_secrets(&lab, &broken);
        run(&["render", "-o", "there", "--force"], 3);
    }
    write_secrets(&lab, &text);
    run(&["secrets", "rotate", "ADMIN_PASS", "SSH_HOST_KEY_ECDSA_compute"], 0);
    for (command, text) in said {
        for trace in traces.iter().chain(values(&lab).values().filter(|v| v.len() == 40)) {
            assert!(!text.contains(trace.as_str()), "trainyard {command} says {trace}");
        }
    }
    // The test would have found one.
    let kickstart = lab.read("there/controller/ks.cfg");
    assert!(traces.iter().filter(|trace| kickstart.contains(trace.as_str())).count() > 15);
}

/// They land in URLs, INI files, Python, SQL and shell; what one of these would read otherwise is taken for none of them.
#[test]
fn what_would_need_an_escape_somewhere_is_refused_for_every_secret() {
    let lab = Lab::example("reference.yaml");
    let mut mine = values(&lab);
    let services: Vec<String> =
        mine.keys().filter(|name| !name.starts_with("SSH_")).cloned().collect();
    assert!(services.len() > 20, "{services:?}");
    for odd in [
        "p@ss/W0rd:x",
        "100%(W0rd)s",
        "$W0rdx{y}`z`",
        "it's W0rdly\"",
        "W0rd\\x\n\ny",
        "Wörd0비밀번호",
    ] {
        for name in &services {
            mine.insert(name.clone(), odd.to_owned());
        }
        write_secrets(&lab, &serde_yaml::to_string(&mine).expect("YAML"));
        let refused = lab.run(&["render", "-o", "out"]);
        assert_eq!(refused.status, 3, "{refused:?}");
        let told = refused.stdout + &refused.stderr;
        for name in &services {
            let wanted = format!(" {name}: letters and digits only: others break the URLs");
            assert!(told.contains(&wanted), "{odd}: {name}: {told}");
        }
        assert!(!told.contains("W0rd") && !told.contains("Wörd"), "{told}");
        assert!(!lab.path("out").exists());
    }
    // One of a person's own that can be used is that in each of these places, without an escape.
    for name in &services {
        mine.insert(name.clone(), format!("{}Own0Word", name.replace('_', "x")));
    }
    write_secrets(&lab, &serde_yaml::to_string(&mine).expect("YAML"));
    lab.done(&["render", "-o", "out"]);
    let node = lab.read("out/controller/user-data");
    for place in [
        "transport_url = rabbit://openstack:@SECRET_RABBIT_PASS@@controller:5672/\n",
        "connection = mysql+pymysql://nova:@SECRET_NOVA_DBPASS@@controller/nova\n",
        "export OS_PASSWORD=@SECRET_ADMIN_PASS@\n",
        "SECRET_KEY = '@SECRET_DASH_SECRET_KEY@'",
        "memcache_secret_key = @SECRET_MEMCACHE_SECRET_KEY@\n",
        "metadata_proxy_shared_secret = @SECRET_METADATA_SECRET@\n",
        "RABBIT_PASS=RABBITxPASSOwn0Word\n",
    ] {
        assert!(node.contains(place), "{place}");
    }
}
