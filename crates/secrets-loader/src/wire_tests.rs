use super::*;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};
use std::io::Read as _;
use std::net::TcpListener;

/// A server of `localhost` that answers one request, and the certificate that it shows.
fn server() -> (SocketAddr, RootCertStore, std::thread::JoinHandle<String>) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(own.key_pair.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .expect("a server");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let connection = ServerConnection::new(Arc::new(config)).expect("a connection");
        let mut stream = StreamOwned::new(connection, stream);
        let mut heard = Vec::new();
        let mut piece = [0; 4096];
        while !heard.ends_with(b"{}") {
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => heard.extend_from_slice(&piece[..length]),
                Err(error) => return format!("broken: {error}"),
            }
        }
        // It hangs up without the close that TLS wants.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nvalue");
        let _ = stream.flush();
        String::from_utf8_lossy(&heard).into_owned()
    });
    (address, roots, served)
}

fn asked(address: SocketAddr, roots: RootCertStore) -> Result<(u16, Vec<u8>), String> {
    let stream = connect(&[address.ip()], address.port())?;
    let headers = [("host", "localhost".to_owned())];
    let request = request("/", &headers, b"{}");
    talk(
        secure(stream, "localhost", roots)?,
        &request,
        Instant::now() + WITHIN,
    )
}

#[test]
fn a_store_with_a_trusted_certificate_is_asked_by_tls() {
    let (address, roots, served) = server();
    assert_eq!(asked(address, roots), Ok((200, b"value".to_vec())));
    let heard = served.join().expect("it served");
    assert!(
        heard.starts_with("POST / HTTP/1.1\r\nhost: localhost\r\n"),
        "{heard}"
    );
}

#[test]
fn nothing_is_said_to_who_shows_another_certificate() {
    let (address, _, served) = server();
    let why = asked(address, everyones()).expect_err("nobody knows it");
    assert!(why.contains("certificate"), "{why}");
    let heard = served.join().expect("it served");
    assert!(heard.starts_with("broken"), "{heard}");
}
