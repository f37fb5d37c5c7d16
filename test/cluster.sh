# Sourced by test/setup.sh and demo/visclf-demo: a temporary cluster, and a user
# to run it as, since the server refuses root.  Wants $bindir (of PostgreSQL).
#
# After it: $tmp (a folder of that user's, removed at exit), as_user (runs a
# command as that user), start_cluster (a cluster in $tmp, whose socket is there
# too).

as_user()
{
	if [ "$(id -u)" = 0 ]; then
		runuser -u postgres -- env "PATH=$bindir:$PATH" HOME="$tmp" "$@"
	else
		env "PATH=$bindir:$PATH" "$@"
	fi
}

# Starts a cluster that ends with the script: start_cluster SUPERUSER [server option]...
start_cluster()
{
	local user=$1
	shift

	as_user initdb -D "$tmp/data" -U "$user" -A trust --no-locale -E UTF8 >"$tmp/initdb.log"
	trap 'as_user pg_ctl -s -D "$tmp/data" -m immediate stop || true; rm -rf "$tmp"' EXIT
	as_user pg_ctl -w -s -D "$tmp/data" -l "$tmp/server.log" -o "-k $tmp -c listen_addresses='' $*" start
}

tmp=$(mktemp -d /tmp/visclf.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
[ "$(id -u)" != 0 ] || chown postgres: "$tmp"
