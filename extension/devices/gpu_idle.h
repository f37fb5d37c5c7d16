/*
 * gpu_idle.h
 *		Gives a GPU's memory back when a backend has been idle for a while.
 */
#ifndef VISCLF_GPU_IDLE_H
#define VISCLF_GPU_IDLE_H

/*
 * From here to the transaction's end what release() frees may be used.  To be
 * called before each use; takes no time when it was called before.
 */
extern void gpu_idle_hold(void);

/*
 * From now on release() is called when visclf.gpu_idle_timeout has passed
 * since the last transaction that called gpu_idle_hold, in another thread: it may
 * not touch PostgreSQL.
 */
extern void gpu_idle_watch(void (*release) (void));

#endif							/* VISCLF_GPU_IDLE_H */
