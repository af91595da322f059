/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A watch over a call that forks and waits, for calls that cannot be told to stop:
 * guestfs_launch. When the watch is over (the user wants to stop, the limit is reached, the
 * caller said so), every process that the call started is killed; the call then sees
 * its child die, cleans up after it and returns.
 */
#ifndef W7PREP_IMAGE_GUESTFS_WATCH_H
#define W7PREP_IMAGE_GUESTFS_WATCH_H

enum watch_verdict {
	WATCH_FINISHED,		/* the call came back by itself */
	WATCH_CANCELLED,	/* cancel_requested() */
	WATCH_TIMEOUT,
	WATCH_TOLD,		/* watch_give_up() */
};

struct watch;

/*
 * Children of this process that there are already are left alone. @seconds: the limit. NULL
 * (and errno) when no thread can be had.
 */
struct watch *watch_start(unsigned seconds);
/* From any thread: the call will never come back, end it. */
void watch_give_up(struct watch *w);
/* After the call; frees @w. */
enum watch_verdict watch_finish(struct watch *w);

#endif
