// SPDX-License-Identifier: GPL-2.0-only
/*
 * The boot of a guest: what the command runs, guest and all, until the line that its init prints.
 * It is CPU time of the command's threads: a guest that sleeps lets the emulated time leap, so
 * that the TSC's own difference would count how long the boot waited.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static pid_t spawn(char **argv, int *out)
{
	int fd[2];
	pid_t pid;

	if (pipe(fd))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(fd[1], STDOUT_FILENO);
		close(fd[0]);
		close(fd[1]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(fd[1]);
	*out = fd[0];
	return pid;
}

int boot_main(int argc, char **argv)
{
	char line[1024];
	u64 ticks = 0;
	int fd = -1, status;
	clockid_t clock;
	pid_t pid;
	FILE *f;

	if (argc < 3 || strcmp(argv[1], "--")) {
		fprintf(stderr, "usage: bench boot MARKER -- COMMAND...\n");
		return 2;
	}
	pid = spawn(argv + 2, &fd);
	if (pid < 0 || clock_getcpuclockid(pid, &clock)) {
		fprintf(stderr, "bench: cannot start or time %s\n", argv[2]);
		return 1;
	}
	f = fdopen(fd, "r");
	while (f && !ticks && fgets(line, sizeof(line), f))
		if (strstr(line, argv[0]))
			ticks = ticks_of_clock(clock);
	/* The guest powers off by itself: let it. */
	while (f && fgets(line, sizeof(line), f))
		;
	waitpid(pid, &status, 0);
	printf("row boot-to-init %llu\n", (unsigned long long)ticks);
	return ticks ? 0 : 1;
}
