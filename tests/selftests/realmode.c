// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs in real mode, as firmware and boot loaders have them: interrupts through the vector table, far calls, big real mode,
 * the way to protected mode and back, strings to ports, the timer. Each runs with and without the pages of KVM_SET_TSS_ADDR,
 * which CPUs without unrestricted guests want.
 *
 * The guest says words by port 0xe0. DS, ES and SS are 0 at the start.
 */
#include <stdlib.h>

#include "vm.h"

#define SAY 0xe0
#define TSS_ADDR 0xfffbd000ul
#define STRING_PORT TEST_PORT

/* A vector of the table: handlers are in segment 0. */
#define VECTOR(n, handler) " movw $(" handler " - base), 4 * " n "\n movw $0, 4 * " n " + 2\n"
#define SAY_AX " outw %ax, $0xe0\n"
#define SAY_WORD(n) " movw $" n ", %ax\n" SAY_AX
/* Says it, and goes on at the label: in handlers of faults. */
#define SAY_AND_GO(n, label) " pushw %ax\n" SAY_WORD(n) " popw %ax\n movw %sp, %bp\n movw $(" label " - base), (%bp)\n iret\n"
/* For lgdt: code and data of 32 bits, the same of 16 bits with limits of 64 KiB */
#define GDT \
	".balign 8\n 88: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00009b000000ffff, 0x000093000000ffff\n" \
	"89: .word 89b - 88b - 1\n .long 88b - base\n"
/* DS reaches 4 GiB, in real mode. */
#define GO_BIG \
	" cli\n lgdtl 89f - base\n movl %cr0, %eax\n orb $1, %al\n movl %eax, %cr0\n movw $0x10, %bx\n movw %bx, %ds\n" \
	" andb $0xfe, %al\n movl %eax, %cr0\n"

struct machine {
	struct vm vm;
	struct vcpu v;
};

static void start(struct machine *m, bool tss, bool chips)
{
	struct kvm_pit_config pit = { };

	vm_init(&m->vm);
	if (tss)
		CHECK_OK(ioctl(m->vm.fd, KVM_SET_TSS_ADDR, TSS_ADDR));
	if (chips) {
		vm_irqchip(&m->vm);
		CHECK_OK(ioctl(m->vm.fd, KVM_CREATE_PIT2, &pit));
	}
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	vcpu_real(&m->v, GPA_CODE);
}

static u16 hear(struct machine *m)
{
	return *(u16 *)EXPECT_IO(&m->v, KVM_EXIT_IO_OUT, SAY, 2);
}

static void hear_all(struct machine *m, const u16 *words, size_t n)
{
	size_t i;
	u16 word;

	for (i = 0; i < n; i++) {
		word = hear(m);
		if (word != words[i])
			FAIL("word %zu: expected %#x, got %#x: %s", i, words[i], word, vcpu_describe(&m->v));
	}
}

#define HEAR(m, ...) hear_all(m, (const u16[]){ __VA_ARGS__ }, sizeof((const u16[]){ __VA_ARGS__ }) / 2)

static void end(struct machine *m)
{
	EXPECT_EXIT(&m->v, KVM_EXIT_HLT);
	vcpu_free(&m->v);
	vm_free(&m->vm);
}

/* A test, with the pages and without */
#define BOTH(name, chips)						\
	static void name##_on(struct machine *m);			\
	TEST(name)							\
	{								\
		struct machine m;					\
		int tss;						\
									\
		for (tss = 0; tss < 2; tss++) {				\
			start(&m, tss, chips);				\
			name##_on(&m);					\
		}							\
	}								\
	static void name##_on(struct machine *m)

