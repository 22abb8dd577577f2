// SPDX-License-Identifier: GPL-2.0-only
#include "follow.h"

#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

void wr_follow_begin(void)
{
	/* Without SA_RESTART: what waits wakes up. */
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

bool wr_follow_stopped(void)
{
	return stopped;
}

uint64_t wr_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t wr_deadline(unsigned int duration)
{
	return duration ? wr_now() + duration : UINT64_MAX;
}

int wr_left(uint64_t deadline, int most)
{
	uint64_t now = wr_now(), left;

	if (deadline == UINT64_MAX)
		return most;
	if (now >= deadline)
		return 0;
	left = deadline - now;
	if (most >= 0 && left > (uint64_t)most)
		return most;
	return left > INT_MAX ? INT_MAX : (int)left;
}
