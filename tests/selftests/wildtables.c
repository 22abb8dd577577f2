// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables where none should be, and at work while something happens to them: memory that comes and goes, code and stacks in
 * the same page, writes of the host's, accessed bits that several CPUs want, floods. Nobody but the guest suffers, and it not much.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tables.h"

#define ALL (P | W | U)
#define MSR_SYSTEM_TIME 0x4b564d01u

/* Memory for tables and pages, identity-mapped as all below 4 GiB; VA is mapped by tables of the guest's own. */
#define VA (1ul << 39)
#define PDPT TABLE(0)
#define PD TABLE(1)
#define PT TABLE(2)
#define NR_DATA 512u

/* Memory that comes and goes: a table, then pages */
#define GUEST_SLOT 0x18000000ul
#define MOVED_SLOT 0x19000000ul
#define SLOT_PAGES 9
#define NOTHING 0x30000000ul
#define FAR (1ul << 38)

#define CPUS 4

static volatile u64 arrived;

static inline void flush(void)
{
	load_cr3(GPA_PML4);
}

static bool is_shadow(void)
{
	const char *paging = getenv("WARREN_PAGING");

	return paging && !strcmp(paging, "shadow");
}

/* VA is the data, by 4 KiB pages; each begins with its number. */
static void build(void)
{
	u64 i;

	at(GPA_PML4)[1] = PDPT | ALL;
	at(PDPT)[0] = PD | ALL;
	at(PD)[0] = PT | ALL;
	for (i = 0; i < NR_DATA; i++) {
		at(PT)[i] = DATA(i) | ALL;
		*at(DATA(i)) = i;
	}
}

/* Its shadows of tables that the VMM changes itself are what they were. */
static void need_own_writes_noticed(void)
{
	if (is_kvm() && is_shadow())
		SKIP("KVM does not notice");
}

struct machine {
	struct vm vm;
	struct vcpu v[CPUS];
	u64 *area;
};

static struct machine m;

static void machine_init(u32 cpus, void (*fn)(u64), u64 arg)
{
	u32 i;

	vm_init(&m.vm);
	m.area = vm_add_mem(&m.vm, SLOT_TEST, 0, AREA, AREA_SIZE);
	for (i = 0; i < cpus; i++) {
		vcpu_init(&m.v[i], &m.vm, i);
		vcpu_cpuid(&m.v[i]);
		vcpu_long(&m.v[i], fn, arg | (u64)i << 56);
	}
}

static void machine_free(u32 cpus)
{
	while (cpus--)
		vcpu_free(&m.v[cpus]);
	vm_free(&m.vm);
}

static void run(void (*fn)(u64), u64 arg)
{
	machine_init(1, fn, arg);
	EXPECT_DONE(&m.v[0]);
	machine_free(1);
}

static void guest_loses_root(u64 root)
{
	load_cr3(root & ~(0xfful << 56));
	guest_done();
}

/* Not even an exception can be delivered. Nested paging stumbles over tables that are no memory; a kick ends that. */
static void lose_root(u64 root, bool memory)
{
	machine_init(1, guest_loses_root, root);
	if (memory || is_shadow()) {
		EXPECT_EXIT(&m.v[0], KVM_EXIT_SHUTDOWN);
	} else {
		alarm_every(100);
		vcpu_run_raw(&m.v[0]);
	}
	machine_free(1);
}

TEST(root_of_zeros) { lose_root(AREA, true); }
TEST(root_in_nothing) { lose_root(NOTHING, false); }
TEST(root_in_the_last_page) { lose_root((1ul << 40) - PAGE, false); }

