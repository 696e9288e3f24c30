# The machine as a whole: its names, clocks, memory, log and settings, and who is there.

#: acpid
mkdir conf; mkfifo event; (echo 'button/none NONE 00000080 00000000'; sleep 5) >event & timeout 2 acpid -d -e $PWD/event -c $PWD/conf -p $PWD/pid 2>&1 | sed 's/started.*/started/'; rm -f pid; timeout 3 acpid -d -c $PWD/conf -e missing; echo $?

#: adjtimex
adjtimex | sed 's/:.*//'; adjtimex -q; adjtimex -t 10000 >out; echo $?; rm out

#: arch
arch

#: clear
clear | hexdump -C

#: crond
# At a full minute it may read its tables once more: what it says is shown once.
mkdir tabs; echo '*/5 1-3 * jan,feb mon echo never' >tabs/root; echo 'bad line' >tabs/nobody
timeout 3 crond -f -l 0 -L $PWD/log -c $PWD/tabs; sed 's/^[A-Z].*crond: //; s/[0-9][0-9]*\.[0-9.]*//' log | grep -v -i 'wakeup\|sleep\|started\|new day' | awk '!said[$0]++'; rm log; crond -f -c missing

#: crontab
mkdir tabs; echo '* * * * * true' >file; crontab -c tabs file; crontab -c tabs -l; stat -c '%a %u %n' tabs/root; echo '0 0 * * * false' | crontab -c tabs -u nobody -; cat tabs/nobody; crontab -c tabs -d; crontab -c tabs -l; rm tabs/cron.update

#: date
date -u -d @1000000000; date -u -d '2024-02-29 12:30:01' '+%s %j %U %a'; date -u -R -d @0; date -u -r /dev/missing; date -d nonsense; [ $(date +%Y) -gt 2000 ] && echo now; date -u -I -d @86400

#: date:set boot
mount -t tmpfs tmpfs /tmp; cd /tmp
date -u -s @1700000000; touch f; [ $(($(stat -c %Y f) - 1700000000)) -le 5 ] && echo set; date -u +%Y-%m-%d; setpriv true; date -u -s 2040-01-01; date -u +%Y

#: dmesg
dmesg | sed 's/^<[0-9]*>//; s/^\[[ 0-9.]*\] //' | grep -o 'Linux version 6.1'; echo '<4>hello log' >/dev/kmsg; dmesg | grep -o 'hello log'; dmesg -r | grep -o '<[0-9]*>.*hello log' | sed 's/\[.*\]//'; dmesg -n 5; dmesg -c | grep -c hello; dmesg | wc -l

#: dnsdomainname
dnsdomainname; echo $?

#: free numbers
free; free -m | head -n1; free -k | wc -l

#: hostname
hostname; hostname eclipsed.example; hostname; hostname -s; echo file-name >f; hostname -F f; hostname; hostname '(none)'; hostname -F missing

#: hwclock needs=hardware
mount -t tmpfs tmpfs /dev; hwclock -r; r=$?; umount /dev; exit $r

#: klogd
timeout 2 klogd -n -c 7; echo $?

#: last
last; last -f missing; echo $?

#: linux32
linux32 uname -m; linux32 sh -c 'uname -m; linux64 uname -m'

#: linux64
linux64 uname -m; linux64 true; echo $?

#: logger
# Nobody listens at /dev/log, so it stays here.
logger -s -t tag -p user.err hello; echo $?; echo piped | logger -s -t tag; logger -s -p no.such x

#: logname
logname; echo $?

#: logread
logread

#: mdev
mount -t tmpfs tmpfs /dev; mdev -s; ls -l /dev/null /dev/zero /dev/tty | sed 's/ *[A-Z][a-z][a-z] .* / /'; umount /dev

#: sysctl
sysctl kernel.ostype kernel.osrelease | sed 's/6\.1.*/6.1/'; sysctl -n kernel.hostname; sysctl -w kernel.hostname=via-sysctl; hostname; sysctl -w 'kernel.hostname=(none)'; sysctl -n kernel.pid_max; echo 'kernel.domainname = dom' >conf; sysctl -p conf; sysctl kernel.domainname; sysctl -w 'kernel.domainname=(none)'; sysctl nosuch.key; sysctl -w kernel.ostype=x; sysctl -a 2>/dev/null | grep -c '^kernel.ostype'

#: syslogd
syslogd -n -O log & sleep 1; logger -t tag hello; logger -p local3.err third; sleep 1; kill $!; { wait $!; } 2>/dev/null; sed 's/^[A-Z][a-z][a-z] .*:[0-9][0-9] //' log | sed 's/started:.*/started/'; rm log; stat -c %F /dev/log

#: uname
uname; uname -m; uname -o; uname -n; uname -r | cut -d. -f1,2; uname -p -i; uname -sm

#: uptime numbers
uptime | sed 's/min/N/; s/, *[0-9] users//'

#: w
w | sed 's/ *up .*//; s/[0-9][0-9]*/N/g'

#: who
who; who -a; echo $?
