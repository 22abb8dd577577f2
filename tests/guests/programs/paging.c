// SPDX-License-Identifier: GPL-2.0-only
/*
 * paging [ROW...]: what makes a guest's kernel change its page tables and switch between them. Prints "row NAME TICKS" for
 * each: ticks of the TSC for one round. Nothing in a round waits for anything but the other process.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#define PAGE 4096
#define PAGES 64

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void fork_exec(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(2);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die("fork_exec");
}

static int ping[2], pong[2];

static void answer(void)
{
	char c;

	while (read(ping[0], &c, 1) == 1)
		if (write(pong[1], &c, 1) != 1)
			break;
	_exit(0);
}

static void ping_pong(void)
{
	static int started;
	char c = 0;

	if (!started) {
		if (pipe(ping) || pipe(pong))
			die("pipe");
		if (!fork()) {
			close(ping[1]);
			answer();
		}
		started = 1;
	}
	if (write(ping[1], &c, 1) != 1 || read(pong[0], &c, 1) != 1)
		die("ping_pong");
}

static void map_touch_unmap(void)
{
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	if (p == MAP_FAILED)
		die("mmap");
	for (i = 0; i < PAGES; i++)
		p[i * PAGE] = 1;
	if (munmap(p, PAGES * PAGE))
		die("munmap");
}

static void *storm(void *rounds)
{
	long i;

	for (i = 0; i < (long)rounds; i++)
		map_touch_unmap();
	return NULL;
}

/* Two threads do it: where each has a CPU, it must have the other one flush. */
static void map_by_two(void)
{
	pthread_t thread;
	void *rounds = (void *)20l;

	if (pthread_create(&thread, NULL, storm, rounds))
		die("pthread_create");
	storm(rounds);
	pthread_join(thread, NULL);
}

static const struct row {
	const char *name;
	void (*round)(void);
	int rounds;
} rows[] = {
	{ "fork-exec", fork_exec, 200 },
	{ "ping-pong", ping_pong, 4000 },
	{ "mmap-munmap", map_touch_unmap, 300 },
	{ "mmap-by-two", map_by_two, 10 },
};

static void measure(const struct row *r)
{
	uint64_t start;
	int i;

	for (i = 0; i < r->rounds / 10 + 1; i++)
		r->round();
	start = __rdtsc();
	for (i = 0; i < r->rounds; i++)
		r->round();
	printf("row %s %llu\n", r->name, (unsigned long long)(__rdtsc() - start) / r->rounds);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	size_t i;
	int a;

	for (a = 1; a < argc; a++)
		for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (!strcmp(argv[a], rows[i].name))
				measure(&rows[i]);
	return 0;
}
