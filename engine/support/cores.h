/*
 * cores.h
 *		How many processors this process may use.
 */
#ifndef VISCLF_CORES_H
#define VISCLF_CORES_H

/*
 * Number of online processors that the affinity allows, limited by the
 * cgroup's quota; 1 or more.
 */
extern int	vc_cores(void);

/*
 * Number of processors that the process's cgroup and those above it allow,
 * version 1 or 2, rounded up; 0 if there is no limit. root is put before
 * /proc and /sys; it is "" except in tests.
 */
extern int	vc_cgroup_cores(const char *root);

#endif							/* VISCLF_CORES_H */
