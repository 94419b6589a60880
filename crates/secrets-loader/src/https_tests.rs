use super::*;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::thread::JoinHandle;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A TLS server of `localhost` that answers one request with `answer` and then closes the connection
/// without `close_notify`; and its certificate.
fn server(answer: &'static [u8]) -> (SocketAddr, RootCertStore, JoinHandle<String>) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone()).expect("a root");
    let provider = Arc::new(crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(own.key_pair.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .expect("a server");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("its address");
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let connection = ServerConnection::new(Arc::new(config)).expect("a connection");
        let mut stream = StreamOwned::new(connection, stream);
        let mut received = Vec::new();
        let mut piece = [0; 4096];
        while !received.ends_with(b"{}") {
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => received.extend_from_slice(&piece[..length]),
                Err(error) => return format!("broken: {error}"),
            }
        }
        let _ = stream.write_all(answer);
        let _ = stream.flush();
        String::from_utf8_lossy(&received).into_owned()
    });
    (address, roots, served)
}

fn ask(address: SocketAddr, roots: RootCertStore) -> Result<(u16, Bytes), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let stream = connect(&[address.ip()], address.port()).await?;
        let headers = [("host", "localhost".to_owned())];
        let request = request("/", &headers, Bytes::from_static(b"{}"))?;
        send(tls(stream, "localhost", roots).await?, request).await
    })
}

#[test]
fn a_store_with_a_trusted_certificate_is_called_over_tls() {
    for (answer, status, body) in [
        (
            &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nvalue"[..],
            200,
            "value",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n",
            400,
            "abcd",
        ),
    ] {
        let (address, roots, served) = server(answer);
        assert_eq!(ask(address, roots), Ok((status, Bytes::from(body))));
        let received = served.join().expect("it served");
        assert!(received.starts_with("POST / HTTP/1.1\r\n"), "{received}");
        assert!(received.contains("host: localhost\r\n"), "{received}");
        assert!(received.contains("content-length: 2\r\n"), "{received}");
    }
}

#[test]
fn invalid_and_truncated_answers_are_errors_that_quote_nothing() {
    for answer in [
        &b"SSH-2.0-secret\r\n\r\n"[..],
        b"HTTP/1.1 x\r\n\r\nsecret",
        b"HTTP/1.1 200 OK\r\nContent-Length: secret\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nsecret",
        b"",
    ] {
        let (address, roots, served) = server(answer);
        let why = ask(address, roots).expect_err("no answer");
        assert!(!why.contains("secret"), "{why}");
        served.join().expect("it served");
    }
}

#[test]
fn an_answer_that_is_too_long_is_an_error() {
    static ANSWER: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", LONGEST + 1);
        [head.into_bytes(), vec![b'a'; LONGEST + 1]].concat()
    });
    let (address, roots, served) = server(&ANSWER);
    assert!(ask(address, roots).is_err());
    served.join().expect("it served");
}

#[test]
fn nothing_is_sent_to_a_server_with_another_certificate() {
    let (address, _, served) = server(b"");
    let why = ask(address, trusted_roots()).expect_err("an unknown certificate");
    assert!(why.contains("certificate"), "{why}");
    let received = served.join().expect("it served");
    assert!(received.starts_with("broken"), "{received}");
}
