// SPDX-License-Identifier: GPL-2.0-only
/* Paravirtual features: MSRs and hypercalls that CPUID's leaf 4000_0001 offers, and what a guest gets by them. */
#include <linux/kvm_para.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

/* Not in the C library's view of <asm/kvm_para.h> on all systems: the numbers of the ABI. */
#define FEATURES 0x40000001
#define MSR_ASYNC_PF 0x4b564d02
#define MSR_STEAL 0x4b564d03
#define MSR_EOI 0x4b564d04
#define MSR_POLL 0x4b564d05
#define HC_MAP_GPA 12
#define GP 13

static volatile u64 amd;

static u64 hypercall(u64 nr, u64 a, u64 b, u64 c)
{
	u64 r;

	if (amd)
		asm volatile("vmmcall" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(0ul) : "memory");
	else
		asm volatile("vmcall" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(0ul) : "memory");
	return r;
}

struct machine {
	struct vm vm;
	struct vcpu v[4];
};

static void start(struct machine *m, u32 cpus)
{
	struct cpuid_regs r = cpuid(0, 0);
	u32 i;

	amd = r.b == 0x68747541;
	vm_init(&m->vm);
	vm_irqchip(&m->vm);
	for (i = 0; i < cpus; i++) {
		vcpu_init(&m->v[i], &m->vm, i);
		vcpu_cpuid(&m->v[i]);
		CHECK_OK(ioctl(m->v[i].fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ 0 }));
	}
}

static bool has_feature(int fd, unsigned long call, u32 bit)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[256];
	} c = { .head.nent = 256 };
	u32 i;

	CHECK_OK(ioctl(fd, call, &c));
	for (i = 0; i < c.head.nent; i++)
		if (c.e[i].function == FEATURES)
			return c.e[i].eax & 1u << bit;
	return false;
}

static void need_feature(u32 bit)
{
	if (!has_feature(open_device(), KVM_GET_SUPPORTED_CPUID, bit))
		SKIP("no feature %u", bit);
}

/* A vCPU whose CPUID shows no feature of the hypervisor. */
static void hide_features(struct vcpu *v)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[256];
	} c = { .head.nent = 256 };
	u32 i;

	CHECK_OK(ioctl(v->fd, KVM_GET_CPUID2, &c));
	for (i = 0; i < c.head.nent; i++)
		if (c.e[i].function == FEATURES)
			c.e[i].eax = 0;
	CHECK_OK(ioctl(v->fd, KVM_SET_CPUID2, &c));
}

static const u32 msrs[] = { 0x11, 0x12, 0x4b564d00, 0x4b564d01, MSR_STEAL, MSR_EOI, MSR_POLL };

static void guest_forbidden(u64 arg)
{
	u64 v, i;

	(void)arg;
	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		GUEST_EQ(rdmsr_safe(msrs[i], &v), GP);
		GUEST_EQ(wrmsr_safe(msrs[i], 0), GP);
	}
	GUEST_EQ(rdmsr_safe(MSR_ASYNC_PF, &v), GP);
	GUEST_EQ(hypercall(KVM_HC_KICK_CPU, 0, 0, 0), -KVM_ENOSYS);
	GUEST_EQ(hypercall(KVM_HC_SEND_IPI, 1, 0, 0), -KVM_ENOSYS);
	GUEST_EQ(hypercall(KVM_HC_SCHED_YIELD, 0, 0, 0), -KVM_ENOSYS);
	guest_done();
}

static void guest_allowed(u64 arg)
{
	u64 v, i;

	(void)arg;
	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		GUEST_EQ(rdmsr_safe(msrs[i], &v), 256);
		GUEST_EQ(wrmsr_safe(msrs[i], 0), 256);
	}
	GUEST_EQ(hypercall(KVM_HC_KICK_CPU, 0, 0, 0), 0);
	GUEST_EQ(hypercall(KVM_HC_SCHED_YIELD, 0, 0, 0), 0);
	/* Nobody has that id. */
	GUEST_EQ(hypercall(KVM_HC_KICK_CPU, 0, 200, 0), 0);
	GUEST_EQ(hypercall(KVM_HC_KICK_CPU, 0, ~0ull, 0), 0);
	GUEST_EQ(hypercall(KVM_HC_SCHED_YIELD, ~0ull >> 32, 0, 0), 0);
	guest_done();
}

