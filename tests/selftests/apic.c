// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC as guests see it: timer, IPIs, INIT and SIPI, priorities, x2APIC. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

#define MAX_CPUS 4

struct machine {
	struct vm vm;
	struct vcpu v[MAX_CPUS];
};

static void start(struct machine *m, u32 cpus)
{
	u32 i;

	vm_init(&m->vm);
	vm_irqchip(&m->vm);
	for (i = 0; i < cpus; i++) {
		vcpu_init(&m->v[i], &m->vm, i);
		vcpu_cpuid(&m->v[i]);
	}
}

static void run_guest(void (*fn)(u64), u64 arg)
{
	struct machine m;

	start(&m, 1);
	vcpu_long(&m.v[0], fn, arg);
	EXPECT_DONE(&m.v[0]);
}

static volatile u32 count[MAX_CPUS], last[MAX_CPUS], order[8], taken;

static u32 cpu_id(void)
{
	return cpuid(1, 0).b >> 24;
}

static void on_irq(struct guest_frame *f)
{
	u32 id = cpu_id();

	last[id] = f->vector;
	count[id]++;
	if (taken < 8)
		order[taken++] = f->vector;
	apic_eoi();
}

static void on_x2_irq(struct guest_frame *f)
{
	u32 id = cpu_id();

	last[id] = f->vector;
	count[id]++;
	wrmsr(x2apic_msr(APIC_EOI), 0);
}

static void wait_for(const volatile u32 *what, u32 n)
{
	sti();
	while (*what < n)
		cpu_relax();
}

static void handlers(void (*fn)(struct guest_frame *))
{
	u32 i;

	for (i = 32; i < 256; i++)
		guest_handler[i] = fn;
}

static void guest_registers(u64 arg)
{
	(void)arg;
	GUEST_EQ(apic_read(APIC_ID), 0);
	GUEST_EQ(apic_read(APIC_VERSION) & 0xf0, 0x10);
	GUEST_EQ(apic_read(APIC_SVR), 0xff);
	GUEST_EQ(apic_read(APIC_LVTT), 0x10000);
	apic_on();
	GUEST_EQ(apic_read(APIC_SVR), 0x1ff);
	/* Whole classes: the low bits are lost where the hardware keeps CR8 for us. */
	apic_write(APIC_TPR, 0x30);
	GUEST_EQ(apic_read(APIC_TPR), 0x30);
	GUEST_EQ(apic_read(APIC_PPR), 0x30);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_LDR, 0x12345678);
	GUEST_EQ(apic_read(APIC_LDR), 0x12000000);
	apic_write(APIC_TMICT, 0x1000);
	GUEST_EQ(apic_read(APIC_TMICT), 0x1000);
	GUEST_EQ(rdmsr(MSR_APIC_BASE), 0xfee00900);
	guest_done();
}

TEST(registers) { run_guest(guest_registers, 0); }

/* Interrupts that are there are taken. */
static void let_come(u64 n)
{
	for (sti(); n; n--)
		cpu_relax();
}

static void guest_timer_one_shot(u64 arg)
{
	handlers(on_irq);
	apic_on();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, 0x40);
	apic_write(APIC_TMICT, 100000);
	GUEST_CHECK(apic_read(APIC_TMCCT) <= 100000);
	while (!count[0])
		sti_hlt_cli();
	GUEST_EQ(last[0], 0x40);
	GUEST_EQ(apic_read(APIC_TMCCT), 0);
	let_come(arg);
	GUEST_EQ(count[0], 1);
	guest_done();
}

TEST(timer_one_shot) { run_guest(guest_timer_one_shot, 1000); }

static void guest_timer_periodic(u64 arg)
{
	handlers(on_irq);
	apic_on();
	apic_write(APIC_TDCR, 0);
	apic_write(APIC_LVTT, 0x20041);
	apic_write(APIC_TMICT, 200000);
	while (count[0] < arg)
		sti_hlt_cli();
	apic_write(APIC_TMICT, 0);
	GUEST_EQ(last[0], 0x41);
	guest_done();
}

TEST(timer_periodic) { run_guest(guest_timer_periodic, 5); }