BLOB16(vectors,
	VECTOR("0", "divide") VECTOR("3", "break") VECTOR("4", "overflow") VECTOR("5", "bound") VECTOR("6", "undefined")
	VECTOR("0x21", "service")
	" sti\n movw $0x1111, %ax\n int $0x21\n"
	" pushfw\n popw %ax\n andw $0x200, %ax\n" SAY_AX
	" xorw %cx, %cx\n xorw %dx, %dx\n movw $5, %ax\n divw %cx\n" SAY_AX
	" int3\n"
	" movb $0x7f, %al\n addb $1, %al\n into\n"
	" movw $7, %ax\n bound %ax, limits - base\n bounded:\n"
	" ud2\n"
	SAY_WORD("0x4444")
	" hlt\n"
	"service:" SAY_AX " pushfw\n popw %ax\n andw $0x300, %ax\n" SAY_AX " iret\n"
	"divide: pushw %ax\n" SAY_WORD("0xde") " popw %ax\n movw $1, %cx\n iret\n"
	"break:" SAY_WORD("0xb3") " iret\n"
	"overflow:" SAY_WORD("0x0f") " iret\n"
	"bound:" SAY_AND_GO("0xb5", "bounded")
	"undefined: movw %sp, %bp\n addw $2, (%bp)\n" SAY_WORD("0x06") " iret\n"
	"limits: .word 1, 5\n");

BOTH(interrupts_through_the_vector_table, false)
{
	if (host_is_bochs_svm())
		SKIP("the emulator takes INT n for an interrupt, on KVM too");
	LOAD(&m->vm, vectors);
	HEAR(m, 0x1111, 0, 0x200, 0xde, 5, 0xb3, 0x0f, 0xb5, 0x06, 0x4444);
	end(m);
}

BLOB16(segments16,
	" ljmp $0x100, $(high - base - 0x1000)\n"
	"high: movw %cs, %ax\n" SAY_AX
	" lcall $0, $(callee - base)\n"
	" movw %sp, %ax\n" SAY_AX
	" movw $0x2000, %ax\n movw %ax, %es\n movw $(text - base), %si\n xorw %di, %di\n movw $4, %cx\n cld\n rep movsw\n"
	" movw %es:6, %ax\n" SAY_AX
	" movw $1, %ax\n movw $2, %bx\n pushaw\n xorw %ax, %ax\n xorw %bx, %bx\n popaw\n addw %bx, %ax\n" SAY_AX
	" lesw pointer - base, %di\n movw %es:(%di), %ax\n" SAY_AX
	/* A stack in another segment, by both ways to load it */
	" movw $0x3000, %ax\n movw %ax, %ss\n movw $0x100, %sp\n pushw $0x5a5a\n"
	" lssw stack - base, %sp\n popw %ax\n" SAY_AX
	" movl $0x12345678, %eax\n movl %eax, %cr2\n xorl %eax, %eax\n movl %cr2, %eax\n" SAY_AX
	" smsw %ax\n andw $1, %ax\n" SAY_AX
	" hlt\n"
	"callee: movw %cs, %ax\n" SAY_AX " lret\n"
	"text: .ascii \"realmode\"\n"
	"pointer: .word text - base - 0x100 + 2, 0x10\n"
	"stack: .word 0xfe, 0x3000\n");

BOTH(far_transfers_and_stacks, false)
{
	LOAD(&m->vm, segments16);
	HEAR(m, 0x100, 0, 0x7000, 0x6564, 3, 0x6c61, 0x5a5a, 0x5678, 0);
	end(m);
}