/* What CPUID hides works, unless userspace wants it not to. */
TEST(enforced_cpuid)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };
	struct machine m;

	need_ext(KVM_CAP_ENFORCE_PV_FEATURE_CPUID);
	need_feature(KVM_FEATURE_PV_EOI);
	start(&m, 2);
	hide_features(&m.v[0]);
	CHECK_OK(ioctl(m.v[0].fd, KVM_ENABLE_CAP, &cap));
	vcpu_long(&m.v[0], guest_forbidden, 0);
	EXPECT_DONE(&m.v[0]);
	hide_features(&m.v[1]);
	vcpu_long(&m.v[1], guest_allowed, 0);
	EXPECT_DONE(&m.v[1]);
	cap.flags = 1;
	CHECK_ERR(ioctl(m.v[0].fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.flags = 0;
	CHECK_ERR(ioctl(m.vm.fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[1] = 1;
	if (!is_kvm())
		CHECK_ERR(ioctl(m.v[0].fd, KVM_ENABLE_CAP, &cap), EINVAL);
}

static void guest_polls(u64 arg)
{
	(void)arg;
	GUEST_EQ(rdmsr(MSR_POLL), 1);
	wrmsr(MSR_POLL, 0);
	GUEST_EQ(rdmsr(MSR_POLL), 0);
	GUEST_EQ(wrmsr_safe(MSR_POLL, 2), GP);
	GUEST_EQ(rdmsr(MSR_POLL), 0);
	wrmsr(MSR_POLL, 1);
	guest_done();
}

TEST(poll_control)
{
	struct machine m;

	need_feature(KVM_FEATURE_POLL_CONTROL);
	start(&m, 1);
	vcpu_long(&m.v[0], guest_polls, 0);
	EXPECT_DONE(&m.v[0]);
}

static volatile u32 asleep, awake;

/* Interrupts stay off: only a kick ends this HLT. */
static void guest_sleeps(u64 n)
{
	while (n--) {
		asleep++;
		asm volatile("hlt" : : : "memory");
		awake++;
	}
	guest_done();
}

static void guest_kicks(u64 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		while (asleep <= i)
			cpu_relax();
		/* Before its HLT or after */
		GUEST_EQ(hypercall(KVM_HC_KICK_CPU, 0, 1, 0), 0);
		while (awake <= i)
			cpu_relax();
	}
	guest_done();
}

TEST(kick_ends_halt)
{
	u64 n = test_scale(50);
	struct machine m;

	need_feature(KVM_FEATURE_PV_UNHALT);
	start(&m, 2);
	vcpu_long(&m.v[0], guest_kicks, n);
	vcpu_long(&m.v[1], guest_sleeps, n);
	vcpu_start(&m.v[0]);
	vcpu_start(&m.v[1]);
	vcpu_join(&m.v[0]);
	vcpu_join(&m.v[1]);
}

static void guest_kicks_once(u64 arg)
{
	GUEST_EQ(hypercall(KVM_HC_KICK_CPU, 0, arg, 0), 0);
	guest_done();
}

/* A vCPU that was kicked is saved as one that runs. */
TEST(kick_shows_in_saved_state)
{
	struct kvm_mp_state state = { KVM_MP_STATE_HALTED };
	struct machine m;

	need_feature(KVM_FEATURE_PV_UNHALT);
	start(&m, 2);
	CHECK_OK(ioctl(m.v[1].fd, KVM_SET_MP_STATE, &state));
	vcpu_long(&m.v[0], guest_kicks_once, 1);
	EXPECT_DONE(&m.v[0]);
	CHECK_OK(ioctl(m.v[1].fd, KVM_GET_MP_STATE, &state));
	CHECK_EQ(state.mp_state, KVM_MP_STATE_RUNNABLE);
}

/* A HLT that does not exit would not end by a kick. */
TEST(no_kick_where_halt_does_not_exit)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_DISABLE_EXITS, .args = { KVM_X86_DISABLE_EXITS_HLT } };
	struct vcpu v;
	struct vm vm;

	need_ext(KVM_CAP_X86_DISABLE_EXITS);
	need_feature(KVM_FEATURE_PV_UNHALT);
	vm_init(&vm);
	CHECK_OK(ioctl(vm.fd, KVM_ENABLE_CAP, &cap));
	vcpu_init(&v, &vm, 0);
	vcpu_cpuid(&v);
	CHECK(!has_feature(v.fd, KVM_GET_CPUID2, KVM_FEATURE_PV_UNHALT));
	CHECK(has_feature(v.fd, KVM_GET_CPUID2, KVM_FEATURE_PV_EOI));
}

