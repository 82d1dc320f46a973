//! Package repositories, passed on: each file is brought once, however many nodes ask for it, and sent to them while it comes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use http_body::Frame;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, mpsc, watch};

use super::listen::{self, Door};
use super::range::{self, Span};
use super::rates::{self, Rates};
use super::sent::{CHUNK, Part, Sent};
use super::{ServeError, complain};
use crate::base_image::{Event, FetchError};
use crate::digest::Digest;
use crate::packages::{Found, INDEX, Item, Packages, PackagesError};

/// How many files are brought at once: yum asks for five.
const TRANSFERS: usize = 16;
/// Bytes of the largest file that is sent only when all of it is right, so that nothing of a wrong one is, and why is told in words. At the
/// 10 kB a second below which yum gives a mirror up, it takes no longer than the half minute that yum waits.
const HELD: u64 = 256 << 10;
/// Bytes of small files that are held in memory, and how long before they are looked for on the disk again. Most packages are small, and to
/// find, open and read one takes more than to send it.
const HOT: usize = 32 << 20;
const COOLS: Duration = Duration::from_secs(300);
/// How long somebody waits for what has not come: less than yum does (30 s), and than a connection may stand still, so that words come.
const WAIT: Duration = Duration::from_secs(25);
/// How long the same trouble is not told again.
const QUIET: Duration = Duration::from_secs(60);

/// Repositories that are passed on.
pub struct Passed {
    packages: Packages,
    /// Files on their way.
    ways: Mutex<HashMap<Digest, watch::Receiver<Way>>>,
    transfers: Arc<Semaphore>,
    /// Small files that were sent a moment ago.
    hot: Mutex<Hot>,
    /// Who brings metadata, of each repository.
    asking: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// What was told, and when.
    told: Mutex<HashMap<String, Instant>>,
}

/// Small files in memory, and since when.
#[derive(Default)]
struct Hot {
    files: HashMap<Digest, (Bytes, Instant)>,
    bytes: usize,
}

impl Hot {
    fn get(&self, sha256: Digest) -> Option<Bytes> {
        let (bytes, since) = self.files.get(&sha256)?;
        (since.elapsed() < COOLS).then(|| bytes.clone())
    }

    fn add(&mut self, sha256: Digest, bytes: Bytes) {
        if self.bytes + bytes.len() > HOT {
            *self = Self::default();
        }
        self.bytes += bytes.len();
        if let Some((before, _)) = self.files.insert(sha256, (bytes, Instant::now())) {
            self.bytes -= before.len();
        }
    }
}

/// How far a file is.
#[derive(Clone)]
enum Way {
    /// Nothing has come.
    Begun,
    /// So many bytes of it lie where it is put together.
    Coming(u64),
    /// It is right, and lies there.
    Kept(PathBuf),
    /// It cannot be had.
    Failed(Arc<PackagesError>),
}

/// Why somebody gets nothing now.
enum Refused {
    /// It cannot be had.
    For(Arc<PackagesError>),
    /// It takes longer than who asks would wait.
    Late,
}

impl From<PackagesError> for Refused {
    fn from(error: PackagesError) -> Self {
        Self::For(Arc::new(error))
    }
}

/// Passes repositories on, and does nothing else, until the person asks to stop. `ready` is called when it listens, with the address.
///
/// # Errors
/// It cannot listen; or the person asked to stop.
pub fn serve_packages(
    packages: Packages,
    address: SocketAddr,
    rate: u32,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    super::run_until_interrupted(async {
        let (listener, bound) = super::bind(address).await?;
        ready(bound);
        let rates = Arc::new(Rates::new(rate));
        let app = routes(packages).layer(from_fn_with_state(Arc::clone(&rates), rates::limit));
        let door = Door { rates, tls: None, logs: None };
        listen::accept(listener, app, Arc::new(door)).await;
        Ok(())
    })
}

