/*
 * cores.h
 *		How many processors this process may use.
 */
#ifndef VISCLF_CORES_H
#define VISCLF_CORES_H

/* Online processors that the affinity allows, and no more than the cgroup's quota; 1 or more. */
extern int	vc_cores(void);

/*
 * Processors' worth of time that the process's cgroup and those above it
 * allow, version 1 or 2, rounded up; 0 without a limit.  root stands before
 * /proc and /sys: "", but in tests.
 */
extern int	vc_cgroup_cores(const char *root);

#endif							/* VISCLF_CORES_H */
