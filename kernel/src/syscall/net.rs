//! System calls about sockets: socket(2), bind(2), connect(2), send(2), recv(2), …

use abi::{
    Wire,
    errno::{
        EAFNOSUPPORT, EFAULT, EINVAL, EISCONN, ENOPROTOOPT, ENOTCONN, ENOTSOCK, EOPNOTSUPP,
        EPROTONOSUPPORT, ESOCKTNOSUPPORT, Result,
    },
    fs::OpenFlags,
    net::{
        AF_UNIX, AF_UNSPEC, MsgFlags, SA_FAMILY_SIZE, SHUT_RD, SHUT_RDWR, SHUT_WR, SO_ACCEPTCONN,
        SO_DOMAIN, SO_ERROR, SO_PEERCRED, SO_PROTOCOL, SO_RCVBUF, SO_SNDBUF, SO_TYPE, SOCK_DGRAM,
        SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM, SOCK_TYPE_MASK, SOCKADDR_STORAGE_SIZE, SOL_SOCKET,
        SockFlags, Ucred,
    },
    process::RLIMIT_NOFILE,
};
use alloc::sync::Arc;

use crate::{
    fs::{Caller, Fd, File},
    mm::user::{In, Out, UserBytes, UserIn, UserInOut, UserOut},
    net::unix::{self, Address, Handle, Kind, Name, Socket},
    process::Cx,
};

/// Kinds of socket that have a name (`SOCK_MAX`).
const SOCK_MAX: u32 = 11;
/// Address families that have a number (`NPROTO`).
const FAMILIES: u32 = 46;

/// Bytes of a socket address that a program has given.
type RawAddress = heapless::Vec<u8, SOCKADDR_STORAGE_SIZE>;

/// Reads what socket(2) and socketpair(2) ask for.
fn wanted(family: u32, kind: u32, protocol: u32) -> Result<(Kind, SockFlags)> {
    let flags = SockFlags::checked(kind & !SOCK_TYPE_MASK).ok_or(EINVAL)?;
    let kind = kind & SOCK_TYPE_MASK;
    if family >= FAMILIES {
        return Err(EAFNOSUPPORT);
    }
    if kind >= SOCK_MAX {
        return Err(EINVAL);
    }
    if family != u32::from(AF_UNIX) {
        return Err(EAFNOSUPPORT);
    }
    if protocol != 0 && protocol != u32::from(AF_UNIX) {
        return Err(EPROTONOSUPPORT);
    }
    let kind = match kind {
        SOCK_STREAM => Kind::Stream,
        // Old programs mean datagrams.
        SOCK_DGRAM | SOCK_RAW => Kind::Dgram,
        SOCK_SEQPACKET => Kind::Seqpacket,
        _ => return Err(ESOCKTNOSUPPORT),
    };
    Ok((kind, flags))
}

/// A socket's open file.
fn file_of(cx: &Cx, handle: Handle, flags: SockFlags) -> Arc<File> {
    let nonblock = OpenFlags(flags.bits()) & OpenFlags::NONBLOCK;
    cx.with_caller(|c| unix::open(c, cx.cred(), handle, nonblock))
}

/// What the other end learns of the caller.
fn own_cred(cx: &Cx) -> Ucred {
    let cred = cx.cred();
    Ucred { pid: cx.process().pid.0, uid: cred.euid.0, gid: cred.egid.0 }
}

/// socket(2)
pub fn socket(cx: &mut Cx, family: u32, kind: u32, protocol: u32) -> Result<Fd> {
    let (kind, flags) = wanted(family, kind, protocol)?;
    let file = file_of(cx, unix::socket(&cx.kernel.sockets, kind), flags);
    cx.files().insert(file, cx.limit(RLIMIT_NOFILE), flags.has(SockFlags::CLOEXEC))
}

