// SPDX-License-Identifier: GPL-2.0-only
/* Dirty rings: KVM_CAP_DIRTY_LOG_RING, KVM_RESET_DIRTY_RINGS, KVM_EXIT_DIRTY_RING_FULL. */
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "orders.h"

#define ENTRIES		1024u	/* enough for VT-x, whose log of 512 pages counts */
#define RING_BYTES	(ENTRIES * sizeof(struct kvm_dirty_gfn))
#define MAX_PAGES	4096

struct ring {
	struct vcpu *v;
	struct kvm_dirty_gfn *entries;
	u32 next;		/* not harvested */
};

/* How often each page of the slot was told: hundreds of times, when the ring is reset faster than the guest writes */
static u32 told[MAX_PAGES];

static int enable_ring(struct vm *vm, u32 cap, u64 bytes)
{
	struct kvm_enable_cap c = { .cap = cap, .args = { bytes } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &c);
}

static void *map_ring(struct vcpu *v, int prot, int flags, u64 page, size_t size)
{
	return mmap(NULL, size, prot, flags, v->fd, (KVM_DIRTY_LOG_PAGE_OFFSET + page) * PAGE);
}

static void ring_init(struct ring *r, struct vcpu *v)
{
	*r = (struct ring){ .v = v, .entries = map_ring(v, PROT_READ | PROT_WRITE, MAP_SHARED, 0, RING_BYTES) };
	CHECK(r->entries != MAP_FAILED);
}

static void start_ring(struct machine *m, struct ring *r, u64 pages)
{
	need_ext(KVM_CAP_DIRTY_LOG_RING);
	vm_init(&m->vm);
	CHECK_OK(enable_ring(&m->vm, KVM_CAP_DIRTY_LOG_RING, RING_BYTES));
	machine_vcpu(m, guest_obeys, 0);
	vm_add_mem(&m->vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, pages * PAGE);
	ring_init(r, &m->v);
	memset(told, 0, sizeof(told));
}

/* Takes what is there, and says so in the entries. */
static u32 harvest(struct ring *r)
{
	u32 n = 0;

	for (;; n++, r->next++) {
		struct kvm_dirty_gfn *e = &r->entries[r->next % ENTRIES];

		if (__atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) != KVM_DIRTY_GFN_F_DIRTY)
			return n;
		CHECK_EQ(e->slot, SLOT_TEST);
		CHECK(e->offset < MAX_PAGES);
		told[e->offset]++;
		__atomic_store_n(&e->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
	}
}

static int reset(struct vm *vm)
{
	return ioctl(vm->fd, KVM_RESET_DIRTY_RINGS, 0);
}

static void expect_told(u64 nr)
{
	u64 i;

	for (i = 0; i < nr; i++)
		if (!told[i])
			FAIL("page %llu was not told", (unsigned long long)i);
}

TEST(ring_sizes)
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_DIRTY_LOG_RING, .flags = 1, .args = { RING_BYTES } };
	struct vcpu v;
	struct vm vm;
	u64 max;

	need_ext(KVM_CAP_DIRTY_LOG_RING);
	vm_init(&vm);
	max = check_ext(vm.fd, KVM_CAP_DIRTY_LOG_RING);
	CHECK_EQ(max, 65536 * sizeof(struct kvm_dirty_gfn));
	CHECK_EQ(check_ext(vm.fd, KVM_CAP_DIRTY_LOG_RING_ACQ_REL), max);
	/* KVM does not look at its flags. */
	if (!is_kvm())
		CHECK_ERR(ioctl(vm.fd, KVM_ENABLE_CAP, &c), EINVAL);
	CHECK_ERR(enable_ring(&vm, KVM_CAP_DIRTY_LOG_RING, 0), EINVAL);
	CHECK_ERR(enable_ring(&vm, KVM_CAP_DIRTY_LOG_RING, RING_BYTES + 16), EINVAL);
	CHECK_ERR(enable_ring(&vm, KVM_CAP_DIRTY_LOG_RING, PAGE / 2), EINVAL);
	CHECK_ERR(enable_ring(&vm, KVM_CAP_DIRTY_LOG_RING, 2 * max), E2BIG);
	CHECK_OK(enable_ring(&vm, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, max));
	CHECK_ERR(enable_ring(&vm, KVM_CAP_DIRTY_LOG_RING, RING_BYTES), EINVAL);
	vm_free(&vm);
	/* Not once there is a vCPU */
	vm_init(&vm);
	vcpu_init(&v, &vm, 0);
	CHECK_ERR(enable_ring(&vm, KVM_CAP_DIRTY_LOG_RING, RING_BYTES), EINVAL);
	CHECK_ERR(reset(&vm), EINVAL);
	CHECK(map_ring(&v, PROT_READ, MAP_PRIVATE, 0, PAGE) != MAP_FAILED);
}

