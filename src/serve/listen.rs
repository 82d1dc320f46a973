//! Connections: how many, how long, and what no installer ever sends.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep};
use tower_service::Service as _;

use super::{Server, receive};

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

/// Answers whoever connects, for ever: with HTTP, or by taking its log.
pub async fn accept(listener: TcpListener, app: Router, server: Arc<Server>) {
    let room = Arc::new(Semaphore::new(server.rates.connections()));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, address)) => {
                let Some(held) = server.rates.connect(address.ip()) else { continue };
                let (app, server) = (app.clone(), Arc::clone(&server));
                tokio::spawn(async move {
                    let _held = held;
                    match first_byte(&stream).await {
                        Some(first) if receive::is_log(first) => {
                            drop(permit);
                            receive::connection(server, stream, address.ip()).await;
                        }
                        Some(_) => {
                            serve(stream, Peer(address), app).await;
                            drop(permit);
                        }
                        None => {}
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

async fn serve(stream: TcpStream, peer: Peer, app: Router) {
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request: Request<Incoming>| {
        let mut app = app.clone();
        async move {
            // Nothing here is sent in chunks, and what is both says two things.
            if request.headers().contains_key(header::TRANSFER_ENCODING) {
                let mut response = StatusCode::LENGTH_REQUIRED.into_response();
                response
                    .headers_mut()
                    .insert(header::CONNECTION, header::HeaderValue::from_static("close"));
                return Ok(response);
            }
            let has_body = request.method() == Method::POST;
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let answer = app.call(request);
            if !has_body {
                return answer.await;
            }
            // Who sends it byte by byte is not waited for.
            let answered = tokio::time::timeout(ANSWER, answer).await;
            answered.unwrap_or_else(|_| Ok(StatusCode::REQUEST_TIMEOUT.into_response()))
        }
    });
    let mut connections = http1::Builder::new();
    connections.timer(TokioTimer::new()).header_read_timeout(REQUEST);
    connections.max_buf_size(HEADERS).max_headers(MOST_HEADERS);
    // GRUB knows the names of headers only as they are usually written.
    connections.title_case_headers(true);
    // What goes wrong on a connection, its other end knows.
    let _ = connections.serve_connection(TokioIo::new(Moving::new(stream)), answer).await;
}

/// A connection that ends when it stands still for too long.
struct Moving {
    stream: TcpStream,
    still: Pin<Box<Sleep>>,
}

impl Moving {
    fn new(stream: TcpStream) -> Self {
        Self { stream, still: Box::pin(tokio::time::sleep(STILL)) }
    }

    /// What came of reading or writing, or that nothing has come of either for too long.
    fn watch<T>(
        &mut self,
        done: Poll<io::Result<T>>,
        context: &mut Context,
    ) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.still.as_mut().reset(Instant::now() + STILL);
            return done;
        }
        match self.still.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Moving {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(done, context)
    }
}

impl AsyncWrite for Moving {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(done, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        parts: &[io::IoSlice],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(done, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
