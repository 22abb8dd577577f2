// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each guest does, round after round: gives all its registers values of its own, and looks at them again after exits,
 * interrupts and preemption of each kind; changes its page tables and looks at what its memory holds.
 */
#include "apic.h"
#include "beside.h"

#define CODE_SEL 0x08
#define CR0_WP (1ul << 16)
#define CR4_TSD (1ul << 2)
#define CR4_OSXSAVE (1ul << 18)
#define CR4_PKE (1ul << 22)
#define EFER_SCE 1u
#define EFER_LONG 0x500u
#define EFER_NXE (1u << 11)
#define FLAG_AC 0x40000u
#define FLAG_ID 0x200000u
#define UD_VECTOR 6
#define PF_VECTOR 14

#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define MSR_SPEC_CTRL 0x48
#define MSR_DEBUGCTL 0x1d9
#define MSR_PAT 0x277
#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_CSTAR 0xc0000083
#define MSR_SFMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX 0xc0000103

/* Tables and pages of the window below, where the library has nothing */
#define WINDOW_TABLES 0x200000ul
#define WINDOW_PAGES 64u
#define WINDOW_DATA 0x210000ul
/* The guest's second entry of the PML4 */
#define WINDOW 0x8000000000ul
#define PTE_LEAF 0x67ul		/* P, W, U, A, D */
#define PTE_NX (1ul << 63)

/* Each guest's TSC is far from all others'. */
#define TSC_SHIFT 50

static struct {
	u64 seed, round, random;
	u64 tsc;
	bool wide, xsave, pku, rdtscp, debugctl, spec_ctrl;
} g;

volatile u64 guest_left_out, guest_spins;

static u64 mark(u32 k)
{
	return MARK(g.seed, g.round, k);
}

static u32 mark32(u32 k)
{
	return MARK32(g.seed, g.round, k);
}

/* Of no quality, but each guest's own. */
static u32 random(u32 bound)
{
	g.random = g.random * 6364136223846793005ull + g.seed * 2 + 1;
	return (u32)(g.random >> 33) % bound;
}

/*
 * SYSCALL: each seed has two entries, which say which they are.
 */

#define ENTRY_SIZE 16

extern const u8 syscall_entries[];
asm(".pushsection .text\n.balign 16\nsyscall_entries:\n"
	".set n, 0\n.rept 64\n.balign 16\nmovl $n, %eax\npushfq\npopq %rdx\njmp *%rcx\n.set n, n + 1\n.endr\n.popsection\n");

static u32 syscall_entry(void)
{
	return g.seed * 2 + (g.round & 1);
}

static u64 lstar(void)
{
	return (uintptr_t)syscall_entries + syscall_entry() * ENTRY_SIZE;
}

/* Of the flags that it may clear AC and ID show (QEMU clears all others of no effect anyway); bits that no flag has are the mark. */
static u32 sfmask(void)
{
	return (u32)g.seed << 24 | (g.round & 2 ? FLAG_AC : 0) | (g.round & 4 ? FLAG_ID : 0);
}

static bool has_syscall(void)
{
	return g.round & 3;
}

static void check_syscall(void)
{
	u64 entry, flags;

	if (!has_syscall()) {
		GUEST_EQ(GUEST_TRY("syscall", : : : "rax", "rcx", "rdx", "r11", "memory"), UD_VECTOR);
		return;
	}
	asm volatile("pushfq; orq %2, (%%rsp); popfq; syscall; pushq $2; popfq" : "=a"(entry), "=d"(flags)
		     : "e"(FLAG_AC | FLAG_ID) : "rcx", "r11", "memory", "cc");
	GUEST_EQ(entry, syscall_entry());
	GUEST_EQ(flags & (FLAG_AC | FLAG_ID), (FLAG_AC | FLAG_ID) & ~sfmask());
}

/*
 * MSRs
 */

/* Types other than those of the entries that tables use, in base 6 */
static u64 pat(void)
{
	static const u8 types[] = { 0, 1, 4, 5, 6, 7 };
	u64 v = 0x0007040600070406ull & 0xffffffff, n = g.seed * 8 + (g.round & 7), i;

	for (i = 4; i < 8; i++, n /= 6)
		v |= (u64)types[n % 6] << (8 * i);
	return v;
}

static u64 efer(void)
{
	return EFER_LONG | (has_syscall() ? EFER_SCE : 0) | (g.round & 8 ? EFER_NXE : 0);
}

struct msr_value {
	u32 index;
	u64 value;
};

