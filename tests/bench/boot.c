// SPDX-License-Identifier: GPL-2.0-only
/*
 * The boot of a guest: what the command runs, guest and all, until the line that its init prints.
 * It is CPU time of the command's threads: a guest that sleeps lets the emulated time leap, so
 * that the TSC's own difference would count how long the boot waited.
 */
#include <fcntl.h>
#include <linux/warren.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

/* What the guest's init says of its command */
#define GUEST_DONE "guest: status 0"

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

/* Opens the ring of the first VM that can be found, as soon as it is there. Nobody reads it: that would be counted as well. */
static const struct warren_trace_ring *trace_first_vm(void)
{
	struct warren_trace_open open_first = { .vm = 0 };
	int dev = open_device(), fd;

	do {
		open_first.vm = (open_first.vm + 1) % 4096;
		fd = ioctl(dev, WARREN_TRACE_OPEN, &open_first);
	} while (fd < 0);
	return mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
}

int boot_main(int argc, char **argv)
{
	char line[1024];
	u64 ticks = 0;
	int fd = -1, status;
	const struct warren_trace_ring *ring = MAP_FAILED;
	clockid_t clock;
	bool done = false;
	u64 exits = 0;
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
	if (traced)
		ring = trace_first_vm();
	f = fdopen(fd, "r");
	while (f && !ticks && fgets(line, sizeof(line), f))
		if (strstr(line, argv[0])) {
			ticks = ticks_of_clock(clock);
			exits = ring == MAP_FAILED ? 0 : ring->head;
		}
	/* The guest may have rows of its own; it powers off by itself. */
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "row ", 4))
			printf("%.*s\n", (int)strcspn(line, "\r\n"), line);
		done |= !strncmp(line, GUEST_DONE, strlen(GUEST_DONE));
	}
	if (!done)
		fprintf(stderr, "bench: the guest's command failed, or has not ended; last: %s\n", line);
	waitpid(pid, &status, 0);
	printf("row boot-to-init %llu\n", (unsigned long long)ticks);
	if (exits)
		printf("row boot-exits %llu\n", (unsigned long long)exits);
	return ticks ? 0 : 1;
}
