// SPDX-License-Identifier: GPL-2.0-only
/* Machine checks: the guest's banks, and errors that userspace reports to it. */

#include "guest.h"
#include "vm.h"

#define MC 18
#define MCG_CAP 0x179
#define MCG_STATUS 0x17a
#define MCG_CTL 0x17b
#define BANK(n) (0x400 + 4 * (n))	/* CTL, STATUS, ADDR, MISC */
#define HWCR 0xc0010015
#define HWCR_STATUS_WRITE (1u << 18)

#define CTL_P (1ull << 8)
#define SER_P (1ull << 24)
#define MCIP 4
#define VAL (1ull << 63)
#define OVER (1ull << 62)
#define UC (1ull << 61)
#define ALL (~0ull)
#define BANKS 10

struct machine {
	struct vm vm;
	struct vcpu v;
};

static void start(struct machine *m, void (*fn)(u64), u64 arg)
{
	need_ext(KVM_CAP_MCE);
	vm_init(&m->vm);
	vm_irqchip(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	vcpu_long(&m->v, fn, arg);
}

static int setup(struct machine *m, u64 cap)
{
	return ioctl(m->v.fd, KVM_X86_SETUP_MCE, &cap);
}

static int report(struct machine *m, u8 bank, u64 status)
{
	struct kvm_x86_mce mce = {
		.status = status, .addr = 0x1234000, .misc = 0x8c, .mcg_status = MCIP | 1, .bank = bank,
	};

	return ioctl(m->v.fd, KVM_X86_SET_MCE, &mce);
}

/* AMD's IA32_MCG_CAP has nothing but IA32_MCG_CTL and the number of banks. */
static u64 cap_of_guest(u64 cap)
{
	return cpuid(0, 0).c == 0x444d4163 ? cap & 0x1ff : cap;
}

static void guest_nothing(u64 arg)
{
	(void)arg;
	guest_done();
}

TEST(capabilities)
{
	int dev = open_device();
	u64 cap = 0;

	need_ext(KVM_CAP_MCE);
	CHECK_EQ(check_ext(dev, KVM_CAP_MCE), 32);
	CHECK_OK(ioctl(dev, KVM_X86_GET_MCE_CAP_SUPPORTED, &cap));
	CHECK_EQ(cap & (CTL_P | SER_P), CTL_P | SER_P);
	CHECK_EQ(cap & 0xff, 0);
	CHECK_ERR(ioctl(dev, KVM_X86_GET_MCE_CAP_SUPPORTED, NULL), EFAULT);
}

TEST(setup_refuses)
{
	struct machine m;

	start(&m, guest_nothing, 0);
	CHECK_ERR(setup(&m, 0), EINVAL);
	CHECK_ERR(setup(&m, CTL_P), EINVAL);
	CHECK_ERR(setup(&m, 33), EINVAL);
	CHECK_ERR(setup(&m, 1ull << 63 | BANKS), EINVAL);
	CHECK_ERR(setup(&m, 1ull << 32 | BANKS), EINVAL);
	CHECK_ERR(ioctl(m.v.fd, KVM_X86_SETUP_MCE, NULL), EFAULT);
	CHECK_EQ(get_msr(&m.v, MCG_CAP), 32);
	CHECK_OK(setup(&m, CTL_P | SER_P | 32));
	CHECK_OK(setup(&m, BANKS));
	CHECK_EQ(get_msr(&m.v, MCG_CAP), BANKS);
	EXPECT_DONE(&m.v);
}

TEST(report_refuses)
{
	struct kvm_x86_mce mce = { .status = VAL, .pad2[2] = 1 };
	struct machine m;

	start(&m, guest_nothing, 0);
	CHECK_OK(setup(&m, BANKS));
	CHECK_ERR(report(&m, BANKS, VAL), EINVAL);
	CHECK_ERR(report(&m, 255, VAL), EINVAL);
	CHECK_ERR(report(&m, 0, UC), EINVAL);
	CHECK_ERR(ioctl(m.v.fd, KVM_X86_SET_MCE, NULL), EFAULT);
	if (!is_kvm())
		CHECK_ERR(ioctl(m.v.fd, KVM_X86_SET_MCE, &mce), EINVAL);
	EXPECT_DONE(&m.v);
}

static void guest_registers(u64 cap)
{
	u64 v;

	GUEST_EQ(rdmsr(MCG_CAP), cap_of_guest(cap));
	GUEST_EQ(wrmsr_safe(MCG_CAP, cap), 13);
	GUEST_EQ(rdmsr_safe(MCG_CTL, &v), cap & CTL_P ? 256 : 13);
	if (cap & CTL_P) {
		GUEST_EQ(v, ALL);
		GUEST_EQ(wrmsr_safe(MCG_CTL, 1), 13);
		GUEST_EQ(wrmsr_safe(MCG_CTL, 0), 256);
	}
	GUEST_EQ(rdmsr(BANK(BANKS - 1)), ALL);
	GUEST_EQ(wrmsr_safe(BANK(0), 2), 13);
	GUEST_EQ(wrmsr_safe(BANK(0), 0), 256);
	GUEST_EQ(wrmsr_safe(BANK(4), ~(1ull << 10)), 256);
	GUEST_EQ(wrmsr_safe(BANK(1) + 1, 0), 256);
	GUEST_EQ(wrmsr_safe(BANK(1) + 1, VAL), 13);
	GUEST_EQ(wrmsr_safe(BANK(1) + 2, 0x5000), 256);
	GUEST_EQ(rdmsr(BANK(1) + 2), 0x5000);
	GUEST_EQ(rdmsr_safe(BANK(BANKS), &v), 13);
	GUEST_EQ(wrmsr_safe(BANK(BANKS), 0), 13);
	GUEST_EQ(wrmsr_safe(MCG_STATUS, 0), 256);
	guest_done();
}

TEST(registers)
{
	u64 cap = CTL_P | SER_P | BANKS;
	struct machine m;

	start(&m, guest_registers, cap);
	CHECK_OK(setup(&m, cap));
	EXPECT_DONE(&m.v);
	CHECK_EQ(set_msr(&m.v, BANK(0) + 1, VAL), 1);
	CHECK_EQ(set_msr(&m.v, BANK(BANKS), 0), 0);
	CHECK_EQ(set_msr(&m.v, MCG_STATUS, MCIP), 1);
	CHECK_EQ(get_msr(&m.v, MCG_STATUS), MCIP);
}

TEST(without_global_control)
{
	struct machine m;

	start(&m, guest_registers, SER_P | BANKS);
	CHECK_OK(setup(&m, SER_P | BANKS));
	EXPECT_DONE(&m.v);
	CHECK_EQ(set_msr(&m.v, MCG_CTL, 0), 1);
	CHECK_EQ(set_msr(&m.v, MCG_CTL, ALL), 0);
}

static volatile u64 seen, seen_status, seen_addr;

static void on_machine_check(struct guest_frame *f)
{
	(void)f;
	seen++;
	seen_status = rdmsr(BANK(3) + 1);
	seen_addr = rdmsr(BANK(3) + 2);
	GUEST_EQ(rdmsr(MCG_STATUS), MCIP | 1);
	wrmsr(BANK(3) + 1, 0);
	wrmsr(MCG_STATUS, 0);
}

static void machine_checks_on(void)
{
	u64 cr4;

	guest_handler[MC] = on_machine_check;
	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	asm volatile("mov %0, %%cr4" : : "r"(cr4 | 0x40));
}

static void guest_uncorrected(u64 arg)
{
	(void)arg;
	machine_checks_on();
	guest_sync(1);
	GUEST_EQ(seen, 1);
	GUEST_EQ(seen_status, VAL | UC | 0x9f);
	GUEST_EQ(seen_addr, 0x1234000);
	/* A bank whose reports are off */
	wrmsr(BANK(3), 0);
	guest_sync(2);
	GUEST_EQ(seen, 1);
	wrmsr(BANK(3), ALL);
	wrmsr(MCG_CTL, 0);
	guest_sync(3);
	GUEST_EQ(seen, 1);
	wrmsr(MCG_CTL, ALL);
	guest_sync(4);
	GUEST_EQ(seen, 2);
	guest_done();
}

TEST(uncorrected)
{
	struct machine m;
	u64 stage;

	start(&m, guest_uncorrected, 0);
	CHECK_OK(setup(&m, CTL_P | BANKS));
	for (stage = 1; stage <= 4; stage++) {
		EXPECT_SYNC(&m.v, stage);
		CHECK_OK(report(&m, 3, VAL | UC | 0x9f));
	}
	EXPECT_DONE(&m.v);
}

static void guest_corrected(u64 arg)
{
	(void)arg;
	machine_checks_on();
	guest_sync(1);
	GUEST_EQ(rdmsr(BANK(3) + 1), VAL | 5);
	guest_sync(2);
	GUEST_EQ(rdmsr(BANK(3) + 1), VAL | OVER | 6);
	GUEST_EQ(seen, 0);
	guest_done();
}

/* They are found by who looks, and the second one says that the first was lost. */
TEST(corrected)
{
	struct machine m;

	start(&m, guest_corrected, 0);
	CHECK_OK(setup(&m, CTL_P | BANKS));
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(report(&m, 3, VAL | 5));
	EXPECT_SYNC(&m.v, 2);
	CHECK_OK(report(&m, 3, VAL | 6));
	EXPECT_DONE(&m.v);
	/* One that was not corrected is not overwritten by one that was. */
	CHECK_EQ(set_msr(&m.v, BANK(3) + 1, VAL | UC), 1);
	CHECK_OK(report(&m, 3, VAL | 7));
	CHECK_EQ(get_msr(&m.v, BANK(3) + 1), VAL | OVER | UC);
}

static void guest_waits(u64 arg)
{
	if (arg)
		machine_checks_on();
	guest_sync(1);
	guest_done();
}

TEST(shutdown_without_cr4_mce)
{
	struct machine m;

	start(&m, guest_waits, 0);
	CHECK_OK(setup(&m, BANKS));
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(report(&m, 3, VAL | UC));
	EXPECT_EXIT(&m.v, KVM_EXIT_SHUTDOWN);
}

TEST(shutdown_in_the_handler)
{
	struct machine m;

	start(&m, guest_waits, 1);
	CHECK_OK(setup(&m, BANKS));
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(set_msr(&m.v, MCG_STATUS, MCIP), 1);
	CHECK_OK(report(&m, 3, VAL | UC));
	EXPECT_EXIT(&m.v, KVM_EXIT_SHUTDOWN);
}

static void guest_amd(u64 clears)
{
	wrmsr(HWCR, HWCR_STATUS_WRITE);
	GUEST_EQ(wrmsr_safe(BANK(0) + 1, VAL), 256);
	GUEST_EQ(rdmsr(BANK(0) + 1), VAL);
	wrmsr(HWCR, 0);
	GUEST_EQ(wrmsr_safe(BANK(0) + 1, VAL), clears ? 13 : 256);
	guest_done();
}

TEST(amd_may_write_a_status)
{
	struct cpuid_regs r = cpuid(0, 0);
	struct machine m;

	if (r.c != 0x444d4163)
		SKIP("the CPU is not AMD's");
	/* KVM 6.1 does not let the guest clear the bit again. */
	start(&m, guest_amd, !is_kvm());
	EXPECT_DONE(&m.v);
}
