# Names, links, modes, owners, times and sizes.

#: [
[ -d / ] && [ ! -e missing ] && [ 3 -gt 2 ] && echo yes; [ a = b ]; echo $?; [ 1 -eq x ]

#: [[
busybox [[ -f ../case -a abc = abc ]]; echo $?

#: chgrp
touch f; mkdir d; touch d/g; chgrp 7 f; chgrp -R daemon d; chgrp -R 8 d; stat -c '%g %n' f d d/g; chgrp nobody missing

#: chmod
touch f; mkdir -p d/e; chmod 4751 f; chmod -R u=rwx,g+s,o= d; chmod +t d; stat -c '%a %n' f d d/e; chmod 1 missing; chmod z f

#: chown
touch f; ln -s f l; chown 5:6 f; chown -h 7 l; stat -c '%u:%g %n' f l; chown 99999:4294967294 f; stat -c '%u:%g' f; chown 0:0 missing

#: cp
echo data >f; chmod 640 f; chown 3:4 f; mkdir d; ln -s ../f d/l; mkfifo d/p; ln f h; touch -h -d @1000000000 f d/l d/p d
cp f g; cp -a d e; cp -p f k; cp -r d m; cp -l f n; cp -s ../f d/s; cp -u f g; stat -c '%n %F %a %u:%g %h %Y' e/p e k n; cp d x; cp missing y

#: dd
seq 100 >f; dd if=f of=g bs=10 skip=2 count=3 2>&1 | head -n 2; cat g
dd if=f of=g bs=1 seek=5 count=2 conv=notrunc 2>/dev/null; cat g; dd if=/dev/zero bs=1k count=1 2>/dev/null | wc -c; dd if=missing; dd of=/dev/full if=f

#: df
mkdir m; mount -t tmpfs -o size=1m tmpfs m; dd if=/dev/zero of=m/f bs=1k count=100 2>/dev/null
df -k m | tail -n1; df -h m | tail -n1; df -i m | sed 's/ *[0-9]* *[0-9]* *[0-9]* *[0-9]*%/ inodes/' | tail -n1; df missing; umount m

#: du
mkdir -p d/e; dd if=/dev/zero of=d/f bs=1k count=20 2>/dev/null; echo x >d/e/g; truncate -s 1M d/sparse; ln d/f d/h
du -k d | sort; du -s d; du -a d | sort | sed 's/d.[fh]$/linked/'; du -m d/sparse; du -l -s d; du missing

#: fallocate
fallocate -l 10000 f; stat -c '%s %b' f; fallocate -o 20000 -l 1 f; stat -c %s f; fallocate -l 1 missing/f

#: fatattr needs=disk
fatattr missing; touch f; fatattr f

#: find
mkdir -p d/e/f; echo x >d/a; echo yy >d/e/b; ln -s a d/l; chmod 600 d/a; touch -d @1000000000 d/e/b
find d | sort; find d -type f -size -2 -print | sort; find d -name 'b' -mtime +100; find d -perm 600; find d -newer d/e/b -type f
find d -type l -exec echo link {} \; ; find d -name e -prune -o -type f -print; find d -depth -exec rm -r {} +; find missing; find . -maxdepth 0 -links 2

#: link
echo x >a; link a b; stat -c %h a; link a b; link missing c

#: ln
echo x >a; ln a b; ln -s a s; ln -sf b s; readlink s; mkdir d; ln -s ../a d; ln a b; ln missing x; ln -s a s; stat -c '%h %N' a s d/a

#: ls
mkdir d; echo 12345 >d/f; ln -s f d/l; mkfifo d/p; mknod d/n c 1 3; mknod d/b b 7 0; chmod 4755 d/f; chmod 1777 d; touch -h -d @1000000000 d/* d
ls -l d; ls -la d | head -n 1; ls -1F d; ls -R; ls -n d/f; ls -lS d; ls -e d/f; ls missing; ls -id / | grep -c '[0-9]'; ls -s d

#: mkdir
mkdir a; mkdir -p b/c/d; mkdir -m 700 e; mkdir a; mkdir x/y; (umask 077; mkdir u); stat -c '%a %h %n' a b e u

#: mkfifo
mkfifo -m 600 p; (echo through >p) & cat p; wait; mkfifo p

#: mknod
mknod n c 1 3; echo x >n && echo written; mknod z c 1 5; head -c 4 z | hexdump; mknod p p; mknod b b 250 1; cat b; stat -c '%F %t %T' n z b; mknod n c 1 3
mknod none c 250 250; cat none

#: mktemp
f=$(mktemp ./XXXXXX); stat -c '%a %s' "$f"; rm "$f"; d=$(mktemp -d ./d.XXXXXX); stat -c %a "$d"; rmdir "$d"; mktemp missing/XXXXXX | sed 's/X.*//'; mktemp bad; TMPDIR=. mktemp -u | wc -c

