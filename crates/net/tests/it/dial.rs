//! Dialling over real sockets, against a SOCKS5 server of a few lines.

use std::{net::SocketAddr, time::Duration};

use quintet_net::dial::{
    Credentials, DialConfig, DialError, Dialer, NAME_BYTES_MAX, Proxy, ProxyAuth, Target,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

const TIMEOUT: Duration = Duration::from_secs(10);

/// What the proxy was asked.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    user: String,
    password: String,
    host: String,
}

/// How the proxy behaves.
#[derive(Debug, Clone, Copy)]
enum Behaviour {
    /// Connects to `peer`, whatever the target is called.
    Connect { peer: SocketAddr },
    /// Wants the password "right".
    Guard { peer: SocketAddr },
    /// Answers the request with this code (RFC 1928 §6).
    Reply(u8),
    /// Speaks something else.
    Babble,
    /// Takes the connection and says nothing.
    Silence,
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// A peer that greets everybody.
async fn peer() -> SocketAddr {
    let (listener, addr) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"hello").await.unwrap();
        }
    });
    addr
}

/// A port of 127.0.0.1 on which nobody listens.
async fn nobody() -> SocketAddr {
    listener().await.1
}

async fn socks5(behaviour: Behaviour) -> (SocketAddr, mpsc::Receiver<Asked>) {
    let (listener, addr) = listener().await;
    let (sender, asked) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, behaviour, sender.clone()));
        }
    });
    (addr, asked)
}

async fn text(stream: &mut TcpStream) -> String {
    let len = stream.read_u8().await.unwrap();
    let mut bytes = vec![0; len.into()];
    stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

async fn serve(mut stream: TcpStream, behaviour: Behaviour, asked: mpsc::Sender<Asked>) {
    if matches!(behaviour, Behaviour::Silence) {
        std::future::pending::<()>().await;
    }
    assert_eq!(stream.read_u8().await.unwrap(), 5);
    let methods = text(&mut stream).await;
    if matches!(behaviour, Behaviour::Babble) {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        return;
    }
    let (mut user, mut password) = (String::new(), String::new());
    if methods.contains('\u{2}') {
        stream.write_all(&[5, 2]).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 1);
        user = text(&mut stream).await;
        password = text(&mut stream).await;
        let wrong = matches!(behaviour, Behaviour::Guard { .. }) && password != "right";
        stream.write_all(&[1, wrong.into()]).await.unwrap();
        if wrong {
            return;
        }
    } else if matches!(behaviour, Behaviour::Guard { .. }) {
        stream.write_all(&[5, 0xff]).await.unwrap();
        return;
    } else {
        stream.write_all(&[5, 0]).await.unwrap();
    }
    let mut request = [0; 4];
    stream.read_exact(&mut request).await.unwrap();
    assert_eq!(request[..3], [5, 1, 0]);
    let host = if request[3] == 3 {
        text(&mut stream).await
    } else {
        let mut ip = [0; 4];
        stream.read_exact(&mut ip).await.unwrap();
        std::net::Ipv4Addr::from(ip).to_string()
    };
    stream.read_u16().await.unwrap();
    asked.send(Asked { user, password, host }).await.unwrap();
    let (code, peer) = match behaviour {
        Behaviour::Connect { peer } | Behaviour::Guard { peer } => (0, Some(peer)),
        Behaviour::Reply(code) => (code, None),
        Behaviour::Babble | Behaviour::Silence => return,
    };
    stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    if let Some(peer) = peer {
        let mut peer = TcpStream::connect(peer).await.unwrap();
        let _ = copy_bidirectional(&mut stream, &mut peer).await;
    }
}

fn direct() -> Dialer {
    Dialer::new(DialConfig { timeout: TIMEOUT, proxy: None })
}

fn through(addr: SocketAddr, auth: ProxyAuth) -> Dialer {
    Dialer::new(DialConfig { timeout: TIMEOUT, proxy: Some(Proxy { addr, auth }) })
}

async fn greeting(mut stream: TcpStream) -> String {
    let mut greeting = String::new();
    stream.read_to_string(&mut greeting).await.unwrap();
    greeting
}

#[tokio::test]
async fn a_peer_is_dialled_directly_by_address_and_by_name() {
    let peer = peer().await;
    let stream = direct().dial(&peer.into()).await.unwrap();
    assert!(stream.nodelay().unwrap());
    assert_eq!(greeting(stream).await, "hello");
    let name = Target::name("localhost", peer.port()).unwrap();
    assert_eq!(greeting(direct().dial(&name).await.unwrap()).await, "hello");
}