/* The locks of a guest with more vCPUs than the host has CPUs: who waits gives its time to who has it. */
static volatile u32 turn, handed;

static void guest_hands_on(u64 arg)
{
	u32 id = arg & 3, n = arg >> 2, i;

	for (i = 0; i < n; i++) {
		while (turn != id)
			GUEST_EQ(hypercall(KVM_HC_SCHED_YIELD, turn, 0, 0), 0);
		handed++;
		turn = (id + 1) & 3;
		asm volatile("" : : : "memory");
		hypercall(KVM_HC_KICK_CPU, 0, (id + 1) & 3, 0);
	}
	guest_done();
}

TEST(yield_to_who_has_the_turn)
{
	u64 n = test_scale(50), i;
	struct machine m;

	need_feature(KVM_FEATURE_PV_SCHED_YIELD);
	start(&m, 4);
	for (i = 0; i < 4; i++) {
		vcpu_long(&m.v[i], guest_hands_on, n << 2 | i);
		vcpu_start(&m.v[i]);
	}
	for (i = 0; i < 4; i++)
		vcpu_join(&m.v[i]);
	CHECK_EQ(GUEST_VAR(&m.vm, handed), 4 * n);
}

static volatile u32 eoi_bit __attribute__((aligned(4)));
static volatile u32 taken, without_exit, nested_early;

static void on_ipi(struct guest_frame *f)
{
	u32 old = 1;

	(void)f;
	taken++;
	/* As Linux does: the bit goes, or an EOI is written. */
	asm volatile("btrl $0, %0; setc %b1" : "+m"(eoi_bit), "=q"(old) : : "memory");
	if (old & 1)
		without_exit++;
	else
		wrmsr(x2apic_msr(APIC_EOI), 0);
}

/* While another one waits the bit may not be there: nobody would deliver the other. */
static void on_two(struct guest_frame *f)
{
	(void)f;
	wrmsr(x2apic_msr(APIC_ICR), 0x40000 | 0x41);
	if (eoi_bit & 1)
		nested_early++;
	on_ipi(f);
}

static void guest_ends(u64 n)
{
	u32 i;

	guest_handler[0x41] = on_ipi;
	guest_handler[0x51] = on_two;
	x2apic_on();
	wrmsr(MSR_EOI, (u64)&eoi_bit | 1);
	for (i = 1; i <= n; i++) {
		wrmsr(x2apic_msr(APIC_ICR), 0x40000 | 0x41);
		sti();
		while (taken < i)
			cpu_relax();
		cli();
	}
	guest_report(1, without_exit, 0);
	taken = 0;
	for (i = 1; i <= n; i++) {
		wrmsr(x2apic_msr(APIC_ICR), 0x40000 | 0x51);
		sti();
		while (taken < 2 * i)
			cpu_relax();
		cli();
	}
	GUEST_EQ(nested_early, 0);
	/* Nothing is left in service, and it can be turned off. */
	wrmsr(MSR_EOI, 0);
	wrmsr(x2apic_msr(APIC_ICR), 0x40000 | 0x41);
	sti();
	while (taken < 2 * n + 1)
		cpu_relax();
	cli();
	for (i = 0; i < 8; i++)
		GUEST_EQ(rdmsr(0x810 + i), 0);
	GUEST_EQ(wrmsr_safe(MSR_EOI, (u64)&eoi_bit | 3), GP);
	guest_done();
}

TEST(interrupts_end_without_exit)
{
	u64 n = test_scale(50);
	struct machine m;
	struct ucall u;

	need_feature(KVM_FEATURE_PV_EOI);
	start(&m, 1);
	vcpu_long(&m.v[0], guest_ends, n);
	u = EXPECT_SYNC(&m.v[0], 1);
	test_note("%llu of %llu interrupts ended by the bit", (unsigned long long)u.b, (unsigned long long)n);
	/* Hardware that ends them itself leaves the bit alone. When the vCPU's thread loses its CPU just then, an EOI has to be written. */
	if (amd)
		CHECK(u.b <= n && u.b + 1 + n / 10 >= n);
	EXPECT_DONE(&m.v[0]);
}

