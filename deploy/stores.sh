# deploy/stores.sh - a development gateway's own PostgreSQL and Redis, for deploy/up --store postgres. Sourced after lib.sh, never run.
#
# STATE/pg: data, postgres.log, the socket.  STATE/redis: redis.conf, redis.log, the socket.  STATE/store.keys: the passwords, made up here.
# Neither listens on a port, and neither runs as root: there it is somebody without rights, who must be able to reach the folder.

pg_programs() {
	local folder
	folder=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
	[ -x "$folder/postgres" ] || fail "there is no PostgreSQL server on this machine" "apt-get install postgresql-15, then run this again."
	printf '%s' "$folder"
}

# store_user name: whom a server runs as that is called so; root's is the package's user, or nobody.
store_user() {
	if [ "$(id -u)" != 0 ]; then
		id -un
	elif id -u "$1" >/dev/null 2>&1; then
		printf '%s' "$1"
	else
		printf nobody
	fi
}

# as_user name command…: from a folder that everybody can read.
as_user() {
	local user=$1
	shift
	if [ "$(id -un)" = "$user" ]; then
		(cd / && "$@")
	else
		(cd / && setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups env HOME=/ "$@")
	fi
}

# make_store_folder state folder user: only that user (and root) looks inside.
make_store_folder() {
	local state=$1 dir=$1/$2 user=$3
	mkdir -p -m 700 "$dir"
	if [ "$(id -un)" != "$user" ]; then
		chown "$user:" "$dir"
		chmod 711 "$state" # everything in it keeps its own rights
		as_user "$user" test -w "$dir" ||
			fail "the user $user cannot reach $dir, and PostgreSQL and Redis do not run as root" "Choose a folder that everybody may pass through: deploy/up --state /var/lib/siban-dev"
	fi
}

# store_secret state name: a password of this state folder alone, made when it is first asked for.
store_secret() {
	local file=$1/store.keys/$2
	if [ ! -s "$file" ]; then
		(umask 077 && mkdir -p "$1/store.keys" && openssl rand -hex 24 >"$file.new" && mv "$file.new" "$file") || fail "the password could not be written to $file"
	fi
	cat "$file"
}

# ---- PostgreSQL ----

make_cluster() { # programs user dir
	# The superuser has the name of the user it runs as, and is let in by that; siban needs its password.
	as_user "$2" "$1/initdb" -D "$3/data.new" -k -E UTF8 --locale=C --auth=peer &&
		printf 'local all %s peer\nlocal siban siban scram-sha-256\n' "$2" | as_user "$2" tee "$3/data.new/pg_hba.conf" &&
		printf "listen_addresses = ''\nunix_socket_directories = '%s'\nunix_socket_permissions = 0700\njit = off\n" "$3" |
		as_user "$2" tee -a "$3/data.new/postgresql.conf" &&
		mv "$3/data.new" "$3/data"
}

pg_say() { # programs user dir database: SQL from the standard input
	as_user "$2" "$1/psql" -XAtq -v ON_ERROR_STOP=1 -h "$3" -d "$4"
}

# The role and its database, if they are not there yet; the password each time, so that the file is always right.
make_database() { # programs user dir password
	pg_say "$1" "$2" "$3" postgres <<SQL &&
SELECT 'CREATE ROLE siban LOGIN' WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'siban') \\gexec
ALTER ROLE siban PASSWORD '$4';
SELECT 'CREATE DATABASE siban OWNER siban TEMPLATE template0' WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = 'siban') \\gexec
SQL
		[ "$(printf 'SELECT 1' | pg_say "$1" "$2" "$3" siban)" = 1 ]
}

# postgres_pid_of state: the process id of its running PostgreSQL, or nothing.
postgres_pid_of() {
	local pid
	pid=$(head -n 1 "$1/pg/data/postmaster.pid" 2>/dev/null) || return 1
	case $pid in '' | *[!0-9]*) return 1 ;; esac
	# A recycled number may belong to anything.
	tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$1/pg/data" || return 1
	printf '%s' "$pid"
}

# What one leaves that was killed. PostgreSQL takes even a zombie's number for a running server's; but its children are waited for: they may still write.
clear_after_kill() { # dir
	local deadline=$(($(now_ms) + 15000))
	while find /proc/[0-9]*/cwd -maxdepth 0 -lname "$1/data" 2>/dev/null | grep -q .; do
		[ "$(now_ms)" -lt "$deadline" ] || fail "processes of a PostgreSQL that was killed still work in $1/data"
		sleep 0.05
	done
	rm -f "$1/data/postmaster.pid" "$1/.s.PGSQL.5432" "$1/.s.PGSQL.5432.lock"
}

