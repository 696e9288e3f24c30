# Processes: starting, finding, signalling, timing and ranking them, and the shell that rules them.

#: ash timeout=60
set -u; trap 'echo caught; caught=1' USR1; caught=0; kill -USR1 $$; echo $caught
f() { local x=$1; [ $x -le 1 ] && { echo 1; return; }; echo $((x * $(f $((x - 1))))); }; f 5
(echo sub; exit 3); echo $?; echo a | while read x; do echo got $x; done; cat <<EOF
here $((1 + 1))
EOF
{ echo out; echo err >&2; } 2>&1 >file | sed 's/^/pipe: /'; cat file; exec 3<file; read line <&3; echo $line; exec 3<&-
sleep 0 & wait $!; echo $?; sh -c 'kill -9 $$'; echo $?; case abc in a*) echo case;; esac; set -- 1 2 3; shift; echo $# $*
ulimit -n 64; ulimit -n; umask 027; umask; (ulimit -f 1; trap '' XFSZ; seq 1000 >big); stat -c %s big
trap 'echo bye' EXIT; read -t 1 x </dev/null; echo $?; type cd; command -v ls; echo ${x:-default} ${0##*/}; exit 4

#: busybox
busybox --list | md5sum; busybox | head -n1; busybox nosuch; mkdir d; busybox --install -s d; ls d | wc -l; rm -r d; cp /bin/busybox echo; ./echo copied; rm echo

#: cttyhack
/tests/pty -- cttyhack sh -c 'tty | tr -d 0-9; echo here >/dev/tty'; setsid cttyhack sh -c 'tty'

#: env
A=1 env -i B=2 sh -c 'echo $A$B'; env -u HOME env | grep -c HOME; env nosuch; echo $?; env | sort | grep -v PWD

#: false
false; echo $?

#: getopt
getopt -o ab:c:: -l long,arg: -- -a -b x --long --arg=y -cz rest; getopt -o a -- -z

#: ionice
ionice; ionice -c 2 -n 3 ionice; ionice -c 3 ionice -p $$; ionice -p 99999

#: kill
{ sleep 100 & kill $!; wait $!; echo $?; sleep 100 & kill -STOP $!; kill -CONT $!; kill -9 $!; wait $!; echo $?; } 2>/dev/null
kill -l | md5sum; kill -l 15; kill -0 $$ && echo alive; kill -0 99999; kill -NOSUCH $$; kill -1 nonumber

#: killall
cp /bin/busybox sleep; ./sleep 100 & ./sleep 100 & sleep 1; killall -0 sleep && killall -USR1 sleep; wait; killall sleep; killall -q sleep; echo $?; rm sleep

#: nproc
nproc

#: nuke
mkdir -p d/e; touch d/e/f g; nuke d g missing; ls; ln -s . l; nuke l; ls

#: pidof
cp /bin/busybox sleep; ./sleep 100 & sleep 1; [ "$(pidof sleep)" = $! ] && echo found; kill $!; pidof nosuch; echo $?; rm sleep

#: ps
cp /bin/busybox sleep; ./sleep 100 & sleep 1; ps | head -n1; ps -o comm,args | grep '[s]leep 100'
ps -o pid,ppid,user,group,stat,nice,tty,comm,args | grep '[s]leep 100' | sed "s/\<$!\>/SELF/; s/\<$$\>/PARENT/"; ps -o vsz,rss,comm | grep -c '[0-9] *[0-9].* sleep'; ps -o pid,sid,pgid,comm | grep '[s]leep' | wc -w; kill $!; rm sleep

#: renice
sleep 100 & renice -n 5 -p $!; renice -n 3 -p $!; ps -o nice,comm | grep '[s]leep'; kill $!; renice -n 1 -p 99999; renice 1 -u nosuch

#: setpriv
setpriv --nnp grep NoNewPrivs /proc/self/status; setpriv -d; setpriv --inh-caps +chown,-kill grep CapInh /proc/self/status; setpriv --inh-caps +nosuch true

#: setsid
setsid sh -c 'read pid comm state ppid pgrp sid rest </proc/$$/stat; [ $sid = $$ ] && [ $pgrp = $$ ] && echo leader'; setsid -c true; setsid nosuch; /tests/pty -- setsid sh -c 'echo x >/dev/tty'

#: sh timeout=60
/tests/pty '# ' $'sleep 100 &\r' '# ' $'jobs\r' 'Running' $'kill %1; wait; echo $((40 + 2))\r' '42' $'\r' '# ' $'echo rea""dy; cat\r' 'ready' $'\003' '# ' $'echo s$?\r' 's130' $'exit 7\r' -- sh -i >screen; echo $?; grep -c Running screen; rm screen
sh -c 'echo $0 $1' name arg; echo 'echo from stdin' | sh; sh -e -c 'false; echo never'; echo $?; sh missing

#: sleep
sleep 0; sleep 0.1; echo $?; sleep x; a=$(cut -d. -f1 /proc/uptime); sleep 2; b=$(cut -d. -f1 /proc/uptime); [ $((b - a)) -ge 1 ] && echo slept

#: start-stop-daemon
cp /bin/busybox sleep; start-stop-daemon -S -b -m -p pid -x $PWD/sleep -- 100; sleep 1; kill -0 $(cat pid) && echo runs
start-stop-daemon -S -p pid -x $PWD/sleep -- 100 | sed 's/[0-9]*$//'; start-stop-daemon -K -t -n sleep >/dev/null; echo $?
start-stop-daemon -K -p pid -x $PWD/sleep | sed 's/[0-9][0-9]*//'; sleep 1; start-stop-daemon -K -p pid 2>&1 | sed 's/[0-9][0-9]*//'
echo 'id -u; read line </proc/$$/stat; set -- $line; echo nice ${19}' >who; start-stop-daemon -S -n nosuch -x /bin/sh -c nobody -N 3 -- $PWD/who; start-stop-daemon -S -x /missing; rm pid sleep

#: svc
mkdir -p d/supervise; mkfifo d/supervise/control d/supervise/ok; (exec 3<>d/supervise/ok; timeout 5 cat d/supervise/control; echo; echo read) & sleep 1; svc -du $PWD/d; wait; svc -u missing

#: svok
mkdir -p d/supervise; mkfifo d/supervise/ok; exec 3<>d/supervise/ok; timeout 5 svok $PWD/d; echo $?; svok $PWD/missing 2>/dev/null; echo $?

#: taskset
taskset -p $$ | sed 's/pid [0-9]*/pid/'; taskset 1 sh -c 'taskset -p $$' | sed 's/pid [0-9]*/pid/'; taskset -c 0 nproc; taskset 0 true; taskset -p 99999

#: time
time -f '%C gave %x' sh -c 'exit 3'; time true 2>&1 | sed 's/[0-9.]//g'; time nosuch 2>&1 | head -n1; time -p true 2>&1 | cut -d' ' -f1

#: timeout
timeout 1 sleep 100; echo $?; timeout 10 sh -c 'exit 5'; echo $?; timeout -s KILL 1 sleep 100; echo $?; timeout -k 1 1 sh -c 'trap "" TERM; sleep 3; sleep 3'; echo $?; timeout 1 nosuch; echo $?

#: top
top -b -n1 | head -n 4 | sed 's/[0-9.]*[KM%]*//g; s/  */ /g'; cp /bin/busybox sleep; ./sleep 100 & top -b -n1 | grep -c '[s]leep 100'; kill $!; rm sleep
/tests/pty 'COMMAND' q -- top >screen; echo $?; rm screen

#: true
true; echo $?

#: watch
timeout 3 watch -n 1 -t 'echo hi' | head -n 2 | hexdump -C; timeout 2 watch -n 9 'echo hi' | tail -n1
