// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instruction emulator against the CPU. Each row runs twice from the same registers: with its
 * memory operand in RAM, where the CPU does the work, and where there is no memory, where each
 * access is an MMIO exit that this program serves from a page of its own. Registers, the flags
 * that are defined, and the page must come out the same.
 */
#include "guest.h"
#include "vm.h"

#define GPA_RAM 0x300000
#define OFFSET 0x100		/* of the operand in its page */

#define FLAGS_ALL 0x8d5u	/* OF SF ZF AF PF CF */
#define FLAGS_LOGIC 0x8c5u	/* AF is undefined */
#define FLAGS_CF 0x001u
#define FLAGS_ZF 0x040u
#define FLAGS_NONE 0u

struct row {
	const char *group, *text;
	const u8 *code, *end;
	u32 flags;
	u8 mode;
};

#define ROW_(n, grp, bits, fl, str)					\
	BLOB(row_##n, #bits, str "\n hlt\n");				\
	static const struct row desc_##n				\
	__attribute__((section("rows"), used, aligned(8))) = {		\
		.group = grp, .text = str, .code = row_##n, .end = row_##n##_end,	\
		.flags = fl, .mode = bits,				\
	}
#define ROW__(n, grp, bits, fl, str) ROW_(n, grp, bits, fl, str)
#define ROW(grp, fl, str) ROW__(__COUNTER__, grp, 64, fl, str)
#define ROW32(grp, fl, str) ROW__(__COUNTER__, grp, 32, fl, str)

extern const struct row __start_rows[], __stop_rows[];

/* rbx, rsi and rdi point at the operand; the other registers hold odd patterns. */
ROW("mov", FLAGS_ALL, "movb %al, (%rbx)");
ROW("mov", FLAGS_ALL, "movb %ah, 3(%rbx)");
ROW("mov", FLAGS_ALL, "movw %ax, (%rbx)");
ROW("mov", FLAGS_ALL, "movl %eax, (%rbx)");
ROW("mov", FLAGS_ALL, "movq %rax, (%rbx)");
ROW("mov", FLAGS_ALL, "movb %r9b, 1(%rbx)");
ROW("mov", FLAGS_ALL, "movb %sil, 1(%rbx)");
ROW("mov", FLAGS_ALL, "movq %r15, 8(%rbx)");
ROW("mov", FLAGS_ALL, "movb (%rbx), %cl");
ROW("mov", FLAGS_ALL, "movb 1(%rbx), %dh");
ROW("mov", FLAGS_ALL, "movw (%rbx), %cx");
ROW("mov", FLAGS_ALL, "movl (%rbx), %ecx");
ROW("mov", FLAGS_ALL, "movq (%rbx), %rcx");
ROW("mov", FLAGS_ALL, "movl 4(%rbx), %r12d");
ROW("mov", FLAGS_ALL, "movq 8(%rbx), %r13");
ROW("mov", FLAGS_ALL, "movb $0x5a, (%rbx)");
ROW("mov", FLAGS_ALL, "movw $0x5aa5, (%rbx)");
ROW("mov", FLAGS_ALL, "movl $0x89abcdef, (%rbx)");
ROW("mov", FLAGS_ALL, "movq $-5, (%rbx)");
ROW("mov", FLAGS_ALL, "movl %eax, 1(%rbx)");
ROW("mov", FLAGS_ALL, "movq 3(%rbx), %rax");

ROW("address", FLAGS_ALL, "movl $4, %ecx; movl %eax, (%rbx,%rcx)");
ROW("address", FLAGS_ALL, "movl $4, %ecx; movl %eax, 4(%rbx,%rcx,8)");
ROW("address", FLAGS_ALL, "movq $-2, %rcx; movl %eax, 16(%rbx,%rcx,4)");
ROW("address", FLAGS_ALL, "movq %rbx, %r12; movl %eax, (%r12)");
ROW("address", FLAGS_ALL, "movq %rbx, %r13; movl %eax, 8(%r13)");
ROW("address", FLAGS_ALL, "movq %rbx, %rbp; movl %eax, (%rbp)");
ROW("address", FLAGS_ALL, "movq %rbx, %r12; movl $2, %r15d; movl (%r12,%r15,2), %r14d");
ROW("address", FLAGS_ALL, "movl %eax, 0x7c(%rbx); movl %eax, -0x80(%rbx)");
ROW("address", FLAGS_ALL, "movl %eax, 0x200(%rbx)");
ROW("address", FLAGS_ALL, "movl %eax, (%ebx)");
ROW("address", FLAGS_ALL, "movl $1, %ecx; movb %al, %es:(%rbx,%rcx)");

ROW("extend", FLAGS_ALL, "movzbw (%rbx), %cx");
ROW("extend", FLAGS_ALL, "movzbl (%rbx), %ecx");
ROW("extend", FLAGS_ALL, "movzbq (%rbx), %rcx");
ROW("extend", FLAGS_ALL, "movzwl (%rbx), %ecx");
ROW("extend", FLAGS_ALL, "movzwq 1(%rbx), %r10");
ROW("extend", FLAGS_ALL, "movsbw (%rbx), %cx");
ROW("extend", FLAGS_ALL, "movsbl 1(%rbx), %ecx");
ROW("extend", FLAGS_ALL, "movsbq 2(%rbx), %rcx");
ROW("extend", FLAGS_ALL, "movswl (%rbx), %ecx");
ROW("extend", FLAGS_ALL, "movswq 3(%rbx), %r11");
ROW("extend", FLAGS_ALL, "movslq (%rbx), %rcx");

ROW("string", FLAGS_ALL, "cld; stosb");
ROW("string", FLAGS_ALL, "cld; stosl");
ROW("string", FLAGS_ALL, "cld; stosq");
ROW("string", FLAGS_ALL, "cld; movl $5, %ecx; rep stosw");
ROW("string", FLAGS_ALL, "cld; movl $3, %ecx; rep stosq");
ROW("string", FLAGS_ALL, "std; movl $4, %ecx; rep stosl; cld");
ROW("string", FLAGS_ALL, "cld; lodsb");
ROW("string", FLAGS_ALL, "cld; lodsl");
ROW("string", FLAGS_ALL, "cld; movl $0x301000, %esi; movl $6, %ecx; rep movsb");
ROW("string", FLAGS_ALL, "cld; movl $0x301000, %esi; movl $3, %ecx; rep movsq");
ROW("string", FLAGS_ALL, "cld; movl $0x301000, %edi; movl $3, %ecx; rep movsl; movq 0x301000, %r8");
ROW("string", FLAGS_ALL, "cld; addq $64, %rdi; movl $4, %ecx; rep movsw");
ROW("string", FLAGS_ALL, "cld; xorl %ecx, %ecx; rep stosb");
ROW("string", FLAGS_ALL, "cld; movl $9, %ecx; movb 4(%rbx), %al; repne scasb");
ROW("string", FLAGS_ALL, "cld; movl $0x301000, %edi; cmpsb");

ROW("logic", FLAGS_LOGIC, "andl %eax, (%rbx)");
ROW("logic", FLAGS_LOGIC, "andb $0x0f, (%rbx)");
ROW("logic", FLAGS_LOGIC, "andq (%rbx), %rax");
ROW("logic", FLAGS_LOGIC, "orl %eax, (%rbx)");
ROW("logic", FLAGS_LOGIC, "orw $0x8001, (%rbx)");
ROW("logic", FLAGS_LOGIC, "orb (%rbx), %cl");
ROW("logic", FLAGS_LOGIC, "xorl %eax, (%rbx)");
ROW("logic", FLAGS_LOGIC, "xorq $-1, (%rbx)");
ROW("logic", FLAGS_LOGIC, "xorl (%rbx), %eax");
ROW("logic", FLAGS_LOGIC, "testl %eax, (%rbx)");
ROW("logic", FLAGS_LOGIC, "testb $0x80, (%rbx)");
ROW("logic", FLAGS_LOGIC, "testl $0x10000, (%rbx)");
ROW("logic", FLAGS_LOGIC, "lock orl $4, (%rbx)");
ROW("logic", FLAGS_LOGIC, "lock andl $4, (%rbx)");

ROW("arithmetic", FLAGS_ALL, "addl %eax, (%rbx)");
ROW("arithmetic", FLAGS_ALL, "addq (%rbx), %rax");
ROW("arithmetic", FLAGS_ALL, "addb $0x7f, (%rbx)");
ROW("arithmetic", FLAGS_ALL, "stc; adcl %eax, (%rbx)");
ROW("arithmetic", FLAGS_ALL, "subl %eax, (%rbx)");
ROW("arithmetic", FLAGS_ALL, "subw $1, (%rbx)");
ROW("arithmetic", FLAGS_ALL, "stc; sbbl (%rbx), %eax");
ROW("arithmetic", FLAGS_ALL, "cmpl %eax, (%rbx)");
ROW("arithmetic", FLAGS_ALL, "cmpl (%rbx), %eax");
ROW("arithmetic", FLAGS_ALL, "cmpb $0x11, (%rbx)");
ROW("arithmetic", FLAGS_ALL, "cmpq $-1, (%rbx)");
ROW("arithmetic", FLAGS_ALL, "cmpw $0x1234, (%rbx)");
ROW("arithmetic", FLAGS_ALL, "incl (%rbx)");
ROW("arithmetic", FLAGS_ALL, "decb (%rbx)");
ROW("arithmetic", FLAGS_ALL, "negl (%rbx)");
ROW("arithmetic", FLAGS_ALL, "notl (%rbx)");
ROW("arithmetic", FLAGS_ALL, "lock incl (%rbx)");
ROW("arithmetic", FLAGS_ALL, "stc; incl (%rbx)");

ROW("exchange", FLAGS_ALL, "xchgl %eax, (%rbx)");
ROW("exchange", FLAGS_ALL, "xchgb %cl, (%rbx)");
ROW("exchange", FLAGS_ALL, "xchgq %r9, (%rbx)");
ROW("exchange", FLAGS_ALL, "xaddl %ecx, (%rbx)");
ROW("exchange", FLAGS_ALL, "lock xaddl %ecx, (%rbx)");
ROW("exchange", FLAGS_ALL, "cmpxchgl %ecx, (%rbx)");
ROW("exchange", FLAGS_ALL, "movl (%rbx), %eax; cmpxchgl %ecx, (%rbx)");
ROW("exchange", FLAGS_ALL, "movq (%rbx), %rax; lock cmpxchgq %rcx, (%rbx)");

ROW("bits", FLAGS_CF, "btl $4, (%rbx)");
ROW("bits", FLAGS_CF, "btsl $5, (%rbx)");
ROW("bits", FLAGS_CF, "btrl $0, (%rbx)");
ROW("bits", FLAGS_CF, "btcq $63, (%rbx)");
ROW("bits", FLAGS_CF, "movl $3, %ecx; btsl %ecx, (%rbx)");
ROW("bits", FLAGS_CF, "movl $70, %ecx; btsl %ecx, (%rbx)");
ROW("bits", FLAGS_CF, "movq $-3, %rcx; btrq %rcx, (%rbx)");
ROW("bits", FLAGS_CF, "lock btsl $6, (%rbx)");
ROW("bits", FLAGS_ZF, "bsfl (%rbx), %ecx");
ROW("bits", FLAGS_ZF, "bsrl (%rbx), %ecx");

ROW("stack", FLAGS_ALL, "pushq (%rbx); popq %rcx");
ROW("stack", FLAGS_ALL, "pushq %rax; popq (%rbx)");
ROW("stack", FLAGS_ALL, "leaq 1f(%rip), %rcx; movq %rcx, %r8; jmp 1f\n hlt\n 1: movl (%rbx), %edx");

ROW("shift", FLAGS_CF, "shll $3, (%rbx)");
ROW("shift", FLAGS_CF, "shrl (%rbx)");
ROW("shift", FLAGS_CF, "sarb $2, (%rbx)");
ROW("shift", FLAGS_CF, "roll $4, (%rbx)");
ROW("shift", FLAGS_CF, "movb $5, %cl; rorq %cl, (%rbx)");

ROW("others", FLAGS_ALL, "stc; setcb (%rbx)");
ROW("others", FLAGS_ALL, "cmpl %eax, %eax; setneb 1(%rbx)");
ROW("others", FLAGS_ALL, "stc; cmovcl (%rbx), %ecx");
ROW("others", FLAGS_NONE, "imull (%rbx), %ecx");
ROW("others", FLAGS_ALL, "movntil %eax, (%rbx)");

ROW32("mode32", FLAGS_ALL, "movl %eax, (%ebx)");
ROW32("mode32", FLAGS_ALL, "movl %eax, 4(%ebx,%ecx,2)");
ROW32("mode32", FLAGS_ALL, "movb (%ebx), %ah");
ROW32("mode32", FLAGS_ALL, "movw $0x1234, (%ebx)");
ROW32("mode32", FLAGS_LOGIC, "orl $0x80, (%ebx)");
ROW32("mode32", FLAGS_ALL, "movzbl 1(%ebx), %edx");
ROW32("mode32", FLAGS_ALL, "cld; movl $3, %ecx; rep stosl");
ROW32("mode32", FLAGS_ALL, "addl %eax, (%ebx)");
ROW32("mode32", FLAGS_ALL, "pushl (%ebx); popl %edx");

struct outcome {
	struct kvm_regs r;
	u8 page[PAGE];
	bool ok;
};

static void fill(u8 *p)
{
	u32 i;

	for (i = 0; i < PAGE; i++)
		p[i] = i * 37 + 0x91;
}

static void set_up(struct vcpu *v, const struct row *row, u64 base)
{
	struct kvm_regs r;

	vm_write(v->vm, GPA_CODE, row->code, row->end - row->code);
	fill(v->vm->mem + GPA_RAM);
	fill(v->vm->mem + GPA_RAM + PAGE);
	if (row->mode == 64)
		vcpu_long_at(v, GPA_CODE);
	else
		vcpu_prot(v, GPA_CODE);
	get_regs(v, &r);
	r.rax = 0x8070605040302011;
	r.rcx = 3;
	r.rdx = 0xf0e0d0c0b0a09080;
	r.rbx = base + OFFSET;
	r.rsi = base + OFFSET;
	r.rdi = base + OFFSET;
	r.r9 = 0x99aabbccddeeff01;
	r.r10 = 0x1111111111111111;
	r.r15 = 0x7766554433221100;
	set_regs(v, &r);
}

static void serve(struct kvm_run *run, u8 *page)
{
	u32 at = run->mmio.phys_addr - TEST_MMIO;

	if (run->mmio.phys_addr < TEST_MMIO || at + run->mmio.len > PAGE)
		FAIL("MMIO at %#llx, %u bytes: not what was asked for", run->mmio.phys_addr,
		     run->mmio.len);
	if (run->mmio.is_write)
		memcpy(page + at, run->mmio.data, run->mmio.len);
	else
		memcpy(run->mmio.data, page + at, run->mmio.len);
}

static void execute(struct vcpu *v, const struct row *row, u64 base, struct outcome *o)
{
	set_up(v, row, base);
	fill(o->page);
	while (vcpu_run(v) == KVM_EXIT_MMIO)
		serve(v->run, o->page);
	o->ok = v->run->exit_reason == KVM_EXIT_HLT;
	get_regs(v, &o->r);
	if (base == GPA_RAM)
		memcpy(o->page, v->vm->mem + GPA_RAM, PAGE);
	else
		o->ok = o->ok && v->run->exit_reason == KVM_EXIT_HLT;
}

static bool pointer_into(u64 x, u64 base)
{
	return x >= base && x < base + PAGE;
}

/* Pointers differ by where the operand is; all else is equal. */
static bool same_registers(const struct outcome *a, const struct outcome *b)
{
	const u64 *x = (const u64 *)&a->r, *y = (const u64 *)&b->r;
	u32 i;

	for (i = 0; i < 17; i++) {
		if (x[i] == y[i])
			continue;
		if (pointer_into(x[i], GPA_RAM) && pointer_into(y[i], TEST_MMIO) &&
		    x[i] - GPA_RAM == y[i] - TEST_MMIO)
			continue;
		test_note("register %u: expected %#llx, got %#llx", i, (unsigned long long)x[i],
			  (unsigned long long)y[i]);
		return false;
	}
	return true;
}

static bool compare(const struct row *row, const struct outcome *cpu, const struct outcome *emu)
{
	u32 i;

	if (!cpu->ok || !emu->ok) {
		test_note("%s: does not end (%s)", row->text, cpu->ok ? "emulated" : "in RAM");
		return false;
	}
	if (!same_registers(cpu, emu))
		return false;
	if ((cpu->r.rflags ^ emu->r.rflags) & (row->flags | 0xf700)) {
		test_note("flags: expected %#llx, got %#llx", cpu->r.rflags, emu->r.rflags);
		return false;
	}
	for (i = 0; i < PAGE; i++) {
		if (cpu->page[i] == emu->page[i])
			continue;
		test_note("byte %#x: expected %#x, got %#x", i, cpu->page[i], emu->page[i]);
		return false;
	}
	return true;
}

static void run_group(const char *group)
{
	static struct outcome cpu, emu;
	const struct row *row;
	u32 bad = 0, n = 0;
	struct vcpu v;
	struct vm vm;

	for (row = __start_rows; row < __stop_rows; row++) {
		if (strcmp(row->group, group))
			continue;
		/* A machine for each: one bad row must not spoil the next. */
		vm_init(&vm);
		vcpu_init(&v, &vm, 0);
		execute(&v, row, GPA_RAM, &cpu);
		execute(&v, row, TEST_MMIO, &emu);
		n++;
		if (!compare(row, &cpu, &emu)) {
			test_note("wrong: %s; %s", row->text, vcpu_describe(&v));
			bad++;
		}
		vcpu_free(&v);
		vm_free(&vm);
	}
	if (bad || !n)
		FAIL("%s: %u of %u instructions are wrong", group, bad, n);
}

/* fildl (%rbx): the emulator has no x87 */
BLOB64(unknown_code, "fildl (%rbx)\n hlt\n");

#define USER_DPL 3
#define HANDLER (GPA_CODE + 0x100)

/* The blob, at a privilege level; #UD goes to a HLT. */
static void start_unknown(struct vm *vm, struct vcpu *v, u8 level)
{
	struct kvm_sregs s;
	struct kvm_regs r;

	vm_init(vm);
	vcpu_init(v, vm, 0);
	LOAD(vm, unknown_code);
	vcpu_long_at(v, GPA_CODE);
	vm->mem[HANDLER] = 0xf4;
	*(u64 *)(vm->mem + GPA_IDT + 6 * 16) = (u64)HANDLER | 0x08ull << 16 | 0x8e00ull << 32;
	*(u64 *)(vm->mem + GPA_IDT + 6 * 16 + 8) = 0;
	*(u64 *)(vm->mem + GPA_TSS + 4) = 0x70000;
	get_sregs(v, &s);
	s.cs.dpl = level;
	s.ss.dpl = level;
	s.cs.selector |= level;
	s.ss.selector |= level;
	set_sregs(v, &s);
	get_regs(v, &r);
	r.rbx = TEST_MMIO;
	set_regs(v, &r);
}

static void expect_bytes(struct vcpu *v)
{
	struct kvm_run *run = v->run;

	EXPECT_EXIT(v, KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(run->emulation_failure.suberror, KVM_INTERNAL_ERROR_EMULATION);
	CHECK_EQ(run->emulation_failure.flags, KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
	CHECK(run->emulation_failure.ndata >= 3);
	CHECK(run->emulation_failure.insn_size >= 2 && run->emulation_failure.insn_size <= 15);
	CHECK_EQ(run->emulation_failure.insn_bytes[0], 0xdb);
	CHECK_EQ(run->emulation_failure.insn_bytes[1], 0x03);
}

TEST(unknown_instruction)
{
	struct vcpu v;
	struct vm vm;

	start_unknown(&vm, &v, 0);
	expect_bytes(&v);
}

/* A program cannot end its kernel's machine by one. */
TEST(unknown_instruction_of_a_program)
{
	struct kvm_regs r;
	struct vcpu v;
	struct vm vm;

	start_unknown(&vm, &v, USER_DPL);
	EXPECT_EXIT(&v, KVM_EXIT_HLT);
	get_regs(&v, &r);
	CHECK_EQ(r.rip, HANDLER + 1);
}

/* Nor by a jump to where a device is. */
TEST(jump_of_a_program_to_a_device)
{
	struct kvm_regs r;
	struct vcpu v;
	struct vm vm;

	start_unknown(&vm, &v, USER_DPL);
	get_regs(&v, &r);
	r.rip = TEST_MMIO;
	set_regs(&v, &r);
	EXPECT_EXIT(&v, KVM_EXIT_HLT);
	get_regs(&v, &r);
	CHECK_EQ(r.rip, HANDLER + 1);
}

TEST(exit_on_emulation_failure)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = { 2 } };
	struct vcpu v;
	struct vm vm;

	need_ext(KVM_CAP_EXIT_ON_EMULATION_FAILURE);
	start_unknown(&vm, &v, USER_DPL);
	CHECK_ERR(ioctl(vm.fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = 1;
	CHECK_OK(ioctl(vm.fd, KVM_ENABLE_CAP, &cap));
	expect_bytes(&v);
}

TEST(mov) { run_group("mov"); }
TEST(address) { run_group("address"); }
TEST(extend) { run_group("extend"); }
TEST(string) { run_group("string"); }
TEST(logic) { run_group("logic"); }
TEST(arithmetic) { run_group("arithmetic"); }
TEST(exchange) { run_group("exchange"); }
TEST(bits) { run_group("bits"); }
TEST(stack) { run_group("stack"); }
TEST(shift) { run_group("shift"); }
TEST(others) { run_group("others"); }
TEST(mode32) { run_group("mode32"); }