static void guest_timer_masked(u64 arg)
{
	handlers(on_irq);
	apic_on();
	apic_write(APIC_LVTT, 0x10042);
	apic_write(APIC_TMICT, 100);
	let_come(arg);
	GUEST_EQ(count[0], 0);
	guest_done();
}

TEST(timer_masked) { run_guest(guest_timer_masked, 1000); }

static void guest_timer_deadline(u64 arg)
{
	u64 t;
	u32 i;

	handlers(on_irq);
	apic_on();
	apic_write(APIC_LVTT, 0x40043);
	for (i = 0; i < arg; i++) {
		t = rdtsc() + 1000000;
		wrmsr(MSR_TSC_DEADLINE, t);
		while (count[0] == i)
			sti_hlt_cli();
		GUEST_CHECK(rdtsc() >= t);
		GUEST_EQ(rdmsr(MSR_TSC_DEADLINE), 0);
	}
	/* In the past: at once.  Zero: never. */
	wrmsr(MSR_TSC_DEADLINE, 1);
	while (count[0] == arg)
		sti_hlt_cli();
	/* Again when the host was so slow that it was due between the two, or so close that its clocks do not agree on that. */
	do {
		let_come(1);
		cli();
		i = count[0];
		t = rdtsc() + 3000000;
		wrmsr(MSR_TSC_DEADLINE, t);
		wrmsr(MSR_TSC_DEADLINE, 0);
	} while (rdtsc() + 300000 >= t);
	sti();
	while (rdtsc() < t + 3000000)
		cpu_relax();
	GUEST_EQ(count[0], i);
	guest_done();
}

TEST(timer_tsc_deadline)
{
	struct machine m;

	need_ext(KVM_CAP_TSC_DEADLINE_TIMER);
	start(&m, 1);
	vcpu_add_deadline(&m.v[0]);
	vcpu_long(&m.v[0], guest_timer_deadline, 3);
	EXPECT_DONE(&m.v[0]);
}

/* Through all kinds of exits, or none: interrupts of the timer come while the guest runs, and not early. */
static void guest_deadline_running(u64 arg)
{
	u64 t, distance;
	u32 i;

	handlers(on_irq);
	apic_on();
	apic_write(APIC_LVTT, 0x40043);
	sti();
	for (i = 0; i < arg; i++) {
		distance = 1ull << i % 20;
		t = rdtsc() + distance;
		/* Another one first: only the last counts. */
		wrmsr(MSR_TSC_DEADLINE, i & 1 ? t + (1ull << 40) : 0);
		wrmsr(MSR_TSC_DEADLINE, t);
		while (count[0] == i)
			if (i & 2)
				cpuid(0, 0);
		GUEST_CHECK(rdtsc() >= t);
		GUEST_EQ(count[0], i + 1);
		GUEST_EQ(rdmsr(MSR_TSC_DEADLINE), 0);
	}
	guest_done();
}

static void start_deadline(struct machine *m, void (*fn)(u64), u64 arg)
{
	need_ext(KVM_CAP_TSC_DEADLINE_TIMER);
	start(m, 1);
	vcpu_add_deadline(&m->v[0]);
	vcpu_long(&m->v[0], fn, arg);
}

TEST(timer_tsc_deadline_running)
{
	struct machine m;

	start_deadline(&m, guest_deadline_running, 40);
	EXPECT_DONE(&m.v[0]);
}

/* The hardware compares the TSC itself: where it jumps, the deadline comes or goes. */
static void guest_deadline_jumps(u64 arg)
{
	u64 far = 1ull << 44;

	(void)arg;
	handlers(on_irq);
	apic_on();
	apic_write(APIC_LVTT, 0x40043);
	sti();
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + far);
	wrmsr(MSR_TSC, rdtsc() + far);
	while (!count[0])
		cpu_relax();

	wrmsr(MSR_TSC_DEADLINE, rdtsc() + far);
	wrmsr(MSR_TSC_ADJUST, rdmsr(MSR_TSC_ADJUST) + far - 1000000);
	while (count[0] == 1)
		cpu_relax();
	cli();
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + far);
	wrmsr(MSR_TSC, rdtsc() + far - 1000000);
	while (count[0] == 2)
		sti_hlt_cli();
	guest_done();
}

