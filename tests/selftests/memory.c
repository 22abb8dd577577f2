// SPDX-License-Identifier: GPL-2.0-only
/* Memory slots: their life, limits and refusals; read-only slots; the dirty log. */
#include <stdlib.h>
#include <sys/mman.h>

#include "orders.h"

/* The guest's access at addr finds nothing. */
static void expect_hole(struct machine *m, u64 addr)
{
	give_order(m, OP_WRITE, addr, 5);
	EXPECT_MMIO(&m->v, addr, 8, true);
	CHECK_EQ(*(u64 *)m->v.run->mmio.data, 5);
	EXPECT_SYNC(&m->v, 1);
}

TEST(slot_life)
{
	struct machine m;
	u64 *p;

	start_c(&m, guest_obeys, 0);
	expect_hole(&m, GPA_T);
	p = vm_add_mem(&m.vm, SLOT_TEST, 0, GPA_T, MiB);
	p[0] = 0x1122334455667788;
	CHECK_EQ(guest_read(&m, GPA_T), 0x1122334455667788);
	guest_write(&m, GPA_T + MiB - 8, 99);
	CHECK_EQ(p[MiB / 8 - 1], 99);
	expect_hole(&m, GPA_T + MiB);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, 0, p));
	expect_hole(&m, GPA_T);
	CHECK_EQ(p[0], 0x1122334455667788);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, MiB, p));
	CHECK_EQ(guest_read(&m, GPA_T), 0x1122334455667788);
}

TEST(slot_moves)
{
	struct machine m;
	u64 *p;

	start_c(&m, guest_obeys, 0);
	p = vm_add_mem(&m.vm, SLOT_TEST, 0, GPA_T, MiB);
	guest_write(&m, GPA_T + 8, 7);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T + 2 * MiB, MiB, p));
	expect_hole(&m, GPA_T + 8);
	CHECK_EQ(guest_read(&m, GPA_T + 2 * MiB + 8), 7);
	/* To a place that overlaps its old one. */
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T + 2 * MiB + PAGE, MiB, p));
	expect_hole(&m, GPA_T + 2 * MiB + 8);
	CHECK_EQ(guest_read(&m, GPA_T + 2 * MiB + PAGE + 8), 7);
}

TEST(slot_shared_twice)
{
	struct machine m;
	u64 *p;

	start_c(&m, guest_obeys, 0);
	p = vm_add_mem(&m.vm, SLOT_TEST, 0, GPA_T, MiB);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST + 1, 0, GPA_T + 4 * MiB, MiB, p));
	guest_write(&m, GPA_T + 16, 3);
	CHECK_EQ(guest_read(&m, GPA_T + 4 * MiB + 16), 3);
	CHECK_EQ(p[2], 3);
}

TEST(slot_refusals)
{
	struct vm vm;
	u8 *p = host_alloc(2 * MiB, PAGE);

	vm_init(&vm);
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 0, GPA_T + 1, MiB, p), EINVAL);
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 0, GPA_T, MiB + 1, p), EINVAL);
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 0, GPA_T, 100, p), EINVAL);
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 0, GPA_T, MiB, p + 1), EINVAL);
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 4, GPA_T, MiB, p), EINVAL);
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 1u << 31, GPA_T, MiB, p), EINVAL);
	/* Addresses that wrap, and those that no user may have. */
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 0, -PAGE, 2 * PAGE, p), EINVAL);
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 0, GPA_T, MiB, (void *)0xffff888000000000ul), EINVAL);
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 0, GPA_T, MiB, (void *)-(long)PAGE), EINVAL);
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 0, GPA_T, 1ul << 63, p), EINVAL);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, NULL), EFAULT);
}

TEST(slot_deletes_of_nothing)
{
	struct vm vm;

	vm_init(&vm);
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 0, GPA_T, 0, NULL), EINVAL);
}

TEST(slot_overlaps)
{
	struct vm vm;
	u8 *p = host_alloc(4 * MiB, PAGE);

	vm_init(&vm);
	CHECK_OK(set_slot(&vm, SLOT_TEST, 0, GPA_T, MiB, p));
	CHECK_ERR(set_slot(&vm, SLOT_TEST + 1, 0, GPA_T, MiB, p), EEXIST);
	CHECK_ERR(set_slot(&vm, SLOT_TEST + 1, 0, GPA_T + MiB - PAGE, MiB, p), EEXIST);
	CHECK_ERR(set_slot(&vm, SLOT_TEST + 1, 0, GPA_T - MiB + PAGE, MiB, p), EEXIST);
	CHECK_ERR(set_slot(&vm, SLOT_TEST + 1, 0, GPA_T - MiB, 4 * MiB, p), EEXIST);
	CHECK_ERR(set_slot(&vm, SLOT_TEST + 1, 0, GPA_T + PAGE, PAGE, p), EEXIST);
	CHECK_OK(set_slot(&vm, SLOT_TEST + 1, 0, GPA_T + MiB, MiB, p));
	CHECK_OK(set_slot(&vm, SLOT_TEST + 2, 0, GPA_T - MiB, MiB, p));
	/* A move onto a neighbour. */
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 0, GPA_T + PAGE, MiB, p), EEXIST);
}

