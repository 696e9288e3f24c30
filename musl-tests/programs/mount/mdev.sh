#!/bin/sh
# mdev -s makes the nodes of the devices it finds in /sys, with the right
# numbers, on an empty /dev.
#@ smp=1
set -e
fail() { echo "FAIL: $*"; exit 1; }

mkdir -p /sys
mount -t sysfs sysfs /sys 2>/dev/null || [ -d /sys/class ] || fail "no /sys"
mount -t tmpfs -o mode=755 dev /dev
trap 'umount -l /dev' EXIT
mdev -s
for want in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0" \
	"console 5 1" "ptmx 5 2" "ttyS0 4 40" "ttyS1 4 41"; do
	set -- $want
	[ -c "/dev/$1" ] || fail "/dev/$1 is missing"
	got=$(stat -c '%t %T' "/dev/$1")
	[ "$got" = "$(printf '%x %s' "$2" "$3")" ] || fail "/dev/$1 is $got, not $2 $3"
done
echo gone > /dev/null
[ "$(head -c 3 /dev/zero | wc -c)" = 3 ] || fail "zero"
