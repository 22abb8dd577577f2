// SPDX-License-Identifier: GPL-2.0-only
/* KVM_SET_GUEST_DEBUG: breakpoints and single steps of a debugger in userspace, of which the guest sees nothing. */

#include "guest.h"
#include "vm.h"

#define TF 0x100u
#define RF 0x10000u
#define BS 0x4000u		/* of DR6 */
#define BD 0x2000u
#define DR6_NONE 0xffff0ff0u
#define DR7_NONE 0x400u
#define STEP (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP)
#define SW_BP (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP)
#define HW_BP (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP)
#define ALL_FLAGS 0x1f0003u
#define DB 1
#define BP 3
#define HANDLER 0x9000		/* of events, in guest memory */
#define COUNT 0xa000		/* where guests leave results */

struct machine {
	struct vm vm;
	struct vcpu v;
};

static void need_debug(void)
{
	need_ext(KVM_CAP_SET_GUEST_DEBUG);
}

/* KVM on AMD-V steps with RFLAGS.TF, and the guest sees it; a step over an event runs on to the end of its handler. */
static void not_on_kvm(const char *what)
{
	if (is_kvm())
		SKIP("the reference: %s", what);
}

/* To the emulator INT3 is INT n, which KVM does not intercept. */
static void need_bp(void)
{
	if (is_kvm() && host_is_tcg())
		SKIP("the emulator raises no #BP that KVM sees");
}

static int debug_raw(struct machine *m, u32 control, const u64 *dr)
{
	struct kvm_guest_debug d = { .control = control, .pad = 0xdeadbeef };

	if (dr)
		memcpy(d.arch.debugreg, dr, sizeof(d.arch.debugreg));
	else
		d.arch.debugreg[7] = DR7_NONE;
	return ioctl(m->v.fd, KVM_SET_GUEST_DEBUG, &d);
}

static void debug(struct machine *m, u32 control)
{
	CHECK_OK(debug_raw(m, control, NULL));
}

static void start(struct machine *m, const u8 *code, const u8 *end)
{
	need_debug();
	vm_init(&m->vm);
	vm_var(&m->vm, &guest_fault);
	vm_write(&m->vm, GPA_CODE, code, end - code);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	vcpu_long_at(&m->v, GPA_CODE);
}
#define START(m, name) start(m, name, name##_end)

static void gate(struct machine *m, u32 vector, u32 to)
{
	u64 *idt = (u64 *)(m->vm.mem + GPA_IDT);

	idt[2 * vector] = (to & 0xffff) | 8 << 16 | 0x8e00ull << 32 | (u64)(to >> 16) << 48;
	idt[2 * vector + 1] = 0;
}

static u64 memory(struct machine *m, u64 gpa)
{
	return *(volatile u64 *)(m->vm.mem + gpa);
}

static u64 stack(struct machine *m, u32 slot)
{
	struct kvm_regs r;

	get_regs(&m->v, &r);
	return memory(m, r.rsp + 8 * slot);
}

static void expect_debug(struct machine *m, u32 exception, u64 pc, const char *file, int line)
{
	struct kvm_run *run = m->v.run;
	struct kvm_regs r;

	expect_exit(&m->v, KVM_EXIT_DEBUG, file, line);
	if (run->debug.arch.exception != exception || run->debug.arch.pc != pc)
		test_fail(file, line, "expected exception %u at %#llx, got %u at %#llx, dr6 %#llx", exception,
			  (unsigned long long)pc, run->debug.arch.exception, run->debug.arch.pc,
			  run->debug.arch.dr6);
	get_regs(&m->v, &r);
	if (r.rflags & TF)
		test_fail(file, line, "the debugger's TF is in RFLAGS: %#llx", r.rflags);
}
#define EXPECT_DEBUG(m, exception, offset) expect_debug(m, exception, GPA_CODE + (offset), __FILE__, __LINE__)

static void expect_step(struct machine *m, u64 pc, const char *file, int line)
{
	expect_debug(m, DB, pc, file, line);
	if ((m->v.run->debug.arch.dr6 & 0xf00f) != BS)
		test_fail(file, line, "expected a step, got dr6 %#llx", m->v.run->debug.arch.dr6);
}
#define EXPECT_STEP(m, offset) expect_step(m, GPA_CODE + (offset), __FILE__, __LINE__)

