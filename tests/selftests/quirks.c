// SPDX-License-Identifier: GPL-2.0-only
/* What userspace chooses for a VM by KVM_ENABLE_CAP: quirks, exits, events, ids; and KVM_GET_SREGS2, attributes of the system. */

#include "apic.h"
#include "guest.h"
#include "vm.h"

#define UD 6
#define PF 14
#define MISC_ENABLE 0x1a0
#define MISC_ENABLE_MWAIT (1u << 18)
#define CPUID_MONITOR (1u << 3)		/* of leaf 1, ECX */
#define ENOSYS_RESULT (-1000ull)	/* KVM_ENOSYS */

struct machine {
	struct vm vm;
	struct vcpu v;
};

static void make(struct machine *m)
{
	vm_init(&m->vm);
	vm_irqchip(&m->vm);
}

static void start(struct machine *m, void (*fn)(u64), u64 arg)
{
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	vcpu_long(&m->v, fn, arg);
}

static int enable(struct machine *m, u32 cap, u64 arg)
{
	struct kvm_enable_cap c = { .cap = cap, .args[0] = arg };

	return ioctl(m->vm.fd, KVM_ENABLE_CAP, &c);
}

static void guest_nothing(u64 arg)
{
	(void)arg;
	guest_done();
}

/* Hypercalls of the other vendor */

/* Runs the instruction in a copy of its own; the vector that it raised, or 256. */
static u64 try_foreign(bool amd, u8 *at, u64 *result)
{
	memcpy(at, amd ? "\x0f\x01\xc1\xc3" : "\x0f\x01\xd9\xc3", 4);
	*result = 0x1234;
	guest_fault.vector = 256;
	/* A fault leaves the return address on the stack. */
	asm volatile("movq %%rsp, %%rbx\n\tmovq $9f, guest_fault\n\tcall *%1\n9:\n\t"
		     "movq %%rbx, %%rsp\n\tmovq $0, guest_fault"
		     : "+a"(*result) : "r"(at) : "memory", "rbx", "rcx", "rdx");
	return guest_fault.vector;
}

static u8 code[16] __attribute__((aligned(16)));

static void guest_hypercall(u64 amd)
{
	u64 result;

	GUEST_EQ(try_foreign(amd, code, &result), 256);
	GUEST_EQ(result, ENOSYS_RESULT);
	GUEST_EQ(code[2], amd ? 0xd9 : 0xc1);
	guest_sync(1);
	GUEST_EQ(try_foreign(amd, code, &result), UD);
	GUEST_EQ(code[2], amd ? 0xc1 : 0xd9);
	guest_done();
}

static bool host_is_amd(void)
{
	return cpuid(0, 0).c == 0x444d4163;
}

TEST(hypercall_is_rewritten)
{
	struct machine m;

	need_ext(KVM_CAP_DISABLE_QUIRKS2);
	make(&m);
	start(&m, guest_hypercall, host_is_amd());
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(enable(&m, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_FIX_HYPERCALL_INSN));
	EXPECT_DONE(&m.v);
}

/* MONITOR and MWAIT */

static u64 monitored;

static u64 try_mwait(void)
{
	u64 vector = GUEST_TRY("monitor", : : "a"(&monitored), "c"(0), "d"(0) : "memory");

	GUEST_EQ(GUEST_TRY("mwait", : : "a"(0), "c"(0) : "memory"), vector);
	return vector;
}

