// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults, notifiers, dirty logging and access by gpa on a VM without a vCPU that runs: its memory
 * is that of the process that loads the tests.
 */
#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/prandom.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "compat.h"
#include "mmu/internal.h"

#define NPAGES	16
#define SIZE	(NPAGES * PAGE_SIZE)
#define GPA	0x100000ULL

/* Set while the suite runs, by the thread that loads the module. */
static struct mm_struct *creator;

struct fixture {
	struct wr_vm vm;
	struct wr_vcpu vcpu;
	unsigned long hva;
};

static int suite_init(struct kunit_suite *suite)
{
	creator = current->mm;
	if (creator)
		mmget(creator);
	return 0;
}

static void suite_exit(struct kunit_suite *suite)
{
	if (creator)
		mmput(creator);
	creator = NULL;
}

static int set_slot(struct fixture *f, u32 id, u32 flags, u64 gpa, u64 size, unsigned long hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = id, .flags = flags, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = hva,
	};

	return wr_slots_set(&f->vm, &region);
}

static int fixture_init(struct kunit *test)
{
	struct fixture *f;
	int r;

	if (!creator)
		return 0;
	f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f);
	kthread_use_mm(creator);
	f->vm.mm = creator;
	f->vcpu.vm = &f->vm;
	mutex_init(&f->vm.slots_lock);
	xa_init(&f->vm.vcpus);
	f->hva = vm_mmap(NULL, 0, SIZE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, 0);
	r = IS_ERR_VALUE(f->hva) ? -ENOMEM : init_srcu_struct(&f->vm.srcu);
	if (!r)
		r = wr_mmu_init(&f->vm);
	if (!r)
		test->priv = f;
	return r;
}

static void fixture_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (!f)
		return;
	wr_table_cache_free(&f->vcpu.tables);
	wr_mmu_exit(&f->vm);
	cleanup_srcu_struct(&f->vm.srcu);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->vm.mmu.tables), 0L);
	vm_munmap(f->hva, SIZE);
	kthread_unuse_mm(creator);
}

#define NEED_MM(test, f)							\
	struct fixture *f = (test)->priv;					\
	if (!f)									\
		kunit_skip(test, "loaded by no process")

/* The leaf for a page, or 0. */
static u64 leaf(struct fixture *f, u64 gpa)
{
	struct wr_pt_iter it;
	u64 value = 0;

	read_lock(&f->vm.mmu.lock);
	wr_pt_for_each(&it, &f->vm.mmu, 1, gpa >> PAGE_SHIFT, (gpa >> PAGE_SHIFT) + 1)
		if (wr_pt_is_present(it.format, it.value) &&
		    wr_pt_is_leaf(it.format, it.value, it.level))
			value = it.value;
	read_unlock(&f->vm.mmu.lock);
	return value;
}

static bool writable(struct fixture *f, u64 gpa)
{
	return leaf(f, gpa) & f->vm.mmu.format->writable;
}

#define EXPECT_FAULT(test, f, gpa, access, atomic, result)			\
	KUNIT_EXPECT_EQ(test, (int)wr_mmu_fault(&(f)->vcpu, gpa, access, atomic), (int)(result))

static void write_by_hva(struct kunit *test, unsigned long hva)
{
	KUNIT_ASSERT_EQ(test, put_user(0x5a, (u8 __user *)hva), 0);
}

static void no_slot(struct kunit *test)
{
	NEED_MM(test, f);

	EXPECT_FAULT(test, f, GPA, 0, true, WR_FAULT_MMIO);
	EXPECT_FAULT(test, f, GPA, WR_ACC_WRITE, false, WR_FAULT_MMIO);
	KUNIT_EXPECT_FALSE(test, wr_gpa_is_ram(&f->vm, GPA, false));
}

