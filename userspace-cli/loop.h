/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_LOOP_H
#define WARREN_CLI_LOOP_H

#include <poll.h>
#include <stdbool.h>

#include "stop.h"

#define WR_LOOP_EXTRA 16

/**
 * struct wr_loop - what the main loop serves
 * @stop: ends it
 * @timeout: seconds after which it asks for the end itself, 0 for never
 * @pump_input: called after each wake-up: move console input to the guest
 * @power_button: the user pressed it
 * @detach: the user wants to leave the guest alone, or NULL where that cannot be
 * @poll: fills in what else to wait for, at most WR_LOOP_EXTRA, and returns how many; or NULL
 * @serve: called after each wake-up with those, as poll() left them, before @pump_input; returns
 *         whether the end is wanted without waiting for output to drain; or NULL
 * @arg: argument of all
 */
struct wr_loop {
	struct wr_stop *stop;
	unsigned int timeout;
	void (*pump_input)(void *arg);
	void (*power_button)(void *arg);
	void (*detach)(void *arg);
	size_t (*poll)(void *arg, struct pollfd *fds);
	bool (*serve)(void *arg, const struct pollfd *fds);
	void *arg;
};

/**
 * wr_loop_start() - take over signals; before any thread starts, which inherits their blocking
 * @loop: the loop
 *
 * Return: 0, or -1 after an error message.
 */
int wr_loop_start(const struct wr_loop *loop);

/**
 * wr_loop_run() - serve signals, console and timeout until there is a stop request
 * @loop: started
 */
void wr_loop_run(const struct wr_loop *loop);

/**
 * wr_loop_drain() - let the console's output be written, after wr_console_close()
 * @loop: started
 *
 * Waits as long as the reader takes if the guest ended by itself, and briefly if it was ended.
 */
void wr_loop_drain(const struct wr_loop *loop);

#endif