TEST(slot_changes)
{
	struct vm vm;
	u8 *p = host_alloc(4 * MiB, PAGE);

	vm_init(&vm);
	CHECK_OK(set_slot(&vm, SLOT_TEST, 0, GPA_T, MiB, p));
	CHECK_OK(set_slot(&vm, SLOT_TEST, 0, GPA_T, MiB, p));
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 0, GPA_T, 2 * MiB, p), EINVAL);
	CHECK_ERR(set_slot(&vm, SLOT_TEST, 0, GPA_T, MiB, p + PAGE), EINVAL);
	CHECK_ERR(set_slot(&vm, SLOT_TEST, KVM_MEM_READONLY, GPA_T, MiB, p), EINVAL);
	CHECK_OK(set_slot(&vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, MiB, p));
	CHECK_OK(set_slot(&vm, SLOT_TEST, 0, GPA_T, MiB, p));
}

TEST(slot_limit)
{
	u32 i, max, n;
	struct vm vm;
	u8 *p = host_alloc(PAGE, PAGE);

	vm_init_bare(&vm);
	max = check_ext(vm.fd, KVM_CAP_NR_MEMSLOTS);
	CHECK_ERR(set_slot(&vm, max, 0, GPA_T, PAGE, p), EINVAL);
	CHECK_ERR(set_slot(&vm, 0xffff, 0, GPA_T, PAGE, p), EINVAL);
	CHECK_ERR(set_slot(&vm, 0x10000 * 1000, 0, GPA_T, PAGE, p), EINVAL);
	CHECK_OK(set_slot(&vm, max - 1, 0, GPA_T, PAGE, p));
	n = max - 1 < test_scale(1000) ? max - 1 : test_scale(1000);
	for (i = 0; i < n; i++)
		CHECK_OK(set_slot(&vm, i, 0, GPA_T + (i + 1) * 2 * PAGE, PAGE, p));
	for (i = 0; i < n; i += 2)
		CHECK_OK(set_slot(&vm, i, 0, 0, 0, p));
}

/* A slot whose host memory is not there is taken; the guest's touch then ends the run. */
TEST(slot_without_host_memory)
{
	struct machine m;
	u8 *p;

	start_c(&m, guest_obeys, 0);
	p = host_alloc(MiB, PAGE);
	munmap(p, MiB);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, MiB, p));
	give_order(&m, OP_WRITE, GPA_T, 1);
	CHECK_ERR(vcpu_run_raw(&m.v), EFAULT);
	CHECK(mmap(p, MiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		   0) == p);
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(*(u64 *)p, 1);
}

TEST(readonly_slot)
{
	struct machine m;
	u64 *p;

	start_c(&m, guest_obeys, 0);
	p = vm_add_mem(&m.vm, SLOT_TEST, KVM_MEM_READONLY, GPA_T, MiB);
	p[0] = 42;
	CHECK_EQ(guest_read(&m, GPA_T), 42);
	expect_hole(&m, GPA_T);
	CHECK_EQ(p[0], 42);
	CHECK_EQ(guest_read(&m, GPA_T), 42);
	p[0] = 43;
	CHECK_EQ(guest_read(&m, GPA_T), 43);
}

TEST(readonly_slot_of_readonly_memory)
{
	struct machine m;
	u8 *p = host_alloc(MiB, PAGE);

	memset(p, 0x11, MiB);
	CHECK_OK(mprotect(p, MiB, PROT_READ));
	start_c(&m, guest_obeys, 0);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, KVM_MEM_READONLY, GPA_T, MiB, p));
	CHECK_EQ(guest_read(&m, GPA_T + 8), 0x1111111111111111);
	expect_hole(&m, GPA_T + 8);
}

/* Code in a read-only slot runs: firmware does. */
BLOB16(rom_code, "movw $0x5000, %dx\n movb $0x31, %al\n outb %al, %dx\n hlt\n");