/* One interrupt from itself */
static void guest_takes_one(void (*handler)(struct guest_frame *))
{
	guest_handler[0x41] = handler;
	x2apic_on();
	wrmsr(MSR_EOI, (u64)&eoi_bit | 1);
	wrmsr(x2apic_msr(APIC_ICR), 0x40000 | 0x41);
	sti();
	while (!taken)
		cpu_relax();
}

/* What the guest did just before userspace looks is in the registers that it reads: the local APIC has not heard of the bit yet. */
static void guest_ends_once(u64 arg)
{
	(void)arg;
	guest_takes_one(on_ipi);
	guest_sync(1);
	guest_done();
}

TEST(ends_show_in_saved_state)
{
	struct kvm_lapic_state lapic;
	struct machine m;
	u32 i;

	need_feature(KVM_FEATURE_PV_EOI);
	start(&m, 1);
	vcpu_long(&m.v[0], guest_ends_once, 0);
	EXPECT_SYNC(&m.v[0], 1);
	CHECK_OK(ioctl(m.v[0].fd, KVM_GET_LAPIC, &lapic));
	for (i = 0; i < 8; i++)
		CHECK_EQ(*(u32 *)&lapic.regs[APIC_ISR + i * 16], 0);
	CHECK_EQ(GUEST_VAR(&m.vm, eoi_bit) & 1, 0);
	EXPECT_DONE(&m.v[0]);
}

static void on_ipi_after_exit(struct guest_frame *f)
{
	guest_sync(1);
	on_ipi(f);
}

static void guest_exits_in_handler(u64 arg)
{
	(void)arg;
	guest_takes_one(on_ipi_after_exit);
	GUEST_EQ(without_exit, 0);
	guest_done();
}

/* Memory that is saved before the local APIC must not say that it may be ended so: it would not be, where both are restored. */
TEST(permission_ends_with_the_run)
{
	struct machine m;

	need_feature(KVM_FEATURE_PV_EOI);
	start(&m, 1);
	vcpu_long(&m.v[0], guest_exits_in_handler, 0);
	EXPECT_SYNC(&m.v[0], 1);
	CHECK_EQ(GUEST_VAR(&m.vm, eoi_bit) & 1, 0);
	EXPECT_DONE(&m.v[0]);
}

/* The guest sees it, too: by its processor priority, by what is in service. */
static void guest_looks_at_ends(u64 reg)
{
	guest_takes_one(on_ipi);
	GUEST_EQ(rdmsr(x2apic_msr(reg)), 0);
	guest_done();
}

TEST(ends_show_in_registers)
{
	static const u32 regs[] = { APIC_PPR, APIC_ISR + 0x41 / 32 * 0x10 };
	struct machine m;
	u32 i;

	need_feature(KVM_FEATURE_PV_EOI);
	for (i = 0; i < 2; i++) {
		start(&m, 1);
		vcpu_long(&m.v[0], guest_looks_at_ends, regs[i]);
		EXPECT_DONE(&m.v[0]);
		vm_free(&m.vm);
	}
}

static struct kvm_steal_time steal __attribute__((aligned(64)));
static volatile u32 stolen_ready;

static void on_wake(struct guest_frame *f)
{
	(void)f;
	wrmsr(x2apic_msr(APIC_EOI), 0);
}

static void guest_halts(u64 n)
{
	volatile u8 *preempted = &steal.preempted;
	u64 i;

	guest_handler[0x41] = on_wake;
	x2apic_on();
	wrmsr(MSR_STEAL, (u64)&steal | 1);
	for (i = 1; i <= n; i++) {
		GUEST_EQ(*preempted, 0);
		stolen_ready = i;
		sti_hlt_cli();
	}
	GUEST_EQ(*preempted, 0);
	GUEST_EQ(((volatile struct kvm_steal_time *)&steal)->version & 1, 0);
	guest_done();
}

