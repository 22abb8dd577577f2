// SPDX-License-Identifier: GPL-2.0-only
/*
 * touch_memory MIB ROUNDS [same]: fill that much memory with values that tell where they belong,
 * and check them, over and over. With "same" all pages are alike, as page merging wants them,
 * except for the one that changes in each round, and rounds go on until a line can be read. Prints
 * "memory: fine".
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORDS (4096 / sizeof(uint64_t))

static uint64_t word(size_t page, size_t i, int round, int same)
{
	if (same)
		return i * 0x0123456789abcdefull;
	return ((uint64_t)round << 56) ^ (page << 16) ^ i;
}

static void fill(uint64_t *mem, size_t pages, int round, int same)
{
	size_t page, i;

	for (page = 0; page < pages; page++)
		for (i = 0; i < WORDS; i++)
			mem[page * WORDS + i] = word(page, i, round, same);
}

static int wrong(const uint64_t *mem, size_t pages, int round, int same)
{
	size_t page, i;

	for (page = 0; page < pages; page++)
		for (i = 0; i < WORDS; i++)
			if (mem[page * WORDS + i] != word(page, i, round, same))
				return printf("memory: page %zu, word %zu is wrong\n", page, i);
	return 0;
}

/* A second passes, or somebody said that it is time to end. */
static int told(void)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };

	return poll(&in, 1, 1000) > 0;
}

int main(int argc, char **argv)
{
	size_t pages = (size_t)(argc > 1 ? atoi(argv[1]) : 16) * 256;
	int rounds = argc > 2 ? atoi(argv[2]) : 3, same = argc > 3, round, ended = 0;
	uint64_t *mem = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		return 2;
	if (same)
		fill(mem, pages, 0, same);
	for (round = 1; round <= rounds; round++) {
		if (!same)
			fill(mem, pages, round, same);
		if (same && !ended)
			ended = told();
		if (wrong(mem, pages, round, same))
			return 1;
		if (same) {
			/* Write to pages that may be shared by now: the others must not change. */
			mem[(size_t)round * WORDS] ^= ~0ull;
			if (mem[((size_t)round + 1) * WORDS] != word(0, 0, round, 1))
				return 3;
			mem[(size_t)round * WORDS] ^= ~0ull;
			round -= !ended;
		}
	}
	printf("memory: fine\n");
	return 0;
}
