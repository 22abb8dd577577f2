// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC: its registers as the guest and userspace see them, its priorities, its modes.
 *
 * The registers live in one page, laid out as the architecture says, so KVM_GET_LAPIC is a copy
 * of it. What a register allows stands in one table, used by MMIO (xAPIC mode), by MSRs (x2APIC
 * mode) and by KVM_SET_LAPIC. ICR's high half is at APIC_ICR2 in both modes.
 */
#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../pv.h"
#include "compat.h"
#include "lapic.h"

/* LVT entries 0 to 5, integrated APIC */
#define VERSION		0x50014

/* What reset leaves in SVR: vector 255, disabled */
#define SPIV_RESET	0xff

/*
 * ICR bits that x2APIC mode reserves; the busy bit is ignored, since hardware that checks it is
 * the exception.
 */
#define X2APIC_ICR_RESERVED	(GENMASK(31, 20) | GENMASK(17, 16) | BIT(13))

/* The model is all of DFR that there is; other bits read as ones. */
#define DFR_MODEL	0xf0000000

/* struct reg_desc.access: who may read (R) and write (W), by MMIO (X) and by MSR (M) */
#define RX	BIT(0)
#define WX	BIT(1)
#define RM	BIT(2)
#define WM	BIT(3)
#define R_BOTH	(RX | RM)
#define RW_BOTH	(RX | RM | WX | WM)

/*
 * struct reg_desc - one register
 *
 * @access: how it may be used; 0: there is no such register
 * @valid: bits that can be written; an MSR write of others is refused, an MMIO write ignores them
 * @readonly: bits outside @valid that even an MSR write may carry, without effect
 * @write: what a write does, with the invalid bits gone; NULL: store
 * @read: what a read yields; NULL: what is stored
 */
struct reg_desc {
	u8 access;
	u32 valid;
	u32 readonly;
	void (*write)(struct wr_lapic *lapic, u32 offset, u32 value);
	u32 (*read)(const struct wr_lapic *lapic);
};

/**
 * wr_lapic_highest - the highest vector in a bitmap
 * @lapic: local APIC
 * @bitmap: APIC_IRR or APIC_ISR
 *
 * Return: vector, or -1 when it is empty. Context: any.
 */
int wr_lapic_highest(const struct wr_lapic *lapic, u32 bitmap)
{
	const void *words = lapic->regs + bitmap;
	int half, i;
	u32 word;

#pragma GCC unroll 2
	for (half = APIC_ISR_NR / 2; half >= 0; half -= APIC_ISR_NR / 2) {
		const u32 *four = words + half * 0x10;

		/* Most words are empty: first look at four at once. Senders may set bits meanwhile, and tell. */
		if (!data_race(four[0] | four[4] | four[8] | four[12]))
			continue;
#pragma GCC unroll 4
		for (i = half + 3; i >= half; i--) {
			word = READ_ONCE(*(const u32 *)(words + i * 0x10));
			if (word)
				return i * 32 + __fls(word);
		}
	}
	return -1;
}

/* IRR's highest vector or -1; keeps irr_pending true to it. */
static int highest_irr(struct wr_lapic *lapic)
{
	int vector;

	if (lapic->vcpu->lapic_assist) {
		/* The guest may send itself interrupts unseen: irr_pending stays true. */
		wr_lapic_collect(lapic);
		return wr_lapic_highest(lapic, APIC_IRR);
	}
	vector = wr_lapic_highest(lapic, APIC_IRR);
	if (vector >= 0)
		return vector;
	WRITE_ONCE(lapic->irr_pending, false);
	/* A sender sets its bit, then the flag: look again for a bit whose flag is lost. */
	smp_mb();
	vector = wr_lapic_highest(lapic, APIC_IRR);
	if (vector >= 0)
		WRITE_ONCE(lapic->irr_pending, true);
	return vector;
}

static int highest_isr(const struct wr_lapic *lapic)
{
	return unlikely(lapic->vcpu->lapic_assist) ? wr_lapic_highest(lapic, APIC_ISR) : lapic->isr_highest;
}

/* PPR is the higher of TPR and the class in service, of which @vector is the highest, -1: none. */
static void set_ppr(struct wr_lapic *lapic, int vector)
{
	u32 tpr = wr_lapic_reg(lapic, APIC_TASKPRI);
	u32 isr = max(vector, 0) & 0xf0;
	u32 old = wr_lapic_reg(lapic, APIC_PROCPRI);
	u32 ppr = (tpr & 0xf0) >= isr ? tpr : isr;

	lapic->vcpu->cr8 = tpr >> 4;
	if (ppr == old)
		return;
	wr_lapic_set_reg(lapic, APIC_PROCPRI, ppr);
	/* Something may be deliverable now. */
	if (ppr < old && wr_lapic_maybe_pending(lapic))
		wr_vcpu_request(lapic->vcpu, WR_REQ_EVENT);
}

