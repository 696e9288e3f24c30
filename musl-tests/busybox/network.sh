# The guests have no network: what is tested is that programs find that out as they do on Linux, and
# the parts of them that need none.

#: arp needs=network
arp -i eth9 -d 10.9.9.9

#: arping needs=network
arping -c 1 -w 1 -I eth9 10.9.9.9

#: brctl needs=network
brctl addif br9 eth9

#: dumpleases
printf '\0\0\0\0\0\0\0\0' >leases; dumpleases -f leases -a; dumpleases -f missing; printf '\0\0\0\0\0\0\0\1\0\0\177\377\12\11\10\7\2\0\0\0\0\1host\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >leases; dumpleases -f leases -d

#: ftpget needs=network
ftpget 127.0.0.1 file file

#: ftpput needs=network
echo x >f; ftpput 127.0.0.1 f f

#: httpd
echo hello >f; printf 'GET /f HTTP/1.0\r\n\r\n' | httpd -i -h . | sed '/^Date\|^Last-Mod\|^ETag/d'; printf 'GET /missing HTTP/1.0\r\n\r\n' | httpd -i -h . | head -n1; httpd -e 'a b<&'; httpd -d 'a%20b%3c'; echo
mkdir cgi-bin; printf '#!/bin/sh\nprintf "Content-type: text/plain\\r\\n\\r\\n"; echo cgi $QUERY_STRING\n' >cgi-bin/c; chmod +x cgi-bin/c; printf 'GET /cgi-bin/c?q=1 HTTP/1.0\r\n\r\n' | httpd -i -h . | tail -n1

#: httpd:listen needs=network
httpd -f -p "[fe80::1]:8080"

#: ifconfig needs=network
ifconfig eth9 up

#: ifdown
printf 'auto eth9\niface eth9 inet manual\n  down echo going down\n' >ifaces; mkdir -p /var/run; echo eth9=eth9 >/var/run/ifstate; ifdown -v -i ifaces eth9; ifdown -i ifaces eth9; ifdown -i missing eth9; rm -f /var/run/ifstate*

#: ifup
printf 'auto eth9\niface eth9 inet static\n  address 10.9.9.9\n  netmask 255.0.0.0\n  up echo up\n' >ifaces; mkdir -p /var/run; ifup -n -v -i ifaces eth9; ifup -i ifaces nosuch; printf 'iface m inet manual\n  up echo $IFACE $MODE; cat ifaces | wc -l\n' >>ifaces; ifup -i ifaces m; cat /var/run/ifstate; rm -f /var/run/ifstate*

#: ip needs=network
ip link set eth9 up

#: ipcalc
ipcalc -bnmp 10.1.2.3/20; ipcalc -h 127.0.0.1; ipcalc 1.2.3

#: ipneigh needs=network
ipneigh show dev eth9

#: nameif lacks=sockets
nameif eth9 00:11:22:33:44:55

#: nc needs=network
nc -w 1 127.0.0.1 9

#: netstat lacks=sockets
netstat -rn >out; r=$?; rm out; exit $r

#: nslookup needs=network
nslookup example.org 127.0.0.1 >/dev/null

#: ping needs=network
ping -c 1 -W 1 127.0.0.1 >/dev/null

#: ping6 needs=network
ping6 -c 1 -W 1 fe80::1 >/dev/null

#: rdate needs=network
rdate -p 127.0.0.1

#: route needs=network
route add default gw 10.9.9.9

#: ssl_client needs=network
ssl_client -s 9

#: tc needs=network
tc qdisc add dev eth9 root pfifo

#: telnet needs=network
telnet 127.0.0.1 9

#: telnetd needs=network
telnetd -F -b fe80::1

#: tftp needs=network
tftp -g -r file 127.0.0.1

#: traceroute needs=network
traceroute -n -m 1 -w 1 -q 1 127.0.0.1 >/dev/null

#: traceroute6 needs=network
traceroute6 -n -m 1 -w 1 -q 1 fe80::1 >/dev/null

#: tunctl needs=network
mount -t tmpfs tmpfs /dev; tunctl -t tap9; r=$?; umount /dev; exit $r

#: udhcpc needs=network
udhcpc -i eth9 -n -q -f -t 1 -T 1

#: udhcpd needs=network
printf 'start 10.0.0.2\nend 10.0.0.9\ninterface eth9\nlease_file leases\npidfile pid\n' >conf; udhcpd -f conf; r=$?; rm -f pid leases; exit $r

#: uevent lacks=sockets
timeout 2 uevent true; [ $? = 143 ] || exit 1

#: vconfig needs=network
vconfig add eth9 5

#: wget needs=network
wget -q -O out http://127.0.0.1/; r=$?; rm -f out; exit $r