TEST(capabilities)
{
	int fd = open_device();

	need_debug();
	CHECK_EQ(check_ext(fd, KVM_CAP_SET_GUEST_DEBUG), 1);
	CHECK_EQ(check_ext(fd, KVM_CAP_SET_GUEST_DEBUG2), ALL_FLAGS);
	CHECK_EQ(check_ext(fd, KVM_CAP_X86_ROBUST_SINGLESTEP), 1);
}

BLOB64(nops, "nop; nop; nop; nop; hlt");

TEST(refusals)
{
	u64 dr[8] = { [7] = 1ull << 32 | DR7_NONE };
	struct machine m;
	u32 bit;

	START(&m, nops);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_GUEST_DEBUG, NULL), EFAULT);
	/* The second exception finds the first one waiting. */
	debug(&m, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB);
	CHECK_ERR(debug_raw(&m, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP, NULL), EBUSY);
	CHECK_ERR(debug_raw(&m, KVM_GUESTDBG_INJECT_DB, NULL), EBUSY);
	debug(&m, STEP);
	not_on_kvm("it takes unknown flags");
	for (bit = 0; bit < 32; bit++)
		if (!(ALL_FLAGS & 1u << bit))
			CHECK_ERR(debug_raw(&m, KVM_GUESTDBG_ENABLE | 1u << bit, NULL), EINVAL);
	CHECK_ERR(debug_raw(&m, HW_BP, dr), EINVAL);
	/* Without the flag, registers are not looked at. */
	CHECK_OK(debug_raw(&m, SW_BP, dr));
}

BLOB64(int3, "nop; int3; nop; hlt");

TEST(software_breakpoint)
{
	struct machine m;
	struct kvm_regs r;

	need_bp();
	START(&m, int3);
	debug(&m, SW_BP);
	EXPECT_DEBUG(&m, BP, 1);
	/* As often as it is run into, until the instruction is put back. */
	EXPECT_DEBUG(&m, BP, 1);
	m.vm.mem[GPA_CODE + 1] = 0x90;
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rip, GPA_CODE + 4);
}

BLOB16(int3_real, "nop; int3; hlt");

/* pc is a linear address. */
TEST(software_breakpoint_in_real_mode)
{
	struct machine m;
	struct kvm_sregs s;

	need_bp();
	START(&m, int3_real);
	vcpu_free(&m.v);
	vcpu_init(&m.v, &m.vm, 1);
	vcpu_real(&m.v, GPA_CODE - 0x4000);
	get_sregs(&m.v, &s);
	s.cs.selector = 0x400;
	s.cs.base = 0x4000;
	set_sregs(&m.v, &s);
	debug(&m, SW_BP);
	EXPECT_DEBUG(&m, BP, 1);
	debug(&m, STEP);
	vm_write(&m.vm, GPA_CODE + 1, "\x90", 1);
	EXPECT_STEP(&m, 2);
}

/* Handlers of the guest: count, and leave what was pushed where the test finds it. */
BLOB64(handler, "incq 0xa000; movq (%rsp), %r8; movq 16(%rsp), %r9; iretq");

static void set_handler(struct machine *m, u32 vector)
{
	vm_write(&m->vm, HANDLER, handler, handler_end - handler);
	gate(m, vector, HANDLER);
}

/* Without KVM_GUESTDBG_USE_SW_BP, and with no debugger, #BP is the guest's. */
TEST(breakpoint_of_the_guest)
{
	struct machine m;
	struct kvm_regs r;

	START(&m, int3);
	set_handler(&m, BP);
	debug(&m, HW_BP);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(memory(&m, COUNT), 1);
	CHECK_EQ(r.r8, GPA_CODE + 2);
	CHECK_EQ(r.r9 & TF, 0);
}

