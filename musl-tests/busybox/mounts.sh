# File systems, the devices they would lie on, and images of them in plain files.

#: blkdiscard needs=disk
truncate -s 1M f; blkdiscard f

#: blockdev needs=disk
truncate -s 1M f; blockdev --getsz f

#: chroot
mkdir -p root/bin root/d; cp /bin/busybox root/bin; ln -s busybox root/bin/sh; echo inside >root/d/f; chroot root /bin/sh -c 'cd /d; cat f; pwd; echo ../../* | wc -w; /bin/busybox ls /'; chroot root /missing; echo $?; chroot missing; rm -r root

#: fdisk
truncate -s 10M img; printf 'o\nn\np\n1\n2048\n8191\nt\nb\nn\np\n2\n8192\n\na\n1\np\nw\n' | fdisk -u img | grep '^img\|Disk'; fdisk -lu img; fdisk -l missing; hexdump -C -s 446 -n 34 img; rm img

#: findfs needs=disk
findfs LABEL=nosuch

#: freeramdisk needs=disk
freeramdisk missing

#: fsfreeze needs=disk
mkdir m; mount -t tmpfs tmpfs m; fsfreeze --freeze m; r=$?; umount m; exit $r

#: fstrim needs=disk
mkdir m; mount -t tmpfs tmpfs m; fstrim m; r=$?; umount m; exit $r

#: losetup needs=disk
truncate -s 1M f; mount -t tmpfs tmpfs /dev; losetup -f f; r=$?; losetup /dev/loop0 f; umount /dev; exit $r

#: lsscsi
lsscsi; echo $?

#: mkdosfs
truncate -s 2M img; mkdosfs -n LABEL img; hexdump -C -n 39 img; dd if=img bs=512 skip=1 2>/dev/null | head -c 4 | hexdump -C; rm img; mkdosfs missing

#: mke2fs
truncate -s 4M img; mke2fs -L label -F img; dd if=img bs=1 skip=1024 count=40 2>/dev/null | hexdump -C; rm img; mke2fs missing

#: mkswap
truncate -s 1M img; mkswap -L label img | sed 's/UUID=.*//'; tail -c +4087 img | head -c 10; echo; rm img; mkswap missing

#: mount
mkdir a b c; mount -t tmpfs -o size=64k,mode=700 name a; echo x >a/f; mount -o bind a b; cat b/f; grep suite /proc/mounts | cut -d' ' -f1-3; grep -c suite /proc/mounts
mount -o remount,ro a; echo y >a/g; mount -o remount,rw a; mount | grep -c '^name on .*suite/work/a type tmpfs'; mount --move a c; cat c/f; dd if=/dev/zero of=c/big bs=1k count=100 2>&1 | head -n1; ls -s c/big
mount -t nosuchfs none a; mount -t tmpfs none missing; mount -o noexec,nosuid,nodev,remount c; cp /bin/true c/f 2>/dev/null; umount b; umount c; umount c; su -s /bin/sh nobody -c "mount -t tmpfs none $PWD/a"; grep -c suite /proc/mounts

#: mt needs=disk
mt -f missing rewind

#: nsenter lacks=namespaces
nsenter -u -t 1 true && nsenter -m -t $$ hostname; unshare -u true || exit 1

#: partprobe needs=disk
truncate -s 1M f; partprobe f

#: pivot_root boot
mount -t tmpfs tmpfs /mnt; mkdir -p /mnt/bin /mnt/old; cp /bin/busybox /mnt/bin; cd /mnt; ls /mnt
# The first root can be covered but not moved, so it is a second one that is pivoted.
chroot . /bin/busybox ls /; pivot_root . old; echo $?; pivot_root missing old; echo $?

#: swapoff
truncate -s 1M img; swapoff img; swapoff missing; swapoff -a

#: swapon
dd if=/dev/zero of=img bs=1k count=100 2>/dev/null; mkswap img >/dev/null; swapon img; swapon missing; rm img; swapon -a; echo $?; swapon /dev/null

#: umount
mkdir m; mount -t tmpfs tmpfs m; (cd m; umount ../m; sleep 0); umount m; umount m; mount -t tmpfs tmpfs m; exec 3>m/open; umount m; umount -l m; echo still >&3; ls m; exec 3>&-; mount -t tmpfs tmpfs m; mount -t tmpfs tmpfs m; umount -d m; umount -r m; umount missing; grep -c suite /proc/mounts

#: unshare lacks=namespaces
unshare -u sh -c 'hostname other; hostname'; r=$?; hostname; unshare -m true && unshare -n true && exit $r; exit 1
