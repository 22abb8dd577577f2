/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's half of the library: code here runs in 64-bit mode inside the VM, in a copy of this
 * program (address == gpa), without libc. vm.h is the host's half.
 */
#ifndef SELFTESTS_GUEST_H
#define SELFTESTS_GUEST_H

#include "../harness.h"

#define UCALL_PORT 0x5e0
#define UCALL_DONE 1
#define UCALL_SYNC 2
#define UCALL_ABORT 3
#define UCALL_TRAP 4

static inline void ucall(u32 cmd, u64 a, u64 b, u64 c)
{
	asm volatile("outl %%eax, %%dx" : : "a"(cmd), "d"(UCALL_PORT), "D"(a), "S"(b), "c"(c)
		     : "memory");
}

static inline void guest_done(void)
{
	for (;;)
		ucall(UCALL_DONE, 0, 0, 0);
}

static inline void guest_sync(u64 stage)
{
	ucall(UCALL_SYNC, stage, 0, 0);
}

static inline void guest_report(u64 stage, u64 a, u64 b)
{
	ucall(UCALL_SYNC, stage, a, b);
}

#define GUEST_EQ(got, want)						\
	do {								\
		u64 got_ = (u64)(got), want_ = (u64)(want);		\
		if (got_ != want_)					\
			ucall(UCALL_ABORT, __LINE__, got_, want_);	\
	} while (0)
#define GUEST_CHECK(cond) GUEST_EQ(!!(cond), 1)

struct guest_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};

/* Called by the IDT stubs; handlers by vector, else a fixup, else the test fails. */
extern void (*volatile guest_handler[256])(struct guest_frame *);
void guest_trap(struct guest_frame *f);

/* A fault at the next risky instruction continues at fixup; vector and error are kept. */
struct guest_fault {
	volatile u64 fixup;
	volatile u64 vector;	/* 256: none happened */
	volatile u64 error;
};
extern struct guest_fault guest_fault;

/* Runs one asm statement's text; evaluates to the vector it raised, or 256. */
#define GUEST_TRY(text, ...)						\
	({								\
		guest_fault.vector = 256;				\
		asm volatile("movq $9f, guest_fault\n\t" text "\n9:\n\t"	\
			     "movq $0, guest_fault" __VA_ARGS__);	\
		guest_fault.vector;					\
	})

static inline void outb(u16 port, u8 v)
{
	asm volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline u8 inb(u16 port)
{
	u8 v;

	asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void outl(u16 port, u32 v)
{
	asm volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline u32 inl(u16 port)
{
	u32 v;

	asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u64 rdmsr(u32 i)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(i) : "memory");
	return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 i, u64 v)
{
	asm volatile("wrmsr" : : "c"(i), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

/* The vector that the access raised, or 256. */
static inline u64 rdmsr_safe(u32 i, u64 *v)
{
	u32 lo = 0, hi = 0;
	u64 vec;

	vec = GUEST_TRY("rdmsr", : "+a"(lo), "+d"(hi) : "c"(i) : "memory");
	*v = (u64)hi << 32 | lo;
	return vec;
}

static inline u64 wrmsr_safe(u32 i, u64 v)
{
	return GUEST_TRY("wrmsr", : : "c"(i), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

struct cpuid_regs {
	u32 a, b, c, d;
};

static inline struct cpuid_regs cpuid(u32 leaf, u32 sub)
{
	struct cpuid_regs r;

	asm volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
	return r;
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	asm volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (u64)hi << 32 | lo;
}

static inline void cpu_relax(void)
{
	asm volatile("pause" : : : "memory");
}

static inline void sti(void)
{
	asm volatile("sti" : : : "memory");
}

static inline void cli(void)
{
	asm volatile("cli" : : : "memory");
}

/* Interrupts on, sleep, interrupts off: no wake-up can be lost between. */
static inline void sti_hlt_cli(void)
{
	asm volatile("sti; hlt; cli" : : : "memory");
}

static inline u32 readl(u64 gpa)
{
	u32 v;

	asm volatile("movl (%1), %0" : "=r"(v) : "r"(gpa) : "memory");
	return v;
}

static inline void writel(u64 gpa, u32 v)
{
	asm volatile("movl %0, (%1)" : : "r"(v), "r"(gpa) : "memory");
}

#define ACCESS(x) (*(volatile __typeof__(x) *)&(x))

#endif