BLOB16(big,
	VECTOR("13", "protection") VECTOR("0x21", "service2")
	GO_BIG
	" movl $0x200000, %ebx\n addr32 movl $0x12345678, (%ebx)\n addr32 movl (%ebx), %eax\n" SAY_AX
	/* Another base: the limit stays. */
	" movw $0x10, %ax\n movw %ax, %ds\n movl $0x1fff00, %ebx\n addr32 movw 2(%ebx), %ax\n" SAY_AX
	" int $0x21\n"
	/* ES was left alone. */
	" movl $0x10000, %ebx\n addr32 movb %es:(%ebx), %al\n"
	"past: movw $0xffff, %bx\n movw %es:(%bx), %ax\n"
	"across: movl $3, %eax\n movl %eax, %dr0\n movl %dr0, %eax\n" SAY_AX
	" xorw %ax, %ax\n cpuid\n cmpl $0, %eax\n setnz %al\n movb $0, %ah\n" SAY_AX
	" hlt\n"
	"service2:" SAY_WORD("0x2121") " iret\n"
	"protection: cmpw $0xffff, %bx\n je 1f\n" SAY_AND_GO("13", "past")
	"1:" SAY_AND_GO("14", "across")
	GDT);

BOTH(big_real_mode, false)
{
	if (host_is_bochs_svm())
		SKIP("the emulator ends it by a shutdown, on KVM too");
	LOAD(&m->vm, big);
	HEAR(m, 0x5678, 0x1234, 0x2121);
	/* QEMU checks no limits. */
	if (!host_is_tcg())
		HEAR(m, 13, 14);
	HEAR(m, 3, 1);
	end(m);
}

/* 0x600 counts ticks, and FS is 0. */
#define WAIT_FOR(n) "1: cmpw $" n ", %fs:0x600\n jb 1b\n"

BLOB16(timer,
	VECTOR("8", "tick")
	" movw $0, 0x600\n"
	" movb $0x11, %al\n outb %al, $0x20\n movb $8, %al\n outb %al, $0x21\n movb $4, %al\n outb %al, $0x21\n"
	" movb $1, %al\n outb %al, $0x21\n movb $0xfe, %al\n outb %al, $0x21\n"
	" movb $0x34, %al\n outb %al, $0x43\n movb $0xa9, %al\n outb %al, $0x40\n movb $4, %al\n outb %al, $0x40\n"
	"2: sti\n hlt\n cmpw $3, 0x600\n jb 2b\n" SAY_WORD("3")
	WAIT_FOR("6") SAY_WORD("6")
	GO_BIG " sti\n" WAIT_FOR("9") SAY_WORD("9")
	"2: sti\n hlt\n cmpw $12, %fs:0x600\n jb 2b\n" SAY_WORD("12")
	" movw $0x5000, %dx\n inw %dx, %ax\n"
	"tick: pushw %ax\n incw %fs:0x600\n movb $0x20, %al\n outb %al, $0x20\n popw %ax\n iret\n"
	GDT);

/* HLT is the kernel's: it ends at a port. */
BOTH(timer_interrupts, true)
{
	LOAD(&m->vm, timer);
	HEAR(m, 3, 6, 9, 12);
	EXPECT_IO(&m->v, KVM_EXIT_IO_IN, TEST_PORT, 2);
	vcpu_free(&m->v);
	vm_free(&m->vm);
}

/* In protected mode: CR3 is what was written, paged and not; pages of 4 MiB. */
BLOB16(switches,
	VECTOR("0x21", "count")
	" xorl %ebp, %ebp\n movw $20, %cx\n"
	"again: cli\n lgdtl 89f - base\n movl %cr0, %eax\n orb $1, %al\n movl %eax, %cr0\n ljmpl $8, $(flat - base)\n"
	".code32\n"
	"flat: movl $0x10, %eax\n movl %eax, %ds\n movl %eax, %es\n movl %eax, %ss\n"
	" movl $0x83, 0x20000\n movl $0x20000, %eax\n movl %eax, %cr3\n xorl %eax, %eax\n movl %cr3, %eax\n addl %eax, %ebp\n"
	" movl %cr4, %eax\n orl $0x10, %eax\n movl %eax, %cr4\n"
	" movl %cr0, %eax\n orl $0x80000000, %eax\n movl %eax, %cr0\n jmp 1f\n1:\n"
	" movl $1, 0x300000\n addl 0x300000, %ebp\n movl %cr3, %ebx\n addl %ebx, %ebp\n"
	" andl $0x7fffffff, %eax\n movl %eax, %cr0\n"
	" movl %cr3, %ebx\n addl %ebx, %ebp\n"
	" ljmp $0x18, $(narrow - base)\n"
	".code16\n"
	"narrow: movw $0x20, %ax\n movw %ax, %ds\n movw %ax, %es\n movw %ax, %ss\n"
	" movl %cr0, %eax\n andb $0xfe, %al\n movl %eax, %cr0\n ljmp $0, $(back - base)\n"
	"back: xorw %ax, %ax\n movw %ax, %ds\n movw %ax, %es\n movw %ax, %ss\n sti\n int $0x21\n decw %cx\n jnz again\n"
	" movl %ebp, %eax\n" SAY_AX " shrl $16, %eax\n" SAY_AX
	" hlt\n"
	"count: incl %ebp\n iret\n"
	GDT);

