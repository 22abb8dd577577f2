// SPDX-License-Identifier: GPL-2.0-only
/* Accesses to MSRs that userspace forbids or completes: KVM_X86_SET_MSR_FILTER, KVM_CAP_X86_USER_SPACE_MSR. */

#include "guest.h"
#include "vm.h"

#define GP 13
#define UNKNOWN_MSR 0x4b564d99
#define MSR_PAT 0x277
#define MSR_LSTAR 0xc0000082
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX 0xc0000103
#define MSR_X2APIC_ID 0x802
#define MSR_APIC_BASE 0x1b
#define REASONS (KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER)
#define READ KVM_MSR_FILTER_READ
#define WRITE KVM_MSR_FILTER_WRITE

struct machine {
	struct vm vm;
	struct vcpu v;
};

static void start(struct machine *m, void (*fn)(u64), u64 arg)
{
	need_ext(KVM_CAP_X86_USER_SPACE_MSR);
	need_ext(KVM_CAP_X86_MSR_FILTER);
	vm_init(&m->vm);
	vm_irqchip(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	vcpu_long(&m->v, fn, arg);
}

static int exits(struct machine *m, u64 reasons)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args[0] = reasons };

	return ioctl(m->vm.fd, KVM_ENABLE_CAP, &cap);
}

static int filter(struct machine *m, u32 flags, u32 access, u32 base, u32 nr, u8 *bitmap)
{
	struct kvm_msr_filter f = {
		.flags = flags,
		.ranges[3] = { .flags = access, .base = base, .nmsrs = nr, .bitmap = bitmap },
	};

	return ioctl(m->vm.fd, KVM_X86_SET_MSR_FILTER, &f);
}

/* Runs to an access that userspace shall complete. */
static void expect_msr(struct machine *m, bool write, u32 reason, u32 index)
{
	struct kvm_run *run = m->v.run;

	EXPECT_EXIT(&m->v, write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR);
	CHECK_EQ(run->msr.reason, reason);
	CHECK_EQ(run->msr.index, index);
	CHECK_EQ(run->msr.error, 0);
}

static void guest_unknown(u64 arg)
{
	u64 v;

	(void)arg;
	GUEST_EQ(rdmsr_safe(UNKNOWN_MSR, &v), 256);
	GUEST_EQ(v, 0x1122334455667788);
	GUEST_EQ(rdmsr_safe(UNKNOWN_MSR, &v), GP);
	GUEST_EQ(wrmsr_safe(UNKNOWN_MSR, 0xaabbccdd00112233), 256);
	GUEST_EQ(wrmsr_safe(UNKNOWN_MSR, 1), GP);
	guest_sync(1);
	GUEST_EQ(rdmsr_safe(UNKNOWN_MSR, &v), GP);
	guest_done();
}

TEST(unknown)
{
	struct machine m;
	struct kvm_regs regs;
	u64 rip;

	start(&m, guest_unknown, 0);
	CHECK_OK(exits(&m, KVM_MSR_EXIT_REASON_UNKNOWN));
	expect_msr(&m, false, KVM_MSR_EXIT_REASON_UNKNOWN, UNKNOWN_MSR);
	/* Nothing has happened yet, and the next KVM_RUN makes it happen before it looks for anything else. */
	get_regs(&m.v, &regs);
	rip = regs.rip;
	m.v.run->msr.data = 0x1122334455667788;
	m.v.run->immediate_exit = 1;
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	m.v.run->immediate_exit = 0;
	get_regs(&m.v, &regs);
	CHECK_EQ(regs.rip, rip + 2);
	CHECK_EQ(regs.rax, 0x55667788);
	CHECK_EQ(regs.rdx, 0x11223344);
	expect_msr(&m, false, KVM_MSR_EXIT_REASON_UNKNOWN, UNKNOWN_MSR);
	m.v.run->msr.error = 1;
	expect_msr(&m, true, KVM_MSR_EXIT_REASON_UNKNOWN, UNKNOWN_MSR);
	CHECK_EQ(m.v.run->msr.data, 0xaabbccdd00112233);
	expect_msr(&m, true, KVM_MSR_EXIT_REASON_UNKNOWN, UNKNOWN_MSR);
	m.v.run->msr.error = 1;
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(exits(&m, 0));
	EXPECT_DONE(&m.v);
}