/// socketpair(2)
pub fn socketpair(
    cx: &mut Cx,
    family: u32,
    kind: u32,
    protocol: u32,
    fds: UserOut<[i32; 2]>,
) -> Result<()> {
    let (kind, flags) = wanted(family, kind, protocol)?;
    let (limit, cloexec) = (cx.limit(RLIMIT_NOFILE), flags.has(SockFlags::CLOEXEC));
    let one = cx.files().reserve(limit, cloexec)?;
    let other = cx.files().reserve(limit, cloexec)?;
    fds.write(cx.space(), &[one.fd().0, other.fd().0])?;
    let (a, b) = unix::pair(&cx.kernel.sockets, kind, own_cred(cx));
    one.install(file_of(cx, a, flags));
    other.install(file_of(cx, b, flags));
    Ok(())
}

/// The open file and the socket behind `fd`: `ENOTSOCK` for any other file.
fn socket_at(cx: &Cx, fd: Fd) -> Result<(Arc<File>, Arc<Socket>)> {
    let file = cx.usable_file(fd)?;
    let socket = file.ops_as::<Handle>().ok_or(ENOTSOCK)?.socket().clone();
    Ok((file, socket))
}

/// Reads an address (`move_addr_to_kernel`).
fn read_address(cx: &Cx, at: u64, len: i32) -> Result<RawAddress> {
    let len = usize::try_from(len).map_err(|_| EINVAL)?;
    let mut raw = RawAddress::new();
    raw.resize(len, 0).map_err(|_| EINVAL)?;
    cx.space().copy_in(at, &mut raw)?;
    Ok(raw)
}

/// Stores a name as an address and how long it is; what there is no room for is left out
/// (`move_addr_to_user`).
fn write_address(cx: &Cx, name: Option<&Name>, at: u64, len: UserInOut<i32>) -> Result<()> {
    let room = usize::try_from(len.read(cx.space())?).map_err(|_| EINVAL)?;
    let mut raw = RawAddress::new();
    let text = name.map_or(&[][..], Name::text);
    // A name is no longer than an address may be.
    let _ = raw.extend_from_slice(&AF_UNIX.to_ne_bytes());
    let _ = raw.extend_from_slice(text);
    cx.space().copy_out(at, raw.get(..raw.len().min(room)).unwrap_or_default())?;
    len.write(cx.space(), &(raw.len() as i32))
}

/// bind(2)
pub fn bind(cx: &mut Cx, fd: Fd, at: u64, len: i32) -> Result<()> {
    let (_, socket) = socket_at(cx, fd)?;
    let raw = read_address(cx, at, len)?;
    let address = Address::parse(&raw)?;
    cx.with_caller(|c| socket.bind(c, &address))
}

/// connect(2)
pub fn connect(cx: &mut Cx, fd: Fd, at: u64, len: i32) -> Result<()> {
    let (file, socket) = socket_at(cx, fd)?;
    let raw = read_address(cx, at, len)?;
    let none = raw.get(..SA_FAMILY_SIZE) == Some(&AF_UNSPEC.to_ne_bytes());
    if none && socket.kind() == Kind::Dgram {
        return socket.choose(None);
    }
    let address = Address::parse(&raw)?;
    let cred = own_cred(cx);
    cx.with_caller(|c| {
        let peer = socket.find(c, &address)?;
        if socket.kind() == Kind::Dgram {
            return socket.choose(Some(peer));
        }
        let nonblock = file.flags().has(OpenFlags::NONBLOCK);
        let listener = peer.changed().clone();
        file.block_on(nonblock, c, |all| all.add(&listener, 0), || socket.connect(&peer, cred))
    })
}

/// listen(2). A backlog below zero is as large as can be.
pub fn listen(cx: &mut Cx, fd: Fd, backlog: u32) -> Result<()> {
    let (_, socket) = socket_at(cx, fd)?;
    socket.listen(backlog as usize, own_cred(cx))
}

/// accept(2)
pub fn accept(cx: &mut Cx, fd: Fd, at: u64, len: UserInOut<i32>) -> Result<Fd> {
    accept4(cx, fd, at, len, 0)
}