static u32 msr_values(struct msr_value *m)
{
	u32 n = 0;

#define VALUE(i, v) (m[n].index = (i), m[n].value = (v), n++)
	VALUE(MSR_STAR, g.seed << 48 | (u64)CODE_SEL << 32 | mark32(1));
	VALUE(MSR_LSTAR, lstar());
	VALUE(MSR_CSTAR, mark(2));
	VALUE(MSR_SFMASK, sfmask());
	VALUE(MSR_FS_BASE, mark(3));
	VALUE(MSR_GS_BASE, mark(4));
	VALUE(MSR_KERNEL_GS_BASE, mark(5));
	VALUE(MSR_SYSENTER_CS, g.seed << 8 | 6);	/* QEMU keeps 16 bits */
	VALUE(MSR_SYSENTER_ESP, mark(7));
	VALUE(MSR_SYSENTER_EIP, mark(8));
	VALUE(MSR_PAT, pat());
	VALUE(MSR_EFER, efer());
	if (g.rdtscp)
		VALUE(MSR_TSC_AUX, mark32(9));
	if (g.debugctl)
		VALUE(MSR_DEBUGCTL, (g.seed + g.round) & 1 ? 2 : 0);
	if (g.spec_ctrl)
		VALUE(MSR_SPEC_CTRL, (g.seed + g.round) & 1);
#undef VALUE
	return n;
}

#define MSRS_MAX 16

static void set_msrs(void)
{
	struct msr_value m[MSRS_MAX];
	u32 i, n = msr_values(m);

	for (i = 0; i < n; i++)
		wrmsr(m[i].index, m[i].value);
}

/* A wrong one is reported with its index. */
static void check_msrs(void)
{
	struct msr_value m[MSRS_MAX];
	u32 i, n = msr_values(m), aux;
	u64 v;

	for (i = 0; i < n; i++) {
		v = rdmsr(m[i].index);
		if (v != m[i].value)
			ucall(UCALL_ABORT, (u64)m[i].index << 32 | __LINE__, v, m[i].value);
	}
	if (g.rdtscp) {
		asm volatile("rdtscp" : "=c"(aux) : : "eax", "edx");
		GUEST_EQ(aux, mark32(9));
	}
	asm volatile("swapgs");
	v = rdmsr(MSR_GS_BASE);
	asm volatile("swapgs");
	GUEST_EQ(v, mark(5));
}

static bool keeps(u32 index, u64 value)
{
	u64 v;

	return wrmsr_safe(index, value) == 256 && rdmsr_safe(index, &v) == 256 && v == value && wrmsr_safe(index, 0) == 256;
}

/*
 * Control, debug and extended registers
 */

static u64 dr7(void)
{
	return 0x400 | ((g.seed * 8 + g.round) & 0xff);
}

static u64 cr4(void)
{
	return 0x620 | (g.round & 1 ? CR4_TSD : 0) | (g.xsave ? CR4_OSXSAVE : 0) | (g.pku ? CR4_PKE : 0);
}

static u64 cr0(void)
{
	return 0x80000033 | (g.round & 2 ? CR0_WP : 0);
}

static u64 read_xcr0(void)
{
	u32 lo, hi;

	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (u64)hi << 32 | lo;
}

static bool uses_avx(void)
{
	return XCR0(g.wide, g.seed, g.round) == 7;
}

/* Key 0 is that of all pages. */
static u32 pkru(void)
{
	return mark32(10) << 2;
}

static void set_registers(void)
{
	asm volatile("movq %0, %%dr0" : : "r"(mark(20)));
	asm volatile("movq %0, %%dr1" : : "r"(mark(21)));
	asm volatile("movq %0, %%dr2" : : "r"(mark(22)));
	asm volatile("movq %0, %%dr3" : : "r"(mark(23)));
	asm volatile("movq %0, %%dr6" : : "r"(0xffff0ff0 | (g.seed & 15)));
	asm volatile("movq %0, %%dr7" : : "r"(dr7()));
	asm volatile("movq %0, %%cr0" : : "r"(cr0()));
	asm volatile("movq %0, %%cr4" : : "r"(cr4()));
	asm volatile("movq %0, %%cr8" : : "r"((g.seed + g.round) & 3));
	if (g.xsave)
		GUEST_EQ(read_xcr0(), XCR0(g.wide, g.seed, g.round));
	if (g.pku)
		asm volatile("wrpkru" : : "a"(pkru()), "c"(0), "d"(0));
}

#define READ(register)							\
	({								\
		u64 v_;							\
		asm volatile("movq %%" register ", %0" : "=r"(v_));	\
		v_;							\
	})

