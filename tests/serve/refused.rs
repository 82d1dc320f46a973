//! Who gets nothing.

use crate::client::ask;
use crate::common::{Lab, judge, judged};
use crate::running::Serving;

#[test]
fn a_kickstart_is_its_machines_alone() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let path = serving.kickstart_path("compute");
    let other = serving.mac("controller");
    let own = serving.mac("compute");
    for answer in
        [serving.get(&path), serving.get_as(&other, &path), serving.get_as("nonsense", &path)]
    {
        assert_eq!(answer.status, 403);
        assert!(
            answer.text().contains("inst.ks.sendmac") && answer.body.len() < 200,
            "{}",
            answer.text()
        );
    }
    assert_eq!(serving.state("compute"), "armed", "nothing has begun");
    // Its own card may be any of those that it tells of.
    let cards = [
        "X-RHN-Provisioning-MAC-0: eth0 52:54:00:00:00:01".to_owned(),
        format!("x-rhn-provisioning-mac-1: eth1 {}", own.to_uppercase()),
    ];
    assert_eq!(ask(serving.address, "GET", &path, &cards, "").status, 200);
    // Who looks without taking begins nothing.
    let path = serving.kickstart_path("controller");
    let card = [format!("X-RHN-Provisioning-MAC-0: eth0 {other}")];
    assert_eq!(ask(serving.address, "HEAD", &path, &card, "").status, 200);
    assert_eq!(serving.node_command(&["arm", "controller"]).status, 0);
    let boot = format!("/ipxe?mac={other}");
    let look = ask(serving.address, "HEAD", &boot, &[], "");
    assert!(look.status == 200 && look.body.is_empty(), "{look:?}");
    assert_eq!(serving.node("controller")["step"], "");
    let told = serving.get(&boot);
    assert!(told.text().contains("inst.ks="));
    assert_eq!(look.header("content-length"), told.header("content-length"));
    assert_eq!(serving.state("controller"), "armed");
}

#[test]
fn a_machine_that_says_only_who_it_is_is_led_to_its_kickstart() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let own = serving.mac("compute");
    let led = serving.get_as(&own, "/ks");
    assert_eq!(led.status, 302);
    let path = format!("/{}", led.header("location").expect("a place"));
    assert_eq!(path, serving.kickstart_path("compute"));
    assert_eq!(serving.get("/ks").status, 404);
    assert_eq!(serving.get_as("52:54:00:00:00:01", "/ks").status, 404);
}

#[test]
fn only_who_is_allowed_fetches() {
    let mut serving = Serving::new();
    serving.wait_for("compute", "armed");
    let path = serving.kickstart_path("compute");
    serving.kill();
    serving.again(&["--allow", "10.0.0.0/24"]);
    let refused = serving.get_as(&serving.mac("compute"), &path);
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("`--allow`"), "{}", refused.text());
    // And neither is told where it would be.
    assert!(serving.boot("compute").contains("sanboot"));
    assert_eq!(serving.get_as(&serving.mac("compute"), "/ks").status, 404);
}

/// Who looks, from wherever, takes no attempt away.
#[test]
fn looking_begins_nothing() {
    let serving = Serving::of(Lab::example("reference.yaml"), &["--attempts", "1"]);
    serving.wait_for("compute", "armed");
    let own = serving.mac("compute");
    let path = serving.kickstart_path("compute");
    assert_eq!(serving.get_as(&own, &path).status, 200);
    let look = ask(serving.address, "HEAD", &format!("/ipxe?mac={own}"), &[], "");
    assert_eq!(look.status, 200);
    assert_eq!(serving.state("compute"), "installing");
    assert_eq!(serving.get_as(&own, &path).status, 200, "it goes on");
    assert!(serving.boot("compute").contains("sanboot"), "its only attempt is used up");
    assert_eq!(serving.node("compute")["reason"], "it has begun once, and was never installed");
}

