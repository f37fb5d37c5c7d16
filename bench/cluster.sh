# Sourced by the benchmarks that need a server: sets the machine up as make
# check does, starts a temporary cluster with the extension and loads the
# chapbooks crops as table crops (file, label, split, image).
#
#   VISCLF_DATA   folder that has chapbooks/ (default ../shared/data)

. "$(dirname "${BASH_SOURCE[0]}")/../test/setup.sh"

data=$(cd "${VISCLF_DATA:-$root/../shared/data}" && pwd) || exit 1
export PGHOST=$tmp PGUSER=bench PGDATABASE=postgres PGOPTIONS='-c client_min_messages=notice'
install_extension
start_cluster bench -c shared_buffers=1GB -c max_wal_size=4GB
PATH=$bindir:$PATH

psql -X -q -v ON_ERROR_STOP=1 <<SQL
CREATE EXTENSION visclf;
CREATE TABLE listed (file text, label text, page_id text, w int, h int, mode text, jpeg text, split text);
\copy listed FROM '$data/chapbooks/labels.csv' CSV HEADER
CREATE TABLE crops (file text PRIMARY KEY, label text, split text, image bytea);
SQL
psql -X -At -F' ' -c "SELECT file, label, split FROM listed" | while read -r file label split; do
	printf '%s\t%s\t%s\t\\\\x%s\n' "$file" "$label" "$split" \
		"$(od -An -v -tx1 "$data/chapbooks/images/$file" | tr -d ' \n')"
done | psql -X -q -v ON_ERROR_STOP=1 -c "\copy crops FROM pstdin"
psql -X -q -c "CREATE VIEW training AS SELECT * FROM crops WHERE split = 'train'"