static void check_registers(void)
{
	u32 v;

	GUEST_EQ(READ("dr0"), mark(20));
	GUEST_EQ(READ("dr1"), mark(21));
	GUEST_EQ(READ("dr2"), mark(22));
	GUEST_EQ(READ("dr3"), mark(23));
	GUEST_EQ(READ("dr6"), 0xffff0ff0 | (g.seed & 15));
	GUEST_EQ(READ("dr7"), dr7());
	GUEST_EQ(READ("cr0"), cr0());
	GUEST_EQ(READ("cr4"), cr4());
	GUEST_EQ(READ("cr8"), (g.seed + g.round) & 3);
	if (g.xsave)
		GUEST_EQ(read_xcr0(), XCR0(g.wide, g.seed, g.round));
	if (g.pku) {
		asm volatile("rdpkru" : "=a"(v) : "c"(0) : "edx");
		GUEST_EQ(v, pkru());
	}
}

/* The limit is each guest's own: the table has room. */
static void set_gdt(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) gdt = { .limit = 5 * 8 - 1 + 8 * g.seed, .base = GPA_GDT };

	asm volatile("lgdt %0" : : "m"(gdt));
}

static void check_gdt(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) gdt, idt;
	u16 tr, ldt;

	asm volatile("sgdt %0; sidt %1; str %2; sldt %3" : "=m"(gdt), "=m"(idt), "=r"(tr), "=r"(ldt));
	GUEST_EQ(gdt.limit, 5 * 8 - 1 + 8 * g.seed);
	GUEST_EQ(gdt.base, GPA_GDT);
	GUEST_EQ(idt.base, GPA_IDT);
	GUEST_EQ(tr, 0x18);
	GUEST_EQ(ldt, 0);
}

/* It only goes forward, and stays far from others'. */
static void check_tsc(void)
{
	u64 now = rdtsc();

	GUEST_EQ(now >> TSC_SHIFT, g.seed);
	if (now <= g.tsc)
		ucall(UCALL_ABORT, __LINE__, now, g.tsc);
	g.tsc = now;
}

/*
 * General, vector and x87 registers over something: EAX to EDX are that's
 */

static struct hold {
	struct regs512 in, out;
	u64 kept[9], seen[9];
} hold;

#define EACH8(X) X(0, r8) X(1, r9) X(2, r10) X(3, r11) X(4, r12) X(5, r13) X(6, r14) X(7, r15) X(8, rsi)
#define LOAD_KEPT(n, r) "movq 1024+8*" #n "(%[p]), %%" #r "\n\t"
#define STORE_SEEN(n, r) "movq %%" #r ", 1024+72+8*" #n "(%[p])\n\t"
#define STORE_XMM_OUT(n) "movdqu %%xmm" #n ", 512+" #n "*32(%[p])\n\t"
#define STORE_YMM_OUT(n) "vmovdqu %%ymm" #n ", 512+" #n "*32(%[p])\n\t"

#define HOLD(LOAD, STORE, body, a, c, d)						\
	asm volatile(EACH16(LOAD) EACH8(LOAD_KEPT) body "\n\t" EACH8(STORE_SEEN) EACH16(STORE)	\
		     : "+a"(a), "+c"(c), "+d"(d) : [p] "D"(&hold)			\
		     : "rbx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", XMM_CLOBBERS)

#define HOLDS(body)						\
	do {							\
		if (uses_avx())					\
			HOLD(LOAD_YMM, STORE_YMM_OUT, body, a, c, d);	\
		else						\
			HOLD(LOAD_XMM, STORE_XMM_OUT, body, a, c, d);	\
	} while (0)

enum { BY_CPUID, BY_PORT, BY_MMIO, BY_MSR, BY_SPIN, BY_TIMER, WAYS };

static volatile u64 ticks;

/* EAX after it */
static u64 pass(u32 way, u64 a, u64 c, u64 d)
{
	switch (way) {
	case BY_CPUID:
		HOLDS("cpuid");
		break;
	case BY_PORT:
		HOLDS("outl %%eax, %%dx; inl %%dx, %%eax");
		break;
	case BY_MMIO:
		HOLDS("movl %%eax, (%%rdx); movl (%%rdx), %%eax");
		break;
	case BY_MSR:
		/* An MSR that is always served outside of the guest */
		HOLDS("rdmsr");
		break;
	case BY_SPIN:
		HOLDS("1: decq %%rcx; jnz 1b");
		break;
	case BY_TIMER:
		/* Interrupts on, until one has come. */
		HOLDS("sti; 1: cmpq %%rcx, ticks; jne 1b; cli");
		break;
	}
	return a;
}

