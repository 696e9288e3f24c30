# Short names for the scripts, which do the work and need no `just`; each has --help.

# List what there is
default:
    @just --list

# Build the kernel; prints its path
build *args:
    @scripts/build {{args}}

# Boot to a login prompt on this terminal
run *args:
    @scripts/run {{args}}

# Run one program on the kernel: just exec -- CMD
[positional-arguments]
exec *args:
    @scripts/exec "$@"

# Check, build and test everything, or the tests with a word in their name
test *args:
    @scripts/test {{args}}

# Boot, waiting for gdb
debug *args:
    @scripts/debug {{args}}

# Count instructions per operation on Linux and on Eclipse
insn *args:
    @scripts/insn {{args}}

# Say what both kernels cost before any program runs
report *args:
    @scripts/report {{args}}

# Write docs/syscalls.md, the page that says which system calls there are
syscalls:
    @scripts/syscalls

# The quick part of `test`: formatting, lints, host tests, the kernel's build
check:
    @scripts/test --quick

# All there is: `check`, loom's models, the guest tests, and a day at work in an hour
deep:
    @scripts/test --deep