static void guest_loses_tables(u64 shadow)
{
	u64 v;

	build();
	at(PD)[1] = GUEST_SLOT | ALL;
	*at(GUEST_SLOT) = DATA(1) | ALL;
	GUEST_EQ(*at(VA + PAGE_2M), 1);
	guest_sync(1);
	/* Deleted. Nested paging cannot tell what the walk was for. */
	flush();
	if (shadow) {
		GUEST_EQ(try_read(VA + PAGE_2M, &v), PF);
		GUEST_EQ(guest_fault.error, 0);
	}
	guest_sync(2);
	/* Back, with other memory */
	flush();
	GUEST_EQ(*at(VA + PAGE_2M), 2);
	GUEST_EQ(*at(GUEST_SLOT) & ~(A | D), DATA(2) | ALL);
	*at(GUEST_SLOT) = DATA(3) | ALL;
	invlpg(VA + PAGE_2M);
	GUEST_EQ(*at(VA + PAGE_2M), 3);
	guest_sync(3);
	/* Moved */
	at(PD)[1] = MOVED_SLOT | ALL;
	flush();
	GUEST_EQ(*at(VA + PAGE_2M), 3);
	guest_sync(4);
	/* Other memory at the same address of the VMM's */
	flush();
	GUEST_EQ(*at(VA + PAGE_2M), 4);
	guest_sync(5);
	/* None, for the time being: zeros */
	flush();
	GUEST_EQ(try_read(VA + PAGE_2M, &v), PF);
	GUEST_EQ(guest_fault.error, 0);
	guest_done();
}

TEST(tables_go_and_come)
{
	u64 *first, *second;

	need_own_writes_noticed();
	machine_init(1, guest_loses_tables, is_shadow());
	first = vm_add_mem(&m.vm, SLOT_TEST + 1, 0, GUEST_SLOT, PAGE);
	EXPECT_SYNC(&m.v[0], 1);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST + 1, 0, GUEST_SLOT, 0, first));
	EXPECT_SYNC(&m.v[0], 2);
	second = vm_add_mem(&m.vm, SLOT_TEST + 1, 0, GUEST_SLOT, PAGE);
	second[0] = DATA(2) | ALL;
	EXPECT_SYNC(&m.v[0], 3);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST + 1, 0, MOVED_SLOT, PAGE, second));
	EXPECT_SYNC(&m.v[0], 4);
	CHECK(mmap(second, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == second);
	second[0] = DATA(4) | ALL;
	EXPECT_SYNC(&m.v[0], 5);
	CHECK_OK(madvise(second, PAGE, MADV_DONTNEED));
	EXPECT_DONE(&m.v[0]);
	machine_free(1);
}

/* guest_fault is one for all CPUs: each keeps its own way out, in a register. */
static void skip_access(struct guest_frame *f)
{
	f->rip = f->r11;
}

static void touch(u64 va, u64 value, bool write)
{
	if (write)
		asm volatile("leaq 9f(%%rip), %%r11; movq %0, (%1); 9:" : : "r"(value), "r"(va) : "r11", "memory");
	else
		asm volatile("leaq 9f(%%rip), %%r11; movq (%1), %0; 9:" : "+r"(value) : "r"(va) : "r11", "memory");
}

static u64 next(u64 *seed)
{
	*seed = *seed * 6364136223846793005ul + 1442695040888963407ul;
	return *seed >> 20;
}

/* Until the host says that it is enough */
static volatile u64 enough;

static void guest_uses_slot(u64 arg)
{
	u64 seed = arg >> 56, i;

	guest_handler[PF] = skip_access;
	while (!enough) {
		i = next(&seed) % 8;
		touch(VA + i * PAGE, seed << 8, seed & 1);
		if (seed & 0x100)
			touch(GUEST_SLOT + i * 8, (GUEST_SLOT + (i + 1) * PAGE) | ALL, true);
		if (seed & 0x200)
			invlpg(VA + i * PAGE);
		else
			flush();
	}
	guest_done();
}

/* To its end, whatever it meets that is no memory */
static void *run_anywhere(void *arg)
{
	struct vcpu *v = arg;
	struct kvm_regs r = { .rax = UCALL_SYNC };

	while ((u32)r.rax == UCALL_SYNC) {
		while (vcpu_run(v) == KVM_EXIT_MMIO)
			memset(v->run->mmio.data, 0, sizeof(v->run->mmio.data));
		if (v->run->exit_reason != KVM_EXIT_IO || v->run->io.port != UCALL_PORT)
			FAIL("expected the guest's end, got %s", vcpu_describe(v));
		get_regs(v, &r);
	}
	if ((u32)r.rax != UCALL_DONE)
		FAIL("vCPU %u: call %llu: line or trap %llu: %#llx, %#llx", v->id, r.rax, r.rdi, r.rsi, r.rcx);
	return NULL;
}

