/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_FOLLOW_H
#define WARREN_CLI_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

/* Commands that go on until they are told to stop: by a signal, after some time. */

/**
 * wr_follow_begin() - from now on SIGINT, SIGQUIT, SIGTERM and SIGHUP only make wr_follow_stopped() true
 */
void wr_follow_begin(void);

/**
 * wr_follow_stopped() - whether a signal came
 *
 * Return: true or false.
 */
bool wr_follow_stopped(void);

/**
 * wr_follow_wait() - wait for something to read, or a signal; one that came before counts as well
 * @fd: to read
 * @timeout: ms, -1: for ever
 *
 * Return: 1; 0 if there was nothing by then; -1 with errno, EINTR after a signal.
 */
int wr_follow_wait(int fd, int timeout);

/**
 * wr_now() - time that only goes forward
 *
 * Return: ms.
 */
uint64_t wr_now(void);

/**
 * wr_deadline() - when so much time will have passed
 * @duration: ms, 0: never
 *
 * Return: as wr_now(); UINT64_MAX for never.
 */
uint64_t wr_deadline(unsigned int duration);

/**
 * wr_left() - time until a deadline, for poll()
 * @deadline: of wr_deadline()
 * @most: ms at most, -1: no limit
 *
 * Return: ms, 0 if it has passed, -1 for ever.
 */
int wr_left(uint64_t deadline, int most);

#endif
