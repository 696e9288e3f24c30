# Packing and unpacking: much reading and writing, pipes between processes, owners, modes and times
# that must come back as they went in.

#: ar
# Adds a member to an ar archive, which busybox can only read.
member() { printf '%-16s%-12s%-6s%-6s%-8s%-10s`\n' $2 1000000000 0 0 100644 $(wc -c <$2) >>$1; cat $2 >>$1; }
printf 'one\n\n' >a; printf '22\n\n' >b
printf '!<arch>\n' >lib.a; member lib.a a; member lib.a b
ar -t lib.a; ar -tv lib.a; ar -p lib.a b; rm a b; ar -xov lib.a a; cat a; stat -c '%Y %n' a; ar -x missing.a

#: bunzip2
seq 1000 >f; bzip2 f; bunzip2 f.bz2; md5sum f; echo junk >x.bz2; bunzip2 x.bz2

#: bzcat
seq 1000 | bzip2 >f.bz2; bzcat f.bz2 | md5sum

#: bzip2
seq 5000 >f; bzip2 -9 -k f; bzip2 -dc f.bz2 | cmp - f && ls; bzip2 missing

#: cpio
mkdir -p d/e; echo x >d/f; ln -s f d/l; ln d/f d/h; mkfifo d/p; chmod 640 d/f
find d | sort | cpio -o -H newc >a.cpio; rm -r d; cpio -idm <a.cpio; cpio -t <a.cpio; rm a.cpio