static void guest_leaves_notes(u64 n)
{
	u8 old;
	u64 i;

	x2apic_on();
	for (i = 1; i <= n; i++) {
		while (stolen_ready < i)
			cpu_relax();
		/* Asleep: it says so, and takes a note instead of an interrupt. */
		while (!(*(volatile u8 *)&steal.preempted & 1))
			cpu_relax();
		old = 1;
		__atomic_compare_exchange_n(&steal.preempted, &old, 3, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		wrmsr(x2apic_msr(APIC_ICR), 1ull << 32 | 0x41);
	}
	guest_done();
}

static u64 flushes(struct vcpu *v)
{
	int fd = CHECK_OK(ioctl(v->fd, KVM_GET_STATS_FD, 0ul));
	struct kvm_stats_header h;
	struct {
		struct kvm_stats_desc d;
		char name[48];
	} desc;
	u64 value;
	u32 i;

	CHECK_EQ(pread(fd, &h, sizeof(h), 0), sizeof(h));
	for (i = 0; i < h.num_desc; i++) {
		CHECK_EQ(pread(fd, &desc, sizeof(desc), h.desc_offset + i * sizeof(desc)), sizeof(desc));
		if (strcmp(desc.name, "tlb_flush"))
			continue;
		CHECK_EQ(pread(fd, &value, 8, h.data_offset + desc.d.offset), 8);
		return value;
	}
	FAIL("no count of flushes");
}

/* A vCPU that sleeps is marked; each note that others leave is a flush before it goes on. */
TEST(flush_by_note)
{
	u64 n = test_scale(20), before;
	struct machine m;

	need_feature(KVM_FEATURE_PV_TLB_FLUSH);
	start(&m, 2);
	vcpu_long(&m.v[0], guest_leaves_notes, n);
	vcpu_long(&m.v[1], guest_halts, n);
	before = flushes(&m.v[1]);
	vcpu_start(&m.v[1]);
	vcpu_start(&m.v[0]);
	vcpu_join(&m.v[0]);
	vcpu_join(&m.v[1]);
	CHECK(flushes(&m.v[1]) >= before + n);
	CHECK_EQ(GUEST_VAR(&m.vm, steal).preempted, 0);
}

/* The page of a vCPU that sleeps is taken away: it does not go on saying so. */
TEST(mark_goes_with_the_page)
{
	struct machine m;

	need_feature(KVM_FEATURE_PV_TLB_FLUSH);
	if (is_kvm())
		SKIP("KVM leaves the mark");
	start(&m, 1);
	GUEST_VAR(&m.vm, steal).preempted = 0;
	CHECK_EQ(set_msr(&m.v[0], MSR_STEAL, (u64)&steal | 1), 1);
	CHECK_EQ(set_msr(&m.v[0], MSR_STEAL, (u64)&steal | 3), 0);
	CHECK_EQ(get_msr(&m.v[0], MSR_STEAL), (u64)&steal | 1);
	CHECK_EQ(set_msr(&m.v[0], MSR_STEAL, 0), 1);
	CHECK_EQ(GUEST_VAR(&m.vm, steal).preempted, 0);
}

static void guest_maps(u64 arg)
{
	(void)arg;
	GUEST_EQ(hypercall(HC_MAP_GPA, 0x1000, 1, 0), -KVM_ENOSYS);
	guest_sync(1);
	GUEST_EQ(hypercall(HC_MAP_GPA, 0x1001, 1, 0), -KVM_EINVAL);
	GUEST_EQ(hypercall(HC_MAP_GPA, 0x1000, 0, 0), -KVM_EINVAL);
	GUEST_EQ(hypercall(HC_MAP_GPA, 0x1000, ~0ull, 0), -KVM_EINVAL);
	GUEST_EQ(hypercall(HC_MAP_GPA, 0x5000, 3, 0x11), 77);
	guest_done();
}

TEST(hypercall_to_userspace)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_EXIT_HYPERCALL, .args = { 1 << HC_MAP_GPA } };
	struct kvm_regs regs;
	struct machine m;
	u64 rip;

	need_ext(KVM_CAP_EXIT_HYPERCALL);
	start(&m, 1);
	CHECK_EQ(check_ext(m.vm.fd, KVM_CAP_EXIT_HYPERCALL), 1 << HC_MAP_GPA);
	vcpu_long(&m.v[0], guest_maps, 0);
	EXPECT_SYNC(&m.v[0], 1);
	CHECK_OK(ioctl(m.vm.fd, KVM_ENABLE_CAP, &cap));
	cap.args[0] = 1 << 5;
	CHECK_ERR(ioctl(m.vm.fd, KVM_ENABLE_CAP, &cap), EINVAL);
	EXPECT_EXIT(&m.v[0], KVM_EXIT_HYPERCALL);
	CHECK_EQ(m.v[0].run->hypercall.nr, HC_MAP_GPA);
	CHECK_EQ(m.v[0].run->hypercall.args[0], 0x5000);
	CHECK_EQ(m.v[0].run->hypercall.args[1], 3);
	CHECK_EQ(m.v[0].run->hypercall.args[2], 0x11);
	CHECK_EQ(m.v[0].run->hypercall.longmode, 1);
	get_regs(&m.v[0], &regs);
	rip = regs.rip;
	m.v[0].run->hypercall.ret = 77;
	m.v[0].run->immediate_exit = 1;
	CHECK_ERR(vcpu_run_raw(&m.v[0]), EINTR);
	m.v[0].run->immediate_exit = 0;
	get_regs(&m.v[0], &regs);
	CHECK_EQ(regs.rax, 77);
	CHECK_EQ(regs.rip, rip + 3);
	EXPECT_DONE(&m.v[0]);
}