/* A breakpoint that is not the debugger's goes back to the guest, which sees RIP after INT3. */
TEST(inject_bp)
{
	struct machine m;
	struct kvm_regs r;

	need_bp();
	START(&m, int3);
	set_handler(&m, BP);
	debug(&m, SW_BP);
	EXPECT_DEBUG(&m, BP, 1);
	debug(&m, SW_BP | KVM_GUESTDBG_INJECT_BP);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(memory(&m, COUNT), 1);
	CHECK_EQ(r.r8, GPA_CODE + 2);
}

/* The same, as a VMM does that has KVM_CAP_VCPU_EVENTS. */
TEST(inject_bp_as_event)
{
	struct kvm_vcpu_events e;
	struct machine m;
	struct kvm_regs r;

	need_bp();
	START(&m, int3);
	set_handler(&m, BP);
	debug(&m, SW_BP);
	EXPECT_DEBUG(&m, BP, 1);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_VCPU_EVENTS, &e));
	e.exception.injected = 1;
	e.exception.nr = BP;
	e.exception.has_error_code = 0;
	CHECK_OK(ioctl(m.v.fd, KVM_SET_VCPU_EVENTS, &e));
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(memory(&m, COUNT), 1);
	CHECK_EQ(r.r8, GPA_CODE + 2);
}

TEST(inject_db)
{
	struct machine m;
	struct kvm_regs r;

	START(&m, nops);
	set_handler(&m, DB);
	/* Injected with the debugger and without one. */
	debug(&m, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB);
	m.v.run->immediate_exit = 1;
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	m.v.run->immediate_exit = 0;
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(memory(&m, COUNT), 1);
	CHECK_EQ(r.r8, GPA_CODE);
}

/* What the CPU runs, what exits for it, and what jumps. */
BLOB64(plain, "nop; xorl %eax, %eax; movq $1, %rbx; cpuid; movl $0xc0000080, %ecx; rdmsr; wrmsr; cld; cli;"
	      "jmp 1f; nop; 1: call 2f; hlt; 2: ret");

TEST(step)
{
	static const u8 after[] = { 1, 3, 10, 12, 17, 19, 21, 22, 23, 26, 32, 31 };
	struct machine m;
	struct kvm_regs r;
	u32 i;

	START(&m, plain);
	debug(&m, STEP);
	for (i = 0; i < ARRAY_SIZE(after); i++) {
		EXPECT_STEP(&m, after[i]);
		/* Setting it anew, as VMMs do for each step, or not is the same. */
		if (i % 2)
			debug(&m, STEP | KVM_GUESTDBG_BLOCKIRQ);
	}
	get_regs(&m.v, &r);
	CHECK_EQ(m.v.run->debug.arch.dr6, DR6_NONE | BS);
	CHECK_EQ(m.v.run->debug.arch.dr7, DR7_NONE);
	debug(&m, 0);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
}

/* A debugger that writes registers between steps: TF is neither lost nor left behind. */
TEST(step_and_set_regs)
{
	struct machine m;
	struct kvm_regs r;

	START(&m, nops);
	debug(&m, STEP);
	EXPECT_STEP(&m, 1);
	get_regs(&m.v, &r);
	r.rip = GPA_CODE;
	set_regs(&m.v, &r);
	EXPECT_STEP(&m, 1);
	EXPECT_STEP(&m, 2);
	debug(&m, 0);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rflags & TF, 0);
}

BLOB64(ports, "movl $0x5000, %edx; outb %al, %dx; inb %dx, %al; movb %al, %bl; hlt");

TEST(step_over_ports_of_userspace)
{
	struct machine m;
	struct kvm_regs r;
	u8 *data;

	START(&m, ports);
	debug(&m, STEP);
	EXPECT_STEP(&m, 5);
	EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 1);
	EXPECT_STEP(&m, 6);
	data = EXPECT_IO(&m.v, KVM_EXIT_IO_IN, TEST_PORT, 1);
	*data = 0x5a;
	/* In the middle of an instruction: it is still the step. */
	debug(&m, STEP);
	EXPECT_STEP(&m, 7);
	EXPECT_STEP(&m, 9);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rbx & 0xff, 0x5a);
}

BLOB64(mmio, "movl $0xd0000000, %ebx; movl (%rbx), %eax; movl %eax, 4(%rbx); addl $1, (%rbx); nop; hlt");

