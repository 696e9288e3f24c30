# Who one is, becoming someone else, and the terminals through which one does.

#: getty
printf '#!/bin/sh\necho login for $*; tty | tr -d 0-9; stty -a | grep -o "[-]*icanon"\n' >login; chmod +x login; printf 'Issue on \\l\n' >issue
/tests/pty 'login: ' $'someone\r' -- getty -l $PWD/login -f issue 38400 - vt100 | tr -d '\r' | sed 's/pts.[0-9]*/PTS/; s/^.* login:/HOST login:/'; /tests/pty -- getty -n -l $PWD/login -i 0 - | tr -d '\r'; getty nothing

#: groups
groups; groups root; groups nobody; groups nosuch

#: id
id; id -u; id -gn; id nobody; id nosuch; id -G; su -s /bin/sh nobody -c id

#: login
cp /etc/passwd saved; sed -i 's/^root:x/root:/' /etc/passwd
/tests/pty '# ' $'id -un; tty | tr -d 0-9; exit 3\r' -- login -f root >screen; echo $?; tr -d '\r' <screen | grep -x -c 'root\|/dev/pts/'; cp saved /etc/passwd; login nosuch </dev/null; rm saved screen

#: mkpasswd
mkpasswd -m sha512 -S saltsalt secret; mkpasswd -m md5 -S saltsalt secret; mkpasswd -m des -S ab secret; echo secret | mkpasswd -P 0 -m sha256 -S saltsalt

#: nologin
nologin; echo $?

#: passwd
cp /etc/passwd saved; echo 'nobody:x:19000:0:99999:7:::' >/etc/shadow; show() { sed 's/:[0-9]*:/:DAY:/' /etc/shadow; }; passwd -l nobody; show; passwd -u nobody; show; passwd -d nobody; show
/tests/pty 'password:' $'Correct-Horse9\r' 'password:' $'Correct-Horse9\r' -- passwd nobody >screen; echo $?; cut -c1-10 /etc/shadow; stat -c %a /etc/shadow; passwd nosuch; cp saved /etc/passwd; rm -f /etc/shadow /etc/shadow+ /etc/passwd- /etc/shadow- screen saved

#: reset
reset | hexdump -C; /tests/pty -- sh -c 'stty -echo -icanon; reset; stty -a | grep -o "[-]*icanon\|[-]*echo "'

#: stty
/tests/pty -- stty -a; /tests/pty -- sh -c 'stty -g; stty rows 30 cols 90; stty size; stty -echo intr ^X; stty; stty sane; stty raw; stty -a; stty speed'; stty -F /dev/null; stty </dev/null

#: su
su -s /bin/sh nobody -c 'id; pwd; echo $HOME $USER'; su -s /bin/sh nobody -c 'cat /etc/shadow; kill -0 1; echo x >/etc/passwd; chown 0 .'; su -s /bin/sh -l nobody -c 'echo $HOME'; su nosuch; su -s /bin/sh nobody -c 'exit 6'; echo $?; su nobody -c true; echo $?

#: sulogin
cp /etc/passwd saved; sed -i 's/^root:x/root:/' /etc/passwd
/tests/pty 'maintenance' $'\r' '# ' $'id -un; exit 2\r' -- sulogin >screen; echo $?; cp saved /etc/passwd; rm saved screen

#: tty
tty; echo $?; tty -s; echo $?; /tests/pty -- tty | tr -d '0-9\r'; tty </dev/zero

#: whoami
whoami; su -s /bin/sh nobody -c whoami

#: microcom
/tests/pty x '' -- sh -c 'echo x; microcom -t 500 /dev/missing; tty=$(tty); stty raw -echo; echo typed | microcom -t 500 $tty' | tr -d '\r'
