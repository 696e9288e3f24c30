#!/bin/sh
# A day of a small machine in $1 seconds: shells, cron, logging, file churn, job control, storms of
# processes. Prints a line for each hour, as a sign of life. At the end everything is as it was:
# free memory, open files, processes; 'over: 0' if so.
set -u
failures=0

fail() {
	echo "day: $*"
	failures=$((failures + 1))
}

# What there is when all is quiet. Threads of the kernel, which have no command line, come and go.
measure() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	memory=$(awk '$1 == "MemFree:" { print $2 }' /proc/meminfo)
	files=$(cut -f 1 /proc/sys/fs/file-nr)
	processes=$(grep -l . /proc/[0-9]*/cmdline 2>/dev/null | wc -l)
}

shells() {
	[ "$(seq 2000 | grep -v 3 | sort -r | tail -n 1)" = 1 ] || fail "a pipeline"
	[ "$(sh -c 'x=$(echo one | tr a-z A-Z); echo ${x}${x#O}')" = ONENE ] || fail "a substitution"
	sh -c 'trap "exit 9" TERM; kill -TERM $$'
	[ $? = 9 ] || fail "a trap"
}

storm() {
	n=0
	while [ $n -lt 60 ]; do
		/bin/true &
		n=$((n + 1))
	done
	wait
	(sleep 1000 & sleep 1000 & sleep 1000 & kill $! && kill -9 -- $(jobs -p)) 2>/dev/null
	wait
}

churn() {
	mkdir -p "$1"/a/b/c
	for i in $(seq 40); do
		seq "$i" 2000 >"$1/a/$i"
		ln "$1/a/$i" "$1/a/b/$i"
		mv "$1/a/$i" "$1/a/b/c/$i"
	done
	cat "$1"/a/b/c/* | cmp - "$1/all" 2>/dev/null || cat "$1"/a/b/c/* >"$1/all"
	[ "$(find "$1/a" -type f | wc -l)" = 80 ] || fail "files in $1"
	rm -r "$1/a"
}

log() {
	for i in $(seq 10); do
		logger -t day "hour $hour, line $i of $1"
	done
}

jobs_of_a_shell() {
	sh -c '
		sleep 1000 &
		kill -STOP $!
		kill -CONT $!
		kill $!
		wait $!
		[ $? = 143 ]
	' >/dev/null 2>&1 || fail "job control"
}

work() {
	shells
	storm
	churn "$1"
	log "$1"
	exit $failures
}

an_hour() {
	work /tmp/day &
	first=$!
	work /root/day &
	wait $first || fail "work in /tmp"
	wait $! || fail "work in /root"
	jobs_of_a_shell
}

mkdir -p /tmp/day /root/day
echo '* * * * * date >>/run/minutes' | crontab -
crontab -l >/run/crontab
: >/run/minutes
# What is made once and kept, such as the log's two files, is there after some hours.
for hour in 1 2 3; do
	an_hour
done
measure
before="$memory $files $processes"
begin=$(date +%s)
while [ $(($(date +%s) - begin)) -lt "$1" ]; do
	hour=$((hour + 1))
	an_hour
	echo "hour $hour"
done
minutes=$(wc -l </run/minutes)
[ "$minutes" -ge $(($1 / 60 - 1)) ] || fail "cron ran $minutes times"
grep -q "hour $hour, line 10 of /root/day" /var/log/messages || fail "a line is not in the log"

wanted=$before
tries=0
while
	measure
	set -- $wanted
	[ $((memory + 4096)) -lt $1 ] || [ "$files" -gt "$2" ] || [ "$processes" -gt "$3" ]
do
	# What has just ended may still be on its way out.
	tries=$((tries + 1))
	[ $tries -lt 20 ] || break
	usleep 100000
done
[ $((memory + 4096)) -ge $1 ] || fail "memory is lost: KiB free, open files, processes $before before, $memory $files $processes after $hour hours"
[ "$files" -le "$2" ] || fail "files are still open"
[ "$processes" -le "$3" ] || fail "processes are left"
crontab -r
echo "over: $failures"