TEST(step_over_mmio)
{
	struct machine m;
	struct kvm_regs r;

	START(&m, mmio);
	debug(&m, STEP);
	EXPECT_STEP(&m, 5);
	EXPECT_MMIO(&m.v, TEST_MMIO, 4, false);
	memcpy(m.v.run->mmio.data, "\1\2\3\4", 4);
	EXPECT_STEP(&m, 7);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rax, 0x04030201);
	not_on_kvm("it loses the step over a write");
	EXPECT_MMIO(&m.v, TEST_MMIO + 4, 4, true);
	debug(&m, STEP);
	EXPECT_STEP(&m, 10);
	EXPECT_MMIO(&m.v, TEST_MMIO, 4, false);
	EXPECT_MMIO(&m.v, TEST_MMIO, 4, true);
	EXPECT_STEP(&m, 13);
	EXPECT_STEP(&m, 14);
}

BLOB64(reps, "movl $0xb000, %edi; movl $3, %ecx; cld; rep stosb; movl $2, %ecx; movl $0xb000, %esi;"
	     "movl $0x5000, %edx; rep outsb; nop; hlt");

/* Each iteration is a step, as with the guest's own TF. */
TEST(step_over_rep)
{
	struct machine m;
	struct kvm_regs r;
	u32 i;

	START(&m, reps);
	debug(&m, STEP);
	EXPECT_STEP(&m, 5);
	EXPECT_STEP(&m, 10);
	EXPECT_STEP(&m, 11);
	EXPECT_STEP(&m, 11);
	EXPECT_STEP(&m, 11);
	EXPECT_STEP(&m, 13);
	for (i = 1; i <= 3; i++)
		EXPECT_STEP(&m, 13 + 5 * i);
	not_on_kvm("it writes all elements at once");
	EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 1);
	EXPECT_STEP(&m, 28);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rcx, 1);
	EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 1);
	EXPECT_STEP(&m, 30);
	EXPECT_STEP(&m, 31);
}

BLOB64(halt, "hlt; nop; hlt");

TEST(step_over_hlt)
{
	struct machine m;

	START(&m, halt);
	debug(&m, STEP);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	not_on_kvm("it forgets that step");
	EXPECT_STEP(&m, 1);
	EXPECT_STEP(&m, 2);
}

BLOB64(shadows, "movl %ss, %eax; movl %eax, %ss; nop; sti; nop; nop; hlt");

/* The CPU holds the trap after a load of SS back for one instruction. After STI it does not, but QEMU's emulation does. */
TEST(step_over_shadows)
{
	struct machine m;

	START(&m, shadows);
	debug(&m, STEP);
	EXPECT_STEP(&m, 2);
	vcpu_run(&m.v);
	/* A monitor trap is not held back. */
	if (m.v.run->debug.arch.pc == GPA_CODE + 4)
		vcpu_run(&m.v);
	CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_DEBUG);
	CHECK_EQ(m.v.run->debug.arch.pc, GPA_CODE + 5);
	if (!host_is_tcg())
		EXPECT_STEP(&m, 6);
	EXPECT_STEP(&m, 7);
}

BLOB64(flags, "pushfq; popq %rax; pushq $0x46; popfq; pushfq; popq %rbx; movq %rsp, %rcx; pushq $0x10; pushq %rcx;"
	      "pushfq; pushq $8; pushq $1f; iretq; nop; 1: pushfq; popq %rdx; hlt");

/* Flags that go through memory are the guest's own. */
TEST(step_over_flags)
{
	struct machine m;
	struct kvm_regs r;
	u32 steps = 0;

	not_on_kvm("the guest sees its TF");
	START(&m, flags);
	debug(&m, STEP);
	while (vcpu_run(&m.v) == KVM_EXIT_DEBUG && steps < 100)
		steps++;
	CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_HLT);
	CHECK_EQ(steps, 15);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rax, 2);
	CHECK_EQ(r.rbx, 0x46);
	CHECK_EQ(r.rdx, 0x46);
	CHECK_EQ(r.rflags & ~(u64)RF, 0x46);
}

