/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_CONSOLE_H
#define WARREN_CLI_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The user's side of the guest's serial line: standard input and output, of which there is one
 * per process, so there is one console and it is not an argument.
 */

/* What the user asked for by the escape key. */
enum wr_console_event {
	WR_CONSOLE_NONE,
	WR_CONSOLE_LEAVE,
	WR_CONSOLE_POWER_BUTTON,
	WR_CONSOLE_DETACH,		/* only after wr_console_attached() */
};

/**
 * wr_console_start() - take the terminal (if it is one) and start writing
 * @wake_fd: eventfd of the main loop, woken when the output has been written after
 *           wr_console_close()
 * @room: called after output has been written and there is room; from the writer's thread, no lock
 *        held
 * @device: its argument
 *
 * The terminal is given back at exit(), and when the process dies of a signal.
 * Return: 0, or -1 after an error message.
 */
int wr_console_start(int wake_fd, void (*room)(void *device), void *device);

/**
 * wr_console_attached() - the guest is another process's: the keys detach instead of ending it
 */
void wr_console_attached(void);

/**
 * wr_console_restore() - give the terminal back; may be called at any time, also twice
 */
void wr_console_restore(void);

/**
 * wr_console_resume() - take the terminal again, after the process was stopped and continued
 */
void wr_console_resume(void);

/**
 * wr_console_put() - write a byte of output; blocks where the reader of the output is slow
 * @byte: the byte
 *
 * Return: whether there is room for more without blocking. The room callback follows anyway.
 */
bool wr_console_put(uint8_t byte);

/**
 * wr_console_close() - take no more output; what is there is still written
 */
void wr_console_close(void);

/**
 * wr_console_drained() - whether all output has been written, or nobody can take it
 */
bool wr_console_drained(void);

/**
 * wr_console_room() - whether so much output can be put without blocking
 * @len: bytes
 */
bool wr_console_room(size_t len);

/**
 * wr_console_gone() - whether nobody can take output any more
 */
bool wr_console_gone(void);

/**
 * wr_console_poll_fd() - the fd to poll for input
 *
 * Return: the fd, or -1 if no input is wanted now.
 */
int wr_console_poll_fd(void);

/**
 * wr_console_input() - read input that poll() found
 *
 * Return: what the user asked for.
 */
enum wr_console_event wr_console_input(void);

/**
 * wr_console_type_room() - how much wr_console_type() takes
 *
 * Return: bytes.
 */
size_t wr_console_type_room(void);

/**
 * wr_console_type() - input from somewhere else than standard input
 * @buf: the bytes
 * @len: at most what there is room for; the rest is lost
 */
void wr_console_type(const uint8_t *buf, size_t len);

/**
 * wr_console_take() - bytes of input for the guest
 * @buf: filled in
 * @max: how many the guest can take
 *
 * Return: how many there are.
 */
size_t wr_console_take(uint8_t *buf, size_t max);

#endif
