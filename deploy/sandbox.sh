# deploy/sandbox.sh - the outside world of a development gateway: tests/sandbox, started and stopped with it. Sourced after lib.sh, never run.
# Its folder is STATE/sandbox: pid, ready.json (its addresses), sandbox.log.jsonl (what it received), complaints.log.

# Its ports follow the gateway's, so that the addresses people copy stay the same.
sandbox_port() { printf '%s' $(($1 + 2000)); }
sandbox_control_port() { printf '%s' $(($1 + 2001)); }
sandbox_tls_port() { printf '%s' $(($1 + 2002)); }

# sandbox_pid_of state: the process id of its running sandbox, or nothing.
sandbox_pid_of() {
	local pid
	pid=$(cat "$1/sandbox/pid" 2>/dev/null) || return 1
	case $pid in '' | *[!0-9]*) return 1 ;; esac
	# A recycled number may belong to anything.
	tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$1/sandbox" || return 1
	printf '%s' "$pid"
}

sandbox_fingerprint() { # state public-port
	{
		find "$repo/tests/sandbox" -name '*.mjs' -print0 | LC_ALL=C sort -z | xargs -0 cat
		cat "$1/tls/cert.pem"
		printf '%s %s\n' "$repo" "$2"
	} | sha256sum
}

# start_sandbox state public-port: unless it runs already, with these files and these ports.
start_sandbox() {
	local state=$1 dir=$1/sandbox pid deadline version port
	if pid=$(sandbox_pid_of "$state") && sandbox_fingerprint "$state" "$2" | cmp -s - "$dir/running.sha256"; then
		say "the sandbox already runs (process $pid)"
		return 0
	fi
	stop_sandbox "$state"
	version=$(node --version 2>/dev/null) || fail "the outside world is played by a Node.js program, and there is no node" "apt-get install nodejs, then run this again."
	version=${version#v}
	[ "${version%%.*}" -ge 18 ] || fail "the sandbox needs Node.js 18 or newer, and this is $version"
	for port in "$(sandbox_port "$2")" "$(sandbox_control_port "$2")" "$(sandbox_tls_port "$2")"; do
		! port_answers "$port" || fail "something else already listens on port $port, which the sandbox needs" "Stop it, or choose other ports: deploy/up --port 18443"
	done
	(umask 077 && mkdir -p "$dir" && : >"$dir/ready.json" && : >"$dir/complaints.log")
	[ ! -f "$dir/sandbox.log.jsonl" ] || mv "$dir/sandbox.log.jsonl" "$dir/sandbox.log.jsonl.1"
	setsid node "$repo/tests/sandbox/sandbox.mjs" --state "$dir" --port "$(sandbox_port "$2")" --control-port "$(sandbox_control_port "$2")" \
		--tls-port "$(sandbox_tls_port "$2")" --cert "$state/tls/cert.pem" --key "$state/tls/key.pem" --ca "$state/tls/cert.pem" \
		</dev/null >"$dir/ready.json" 2>"$dir/complaints.log" &
	pid=$!
	disown
	printf '%s\n' "$pid" >"$dir/pid"
	deadline=$(($(now_ms) + 15000))
	until [ -s "$dir/ready.json" ]; do
		if [ ! -d "/proc/$pid" ]; then
			rm -f "$dir/pid"
			cat "$dir/complaints.log" >&2
			fail "the sandbox ended while it was starting"
		fi
		[ "$(now_ms)" -lt "$deadline" ] || fail "the sandbox was not ready within 15 s" "It still runs as process $pid; stop it with deploy/down --state $state"
		sleep 0.05
	done
	sandbox_fingerprint "$state" "$2" >"$dir/running.sha256"
	say "the sandbox plays the outside world (process $pid)"
}

stop_sandbox() {
	local pid deadline
	pid=$(sandbox_pid_of "$1") || { rm -f "$1/sandbox/pid"; return 0; }
	kill -TERM "$pid"
	deadline=$(($(now_ms) + 10000))
	while is_running "$pid"; do
		[ "$(now_ms)" -lt "$deadline" ] || fail "the sandbox (process $pid) does not stop" "As a last resort: kill -9 $pid"
		sleep 0.02
	done
	rm -f "$1/sandbox/pid"
	say "the sandbox has stopped"
}
