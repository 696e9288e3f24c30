//! The metal self-test.
#![cfg_attr(target_os = "none", no_std, no_main)]
extern crate alloc;
use core::fmt::{self, Write};
use hal::cpu::CpuId;
use hal::{BootInfo, Hooks, Line};

struct Test;
struct Out;
impl Write for Out {
    fn write_str(&mut self, s: &str) -> fmt::Result { hal::dev::serial::write(0, s.as_bytes()); Ok(()) }
}
impl Hooks for Test {
    fn boot(&'static self, info: BootInfo) {
        let _ = writeln!(Out, "boot: cpus {} frames {} cmdline {:?} tsc {} rtc {} now {}", info.cpus, info.total_frames, core::str::from_utf8(&info.cmdline), hal::time::tsc_hz(), info.boot_unix_seconds, hal::time::now_ns());
        let mut f = hal::fiber::Fiber::new(|| { for i in 0..3 { let _ = writeln!(Out, "fiber {i}"); hal::fiber::suspend(hal::fiber::Suspend::Yield); } }).unwrap();
        while f.resume() != hal::fiber::Suspend::Exit {}
        hal::power::off()
    }
    fn cpu_loop(&'static self, _cpu: CpuId) {}
    fn timer(&self) {}
    fn irq(&self, _line: Line) {}
    fn log(&self, _level: u8, text: fmt::Arguments) { let _ = writeln!(Out, "{text}"); }
    fn describe_current(&self, out: &mut dyn fmt::Write) { let _ = write!(out, "PID: 0 Comm: selftest"); }
}
static TEST: Test = Test;
hal::entry!(&TEST);
