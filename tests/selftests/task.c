// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware task switches in 32-bit protected mode. The test lays out descriptors and task state segments, lets the guest switch
 * once or twice up to a HLT, and looks at the registers, at what both segments hold, and at who is busy.
 */
#include "guest.h"
#include "vm.h"

/* Selectors */
#define CODE 0x08
#define STACK 0x10
#define TSS_A 0x18	/* the task that the test begins in */
#define TSS_B 0x20
#define TSS_C 0x28	/* 16 bits */
#define GATE 0x30	/* to B */
#define LDT 0x38
#define ABSENT 0x40	/* a segment that is not there */
#define SHORT 0x48	/* a TSS of too few bytes */

#define AT_A 0x4000u
#define AT_B 0x5000u
#define AT_C 0x6000u
#define NEW_CODE (GPA_CODE + 0x400)	/* of the other task */
#define HANDLERS 0x9000u		/* a HLT for each vector */
#define NEW_STACK 0x70000u
#define NT 0x4000u
#define BUSY 2

struct tss32 {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
	u32 eax, ecx, edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs, gs, ldt;
	u16 trap, map;
} __attribute__((packed));

struct tss16 {
	u16 link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags, ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ldt;
} __attribute__((packed));

struct machine {
	struct vm vm;
	struct vcpu v;
	struct kvm_regs r;
	struct kvm_sregs s;
	struct tss32 *a, *b;
	struct tss16 *c;
	u64 *gdt;
};

static u64 system_descriptor(u32 base, u32 limit, u8 type)
{
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)(0x80 | type) << 40 | (u64)(base >> 24) << 56;
}

static void fill_descriptors(struct machine *m)
{
	u64 *idt = (u64 *)(m->vm.mem + GPA_IDT);
	u32 i;

	m->gdt = (u64 *)(m->vm.mem + GPA_GDT);
	m->gdt[CODE / 8] = 0x00cf9b000000ffff;
	m->gdt[STACK / 8] = 0x00cf93000000ffff;
	m->gdt[TSS_A / 8] = system_descriptor(AT_A, 0x67, 9 | BUSY);
	m->gdt[TSS_B / 8] = system_descriptor(AT_B, 0x67, 9);
	m->gdt[TSS_C / 8] = system_descriptor(AT_C, 0x2b, 1);
	m->gdt[GATE / 8] = (u64)TSS_B << 16 | 0x85ull << 40;
	m->gdt[LDT / 8] = system_descriptor(0x3000, 0xff, 2);
	m->gdt[ABSENT / 8] = 0x00cf13000000ffff;
	m->gdt[SHORT / 8] = system_descriptor(AT_B, 0x66, 9);
	for (i = 0; i < 256; i++)
		idt[i] = 0x00008e0000000000ull | CODE << 16 | (HANDLERS + i);
}

static void fill_tasks(struct machine *m)
{
	m->a = (struct tss32 *)(m->vm.mem + AT_A);
	m->b = (struct tss32 *)(m->vm.mem + AT_B);
	m->c = (struct tss16 *)(m->vm.mem + AT_C);
	*m->b = (struct tss32){
		.eip = NEW_CODE, .eflags = 0x2 | 0x41, .eax = 0xb0, .ecx = 0xb1, .edx = 0xb2, .ebx = 0xb3,
		.esp = NEW_STACK, .ebp = 0xb5, .esi = 0xb6, .edi = 0xb7,
		.es = STACK, .cs = CODE, .ss = STACK, .ds = STACK, .fs = STACK, .ldt = LDT,
	};
	*m->c = (struct tss16){
		.ip = NEW_CODE, .flags = 0x2, .ax = 0xc0, .cx = 0xc1, .dx = 0xc2, .bx = 0xc3,
		.sp = 0x7800, .bp = 0xc5, .si = 0xc6, .di = 0xc7, .es = STACK, .cs = CODE, .ss = STACK, .ds = STACK,
	};
}

/* It takes CR3 from the TSS as it is, which with shadow paging is not what the hardware must have. */
static void need_cr3_exits(void)
{
	if (host_is_tcg() && host_has_shadow())
		SKIP("the host's CPU switches tasks itself");
}