/// accept4(2)
pub fn accept4(cx: &mut Cx, fd: Fd, at: u64, len: UserInOut<i32>, flags: u32) -> Result<Fd> {
    let flags = SockFlags::checked(flags).ok_or(EINVAL)?;
    let (file, socket) = socket_at(cx, fd)?;
    let place = cx.files().reserve(cx.limit(RLIMIT_NOFILE), flags.has(SockFlags::CLOEXEC))?;
    let accepted = cx.with_caller(|c| file.block(c, || socket.accept()))?;
    if at != 0 {
        let name = accepted.socket().peer().and_then(|peer| peer.name());
        write_address(cx, name.as_deref(), at, len)?;
    }
    Ok(place.install(file_of(cx, accepted, flags)))
}

/// getsockname(2)
pub fn getsockname(cx: &mut Cx, fd: Fd, at: u64, len: UserInOut<i32>) -> Result<()> {
    let (_, socket) = socket_at(cx, fd)?;
    write_address(cx, socket.name().as_deref(), at, len)
}

/// getpeername(2)
pub fn getpeername(cx: &mut Cx, fd: Fd, at: u64, len: UserInOut<i32>) -> Result<()> {
    let (_, socket) = socket_at(cx, fd)?;
    let name = socket.peer().ok_or(ENOTCONN)?.name();
    write_address(cx, name.as_deref(), at, len)
}

/// sendto(2)
pub fn sendto(
    cx: &mut Cx,
    fd: Fd,
    from: UserBytes<In>,
    flags: u32,
    at: u64,
    len: i32,
) -> Result<usize> {
    let (file, socket) = socket_at(cx, fd)?;
    let raw = if at == 0 { RawAddress::new() } else { read_address(cx, at, len)? };
    let flags = MsgFlags(flags);
    if flags.has(MsgFlags::OOB) {
        return Err(EOPNOTSUPP);
    }
    cx.with_writer(&file, |c| send(&file, &socket, c, from, flags, &raw))
}

fn send(
    file: &File,
    socket: &Socket,
    c: &Caller,
    from: UserBytes<In>,
    flags: MsgFlags,
    to: &[u8],
) -> Result<usize> {
    let to = match (socket.kind(), to) {
        (_, []) | (Kind::Seqpacket, _) => None,
        (Kind::Dgram, raw) => Some(socket.find(c, &Address::parse(raw)?)?),
        (Kind::Stream, _) if socket.peer().is_some() => return Err(EISCONN),
        (Kind::Stream, _) => return Err(EOPNOTSUPP),
    };
    let nonblock = flags.has(MsgFlags::DONTWAIT) || file.flags().has(OpenFlags::NONBLOCK);
    let signal = !flags.has(MsgFlags::NOSIGNAL);
    let space = c.space.ok_or(EFAULT)?;
    let mut source = from.source(space);
    let mut done = 0;
    loop {
        let watch = |all: &mut crate::wait::Watch| {
            if let Some(to) = &to {
                all.add(to.changed(), 0);
            }
        };
        let sent = file.block_on(nonblock, c, watch, || {
            // A stream that has sent something has no bad news left to tell.
            socket.send(c, &mut source, to.as_ref(), signal && done == 0)
        });
        match sent {
            Ok(n) => done += n,
            Err(_) if done > 0 => return Ok(done),
            Err(why) => return Err(why),
        }
        if done >= from.len() || socket.kind() != Kind::Stream {
            return Ok(done);
        }
    }
}

