// SPDX-License-Identifier: GPL-2.0-only
/* The dirty log by hand (KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2), large pages under a log, and memory that is not there. */
#include <linux/warren.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "orders.h"

#define LOG_PAGES	200	/* the last word of its log has 8 pages */
#define LOG_WORDS	4
#define LAST_WORD	0xfful

static int enable_manual(struct vm *vm, u64 flags)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { flags } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static int dirty_get(struct vm *vm, u32 slot, u64 *bitmap)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	return ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log);
}

static int dirty_clear(struct vm *vm, u32 slot, u64 first, u32 nr, const u64 *bitmap)
{
	struct kvm_clear_dirty_log log = { .slot = slot, .first_page = first, .num_pages = nr, .dirty_bitmap = (void *)bitmap };

	return ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &log);
}

static void expect_log(struct vm *vm, u64 w0, u64 w1, u64 w2, u64 w3)
{
	u64 got[LOG_WORDS], want[LOG_WORDS] = { w0, w1, w2, w3 };
	u32 i;

	memset(got, 0x5a, sizeof(got));
	CHECK_OK(dirty_get(vm, SLOT_TEST, got));
	for (i = 0; i < LOG_WORDS; i++)
		if (got[i] != want[i])
			FAIL("dirty bitmap word %u: expected %#llx, got %#llx", i, (unsigned long long)want[i],
			     (unsigned long long)got[i]);
}

/* A guest, and a logged slot of LOG_PAGES pages. */
static void start_logged(struct machine *m, u64 manual)
{
	start_c(m, guest_obeys, 0);
	CHECK_OK(enable_manual(&m->vm, manual));
	vm_add_mem(&m->vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, LOG_PAGES * PAGE);
}

TEST(manual_enable)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .flags = 1, .args = { 1 } };
	struct vm vm;

	vm_init(&vm);
	CHECK_EQ(check_ext(vm.fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2), 3);
	CHECK_ERR(ioctl(vm.fd, KVM_ENABLE_CAP, &cap), EINVAL);
	CHECK_ERR(enable_manual(&vm, 4), EINVAL);
	CHECK_ERR(enable_manual(&vm, 1ul << 32), EINVAL);
	CHECK_ERR(enable_manual(&vm, KVM_DIRTY_LOG_INITIALLY_SET), EINVAL);
	CHECK_OK(enable_manual(&vm, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET));
	CHECK_OK(enable_manual(&vm, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE));
	CHECK_OK(enable_manual(&vm, 0));
}

