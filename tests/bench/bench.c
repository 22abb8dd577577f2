// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench [--traced] DEVICE [ROW...]: measures each row (or those named) on DEVICE and prints "row NAME TICKS".
 * Each row is the least of a few runs, each in a process of its own.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define RUNS 3

u64 ticks_of_clock(clockid_t clock)
{
	static u64 khz;
	struct timespec t;
	u64 ticks, ns;

	if (!khz) {
		ns = now_ns();
		ticks = rdtsc();
		while (now_ns() - ns < 10000000)
			;
		khz = (rdtsc() - ticks) * 1000000 / (now_ns() - ns);
	}
	if (clock_gettime(clock, &t))
		return 0;
	return (t.tv_sec * 1000000000ull + t.tv_nsec) * khz / 1000000;
}

/* One run in a child, so that what it leaves behind goes with it; 0 when it failed. */
static u64 run_once(const struct row *r)
{
	u64 ticks = 0;
	int fd[2], status;
	pid_t pid;

	if (pipe(fd))
		return 0;
	pid = fork();
	if (!pid) {
		alarm(300);
		ticks = r->measure();
		_exit(write(fd[1], &ticks, sizeof(ticks)) != sizeof(ticks));
	}
	close(fd[1]);
	if (read(fd[0], &ticks, sizeof(ticks)) != sizeof(ticks))
		ticks = 0;
	close(fd[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return 0;
	return ticks;
}

static int measure(const struct row *r)
{
	u64 best = 0, ticks;
	int i;

	for (i = 0; i < RUNS; i++) {
		ticks = run_once(r);
		if (ticks && (!best || ticks < best))
			best = ticks;
	}
	printf("row %s %llu\n", r->name, (unsigned long long)best);
	fflush(stdout);
	return best ? 0 : 1;
}

static int selected(const char *name, int argc, char **argv)
{
	int i;

	for (i = 2; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc == 2;
}

static int measure_table(const struct row *r, int argc, char **argv)
{
	int failed = 0;

	for (; r->name; r++)
		if (selected(r->name, argc, argv))
			failed |= measure(r);
	return failed;
}

/*
 * The first VM and the last one make KVM patch its host's kernel, which QEMU's TCG does not always
 * survive (see the selftests' harness). So one is there all the time, for Warren as well.
 */
static void hold_a_vm(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		ioctl(fd, KVM_CREATE_VM, 0ul);
}

bool traced;

int main(int argc, char **argv)
{
	int failed;

	if (argc >= 2 && !strcmp(argv[1], "--traced")) {
		traced = true;
		argc--;
		argv++;
	}
	if (argc >= 2 && !strcmp(argv[1], "boot"))
		return boot_main(argc - 2, argv + 2);
	if (argc < 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: bench [--traced] DEVICE [ROW...]\n"
				"       bench [--traced] boot MARKER -- COMMAND...\n");
		return 2;
	}
	setenv("WARREN_DEVICE", argv[1], 1);
	hold_a_vm(argv[1]);
	/* Memory first: what other rows let go of is not all back at once. */
	failed = measure_table(memory_rows, argc, argv);
	failed |= measure_table(exit_rows, argc, argv);
	return failed;
}