static void start_anywhere(u32 cpus)
{
	u32 i;

	for (i = 0; i < cpus; i++)
		CHECK_EQ(pthread_create(&m.v[i].thread, NULL, run_anywhere, &m.v[i]), 0);
}

static void join(u32 cpus)
{
	u32 i;

	for (i = 0; i < cpus; i++)
		CHECK_EQ(pthread_join(m.v[i].thread, NULL), 0);
}

static void fill_slot(u64 *mem)
{
	u64 i;

	for (i = 0; i < 8; i++)
		mem[i] = (GUEST_SLOT + (i + 1) * PAGE) | ALL;
}

/* Table and pages together, under two CPUs that use them. */
TEST(tables_go_and_come_meanwhile)
{
	u64 i, n = test_scale(100), *mem;

	machine_init(2, guest_uses_slot, 0);
	mem = vm_add_mem(&m.vm, SLOT_TEST + 1, 0, GUEST_SLOT, SLOT_PAGES * PAGE);
	fill_slot(mem);
	((u64 *)(m.vm.mem + GPA_PML4))[1] = PDPT | ALL;
	m.area[0] = PD | ALL;
	m.area[512] = GUEST_SLOT | ALL;
	start_anywhere(2);
	for (i = 0; i < n; i++) {
		if (i % 3 == 0) {
			CHECK_OK(set_slot(&m.vm, SLOT_TEST + 1, 0, GUEST_SLOT, 0, mem));
			CHECK_OK(set_slot(&m.vm, SLOT_TEST + 1, 0, GUEST_SLOT, SLOT_PAGES * PAGE, mem));
		} else if (i % 3 == 1) {
			CHECK_OK(set_slot(&m.vm, SLOT_TEST + 1, KVM_MEM_LOG_DIRTY_PAGES, GUEST_SLOT, SLOT_PAGES * PAGE, mem));
			sleep_ms(1);
			CHECK_OK(set_slot(&m.vm, SLOT_TEST + 1, 0, GUEST_SLOT, SLOT_PAGES * PAGE, mem));
		} else {
			CHECK_OK(madvise(mem, SLOT_PAGES * PAGE, MADV_DONTNEED));
			sleep_ms(1);
			fill_slot(mem);
		}
		sleep_ms(1);
	}
	GUEST_VAR(&m.vm, enough) = 1;
	join(2);
	machine_free(2);
}

/* Sets an entry, flushes, uses it: rdi, rsi, rdx */
BLOB64(set_and_use, "movq %rsi, (%rdi); invlpg (%rdx); movq (%rdx), %rax; ret\n");

static void guest_runs_in_table(u64 n)
{
	u64 i, value, to, code = PT + 0x800;

	build();
	for (i = 0; i < 4; i++)
		at(code)[i] = at(GPA_CODE)[i];
	for (i = 0; i < n; i++) {
		to = i * 11 % NR_DATA;
		asm volatile("call *%1" : "=a"(value)
			     : "r"(code), "D"(PT + i % 8 * 8), "S"(DATA(to) | ALL), "d"(VA + i % 8 * PAGE) : "memory");
		GUEST_EQ(value, to);
	}
	guest_done();
}

TEST(code_in_a_table)
{
	machine_init(1, guest_runs_in_table, test_scale(500));
	LOAD(&m.vm, set_and_use);
	EXPECT_DONE(&m.v[0]);
	machine_free(1);
}

static void guest_stacks_in_table(u64 n)
{
	u64 i, to, value;

	build();
	for (i = 0; i < n; i++) {
		to = i * 13 % NR_DATA;
		at(PT)[5] = DATA(to) | ALL;
		if (i & 1)
			invlpg(VA + 5 * PAGE);
		else
			flush();
		asm volatile("movq %%rsp, %%rbx; movq %2, %%rsp; pushq %1; pushq (%1); popq %0; popq %1; movq %%rbx, %%rsp"
			     : "=&r"(value) : "r"(VA + 5 * PAGE), "r"(PT + PAGE) : "rbx", "memory");
		GUEST_EQ(value, to);
	}
	guest_done();
}

