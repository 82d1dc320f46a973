//! Keys that sign, and OpenSSH as the judge of what they have signed.

use std::fs;

use super::{Lab, judge, judged, outcome};

/// Makes an Ed25519 key of this name beside the lab.
pub fn make_key(lab: &Lab, name: &str, passphrase: &str) {
    let mut command = judge("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-C", "", "-N", passphrase, "-f"]).arg(lab.path(name));
    judged(command);
}

/// Whether ssh-keygen finds that the file of a lab was signed by this key for this.
pub fn is_signed_for(lab: &Lab, key: &str, file: &str, namespace: &str) -> bool {
    let signers = lab.path("allowed_signers");
    let public = lab.read(&format!("{key}.pub"));
    fs::write(&signers, format!("lab namespaces=\"{namespace}\" {public}")).expect("written");
    let mut command = judge("ssh-keygen");
    command.args(["-Y", "verify", "-I", "lab", "-n", namespace, "-f"]).arg(signers);
    command.arg("-s").arg(lab.path(&format!("{file}.sig")));
    command.stdin(fs::File::open(lab.path(file)).expect("the file"));
    outcome(command).status == 0
}

/// The same, for what trainyard signs for.
pub fn is_signed(lab: &Lab, key: &str, file: &str) -> bool {
    is_signed_for(lab, key, file, "trainyard")
}
