# The page to label on: driven by keys and clicks through 100 pictures, reloaded in
# the middle, its CSV read back; with hostile names; on a desk and a phone.
use strict;
use warnings FATAL => 'all';

use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Chromium;
use Visclf;

my $node = start_node('label');
load_adverts($node, 'adverts', 120, 0);
my @classes = ('<script>console.error(1)</script>', q{it's "quoted", \\ {and} more}, "\x{5d0}\x{5d1}\x{5d2}", 'plain');
my $array = join(', ', map { "\$q\$$_\$q\$" } @classes);
utf8::encode($array);
my $source = q{"it's <b>""bold"""};
$node->safe_psql('postgres', qq{
	CREATE TABLE $source AS SELECT CASE WHEN id = 7 THEN '</script><img src=x onerror=console.error(2)>' WHEN id = 8 THEN 'a,"b' || E'\\n;c' ELSE id::text END AS id,
		CASE WHEN id = 9 THEN 'no image'::bytea ELSE image END AS image, CASE WHEN id > 110 THEN 'known' END AS label FROM adverts});

# A page of 100 rows without a label, and what it must be
my $page = $node->safe_psql('postgres', qq{SELECT visclf.label_page('$source', classes => ARRAY[$array], title => '</title><script>console.error(3)</script>', size => 200)}
	=~ s/'"it's/'"it''s/r);
is(() = $page =~ /\{"key":/g, 100, 'a page of 100 pictures');
ok($page !~ /[^\x01-\x7f]/, 'of ASCII');
is(() = $page =~ /<script/g, 2, 'with its own script and data');
ok($page !~ /"key":"1(1[1-9]|20)"/, 'and none that has a label');

SKIP:
{
	skip 'Chromium is not installed', 1 unless Chromium::program();

	my $folder = tempdir(CLEANUP => 1);
	append_to_file("$folder/page.html", $page);
	my $browser = Chromium->start(1280, 900, $folder);
	my $press = sub { $browser->key($_[0]); };
	my $at = sub { $browser->value(q{document.getElementById('about').textContent}) };

	$browser->go("file://$folder/page.html");
	is($browser->value('document.querySelectorAll("#classes button").length'), 4, 'a button a class');
	is($browser->value('document.querySelectorAll("main script, main b, header script, img[src=x]").length'), 0, 'names are text');
	my $keys = $browser->value(q{JSON.parse(document.getElementById('data').textContent).pictures.map(p => p.key)});
	is(scalar(@$keys), 100, 'keys');
	$browser->click('#labeller');
	$press->($_) for split //, 'Ann';
	$browser->value('document.activeElement.blur()');

	# Keys and clicks by turns; "cannot tell", skip, undo
	my %expected;
	for my $i (0 .. 59)
	{
		my $class = $i % 4;

		if ($i % 10 == 9) { $press->('x'); $expected{ $keys->[$i] } = 'cannot tell'; }
		elsif ($i % 10 == 8) { $press->('s'); }
		elsif ($i % 2) { $browser->click("#classes button:nth-child(" . ($class + 1) . ")"); $expected{ $keys->[$i] } = $class; }
		else { $press->($class + 1); $expected{ $keys->[$i] } = $class; }
	}
	like($at->(), qr/Picture 61 of 100/, 'sixty pictures on');
	$press->('u');
	like($at->(), qr/Picture 60 of 100/, 'undo goes back');
	$press->('2');
	$expected{ $keys->[59] } = 1;
	$browser->screenshot(($ENV{LABEL_PAGE_PICTURES} || $folder) . '/1280.png');

	# Enlarged, by key and by click
	$press->('z');
	is($browser->value('document.getElementById("large").hidden'), JSON::PP::false, 'enlarged');
	$press->('Escape');
	is($browser->value('document.getElementById("large").hidden'), JSON::PP::true, 'and back');
	$browser->click('#picture img');
	is($browser->value('document.getElementById("large").hidden'), JSON::PP::false, 'by a click');
	$browser->click('#large');

	# Loaded anew, it goes on where it was
	$browser->go;
	like($at->(), qr/Picture 61 of 100/, 'after a reload it goes on');
	is($browser->value('document.getElementById("labeller").value'), 'Ann', 'with the labeller');
	is($browser->value('document.getElementById("count").textContent'), scalar(keys %expected) . ' of 100 labelled', 'and the count');
	for my $i (60 .. 99)
	{
		$press->('4');
		$expected{ $keys->[$i] } = 3;
	}
	is($browser->value('document.getElementById("end").hidden'), JSON::PP::false, 'the end');
	like($browser->value('document.getElementById("left").textContent'), qr/6 pictures are skipped/, 'which says what is left');
	$browser->click('#again');
	for my $i (8, 18, 28, 38, 48, 58)
	{
		like($at->(), qr/Picture @{[ $i + 1 ]} of/, 'one that was skipped');
		$press->('1');
		$expected{ $keys->[$i] } = 0;
	}
	is($browser->value('document.getElementById("left").textContent'), 'All pictures are labelled.', 'all');

	# Saved, and read back
	$browser->click('#save2');
	my $csv = "$folder/labels-Ann.csv";
	for (1 .. 100) { last if -s $csv; select(undef, undef, undef, 0.1); }
	ok(-s $csv, 'it is saved');
	is($browser->console, '', 'nothing on the console');
	is($browser->requests, '', 'no request');
	$browser->stop;
	is($node->safe_psql('postgres', "\\set labels `cat '$csv'`\nSELECT visclf.read_labels(:'labels')"), 100, '100 labels are read');
	is($node->safe_psql('postgres', "\\set labels `cat '$csv'`\nSELECT visclf.read_labels(:'labels')"), 0, 'and again none');
	my $wrong = 0;
	for my $key (@$keys)
	{
		my $quoted = $key;
		my $label = $expected{$key} eq 'cannot tell' ? 'NULL' : "ARRAY[\$q\$$classes[$expected{$key}]\$q\$]";

		utf8::encode($quoted);
		utf8::encode($label);
		$wrong++ unless $node->safe_psql('postgres', qq{SELECT labels IS NOT DISTINCT FROM $label AND labeller = 'Ann' AND source = \$q\$public.$source\$q\$
			FROM visclf.label WHERE key = \$k\$$quoted\$k\$}) eq 't';
	}
	is($wrong, 0, 'each is what was pressed');
	is($node->safe_psql('postgres', qq{CREATE TABLE mine (source text, key text, label text, labeller text, time timestamptz);
		\\copy mine FROM '$csv' CSV HEADER
		SELECT count(*) FROM mine m JOIN visclf.label l USING (key) WHERE m.label IS NOT DISTINCT FROM l.label}), 100, 'COPY reads the same');

	# A page for several classes at once, on a phone, with a model's guess
	$node->safe_psql('postgres', q{UPDATE adverts SET label = truth WHERE id <= 60;
		CALL visclf.train('guess', 'adverts', architecture => 'resnet20', image_size => 16, epochs => 1)});
	my $phone = $node->safe_psql('postgres', qq{SELECT visclf.label_page('adverts', label_column => NULL, classes => ARRAY[$array], keys => '{3,1,2,none}', model => 'guess', multiple => true)});
	append_to_file("$folder/phone.html", $phone);
	$browser = Chromium->start(390, 844, $folder);
	$browser->go("file://$folder/phone.html");
	like($browser->value('document.getElementById("guess").textContent'), qr/^The model says: (illustrations|text-only), \d+ %$/, 'the guess');
	$browser->screenshot(($ENV{LABEL_PAGE_PICTURES} || $folder) . '/390.png');
	is($browser->value('document.documentElement.scrollWidth'), 390, 'nothing is wider than a phone');
	$browser->click('#classes button:nth-child(1)');
	$browser->click('#classes button:nth-child(2)');
	$browser->key('3');
	$browser->key('1');
	$browser->click('#confirm');
	$browser->key('Enter');
	$browser->key('x');
	like($browser->value('document.getElementById("picture").textContent'), qr/No picture: not among the images/, 'a key without a row');
	$browser->key('s');
	my $text = $browser->value('document.getElementById("end").hidden');
	is($text, JSON::PP::false, 'the end of the second page');
	$browser->key('ArrowLeft');
	my $rows = $browser->value('document.getElementById("csv").value');
	is($browser->console . $browser->requests, '', 'nothing on its console, no request');
	$browser->stop;
	utf8::encode($rows);
	is($node->safe_psql('postgres', "SELECT string_agg(key || '=' || coalesce(labels::text, 'NULL'), ' ' ORDER BY key) FROM visclf.parse_labels(\$v\$$rows\$v\$)"),
		do { my $e = "1={} 2=NULL 3={\"it's \\\"quoted\\\", \\\\ {and} more\",$classes[2]}"; utf8::encode($e); $e }, 'several labels, none, and "cannot tell"');
}

$node->stop;
done_testing();