TEST(stack_in_a_table) { run(guest_stacks_in_table, test_scale(500)); }

static void guest_keeps_time_in_table(u64 n)
{
	u64 i, to;

	build();
	/* The host writes a clock there, when it likes. */
	GUEST_EQ(wrmsr_safe(MSR_SYSTEM_TIME, (PT + 0x800) | 1), 256);
	for (i = 0; i < n; i++) {
		to = i * 17 % NR_DATA;
		at(PT)[5] = DATA(to) | ALL;
		invlpg(VA + 5 * PAGE);
		GUEST_EQ(*at(VA + 5 * PAGE), to);
		if (i % 16 == 0)
			guest_sync(i);
		touch(VA + (256 + i % 8) * PAGE, 0, false);
	}
	guest_done();
}

static void guest_fears_nothing(u64 n)
{
	guest_handler[PF] = skip_access;
	guest_keeps_time_in_table(n);
}

TEST(clock_in_a_table)
{
	machine_init(1, guest_fears_nothing, test_scale(300));
	run_anywhere(&m.v[0]);
	machine_free(1);
}

static void guest_is_written_to(u64 n)
{
	u64 i;

	build();
	for (i = 0; i < n; i++) {
		GUEST_EQ(*at(VA + 7 * PAGE), i ? i - 1 : 7);
		guest_sync(i);
		flush();
	}
	guest_done();
}

/* A VMM that changes tables says so by setting registers. */
TEST(the_vmm_writes_tables)
{
	u64 i, n = test_scale(50);
	struct kvm_sregs s;

	need_own_writes_noticed();
	machine_init(1, guest_is_written_to, n);
	for (i = 0; i < n; i++) {
		EXPECT_SYNC(&m.v[0], i);
		m.area[2 * 512 + 7] = DATA(i) | ALL;
		get_sregs(&m.v[0], &s);
		set_sregs(&m.v[0], &s);
	}
	EXPECT_DONE(&m.v[0]);
	machine_free(1);
}

/* The CPU itself does not write to the table while it hangs nowhere: INS does. Then no flush is needed. */
static void guest_inputs_to_loose_table(u64 n)
{
	u64 i, place;

	build();
	for (i = 0; i < n; i++) {
		GUEST_EQ(*at(VA + 6 * PAGE), i ? i - 1 : 6);
		at(PD)[0] = 0;
		flush();
		flush();
		flush();
		place = PT + 6 * 8;
		asm volatile("insl" : "+D"(place) : "d"(TEST_PORT) : "memory");
		at(PD)[0] = PT | ALL;
		GUEST_EQ(*at(VA + 9 * PAGE), 9);
		GUEST_EQ(*at(VA + 6 * PAGE), i);
	}
	guest_done();
}

TEST(a_loose_table_is_written)
{
	u64 i, n = test_scale(50);

	machine_init(1, guest_inputs_to_loose_table, n);
	for (i = 0; i < n; i++)
		*(u32 *)EXPECT_IO(&m.v[0], KVM_EXIT_IO_IN, TEST_PORT, 4) = (u32)(DATA(i) | ALL);
	EXPECT_DONE(&m.v[0]);
	machine_free(1);
}

/* Bits of an entry that are the guest's: a counter */
#define COUNT (1ul << 52)
#define COUNTER (0x3fful << 52)

