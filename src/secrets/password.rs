//! Password hashes as kickstart and cloud-init take them.

use sha_crypt::{PasswordHasher, ShaCrypt};

/// SHA-512-crypt (`$6$`), with 5000 rounds and the salt given, of which at most 12 bytes count
/// (crypt(5) knows 16 characters of salt).
pub fn sha512_crypt(password: &str, salt: &str) -> String {
    let salt = salt.as_bytes();
    ShaCrypt::SHA512
        .hash_password_with_salt(password.as_bytes(), &salt[..salt.len().min(12)])
        .map(|hash| hash.to_string())
        .expect("SHA-512-crypt takes any password and any salt of up to 12 bytes")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_system_computes_the_same_hash() {
        let hash = sha512_crypt("correct horse", "0123456789abcdef");
        let salt = hash.split('$').nth(3).expect("a salt");
        assert_eq!(salt.len(), 16);
        let openssl = Command::new("openssl")
            .args(["passwd", "-6", "-salt", salt, "correct horse"])
            .output()
            .expect("openssl is there");
        let theirs = String::from_utf8(openssl.stdout).expect("text");
        assert_eq!(hash.replace("rounds=5000$", ""), theirs.trim());
    }
}
