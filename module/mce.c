// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine checks. The hardware's own are the host's; a guest sees the errors that userspace reports to it.
 */
#include <linux/kvm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/mce.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "backend.h"
#include "mce.h"

#define BANK_REGS	4
/* Bits of IA32_MCG_CAP that userspace chooses as it likes: how many banks, how many extended state registers */
#define CAP_COUNTS	0xff00ffULL
/* Linux clears bit 10 of a bank's CTL on some AMD CPUs, others leave bit 0 out: all ones otherwise, or none. */
#define CTL_MAY_LACK	(BIT_ULL(10) | BIT_ULL(0))

enum bank_reg { BANK_CTL, BANK_STATUS, BANK_ADDR, BANK_MISC };

/**
 * wr_mce_supported - KVM_X86_GET_MCE_CAP_SUPPORTED
 *
 * Return: the bits of IA32_MCG_CAP that a guest can have: IA32_MCG_CTL, and recovery from errors that software handles.
 */
u64 wr_mce_supported(void)
{
	return MCG_CTL_P | MCG_SER_P;
}

/**
 * wr_mce_init - give a new vCPU its banks
 * @vcpu: not yet visible
 *
 * Return: 0 or -ENOMEM. Context: may sleep.
 */
int wr_mce_init(struct wr_vcpu *vcpu)
{
	vcpu->mce.cap = WR_MAX_MCE_BANKS;
	vcpu->mce.banks = kcalloc(WR_MAX_MCE_BANKS * BANK_REGS, sizeof(u64), GFP_KERNEL_ACCOUNT);
	return vcpu->mce.banks ? 0 : -ENOMEM;
}

/**
 * wr_mce_free - undo wr_mce_init()
 * @vcpu: nobody else can find it
 */
void wr_mce_free(struct wr_vcpu *vcpu)
{
	kfree(vcpu->mce.banks);
}

static u32 nr_banks(const struct wr_vcpu *vcpu)
{
	return vcpu->mce.cap & MCG_BANKCNT_MASK;
}

/**
 * wr_mce_setup - KVM_X86_SETUP_MCE: choose IA32_MCG_CAP, and enable all reports
 * @vcpu: its vCPU
 * @cap: what the guest will read
 *
 * Return: 0; -EINVAL for bits that wr_mce_supported() lacks, no banks or too many.
 */
int wr_mce_setup(struct wr_vcpu *vcpu, u64 cap)
{
	u32 bank, nr = cap & MCG_BANKCNT_MASK;

	if (!nr || nr > WR_MAX_MCE_BANKS || cap & ~(wr_mce_supported() | CAP_COUNTS))
		return -EINVAL;
	/* AMD has the other bits reserved. */
	vcpu->mce.cap = wr_backend->vendor == WARREN_VENDOR_AMD_V ? cap & (MCG_CTL_P | MCG_BANKCNT_MASK) : cap;
	if (cap & MCG_CTL_P)
		vcpu->mce.ctl = ~0ULL;
	for (bank = 0; bank < nr; bank++)
		vcpu->mce.banks[bank * BANK_REGS + BANK_CTL] = ~0ULL;
	return 0;
}

static void fill_bank(u64 *bank, const struct kvm_x86_mce *mce)
{
	bank[BANK_STATUS] = mce->status | (bank[BANK_STATUS] & MCI_STATUS_VAL ? MCI_STATUS_OVER : 0);
	bank[BANK_ADDR] = mce->addr;
	bank[BANK_MISC] = mce->misc;
}

/* An error that cannot be corrected raises #MC, if the guest has left reports of its bank on. */
static void inject_uncorrected(struct wr_vcpu *vcpu, u64 *bank, const struct kvm_x86_mce *mce)
{
	struct wr_mce *own = &vcpu->mce;

	if (own->cap & MCG_CTL_P && own->ctl != ~0ULL)
		return;
	if (bank[BANK_CTL] != ~0ULL)
		return;
	if (own->status & MCG_STATUS_MCIP || !(vcpu->cr4 & X86_CR4_MCE)) {
		wr_event_triple_fault(vcpu);
		return;
	}
	fill_bank(bank, mce);
	own->status = mce->mcg_status;
	wr_event_exception(vcpu, X86_TRAP_MC);
}