TEST(manual_log)
{
	u64 mask[LOG_WORDS] = { 1ul << 3, 0, 0, ~0ul };
	struct machine m;

	start_logged(&m, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	expect_log(&m.vm, 0, 0, 0, 0);
	guest_write(&m, GPA_T + 3 * PAGE, 1);
	guest_write(&m, GPA_T + 4 * PAGE, 1);
	guest_write(&m, GPA_T + 199 * PAGE, 1);
	/* Looking takes nothing. */
	expect_log(&m.vm, 0x18, 0, 0, 0x80);
	expect_log(&m.vm, 0x18, 0, 0, 0x80);
	/* What is not named stays; bits past the end of the slot mean nothing. */
	CHECK_OK(dirty_clear(&m.vm, SLOT_TEST, 0, LOG_PAGES, mask));
	expect_log(&m.vm, 0x10, 0, 0, 0);
	guest_write(&m, GPA_T + 3 * PAGE, 2);
	guest_write(&m, GPA_T + 199 * PAGE, 2);
	expect_log(&m.vm, 0x18, 0, 0, 0x80);
	/* Only the range counts; its bitmap begins with it. */
	CHECK_OK(dirty_clear(&m.vm, SLOT_TEST, 192, 8, (u64[]){ ~0ul }));
	expect_log(&m.vm, 0x18, 0, 0, 0);
	CHECK_OK(dirty_clear(&m.vm, SLOT_TEST, 64, 128, (u64[]){ ~0ul, ~0ul }));
	expect_log(&m.vm, 0x18, 0, 0, 0);
	CHECK_OK(dirty_clear(&m.vm, SLOT_TEST, 0, 0, (u64[]){ ~0ul }));
	expect_log(&m.vm, 0x18, 0, 0, 0);
	/* As it was */
	CHECK_OK(enable_manual(&m.vm, 0));
	expect_log(&m.vm, 0x18, 0, 0, 0);
	expect_log(&m.vm, 0, 0, 0, 0);
}

/* It needs nothing to be enabled. */
TEST(clear_without_manual)
{
	struct machine m;

	start_logged(&m, 0);
	guest_write(&m, GPA_T + 3 * PAGE, 1);
	guest_write(&m, GPA_T + 4 * PAGE, 1);
	CHECK_OK(dirty_clear(&m.vm, SLOT_TEST, 0, 64, (u64[]){ 8 }));
	expect_log(&m.vm, 0x10, 0, 0, 0);
	expect_log(&m.vm, 0, 0, 0, 0);
}

TEST(clear_refusals)
{
	u64 bits[LOG_WORDS] = { ~0ul, ~0ul, ~0ul, ~0ul };
	struct kvm_clear_dirty_log *c;
	struct vm vm;

	vm_init(&vm);
	CHECK_OK(enable_manual(&vm, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE));
	vm_add_mem(&vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, LOG_PAGES * PAGE);
	CHECK_ERR(dirty_clear(&vm, SLOT_TEST, 1, 63, bits), EINVAL);
	CHECK_ERR(dirty_clear(&vm, SLOT_TEST, 32, 64, bits), EINVAL);
	CHECK_ERR(dirty_clear(&vm, SLOT_TEST, 0, 63, bits), EINVAL);
	CHECK_ERR(dirty_clear(&vm, SLOT_TEST, 0, LOG_PAGES - 1, bits), EINVAL);
	CHECK_ERR(dirty_clear(&vm, SLOT_TEST, 0, LOG_PAGES + 1, bits), EINVAL);
	CHECK_ERR(dirty_clear(&vm, SLOT_TEST, 0, 256, bits), EINVAL);
	CHECK_ERR(dirty_clear(&vm, SLOT_TEST, 192, 64, bits), EINVAL);
	CHECK_ERR(dirty_clear(&vm, SLOT_TEST, 256, 0, bits), EINVAL);
	CHECK_ERR(dirty_clear(&vm, SLOT_TEST, 1ul << 63, 64, bits), EINVAL);
	CHECK_ERR(dirty_clear(&vm, SLOT_TEST, -64ul, 64, bits), EINVAL);
	CHECK_ERR(dirty_clear(&vm, SLOT_TEST, 0, 0xffffffff, bits), EINVAL);
	CHECK_ERR(dirty_clear(&vm, SLOT_MAIN, 0, 64, bits), ENOENT);
	CHECK_ERR(dirty_clear(&vm, SLOT_TEST + 1, 0, 64, bits), ENOENT);
	CHECK_ERR(dirty_clear(&vm, 0xffff, 0, 64, bits), EINVAL);
	CHECK_ERR(dirty_clear(&vm, 0x10000 * 1000, 0, 64, bits), EINVAL);
	CHECK_ERR(dirty_clear(&vm, SLOT_TEST, 0, 64, (u64 *)8), EFAULT);
	CHECK_ERR(ioctl(vm.fd, KVM_CLEAR_DIRTY_LOG, NULL), EFAULT);
	CHECK_ERR(ioctl(vm.fd, KVM_RESET_DIRTY_RINGS, 0), EINVAL);
	/* From memory that cannot be written: nothing comes out. */
	c = host_alloc(PAGE, PAGE);
	*c = (struct kvm_clear_dirty_log){ .slot = SLOT_TEST, .num_pages = 64, .dirty_bitmap = bits };
	CHECK_OK(mprotect(c, PAGE, PROT_READ));
	CHECK_OK(ioctl(vm.fd, KVM_CLEAR_DIRTY_LOG, c));
}

TEST(initially_set)
{
	u64 first[LOG_WORDS] = { ~0ul };
	struct machine m;

	start_logged(&m, 3);
	expect_log(&m.vm, ~0ul, ~0ul, ~0ul, LAST_WORD);
	guest_pages(&m, OP_FILL, GPA_T, LOG_PAGES);
	CHECK_OK(dirty_clear(&m.vm, SLOT_TEST, 0, 64, first));
	expect_log(&m.vm, 0, ~0ul, ~0ul, LAST_WORD);
	guest_write(&m, GPA_T + 5 * PAGE, 7);
	guest_write(&m, GPA_T + 100 * PAGE, 7);
	expect_log(&m.vm, 0x20, ~0ul, ~0ul, LAST_WORD);
}

/* A slot that gets its log later, of the host's large pages, which nothing has split before. */
TEST(initially_set_on_huge_pages)
{
	u64 got[PAGE_2M / PAGE / 64], i;
	u8 *p = host_alloc(PAGE_2M, PAGE_2M);
	struct machine m;

	madvise(p, PAGE_2M, MADV_HUGEPAGE);
	memset(p, 0, PAGE_2M);
	start_c(&m, guest_obeys, 0);
	CHECK_OK(enable_manual(&m.vm, 3));
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, PAGE_2M, p));
	guest_pages(&m, OP_FILL, GPA_T, PAGE_2M / PAGE);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, PAGE_2M, p));
	CHECK_OK(dirty_clear(&m.vm, SLOT_TEST, 64, 64, (u64[]){ ~0ul }));
	guest_write(&m, GPA_T + 70 * PAGE, 7);
	guest_write(&m, GPA_T + 300 * PAGE, 7);
	CHECK_OK(dirty_get(&m.vm, SLOT_TEST, got));
	for (i = 0; i < ARRAY_SIZE(got); i++)
		CHECK_EQ(got[i], i == 1 ? 1ul << 6 : ~0ul);
	/* All are cleared, then each is seen when it is written, and keeps what it had. */
	memset(got, 0xff, sizeof(got));
	CHECK_OK(dirty_clear(&m.vm, SLOT_TEST, 0, PAGE_2M / PAGE, got));
	guest_pages(&m, OP_SCAN, GPA_T, PAGE_2M / PAGE);
	guest_write(&m, GPA_T + 511 * PAGE, 9);
	CHECK_OK(dirty_get(&m.vm, SLOT_TEST, got));
	for (i = 0; i < ARRAY_SIZE(got); i++)
		CHECK_EQ(got[i], i == 7 ? 1ul << 63 : 0);
	for (i = 0; i < 511; i++)
		CHECK_EQ(*(u64 *)(p + i * PAGE), i == 70 || i == 300 ? 7 : i + 1);
}

