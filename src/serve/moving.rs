//! Connections that end when nothing moves on them.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A connection that ends when it stands still for too long. By TLS that is so when nothing comes of what its other end sends.
pub(super) struct Moving<S> {
    stream: S,
    longest: Duration,
    still: Pin<Box<Sleep>>,
}

impl<S> Moving<S> {
    pub(super) fn new(stream: S, longest: Duration) -> Self {
        Self { stream, longest, still: Box::pin(tokio::time::sleep(longest)) }
    }

    /// What came of reading or writing, or that nothing has come of either for too long.
    fn watch<T>(
        &mut self,
        done: Poll<io::Result<T>>,
        context: &mut Context,
    ) -> Poll<io::Result<T>> {
        if done.is_ready() {
            let until = Instant::now() + self.longest;
            self.still.as_mut().reset(until);
            return done;
        }
        match self.still.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Moving<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(done, context)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Moving<S> {
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
        match Pin::new(&mut self.stream).poll_flush(context) {
            // Where there was nothing to flush, nothing has moved.
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => self.watch(Poll::Pending, context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        // TLS says goodbye, which its other end may never take.
        let done = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(done, context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A connection on which nothing moves.
    struct Stuck;

    impl AsyncRead for Stuck {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context,
            _: &mut ReadBuf,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Stuck {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    /// By TLS a flush and a goodbye wait for the other end, too.
    #[tokio::test]
    async fn whatever_waits_for_the_other_end_ends() {
        let moving = || Moving::new(Stuck, Duration::from_millis(20));
        let (mut reads, mut writes, mut flushes, mut ends) =
            (moving(), moving(), moving(), moving());
        let all = async {
            [
                reads.read_u8().await.err(),
                writes.write_all(b"x").await.err(),
                flushes.flush().await.err(),
                ends.shutdown().await.err(),
            ]
        };
        let all = tokio::time::timeout(Duration::from_secs(10), all).await.expect("they end");
        assert_eq!(
            all.map(|error| error.map(|error| error.kind())),
            [Some(io::ErrorKind::TimedOut); 4]
        );
    }
}
