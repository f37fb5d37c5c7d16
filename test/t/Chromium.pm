# Chromium without a window, driven by its DevTools protocol through a pipe.
package Chromium;

use strict;
use warnings FATAL => 'all';

use File::Temp qw(tempdir);
use IO::Select;
use JSON::PP;
use POSIX qw(dup2);

# The browser's program, or undef.
sub program
{
	my ($found) = grep { -x $_ } map { ("$_/chromium", "$_/chromium-browser", "$_/google-chrome") } split(/:/, $ENV{PATH});

	return $found;
}

# Starts a browser with a page of so many pixels; downloads go into a folder.
sub start
{
	my ($class, $width, $height, $downloads) = @_;
	my $self = bless { number => 0, events => [], buffer => '', profile => tempdir(CLEANUP => 1) }, $class;

	pipe(my $their_in, $self->{out}) or die "pipe: $!";
	pipe($self->{in}, my $their_out) or die "pipe: $!";
	$self->{pid} = fork();
	die "fork: $!" unless defined $self->{pid};
	if ($self->{pid} == 0)
	{
		# 3 and 4 are what the browser reads and writes
		my ($in, $out) = (POSIX::dup(fileno($their_in)), POSIX::dup(fileno($their_out)));

		POSIX::dup2($in, 20);
		POSIX::dup2($out, 21);
		POSIX::dup2(20, 3);
		POSIX::dup2(21, 4);
		open(STDERR, '>', '/dev/null');
		exec(program(), '--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe', '--hide-scrollbars',
			"--user-data-dir=$self->{profile}", 'about:blank') or POSIX::_exit(1);
	}
	$self->{out}->autoflush(1);
	my $target = $self->send('Target.createTarget', { url => 'about:blank' });
	$self->{session} = $self->send('Target.attachToTarget', { targetId => $target->{targetId}, flatten => JSON::PP::true })->{sessionId};
	$self->send($_) for qw(Page.enable Runtime.enable Log.enable Network.enable);
	$self->send('Emulation.setDeviceMetricsOverride', { width => $width, height => $height, deviceScaleFactor => 1, mobile => $width < 500 ? JSON::PP::true : JSON::PP::false });
	$self->send('Browser.setDownloadBehavior', { behavior => 'allow', downloadPath => $downloads }) if $downloads;
	return $self;
}

# The next message of the browser.
sub receive
{
	my ($self) = @_;

	while ($self->{buffer} !~ /\0/)
	{
		die "the browser says nothing" unless IO::Select->new($self->{in})->can_read(60);
		sysread($self->{in}, $self->{buffer}, 1 << 20, length $self->{buffer}) or die "the browser has ended";
	}
	$self->{buffer} =~ s/\A([^\0]*)\0//;
	return decode_json($1);
}

# Sends a command: its result.  Events meanwhile are kept.
sub send
{
	my ($self, $method, $parameters) = @_;
	my $number = ++$self->{number};
	my $message = encode_json({ id => $number, method => $method, params => $parameters || {},
		($self->{session} && $method !~ /^(Target|Browser)\./ ? (sessionId => $self->{session}) : ()) });

	syswrite($self->{out}, "$message\0");
	while (1)
	{
		my $reply = $self->receive;

		if (defined $reply->{id} && $reply->{id} == $number)
		{
			die "$method: " . encode_json($reply->{error}) if $reply->{error};
			return $reply->{result};
		}
		push @{ $self->{events} }, $reply if $reply->{method};
	}
}

# Goes to an address, or loads the page anew, and waits until it is there.
sub go
{
	my ($self, $address) = @_;

	$self->{events} = [ grep { $_->{method} ne 'Page.loadEventFired' } @{ $self->{events} } ];
	$self->send($address ? 'Page.navigate' : 'Page.reload', $address ? { url => $address } : {});
	until (grep { $_->{method} eq 'Page.loadEventFired' } @{ $self->{events} })
	{
		my $event = $self->receive;

		push @{ $self->{events} }, $event if $event->{method};
	}
}

# The value of an expression of the page's.
sub value
{
	my ($self, $expression) = @_;
	my $result = $self->send('Runtime.evaluate', { expression => $expression, returnByValue => JSON::PP::true });

	die "$expression: " . encode_json($result->{exceptionDetails}) if $result->{exceptionDetails};
	return $result->{result}{value};
}

# Presses a key.
sub key
{
	my $self = shift;
	my $key = '' . shift;
	my %what = (key => $key, (length $key == 1 ? (text => $key) : $key eq 'Enter' ? (text => "\r") : ()));

	$self->send('Input.dispatchKeyEvent', { type => 'keyDown', %what });
	$self->send('Input.dispatchKeyEvent', { type => 'keyUp', key => $key });
}

# Clicks in the middle of the first element that a selector finds.
sub click
{
	my ($self, $selector) = @_;
	my $quoted = encode_json([$selector]);
	my $place = $self->value("(() => { const e = document.querySelector(${quoted}[0]); e.scrollIntoView({block: 'nearest'});"
		. ' const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()');

	for my $type ('mousePressed', 'mouseReleased')
	{
		$self->send('Input.dispatchMouseEvent', { type => $type, x => $place->[0], y => $place->[1], button => 'left', clickCount => 1 });
	}
}

# What was said on the console, or went wrong.
sub console
{
	my ($self) = @_;

	$self->value('1');
	return join("\n", map { encode_json($_->{params}) } grep { $_->{method} =~ /^(Runtime\.(consoleAPICalled|exceptionThrown)|Log\.entryAdded)$/ } @{ $self->{events} });
}

# The addresses that were asked for, but those of the page and of data in it.
sub requests
{
	my ($self) = @_;

	return join("\n", grep { !/^(data|blob|file):/ } map { $_->{params}{request}{url} } grep { $_->{method} eq 'Network.requestWillBeSent' } @{ $self->{events} });
}

# A picture of the page into a file of PNG.
sub screenshot
{
	my ($self, $file) = @_;
	require MIME::Base64;

	open(my $out, '>:raw', $file) or die "$file: $!";
	print $out MIME::Base64::decode_base64($self->send('Page.captureScreenshot', { format => 'png' })->{data});
	close($out);
}

sub stop
{
	my ($self) = @_;

	return unless $self->{pid};
	eval { $self->send('Browser.close') };
	kill 'KILL', $self->{pid} if $@;
	waitpid($self->{pid}, 0);
	$self->{pid} = 0;
}

sub DESTROY { local ($@, $?); $_[0]->stop; }

1;
