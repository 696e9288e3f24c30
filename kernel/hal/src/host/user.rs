//! User-mode registers of the host machine, and entering a scripted program.
//!
//! An address in `rip` means: a registered entry, or a place inside the closure that was entered at
//! `entry`: `entry + RUN` while it computes or touches memory, `entry + AFTER` behind a system call
//! (so `AFTER - 2` makes it again, as the length of `syscall` is 2).

use super::cpu;
use super::machine::Shared;
use super::program::{Context, Mailbox, Programs, Reply, Request, access_of};
use crate::contract::{Access, BadState, Fault, NoMemory, NonCanonical, Trap};
use crate::paging::Space;
use std::sync::Arc;

const RUN: u64 = 8;
const AFTER: u64 = 16;
/// Bytes of a `syscall` instruction.
const SYSCALL: u64 = 2;
/// Flags a program may change (CF PF AF ZF SF TF DF OF AC), as Linux's `FIX_EFLAGS`.
const USER_FLAGS: u64 = 0x40dd5;
/// Flags that are always set: bit 1 and IF.
const FIXED_FLAGS: u64 = 0x202;
/// Bytes of FPU state: the legacy area and the XSAVE header.
const FPU: usize = 512 + 64;
const MXCSR: usize = 24;
const XSTATE_BV: usize = 512;

/// Bytes of a program's FPU state.
pub fn fpu_bytes() -> usize {
    FPU
}

/// The parts of FPU state that an image has: x87 and SSE.
pub fn fpu_components() -> u64 {
    3
}

/// The registers of one user thread.
pub struct Regs {
    /// System-call number and result.
    pub rax: u64,
    /// Callee-saved.
    pub rbx: u64,
    /// Fourth argument of functions; clobbered by `syscall`.
    pub rcx: u64,
    /// Third argument.
    pub rdx: u64,
    /// Second argument.
    pub rsi: u64,
    /// First argument.
    pub rdi: u64,
    /// Callee-saved.
    pub rbp: u64,
    /// Fifth argument.
    pub r8: u64,
    /// Sixth argument.
    pub r9: u64,
    /// Fourth argument of system calls.
    pub r10: u64,
    /// Clobbered by `syscall`.
    pub r11: u64,
    /// Callee-saved.
    pub r12: u64,
    /// Callee-saved.
    pub r13: u64,
    /// Callee-saved.
    pub r14: u64,
    /// Callee-saved; across a fork, the child's number (host machine only).
    pub r15: u64,
    rip: u64,
    rsp: u64,
    flags: u64,
    fs_base: u64,
    gs_base: u64,
    fpu: Box<[u8; FPU]>,
    program: Option<Program>,
}

/// The closure these registers run.
struct Program {
    mailbox: Arc<Mailbox>,
    /// The address space it was started in: another one means `execve`.
    root: u64,
    /// The program itself, then the signal handlers running inside each other.
    calls: Vec<Call>,
}

struct Call {
    entry: u64,
    /// The stack pointer it was entered with.
    rsp: u64,
    state: State,
}

enum State {
    /// The thread computes.
    Computing,
    /// The thread waits for this, `done` bytes of which are done.
    Asked { request: Request, done: usize },
    /// The thread waits for the result of a system call that the kernel was told of.
    InSyscall,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.mailbox.kill();
    }
}

fn canonical(address: u64) -> Result<u64, NonCanonical> {
    if address < 1 << 47 { Ok(address) } else { Err(NonCanonical) }
}

/// A clean FPU: FCW 0x37f, MXCSR 0x1f80.
fn clean_fpu() -> [u8; FPU] {
    let mut fpu = [0; FPU];
    fpu[..2].copy_from_slice(&0x37f_u16.to_le_bytes());
    fpu[MXCSR..MXCSR + 4].copy_from_slice(&0x1f80_u32.to_le_bytes());
    fpu
}

impl Regs {
    /// All zero, with a clean FPU.
    pub fn new() -> Result<Regs, NoMemory> {
        crate::heap::admit()?;
        Ok(Regs {
            rax: 0,
            rbx: 0,
            rcx: 0,
            rdx: 0,
            rsi: 0,
            rdi: 0,
            rbp: 0,
            r8: 0,
            r9: 0,
            r10: 0,
            r11: 0,
            r12: 0,
            r13: 0,
            r14: 0,
            r15: 0,
            rip: 0,
            rsp: 0,
            flags: FIXED_FLAGS,
            fs_base: 0,
            gs_base: 0,
            fpu: Box::new(clean_fpu()),
            program: None,
        })
    }

    /// A copy for a new thread. It is bound to no program: its first run starts the child's.
    pub fn try_clone(&self) -> Result<Regs, NoMemory> {
        crate::heap::admit()?;
        Ok(Regs { fpu: self.fpu.clone(), program: None, ..*self })
    }

    /// The next instruction.
    pub fn rip(&self) -> u64 {
        self.rip
    }

