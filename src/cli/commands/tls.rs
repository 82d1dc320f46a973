use std::net::SocketAddr;

use anyhow::{Result, bail};

use crate::cli::ServeArgs;
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::serve::{Folder, ServeError, Tls};

/// Refuses what cannot be meant together, before anything is read.
pub(super) fn check(args: &ServeArgs) -> Result<()> {
    let is_by_tls = args.tls.tls || args.tls.tls_cert.is_some();
    if args.url.as_ref().is_some_and(|url| url.starts_with("https:")) && !is_by_tls {
        bail!(Failure::new(
            exit::USAGE,
            "`--url https://…` needs `--tls`, or `--tls-cert` and `--tls-key`, beside it"
        ));
    }
    if args.seeds && args.tls.tls && args.tls.tls_cert.is_none() {
        bail!(Failure::new(
            exit::USAGE,
            "`--seeds` with `--tls` would give nobody a seed: the cloud-init of CentOS 7 cannot be told this server's own certificate before it has one; `--tls-cert` and `--tls-key` give one that the image trusts already"
        ));
    }
    Ok(())
}

/// With what is served by TLS; nothing where nobody wants it.
pub(super) fn wanted(
    args: &ServeArgs,
    folder: &Folder,
    lab: &str,
    url: &str,
    listen: SocketAddr,
    ui: &Ui,
) -> Result<Option<Tls>, ServeError> {
    if let Some((certificate, key)) = args.tls.tls_cert.as_ref().zip(args.tls.tls_key.as_ref()) {
        return Ok(Some(Tls::given(certificate, key, url)?));
    }
    if !args.tls.tls {
        return Ok(None);
    }
    let (tls, why): (Tls, Option<String>) = Tls::made(folder, lab, url, listen)?;
    if let Some(why) = why {
        let path = folder.tls_certificate();
        ui.note(format!("the certificate `{}` was made anew: {why}", path.display()));
    }
    Ok(Some(tls))
}