static void first_touch(struct kunit *test)
{
	NEED_MM(test, f);

	KUNIT_ASSERT_EQ(test, set_slot(f, 0, 0, GPA, SIZE, f->hva), 0);
	/* Nothing is there: only where it may sleep. */
	EXPECT_FAULT(test, f, GPA, WR_ACC_WRITE, true, WR_FAULT_SLEEP);
	EXPECT_FAULT(test, f, GPA, WR_ACC_WRITE, false, WR_FAULT_FIXED);
	KUNIT_EXPECT_TRUE(test, writable(f, GPA));
	/* The host's page is there and so are the tables: without sleeping. */
	write_by_hva(test, f->hva + PAGE_SIZE);
	EXPECT_FAULT(test, f, GPA + PAGE_SIZE, 0, true, WR_FAULT_FIXED);
	KUNIT_EXPECT_TRUE(test, writable(f, GPA + PAGE_SIZE));
	EXPECT_FAULT(test, f, GPA + SIZE, 0, true, WR_FAULT_MMIO);
}

/*
 * A read of untouched memory maps the zero page, read-only; the write after it gets a page of its
 * own.
 */
static void zero_page(struct kunit *test)
{
	u64 first;

	NEED_MM(test, f);

	KUNIT_ASSERT_EQ(test, set_slot(f, 0, 0, GPA, SIZE, f->hva), 0);
	EXPECT_FAULT(test, f, GPA, 0, false, WR_FAULT_FIXED);
	first = leaf(f, GPA);
	KUNIT_EXPECT_NE(test, first, 0ULL);
	KUNIT_EXPECT_FALSE(test, writable(f, GPA));
	/* The creator writes: its copy-on-write must take the zero page from the guest. */
	write_by_hva(test, f->hva);
	KUNIT_EXPECT_EQ(test, leaf(f, GPA), 0ULL);
	EXPECT_FAULT(test, f, GPA, WR_ACC_WRITE, true, WR_FAULT_FIXED);
	KUNIT_EXPECT_TRUE(test, writable(f, GPA));
	KUNIT_EXPECT_NE(test, (leaf(f, GPA) ^ first) & WR_PT_ADDR_MASK, 0ULL);
	EXPECT_FAULT(test, f, GPA + PAGE_SIZE, 0, false, WR_FAULT_FIXED);
	EXPECT_FAULT(test, f, GPA + PAGE_SIZE, WR_ACC_WRITE, true, WR_FAULT_SLEEP);
	EXPECT_FAULT(test, f, GPA + PAGE_SIZE, WR_ACC_WRITE, false, WR_FAULT_FIXED);
	KUNIT_EXPECT_TRUE(test, writable(f, GPA + PAGE_SIZE));
}

static void unmap_takes_pages(struct kunit *test)
{
	int i;

	NEED_MM(test, f);

	KUNIT_ASSERT_EQ(test, set_slot(f, 0, 0, GPA, SIZE, f->hva), 0);
	for (i = 0; i < 4; i++)
		EXPECT_FAULT(test, f, GPA + i * PAGE_SIZE, WR_ACC_WRITE, false, WR_FAULT_FIXED);
	KUNIT_ASSERT_EQ(test, vm_munmap(f->hva + PAGE_SIZE, 2 * PAGE_SIZE), 0);
	KUNIT_EXPECT_NE(test, leaf(f, GPA), 0ULL);
	KUNIT_EXPECT_EQ(test, leaf(f, GPA + PAGE_SIZE), 0ULL);
	KUNIT_EXPECT_EQ(test, leaf(f, GPA + 2 * PAGE_SIZE), 0ULL);
	KUNIT_EXPECT_NE(test, leaf(f, GPA + 3 * PAGE_SIZE), 0ULL);
	EXPECT_FAULT(test, f, GPA + PAGE_SIZE, 0, true, WR_FAULT_SLEEP);
	EXPECT_FAULT(test, f, GPA + PAGE_SIZE, 0, false, WR_FAULT_BAD);
}

