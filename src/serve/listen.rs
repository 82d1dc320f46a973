//! Connections: how many, how long, and what no installer ever sends.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower_service::Service as _;

use super::moving::Moving;
use super::rates::Rates;
use super::tls::{self, Tls};
use super::{Server, receive, wrong};

/// How long a request may take to arrive.
const REQUEST: Duration = Duration::from_secs(10);
/// How long one may take that has a body: to arrive, and to be answered.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a connection may stand still in both directions.
const STILL: Duration = Duration::from_secs(30);
/// Bytes of a request's line and headers.
const HEADERS: usize = 16 << 10;
/// How many headers: an installer sends one an interface.
const MOST_HEADERS: usize = 100;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Marks what is asked by TLS.
#[derive(Clone, Copy, Debug)]
pub struct ByTls;

/// Who may come in, and how.
pub struct Door {
    /// How much one address may have.
    pub rates: Arc<Rates>,
    /// By TLS as well, where there is such.
    pub tls: Option<Tls>,
    /// Who takes logs, where somebody does.
    pub logs: Option<Arc<Server>>,
}

/// Answers whoever connects, for ever: with HTTP, or by taking its log.
pub async fn accept(listener: TcpListener, app: Router, door: Arc<Door>) {
    let room = Arc::new(Semaphore::new(door.rates.connections()));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, address)) => {
                let Some(held) = door.rates.connect(address.ip()) else { continue };
                let (app, door) = (app.clone(), Arc::clone(&door));
                tokio::spawn(async move {
                    let _held = held;
                    let first = first_byte(&stream).await;
                    match (first, &door.tls, &door.logs) {
                        (Some(first), _, Some(server)) if receive::is_log(first) => {
                            drop(permit);
                            receive::connection(Arc::clone(server), stream, address.ip()).await;
                        }
                        (Some(tls::HANDSHAKE), Some(tls), _) => {
                            let _ = stream.set_nodelay(true);
                            if let Some(stream) = tls.begin(stream, REQUEST).await {
                                serve(stream, Peer(address), Some(ByTls), app).await;
                            }
                            drop(permit);
                        }
                        (Some(_), ..) => {
                            let _ = stream.set_nodelay(true);
                            serve(stream, Peer(address), None, app).await;
                            drop(permit);
                        }
                        (None, ..) => {}
                    }
                });
            }
            // No more files: some will be closed soon.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// What it begins with, where it begins in time.
async fn first_byte(stream: &TcpStream) -> Option<u8> {
    let mut first = [0];
    let peeked = tokio::time::timeout(REQUEST, stream.peek(&mut first)).await;
    (peeked.ok()?.ok()? == 1).then_some(first[0])
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: Peer,
    tls: Option<ByTls>,
    app: Router,
) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let mut app = app.clone();
        let is_api = wrong::is_api(request.uri().path());
        let answer = async move {
            // Nothing here is sent in chunks, and what is both says two things.
            if request.headers().contains_key(header::TRANSFER_ENCODING) {
                let mut response = StatusCode::LENGTH_REQUIRED.into_response();
                response
                    .headers_mut()
                    .insert(header::CONNECTION, header::HeaderValue::from_static("close"));
                return Ok::<_, Infallible>(response);
            }
            let has_body = request.method() == Method::POST;
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            if let Some(by_tls) = tls {
                request.extensions_mut().insert(by_tls);
            }
            let answer = app.call(request);
            if !has_body {
                return answer.await;
            }
            // Who sends it byte by byte is not waited for.
            let answered = tokio::time::timeout(ANSWER, answer).await;
            answered.unwrap_or_else(|_| Ok(StatusCode::REQUEST_TIMEOUT.into_response()))
        };
        async move {
            let answer = answer.await?;
            Ok::<_, Infallible>(if is_api { wrong::in_form(answer).await } else { answer })
        }
    });
    let mut connections = http1::Builder::new();
    connections.timer(TokioTimer::new()).header_read_timeout(REQUEST);
    connections.max_buf_size(HEADERS).max_headers(MOST_HEADERS);
    // GRUB knows the names of headers only as they are usually written.
    connections.title_case_headers(true);
    // What goes wrong on a connection, its other end knows.
    let _ = connections.serve_connection(TokioIo::new(Moving::new(stream, STILL)), answer).await;
}