static void update_ppr(struct wr_lapic *lapic)
{
	set_ppr(lapic, highest_isr(lapic));
}

static void recount_isr(struct wr_lapic *lapic)
{
	int i;

	lapic->isr_count = 0;
	for (i = 0; i < APIC_ISR_NR; i++)
		lapic->isr_count += hweight32(wr_lapic_reg(lapic, APIC_ISR + i * 0x10));
	lapic->isr_highest = wr_lapic_highest(lapic, APIC_ISR);
}

/**
 * wr_lapic_broadcast_eoi - tell the IOAPIC that a vector is done with: the one here, or the one in userspace
 * @lapic: local APIC
 * @vector: no longer in service
 *
 * Context: vCPU's thread, interrupts may be off.
 */
void wr_lapic_broadcast_eoi(struct wr_lapic *lapic, u8 vector)
{
	struct wr_vm *vm = lapic->vcpu->vm;
	bool level = wr_lapic_test_vector(lapic, APIC_TMR, vector);

	if (level && (wr_lapic_reg(lapic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI))
		return;
	if (vm->irq.mode == WR_IRQCHIP_KERNEL) {
		wr_ioapic_eoi(vm, vector, level);
	} else if (level) {
		lapic->state.eoi_vector = vector;
		wr_vcpu_request(lapic->vcpu, WR_REQ_EOI_EXIT);
	}
}

static void write_eoi(struct wr_lapic *lapic, u32 offset, u32 value)
{
	int vector = highest_isr(lapic);
	bool assist = lapic->vcpu->lapic_assist;

	if (vector < 0)
		return;
	__clear_bit(vector & 31, wr_lapic_word(lapic, APIC_ISR, vector));
	/* The hardware has its own idea of what is in service. */
	if (unlikely(assist))
		wr_vcpu_request(lapic->vcpu, WR_REQ_EVENT);
	/* Where it counts nothing, the count never gets to 0. */
	lapic->isr_highest = --lapic->isr_count || assist ? wr_lapic_highest(lapic, APIC_ISR) : -1;
	set_ppr(lapic, lapic->isr_highest);
	wr_lapic_broadcast_eoi(lapic, vector);
}

static void write_tpr(struct wr_lapic *lapic, u32 offset, u32 value)
{
	wr_lapic_set_reg(lapic, APIC_TASKPRI, value);
	update_ppr(lapic);
}

static void write_dfr(struct wr_lapic *lapic, u32 offset, u32 value)
{
	wr_lapic_set_reg(lapic, APIC_DFR, value | ~DFR_MODEL);
}

static void mask_lvts(struct wr_lapic *lapic)
{
	u32 lvt;

	for (lvt = APIC_LVTT; lvt <= APIC_LVTERR; lvt += 0x10)
		wr_lapic_set_reg(lapic, lvt, wr_lapic_reg(lapic, lvt) | APIC_LVT_MASKED);
}

static void write_spiv(struct wr_lapic *lapic, u32 offset, u32 value)
{
	wr_lapic_set_reg(lapic, APIC_SPIV, value);
	if (!(value & APIC_SPIV_APIC_ENABLED))
		mask_lvts(lapic);
}

/* Any write shows, and arms again, the errors since the last one. */
static void write_esr(struct wr_lapic *lapic, u32 offset, u32 value)
{
	wr_lapic_set_reg(lapic, APIC_ESR, xchg(&lapic->state.errors, 0));
}

static void write_lvt(struct wr_lapic *lapic, u32 offset, u32 value)
{
	/* While the APIC is disabled by software, the masks cannot be cleared. */
	if (!wr_lapic_sw_enabled(lapic))
		value |= APIC_LVT_MASKED;
	if (offset == APIC_LVTT)
		wr_lapic_timer_set_mode(lapic, value);
	wr_lapic_set_reg(lapic, offset, value);
	/* The PIC may have waited for this, see wr_lapic_accepts_extint(). */
	if (offset == APIC_LVT0)
		wr_vcpu_request(lapic->vcpu, WR_REQ_EVENT);
}

static void write_tmict(struct wr_lapic *lapic, u32 offset, u32 value)
{
	/* The TSC deadline mode ignores it. */
	if ((wr_lapic_reg(lapic, APIC_LVTT) & WR_LVTT_MODE) == APIC_LVT_TIMER_TSCDEADLINE)
		return;
	wr_lapic_set_reg(lapic, APIC_TMICT, value);
	wr_lapic_timer_start(lapic);
}

static void write_tdcr(struct wr_lapic *lapic, u32 offset, u32 value)
{
	wr_lapic_timer_set_divide(lapic, value);
}

static void write_icr(struct wr_lapic *lapic, u32 offset, u32 value)
{
	/* Sent before the guest looks: never busy. */
	value &= ~APIC_ICR_BUSY;
	wr_lapic_set_reg(lapic, APIC_ICR, value);
	wr_lapic_write_icr(lapic, value, GET_XAPIC_DEST_FIELD(wr_lapic_reg(lapic, APIC_ICR2)));
}

static void write_self_ipi(struct wr_lapic *lapic, u32 offset, u32 value)
{
	wr_lapic_write_icr(lapic, APIC_DEST_SELF | APIC_DM_FIXED | value, 0);
}

#define REG(offset)	((offset) >> 4)

#define LVT(extra, ro) { \
	.access = RW_BOTH, \
	.valid = APIC_VECTOR_MASK | APIC_LVT_MASKED | (extra), \
	.readonly = APIC_SEND_PENDING | (ro), \
	.write = write_lvt, \
}

