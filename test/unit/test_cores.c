/*
 * test_cores.c
 *		Processors that a process may use.
 */
#define _GNU_SOURCE
#include "test/unit/tap.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/support/cores.h"

static char root[] = "/tmp/test_cores.XXXXXX";

/* Writes a file below the root, making the folders it lies in. */
static void
write_file(const char *file, const char *text)
{
	char		path[300];
	FILE	   *stream;

	snprintf(path, sizeof(path), "%s%s", root, file);
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
	{
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	if ((stream = fopen(path, "w")) == NULL || fputs(text, stream) < 0 || fclose(stream) != 0)
		perror(path);
}

static void
remove_all(void)
{
	char		command[100];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	if (system(command) != 0)
		perror(root);
}

static void
test_version_2(void)
{
	write_file("/proc/self/cgroup", "0::/a.slice/b.service\n");
	ok(vc_cgroup_cores(root) == 0, "no limit");
	write_file("/sys/fs/cgroup/a.slice/b.service/cpu.max", "max 100000\n");
	ok(vc_cgroup_cores(root) == 0, "\"max\" is no limit");
	write_file("/sys/fs/cgroup/a.slice/b.service/cpu.max", "350000 100000\n");
	ok(vc_cgroup_cores(root) == 4, "3.5 processors are 4");
	write_file("/sys/fs/cgroup/a.slice/cpu.max", "50000 100000\n");
	ok(vc_cgroup_cores(root) == 1, "a group above has less: half of one is 1");
	write_file("/proc/self/cgroup", "0::/\n");
	write_file("/sys/fs/cgroup/cpu.max", "200000 100000\n");
	ok(vc_cgroup_cores(root) == 2, "a container's own root");
	write_file("/proc/self/cgroup", "0::/docker/0123\n");
	ok(vc_cgroup_cores(root) == 2, "a group that the container does not see");
	remove_all();
}

static void
test_version_1(void)
{
	write_file("/proc/self/cgroup", "3:cpuset:/x\n2:cpuacct,cpu:/pods/one\n1:memory:/pods/two\n0::/\n");
	write_file("/sys/fs/cgroup/cpu,cpuacct/pods/one/cpu.cfs_quota_us", "-1\n");
	write_file("/sys/fs/cgroup/cpu,cpuacct/pods/one/cpu.cfs_period_us", "100000\n");
	ok(vc_cgroup_cores(root) == 0, "version 1: -1 is no limit");
	write_file("/sys/fs/cgroup/cpu,cpuacct/pods/one/cpu.cfs_quota_us", "600000\n");
	ok(vc_cgroup_cores(root) == 6, "version 1: 6 processors");
	write_file("/proc/self/cgroup", "2:cpuset:/pods/one\n");
	ok(vc_cgroup_cores(root) == 0, "another controller's group does not count");
	remove_all();
}

int
main(void)
{
	cpu_set_t	all;
	cpu_set_t	one;

	if (mkdtemp(root) == NULL || sched_getaffinity(0, sizeof(all), &all) != 0)
	{
		perror(root);
		return 1;
	}
	test_version_2();
	test_version_1();
	ok(vc_cores() >= 1 && vc_cores() <= CPU_COUNT(&all), "this process has %d of %d", vc_cores(), CPU_COUNT(&all));
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	sched_setaffinity(0, sizeof(one), &one);
	ok(vc_cores() == 1, "one that is kept to a processor has 1");
	return done();
}