/* Rings stand in for the bitmap; how much of a vCPU's file is mapped for struct kvm_run stays. */
TEST(ring_excludes_log)
{
	u64 bitmap[1] = { };
	struct kvm_dirty_log log = { .slot = SLOT_TEST, .dirty_bitmap = bitmap };
	struct kvm_clear_dirty_log clear = { .slot = SLOT_TEST, .num_pages = 64, .dirty_bitmap = bitmap };
	struct machine m;
	struct ring r;

	start_ring(&m, &r, 64);
	CHECK_ERR(ioctl(m.vm.fd, KVM_GET_DIRTY_LOG, &log), ENXIO);
	CHECK_ERR(ioctl(m.vm.fd, KVM_CLEAR_DIRTY_LOG, &clear), ENXIO);
	log.slot = 0xffff;
	CHECK_ERR(ioctl(m.vm.fd, KVM_GET_DIRTY_LOG, &log), ENXIO);
	CHECK_EQ(CHECK_OK(ioctl(m.vm.dev, KVM_GET_VCPU_MMAP_SIZE, 0)), 3 * PAGE);
}

TEST(ring_mapping)
{
	struct machine m;
	struct ring r;

	start_ring(&m, &r, 64);
	CHECK(map_ring(&m.v, PROT_READ, MAP_PRIVATE, 0, PAGE) == MAP_FAILED);
	CHECK_EQ(errno, EINVAL);
	CHECK(map_ring(&m.v, PROT_READ | PROT_EXEC, MAP_SHARED, 0, PAGE) == MAP_FAILED);
	/* Newer kernels refuse it for all files of that kind. */
	CHECK(errno == EINVAL || errno == EPERM);
	CHECK(map_ring(&m.v, PROT_READ, MAP_PRIVATE, RING_BYTES / PAGE - 1, PAGE) == MAP_FAILED);
	CHECK_EQ(errno, EINVAL);
	CHECK(map_ring(&m.v, PROT_READ, MAP_SHARED, 1, RING_BYTES - PAGE) != MAP_FAILED);
	/* Nothing is behind its end. */
	CHECK_ERR(madvise(map_ring(&m.v, PROT_READ, MAP_SHARED, RING_BYTES / PAGE, PAGE), PAGE, MADV_POPULATE_READ), EFAULT);
}

TEST(ring_tells_writes)
{
	struct machine m;
	struct ring r;

	start_ring(&m, &r, 64);
	CHECK_EQ(CHECK_OK(reset(&m.vm)), 0);
	guest_read(&m, GPA_T + 5 * PAGE);
	CHECK_EQ(harvest(&r), 0);
	guest_write(&m, GPA_T + 3 * PAGE, 1);
	guest_write(&m, GPA_T + 63 * PAGE, 1);
	guest_write(&m, GPA_T + 3 * PAGE, 2);
	CHECK_EQ(harvest(&r), 2);
	CHECK(told[3] == 1 && told[63] == 1);
	/* It is the reset that makes a page be told of again. */
	guest_write(&m, GPA_T + 3 * PAGE, 3);
	CHECK_EQ(harvest(&r), 0);
	CHECK_EQ(CHECK_OK(reset(&m.vm)), 2);
	CHECK_EQ(r.entries[0].flags, 0);
	CHECK_EQ(CHECK_OK(reset(&m.vm)), 0);
	guest_write(&m, GPA_T + 3 * PAGE, 4);
	guest_write(&m, GPA_T + 4 * PAGE, 4);
	CHECK_EQ(harvest(&r), 2);
	CHECK(told[3] == 2 && told[4] == 1 && told[63] == 1);
}

/* What is harvested in the middle of unharvested entries waits for them. */
TEST(ring_resets_in_order)
{
	struct machine m;
	struct ring r;

	start_ring(&m, &r, 64);
	guest_pages(&m, OP_FILL, GPA_T, 4);
	r.entries[1].flags = KVM_DIRTY_GFN_F_RESET;
	CHECK_EQ(CHECK_OK(reset(&m.vm)), 0);
	r.entries[0].flags = KVM_DIRTY_GFN_F_RESET;
	CHECK_EQ(CHECK_OK(reset(&m.vm)), 2);
	CHECK_EQ(CHECK_OK(reset(&m.vm)), 0);
}