TEST(readonly_slot_runs_code)
{
	struct machine m;
	u8 *p;

	vm_init_bare(&m.vm);
	p = vm_add_mem(&m.vm, 0, KVM_MEM_READONLY, 0, MiB);
	memcpy(p + GPA_CODE, rom_code, rom_code_end - rom_code);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_real(&m.v, GPA_CODE);
	CHECK_EQ(*(u8 *)EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 1), 0x31);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
}

static int dirty_log(struct vm *vm, u32 slot, u64 *bitmap)
{
	struct kvm_dirty_log d = { .slot = slot, .dirty_bitmap = bitmap };

	return ioctl(vm->fd, KVM_GET_DIRTY_LOG, &d);
}

#define LOG_PAGES 256
#define LOG_WORDS (LOG_PAGES / 64)

static void expect_dirty(struct vm *vm, const u64 *want)
{
	u64 got[LOG_WORDS];
	u32 i;

	memset(got, 0xff, sizeof(got));
	CHECK_OK(dirty_log(vm, SLOT_TEST, got));
	for (i = 0; i < LOG_WORDS; i++)
		if (got[i] != want[i])
			FAIL("dirty bitmap word %u: expected %#llx, got %#llx", i,
			     (unsigned long long)want[i], (unsigned long long)got[i]);
}

TEST(dirty_log)
{
	u64 none[LOG_WORDS] = { }, some[LOG_WORDS] = { 1ull << 3, 0, 0, 1ull << 63 };
	struct machine m;

	start_c(&m, guest_obeys, 0);
	vm_add_mem(&m.vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, LOG_PAGES * PAGE);
	expect_dirty(&m.vm, none);
	guest_read(&m, GPA_T + 5 * PAGE);
	expect_dirty(&m.vm, none);
	guest_write(&m, GPA_T + 3 * PAGE, 1);
	guest_write(&m, GPA_T + 255 * PAGE, 1);
	expect_dirty(&m.vm, some);
	expect_dirty(&m.vm, none);
	/* Written again after the log was taken: seen again. */
	guest_write(&m, GPA_T + 3 * PAGE, 2);
	guest_write(&m, GPA_T + 255 * PAGE, 2);
	expect_dirty(&m.vm, some);
}

TEST(dirty_log_switched_on_later)
{
	u64 none[LOG_WORDS] = { }, all[LOG_WORDS] = { ~0ull, ~0ull, ~0ull, ~0ull };
	struct machine m;
	u8 *p;

	start_c(&m, guest_obeys, 0);
	p = vm_add_mem(&m.vm, SLOT_TEST, 0, GPA_T, LOG_PAGES * PAGE);
	give_order(&m, OP_FILL, GPA_T, LOG_PAGES);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, LOG_PAGES * PAGE, p));
	expect_dirty(&m.vm, none);
	EXPECT_SYNC(&m.v, 1);
	expect_dirty(&m.vm, all);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, LOG_PAGES * PAGE, p));
	CHECK_ERR(dirty_log(&m.vm, SLOT_TEST, all), ENOENT);
	EXPECT_SYNC(&m.v, 1);
}

/* A huge page of the host is logged by 4 KiB all the same. */
TEST(dirty_log_of_huge_pages)
{
	u64 got[512 / 64], i, n = 0;
	struct machine m;
	u8 *p = host_alloc(PAGE_2M, PAGE_2M);

	madvise(p, PAGE_2M, MADV_HUGEPAGE);
	memset(p, 0, PAGE_2M);
	start_c(&m, guest_obeys, 0);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, PAGE_2M, p));
	guest_write(&m, GPA_T, 1);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, PAGE_2M, p));
	guest_write(&m, GPA_T + 77 * PAGE, 1);
	CHECK_OK(dirty_log(&m.vm, SLOT_TEST, got));
	for (i = 0; i < 512 / 64; i++)
		n += __builtin_popcountll(got[i]);
	CHECK_EQ(n, 1);
	CHECK_EQ(got[1], 1ull << 13);
}

/* More pages than any log of the hardware holds, without an exit in between. */
TEST(dirty_log_of_many_pages)
{
	enum { MANY = 20 * 64 };
	u64 got[MANY / 64], i, round, n;
	struct machine m;

	start_c(&m, guest_obeys, 0);
	vm_add_mem(&m.vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, MANY * PAGE);
	give_order(&m, OP_FILL, GPA_T, MANY);
	for (round = 0; round < 3; round++) {
		EXPECT_SYNC(&m.v, 1);
		CHECK_OK(dirty_log(&m.vm, SLOT_TEST, got));
		for (i = n = 0; i < MANY / 64; i++)
			n += __builtin_popcountll(got[i]);
		CHECK_EQ(n, MANY);
	}
}

