// SPDX-License-Identifier: GPL-2.0-only
/*
 * To preload into a launcher: guest memory, for which it asks for huge pages, becomes mergeable
 * instead, so that the host's KSM works on a running guest.
 */
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int madvise(void *start, size_t size, int advice)
{
	if (advice == MADV_HUGEPAGE)
		advice = MADV_MERGEABLE;
	return syscall(SYS_madvise, start, size, advice);
}