static void read_only_slot(struct kunit *test)
{
	u32 data = 1;

	NEED_MM(test, f);

	KUNIT_ASSERT_EQ(test, set_slot(f, 0, KVM_MEM_READONLY, GPA, SIZE, f->hva), 0);
	write_by_hva(test, f->hva);
	EXPECT_FAULT(test, f, GPA, WR_ACC_WRITE, true, WR_FAULT_MMIO);
	EXPECT_FAULT(test, f, GPA, 0, false, WR_FAULT_FIXED);
	KUNIT_EXPECT_NE(test, leaf(f, GPA), 0ULL);
	KUNIT_EXPECT_FALSE(test, writable(f, GPA));
	KUNIT_EXPECT_EQ(test, wr_gpa_write(&f->vm, GPA, &data, 4), -EPERM);
	KUNIT_EXPECT_EQ(test, wr_gpa_read(&f->vm, GPA, &data, 4), 0);
	KUNIT_EXPECT_EQ(test, data, 0x5aU);
	KUNIT_EXPECT_TRUE(test, wr_gpa_is_ram(&f->vm, GPA, false));
	KUNIT_EXPECT_FALSE(test, wr_gpa_is_ram(&f->vm, GPA, true));
}

static void slot_changes(struct kunit *test)
{
	NEED_MM(test, f);

	KUNIT_EXPECT_EQ(test, set_slot(f, 0, 0, GPA, 0, 0), -EINVAL);
	KUNIT_ASSERT_EQ(test, set_slot(f, 0, 0, GPA, SIZE, f->hva), 0);
	KUNIT_EXPECT_EQ(test, set_slot(f, 0, 0, GPA, SIZE, f->hva), 0);
	KUNIT_EXPECT_EQ(test, set_slot(f, 1, 0, GPA + PAGE_SIZE, SIZE, f->hva), -EEXIST);
	KUNIT_EXPECT_EQ(test, set_slot(f, 0, 0, GPA, SIZE / 2, f->hva), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_slot(f, 0, 0, GPA, SIZE, f->hva + PAGE_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_slot(f, 0, KVM_MEM_READONLY, GPA, SIZE, f->hva), -EINVAL);

	EXPECT_FAULT(test, f, GPA, WR_ACC_WRITE, false, WR_FAULT_FIXED);
	/* Move, overlapping where it was. */
	KUNIT_ASSERT_EQ(test, set_slot(f, 0, 0, GPA + PAGE_SIZE, SIZE, f->hva), 0);
	KUNIT_EXPECT_EQ(test, leaf(f, GPA), 0ULL);
	EXPECT_FAULT(test, f, GPA, 0, true, WR_FAULT_MMIO);
	EXPECT_FAULT(test, f, GPA + PAGE_SIZE, 0, true, WR_FAULT_FIXED);
	/* A second slot for the same memory: both see a change of the host's. */
	KUNIT_ASSERT_EQ(test, set_slot(f, 7, 0, 4 * GPA, SIZE, f->hva), 0);
	EXPECT_FAULT(test, f, 4 * GPA, 0, false, WR_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, leaf(f, 4 * GPA) & WR_PT_ADDR_MASK,
			leaf(f, GPA + PAGE_SIZE) & WR_PT_ADDR_MASK);
	KUNIT_ASSERT_EQ(test, vm_munmap(f->hva, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, leaf(f, GPA + PAGE_SIZE), 0ULL);
	KUNIT_EXPECT_EQ(test, leaf(f, 4 * GPA), 0ULL);

	KUNIT_ASSERT_EQ(test, set_slot(f, 0, 0, 0, 0, 0), 0);
	EXPECT_FAULT(test, f, GPA + PAGE_SIZE, 0, false, WR_FAULT_MMIO);
	KUNIT_EXPECT_EQ(test, set_slot(f, 0, 0, 0, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_slot(f, 7, 0, 0, 0, 0), 0);
}

static u64 take_log(struct kunit *test, struct fixture *f)
{
	struct kvm_dirty_log log = {
		.slot = 3, .dirty_bitmap = (void __user *)(f->hva + SIZE - PAGE_SIZE),
	};
	u64 bits = 0;

	KUNIT_EXPECT_EQ(test, wr_dirty_get(&f->vm, &log), 0);
	KUNIT_EXPECT_EQ(test, get_user(bits, (u64 __user *)log.dirty_bitmap), 0);
	return bits;
}

static void dirty_log(struct kunit *test)
{
	struct kvm_dirty_log log = { .slot = 3 };
	u32 data = 1;

	NEED_MM(test, f);

	KUNIT_EXPECT_EQ(test, wr_dirty_get(&f->vm, &log), -ENOENT);
	KUNIT_ASSERT_EQ(test, set_slot(f, 3, 0, GPA, SIZE - PAGE_SIZE, f->hva), 0);
	KUNIT_EXPECT_EQ(test, wr_dirty_get(&f->vm, &log), -ENOENT);
	EXPECT_FAULT(test, f, GPA, WR_ACC_WRITE, false, WR_FAULT_FIXED);

	/* Logging on: writable pages are writable no more. */
	KUNIT_ASSERT_EQ(test, set_slot(f, 3, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE - PAGE_SIZE,
				       f->hva), 0);
	KUNIT_EXPECT_FALSE(test, writable(f, GPA));
	KUNIT_EXPECT_EQ(test, take_log(test, f), 0ULL);
	EXPECT_FAULT(test, f, GPA, WR_ACC_WRITE, true, WR_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, f->vcpu.stats.fast_faults, 1ULL);
	EXPECT_FAULT(test, f, GPA + 3 * PAGE_SIZE, WR_ACC_WRITE, false, WR_FAULT_FIXED);
	/* A read is not logged, and leaves the page to fault again on a write. */
	write_by_hva(test, f->hva + 4 * PAGE_SIZE);
	EXPECT_FAULT(test, f, GPA + 4 * PAGE_SIZE, 0, true, WR_FAULT_FIXED);
	KUNIT_EXPECT_FALSE(test, writable(f, GPA + 4 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, wr_gpa_write(&f->vm, GPA + 7 * PAGE_SIZE - 2, &data, 4), 0);

	/* A bitmap that cannot be written loses nothing. */
	KUNIT_EXPECT_EQ(test, wr_dirty_get(&f->vm, &log), -EFAULT);
	KUNIT_EXPECT_EQ(test, take_log(test, f), 0xc9ULL);
	KUNIT_EXPECT_EQ(test, take_log(test, f), 0ULL);
	KUNIT_EXPECT_FALSE(test, writable(f, GPA));
	EXPECT_FAULT(test, f, GPA + 4 * PAGE_SIZE, WR_ACC_WRITE, true, WR_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, take_log(test, f), 0x10ULL);

	/* Logging off: entries become writable as they are written. */
	KUNIT_ASSERT_EQ(test, set_slot(f, 3, 0, GPA, SIZE - PAGE_SIZE, f->hva), 0);
	KUNIT_EXPECT_FALSE(test, writable(f, GPA));
	EXPECT_FAULT(test, f, GPA, WR_ACC_WRITE, true, WR_FAULT_FIXED);
	KUNIT_EXPECT_TRUE(test, writable(f, GPA));
	log.slot = WR_MAX_SLOTS;
	KUNIT_EXPECT_EQ(test, wr_dirty_get(&f->vm, &log), -EINVAL);
}

#define RING_PAGES	400

/* Gives back all that a ring tells, counting each page. */
static u32 harvest(struct fixture *f, u32 *next, u8 *told)
{
	u32 mask = f->vm.mmu.ring_entries - 1;
	u32 nr = 0;

	while (f->vcpu.dirty_ring.entries[*next & mask].flags == KVM_DIRTY_GFN_F_DIRTY) {
		struct kvm_dirty_gfn *e = &f->vcpu.dirty_ring.entries[(*next)++ & mask];

		told[e->offset % RING_PAGES]++;
		e->flags = KVM_DIRTY_GFN_F_RESET;
		nr++;
	}
	return nr;
}

/* A ring that is full to the last entry: what else was written is told after the reset. */
static void ring_overflows(struct kunit *test)
{
	const struct wr_slot *slot;
	u8 told[RING_PAGES] = {};
	u32 next = 0;
	int i, idx;

	NEED_MM(test, f);

	KUNIT_EXPECT_EQ(test, wr_dirty_rings_reset(&f->vm), -EINVAL);
	f->vm.mmu.ring_entries = 256;
	KUNIT_ASSERT_EQ(test, wr_dirty_ring_alloc(&f->vcpu), 0);
	KUNIT_ASSERT_NULL(test, xa_store(&f->vm.vcpus, 0, &f->vcpu, GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, set_slot(f, 3, KVM_MEM_LOG_DIRTY_PAGES, GPA, RING_PAGES * PAGE_SIZE, f->hva), 0);
	idx = srcu_read_lock(&f->vm.srcu);
	slot = wr_slot_find(wr_slots(&f->vm), GPA >> PAGE_SHIFT);
	for (i = 0; i < RING_PAGES; i++)
		wr_dirty_mark(&f->vm, i % 2 ? &f->vcpu : NULL, slot, slot->gfn + i);
	wr_dirty_mark(&f->vm, NULL, slot, slot->gfn);
	srcu_read_unlock(&f->vm.srcu, idx);
	KUNIT_EXPECT_TRUE(test, wr_dirty_ring_is_full(&f->vcpu));
	KUNIT_EXPECT_TRUE(test, test_bit(WR_REQ_DIRTY_FULL, &f->vcpu.requests));

	KUNIT_EXPECT_EQ(test, harvest(f, &next, told), 256U);
	KUNIT_EXPECT_EQ(test, wr_dirty_rings_reset(&f->vm), 256);
	KUNIT_EXPECT_FALSE(test, wr_dirty_ring_is_full(&f->vcpu));
	KUNIT_EXPECT_EQ(test, harvest(f, &next, told), RING_PAGES - 256U);
	KUNIT_EXPECT_EQ(test, wr_dirty_rings_reset(&f->vm), RING_PAGES - 256);
	KUNIT_EXPECT_EQ(test, wr_dirty_rings_reset(&f->vm), 0);
	for (i = 0; i < RING_PAGES; i++)
		KUNIT_EXPECT_EQ(test, told[i], 1);
	xa_destroy(&f->vm.vcpus);
	wr_dirty_ring_free(&f->vcpu);
}

static void access_by_gpa(struct kunit *test)
{
	u64 value, old[2], new[2] = { 3, 4 };

	NEED_MM(test, f);

	/* Two slots in a row, whose memory is the other way round. */
	KUNIT_ASSERT_EQ(test, set_slot(f, 0, 0, GPA, PAGE_SIZE, f->hva + PAGE_SIZE), 0);
	KUNIT_ASSERT_EQ(test, set_slot(f, 1, 0, GPA + PAGE_SIZE, PAGE_SIZE, f->hva), 0);
	value = 0x1122334455667788;
	KUNIT_EXPECT_EQ(test, wr_gpa_write(&f->vm, GPA + PAGE_SIZE - 4, &value, 8), 0);
	value = 0;
	KUNIT_EXPECT_EQ(test, wr_gpa_read(&f->vm, GPA + PAGE_SIZE - 4, &value, 8), 0);
	KUNIT_EXPECT_EQ(test, value, 0x1122334455667788ULL);
	KUNIT_EXPECT_EQ(test, get_user(value, (u64 __user *)f->hva), 0);
	KUNIT_EXPECT_EQ(test, value, 0x11223344ULL);
	KUNIT_EXPECT_EQ(test, wr_gpa_read(&f->vm, GPA + 2 * PAGE_SIZE - 4, &value, 8), -ENXIO);

	value = 0x11223344;
	KUNIT_EXPECT_EQ(test, wr_gpa_cmpxchg(&f->vm, GPA + PAGE_SIZE, &value, new, 8), 0);
	KUNIT_EXPECT_EQ(test, wr_gpa_cmpxchg(&f->vm, GPA + PAGE_SIZE, &value, new, 8), 1);
	KUNIT_EXPECT_EQ(test, value, 3ULL);
	old[0] = 3;
	old[1] = 0;
	KUNIT_EXPECT_EQ(test, wr_gpa_cmpxchg(&f->vm, GPA + PAGE_SIZE, old, new, 16), 0);
	KUNIT_EXPECT_EQ(test, wr_gpa_cmpxchg(&f->vm, GPA + PAGE_SIZE, old, new, 16), 1);
	KUNIT_EXPECT_EQ(test, old[1], 4ULL);
	/* Across pages it is no longer atomic, but it works. */
	value = 0x0000000355667788;
	KUNIT_EXPECT_EQ(test, wr_gpa_cmpxchg(&f->vm, GPA + PAGE_SIZE - 4, &value, new, 8), 0);
	KUNIT_EXPECT_EQ(test, wr_gpa_cmpxchg(&f->vm, GPA, &value, new, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, wr_gpa_cmpxchg(&f->vm, GPA, &value, new, 0), -EINVAL);
}

/* Where nothing may sleep, a page that is not there asks for another try. */
static void access_without_sleeping(struct kunit *test)
{
	u64 value = 0;
	int r;

	NEED_MM(test, f);

	KUNIT_ASSERT_EQ(test, set_slot(f, 0, 0, GPA, SIZE, f->hva), 0);
	pagefault_disable();
	r = wr_gpa_read(&f->vm, GPA, &value, 8);
	pagefault_enable();
	KUNIT_EXPECT_EQ(test, r, -EAGAIN);
	preempt_disable();
	r = wr_gpa_cmpxchg(&f->vm, GPA, &value, &value, 8);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, r, -EAGAIN);
	KUNIT_EXPECT_EQ(test, wr_gpa_read(&f->vm, GPA, &value, 8), 0);
	preempt_disable();
	r = wr_gpa_read(&f->vm, GPA, &value, 8);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, r, 0);
	vm_munmap(f->hva, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, wr_gpa_read(&f->vm, GPA, &value, 8), -EFAULT);
	KUNIT_EXPECT_EQ(test, wr_gpa_write(&f->vm, GPA, &value, 8), -EFAULT);
	KUNIT_EXPECT_EQ(test, wr_gpa_cmpxchg(&f->vm, GPA, &value, &value, 8), -EFAULT);
}

/* Tables at GPA + 0x1000 on, in the slot's first pages; bits picked so that most rights come up. */
static void random_tables(struct kunit *test, struct fixture *f, struct rnd_state *rnd)
{
	static const u64 picks[] = { BIT_ULL(0), BIT_ULL(1), BIT_ULL(2), BIT_ULL(5), BIT_ULL(6),
				     BIT_ULL(7), BIT_ULL(8), BIT_ULL(13), BIT_ULL(45),
				     BIT_ULL(63) };
	int level, i;

	for (level = 4; level >= 1; level--) {
		u64 offset = (5 - level) * PAGE_SIZE;
		u64 entry = (GPA + offset + PAGE_SIZE) | 0x67;

		for (i = 0; i < ARRAY_SIZE(picks); i++)
			if (!(prandom_u32_state(rnd) % 16))
				entry ^= picks[i];
		KUNIT_ASSERT_EQ(test, put_user(entry, (u64 __user *)(f->hva + offset)), 0);
	}
}

/* The walker's short and long way agree. Protection keys that allow all forbid the short one. */
static void walks_agree(struct kunit *test)
{
	static const u32 bits[] = { WR_ACC_WRITE, WR_ACC_USER, WR_ACC_FETCH, WR_ACC_IMPLICIT };
	struct wr_walk fast, slow;
	struct rnd_state rnd;
	int i, j, ok = 0;

	NEED_MM(test, f);

	prandom_seed_state(&rnd, 4711);
	KUNIT_ASSERT_EQ(test, set_slot(f, 0, 0, GPA, SIZE, f->hva), 0);
	f->vcpu.cpuid.reserved_gpa_bits = GENMASK_ULL(51, 40);
	f->vcpu.cr3 = GPA + PAGE_SIZE;
	for (i = 0; i < 4000; i++) {
		u32 access = 0, r = prandom_u32_state(&rnd);
		u64 gva = r & 0xff0;
		int a, b;

		for (j = 0; j < ARRAY_SIZE(bits); j++)
			access |= r & BIT(16 + j) ? bits[j] : 0;
		f->vcpu.cr0 = X86_CR0_PG | (r & BIT(20) ? X86_CR0_WP : 0);
		f->vcpu.efer = EFER_LMA | (r & BIT(21) ? 0 : EFER_NX);
		f->vcpu.cr4 = X86_CR4_PAE | (r & BIT(22) ? X86_CR4_SMEP : 0) |
			      (r & BIT(23) ? X86_CR4_SMAP : 0);
		f->vcpu.rflags = r & BIT(24) ? X86_EFLAGS_AC : 0;
		f->vcpu.cpuid.amd = r & BIT(25);
		random_tables(test, f, &rnd);
		memset(&fast, 0, sizeof(fast));
		memset(&slow, 0, sizeof(slow));
		a = wr_walk(&f->vcpu, gva, access, &fast);
		f->vcpu.cr4 |= X86_CR4_PKE;
		b = wr_walk(&f->vcpu, gva, access, &slow);
		KUNIT_ASSERT_EQ_MSG(test, a, b, "walk %d, access %x", i, access);
		KUNIT_ASSERT_EQ(test, fast.error, slow.error);
		if (a)
			continue;
		ok++;
		KUNIT_ASSERT_EQ(test, fast.gpa, slow.gpa);
		KUNIT_ASSERT_EQ(test, fast.page_size, slow.page_size);
		KUNIT_ASSERT_EQ(test, fast.writable, slow.writable);
		KUNIT_ASSERT_EQ(test, fast.user, slow.user);
	}
	KUNIT_EXPECT_GT(test, ok, 100);
}

/* No series of slots can hold more tables than the limit. */
static void tables_are_bounded(struct kunit *test)
{
	int i;

	NEED_MM(test, f);

	for (i = 0; i < 200; i++) {
		u64 gpa = (u64)i << 30;

		KUNIT_ASSERT_EQ(test, set_slot(f, 0, 0, gpa, SIZE, f->hva), 0);
		EXPECT_FAULT(test, f, gpa, WR_ACC_WRITE, false, WR_FAULT_FIXED);
		KUNIT_EXPECT_NE(test, leaf(f, gpa), 0ULL);
		KUNIT_ASSERT_EQ(test, set_slot(f, 0, 0, 0, 0, 0), 0);
	}
	KUNIT_EXPECT_LT(test, atomic_long_read(&f->vm.mmu.tables), 128L);
}

static struct kunit_case fault_cases[] = {
	KUNIT_CASE(no_slot),
	KUNIT_CASE(first_touch),
	KUNIT_CASE(zero_page),
	KUNIT_CASE(unmap_takes_pages),
	KUNIT_CASE(read_only_slot),
	KUNIT_CASE(slot_changes),
	KUNIT_CASE(dirty_log),
	KUNIT_CASE(ring_overflows),
	KUNIT_CASE(access_by_gpa),
	KUNIT_CASE(access_without_sleeping),
	KUNIT_CASE(walks_agree),
	KUNIT_CASE(tables_are_bounded),
	{}
};

struct kunit_suite wr_fault_suite = {
	.name = "warren_fault",
	.suite_init = suite_init,
	.suite_exit = suite_exit,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = fault_cases,
};
