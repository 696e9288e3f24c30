//! Sockets. There are those within one machine, [`unix`]; other families answer `EAFNOSUPPORT`.

pub mod unix;