BLOB64(events, "int $0x40; int3; ud2; hlt");

/* A step that delivers an event ends at its handler; what was pushed has no TF. */
TEST(step_into_handlers)
{
	static const struct {
		u8 vector, at, pushed;
	} seen[] = { { 0x40, 0, 2 }, { BP, 2, 3 }, { 6, 3, 3 } };
	struct machine m;
	u32 i;

	not_on_kvm("steps end behind handlers");
	START(&m, events);
	debug(&m, STEP);
	for (i = 0; i < ARRAY_SIZE(seen); i++) {
		set_handler(&m, seen[i].vector);
		expect_step(&m, HANDLER, __FILE__, __LINE__);
		CHECK_EQ(stack(&m, 0), GPA_CODE + seen[i].pushed);
		CHECK_EQ(stack(&m, 2) & TF, 0);
		/* Of the handler: INC, two MOVs, and IRET ends where it should. */
		expect_step(&m, HANDLER + 8, __FILE__, __LINE__);
		expect_step(&m, HANDLER + 12, __FILE__, __LINE__);
		expect_step(&m, HANDLER + 17, __FILE__, __LINE__);
		EXPECT_STEP(&m, seen[i].pushed);
	}
}

BLOB64(fault, "movl $0x300000, %ebx; movq (%rbx), %rax; nop; hlt");

TEST(step_into_page_fault)
{
	struct machine m;
	struct kvm_sregs s;
	u64 *pd;

	not_on_kvm("steps end behind handlers");
	START(&m, fault);
	/* 2 MiB at 2 MiB are gone; the rest is where it was. */
	pd = (u64 *)(m.vm.mem + GPA_PML4 + 2 * PAGE);
	pd[1] = 0;
	set_handler(&m, 14);
	debug(&m, STEP);
	EXPECT_STEP(&m, 5);
	expect_step(&m, HANDLER, __FILE__, __LINE__);
	CHECK_EQ(stack(&m, 0), 0);
	CHECK_EQ(stack(&m, 1), GPA_CODE + 5);
	CHECK_EQ(stack(&m, 3) & TF, 0);
	get_sregs(&m.v, &s);
	CHECK_EQ(s.cr2, 0x300000);
}

TEST(step_into_interrupt)
{
	struct kvm_interrupt irq = { .irq = 0x50 };
	struct machine m;
	struct kvm_regs r;

	not_on_kvm("steps end behind handlers");
	START(&m, nops);
	set_handler(&m, 0x50);
	get_regs(&m.v, &r);
	r.rflags |= 0x200;
	set_regs(&m.v, &r);
	debug(&m, STEP);
	EXPECT_STEP(&m, 1);
	CHECK_OK(ioctl(m.v.fd, KVM_INTERRUPT, &irq));
	expect_step(&m, HANDLER, __FILE__, __LINE__);
	CHECK_EQ(stack(&m, 0), GPA_CODE + 1);
	CHECK_EQ(stack(&m, 2) & TF, 0);
}

/* NMIs are unblocked by IRET also when that is stepped over; and the one that waited comes after it. */
TEST(step_through_nmis)
{
	struct machine m;

	not_on_kvm("steps end behind handlers");
	START(&m, nops);
	set_handler(&m, 2);
	debug(&m, STEP);
	EXPECT_STEP(&m, 1);
	CHECK_OK(ioctl(m.v.fd, KVM_NMI, 0ul));
	expect_step(&m, HANDLER, __FILE__, __LINE__);
	CHECK_OK(ioctl(m.v.fd, KVM_NMI, 0ul));
	expect_step(&m, HANDLER + 8, __FILE__, __LINE__);
	expect_step(&m, HANDLER + 12, __FILE__, __LINE__);
	expect_step(&m, HANDLER + 17, __FILE__, __LINE__);
	EXPECT_STEP(&m, 1);
	expect_step(&m, HANDLER, __FILE__, __LINE__);
	CHECK_EQ(stack(&m, 0), GPA_CODE + 1);
	CHECK_EQ(stack(&m, 2) & TF, 0);
	debug(&m, 0);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	CHECK_EQ(memory(&m, COUNT), 2);
}

