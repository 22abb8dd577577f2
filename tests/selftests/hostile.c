// SPDX-License-Identifier: GPL-2.0-only
/* Guests and VMMs that mean harm, or are broken: the host stays well, and nothing is lost. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "vm.h"

struct machine {
	struct vm vm;
	struct vcpu v;
};

static u64 seed;

static u32 rnd(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed >> 33;
}

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
}

BLOB64(deaf, "cli\n1: jmp 1b\n");

static void *run_until_kicked(void *arg)
{
	pin_to(0);
	CHECK_ERR(vcpu_run_raw(arg), EINTR);
	return NULL;
}

/* On the same CPU as a guest that never lets go, others still get their turn. */
TEST(interrupts_off_for_ever)
{
	struct machine m;
	pthread_t t;
	u64 start;
	u32 i;

	install_kick();
	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	LOAD(&m.vm, deaf);
	vcpu_long_at(&m.v, GPA_CODE);
	pin_to(0);
	CHECK_EQ(pthread_create(&t, NULL, run_until_kicked, &m.v), 0);
	start = now_ns();
	for (i = 0; i < 20; i++)
		sleep_ms(5);
	CHECK(now_ns() - start < 10000000000ull);
	kick_and_join(t, NULL);
}

/* Runs nonsense for a few exits or a few milliseconds: any result will do but a hang. */
static void run_nonsense(struct vcpu *v)
{
	u32 i;

	for (i = 0; i < 20; i++) {
		if (vcpu_run_raw(v))
			return;
		if (v->run->exit_reason == KVM_EXIT_SHUTDOWN ||
		    v->run->exit_reason == KVM_EXIT_INTERNAL_ERROR ||
		    v->run->exit_reason == KVM_EXIT_FAIL_ENTRY)
			return;
	}
}

static void random_code(u32 mode)
{
	u64 i, j, n = test_scale(60);
	struct machine m;

	seed = 42 + mode;
	alarm_every(10);
	vm_init(&m.vm);
	for (i = 0; i < n; i++) {
		for (j = 0; j < PAGE; j += 4)
			*(u32 *)(m.vm.mem + GPA_CODE + j) = rnd() << 8 ^ rnd();
		if (i % 8 == 0) {
			if (i)
				vcpu_free(&m.v);
			vcpu_init(&m.v, &m.vm, i / 8);
		}
		if (mode == 0)
			vcpu_real(&m.v, GPA_CODE);
		else if (mode == 1)
			vcpu_prot(&m.v, GPA_CODE);
		else
			vcpu_long_at(&m.v, GPA_CODE);
		run_nonsense(&m.v);
	}
}

TEST(random_code_in_real_mode) { random_code(0); }
TEST(random_code_in_protected_mode) { random_code(1); }
TEST(random_code_in_long_mode) { random_code(2); }

/* Registers as no software would leave them: refused or run, never harmful. */
TEST(random_registers)
{
	u64 i, n = test_scale(150);
	struct kvm_sregs s;
	struct kvm_regs r;
	struct machine m;
	u32 j, at;

	seed = 7;
	alarm_every(10);
	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	for (i = 0; i < n; i++) {
		vcpu_long_at(&m.v, GPA_CODE);
		get_sregs(&m.v, &s);
		get_regs(&m.v, &r);
		for (j = 0; j < 3; j++) {
			at = rnd() % sizeof(s);
			((u8 *)&s)[at] ^= 1 << rnd() % 8;
		}
		r.rflags = rnd();
		r.rip = rnd() % 4 ? GPA_CODE : (u64)rnd() << 32 | rnd();
		if (ioctl(m.v.fd, KVM_SET_SREGS, &s) == 0 && ioctl(m.v.fd, KVM_SET_REGS, &r) == 0)
			run_nonsense(&m.v);
	}
}

/* Page tables that point to themselves, to nothing and to devices. */
TEST(random_page_tables)
{
	u64 i, n = test_scale(60), *pt;
	struct machine m;
	u32 j;

	seed = 11;
	alarm_every(10);
	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	for (i = 0; i < n; i++) {
		vcpu_long_at(&m.v, GPA_CODE);
		pt = (u64 *)(m.vm.mem + GPA_PML4);
		for (j = 0; j < 3; j++)
			pt[rnd() % 3 * 512 + rnd() % 4] = (u64)rnd() << 21 ^ rnd();
		run_nonsense(&m.v);
	}
}

