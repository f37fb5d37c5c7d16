# The report in a browser: nothing on its console, on a phone, a desk and on
# paper; and in databases of other encodings than UTF-8.
use strict;
use warnings FATAL => 'all';

use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $node = start_node('report');

# A small model, and a view of predictions whose label and place want to be more than text.
sub make_report
{
	my ($database, $label, $place) = @_;

	load_adverts($node, 'adverts', 120, 120, $database);
	$node->safe_psql($database, qq{
		UPDATE adverts SET label = $label WHERE label = 'illustrations';
		UPDATE adverts SET place = $place WHERE id % 5 = 0;
		UPDATE adverts SET place = NULL WHERE id % 7 = 0;
		CALL visclf.train('ads', 'adverts', key_column => 'id', architecture => 'resnet20', image_size => 16, epochs => 2, batch_size => 16);
		CALL visclf.classify_table('ads', 'adverts', 'id', 'said');
		CREATE VIEW predictions AS SELECT p.*, a.image, a.place, a.published FROM said p JOIN adverts a USING (id)});
	return $node->safe_psql($database, q{SELECT visclf.report('ads', 'predictions', 'published', 'place', title => '<script>console.error(3)</script>')});
}

# Other encodings: a character is itself, a byte of none is said to be
for my $case (['LATIN1', q{E'gem\\xe4lde'}, 'gem&#xE4;lde'], ['SQL_ASCII', q{E'gem\\xe4lde'}, 'gem&#xFFFD;lde'])
{
	my ($encoding, $label, $written) = @$case;
	my $database = lc $encoding;

	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	$node->safe_psql($database, 'CREATE EXTENSION visclf');
	my $page = make_report($database, $label, q{'here'});

	like($page, qr/<bdi>\Q$written\E<\/bdi>/, "$encoding: the label is $written");
	unlike($page, qr/[^\x01-\x7f]/, "$encoding: the page is ASCII");
}

my $page = make_report('postgres', q{'<script>console.error(1)</script>'},
	q{U&'\0627\0644\0642\0627\0647\0631\0629 \202E<img src=x onerror=console.error(2)>'});
my ($browser) = grep { -x $_ } map { ("$_/chromium", "$_/chromium-browser", "$_/google-chrome") } split(/:/, $ENV{PATH});

SKIP:
{
	skip 'Chromium is not installed', 8 unless $browser;

	my $folder = tempdir(CLEANUP => 1);
	append_to_file("$folder/report.html", $page);

	# Runs the browser on the page: what it prints, and what is on its console.
	my $browse = sub {
		my ($out, $err) = run_command([$browser, '--headless', '--no-sandbox', '--disable-gpu', '--enable-logging=stderr',
			"--user-data-dir=$folder/profile", @_, "file://$folder/report.html"]);

		return ($out, join("\n", grep { /CONSOLE/ } split(/\n/, $err)));
	};

	for my $width (390, 1280)
	{
		my (undef, $console) = $browse->("--window-size=$width,2000", "--screenshot=$folder/$width.png");

		is($console, '', "$width pixels: nothing on the console");
		cmp_ok(-s "$folder/$width.png" || 0, '>', 20_000, "$width pixels: it is drawn");
	}
	$browse->("--print-to-pdf=$folder/report.pdf");
	cmp_ok(-s "$folder/report.pdf" || 0, '>', 20_000, 'it prints');
	my ($dom) = $browse->('--dump-dom');
	like($dom, qr/&lt;script&gt;console\.error\(1\)/, 'a class is text');
	like($dom, qr/&lt;img src=x onerror/, 'so is a place');
	unlike($dom, qr/<script|<img src="?x/i, 'neither has become an element');
}

$node->stop;
done_testing();
