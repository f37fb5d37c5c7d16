# visclf-load: as a plain role over TCP; killed and started again; catalogues and
# folders that do not agree; what it refuses.
use strict;
use warnings FATAL => 'all';

use Cwd;
use FindBin;
use IPC::Run;
use Time::HiRes qw(usleep);
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $node = start_node('load');
$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'\n");
$node->restart;
my $port = $node->port;
$node->append_conf('pg_hba.conf', "host history anna 127.0.0.1/32 trust\n");
$node->reload;
$node->safe_psql('postgres', 'CREATE ROLE anna LOGIN');
$node->safe_psql('postgres', 'CREATE DATABASE history OWNER anna');

my $folder = $PostgreSQL::Test::Utils::tmp_check . '/load';
mkdir $folder or die "$folder: $!";
system_or_bail('build/adverts', '--count', '30', '--labelled', '20', '--directory', "$folder/ads");
my @connect = ('--dbname', "host=127.0.0.1 port=$port dbname=history user=anna");

sub write_file
{
	my ($name, $text) = @_;

	open(my $file, '>:raw', $name) or die "$name: $!";
	print $file $text;
	close($file) or die "$name: $!";
}

# Runs visclf-load: its status and what it said.
sub load
{
	my (@options) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'visclf-load', @connect, @options ], '<', \undef, '>', \$out, '2>', \$err);
	return ($? >> 8, $err);
}

sub query
{
	my ($sql) = @_;

	return $node->safe_psql('history', $sql);
}

# Files that differ, of which each is an image
my $many = "$folder/many";
mkdir $many or die "$many: $!";
my @images = map { slurp_file($_) } sort glob("$folder/ads/*.jpg");
my $catalogue = "File;Year;Label\r\n";
my $count = 10000;
for my $i (1 .. $count)
{
	my $sub = sprintf('%s/%02d', $many, $i % 10);

	mkdir $sub unless -d $sub;
	write_file("$sub/$i.jpg", $images[$i % @images] . $i);
	$catalogue .= sprintf("%02d/%d.jpg;%d;%s\r\n", $i % 10, $i, 1800 + $i % 100, $i % 3 ? 'text' : '');
}
write_file("$folder/many.csv", "\xef\xbb\xbf$catalogue");