static const struct reg_desc reg_table[KVM_APIC_REG_SIZE / 0x10] = {
	/*
	 * WX with no valid bits and no function: writes do nothing. An id is fixed for the life
	 * of its vCPU.
	 */
	[REG(APIC_ID)] = { .access = R_BOTH | WX },
	[REG(APIC_LVR)] = { .access = R_BOTH | WX },
	[REG(APIC_TASKPRI)] = { .access = RW_BOTH, .valid = 0xff, .write = write_tpr },
	[REG(APIC_ARBPRI)] = { .access = RX | WX },
	[REG(APIC_PROCPRI)] = { .access = R_BOTH | WX },
	[REG(APIC_EOI)] = { .access = RX | WX | WM, .write = write_eoi },
	[REG(APIC_RRR)] = { .access = RX | WX },
	[REG(APIC_LDR)] = { .access = R_BOTH | WX, .valid = APIC_LDR_MASK },
	[REG(APIC_DFR)] = { .access = RX | WX, .valid = DFR_MODEL, .write = write_dfr },
	[REG(APIC_SPIV)] = { .access = RW_BOTH, .valid = 0x3ff, .write = write_spiv },
	[REG(APIC_ISR) ... REG(APIC_ISR + 0x70)] = { .access = R_BOTH },
	[REG(APIC_TMR) ... REG(APIC_TMR + 0x70)] = { .access = R_BOTH },
	[REG(APIC_IRR) ... REG(APIC_IRR + 0x70)] = { .access = R_BOTH },
	[REG(APIC_ESR)] = { .access = RW_BOTH, .write = write_esr },
	[REG(APIC_ICR)] = { .access = RX | WX, .valid = ~0, .write = write_icr },
	[REG(APIC_ICR2)] = { .access = RX | WX, .valid = 0xff000000 },
	[REG(APIC_LVTT)] = LVT(WR_LVTT_MODE, 0),
	[REG(APIC_LVTTHMR)] = LVT(APIC_MODE_MASK, 0),
	[REG(APIC_LVTPC)] = LVT(APIC_MODE_MASK, 0),
	[REG(APIC_LVT0)] = LVT(APIC_MODE_MASK | APIC_INPUT_POLARITY | APIC_LVT_LEVEL_TRIGGER,
			       APIC_LVT_REMOTE_IRR),
	[REG(APIC_LVT1)] = LVT(APIC_MODE_MASK | APIC_INPUT_POLARITY | APIC_LVT_LEVEL_TRIGGER,
			       APIC_LVT_REMOTE_IRR),
	[REG(APIC_LVTERR)] = LVT(0, 0),
	[REG(APIC_TMICT)] = { .access = RW_BOTH, .valid = ~0, .write = write_tmict },
	[REG(APIC_TMCCT)] = { .access = R_BOTH | WX, .read = wr_lapic_timer_count },
	[REG(APIC_TDCR)] = { .access = RW_BOTH, .valid = 0xb, .write = write_tdcr },
	[REG(APIC_SELF_IPI)] = { .access = WM, .valid = APIC_VECTOR_MASK, .write = write_self_ipi },
};

/* Bits of a register that can be written, on this vCPU */
static u32 valid_bits(const struct wr_lapic *lapic, u32 offset)
{
	u32 valid = reg_table[offset >> 4].valid;

	if (offset == APIC_LVTT && !wr_guest_has(lapic->vcpu, X86_FEATURE_TSC_DEADLINE_TIMER))
		valid &= ~APIC_LVT_TIMER_TSCDEADLINE;
	if (offset == APIC_SPIV && (wr_lapic_reg(lapic, APIC_LVR) & APIC_LVR_DIRECTED_EOI))
		valid |= APIC_SPIV_DIRECTED_EOI;
	return valid;
}

