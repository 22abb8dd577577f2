// SPDX-License-Identifier: GPL-2.0-only
/* A guest that reads and writes MSRs by number, not by name: each access works or raises #GP(0), and the guest goes on. */
#include "guest.h"
#include "vm.h"

#define NONE 256
#define GP 13
#define SCRATCH 0x6ff000	/* memory that an MSR may make somebody write to */

struct machine {
	struct vm vm;
	struct vcpu v;
};

struct span {
	u32 first, nr;
};

static const struct span spans[] = {
	{ 0, 0x1000 },
	{ 0x40000000, 0x200 },
	{ 0x4b564d00, 0x100 },
	{ 0xc0000000, 0x400 },
	{ 0xc0010000, 0x400 },
	{ 0xc0011000, 0x100 },
	{ 0x7fffff00, 0x200 },
	{ 0xffffff00, 0x100 },
};

static u32 works, faults;

static void expect_answer(u32 index, u64 vector)
{
	if (vector == NONE)
		works++;
	else if (vector == GP)
		faults++;
	else
		ucall(UCALL_ABORT, index, vector, GP);
	if (vector == GP && guest_fault.error)
		ucall(UCALL_ABORT, index | 1ull << 32, guest_fault.error, 0);
}

/* What was there goes back in the end, so that the guest and its neighbours stay as they were. */
static void try_msr(u32 index)
{
	u64 was, now, vector = rdmsr_safe(index, &was);

	expect_answer(index, vector);
	expect_answer(index, wrmsr_safe(index, 0));
	expect_answer(index, wrmsr_safe(index, SCRATCH | 1));
	expect_answer(index, wrmsr_safe(index, ~0ull));
	if (vector == NONE) {
		expect_answer(index, wrmsr_safe(index, was));
		expect_answer(index, rdmsr_safe(index, &now));
	}
}

static void all_msrs(u64 samples)
{
	u64 seed = 5;
	u32 i, j;

	for (i = 0; i < ARRAY_SIZE(spans); i++)
		for (j = 0; j < spans[i].nr; j += (samples < 2000 ? 7 : 1))
			try_msr(spans[i].first + j);
	for (i = 0; i < samples; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		try_msr(seed >> 32);
	}
	/* Some exist, more do not. */
	GUEST_CHECK(works > 20 && faults > works);
	guest_done();
}

static void run(bool irqchip)
{
	struct machine m;

	vm_init(&m.vm);
	if (irqchip)
		vm_irqchip(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_cpuid(&m.v);
	vcpu_long(&m.v, all_msrs, test_scale(4000));
	EXPECT_DONE(&m.v);
}

TEST(index_space) { run(false); }
TEST(index_space_with_irqchip) { run(true); }

static u64 in_user_mode;

static void user(void)
{
	u64 v;

	in_user_mode = rdmsr_safe(0x10, &v) * 1000 + wrmsr_safe(0x10, 0);
	asm volatile("int3");
}

static void back(struct guest_frame *f)
{
	(void)f;
	GUEST_EQ(in_user_mode, GP * 1000 + GP);
	guest_done();
}

static void to_user_mode(u64 unused)
{
	u64 *gdt = (u64 *)GPA_GDT, *idt = (u64 *)GPA_IDT;

	(void)unused;
	gdt[6] = 0x00cff3000000ffffull;
	gdt[7] = 0x00affb000000ffffull;
	*(u64 *)(GPA_TSS + 4) = GPA_STACKS + 3 * STACK_SIZE;
	idt[6] |= 0x6000ull << 32;
	guest_handler[3] = back;
	asm volatile("pushq $0x33\n pushq %0\n pushq $2\n pushq $0x3b\n pushq %1\n iretq"
		     : : "r"(GPA_STACKS + 2ull * STACK_SIZE - 8), "r"((u64)user) : "memory");
}

TEST(user_mode)
{
	struct kvm_sregs s;
	struct machine m;

	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_cpuid(&m.v);
	vcpu_long(&m.v, to_user_mode, 0);
	get_sregs(&m.v, &s);
	s.gdt.limit = 8 * 8 - 1;
	set_sregs(&m.v, &s);
	EXPECT_DONE(&m.v);
}
