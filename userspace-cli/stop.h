/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_STOP_H
#define WARREN_CLI_STOP_H

#include <pthread.h>

#include "util.h"

/* Why a machine ends. */
enum wr_stop_reason {
	WR_STOP_NONE,
	WR_STOP_POWEROFF,
	WR_STOP_RESET,
	WR_STOP_CRASH,		/* value: not 0 if the guest itself said so */
	WR_STOP_DEBUG_EXIT,	/* value: the exit status */
	WR_STOP_ESCAPE,		/* the user left, or cut the power */
	WR_STOP_TIMEOUT,
	WR_STOP_SIGNAL,		/* value: the signal */
};

/**
 * struct wr_stop - the one request to end the machine; the first one wins
 * @lock: for writing all fields but @wake_fd
 * @reason: why; set last and once, so whoever reads it may read the others
 * @value: see the reasons
 * @detail: for people, says more about a crash
 * @wake_fd: eventfd of the main loop, constant
 */
struct wr_stop {
	pthread_mutex_t lock;
	enum wr_stop_reason reason;
	int value;
	char detail[200];
	int wake_fd;
};

/**
 * wr_stop_request() - ask the main loop to end the machine; any thread
 * @stop: the request
 * @reason: why
 * @value: see the reasons, else 0
 * @fmt: printf format of the detail, or NULL
 */
void wr_stop_request(struct wr_stop *stop, enum wr_stop_reason reason, int value,
		     const char *fmt, ...) __printf(4, 5);

/**
 * wr_stop_reason() - whether the machine is to end; any thread
 * @stop: the request
 *
 * Return: the reason, WR_STOP_NONE if it is to go on.
 */
enum wr_stop_reason wr_stop_reason(struct wr_stop *stop);

/**
 * wr_wake() - make the main loop look around; any thread, does not block
 * @wake_fd: its eventfd
 */
void wr_wake(int wake_fd);

#endif
