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

static bool has_ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return !waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

/*
 * Opens the ring of the first VM that can be found, as soon as it is there. Nobody reads it: that would be counted as well.
 * MAP_FAILED: the command that was to make one has ended.
 */
static const struct warren_trace_ring *trace_first_vm(pid_t pid)
{
	struct warren_trace_open open_first = { .vm = 0 };
	int dev = open_device(), fd;

	do {
		open_first.vm = (open_first.vm + 1) % 4096;
		fd = ioctl(dev, WARREN_TRACE_OPEN, &open_first);
	} while (fd < 0 && !has_ended(pid));
	return mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
}

/* What the guest's command says: it may have rows of its own. The guest powers off by itself. False: it failed, or did not end. */
static bool read_guest(FILE *f, FILE *rows)
{
	char line[1024] = "";
	bool done = false;

	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "row ", 4))
			fprintf(rows, "%.*s\n", (int)strcspn(line, "\r\n"), line);
		done |= !strncmp(line, GUEST_DONE, strlen(GUEST_DONE));
	}
	if (!done)
		fprintf(stderr, "bench: the guest's command failed, or has not ended; last: %s\n", line);
	return done;
}

/* Ticks until the marker, 0: it did not come. */
static u64 read_boot(FILE *f, const char *marker, clockid_t clock)
{
	char line[1024] = "";

	while (fgets(line, sizeof(line), f))
		if (strstr(line, marker))
			return ticks_of_clock(clock);
	fprintf(stderr, "bench: no \"%s\"; last: %s\n", marker, line);
	return 0;
}

/* Rows are printed when all has gone well. */
int boot_main(int argc, char **argv)
{
	const struct warren_trace_ring *ring = MAP_FAILED;
	char *text = NULL;
	size_t size = 0;
	u64 ticks, exits = 0;
	clockid_t clock;
	FILE *f, *rows;
	int fd, status;
	pid_t pid;
	bool ok;

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
		ring = trace_first_vm(pid);
	f = fdopen(fd, "r");
	rows = open_memstream(&text, &size);
	if (!f || !rows)
		FAIL("no memory");
	ticks = read_boot(f, argv[0], clock);
	if (ring != MAP_FAILED)
		exits = ring->head;
	ok = ticks && read_guest(f, rows);
	waitpid(pid, &status, 0);
	if (status)
		fprintf(stderr, "bench: %s: status %#x\n", argv[2], status);
	fclose(rows);
	if (!ok || status)
		return 1;
	printf("%srow boot-to-init %llu\n", text, (unsigned long long)ticks);
	if (exits)
		printf("row boot-exits %llu\n", (unsigned long long)exits);
	return 0;
}
