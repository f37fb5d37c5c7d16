# Sourced by test/releases and test/package: roots of Debian releases, made by
# debootstrap in $tmp, which is removed at exit.  For root, on Debian with
# debootstrap.
#
#   VISCLF_MIRROR   where packages come from (default: the one of debootstrap)
#   VISCLF_DATA     test data, as for make check (default ../shared/data)

set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mirror=${VISCLF_MIRROR:-}
data=${VISCLF_DATA:-$source/../shared/data}

[ "$(id -u)" = 0 ] || { echo "$0: debootstrap needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "$0: install debootstrap" >&2; exit 1; }

# A bare root with the tree in /visclf.
make_root()
{
	local release=$1 folder=$2 script=/usr/share/debootstrap/scripts/$1

	[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
	debootstrap --variant=minbase "$release" "$folder" "$mirror" "$script" >"$folder.log" || { tail "$folder.log"; return 1; }
	cp /etc/resolv.conf "$folder/etc/"
	# A mirror may be behind: testing's lists are valid for a week only.
	echo 'Acquire::Check-Valid-Until "false";' >"$folder/etc/apt/apt.conf.d/visclf"
	mkdir "$folder/visclf"
	(cd "$source" && git ls-files -co --exclude-standard | while read -r file; do [ ! -e "$file" ] || echo "$file"; done |
		tar -cf - -T -) | tar -xf - --no-same-owner -C "$folder/visclf"
	if [ -d "$data" ]; then cp -a "$data" "$folder/data"; fi
}

# Runs a command in a root, with mounts that end with it.
in_root()
{
	unshare --mount --propagation private bash -c '
		root=$1; shift
		mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount --rbind /sys "$root/sys" &&
			exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb VISCLF_DATA=/data "$@"' \
		root "$@"
}

tmp=$(mktemp -d /var/tmp/visclf-releases.XXXXXX)
trap 'rm -rf --one-file-system "$tmp"' EXIT
