// SPDX-License-Identifier: GPL-2.0-only
/* How any thread asks the machine to end. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "stop.h"

void wr_wake(int wake_fd)
{
	const uint64_t one = 1;

	/* Fails only when the counter is full, and then the loop is awake already. */
	if (write(wake_fd, &one, sizeof(one)) < 0)
		return;
}

void wr_stop_request(struct wr_stop *stop, enum wr_stop_reason reason, int value,
		     const char *fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&stop->lock);
	if (stop->reason == WR_STOP_NONE) {
		stop->value = value;
		stop->detail[0] = '\0';
		va_start(args, fmt);
		if (fmt)
			vsnprintf(stop->detail, sizeof(stop->detail), fmt, args);
		va_end(args);
		__atomic_store_n(&stop->reason, reason, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&stop->lock);
	wr_wake(stop->wake_fd);
}

enum wr_stop_reason wr_stop_reason(struct wr_stop *stop)
{
	return __atomic_load_n(&stop->reason, __ATOMIC_ACQUIRE);
}
