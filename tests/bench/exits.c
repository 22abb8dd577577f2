// SPDX-License-Identifier: GPL-2.0-only
/* Exits: what one costs, there and back. */
#include <linux/warren.h>
#include <sched.h>

#include "apic.h"
#include "bench.h"

#define LOOPS 2000

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
}

static void serve_io(struct kvm_run *run)
{
	if (run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_IN)
		memset((u8 *)run + run->io.data_offset, 0x5a, run->io.size);
	if (run->exit_reason == KVM_EXIT_MMIO && !run->mmio.is_write)
		memset(run->mmio.data, 0x5a, 8);
}

u64 ticks_of_run(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	u64 start = rdtsc();

	for (;;) {
		if (vcpu_run_raw(v) && errno != EINTR)
			FAIL("KVM_RUN: %s", strerror(errno));
		if (run->exit_reason == KVM_EXIT_IO && run->io.port == UCALL_PORT)
			return rdtsc() - start;
		if (run->exit_reason != KVM_EXIT_IO && run->exit_reason != KVM_EXIT_MMIO)
			FAIL("unexpected %s", vcpu_describe(v));
		serve_io(run);
	}
}

static void trace(struct vcpu *v)
{
	CHECK_OK(ioctl(v->fd, WARREN_TRACE_OPEN, &(struct warren_trace_open){ }));
}

static void start(struct vm *vm, struct vcpu *v)
{
	pin_to(0);
	vm_init(vm);
	vm_irqchip(vm);
	CHECK_OK(ioctl(vm->fd, KVM_CREATE_PIT2, &(struct kvm_pit_config){ .flags = 1 }));
	vcpu_init(v, vm, 0);
	vcpu_cpuid(v);
	vcpu_add_deadline(v);
	if (traced)
		trace(v);
}

/* Ticks per loop of fn(LOOPS): what fn(0) costs is taken off, and the way in is warm. */
static u64 per_loop(void (*fn)(u64))
{
	struct vcpu v;
	struct vm vm;
	u64 base, full;

	start(&vm, &v);
	vcpu_long(&v, fn, 10);
	ticks_of_run(&v);
	vcpu_long(&v, fn, 0);
	base = ticks_of_run(&v);
	vcpu_long(&v, fn, LOOPS);
	full = ticks_of_run(&v);
	return (full - base) / LOOPS;
}

#define GUEST_LOOP(name, insn, ...)					\
	static void name(u64 n)						\
	{								\
		while (n--)						\
			asm volatile(insn : : __VA_ARGS__);		\
		guest_done();						\
	}								\
	static u64 measure_##name(void)					\
	{								\
		return per_loop(name);					\
	}

/* The same leaf each time. */
GUEST_LOOP(cpuid_exit, "xorl %%eax, %%eax\n xorl %%ecx, %%ecx\n cpuid", "i"(0)
	   : "rax", "rbx", "rcx", "rdx", "memory")
GUEST_LOOP(in_pic, "inb $0x21, %%al", "i"(0) : "rax", "memory")
GUEST_LOOP(in_pit, "inb $0x40, %%al", "i"(0) : "rax", "memory")
GUEST_LOOP(out_user, "outb %%al, %%dx", "a"(0), "d"(TEST_PORT) : "memory")
GUEST_LOOP(in_user, "inb %%dx, %%al", "d"(TEST_PORT) : "rax", "memory")
GUEST_LOOP(mmio_write, "movl %%eax, (%%rdx)", "a"(0), "d"((u64)TEST_MMIO) : "memory")
GUEST_LOOP(mmio_read, "movl (%%rdx), %%eax", "d"((u64)TEST_MMIO) : "rax", "memory")
GUEST_LOOP(msr_read, "rdmsr", "c"(0x1b) : "rax", "rdx", "memory")

/* Each write moves a deadline that is never reached. */
static void guest_deadlines(u64 n)
{
	apic_on();
	apic_write(APIC_LVTT, 0x40043);
	while (n--)
		wrmsr(MSR_TSC_DEADLINE, rdtsc() + (1ull << 33));
	wrmsr(MSR_TSC_DEADLINE, 0);
	guest_done();
}

static u64 measure_tsc_deadline(void)
{
	return per_loop(guest_deadlines);
}

#define PINGS 4000
#define WARM_PINGS 20

static volatile u32 count[2], ready;
static volatile u64 ping_ticks;

static void on_irq(struct guest_frame *f)
{
	count[f->vector & 1]++;
	apic_eoi();
}

/* CPU 0 sends vector 0x61, CPU 1 answers with 0x60; each sleeps in HLT until its own comes. */
static void guest_pings(u64 n)
{
	u64 start = 0;
	u32 i;

	guest_handler[0x60] = on_irq;
	guest_handler[0x61] = on_irq;
	apic_on();
	while (!ready)
		cpu_relax();
	for (i = 0; i < n; i++) {
		if (i == WARM_PINGS)
			start = rdtsc();
		apic_ipi(1, 0x61);
		while (count[0] == i)
			sti_hlt_cli();
	}
	ping_ticks = rdtsc() - start;
	guest_done();
}

static void guest_pongs(u64 n)
{
	u32 i;

	apic_on();
	while (!guest_handler[0x61])
		cpu_relax();
	ready = 1;
	for (i = 0; i < n; i++) {
		while (count[1] == i)
			sti_hlt_cli();
		apic_ipi(0, 0x60);
	}
	guest_done();
}

/*
 * Both vCPUs on one host CPU: IPI, wake-up, switch of threads, entry; no polling blurs it. The guest
 * takes the time: before its first ping a vCPU spins for as long as the scheduler lets it.
 */
static u64 measure_hlt_wake(void)
{
	struct vcpu v[2];
	struct vm vm;

	start(&vm, &v[0]);
	vcpu_init(&v[1], &vm, 1);
	vcpu_cpuid(&v[1]);
	CHECK_OK(ioctl(v[1].fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ 0 }));
	vcpu_long(&v[0], guest_pings, PINGS);
	vcpu_long(&v[1], guest_pongs, PINGS);
	vcpu_start(&v[0]);
	vcpu_start(&v[1]);
	vcpu_join(&v[0]);
	vcpu_join(&v[1]);
	return *(volatile u64 *)vm_var(&vm, &ping_ticks) / (2 * (PINGS - WARM_PINGS));
}

const struct row exit_rows[] = {
	{ "cpuid", measure_cpuid_exit },
	{ "msr-read", measure_msr_read },
	{ "tsc-deadline", measure_tsc_deadline },
	{ "in-pic-kernel", measure_in_pic },
	{ "in-pit-kernel", measure_in_pit },
	{ "out-user", measure_out_user },
	{ "in-user", measure_in_user },
	{ "mmio-write-user", measure_mmio_write },
	{ "mmio-read-user", measure_mmio_read },
	{ "hlt-wake-by-ipi", measure_hlt_wake },
	{ .name = NULL },
};
