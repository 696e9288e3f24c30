//! Serial ports of a machine on the host.

use super::*;
use hal::host::{Abi, Config, Machine};
use hal::{BootInfo, Hooks, Line, cpu::CpuId};

struct NoKernel;

impl Hooks for NoKernel {
    fn boot(&'static self, _: BootInfo) {}
    fn cpu_loop(&'static self, _: CpuId) {}
    fn timer(&self) {}
    fn irq(&self, _: Line) {}
    fn log(&self, _: u8, _: core::fmt::Arguments<'_>) {}
    fn describe_current(&self, _: &mut dyn core::fmt::Write) {}
}

#[test]
fn a_port_carries_every_byte_both_ways() {
    let machine = Machine::new(&NoKernel, Config::new(Abi { exit_group: 231, rt_sigreturn: 15 }));
    machine.attach();
    let processes: &'static Processes = Box::leak(Box::default());
    let terminals = Terminals::new(processes, Box::leak(Box::default()), Some(b"ttyS1,115200"));
    assert_eq!(console_port(Some(b"ttyS1,115200")), 1);
    let user = User::new(&NoDevices);
    let open = |index: usize| {
        let tty = terminals.serial(index).unwrap().clone();
        let ops = user.with(|c| Terminal::open(tty, OpenFlags::RDWR, c)).unwrap();
        let root = user.info.root();
        let inode = root.inode().unwrap().clone();
        File::new(ops, inode, None, OpenFlags::RDWR, user.cred.clone())
    };
    let (other, file) = (open(0), open(1));
    let speed = |file| user.get::<Termios2>(file, TCGETS2).map(|t| (t.c_cflag.bits(), t.c_ospeed));
    assert_eq!((speed(&other), speed(&file)), (Ok((0xcbd, 9600)), Ok((0x1cb2, 115_200))));
    let lines = TIOCM_DTR | TIOCM_RTS | TIOCM_OUT2;
    assert_eq!(user.get(&file, TIOCMGET), Ok(lines | TIOCM_CTS | TIOCM_DSR | TIOCM_CAR));
    user.set(&file, TIOCMBIC, &TIOCM_RTS).unwrap();
    assert_eq!(user.get::<u32>(&file, TIOCMGET).map(|on| on & lines), Ok(lines & !TIOCM_RTS));
    let mut t: Termios = user.get(&file, TCGETS).unwrap();
    (t.c_iflag, t.c_oflag, t.c_lflag) = Default::default();
    user.set(&file, TCSETS, &t).unwrap();

    // More than the line discipline, the queue and a read hold together.
    let all: Vec<u8> = (0..20_000u32).map(|n| (n ^ n >> 8) as u8).collect();
    machine.type_in(1, &all);
    terminals.run_deferred();
    assert_eq!(user.read(&file, 9), Err(EAGAIN), "nothing comes before its interrupt");
    terminals.interrupt(1);
    terminals.run_deferred();
    let mut got = Vec::new();
    while got.len() < all.len() {
        got.extend(user.read(&file, 3000).unwrap());
    }
    assert_eq!(got, all);

    let mut left = &all[..];
    while !left.is_empty() {
        left = &left[user.write(&file, left).unwrap()..];
    }
    assert_eq!(machine.serial_output(1), all);
    assert_eq!(machine.serial_output(0), b"");
}