TEST(timer_tsc_deadline_jumps)
{
	struct machine m;

	start_deadline(&m, guest_deadline_jumps, 0);
	EXPECT_DONE(&m.v[0]);
}

static void guest_deadline_outside(u64 arg)
{
	u64 t;
	u32 i;

	handlers(on_irq);
	apic_on();
	apic_write(APIC_LVTT, 0x40043);
	sti();
	for (i = 0; i < arg; i++) {
		t = rdtsc() + 1000000;
		wrmsr(MSR_TSC_DEADLINE, t);
		guest_sync(1);
		while (count[0] == i)
			cpu_relax();
		GUEST_CHECK(rdtsc() >= t);
	}
	t = rdtsc() + (1ull << 40);
	wrmsr(MSR_TSC_DEADLINE, t);
	guest_report(2, t, 0);
	while (count[0] == arg)
		cpu_relax();
	guest_done();
}

static void move_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* A host with fewer of them stays where it is. */
	sched_setaffinity(0, sizeof(set), &set);
}

/* Userspace has the vCPU when its deadline comes, or brings it to another CPU; and it can read and set it. */
TEST(timer_tsc_deadline_outside)
{
	struct machine m;
	struct ucall u;
	u32 i, n = 6;

	start_deadline(&m, guest_deadline_outside, n);
	for (i = 0; i < n; i++) {
		EXPECT_SYNC(&m.v[0], 1);
		move_to_cpu(i & 1);
		if (i & 2)
			sleep_ms(10);
	}
	u = EXPECT_SYNC(&m.v[0], 2);
	CHECK_EQ(get_msr(&m.v[0], MSR_TSC_DEADLINE), u.b);
	CHECK_EQ(set_msr(&m.v[0], MSR_TSC_DEADLINE, get_msr(&m.v[0], MSR_TSC) + 1000000), 1);
	EXPECT_DONE(&m.v[0]);
	CHECK_EQ(get_msr(&m.v[0], MSR_TSC_DEADLINE), 0);
}

TEST(timer_tsc_deadline_scaled)
{
	static const u32 percent[] = { 50, 133, 300 };
	struct machine m;
	long khz;
	u32 i;

	need_ext(KVM_CAP_TSC_CONTROL);
	for (i = 0; i < ARRAY_SIZE(percent); i++) {
		/* One that sleeps, or one that runs, through distances that tell a wrong rate */
		if (i & 1)
			start_deadline(&m, guest_timer_deadline, 3);
		else
			start_deadline(&m, guest_deadline_running, 20);
		khz = CHECK_OK(ioctl(m.v[0].fd, KVM_GET_TSC_KHZ, 0ul));
		CHECK_OK(ioctl(m.v[0].fd, KVM_SET_TSC_KHZ, khz * percent[i] / 100));
		EXPECT_DONE(&m.v[0]);
		vcpu_free(&m.v[0]);
		vm_free(&m.vm);
	}
}

static void guest_self_ipi(u64 arg)
{
	(void)arg;
	handlers(on_irq);
	apic_on();
	apic_write(APIC_ICR, 0x40000 | 0x55);
	wait_for(&count[0], 1);
	cli();
	GUEST_EQ(count[0], 1);
	GUEST_EQ(last[0], 0x55);
	guest_done();
}

TEST(self_ipi) { run_guest(guest_self_ipi, 0); }

