//! A service in Rust: `service PORT KEYFILE`.
//!
//! GET /healthz answers `ok`; POST /seal answers the HMAC-SHA256 of the body, in hex, under the key in KEYFILE. TLS 1.2
//! or newer only; a fixed number of threads; a request has at most 64 KiB and ten seconds.

use hmac::{Hmac, Mac};
use rustls::{Certificate, PrivateKey, ServerConfig, ServerConnection, StreamOwned};
use sha2::Sha256;
use std::error::Error;
use std::fs::{read, File};
use std::io::{self, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const THREADS: usize = 8;
const MOST_HEAD: usize = 8 * 1024;
const MOST_BODY: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);
const CERTIFICATE: &str = "/run/caisson/tls/certificate.pem";
const KEY: &str = "/run/caisson/tls/key.pem";

type Tls = StreamOwned<ServerConnection, TcpStream>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let (port, key_file) = match &arguments[..] {
        [_, port, key_file] => (port, key_file),
        _ => return Err("usage: service PORT KEYFILE".into()),
    };
    let key: Arc<[u8]> = read(key_file)?.into();
    let config = Arc::new(configuration()?);
    let listener = TcpListener::bind(("0.0.0.0", port.parse::<u16>()?))?;
    end_on_sigterm();
    let workers: Vec<_> = (0..THREADS)
        .map(|_| {
            let (listener, config, key) = (listener.try_clone(), config.clone(), key.clone());
            thread::spawn(move || work(&listener.expect("a socket"), &config, &key))
        })
        .collect();
    for worker in workers {
        worker.join().expect("a worker never ends");
    }
    Ok(())
}

/// The process may end at any time: what is sealed is kept nowhere.
fn end_on_sigterm() {
    extern "C" fn end(_signal: libc::c_int) {
        // SAFETY: _exit may be called in a signal handler.
        unsafe { libc::_exit(0) }
    }
    // SAFETY: the handler calls nothing but _exit.
    unsafe { libc::signal(libc::SIGTERM, end as usize) };
}

fn configuration() -> Result<ServerConfig, Box<dyn Error>> {
    let chain = rustls_pemfile::certs(&mut BufReader::new(File::open(CERTIFICATE)?))?;
    let keys = rustls_pemfile::pkcs8_private_keys(&mut BufReader::new(File::open(KEY)?))?;
    let key = keys.into_iter().next().ok_or("there is no key")?;
    Ok(ServerConfig::builder()
        .with_safe_defaults()
        .with_no_client_auth()
        .with_single_cert(chain.into_iter().map(Certificate).collect(), PrivateKey(key))?)
}

fn work(listener: &TcpListener, config: &Arc<ServerConfig>, key: &[u8]) {
    for connection in listener.incoming().flatten() {
        // A client that goes away, or sends nonsense, is no business of the others.
        let _ = converse(connection, config.clone(), key);
    }
}

fn converse(connection: TcpStream, config: Arc<ServerConfig>, key: &[u8]) -> Result<(), Box<dyn Error>> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut tls = StreamOwned::new(ServerConnection::new(config)?, connection);
    let (status, text) = serve(&mut tls, key)?;
    write!(
        tls,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )?;
    tls.conn.send_close_notify();
    Ok(tls.flush()?)
}

fn serve(tls: &mut Tls, key: &[u8]) -> io::Result<(&'static str, String)> {
    let mut received = Vec::new();
    let end = loop {
        if let Some(at) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if received.len() >= MOST_HEAD {
            return Ok(("431 Request Header Fields Too Large", "the head is too long\n".into()));
        }
        receive(tls, &mut received, MOST_HEAD)?;
    };
    let head = String::from_utf8_lossy(&received[..end]).into_owned();
    if head.starts_with("GET /healthz ") {
        return Ok(("200 OK", "ok\n".into()));
    }
    if !head.starts_with("POST /seal ") {
        return Ok(("404 Not Found", "not found\n".into()));
    }
    let length = match announced(&head) {
        Some(length) => length,
        None => return Ok(("400 Bad Request", "a length of at most 65536 is needed\n".into())),
    };
    let whole = end + 4 + length;
    while received.len() < whole {
        receive(tls, &mut received, whole)?;
    }
    Ok(("200 OK", seal(key, &received[end + 4..whole])))
}

fn receive(tls: &mut Tls, received: &mut Vec<u8>, most: usize) -> io::Result<()> {
    let mut chunk = [0; 4096];
    let room = chunk.len().min(most - received.len());
    match tls.read(&mut chunk[..room])? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        got => {
            received.extend_from_slice(&chunk[..got]);
            Ok(())
        }
    }
}

fn announced(head: &str) -> Option<usize> {
    let value = head.split("\r\n").skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value.trim())
    })?;
    value.parse().ok().filter(|length| *length <= MOST_BODY)
}

fn seal(key: &[u8], body: &[u8]) -> String {
    let mut code = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    code.update(body);
    let digits: String = code.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    digits + "\n"
}