/* An end by PV EOI shows here. Only where nothing may sleep and the page of its bit is not at hand it shows later. */
static u32 read_reg(struct wr_lapic *lapic, u32 offset)
{
	const struct reg_desc *desc = &reg_table[offset >> 4];

	if (unlikely(lapic->vcpu->pv.eoi_armed) && (offset == APIC_PROCPRI || (offset >= APIC_ISR && offset < APIC_TMR)))
		wr_pv_eoi_sync(lapic->vcpu);
	return desc->read ? desc->read(lapic) : wr_lapic_reg(lapic, offset);
}

/**
 * wr_lapic_write_reg - write a register that can be written
 * @lapic: local APIC
 * @offset: of the register
 * @value: what the guest wrote; invalid bits are ignored
 *
 * Context: vCPU's thread, interrupts may be off.
 */
void wr_lapic_write_reg(struct wr_lapic *lapic, u32 offset, u32 value)
{
	const struct reg_desc *desc = &reg_table[offset >> 4];
	u32 valid = valid_bits(lapic, offset);

	if (desc->write)
		desc->write(lapic, offset, value & valid);
	else if (valid)
		wr_lapic_set_reg(lapic, offset, value & valid);
}

/**
 * wr_lapic_mmio - is an address in the page of the vCPU's local APIC?
 * @vcpu: the vCPU
 * @gpa: guest-physical address
 *
 * True in all modes: while the registers are not there (disabled, x2APIC mode) the page reads as
 * ones.
 * Context: vCPU's thread.
 */
bool wr_lapic_mmio(const struct wr_vcpu *vcpu, u64 gpa)
{
	return vcpu->lapic && !((gpa ^ vcpu->apic_base) & ~0xfffull);
}
WR_EXPORT_FOR_KUNIT(wr_lapic_mmio);

static bool mmio_is_open(const struct wr_lapic *lapic)
{
	return wr_lapic_hw_enabled(lapic) && !wr_lapic_x2apic(lapic);
}

/* The register that an access by MMIO names, or NULL after noting the error. */
static const struct reg_desc *mmio_reg(struct wr_lapic *lapic, u32 offset)
{
	const struct reg_desc *desc;

	if (offset < KVM_APIC_REG_SIZE) {
		desc = &reg_table[array_index_nospec(offset >> 4, ARRAY_SIZE(reg_table))];
		if (desc->access & (RX | WX))
			return desc;
	}
	wr_lapic_error(lapic, APIC_ESR_ILLREGA);
	return NULL;
}

/**
 * wr_lapic_mmio_read - the guest reads the APIC page
 * @vcpu: the vCPU
 * @gpa: address for which wr_lapic_mmio() is true
 * @len: 1 to 8 bytes
 * @data: result; what is not inside one 32-bit register reads as zero
 *
 * Return: 0.
 * Context: vCPU's thread.
 */
int wr_lapic_mmio_read(struct wr_vcpu *vcpu, u64 gpa, u32 len, void *data)
{
	struct wr_lapic *lapic = vcpu->lapic;
	u32 offset = gpa & 0xff0, byte = gpa & 0xf;
	const struct reg_desc *desc;
	u32 value;

	if (!mmio_is_open(lapic)) {
		memset(data, 0xff, len);
		return 0;
	}
	memset(data, 0, len);
	desc = mmio_reg(lapic, offset);
	if (!desc || !(desc->access & RX) || byte + len > sizeof(value))
		return 0;
	value = read_reg(lapic, offset);
	memcpy(data, (u8 *)&value + byte, len);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_mmio_read);

/**
 * wr_lapic_mmio_write - the guest writes the APIC page
 * @vcpu: the vCPU
 * @gpa: address for which wr_lapic_mmio() is true
 * @len: 1 to 8 bytes; a write that is not a whole register is ignored
 * @data: what it writes
 *
 * Return: 0.
 * Context: vCPU's thread, interrupts may be off.
 */
int wr_lapic_mmio_write(struct wr_vcpu *vcpu, u64 gpa, u32 len, const void *data)
{
	struct wr_lapic *lapic = vcpu->lapic;
	u32 offset = gpa & 0xfff;
	const struct reg_desc *desc;
	u32 value;

	if (!mmio_is_open(lapic) || len != sizeof(u32) || (offset & 0xf))
		return 0;
	memcpy(&value, data, sizeof(value));
	desc = mmio_reg(lapic, offset);
	if (desc && (desc->access & WX))
		wr_lapic_write_reg(lapic, offset, value);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_mmio_write);

