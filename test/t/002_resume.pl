# A training that is killed goes on from its last checkpoint, and ends as the
# uninterrupted one would have.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $node = start_node('resume');
load_adverts($node, 'adverts', 300, 300);
my $settings = q{
	SET client_min_messages = warning;
	SET visclf.checkpoint_interval = 0;
	SET visclf.convolution = direct;
};
my $options = q{architecture => 'resnet20', image_size => 48, epochs => 4, freeze_epochs => 1, batch_size => 32,
	augment => 'light', balance => 'oversample'};

$node->safe_psql('postgres', "$settings CALL visclf.train('whole', 'adverts', $options)");

# kill the backend of another training after its second epoch
my $session = $node->background_psql('postgres');
my $pid = backend_pid($session);
$session->query_until(qr//, "$settings\nCALL visclf.train('parts', 'adverts', $options);\n");
ok($node->poll_query_until('postgres', q{SELECT count(*) >= 2 FROM visclf.training_log WHERE model = 'parts'}),
	'two epochs are committed while it runs');
is($node->safe_psql('postgres', q{SELECT status FROM visclf.models WHERE model = 'parts'}),
	'training', 'it is shown as training');
my ($code, $out, $error) = $node->psql('postgres', q{CALL visclf.resume('parts')});
like($error, qr/is being trained by another session/, 'a training that runs cannot be resumed');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid"), 'killed');
eval { $session->quit };

is($node->safe_psql('postgres', q{SELECT status FROM visclf.models WHERE model = 'parts'}),
	'interrupted', 'it is shown as interrupted');
($code, $out, $error) = $node->psql('postgres', q{SELECT visclf.classify('parts', 'x')});
like($error, qr/has no active version/, 'it cannot be used yet');

# an average of the optimiser's that somebody damaged is not gone on with
$node->safe_psql('postgres', q{
	CREATE TABLE kept AS SELECT * FROM visclf.optimizer_state;
	UPDATE visclf.optimizer_state SET second_moment = overlay(second_moment PLACING '\x0000c07f' FROM 5) WHERE name = 'conv1.weight'});
($code, $out, $error) = $node->psql('postgres', q{CALL visclf.resume('parts')});
like($error, qr/weights of model "parts" version 1 are damaged: an average of the gradients of tensor "conv1.weight" is not finite/,
	'damaged averages are an error');
$node->safe_psql('postgres', q{
	UPDATE visclf.optimizer_state o SET second_moment = k.second_moment FROM kept k WHERE k.model_id = o.model_id AND k.name = o.name});

# nor does a function in what it is trained on get at the training
$node->safe_psql('postgres', q{
	ALTER TABLE adverts RENAME TO adverts_rows;
	CREATE TABLE call (text text);
	CREATE FUNCTION meddle() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN EXECUTE (SELECT text FROM call); RETURN true; END';
	CREATE VIEW adverts AS SELECT * FROM adverts_rows WHERE meddle()});
foreach my $call (q{resume('parts')}, q{drop_model('parts')}, q{reassign('parts', current_user)})
{
	$node->safe_psql('postgres', "DELETE FROM call; INSERT INTO call VALUES (\$\$CALL visclf.$call\$\$)");
	($code, $out, $error) = $node->psql('postgres', q{CALL visclf.resume('parts')});
	like($error, qr/already training model "parts" version 1|model "parts" version 1 is being trained$/m, "not with $call");
}
$node->safe_psql('postgres', 'DROP VIEW adverts; ALTER TABLE adverts_rows RENAME TO adverts');

$node->safe_psql('postgres', "$settings CALL visclf.resume('parts')");
is($node->safe_psql('postgres', q{SELECT status, active FROM visclf.models WHERE model = 'parts'}),
	'ready|t', 'resumed, it is ready');
is($node->safe_psql('postgres', q{SELECT count(*) FROM visclf.training_log WHERE model = 'parts'}),
	5, 'every epoch has its row');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM visclf.training_log a JOIN visclf.training_log b USING (phase, epoch)
	WHERE a.model = 'whole' AND b.model = 'parts'
	  AND (a.train_loss, a.valid_loss, a.accuracy) IS DISTINCT FROM (b.train_loss, b.valid_loss, b.accuracy)}),
	0, 'its epochs equal those of the uninterrupted training');