/* Pending together: highest first; and what TPR holds back comes when it is lowered. */
static void guest_priorities(u64 arg)
{
	(void)arg;
	handlers(on_irq);
	apic_on();
	apic_write(APIC_ICR, 0x40000 | 0x31);
	apic_write(APIC_ICR, 0x40000 | 0x91);
	apic_write(APIC_ICR, 0x40000 | 0x61);
	GUEST_EQ(apic_read(APIC_IRR + 0x40) >> 17 & 1, 1);
	wait_for(&taken, 3);
	cli();
	GUEST_EQ(order[0], 0x91);
	GUEST_EQ(order[1], 0x61);
	GUEST_EQ(order[2], 0x31);
	apic_write(APIC_TPR, 0x70);
	apic_write(APIC_ICR, 0x40000 | 0x68);
	apic_write(APIC_ICR, 0x40000 | 0x88);
	wait_for(&taken, 4);
	cpu_relax();
	GUEST_EQ(taken, 4);
	GUEST_EQ(order[3], 0x88);
	asm volatile("movq %0, %%cr8" : : "r"(0ul));
	while (taken < 5)
		cpu_relax();
	GUEST_EQ(order[4], 0x68);
	guest_done();
}

TEST(priorities) { run_guest(guest_priorities, 0); }

static void guest_cr8(u64 arg)
{
	u64 v;

	(void)arg;
	asm volatile("movq %0, %%cr8" : : "r"(9ul));
	GUEST_EQ(apic_read(APIC_TPR), 0x90);
	apic_write(APIC_TPR, 0x5f);
	asm volatile("movq %%cr8, %0" : "=r"(v));
	GUEST_EQ(v, 5);
	guest_done();
}

TEST(cr8_is_tpr) { run_guest(guest_cr8, 0); }

/* A second interrupt of a lower class waits for the EOI of the first. */
static void on_nested(struct guest_frame *f)
{
	order[taken++] = f->vector;
	if (f->vector == 0x80) {
		apic_write(APIC_ICR, 0x40000 | 0x70);
		apic_write(APIC_ICR, 0x40000 | 0xa0);
		sti();
		while (taken < 2)
			cpu_relax();
		cpu_relax();
		cli();
		order[taken++] = 1;
	}
	apic_eoi();
}

static void guest_nesting(u64 arg)
{
	(void)arg;
	handlers(on_nested);
	apic_on();
	apic_write(APIC_ICR, 0x40000 | 0x80);
	wait_for(&taken, 4);
	GUEST_EQ(order[0], 0x80);
	GUEST_EQ(order[1], 0xa0);
	GUEST_EQ(order[2], 1);
	GUEST_EQ(order[3], 0x70);
	guest_done();
}

TEST(nesting) { run_guest(guest_nesting, 0); }

static volatile u32 ready;

/* CPU 1 wakes from HLT for each IPI of CPU 0 and answers with one. */
static void guest_ping(u64 n)
{
	u32 i;

	handlers(on_irq);
	apic_on();
	while (!ready)
		cpu_relax();
	for (i = 0; i < n; i++) {
		apic_ipi(1, 0x60);
		while (count[0] == i)
			sti_hlt_cli();
	}
	guest_done();
}

static void guest_pong(u64 n)
{
	u32 i;

	apic_on();
	while (!guest_handler[0x60])
		cpu_relax();
	ready = 1;
	for (i = 0; i < n; i++) {
		while (count[1] == i)
			sti_hlt_cli();
		apic_ipi(0, 0x61);
	}
	guest_done();
}

TEST(ipi_ping_pong)
{
	u64 n = test_scale(300);
	struct machine m;

	start(&m, 2);
	/* As if it had been started: the VMM may say so. */
	CHECK_OK(ioctl(m.v[1].fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ 0 }));
	vcpu_long(&m.v[0], guest_ping, n);
	vcpu_long(&m.v[1], guest_pong, n);
	vcpu_start(&m.v[0]);
	vcpu_start(&m.v[1]);
	vcpu_join(&m.v[0]);
	vcpu_join(&m.v[1]);
}

static void guest_sends_to_all(u64 arg)
{
	handlers(on_irq);
	apic_on();
	while (ready < 3)
		cpu_relax();
	/* All but oneself, then all. */
	apic_write(APIC_ICR, 0xc0000 | 0x50);
	while (count[1] < 1 || count[2] < 1 || count[3] < 1)
		cpu_relax();
	GUEST_EQ(count[0], 0);
	apic_write(APIC_ICR, 0x80000 | 0x51);
	while (count[1] < 2 || count[2] < 2 || count[3] < 2)
		cpu_relax();
	wait_for(&count[0], 1);
	GUEST_EQ(last[arg], 0x51);
	ready = 4;
	guest_done();
}