TEST(ring_full)
{
	u64 pages = 3 * ENTRIES, full = 0, last;
	struct machine m;
	struct ring r;

	start_ring(&m, &r, pages);
	give_order(&m, OP_FILL, GPA_T, pages);
	while (vcpu_run(&m.v) == KVM_EXIT_DIRTY_RING_FULL) {
		/* It stays full. */
		CHECK_EQ(vcpu_run(&m.v), KVM_EXIT_DIRTY_RING_FULL);
		last = harvest(&r);
		CHECK(last >= ENTRIES - 64 - 512 && last <= ENTRIES);
		CHECK_EQ(CHECK_OK(reset(&m.vm)), last);
		full++;
	}
	CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_IO);
	harvest(&r);
	CHECK(full >= 2);
	expect_told(pages);
}

static volatile bool filled;

static void *fills(void *arg)
{
	struct machine *m = arg;

	for (;;) {
		u32 reason = vcpu_run(&m->v);

		if (reason == KVM_EXIT_IO)
			break;
		CHECK_EQ(reason, KVM_EXIT_DIRTY_RING_FULL);
		sched_yield();
	}
	filled = true;
	return NULL;
}

/* The ring is emptied while the guest writes. Then what is in memory is what was told of. */
TEST(ring_harvested_meanwhile)
{
	u64 pages = MAX_PAGES, round, rounds = test_scale(5), n;
	struct machine m;
	struct ring r;

	start_ring(&m, &r, pages);
	give_order(&m, OP_FILL, GPA_T, pages);
	for (round = 0; round < rounds; round++) {
		memset(told, 0, sizeof(told));
		filled = false;
		CHECK_EQ(pthread_create(&m.v.thread, NULL, fills, &m), 0);
		while (!filled) {
			n = harvest(&r);
			CHECK_EQ(CHECK_OK(reset(&m.vm)), n);
		}
		CHECK_EQ(pthread_join(m.v.thread, NULL), 0);
		n = harvest(&r);
		CHECK_EQ(CHECK_OK(reset(&m.vm)), n);
		expect_told(pages);
	}
}

/* Two vCPUs, each with its ring; a page that both write is told by one of them. */
TEST(ring_each)
{
	struct machine m, other;
	struct ring r, s;

	start_ring(&m, &r, 64);
	other.vm = m.vm;
	vcpu_init(&other.v, &other.vm, 1);
	vcpu_cpuid(&other.v);
	vcpu_long(&other.v, guest_obeys, 0);
	ring_init(&s, &other.v);
	guest_write(&m, GPA_T, 1);
	guest_write(&other, GPA_T + PAGE, 1);
	guest_write(&m, GPA_T + 2 * PAGE, 1);
	guest_write(&other, GPA_T + 2 * PAGE, 1);
	CHECK_EQ(harvest(&r), 2);
	CHECK_EQ(harvest(&s), 1);
	CHECK(told[0] == 1 && told[1] == 1 && told[2] == 1);
	CHECK_EQ(CHECK_OK(reset(&m.vm)), 3);
}

/* String input is emulated: written by the kernel, not by the guest. */
BLOB64(ring_repin, "cld\n rep insl\n hlt\n");

static void string_input(struct vm *vm, struct vcpu *v, u64 to, u64 bytes)
{
	struct kvm_regs regs;

	LOAD(vm, ring_repin);
	vcpu_long_at(v, GPA_CODE);
	get_regs(v, &regs);
	regs.rdx = TEST_PORT;
	regs.rcx = bytes / 4;
	regs.rdi = to;
	set_regs(v, &regs);
	while (vcpu_run(v) == KVM_EXIT_IO)
		memset((u8 *)v->run + v->run->io.data_offset, 1, v->run->io.count * v->run->io.size);
	CHECK_EQ(v->run->exit_reason, KVM_EXIT_HLT);
}

TEST(ring_of_string_input)
{
	struct machine m;
	struct ring r;

	start_ring(&m, &r, 64);
	string_input(&m.vm, &m.v, GPA_T + 10 * PAGE - 8, 16);
	harvest(&r);
	CHECK(told[9] && told[10] && !told[8] && !told[11]);
}