#[tokio::test]
async fn a_closed_port_is_named_with_what_it_means() {
    let nobody = nobody().await;
    let error = direct().dial(&nobody.into()).await.unwrap_err();
    assert!(error.blames_peer());
    let expected = format!("{nobody} refused the connection: nothing listens on that port");
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_proxy_gets_the_name_and_not_an_address_of_our_finding() {
    let (proxy, mut asked) = socks5(Behaviour::Connect { peer: peer().await }).await;
    let longest = "a".repeat(NAME_BYTES_MAX);
    for name in ["no-such-name.invalid", &longest] {
        let target = Target::name(name, 80).unwrap();
        let stream = through(proxy, ProxyAuth::None).dial(&target).await.unwrap();
        assert_eq!(greeting(stream).await, "hello");
        assert_eq!(asked.recv().await.unwrap().host, name);
    }
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_gets_it() {
    let (proxy, mut asked) = socks5(Behaviour::Guard { peer: peer().await }).await;
    let target: Target = "192.0.2.1:80".parse().unwrap();
    let right = Credentials::new("me".into(), "right".into()).unwrap();
    let dialer = through(proxy, ProxyAuth::Password(right));
    assert_eq!(greeting(dialer.dial(&target).await.unwrap()).await, "hello");
    let expected = Asked { user: "me".into(), password: "right".into(), host: "192.0.2.1".into() };
    assert_eq!(asked.recv().await, Some(expected));

    let wrong = Credentials::new("me".into(), "wrong".into()).unwrap();
    assert!(!format!("{wrong:?}").contains("wrong"));
    for auth in [ProxyAuth::Password(wrong), ProxyAuth::None] {
        let error = through(proxy, auth).dial(&target).await.unwrap_err();
        assert!(matches!(error, DialError::ProxyAuth { .. }), "{error}");
        assert!(!error.blames_peer());
    }
}

#[tokio::test]
async fn isolated_streams_never_show_the_same_credentials_twice() {
    let (proxy, mut asked) = socks5(Behaviour::Connect { peer: peer().await }).await;
    let dialer = through(proxy, ProxyAuth::PerStream { session: [0xab; 16] });
    let target: Target = "192.0.2.1:80".parse().unwrap();
    let mut shown = Vec::new();
    for _ in 0..3 {
        dialer.dial(&target).await.unwrap();
        let asked = asked.recv().await.unwrap();
        shown.push((asked.user, asked.password));
    }
    let user = "ab".repeat(16);
    let expected = ["0", "1", "2"].map(|stream| (user.clone(), stream.to_owned()));
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn what_the_proxy_says_is_passed_on() {
    let target: Target = "192.0.2.1:80".parse().unwrap();
    let (proxy, _asked) = socks5(Behaviour::Reply(2)).await;
    let error = through(proxy, ProxyAuth::None).dial(&target).await.unwrap_err();
    assert!(matches!(error, DialError::ProxyForbids { .. }), "{error}");

    let (proxy, _asked) = socks5(Behaviour::Reply(5)).await;
    let error = through(proxy, ProxyAuth::None).dial(&target).await.unwrap_err();
    let expected =
        format!("SOCKS5 proxy {proxy} could not connect to 192.0.2.1:80: Connection refused");
    assert_eq!(error.to_string(), expected);
    assert!(error.blames_peer());

    let (proxy, _asked) = socks5(Behaviour::Babble).await;
    let error = through(proxy, ProxyAuth::None).dial(&target).await.unwrap_err();
    assert!(matches!(error, DialError::ProxyProtocol { .. }), "{error}");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_not_held_against_the_peer() {
    let proxy = nobody().await;
    let target: Target = "192.0.2.1:80".parse().unwrap();
    let error = through(proxy, ProxyAuth::None).dial(&target).await.unwrap_err();
    assert!(matches!(error, DialError::ProxyUnreachable { .. }), "{error}");
    assert!(!error.blames_peer());
}

#[tokio::test]
async fn silence_ends_at_the_timeout() {
    let (proxy, _asked) = socks5(Behaviour::Silence).await;
    let after = Duration::from_millis(50);
    let proxy = Some(Proxy { addr: proxy, auth: ProxyAuth::None });
    let dialer = Dialer::new(DialConfig { timeout: after, proxy });
    let target: Target = "192.0.2.1:80".parse().unwrap();
    let error = dialer.dial(&target).await.unwrap_err();
    let expected = "192.0.2.1:80 did not answer within 50ms: it is offline or behind a firewall";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn credentials_socks5_cannot_carry_are_refused() {
    assert!(Credentials::new(String::new(), "x".into()).is_err());
    let error = Credentials::new("x".into(), "x".repeat(256)).unwrap_err();
    assert_eq!(error.to_string(), "expected a proxy password of 1 to 255 bytes, got 256");
}
