# Weights that backends share: memory, equal results, and every way to lose the files.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $connections = 50;

my $node = start_node('shared_weights', allows_streaming => 1);

# shared buffers that a backend touches count in its memory: keep them few
$node->append_conf('postgresql.conf', "shared_buffers = 8MB\nmax_connections = 100\nvisclf.threads = 1\nvisclf.convolution = direct\nrestart_after_crash = on\n");
$node->restart;
load_adverts($node, 'adverts', 24, 24);
$node->safe_psql('postgres', q{
	CALL visclf.train('m', 'adverts', architecture => 'resnet18', image_size => 224, epochs => 1, batch_size => 8);
	CALL visclf.train('small', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1, batch_size => 8)});

my $classify = q{SELECT id, p.label, p.confidence, p.probabilities
	FROM adverts, visclf.classify('m', image) p WHERE id <= 6 ORDER BY id};
my $batches = q{SELECT id, (p).label, (p).confidence, (p).probabilities
	FROM (SELECT id, visclf.classify_batch('m', image) OVER () p FROM adverts) x ORDER BY id};

my $small = q{SELECT p.label FROM adverts, visclf.classify('small', image) p LIMIT 1};

# The folders of versions, and all files in them.
sub folders
{
	my ($of) = @_;
	my @folders = glob($of->data_dir . '/base/pgsql_tmp/pgsql_tmp.visclf/*');

	return @folders;
}
sub shared_files
{
	my ($of) = @_;
	my @files = grep { !m{/lock$} } map { glob("$_/*") } folders($of);

	return @files;
}

my $alone = $node->safe_psql('postgres', "SET visclf.shared_weights = 0; $classify");
my $alone_batches = $node->safe_psql('postgres', "SET visclf.shared_weights = 0; $batches");
is(scalar(shared_files($node)), 0, 'visclf.shared_weights = 0 makes no files');

# many at once that find nothing end with one of each file
my @sessions = map { $node->background_psql('postgres') } 1 .. 8;
$_->{stdin} .= "$classify;\n\\echo done\n" foreach @sessions;
$_->{run}->pump_nb foreach @sessions;
pump_until($_->{run}, $_->{timeout}, \$_->{stdout}, qr/done/) foreach @sessions;
is(scalar(grep { index($_->{stdout}, $alone) >= 0 } @sessions), 8, '8 sessions at once that find nothing');
$_->quit foreach @sessions;
is(scalar(folders($node)), 1, 'one folder a version');
is(scalar(grep { m{/new\.} } shared_files($node)), 0, 'no file is left half written');
my @after_eight = shared_files($node);

is($node->safe_psql('postgres', $classify), $alone, 'classify with shared weights');
is_deeply([shared_files($node)], \@after_eight, 'it makes no file again');
is($node->safe_psql('postgres', $batches), $alone_batches, 'classify_batch with shared weights');
is($node->safe_psql('postgres', $batches), $alone_batches, 'classify_batch with what another made');
like($node->safe_psql('postgres', qq{BEGIN;
	$classify;
	SELECT 'scans', coalesce(sum(coalesce(seq_scan, 0) + coalesce(idx_scan, 0)), 0) FROM pg_stat_xact_all_tables
	WHERE relid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'visclf.weight_rows'::regclass);
	COMMIT}), qr/^scans\|0$/m, 'a backend that finds files reads no weights');

# memory
my $mb = 1024;
my $one = $node->background_psql('postgres');
$one->query_safe($classify);
my $memory_of_one = proportional_memory(backend_pid($one));
$one->quit;
@sessions = map { $node->background_psql('postgres') } 1 .. $connections;
$_->query_safe($classify) foreach @sessions;
my $memory_of_all = 0;
$memory_of_all += proportional_memory(backend_pid($_)) foreach @sessions;
diag(sprintf('memory: one connection %.1f MB, %d connections %.1f MB', $memory_of_one / $mb,
	$connections, $memory_of_all / $mb));
cmp_ok($memory_of_all, '<', 1.5 * $memory_of_one + 30 * $mb * $connections,
	"$connections connections need 1.5 times the memory of one and 30 MB each");