/// Cards that are no Ethernet have longer addresses, and a lab may know its machine by what no header tells.
#[test]
fn machines_are_known_by_what_the_lab_says() {
    let lab = Lab::example("reference.yaml");
    let uuid = "4c4c4544-0051-3510-8052-b4c04f4d3233";
    let text = lab.read("lab.yaml").replace(
        "  compute:\n    role: compute\n",
        &format!("  compute:\n    role: compute\n    machine: {{uuid: {uuid}}}\n"),
    );
    assert!(text.contains(uuid));
    std::fs::write(lab.path("lab.yaml"), text).expect("written");
    let serving = Serving::of(lab, &[]);
    serving.wait_for("compute", "armed");
    serving.wait_for("controller", "armed");
    let script = serving.get(&format!("/ipxe?mac=52:54:00:00:00:09&uuid={uuid}")).text();
    let url =
        script.split(' ').find_map(|word| word.strip_prefix("inst.ks=")).expect("a kickstart");
    let path = url.split_once(&serving.address.to_string()).expect("here").1;
    assert_eq!(serving.get_as("52:54:00:00:00:09", path).status, 200);
    let path = serving.kickstart_path("controller");
    let cards = [
        "X-RHN-Provisioning-MAC-0: ib0 80:00:02:08:fe:80:00:00:00:00:00:00:7c:fe:90:03:00:29:26:52"
            .to_owned(),
        format!("X-RHN-Provisioning-MAC-1: p1p1 {}", serving.mac("controller")),
    ];
    assert_eq!(ask(serving.address, "GET", &path, &cards, "").status, 200);
}

#[test]
fn what_opens_one_thing_opens_no_other() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    serving.wait_for("controller", "armed");
    let (own, other) = (serving.mac("compute"), serving.mac("controller"));
    let path = serving.kickstart_path("compute");
    let report = Serving::report_path(&serving.get_as(&own, &path).text());
    let (files, reports) = (path.replace("/n/", "").replace("/ks", ""), report.replace("/r/", ""));
    assert_eq!((files.len(), reports.len()), (32, 32));
    assert_eq!(serving.get_as(&own, &format!("/n/{reports}/ks")).status, 404);
    assert_eq!(serving.tell(&format!("/r/{files}"), "what=installed").status, 404);
    for token in
        ["", "x", &"0".repeat(32), &files.to_uppercase(), &format!("{files}0"), "%2e%2e", "..%2f.."]
    {
        assert_eq!(serving.get_as(&own, &format!("/n/{token}/ks")).status, 404, "{token}");
        assert!(
            matches!(serving.tell(&format!("/r/{token}"), "what=installed").status, 404),
            "{token}"
        );
    }
    // A report of one says nothing of the other.
    serving.tell(&report, "what=installed");
    assert_eq!(serving.state("compute"), "installed");
    assert_eq!(serving.state("controller"), "armed");
    // Two nodes behind one address, as here, get each its own.
    let path = serving.kickstart_path("controller");
    let kickstart = serving.get_as(&other, &path).text();
    assert!(kickstart.starts_with("# Kickstart of the node controller "), "{}", &kickstart[..80]);
    // A clone of its machine gets the same bytes while it is installed, and nothing afterwards.
    assert_eq!(serving.get_as(&other, &serving.kickstart_path("controller")).text(), kickstart);
    serving.tell(&Serving::report_path(&kickstart), "what=installed");
    assert!(serving.boot("controller").contains("sanboot"));
}

#[test]
fn arming_needs_the_administrators_token() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let path = serving.kickstart_path("compute");
    let token = serving.lab.read(".trainyard/admin-token");
    let arm =
        |headers: &[String]| ask(serving.address, "POST", "/api/v1/nodes/compute/arm", headers, "");
    for wrong in [
        vec![],
        vec!["Authorization: Bearer".into()],
        vec![format!("Authorization: Bearer {}", "0".repeat(32))],
        vec![format!("Authorization: Basic {token}").trim().to_owned()],
    ] {
        let refused = arm(&wrong);
        assert_eq!(
            (refused.status, refused.header("www-authenticate")),
            (401, Some("Bearer")),
            "{wrong:?}"
        );
    }
    assert_eq!(serving.kickstart_path("compute"), path, "nothing happened");
    assert_eq!(arm(&[format!("Authorization: Bearer {}", token.trim())]).status, 200);
    assert_ne!(serving.kickstart_path("compute"), path);
    assert_eq!(ask(serving.address, "GET", "/api/v1/nodes/compute/arm", &[], "").status, 405);
}

