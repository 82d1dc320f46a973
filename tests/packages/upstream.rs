//! A mirror on loopback that has the tests' repositories, and that does what a test says.

use std::sync::{Arc, Mutex};

use percent_encoding::percent_decode_str;

use crate::repositories::{MIRROR, Tree, repositories};
use crate::server::{Reply, Request, Server};

/// What becomes of the right answer to a request for this path.
type Fault = dyn Fn(&str, &Request, Reply) -> Reply + Send;

/// A mirror; dropped, it is gone.
pub struct Upstream {
    server: Server,
    has: Arc<Mutex<Has>>,
}

struct Has {
    tree: Tree,
    fault: Box<Fault>,
}

impl Upstream {
    /// One that is well.
    pub fn new() -> Self {
        let tree = repositories().tree.clone();
        let has = Arc::new(Mutex::new(Has { tree, fault: Box::new(|_, _, reply| reply) }));
        let kept = Arc::clone(&has);
        let server = Server::new(move |request| {
            let path = decoded(&request.path);
            let has = kept.lock().expect("whole");
            let reply = match has.tree.get(&path) {
                Some(file) => of_file(request, file),
                None => Reply::status(404),
            };
            (has.fault)(&path, request, reply)
        });
        Self { server, has }
    }

    /// What a lab has as `mirror`.
    pub fn mirror(&self) -> String {
        self.server.url(&format!("/{MIRROR}"))
    }

    /// What a lab has as `baseurl` of its own repository.
    pub fn site(&self) -> String {
        self.server.url("/site/7/$basearch/")
    }

    /// From now on, and no other fault.
    pub fn fault(&self, fault: impl Fn(&str, &Request, Reply) -> Reply + Send + 'static) {
        self.has.lock().expect("whole").fault = Box::new(fault);
    }

    /// The same, for one path only.
    pub fn fault_at(&self, path: &str, fault: impl Fn(Reply) -> Reply + Send + 'static) {
        let path = path.to_owned();
        self.fault(move |asked, _, reply| if asked == path { fault(reply) } else { reply });
    }

    pub fn well(&self) {
        self.fault(|_, _, reply| reply);
    }

    /// It has other files now.
    pub fn has(&self, tree: &Tree) {
        self.has.lock().expect("whole").tree.clone_from(tree);
    }

    /// Bytes of bodies that were sent.
    pub fn sent(&self) -> u64 {
        self.server.sent()
    }

    /// The same of one path.
    pub fn sent_of(&self, path: &str) -> u64 {
        self.of(path, |asked| self.server.sent_of(asked))
    }

    /// How often it was asked for anything.
    pub fn asked(&self) -> usize {
        self.server.requests().len()
    }

    /// How often it was asked by dnf itself, with nothing between them.
    pub fn asked_by_dnf(&self) -> usize {
        let requests = self.server.requests();
        let by_dnf = |it: &&Request| {
            it.headers.get("user-agent").is_some_and(|agent| agent.starts_with("libdnf"))
        };
        requests.iter().filter(by_dnf).count()
    }

    /// How often it was asked for this.
    pub fn asked_for(&self, path: &str) -> u64 {
        let requests = self.server.requests();
        requests.iter().filter(|it| decoded(&it.path) == path).count() as u64
    }

    /// The sum over the spellings of a path that were asked for.
    fn of(&self, path: &str, count: impl Fn(&str) -> u64) -> u64 {
        let mut spelled: Vec<String> =
            self.server.requests().into_iter().map(|it| it.path).collect();
        spelled.retain(|it| decoded(it) == path);
        spelled.sort_unstable();
        spelled.dedup();
        spelled.iter().map(|it| count(it)).sum()
    }
}

/// The path in the tree.
fn decoded(path: &str) -> String {
    percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy().into_owned()
}

/// As mirrors send files: with a validator, and from the byte on that is asked for where that is still the same file.
fn of_file(request: &Request, file: &[u8]) -> Reply {
    let sum: u64 = file.iter().fold(0, |sum: u64, byte| sum.rotate_left(5) ^ u64::from(*byte));
    let tag = format!("\"{:x}-{sum:x}\"", file.len());
    let other = request.headers.get("if-range").is_some_and(|wanted| *wanted != tag);
    let reply = if other { Reply::whole(file) } else { Reply::file(request, file) };
    reply.with("ETag", &tag).with("Accept-Ranges", "bytes")
}