static void guest_receives(u64 arg)
{
	(void)arg;
	while (!guest_handler[255])
		cpu_relax();
	apic_on();
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	wait_for(&ready, 4);
	cli();
	guest_done();
}

TEST(ipi_broadcast)
{
	struct machine m;
	u32 i;

	start(&m, 4);
	for (i = 1; i < 4; i++) {
		CHECK_OK(ioctl(m.v[i].fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ 0 }));
		vcpu_long(&m.v[i], guest_receives, i);
		vcpu_start(&m.v[i]);
	}
	vcpu_long(&m.v[0], guest_sends_to_all, 0);
	vcpu_start(&m.v[0]);
	for (i = 0; i < 4; i++)
		vcpu_join(&m.v[i]);
}

static void guest_sends_nmi(u64 arg)
{
	(void)arg;
	guest_handler[2] = on_irq;
	apic_on();
	while (!ready)
		cpu_relax();
	apic_ipi(1, 0x400);
	while (!count[1])
		cpu_relax();
	GUEST_EQ(last[1], 2);
	guest_done();
}

static void guest_gets_nmi(u64 arg)
{
	(void)arg;
	apic_on();
	while (!guest_handler[2])
		cpu_relax();
	ready = 1;
	while (!count[1])
		asm volatile("hlt");
	guest_done();
}

TEST(ipi_nmi)
{
	struct machine m;

	start(&m, 2);
	CHECK_OK(ioctl(m.v[1].fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ 0 }));
	vcpu_long(&m.v[0], guest_sends_nmi, 0);
	vcpu_long(&m.v[1], guest_gets_nmi, 0);
	vcpu_start(&m.v[0]);
	vcpu_start(&m.v[1]);
	vcpu_join(&m.v[0]);
	vcpu_join(&m.v[1]);
}

/* The started CPU says where it is: CS:IP by two stores, then a call that ends its run. */
BLOB16(ap_code, "xorw %ax, %ax\n movw %ax, %ds\n movw %cs, %ax\n movw %ax, 0x7f0\n"
		"movb $1, 0x7f2\n movw $0x5e0, %dx\n movl $1, %eax\n outl %eax, %dx\n hlt\n");

#define AP_SEEN 0x7f0

static void guest_starts_ap(u64 vector)
{
	volatile u8 *seen = (u8 *)AP_SEEN + 2;
	u32 i;

	apic_on();
	apic_ipi(1, 0x4500);
	for (i = 0; i < 100; i++)
		cpu_relax();
	GUEST_EQ(*seen, 0);
	apic_ipi(1, 0x4600 | vector);
	while (!*seen)
		cpu_relax();
	GUEST_EQ(*(volatile u16 *)AP_SEEN, vector << 8);
	guest_done();
}

TEST(init_sipi)
{
	struct kvm_mp_state s;
	struct machine m;

	start(&m, 2);
	LOAD(&m.vm, ap_code);
	vcpu_long(&m.v[0], guest_starts_ap, GPA_CODE >> 12);
	vcpu_start(&m.v[1]);
	vcpu_start(&m.v[0]);
	vcpu_join(&m.v[0]);
	vcpu_join(&m.v[1]);
	CHECK_OK(ioctl(m.v[1].fd, KVM_GET_MP_STATE, &s));
	CHECK_EQ(s.mp_state, KVM_MP_STATE_RUNNABLE);
}