TEST(page_tables_in_nothing)
{
	struct kvm_sregs s;
	struct machine m;

	alarm_every(50);
	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_long_at(&m.v, GPA_CODE);
	get_sregs(&m.v, &s);
	s.cr3 = 0x80000000;
	if (ioctl(m.v.fd, KVM_SET_SREGS, &s) == 0)
		run_nonsense(&m.v);
}

BLOB64(writes_nothing, "1: movq %rax, (%rbx)\n addq $4093, %rbx\n jmp 1b\n");

TEST(writes_unmapped_memory)
{
	u64 i, n = test_scale(2000);
	struct kvm_regs r;
	struct machine m;

	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	LOAD(&m.vm, writes_nothing);
	vcpu_long_at(&m.v, GPA_CODE);
	get_regs(&m.v, &r);
	r.rbx = TEST_MMIO;
	set_regs(&m.v, &r);
	for (i = 0; i < n; i++)
		EXPECT_EXIT(&m.v, KVM_EXIT_MMIO);
}

BLOB64(triple, "pushq $0\n pushq $0\n lidt (%rsp)\n ud2\n");

TEST(triple_faults_again_and_again)
{
	u64 i, n = test_scale(200);
	struct machine m;

	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	LOAD(&m.vm, triple);
	for (i = 0; i < n; i++) {
		vcpu_long_at(&m.v, GPA_CODE);
		EXPECT_EXIT(&m.v, KVM_EXIT_SHUTDOWN);
	}
}

static volatile bool over;

static void *closes_fds(void *arg)
{
	struct vcpu *v = arg;

	sleep_ms(30);
	close(v->vm->fd);
	close(v->vm->dev);
	close(v->fd);
	sleep_ms(30);
	over = true;
	return NULL;
}

/* The fds go while KVM_RUN is in the kernel: it holds what it needs. */
TEST(fds_closed_while_running)
{
	struct machine m;
	pthread_t t;

	alarm_every(100);
	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	LOAD(&m.vm, deaf);
	vcpu_long_at(&m.v, GPA_CODE);
	CHECK_EQ(pthread_create(&t, NULL, closes_fds, &m.v), 0);
	while (!over)
		vcpu_run_raw(&m.v);
	pthread_join(t, NULL);
	CHECK_ERR(vcpu_run_raw(&m.v), EBADF);
}

TEST(vcpu_limit)
{
	struct rlimit lim = { 4096, 4096 };
	struct vm vm;
	long i, max, got = 0;

	setrlimit(RLIMIT_NOFILE, &lim);
	vm_init_bare(&vm);
	max = check_ext(vm.fd, KVM_CAP_MAX_VCPUS);
	if (max > (long)test_scale(300))
		max = test_scale(300);
	for (i = 0; i < max; i++)
		if (ioctl(vm.fd, KVM_CREATE_VCPU, i) >= 0)
			got++;
	CHECK_EQ(got, max);
	i = check_ext(vm.fd, KVM_CAP_MAX_VCPU_ID);
	CHECK_ERR(ioctl(vm.fd, KVM_CREATE_VCPU, i), EINVAL);
}

/* With no fd left creation fails cleanly, and works again when there is one. */
TEST(fd_exhaustion)
{
	struct rlimit lim, low;
	struct vm vm;
	int fds[256], n = 0, fd;

	vm_init_bare(&vm);
	getrlimit(RLIMIT_NOFILE, &lim);
	low = lim;
	low.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &low);
	while (n < 256 && (fd = open("/dev/null", O_RDONLY)) >= 0)
		fds[n++] = fd;
	CHECK_ERR(ioctl(vm.fd, KVM_CREATE_VCPU, 0ul), EMFILE);
	CHECK_ERR(vm_create(vm.dev), EMFILE);
	while (n)
		close(fds[--n]);
	CHECK_OK(ioctl(vm.fd, KVM_CREATE_VCPU, 0ul));
	CHECK_OK(vm_create(vm.dev));
}

static long unreclaimable_kib(void)
{
	char line[128];
	long total = 0, v;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "SUnreclaim: %ld", &v) == 1 || sscanf(line, "PageTables: %ld", &v) == 1 ||
		    sscanf(line, "KernelStack: %ld", &v) == 1 || sscanf(line, "VmallocUsed: %ld", &v) == 1 ||
		    sscanf(line, "Percpu: %ld", &v) == 1)
			total += v;
	if (f)
		fclose(f);
	return total;
}