    /// Sets the next instruction.
    pub fn set_rip(&mut self, rip: u64) -> Result<(), NonCanonical> {
        self.rip = canonical(rip)?;
        Ok(())
    }

    /// The stack pointer.
    pub fn rsp(&self) -> u64 {
        self.rsp
    }

    /// Sets the stack pointer. Any value will do: it is looked at in user mode only.
    pub fn set_rsp(&mut self, rsp: u64) {
        self.rsp = rsp;
    }

    /// The flags as the program sees them.
    pub fn flags(&self) -> u64 {
        self.flags
    }

    /// Sets those flags that a program may own.
    pub fn set_flags(&mut self, flags: u64) {
        self.flags = flags & USER_FLAGS | FIXED_FLAGS;
    }

    /// The base of the FS segment.
    pub fn fs_base(&self) -> u64 {
        self.fs_base
    }

    /// Sets the base of the FS segment.
    pub fn set_fs_base(&mut self, base: u64) -> Result<(), NonCanonical> {
        self.fs_base = canonical(base)?;
        Ok(())
    }

    /// The base of the GS segment.
    pub fn gs_base(&self) -> u64 {
        self.gs_base
    }

    /// Sets the base of the GS segment.
    pub fn set_gs_base(&mut self, base: u64) -> Result<(), NonCanonical> {
        self.gs_base = canonical(base)?;
        Ok(())
    }

    /// Writes the FPU state, as far as `to` reaches.
    pub fn save_fpu(&mut self, to: &mut [u8]) {
        let len = to.len().min(FPU);
        to[..len].copy_from_slice(&self.fpu[..len]);
    }

    /// Takes an FPU state of [`fpu_bytes`] bytes, unless the FPU would refuse it.
    pub fn restore_fpu(&mut self, from: &[u8]) -> Result<(), BadState> {
        let image: &[u8; FPU] = from.try_into().map_err(|_| BadState)?;
        // Reserved: the upper half of MXCSR, components beyond x87 and SSE, the rest of the header.
        let fine = image[MXCSR + 2..MXCSR + 4] == [0; 2]
            && image[XSTATE_BV] & !3 == 0
            && image[XSTATE_BV + 1..].iter().all(|&byte| byte == 0);
        if !fine {
            return Err(BadState);
        }
        *self.fpu = *image;
        Ok(())
    }

    /// Makes the FPU as for a new program.
    pub fn reset_fpu(&mut self) {
        *self.fpu = clean_fpu();
    }

    /// Runs the program in `space` until it traps.
    ///
    /// # Panics
    /// If a guard is alive, or the caller's thread belongs to no machine.
    pub fn run(&mut self, space: &Space) -> Trap {
        assert_eq!(cpu::guards(), 0, "user mode was entered with a guard alive");
        let machine = cpu::machine().expect("programs run on a machine");
        loop {
            cpu::checkpoint();
            cpu::deliver_interrupts();
            if cpu::take_attention() {
                return Trap::Interrupt;
            }
            if let Some(trap) = self.step(&machine, space) {
                cpu::deliver_interrupts();
                return trap;
            }
        }
    }

    /// Does one thing; the trap it ended in, if any.
    fn step(&mut self, machine: &Arc<Shared>, space: &Space) -> Option<Trap> {
        if self.program.as_ref().is_none_or(|program| program.root != space.root())
            && let Some(trap) = self.start(machine, space)
        {
            return Some(trap);
        }
        let program = self.program.as_mut().expect("started");
        let call = program.calls.last_mut().expect("the program itself is never left");
        if let State::Computing = call.state {
            match program.mailbox.request() {
                Ok(Some(request)) => call.state = State::Asked { request, done: 0 },
                Ok(None) => return None,
                Err(text) => {
                    machine.fail(format!("a program panicked: {text}"));
                    return None;
                }
            }
        }
        match self.rip.wrapping_sub(call.entry) {
            RUN => self.serve(machine, space),
            AFTER if matches!(call.state, State::InSyscall) => {
                program.mailbox.reply(Reply::Value(self.rax as i64));
                call.state = State::Computing;
                self.r15 = 0;
                self.rip = call.entry + RUN;
                None
            }
            again if again == AFTER - SYSCALL && matches!(call.state, State::InSyscall) => {
                Some(self.trap_syscall(call_entry(&self.program)))
            }
            _ => self.call_handler(&machine.programs),
        }
    }

