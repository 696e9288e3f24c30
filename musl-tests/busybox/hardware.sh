# What the machine does not have. Where Linux makes nodes for drivers without a device, an empty
# file system over /dev takes them away.

#: chvt needs=hardware
mount -t tmpfs tmpfs /dev; chvt 2; r=$?; umount /dev; exit $r

#: deallocvt needs=hardware
mount -t tmpfs tmpfs /dev; deallocvt 2; r=$?; umount /dev; exit $r

#: depmod needs=modules
depmod -b . nosuch

#: devmem needs=hardware
mount -t tmpfs tmpfs /dev; devmem 0xf0000 8; r=$?; umount /dev; exit $r

#: dumpkmap needs=hardware
mount -t tmpfs tmpfs /dev; dumpkmap; r=$?; umount /dev; exit $r

#: i2cdetect needs=hardware
i2cdetect -y 0

#: i2cdump needs=hardware
i2cdump -y 0 0x50

#: i2cget needs=hardware
i2cget -y 0 0x50 0

#: i2cset needs=hardware
i2cset -y 0 0x50 0 0

#: i2ctransfer needs=hardware
i2ctransfer -y 0 r1@0x50

#: insmod needs=modules
echo junk >junk.ko; insmod junk.ko; insmod missing.ko

#: loadfont needs=hardware
mount -t tmpfs tmpfs /dev; loadfont </bin/busybox; r=$?; umount /dev; exit $r

#: loadkmap needs=hardware
mount -t tmpfs tmpfs /dev; loadkmap </bin/busybox; r=$?; umount /dev; exit $r

#: lsmod needs=modules
lsmod

#: modinfo needs=modules
modinfo nosuch

#: modprobe needs=modules
modprobe nosuch

#: openvt needs=hardware
mount -t tmpfs tmpfs /dev; openvt true; r=$?; umount /dev; exit $r

#: rmmod needs=modules
rmmod nosuch

#: setkeycodes needs=hardware
mount -t tmpfs tmpfs /dev; setkeycodes e001 1; r=$?; umount /dev; exit $r

#: ubirename needs=hardware
ubirename /dev/ubi0 old new

#: watchdog needs=hardware
mount -t tmpfs tmpfs /dev; watchdog -F /dev/watchdog; r=$?; umount /dev; exit $r