BLOB16(halts, "movb $1, 0x3000\n hlt\n");

static void one_life(void)
{
	struct machine m;

	vm_init(&m.vm);
	vm_irqchip(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	LOAD(&m.vm, halts);
	vcpu_real(&m.v, GPA_CODE);
	m.v.run->immediate_exit = 1;
	vcpu_run_raw(&m.v);
	vcpu_free(&m.v);
	vm_free(&m.vm);
}

TEST(many_lives)
{
	u64 i, n = test_scale(250);
	long before, after = 0;

	for (i = 0; i < 20; i++)
		one_life();
	sleep_ms(200);
	before = unreclaimable_kib();
	for (i = 0; i < n; i++)
		one_life();
	/* 8 KiB a VM would be 2000. What grace periods free takes a busy machine a while. */
	for (i = 0; i < 20; i++) {
		sleep_ms(500);
		after = unreclaimable_kib();
		if (after - before <= 1000 + (long)n)
			return;
	}
	FAIL("expected no growth of kernel memory, got %ld KiB for %llu VMs",
		     after - before, (unsigned long long)n);
}

static void *runs_for_ever(void *arg)
{
	for (;;)
		if (vcpu_run_raw(arg) && errno != EINTR)
			return NULL;
}

static void victim(void)
{
	struct machine m;
	struct vcpu w;
	pthread_t t;
	u8 *p;

	vm_init(&m.vm);
	vm_irqchip(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_init(&w, &m.vm, 1);
	LOAD(&m.vm, deaf);
	vcpu_long_at(&m.v, GPA_CODE);
	pthread_create(&t, NULL, runs_for_ever, &m.v);
	/* The second one waits for INIT in the kernel. */
	pthread_create(&t, NULL, runs_for_ever, &w);
	p = host_alloc(MiB, PAGE);
	for (;;) {
		set_slot(&m.vm, SLOT_TEST, 0, 0x10000000, MiB, p);
		set_slot(&m.vm, SLOT_TEST, 0, 0, 0, p);
	}
}

TEST(killed_at_any_moment)
{
	u64 i, n = test_scale(40);
	int status;
	pid_t pid;

	seed = 3;
	for (i = 0; i < n; i++) {
		pid = CHECK_OK(fork());
		if (!pid)
			victim();
		usleep(rnd() % 40000);
		kill(pid, SIGKILL);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status));
	}
	one_life();
}