#: dpkg
# Adds a member to an ar archive, which busybox can only read.
member() { printf '%-16s%-12s%-6s%-6s%-8s%-10s`\n' $2 1000000000 0 0 100644 $(wc -c <$2) >>$1; cat $2 >>$1; }
mkdir -p p/DEBIAN p/opt/demo; echo data >p/opt/demo/file
printf 'Package: demo\nVersion: 1\nArchitecture: all\nMaintainer: me\nDescription: d\n' >p/DEBIAN/control
find p | xargs touch -d @1000000000
tar cf - -C p/DEBIAN . | gzip >control.tar.gz; tar cf - -C p ./opt | gzip >data.tar.gz
for i in *.gz; do [ $(($(wc -c <$i) % 2)) = 0 ] || printf '\0' >>$i; done
echo 2.0 >debian-binary; printf '!<arch>\n' >demo.deb
for i in debian-binary control.tar.gz data.tar.gz; do member demo.deb $i; done
mkdir -p /var/lib/dpkg; : >/var/lib/dpkg/status
dpkg -i demo.deb; cat /opt/demo/file; dpkg -l demo | tail -n1; dpkg -r demo; ls /opt/demo
rm -r ./* /opt /var/lib/dpkg

#: dpkg-deb
# Adds a member to an ar archive, which busybox can only read.
member() { printf '%-16s%-12s%-6s%-6s%-8s%-10s`\n' $2 1000000000 0 0 100644 $(wc -c <$2) >>$1; cat $2 >>$1; }
mkdir -p p/DEBIAN p/opt/demo; echo data >p/opt/demo/file
printf 'Package: demo\nVersion: 1\nArchitecture: all\nMaintainer: me\nDescription: d\n' >p/DEBIAN/control
find p | xargs touch -d @1000000000
tar cf - -C p/DEBIAN . | gzip >control.tar.gz; tar cf - -C p ./opt | gzip >data.tar.gz
for i in *.gz; do [ $(($(wc -c <$i) % 2)) = 0 ] || printf '\0' >>$i; done
echo 2.0 >debian-binary; printf '!<arch>\n' >demo.deb
for i in debian-binary control.tar.gz data.tar.gz; do member demo.deb $i; done
dpkg-deb -c demo.deb; dpkg-deb -f demo.deb; dpkg-deb -x demo.deb out; dpkg-deb -e demo.deb; find out DEBIAN | sort
cat out/opt/demo/file; rm *.gz demo.deb

#: gunzip
seq 1000 >f; gzip f; gunzip -t f.gz && gunzip f.gz; md5sum f; echo junk >x.gz; gunzip x.gz

#: gzip
seq 5000 >f; chmod 600 f; gzip -9 f; stat -c '%a %n' f.gz; gzip -dc f.gz | md5sum; rm f.gz; gzip missing

#: lzcat
# seq 100, packed
echo XQAAgAD//////////wAYgoKPIk74plX38JmlJQ2QRZFaUbSbyqzcBTLshVKfsUht79zoS7lhuuCcU3+YyKlUDvw9KtMG12ZEPVZkps0918cfRPQY3wILP+LGxnvh5395RBx5t0KuZbgbtQ6E4ZqCBiM5Wn9yqkP6pZofksC+RXF5StWTxpAKOa2cZYcqtho4x+GTF8rQPgnqsFLv7B0B73//wcYQAA== | base64 -d >f.lzma
lzcat f.lzma | md5sum; echo junk | lzcat

#: lzma
# seq 100, packed
echo XQAAgAD//////////wAYgoKPIk74plX38JmlJQ2QRZFaUbSbyqzcBTLshVKfsUht79zoS7lhuuCcU3+YyKlUDvw9KtMG12ZEPVZkps0918cfRPQY3wILP+LGxnvh5395RBx5t0KuZbgbtQ6E4ZqCBiM5Wn9yqkP6pZofksC+RXF5StWTxpAKOa2cZYcqtho4x+GTF8rQPgnqsFLv7B0B73//wcYQAA== | base64 -d >f.lzma
lzma -dk f.lzma; md5sum f; lzma -d missing.lzma

#: lzop
seq 1000 >f; lzop -c f | lzop -dc | cmp - f && echo same; lzop missing

#: rpm
rpm -qp missing.rpm; echo junk >f.rpm; rpm -i f.rpm

#: rpm2cpio
echo junk >f.rpm; rpm2cpio f.rpm

#: tar
mkdir -p d/e; echo x >d/f; ln -s f d/l; ln d/f d/h; mkfifo d/p; chmod 4750 d/f; chown 12:34 d/e; touch -d @1000000000 d/f
tar cf a.tar d; tar tf a.tar | sort; rm -r d; tar xpf a.tar; stat -c '%n %a %u:%g %h %Y' d/f d/h; rm a.tar
tar czf a.tgz d; tar xzOf a.tgz d/f; tar xf missing.tar; rm a.tgz

#: uncompress
printf '\037\235\220\141\304\310\261\1' >f.Z; uncompress f.Z; cat f; echo junk >g.Z; uncompress g.Z

#: unlzma
# seq 100, packed
echo XQAAgAD//////////wAYgoKPIk74plX38JmlJQ2QRZFaUbSbyqzcBTLshVKfsUht79zoS7lhuuCcU3+YyKlUDvw9KtMG12ZEPVZkps0918cfRPQY3wILP+LGxnvh5395RBx5t0KuZbgbtQ6E4ZqCBiM5Wn9yqkP6pZofksC+RXF5StWTxpAKOa2cZYcqtho4x+GTF8rQPgnqsFLv7B0B73//wcYQAA== | base64 -d >f.lzma
unlzma f.lzma; md5sum f; echo junk >g.lzma; unlzma g.lzma

#: unxz
# seq 100, packed
echo /Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4AEjAJNdABiCgo8iTvimVffwmaUlDZBFkVpRtJvKrNwFMuyFUp+xSG3v3OhLuWG64JxTf5jIqVQO/D0q0wbXZkQ9VmSmzT3Xxx9E9BjfAgs/4sbGe+Hnf3lEHHm3Qq5luBu1DoThmoIGIzlaf3KqQ/qlmh+SwL5FcXlK1ZPGkAo5rZxlhyq2GjjH4ZMXytA+CeqwUu/rqot4AAAA3PGLZwABqwGkAgAAfEZjTD4wDYsCAAAAAAFZWg== | base64 -d >f.xz
chmod 640 f.xz; unxz f.xz; md5sum f; echo junk junk >g.xz; unxz g.xz

#: unzip
printf 'PK\3\4\12\0\0\0\0\0\0\0\41\114\250\145\62\266\3\0\0\0\3\0\0\0\1\0\0\0fhi\nPK\1\2\36\3\12\0\0\0\0\0\0\0\41\114\250\145\62\266\3\0\0\0\3\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\244\201\0\0\0\0fPK\5\6\0\0\0\0\1\0\1\0\57\0\0\0\42\0\0\0\0\0' >f.zip
unzip -l f.zip; unzip f.zip; cat f; unzip missing.zip; rm -f f.zip

#: xz
# seq 100, packed
echo /Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4AEjAJNdABiCgo8iTvimVffwmaUlDZBFkVpRtJvKrNwFMuyFUp+xSG3v3OhLuWG64JxTf5jIqVQO/D0q0wbXZkQ9VmSmzT3Xxx9E9BjfAgs/4sbGe+Hnf3lEHHm3Qq5luBu1DoThmoIGIzlaf3KqQ/qlmh+SwL5FcXlK1ZPGkAo5rZxlhyq2GjjH4ZMXytA+CeqwUu/rqot4AAAA3PGLZwABqwGkAgAAfEZjTD4wDYsCAAAAAAFZWg== | base64 -d >f.xz
xz -dk f.xz; md5sum f; xz -t f.xz; xz -d missing.xz

#: xzcat
# seq 100, packed
echo /Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4AEjAJNdABiCgo8iTvimVffwmaUlDZBFkVpRtJvKrNwFMuyFUp+xSG3v3OhLuWG64JxTf5jIqVQO/D0q0wbXZkQ9VmSmzT3Xxx9E9BjfAgs/4sbGe+Hnf3lEHHm3Qq5luBu1DoThmoIGIzlaf3KqQ/qlmh+SwL5FcXlK1ZPGkAo5rZxlhyq2GjjH4ZMXytA+CeqwUu/rqot4AAAA3PGLZwABqwGkAgAAfEZjTD4wDYsCAAAAAAFZWg== | base64 -d >f.xz
xzcat f.xz | md5sum; echo junk junk | xzcat

#: zcat
seq 1000 | gzip >f.gz; zcat f.gz | md5sum; rm f.gz
