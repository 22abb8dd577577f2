// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exit trace ring of a vCPU.
 *
 * The vCPU's thread fills it, with interrupts off, and asks nobody: RCU keeps the ring while it does. Readers look at memory
 * that they cannot write, and find out themselves what was overwritten meanwhile.
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <asm/tsc.h>

#include "backend.h"
#include "fpu.h"
#include "perf.h"
#include "ring.h"

#define MIN_ENTRIES	64
#define MAX_ENTRIES	65536
#define DEFAULT_ENTRIES	4096

/* Entries start at a page of their own: who wants to know the size maps the page before it. */
#define ENTRIES_OFFSET	PAGE_SIZE

static_assert(sizeof(struct warren_trace_entry) == 64);
static_assert(sizeof(struct warren_trace_ring) == 48);

/*
 * struct wr_ring
 *
 * What userspace sees of it is a copy: nothing here depends on what is in @shared.
 */
struct wr_ring {
	u64 head;				/* the vCPU's thread: entries written */
	u32 nr_entries;				/* [I] a power of two */
	struct warren_trace_ring *shared;	/* [I] followed by the entries */
	struct warren_trace_entry *entries;	/* [I] */
	size_t size;				/* [I] of the mapping */
	u32 files;				/* rings_lock */
	struct wr_vcpu *vcpu;			/* rings_lock; NULL: it is gone */
	wait_queue_head_t wait;			/* for that */
};

/* Which vCPU has which ring: vcpu->ring and vcpu->enter are written under it. Taken inside of vm->lock. */
static DEFINE_MUTEX(rings_lock);

/* Overwrite the oldest entry. Readers take what they saw for whole only while the head is not yet at its number. */
static void write_entry(struct wr_ring *ring, struct wr_vcpu *vcpu, u64 reason, u64 entry_tsc, u64 exit_tsc)
{
	struct warren_trace_entry *entry = &ring->entries[ring->head & (ring->nr_entries - 1)];
	struct warren_trace_ring *shared = ring->shared;
	struct wr_exit_words words;

	wr_backend->exit_words(vcpu, &words);
	/* The head as it is before the entry: pairs with the readers' second look at it. */
	smp_wmb();
	entry->seq = ring->head;
	entry->entry_tsc = entry_tsc;
	entry->exit_tsc = exit_tsc;
	entry->rip = vcpu->rip;
	entry->qualification = words.qualification;
	entry->reason = reason;
	entry->code = words.code;
	entry->gpa = words.gpa;
	ring->head++;
	if (ring->head > ring->nr_entries)
		WRITE_ONCE(shared->lost, ring->head - ring->nr_entries);
	/* The entry before the head: pairs with the readers' first look. */
	smp_store_release(&shared->head, ring->head);
}

/* struct wr_vcpu.enter of a vCPU with a ring. In the guest RCU does not know of us: look for the ring afterwards. */
static u64 enter_traced(struct wr_vcpu *vcpu)
{
	u64 entry_tsc = rdtsc();
	u64 reason = wr_enter(vcpu);
	u64 exit_tsc = rdtsc();
	struct wr_ring *ring = rcu_dereference_sched(vcpu->ring);

	if (!ring)
		return reason;
	/* Finding out a gpa may read the user's memory: not by the keys of the guest. */
	wr_fpu_swap_pkru(vcpu, false);
	write_entry(ring, vcpu, reason, entry_tsc, exit_tsc);
	wr_fpu_swap_pkru(vcpu, true);
	return reason;
}

static void ring_free(struct wr_ring *ring)
{
	vfree(ring->shared);
	kfree(ring);
}

static struct wr_ring *ring_alloc(const struct wr_vcpu *vcpu, u32 nr_entries)
{
	struct wr_ring *ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);

	if (!ring)
		return NULL;
	ring->nr_entries = nr_entries;
	ring->size = PAGE_ALIGN(ENTRIES_OFFSET + array_size(nr_entries, sizeof(*ring->entries)));
	init_waitqueue_head(&ring->wait);
	ring->shared = __vmalloc(ring->size, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!ring->shared) {
		kfree(ring);
		return NULL;
	}
	ring->entries = (void *)ring->shared + ENTRIES_OFFSET;
	*ring->shared = (struct warren_trace_ring) {
		.nr_entries = nr_entries,
		.entry_size = sizeof(*ring->entries),
		.entries_offset = ENTRIES_OFFSET,
		.tsc_khz = tsc_khz,
		.vm = vcpu->vm->identity.id,
		.vcpu = vcpu->index,
	};
	return ring;
}

static void attach(struct wr_vcpu *vcpu, struct wr_ring *ring)
{
	ring->vcpu = vcpu;
	rcu_assign_pointer(vcpu->ring, ring);
	WRITE_ONCE(vcpu->enter, enter_traced);
}