/* In task A at the blob, with one IDT entry a gate to B when vector is not 0 */
static void set_up(struct machine *m, const u8 *code, const u8 *end, u8 vector)
{
	need_cr3_exits();
	vm_init(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	fill_descriptors(m);
	fill_tasks(m);
	memset(m->vm.mem + GPA_CODE, 0xf4, PAGE);
	memset(m->vm.mem + HANDLERS, 0xf4, PAGE);
	vm_write(&m->vm, GPA_CODE, code, end - code);
	if (vector)
		((u64 *)(m->vm.mem + GPA_IDT))[vector] = (u64)TSS_B << 16 | 0x85ull << 40;
	vcpu_prot(&m->v, GPA_CODE);
	get_sregs(&m->v, &m->s);
	m->s.gdt = (struct kvm_dtable){ .base = GPA_GDT, .limit = 0x4f };
	m->s.idt = (struct kvm_dtable){ .base = GPA_IDT, .limit = 0x7ff };
	m->s.tr = (struct kvm_segment){ .base = AT_A, .limit = 0x67, .selector = TSS_A, .type = 11, .present = 1 };
	m->s.ldt = (struct kvm_segment){ .unusable = 1 };
	set_sregs(&m->v, &m->s);
	get_regs(&m->v, &m->r);
	m->r.rax = 0xa0;
	m->r.rbx = 0xa3;
	m->r.rdi = 0xa7;
	set_regs(&m->v, &m->r);
}

#define SET_UP(m, name, vector) set_up(m, name, name##_end, vector)

static void run(struct machine *m)
{
	EXPECT_EXIT(&m->v, KVM_EXIT_HLT);
	get_regs(&m->v, &m->r);
	get_sregs(&m->v, &m->s);
}

static bool is_busy(const struct machine *m, u16 selector)
{
	return m->gdt[selector / 8] >> 40 & BUSY;
}

static void expect_task_b(const struct machine *m)
{
	CHECK_EQ(m->s.tr.selector, TSS_B);
	CHECK_EQ(m->s.tr.base, AT_B);
	CHECK_EQ(m->s.tr.type, 11);
	CHECK_EQ(m->s.ldt.selector, LDT);
	CHECK_EQ(m->s.ldt.base, 0x3000);
	CHECK_EQ(m->r.rax, 0xb0);
	CHECK_EQ(m->r.rcx, 0xb1);
	CHECK_EQ(m->r.rdi, 0xb7);
	CHECK_EQ(m->s.fs.selector, STACK);
	CHECK_EQ(m->s.cr0 & 8, 8);
	CHECK(is_busy(m, TSS_B));
}

BLOB32(jump_b, "ljmp $0x20, $0\n hlt");
BLOB32(call_b, "lcall $0x20, $0\n hlt");
BLOB32(call_gate, "lcall $0x30, $0\n hlt");
/* Bochs tells nothing right of an INT n whose delivery faults in stage 2: touch the tables first. */
BLOB32(interrupt_b, "movb 0x2200, %dl\n movb 0x1000, %dl\n int $0x40\n hlt");
BLOB32(fault_b, "movw $0x70, %ax\n movw %ax, %ds\n hlt");
BLOB32(jump_c, "ljmp $0x28, $0\n hlt");
BLOB32(call_c, "lcall $0x28, $0\n hlt");
BLOB32(jump_self, "ljmp $0x18, $0\n hlt");
BLOB32(jump_short, "ljmp $0x48, $0\n hlt");
BLOB32(return_nested, "pushfl\n orl $0x4000, (%esp)\n popfl\n iret\n hlt");

TEST(jump)
{
	struct machine m;

	SET_UP(&m, jump_b, 0);
	run(&m);
	CHECK_EQ(m.r.rip, NEW_CODE + 1);
	CHECK_EQ(m.r.rsp, NEW_STACK);
	CHECK_EQ(m.r.rflags, 0x43);
	expect_task_b(&m);
	CHECK(!is_busy(&m, TSS_A));
	CHECK_EQ(m.a->eip, GPA_CODE + (jump_b_end - jump_b) - 1);
	CHECK_EQ(m.a->eax, 0xa0);
	CHECK_EQ(m.a->ebx, 0xa3);
	CHECK_EQ(m.a->edi, 0xa7);
	CHECK_EQ(m.a->cs, CODE);
	CHECK_EQ(m.a->ss, STACK);
	CHECK_EQ(m.b->link, 0);
}

/* There by a call, back by IRET: NT is in B's flags, and in none of A's. */
static void there_and_back(struct machine *m, u32 back)
{
	m->vm.mem[NEW_CODE] = 0xcf;
	run(m);
	CHECK_EQ(m->r.rip, back + 1);
	CHECK_EQ(m->r.rax, 0xa0);
	CHECK_EQ(m->r.rflags & NT, 0);
	CHECK_EQ(m->s.tr.selector, TSS_A);
	CHECK_EQ(m->b->link, TSS_A);
	CHECK_EQ(m->b->eip, NEW_CODE + 1);
	CHECK_EQ(m->b->eflags & NT, 0);
	CHECK(is_busy(m, TSS_A));
	CHECK(!is_busy(m, TSS_B));
}

TEST(call_and_return)
{
	struct machine m;

	SET_UP(&m, call_b, 0);
	there_and_back(&m, GPA_CODE + 7);
}

TEST(call_by_gate_and_return)
{
	struct machine m;

	SET_UP(&m, call_gate, 0);
	there_and_back(&m, GPA_CODE + 7);
}

TEST(interrupt_and_return)
{
	struct machine m;

	if (host_is_bochs_svm())
		SKIP("the host's CPU does not report INT n");
	SET_UP(&m, interrupt_b, 0x40);
	there_and_back(&m, GPA_CODE + (interrupt_b_end - interrupt_b) - 1);
}

TEST(call_sets_nt)
{
	struct machine m;

	SET_UP(&m, call_b, 0);
	run(&m);
	expect_task_b(&m);
	CHECK_EQ(m.r.rflags, 0x43 | NT);
	CHECK_EQ(m.b->link, TSS_A);
	CHECK(is_busy(&m, TSS_A));
}

/* QEMU's CPUs switch tasks by themselves, and some of it they do wrong. */
static void need_tasks(void)
{
	if (host_is_tcg())
		SKIP("the host's CPU switches tasks itself, and not right");
}

/* The error code is on the new task's stack, RIP in the old one's segment is that of the faulting instruction. */
TEST(exception_by_gate)
{
	struct machine m;

	need_tasks();
	SET_UP(&m, fault_b, 13);
	run(&m);
	expect_task_b(&m);
	CHECK_EQ(m.r.rsp, NEW_STACK - 4);
	CHECK_EQ(*(u32 *)(m.vm.mem + NEW_STACK - 4), 0x70);
	CHECK_EQ(m.a->eip, GPA_CODE + 4);
	CHECK_EQ(m.r.rflags & NT, NT);
}

/* What the double fault of 32-bit Linux does, and the end of its stack: #GP without a handler. */
TEST(double_fault_by_gate)
{
	struct machine m;

	need_tasks();
	SET_UP(&m, fault_b, 8);
	((u64 *)(m.vm.mem + GPA_IDT))[13] = 0;
	run(&m);
	expect_task_b(&m);
	CHECK_EQ(*(u32 *)(m.vm.mem + NEW_STACK - 4), 0);
	CHECK_EQ(m.a->eip, GPA_CODE + 4);
}

TEST(sixteen_bits)
{
	struct machine m;

	SET_UP(&m, jump_c, 0);
	run(&m);
	CHECK_EQ(m.r.rip, NEW_CODE + 1);
	CHECK_EQ(m.s.tr.selector, TSS_C);
	CHECK_EQ(m.s.tr.type, 3);
	CHECK_EQ(m.r.rax & 0xffff, 0xc0);
	CHECK_EQ(m.r.rdi & 0xffff, 0xc7);
	CHECK_EQ(m.r.rsp & 0xffff, 0x7800);
	CHECK_EQ(m.s.fs.selector, 0);
	CHECK_EQ(m.a->eax, 0xa0);
	CHECK(is_busy(&m, TSS_C));
	CHECK(!is_busy(&m, TSS_A));
}

TEST(sixteen_bits_and_return)
{
	struct machine m;

	SET_UP(&m, call_c, 0);
	m.vm.mem[NEW_CODE] = 0xcf;
	run(&m);
	CHECK_EQ(m.r.rip, GPA_CODE + 8);
	CHECK_EQ(m.r.rax, 0xa0);
	CHECK_EQ(m.s.tr.selector, TSS_A);
	CHECK_EQ(m.c->link, TSS_A);
	CHECK_EQ(m.c->ip, NEW_CODE + 1);
	CHECK(!is_busy(&m, TSS_C));
}

/* Faults before the switch are the old task's: nothing has changed. */
static void expect_fault(struct machine *m, u8 vector, u32 error)
{
	run(m);
	CHECK_EQ(m->r.rip, HANDLERS + vector + 1);
	CHECK_EQ(*(u32 *)(m->vm.mem + m->r.rsp), error);
}

TEST(busy_task)
{
	struct machine m;

	SET_UP(&m, jump_self, 0);
	expect_fault(&m, 13, TSS_A);
	CHECK_EQ(m.s.tr.selector, TSS_A);
	CHECK(is_busy(&m, TSS_A));
}

TEST(short_segment)
{
	struct machine m;

	SET_UP(&m, jump_short, 0);
	expect_fault(&m, 10, SHORT);
	CHECK_EQ(m.s.tr.selector, TSS_A);
}

TEST(return_to_idle_task)
{
	struct machine m;

	SET_UP(&m, return_nested, 0);
	m.a->link = TSS_B;
	expect_fault(&m, 10, TSS_B);
	CHECK_EQ(m.s.tr.selector, TSS_A);
}

/* Later ones are the new task's. */
TEST(absent_segment_of_new_task)
{
	struct machine m;

	SET_UP(&m, jump_b, 0);
	m.b->ds = ABSENT;
	expect_fault(&m, 11, ABSENT);
	CHECK_EQ(m.s.tr.selector, TSS_B);
	CHECK(is_busy(&m, TSS_B));
	CHECK(!is_busy(&m, TSS_A));
	CHECK_EQ(m.r.rax, 0xb0);
}

TEST(bad_segment_of_new_task)
{
	struct machine m;

	SET_UP(&m, jump_b, 0);
	m.b->es = TSS_A;
	expect_fault(&m, 10, TSS_A);
	CHECK_EQ(m.s.tr.selector, TSS_B);
}

TEST(trap_of_new_task)
{
	struct machine m;

	need_tasks();
	SET_UP(&m, jump_b, 0);
	m.b->trap = 1;
	run(&m);
	CHECK_EQ(m.r.rip, HANDLERS + 1 + 1);
	CHECK_EQ(m.s.tr.selector, TSS_B);
}