/// What is asked of repositories. There is no secret in it.
pub(super) fn routes<S>(packages: Packages) -> Router<S> {
    let passed = Passed {
        packages,
        ways: Mutex::default(),
        transfers: Arc::new(Semaphore::new(TRANSFERS)),
        hot: Mutex::default(),
        asking: Mutex::default(),
        told: Mutex::default(),
    };
    Router::new()
        .route("/packages/", get(list))
        .route("/packages/{repository}/{*path}", get(file))
        .with_state(Arc::new(passed))
}

/// Which repositories there are, a line each.
async fn list(State(passed): State<Arc<Passed>>) -> String {
    passed.packages.repositories().map(|it| format!("{}\n", it.id)).collect()
}

async fn file(
    State(passed): State<Arc<Passed>>,
    Path((repository, path)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let until = Instant::now() + WAIT;
    let answered = match passed.look(&repository, &path, until).await {
        Ok(Found::Index(index)) => {
            let (pin, text) = (index.pin(), Bytes::from(index.text().to_owned()));
            let tag = tag(pin.sha256);
            let sent =
                Sent { path: INDEX, size: text.len() as u64, tag: &tag, modified: &pin.when };
            Ok(sent.answer(&method, &headers, |span| Ok(part_of(&text, span))))
        }
        Ok(Found::File(index, item)) => {
            passed.answer(&item, &index.pin().when, &method, &headers, until).await
        }
        Err(refused) => Err(refused),
    };
    answered.unwrap_or_else(|refused| match refused {
        Refused::For(error) => passed.refused(&repository, &path, &error),
        Refused::Late => {
            let headers = [(header::RETRY_AFTER, WAIT.as_secs().to_string())];
            (StatusCode::GATEWAY_TIMEOUT, headers, "it is still being brought: ask again\n")
                .into_response()
        }
    })
}

/// A part of what is in memory.
fn part_of(bytes: &Bytes, span: Span) -> Body {
    let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(at(span.first)..at(span.first.saturating_add(span.length))).into()
}

/// What names these bytes, and no others.
fn tag(sha256: Digest) -> String {
    format!("\"{}\"", &sha256.to_string()[..32])
}

impl Passed {
    /// What a repository has there. Where somebody has to be asked, one at a time does.
    async fn look(
        self: &Arc<Self>,
        id: &str,
        path: &str,
        until: Instant,
    ) -> Result<Found, Refused> {
        if let Some(found) = self.packages.known(id, path)? {
            return Ok(found);
        }
        let asking = Arc::clone(lock(&self.asking).entry(id.to_owned()).or_default());
        let (passed, id, path) = (Arc::clone(self), id.to_owned(), path.to_owned());
        let looked = async move {
            let turn = asking.lock_owned().await;
            // It goes on where nobody waits any more: the next one finds what came of it.
            let looked = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                passed.packages.look(&id, &path)
            });
            looked.await.unwrap_or_else(|_| Err(stopped()))
        };
        let looked = tokio::time::timeout_at(until.into(), looked).await;
        Ok(looked.map_err(|_| Refused::Late)??)
    }

    /// Sends a file: as it is kept, or as it comes.
    async fn answer(
        self: &Arc<Self>,
        item: &Arc<Item>,
        modified: &str,
        method: &Method,
        headers: &HeaderMap,
        until: Instant,
    ) -> Result<Response, Refused> {
        let tag = tag(item.sha256);
        let sent = |size| Sent { path: &item.file, size, tag: &tag, modified };
        let of_bytes = |bytes: Bytes| {
            sent(bytes.len() as u64).answer(method, headers, |span| Ok(part_of(&bytes, span)))
        };
        if let Some(bytes) = lock(&self.hot).get(item.sha256) {
            return Ok(of_bytes(bytes));
        }
        let kept = |path: PathBuf| -> Result<Response, PackagesError> {
            if item.size <= CHUNK as u64 {
                let read = tokio::task::block_in_place(|| std::fs::read(&path));
                let bytes = Bytes::from(read.map_err(|source| PackagesError::Io { path, source })?);
                lock(&self.hot).add(item.sha256, bytes.clone());
                return Ok(of_bytes(bytes));
            }
            let opened = tokio::task::block_in_place(|| {
                let file = File::open(&path)?;
                let size = file.metadata()?.len();
                Ok((file, size))
            });
            let (file, size) = opened.map_err(|source| PackagesError::Io { path, source })?;
            let body = |span| Ok(Body::new(Part::of(file, span)?));
            Ok(sent(size).answer(method, headers, body))
        };
        // Somebody may have removed it a moment ago: then it is brought anew.
        if let Some(path) = tokio::task::block_in_place(|| self.packages.find(item))
            && let Ok(response) = kept(path)
        {
            return Ok(response);
        }
        let is_asked = method == Method::GET && !range::is_unchanged(headers, &tag, modified);
        if !is_asked {
            return Ok(sent(item.size).answer(method, headers, |_| Ok(Body::empty())));
        }
        // A part of it, or a small one, is sent when all of it is right.
        let is_held = item.size <= HELD || headers.contains_key(header::RANGE);
        let mut way = self.bring(item);
        loop {
            let now = way.borrow_and_update().clone();
            match now {
                Way::Kept(path) => return Ok(kept(path)?),
                Way::Failed(error) => return Err(Refused::For(error)),
                Way::Coming(1..) if !is_held => {
                    let part = self.packages.part(item);
                    let body = |_| Ok(Body::new(Coming::of(way, part, item)));
                    return Ok(sent(item.size).answer(method, headers, body));
                }
                _ => {}
            }
            let changed = tokio::time::timeout_at(until.into(), way.changed()).await;
            changed.map_err(|_| Refused::Late)?.map_err(|_| stopped())?;
        }
    }

    /// Begins to bring a file, unless somebody else has.
    fn bring(self: &Arc<Self>, item: &Arc<Item>) -> watch::Receiver<Way> {
        let mut ways = lock(&self.ways);
        if let Some(way) = ways.get(&item.sha256) {
            return way.clone();
        }
        let (tell, way) = watch::channel(Way::Begun);
        ways.insert(item.sha256, way.clone());
        let (passed, item) = (Arc::clone(self), Arc::clone(item));
        tokio::spawn(async move {
            let turn = Arc::clone(&passed.transfers).acquire_owned().await;
            let (ways, sha256) = (Arc::clone(&passed), item.sha256);
            {
                let mut ways = lock(&passed.ways);
                // Whoever asked for it has gone: nobody else waits for that.
                if tell.receiver_count() == 1 {
                    ways.remove(&sha256);
                    return;
                }
            }
            let done = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let mut told = |event: Event| {
                    if let Event::Got { done, .. } = event {
                        tell.send_replace(Way::Coming(done));
                    }
                };
                let end = match passed.packages.bring(&item, &mut told) {
                    Ok(path) => Way::Kept(path),
                    Err(error) => Way::Failed(Arc::new(error)),
                };
                // Who comes from now on finds it, or begins anew.
                lock(&passed.ways).remove(&item.sha256);
                tell.send_replace(end);
            });
            if done.await.is_err() {
                lock(&ways.ways).remove(&sha256);
            }
        });
        way
    }

    /// Tells who asks, and here, why there is nothing.
    fn refused(&self, repository: &str, path: &str, error: &PackagesError) -> Response {
        let (status, what) = match error {
            PackagesError::NoRepository { .. }
            | PackagesError::NotListed { .. }
            | PackagesError::NotLocked { .. } => {
                return (StatusCode::NOT_FOUND, format!("{error}\n")).into_response();
            }
            PackagesError::Fetch(FetchError::Interrupted(_)) => {
                return (StatusCode::SERVICE_UNAVAILABLE, "this server ends\n").into_response();
            }
            // Where it lies here is nobody's business elsewhere.
            PackagesError::Io { .. }
            | PackagesError::Budget { .. }
            | PackagesError::Fetch(
                FetchError::Full { .. } | FetchError::NoSpace { .. } | FetchError::Io { .. },
            ) => (StatusCode::INSUFFICIENT_STORAGE, "this server cannot keep it\n".to_owned()),
            PackagesError::NoIndex { .. }
            | PackagesError::Changed { .. }
            | PackagesError::Fetch(FetchError::NoMirror { .. }) => {
                (StatusCode::BAD_GATEWAY, format!("{error}\n"))
            }
            _ => (StatusCode::BAD_GATEWAY, "this server cannot bring it\n".to_owned()),
        };
        let (now, text) = (Instant::now(), error.to_string());
        let mut told = lock(&self.told);
        told.retain(|_, when| now.duration_since(*when) < QUIET);
        if let Entry::Vacant(told) = told.entry(text) {
            // What was asked for is somebody else's words.
            let (repository, path) = (repository.escape_debug(), path.escape_debug());
            complain(&format!("/packages/{repository}/{path}: {}", told.key()));
            told.insert(now);
        }
        (status, what).into_response()
    }
}