static void detach(struct wr_vcpu *vcpu, struct wr_ring *ring)
{
	WRITE_ONCE(vcpu->enter, wr_enter);
	RCU_INIT_POINTER(vcpu->ring, NULL);
	ring->vcpu = NULL;
}

/* The ring there is, or @spare; one more file for it. NULL: there is none. */
static struct wr_ring *ring_get(struct wr_vcpu *vcpu, struct wr_ring *spare, u32 nr_entries)
{
	struct wr_ring *ring;

	mutex_lock(&rings_lock);
	ring = rcu_dereference_protected(vcpu->ring, lockdep_is_held(&rings_lock));
	if (ring && nr_entries && nr_entries != ring->nr_entries) {
		ring = ERR_PTR(-EBUSY);
		goto out;
	}
	if (!ring && spare) {
		ring = spare;
		attach(vcpu, ring);
	}
	if (ring)
		ring->files++;
out:
	mutex_unlock(&rings_lock);
	return ring;
}

static void ring_put(struct wr_ring *ring)
{
	bool attached, last;

	mutex_lock(&rings_lock);
	last = !--ring->files;
	attached = last && ring->vcpu;
	if (attached)
		detach(ring->vcpu, ring);
	mutex_unlock(&rings_lock);
	if (!last)
		return;
	/* The vCPU may be writing its last entry. */
	if (attached)
		synchronize_rcu();
	ring_free(ring);
}

static int ring_release(struct inode *inode, struct file *file)
{
	ring_put(file->private_data);
	return 0;
}

static vm_fault_t ring_fault(struct vm_fault *fault)
{
	struct wr_ring *ring = fault->vma->vm_file->private_data;
	struct page *page;

	if (fault->pgoff >= ring->size >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	page = vmalloc_to_page((void *)ring->shared + (fault->pgoff << PAGE_SHIFT));
	get_page(page);
	fault->page = page;
	return 0;
}

static const struct vm_operations_struct ring_vm_ops = {
	.fault = ring_fault,
};

/*
 * The file is not open for writing, so the kernel has refused PROT_WRITE in a shared mapping, and will in mprotect(). A private
 * one would stop showing what is written.
 */
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_MAYSHARE) || vma->vm_flags & VM_MAYWRITE)
		return -EINVAL;
	vma->vm_ops = &ring_vm_ops;
	return 0;
}

/* Of entries nobody is told, since the guest would have to wait for that; of the end they are. */
static __poll_t ring_poll(struct file *file, poll_table *table)
{
	struct wr_ring *ring = file->private_data;

	poll_wait(file, &ring->wait, table);
	/* Pairs with the store in wr_ring_end(). */
	return smp_load_acquire(&ring->shared->ended) ? EPOLLHUP : 0;
}

static const struct file_operations ring_fops = {
	.owner = THIS_MODULE,
	.release = ring_release,
	.mmap = ring_mmap,
	.poll = ring_poll,
	.llseek = noop_llseek,
};

static bool is_valid(const struct warren_trace_open *open)
{
	if (open->flags || open->reserved[0] || open->reserved[1])
		return false;
	return !open->entries ||
		(is_power_of_2(open->entries) && open->entries >= MIN_ENTRIES && open->entries <= MAX_ENTRIES);
}

/**
 * wr_ring_open - WARREN_TRACE_OPEN: a file for a vCPU's ring, which is made if there is none
 * @vcpu: held by the caller; may be running
 * @open: from userspace; @vm and @vcpu are the caller's affair
 *
 * Return: a file descriptor; -EINVAL; -EBUSY: the ring has another size; -ENOMEM, -EMFILE. Context: may sleep.
 */
int wr_ring_open(struct wr_vcpu *vcpu, const struct warren_trace_open *open)
{
	struct wr_ring *ring, *spare;
	int fd;

	if (!is_valid(open))
		return -EINVAL;
	ring = ring_get(vcpu, NULL, open->entries);
	if (!ring) {
		spare = ring_alloc(vcpu, open->entries ?: DEFAULT_ENTRIES);
		if (!spare)
			return -ENOMEM;
		ring = ring_get(vcpu, spare, open->entries);
		if (ring != spare)
			ring_free(spare);
	}
	if (IS_ERR(ring))
		return PTR_ERR(ring);
	fd = anon_inode_getfd("warren-trace", &ring_fops, ring, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		ring_put(ring);
	return fd;
}

/**
 * wr_ring_end - a vCPU goes: tell the readers of its ring
 * @vcpu: runs no more
 *
 * Context: may sleep.
 */
void wr_ring_end(struct wr_vcpu *vcpu)
{
	struct wr_ring *ring;

	mutex_lock(&rings_lock);
	ring = rcu_dereference_protected(vcpu->ring, lockdep_is_held(&rings_lock));
	if (ring) {
		detach(vcpu, ring);
		/* After the last entry */
		smp_store_release(&ring->shared->ended, 1);
		wake_up_all(&ring->wait);
	}
	mutex_unlock(&rings_lock);
}
