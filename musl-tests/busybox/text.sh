# Text, numbers and check sums: nearly all of the work is the program's own, so what is tested is
# what every program needs: files, pipes, and the directory they lie in.

#: ascii
ascii | md5sum
ascii | wc

#: awk
printf 'a 1\nb 2\nc 3\n' >table
awk '{ sum += $2; name = name $1 } END { printf "%s %d %.3f\n", name, sum, sum / NR }' table
awk 'BEGIN { "echo piped" | getline line; print line; print "x" | "cat; echo closed"; close("cat; echo closed")
	system("echo system $((6 * 7))"); print ENVIRON["HOME"]; exit 3 }'

#: base64
head -c 300 /bin/busybox >part
base64 part >text
base64 -d text | cmp - part && wc text

#: basename
basename /usr/lib/x.so .so; basename /; basename a//

#: bc
echo 'scale=30; 4*a(1); 2^200; for (i = 0; i < 3; ++i) i / 7' | bc -l

#: cal
cal 2 2024; cal -y 1752 | md5sum

#: cat
printf 'one\n' >a; printf 'two\n' >b
cat a - b <a; cat -n a b; cat missing

#: cmp
printf 'same\nold\n' >a; printf 'same\nnew\n' >b
cmp a b; cmp -l a b; cmp -s a a && echo equal; cmp a missing

#: crc32
head -c 100000 /bin/busybox | tee part | md5sum; crc32 part missing

#: cut
printf 'a:b:c\nd:e:f\n' >lines
cut -d: -f1,3 lines; cut -c2-3 <lines; cut -f2 missing

#: dc
echo '20 k 2 v p 16 o 255 p' | dc