/* The register that an x2APIC MSR names, or NULL. */
static const struct reg_desc *msr_reg(const struct wr_vcpu *vcpu, u32 msr)
{
	if (!vcpu->lapic || !wr_lapic_x2apic(vcpu->lapic))
		return NULL;
	if (msr < APIC_BASE_MSR || msr - APIC_BASE_MSR >= ARRAY_SIZE(reg_table))
		return NULL;
	return &reg_table[array_index_nospec(msr - APIC_BASE_MSR, ARRAY_SIZE(reg_table))];
}

/**
 * wr_lapic_msr_read - read an x2APIC MSR
 * @vcpu: the vCPU
 * @msr: 0x800 to 0x8ff
 * @data: value
 *
 * Return: 0, or -EINVAL (#GP): not in x2APIC mode, no such register, or write-only.
 * Context: vCPU's thread.
 */
int wr_lapic_msr_read(struct wr_vcpu *vcpu, u32 msr, u64 *data)
{
	const struct reg_desc *desc = msr_reg(vcpu, msr);
	u32 offset = (msr - APIC_BASE_MSR) << 4;

	if (!desc)
		return -EINVAL;
	if (offset == APIC_ICR) {
		*data = wr_lapic_reg(vcpu->lapic, APIC_ICR) |
			(u64)wr_lapic_reg(vcpu->lapic, APIC_ICR2) << 32;
		return 0;
	}
	if (!(desc->access & RM))
		return -EINVAL;
	*data = read_reg(vcpu->lapic, offset);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_msr_read);

/**
 * wr_lapic_msr_is_plain - does reading an x2APIC MSR yield what the register page holds, and no more?
 * @msr: 0x800 to 0x8ff
 */
bool wr_lapic_msr_is_plain(u32 msr)
{
	u32 index = msr - APIC_BASE_MSR;

	return index < ARRAY_SIZE(reg_table) && reg_table[index].access & RM && !reg_table[index].read;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_msr_is_plain);

static int msr_write_icr(struct wr_lapic *lapic, u64 data)
{
	u32 icr = data & ~APIC_ICR_BUSY, dest = data >> 32;

	if (icr & X2APIC_ICR_RESERVED)
		return -EINVAL;
	wr_lapic_set_reg(lapic, APIC_ICR2, dest);
	wr_lapic_set_reg(lapic, APIC_ICR, icr);
	wr_lapic_write_icr(lapic, icr, dest);
	return 0;
}

/**
 * wr_lapic_msr_write - write an x2APIC MSR
 * @vcpu: the vCPU
 * @msr: 0x800 to 0x8ff
 * @data: value
 *
 * Return: 0, or -EINVAL (#GP): not in x2APIC mode, no such register, read-only, or reserved bits
 * set.
 * Context: vCPU's thread, interrupts may be off.
 */
int wr_lapic_msr_write(struct wr_vcpu *vcpu, u32 msr, u64 data)
{
	const struct reg_desc *desc = msr_reg(vcpu, msr);
	u32 offset = (msr - APIC_BASE_MSR) << 4;

	if (!desc)
		return -EINVAL;
	if (offset == APIC_ICR)
		return msr_write_icr(vcpu->lapic, data);
	if (!(desc->access & WM) || data & ~(u64)(valid_bits(vcpu->lapic, offset) | desc->readonly))
		return -EINVAL;
	wr_lapic_write_reg(vcpu->lapic, offset, data);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_msr_write);

/**
 * wr_lapic_pending - the interrupt to deliver next
 * @vcpu: the vCPU
 *
 * Costs a few instructions when none is there.
 *
 * Return: vector, or -1: none, or the processor priority holds it back.
 * Context: vCPU's thread, interrupts may be off.
 */
int wr_lapic_pending(struct wr_vcpu *vcpu)
{
	struct wr_lapic *lapic = vcpu->lapic;
	int vector;

	if (likely(!wr_lapic_maybe_pending(lapic)) || !wr_lapic_hw_enabled(lapic))
		return -1;
	vector = highest_irr(lapic);
	if (vector < 0 || (vector & 0xf0) <= (wr_lapic_reg(lapic, APIC_PROCPRI) & 0xf0))
		return -1;
	return vector;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_pending);

/**
 * wr_lapic_accept - the vCPU takes an interrupt: from IRR to ISR
 * @vcpu: the vCPU
 * @vector: what wr_lapic_pending() returned
 *
 * Context: vCPU's thread, interrupts may be off.
 */