static void guest_invalid(u64 arg)
{
	(void)arg;
	GUEST_EQ(wrmsr_safe(MSR_PAT, 0x0202020202020202), GP);
	GUEST_EQ(wrmsr_safe(MSR_PAT, 0x0202020202020202), 256);
	guest_done();
}

TEST(invalid)
{
	struct machine m;

	start(&m, guest_invalid, 0);
	CHECK_OK(exits(&m, KVM_MSR_EXIT_REASON_INVAL));
	expect_msr(&m, true, KVM_MSR_EXIT_REASON_INVAL, MSR_PAT);
	CHECK_EQ(m.v.run->msr.data, 0x0202020202020202);
	m.v.run->msr.error = 1;
	expect_msr(&m, true, KVM_MSR_EXIT_REASON_INVAL, MSR_PAT);
	EXPECT_DONE(&m.v);
}

/* Registers that userspace sets before it answers are where the guest goes on. */
TEST(moved_on)
{
	struct machine m;
	struct kvm_regs regs;

	start(&m, guest_unknown, 0);
	CHECK_OK(exits(&m, REASONS));
	expect_msr(&m, false, KVM_MSR_EXIT_REASON_UNKNOWN, UNKNOWN_MSR);
	if (is_kvm())
		SKIP("KVM skips an instruction there");
	vcpu_long(&m.v, guest_unknown, 0);
	get_regs(&m.v, &regs);
	m.v.run->immediate_exit = 1;
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	CHECK_EQ(regs.rax, 0);
	m.v.run->immediate_exit = 0;
	expect_msr(&m, false, KVM_MSR_EXIT_REASON_UNKNOWN, UNKNOWN_MSR);
}

static void guest_filtered(u64 msr)
{
	u64 v;

	GUEST_EQ(wrmsr_safe(msr, 0x1000), 256);
	GUEST_EQ(rdmsr(msr), 0x1000);
	guest_sync(1);
	/* Writing is forbidden. */
	GUEST_EQ(wrmsr_safe(msr, 0x2000), GP);
	GUEST_EQ(rdmsr(msr), 0x1000);
	guest_sync(2);
	/* Everything is. */
	GUEST_EQ(wrmsr_safe(msr, 0x2000), GP);
	GUEST_EQ(rdmsr_safe(msr, &v), GP);
	guest_sync(3);
	GUEST_EQ(wrmsr_safe(msr, 0x3000), 256);
	GUEST_EQ(rdmsr_safe(msr, &v), 256);
	GUEST_EQ(v, 0x77);
	guest_sync(4);
	GUEST_EQ(rdmsr(msr), 0x1000);
	guest_done();
}

/* Of an MSR that the guest accesses without an exit otherwise, and of one that always exits */
static void run_filtered(u32 msr)
{
	u8 none[16] = { };
	struct machine m;

	start(&m, guest_filtered, msr);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(filter(&m, KVM_MSR_FILTER_DEFAULT_ALLOW, WRITE, msr - 5, 10, none));
	EXPECT_SYNC(&m.v, 2);
	CHECK_OK(filter(&m, KVM_MSR_FILTER_DEFAULT_ALLOW, READ | WRITE, msr, 1, none));
	EXPECT_SYNC(&m.v, 3);
	CHECK_OK(exits(&m, KVM_MSR_EXIT_REASON_FILTER));
	expect_msr(&m, true, KVM_MSR_EXIT_REASON_FILTER, msr);
	CHECK_EQ(m.v.run->msr.data, 0x3000);
	expect_msr(&m, false, KVM_MSR_EXIT_REASON_FILTER, msr);
	m.v.run->msr.data = 0x77;
	EXPECT_SYNC(&m.v, 4);
	/* No ranges: no filter. Userspace itself is never filtered. */
	CHECK_EQ(get_msr(&m.v, msr), 0x1000);
	CHECK_OK(filter(&m, KVM_MSR_FILTER_DEFAULT_ALLOW, 0, 0, 0, NULL));
	EXPECT_DONE(&m.v);
}

TEST(filter_passed_through) { run_filtered(MSR_KERNEL_GS_BASE); }
TEST(filter_syscall) { run_filtered(MSR_LSTAR); }
TEST(filter_exiting) { run_filtered(MSR_TSC_AUX); }