static void guest_mwait(u64 arg)
{
	(void)arg;
	GUEST_EQ(cpuid(1, 0).c & CPUID_MONITOR, 0);
	GUEST_EQ(try_mwait(), 256);
	/* The quirk is that this changes nothing in CPUID. */
	wrmsr(MISC_ENABLE, rdmsr(MISC_ENABLE) | MISC_ENABLE_MWAIT);
	GUEST_EQ(cpuid(1, 0).c & CPUID_MONITOR, 0);
	wrmsr(MISC_ENABLE, rdmsr(MISC_ENABLE) & ~(u64)MISC_ENABLE_MWAIT);
	guest_sync(1);
	GUEST_EQ(try_mwait(), UD);
	guest_sync(2);
	wrmsr(MISC_ENABLE, rdmsr(MISC_ENABLE) | MISC_ENABLE_MWAIT);
	GUEST_EQ(cpuid(1, 0).c & CPUID_MONITOR, CPUID_MONITOR);
	GUEST_EQ(try_mwait(), 256);
	wrmsr(MISC_ENABLE, rdmsr(MISC_ENABLE) & ~(u64)MISC_ENABLE_MWAIT);
	GUEST_EQ(cpuid(1, 0).c & CPUID_MONITOR, 0);
	GUEST_EQ(try_mwait(), UD);
	guest_done();
}

TEST(mwait)
{
	struct machine m;

	need_ext(KVM_CAP_DISABLE_QUIRKS2);
	make(&m);
	start(&m, guest_mwait, 0);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(enable(&m, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS));
	EXPECT_SYNC(&m.v, 2);
	CHECK_OK(enable(&m, KVM_CAP_DISABLE_QUIRKS2,
			KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS | KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT));
	EXPECT_DONE(&m.v);
}

/* The local APIC */

static u32 lint0(struct machine *m)
{
	struct kvm_lapic_state s;

	CHECK_OK(ioctl(m->v.fd, KVM_GET_LAPIC, &s));
	return *(u32 *)(s.regs + APIC_LVT0);
}

TEST(lint0)
{
	struct machine with, without;

	need_ext(KVM_CAP_DISABLE_QUIRKS2);
	make(&with);
	start(&with, guest_nothing, 0);
	CHECK_EQ(lint0(&with), 0x700);
	make(&without);
	CHECK_OK(enable(&without, KVM_CAP_DISABLE_QUIRKS, KVM_X86_QUIRK_LINT0_REENABLED));
	start(&without, guest_nothing, 0);
	CHECK_EQ(lint0(&without), 0x10000);
}

static void guest_apic_page(u64 arg)
{
	(void)arg;
	x2apic_on();
	GUEST_EQ(readl(APIC_GPA + APIC_VERSION), 0xffffffff);
	guest_sync(1);
	GUEST_EQ(readl(APIC_GPA + APIC_VERSION), 0x1234);
	guest_done();
}

TEST(lapic_hole)
{
	struct machine m;

	need_ext(KVM_CAP_DISABLE_QUIRKS2);
	make(&m);
	start(&m, guest_apic_page, 0);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(enable(&m, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_LAPIC_MMIO_HOLE));
	EXPECT_MMIO(&m.v, APIC_GPA + APIC_VERSION, 4, false);
	*(u32 *)m.v.run->mmio.data = 0x1234;
	EXPECT_DONE(&m.v);
}

TEST(quirks_refused)
{
	struct machine m;
	u64 mask;

	need_ext(KVM_CAP_DISABLE_QUIRKS2);
	make(&m);
	mask = check_ext(m.vm.fd, KVM_CAP_DISABLE_QUIRKS2);
	CHECK_EQ(mask & 0x7f, 0x7f);
	CHECK_OK(enable(&m, KVM_CAP_DISABLE_QUIRKS2, mask));
	CHECK_ERR(enable(&m, KVM_CAP_DISABLE_QUIRKS2, 1ull << 40), EINVAL);
	CHECK_OK(enable(&m, KVM_CAP_DISABLE_QUIRKS, 0));
}

/* Exits that are not wanted */

static volatile u32 woken;

static void on_wake(struct guest_frame *f)
{
	(void)f;
	woken++;
	apic_eoi();
}

/* Sleeps until a timer comes, then again until an IPI to itself does. */
static void guest_sleeps(u64 arg)
{
	u32 i;

	guest_handler[0x41] = on_wake;
	apic_on();
	apic_write(APIC_TDCR, 0xb);
	for (i = 1; i <= arg; i++) {
		apic_write(APIC_LVTT, 0x41);
		apic_write(APIC_TMICT, 1000000);
		/* AMD-V wakes it up for the host's interrupts, too. */
		while (woken < i)
			sti_hlt_cli();
		asm volatile("pause; pause; pause");
	}
	guest_done();
}