/// recvfrom(2)
pub fn recvfrom(
    cx: &mut Cx,
    fd: Fd,
    to: UserBytes<Out>,
    flags: u32,
    at: u64,
    len: UserInOut<i32>,
) -> Result<usize> {
    let (file, socket) = socket_at(cx, fd)?;
    let flags = MsgFlags(flags);
    if flags.has(MsgFlags::OOB) {
        return Err(EOPNOTSUPP);
    }
    let mut name = None;
    let received = cx.with_reader(&file, |c| {
        let nonblock = flags.has(MsgFlags::DONTWAIT) || file.flags().has(OpenFlags::NONBLOCK);
        let peek = flags.has(MsgFlags::PEEK);
        let all = flags.has(MsgFlags::WAITALL) && !peek && socket.kind() == Kind::Stream;
        let mut sink = to.sink(c.space.ok_or(EFAULT)?);
        let mut done = 0;
        loop {
            let received = file.block_unless(nonblock, c, || socket.receive(&mut sink, peek));
            let received = match received {
                Err(_) if done > 0 => return Ok(done),
                received => received?,
            };
            name = received.from.or(name.take());
            done += received.len;
            if !all || received.len == 0 || done >= to.len() {
                return Ok(if flags.has(MsgFlags::TRUNC) && socket.kind() != Kind::Stream {
                    received.whole
                } else {
                    done
                });
            }
        }
    })?;
    if at != 0 {
        match (name, socket.kind()) {
            // The address of a connection is not told with every message.
            (Some(name), Kind::Dgram | Kind::Stream) => {
                write_address(cx, Some(&name), at, len)?;
            }
            _ => len.write(cx.space(), &0)?,
        }
    }
    Ok(received)
}

/// shutdown(2)
pub fn shutdown(cx: &mut Cx, fd: Fd, how: u32) -> Result<()> {
    let (_, socket) = socket_at(cx, fd)?;
    match how {
        SHUT_RD => socket.shut_down(true, false),
        SHUT_WR => socket.shut_down(false, true),
        SHUT_RDWR => socket.shut_down(true, true),
        _ => return Err(EINVAL),
    }
    Ok(())
}

/// getsockopt(2)
pub fn getsockopt(
    cx: &mut Cx,
    fd: Fd,
    level: i32,
    option: i32,
    at: u64,
    len: UserInOut<i32>,
) -> Result<()> {
    let (_, socket) = socket_at(cx, fd)?;
    let room = usize::try_from(len.read(cx.space())?).map_err(|_| EINVAL)?;
    if level != SOL_SOCKET {
        return Err(EOPNOTSUPP);
    }
    let value = match option {
        SO_TYPE => match socket.kind() {
            Kind::Stream => SOCK_STREAM as i32,
            Kind::Dgram => SOCK_DGRAM as i32,
            Kind::Seqpacket => SOCK_SEQPACKET as i32,
        },
        SO_ERROR => socket.take_error().map_or(0, |error| error.0.into()),
        SO_SNDBUF => socket.buffers().0 as i32,
        SO_RCVBUF => socket.buffers().1 as i32,
        SO_ACCEPTCONN => socket.is_listening().into(),
        SO_DOMAIN => AF_UNIX.into(),
        SO_PROTOCOL => 0,
        SO_PEERCRED => {
            let mut bytes = [0; size_of::<Ucred>()];
            socket.peer_cred().put(&mut bytes);
            return write_option(cx, &bytes, room, at, len);
        }
        _ => return Err(ENOPROTOOPT),
    };
    write_option(cx, &value.to_ne_bytes(), room, at, len)
}

fn write_option(cx: &Cx, value: &[u8], room: usize, at: u64, len: UserInOut<i32>) -> Result<()> {
    let value = value.get(..value.len().min(room)).unwrap_or_default();
    cx.space().copy_out(at, value)?;
    len.write(cx.space(), &(value.len() as i32))
}

/// setsockopt(2)
pub fn setsockopt(cx: &mut Cx, fd: Fd, level: i32, option: i32, at: u64, len: i32) -> Result<()> {
    let (_, socket) = socket_at(cx, fd)?;
    if len < 0 {
        return Err(EINVAL);
    }
    if level != SOL_SOCKET {
        return Err(EOPNOTSUPP);
    }
    if (len as usize) < size_of::<i32>() {
        return Err(EINVAL);
    }
    let value = UserIn::<i32>::new(at).read(cx.space())?;
    // A size below zero is a very large one.
    let size = value as u32 as usize;
    match option {
        SO_SNDBUF => socket.set_buffers(Some(size), None),
        SO_RCVBUF => socket.set_buffers(None, Some(size)),
        _ => return Err(ENOPROTOOPT),
    }
    Ok(())
}