BOTH(protected_mode_and_back, false)
{
	const u32 sum = 20 * (3 * 0x20000 + 2);

	LOAD(&m->vm, switches);
	HEAR(m, (u16)sum, sum >> 16);
	end(m);
}

BLOB16(strings,
	" movw $0x5000, %dx\n movw $(letters - base), %si\n movw $5, %cx\n cld\n rep outsb\n"
	" movw $0x9000, %di\n movw $5, %cx\n rep insb\n"
	" movw 0x9003, %ax\n" SAY_AX
	" movw %di, %ax\n" SAY_AX
	" hlt\n"
	"letters: .ascii \"ports\"\n");

/* Takes what comes, in one piece or in many. */
static void string_io(struct machine *m, u8 direction, char *bytes, u32 n)
{
	struct kvm_run *run = m->v.run;
	u32 done = 0;
	char *data;

	while (done < n) {
		EXPECT_EXIT(&m->v, KVM_EXIT_IO);
		CHECK_EQ(run->io.direction, direction);
		CHECK_EQ(run->io.port, STRING_PORT);
		CHECK(run->io.count <= n - done);
		data = (char *)run + run->io.data_offset;
		if (direction == KVM_EXIT_IO_OUT)
			memcpy(bytes + done, data, run->io.count);
		else
			memcpy(data, bytes + done, run->io.count);
		done += run->io.count;
	}
}

BOTH(strings_and_ports, false)
{
	char bytes[5];

	LOAD(&m->vm, strings);
	string_io(m, KVM_EXIT_IO_OUT, bytes, 5);
	CHECK(!memcmp(bytes, "ports", 5));
	string_io(m, KVM_EXIT_IO_IN, bytes, 5);
	HEAR(m, 't' | 's' << 8, 0x9005);
	end(m);
}

/* Where traps of single steps return to, relative to the first one */
BLOB16(stepped,
	VECTOR("1", "trap")
	" pushfw\n popw %ax\n orw $0x100, %ax\n pushw %ax\n popfw\n"
	"first: nop\n"
	"second: pushw %ss\n"
	"third: popw %ss\n nop\n"
	"fourth: pushw %ax\n"
	" int $0x22\n"
	" andw $0xfeff, %ax\n pushw %ax\n popfw\n nop\n"
	SAY_WORD("0xffff")
	" hlt\n"
	"trap: pushw %bp\n pushw %ax\n movw %sp, %bp\n movw 4(%bp), %ax\n subw $(first - base), %ax\n" SAY_AX
	" popw %ax\n popw %bp\n iret\n"
	"service22: iret\n");

BOTH(single_steps, false)
{
	const u32 service = 4 * 0x22;
	u16 word;

	LOAD(&m->vm, stepped);
	/* The last byte is the handler of INT 0x22. */
	*(u16 *)(m->vm.mem + service) = GPA_CODE + (stepped_end - stepped) - 1;
	*(u16 *)(m->vm.mem + service + 2) = 0;
	/* Each instruction, but that behind the one that loads SS with the load; the handler of INT runs without. */
	HEAR(m, 1, 2, 4, 5);
	do {
		word = hear(m);
	} while (word < 0x40);
	CHECK_EQ(word, 0xffff);
	end(m);
}

