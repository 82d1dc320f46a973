//! Mirrors on loopback that do whatever a test says.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// How many came before it.
    pub number: usize,
    pub path: String,
    /// In lower case.
    pub headers: BTreeMap<String, String>,
}

impl Request {
    /// From which byte on.
    pub fn from(&self) -> Option<usize> {
        self.headers.get("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What is answered: a head and a body, sent until it is cut.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Without it, the end of the connection ends the body.
    pub length: Option<u64>,
    /// Bytes of the body after which the connection is closed.
    pub cut: Option<usize>,
    /// So many bytes are sent, then there is a pause.
    pub pace: Option<(usize, Duration)>,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        let body = format!("{status}\n").into_bytes();
        let length = Some(body.len() as u64);
        Self { status, headers: vec![], body, length, cut: None, pace: None }
    }

    /// A file, as a server sends it that knows ranges.
    pub fn file(request: &Request, file: &[u8]) -> Self {
        let whole = Self::whole(file);
        let Some(from) = request.from() else { return whole };
        if from >= file.len() {
            return Self::status(416).with("Content-Range", &format!("bytes */{}", file.len()));
        }
        let range = format!("bytes {from}-{}/{}", file.len() - 1, file.len());
        let body = file[from..].to_vec();
        let length = Some(body.len() as u64);
        Self { status: 206, body, length, ..whole }.with("Content-Range", &range)
    }

    /// A file, as a server sends it that does not.
    pub fn whole(file: &[u8]) -> Self {
        let length = Some(file.len() as u64);
        Self { status: 200, headers: vec![], body: file.to_vec(), length, cut: None, pace: None }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn cut(self, bytes: usize) -> Self {
        Self { cut: Some(bytes), ..self }
    }

    pub fn pace(self, bytes: usize, pause: Duration) -> Self {
        Self { pace: Some((bytes, pause)), ..self }
    }

    fn send(&self, to: &mut dyn Write, path: &str, sent: &Sent) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Said\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        if let Some(length) = self.length {
            head.extend(["Content-Length: ", &length.to_string(), "\r\n"]);
        }
        to.write_all((head + "\r\n").as_bytes())?;
        let body = &self.body[..self.cut.unwrap_or(self.body.len()).min(self.body.len())];
        let (piece, pause) = self.pace.unwrap_or((1 << 16, Duration::ZERO));
        for bytes in body.chunks(piece) {
            to.write_all(bytes)?;
            sent.all.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            *sent.by_path.lock().expect("whole").entry(path.to_owned()).or_default() +=
                bytes.len() as u64;
            thread::sleep(pause);
        }
        to.flush()
    }
}

/// Bytes of bodies that were sent.
#[derive(Default)]
struct Sent {
    all: AtomicU64,
    by_path: Mutex<BTreeMap<String, u64>>,
}

/// A server; dropped, it ends.
pub struct Server {
    pub address: SocketAddr,
    scheme: &'static str,
    sent: Arc<Sent>,
    pub requests: Arc<Mutex<Vec<Request>>>,
    ended: Arc<AtomicBool>,
}

/// How a connection is spoken on: as it is, or through TLS.
type Wrap = dyn Fn(TcpStream) -> Box<dyn Stream> + Send + Sync;

/// What can be read and written.
pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Server {
    pub fn new(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start("http", answer, Box::new(|stream| Box::new(stream)))
    }

    /// One that speaks TLS with this certificate.
    pub fn tls(
        config: rustls::ServerConfig,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let config = Arc::new(config);
        let wrap = move |stream| -> Box<dyn Stream> {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).expect("a session");
            Box::new(rustls::StreamOwned::new(session, stream))
        };
        Self::start("https", answer, Box::new(wrap))
    }

    fn start(
        scheme: &'static str,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
        wrap: Box<Wrap>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sent, requests) = (Arc::default(), Arc::default());
        let ended = Arc::new(AtomicBool::new(false));
        let server = Self {
            address,
            scheme,
            sent: Arc::clone(&sent),
            requests: Arc::clone(&requests),
            ended: Arc::clone(&ended),
        };
        let (answer, wrap) = (Arc::new(answer), Arc::new(wrap));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (answer, wrap, sent, requests) = (
                    Arc::clone(&answer),
                    Arc::clone(&wrap),
                    Arc::clone(&sent),
                    Arc::clone(&requests),
                );
                thread::spawn(move || {
                    let closed = stream.try_clone();
                    let mut stream = wrap(stream);
                    if let Ok(request) = read(&mut stream, &requests) {
                        // The client may be gone, which is a test's business.
                        let _ = answer(&request).send(&mut stream, &request.path, &sent);
                    }
                    drop(stream);
                    if let Ok(closed) = closed {
                        let _ = closed.shutdown(Shutdown::Both);
                    }
                });
            }
        });
        server
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub fn sent(&self) -> u64 {
        self.sent.all.load(Ordering::Relaxed)
    }

    /// The same of one path.
    #[allow(dead_code, reason = "an image is one file")]
    pub fn sent_of(&self, path: &str) -> u64 {
        self.sent.by_path.lock().expect("whole").get(path).copied().unwrap_or_default()
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("the requests").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // It waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn read(stream: &mut dyn Stream, requests: &Mutex<Vec<Request>>) -> io::Result<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut all = requests.lock().expect("the requests");
    let request = Request { number: all.len(), path, headers };
    all.push(request.clone());
    Ok(request)
}
