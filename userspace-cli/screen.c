// SPDX-License-Identifier: GPL-2.0-only
#include "screen.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "follow.h"

#define ALTERNATE_ON "\033[?1049h\033[?25l"
#define ALTERNATE_OFF "\033[?25h\033[?1049l"

static struct termios saved;
static bool taken;

int wr_screen_enter(void)
{
	struct termios mode;

	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return -1;
	mode = saved;
	mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	/* Stopped or ended by these keys, it would leave the terminal like this. */
	mode.c_cc[VSUSP] = _POSIX_VDISABLE;
	mode.c_cc[VQUIT] = _POSIX_VDISABLE;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &mode))
		return -1;
	taken = true;
	atexit(wr_screen_leave);
	fputs(ALTERNATE_ON, stdout);
	return 0;
}

void wr_screen_leave(void)
{
	if (!taken)
		return;
	taken = false;
	fputs(ALTERNATE_OFF, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
}

void wr_screen_size(size_t *lines, size_t *columns)
{
	struct winsize size = { 0 };

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*lines = size.ws_row ? size.ws_row : 24;
	*columns = size.ws_col ? size.ws_col : 80;
}

void wr_screen_begin(void)
{
	fputs("\033[H", stdout);
}

void wr_screen_end(void)
{
	fputs("\033[J", stdout);
	fflush(stdout);
}

int wr_screen_key(int timeout)
{
	unsigned char key;
	int n = wr_follow_wait(STDIN_FILENO, timeout);

	if (n <= 0)
		return n;
	return read(STDIN_FILENO, &key, 1) == 1 ? key : -1;
}