BLOB16(nmis,
	VECTOR("2", "nmi")
	SAY_WORD("1")
	"wait: cmpw $2, %di\n jb wait\n"
	SAY_WORD("4")
	" hlt\n"
	"nmi: incw %di\n" SAY_WORD("2") " nop\n nop\n" SAY_WORD("3") " iret\n");

BOTH(nmis_wait_for_iret, false)
{
	struct kvm_regs r;

	LOAD(&m->vm, nmis);
	get_regs(&m->v, &r);
	r.rdi = 0;
	set_regs(&m->v, &r);
	HEAR(m, 1);
	CHECK_OK(ioctl(m->v.fd, KVM_NMI));
	HEAR(m, 2);
	/* While the first is handled the second waits. */
	CHECK_OK(ioctl(m->v.fd, KVM_NMI));
	HEAR(m, 3, 2, 3, 4);
	end(m);
}

/* What userspace reads and writes in the middle of a program is what the program has. */
BLOB16(seen,
	" movw $0x1234, %ax\n movw %ax, %ds\n movw $0x4321, %ax\n movw %ax, %fs\n" SAY_WORD("1")
	" movw %es, %ax\n" SAY_AX
	" pushfw\n popw %ax\n" SAY_AX
	" hlt\n");

BOTH(registers_in_userspace, false)
{
	struct kvm_sregs before, s;
	struct kvm_regs r;

	get_sregs(&m->v, &before);
	LOAD(&m->vm, seen);
	HEAR(m, 1);
	get_sregs(&m->v, &s);
	CHECK_EQ(s.ds.selector, 0x1234);
	CHECK_EQ(s.ds.base, 0x12340);
	CHECK_EQ(s.ds.limit, 0xffff);
	CHECK_EQ(s.fs.base, 0x43210);
	CHECK_EQ(s.ss.dpl, 0);
	CHECK_EQ(s.cs.dpl, 0);
	CHECK_EQ(s.cr0 & 1, 0);
	CHECK_EQ(s.cr4, before.cr4);
	CHECK_EQ(s.cr3, before.cr3);
	CHECK(!memcmp(&s.tr, &before.tr, sizeof(s.tr)));
	CHECK(!memcmp(&s.ldt, &before.ldt, sizeof(s.ldt)));
	get_regs(&m->v, &r);
	CHECK_EQ(r.rflags & 0x23000, 0);
	s.es.selector = 0x777;
	s.es.base = 0x7770;
	set_sregs(&m->v, &s);
	r.rflags |= 1;
	set_regs(&m->v, &r);
	HEAR(m, 0x777);
	CHECK_EQ(hear(m) & 1, 1);
	end(m);
}

/* What is there is not met: that exceptions exit must outlast the stays. */
BLOB16(armed,
	" movl $0x7000, %eax\n movl %eax, %dr0\n movl $0x402, %eax\n movl %eax, %dr7\n"
	SAY_WORD("1") SAY_WORD("2") " movl %dr7, %eax\n" SAY_AX " hlt\n");

BOTH(breakpoints_across_exits, false)
{
	LOAD(&m->vm, armed);
	HEAR(m, 1, 2, 0x402);
	end(m);
}

BLOB16(far_base,
	" movw $0x1000, %ax\n movw %ax, %fs\n" SAY_WORD("1")
	" movl $0xc0000100, %ecx\n movl $0x12340, %eax\n xorl %edx, %edx\n wrmsr\n"
	" movw %fs:2, %ax\n" SAY_AX " movw $0x1000, %ax\n movw %ax, %fs\n movw %fs:2, %ax\n" SAY_AX " hlt\n");

