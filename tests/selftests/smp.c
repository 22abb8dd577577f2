// SPDX-License-Identifier: GPL-2.0-only
/* Many vCPUs at once, and what changes under them while they run. */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"
#include "vm.h"

#define GPA_T 0x10000000ul
#define CPUS 8

struct machine {
	struct vm vm;
	struct vcpu v[CPUS];
};

static void start(struct machine *m, u32 cpus)
{
	u32 i;

	vm_init(&m->vm);
	for (i = 0; i < cpus; i++)
		vcpu_init(&m->v[i], &m->vm, i);
}

static void run_all(struct machine *m, u32 cpus, void (*fn)(u64), u64 arg)
{
	u32 i;

	for (i = 0; i < cpus; i++)
		vcpu_long(&m->v[i], fn, arg);
	for (i = 0; i < cpus; i++)
		vcpu_start(&m->v[i]);
}

static void join_all(struct machine *m, u32 cpus)
{
	u32 i;

	for (i = 0; i < cpus; i++)
		vcpu_join(&m->v[i]);
}

static volatile u64 sum;

static void guest_adds(u64 arg)
{
	u64 i;

	for (i = 0; i < arg; i++) {
		__atomic_add_fetch(&sum, 1, __ATOMIC_SEQ_CST);
		if (i % 16 == 0)
			cpuid(0, 0);
	}
	guest_done();
}

TEST(atomics)
{
	u64 n = test_scale(2000);
	struct machine m;

	start(&m, CPUS);
	run_all(&m, CPUS, guest_adds, n);
	join_all(&m, CPUS);
	CHECK_EQ(GUEST_VAR(&m.vm, sum), n * CPUS);
}

static void guest_touches(u64 arg)
{
	u64 i;

	for (i = 0; i < arg; i++)
		__atomic_add_fetch((u64 *)(GPA_T + i * PAGE), 1, __ATOMIC_SEQ_CST);
	guest_done();
}

static void touch(int advice)
{
	u64 i, n = 8 * MiB / PAGE;
	struct machine m;
	u8 *p = host_alloc(n * PAGE, PAGE_2M);

	madvise(p, n * PAGE, advice);
	start(&m, 4);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, n * PAGE, p));
	run_all(&m, 4, guest_touches, n);
	join_all(&m, 4);
	for (i = 0; i < n; i++)
		CHECK_EQ(*(u64 *)(p + i * PAGE), 4);
}

TEST(parallel_faults) { touch(MADV_NOHUGEPAGE); }
TEST(parallel_faults_huge) { touch(MADV_HUGEPAGE); }

static volatile bool over;

static void *changes_slots(void *arg)
{
	struct vm *vm = arg;
	u8 *p = host_alloc(MiB, PAGE);

	while (!over) {
		CHECK_OK(set_slot(vm, SLOT_TEST + 1, 0, GPA_T + 64 * MiB, MiB, p));
		CHECK_OK(set_slot(vm, SLOT_TEST + 1, 0, GPA_T + 128 * MiB, MiB, p));
		CHECK_OK(set_slot(vm, SLOT_TEST + 1, KVM_MEM_LOG_DIRTY_PAGES, GPA_T + 128 * MiB,
				  MiB, p));
		CHECK_OK(set_slot(vm, SLOT_TEST + 1, 0, 0, 0, p));
	}
	return NULL;
}

TEST(slots_change_while_running)
{
	u64 n = test_scale(3000);
	struct machine m;
	pthread_t t;

	start(&m, 4);
	run_all(&m, 4, guest_adds, n);
	CHECK_EQ(pthread_create(&t, NULL, changes_slots, &m.vm), 0);
	join_all(&m, 4);
	over = true;
	pthread_join(t, NULL);
	CHECK_EQ(GUEST_VAR(&m.vm, sum), n * 4);
}

#define LOG_PAGES 512

