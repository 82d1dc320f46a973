//! The same bytes under another name: nobody is asked for them again.

use std::fs;

use super::{Event, Evidence, FetchError, Place, Proof, Told, cache, file_name};
use crate::digest::Digest;

/// Takes an image from beside its place, where one with its digest lies under another name: by a second name of the same file, or else
/// by a copy of it. Tells what was recorded of it now; nothing where there is none. With `verify`, no record is believed.
pub(super) fn take(
    place: &Place,
    sha256: Digest,
    evidence: &Evidence,
    verify: bool,
    tell: &mut Told,
) -> Result<Option<Proof>, FetchError> {
    let Some(folder) = place.image.parent() else { return Ok(None) };
    for (_, path) in cache::list(folder)? {
        let twin = place.named(&file_name(&path));
        let Some(proof) = Proof::of(&twin).filter(|proof| proof.sha256 == sha256) else { continue };
        let hash = |path, tell: &mut Told| {
            let of = proof.size();
            let found = Digest::of_file(path, |done| tell(Event::Read { done, of }));
            found.map_err(FetchError::undigested(path))
        };
        if verify && hash(&twin.image, tell)? != sha256 {
            continue;
        }
        if fs::hard_link(&twin.image, &place.image).is_err() {
            // Some file systems know no second names. A copy is proved as a download is.
            cache::make_folder(&place.part)?;
            let copied =
                fs::copy(&twin.image, &place.part).is_ok() && hash(&place.part, tell)? == sha256;
            if !copied {
                cache::remove(&place.part)?;
                continue;
            }
            fs::rename(&place.part, &place.image).map_err(FetchError::io(&place.image))?;
            cache::remove(&place.notes)?;
        }
        tell(Event::Twin(&twin.image));
        return Proof::record(place, sha256, evidence.clone(), proof.from).map(Some);
    }
    Ok(None)
}
