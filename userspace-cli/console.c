// SPDX-License-Identifier: GPL-2.0-only
/*
 * The terminal: raw mode and its undoing, the escape key, input.
 *
 * Input belongs to the main thread alone. A terminal is read at once, so that the escape key
 * works while the guest does not listen; a pipe or file is read no faster than the guest takes it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "console.h"
#include "output.h"
#include "util.h"

#define ESCAPE 0x01			/* Ctrl-a */

static const char help_text[] =
	"\r\n"
	"warren: Ctrl-a h  this help\r\n"
	"warren: Ctrl-a x  leave: the guest ends as if its power were cut\r\n"
	"warren: Ctrl-a p  press the guest's power button\r\n"
	"warren: Ctrl-a Ctrl-a  send Ctrl-a to the guest\r\n";

static const char attached_help_text[] =
	"\r\n"
	"warren: Ctrl-a h  this help\r\n"
	"warren: Ctrl-a d  detach: the guest goes on\r\n"
	"warren: Ctrl-a p  press the guest's power button\r\n"
	"warren: Ctrl-a Ctrl-a  send Ctrl-a to the guest\r\n";

static struct {
	struct termios saved;
	sig_atomic_t raw;		/* @saved is to be put back; atomic, see below */
	bool tty;
	bool attached;			/* to a guest of another process */
	bool foreground;		/* input may be read without being stopped for it */
	bool ended;			/* end of file */
	bool escaped;			/* the last byte was the escape key */
	uint8_t pending[4096];		/* read, not yet taken by the guest */
	size_t len;
} input;

/* Async-signal-safe: a handler may run in any thread, between any two instructions. */
void wr_console_restore(void)
{
	if (__atomic_exchange_n(&input.raw, 0, __ATOMIC_SEQ_CST))
		tcsetattr(STDIN_FILENO, TCSANOW, &input.saved);
}

void wr_console_resume(void)
{
	struct termios raw;

	if (!input.tty)
		return;
	/* In the background, touching the terminal would stop the process. */
	input.foreground = tcgetpgrp(STDIN_FILENO) == getpgrp();
	if (!input.foreground)
		return;
	if (!__atomic_load_n(&input.raw, __ATOMIC_SEQ_CST) && tcgetattr(STDIN_FILENO, &input.saved))
		return;
	raw = input.saved;
	cfmakeraw(&raw);
	__atomic_store_n(&input.raw, 1, __ATOMIC_SEQ_CST);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void wr_console_attached(void)
{
	input.attached = true;
}

static void die_of_signal(int signal)
{
	wr_console_restore();
	/* SA_RESETHAND has put the default action back: die of it once the handler returns. */
	raise(signal);
}

void wr_console_take_terminal(void)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS };
	struct sigaction action = { .sa_handler = die_of_signal, .sa_flags = SA_RESETHAND };
	size_t i;

	input.tty = isatty(STDIN_FILENO);
	input.foreground = true;
	atexit(wr_console_restore);
	for (i = 0; i < ARRAY_SIZE(deadly); i++)
		sigaction(deadly[i], &action, NULL);
	wr_console_resume();
}

int wr_console_poll_fd(void)
{
	if (input.ended || !input.foreground)
		return -1;
	if (!input.tty && input.len)
		return -1;
	return STDIN_FILENO;
}

static void keep(uint8_t byte)
{
	/* Only a person can fill this, typing at a guest that does not listen. */
	if (input.len < sizeof(input.pending))
		input.pending[input.len++] = byte;
}

static void print_help(void)
{
	struct pollfd pollfd = { .fd = STDOUT_FILENO, .events = POLLOUT };
	const char *text = input.attached ? attached_help_text : help_text;

	/* Past the guest's output, and not at all where that would block. */
	if (poll(&pollfd, 1, 0) > 0 && write(STDOUT_FILENO, text, strlen(text)) < 0)
		return;
}

static enum wr_console_event escape_command(uint8_t byte)
{
	switch (byte) {
	case 'x':
	case 'X':
		return input.attached ? WR_CONSOLE_NONE : WR_CONSOLE_LEAVE;
	case 'd':
	case 'D':
		return input.attached ? WR_CONSOLE_DETACH : WR_CONSOLE_NONE;
	case 'p':
	case 'P':
		return WR_CONSOLE_POWER_BUTTON;
	case 'h':
	case 'H':
	case '?':
		print_help();
		return WR_CONSOLE_NONE;
	case ESCAPE:
		keep(ESCAPE);
		return WR_CONSOLE_NONE;
	default:
		return WR_CONSOLE_NONE;
	}
}

static enum wr_console_event take_typed(const uint8_t *buf, size_t len)
{
	enum wr_console_event event = WR_CONSOLE_NONE;
	size_t i;

	for (i = 0; i < len && event == WR_CONSOLE_NONE; i++) {
		if (input.escaped) {
			input.escaped = false;
			event = escape_command(buf[i]);
		} else if (buf[i] == ESCAPE) {
			input.escaped = true;
		} else {
			keep(buf[i]);
		}
	}
	return event;
}

enum wr_console_event wr_console_input(void)
{
	uint8_t buf[1024];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return WR_CONSOLE_NONE;
	if (n <= 0) {
		/* A guest can do without input: it goes on. */
		input.ended = true;
		return WR_CONSOLE_NONE;
	}
	if (input.tty)
		return take_typed(buf, (size_t)n);
	memcpy(input.pending, buf, (size_t)n);
	input.len = (size_t)n;
	return WR_CONSOLE_NONE;
}

size_t wr_console_type_room(void)
{
	return sizeof(input.pending) - input.len;
}

void wr_console_type(const uint8_t *buf, size_t len)
{
	while (len--)
		keep(*buf++);
}

size_t wr_console_take(uint8_t *buf, size_t max)
{
	size_t n = input.len < max ? input.len : max;

	memcpy(buf, input.pending, n);
	input.len -= n;
	memmove(input.pending, input.pending + n, input.len);
	return n;
}
