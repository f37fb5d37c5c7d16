# What the documentation says is true: the SQL of the guide and of the
# dashboards runs as it is written there, and the reference has what there is.
use strict;
use warnings FATAL => 'all';

use Cwd;
use FindBin;
use File::Copy;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $node = start_node('guide');

# The blocks of SQL of a page.
sub sql_blocks
{
	my ($page) = @_;
	my @blocks = slurp_file($page) =~ /^```sql\n(.*?)^```$/msg;

	return @blocks;
}

# The guide, from a folder that has the adverts
my $folder = $PostgreSQL::Test::Utils::tmp_check . '/guide';
my $home = getcwd();
mkdir $folder or die "$folder: $!";
system_or_bail('build/adverts', '--count', '400', '--labelled', '200', '--directory', "$folder/ads");
my $views = "$home/demo/dashboards/shares.sql";
my @guide = slurp_file('doc/guide.md') =~ /^```(sql|sh)\n(.*?)^```$/msg;
cmp_ok(scalar(@guide), '>', 30, 'blocks of SQL and of a shell in the guide');
$node->safe_psql('postgres', 'CREATE ROLE anna LOGIN; ALTER DATABASE postgres OWNER TO anna');
chdir $folder;
local ($ENV{PGHOST}, $ENV{PGPORT}, $ENV{PGDATABASE}, $ENV{PGUSER}) = ($node->host, $node->port, 'postgres', 'anna');
while (my ($language, $block) = splice(@guide, 0, 2))
{
	my ($out, $err) = ('', '');
	my $status = $language eq 'sh' ? run_log([ 'sh', '-e', '-c', $block ]) ? 0 : 1 :
		$node->psql('postgres', "SET client_min_messages = warning;\n$block", stdout => \$out, stderr => \$err,
			connstr => $node->connstr('postgres') . ' user=anna', on_error_die => 0, on_error_stop => 1);

	is($status, 0, 'the guide runs: ' . (split /\n/, $block)[0]) or diag($err);
}
delete $ENV{PGUSER};
for my $file (['sample.svg', '<svg '], ['top_losses.svg', '<svg '], ['report.html', '<!DOCTYPE html>'], ['label.html', '<!DOCTYPE html>'])
{
	like(slurp_file($file->[0]), qr/\A\Q$file->[1]\E.*<\/(svg|html)>\s*\z/s, "it writes $file->[0]");
}
like(slurp_file('report.html'), qr/400 images of 18\d\d to 18\d\d, 6 places/, 'the report counts all');
chdir $home;
like($node->safe_psql('postgres', "SELECT count(*) FROM files WHERE file LIKE '%1.jpg' AND image IS NOT NULL"), qr/^40$/, 'the files without a catalogue');
is($node->safe_psql('postgres', 'SELECT count(*) FROM predictions WHERE label IS NOT NULL'), 400, 'all are classified');

# The role of the dashboards reads the shares, and nothing else
$node->safe_psql('postgres', "\\i $views");
sub as_reader
{
	my ($sql) = @_;
	my ($result, $error) = ('', '');
	my $rc = $node->psql('postgres', $sql, stdout => \$result, stderr => \$error,
		connstr => $node->connstr('postgres') . ' user=dashboard_reader');

	return ($rc, $result, $error);
}
for my $denied ('SELECT count(*) FROM adverts', 'SELECT count(*) FROM predictions', 'SELECT count(*) FROM advert_predictions',
	q{SELECT * FROM visclf.confusion_matrix('adverts')}, q{SELECT visclf.classify('adverts', '')}, 'DELETE FROM advert_shares',
	'REFRESH MATERIALIZED VIEW advert_shares')
{
	my ($rc, undef, $error) = as_reader($denied);

	isnt($rc, 0, "the reader may not: $denied");
	like($error, qr/permission denied|does not exist or is not shared|must be owner|cannot change materialized view/, 'and is told so');
}
for my $table (qw(model validation weight epoch))
{
	is((as_reader("SELECT count(*) FROM visclf.$table"))[1], 0, "the reader sees nothing of visclf.$table");
}
$node->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW CONCURRENTLY advert_shares');

