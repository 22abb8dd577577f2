// SPDX-License-Identifier: GPL-2.0-only
/*
 * pty STEP... -- COMMAND...: runs COMMAND on a terminal of its own, like a patient user.
 *
 *   expect TEXT   wait until TEXT has been printed (from where the last expect ended)
 *   send TEXT     type it; \n is Return, \xNN a byte
 *   signal N      send the signal to COMMAND
 *   raw           the terminal must be in raw mode now
 *   sleep MS      wait
 *   stall MS      wait, and read nothing meanwhile
 *   ends MS       COMMAND must end by then, though nothing is read
 *
 * Status: COMMAND's, 128 + N after signal N; 97 raw mode missing; 98 the terminal was not given
 * back as it was; 99 an expected text did not come within PTY_TIMEOUT seconds (default 60).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

enum { NOT_RAW = 97, NOT_RESTORED = 98, NOT_SEEN = 99 };

static int master, slave;
static pid_t child;
static char seen[1 << 20];
static size_t seen_len, seen_from;

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Takes what the command prints within @ms; false if nothing came. */
static int take_output(int ms)
{
	struct pollfd pollfd = { .fd = master, .events = POLLIN };
	ssize_t n;

	if (poll(&pollfd, 1, ms) <= 0)
		return 0;
	if (seen_len == sizeof(seen) - 1) {
		memmove(seen, seen + sizeof(seen) / 2, seen_len -= sizeof(seen) / 2);
		seen_from = seen_from > sizeof(seen) / 2 ? seen_from - sizeof(seen) / 2 : 0;
	}
	n = read(master, seen + seen_len, sizeof(seen) - 1 - seen_len);
	if (n <= 0)
		return 0;
	if (write(STDOUT_FILENO, seen + seen_len, (size_t)n) < 0)
		return 0;
	seen_len += (size_t)n;
	return 1;
}

static int finish(int status)
{
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	exit(status);
}

static int ended(void)
{
	siginfo_t info = { 0 };

	return !waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

static void do_expect(const char *text)
{
	const char *limit = getenv("PTY_TIMEOUT");
	long end = now_ms() + 1000 * (limit ? atol(limit) : 60);
	const char *at;

	for (;;) {
		at = memmem(seen + seen_from, seen_len - seen_from, text, strlen(text));
		if (at)
			break;
		if (now_ms() > end || (ended() && !take_output(100))) {
			fprintf(stderr, "pty: expected '%s'\n", text);
			finish(NOT_SEEN);
		}
		take_output(100);
	}
	seen_from = (size_t)(at - seen) + strlen(text);
}

static void do_send(const char *text)
{
	char byte;
	int used;

	for (; *text; text++) {
		unsigned int code;

		byte = *text;
		if (!strncmp(text, "\\n", 2)) {
			byte = '\r';
			text++;
		} else if (sscanf(text, "\\x%2x%n", &code, &used) == 1) {
			byte = (char)code;
			text += used - 1;
		}
		if (write(master, &byte, 1) != 1)
			finish(NOT_SEEN);
	}
}

static void do_raw(void)
{
	struct termios termios;
	int i;

	for (i = 0; i < 100; i++) {
		tcgetattr(slave, &termios);
		if (!(termios.c_lflag & (ICANON | ECHO | ISIG)))
			return;
		take_output(50);
	}
	finish(NOT_RAW);
}

static void do_sleep(long ms)
{
	long end = now_ms() + ms;

	while (now_ms() < end)
		take_output((int)(end - now_ms()));
}

static void do_ends(long ms)
{
	long end = now_ms() + ms;

	while (!ended()) {
		if (now_ms() > end) {
			fputs("pty: expected it to end\n", stderr);
			finish(NOT_SEEN);
		}
		usleep(20000);
	}
}

static char **do_steps(char **step)
{
	for (; *step && strcmp(*step, "--"); step++) {
		if (!strcmp(*step, "expect"))
			do_expect(*++step);
		else if (!strcmp(*step, "send"))
			do_send(*++step);
		else if (!strcmp(*step, "signal"))
			kill(child, atoi(*++step));
		else if (!strcmp(*step, "raw"))
			do_raw();
		else if (!strcmp(*step, "sleep"))
			do_sleep(atol(*++step));
		else if (!strcmp(*step, "stall"))
			usleep(1000 * (useconds_t)atol(*++step));
		else if (!strcmp(*step, "ends"))
			do_ends(atol(*++step));
	}
	return step;
}

static void start(char **command)
{
	child = fork();
	if (child)
		return;
	close(master);
	login_tty(slave);
	execvp(command[0], command);
	_exit(127);
}

int main(int argc, char **argv)
{
	struct termios before, after;
	char **command = argv;
	int status;

	while (*command && strcmp(*command, "--"))
		command++;
	if (argc < 2 || !*command || openpty(&master, &slave, NULL, NULL, NULL))
		return 2;
	fcntl(master, F_SETFD, FD_CLOEXEC);
	tcgetattr(slave, &before);
	start(command + 1);
	do_steps(argv + 1);
	while (waitpid(child, &status, WNOHANG) == 0)
		take_output(100);
	child = 0;
	while (take_output(100))
		;
	tcgetattr(slave, &after);
	if (before.c_lflag != after.c_lflag || before.c_iflag != after.c_iflag ||
	    before.c_oflag != after.c_oflag) {
		fputs("pty: the terminal was not restored\n", stderr);
		return NOT_RESTORED;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
