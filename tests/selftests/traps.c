// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions at the edges: hypervisors' own ones in a guest, the last bytes below 4 GiB, single steps across exits and
 * interrupt shadows, user mode that tries what it may not, and NMIs without end.
 */
#include "guest.h"
#include "vm.h"

#define NONE 256
#define DB 1
#define UD 6
#define GP 13

#define CR0_MP 2u
#define TOP 0xfffff000u		/* the last page below 4 GiB */

struct machine {
	struct vm vm;
	struct vcpu v;
};

static bool has_svm(void)
{
	return cpuid(0x80000001, 0).c & 4;
}

/* The host's CPU is that of the guest: VMX's instructions fault by themselves on AMD-V, SVM's on VT-x. */
static u64 word;

static void expect_ud(u32 line, u64 vector)
{
	if (vector != UD)
		ucall(UCALL_ABORT, line, vector, UD);
}

#define EXPECT_UD(text) expect_ud(__LINE__, GUEST_TRY(text, : : "a"(word), "c"(0), "d"(0), "r"(&word) : "memory"))

static void vmx_instructions(void)
{
	EXPECT_UD("vmxon (%3)");
	EXPECT_UD("vmxoff");
	EXPECT_UD("vmclear (%3)");
	EXPECT_UD("vmptrld (%3)");
	EXPECT_UD("vmptrst (%3)");
	EXPECT_UD("vmlaunch");
	EXPECT_UD("vmresume");
	EXPECT_UD("vmread %%rax, (%3)");
	EXPECT_UD("vmwrite %%rax, %%rdx");
	EXPECT_UD("vmfunc");
	EXPECT_UD("invept (%3), %%rax");
	EXPECT_UD("invvpid (%3), %%rax");
}

static void svm_instructions(void)
{
	EXPECT_UD("vmrun");
	EXPECT_UD("vmload");
	EXPECT_UD("vmsave");
	EXPECT_UD("stgi");
	EXPECT_UD("clgi");
	EXPECT_UD("skinit");
	EXPECT_UD("invlpga");
}

static void nested(u64 unused)
{
	u32 i;

	(void)unused;
	for (i = 0; i < 3; i++) {
		vmx_instructions();
		svm_instructions();
		EXPECT_UD("getsec");
		EXPECT_UD("rsm");
	}
	guest_done();
}