# What the dashboards ask is what the page says, and gives rows
my $grafana = slurp_file('demo/dashboards/grafana/json/shares.json');
my @panels = $grafana =~ /"rawSql": ("(?:[^"\\]|\\.)*")/g;
my @page = sql_blocks('doc/dashboards.md');
is(scalar(@panels), 5, 'panels');
for my $quoted (@panels)
{
	my $sql = $node->safe_psql('postgres', "SELECT \$j\$$quoted\$j\$::json #>> '{}'");

	ok((grep { $_ eq "$sql\n" } @page), 'a panel of Grafana asks what the page says');
}
for my $sql (@page, $grafana =~ /"query": "([^"]*)"/g)
{
	(my $filled = $sql) =~ s/\$\{class:sqlstring\}/'illustrations'/g;
	$filled =~ s/\$\{place:sqlstring\}/'all places'/g;
	my ($rc, $result, $error) = as_reader($filled);

	ok($rc == 0 && $result ne '', 'the reader may ask: ' . (split /\n/, $sql)[0]) or diag("$filled\n$error");
}
my $columns = $node->safe_psql('postgres', q{SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
	WHERE attrelid = 'advert_shares'::regclass AND attnum > 0});
is(join(' ', slurp_file('demo/dashboards/superset/datasets/visclf/advert_shares.yaml') =~ /column_name: (\w+)/g), $columns,
	'columns of the data set of Superset');

# The catalogue, as it is in doc/
my $catalogue = '';
$node->psql('postgres', '\i doc/catalogue.sql', stdout => \$catalogue);
ok("$catalogue\n" eq slurp_file('doc/catalogue.md'), 'doc/catalogue.md is up to date')
	or diag('psql -X -q -A -t -f doc/catalogue.sql >doc/catalogue.md writes it anew');

# The reference names all that there is, but what aggregates, types, a trigger of the extension's own and the planner call, and partitions; and nothing else
my $public = q{FROM pg_proc p WHERE p.pronamespace = 'visclf'::regnamespace
	AND NOT EXISTS (SELECT FROM pg_aggregate a WHERE p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn))
	AND NOT EXISTS (SELECT FROM pg_proc s WHERE p.oid = s.prosupport)
	AND NOT EXISTS (SELECT FROM pg_type t WHERE p.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend))
	AND NOT EXISTS (SELECT FROM pg_trigger t WHERE p.oid = t.tgfoid AND t.tgrelid = 'visclf.model'::regclass)};
my $reference = slurp_file('doc/reference.md');
my @names = split /\n/, $node->safe_psql('postgres', qq{
	LOAD 'visclf';
	SELECT p.proname $public
	UNION SELECT relname FROM pg_class WHERE relnamespace = 'visclf'::regnamespace AND relkind IN ('r', 'p', 'v', 'c') AND NOT relispartition
	UNION SELECT typname FROM pg_type WHERE typnamespace = 'visclf'::regnamespace AND typtype = 'b' AND typcategory <> 'A'
	UNION SELECT substr(name, 8) FROM pg_settings WHERE name LIKE 'visclf.%'});
is(join(' ', grep { $reference !~ /\b$_\b/ } sort @names), '', 'the reference names all objects and settings');
my %known = map { $_ => 1 } @names;
my %strange = map { $_ => 1 } grep { !$known{$_} } $reference =~ /\bvisclf\.(\w+)/g;
is(join(' ', sort keys %strange), '', 'and no others');
my @options = split /\n/, $node->safe_psql('postgres', qq{
	SELECT DISTINCT proname || ' ' || unnest(proargnames) $public});
my @missing = grep { my ($function, $option) = split / /; $reference !~ /\b$option\b/ } @options;
is(join(', ', @missing), '', 'and every argument and column of a function');

is($node->safe_psql('postgres', q{
	SELECT string_agg(o, ', ') FROM (
	SELECT p.oid::regprocedure::text AS o FROM pg_proc p WHERE p.pronamespace = 'visclf'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL
	UNION ALL SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'visclf'::regnamespace AND c.relkind IN ('r', 'p', 'v')
		AND obj_description(c.oid, 'pg_class') IS NULL) x}), '', 'every object has a comment');

done_testing();
