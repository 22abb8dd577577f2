// SPDX-License-Identifier: GPL-2.0-only
#include "follow.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

/* Can be read once a signal came: who looks at @stopped and then waits misses none. */
static int stop_fd = -1;

static void on_signal(int signal)
{
	const uint64_t one = 1;
	int error = errno;

	(void)signal;
	stopped = 1;
	if (write(stop_fd, &one, sizeof(one)) < 0)
		stopped = 1;
	errno = error;
}

void wr_follow_begin(void)
{
	/* Without SA_RESTART: what waits wakes up. */
	const struct sigaction action = { .sa_handler = on_signal };

	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGQUIT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

bool wr_follow_stopped(void)
{
	return stopped;
}

int wr_follow_wait(int fd, int timeout)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = stop_fd, .events = POLLIN },
	};
	int n = poll(fds, 2, timeout);

	if (n <= 0)
		return n;
	if (fds[1].revents) {
		errno = EINTR;
		return -1;
	}
	return 1;
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