static void run_sleeper(u64 exits)
{
	struct machine m;

	need_ext(KVM_CAP_X86_DISABLE_EXITS);
	make(&m);
	CHECK_OK(enable(&m, KVM_CAP_X86_DISABLE_EXITS, exits));
	start(&m, guest_sleeps, 5);
	EXPECT_DONE(&m.v);
}

TEST(hlt_without_exits) { run_sleeper(KVM_X86_DISABLE_EXITS_HLT); }
TEST(pause_without_exits) { run_sleeper(KVM_X86_DISABLE_EXITS_PAUSE); }

TEST(all_without_exits)
{
	int dev = open_device();

	run_sleeper(check_ext(dev, KVM_CAP_X86_DISABLE_EXITS));
}

static void guest_sleeps_forever(u64 arg)
{
	(void)arg;
	apic_on();
	guest_sync(1);
	for (;;)
		sti_hlt_cli();
}

static void *run_once(void *arg)
{
	struct vcpu *v = arg;

	return (void *)(long)(vcpu_run_raw(v) ? errno : 0);
}

/* A signal ends the HLT for userspace, and new registers end it for good. */
TEST(signal_in_hlt)
{
	struct machine m;
	pthread_t t;
	void *r;

	need_ext(KVM_CAP_X86_DISABLE_EXITS);
	make(&m);
	CHECK_OK(enable(&m, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT));
	start(&m, guest_sleeps_forever, 0);
	EXPECT_SYNC(&m.v, 1);
	install_kick();
	CHECK_EQ(pthread_create(&t, NULL, run_once, &m.v), 0);
	sleep_ms(50);
	kick_and_join(t, &r);
	CHECK_EQ((long)r, EINTR);
	vcpu_long(&m.v, guest_nothing, 0);
	EXPECT_DONE(&m.v);
}

TEST(exits_refused)
{
	struct machine m;

	need_ext(KVM_CAP_X86_DISABLE_EXITS);
	make(&m);
	CHECK_EQ(check_ext(m.vm.fd, KVM_CAP_X86_DISABLE_EXITS) & ~(u64)KVM_X86_DISABLE_EXITS_MWAIT,
		 KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE | KVM_X86_DISABLE_EXITS_CSTATE);
	CHECK_ERR(enable(&m, KVM_CAP_X86_DISABLE_EXITS, 0x10), EINVAL);
	CHECK_ERR(enable(&m, KVM_CAP_X86_DISABLE_EXITS, 1ull << 32), EINVAL);
	start(&m, guest_nothing, 0);
	/* KVM 6.1 accepts that, with vCPUs that exit and others that do not. */
	if (!is_kvm())
		CHECK_ERR(enable(&m, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT), EINVAL);
	EXPECT_DONE(&m.v);
}

/* Events */

static void get_events(struct machine *m, struct kvm_vcpu_events *e)
{
	CHECK_OK(ioctl(m->v.fd, KVM_GET_VCPU_EVENTS, e));
}

static int set_events(struct machine *m, struct kvm_vcpu_events *e)
{
	return ioctl(m->v.fd, KVM_SET_VCPU_EVENTS, e);
}

static volatile u64 fault_address;

static void on_page_fault(struct guest_frame *f)
{
	u64 cr2;

	asm volatile("mov %%cr2, %0" : "=r"(cr2));
	fault_address = cr2;
	GUEST_EQ(f->error, 2);
}

static void guest_faults(u64 arg)
{
	(void)arg;
	guest_handler[PF] = on_page_fault;
	guest_sync(1);
	GUEST_EQ(fault_address, 0x12345678);
	guest_done();
}