is($node->safe_psql('postgres', q{
	SELECT count(*), count(*) FILTER (WHERE a.data = b.data)
	FROM visclf.weight a JOIN visclf.weight b USING (name)
	JOIN visclf.models m ON m.model_id = a.model_id JOIN visclf.models n ON n.model_id = b.model_id
	WHERE m.model = 'whole' AND n.model = 'parts'}),
	'105|105', 'and so do its weights, bit by bit');
is($node->safe_psql('postgres', 'SELECT count(*) FROM visclf.optimizer_state'), 0,
	'nothing is left of the optimiser');

# what a user is told of an epoch is what the log has of it
($code, $out, $error) = $node->psql('postgres', qq{CALL visclf.train('told', 'adverts', $options)});
my @told = $error =~ /NOTICE:  \d+ +[\d.]+ +[\d.]+ +[\d.]+ +([\d:]+)$/mg;
is(join("\n", @told), $node->safe_psql('postgres', q{
	SELECT time FROM visclf.training_log WHERE model = 'told' ORDER BY finished_at}), 'notices and log agree on the time');

# a training whose rows have changed is not resumed
$session = $node->background_psql('postgres');
$pid = backend_pid($session);
$session->query_until(qr//, "$settings\nCALL visclf.train('changed', 'adverts', $options);\n");
$node->poll_query_until('postgres', q{SELECT count(*) >= 1 FROM visclf.training_log WHERE model = 'changed'});
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid");
eval { $session->quit };
$node->safe_psql('postgres', q{UPDATE adverts SET label = 'other' WHERE id = 1});
($code, $out, $error) = $node->psql('postgres', q{CALL visclf.resume('changed')});
like($error, qr/have changed since the training began/, 'changed rows are noticed');

# with the rows as they were, it is resumed, also after a later version is ready
$node->safe_psql('postgres', q{UPDATE adverts SET label = truth WHERE id = 1});
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CALL visclf.train('changed', 'adverts', architecture => 'resnet20', image_size => 16, epochs => 1)});
my $later = $node->safe_psql('postgres', q{SELECT model_id FROM visclf.models WHERE model = 'changed' AND active});
($code, $out, $error) = $node->psql('postgres', "$settings SET client_min_messages = notice; CALL visclf.resume('changed')");
is($node->safe_psql('postgres', q{SELECT string_agg(version || status, ' ' ORDER BY version) FROM visclf.models WHERE model = 'changed'}),
	'1ready 2ready', 'an older version can be resumed');
like($error, qr/NOTICE:  model "changed" version 1 is ready but not active, because version 2 is newer/,
	'it says that it does not become active');
is($node->safe_psql('postgres', q{SELECT model_id FROM visclf.models WHERE model = 'changed' AND active}), $later,
	'the newer one is active as before');
($code, $out, $error) = $node->psql('postgres', q{CALL visclf.resume('changed')});
like($error, qr/ERROR:  the training of model "changed" has finished/, 'what has finished is not resumed');

# of two trainings at once the newer version is active in the end, whichever ends last
$session = $node->background_psql('postgres');
$session->query_until(qr//, "$settings\nCALL visclf.train('two', 'adverts', $options);\n\\echo ended\n");
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM visclf.models WHERE model = 'two'}), 'one is in training');
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CALL visclf.train('two', 'adverts', architecture => 'resnet20', image_size => 16, epochs => 1)});
is($node->safe_psql('postgres', q{SELECT version, active FROM visclf.models WHERE model = 'two' AND status = 'ready'}),
	'2|t', 'the second ends first');
