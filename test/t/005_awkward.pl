# Images that break decoders: each gives a prediction or an error, and none a
# crash or a word on the server's stderr.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $folder = data_folder('awkward');
plan skip_all => 'the folder of awkward images is missing' unless $folder;

my $node = start_node('awkward');
my @files = sort grep { !/INDEX/ && -f } glob("$folder/*");
cmp_ok(scalar(@files), '>=', 50, 'files');
load_files($node, 'awkward', 'file text PRIMARY KEY', map { [ $_, m{([^/]+)$} ] } @files);
load_adverts($node, 'adverts', 60, 60);
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CALL visclf.train('ads', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1)});

my $log_before = -s $node->logfile;
my $count = scalar(@files);
foreach my $threads (1, 2)
{
	is($node->safe_psql('postgres', qq{
		SET visclf.threads = $threads;
		SELECT count(*) FROM awkward, visclf.classify('ads', image) p
		WHERE (p.label IS NULL) = (p.error IS NOT NULL)}), $count, "classify with $threads threads");
	is($node->safe_psql('postgres', qq{
		SET visclf.threads = $threads;
		SELECT count(*) FROM (SELECT visclf.classify_batch('ads', image) OVER () AS p FROM awkward) x
		WHERE ((p).label IS NULL) = ((p).error IS NOT NULL)}), $count, "classify_batch with $threads threads");
}
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM awkward, visclf.image_info(image) i
	WHERE (i.format IS NOT NULL AND i.width > 0 AND i.height > 0 AND i.error IS NULL)
	   OR (i.format IS NULL AND i.error <> '')}), $count, 'image_info');
is($node->safe_psql('postgres', q{
	SELECT string_agg(file, ' ' ORDER BY file) FROM awkward, visclf.image_info(image) i WHERE NOT i.complete AND i.format = 'jpeg'}),
	'56_truncated.jpg 61_ultrahdr.jpg 90_progressive_cut_half.jpg', 'those that are cut off are not complete');
is($node->safe_psql('postgres', q{
	SELECT string_agg(file, ' ' ORDER BY file) FROM awkward, visclf.image_info(image) i
	WHERE i.error IS NULL AND i.orientation NOT IN (0, 1) AND i.width IS NULL}), '', 'orientation comes with a size');

# a limit of pixels is the administrator's
like($node->safe_psql('postgres', q{
	SET visclf.max_image_pixels = 1000;
	SELECT p.error FROM awkward, visclf.classify('ads', image) p WHERE file LIKE '08%'}),
	qr/pixels/, 'max_image_pixels refuses a larger image');

# training on them: the bad are skipped, with one warning; others are for those that are cut off or damaged, and nearly the same
my ($code, $out, $error) = $node->psql('postgres', q{
	CREATE VIEW mixed AS SELECT image, label, id::text AS key FROM adverts
		UNION ALL SELECT image, 'text-only', file FROM awkward;
	SET client_min_messages = warning;
	CALL visclf.train('mixed', 'mixed', key_column => 'key', architecture => 'resnet20', image_size => 32, epochs => 1)});
is($code, 0, 'training ends well');
my @warnings = $error =~ /WARNING/g;
is(scalar(@warnings), 3, 'with three warnings');
like($error, qr/labelled rows of "mixed" were skipped/, 'that count the bad images');
like($error, qr/images of "mixed" are nearly the same as others/, 'those that are nearly the same');
like($error, qr/3 of \d+ images of "mixed" are cut off or damaged.*90_progressive_cut_half.jpg: image is cut off in scan \d+/s,
	'and those that are cut off or damaged');

my $log = slurp_file($node->logfile, $log_before);
my @noise = grep { !/^\d{4}-\d\d-\d\d|^\t/ } split(/\n/, $log);
is(join("\n", @noise), '', 'nothing but log lines on stderr');
unlike($log, qr/PANIC|terminated by signal|server process/, 'no crash');

$node->stop;
done_testing();
