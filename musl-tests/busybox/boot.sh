# What only process 1 can do, and what ends the machine.

#: halt boot timeout=20
mount -t proc proc /proc; halt -f

#: init boot
mount -t proc proc /proc
printf '%s\n' '::sysinit:/bin/echo sysinit' '::wait:/bin/echo wait' '::once:/bin/sh -c "sleep 1; echo once; kill -USR2 1"' '::shutdown:/bin/echo shutdown' >/etc/inittab
exec init

#: linuxrc boot
mount -t proc proc /proc
printf '%s\n' '::sysinit:/bin/echo as linuxrc' '::ctrlaltdel:/bin/echo keys' '::once:/bin/sh -c "kill -INT 1; sleep 1; kill -TERM 1"' '::shutdown:/bin/echo shutdown' >/etc/inittab
exec linuxrc

#: poweroff boot
poweroff -f

#: reboot boot
reboot -f

#: run-init boot
mount -t tmpfs tmpfs /mnt; mkdir -p /mnt/bin; cp /bin/busybox /mnt/bin; printf '#!/bin/busybox sh\n/bin/busybox ls /; /bin/busybox echo $$ $*\n' >/mnt/next; chmod +x /mnt/next
cd /mnt; run-init -c /dev/missing /mnt /next; exec run-init /mnt /next one two

#: switch_root boot
mount -t tmpfs tmpfs /mnt; mkdir -p /mnt/bin; cp /bin/busybox /mnt/bin; printf '#!/bin/busybox sh\n/bin/busybox ls /; /bin/busybox echo $$ $*\n' >/mnt/next; chmod +x /mnt/next
(switch_root /mnt /next); exec switch_root /mnt /next one two
