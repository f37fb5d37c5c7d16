# Real crops: train a small network from random weights, classify the crops
# that were held out, and do clearly better than the majority class.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $folder = data_folder('chapbooks');
plan skip_all => 'the chapbooks folder is missing' unless $folder;

my $node = start_node('chapbooks');
my @rows;
foreach my $line (grep { /^nls_/ } split(/\r?\n/, slurp_file("$folder/labels.csv")))
{
	my @field = split(/,/, $line);
	push @rows, [ "$folder/images/$field[0]", $field[0], $field[1], $field[7] ];
}
is(scalar(@rows), 672, 'crops listed');
load_files($node, 'crops', 'file text PRIMARY KEY, label text, split text', @rows);
$node->safe_psql('postgres', q{CREATE VIEW training AS SELECT * FROM crops WHERE split = 'train'});

my ($code, $out, $notices) = $node->psql('postgres', q{
	CALL visclf.train('crops', 'training', key_column => 'file',
		architecture => 'resnet20', image_size => 64, epochs => 8, batch_size => 32)});
is($code, 0, 'training ends well') or diag($notices);
like($notices, qr/epoch  train_loss  valid_loss  accuracy  time/, 'the header of the table of epochs');
like($notices, qr/NOTICE:  7 +\d\.\d{6} +\d\.\d{6}  \d\.\d{6}  \d\d:\d\d$/m, 'the last epoch as a notice');
is($node->safe_psql('postgres', q{SELECT count(*) FROM visclf.training_log WHERE model = 'crops'}),
	8, 'the epochs as rows');

# the majority class is 59.3 % of the 135
my $accuracy = $node->safe_psql('postgres', q{
	SELECT round(avg(((c.p).label = c.label)::int), 4)
	FROM (SELECT label, visclf.classify_batch('crops', image) OVER () AS p FROM crops WHERE split = 'valid') c});
diag("accuracy on the 135 held-out crops: $accuracy");
cmp_ok($accuracy, '>=', 0.80, 'accuracy on the held-out crops');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM crops c, visclf.classify('crops', c.image) p
	WHERE c.split = 'valid' AND p.error IS NOT NULL}), 0, 'no crop fails to decode');

$node->stop;
done_testing();