TEST(blockirq)
{
	struct machine m;
	struct kvm_regs r;

	START(&m, nops);
	set_handler(&m, 2);
	CHECK_OK(ioctl(m.v.fd, KVM_NMI, 0ul));
	debug(&m, STEP | KVM_GUESTDBG_BLOCKIRQ);
	EXPECT_STEP(&m, 1);
	EXPECT_STEP(&m, 2);
	CHECK_EQ(memory(&m, COUNT), 0);
	debug(&m, 0);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	CHECK_EQ(memory(&m, COUNT), 1);
	get_regs(&m.v, &r);
	CHECK_EQ(r.r8, GPA_CODE + 2);
}

BLOB64(own_tf, "pushq $0x102; popfq; nop; nop; pushq $2; popfq; nop; hlt");
#define OWN_TF_TRAPS 4		/* two NOPs, PUSH, and the POPF that ends it */

/* A guest that steps itself, with a debugger that wants something else. */
TEST(trap_flag_of_the_guest)
{
	struct machine m;

	START(&m, own_tf);
	set_handler(&m, DB);
	debug(&m, SW_BP);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	CHECK_EQ(memory(&m, COUNT), OWN_TF_TRAPS);
}

/* And with one that steps as well: both see all that is theirs. */
TEST(trap_flag_of_both)
{
	u32 steps = 0, in_handler = 0;
	struct kvm_debugregs dr;
	struct machine m;

	not_on_kvm("the guest's own traps are the debugger's to give back");
	START(&m, own_tf);
	set_handler(&m, DB);
	debug(&m, STEP);
	while (vcpu_run(&m.v) == KVM_EXIT_DEBUG && steps < 100) {
		steps++;
		in_handler += m.v.run->debug.arch.pc == HANDLER;
	}
	CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_HLT);
	CHECK_EQ(memory(&m, COUNT), OWN_TF_TRAPS);
	CHECK_EQ(in_handler, OWN_TF_TRAPS);
	/* Seven instructions, and each trap's delivery, three instructions and IRET. */
	CHECK_EQ(steps, 7 + OWN_TF_TRAPS * 5);
	/* DR6 tells of the guest's own traps. */
	CHECK_OK(ioctl(m.v.fd, KVM_GET_DEBUGREGS, &dr));
	CHECK_EQ(dr.dr6, DR6_NONE | BS);
}

BLOB64(drs, "movl $0x1234, %eax; movq %rax, %dr0; movl $0x5678, %eax; movq %rax, %dr3; movl $0xffff0ff1, %eax;"
	    "movq %rax, %dr6; movl $0x455, %eax; movq %rax, %dr7; movq %dr0, %r8; movq %dr1, %r9; movq %dr3, %r10;"
	    "movq %dr6, %r11; movq %dr7, %r12; hlt");

/* The guest has its own debug registers, whoever uses the hardware's. */
static void own_registers(u32 control)
{
	u64 dr[8] = { 0x111111, 0x222222, 0x333333, 0x444444, [7] = DR7_NONE | 0x2aa };
	struct kvm_debugregs out;
	struct machine m;
	struct kvm_regs r;

	START(&m, drs);
	CHECK_OK(debug_raw(&m, control, dr));
	while (vcpu_run(&m.v) == KVM_EXIT_DEBUG)
		CHECK_EQ(m.v.run->debug.arch.dr6 & 0xf, 0);
	CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(r.r8, 0x1234);
	CHECK_EQ(r.r9, 0);
	CHECK_EQ(r.r10, 0x5678);
	CHECK_EQ(r.r11, 0xffff0ff1);
	CHECK_EQ(r.r12, 0x455);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_DEBUGREGS, &out));
	CHECK_EQ(out.db[0], 0x1234);
	CHECK_EQ(out.db[3], 0x5678);
	CHECK_EQ(out.dr6, 0xffff0ff1);
	CHECK_EQ(out.dr7, 0x455);
}

TEST(debug_registers_without_debugger) { own_registers(0); }
TEST(debug_registers_with_breakpoints) { own_registers(HW_BP); }
TEST(debug_registers_with_steps)
{
	not_on_kvm("a step rewrites the guest's DR6");
	own_registers(STEP);
}
TEST(debug_registers_with_both) { own_registers(HW_BP | STEP); }

