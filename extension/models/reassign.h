/*
 * reassign.h
 *		Gives models to another role.
 */
#ifndef VISCLF_REASSIGN_H
#define VISCLF_REASSIGN_H

/* Makes REASSIGN OWNED move models too, in sessions that have loaded the library. */
extern void reassign_init(void);

#endif							/* VISCLF_REASSIGN_H */