TEST(payload)
{
	struct kvm_vcpu_events e, back;
	struct kvm_sregs sregs;
	struct machine m;

	need_ext(KVM_CAP_EXCEPTION_PAYLOAD);
	make(&m);
	start(&m, guest_faults, 0);
	EXPECT_SYNC(&m.v, 1);
	/* Not before it was enabled */
	get_events(&m, &e);
	CHECK_EQ(e.flags & KVM_VCPUEVENT_VALID_PAYLOAD, 0);
	e.flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	CHECK_ERR(set_events(&m, &e), EINVAL);
	CHECK_OK(enable(&m, KVM_CAP_EXCEPTION_PAYLOAD, 1));
	get_events(&m, &e);
	CHECK_EQ(e.flags & KVM_VCPUEVENT_VALID_PAYLOAD, KVM_VCPUEVENT_VALID_PAYLOAD);
	e.exception.pending = 1;
	e.exception.nr = 32;
	CHECK_ERR(set_events(&m, &e), EINVAL);
	e.exception.nr = PF;
	e.exception.has_error_code = 1;
	e.exception.error_code = 2;
	e.exception_has_payload = 1;
	e.exception_payload = 0x12345678;
	CHECK_OK(set_events(&m, &e));
	get_events(&m, &back);
	CHECK(!memcmp(&e, &back, sizeof(e)));
	/* CR2 is written when the fault is delivered. */
	get_sregs(&m.v, &sregs);
	CHECK_EQ(sregs.cr2, 0);
	EXPECT_DONE(&m.v);
}

static volatile u64 dr6;

static void on_debug(struct guest_frame *f)
{
	u64 value;

	(void)f;
	asm volatile("mov %%dr6, %0" : "=r"(value));
	dr6 = value;
}

static void guest_traps(u64 arg)
{
	(void)arg;
	guest_handler[1] = on_debug;
	guest_sync(1);
	GUEST_EQ(dr6, 0xffffefff);
	guest_done();
}

/* What no DR6 holds must not reach the host's. */
TEST(payload_of_debug_exception)
{
	struct kvm_vcpu_events e;
	struct machine m;

	need_ext(KVM_CAP_EXCEPTION_PAYLOAD);
	if (is_kvm())
		SKIP("KVM takes what it is given");
	make(&m);
	CHECK_OK(enable(&m, KVM_CAP_EXCEPTION_PAYLOAD, 1));
	start(&m, guest_traps, 0);
	EXPECT_SYNC(&m.v, 1);
	get_events(&m, &e);
	e.exception.pending = 1;
	e.exception.nr = 1;
	e.exception_has_payload = 1;
	e.exception_payload = ~0ull;
	CHECK_OK(set_events(&m, &e));
	EXPECT_DONE(&m.v);
}

TEST(triple_fault_event)
{
	struct kvm_vcpu_events e;
	struct machine m;

	need_ext(KVM_CAP_X86_TRIPLE_FAULT_EVENT);
	make(&m);
	start(&m, guest_nothing, 0);
	get_events(&m, &e);
	CHECK_EQ(e.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT, 0);
	e.flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	CHECK_ERR(set_events(&m, &e), EINVAL);
	CHECK_OK(enable(&m, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1));
	e.triple_fault.pending = 1;
	CHECK_OK(set_events(&m, &e));
	get_events(&m, &e);
	CHECK_EQ(e.triple_fault.pending, 1);
	e.triple_fault.pending = 0;
	CHECK_OK(set_events(&m, &e));
	get_events(&m, &e);
	CHECK_EQ(e.triple_fault.pending, 0);
	e.triple_fault.pending = 1;
	CHECK_OK(set_events(&m, &e));
	EXPECT_EXIT(&m.v, KVM_EXIT_SHUTDOWN);
	get_events(&m, &e);
	CHECK_EQ(e.triple_fault.pending, 0);
}