static void prepare_hold(u32 way)
{
	u32 i, words = uses_avx() ? 4 : 2;

	for (i = 0; i < sizeof(hold.in) / 8; i++) {
		((u64 *)&hold.in)[i] = i % 4 < words ? mark(way << 8 | i) : 0;
		((u64 *)&hold.out)[i] = 0;
	}
	for (i = 0; i < ARRAY_SIZE(hold.kept); i++)
		hold.kept[i] = ~mark(way << 8 | 0x80 | i);
}

static void check_hold(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(hold.kept); i++)
		GUEST_EQ(hold.seen[i], hold.kept[i]);
	for (i = 0; i < sizeof(hold.in) / 8; i++)
		GUEST_EQ(((u64 *)&hold.out)[i], ((u64 *)&hold.in)[i]);
}

static u32 mxcsr(void)
{
	return 0x1f80 | (g.seed & 3) << 13 | (g.round & 1) << 15;
}

static u16 control_word(void)
{
	return 0x37f | (g.seed << 10 & 0xc00);
}

static void set_fpu(void)
{
	u32 m = mxcsr();
	u16 cw = control_word();
	u64 v = mark(30);

	asm volatile("ldmxcsr %0; fninit; fldcw %1; fildll %2" : : "m"(m), "m"(cw), "m"(v));
}

static void check_fpu(void)
{
	u32 m;
	u16 cw;
	u64 v;

	asm volatile("stmxcsr %0; fnstcw %1; fistpll %2; fildll %2" : "=m"(m), "=m"(cw), "=m"(v));
	GUEST_EQ(m & 0xffc0, mxcsr());
	GUEST_EQ(cw, control_word());
	GUEST_EQ(v, mark(30));
}

/*
 * The timer: one shot of the APIC's, at this guest's own vector
 */

static u8 timer_vector(void)
{
	return 0x40 + g.seed;
}

__attribute__((target("general-regs-only"))) static void on_tick(struct guest_frame *f)
{
	(void)f;
	ticks++;
	apic_eoi();
}

static void timer_on(void)
{
	guest_handler[timer_vector()] = on_tick;
	apic_on();
	apic_write(APIC_LVTT, timer_vector());
	apic_write(APIC_TDCR, 0xb);
}

static void check_timer(bool sleeps)
{
	u64 seen = ticks;

	apic_write(APIC_TMICT, 200000 + random(300000));
	if (sleeps) {
		while (ticks == seen)
			sti_hlt_cli();
	} else {
		prepare_hold(BY_TIMER);
		pass(BY_TIMER, 0, seen + 1, 0);
		check_hold();
	}
	GUEST_EQ(ticks, seen + 1);
	GUEST_EQ(apic_read(APIC_TMCCT), 0);
	GUEST_EQ(apic_read(APIC_LVTT), timer_vector());
}

/*
 * Memory: a window whose pages are mapped anew all the time
 */

static volatile u64 *const window_table = (u64 *)(WINDOW_TABLES + 2 * PAGE);
static u8 mapped[WINDOW_PAGES];

static u64 window(u32 i)
{
	return WINDOW + i * PAGE;
}

/* Of page @p: its number is there for good, a word of it changes. */
static volatile u64 *data(u32 p)
{
	return (volatile u64 *)(WINDOW_DATA + p * PAGE);
}