static void guest_x2apic(u64 arg)
{
	u64 v;

	(void)arg;
	handlers(on_x2_irq);
	GUEST_EQ(rdmsr_safe(0x802, &v), 13);
	x2apic_on();
	GUEST_EQ(rdmsr(0x802), 0);
	GUEST_EQ(rdmsr(0x803) & 0xf0, 0x10);
	GUEST_EQ(rdmsr(0x80d), 1);
	GUEST_EQ(rdmsr_safe(0x80e, &v), 13);
	GUEST_EQ(wrmsr_safe(0x802, 1), 13);
	GUEST_EQ(wrmsr_safe(0x808, 1ull << 32), 13);
	GUEST_EQ(rdmsr_safe(0x831, &v), 13);
	wrmsr(0x83f, 0x57);
	wait_for(&count[0], 1);
	GUEST_EQ(last[0], 0x57);
	wrmsr(0x830, 0x40000 | 0x58);
	while (count[0] < 2)
		cpu_relax();
	wrmsr(0x830, 0x59);
	while (count[0] < 3)
		cpu_relax();
	cli();
	GUEST_EQ(last[0], 0x59);
	/* Back to xAPIC only through off. */
	GUEST_EQ(wrmsr_safe(MSR_APIC_BASE, 0xfee00900), 13);
	wrmsr(MSR_APIC_BASE, 0xfee00100);
	wrmsr(MSR_APIC_BASE, 0xfee00900);
	GUEST_EQ(apic_read(APIC_ID), 0);
	guest_done();
}

TEST(x2apic) { run_guest(guest_x2apic, 0); }

static void guest_bad_base(u64 arg)
{
	(void)arg;
	GUEST_EQ(wrmsr_safe(MSR_APIC_BASE, 0xfee00901), 13);
	GUEST_EQ(wrmsr_safe(MSR_APIC_BASE, 0xfee00900 | 1ull << 60), 13);
	GUEST_EQ(wrmsr_safe(MSR_APIC_BASE, 0xfee00500), 13);
	GUEST_EQ(rdmsr(MSR_APIC_BASE), 0xfee00900);
	guest_done();
}

TEST(bad_apic_base) { run_guest(guest_bad_base, 0); }

/* HLT with interrupts off sleeps for ever, but not against a signal. */
static void guest_sleeps_deaf(u64 arg)
{
	(void)arg;
	handlers(on_irq);
	apic_on();
	apic_write(APIC_LVTT, 0x40);
	apic_write(APIC_TMICT, 1000);
	guest_sync(1);
	asm volatile("cli; hlt");
	guest_sync(2);
	guest_done();
}

static void *run_once(void *arg)
{
	CHECK_ERR(vcpu_run_raw(arg), EINTR);
	return NULL;
}

TEST(hlt_with_interrupts_off)
{
	struct kvm_mp_state s;
	struct machine m;
	pthread_t t;

	install_kick();
	start(&m, 1);
	vcpu_long(&m.v[0], guest_sleeps_deaf, 0);
	EXPECT_SYNC(&m.v[0], 1);
	/* The test's time limit ends this if it never gets there. */
	do {
		CHECK_EQ(pthread_create(&t, NULL, run_once, &m.v[0]), 0);
		sleep_ms(100);
		kick_and_join(t, NULL);
		CHECK_OK(ioctl(m.v[0].fd, KVM_GET_MP_STATE, &s));
	} while (s.mp_state != KVM_MP_STATE_HALTED);
}

static void guest_logical(u64 arg)
{
	(void)arg;
	handlers(on_irq);
	apic_on();
	apic_write(APIC_DFR, 0xffffffff);
	apic_write(APIC_LDR, 1u << 24);
	sti();
	/* Flat logical: mask 2 is nobody, mask 3 is us. */
	apic_ipi(2, 0x800 | 0x44);
	cpu_relax();
	GUEST_EQ(count[0], 0);
	apic_ipi(3, 0x800 | 0x45);
	while (!count[0])
		cpu_relax();
	GUEST_EQ(last[0], 0x45);
	guest_done();
}

TEST(logical_destination) { run_guest(guest_logical, 0); }

static void guest_illegal_vector(u64 arg)
{
	(void)arg;
	apic_on();
	apic_write(APIC_ESR, 0);
	apic_write(APIC_LVTT, 0x10005);
	apic_write(APIC_ICR, 0x40000 | 5);
	cpu_relax();
	/* Vectors below 16 are never delivered. */
	GUEST_EQ(apic_read(APIC_IRR) & 0xffff, 0);
	guest_done();
}

TEST(illegal_vector)
{
	if (is_kvm())
		SKIP("the reference lets vectors below 16 pend");
	run_guest(guest_illegal_vector, 0);
}