static void start(struct machine *m, void (*fn)(u64), u64 arg)
{
	vm_init(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	vcpu_long(&m->v, fn, arg);
}

TEST(hypervisors_instructions_are_undefined)
{
	struct machine m;

	if (is_kvm())
		SKIP("KVM offers nested virtualization");
	start(&m, nested, 0);
	EXPECT_DONE(&m.v);
}

/* User mode: GDT entries 6 and 7, and a gate by which it comes back. */
#define USER_DATA 0x33
#define USER_CODE 0x3b
#define BACK 3

static void (*volatile when_back)(void);

static void come_back(struct guest_frame *f)
{
	(void)f;
	when_back();
	guest_done();
}

static void enter_user_mode(void (*fn)(void))
{
	u64 *gdt = (u64 *)GPA_GDT, *idt = (u64 *)GPA_IDT;

	gdt[6] = 0x00cff3000000ffffull;
	gdt[7] = 0x00affb000000ffffull;
	*(u64 *)(GPA_TSS + 4) = GPA_STACKS + 3 * STACK_SIZE;
	/* No ports */
	*(u16 *)(GPA_TSS + 0x66) = 0xffff;
	idt[2 * BACK] |= 0x6000ull << 32;
	guest_handler[BACK] = come_back;
	asm volatile("pushq %0\n pushq %1\n pushq $2\n pushq %2\n pushq %3\n iretq"
		     : : "i"(USER_DATA), "r"(GPA_STACKS + 2ull * STACK_SIZE - 8), "i"(USER_CODE), "r"((u64)fn) : "memory");
}

#define NR_PRIVILEGED 32
static u64 vectors[NR_PRIVILEGED];
static u32 lines[NR_PRIVILEGED], nr_vectors;

#define TRY_PRIVILEGED(text)									\
	do {											\
		lines[nr_vectors] = __LINE__;							\
		vectors[nr_vectors++] = GUEST_TRY(text, : : "a"(word), "c"(0), "d"(0), "r"(&word) : "memory");	\
	} while (0)

static void privileged(void)
{
	TRY_PRIVILEGED("movq %%cr0, %%rax");
	TRY_PRIVILEGED("movq %%rax, %%cr0");
	TRY_PRIVILEGED("movq %%rax, %%cr3");
	TRY_PRIVILEGED("movq %%rax, %%cr4");
	TRY_PRIVILEGED("movq %%rax, %%cr8");
	TRY_PRIVILEGED("movq %%rax, %%dr7");
	TRY_PRIVILEGED("movq %%dr6, %%rax");
	TRY_PRIVILEGED("rdmsr");
	TRY_PRIVILEGED("wrmsr");
	TRY_PRIVILEGED("hlt");
	TRY_PRIVILEGED("cli");
	TRY_PRIVILEGED("sti");
	TRY_PRIVILEGED("inb $0x80, %%al");
	TRY_PRIVILEGED("outb %%al, $0x80");
	TRY_PRIVILEGED("outsb");
	TRY_PRIVILEGED("lgdt (%3)");
	TRY_PRIVILEGED("lidt (%3)");
	TRY_PRIVILEGED("lldt %%ax");
	TRY_PRIVILEGED("ltr %%ax");
	TRY_PRIVILEGED("lmsw %%ax");
	TRY_PRIVILEGED("clts");
	TRY_PRIVILEGED("invlpg (%3)");
	TRY_PRIVILEGED("invd");
	TRY_PRIVILEGED("wbinvd");
	TRY_PRIVILEGED("rdpmc");
	TRY_PRIVILEGED("swapgs");
	TRY_PRIVILEGED("sysretq");
	asm volatile("int3");
}

static void all_refused(void)
{
	u32 i;

	for (i = 0; i < nr_vectors; i++)
		if (vectors[i] != GP)
			ucall(UCALL_ABORT, lines[i], vectors[i], GP);
}

static void try_privileged(u64 unused)
{
	(void)unused;
	/* SYSRET exists. */
	wrmsr(0xc0000080, rdmsr(0xc0000080) | 1);
	when_back = all_refused;
	enter_user_mode(privileged);
}

static void user_hypervisor(void)
{
	TRY_PRIVILEGED("vmxon (%3)");
	TRY_PRIVILEGED("vmlaunch");
	TRY_PRIVILEGED("vmread %%rax, (%3)");
	TRY_PRIVILEGED("invept (%3), %%rax");
	TRY_PRIVILEGED("vmrun");
	TRY_PRIVILEGED("vmload");
	TRY_PRIVILEGED("stgi");
	TRY_PRIVILEGED("skinit");
	TRY_PRIVILEGED("monitor");
	TRY_PRIVILEGED("mwait");
	asm volatile("int3");
}

static bool on_amd_v;

/* With EFER.SVME set, which AMD-V needs in its guests, the privilege is looked at first. */
static void all_undefined(void)
{
	u32 i;

	for (i = 0; i < nr_vectors; i++)
		if (vectors[i] != UD && !(on_amd_v && vectors[i] == GP))
			ucall(UCALL_ABORT, lines[i], vectors[i], UD);
}

static void try_hypervisor(u64 amd_v)
{
	on_amd_v = amd_v;
	when_back = all_undefined;
	enter_user_mode(user_hypervisor);
}

static void run_with_gdt(void (*fn)(u64), u64 arg)
{
	struct kvm_sregs s;
	struct machine m;

	start(&m, fn, arg);
	get_sregs(&m.v, &s);
	s.gdt.limit = 8 * 8 - 1;
	set_sregs(&m.v, &s);
	EXPECT_DONE(&m.v);
}

TEST(user_mode_is_refused_what_is_privileged) { run_with_gdt(try_privileged, 0); }
TEST(user_mode_has_no_hypervisor) { run_with_gdt(try_hypervisor, has_svm()); }

/* Single steps: where each trap was. */
#define MAX_TRAPS 16
static u64 trap_rip[MAX_TRAPS], trap_dr6[MAX_TRAPS];
static u32 nr_traps;

static u64 read_dr6(void)
{
	u64 v;

	asm volatile("movq %%dr6, %0" : "=r"(v));
	return v;
}

static void on_debug(struct guest_frame *f)
{
	u64 dr6 = read_dr6(), clear = 0xffff0ff0;

	if (nr_traps < MAX_TRAPS) {
		trap_rip[nr_traps] = f->rip;
		trap_dr6[nr_traps++] = dr6 & 0xe00f;
	}
	asm volatile("movq %0, %%dr6" : : "r"(clear));
}

#define STEP 0x4000

/* The trap after the instruction before @label */
#define EXPECT_STEP(label)								\
	do {										\
		extern const u8 label[];						\
		u32 i_;									\
											\
		for (i_ = 0; i_ < nr_traps && trap_rip[i_] != (u64)label; i_++)		\
			;								\
		if (i_ == nr_traps || trap_dr6[i_] != STEP)				\
			ucall(UCALL_ABORT, __LINE__, i_ == nr_traps ? 0 : trap_dr6[i_], (u64)label);	\
	} while (0)

/*
 * Each shadow ends in an instruction that exits, with a step pending: the entry after it has to say so, and the trap comes
 * after that instruction. (QEMU's TCG traps after MOV SS, too.)
 */
static void step_shadows(u64 unused)
{
	(void)unused;
	guest_handler[DB] = on_debug;
	asm volatile("movl %%ss, %%ecx\n pushfq\n orl $0x100, (%%rsp)\n popfq\n"
		     "movl %%ecx, %%ss\n xorl %%eax, %%eax\n"
		     ".globl step_a\n step_a: movl $0, %%eax\n"
		     "movl %%ss, %%ebx\n movl %%ebx, %%ss\n cpuid\n"
		     ".globl step_b\n step_b: nop\n"
		     ".globl step_c\n step_c: sti\n"
		     ".globl step_d\n step_d: cpuid\n"
		     ".globl step_e\n step_e: cli\n"
		     "pushfq\n andl $~0x100, (%%rsp)\n popfq\n"
		     ".globl step_f\n step_f: nop\n"
		     : : : "rax", "rbx", "rcx", "rdx", "memory");
	EXPECT_STEP(step_a);
	EXPECT_STEP(step_b);
	EXPECT_STEP(step_c);
	EXPECT_STEP(step_e);
	EXPECT_STEP(step_f);
	guest_done();
}

TEST(single_step_across_shadows)
{
	struct machine m;

	start(&m, step_shadows, 0);
	EXPECT_DONE(&m.v);
}

static void icebp(u64 unused)
{
	extern const u8 after_icebp[];
	u32 i;

	(void)unused;
	guest_handler[DB] = on_debug;
	if (GUEST_TRY(".byte 0xf1", : : : "memory") == UD)
		guest_sync(1);
	for (i = 0; i < 3; i++) {
		nr_traps = 0;
		asm volatile(".byte 0xf1\n .globl after_icebp\n after_icebp: nop" : : : "memory");
		GUEST_EQ(nr_traps, 1);
		GUEST_EQ(trap_rip[0], (u64)after_icebp);
	}
	guest_done();
}

TEST(int1)
{
	struct machine m;

	start(&m, icebp, 0);
	if (vcpu_ucall(&m.v).cmd == UCALL_SYNC)
		SKIP("the host's CPU, QEMU's TCG, has no INT1");
}

static u64 watched;

/* DR0 watches writes of 8 bytes: one trap a write, none for reads; then over MOV SS, whose shadow holds the trap back. */
static void watch(u64 unused)
{
	extern const u8 after_write[];
	u64 dr7 = 0x400 | 1 | 1 << 16 | 2 << 18;

	(void)unused;
	guest_handler[DB] = on_debug;
	asm volatile("movq %0, %%dr0\n movq %1, %%dr7" : : "r"(&watched), "r"(dr7));
	(void)ACCESS(watched);
	GUEST_EQ(nr_traps, 0);
	asm volatile("movq $5, %0\n .globl after_write\n after_write: nop" : "=m"(watched) : : "memory");
	GUEST_EQ(nr_traps, 1);
	GUEST_EQ(trap_rip[0], (u64)after_write);
	GUEST_EQ(trap_dr6[0], 1);
	cpuid(0, 0);
	asm volatile("movq $6, %0\n nop" : "=m"(watched) : : "memory");
	GUEST_EQ(nr_traps, 2);
	asm volatile("movl $16, %%eax\n movl %%eax, %%ss\n cpuid\n nop" : : : "rax", "rbx", "rcx", "rdx", "memory");
	GUEST_EQ(nr_traps, 2);
	asm volatile("movq %0, %%dr7" : : "r"(0x400ull));
	asm volatile("movq $7, %0\n nop" : "=m"(watched) : : "memory");
	GUEST_EQ(nr_traps, 2);
	guest_done();
}

TEST(data_breakpoint)
{
	struct machine m;

	start(&m, watch, 0);
	EXPECT_DONE(&m.v);
}

/* An instruction that exits ends where the address space of 32-bit code does: the next one is at 0. */
static const struct {
	const char *what;
	u8 code[4], len;
	u32 exit;	/* on the way */
} last[] = {
	{ "CPUID", { 0x0f, 0xa2 }, 2, 0 },
	{ "RDMSR", { 0x0f, 0x32 }, 2, 0 },
	{ "MOV to CR0", { 0x0f, 0x22, 0xc7 }, 3, 0 },
	{ "OUT", { 0xe6, 0x80 }, 2, KVM_EXIT_IO },
	{ "NOP and CPUID", { 0x90, 0x0f, 0xa2 }, 3, 0 },
};

static void run_last(struct machine *m, u8 *top, u32 i, bool compat)
{
	struct kvm_regs r = { .rip = TOP + PAGE - last[i].len, .rflags = 2, .rsp = 0x7000, .rcx = 0x10 };
	struct kvm_sregs s;
	u32 exit;

	memcpy(top + PAGE - last[i].len, last[i].code, last[i].len);
	if (compat) {
		vcpu_long_at(&m->v, GPA_CODE);
		get_sregs(&m->v, &s);
		s.cs.l = 0;
		s.cs.db = 1;
		set_sregs(&m->v, &s);
	} else {
		vcpu_prot(&m->v, 0);
		get_sregs(&m->v, &s);
	}
	/* A write that changes nothing may not exit. */
	r.rdi = s.cr0 ^ CR0_MP;
	set_regs(&m->v, &r);
	if (last[i].exit && vcpu_run(&m->v) != last[i].exit)
		FAIL("%s, compat %d: expected exit %u, got %s", last[i].what, compat, last[i].exit, vcpu_describe(&m->v));
	exit = vcpu_run(&m->v);
	/*
	 * On the way out of a guest QEMU forgets DR7 and leaves its breakpoints armed in that CPU: those of "debug" are at 0. There is no
	 * handler, in long mode nothing but zeroes where the library has it.
	 */
	if ((exit == KVM_EXIT_SHUTDOWN || (compat && exit == KVM_EXIT_INTERNAL_ERROR)) && host_is_tcg())
		SKIP("the host's CPU, QEMU's TCG, has an earlier guest's breakpoint there");
	if (exit != KVM_EXIT_HLT)
		FAIL("%s, compat %d: expected HLT, got %s", last[i].what, compat, vcpu_describe(&m->v));
	get_regs(&m->v, &r);
	if (r.rip != 1)
		FAIL("%s, compat %d: expected rip 1, got %#llx", last[i].what, compat, r.rip);
}

static void end_of_32bit_code(bool compat)
{
	struct machine m;
	u8 *top;
	u32 i;

	if (is_kvm())
		SKIP("KVM goes on beyond 4 GiB");
	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_cpuid(&m.v);
	m.vm.mem[0] = 0xf4;
	top = vm_add_mem(&m.vm, SLOT_TEST, 0, TOP, PAGE);
	for (i = 0; i < ARRAY_SIZE(last); i++)
		run_last(&m, top, i, compat);
}

TEST(end_of_protected_mode_code) { end_of_32bit_code(false); }
TEST(end_of_compatibility_mode_code) { end_of_32bit_code(true); }

/* NMIs while NMIs are handled, with faults in the handler, whose IRET opens the door to the next one too early. */
static u32 nmis, depth, deepest, faulted;

static void on_nmi(struct guest_frame *f)
{
	(void)f;
	ACCESS(nmis)++;
	if (++ACCESS(depth) > ACCESS(deepest))
		ACCESS(deepest) = depth;
	if (depth == 1 && nmis % 3 == 0) {
		expect_ud(__LINE__, GUEST_TRY("ud2", : : : "memory"));
		ACCESS(faulted)++;
	}
	if (nmis % 5 == 0)
		cpuid(0, 0);
	ACCESS(depth)--;
}

static void storm(u64 n)
{
	u64 i = 0;

	guest_handler[2] = on_nmi;
	guest_sync(1);
	while (ACCESS(nmis) < n) {
		if (i++ % 16 == 0)
			cpuid(0, 0);
		cpu_relax();
	}
	guest_sync(2);
	guest_done();
}

static volatile bool storm_over;

/* By message: KVM_NMI would wait for KVM_RUN to end. */
static void *send_nmis(void *arg)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 4 << 8 };
	struct vm *vm = arg;

	while (!storm_over)
		CHECK_OK(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi));
	return NULL;
}

TEST(nmi_storm)
{
	struct machine m;
	pthread_t t;

	vm_init(&m.vm);
	vm_irqchip(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_cpuid(&m.v);
	vcpu_long(&m.v, storm, test_scale(500));
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(pthread_create(&t, NULL, send_nmis, &m.vm), 0);
	EXPECT_SYNC(&m.v, 2);
	storm_over = true;
	pthread_join(t, NULL);
	CHECK(GUEST_VAR(&m.vm, faulted) > 0);
	/* Blocked until IRET, and by one fault's IRET no more than one level opens. */
	CHECK(GUEST_VAR(&m.vm, deepest) <= 2);
	EXPECT_DONE(&m.v);
}
