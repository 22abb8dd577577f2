// SPDX-License-Identifier: GPL-2.0-only
/* The main thread: signals, the console, the timeout. It never blocks but in poll(). */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "console.h"
#include "loop.h"
#include "util.h"

#define DRAIN_MS 300			/* for the output of a guest that did not end by itself */

static int signal_fd = -1;
static int timer_fd = -1;

/* Signals that end the machine or stop and continue it; an ignored one stays ignored (nohup). */
static void wanted_signals(sigset_t *set)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT };
	struct sigaction action;
	size_t i;

	sigemptyset(set);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		if (!sigaction(signals[i], NULL, &action) && action.sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
}

int wr_loop_start(const struct wr_loop *loop)
{
	const struct itimerspec after = { .it_value.tv_sec = loop->timeout };
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	wanted_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (signal_fd < 0 || timer_fd < 0 || timerfd_settime(timer_fd, 0, &after, NULL))
		return wr_error("cannot set up the main loop: %s", strerror(errno));
	return 0;
}

/* Another process asked us to stop: leave the terminal usable meanwhile. */
static void suspend(void)
{
	wr_console_restore();
	raise(SIGSTOP);
	wr_console_resume();
}

static void serve_signals(const struct wr_loop *loop)
{
	struct signalfd_siginfo info;

	while (read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTSTP)
			suspend();
		else if (info.ssi_signo == SIGCONT)
			wr_console_resume();
		else
			wr_stop_request(loop->stop, WR_STOP_SIGNAL, (int)info.ssi_signo, NULL);
	}
}

static void serve_timer(const struct wr_loop *loop)
{
	uint64_t count;

	if (read(timer_fd, &count, sizeof(count)) == sizeof(count))
		wr_stop_request(loop->stop, WR_STOP_TIMEOUT, 0, NULL);
}

static void serve_console(const struct wr_loop *loop)
{
	switch (wr_console_input()) {
	case WR_CONSOLE_LEAVE:
		wr_stop_request(loop->stop, WR_STOP_ESCAPE, 0, NULL);
		break;
	case WR_CONSOLE_POWER_BUTTON:
		loop->power_button(loop->arg);
		break;
	case WR_CONSOLE_DETACH:
		loop->detach(loop->arg);
		break;
	case WR_CONSOLE_NONE:
		break;
	}
}

enum { WAKE, SIGNAL, TIMER, INPUT, FDS };

/* Returns what poll() does; afterwards the wake-up has been consumed. */
static int wait_events(const struct wr_loop *loop, struct pollfd fds[FDS + WR_LOOP_EXTRA],
		       int timeout_ms)
{
	size_t extra = loop->poll ? loop->poll(loop->arg, fds + FDS) : 0;
	uint64_t count;
	int n;

	fds[WAKE] = (struct pollfd){ .fd = loop->stop->wake_fd, .events = POLLIN };
	fds[SIGNAL] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
	fds[TIMER] = (struct pollfd){ .fd = timer_fd, .events = POLLIN };
	fds[INPUT] = (struct pollfd){ .fd = wr_console_poll_fd(), .events = POLLIN };
	n = poll(fds, FDS + extra, timeout_ms);
	if (n > 0 && fds[WAKE].revents && read(loop->stop->wake_fd, &count, sizeof(count)) < 0)
		return n;	/* somebody else's wake-up: there is but one reader */
	return n;
}

void wr_loop_run(const struct wr_loop *loop)
{
	struct pollfd fds[FDS + WR_LOOP_EXTRA];

	while (wr_stop_reason(loop->stop) == WR_STOP_NONE) {
		if (wait_events(loop, fds, -1) <= 0)
			continue;
		if (fds[SIGNAL].revents)
			serve_signals(loop);
		if (fds[TIMER].revents)
			serve_timer(loop);
		if (fds[INPUT].revents)
			serve_console(loop);
		if (loop->serve)
			loop->serve(loop->arg, fds + FDS);
		loop->pump_input(loop->arg);
	}
}

static bool ended_by_itself(enum wr_stop_reason reason)
{
	return reason == WR_STOP_POWEROFF || reason == WR_STOP_RESET ||
	       reason == WR_STOP_CRASH || reason == WR_STOP_DEBUG_EXIT;
}

void wr_loop_drain(const struct wr_loop *loop)
{
	int timeout_ms = ended_by_itself(wr_stop_reason(loop->stop)) ? -1 : DRAIN_MS;
	struct pollfd fds[FDS + WR_LOOP_EXTRA];

	while (!wr_console_drained()) {
		if (wait_events(loop, fds, timeout_ms) == 0)
			return;
		/* An impatient user wins, and so does --timeout. */
		if (fds[SIGNAL].revents || fds[TIMER].revents)
			return;
		if (loop->serve && loop->serve(loop->arg, fds + FDS))
			return;
		if (fds[INPUT].revents && wr_console_input() == WR_CONSOLE_LEAVE)
			return;
	}
}
