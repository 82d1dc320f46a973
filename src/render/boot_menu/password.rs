//! The password of a boot menu, as the boot loaders compare it.

use std::fmt;
use std::num::NonZeroU32;

use ring::pbkdf2;

use super::BootMenuError;
use crate::secrets::sha512_crypt;

/// The name that GRUB asks for beside the password, which is the one that Red Hat's `grub2-setpassword` sets.
/// ISOLINUX asks for no name.
pub const MENU_USER: &str = "root";

/// The longest password: ISOLINUX's box takes 69 characters.
const LONGEST: usize = 64;

/// The shortest salt, in bytes.
const SHORTEST_SALT: usize = 8;

/// As many as `grub-mkpasswd-pbkdf2` makes.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");

/// What must be typed before an entry is edited, the boot loader's command line is used, or an entry that the
/// medium brought is started: its hashes, never the password. The entries that were added start without it, and
/// by themselves when there is a timeout.
///
/// It keeps people at the console from changing what starts, no more: whoever has the medium can read the hashes
/// and try passwords against them, and a machine that boots from another medium asks for nothing. The keyboard
/// is the firmware's, so where a character is on an American one is where it must be typed.
///
/// ISOLINUX knows `$6$` since 3.62, and the media have 4.05. Red Hat builds `password_pbkdf2` into the signed
/// grubx64.efi of the media; a GRUB without it and without modules beside it would refuse the command, and then
/// nobody could log in: the added entries start, everything else stays shut.
#[derive(Clone, PartialEq, Eq)]
pub struct MenuPassword {
    /// SHA-512-crypt.
    pub(super) isolinux: String,
    /// PBKDF2 with HMAC-SHA-512, as GRUB writes it.
    pub(super) grub: String,
}

impl MenuPassword {
    /// Hashes a password. The same password and salt give the same hashes every time.
    ///
    /// # Errors
    /// When the password is empty, too long, or has a character that cannot be typed at every boot loader; when
    /// the salt is shorter than 8 bytes.
    pub fn new(password: &str, salt: &str) -> Result<Self, BootMenuError> {
        let problem = if password.is_empty() {
            "it is empty"
        } else if password.len() > LONGEST {
            "it is longer than 64 characters, and ISOLINUX's box takes few more"
        } else if !password.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            "it has other characters than those of an American keyboard, and boot loaders know no other"
        } else if salt.len() < SHORTEST_SALT {
            "its salt is shorter than 8 bytes"
        } else {
            // The rounds are those that count when none are written.
            let isolinux = sha512_crypt(password, salt).replacen("rounds=5000$", "", 1);
            let grub = grub_hash(password.as_bytes(), salt.as_bytes());
            return Ok(Self { isolinux, grub });
        };
        Err(BootMenuError::BadPassword { problem })
    }
}

impl fmt::Debug for MenuPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MenuPassword").finish_non_exhaustive()
    }
}

/// As `grub-mkpasswd-pbkdf2` writes it.
fn grub_hash(password: &[u8], salt: &[u8]) -> String {
    let mut hash = [0; 64];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA512, ITERATIONS, salt, password, &mut hash);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    format!("grub.pbkdf2.sha512.{ITERATIONS}.{}.{}", hex(salt), hex(&hash))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    const PLAIN: &str = "correct 'horse' $1";

    fn password(plain: &str, salt: &str) -> Result<MenuPassword, BootMenuError> {
        MenuPassword::new(plain, salt)
    }

    #[test]
    fn isolinux_gets_what_the_system_computes() {
        let hash = password(PLAIN, "0123456789abcdef").unwrap().isolinux;
        let salt = hash.split('$').nth(2).unwrap();
        let openssl =
            Command::new("openssl").args(["passwd", "-6", "-salt", salt, PLAIN]).output().unwrap();
        assert_eq!(hash, String::from_utf8(openssl.stdout).unwrap().trim());
    }

    #[test]
    fn grub_gets_what_it_computes_itself() {
        let mut program = Command::new("grub-mkpasswd-pbkdf2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = program.stdin.take().unwrap();
        write!(input, "{PLAIN}\n{PLAIN}\n").unwrap();
        drop(input);
        let output = String::from_utf8(program.wait_with_output().unwrap().stdout).unwrap();
        let theirs = output.split_whitespace().find(|word| word.starts_with("grub.")).unwrap();
        let salt = theirs.split('.').nth(4).unwrap();
        let salt: Vec<u8> = (0..salt.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&salt[at..at + 2], 16).unwrap())
            .collect();
        assert_eq!(grub_hash(PLAIN.as_bytes(), &salt), theirs);
        let ours = password(PLAIN, "0123456789abcdef").unwrap().grub;
        assert!(ours.starts_with("grub.pbkdf2.sha512.10000.30313233343536373839616263646566."));
    }

    #[test]
    fn the_same_again_and_nothing_in_what_is_printed() {
        let made = password(PLAIN, "0123456789abcdef").unwrap();
        assert_eq!(password(PLAIN, "0123456789abcdef").unwrap(), made);
        assert_ne!(password(PLAIN, "another salt").unwrap(), made);
        assert_eq!(format!("{made:?}"), "MenuPassword { .. }");
    }

    #[test]
    fn what_is_refused() {
        let long = "x".repeat(65);
        for (plain, salt, problem) in [
            ("", "12345678", "empty"),
            (&*long, "12345678", "longer than 64"),
            ("geheim\u{fc}", "12345678", "American keyboard"),
            ("tab\there", "12345678", "American keyboard"),
            ("secret", "1234567", "salt"),
        ] {
            let error = password(plain, salt).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
            assert!(plain.is_empty() || !error.contains(plain), "{error}");
        }
        assert!(password(&long[1..], "12345678").is_ok());
    }
}
