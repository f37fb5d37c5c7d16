# ALTER EXTENSION UPDATE from 0.1: the catalogue is that of a new 0.2, and the
# models are there and answer as before.  0.1's SQL is in test/upgrade; its
# tables are filled with rows of a model that 0.2 trained, for that is the
# library that is installed.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $node = start_node('upgrade');
if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extension_versions WHERE name = 'visclf' AND version = '0.1'}) eq '0')
{
	plan skip_all => 'the SQL of 0.1 is not installed: make install-earlier';
}

load_adverts($node, 'adverts', 60, 60);
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CREATE ROLE anna;
	CREATE ROLE berta;
	CREATE ROLE gone;
	GRANT SELECT ON adverts TO anna, berta;
	SET ROLE anna;
	CALL visclf.train('ads', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1, key_column => 'id');
	CALL visclf.train('ads', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1, key_column => 'id');
	CALL visclf.share('ads', 'berta')});
my $ask = q{SELECT string_agg((p).label || round((p).confidence::numeric, 3) || (p).model_id, ',' ORDER BY id)
	FROM (SELECT id, visclf.classify('ads', image) AS p FROM adverts) x};
my $answer = $node->safe_psql('postgres', "SET ROLE anna; $ask");

# 0.1, with these rows in it
my $folder = $PostgreSQL::Test::Utils::tmp_check;
$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql('old', q{CREATE EXTENSION visclf VERSION '0.1'});
foreach my $table (qw(model weight optimizer_state epoch validation model_share))
{
	my $columns = $node->safe_psql('old', qq{
		SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = 'visclf.$table'::regclass AND attnum > 0});

	$node->safe_psql('postgres', "COPY (SELECT $columns FROM visclf.$table) TO '$folder/$table'");
	$node->safe_psql('old', "COPY visclf.$table ($columns) FROM '$folder/$table'");
}
$node->safe_psql('old', q{
	SELECT setval('visclf.model_model_id_seq', 2);
	INSERT INTO visclf.model_share VALUES ('ads', 'anna', 'public'), ('ads', 'anna', 'gone')});
$node->safe_psql('postgres', 'DROP ROLE gone');
load_adverts($node, 'adverts', 60, 60, 'old');

# what users may have made on top of it
$node->safe_psql('old', q{
	GRANT SELECT ON adverts TO anna, berta;
	CREATE TABLE kept (id bigint, p visclf.prediction);
	INSERT INTO kept VALUES (1, row('x', 1, '{x}', '{1}', 1, NULL));
	CREATE VIEW labels AS SELECT id, (visclf.classify('ads', image)).label FROM adverts;
	CREATE VIEW errors AS SELECT * FROM visclf.confusion_matrix('ads')});

is($node->psql('old', 'ALTER EXTENSION visclf UPDATE'), 0, 'the update runs');
is($node->safe_psql('old', "SET ROLE anna; $ask"), $answer, 'the model answers as before');
is($node->safe_psql('old', "SET ROLE berta; $ask"), $answer, 'and those that it was shared with');
is($node->safe_psql('old', q{SELECT (p).label, (p).warning IS NULL FROM kept}), 'x|t', 'predictions that were kept are there');
is($node->safe_psql('old', q{SELECT count(*), count(label) FROM labels}), '60|60', 'a view that classifies');
ok($node->safe_psql('old', q{SELECT sum(images) > 0 FROM errors}) eq 't', 'a view of the errors');
is($node->safe_psql('old', q{SELECT name, owner_role FROM visclf.model_name}), 'ads|anna', 'the name is its owner\'s');
is($node->safe_psql('old', q{SELECT string_agg(grantee || ':' || grantee_role, ' ' ORDER BY grantee) FROM visclf.model_share}),
	'berta:berta gone: public:public', 'shares are with roles, none with one that is gone');
is($node->safe_psql('old', q{
	SET client_min_messages = warning;
	SET ROLE anna;
	CALL visclf.train('ads', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1);
	SELECT string_agg(model_id || ':' || version, ' ' ORDER BY version) FROM visclf.models}),
	'1:1 2:2 3:3', 'it is trained on');

# the same as a new one, whatever was there
sub catalogue
{
	my ($database) = @_;
	my ($out, $error) = ('', '');

	$node->psql($database, '', extra_params => [ '-f', "$FindBin::Bin/../upgrade/catalogue.sql" ], stdout => \$out, stderr => \$error);
	is($error, '', "the catalogue of $database");
	return $out;
}
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION visclf');
my $fresh = catalogue('fresh');
ok(length($fresh) > 20000, 'has what there is');
is(catalogue('old'), $fresh, 'the catalogue is that of a new 0.2');

# and it is dumped and restored like one
my $dump = "$folder/upgraded.sql";
command_ok([ 'pg_dump', '-f', $dump, $node->connstr('old') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('copy') ], 'restore');
is($node->safe_psql('copy', 'SELECT count(*) FROM visclf.models'), 3, 'with its models');

$node->stop;
done_testing();