void wr_lapic_accept(struct wr_vcpu *vcpu, u8 vector)
{
	struct wr_lapic *lapic = vcpu->lapic;

	WRITE_ONCE(lapic->irr_pending, false);
	clear_bit(vector & 31, wr_lapic_word(lapic, APIC_IRR, vector));
	/* A sender sets its bit, then the flag: either the search finds the bit, or the flag comes after ours. */
	smp_mb__after_atomic();
	if (wr_lapic_highest(lapic, APIC_IRR) >= 0)
		WRITE_ONCE(lapic->irr_pending, true);
	if (!__test_and_set_bit(vector & 31, wr_lapic_word(lapic, APIC_ISR, vector)))
		lapic->isr_count++;
	lapic->isr_highest = vector;
	update_ppr(lapic);
}
WR_EXPORT_FOR_KUNIT(wr_lapic_accept);

/**
 * wr_lapic_max_blocked_vector - is an interrupt waiting for the guest to lower TPR?
 * @vcpu: the vCPU
 *
 * Return: the highest vector in IRR if TPR holds it back, else -1. For the CR8 intercept.
 * Context: vCPU's thread.
 */
int wr_lapic_max_blocked_vector(const struct wr_vcpu *vcpu)
{
	const struct wr_lapic *lapic = vcpu->lapic;
	int vector;

	if (likely(!wr_lapic_maybe_pending(lapic)))
		return -1;
	vector = wr_lapic_highest(lapic, APIC_IRR);
	return vector >> 4 <= (int)wr_lapic_get_cr8(vcpu) ? vector : -1;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_max_blocked_vector);

/**
 * wr_lapic_get_cr8 - CR8: the class in TPR
 * @vcpu: the vCPU, with an in-kernel local APIC
 */
u64 wr_lapic_get_cr8(const struct wr_vcpu *vcpu)
{
	return wr_lapic_reg(vcpu->lapic, APIC_TASKPRI) >> 4;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_get_cr8);

/**
 * wr_lapic_set_cr8 - write CR8, or bring TPR up to date after the hardware did
 * @vcpu: the vCPU, with an in-kernel local APIC
 * @cr8: 0 to 15
 *
 * Costs a few instructions when the class is the same.
 * Context: vCPU's thread, interrupts may be off.
 */
void wr_lapic_set_cr8(struct wr_vcpu *vcpu, u64 cr8)
{
	if (wr_lapic_get_cr8(vcpu) != cr8)
		write_tpr(vcpu->lapic, APIC_TASKPRI, (cr8 & 0xf) << 4);
}
WR_EXPORT_FOR_KUNIT(wr_lapic_set_cr8);

/**
 * wr_lapic_enabled - is the local APIC on by IA32_APIC_BASE?
 * @vcpu: the vCPU
 *
 * Return: false without an in-kernel local APIC. SVR's software enable does not matter.
 */
bool wr_lapic_enabled(const struct wr_vcpu *vcpu)
{
	return vcpu->lapic && wr_lapic_hw_enabled(vcpu->lapic);
}

/**
 * wr_lapic_default_base - IA32_APIC_BASE after power-up
 * @vcpu: the vCPU
 */
u64 wr_lapic_default_base(const struct wr_vcpu *vcpu)
{
	u64 base = APIC_DEFAULT_PHYS_BASE | WR_APIC_BASE_ENABLE;

	return vcpu->id == vcpu->vm->bsp_id ? base | WR_APIC_BASE_BSP : base;
}

static u32 version(const struct wr_vm *vm)
{
	/* The IOAPIC here has no EOI register; userspace's may. */
	return VERSION | (vm->irq.mode == WR_IRQCHIP_SPLIT ? APIC_LVR_DIRECTED_EOI : 0);
}

static void reset_regs(struct wr_lapic *lapic)
{
	wr_lapic_timer_stop(lapic);
	wr_lapic_collect(lapic);
	memset(lapic->regs, 0, KVM_APIC_REG_SIZE);
	wr_lapic_set_reg(lapic, APIC_LVR, version(lapic->vcpu->vm));
	wr_lapic_set_reg(lapic, APIC_DFR, APIC_DFR_FLAT);
	wr_lapic_set_reg(lapic, APIC_SPIV, SPIV_RESET);
	mask_lvts(lapic);
	wr_lapic_show_ids(lapic);
	xchg(&lapic->state.errors, 0);
	lapic->isr_count = 0;
	lapic->isr_highest = -1;
	/* IRR's own truth is found at the next look: a sender may be at work right now. */
	WRITE_ONCE(lapic->irr_pending, true);
	wr_vcpu_request(lapic->vcpu, WR_REQ_EVENT);
}