$_->quit foreach @sessions[1 .. $#sessions];

# files that go or are damaged
my $holder = $sessions[0];
unlink(shared_files($node));
is($holder->query_safe($classify), $alone, 'a backend keeps what it has mapped');
is($node->safe_psql('postgres', $classify), $alone, 'files that are missing are made again');
is_deeply([shared_files($node)], \@after_eight, 'all of them');
truncate($_, 5000) foreach shared_files($node);
is($node->safe_psql('postgres', $classify), $alone, 'files cut short are not used');
$holder->quit;

# no folder to write in: a copy of one's own
my $temporary = $node->data_dir . '/base/pgsql_tmp';
system_log('rm', '-rf', "$temporary/pgsql_tmp.visclf");
chmod 0500, $temporary;
is($node->safe_psql('postgres', $classify), $alone, 'a folder that cannot be written');
chmod 0700, $temporary;

# rows that somebody repairs: the next sessions have what they say
$node->safe_psql('postgres', q{UPDATE visclf.weight SET data = overlay(data PLACING set_byte(substr(data, 1, 4), 3, 63) FROM 1)
	WHERE model_id = (SELECT model_id FROM visclf.model WHERE name = 'm') AND name LIKE '%linear2%'});
my $repaired = $node->safe_psql('postgres', "SET visclf.shared_weights = 0; $classify");
isnt($repaired, $alone, 'other weights, other answers');
is($node->safe_psql('postgres', $classify), $repaired, 'also with shared weights');
$alone = $repaired;

# twice in one transaction, with a look between
my $bias = sub { "UPDATE visclf.weight SET data = overlay(data PLACING '\\x0000$_[0]'::bytea FROM 1)
	WHERE model_id = (SELECT model_id FROM visclf.model WHERE name = 'm') AND name LIKE '%linear2%'" };
my $draft = $node->safe_psql('postgres', 'BEGIN; ' . $bias->('0040') . "; $classify; " . $bias->('00bf') . '; COMMIT');
my $last = $node->safe_psql('postgres', "SET visclf.shared_weights = 0; $classify");
isnt($last, $draft, 'what is repaired twice answers otherwise');
is($node->safe_psql('postgres', $classify), $last, 'also with shared weights');
$alone = $last;

# a backend that has to wait for a lock on the rows does not keep another waiting
system_log('rm', '-rf', "$temporary/pgsql_tmp.visclf");
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE visclf.weight IN ACCESS EXCLUSIVE MODE');
my $waiter = $node->background_psql('postgres');
$waiter->query_until(qr/started/, "\\echo started\n$classify;\n");
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE NOT granted});
$locker->query_safe("SET LOCAL statement_timeout = '60s'");
is($locker->query_safe($classify), $alone, 'who has the lock classifies');
$locker->query_safe('COMMIT');
$locker->quit;
$waiter->quit;

# the least recently used version goes when there is no room
$node->safe_psql('postgres', $classify);
my ($first) = folders($node);
$node->safe_psql('postgres', qq{SET visclf.shared_weights = '1MB'; $small});
ok(-e $first, 'a version that is larger than all the room takes none');
$node->safe_psql('postgres', qq{SET visclf.shared_weights = '4MB'; $small});
ok(!-e $first, 'a version makes room for another');
is(scalar(folders($node)), 1, 'which is there');
$node->safe_psql('postgres', $classify);
is(scalar(folders($node)), 2, 'both where there is room');

# and when it is dropped
$node->safe_psql('postgres', q{CALL visclf.drop_model('small')});
is(scalar(folders($node)), 1, 'a version that is dropped has no files');

# a standby has files of its own; base backups leave them out
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
is(scalar(folders($standby)), 0, 'a base backup has no shared weights');
$standby->start;
is($standby->safe_psql('postgres', $classify), $alone, 'classify on a standby');
is($standby->safe_psql('postgres', $classify), $alone, 'again, with its own files');
is(scalar(folders($standby)), 1, 'which it has');
$standby->stop;

# a crash: the server begins without any
my $victim = $node->background_psql('postgres', on_error_stop => 0);
$victim->query_safe($classify);
kill 'KILL', backend_pid($victim);
$node->poll_query_until('postgres', undef, '');	# until it answers again
is(scalar(folders($node)), 0, 'a crash removes the files');
is($node->safe_psql('postgres', $classify), $alone, 'classify after a crash');
$node->restart;
is(scalar(folders($node)), 0, 'a restart removes the files');

$node->stop;
done_testing();