# start_postgres state: unless it runs already.
start_postgres() {
	local state=$1 dir=$1/pg programs user pid
	programs=$(pg_programs)
	user=$(store_user postgres)
	make_store_folder "$state" pg "$user"
	rm -rf "$dir/data.new" # half made
	[ -d "$dir/data" ] || step "making a database cluster" make_cluster "$programs" "$user" "$dir" || fail "initdb did not succeed"
	if pid=$(postgres_pid_of "$state"); then
		say "PostgreSQL already runs (process $pid)"
	else
		clear_after_kill "$dir"
		step "starting PostgreSQL" as_user "$user" "$programs/pg_ctl" -D "$dir/data" -l "$dir/postgres.log" -w -t 60 start || {
			tail -n 20 "$dir/postgres.log" >&2
			fail "PostgreSQL did not start"
		}
	fi
	step "seeing to its role and database" make_database "$programs" "$user" "$dir" "$(store_secret "$state" postgres.password)" || fail "PostgreSQL does not take siban in"
}

stop_postgres() {
	local dir=$1/pg programs user
	[ -d "$dir/data" ] || return 0
	programs=$(pg_programs)
	user=$(store_user postgres)
	postgres_pid_of "$1" >/dev/null || return 0
	step "stopping PostgreSQL" as_user "$user" "$programs/pg_ctl" -D "$dir/data" -m fast -w -t 60 stop || fail "PostgreSQL does not stop" "Its log: $dir/postgres.log"
}

# ---- Redis ----

# redis_pid_of state: the process id of its running Redis, or nothing.
redis_pid_of() {
	local pid
	pid=$(cat "$1/redis/redis.pid" 2>/dev/null) || return 1
	case $pid in '' | *[!0-9]*) return 1 ;; esac
	# A recycled number may belong to anything.
	tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$1/redis/" || return 1
	printf '%s' "$pid"
}

redis_conf() { # dir password
	cat <<TXT
# Written by deploy/up at each start.
port 0
unixsocket $1/redis.sock
unixsocketperm 700
dir $1
pidfile $1/redis.pid
logfile $1/redis.log
daemonize yes
# What lies here may be forgotten.
save ""
appendonly no
# Only siban's keys and channels, and nothing that touches everybody's.
user default on >$2 ~siban:* &siban:* +@all -@admin -@dangerous
TXT
}

# start_redis state: unless it runs already.
start_redis() {
	local state=$1 dir=$1/redis user pid deadline
	if pid=$(redis_pid_of "$state"); then
		say "Redis already runs (process $pid)"
		return 0
	fi
	user=$(store_user redis)
	make_store_folder "$state" redis "$user"
	redis_conf "$dir" "$(store_secret "$state" redis.password)" | as_user "$user" sh -c 'umask 077 && cat >"$1"' sh "$dir/redis.conf"
	rm -f "$dir/redis.pid"
	step "starting Redis" as_user "$user" redis-server "$dir/redis.conf" || fail "Redis did not start" "Its log: $dir/redis.log"
	deadline=$(($(now_ms) + 15000))
	until redis_pid_of "$state" >/dev/null && [ -S "$dir/redis.sock" ]; do
		if [ "$(now_ms)" -ge "$deadline" ]; then
			tail -n 20 "$dir/redis.log" >&2
			fail "Redis was not ready within 15 s"
		fi
		sleep 0.02
	done
}

stop_redis() {
	local pid deadline
	pid=$(redis_pid_of "$1") || return 0
	kill -TERM "$pid"
	deadline=$(($(now_ms) + 10000))
	while is_running "$pid"; do
		[ "$(now_ms)" -lt "$deadline" ] || fail "Redis (process $pid) does not stop" "As a last resort: kill -9 $pid (it holds nothing that must not be lost)."
		sleep 0.02
	done
	say "Redis has stopped"
}

# ---- both ----

has_stores() { [ -d "$1/pg/data" ]; }

start_stores() {
	start_postgres "$1"
	start_redis "$1"
}

stop_stores() {
	stop_redis "$1"
	stop_postgres "$1"
}
