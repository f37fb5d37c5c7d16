# classify_table is killed again and again, and ends with every row once; two
# calls at one time do not do the same work; a second run does none.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Visclf;

my $node = start_node('classify_table');
load_adverts($node, 'adverts', 4000, 200);
$node->append_conf('postgresql.conf', "visclf.batch_size = 16\nvisclf.max_cached_models = 2\nrestart_after_crash = on");
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CALL visclf.train('ads', 'adverts', architecture => 'resnet20', image_size => 64, epochs => 1)});
$node->restart;
my $call = q{CALL visclf.classify_table('ads', 'adverts', 'id', 'said')};

# A session, once the server takes connections again, and its backend.
sub connect_again
{
	for (1 .. 300)
	{
		my ($session, $pid);
		eval {
			$session = $node->background_psql('postgres', on_error_stop => 0);
			$pid = backend_pid($session);
		};
		return ($session, $pid) if $pid;
		usleep(100_000);
	}
	die 'the server has not come back';
}

# some rows that are there before, since a slow machine may commit none between kills
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CREATE VIEW first_ones AS SELECT * FROM adverts WHERE id <= 20;
	CALL visclf.classify_table('ads', 'first_ones', 'id', 'said')});

# SIGKILL of the backend takes the server down with it; it recovers by itself
my $kills = 0;
foreach my $round (1 .. 20)
{
	my ($session, $pid) = connect_again();
	$session->query_until(qr/begun/, "\\echo begun\n$call;\n");
	usleep(100_000 + 200_000 * rand());
	$kills++ if kill('KILL', $pid);
	eval { $session->quit };
	usleep(20_000) while kill(0, $pid);
}
my ($survivor) = connect_again();
$survivor->quit;
is($kills, 20, 'backends killed');
my $before = $node->safe_psql('postgres', q{SELECT count(*) FROM said});
diag("rows after 20 kills: $before of 4000");
cmp_ok($before, '>=', 20, 'what was committed before the kills has stayed');

# two at one time: one works, the other is told so
$node->safe_psql('postgres', q{DELETE FROM said WHERE id > 400});
my $first = $node->background_psql('postgres', on_error_stop => 0);
$first->query_until(qr/begun/, "\\echo begun\n$call;\n");
usleep(300_000);
my ($code, $out, $error) = $node->psql('postgres', $call);
like($error, qr/another session is classifying into "said"/, 'a second call at the same time is refused');
$first->query('SELECT 1');
$first->quit;

is($node->safe_psql('postgres', q{SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE label IS NULL) FROM said}),
	'4000|4000|0', 'in the end every row is there, once');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM (SELECT id, visclf.classify_batch('ads', image) OVER () AS p FROM adverts) a JOIN said s USING (id)
	WHERE (a.p).label <> s.label}), 0, 'and says what classify_batch says');

# memory does not grow with the rows
$node->safe_psql('postgres', q{
	CREATE TABLE keyed AS SELECT repeat('key ', 50) || g.i || '/' || a.id AS key, a.image FROM adverts a, generate_series(1, 5) g(i)
	WHERE a.id <= 2000;
	ALTER TABLE keyed ADD PRIMARY KEY (key);
	CREATE VIEW one_fifth AS SELECT * FROM keyed WHERE key ~ ' 1/'});
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = backend_pid($session);
# twice, since new threads find memory of their own at first
$session->query(q{SET client_min_messages = warning;
	CALL visclf.classify_table('ads', 'one_fifth', 'key', 'keyed_said');
	TRUNCATE keyed_said;
	CALL visclf.classify_table('ads', 'one_fifth', 'key', 'keyed_said')});
my $at_first = memory_now($pid);
$session->query(q{CALL visclf.classify_table('ads', 'keyed', 'key', 'keyed_said')});
my $growth = memory_now($pid) - $at_first;
diag("growth from 2,000 to 8,000 more rows: $growth kB of $at_first kB");
cmp_ok($growth, '<', 16 * 1024, 'memory does not grow with the rows');
$session->quit;

# a run over rows that have all been classified reads no image
$node->safe_psql('postgres', q{
	CREATE TABLE many AS SELECT g AS id, 'no image'::bytea AS image FROM generate_series(1, 300000::bigint) g;
	CREATE TABLE many_said (LIKE said INCLUDING ALL);
	INSERT INTO many_said (id, model_id) SELECT g, (SELECT model_id FROM visclf.models) FROM generate_series(1, 300000) g;
	ANALYZE many; ANALYZE many_said});
my $start = time;
$node->psql('postgres', q{CALL visclf.classify_table('ads', 'many', 'id', 'many_said')}, stderr => \$error);
like($error, qr/every row of public.many has a prediction/, 'a second run does nothing');
diag(sprintf('300,000 rows already classified: %.1f s', time - $start));

$node->stop;
done_testing();
