// SPDX-License-Identifier: GPL-2.0-only
/* Reads a trace ring while the kernel writes it. */
#include "ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "netlink.h"
#include "status.h"
#include "util.h"

static uint64_t load(const __u64 *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

int wr_ring_begin(struct wr_ring *ring, const void *map, size_t size)
{
	const struct warren_trace_ring *head = map;
	uint64_t at, end;

	if (size < sizeof(*head))
		return -EPROTO;
	at = head->entries_offset;
	end = at + (uint64_t)head->nr_entries * head->entry_size;
	if (!head->nr_entries || (head->nr_entries & (head->nr_entries - 1)) ||
	    head->entry_size < sizeof(struct warren_trace_entry) || head->entry_size % 8 ||
	    at < sizeof(*head) || at % 8 || end > size || !head->tsc_khz)
		return -EPROTO;
	ring->map = map;
	ring->size = size;
	ring->lost = 0;
	at = load(&head->head);
	/* The oldest one may be being overwritten. */
	ring->next = at >= head->nr_entries ? at - head->nr_entries + 1 : 0;
	return 0;
}

/* The size is in the first page. */
static size_t ring_size(int fd)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size;
	const struct warren_trace_ring *head;

	head = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	if (head == MAP_FAILED)
		return 0;
	size = head->entries_offset + (size_t)head->nr_entries * head->entry_size;
	munmap((void *)head, page);
	return (size + page - 1) / page * page;
}

static int map_ring(struct wr_ring *ring, int fd)
{
	size_t size = ring_size(fd);
	int error;
	void *map;

	if (!size)
		return -errno;
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	error = wr_ring_begin(ring, map, size);
	if (error)
		munmap(map, size);
	return error;
}

static int fail(const char *device, uint32_t vm, uint32_t vcpu, int error)
{
	wr_error("cannot trace vCPU %u of VM %u by %s: %s", vcpu, vm, device, strerror(-error));
	switch (-error) {
	case ENOENT:
		if (access(device, F_OK)) {
			wr_hint("load the module: sudo insmod warren.ko");
			return WR_STATUS_NO_MODULE;
		}
		wr_hint("`warren stat VM` shows a VM's vCPUs");
		return WR_STATUS_NO_VM;
	case EACCES:
	case EPERM:
		wr_hint("run as root, or let your group use %s", device);
		break;
	case EBUSY:
		wr_hint("somebody else traces it with another --entries; leave that out");
		break;
	case ENOTTY:
	case EINVAL:
	case EPROTO:
		wr_hint("module and launcher differ: `modinfo warren`, `warren --version`");
		break;
	}
	return WR_STATUS_ERROR;
}

int wr_ring_open(struct wr_ring *ring, const char *device, uint32_t vm, uint32_t vcpu,
		 uint32_t entries)
{
	struct warren_trace_open request = { .vm = vm, .vcpu = vcpu, .entries = entries };
	int error;

	ring->fd = wr_transport->trace(device, &request);
	if (ring->fd < 0)
		return fail(device, vm, vcpu, ring->fd);
	error = map_ring(ring, ring->fd);
	if (!error)
		return 0;
	close(ring->fd);
	return fail(device, vm, vcpu, error);
}

void wr_ring_close(struct wr_ring *ring)
{
	munmap((void *)ring->map, ring->size);
	close(ring->fd);
}

static const struct warren_trace_entry *slot(const struct wr_ring *ring, uint64_t seq)
{
	const struct warren_trace_ring *map = ring->map;
	uint64_t index = seq & (map->nr_entries - 1);

	return (const void *)((const char *)map + map->entries_offset + index * map->entry_size);
}

/* The kernel may be writing it: word by word, so that the compiler makes nothing else of it. */
static void copy_entry(struct warren_trace_entry *to, const struct warren_trace_entry *from)
{
	__u64 words[sizeof(*to) / sizeof(__u64)];
	const __u64 *at = (const __u64 *)from;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = __atomic_load_n(&at[i], __ATOMIC_RELAXED);
	memcpy(to, words, sizeof(*to));
}

/* The first entry that is certainly whole when that many have been written. */
static uint64_t oldest(const struct wr_ring *ring, uint64_t head)
{
	uint32_t nr = ring->map->nr_entries;

	return head >= nr ? head - nr + 1 : 0;
}

size_t wr_ring_read(struct wr_ring *ring, struct warren_trace_entry *entries, size_t max)
{
	uint64_t head = load(&ring->map->head), first = oldest(ring, head), seq, whole;
	size_t count = 0, torn = 0;

	if (first > ring->next) {
		ring->lost += first - ring->next;
		ring->next = first;
	}
	first = ring->next;
	for (seq = first; seq < head && count < max; seq++)
		copy_entry(&entries[count++], slot(ring, seq));
	/* What was read must have been read before the head is looked at again. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	whole = oldest(ring, load(&ring->map->head));
	if (whole > first)
		torn = whole - first < count ? (size_t)(whole - first) : count;
	ring->next = first + count;
	ring->lost += torn;
	memmove(entries, entries + torn, (count - torn) * sizeof(*entries));
	return count - torn;
}

bool wr_ring_ended(const struct wr_ring *ring)
{
	/* In this order: what was written before the end is seen. */
	return __atomic_load_n(&ring->map->ended, __ATOMIC_ACQUIRE) &&
	       ring->next >= load(&ring->map->head);
}