static void guest_deny(u64 arg)
{
	u64 v;

	(void)arg;
	/* Only the x2APIC's and one other are allowed. */
	GUEST_EQ(rdmsr_safe(MSR_APIC_BASE, &v), 256);
	GUEST_EQ(wrmsr_safe(MSR_APIC_BASE, v | 0x400), 256);
	GUEST_EQ(rdmsr_safe(MSR_X2APIC_ID, &v), 256);
	GUEST_EQ(rdmsr_safe(MSR_LSTAR, &v), GP);
	GUEST_EQ(rdmsr_safe(MSR_KERNEL_GS_BASE, &v), GP);
	GUEST_EQ(rdmsr_safe(0x10, &v), GP);
	guest_done();
}

TEST(default_deny)
{
	u8 all[1] = { 0xff };
	struct machine m;

	start(&m, guest_deny, 0);
	CHECK_OK(filter(&m, KVM_MSR_FILTER_DEFAULT_DENY, READ | WRITE, MSR_APIC_BASE, 1, all));
	EXPECT_DONE(&m.v);
}

/* vCPUs that are made later are under the filter, too. */
TEST(filter_before_the_vcpu)
{
	u8 none[1] = { };
	struct machine m;
	struct vcpu second;
	struct kvm_regs regs;

	start(&m, guest_deny, 0);
	CHECK_OK(filter(&m, KVM_MSR_FILTER_DEFAULT_ALLOW, READ | WRITE, MSR_KERNEL_GS_BASE, 1, none));
	CHECK_OK(exits(&m, REASONS));
	vcpu_init(&second, &m.vm, 1);
	vcpu_cpuid(&second);
	vcpu_long(&second, guest_filtered, MSR_KERNEL_GS_BASE);
	CHECK_OK(ioctl(second.fd, KVM_SET_MP_STATE, &(struct kvm_mp_state) { KVM_MP_STATE_RUNNABLE }));
	EXPECT_EXIT(&second, KVM_EXIT_X86_WRMSR);
	CHECK_EQ(second.run->msr.reason, KVM_MSR_EXIT_REASON_FILTER);
	get_regs(&second, &regs);
	CHECK_EQ(regs.rcx, MSR_KERNEL_GS_BASE);
}

TEST(first_range_decides)
{
	u8 none[1] = { }, all[1] = { 0xff };
	struct kvm_msr_filter f = {
		.ranges[0] = { .flags = READ, .base = MSR_LSTAR, .nmsrs = 1, .bitmap = all },
		.ranges[1] = { .flags = READ | WRITE, .base = MSR_LSTAR, .nmsrs = 1, .bitmap = none },
	};
	struct machine m;

	start(&m, guest_filtered, MSR_LSTAR);
	EXPECT_SYNC(&m.v, 1);
	/* Reads are allowed by the first, writes forbidden by the second. */
	CHECK_OK(ioctl(m.vm.fd, KVM_X86_SET_MSR_FILTER, &f));
	EXPECT_SYNC(&m.v, 2);
}

TEST(refusals)
{
	struct machine m;
	u8 bits[0x700] = { };

	start(&m, guest_unknown, 0);
	CHECK_ERR(exits(&m, 8), EINVAL);
	CHECK_ERR(exits(&m, 1ull << 32), EINVAL);
	CHECK_ERR(filter(&m, 2, READ, 0, 1, bits), EINVAL);
	CHECK_ERR(filter(&m, 0, 4, 0, 1, bits), EINVAL);
	CHECK_ERR(filter(&m, 0, 1u << 31, 0, 1, bits), EINVAL);
	CHECK_ERR(filter(&m, 0, READ, 0, 0x600 * 8 + 1, bits), EINVAL);
	CHECK_ERR(filter(&m, 0, READ, 0, 0xffffffff, bits), EINVAL);
	CHECK_ERR(filter(&m, KVM_MSR_FILTER_DEFAULT_DENY, 0, 0, 0, NULL), EINVAL);
	CHECK_ERR(filter(&m, 0, READ, 0, 1, NULL), EFAULT);
	CHECK_ERR(ioctl(m.vm.fd, KVM_X86_SET_MSR_FILTER, NULL), EFAULT);
	CHECK_OK(filter(&m, 0, READ, 0xffffffff, 0x600 * 8, bits));
	CHECK_OK(filter(&m, 0, READ, 0, 0x600 * 8, bits));
	if (!is_kvm())
		CHECK_ERR(filter(&m, 0, 0, 0, 1, bits), EINVAL);
}