/*
 * One thread runs both vCPUs, and what the kernel writes on it counts as the first one's, which need not enter the guest for that.
 * When its ring is full the other's takes the rest: none waits for a reset.
 */
TEST(ring_overflows_into_another)
{
	u64 pages = ENTRIES + 16;
	struct ring r, s;
	struct machine m;
	struct vcpu v;

	if (is_kvm())
		SKIP("KVM asks which vCPU the thread runs");
	start_ring(&m, &r, pages);
	guest_read(&m, GPA_T);
	vcpu_init(&v, &m.vm, 1);
	vcpu_cpuid(&v);
	ring_init(&s, &v);
	string_input(&m.vm, &v, GPA_T, pages * PAGE);
	CHECK_EQ(harvest(&r) + harvest(&s), pages);
	expect_told(pages);
	CHECK_EQ(CHECK_OK(reset(&m.vm)), pages);
}

/* kvm-clock's page is the kernel's to write, too. */
TEST(ring_of_clock)
{
	struct machine m;
	struct ring r;

	start_ring(&m, &r, 64);
	guest_read(&m, GPA_T);
	CHECK_EQ(set_msr(&m.v, 0x4b564d01, (GPA_T + 7 * PAGE) | 1), 1);
	guest_read(&m, GPA_T);
	harvest(&r);
	CHECK(told[7] && !told[0]);
}

/* Off and on again, moved, deleted, with entries in the ring that nobody took. */
TEST(ring_and_slots)
{
	struct machine m;
	struct ring r;
	u8 *p;

	start_ring(&m, &r, 64);
	p = vm_add_mem(&m.vm, SLOT_TEST + 1, 0, GPA_T + MiB, 64 * PAGE);
	guest_write(&m, GPA_T + MiB, 1);
	CHECK_EQ(harvest(&r), 0);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, 0, 0, NULL));
	CHECK_OK(set_slot(&m.vm, SLOT_TEST + 1, 0, 0, 0, NULL));
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, 64 * PAGE, p));
	guest_pages(&m, OP_FILL, GPA_T, 64);
	CHECK_EQ(harvest(&r), 0);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, 64 * PAGE, p));
	guest_write(&m, GPA_T, 2);
	CHECK_EQ(harvest(&r), 1);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, 0, 0, NULL));
	CHECK_EQ(CHECK_OK(reset(&m.vm)), 1);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, 32 * PAGE, p));
	guest_write(&m, GPA_T, 3);
	CHECK_EQ(harvest(&r), 1);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T + MiB, 32 * PAGE, p));
	guest_write(&m, GPA_T + MiB + PAGE, 3);
	CHECK_EQ(harvest(&r), 1);
	CHECK_EQ(told[1], 1);
	CHECK_EQ(CHECK_OK(reset(&m.vm)), 2);
}

/* Userspace writes what it likes to the ring: it may lose its own pages, no more. */
TEST(ring_of_garbage)
{
	u64 round, rounds = test_scale(200);
	unsigned int seed = 1;
	struct machine m;
	struct ring r;
	u32 i;

	if (is_kvm())
		SKIP("KVM 6.1 resets what was never there");
	start_ring(&m, &r, MAX_PAGES);
	memset(r.entries, 0xff, RING_BYTES);
	CHECK_EQ(CHECK_OK(reset(&m.vm)), 0);
	for (round = 0; round < rounds; round++) {
		u64 first = rand_r(&seed) % (MAX_PAGES - 100);

		give_order(&m, OP_FILL, GPA_T + first * PAGE, 100);
		while (vcpu_run(&m.v) == KVM_EXIT_DIRTY_RING_FULL) {
			for (i = 0; i < ENTRIES; i++)
				r.entries[i] = (struct kvm_dirty_gfn){ .flags = rand_r(&seed), .slot = rand_r(&seed) % 20,
					.offset = (u64)rand_r(&seed) << (rand_r(&seed) % 60) };
			r.entries[round % ENTRIES].offset = -1ul;
			if (CHECK_OK(reset(&m.vm)) > (long)ENTRIES)
				FAIL("more was reset than a ring has");
			if (round % 8 == 0) {
				for (i = 0; i < ENTRIES; i++)
					r.entries[i].flags = KVM_DIRTY_GFN_F_RESET;
				CHECK_OK(reset(&m.vm));
			}
		}
		CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_IO);
	}
}
