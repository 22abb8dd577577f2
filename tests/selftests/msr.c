// SPDX-License-Identifier: GPL-2.0-only
/* MSRs from inside: the guest's own, none of the host's; unknown ones fault. */
#include <stdlib.h>

#include "apic.h"
#include "vm.h"

#define MSR_TSC 0x10
#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_VM_CR 0xc0010114
#define MSR_VM_HSAVE_PA 0xc0010117

struct machine {
	struct vm vm;
	struct vcpu v;
};

static void start(struct machine *m, void (*fn)(u64), u64 arg)
{
	vm_init(&m->vm);
	vm_irqchip(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	vcpu_long(&m->v, fn, arg);
}

static void run_guest(void (*fn)(u64), u64 arg)
{
	struct machine m;

	start(&m, fn, arg);
	EXPECT_DONE(&m.v);
}

static void guest_unknown(u64 arg)
{
	static const u32 unknown[] = { 0x2, 0x1234, 0x3fff, 0x7fffffff, 0xc0000fff,
				       0xc0002fff, 0xdeadbeef, 0xffffffff };
	u64 v;
	u32 i;

	(void)arg;
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		v = 0;
		GUEST_EQ(rdmsr_safe(unknown[i], &v), 13);
		GUEST_EQ(v, 0);
		GUEST_EQ(wrmsr_safe(unknown[i], 0), 13);
	}
	guest_done();
}

TEST(unknown_msrs_fault) { run_guest(guest_unknown, 0); }

static const u32 hyperv_msrs[] = { 0x40000021, 0x40000073 };

static void guest_of_no_hyperv(u64 arg)
{
	u64 v;
	u32 i;

	(void)arg;
	for (i = 0; i < ARRAY_SIZE(hyperv_msrs); i++) {
		GUEST_EQ(rdmsr_safe(hyperv_msrs[i], &v), 13);
		GUEST_EQ(wrmsr_safe(hyperv_msrs[i], 0), 13);
	}
	guest_done();
}

/* A VMM may reset Hyper-V's registers as if they were there; the guest has none. */
TEST(no_hyperv)
{
	struct machine m;
	u32 i;

	if (is_kvm())
		SKIP("the reference has Hyper-V's features");
	start(&m, guest_of_no_hyperv, 0);
	for (i = 0; i < ARRAY_SIZE(hyperv_msrs); i++) {
		CHECK_EQ(set_msr(&m.v, hyperv_msrs[i], 0), 1);
		CHECK_EQ(set_msr(&m.v, hyperv_msrs[i], 1), 0);
		CHECK_EQ(get_msr(&m.v, hyperv_msrs[i]), 0);
	}
	EXPECT_DONE(&m.v);
}

static void guest_round_trips(u64 arg)
{
	static const u32 msrs[] = { MSR_STAR, MSR_LSTAR, 0xc0000083, 0xc0000084, MSR_FS_BASE,
				    MSR_GS_BASE, MSR_KERNEL_GS_BASE, 0x174, 0x175, 0x176, 0x1fc };
	u64 v, i;

	(void)arg;
	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		v = 0x1000 + i * 0x1000;
		GUEST_EQ(wrmsr_safe(msrs[i], v), 256);
		GUEST_EQ(rdmsr(msrs[i]), v);
	}
	for (i = 0; i < ARRAY_SIZE(msrs); i++)
		GUEST_EQ(rdmsr(msrs[i]), 0x1000 + i * 0x1000);
	guest_done();
}

TEST(round_trips) { run_guest(guest_round_trips, 0); }

static void guest_noncanonical(u64 arg)
{
	static const u32 msrs[] = { MSR_LSTAR, MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE };
	u32 i;

	/* TCG lets some of them pass in hardware: what the host's side sets is checked below. */
	for (i = 0; i < ARRAY_SIZE(msrs) && arg; i++)
		GUEST_EQ(wrmsr_safe(msrs[i], 0x8000000000000000), 13);
	GUEST_EQ(wrmsr_safe(MSR_EFER, 1ull << 40), 13);
	GUEST_EQ(wrmsr_safe(MSR_EFER, 0), 13);
	guest_done();
}

TEST(bad_values)
{
	struct machine m;

	start(&m, guest_noncanonical, 0);
	EXPECT_DONE(&m.v);
	CHECK_EQ(set_msr(&m.v, MSR_LSTAR, 0x8000000000000000), 0);
	CHECK_EQ(set_msr(&m.v, MSR_KERNEL_GS_BASE, 0x8000000000000000), 0);
	CHECK_EQ(set_msr(&m.v, MSR_EFER, 1ull << 40), 0);
}

