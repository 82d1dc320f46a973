//! Renders a lab of N nodes in memory, as `render` does, and prints seconds, bytes and the largest memory.
//!
//! usage: render N

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark stops at whatever goes wrong")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use trainyard::report::{Findings, Source};
use trainyard::secrets::{Secrets, Wanted};
use trainyard::stack::Catalogue;
use trainyard::{model, plan, render, spec};

fn main() {
    let count: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1000);
    let text = lab(count);
    let catalogue = Catalogue::built_in().unwrap();
    let names: Vec<String> = std::iter::once("controller".to_owned())
        .chain((1..count).map(|i| format!("compute{i}")))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let logins = [plan::ROOT_PASSWORD, plan::USER_PASSWORD];
    let wanted = Wanted::new(catalogue.secrets.clone(), &logins, Some(&names));
    let secrets = Secrets::stand_in(&wanted);
    let began = Instant::now();
    let mut findings = Findings::default();
    let source = Source { name: "lab.yaml".into(), path: "lab.yaml".into(), text: text.into() };
    let (sources, spec) = spec::parse(source, &mut findings);
    let lab = model::resolve(&spec.unwrap(), &sources, &mut findings);
    let read = began.elapsed();
    let plan = plan::make(&lab, &catalogue, &mut findings).unwrap();
    let plan = plan.unwrap_or_else(|| panic!("{:#?}", findings.sorted()));
    let planned = began.elapsed();
    let mut bytes = 0;
    let mut renderer = render::Renderer::new(&plan, &secrets);
    for node in &plan.nodes {
        let files = renderer.render(node).unwrap();
        bytes += files.files().iter().map(|(_, text)| text.len()).sum::<usize>();
    }
    let done = began.elapsed();
    assert_eq!(plan.nodes.len(), count);
    println!(
        "{}",
        serde_json::json!({
            "nodes": count,
            "bytes": bytes,
            "seconds": done.as_secs_f64(),
            "read": read.as_secs_f64(),
            "plan": planned.checked_sub(read).unwrap().as_secs_f64(),
            "render": done.checked_sub(planned).unwrap().as_secs_f64(),
            "peak_kib": peak_kib(),
        })
    );
}

/// A controller and computes, each with its address.
fn lab(count: usize) -> String {
    let mut text = String::from(
        "networks: {management: {cidr: 10.0.0.0/16}}\nnodes:\n  controller: {role: controller, address: 10.0.0.11}\n",
    );
    for i in 1..count {
        let (third, fourth) = (1 + i / 250, 1 + i % 250);
        let _ = writeln!(text, "  compute{i}: {{role: compute, address: 10.0.{third}.{fourth}}}");
    }
    text
}

/// The most memory that this process has held, by the kernel's account.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let values: BTreeMap<_, _> = status.lines().filter_map(|line| line.split_once(':')).collect();
    let peak = values.get("VmHWM").and_then(|v| v.trim().split(' ').next()?.parse().ok());
    peak.unwrap_or(0)
}
