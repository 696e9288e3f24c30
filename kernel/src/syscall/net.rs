//! System calls about sockets. There is no protocol family yet: a program gets what a Linux gives
//! that has networking and no family registered (`net/socket.c`), and can tell its user that there
//! is no network, as it does where a module is missing.

use abi::{
    errno::{EAFNOSUPPORT, EINVAL, ENOTSOCK, Result},
    net::{AF_MAX, SOCK_MAX, SOCK_TYPE_MASK, SockFlags},
};

use crate::{fs::Fd, process::Cx};

/// socket(2), and socketpair(2), which makes its sockets first.
pub fn socket(_cx: &mut Cx, family: u32, kind: u32) -> Result<()> {
    let known = SockFlags::checked(kind & !SOCK_TYPE_MASK).is_some();
    if !known || (family < AF_MAX && kind & SOCK_TYPE_MASK >= SOCK_MAX) {
        return Err(EINVAL);
    }
    Err(EAFNOSUPPORT)
}

/// Every call that works on an open socket: no open file is one.
pub fn of_socket(cx: &mut Cx, fd: Fd) -> Result<()> {
    cx.usable_file(fd)?;
    Err(ENOTSOCK)
}
