//! What a QEMU that runs is told and asked: its QMP (docs/interop/qmp-spec of QEMU).

use std::io::{self, BufRead, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::machines::MachineError;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(20);

/// Whether a QEMU listens at this socket.
#[must_use]
pub fn answers(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}

/// What it says to a command.
///
/// # Errors
/// It does not answer, or refuses.
pub fn ask(socket: &Path, command: &str, arguments: &Value) -> Result<Value, MachineError> {
    let io = || MachineError::io(socket);
    let stream = UnixStream::connect(socket).map_err(io())?;
    stream.set_read_timeout(Some(ANSWER)).map_err(io())?;
    let mut answers = BufReader::new(&stream);
    said(&mut answers, "QMP").map_err(io())?;
    for (command, arguments) in [("qmp_capabilities", &json!({})), (command, arguments)] {
        let mut line = json!({ "execute": command, "arguments": arguments }).to_string();
        line.push('\n');
        (&stream).write_all(line.as_bytes()).map_err(io())?;
        let answer = said(&mut answers, "return").map_err(io())?;
        if let Some(why) = answer["error"]["desc"].as_str() {
            let message = format!("QEMU at `{}` refuses `{command}`: {why}", socket.display());
            return Err(MachineError::Said(message));
        }
        if command != "qmp_capabilities" {
            return Ok(answer["return"].clone());
        }
    }
    Ok(Value::Null)
}

/// The next line that has this, or an error; events come between.
fn said(answers: &mut impl BufRead, key: &str) -> io::Result<Value> {
    let mut line = String::new();
    loop {
        line.clear();
        if answers.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let value: Value = serde_json::from_str(&line)?;
        if value.get(key).is_some() || value.get("error").is_some() {
            return Ok(value);
        }
    }
}
