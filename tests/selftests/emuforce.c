// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control transfers and privileged instructions, on the CPU and in the emulator. The same machine runs each twice from the same
 * state, the second time with the prefix before it that has it emulated (the module's parameter force_emulation_prefix). It
 * ends at a HLT, in a handler when there was an exception; registers, segments, memory must be the same.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vm.h"

#define PREFIX 5		/* bytes */
#define START (GPA_CODE + 0x100)
#define LOW 0x80000u		/* memory that is compared */

#define IDT32 0x2000u
#define IDT64 0x3000u
#define TSS 0x4000u
#define TASK 0x7000u		/* another one */
#define HANDLERS 0x9000u	/* a HLT for each vector */
#define TARGET 0xa000u		/* HLTs */
#define DATA 0xc000u
#define STACK0 0x20000u		/* of the TSS; of level 0 while it is at work; of level 3 */
#define STACK1 0x24000u
#define IST 0x28000u
#define STACK 0x30000u
#define OUTER 0x40000u

/* Selectors */
enum {
	CODE32 = 0x08, DATA0 = 0x10, CODE64 = 0x18, TR = 0x20, USER32 = 0x33, USER_DATA = 0x3b, USER64 = 0x43, CODE16 = 0x48,
	CONFORMING = 0x50, GATE = 0x58, DATA1 = 0x69, CODE1 = 0x71, OTHER_TASK = 0x78, GATE16 = 0x80, TASK_GATE = 0x88,
	ABSENT = 0x90, DATA16 = 0x98, LINK = 0xa0, TABLE_END = 0xa8,
};

/* Vectors of INT n */
enum { INT = 0x40, TRAP, INT16, MISSING, PRIVATE, BY_IST, BY_TASK, TO_CONFORMING, NO_CODE, INNER1 };

enum mode { REAL, PROT, USER, LONG, LONG_USER, V86, NR_MODES };

#define CF 0x1u
#define TF 0x100u
#define IF 0x200u
#define OF 0x800u
#define IOPL3 0x3000u
#define NT 0x4000u
#define RF 0x10000u
#define VM 0x20000u
#define VIF 0x80000u
#define VIP 0x100000u
#define VME 1u
#define PVI 2u

struct try {
	const char *name;
	enum mode mode;
	u8 code[15];
	u8 n;
	u32 flags;		/* RFLAGS at the start */
	u32 cr4;		/* more bits of it */
	u64 stack[9];		/* what is on it */
	u8 size;		/* of each entry there */
	u64 ax, cx, dx;
	u32 is;
};

#define NOTCG 1u		/* QEMU is wrong */
#define NOBOCHS 2u
#define SWITCH 4u		/* by task: QEMU's AMD-V does not let that exit, and loads the hardware's CR3 from the task */
#define BITMAP 4u		/* ports below 8 are free */
#define BAD_STACK 8u		/* for level 1 */

struct outcome {
	u32 exit;
	struct kvm_regs r;
	struct kvm_sregs s;
	u8 mem[LOW];
};

static struct vm vm;
static struct vcpu v;
static struct outcome native, forced;

static u64 gate(u16 sel, u32 target, u8 type, u8 params)
{
	return (target & 0xffff) | (u64)sel << 16 | (u64)params << 32 | (u64)type << 40 | (u64)(target >> 16) << 48;
}

static u64 tss(u32 base, u8 type)
{
	return 0x0000800000002067 | (u64)base << 16 | (u64)type << 40;
}

static void fill_gdt(bool wide)
{
	static const u64 gdt[] = {
		0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff, 0, 0, 0x00cffb000000ffff, 0x00cff3000000ffff,
		0x00affb000000ffff, 0x00009b000000ffff, 0x00cf9f000000ffff, 0, 0, 0x00cfb3000000ffff, 0x00cfbb000000ffff, 0, 0, 0, 0,
		0x000093000000ffff, 0,
	};
	u64 *to = (u64 *)(vm.mem + GPA_GDT);

	memcpy(to, gdt, sizeof(gdt));
	to[TR / 8] = tss(TSS, 11);
	to[GATE / 8] = gate(wide ? CODE64 : CODE32, TARGET + 0x10, 0xec, wide ? 0 : 2);
	to[OTHER_TASK / 8] = tss(TASK, 9);
	to[LINK / 8] = tss(TASK, 11);
	to[GATE16 / 8] = gate(CODE32, TARGET + 0x20, 0xe4, 3);
	to[TASK_GATE / 8] = gate(OTHER_TASK, 0, 0xe5, 0);
	to[ABSENT / 8] = gate(CODE32, TARGET, 0x6c, 0);
}

static void fill_idt(void)
{
	u64 *idt = (u64 *)(vm.mem + IDT32), *wide = (u64 *)(vm.mem + IDT64);
	u32 i;

	for (i = 0; i < 128; i++) {
		*(u32 *)(vm.mem + i * 4) = HANDLERS + i;
		idt[i] = gate(CODE32, HANDLERS + i, i < 32 && i != 3 && i != 4 ? 0x8e : 0xee, 0);
		wide[2 * i] = gate(CODE64, HANDLERS + i, i < 32 && i != 3 && i != 4 ? 0x8e : 0xee, 0);
	}
	idt[TRAP] = gate(CODE32, HANDLERS + TRAP, 0xef, 0);
	idt[INT16] = gate(CODE32, HANDLERS + INT16, 0xe6, 0);
	idt[MISSING] = gate(CODE32, HANDLERS, 0x6e, 0);
	idt[PRIVATE] = gate(CODE32, HANDLERS + PRIVATE, 0x8e, 0);
	idt[BY_TASK] = gate(OTHER_TASK, 0, 0xe5, 0);
	idt[TO_CONFORMING] = gate(CONFORMING, HANDLERS + TO_CONFORMING, 0xee, 0);
	idt[NO_CODE] = gate(DATA0, HANDLERS, 0xee, 0);
	idt[INNER1] = gate(CODE1, HANDLERS + INNER1, 0xee, 0);
	wide[2 * TRAP] = gate(CODE64, HANDLERS + TRAP, 0xef, 0);
	wide[2 * MISSING] = gate(CODE64, HANDLERS, 0x6e, 0);
	wide[2 * PRIVATE] = gate(CODE64, HANDLERS + PRIVATE, 0x8e, 0);
	wide[2 * BY_IST] = gate(CODE64, HANDLERS + BY_IST, 0xee, 3);
	wide[2 * NO_CODE] = gate(CODE32, HANDLERS, 0xee, 0);
}

static void put32(u32 at, u32 value)
{
	memcpy(vm.mem + at, &value, sizeof(value));
}

static void fill_tss(const struct try *t, bool wide)
{
	if (wide) {
		put32(TSS + 4, STACK0);
		put32(TSS + 12, STACK1);
		put32(TSS + 28 + 3 * 8, IST - 8);
	} else {
		put32(TSS + 4, STACK0);
		put32(TSS + 8, DATA0);
		put32(TSS + 12, STACK1);
		put32(TSS + 16, t->is & BAD_STACK ? CODE32 : DATA1);
	}
	put32(TSS, LINK);
	/* Ports: the bitmap begins behind that of VME, which gives away vector INT alone. */
	put32(TSS + 100, 136u << 16);
	memset(vm.mem + TSS + 104, 0xff, 32);
	vm.mem[TSS + 104 + INT / 8] = 0xfe;
	memset(vm.mem + TSS + 136, 0xff, 0x2068 - 136);
	if (t->is & BITMAP)
		vm.mem[TSS + 136] = 0;
	put32(TASK + 32, TARGET + 0x40);
	put32(TASK + 36, 2);
	put32(TASK + 40, 0x7a5c);
	put32(TASK + 56, STACK - 0x800);
	put32(TASK + 72, DATA0);
	put32(TASK + 76, CODE32);
	put32(TASK + 80, DATA0);
	put32(TASK + 84, DATA0);
}

static struct kvm_segment flat(u16 sel, u8 type, u8 dpl, bool l)
{
	return (struct kvm_segment){
		.limit = ~0u, .selector = sel, .type = type, .present = 1, .dpl = dpl, .s = 1, .g = 1, .db = !l, .l = l,
	};
}

static struct kvm_segment small(u16 sel, u8 type, u8 dpl)
{
	return (struct kvm_segment){
		.base = sel << 4, .limit = 0xffff, .selector = sel, .type = type, .present = 1, .dpl = dpl, .s = 1,
	};
}

static void set_segments(struct kvm_sregs *s, enum mode mode)
{
	bool wide = mode == LONG || mode == LONG_USER, user = mode == USER || mode == LONG_USER;
	u8 dpl = user ? 3 : 0;
	u16 code = wide ? (user ? USER64 : CODE64) : user ? USER32 : CODE32;

	s->cs = flat(code, 11, dpl, wide);
	s->ss = flat(user ? USER_DATA : DATA0, 3, dpl, false);
	if (mode == REAL || mode == V86) {
		s->cs = small(0, mode == V86 ? 3 : 11, mode == V86 ? 3 : 0);
		s->ss = small(0x2000, 3, mode == V86 ? 3 : 0);
	}
	s->ds = mode == V86 ? small(0x111, 3, 3) : s->ss;
	s->es = mode == V86 ? small(0x222, 3, 3) : s->ss;
	s->fs = mode == V86 ? small(0x333, 3, 3) : s->ss;
	s->gs = mode == V86 ? small(0x444, 3, 3) : s->ss;
}

static void set_mode(const struct try *t)
{
	bool wide = t->mode == LONG || t->mode == LONG_USER;
	struct kvm_sregs s;

	vcpu_long_at(&v, START);
	get_sregs(&v, &s);
	set_segments(&s, t->mode);
	/* QEMU aborts over a busy one that it has not loaded itself. */
	s.tr = (struct kvm_segment){
		.base = TSS, .limit = 0x2067, .selector = TR, .type = host_is_tcg() ? 9 : 11, .present = 1,
	};
	s.ldt = (struct kvm_segment){ .unusable = 1 };
	s.gdt = (struct kvm_dtable){ .base = GPA_GDT, .limit = TABLE_END - 1 };
	s.idt = (struct kvm_dtable){ .base = wide ? IDT64 : IDT32, .limit = 128 * (wide ? 16 : 8) - 1 };
	s.cr4 |= t->cr4;
	if (!wide) {
		s.efer = 0;
		s.cr0 &= ~0x80000000ull;
		s.cr4 &= ~0x20ull;
	}
	if (t->mode == REAL) {
		s.cr0 &= ~1ull;
		s.idt = (struct kvm_dtable){ .limit = 128 * 4 - 1 };
	}
	set_sregs(&v, &s);
}

static void set_registers(const struct try *t, bool force)
{
	bool user = t->mode == USER || t->mode == LONG_USER;
	struct kvm_regs r = {
		.rax = t->ax, .rcx = t->cx, .rdx = t->dx, .rbx = DATA, .rbp = 0x55, .rsi = 0x66, .rdi = 0x77,
		.rflags = 2 | t->flags | (t->mode == V86 ? VM : 0), .rip = START - (force ? PREFIX : 0),
		.rsp = user ? OUTER : t->mode == REAL || t->mode == V86 ? 0x8000 : STACK,
	};
	u32 base = t->mode == REAL || t->mode == V86 ? 0x20000 : 0, i;

	for (i = 0; i < ARRAY_SIZE(t->stack); i++)
		memcpy(vm.mem + base + r.rsp + i * t->size, &t->stack[i], t->size);
	set_regs(&v, &r);
}

/* Programs may use all memory. */
static void open_tables(void)
{
	u64 *entry = (u64 *)(vm.mem + GPA_PML4);
	u32 i;

	for (i = 0; i < 6 * 512; i++)
		if (entry[i])
			entry[i] |= 0x67;
}

static void run(const struct try *t, bool force, struct outcome *out)
{
	static const u8 prefix[PREFIX] = { 0x0f, 0x0b, 'k', 'v', 'm' };
	bool wide = t->mode == LONG || t->mode == LONG_USER;
	struct kvm_debugregs dr = { .dr6 = 0xffff0ff0, .dr7 = 0x400 };
	struct kvm_vcpu_events none = { };

	memset(vm.mem, 0, LOW);
	memset(vm.mem + GPA_CODE, 0xf4, 4 * PAGE);
	set_mode(t);
	open_tables();
	fill_gdt(wide);
	fill_idt();
	fill_tss(t, wide);
	memset(vm.mem + DATA, 0, PAGE);
	memcpy(vm.mem + START - PREFIX, prefix, PREFIX);
	memcpy(vm.mem + START, t->code, t->n);
	set_registers(t, force);
	CHECK_OK(ioctl(v.fd, KVM_SET_DEBUGREGS, &dr));
	CHECK_OK(ioctl(v.fd, KVM_SET_VCPU_EVENTS, &none));
	out->exit = vcpu_run(&v);
	get_regs(&v, &out->r);
	get_sregs(&v, &out->s);
	memcpy(out->mem, vm.mem, LOW);
}

static void normalize(struct kvm_sregs *s)
{
	struct kvm_segment *segment = &s->cs;
	u32 n;

	for (n = 0; n < 8; n++)
		if (segment[n].unusable || !segment[n].present)
			segment[n] = (struct kvm_segment){ .selector = segment[n].selector };
}

static bool differs(const struct try *t, const char *what, u32 n, u64 want, u64 got)
{
	test_note("%s: %s %#x: expected %#llx, got %#llx; RIP %#llx, %#llx", t->name, what, n, (unsigned long long)want,
		  (unsigned long long)got, (unsigned long long)native.r.rip, (unsigned long long)forced.r.rip);
	return true;
}

static bool memory_differs(const struct try *t)
{
	u32 want, got, n;

	for (n = 0; n < LOW; n += 4) {
		memcpy(&want, native.mem + n, 4);
		memcpy(&got, forced.mem + n, 4);
		/* QEMU does not set RF. */
		if (want != got && !(host_is_tcg() && (want ^ got) == RF))
			return differs(t, "memory", n, want, got);
	}
	return false;
}

static bool outcome_differs(const struct try *t)
{
	const u64 *want = (const u64 *)&native.r, *got = (const u64 *)&forced.r;
	const u8 *a = (const u8 *)&native.s, *b = (const u8 *)&forced.s;
	u32 n;

	if (native.exit != forced.exit || native.exit != KVM_EXIT_HLT) {
		test_note("%s", vcpu_describe(&v));
		return differs(t, "exit", 0, native.exit, forced.exit);
	}
	for (n = 0; n < sizeof(native.r) / 8; n++)
		if (want[n] != got[n])
			return differs(t, "register", n, want[n], got[n]);
	normalize(&native.s);
	normalize(&forced.s);
	for (n = 0; n < offsetof(struct kvm_sregs, interrupt_bitmap); n++)
		if (a[n] != b[n])
			return differs(t, "sregs", n, a[n], b[n]);
	return memory_differs(t);
}

#define CODE(...) .code = { __VA_ARGS__ }, .n = sizeof((u8[]){ __VA_ARGS__ })
#define ON_STACK(bytes, ...) .size = bytes, .stack = { __VA_ARGS__ }

#include "emuforce_rows.h"

#define OPCODE_INT 0xcd

static bool is_in(const struct try *t, enum mode mode)
{
	if (host_is_bochs_svm() && t->code[0] == OPCODE_INT)
		return false;
	if (t->is & SWITCH && host_is_tcg() && host_has_shadow())
		return false;
	return t->mode == mode && !(t->is & (host_is_tcg() ? NOTCG : NOBOCHS));
}

static void run_mode(enum mode mode)
{
	u32 i, bad = 0;

	if (is_kvm())
		SKIP("KVM's emulator is another one");
	if (!force_emulation(true))
		SKIP("force_emulation_prefix cannot be set");
	vm_init(&vm);
	vcpu_init(&v, &vm, 0);
	vcpu_cpuid(&v);
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		if (!is_in(&tries[i], mode))
			continue;
		run(&tries[i], false, &native);
		run(&tries[i], true, &forced);
		bad += outcome_differs(&tries[i]);
	}
	force_emulation(false);
	if (bad)
		FAIL("%u are wrong", bad);
}

TEST(real_mode) { run_mode(REAL); }
TEST(protected_mode) { run_mode(PROT); }
TEST(program) { run_mode(USER); }
TEST(long_mode) { run_mode(LONG); }
TEST(long_program) { run_mode(LONG_USER); }

TEST(virtual_8086)
{
	if (host_is_bochs_svm())
		SKIP("the emulated host ends with that");
	run_mode(V86);
}
