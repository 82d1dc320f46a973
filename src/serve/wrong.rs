//! What goes wrong is told to programs in one form, whoever finds it: who answers, the table of addresses, or the limits. Nodes are told
//! in a line of text.

use axum::Json;
use axum::body::to_bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

/// Bytes of such a line.
const LONGEST: usize = 4096;

/// Whether programs ask for this path.
pub(super) fn is_api(path: &str) -> bool {
    path.starts_with("/api/")
}

/// What programs are told.
pub(super) fn told(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "schema": 1, "error": message }))).into_response()
}

/// The same answer in that form, where something is wrong and it has another one.
pub(super) async fn in_form(answer: Response) -> Response {
    let status = answer.status();
    let is_wrong = status.is_client_error() || status.is_server_error();
    let json = header::HeaderValue::from_static("application/json");
    if !is_wrong || answer.headers().get(header::CONTENT_TYPE) == Some(&json) {
        return answer;
    }
    let (head, body) = answer.into_parts();
    let text = to_bytes(body, LONGEST).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let allowed = head.headers.get(header::ALLOW).and_then(|it| it.to_str().ok());
    let message = match (text.trim(), status, allowed) {
        ("", StatusCode::NOT_FOUND, _) => "nothing is at this address".to_owned(),
        ("", _, Some(allowed)) => format!("this address takes {allowed}"),
        ("", ..) => status.canonical_reason().unwrap_or("refused").to_owned(),
        (text, ..) => text.to_owned(),
    };
    let mut said = told(status, &message);
    for (name, value) in &head.headers {
        if name != header::CONTENT_LENGTH {
            said.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
    }
    said
}