# Killed twice: what was committed stays, and nothing is there twice
my @command = ('visclf-load', @connect, '--table', 'many', '--catalogue', "$folder/many.csv", $many);
for my $kill (1 .. 2)
{
	my ($out, $err) = ('', '');
	my $before = $kill == 1 ? 0 : query('SELECT count(*) FROM many');
	my $run = IPC::Run::start(\@command, '<', \undef, '>', \$out, '2>', \$err);

	for (1 .. 20000)
	{
		last if query(q{SELECT to_regclass('many') IS NOT NULL}) eq 't' && query('SELECT count(*) FROM many') > $before;
		usleep(2000);
	}
	$run->signal('KILL');
	eval { $run->finish };
	my $after = query('SELECT count(*) FROM many');
	ok($after > $before && $after < $count, "killed after $after files");
}
my ($status, $said) = load(@command[ 3 .. $#command ]);
is($status, 0, 'the third time it ends') or diag($said);
is(query('SELECT count(*), count(DISTINCT file) FROM many'), "$count|$count", 'each file is there once');
is(query(q{SELECT count(*) FROM many WHERE year = 1800 + substring(file from '/(\d+)')::int % 100
	AND (label IS NULL) = (substring(file from '/(\d+)')::int % 3 = 0)}), $count, 'with its row of the catalogue');
is(query(q{SELECT count(*) FROM many WHERE convert_from(substring(image from length(image) - length(substring(file from '/(\d+)')) + 1), 'latin1')
	= substring(file from '/(\d+)')}), $count, 'and its own bytes');
is(query(q{SELECT attstorage FROM pg_attribute WHERE attrelid = 'many'::regclass AND attname = 'image'}), 'e', 'which are not compressed');
like($said, qr/\d+ files are in public\.many already/, 'what was there is counted');
($status, $said) = load(@command[ 3 .. $#command ]);
like($said, qr/10000 files are in public\.many already.*0 files \(0 bytes\) loaded/s, 'a fourth time does nothing');

# Interrupted: what was sent is kept, and it says so
query('DROP TABLE many');
{
	my ($out, $err) = ('', '');
	my $run = IPC::Run::start(\@command, '<', \undef, '>', \$out, '2>', \$err);

	usleep(2000) until query(q{SELECT to_regclass('many') IS NOT NULL}) eq 't' && query('SELECT count(*) FROM many') > 0;
	$run->signal('INT');
	$run->finish;
	is($run->result >> 8 || $run->result, 1, 'interrupted');
	like($err, qr/stopped before the end.*goes on where it stopped/s, 'it says how to go on');
	my ($loaded) = $err =~ /(\d+) files \(/;
	is(query('SELECT count(*) FROM many'), $loaded, 'what it says is loaded is');
}

# Two at a time: the second waits, and finds nothing to do
query('DROP TABLE many');
{
	my @both = map { my ($out, $err) = ('', ''); { err => \$err, run => IPC::Run::start(\@command, '<', \undef, '>', \$out, '2>', \$err) } } 1 .. 2;

	$_->{run}->finish for @both;
	is(query('SELECT count(*), count(DISTINCT file) FROM many'), "$count|$count", 'two at a time load each file once');
	like(${ $both[0]{err} } . ${ $both[1]{err} }, qr/waiting for another visclf-load of public\.many to end/, 'one waits');
}

# The catalogue that the adverts come with, made and types found
($status, $said) = load('--table', 'adverts', '--catalogue', "$folder/ads/adverts.csv", '--key', 'id', '--dry-run', "$folder/ads");
is($status, 0, 'a dry run');
like($said, qr/CREATE TABLE public\.adverts \(.*30 files would be loaded/s, 'says what it would do');
is(query(q{SELECT to_regclass('adverts') IS NULL}), 't', 'and does nothing');
($status, $said) = load('--table', 'adverts', '--catalogue', "$folder/ads/adverts.csv", '--key', 'id', "$folder/ads");
is($status, 0, 'adverts') or diag($said);
is(query(q{SELECT string_agg(attname || ' ' || atttypid::regtype, ', ' ORDER BY attnum) FROM pg_attribute
	WHERE attrelid = 'adverts'::regclass AND attnum > 0}),
	'file text, id bigint, newspaper text, place text, published date, label text, truth text, image bytea', 'columns and their types');
is(query(q{SELECT string_agg(a.attname, ',') FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
	WHERE i.indrelid = 'adverts'::regclass AND i.indisprimary}), 'id', 'the key that was asked for');
unlike($said, qr/adverts\.csv/, 'the catalogue is no image');

# An existing table of other types; what is missing on either side
my $mixed = "$folder/mixed";
mkdir $_ for $mixed, "$mixed/Illustrated", "$mixed/Illustrated/deep", "$mixed/text", "$mixed/.hidden";
write_file("$mixed/Illustrated/a.jpg", $images[0]);
write_file("$mixed/Illustrated/deep/b.jpg", $images[1]);
write_file("$mixed/text/c.jpg", $images[2]);
write_file("$mixed/text/empty.jpg", '');
write_file("$mixed/text/Thumbs.db", 'no image');
write_file("$mixed/text/.d.jpg", $images[3]);
write_file("$mixed/.hidden/e.jpg", $images[3]);
write_file("$mixed/f.jpg", $images[4]);
write_file("$mixed/\xe9.jpg", $images[4]);
symlink('..', "$mixed/text/circle") or die $!;
write_file("$folder/mixed.csv", qq{Kind\tfile\tDay\tPrice\n}
	. qq{"x\ny"\t.\\Illustrated\\a.jpg\t1850-02-28\t1.50\n}
	. qq{\ttext/c.jpg\t\t\n}
	. qq{z\tgone.jpg\t1850-01-01\t2\n}
	. qq{z\t\t1850-01-01\t2\n}
	. qq{z\ttext/c.jpg\t1850-01-01\t2\n});
query(q{CREATE SCHEMA "My archive"; GRANT ALL ON SCHEMA "My archive" TO anna;
	CREATE TYPE kind AS ENUM ('z', E'x\ny'); CREATE DOMAIN price AS numeric(6, 2) CHECK (value > 0);
	CREATE TABLE "My archive"."Prints" (n serial PRIMARY KEY, "file" varchar(40) UNIQUE, kind kind, day date, price price, image bytea);
	GRANT ALL ON ALL TABLES IN SCHEMA "My archive" TO anna; GRANT ALL ON ALL SEQUENCES IN SCHEMA "My archive" TO anna});
($status, $said) = load('--table', '"My archive"."Prints"', '--catalogue', "$folder/mixed.csv", $mixed);
is($status, 2, 'some files are left out');
is(query(q{SELECT string_agg(concat_ws('|', n, file, replace(kind::text, E'\n', '/'), day, price, length(image) > 0), ' ' ORDER BY n) FROM "My archive"."Prints"}),
	'1|Illustrated/a.jpg|x/y|1850-02-28|1.50|t 2|text/c.jpg|t', 'rows of an existing table');
like($said, qr/1 row of the catalogue has no file: gone\.jpg \(line 5\)/, 'a row without its file');
like($said, qr/1 row of the catalogue names no file: line 6/, 'a row without a name');
like($said, qr/1 row of the catalogue names a file that an earlier one names, and is left out: text\/c\.jpg \(line 7\)/, 'a row too many');
like($said, qr/4 files are not in the catalogue, and are left out: Illustrated\/deep\/b\.jpg, f\.jpg, text\/Thumbs\.db, text\/empty\.jpg/, 'files without a row');
like($said, qr/its name is not UTF-8/, 'a name that is no text');
like($said, qr/images are compressed in vain/, 'a hint at the storage');

# Labels from the folders; only some files; files that are no images
unlink "$mixed/\xe9.jpg";
($status, $said) = load('--table', 'kinds', '--label-from-folder', '--label-column', 'class', $mixed);
is($status, 2, 'files that are no images are left out');
like($said, qr/text\/Thumbs\.db is left out: is no image/, 'and named');
like($said, qr/text\/empty\.jpg is left out: is empty/, 'with the reason');
is(query('SELECT string_agg(file || coalesce(\'=\' || class, \'\'), \' \' ORDER BY file COLLATE "C") FROM kinds'),
	'Illustrated/a.jpg=Illustrated Illustrated/deep/b.jpg=Illustrated f.jpg text/c.jpg=text', 'labels are the names of the folders');
($status, $said) = load('--table', 'chosen', '--include', 'a*', '--include', '*/deep/*', $mixed);
is(query('SELECT string_agg(file, \' \' ORDER BY file) FROM chosen'), 'Illustrated/a.jpg Illustrated/deep/b.jpg', 'patterns');
($status, $said) = load('--table', 'single', "$mixed/f.jpg", "$mixed/text/c.jpg", "$mixed/text/c.jpg");
is($status, 0, 'single files');
is(query('SELECT string_agg(file, \' \' ORDER BY file) FROM single'), 'c.jpg f.jpg', 'have their own names');
like($said, qr/1 name is that of several files, of which the first is taken: c\.jpg/, 'one is named twice');

# Smaller
($status, $said) = load('--table', 'smaller', '--max-size', '100', '--include', '*.jpg', "$folder/ads");
is($status, 0, 'smaller images');
is(query('SELECT count(*) FROM smaller'), 30, 'of all');
is($node->safe_psql('history', q{CREATE EXTENSION visclf; SELECT max(greatest(i.width, i.height)), min(i.format), count(i.error)
	FROM smaller, visclf.image_info(image) i}), '100|jpeg|0', 'are JPEGs of that size');
is(query(q{SELECT max(abs(a.width::float / a.height - s.width::float / s.height)) < 0.1
	FROM adverts x JOIN smaller y USING (file), visclf.image_info(x.image) a, visclf.image_info(y.image) s}), 't', 'and shape');

# What is refused, with the reason
sub refused
{
	my ($what, $expected, @options) = @_;
	my ($rc, $error) = load(@options);

	is($rc, 1, $what);
	like($error, $expected, "$what: the reason");
}
write_file("$folder/bad.csv", "file,day\nf.jpg,1850-01-01\ntext/c.jpg,Feb 30 1850\n");
query('CREATE TABLE days (file text, day date, image bytea); GRANT ALL ON days TO anna');
refused('a value that is no date', qr/column "day", line 3 of ".*bad\.csv": (date\/time field value out of range|invalid input syntax)/,
	'--table', 'days', '--catalogue', "$folder/bad.csv", $mixed);
refused('a column that is missing', qr/table public\.single has no column "day"/, '--table', 'single', '--catalogue', "$folder/bad.csv", $mixed);
refused('a catalogue without the files', qr/has no column "name"; it has file, day/,
	'--table', 'x', '--catalogue', "$folder/bad.csv", '--file-column', 'name', $mixed);
write_file("$folder/latin.csv", "file,ort\nf.jpg,Z\xfcrich\n");
refused('another encoding', qr/line 2 of ".*latin\.csv" has bytes that are no UTF-8.*--encoding windows-1252/s,
	'--table', 'x', '--catalogue', "$folder/latin.csv", $mixed);
is((load('--table', 'latin', '--encoding', 'windows-1252', '--catalogue', "$folder/latin.csv", $mixed))[0], 0, 'an encoding that is said');
is(query(q{SELECT ort = U&'Z\00FCrich' FROM latin}), 't', 'is that of the letters');
write_file("$folder/twice.csv", "file,A b,a_b\nf.jpg,1,2\n");
refused('columns of one name', qr/two columns would have the name "a_b"/, '--table', 'x', '--catalogue', "$folder/twice.csv", $mixed);
write_file("$folder/image.csv", "file,image\nf.jpg,1\n");
refused('a column with the name of the images', qr/has a column "image" itself/, '--table', 'x', '--catalogue', "$folder/image.csv", $mixed);
refused('no folder', qr/cannot read ".*nowhere": No such file/, '--table', 'x', "$folder/nowhere");
refused('nothing that fits', qr/no file was found/, '--table', 'x', '--include', '*.tif', $mixed);
refused('a name that is none', qr/cross-database references are not implemented/, '--table', 'a.b.c', $mixed);
refused('a view', qr/"pg_stat_activity" is not a table/, '--table', 'pg_stat_activity', $mixed);
query('CREATE TABLE hers (file text, image bytea)');
refused('a table of someone else', qr/permission denied for table hers/, '--table', 'hers', $mixed);
refused('a key for a table that exists', qr/table public\.single exists/, '--table', 'single', '--key', 'file', $mixed);
refused('no server', qr/connection to server/, '--dbname', 'host=127.0.0.1 port=1', '--table', 'x', $mixed);
is(query(q{SELECT to_regclass('x') IS NULL}), 't', 'what is refused makes no table');

# A large catalogue takes no memory
{
	my $pipe = "$folder/large.csv";
	my ($out, $err) = ('', '');

	open(my $file, '>', $pipe) or die $!;
	print $file "file,note\n";
	for my $i (1 .. 400) { print $file join('', map { "none/$i-$_.jpg," . 'x' x 200 . "\n" } 1 .. 1000); }
	close($file);
	my $run = IPC::Run::start([ '/usr/bin/env', 'time', '-f', 'peak %M kB', 'visclf-load', @connect, '--table', 'large', '--dry-run', '--catalogue', $pipe, $mixed ],
		'<', \undef, '>', \$out, '2>', \$err);
	$run->finish;
	like($err, qr/400000 rows of the catalogue have no file/, 'a catalogue of 85 MB');
	unlink $pipe;
	SKIP: {
		my ($peak) = $err =~ /peak (\d+) kB/;
		skip 'there is no time', 1 unless defined $peak;
		cmp_ok($peak, '<', 20000, 'is read in little memory');
	}
}

done_testing();