/* A base that no selector makes */
BOTH(base_by_msr, false)
{
	*(u16 *)(m->vm.mem + 0x10002) = 7;
	*(u16 *)(m->vm.mem + 0x12342) = 8;
	LOAD(&m->vm, far_base);
	HEAR(m, 1, 8, 7);
	end(m);
}

BLOB16(passed_once, " nop\n nop\n hlt\n");

/* Userspace goes on from a breakpoint by running again, in the emulator too. */
TEST(breakpoints_are_met_once)
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP };
	struct machine m;

	if (!host_is_restricted())
		SKIP("the CPU runs real mode");
	start(&m, false, false);
	LOAD(&m.vm, passed_once);
	debug.arch.debugreg[0] = GPA_CODE + 1;
	debug.arch.debugreg[7] = 0x402;
	CHECK_OK(ioctl(m.v.fd, KVM_SET_GUEST_DEBUG, &debug));
	EXPECT_EXIT(&m.v, KVM_EXIT_DEBUG);
	CHECK_EQ(m.v.run->debug.arch.pc, GPA_CODE + 1);
	end(&m);
}

TEST(pages_for_real_mode)
{
	u64 identity = 0xfe000000, unset = 0;
	struct kvm_sregs s;
	struct vcpu v;
	struct vm vm;
	void *page = host_alloc(PAGE, PAGE);

	vm_init_bare(&vm);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_TSS_ADDR, 0xfffff000ul), EINVAL);
	CHECK_OK(ioctl(vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &unset));
	CHECK_OK(ioctl(vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &identity));
	CHECK_OK(ioctl(vm.fd, KVM_SET_TSS_ADDR, TSS_ADDR));
	if (!host_is_restricted()) {
		CHECK_OK(ioctl(vm.fd, KVM_SET_TSS_ADDR, TSS_ADDR));
		CHECK_OK(set_slot(&vm, 1, 0, TSS_ADDR + PAGE, PAGE, page));
		return;
	}
	CHECK_ERR(ioctl(vm.fd, KVM_SET_TSS_ADDR, TSS_ADDR - 16 * PAGE), EEXIST);
	CHECK_ERR(set_slot(&vm, 1, 0, TSS_ADDR + PAGE, PAGE, page), EEXIST);
	CHECK_OK(set_slot(&vm, 1, 0, identity, PAGE, page));
	if (!getenv("WARREN_PAGING") || strcmp(getenv("WARREN_PAGING"), "shadow")) {
		CHECK_ERR(ioctl(vm.fd, KVM_CREATE_VCPU, 0ul), EEXIST);
		CHECK_OK(set_slot(&vm, 1, 0, identity, 0, page));
		vcpu_init(&v, &vm, 0);
		CHECK_ERR(set_slot(&vm, 1, 0, identity, PAGE, page), EEXIST);
		get_sregs(&v, &s);
		CHECK_EQ(s.cr3, 0);
	}
}

BLOB16(busy, "1: decl %ecx\n jnz 1b\n hlt\n");

static u64 loop(bool tss, u32 n)
{
	struct kvm_regs r;
	struct machine m;
	u64 began;

	start(&m, tss, false);
	LOAD(&m.vm, busy);
	get_regs(&m.v, &r);
	r.rcx = n;
	set_regs(&m.v, &r);
	began = now_ns();
	end(&m);
	return now_ns() - began;
}

/* With its pages real mode runs on the CPU, not in the emulator. */
TEST(loops_run_on_the_cpu)
{
	u64 emulated = loop(false, 100000), fast = loop(true, 1000000);

	if (host_is_restricted() && fast > emulated)
		FAIL("ten times as much took %llu ns, emulated %llu ns", (unsigned long long)fast, (unsigned long long)emulated);
	test_note("%llu ns, without the pages %llu ns for a tenth", (unsigned long long)fast, (unsigned long long)emulated);
}