/* Exits for faults, as Warren's trace ring tells them. */
struct faults {
	const struct warren_trace_ring *ring;
	u64 seen;
};

static void faults_open(struct faults *f, struct vcpu *v)
{
	int fd = CHECK_OK(ioctl(v->fd, WARREN_TRACE_OPEN, &(struct warren_trace_open){ .entries = 4096 }));

	f->ring = mmap(NULL, PAGE + 4096 * sizeof(struct warren_trace_entry), PROT_READ, MAP_SHARED, fd, 0);
	CHECK(f->ring != MAP_FAILED);
	f->seen = 0;
}

static u64 faults_since(struct faults *f)
{
	const struct warren_trace_entry *e = (void *)f->ring + f->ring->entries_offset;
	u64 n = 0;

	CHECK(f->ring->head - f->seen < 4096);
	for (; f->seen < f->ring->head; f->seen++)
		n += e[f->seen % 4096].reason == WARREN_EXIT_FAULT;
	return n;
}

/* Under a log a large page is split, not dropped: others of its pages stay readable. Without one it becomes large again. */
TEST(huge_pages_come_back)
{
	u8 *p = host_alloc(PAGE_2M, PAGE_2M);
	struct machine m;
	struct faults f;

	if (is_kvm())
		SKIP("KVM does not tell its faults");
	madvise(p, PAGE_2M, MADV_HUGEPAGE);
	memset(p, 0, PAGE_2M);
	start_c(&m, guest_obeys, 0);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, PAGE_2M, p));
	faults_open(&f, &m.v);
	guest_write(&m, GPA_T, 1);
	faults_since(&f);
	guest_pages(&m, OP_FILL, GPA_T, 512);
	if (faults_since(&f) > 16)
		SKIP("the host gave no large page");
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, PAGE_2M, p));
	guest_write(&m, GPA_T + 9 * PAGE, 1);
	guest_pages(&m, OP_SCAN, GPA_T, 512);
	CHECK(faults_since(&f) <= 16);
	guest_pages(&m, OP_FILL, GPA_T, 512);
	faults_since(&f);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, PAGE_2M, p));
	guest_pages(&m, OP_FILL, GPA_T, 512);
	CHECK(faults_since(&f) <= 16);
	CHECK_EQ(*(u64 *)(p + 511 * PAGE), 512);
}

