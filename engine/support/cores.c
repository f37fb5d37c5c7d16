/*
 * cores.c
 *		How many processors this process may use.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "engine/support/cores.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE	4096

/* Where each version's hierarchy that limits processors is mounted. */
static const char *const version_1[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", NULL};
static const char *const version_2[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL};

/* Reads the first line of a file of a group; returns false if there is none. */
static bool
read_line(const char *group, const char *file, char *line, int size)
{
	char		path[2 * PATH_SIZE];
	FILE	   *stream;
	bool		found;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	if ((stream = fopen(path, "r")) == NULL)
		return false;
	found = fgets(line, size, stream) != NULL;
	fclose(stream);
	return found;
}

/* A group's own limit in processors, rounded up; 0 if it has none. */
static int
group_cores(const char *group)
{
	char		line[64];
	long long	quota = 0;
	long long	period = 0;

	if (read_line(group, "cpu.max", line, sizeof(line)))
		sscanf(line, "%lld %lld", &quota, &period); /* or "max 100000" */
	else if (read_line(group, "cpu.cfs_quota_us", line, sizeof(line)))
	{
		quota = atoll(line);	/* -1: none */
		if (read_line(group, "cpu.cfs_period_us", line, sizeof(line)))
			period = atoll(line);
	}
	if (quota <= 0 || period <= 0)
		return 0;
	return (int) ((quota + period - 1) / period);
}

static int
lesser(int a, int b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/*
 * The smallest limit of a group and those above it.  In a container the mount
 * may begin at the group itself, so a group that is not found is looked for
 * above.
 */
static int
path_cores(const char *root, const char *const *mounts, const char *group)
{
	int			cores = 0;

	for (int i = 0; mounts[i] != NULL; i++)
	{
		char		path[PATH_SIZE];
		size_t		top = strlen(root) + strlen(mounts[i]);
		int			length = snprintf(path, sizeof(path), "%s%s%s", root, mounts[i], group);

		while (length > 0 && length < PATH_SIZE)
		{
			cores = lesser(cores, group_cores(path));
			while (length > (int) top && path[length - 1] != '/')
				length--;
			if (--length < (int) top)
				break;
			path[length] = '\0';
		}
	}
	return cores;
}

/* True if "cpu" is one of the controllers "a,b,c". */
static bool
has_cpu(char *controllers)
{
	char	   *rest;

	for (char *name = strtok_r(controllers, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest))
		if (strcmp(name, "cpu") == 0)
			return true;
	return false;
}

int
vc_cgroup_cores(const char *root)
{
	char		line[PATH_SIZE];
	int			cores = 0;
	FILE	   *stream;

	snprintf(line, sizeof(line), "%s/proc/self/cgroup", root);
	if ((stream = fopen(line, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), stream) != NULL)	/* number:controllers:group */
	{
		char	   *controllers = strchr(line, ':');
		char	   *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');

		if (group == NULL)
			continue;
		*group++ = '\0';
		group[strcspn(group, "\n")] = '\0';
		if (controllers[1] == '\0')
			cores = lesser(cores, path_cores(root, version_2, group));
		else if (has_cpu(controllers + 1))
			cores = lesser(cores, path_cores(root, version_1, group));
	}
	fclose(stream);
	return cores;
}

int
vc_cores(void)
{
	long		online = sysconf(_SC_NPROCESSORS_ONLN);
	int			cores = online > 0 ? (int) online : 1;
	cpu_set_t	allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0 && CPU_COUNT(&allowed) > 0)
		cores = CPU_COUNT(&allowed);
	return lesser(cores, vc_cgroup_cores(""));
}