static void set_base(struct wr_vcpu *vcpu, u64 base)
{
	u64 old = vcpu->apic_base;

	WRITE_ONCE(vcpu->apic_base, base);
	/* What KVM_SET_CPUID2 did not yet say cannot change. */
	if (((old ^ base) & WR_APIC_BASE_ENABLE) && vcpu->has_cpuid)
		wr_cpuid_update(vcpu);
	if (((old ^ base) & WR_APIC_BASE_MODE) && vcpu->lapic_assist)
		vcpu->lapic_assist->mode(vcpu);
}

/**
 * wr_lapic_reset - state after power-up or INIT
 * @vcpu: the vCPU; nothing but IA32_APIC_BASE changes without an in-kernel local APIC
 * @init: INIT: mode and id stay, as do INIT and SIPI that are under way
 *
 * After power-up the boot CPU's LINT0 is open for the PIC, for firmware that relies on it.
 * Context: vCPU's thread or nobody else knows the vCPU.
 */
void wr_lapic_reset(struct wr_vcpu *vcpu, bool init)
{
	struct wr_lapic *lapic = vcpu->lapic;

	if (!init)
		set_base(vcpu, wr_lapic_default_base(vcpu));
	if (!lapic)
		return;
	reset_regs(lapic);
	if (init)
		return;
	xchg(&lapic->state.events, 0);
	if (vcpu->id == vcpu->vm->bsp_id && !wr_quirk_disabled(vcpu, KVM_X86_QUIRK_LINT0_REENABLED))
		wr_lapic_set_reg(lapic, APIC_LVT0, APIC_DM_EXTINT);
}
WR_EXPORT_FOR_KUNIT(wr_lapic_reset);

static bool base_is_valid(const struct wr_vcpu *vcpu, u64 base)
{
	u64 reserved = GENMASK_ULL(63, 52) | vcpu->cpuid.reserved_gpa_bits | BIT(9) | 0xff;

	if (!wr_guest_has(vcpu, X86_FEATURE_X2APIC))
		reserved |= WR_APIC_BASE_X2APIC;
	return !(base & reserved) && (base & WR_APIC_BASE_MODE) != WR_APIC_BASE_X2APIC;
}

/* A guest leaves x2APIC mode, and enters it from disabled, only by a step in between. */
static bool mode_change_is_valid(u64 old, u64 new)
{
	old &= WR_APIC_BASE_MODE;
	new &= WR_APIC_BASE_MODE;
	if (old == WR_APIC_BASE_MODE)
		return new != WR_APIC_BASE_ENABLE;
	return old || new != WR_APIC_BASE_MODE;
}

/**
 * wr_lapic_set_base - write IA32_APIC_BASE
 * @vcpu: the vCPU, with or without an in-kernel local APIC
 * @base: new value
 * @host_initiated: by userspace, which may go from any mode to any
 *
 * Disabling forgets the registers' contents, as the hardware may. Entering x2APIC mode keeps
 * them, except for the ids.
 *
 * Return: 0, or -EINVAL (#GP) for reserved bits, an impossible mode, or a transition that the
 * architecture forbids.
 * Context: vCPU's thread.
 */
int wr_lapic_set_base(struct wr_vcpu *vcpu, u64 base, bool host_initiated)
{
	struct wr_lapic *lapic = vcpu->lapic;
	u64 old = vcpu->apic_base;

	if (!base_is_valid(vcpu, base))
		return -EINVAL;
	if (!host_initiated && !mode_change_is_valid(old, base))
		return -EINVAL;

	set_base(vcpu, base);
	if (!lapic || !((old ^ base) & WR_APIC_BASE_MODE))
		return 0;
	if (!(base & WR_APIC_BASE_ENABLE)) {
		reset_regs(lapic);
		return 0;
	}
	/* Back from x2APIC, which userspace can: the logical id was derived. */
	if (!wr_lapic_x2apic(lapic))
		wr_lapic_set_reg(lapic, APIC_LDR, 0);
	wr_lapic_show_ids(lapic);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_set_base);

/**
 * wr_lapic_get - KVM_GET_LAPIC
 * @vcpu: the vCPU, with an in-kernel local APIC
 * @state: filled
 *
 * Context: vCPU's thread.
 */
void wr_lapic_get(struct wr_vcpu *vcpu, struct kvm_lapic_state *state)
{
	struct wr_lapic *lapic = vcpu->lapic;

	wr_lapic_collect(lapic);
	memcpy(state->regs, lapic->regs, sizeof(state->regs));
	*(u32 *)(state->regs + APIC_TMCCT) = wr_lapic_timer_count(lapic);
	*(u32 *)(state->regs + APIC_ID) = vcpu->id << wr_lapic_id_shift(lapic);
}
WR_EXPORT_FOR_KUNIT(wr_lapic_get);