/* How often a CPU of the host has taken reschedule IPIs and posted-interrupt notifications */
static u64 kicks_taken(int cpu)
{
	FILE *f = fopen("/proc/interrupts", "r");
	char line[4096], *p;
	u64 sum = 0, n = 0;

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		p = line + strspn(line, " ");
		if (strncmp(p, "RES:", 4) && strncmp(p, "PIN:", 4))
			continue;
		for (int i = -1; i < cpu; i++)
			n = strtoull(i < 0 ? p + 4 : p, &p, 10);
		sum += n;
	}
	fclose(f);
	return sum;
}

static bool posts(void)
{
	FILE *f = fopen("/sys/module/warren/parameters/posted_interrupts", "r");
	bool vmx = cpuid(1, 0).c & 1 << 5, yes = f && fgetc(f) == 'Y';

	if (f)
		fclose(f);
	return vmx && yes && !is_kvm();
}

/* CPUID would exit. */
static void on_posted(struct guest_frame *f)
{
	last[0] = f->vector;
	wrmsr(x2apic_msr(APIC_EOI), 0);
	count[0]++;
}

static void guest_never_exits(u64 n)
{
	handlers(on_posted);
	x2apic_on();
	ready = 1;
	sti();
	while (count[0] < n)
		;
	cli();
	GUEST_EQ(last[0], 0x80 + (n - 1) % 64);
	guest_done();
}

/* Interrupts for a guest that runs: where they are posted, they reach it and the host takes none of them. */
TEST(interrupts_while_running)
{
	struct kvm_msi msi = { .address_lo = APIC_GPA };
	struct machine m;
	u64 kicks;
	u32 i, n = 100;

	start(&m, 1);
	vcpu_long(&m.v[0], guest_never_exits, n);
	move_to_cpu(1);
	vcpu_start(&m.v[0]);
	move_to_cpu(0);
	while (!GUEST_VAR(&m.vm, ready))
		sched_yield();
	kicks = kicks_taken(1);
	for (i = 0; i < n; i++) {
		msi.data = 0x80 + i % 64;
		CHECK_EQ(ioctl(m.vm.fd, KVM_SIGNAL_MSI, &msi), 1);
		while (GUEST_VAR(&m.vm, count[0]) == i)
			sched_yield();
	}
	kicks = kicks_taken(1) - kicks;
	vcpu_join(&m.v[0]);
	if (posts() && sysconf(_SC_NPROCESSORS_ONLN) > 1)
		CHECK(kicks < n / 4);
}

static void on_mixed(struct guest_frame *f)
{
	count[f->vector & 1]++;
	wrmsr(x2apic_msr(APIC_EOI), 0);
}

static void guest_mixes(u64 n)
{
	handlers(on_mixed);
	x2apic_on();
	ready = 1;
	while (count[0] < n || count[1] < n) {
		sti_hlt_cli();
		sti();
		cpuid(0, 0);
		cli();
	}
	guest_done();
}

static void send_msi(struct machine *m, u32 vector, u32 n)
{
	struct kvm_msi msi = { .address_lo = APIC_GPA, .data = vector };
	u32 i;

	for (i = 0; i < n; i++) {
		CHECK(ioctl(m->vm.fd, KVM_SIGNAL_MSI, &msi) >= 0);
		while (GUEST_VAR(&m->vm, count[vector & 1]) == i)
			sched_yield();
	}
}

static void *sends_odd(void *arg)
{
	send_msi(arg, 0x61, test_scale(2000));
	return NULL;
}

/* Two senders, and a guest that is now running, now halted, now in between: none is lost. */
TEST(interrupts_at_any_time)
{
	u32 n = test_scale(2000);
	struct machine m;
	pthread_t t;

	start(&m, 1);
	vcpu_long(&m.v[0], guest_mixes, n);
	vcpu_start(&m.v[0]);
	while (!GUEST_VAR(&m.vm, ready))
		sched_yield();
	CHECK_EQ(pthread_create(&t, NULL, sends_odd, &m), 0);
	send_msi(&m, 0x60, n);
	pthread_join(t, NULL);
	vcpu_join(&m.v[0]);
}
