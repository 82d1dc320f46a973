//! Boot loaders for firmware that has no iPXE: where distributions put them, and the folder that TFTP gives them from.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Dhcp, DhcpError, Loader, Places};
use crate::medium::Medium;
use crate::render::boot_menu::grub_net;

/// A boot loader of the distribution's.
struct Packaged {
    /// Its file there; where they differ, the name of each.
    names: &'static [&'static str],
    /// Folders that it is in: Debian's and its kin's first, then Fedora's.
    folders: &'static [&'static str],
    purpose: &'static str,
    hint: &'static str,
    option: Option<&'static str>,
}

const IPXE: &[&str] = &["/usr/lib/ipxe", "/usr/share/ipxe"];
const IPXE_HINT: &str = "Debian: the package `ipxe`; Fedora: `ipxe-bootimgs-x86`";
const IPXE_OPTION: Option<&str> = Some("--ipxe DIR");

const IPXE_BIOS: Packaged = Packaged {
    names: &["undionly.kpxe"],
    folders: IPXE,
    purpose: "to give iPXE to machines with BIOS",
    hint: IPXE_HINT,
    option: IPXE_OPTION,
};
/// The one that uses the firmware's own driver comes first: it drives every card that the firmware has booted from.
const IPXE_UEFI: Packaged = Packaged {
    names: &["snponly.efi", "ipxe-snponly-x86_64.efi", "ipxe.efi"],
    folders: IPXE,
    purpose: "to give iPXE to machines with UEFI",
    hint: IPXE_HINT,
    option: IPXE_OPTION,
};
const PXELINUX: Packaged = Packaged {
    names: &["lpxelinux.0"],
    folders: &["/usr/lib/PXELINUX", "/usr/share/syslinux", "/tftpboot"],
    purpose: "to boot machines with BIOS without iPXE",
    hint: "Debian: the package `pxelinux`; Fedora: `syslinux-nonlinux`",
    option: None,
};
const LDLINUX: Packaged = Packaged {
    names: &["ldlinux.c32"],
    folders: &["/usr/lib/syslinux/modules/bios", "/usr/share/syslinux"],
    purpose: "by PXELINUX",
    hint: "Debian: the package `syslinux-common`; Fedora: `syslinux-nonlinux`",
    option: None,
};

/// What the medium's own shim is below TFTP's folder, from which it finds GRUB, and GRUB its configuration.
const SHIM: &str = "EFI/BOOT/BOOTX64.EFI";
const GRUB: &str = "EFI/BOOT/grubx64.efi";
const GRUB_CONFIGURATION: &str = "EFI/BOOT/grub.cfg";
/// Bytes of either; the real ones have 1.2 MB.
const LARGEST: u64 = 16 << 20;

impl Packaged {
    fn find(&self, folder: Option<&Path>) -> Result<PathBuf, DhcpError> {
        let places: Vec<PathBuf> = match folder {
            Some(folder) => vec![folder.to_owned()],
            None => self.folders.iter().map(PathBuf::from).collect(),
        };
        let all = places.iter().flat_map(|place| self.names.iter().map(|name| place.join(name)));
        all.into_iter().find(|path| path.is_file()).ok_or_else(|| DhcpError::NoLoader {
            name: self.names[0],
            purpose: self.purpose,
            places: places.clone(),
            hint: self.hint,
            option: self.option,
        })
    }
}

/// What PXELINUX loads first, by HTTP.
#[must_use]
pub fn ldlinux() -> Option<PathBuf> {
    LDLINUX.find(None).ok()
}

/// The boot loaders for BIOS and UEFI.
#[derive(Clone, Debug)]
pub struct Loaders {
    files: Vec<PathBuf>,
    bios: String,
    uefi: String,
}

impl Loaders {
    /// Finds those of the distribution, or, iPXE's, in this folder.
    ///
    /// # Errors
    /// One is missing.
    pub fn find(loader: Loader, ipxe: Option<&Path>) -> Result<Self, DhcpError> {
        let name = |path: &Path| {
            path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
        };
        match loader {
            Loader::Ipxe => {
                let (bios, uefi) = (IPXE_BIOS.find(ipxe)?, IPXE_UEFI.find(ipxe)?);
                let (first, second) = (name(&bios), name(&uefi));
                Ok(Self { files: vec![bios, uefi], bios: first, uefi: second })
            }
            Loader::Grub => {
                let bios = PXELINUX.find(None)?;
                LDLINUX.find(None)?;
                let first = name(&bios);
                Ok(Self { files: vec![bios], bios: first, uefi: SHIM.into() })
            }
        }
    }

    /// Where a person puts them who runs dnsmasq himself: iPXE's are together already. What is not there is where it would be.
    #[must_use]
    pub fn by_hand(loader: Loader, ipxe: Option<&Path>) -> Places {
        let found = Self::find(loader, ipxe).unwrap_or_else(|_| {
            let (bios, uefi) = match loader {
                Loader::Ipxe => (IPXE_BIOS.names[0], IPXE_UEFI.names[0]),
                Loader::Grub => (PXELINUX.names[0], SHIM),
            };
            let folder = ipxe.unwrap_or(Path::new(IPXE[0]));
            Self { files: vec![folder.join(bios)], bios: bios.into(), uefi: uefi.into() }
        });
        let folder = match loader {
            Loader::Ipxe => found.files.first().and_then(|it| it.parent()),
            Loader::Grub => None,
        };
        Places {
            tftp: folder.unwrap_or(Path::new("/srv/tftp")).to_owned(),
            bios: found.bios,
            uefi: found.uefi,
            leases: "/var/lib/misc/trainyard.leases".into(),
            hosts: None,
        }
    }

    /// Lays them out below a folder that everyone may read, since dnsmasq is another user by then.
    ///
    /// # Errors
    /// A file cannot be written, or the medium has no GRUB that would do.
    pub fn lay_out(
        &self,
        dhcp: &Dhcp,
        medium: &Medium,
        tftp: PathBuf,
        leases: PathBuf,
    ) -> Result<Places, DhcpError> {
        open_folder(&tftp)?;
        for file in &self.files {
            let to = tftp.join(file.file_name().unwrap_or_default());
            fs::copy(file, &to).map_err(files(file))?;
        }
        if dhcp.loader == Loader::Grub {
            open_folder(&tftp.join("EFI"))?;
            open_folder(&tftp.join("EFI/BOOT"))?;
            let grub = medium.read(GRUB, LARGEST)?;
            if memchr::memmem::find(&grub, b"HTTP/1.1").is_none() {
                return Err(DhcpError::GrubHttp(medium.path().to_owned()));
            }
            let shim = medium.read(SHIM, LARGEST)?;
            let configuration = grub_net::who(&dhcp.url).into_bytes();
            for (name, bytes) in [(SHIM, shim), (GRUB, grub), (GRUB_CONFIGURATION, configuration)] {
                let path = tftp.join(name);
                fs::write(&path, bytes).map_err(files(&path))?;
            }
        }
        let (bios, uefi) = (self.bios.clone(), self.uefi.clone());
        Ok(Places { tftp, bios, uefi, leases, hosts: None })
    }
}

pub(super) fn files(path: &Path) -> impl Fn(std::io::Error) -> DhcpError {
    let path = path.to_owned();
    move |source| DhcpError::Files { path: path.clone(), source }
}

/// Lets everyone read a file, whatever this process's files are like.
pub(super) fn let_read(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

pub(super) fn open_folder(path: &Path) -> Result<(), DhcpError> {
    fs::create_dir_all(path).map_err(files(path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(files(path))?;
    }
    Ok(())
}