BLOB64(bad_dr, "movl $1, %eax; shlq $32, %rax; movq %rax, %dr7; hlt");
BLOB64(dr4, "movq %cr4, %rax; orl $8, %eax; movq %rax, %cr4; movq %dr4, %rax; hlt");
BLOB64(stop, "hlt");

static void dr_faults(const u8 *code, const u8 *end, u32 vector)
{
	u64 dr[8] = { [7] = DR7_NONE };
	struct machine m;
	struct kvm_regs r;

	start(&m, code, end);
	vm_write(&m.vm, HANDLER, stop, stop_end - stop);
	gate(&m, vector, HANDLER);
	CHECK_OK(debug_raw(&m, HW_BP, dr));
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rip, HANDLER + 1);
}

TEST(dr7_out_of_range) { dr_faults(bad_dr, bad_dr_end, 13); }
TEST(dr4_with_extensions) { dr_faults(dr4, dr4_end, 6); }

BLOB64(touch_dr, "nop; movq %dr0, %rax; hlt");

TEST(general_detect)
{
	u64 dr[8] = { [7] = DR7_NONE | 1 << 13 };
	struct machine m;

	if (is_kvm() && host_is_tcg())
		SKIP("the emulator has no DR7.GD");
	START(&m, touch_dr);
	CHECK_OK(debug_raw(&m, HW_BP, dr));
	EXPECT_DEBUG(&m, DB, 1);
	CHECK_EQ(m.v.run->debug.arch.dr6, DR6_NONE | BD);
	debug(&m, 0);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
}

BLOB64(target, "nop; nop; movq %rax, 0xb000; nop; hlt");

TEST(hardware_breakpoints)
{
	struct machine m;
	u32 i;

	if (host_is_tcg())
		SKIP("the emulator arms no breakpoint of a guest's");
	for (i = 0; i < 4; i++) {
		u64 dr[8] = { [7] = DR7_NONE | 2u << 2 * i };

		START(&m, target);
		/* An instruction: before it */
		dr[i] = GPA_CODE + 1;
		CHECK_OK(debug_raw(&m, HW_BP, dr));
		EXPECT_DEBUG(&m, DB, 1);
		CHECK_EQ(m.v.run->debug.arch.dr6, DR6_NONE | 1u << i);
		CHECK_EQ(m.v.run->debug.arch.dr7, dr[7]);
		/* A write of four bytes: after it */
		dr[i] = 0xb000;
		dr[7] |= 0xdull << (16 + 4 * i);
		CHECK_OK(debug_raw(&m, HW_BP, dr));
		EXPECT_DEBUG(&m, DB, 10);
		CHECK_EQ(m.v.run->debug.arch.dr6, DR6_NONE | 1u << i);
		/* None */
		debug(&m, 0);
		EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
		vcpu_free(&m.v);
		vm_free(&m.vm);
	}
}

static u64 work_result;

static void guest_work(u64 rounds)
{
	volatile u64 sum = 0;
	u64 i;

	for (i = 0; i < rounds; i++)
		sum = sum * 31 + (i ^ sum >> 3);
	ACCESS(work_result) = sum;
	guest_done();
}

/* Thousands of steps through code of a compiler compute what running does. */
TEST(step_through_work)
{
	u64 rounds = test_scale(200), results[2], steps = 0;
	struct machine m;
	u32 i;

	need_debug();
	for (i = 0; i < 2; i++) {
		vm_init(&m.vm);
		vcpu_init(&m.v, &m.vm, 0);
		vcpu_cpuid(&m.v);
		vcpu_long(&m.v, guest_work, rounds);
		if (i)
			debug(&m, STEP);
		while (vcpu_run(&m.v) == KVM_EXIT_DEBUG)
			steps++;
		CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_IO);
		results[i] = GUEST_VAR(&m.vm, work_result);
		vcpu_free(&m.v);
		vm_free(&m.vm);
	}
	CHECK(steps > rounds * 5);
	CHECK_EQ(results[1], results[0]);
}