    /// Starts the program at `rip`, or the child that a fork left for us.
    fn start(&mut self, machine: &Arc<Shared>, space: &Space) -> Option<Trap> {
        let args = [self.rdi, self.rsi, self.rdx];
        let mut context =
            Context { machine: machine.clone(), entry: self.rip, args, stack: self.rsp };
        let (state, mailbox) = if let Some((entry, child)) = machine.programs.take_child(self.r15) {
            context.entry = entry;
            (State::InSyscall, machine.programs.start(context.clone(), child))
        } else {
            if let Err(fault) = space.probe(self.rip, Access { exec: true, write: false }) {
                return Some(page_fault(fault));
            }
            let Some(body) = machine.programs.body(self.rip) else {
                // There is memory, but nothing that the host could execute: an invalid opcode.
                return Some(Trap::Exception { vector: 6, error: 0 });
            };
            let mailbox = machine.programs.start(context.clone(), Box::new(move |user| body(user)));
            mailbox.reply(Reply::Value(0));
            self.rip += RUN;
            (State::Computing, mailbox)
        };
        let calls = vec![Call { entry: context.entry, rsp: self.rsp, state }];
        self.program = Some(Program { mailbox, root: space.root(), calls });
        None
    }

    /// Serves what the thread has asked for.
    fn serve(&mut self, machine: &Shared, space: &Space) -> Option<Trap> {
        let program = self.program.as_mut().expect("started");
        let call = program.calls.last_mut().expect("never left");
        let State::Asked { request, done } = &mut call.state else {
            // The kernel lost the result of a system call: there is no such instruction.
            return Some(Trap::Exception { vector: 6, error: 0 });
        };
        let reply = match request {
            Request::Syscall { nr, args, child } => {
                (self.rax, self.r15) = (*nr, child.unwrap_or(0));
                [self.rdi, self.rsi, self.rdx, self.r10, self.r8, self.r9] = *args;
                call.state = State::InSyscall;
                let entry = call.entry;
                return Some(self.trap_syscall(entry));
            }
            Request::Exit(code) => {
                (self.rax, self.rdi) = (machine.config.abi.exit_group, *code as u64);
                call.state = State::InSyscall;
                let entry = call.entry;
                return Some(self.trap_syscall(entry));
            }
            Request::HandlerDone => {
                // Its `ret` takes the return address from the stack, and the restorer there calls.
                let (entry, rsp) = (call.entry, call.rsp);
                self.rax = machine.config.abi.rt_sigreturn;
                self.rsp = rsp + 8;
                program.calls.pop();
                return Some(self.trap_syscall(entry));
            }
            Request::Exception { vector, error } => {
                let trap = Trap::Exception { vector: *vector, error: *error };
                call.state = State::Computing;
                program.mailbox.reply(Reply::Value(0));
                return Some(trap);
            }
            Request::Load { addr, len } => {
                let mut bytes = vec![0; *len];
                space.copy_in(*addr, &mut bytes).map(|()| Reply::Bytes(bytes))
            }
            Request::Store { addr, bytes } => {
                space.copy_out(addr.wrapping_add(*done as u64), &bytes[*done..]).map_or_else(
                    |fault| {
                        *done += fault.done;
                        Err(fault)
                    },
                    |()| Ok(Reply::Value(0)),
                )
            }
            Request::Cas { addr, old, new } => {
                space.cas_u32(*addr, *old, *new).map(|seen| Reply::Value(seen.into()))
            }
            Request::Jump { addr } => {
                space.probe(*addr, access_of(request)).map(|()| Reply::Value(0))
            }
        };
        match reply {
            Ok(reply) => {
                program.mailbox.reply(reply);
                call.state = State::Computing;
                None
            }
            Err(fault) => Some(page_fault(fault)),
        }
    }

    /// Calls the signal handler at `rip` on top of what runs.
    fn call_handler(&mut self, programs: &Programs) -> Option<Trap> {
        let Some(body) = programs.body(self.rip) else {
            let access = Access { exec: true, write: false };
            return Some(page_fault(Fault { done: 0, addr: self.rip, access }));
        };
        let program = self.program.as_mut().expect("started");
        let args = [self.rdi, self.rsi, self.rdx];
        program.mailbox.reply(Reply::Call { body, args, stack: self.rsp });
        program.calls.push(Call { entry: self.rip, rsp: self.rsp, state: State::Computing });
        self.rip += RUN;
        None
    }

    /// What the `syscall` instruction does.
    fn trap_syscall(&mut self, entry: u64) -> Trap {
        self.rip = entry + AFTER;
        (self.rcx, self.r11) = (self.rip, self.flags);
        Trap::Syscall
    }
}

/// Where the innermost closure was entered.
fn call_entry(program: &Option<Program>) -> u64 {
    program.as_ref().and_then(|program| program.calls.last()).map_or(0, |call| call.entry)
}

/// The trap of an access that failed; beyond what can be mapped it is what the CPU raises there.
fn page_fault(fault: Fault) -> Trap {
    let Fault { addr, access, .. } = fault;
    if (1 << 47..0xffff_8000_0000_0000).contains(&addr) {
        return Trap::Exception { vector: 13, error: 0 };
    }
    // U set: from user mode; I/D and W/R by the access.
    let error = 4 | u32::from(access.write) << 1 | u32::from(access.exec) << 4;
    Trap::Fault { addr, access, error }
}