TEST(dirty_log_refusals)
{
	u64 bitmap[LOG_WORDS];
	struct vm vm;

	vm_init(&vm);
	vm_add_mem(&vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, LOG_PAGES * PAGE);
	CHECK_ERR(dirty_log(&vm, SLOT_MAIN, bitmap), ENOENT);
	CHECK_ERR(dirty_log(&vm, SLOT_TEST + 1, bitmap), ENOENT);
	CHECK_ERR(dirty_log(&vm, 0xffff, bitmap), EINVAL);
	CHECK_ERR(dirty_log(&vm, SLOT_TEST, (u64 *)8), EFAULT);
	CHECK_ERR(ioctl(vm.fd, KVM_GET_DIRTY_LOG, NULL), EFAULT);
}

/* Device emulation in the kernel and string input write guest memory, too. */
BLOB64(repin, "cld\n rep insb\n hlt\n");

TEST(dirty_log_of_string_input)
{
	u64 want[LOG_WORDS] = { 1ull << 9 };
	struct kvm_regs r;
	struct machine m;

	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	LOAD(&m.vm, repin);
	vcpu_long_at(&m.v, GPA_CODE);
	vm_add_mem(&m.vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, LOG_PAGES * PAGE);
	get_regs(&m.v, &r);
	r.rdx = TEST_PORT;
	r.rcx = 16;
	r.rdi = GPA_T + 9 * PAGE;
	set_regs(&m.v, &r);
	while (vcpu_run(&m.v) == KVM_EXIT_IO)
		memset((u8 *)m.v.run + m.v.run->io.data_offset, 1, m.v.run->io.count);
	CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_HLT);
	expect_dirty(&m.vm, want);
}

static void guest_touches_all(u64 arg)
{
	u64 i;

	for (i = 0; i < arg; i++)
		GUEST_EQ(*(volatile u64 *)(GPA_T + i * PAGE), i + 100);
	for (i = 0; i < arg; i++)
		*(volatile u64 *)(GPA_T + i * PAGE) = i + 200;
	guest_done();
}

static void touch_all(u64 align, int advice)
{
	u64 i, n = 16 * MiB / PAGE;
	struct machine m;
	u8 *p = host_alloc(n * PAGE, PAGE_2M);

	if (advice)
		madvise(p, n * PAGE, advice);
	for (i = 0; i < n; i++)
		*(u64 *)(p + i * PAGE) = i + 100;
	start_c(&m, guest_touches_all, n - align);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, (n - align) * PAGE, p));
	EXPECT_DONE(&m.v);
	for (i = 0; i < n - align; i++)
		CHECK_EQ(*(u64 *)(p + i * PAGE), i + 200);
}

TEST(small_pages) { touch_all(0, MADV_NOHUGEPAGE); }
TEST(huge_pages) { touch_all(0, MADV_HUGEPAGE); }
TEST(huge_pages_of_an_odd_slot) { touch_all(3, MADV_HUGEPAGE); }

/* Host and guest address differ in their low bits: no 2 MiB leaf may be made. */
TEST(huge_pages_out_of_phase)
{
	u64 i, n = 4 * MiB / PAGE;
	struct machine m;
	u8 *p = host_alloc(n * PAGE + PAGE_2M, PAGE_2M);

	madvise(p, n * PAGE + PAGE_2M, MADV_HUGEPAGE);
	for (i = 0; i < n; i++)
		*(u64 *)(p + PAGE + i * PAGE) = i + 100;
	start_c(&m, guest_touches_all, n);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, n * PAGE, p + PAGE));
	EXPECT_DONE(&m.v);
	for (i = 0; i < n; i++)
		CHECK_EQ(*(u64 *)(p + PAGE + i * PAGE), i + 200);
}

/* Slots as small as a page, in one 2 MiB region, of memory far apart. */
TEST(many_small_slots)
{
	u64 i, n = test_scale(100);
	struct machine m;
	u8 *p = host_alloc(2 * n * PAGE, PAGE);

	start_c(&m, guest_touches_all, n);
	for (i = 0; i < n; i++) {
		*(u64 *)(p + 2 * (n - 1 - i) * PAGE) = i + 100;
		CHECK_OK(set_slot(&m.vm, SLOT_TEST + i, 0, GPA_T + i * PAGE, PAGE,
				  p + 2 * (n - 1 - i) * PAGE));
	}
	EXPECT_DONE(&m.v);
	CHECK_EQ(*(u64 *)p, n - 1 + 200);
}