static void invlpg(u64 va)
{
	asm volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static void map(u32 i, u32 p, u64 bits)
{
	mapped[i] = p;
	window_table[i] = (WINDOW_DATA + p * PAGE) | bits;
	invlpg(window(i));
}

static void window_begin(void)
{
	volatile u64 *pml4 = (u64 *)GPA_PML4, *pdpt = (u64 *)WINDOW_TABLES, *pd = (u64 *)(WINDOW_TABLES + PAGE);
	u32 i;

	pd[0] = (WINDOW_TABLES + 2 * PAGE) | 7;
	pdpt[0] = (WINDOW_TABLES + PAGE) | 7;
	pml4[1] = WINDOW_TABLES | 7;
	for (i = 0; i < WINDOW_PAGES; i++) {
		data(i)[0] = MARK(g.seed, 0xffff, i);
		data(i)[1] = 0;
		map(i, i, PTE_LEAF);
	}
}

/* What is mapped where, by translations that may be in a TLB since long. */
static void check_window(void)
{
	u32 i;

	for (i = 0; i < WINDOW_PAGES; i++)
		GUEST_EQ(*(volatile u64 *)window(i), MARK(g.seed, 0xffff, mapped[i]));
}

static void change_window(void)
{
	u32 i, n;

	for (n = 0; n < 16; n++) {
		i = random(WINDOW_PAGES);
		map(i, random(WINDOW_PAGES), PTE_LEAF);
		((volatile u64 *)window(i))[1] = mark(i);
		GUEST_EQ(data(mapped[i])[1], mark(i));
		GUEST_EQ(*(volatile u64 *)window(i), MARK(g.seed, 0xffff, mapped[i]));
	}
	/* All translations are forgotten; those of others stay. */
	if (g.round & 1)
		asm volatile("movq %%cr3, %%rax; movq %%rax, %%cr3" : : : "rax", "memory");
}

/* The bit is reserved unless EFER.NXE is set: the CPU's, not what RDMSR says of it. */
static void check_no_execute(void)
{
	u32 i = random(WINDOW_PAGES);
	u64 v = 0, vector;

	map(i, mapped[i], PTE_LEAF | PTE_NX);
	vector = GUEST_TRY("movq (%1), %0", : "+r"(v) : "r"(window(i)) : "memory");
	GUEST_EQ(vector, efer() & EFER_NXE ? 256 : PF_VECTOR);
	map(i, mapped[i], PTE_LEAF);
}

static void check_fresh(void)
{
	volatile u64 *p;
	u32 i;

	for (i = 0; i < FRESH_PAGES; i++) {
		p = (volatile u64 *)(FRESH_GPA + i * PAGE);
		GUEST_EQ(*p, 0);
		*p = mark(i);
	}
	for (i = 0; i < FRESH_PAGES; i++)
		GUEST_EQ(*(volatile u64 *)(FRESH_GPA + i * PAGE), mark(i));
}

/*
 * A round
 */

/* What costs no exit */
static void check_some(void)
{
	check_fpu();
	check_gdt();
	check_syscall();
	check_tsc();
	check_window();
}

static void check_all(void)
{
	check_registers();
	check_msrs();
	check_some();
}

static void pass_and_check(u32 way)
{
	u32 value = mark32(way);
	u64 a;

	prepare_hold(way);
	asm volatile("movq %0, %%cr2" : : "r"(mark(31)));
	switch (way) {
	case BY_PORT:
		a = pass(way, value, 0, TEST_PORT);
		GUEST_EQ(a, TURNED(value, g.seed));
		break;
	case BY_MMIO:
		a = pass(way, value, 0, TEST_MMIO);
		GUEST_EQ(a, TURNED(value, g.seed));
		break;
	case BY_MSR:
		pass(way, 0, MSR_APIC_BASE, 0);
		break;
	case BY_SPIN:
		pass(way, 0, 1 + random(guest_spins), 0);
		break;
	default:
		pass(way, 0, 0, 0);
	}
	check_hold();
	GUEST_EQ(READ("cr2"), mark(31));
	if (way == BY_PORT || way == BY_SPIN)
		check_all();
	else
		check_some();
}

static void one_round(void)
{
	u32 i;

	set_registers();
	set_msrs();
	set_fpu();
	for (i = BY_CPUID; i <= BY_SPIN; i++)
		pass_and_check(i);
	check_timer(g.round & 1);
	change_window();
	check_no_execute();
	check_fresh();
	check_all();
}

static void look_around(u64 seed)
{
	u64 left = 0;

	g.seed = seed;
	g.random = seed;
	g.xsave = cpuid(1, 0).c >> 26 & 1;
	g.wide = g.xsave && cpuid(1, 0).c >> 28 & 1;
	g.pku = g.xsave && cpuid(7, 0).c >> 3 & 1;
	g.rdtscp = cpuid(0x80000001, 0).d >> 27 & 1;
	g.debugctl = keeps(MSR_DEBUGCTL, 2);
	g.spec_ctrl = cpuid(7, 0).d >> 26 & 1 && keeps(MSR_SPEC_CTRL, 1);
	left |= g.wide ? 0 : LEFT_AVX;
	left |= g.pku ? 0 : LEFT_PKRU;
	left |= g.rdtscp ? 0 : LEFT_TSC_AUX;
	left |= g.debugctl ? 0 : LEFT_DEBUGCTL;
	left |= g.spec_ctrl ? 0 : LEFT_SPEC_CTRL;
	guest_left_out = left;
}

void guest_works(u64 seed)
{
	look_around(seed);
	set_gdt();
	window_begin();
	timer_on();
	wrmsr(MSR_TSC, seed << TSC_SHIFT);
	for (g.round = 1;; g.round++) {
		one_round();
		guest_report(ROUND, g.round, mark(5));
	}
}
