# Sourced by test/run: the servers that are no packages of the release.  They
# are kept in a folder outside the tree: VISCLF_CACHE, or visclf/ in
# XDG_CACHE_HOME, or /var/cache/visclf for root and ~/.cache/visclf for others.
#
# assert: Debian's source of the release's PostgreSQL, built with assertions
# and with memory that is overwritten when it is freed; some minutes, once.
#
# wheel: PostgreSQL 16.2, which is in no release of Debian, out of the Python
# package pgserver.  It has no modules for TAP tests.

assert_flags="--enable-cassert --enable-debug --enable-tap-tests --with-libxml --with-icu --without-readline"
assert_cflags="-O1 -fno-omit-frame-pointer"

cache_folder()
{
	local folder=/var/cache/visclf

	[ "$(id -u)" = 0 ] || folder=$HOME/.cache/visclf
	[ -z "${XDG_CACHE_HOME:-}" ] || folder=$XDG_CACHE_HOME/visclf
	echo "${VISCLF_CACHE:-$folder}"
}

# apt-get or apt-cache with lists of sources of their own, in a folder.
private_apt()
{
	local command=$1 folder=$2
	shift 2

	"$command" -qq -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=- \
		-o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache" \
		-o APT::Sandbox::User="$(id -un)" "$@"
}

# Unpacks the newest source of a package that the mirror still has into ./source.
fetch_source()
{
	local package=$1 apt=$PWD/apt version
	local keys=/usr/share/keyrings/debian-archive-keyring.gpg

	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	apt-get indextargets --format "deb-src [signed-by=$keys] \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" \
		'Created-By: Packages' 'Origin: Debian' | sort -u >"$apt/sources.list"
	private_apt apt-get "$apt" update
	for version in $(private_apt apt-cache "$apt" showsrc "$package" | sed -n 's/^Version: //p' | sort -urV); do
		say "fetching the source of $package $version"
		if private_apt apt-get "$apt" source --download-only "$package=$version"; then
			dpkg-source -x "$(ls ./*.dsc)" source
			return
		fi
		rm -f ./*.dsc ./*.tar.* ./*.asc
	done
	echo "the source of $package cannot be fetched" >&2
	return 1
}

# Builds the server of a major version into a folder, which is there when all is in it.
build_assert_server()
{
	local major=$1 prefix=$2 build=$2.build

	rm -rf "$build"
	mkdir -p "$build"
	(
		cd "$build" && fetch_source "postgresql-$major" && cd source &&
			./configure -q --prefix="$prefix" $assert_flags CFLAGS="$assert_cflags" &&
			make -s -j"$(nproc)" -C src all && make -s -C src install DESTDIR="$build/root"
	) >"$prefix.log" 2>&1 || { tail -50 "$prefix.log"; return 1; }
	mv "$build/root$prefix" "$prefix"
	rm -rf "$build"
}

# The extension, built for the server apart from the checkout's own build.
install_on_server()
{
	local copy=$tmp/server-build

	mkdir -p "$copy/build" "$copy/test"
	cp -a "$root/Makefile" "$root/visclf.control" "$root/client" "$root/cpu" "$root/engine" "$root/extension" "$root/sql" "$copy/"
	find "$copy" -name '*.o' -exec rm {} +
	cp -a "$root/build/cpu" "$root/build/engine" "$copy/build/"
	cp -a "$root/test/upgrade" "$copy/test/"
	make -s -j"$(nproc)" -C "$copy" WITH_CUDA=no PG_CONFIG="$1/bin/pg_config" all
	make -s -C "$copy" WITH_CUDA=no PG_CONFIG="$1/bin/pg_config" install install-earlier
	rm -rf "$copy"
}

# Installs the extension on a server; bindir, as setup.sh has it, is then that one's.
use_server()
{
	say "building for $("$1/bin/postgres" --version)"
	install_on_server "$1"
	bindir=$1/bin
}

use_assert_server()
{
	local major prefix

	major=$(postgres_major)
	prefix=$(cache_folder)/postgresql-$major-$(echo "$assert_flags $assert_cflags" | cksum | cut -d' ' -f1)
	if [ ! -d "$prefix" ]; then
		say "building PostgreSQL $major with assertions in $(cache_folder), once"
		install_missing dpkg-dev bison flex libicu-dev libxml2-dev zlib1g-dev pkgconf
		mkdir -p "$(cache_folder)"
		build_assert_server "$major" "$prefix"
	fi
	use_server "$prefix"
}

use_wheel_server()
{
	local prefix
	prefix=$(cache_folder)/pgserver-0.1.4

	if [ ! -d "$prefix" ]; then
		install_missing python3-pip unzip
		rm -rf "$prefix.new"
		python3 -m pip download -q --no-deps --only-binary :all: --platform manylinux2014_x86_64 \
			--python-version 3.11 -d "$prefix.new" pgserver==0.1.4
		(cd "$prefix.new" && unzip -q ./*.whl && rm ./*.whl && chmod -R a+rX .)
		find "$prefix.new" \( -path '*/bin/*' -o -name pg_regress -o -name '*isolation*' \) -type f -exec chmod a+x {} +
		mv "$prefix.new" "$prefix"
	fi
	use_server "$prefix/pgserver/pginstall"
}