/* A fresh vCPU's MSRs hold the reset values, not what the host's kernel has there. */
TEST(no_host_values)
{
	static const u32 zero[] = { MSR_STAR, MSR_LSTAR, 0xc0000083, 0xc0000084,
				    MSR_KERNEL_GS_BASE, 0x174, 0x175, 0x176, 0x1fc };
	struct machine m;
	u32 i;

	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	for (i = 0; i < ARRAY_SIZE(zero); i++)
		if (get_msr(&m.v, zero[i]))
			FAIL("MSR %#x: expected 0 on a fresh vCPU, got %#llx", zero[i],
			     (unsigned long long)get_msr(&m.v, zero[i]));
}

static void guest_reads_reset(u64 arg)
{
	(void)arg;
	GUEST_EQ(rdmsr(MSR_LSTAR), 0);
	GUEST_EQ(rdmsr(MSR_STAR), 0);
	GUEST_EQ(rdmsr(0xc0000083), 0);
	GUEST_EQ(rdmsr(0xc0000084), 0);
	GUEST_EQ(rdmsr(MSR_KERNEL_GS_BASE), 0);
	GUEST_EQ(rdmsr(0x174), 0);
	GUEST_EQ(rdmsr(0x175), 0);
	GUEST_EQ(rdmsr(0x176), 0);
	guest_done();
}

TEST(guest_sees_no_host_values) { run_guest(guest_reads_reset, 0); }

/* The guest's values must not stay on the CPU: user space still makes system calls. */
static void guest_spoils(u64 arg)
{
	u64 i;

	for (i = 0; i < arg; i++) {
		wrmsr(MSR_STAR, 0);
		wrmsr(MSR_LSTAR, 0x1000 + i);
		wrmsr(0xc0000084, 0);
		wrmsr(MSR_KERNEL_GS_BASE, i);
		wrmsr(MSR_GS_BASE, i);
		wrmsr(MSR_FS_BASE, i);
		guest_sync(1);
		GUEST_EQ(rdmsr(MSR_LSTAR), 0x1000 + i);
		GUEST_EQ(rdmsr(MSR_KERNEL_GS_BASE), i);
		GUEST_EQ(rdmsr(MSR_FS_BASE), i);
	}
	guest_done();
}

TEST(host_keeps_its_own)
{
	u64 i, n = test_scale(200);
	struct machine m;

	start(&m, guest_spoils, n);
	for (i = 0; i < n; i++) {
		EXPECT_SYNC(&m.v, 1);
		CHECK_EQ(get_msr(&m.v, MSR_LSTAR), 0x1000 + i);
		CHECK_EQ(get_msr(&m.v, MSR_KERNEL_GS_BASE), i);
	}
	EXPECT_DONE(&m.v);
}

TEST(two_vcpus_do_not_mix)
{
	u64 i, n = test_scale(100);
	struct machine a, b;

	start(&a, guest_spoils, n);
	start(&b, guest_spoils, n);
	for (i = 0; i < n; i++) {
		EXPECT_SYNC(&a.v, 1);
		EXPECT_SYNC(&b.v, 1);
	}
	EXPECT_DONE(&a.v);
	EXPECT_DONE(&b.v);
}

static void guest_tsc(u64 arg)
{
	u64 a, b, i;

	a = rdtsc();
	for (i = 0; i < arg; i++) {
		b = rdtsc();
		GUEST_CHECK(b >= a);
		a = b;
	}
	wrmsr(MSR_TSC, 1ull << 40);
	a = rdtsc();
	GUEST_CHECK(a >= 1ull << 40);
	GUEST_CHECK(a < (1ull << 40) + (1ull << 38));
	GUEST_CHECK(rdmsr(MSR_TSC) >= a);
	guest_done();
}

TEST(tsc) { run_guest(guest_tsc, 1000); }

static void guest_reports_tsc(u64 arg)
{
	(void)arg;
	for (;;)
		guest_report(1, rdtsc(), 0);
}

TEST(tsc_set_by_the_host)
{
	struct machine m;
	struct ucall u;

	start(&m, guest_reports_tsc, 0);
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(set_msr(&m.v, MSR_TSC, 1ull << 45), 1);
	u = EXPECT_SYNC(&m.v, 1);
	CHECK(u.b >= 1ull << 45 && u.b < (1ull << 45) + (1ull << 40));
	CHECK(get_msr(&m.v, MSR_TSC) >= u.b);
}