static void guest_scribbles(u64 arg)
{
	u64 i, x = arg;

	for (i = 0; i < arg; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		*(volatile u64 *)(GPA_T + (x >> 40) % LOG_PAGES * PAGE) = x;
	}
	guest_done();
}

static void take_log(struct machine *m, u8 *p, u8 *copy, u64 *log)
{
	struct kvm_dirty_log d = { .slot = SLOT_TEST, .dirty_bitmap = log };
	u32 i;

	CHECK_OK(ioctl(m->vm.fd, KVM_GET_DIRTY_LOG, &d));
	for (i = 0; i < LOG_PAGES; i++)
		if (log[i / 64] >> (i % 64) & 1)
			memcpy(copy + i * PAGE, p + i * PAGE, PAGE);
}

/* Pre-copy migration in small: what the last log does not name, the copy must have. */
TEST(dirty_log_while_running)
{
	u8 *copy = host_alloc(LOG_PAGES * PAGE, PAGE), *p = host_alloc(LOG_PAGES * PAGE, PAGE);
	u64 log[LOG_PAGES / 64];
	struct machine m;
	u32 i;

	start(&m, 2);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, LOG_PAGES * PAGE, p));
	run_all(&m, 2, guest_scribbles, test_scale(50000));
	for (i = 0; i < 20; i++) {
		take_log(&m, p, copy, log);
		sleep_ms(5);
	}
	join_all(&m, 2);
	take_log(&m, p, copy, log);
	CHECK(!memcmp(copy, p, LOG_PAGES * PAGE));
}

/* The same, but the log is switched on in mid-flight. */
TEST(dirty_log_switched_while_running)
{
	u8 *copy = host_alloc(LOG_PAGES * PAGE, PAGE), *p = host_alloc(LOG_PAGES * PAGE, PAGE_2M);
	u64 log[LOG_PAGES / 64];
	struct machine m;

	madvise(p, LOG_PAGES * PAGE, MADV_HUGEPAGE);
	memset(p, 0, LOG_PAGES * PAGE);
	start(&m, 2);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, LOG_PAGES * PAGE, p));
	run_all(&m, 2, guest_scribbles, test_scale(50000));
	sleep_ms(20);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_T, LOG_PAGES * PAGE, p));
	memcpy(copy, p, LOG_PAGES * PAGE);
	join_all(&m, 2);
	take_log(&m, p, copy, log);
	CHECK(!memcmp(copy, p, LOG_PAGES * PAGE));
}

static void guest_waits(u64 arg)
{
	while (sum < arg)
		cpu_relax();
	guest_done();
}

TEST(vcpu_created_while_another_runs)
{
	struct machine m;
	struct vcpu late;

	start(&m, 1);
	run_all(&m, 1, guest_waits, 1);
	sleep_ms(20);
	vcpu_init(&late, &m.vm, 1);
	vcpu_long(&late, guest_adds, 1);
	EXPECT_DONE(&late);
	join_all(&m, 1);
}

static void guest_protects(u64 arg)
{
	volatile u64 *pte = (u64 *)(GPA_PML4 + 2 * PAGE) + 128;
	u64 i;

	/* 256 MiB mapped by turns to two places of its own choice: its own TLB flushes work. */
	for (i = 0; i < arg; i++) {
		*pte = (i & 1 ? GPA_T + PAGE_2M : GPA_T) | 0x87;
		asm volatile("invlpg (%0)" : : "r"(GPA_T) : "memory");
		GUEST_EQ(*(volatile u64 *)GPA_T, i & 1);
	}
	guest_done();
}

TEST(guest_flushes_its_tlb)
{
	struct machine m;
	u64 *p;

	start(&m, 1);
	p = vm_add_mem(&m.vm, SLOT_TEST, 0, GPA_T, 2 * PAGE_2M);
	p[0] = 0;
	p[PAGE_2M / 8] = 1;
	vcpu_long(&m.v[0], guest_protects, test_scale(500));
	EXPECT_DONE(&m.v[0]);
}