TEST(emulation_failure)
{
	struct machine m;

	need_ext(KVM_CAP_EXIT_ON_EMULATION_FAILURE);
	make(&m);
	CHECK_OK(enable(&m, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1));
	CHECK_ERR(enable(&m, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 2), EINVAL);
}

/* Ids */

TEST(max_vcpu_id)
{
	struct machine m, late;
	int max;

	need_ext(KVM_CAP_MAX_VCPU_ID);
	make(&m);
	max = check_ext(m.vm.fd, KVM_CAP_MAX_VCPU_ID);
	CHECK_ERR(enable(&m, KVM_CAP_MAX_VCPU_ID, max + 1), EINVAL);
	CHECK_OK(enable(&m, KVM_CAP_MAX_VCPU_ID, 2));
	CHECK_OK(enable(&m, KVM_CAP_MAX_VCPU_ID, 2));
	CHECK_ERR(enable(&m, KVM_CAP_MAX_VCPU_ID, 3), EINVAL);
	CHECK_ERR(ioctl(m.vm.fd, KVM_CREATE_VCPU, 2), EINVAL);
	CHECK_OK(ioctl(m.vm.fd, KVM_CREATE_VCPU, 1));
	make(&late);
	start(&late, guest_nothing, 0);
	CHECK_ERR(enable(&late, KVM_CAP_MAX_VCPU_ID, 2), EINVAL);
}

/* MSRs of the host's CPU */

#define PLATFORM_INFO 0xce
#define CPUID_FAULTING (1u << 31)
#define ARCH_CAPABILITIES 0x10a
#define CORE_C6_RESIDENCY 0x3fd
#define GP 13

static void guest_platform_info(u64 arg)
{
	u64 v;

	(void)arg;
	GUEST_EQ(rdmsr(PLATFORM_INFO) & 0xff00, 0x1200);
	GUEST_EQ(wrmsr_safe(PLATFORM_INFO, 0), GP);
	guest_sync(1);
	GUEST_EQ(rdmsr_safe(PLATFORM_INFO, &v), GP);
	guest_sync(2);
	GUEST_EQ(rdmsr_safe(PLATFORM_INFO, &v), 256);
	guest_done();
}

TEST(platform_info)
{
	struct machine m;

	need_ext(KVM_CAP_MSR_PLATFORM_INFO);
	make(&m);
	start(&m, guest_platform_info, 0);
	CHECK_EQ(set_msr(&m.v, PLATFORM_INFO, get_msr(&m.v, PLATFORM_INFO) | 0x1200), 1);
	if (!is_kvm())
		CHECK_EQ(set_msr(&m.v, PLATFORM_INFO, CPUID_FAULTING), 0);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(enable(&m, KVM_CAP_MSR_PLATFORM_INFO, 0));
	EXPECT_SYNC(&m.v, 2);
	CHECK_OK(enable(&m, KVM_CAP_MSR_PLATFORM_INFO, 1));
	EXPECT_DONE(&m.v);
}

static u64 feature_msr(u32 index)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head.nmsrs = 1, .entry.index = index };

	CHECK_EQ(ioctl(open_device(), KVM_GET_MSRS, &msrs), 1);
	return msrs.entry.data;
}

static void guest_arch_capabilities(u64 want)
{
	GUEST_EQ(cpuid(7, 0).d >> 29 & 1, 1);
	GUEST_EQ(rdmsr(ARCH_CAPABILITIES), want);
	GUEST_EQ(wrmsr_safe(ARCH_CAPABILITIES, want), GP);
	guest_done();
}

TEST(arch_capabilities)
{
	u64 features = feature_msr(ARCH_CAPABILITIES);
	struct machine m;

	make(&m);
	start(&m, guest_arch_capabilities, features);
	CHECK_EQ(get_msr(&m.v, ARCH_CAPABILITIES), features);
	CHECK_EQ(set_msr(&m.v, ARCH_CAPABILITIES, 0), 1);
	CHECK_EQ(get_msr(&m.v, ARCH_CAPABILITIES), 0);
	CHECK_EQ(set_msr(&m.v, ARCH_CAPABILITIES, features), 1);
	EXPECT_DONE(&m.v);
}