$session->query_until(qr/ended/, '');
$session->quit;
is($node->safe_psql('postgres', q{SELECT version, status, active FROM visclf.models WHERE model = 'two' ORDER BY version}),
	"1|ready|f\n2|ready|t", 'and stays active when the first ends');

# whose model is given away cannot go on writing to it
$session = $node->background_psql('postgres', on_error_stop => 0);
$pid = backend_pid($session);
$session->query_until(qr//, "$settings\nCALL visclf.train('given', 'adverts', architecture => 'resnet20', image_size => 16, epochs => 1000);\n\\echo ended\n");
$node->poll_query_until('postgres', q{SELECT count(*) >= 1 FROM visclf.training_log WHERE model = 'given'});
($code, $out, $error) = $node->psql('postgres', q{CREATE ROLE other; CALL visclf.reassign('given', 'other')});
like($error, qr/model "given" version 1 is being trained/, 'a model in training is not given away by visclf.reassign');
$node->safe_psql('postgres', q{UPDATE visclf.model SET owner_role = 'other' WHERE name = 'given'});
$session->query_until(qr/ended/, '');
like($session->{stderr}, qr/model "given" was concurrently dropped or given to another role/, 'a training ends where that happened');
eval { $session->quit };

# folds: killed in the second, it goes on there, and ends as the uninterrupted one
my $folds = q{key_column => 'id', architecture => 'resnet20', image_size => 32, epochs => 2, batch_size => 32, folds => 3};
$node->safe_psql('postgres', "$settings CALL visclf.train('whole folds', 'adverts', $folds)");
$session = $node->background_psql('postgres');
$pid = backend_pid($session);
$session->query_until(qr//, "$settings\nCALL visclf.train('folds', 'adverts', $folds);\n");
ok($node->poll_query_until('postgres', q{SELECT count(*) >= 1 FROM visclf.training_log WHERE model = 'folds' AND fold = 2}), 'the second fold has begun');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid");
eval { $session->quit };
cmp_ok($node->safe_psql('postgres', q{SELECT count(DISTINCT v.fold) FROM visclf.validation v JOIN visclf.models m USING (model_id) WHERE m.model = 'folds'}),
	'<', 3, 'not all folds are done');
$node->safe_psql('postgres', "$settings CALL visclf.resume('folds')");
is($node->safe_psql('postgres', q{
	SELECT count(*), count(*) FILTER (WHERE (a.key, a.fold, a.predicted, a.loss) = (b.key, b.fold, b.predicted, b.loss)) FROM visclf.validation a JOIN visclf.validation b USING (row_number)
	JOIN visclf.models m ON m.model_id = a.model_id JOIN visclf.models n ON n.model_id = b.model_id
	WHERE m.model = 'whole folds' AND n.model = 'folds'}),
	'300|300', 'every labelled image is told of once, as in the uninterrupted training');
is($node->safe_psql('postgres', q{
	SELECT count(*), count(*) FILTER (WHERE a.data = b.data) FROM visclf.weight a JOIN visclf.weight b USING (name)
	JOIN visclf.models m ON m.model_id = a.model_id JOIN visclf.models n ON n.model_id = b.model_id
	WHERE m.model = 'whole folds' AND n.model = 'folds'}),
	'105|105', 'and the weights are the same');

# in a transaction block
($code, $out, $error) = $node->psql('postgres', q{BEGIN;
	CALL visclf.train('block', 'adverts', architecture => 'resnet20', image_size => 16, epochs => 1); ROLLBACK});
like($error, qr/\A[^\n]*NOTICE:  training inside a transaction block is not saved before COMMIT/, 'the first notice is of the transaction block');
($code, $out, $error) = $node->psql('postgres', q{SET default_transaction_read_only = on; CALL visclf.train('block', 'adverts')});
like($error, qr/cannot execute visclf.train\(\) in a read-only transaction/, 'a transaction that is read-only is refused first');

$node->stop;
done_testing();