/* What a register becomes when userspace sets it: the bits that the guest could have set there. */
static u32 restored(const struct wr_lapic *lapic, u32 offset, u32 value)
{
	switch (offset) {
	case APIC_LVR:
		return version(lapic->vcpu->vm);
	case APIC_ISR ... APIC_IRR + 0x70:
	case APIC_ESR:
	case APIC_TMICT:
		return value;
	case APIC_ICR:
		return value & ~APIC_ICR_BUSY;
	case APIC_ICR2:
		return wr_lapic_x2apic(lapic) ? value : value & reg_table[offset >> 4].valid;
	case APIC_DFR:
		return value | ~DFR_MODEL;
	case APIC_LVTT ... APIC_LVTERR:
		value &= valid_bits(lapic, offset);
		return wr_lapic_sw_enabled(lapic) ? value : value | APIC_LVT_MASKED;
	}
	return value & valid_bits(lapic, offset);
}

/**
 * wr_lapic_set - KVM_SET_LAPIC
 * @vcpu: the vCPU, with an in-kernel local APIC, in the mode that the state was taken in
 * @state: registers; reserved bits and what is not a register are ignored
 *
 * The timer goes on from TMCCT; a TSC deadline must be written after this.
 *
 * Return: 0, or -EINVAL if the APIC id is not the vCPU's.
 * Context: vCPU's thread.
 */
int wr_lapic_set(struct wr_vcpu *vcpu, const struct kvm_lapic_state *state)
{
	struct wr_lapic *lapic = vcpu->lapic;
	const u32 *reg = (const u32 *)state->regs;
	int shift = wr_lapic_id_shift(lapic);
	u32 offset;

	if ((reg[APIC_ID / 4] ^ vcpu->id << shift) >> shift)
		return -EINVAL;

	wr_lapic_timer_stop(lapic);
	wr_lapic_collect(lapic);
	/* Who sent what is restored here is not known: tell of each EOI until the vector comes anew. */
	bitmap_fill(lapic->eoi_exit, 256);
	/* Upwards: SVR depends on the version, and the masks of the LVT on SVR. */
	for (offset = 0; offset < KVM_APIC_REG_SIZE; offset += 0x10)
		if (reg_table[offset >> 4].access & R_BOTH)
			wr_lapic_set_reg(lapic, offset,
					 restored(lapic, offset, reg[offset / 4]));
	wr_lapic_show_ids(lapic);
	recount_isr(lapic);
	update_ppr(lapic);
	WRITE_ONCE(lapic->irr_pending, true);
	wr_lapic_timer_restore(lapic, reg[APIC_TMCCT / 4]);
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_set);

/**
 * wr_lapic_set_vapic - KVM_SET_VAPIC_ADDR
 * @vcpu: the vCPU
 * @gpa: where the guest wants a copy of its priorities; 0: nowhere
 *
 * Such a copy is not kept, and KVM_CAP_VAPIC not offered: say so rather than leave the guest with
 * stale numbers.
 *
 * Return: 0 for @gpa 0, else -EINVAL.
 */
int wr_lapic_set_vapic(struct wr_vcpu *vcpu, u64 gpa)
{
	return gpa ? -EINVAL : 0;
}

/**
 * wr_lapic_create - give a vCPU its local APIC
 * @vcpu: vCPU that nobody else knows yet, with @vcpu->id and @vcpu->vm set
 *
 * Return: 0, or -ENOMEM.
 * Context: vm->lock held, may sleep.
 */
int wr_lapic_create(struct wr_vcpu *vcpu)
{
	struct wr_lapic *lapic;

	if (wr_lapic_ids_reserve(vcpu->vm, vcpu->id))
		return -ENOMEM;
	lapic = kzalloc(sizeof(*lapic), GFP_KERNEL_ACCOUNT);
	if (!lapic)
		return -ENOMEM;
	lapic->regs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!lapic->regs) {
		kfree(lapic);
		return -ENOMEM;
	}
	lapic->vcpu = vcpu;
	wr_lapic_timer_init(lapic);
	vcpu->lapic = lapic;
	wr_lapic_reset(vcpu, false);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_create);

/**
 * wr_lapic_destroy - undo wr_lapic_create()
 * @vcpu: vCPU that never went online, or one of a VM that nobody uses any more
 *
 * Context: may sleep.
 */
void wr_lapic_destroy(struct wr_vcpu *vcpu)
{
	struct wr_lapic *lapic = vcpu->lapic;

	if (!lapic)
		return;
	wr_lapic_timer_stop(lapic);
	vcpu->lapic = NULL;
	free_page((unsigned long)lapic->regs);
	kfree(lapic);
}
WR_EXPORT_FOR_KUNIT(wr_lapic_destroy);