#: mv
echo a >a; echo b >b; mv a c; mv b c; cat c; mkdir d; mv c d; mv d/c d/e; mkdir m; mount -t tmpfs tmpfs m; mv d m; ls m/d; mv m/d .; umount m; mv d d/x; mv missing z; rmdir m

#: mim
printf 'hello:\n\techo mim says $1\n' >Mimfile; mim hello you; mim -f missing x

#: patch:new
printf -- '--- /dev/null\n+++ new\n@@ -0,0 +1 @@\n+hello\n' | patch -p0; cat new

#: pwd
mkdir -p a/b; cd a/b; pwd | sed 's/.*work/work/'; ln -s b ../l; cd ../l; pwd | sed 's/.*work/work/'; pwd -P | sed 's/.*work/work/'; rm -r ../../a; pwd -P

#: readlink
ln -s target l; ln -s l m; readlink l; readlink -f m | sed 's/.*work/work/'; readlink missing; echo $?; touch f; readlink f; ln -s loop loop; readlink -f loop

#: realpath
mkdir -p a/b; ln -s a/b l; realpath l a/../a/b/. | sed 's/.*work/work/'; realpath missing/x

#: resume needs=disk
resume /dev/missing; echo $?

#: rm
mkdir -p d/e; touch d/e/f a b; rm a; rm d; rm -r d; rm missing; rm -f missing; chmod 0 b; rm -f b; ls

#: rmdir
mkdir -p a/b/c d; rmdir -p a/b/c; touch d/f; rmdir d; rmdir missing; rmdir d/f

#: run-parts
mkdir d; for i in 1 2; do printf '#!/bin/sh\necho part %s $*\n' $i >d/$i; chmod +x d/$i; done; echo no >d/3.no
run-parts --test d; run-parts -a arg d; printf '#!/bin/sh\nexit 4\n' >d/2; run-parts d

#: shred
echo secret >f; shred -n1 f; stat -c %s f; shred -u -z f; ls; shred missing

#: stat
echo hello >f; chmod 751 f; touch -d @1000000000 f; ln -s f l; mknod n c 4 65
stat -c '%n %s %b %B %f %F %a %A %h %u %U %g %G %X %Y %x' f; stat -c '%N %s' l; stat -L -c %F l; stat -c '%t %T' n; stat missing
mkdir m; mount -t tmpfs -o size=64k tmpfs m; stat -f -c '%T %s %S %b %f %a %t %l' m; umount m

#: sync
echo x >f; sync; sync f; sync -d f; sync missing

#: test
test -x /bin/busybox && test -L /bin/sh && test -c /dev/null && test -p /dev/null || echo no; test 1 -lt 2 -a a != b && echo yes
touch -d @1 old; touch new; test new -nt old && echo newer; ln old hard; test old -ef hard && echo same; chmod 0 old; test -r old && echo root reads; test -t 0; echo $?

#: touch
touch a; touch -c missing; touch -d @1000000000 a; touch -r a b; stat -c '%Y %X' a b; touch -t 200102030405.06 a; stat -c %Y a; ln -s b l; touch -h -d @5 l; stat -c %Y l b; touch no/such

#: truncate
truncate -s 1000 f; stat -c '%s %b' f; echo x >g; truncate -s +5 g; hexdump -C g; truncate -s 1 g; truncate -c -s 4 missing; truncate -s 1k .

#: unlink
touch f; ln f g; unlink f; stat -c %h g; unlink missing; mkdir d; unlink d

#: usleep
usleep 1000; echo $?

#: which
which sh cut missing; echo $?

#: xargs
seq 5 | xargs -n2 echo; printf 'a\0b c\0' | xargs -0 -n1 echo; echo x | xargs -I@ echo [@]; seq 3 | xargs sh -c 'exit 3'; echo $?; seq 4 | xargs -P2 -n1 echo | sort; echo | xargs -r echo never
