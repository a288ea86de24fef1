# deploy/lib.sh - what deploy/ and tests/run share. Sourced, never run.
# Words go to people, so they say what happens, how long it took, and what to do when it did not work.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }

fail() {
	printf '\nfailed: %s\n' "$1" >&2
	shift
	local line
	for line in "$@"; do
		printf '  %s\n' "$line" >&2
	done
	exit 1
}

now_ms() {
	local t=${EPOCHREALTIME/[.,]/}
	printf '%s' $((t / 1000))
}

seconds_since() {
	local ms=$(($(now_ms) - $1))
	printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

# step "what is being done" command…: quiet when it works; what it printed is shown when it does not.
step() {
	local what=$1 began output
	shift
	began=$(now_ms)
	output=$(mktemp)
	printf '%-46s ' "$what"
	if "$@" >"$output" 2>&1 </dev/null; then
		printf 'done (%s)\n' "$(seconds_since "$began")"
		rm -f "$output"
		return 0
	fi
	printf 'failed (%s)\n' "$(seconds_since "$began")"
	tail -n 60 "$output" >&2
	rm -f "$output"
	return 1
}

# packages group…: the names that are not installed and not made unnecessary by a command.
packages_missing() {
	local group package command wanted
	while read -r group package command; do
		case $group in '' | \#*) continue ;; esac
		for wanted in "$@"; do
			[ "$group" = "$wanted" ] || continue
			if [ -n "$command" ] && command -v "$command" >/dev/null; then continue; fi
			case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
			installed) ;;
			*) printf '%s\n' "$package" ;;
			esac
		done
	done <"$repo/deploy/packages"
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# Debian makes a cluster and starts it as soon as PostgreSQL is installed. Here each test and each deploy/up runs a server of its own, so none is
# made; a machine that had PostgreSQL before is left as it is.
no_postgres_cluster() {
	[ ! -e /usr/share/postgresql-common ] || return 0
	as_root mkdir -p /etc/postgresql-common/createcluster.d &&
		printf '%s\n' '# written by deploy/lib.sh' 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/siban.conf
}

install_packages() {
	case " $* " in *' postgresql-'*) no_postgres_cluster || return 1 ;; esac
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 update &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@"
}

# need_packages group…: apt-get is called only when something is missing.
need_packages() {
	command -v dpkg-query >/dev/null ||
		fail "this machine is not a Debian" "The list of packages is in deploy/packages; install their like by hand, or use Debian 12."
	local missing
	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		fail "packages are missing and this is neither root nor a machine with sudo" \
			"As root, run: apt-get update && apt-get install ${missing[*]}" "Then run this again."
	fi
	step "installing ${#missing[@]} Debian packages" install_packages "${missing[@]}" ||
		fail "apt-get could not install: ${missing[*]}" \
			"Is the network there, and does /etc/apt/sources.list name Debian 12 (bookworm)?" "It is safe to run this again."
}

# build_preset preset [target…]: configures when needed, then builds.
build_preset() {
	local preset=$1
	shift
	local dir=$repo/build/$preset target arguments=()
	[ -f "$dir/build.ninja" ] || (cd "$repo" && cmake --preset "$preset") || return 1
	for target in "$@"; do
		arguments+=(--target "$target")
	done
	cmake --build "$dir" "${arguments[@]}"
}

# ---- the gateway of a state folder ----

# pid_of state: the process id of its running gateway, or nothing.
pid_of() {
	local pid
	pid=$(cat "$1/siban.pid" 2>/dev/null) || return 1
	case $pid in '' | *[!0-9]*) return 1 ;; esac
	[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = siban ] || return 1
	# A recycled number may belong to another state folder's gateway.
	tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$1/siban.conf" || return 1
	printf '%s' "$pid"
}

setting_of() { # conf name: the value in the file, the last one wins
	sed -n "s/^[[:space:]]*${2//./\\.}[[:space:]]*=[[:space:]]*//p" "$1" | tail -n 1
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# is_running pid: a zombie is not.
is_running() { [ -d "/proc/$1" ] && [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" != Z ]; }

# stop_gateway state: SIGTERM, then waits until it has finished what it was doing.
stop_gateway() {
	local pid began deadline
	pid=$(pid_of "$1") || { rm -f "$1/siban.pid"; return 0; }
	began=$(now_ms)
	deadline=$((began + 20000))
	kill -TERM "$pid"
	while is_running "$pid"; do
		[ "$(now_ms)" -lt "$deadline" ] ||
			fail "the gateway (process $pid) does not stop" "Its log: $1/siban.log" "As a last resort: kill -9 $pid (nothing acknowledged is lost)."
		sleep 0.05
	done
	rm -f "$1/siban.pid"
	say "the gateway has finished its requests and stopped ($(seconds_since "$began"))"
}