static void guest_toggles_efer(u64 arg)
{
	u64 e = rdmsr(MSR_EFER);

	(void)arg;
	GUEST_EQ(e & 0x500, 0x500);
	wrmsr(MSR_EFER, e | 1);
	GUEST_EQ(rdmsr(MSR_EFER) & 1, 1);
	wrmsr(MSR_EFER, e);
	GUEST_EQ(rdmsr(MSR_EFER), e);
	/* The host's SVME bit must not shine through. */
	GUEST_EQ(e & 0x1000, 0);
	guest_done();
}

TEST(efer) { run_guest(guest_toggles_efer, 0); }

static void guest_looks_for_svm(u64 arg)
{
	u64 v;

	(void)arg;
	/* Whatever is offered: the host's save area must not be seen. */
	if (rdmsr_safe(MSR_VM_HSAVE_PA, &v) == 256)
		GUEST_EQ(v, 0);
	if (rdmsr_safe(0x9e, &v) == 256)
		GUEST_EQ(v >> 40, 0);
	guest_done();
}

TEST(host_save_area_is_hidden) { run_guest(guest_looks_for_svm, 0); }

static void guest_apic_base(u64 arg)
{
	GUEST_EQ(rdmsr(MSR_APIC_BASE), arg);
	wrmsr(MSR_APIC_BASE, arg & ~(u64)APIC_BASE_ON);
	GUEST_EQ(rdmsr(MSR_APIC_BASE), arg & ~(u64)APIC_BASE_ON);
	GUEST_EQ(cpuid(1, 0).d >> 9 & 1, 0);
	wrmsr(MSR_APIC_BASE, arg);
	GUEST_EQ(cpuid(1, 0).d >> 9 & 1, 1);
	guest_done();
}

TEST(apic_base) { run_guest(guest_apic_base, 0xfee00900); }

static void guest_misc(u64 arg)
{
	u64 v;

	(void)arg;
	/* What unmodified Linux touches on an AMD CPU, before it has set up fixups. */
	GUEST_EQ(rdmsr_safe(0x8b, &v), 256);
	GUEST_EQ(rdmsr_safe(0xc0010015, &v), 256);
	GUEST_EQ(rdmsr_safe(0x179, &v), 256);
	GUEST_EQ(rdmsr_safe(0xfe, &v), 256);
	GUEST_EQ(rdmsr_safe(0x277, &v), 256);
	GUEST_EQ(v, 0x0007040600070406);
	guest_done();
}

TEST(linux_touches) { run_guest(guest_misc, 0); }

static void guest_mtrr(u64 arg)
{
	u64 v;

	(void)arg;
	GUEST_EQ(wrmsr_safe(0x2ff, 0xc06), 256);
	GUEST_EQ(rdmsr_safe(0x2ff, &v), 256);
	GUEST_EQ(v, 0xc06);
	GUEST_EQ(wrmsr_safe(0x200, 0x80000006), 256);
	GUEST_EQ(rdmsr(0x200), 0x80000006);
	GUEST_EQ(wrmsr_safe(0x277, 0x0507040600070406), 256);
	GUEST_EQ(wrmsr_safe(0x277, 0x0207040600070406), 13);
	GUEST_EQ(rdmsr(0x277), 0x0507040600070406);
	guest_done();
}

TEST(mtrr_and_pat) { run_guest(guest_mtrr, 0); }

static void guest_sweeps(u64 arg)
{
	u64 v;
	u32 i;

	for (i = 0; i < arg; i++) {
		rdmsr_safe(i, &v);
		rdmsr_safe(0xc0000000 + i, &v);
		rdmsr_safe(0xc0010000 + i, &v);
	}
	guest_done();
}

/* Reading what may exist must neither hang nor end the VM. */
TEST(sweep_reads) { run_guest(guest_sweeps, test_scale(1024)); }

struct msr_list {
	struct kvm_msrs h;
	struct kvm_msr_entry e[64];
};

TEST(host_side_batch)
{
	struct msr_list *l = calloc(1, sizeof(*l));
	struct machine m;
	u32 i;

	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	l->h.nmsrs = 4;
	for (i = 0; i < 4; i++) {
		l->e[i].index = MSR_STAR + i;
		l->e[i].data = 0x1000 * (i + 1);
	}
	CHECK_EQ(ioctl(m.v.fd, KVM_SET_MSRS, l), 4);
	memset(l->e, 0, sizeof(l->e));
	for (i = 0; i < 4; i++)
		l->e[i].index = MSR_STAR + 3 - i;
	CHECK_EQ(ioctl(m.v.fd, KVM_GET_MSRS, l), 4);
	for (i = 0; i < 4; i++)
		CHECK_EQ(l->e[i].data, 0x1000 * (4 - i));
}
