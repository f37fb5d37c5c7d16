# Sourced by test/run, demo/run and the benchmarks: installs what is missing and
# builds the extension.
#
# After it: $root (the checkout), $bindir (of the release's PostgreSQL),
# install_extension (into that), and what cluster.sh gives.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
export LC_ALL=C.UTF-8

say()
{
	printf '== %s\n' "$*"
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Packages that are missing of those named.
missing_packages()
{
	local package

	for package in "$@"; do
		[ "$(dpkg-query -Wf '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] ||
			printf '%s ' "$package"
	done
}

# The release's own major version of PostgreSQL.
postgres_major()
{
	apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -1
}

# Installs those packages that are missing.
install_missing()
{
	local missing

	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	say "installing with apt: $missing"
	as_root apt-get -qq update
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 \
		install --no-install-recommends -y $missing >/dev/null
}

install_packages()
{
	local packages="gcc g++ make libc6-dev libjpeg62-turbo-dev libpng-dev libtiff-dev libwebp-dev libopenjp2-7-dev libdnnl-dev libipc-run-perl perl util-linux"
	local major

	command -v apt-get >/dev/null || { echo "this set-up needs apt: install what doc/install.md lists, then make && make install" >&2; exit 1; }
	major=$(postgres_major 2>/dev/null) || true
	if [ -z "$major" ]; then
		as_root apt-get -qq update
		major=$(postgres_major)
	fi
	install_missing $packages "postgresql-$major" "postgresql-server-dev-$major"
	bindir=/usr/lib/postgresql/$major/bin
	export PG_CONFIG=$bindir/pg_config
}

build()
{
	say "building"
	make -s -j"$(nproc)" PG_CONFIG="$PG_CONFIG" all unit
}

# The extension; and what else is named of the Makefile's targets.
install_extension()
{
	say "installing into $("$PG_CONFIG" --pkglibdir)"
	as_root make -s -C "$root" PG_CONFIG="$PG_CONFIG" install "$@"
}

install_packages
. "$root/test/cluster.sh"
build