static const struct warren_memory_fault *memory_fault(struct vcpu *v)
{
	CHECK_EQ(v->run->exit_reason, KVM_EXIT_MEMORY_FAULT);
	return (void *)&v->run->hw;
}

TEST(memory_fault_info)
{
	const struct warren_memory_fault *fault;
	u8 *p = host_alloc(MiB, PAGE);
	struct machine m;

	need_ext(KVM_CAP_MEMORY_FAULT_INFO);
	start_c(&m, guest_obeys, 0);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, MiB, p));
	CHECK_OK(munmap(p + 4 * PAGE, PAGE));
	give_order(&m, OP_WRITE, GPA_T + 4 * PAGE + 0x123, 1);
	memset((void *)&m.v.run->hw, 0xff, sizeof(*fault));
	CHECK_ERR(vcpu_run_raw(&m.v), EFAULT);
	fault = memory_fault(&m.v);
	CHECK_EQ(fault->flags, 0);
	CHECK_EQ(fault->gpa, GPA_T + 4 * PAGE);
	CHECK_EQ(fault->size, PAGE);
	/* Mapped to be read only: likewise, and no device. */
	CHECK_OK(mprotect(p, PAGE, PROT_READ));
	CHECK(mmap(p + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	EXPECT_SYNC(&m.v, 1);
	give_order(&m, OP_WRITE, GPA_T, 1);
	CHECK_ERR(vcpu_run_raw(&m.v), EFAULT);
	CHECK_EQ(memory_fault(&m.v)->gpa, GPA_T);
}

static volatile siginfo_t told;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	told = *info;
}

/* Memory that breaks: userspace gets the signal that an access of its own would get. */
TEST(broken_memory)
{
	struct sigaction act = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	u8 *p = host_alloc(MiB, PAGE);
	struct machine m;
	sigset_t set;

	memset(p, 1, 2 * PAGE);
	start_c(&m, guest_obeys, 0);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, MiB, p));
	/* Newer kernels tell of it at once, too. */
	CHECK_OK(sigaction(SIGBUS, &act, NULL));
	if (madvise(p + PAGE, PAGE, MADV_HWPOISON))
		SKIP("the host cannot break memory: %s", strerror(errno));
	memset((void *)&told, 0, sizeof(told));
	give_order(&m, OP_READ, GPA_T + PAGE, 0);
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	CHECK_EQ(told.si_code, BUS_MCEERR_AR);
	CHECK_EQ(told.si_addr, p + PAGE);
	if (!is_kvm()) {
		sigemptyset(&set);
		sigaddset(&set, SIGBUS);
		CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
		CHECK_ERR(vcpu_run_raw(&m.v), EHWPOISON);
		CHECK_EQ(memory_fault(&m.v)->gpa, GPA_T + PAGE);
	}
	CHECK(mmap(p + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(GUEST_VAR(&m.vm, order.value), 0);
}
