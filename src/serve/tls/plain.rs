//! What a server with TLS does not give without it.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};

use crate::serve::listen::ByTls;
use crate::serve::{Server, page};

/// These are answered by TLS alone, where there is TLS. Everything is among them but what firmware, boot loaders and the installer's first
/// steps ask, which cannot check a certificate of the lab's own, and in which there is no secret.
pub(crate) fn only_by_tls(routes: Router<Arc<Server>>, server: &Server) -> Router<Arc<Server>> {
    let Some(tls) = &server.options.tls else { return routes };
    let url: Arc<str> = tls.url().into();
    routes.layer(from_fn(move |request, next| refuse_plain(Arc::clone(&url), request, next)))
}

async fn refuse_plain(url: Arc<str>, request: Request, next: Next) -> Response {
    if request.extensions().get::<ByTls>().is_some() {
        return next.run(request).await;
    }
    let message = format!("this server answers that by TLS alone: {url}");
    page::guard((StatusCode::FORBIDDEN, format!("{message}\n")).into_response()).await
}
