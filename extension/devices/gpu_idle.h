/*
 * gpu_idle.h
 *		Frees a GPU's memory when a backend has been idle for a while.
 */
#ifndef VISCLF_GPU_IDLE_H
#define VISCLF_GPU_IDLE_H

/*
 * Keeps the memory until the transaction ends. Call it before each use;
 * repeated calls cost nothing.
 */
extern void gpu_idle_hold(void);

/*
 * From now on, calls release() when visclf.gpu_idle_timeout has passed since
 * the last transaction that called gpu_idle_hold. It runs in another thread
 * and must not touch PostgreSQL.
 */
extern void gpu_idle_watch(void (*release) (void));

#endif							/* VISCLF_GPU_IDLE_H */