static void guest_residency(u64 arg)
{
	u64 v;

	(void)arg;
	GUEST_EQ(rdmsr_safe(CORE_C6_RESIDENCY, &v), GP);
	GUEST_EQ(wrmsr_safe(CORE_C6_RESIDENCY, 0), GP);
	guest_done();
}

/* Of the host's C-states only those guests know that were given them. */
TEST(residency)
{
	struct machine m;

	make(&m);
	start(&m, guest_residency, 0);
	EXPECT_DONE(&m.v);
}

/* Registers, and what the system can do */

TEST(sregs2)
{
	struct kvm_sregs2 s2;
	struct kvm_sregs s;
	struct machine m;

	need_ext(KVM_CAP_SREGS2);
	make(&m);
	start(&m, guest_nothing, 0);
	get_sregs(&m.v, &s);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_SREGS2, &s2));
	CHECK(!memcmp(&s, &s2, offsetof(struct kvm_sregs, interrupt_bitmap)));
	CHECK_EQ(s2.flags, 0);
	s2.flags = 2;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_SREGS2, &s2), EINVAL);
	/* Long mode has none. */
	s2.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_SREGS2, &s2), EINVAL);
	s2.flags = 0;
	s2.cr2 = 0x4000;
	CHECK_OK(ioctl(m.v.fd, KVM_SET_SREGS2, &s2));
	get_sregs(&m.v, &s);
	CHECK_EQ(s.cr2, 0x4000);
	EXPECT_DONE(&m.v);
}

TEST(pdptrs)
{
	struct kvm_sregs2 s2, back;
	struct machine m;
	u64 i, table[4];

	need_ext(KVM_CAP_SREGS2);
	make(&m);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_cpuid(&m.v);
	for (i = 0; i < 4; i++)
		table[i] = (0x20000 + i * PAGE) | 1;
	vm_write(&m.vm, 0x30000, table, sizeof(table));
	vcpu_prot(&m.v, GPA_CODE);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_SREGS2, &s2));
	s2.cr3 = 0x30000;
	s2.cr4 |= 0x20;
	s2.cr0 |= 0x80000000;
	s2.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	memcpy(s2.pdptrs, table, sizeof(table));
	CHECK_OK(ioctl(m.v.fd, KVM_SET_SREGS2, &s2));
	CHECK_OK(ioctl(m.v.fd, KVM_GET_SREGS2, &back));
	CHECK_EQ(back.flags, KVM_SREGS2_FLAGS_PDPTRS_VALID);
	CHECK(!memcmp(back.pdptrs, table, sizeof(table)));
}

TEST(system_attributes)
{
	u64 xcr0 = 0;
	struct kvm_device_attr attr = { .attr = KVM_X86_XCOMP_GUEST_SUPP, .addr = (u64)(unsigned long)&xcr0 };
	int dev = open_device();

	need_ext(KVM_CAP_SYS_ATTRIBUTES);
	CHECK_OK(ioctl(dev, KVM_HAS_DEVICE_ATTR, &attr));
	CHECK_OK(ioctl(dev, KVM_GET_DEVICE_ATTR, &attr));
	CHECK_EQ(xcr0 & 3, 3);
	attr.addr = 8;
	CHECK_ERR(ioctl(dev, KVM_GET_DEVICE_ATTR, &attr), EFAULT);
	attr.attr = 77;
	CHECK_ERR(ioctl(dev, KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	CHECK_ERR(ioctl(dev, KVM_GET_DEVICE_ATTR, &attr), ENXIO);
	attr.attr = KVM_X86_XCOMP_GUEST_SUPP;
	attr.group = 1;
	CHECK_ERR(ioctl(dev, KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	attr.group = 0;
	attr.flags = 1;
	if (!is_kvm())
		CHECK_ERR(ioctl(dev, KVM_HAS_DEVICE_ATTR, &attr), EINVAL);
}
