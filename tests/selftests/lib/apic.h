/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest code's view of the interrupt controllers: local APIC in both modes, IOAPIC, 8259 pair. */
#ifndef SELFTESTS_APIC_H
#define SELFTESTS_APIC_H

#include "guest.h"

#define APIC_GPA 0xfee00000ul
#define IOAPIC_GPA 0xfec00000ul

#define APIC_ID 0x20
#define APIC_VERSION 0x30
#define APIC_TPR 0x80
#define APIC_PPR 0xa0
#define APIC_EOI 0xb0
#define APIC_LDR 0xd0
#define APIC_DFR 0xe0
#define APIC_SVR 0xf0
#define APIC_ISR 0x100
#define APIC_IRR 0x200
#define APIC_ESR 0x280
#define APIC_ICR 0x300
#define APIC_ICR2 0x310
#define APIC_LVTT 0x320
#define APIC_LVT0 0x350
#define APIC_LVT1 0x360
#define APIC_TMICT 0x380
#define APIC_TMCCT 0x390
#define APIC_TDCR 0x3e0

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_X2 (1u << 10)
#define APIC_BASE_ON (1u << 11)
#define MSR_TSC 0x10
#define MSR_TSC_ADJUST 0x3b
#define MSR_TSC_DEADLINE 0x6e0

static inline u32 apic_read(u32 reg)
{
	return readl(APIC_GPA + reg);
}

static inline void apic_write(u32 reg, u32 v)
{
	writel(APIC_GPA + reg, v);
}

static inline void apic_on(void)
{
	apic_write(APIC_SVR, 0x1ff);
}

static inline void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

static inline void apic_ipi(u32 dest, u32 icr)
{
	apic_write(APIC_ICR2, dest << 24);
	apic_write(APIC_ICR, icr);
}

static inline u32 x2apic_msr(u32 reg)
{
	return 0x800 + (reg >> 4);
}

static inline void x2apic_on(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2);
	wrmsr(x2apic_msr(APIC_SVR), 0x1ff);
}

static inline u32 ioapic_read(u32 reg)
{
	writel(IOAPIC_GPA, reg);
	return readl(IOAPIC_GPA + 0x10);
}

static inline void ioapic_write(u32 reg, u32 v)
{
	writel(IOAPIC_GPA, reg);
	writel(IOAPIC_GPA + 0x10, v);
}

#define IOAPIC_LEVEL (1u << 15)
#define IOAPIC_MASKED (1u << 16)

static inline void ioapic_route(u32 pin, u32 low, u32 dest)
{
	ioapic_write(0x10 + 2 * pin + 1, dest << 24);
	ioapic_write(0x10 + 2 * pin, low);
}

/* The 8259 pair at vectors base and base + 8, all lines open. */
static inline void pic_on(u8 base)
{
	outb(0x20, 0x11);
	outb(0xa0, 0x11);
	outb(0x21, base);
	outb(0xa1, base + 8);
	outb(0x21, 4);
	outb(0xa1, 2);
	outb(0x21, 1);
	outb(0xa1, 1);
	outb(0x21, 0);
	outb(0xa1, 0);
}

#endif