/**
 * wr_mce_inject - KVM_X86_SET_MCE: an error for the guest
 * @vcpu: its vCPU
 * @mce: the error and its bank
 *
 * What a CPU would not report, since the guest has turned that off, is dropped.
 *
 * Return: 0; -EINVAL for a bank that is not there, a status that is not valid, or padding.
 */
int wr_mce_inject(struct wr_vcpu *vcpu, const struct kvm_x86_mce *mce)
{
	u64 *bank;

	if (mce->bank >= nr_banks(vcpu) || !(mce->status & MCI_STATUS_VAL))
		return -EINVAL;
	if (memchr_inv(mce->pad1, 0, sizeof(mce->pad1)) || memchr_inv(mce->pad2, 0, sizeof(mce->pad2)))
		return -EINVAL;
	bank = vcpu->mce.banks + mce->bank * BANK_REGS;
	if (mce->status & MCI_STATUS_UC)
		inject_uncorrected(vcpu, bank, mce);
	else if (bank[BANK_STATUS] & MCI_STATUS_VAL && bank[BANK_STATUS] & MCI_STATUS_UC)
		bank[BANK_STATUS] |= MCI_STATUS_OVER;
	else
		fill_bank(bank, mce);
	return 0;
}

/**
 * wr_mce_msr_get - read a machine check MSR
 * @vcpu: the vCPU; its thread calls
 * @index: IA32_MCG_* or IA32_MCi_*
 * @data: out
 *
 * Return: 0 or -EINVAL: the guest has fewer banks.
 */
int wr_mce_msr_get(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	const struct wr_mce *mce = &vcpu->mce;

	switch (index) {
	case MSR_IA32_MCG_CAP:
		*data = mce->cap;
		return 0;
	case MSR_IA32_MCG_STATUS:
		*data = mce->status;
		return 0;
	case MSR_IA32_MCG_CTL:
		*data = mce->ctl;
		return 0;
	default:
		index -= MSR_IA32_MC0_CTL;
		if (index >= nr_banks(vcpu) * BANK_REGS)
			return -EINVAL;
		*data = mce->banks[array_index_nospec(index, nr_banks(vcpu) * BANK_REGS)];
		return 0;
	}
}

/* All reports of a bank, or none; a guest clears a status, and writes another only on AMD CPUs where it was allowed to. */
static bool bank_reg_valid(const struct wr_vcpu *vcpu, enum bank_reg reg, u64 data, bool host)
{
	if (reg == BANK_CTL)
		return !data || !~(data | CTL_MAY_LACK);
	if (reg == BANK_STATUS && data && !host)
		return vcpu->cpuid.amd && vcpu->msrs.hwcr & WR_HWCR_MC_STATUS_WRITE;
	return true;
}

/**
 * wr_mce_msr_set - write a machine check MSR
 * @vcpu: the vCPU; its thread calls
 * @index: IA32_MCG_STATUS, IA32_MCG_CTL or IA32_MCi_*
 * @data: value
 * @host: userspace asks
 *
 * Return: 0 or -EINVAL.
 */
int wr_mce_msr_set(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	struct wr_mce *mce = &vcpu->mce;

	switch (index) {
	case MSR_IA32_MCG_STATUS:
		mce->status = data;
		return 0;
	case MSR_IA32_MCG_CTL:
		if (data && (!(mce->cap & MCG_CTL_P) || ~data))
			return -EINVAL;
		mce->ctl = data;
		return 0;
	default:
		index -= MSR_IA32_MC0_CTL;
		if (index >= nr_banks(vcpu) * BANK_REGS || !bank_reg_valid(vcpu, index % BANK_REGS, data, host))
			return -EINVAL;
		mce->banks[array_index_nospec(index, nr_banks(vcpu) * BANK_REGS)] = data;
		return 0;
	}
}