static void guest_maps_once(u64 arg)
{
	(void)arg;
	guest_sync(1);
	hypercall(HC_MAP_GPA, 0x5000, 3, 0x11);
	GUEST_CHECK(false);
}

static void guest_goes_on(u64 arg)
{
	(void)arg;
	guest_sync(2);
	guest_done();
}

/* Userspace goes on with another state instead: what it was asked for is not in that one's RAX. */
TEST(hypercall_that_userspace_leaves)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_EXIT_HYPERCALL, .args = { 1 << HC_MAP_GPA } };
	struct kvm_regs regs;
	struct machine m;

	need_ext(KVM_CAP_EXIT_HYPERCALL);
	if (is_kvm())
		SKIP("KVM moves RIP on in any case");
	start(&m, 1);
	vcpu_long(&m.v[0], guest_maps_once, 0);
	EXPECT_SYNC(&m.v[0], 1);
	CHECK_OK(ioctl(m.vm.fd, KVM_ENABLE_CAP, &cap));
	m.v[0].run->hypercall.ret = 77;
	EXPECT_EXIT(&m.v[0], KVM_EXIT_HYPERCALL);
	CHECK_EQ(m.v[0].run->hypercall.ret, 0);
	m.v[0].run->hypercall.ret = 77;
	vcpu_long(&m.v[0], guest_goes_on, 0);
	get_regs(&m.v[0], &regs);
	regs.rax = 0x1234;
	set_regs(&m.v[0], &regs);
	m.v[0].run->immediate_exit = 1;
	CHECK_ERR(vcpu_run_raw(&m.v[0]), EINTR);
	m.v[0].run->immediate_exit = 0;
	get_regs(&m.v[0], &regs);
	CHECK_EQ(regs.rax, 0x1234);
	EXPECT_SYNC(&m.v[0], 2);
	EXPECT_DONE(&m.v[0]);
}

static struct kvm_clock_pairing pairing __attribute__((aligned(64)));

static void guest_pairs(u64 arg)
{
	u64 before = rdtsc(), r, after;

	(void)arg;
	r = hypercall(KVM_HC_CLOCK_PAIRING, (u64)&pairing, 0, 0);
	after = rdtsc();
	if (!r)
		GUEST_CHECK(pairing.tsc - before <= after - before);
	GUEST_EQ(hypercall(KVM_HC_CLOCK_PAIRING, (u64)&pairing, 1, 0), -KVM_EOPNOTSUPP);
	if (!r)
		GUEST_EQ(hypercall(KVM_HC_CLOCK_PAIRING, TEST_MMIO, 0, 0), -KVM_EFAULT);
	guest_report(1, r, pairing.sec);
	guest_done();
}

TEST(clock_pairing)
{
	struct machine m;
	struct ucall u;
	u64 now;

	start(&m, 1);
	vcpu_long(&m.v[0], guest_pairs, 0);
	u = EXPECT_SYNC(&m.v[0], 1);
	EXPECT_DONE(&m.v[0]);
	if (u.b == (u64)-KVM_EOPNOTSUPP)
		SKIP("the host's clock is not its TSC");
	now = time(NULL);
	CHECK_EQ(u.b, 0);
	CHECK(u.c <= now && u.c + 60 > now);
}
