//! The digest of an image that only a signed list beside it tells.

use std::time::SystemTime;

use reqwest::Url;
use reqwest::blocking::Client;

use super::answer::{Next, Trouble, refusal};
use super::client::{self, LONGEST, Small, shown, wait};
use super::{Event, Evidence, FetchError, Network, Signer, Told, Tried, Wanted, digest_in, signed};
use crate::digest::Digest;

/// The largest signed list: real ones have a dozen lines.
const LARGEST: u64 = 1 << 20;

/// Asks for the lists that stand beside the image, until one is believed. Whoever may do better is asked again, after a pause.
pub(super) fn digest(
    wanted: &Wanted,
    client: &Client,
    network: &Network,
    tell: &mut Told,
) -> Result<(Digest, Evidence), FetchError> {
    let Some(signer) = &wanted.signer else {
        let message = format!(
            "nothing proves `{}`: give its SHA-256 (`--sha256 HEX`), or the key that signed `{}` beside it (`--key FILE`)",
            wanted.file,
            signed::LIST
        );
        return Err(FetchError::Facts(message));
    };
    let mut lists: Vec<(Url, Option<Trouble>)> = wanted.lists().map(|url| (url, None)).collect();
    let mut is_doubted = false;
    for round in 0..=network.retries {
        for (url, trouble) in &mut lists {
            if trouble.as_ref().is_some_and(|trouble| trouble.next == Next::Elsewhere) {
                continue;
            }
            let name = shown(url);
            tell(Event::Mirror { url: &name, from: 0 });
            let limit = network.stall_time * 2;
            let list = client::small(client.get(url.clone()), LARGEST, limit)?;
            is_doubted |= list.as_ref().is_ok_and(|list| list.status.is_success());
            let found = list
                .map_err(|error| Trouble::again(error.what))
                .and_then(|list| look_up(&list, signer, &wanted.file));
            match found {
                Ok(sha256) => {
                    let key = signer.fingerprint().to_owned();
                    return Ok((sha256, Evidence::Signed { key, list: name }));
                }
                Err(found) => {
                    tell(Event::Trouble { url: &name, what: &found.what });
                    *trouble = Some(found);
                }
            }
        }
        let again = lists.iter().filter_map(|(_, trouble)| match trouble.as_ref()?.next {
            Next::Again(after) => Some(after.unwrap_or_default().min(LONGEST)),
            Next::Elsewhere => None,
        });
        let Some(asked) = again.min() else { break };
        if round < network.retries {
            wait(network.pause(round + 1).max(asked), tell)?;
        }
    }
    let may_be_had = |(_, trouble): &(Url, Option<Trouble>)| {
        trouble.as_ref().is_some_and(|trouble| trouble.next != Next::Elsewhere)
    };
    let is_network = !is_doubted && lists.iter().any(may_be_had);
    let tried = lists
        .into_iter()
        .filter_map(|(url, trouble)| Some(Tried { url: shown(&url), what: trouble?.what }));
    Err(FetchError::NoList { file: wanted.file.clone(), tried: tried.collect(), is_network })
}

/// What an answer says about a file, once it is proved.
fn look_up(answer: &Small, signer: &Signer, file: &str) -> Result<Digest, Trouble> {
    if !answer.status.is_success() {
        return Err(refusal(answer.status, &answer.headers));
    }
    if answer.body.len() as u64 == LARGEST {
        return Err(Trouble::elsewhere("is too large for a list of digests"));
    }
    let list = std::str::from_utf8(&answer.body).map_err(|_| Trouble::elsewhere("is no text"))?;
    let text = signer.verify(list, SystemTime::now());
    let text = text.map_err(|error| Trouble::elsewhere(format!("is not believed: {error}")))?;
    digest_in(&text, file).map_err(|error| Trouble::elsewhere(format!("is of no use: {error}")))
}