#: diff
mkdir old new
printf 'a\nb\nc\n' >old/f; printf 'a\nB\nc\n' >new/f; echo only >old/g; touch -d @0 old/* new/*
diff old/f new/f; diff -q old new; diff -ru old new | grep -v '^[-+][-+]'; diff -rN old new

#: dirname
dirname /usr/lib/x.so; dirname x; dirname /

#: dos2unix
printf 'a\r\nb\r\n' >text; dos2unix text; hexdump -C text

#: echo
echo -e 'tab\there\0101'; echo -n no newline; echo

#: ed
printf 'one\ntwo\n' >text
printf 'a\nthree\n.\n1s/one/ONE/\n,p\nw\nq\n' | ed text

#: egrep
printf 'ab\nabb\nac\n' | egrep -n 'ab+$|c'

#: expand
printf 'a\tb\n\tc\n' | expand -t4

#: expr
expr 6 '*' 7; expr abcdef : 'abc\(.*\)'; expr length hello; expr 0; echo $?; expr 1 / 0

#: factor
factor 18446744073709551616 1000000007 1001 0 1

#: fgrep
printf 'a.b\naxb\n' | fgrep a.b

#: fold
echo 'a long line of several words' | fold -s -w10

#: grep
mkdir -p d/e; printf 'one\ntwo\n' >d/f; printf 'two\n' >d/e/g
grep -rn two d | sort; grep -c o d/f; grep -q x d/f; echo $?; grep x missing; grep -v one d/f; grep -l two d/f d/e/g

#: head
seq 100 | head -n3; seq 100 | head -c 5; seq 3 >f; head -n -1 f

#: hexdump
printf '\0\1\2abcdefghijklmnop\377' >bytes
hexdump bytes; hexdump -C bytes; hexdump -v -e '4/1 "%02x " "\n"' bytes

#: hostid
hostid | grep -c '^[0-9a-f]*$'

#: less
seq 100 >f; less f | md5sum; less missing; /tests/pty $'\033[7m' G END q -- less f >screen; echo $?; rm screen

#: md5sum
head -c 123456 /bin/busybox >f; md5sum f >sums; md5sum -c sums; echo x >>f; md5sum -c sums

#: more
seq 30 >f; more f | md5sum; more <f | wc -l; /tests/pty -- head -n1 f; /tests/pty 'More' ' ' -- more f | tail -n2

#: nl
printf 'a\n\nb\n' | nl -b a -w3 -s:

#: od
printf '\0\1\2abcdefghijklmnop\377' >bytes
od bytes; od -A x -t x1 bytes; od -c -j3 -N5 bytes; od missing

#: paste
seq 3 >a; seq 4 6 >b; paste -d: a b; paste -s a

#: patch
printf 'a\nb\nc\n' >f; printf 'a\nB\nc\n' >g; diff -u f g >p
patch f p && cat f; patch -R f p; echo other >f; patch f p

#: printf
printf '%5d|%-5s|%x|%o|%e|%c\n' 42 ab 255 8 1.5 xyz; printf '%b\n' 'a\tb'; printf '%d\n' x

#: rev
printf 'abc\ndef\n' | rev

#: sed
printf 'one\ntwo\nthree\n' >f
sed -n '2p;$=' f; sed -i -e 's/o/0/g' -e '/^t/{h;d}' f; cat f; sed 's/x/y/w out' f; sed -f missing f; ls

#: seq
seq 3; seq -w 8 11; seq 1 0.5 2; seq -s, 5 -2 1

#: sha1sum
head -c 123456 /bin/busybox >f; sha1sum f | tee sums; sha1sum -c sums

#: sha256sum
head -c 123456 /bin/busybox >f; sha256sum f | tee sums; sha256sum -c sums

#: sha3sum
head -c 123456 /bin/busybox >f; sha3sum f | tee sums; sha3sum -c sums

#: sha512sum
head -c 123456 /bin/busybox >f; sha512sum f | tee sums; sha512sum -c sums

#: shuf
seq 100 | shuf | sort -n | md5sum; shuf -i 1-5 -n 2 | wc -l; shuf -e only

#: sort
printf '10 b\n9 a\n10 a\n' >f
sort f; sort -n -k1,1 -k2,2r f; sort -u -k1,1 f; sort -c f; sort -o f f; cat f; sort missing

#: strings
strings -n 8 /bin/busybox | head -n 20 | md5sum; printf 'ab\0abcd\0' | strings -o

#: tac
seq 3 | tac

#: tail
seq 20 >f; tail -n2 f; tail -c4 f; tail -n +19 f; tail -n1 f missing
tail -f f >out & sleep 1; echo more >>f; sleep 2; kill $!; tail -n1 out

#: tee
echo hello | tee a b; echo again | tee -a a; cat a b; echo x | tee /dev/full

#: tr
echo 'hello world' | tr a-z A-Z; echo aabbcc | tr -s a-c; echo a1b2 | tr -cd 0-9; echo


#: ts
printf 'a\nb\n' | ts '%%' ; echo x | ts | grep -c ' x$'

#: unexpand
printf '        a\n    b\n' | unexpand

#: uniq
printf 'a\na\nb\na\n' >f; uniq -c f; uniq -d f; uniq -u f out; cat out

#: unix2dos
printf 'a\nb\n' >f; unix2dos f; hexdump -C f

#: uudecode
printf 'begin 644 out\n#86)C\n`\nend\n' | uudecode; cat out; echo; printf 'x' | uudecode

#: uuencode
echo hello >f; uuencode f name; uuencode -m f name

#: vi
printf 'one\ntwo\n' >f
/tests/pty '50%' ddp 'one' $'ihere \033' 'here' $':wq\r' -- vi f >screen; echo $?; cat f; rm screen

#: wc
printf 'one two\nthree\n' >f; wc f; wc -l <f; wc -c f missing

#: xxd
printf '\0\1\2abcdefghijklmnop\377' >f; xxd f; xxd -p f >hex; xxd -r -p hex | cmp - f && echo same

#: yes
yes | head -n 3; yes a b | head -n 1000 | md5sum