#[test]
fn nothing_that_is_shown_opens_anything() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let path = serving.kickstart_path("compute");
    let kickstart = serving.get_as(&serving.mac("compute"), &path).text();
    let report = Serving::report_path(&kickstart);
    serving.tell(&report, "what=failed&more=x");
    serving.node_command(&["arm", "compute"]);
    let next = serving.kickstart_path("compute");
    let secrets = serving.lab.read("secrets.yaml");
    let secrets = secrets
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(_, value)| value.trim().trim_matches('\'').to_owned());
    let tokens =
        [path, report, next].map(|path| path.split('/').nth(2).expect("a token").to_owned());
    let admin = serving.lab.read(".trainyard/admin-token").trim().to_owned();
    let hidden: Vec<String> =
        secrets.filter(|value| value.len() > 8).chain(tokens).chain([admin]).collect();
    assert!(hidden.len() > 10, "{}", hidden.len());
    let shown = [
        "/api/v1/nodes",
        "/api/v1/nodes/compute",
        "/api/v1/events",
        "/metrics",
        "/boot.ipxe",
        "/ks",
        "/nothing",
    ];
    let texts = shown.map(|path| serving.get(path).text());
    for text in texts.iter().chain([&serving.said()]) {
        for secret in &hidden {
            assert!(!text.contains(secret.as_str()), "{secret} in {text}");
        }
    }
}

#[test]
fn who_fetches_the_same_kickstart_from_elsewhere_is_told_of() {
    let serving = Serving::of(Lab::example("reference.yaml"), &["--allow", "127.0.0.0/8"]);
    serving.wait_for("compute", "armed");
    let path = serving.kickstart_path("compute");
    let mac = serving.mac("compute");
    for from in ["127.0.0.1", "127.0.0.1", "127.0.0.7", "127.0.0.7"] {
        let mut curl = judge("curl");
        curl.args(["-s", "-f", "-o", "/dev/null", "--interface", from]);
        curl.args(["-H", &format!("X-RHN-Provisioning-MAC-0: eth0 {mac}")]);
        curl.arg(format!("http://{}{path}", serving.address));
        judged(curl);
    }
    let said = serving.get("/api/v1/events?node=compute").json();
    let events = said["events"].as_array().expect("events").iter();
    let events: Vec<_> = events.map(|event| event["text"].as_str().expect("text")).collect();
    let wanted = [
        "fetched its kickstart, from 127.0.0.1",
        "its kickstart was fetched once more, from 127.0.0.7",
    ];
    assert_eq!(events[events.len() - 2..], wanted, "{events:?}");
}

/// By DNS rebinding, a page elsewhere could have a browser of this network read a kickstart.
#[test]
fn who_asks_by_another_name_is_told_nothing() {
    let url = ["--url", "http://Lab.example.org:8080"];
    let serving = Serving::of(Lab::example("reference.yaml"), &url);
    serving.wait_for("compute", "armed");
    let mac = serving.mac("compute");
    let asked = |target: &str, host: &str| {
        let text = format!("GET {target} HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        crate::client::raw(serving.address, text.as_bytes()).expect("an answer")
    };
    let boot = format!("/ipxe?mac={mac}");
    for (target, host) in [
        (boot.clone(), "Host: evil.example.org\r\n"),
        (boot.clone(), "Host: 127.0.0.1.evil.example.org:80\r\n"),
        (boot.clone(), "Host: localhost\r\nHost: evil.example.org\r\n"),
        (boot.clone(), "Host: \r\n"),
        (boot.clone(), "Host: a b\r\n"),
        (format!("http://evil.example.org{boot}"), "Host: localhost\r\n"),
    ] {
        let answer = asked(&target, host);
        assert_eq!(answer.status, 421, "{host}{answer:?}");
        assert!(answer.text().contains("`--url`"), "{answer:?}");
    }
    let answer = asked("/api/v1/nodes", "Host: evil.example.org\r\n");
    assert!(answer.json()["error"].as_str().is_some_and(|it| it.contains("`--url`")), "{answer:?}");
    assert_eq!(serving.node("compute")["step"], "", "nothing has begun");
    // Packages are no secret, and a lab's `package_cache` may name this machine otherwise.
    let answer = asked("/packages/", "Host: cache.example.org:8080\r\n");
    assert!(answer.status == 200 && answer.text().contains("extras\n"), "{answer:?}");
    for host in ["lab.example.org", "lab.example.org:8081", "LOCALHOST:1", "[::1]", "192.0.2.7"] {
        let answer = asked(&boot, &format!("Host: {host}\r\n"));
        assert!(answer.status == 200 && answer.text().contains("inst.ks="), "{host} {answer:?}");
    }
    // GRUB and iPXE of long ago say none, and they are no browsers.
    let old = format!("GET {boot} HTTP/1.0\r\n\r\n");
    let answer = crate::client::raw(serving.address, old.as_bytes()).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
}
