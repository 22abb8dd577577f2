// SPDX-License-Identifier: GPL-2.0-only
/*
 * forks N: in N processes at a time, fork, exec and pages that are copied on write: what makes
 * a kernel change page tables and shoot down TLBs most. Prints "forks: fine" when all went well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 64
#define PAGE 4096
#define ROUNDS 20

static int child(unsigned char *shared, int round)
{
	int i;

	for (i = 0; i < PAGES; i++) {
		if (shared[i * PAGE] != (unsigned char)(round + i))
			return 1;
		shared[i * PAGE] = 0xff;
	}
	execl("/bin/true", "true", NULL);
	return 2;
}

static int worker(void)
{
	unsigned char *shared = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int round, i, status;
	pid_t pid;

	if (shared == MAP_FAILED)
		return 3;
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < PAGES; i++)
			shared[i * PAGE] = (unsigned char)(round + i);
		pid = fork();
		if (!pid)
			_exit(child(shared, round));
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			return 4;
		/* The child wrote to its own copies only. */
		for (i = 0; i < PAGES; i++)
			if (shared[i * PAGE] != (unsigned char)(round + i))
				return 5;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 2, i, status, bad = 0;

	for (i = 0; i < n; i++)
		if (!fork())
			_exit(worker());
	for (i = 0; i < n; i++) {
		if (wait(&status) < 0 || status) {
			printf("forks: a worker failed with status %#x\n", status);
			bad = 1;
		}
	}
	if (!bad)
		printf("forks: fine\n");
	return bad;
}