struct kicked {
	struct vcpu *v;
	volatile u64 kicks;
	volatile bool stop;
	pthread_t runner;
};

static void *kicks(void *arg)
{
	struct kicked *k = arg;

	while (!k->stop) {
		pthread_kill(k->runner, SIGUSR1);
		usleep(300);
	}
	return NULL;
}

/* Signals at any moment lose no exit and repeat none. */
TEST(kicks_lose_nothing)
{
	struct kicked k = { .runner = pthread_self() };
	u64 i = 0, n = test_scale(500);
	struct machine m;
	pthread_t t;

	install_kick();
	start(&m, 1);
	vcpu_long(&m.v[0], guest_adds, n * 16);
	CHECK_EQ(pthread_create(&t, NULL, kicks, &k), 0);
	while (vcpu_run(&m.v[0]) == KVM_EXIT_IO && m.v[0].run->io.port != UCALL_PORT)
		i++;
	k.stop = true;
	pthread_join(t, NULL);
	CHECK_EQ(GUEST_VAR(&m.vm, sum), n * 16);
}

static void guest_reports_numbers(u64 arg)
{
	u64 i;

	for (i = 0; i < arg; i++)
		guest_report(1, i, 0);
	guest_done();
}

TEST(kicks_lose_no_exit)
{
	struct kicked k = { .runner = pthread_self() };
	u64 i, n = test_scale(500);
	struct machine m;
	struct ucall u;
	pthread_t t;

	install_kick();
	start(&m, 1);
	vcpu_long(&m.v[0], guest_reports_numbers, n);
	CHECK_EQ(pthread_create(&t, NULL, kicks, &k), 0);
	for (i = 0; i < n; i++) {
		u = EXPECT_SYNC(&m.v[0], 1);
		CHECK_EQ(u.b, i);
	}
	k.stop = true;
	pthread_join(t, NULL);
	EXPECT_DONE(&m.v[0]);
}

static volatile bool ended;

/*
 * All bits of a word change at once. One vCPU accesses it by the emulator, another by instructions of its own: neither may see
 * half of a change.
 */
#define WHOLE(bits)							\
	/* What the emulator loads, what it stores */			\
	static volatile u##bits loaded_##bits __attribute__((aligned(64)));	\
	static volatile u##bits stored_##bits __attribute__((aligned(64)));	\
	static void check_##bits(u##bits value)				\
	{								\
		if (value && value != (u##bits)~0ull)			\
			ucall(UCALL_ABORT, bits, value, 0);		\
	}								\
	static void guest_emulates_##bits(u64 n)			\
	{								\
		u##bits value;						\
									\
		while (n--) {						\
			asm volatile(FORCED "mov %1, %0" : "=r"(value) : "m"(loaded_##bits));	\
			check_##bits(value);				\
			value = -(n & 1);				\
			asm volatile(FORCED "mov %1, %0" : "=m"(stored_##bits) : "r"(value));	\
		}							\
		ended = true;						\
		guest_done();						\
	}								\
	static void guest_accesses_##bits(u64 n)			\
	{								\
		while (!ended) {					\
			loaded_##bits = -(n++ & 1);			\
			check_##bits(stored_##bits);			\
		}							\
		guest_done();						\
	}								\
	TEST(whole_words_of_##bits##_bits)				\
	{								\
		run_whole(guest_emulates_##bits, guest_accesses_##bits);	\
	}

static void run_whole(void (*emulates)(u64), void (*accesses)(u64))
{
	struct machine m;

	if (!force_emulation(true))
		SKIP("force_emulation_prefix cannot be set");
	start(&m, 2);
	vcpu_long(&m.v[0], emulates, test_scale(20000));
	vcpu_long(&m.v[1], accesses, 0);
	vcpu_start(&m.v[0]);
	vcpu_start(&m.v[1]);
	join_all(&m, 2);
	force_emulation(false);
}

WHOLE(16)
WHOLE(32)
WHOLE(64)
