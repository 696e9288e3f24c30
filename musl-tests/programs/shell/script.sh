#!/bin/sh
# A long day of a shell. What it prints must be what it prints on Linux.
#@ oracle smp=1,2,4

echo "== loops"
i=0
while [ $i -lt 5 ]; do
	i=$((i + 1))
	[ $i -eq 3 ] && continue
	printf '%d ' $i
done
echo
for word in alpha "beta gamma" delta; do echo "<$word>"; done
until [ $i -le 0 ]; do i=$((i - 2)); done
echo "i=$i"

echo "== arithmetic"
echo $((7 * 6)) $((17 % 5)) $((1 << 20)) $((0x1f ^ 3)) $(((1 + 2) * -3))
echo $((i == -1 ? 10 : 20))

echo "== case and functions"
kind() {
	case "$1" in
	[0-9]*) echo "$1: number" ;;
	*.c | *.h) echo "$1: source" ;;
	"") echo "empty" ;;
	*) echo "$1: word" ;;
	esac
	return ${2:-0}
}
kind 42; kind main.c; kind ""; kind hello 3
echo "status $?"
fact() { if [ "$1" -le 1 ]; then echo 1; else echo $(($1 * $(fact $(($1 - 1))))); fi; }
fact 10

echo "== pipelines"
seq 1 1000 | grep 7 | sed 's/7/seven/' | sort -r | head -n 5
seq 1 20000 | awk '{ s += $1 } END { print s }'
printf 'b\na\nc\nb\n' | sort | uniq -c | tr -s ' '
yes | head -n 3
false | true; echo "pipe status $?"
seq 1 100000 | wc -l

echo "== redirections"
echo one >file; echo two >>file; cat <file
cat nothing 2>errors || echo "cat failed"
grep -c 'nothing' errors
{ echo to-out; echo to-err >&2; } >both 2>&1; cat both
exec 5>fd5; echo "through five" >&5; exec 5>&-; cat fd5
wc -c <file
: >file; [ -s file ] || echo "file is empty"

echo "== here-documents"
name=world
cat <<END
hello $name, $((1 + 1)) times
END
cat <<'END'
hello $name, not expanded
END
cat <<-END | tr a-z A-Z
	tabs are gone
END

echo "== substitution and subshells"
dir=$(pwd); (cd / && pwd); [ "$(pwd)" = "$dir" ] && echo "still there"
(exit 9); echo "subshell $?"
x=outer; (x=inner; echo $x); echo $x
echo "nested: $(echo $(echo $(echo deep)))"
v=abcdef; echo ${#v} ${v#ab} ${v%ef} ${unset:-default} ${v:+set}
set -- a "b c" d; echo $# "$2"; shift; echo "$@"

echo "== background and wait"
(sleep 0.2; exit 4) & first=$!
(exit 5) & second=$!
wait $second; echo "second $?"
wait $first; echo "first $?"
for n in 1 2 3 4 5; do (echo $n >job$n) & done; wait
cat job1 job2 job3 job4 job5 | tr '\n' ' '; echo

echo "== signals and traps"
trap 'echo "got USR1"' USR1
kill -USR1 $$
(trap 'echo bye' EXIT; echo leaving)
sh -c 'kill -TERM $$'; echo "term $?"
sh -c 'kill -KILL $$'; echo "kill $?"
sleep 100 & kill $!; wait $!; echo "sleeper $?"
trap '' PIPE; trap - USR1

echo "== files"
mkdir -p a/b/c && echo text >a/b/c/f && ln -s b/c a/link && cat a/link/f
find a | sort
cp -r a copy && rm -r a && ls -R copy && mv copy/b/c/f moved && cat moved
chmod 640 moved && stat -c '%a %s %F' moved
for f in job*; do rm "$f"; done; echo job*
tar cf t.tar copy && tar tf t.tar | sort
test -d copy -a ! -e a && echo "tests hold"
dd if=/dev/zero bs=1000 count=300 2>/dev/null | md5sum
(ulimit -n 20; ulimit -n)
read line <<END
first line
END
echo "read: $line"
exit 0