static void count_up(volatile u64 *entry)
{
	u64 old = *entry, new;

	do {
		new = (old & ~(A | D | COUNTER)) | ((old + COUNT) & COUNTER);
	} while (!__atomic_compare_exchange_n(entry, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
}

static void use_own_entry(volatile u64 *entry, u64 va)
{
	__atomic_fetch_and(entry, ~(A | D), __ATOMIC_SEQ_CST);
	invlpg(va);
	(void)*at(va);
	GUEST_EQ(*entry & (A | D), A);
	*at(va + 8) = 1;
	GUEST_EQ(*entry & (A | D), A | D);
}

static void guest_shares_entry(u64 arg)
{
	u64 cpu = arg >> 56, n = arg & ~(0xfful << 56), i;

	if (!cpu)
		build();
	__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
	while (arrived < (cpu ? CPUS : 1))
		cpu_relax();
	for (i = 0; i < n; i++) {
		count_up(at(PT));
		invlpg(VA);
		*at(VA + 64 + cpu * 8) = i;
		use_own_entry(at(PT) + 8 + cpu, VA + (8 + cpu) * PAGE);
	}
	__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
	while (!cpu && arrived < 2 * CPUS)
		cpu_relax();
	if (!cpu)
		GUEST_EQ((*at(PT) & COUNTER) / COUNT, CPUS * n % 1024);
	guest_done();
}

/* What the CPU, or we, add to an entry takes nothing from it that others add at the same time. */
TEST(accessed_bits_and_counters)
{
	u32 i;

	machine_init(CPUS, guest_shares_entry, test_scale(2000));
	for (i = 0; i < CPUS; i++)
		vcpu_start(&m.v[i]);
	for (i = 0; i < CPUS; i++)
		vcpu_join(&m.v[i]);
	machine_free(CPUS);
}

/* All of the area is tables of all levels, and each access asks for others. */
static void guest_floods(u64 arg)
{
	u64 seed = arg >> 56, n = arg & ~(0xfful << 56), i, k;

	guest_handler[PF] = skip_access;
	for (i = 0; i < n; i++) {
		for (k = 0; k < 4; k++)
			at(TABLE(8 + next(&seed) % 500))[next(&seed) % 512] =
				TABLE(8 + next(&seed) % 500) | P | (next(&seed) & (W | U));
		for (k = 0; k < 8; k++)
			touch((1 + next(&seed) % 200) << 39 | (next(&seed) & (VA - 8)), 0, false);
		if (i & 1)
			invlpg((1 + next(&seed) % 200) << 39);
		else
			flush();
	}
	guest_done();
}

static void flood_init(u64 n)
{
	u64 i, k, *root;

	machine_init(CPUS, guest_floods, n);
	root = (u64 *)(m.vm.mem + GPA_PML4);
	for (i = 1; i <= 200; i++)
		root[i] = TABLE(8 + i) | ALL;
	for (i = 0; i < 512; i++)
		for (k = 0; k < 512; k++)
			m.area[i * 512 + k] = TABLE(8 + (i * 7 + k) % 500) | P | (k & 1 ? W : 0) | (k & 2 ? U : 0);
}

static u64 free_kib(void)
{
	char line[128];
	u64 kib = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	CHECK(f);
	while (!kib && fgets(line, sizeof(line), f))
		if (!strncmp(line, "MemAvailable:", 13))
			kib = strtoull(line + 13, NULL, 10);
	fclose(f);
	return kib;
}

/* What it may take of the host: as many shadow pages as it was given, in some 20 KiB each, and something for the rest */
#define FLOOD_PAGES 256ul
#define FLOOD_KIB (FLOOD_PAGES * 20 + 24 * 1024)

TEST(a_flood_is_bounded)
{
	u64 before, least, now;
	u32 i;

	flood_init(test_scale(1000));
	CHECK_OK(ioctl(m.vm.fd, KVM_SET_NR_MMU_PAGES, FLOOD_PAGES));
	before = free_kib();
	least = before;
	start_anywhere(CPUS);
	for (i = 0; i < CPUS; i++)
		while (pthread_tryjoin_np(m.v[i].thread, NULL)) {
			now = free_kib();
			least = now < least ? now : least;
			sleep_ms(20);
		}
	test_note("%llu KiB", (unsigned long long)(before - least));
	CHECK(before - least < FLOOD_KIB);
	machine_free(CPUS);
}

/* All of the first tables is one page, and all of the last three's tables is the first of those. */
#define MANY 4u
#define MANY_TABLE(k) TABLE(8 + (k))

static void build_many(void)
{
	u64 k, i;

	build();
	for (k = 0; k < MANY; k++) {
		at(PD)[k] = MANY_TABLE(k) | ALL;
		for (i = 0; i < 512; i++)
			at(MANY_TABLE(k))[i] = DATA(0) | ALL;
		if (!k)
			continue;
		at(PDPT)[k] = TABLE(16 + k) | ALL;
		for (i = 0; i < 512; i++)
			at(TABLE(16 + k))[i] = MANY_TABLE(0) | ALL;
	}
	flush();
}

static void expect_through_all(u64 value)
{
	u64 i;

	for (i = 0; i < 512 * (MANY - 1); i++)
		GUEST_EQ(*at(VA + 512 * PAGE_2M + i * PAGE_2M), value);
}

static void guest_crowds(u64 step)
{
	const u64 seen = VA + 8 * PAGE_2M;
	u64 i;

	build_many();
	*at(DATA(0)) = DATA(1) | ALL;
	for (i = 0; i < 512 * MANY; i++)
		at(VA + i * PAGE)[1] = 0;
	/* It is a table from now on, of which each of those ways to write is to be told. */
	at(PD)[8] = DATA(0) | ALL;
	flush();
	GUEST_EQ(*at(seen), 1);
	for (i = 0; i < 512 * MANY; i += step) {
		*at(VA + i * PAGE) = DATA(2 + i % 256) | ALL;
		invlpg(seen);
		GUEST_EQ(*at(seen), 2 + i % 256);
	}
	at(MANY_TABLE(0))[0] = DATA(3) | ALL;
	flush();
	expect_through_all(3);
	at(MANY_TABLE(0))[0] = DATA(4) | ALL;
	flush();
	expect_through_all(4);
	guest_done();
}

/* More ways to one page, and to one table, than anybody keeps account of. */
TEST(one_page_everywhere)
{
	run(guest_crowds, 1 + 699 / test_scale(100));
}

#define LOOSE 600u
#define LOOSE_DATA 500u

/* Twice, as what was out of sync for too long is shadowed anew. */
static void guest_writes_to_many(u64 rounds)
{
	u64 round, k;

	build();
	for (round = 0; round < rounds; round++) {
		*at(DATA(LOOSE_DATA + round)) = LOOSE_DATA + round;
		for (k = 0; k < LOOSE; k++)
			at(TABLE(8 + k))[0] = DATA(LOOSE_DATA + round) | ALL;
		if (!round) {
			at(PDPT)[1] = TABLE(2) | ALL;
			for (k = 0; k < LOOSE; k++)
				at(PD)[k] = TABLE(8 + k) | ALL;
		}
		flush();
		for (k = 0; k < LOOSE; k++)
			GUEST_EQ(*at(VA + k * PAGE_2M), LOOSE_DATA + round);
	}
	guest_done();
}

/* More tables written to before a flush than may be out of sync at a time; and there is room for their shadows. */
TEST(many_tables_change_at_once)
{
	machine_init(1, guest_writes_to_many, 3);
	CHECK_OK(ioctl(m.vm.fd, KVM_SET_NR_MMU_PAGES, 4096));
	EXPECT_DONE(&m.v[0]);
	machine_free(1);
}

static void guest_looks_at_nothing(u64 n)
{
	u64 i, value;

	build();
	for (i = 0; i < n; i++) {
		at(PT)[i % 512] = (FAR + i * PAGE_2M) | ALL;
		invlpg(VA + i % 512 * PAGE);
		GUEST_EQ(try_read(VA + i % 512 * PAGE, &value), 256);
	}
	guest_done();
}

/* What is no memory costs the host none, wherever it is. */
TEST(pages_of_nothing)
{
	u64 before;

	machine_init(1, guest_looks_at_nothing, test_scale(6000));
	before = free_kib();
	run_anywhere(&m.v[0]);
	/* KVM remembers them in tables. */
	if (!is_kvm())
		CHECK(before - free_kib() < 24 * 1024 || before < free_kib());
	machine_free(1);
}

static void flood_for_ever(int ready)
{
	flood_init(1ul << 40);
	start_anywhere(CPUS);
	CHECK_EQ(write(ready, "", 1), 1);
	join(CPUS);
}

TEST(a_flood_is_killed)
{
	int fds[2], status;
	char byte;
	u64 start;
	pid_t pid;

	CHECK_OK(pipe(fds));
	pid = CHECK_OK(fork());
	if (!pid) {
		flood_for_ever(fds[1]);
		_exit(0);
	}
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	sleep_ms(500);
	start = now_ns();
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	test_note("gone after %llu ms", (unsigned long long)(now_ns() - start) / 1000000);
	CHECK(now_ns() - start < 20 * 1000000000ull);
}