fn stopped() -> PackagesError {
    PackagesError::Fetch(FetchError::Interrupted(crate::interrupt::Interrupted))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that is sent while it comes. Its end is held back until all of it is known to be right, so nobody is given a wrong one as a
/// whole: the connection breaks off instead.
struct Coming(mpsc::Receiver<io::Result<Bytes>>);

impl Coming {
    fn of(way: watch::Receiver<Way>, part: PathBuf, item: &Item) -> Self {
        let (sender, receiver) = mpsc::channel(2);
        let (sha256, size) = (item.sha256, item.size);
        tokio::spawn(async move {
            if let Err(error) = follow(way, part, sha256, size, &sender).await {
                // Who has gone is told nothing.
                let _ = sender.send(Err(error)).await;
            }
        });
        Self(receiver)
    }
}

/// Sends what has come, until all has.
async fn follow(
    mut way: watch::Receiver<Way>,
    part: PathBuf,
    sha256: Digest,
    size: u64,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let (mut hash, mut at) = (Sha256::new(), 0);
    let mut file = None;
    while at < size {
        let now = way.borrow_and_update().clone();
        let is_all = matches!(now, Way::Kept(_));
        let until = match now {
            Way::Begun => 0,
            Way::Coming(done) => {
                // It is elsewhere as soon as it is right.
                file = file.or_else(|| File::open(&part).ok());
                done.min(size)
            }
            Way::Kept(path) => {
                file = Some(File::open(path)?);
                size
            }
            Way::Failed(error) => return Err(io::Error::other(error.to_string())),
        };
        while at < until
            && let Some(file) = &mut file
        {
            let bytes = tokio::task::block_in_place(|| read(file, at, until))?;
            if bytes.is_empty() {
                // A mirror has sent something else, and it begins anew.
                break;
            }
            hash.update(&bytes);
            at += bytes.len() as u64;
            // So nobody has the whole of a wrong one.
            if at == size && Digest::from_hash(hash.clone()) != sha256 {
                return Err(io::Error::other("what was sent before has turned out to be wrong"));
            }
            if sender.send(Ok(bytes)).await.is_err() {
                return Ok(());
            }
        }
        if is_all && at < size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if at < size && way.changed().await.is_err() {
            return Err(io::Error::other("this server ends"));
        }
    }
    Ok(())
}

/// What there is from one byte on, before another.
fn read(file: &mut File, at: u64, until: u64) -> io::Result<Bytes> {
    let size = usize::try_from(until - at).unwrap_or(usize::MAX).min(CHUNK);
    let mut bytes = Vec::with_capacity(size);
    file.seek(SeekFrom::Start(at))?;
    file.take(size as u64).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

impl http_body::Body for Coming {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|came| came.map(|bytes| bytes.map(Frame::data)))
    }
}