/* Numbers of the documented range, arguments of any sort. */
static void random_ioctls(u64 s)
{
	static const u32 sizes[] = { 0, 4, 8, 16, 24, 32, 64, 128, 144, 312, 400, 416, 1024 };
	static u8 buf[8192];
	u64 i, n = test_scale(3000);
	unsigned long cmd, arg;
	struct machine m;
	int fds[3];
	u32 j;

	seed = s;
	vm_init(&m.vm);
	if (s & 1)
		vm_irqchip(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	fds[0] = m.vm.dev;
	fds[1] = m.vm.fd;
	fds[2] = m.v.fd;
	m.v.run->immediate_exit = 1;
	for (i = 0; i < n; i++) {
		for (j = 0; j < sizeof(buf) / 16; j += 4)
			*(u32 *)(buf + j) = rnd() % 3 ? rnd() % 32 : rnd() << 1 ^ rnd();
		cmd = _IOC(rnd() % 4, KVMIO, rnd() % 256, sizes[rnd() % ARRAY_SIZE(sizes)]);
		arg = rnd() % 4 ? (uintptr_t)buf : rnd() % 2 ? rnd() % 16 : (u64)rnd() << 33;
		if (rnd() % 2)
			arg = cmd & IOC_IN || cmd & IOC_OUT ? (uintptr_t)buf : rnd() % 64;
		ioctl(fds[rnd() % 3], cmd, arg);
	}
}

/* The real calls, with half-random content. */
static const unsigned long calls[] = {
	KVM_SET_USER_MEMORY_REGION, KVM_SET_REGS, KVM_SET_SREGS, KVM_SET_FPU, KVM_SET_XSAVE,
	KVM_SET_XCRS, KVM_SET_DEBUGREGS, KVM_SET_MSRS, KVM_SET_VCPU_EVENTS, KVM_SET_MP_STATE,
	KVM_SET_LAPIC, KVM_SET_IRQCHIP, KVM_SET_PIT2, KVM_SET_CLOCK, KVM_SET_TSC_KHZ,
	KVM_SET_GSI_ROUTING, KVM_IRQ_LINE, KVM_SIGNAL_MSI, KVM_IRQFD, KVM_IOEVENTFD,
	KVM_REGISTER_COALESCED_MMIO, KVM_UNREGISTER_COALESCED_MMIO, KVM_GET_DIRTY_LOG, KVM_NMI,
	KVM_CREATE_VCPU, KVM_SET_CPUID2, KVM_RUN, KVM_INTERRUPT, KVM_ENABLE_CAP,
	KVM_CREATE_PIT2, KVM_SET_GUEST_DEBUG, KVM_SET_SIGNAL_MASK, KVM_GET_MSRS, KVM_GET_LAPIC,
};

/* Starts from what the matching GET gives, where there is one, and flips a few bits. */
static void mutate(struct machine *m, unsigned long cmd, u8 *buf, size_t n)
{
	unsigned long get = 0;
	u32 i, flips = rnd() % 6;

	memset(buf, 0, n);
	for (i = 0; i < 24; i += 4)
		*(u32 *)(buf + i) = rnd() % 4 ? rnd() % 8 : rnd();
	switch (cmd) {
	case KVM_SET_REGS:
		get = KVM_GET_REGS;
		break;
	case KVM_SET_SREGS:
		get = KVM_GET_SREGS;
		break;
	case KVM_SET_XSAVE:
		get = KVM_GET_XSAVE;
		break;
	case KVM_SET_VCPU_EVENTS:
		get = KVM_GET_VCPU_EVENTS;
		break;
	case KVM_SET_LAPIC:
		get = KVM_GET_LAPIC;
		break;
	case KVM_SET_DEBUGREGS:
		get = KVM_GET_DEBUGREGS;
		break;
	}
	if (get)
		ioctl(m->v.fd, get, buf);
	for (i = 0; i < flips; i++)
		buf[rnd() % 1024] ^= 1 << rnd() % 8;
}

static void random_calls(u64 s)
{
	static u8 buf[16384];
	u64 i, n = test_scale(1500);
	unsigned long cmd;
	struct machine m;
	u32 w;

	seed = s;
	alarm_every(20);
	vm_init(&m.vm);
	if (s & 1)
		vm_irqchip(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_long_at(&m.v, GPA_CODE);
	for (i = 0; i < n; i++) {
		w = rnd() % ARRAY_SIZE(calls);
		cmd = calls[w];
		mutate(&m, cmd, buf, sizeof(buf));
		if (cmd == KVM_SET_XSAVE && is_kvm())
			continue;
		ioctl(rnd() % 8 ? (w < 10 && w ? m.v.fd : m.vm.fd) : m.v.fd, cmd,
		      cmd == KVM_RUN ? 0 : (uintptr_t)buf);
	}
}

TEST(random_ioctls)
{
	random_ioctls(101);
	random_ioctls(102);
}

TEST(random_calls_with_irqchip) { random_calls(201); }
TEST(random_calls_without_irqchip) { random_calls(202); }

/* Slots of sizes that no memory backs: taken or refused, and cheap. */
TEST(huge_slots)
{
	u64 size = 1ull << 36;
	u8 *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
		     MAP_NORESERVE, -1, 0);
	struct vm vm;
	u32 i;

	CHECK(p != MAP_FAILED);
	vm_init(&vm);
	for (i = 0; i < 20; i++)
		if (set_slot(&vm, SLOT_TEST + i, 0, 0x100000000ull + i * size, size, p) &&
		    errno != EINVAL && errno != ENOMEM)
			FAIL("slot of 64 GiB: %s", strerror(errno));
}

TEST(dirty_log_of_a_huge_slot)
{
	u64 size = 1ull << 43;
	struct vm vm;

	vm_init(&vm);
	/* 2^31 pages would want a bitmap of 256 MiB: more than a slot may have. */
	if (set_slot(&vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, 0x100000000ull, size,
		     (void *)0x100000000000) == 0)
		FAIL("expected a refusal of a dirty log of 2^31 pages");
	CHECK(errno == EINVAL || errno == ENOMEM);
}
