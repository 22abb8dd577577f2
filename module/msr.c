// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers.
 *
 * One row per register or range, in ascending order. Userspace (host) may read and write more than
 * the guest: what a guest's CPUID does not show is #GP for the guest, yet can be saved and
 * restored. Each listed register accepts the value that was read from it. What has no row does not
 * exist.
 */
#include <linux/bsearch.h>
#include <linux/errno.h>
#include <linux/kvm_para.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/mce.h>
#include <asm/msr-index.h>
#include <asm/msr.h>
#include <asm/mtrr.h>
#include <asm/processor.h>

#include "backend.h"
#include "compat.h"
#include "msr.h"
#include "state.h"
#include "warren.h"

#define X2APIC_MSR_FIRST	0x800
#define X2APIC_MSR_LAST		0x8ff
#define PAT_AFTER_RESET		0x0007040600070406ULL
/* Fixed ranges, and write combining */
#define MTRRCAP			(WR_NR_VARIABLE_MTRRS | BIT(8) | BIT(10))
#define MCE_MSR_LAST		(MSR_IA32_MC0_CTL + 4 * WR_MAX_MCE_BANKS - 1)

/* Hyper-V's */
#define MSR_REFERENCE_TSC	0x40000021
#define MSR_APIC_ASSIST_PAGE	0x40000073

/* HWCR: ignored without harm, and kept */
#define HWCR_IGNORED		(BIT(3) | BIT(6) | BIT(8))
#define HWCR_TSC_FREQ_SEL	BIT(24)

struct row {
	u32 first, last;
	int (*get)(struct wr_vcpu *vcpu, u32 index, u64 *data);
	int (*set)(struct wr_vcpu *vcpu, u32 index, u64 data, bool host);
	bool (*guest_may)(const struct wr_vcpu *vcpu);	/* NULL: any guest */
	bool (*listed)(void);				/* NULL: not in KVM_GET_MSR_INDEX_LIST */
	u64 value;					/* what get_value() gives */
};

static const struct row *find_row(u32 index);

/* Registers that are not there but read as something; writes change nothing */

static int get_value(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = find_row(index)->value;
	return 0;
}

static int set_ignored(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	return 0;
}

static int set_zero(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	return data ? -EINVAL : 0;
}

static bool listed(void)
{
	return true;
}

static bool no_guest_may(const struct wr_vcpu *vcpu)
{
	return false;
}

/* Time */

static int get_tsc(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = wr_tsc_read(vcpu);
	return 0;
}

static int set_tsc(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	wr_tsc_write(vcpu, data, host);
	return 0;
}

static bool guest_has_tsc_adjust(const struct wr_vcpu *vcpu)
{
	return wr_guest_has(vcpu, X86_FEATURE_TSC_ADJUST);
}

static int get_tsc_adjust(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->clock.tsc_adjust;
	return 0;
}

static int set_tsc_adjust(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	wr_tsc_adjust_write(vcpu, data, host);
	return 0;
}

static bool guest_has_deadline(const struct wr_vcpu *vcpu)
{
	return wr_guest_has(vcpu, X86_FEATURE_TSC_DEADLINE_TIMER);
}

static int get_deadline(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = wr_has_lapic(vcpu) ? wr_lapic_get_deadline(vcpu) : 0;
	return 0;
}

static int set_deadline(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (wr_has_lapic(vcpu))
		wr_lapic_set_deadline(vcpu, data);
	return 0;
}

/* Local APIC */

static int get_apic_base(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->apic_base;
	return 0;
}

static int set_apic_base(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	return wr_lapic_set_base(vcpu, data, host);
}

static int get_x2apic(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	return wr_has_lapic(vcpu) ? wr_lapic_msr_read(vcpu, index, data) : -EINVAL;
}

static int set_x2apic(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	return wr_has_lapic(vcpu) ? wr_lapic_msr_write(vcpu, index, data) : -EINVAL;
}

/* What the vendor's control block holds */

static int get_backend(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	return wr_backend->get_msr(vcpu, index, data) ? -EINVAL : 0;
}

static int set_backend(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	return wr_backend->set_msr(vcpu, index, data) ? -EINVAL : 0;
}

static int set_canonical(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (!wr_is_canonical(vcpu, data))
		return -EINVAL;
	return set_backend(vcpu, index, data, host);
}

/* Vendors differ in what a non-canonical SYSENTER address does: extend the sign. */
static int set_sysenter(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	return set_backend(vcpu, index, (s64)(data << 16) >> 16, host);
}

static int set_sysenter_cs(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	return set_backend(vcpu, index, (u32)data, host);
}

static bool guest_has_tsc_aux(const struct wr_vcpu *vcpu)
{
	return wr_guest_has(vcpu, X86_FEATURE_RDTSCP) || wr_guest_has(vcpu, X86_FEATURE_RDPID);
}

static bool list_tsc_aux(void)
{
	return wr_cpuid_supports(X86_FEATURE_RDTSCP) || wr_cpuid_supports(X86_FEATURE_RDPID);
}

static int get_tsc_aux(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->tsc_aux;
	return 0;
}

static int set_tsc_aux(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	/* AMD ignores the upper half, Intel refuses it. */
	if (!vcpu->cpuid.amd && data >> 32)
		return -EINVAL;
	vcpu->tsc_aux = (u32)data;
	if (list_tsc_aux())
		wr_backend->set_msr(vcpu, index, (u32)data);
	return 0;
}

static int get_efer(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->efer;
	return 0;
}

static int set_efer(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	return wr_set_efer(vcpu, data, host);
}

static bool guest_has_xsaves(const struct wr_vcpu *vcpu)
{
	return wr_guest_has(vcpu, X86_FEATURE_XSAVES);
}

/* Speculation control */

static u64 spec_ctrl_bits(bool ibrs, bool stibp, bool ssbd)
{
	return (ibrs ? SPEC_CTRL_IBRS : 0) | (stibp ? SPEC_CTRL_STIBP : 0) |
	       (ssbd ? SPEC_CTRL_SSBD : 0);
}

static u64 guest_spec_ctrl(const struct wr_vcpu *v)
{
	bool ibrs = wr_guest_has(v, X86_FEATURE_SPEC_CTRL) ||
		    wr_guest_has(v, X86_FEATURE_AMD_IBRS);
	bool stibp = wr_guest_has(v, X86_FEATURE_INTEL_STIBP) ||
		     wr_guest_has(v, X86_FEATURE_AMD_STIBP);
	bool ssbd = wr_guest_has(v, X86_FEATURE_SPEC_CTRL_SSBD) ||
		    wr_guest_has(v, X86_FEATURE_AMD_SSBD);

	return spec_ctrl_bits(ibrs, stibp, ssbd);
}

static u64 host_spec_ctrl(void)
{
	bool ibrs = wr_cpuid_supports(X86_FEATURE_SPEC_CTRL) ||
		    wr_cpuid_supports(X86_FEATURE_AMD_IBRS);
	bool stibp = wr_cpuid_supports(X86_FEATURE_INTEL_STIBP) ||
		     wr_cpuid_supports(X86_FEATURE_AMD_STIBP);
	bool ssbd = wr_cpuid_supports(X86_FEATURE_SPEC_CTRL_SSBD) ||
		    wr_cpuid_supports(X86_FEATURE_AMD_SSBD);

	return spec_ctrl_bits(ibrs, stibp, ssbd);
}

static bool guest_has_spec_ctrl(const struct wr_vcpu *vcpu)
{
	return guest_spec_ctrl(vcpu);
}

static bool list_spec_ctrl(void)
{
	return host_spec_ctrl();
}

static int get_spec_ctrl(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->spec_ctrl;
	return 0;
}

static int set_spec_ctrl(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	/* It goes to the CPU: not what userspace makes of CPUID decides alone. */
	if (data & ~host_spec_ctrl() || (!host && data & ~guest_spec_ctrl(vcpu)))
		return -EINVAL;
	vcpu->spec_ctrl = data;
	return 0;
}

static bool guest_has_ibpb(const struct wr_vcpu *vcpu)
{
	return wr_guest_has(vcpu, X86_FEATURE_SPEC_CTRL) ||
	       wr_guest_has(vcpu, X86_FEATURE_AMD_IBPB);
}

static int set_pred_cmd(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (data & ~(u64)PRED_CMD_IBPB)
		return -EINVAL;
	/* A command of the guest to the CPU that it is on; userspace commands nothing. */
	if (data && !host && boot_cpu_has(X86_FEATURE_IBPB))
		wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB, 0);
	return 0;
}

/* Memory types: kept, never acted on, but what the hardware would refuse is refused */

static bool memory_type_valid(u8 type)
{
	return type <= 1 || (type >= 4 && type <= 6);
}

/**
 * wr_pat_valid - may IA32_PAT be written with this?
 * @pat: eight memory types
 */
bool wr_pat_valid(u64 pat)
{
	int i;

	for (i = 0; i < 64; i += 8)
		if (!memory_type_valid(pat >> i) && (u8)(pat >> i) != 7)
			return false;
	return true;
}
WR_EXPORT_FOR_KUNIT(wr_pat_valid);

/**
 * wr_mtrr_slot - where vcpu->mtrr keeps an MTRR
 * @index: MSR
 *
 * Return: index of vcpu->mtrr, or -EINVAL.
 */
int wr_mtrr_slot(u32 index)
{
	switch (index) {
	case MSR_MTRRdefType:
		return WR_MTRR_DEFTYPE;
	case MSR_MTRRfix64K_00000:
		return WR_MTRR_FIXED;
	case MSR_MTRRfix16K_80000:
	case MSR_MTRRfix16K_A0000:
		return WR_MTRR_FIXED + 1 + index - MSR_MTRRfix16K_80000;
	case MSR_MTRRfix4K_C0000 ... MSR_MTRRfix4K_F8000:
		return WR_MTRR_FIXED + 3 + index - MSR_MTRRfix4K_C0000;
	case MTRRphysBase_MSR(0) ... MTRRphysMask_MSR(WR_NR_VARIABLE_MTRRS - 1):
		return WR_MTRR_VARIABLE + index - MTRRphysBase_MSR(0);
	default:
		return -EINVAL;
	}
}
WR_EXPORT_FOR_KUNIT(wr_mtrr_slot);

/**
 * wr_mtrr_valid - may an MTRR be written with this?
 * @index: one of the MTRRs but MTRRcap
 * @data: value
 * @reserved_gpa_bits: address bits that the guest's CPU does not have
 */
bool wr_mtrr_valid(u32 index, u64 data, u64 reserved_gpa_bits)
{
	int slot = wr_mtrr_slot(index), i;

	reserved_gpa_bits |= GENMASK_ULL(63, 52);
	if (slot < 0)
		return false;
	if (slot == WR_MTRR_DEFTYPE)
		return memory_type_valid(data) && !(data & ~0xcffULL);
	if (slot >= WR_MTRR_VARIABLE) {
		if ((slot - WR_MTRR_VARIABLE) & 1)
			return !(data & (reserved_gpa_bits | 0x7ff));
		return memory_type_valid(data) && !(data & (reserved_gpa_bits | 0xf00));
	}
	for (i = 0; i < 64; i += 8)
		if (!memory_type_valid(data >> i))
			return false;
	return true;
}
WR_EXPORT_FOR_KUNIT(wr_mtrr_valid);

static int get_mtrr(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->mtrr[wr_mtrr_slot(index)];
	return 0;
}

static int set_mtrr(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (!wr_mtrr_valid(index, data, vcpu->cpuid.reserved_gpa_bits))
		return -EINVAL;
	vcpu->mtrr[wr_mtrr_slot(index)] = data;
	return 0;
}

static int get_pat(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->pat;
	return 0;
}

static int set_pat(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (!wr_pat_valid(data))
		return -EINVAL;
	vcpu->pat = data;
	/* A vendor that needs it in its control block takes it. */
	wr_backend->set_msr(vcpu, MSR_IA32_CR_PAT, data);
	return 0;
}

/* Kept values */

static int get_misc_enable(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->misc_enable;
	return 0;
}

static int set_misc_enable(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	bool mwait_changes = (vcpu->misc_enable ^ data) & MSR_IA32_MISC_ENABLE_MWAIT;

	if (!mwait_changes || !wr_quirk_disabled(vcpu, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT)) {
		vcpu->misc_enable = data;
		return 0;
	}
	if (!wr_guest_has(vcpu, X86_FEATURE_XMM3))
		return -EINVAL;
	vcpu->misc_enable = data;
	wr_cpuid_update(vcpu);
	return 0;
}

/* How long the host's CPU was in C-states: for guests that have it for themselves */

static bool guest_has_cstates(const struct wr_vcpu *vcpu)
{
	return vcpu->vm->policy.disabled_exits & KVM_X86_DISABLE_EXITS_CSTATE;
}

static int get_residency(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	if (!guest_has_cstates(vcpu) || boot_cpu_data.x86_vendor != X86_VENDOR_INTEL)
		return -EINVAL;
	return rdmsrl_safe(index, data) ? -EINVAL : 0;
}

static int get_ucode_rev(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->msrs.ucode_rev;
	return 0;
}

static int set_ucode_rev(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	/* Guests write 0 before they read it. */
	if (host)
		vcpu->msrs.ucode_rev = data;
	return 0;
}

/* Machine checks */

static bool guest_has_mcg_ctl(const struct wr_vcpu *vcpu)
{
	return vcpu->mce.cap & MCG_CTL_P;
}

static bool guest_has_arch_caps(const struct wr_vcpu *vcpu)
{
	return wr_guest_has(vcpu, X86_FEATURE_ARCH_CAPABILITIES);
}

static int get_arch_caps(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->msrs.arch_caps;
	return 0;
}

static int set_arch_caps(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (!host)
		return -EINVAL;
	vcpu->msrs.arch_caps = data;
	return 0;
}

static bool guest_has_platform_info(const struct wr_vcpu *vcpu)
{
	return !READ_ONCE(vcpu->vm->policy.hides_platform_info);
}

static int get_platform_info(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->msrs.platform_info;
	return 0;
}

static int set_platform_info(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	/* Whoever sees the bit of CPUID faulting would try to turn that on. */
	if (!host || data & MSR_PLATFORM_INFO_CPUID_FAULT)
		return -EINVAL;
	vcpu->msrs.platform_info = data;
	return 0;
}

static int get_power_ctl(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->msrs.power_ctl;
	return 0;
}

static int set_power_ctl(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	vcpu->msrs.power_ctl = data;
	return 0;
}

static bool guest_has_perf_caps(const struct wr_vcpu *vcpu)
{
	return wr_guest_has(vcpu, X86_FEATURE_PDCM);
}

static int get_hwcr(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->msrs.hwcr;
	return 0;
}

static int set_hwcr(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	data &= ~(u64)HWCR_IGNORED;
	if (data & ~(u64)(WR_HWCR_MC_STATUS_WRITE | HWCR_TSC_FREQ_SEL))
		return -EINVAL;
	vcpu->msrs.hwcr = data;
	return 0;
}

static int get_de_cfg(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	*data = vcpu->msrs.de_cfg;
	return 0;
}

static int set_de_cfg(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (data & ~wr_msr_default(MSR_AMD64_DE_CFG))
		return -EINVAL;
	vcpu->msrs.de_cfg = data;
	return 0;
}

#define ONE(msr)	.first = (msr), .last = (msr)
#define ZERO		.get = get_value, .set = set_zero
#define IGNORED		.get = get_value, .set = set_ignored
#define KVM_MSR		.get = wr_pv_msr_get, .set = wr_pv_msr_set, .listed = listed
#define MCE		.get = wr_mce_msr_get, .set = wr_mce_msr_set
#define MTRR		.get = get_mtrr, .set = set_mtrr, .listed = listed

static const struct row rows[] = {
	{ .first = MSR_IA32_P5_MC_ADDR, .last = MSR_IA32_P5_MC_TYPE, ZERO },
	{ ONE(MSR_IA32_TSC), .get = get_tsc, .set = set_tsc, .listed = listed },
	{ .first = MSR_KVM_WALL_CLOCK, .last = MSR_KVM_SYSTEM_TIME, KVM_MSR },
	{ ONE(MSR_IA32_PLATFORM_ID), ZERO },
	{ ONE(MSR_IA32_APICBASE), .get = get_apic_base, .set = set_apic_base },
	{ ONE(MSR_IA32_EBL_CR_POWERON), ZERO },
	/* A clock ratio that P4 guests can divide by */
	{ ONE(MSR_EBC_FREQUENCY_ID), .get = get_value, .value = BIT(24) },
	{ ONE(MSR_IA32_TSC_ADJUST), .get = get_tsc_adjust, .set = set_tsc_adjust,
	  .guest_may = guest_has_tsc_adjust, .listed = listed },
	{ ONE(MSR_IA32_SPEC_CTRL), .get = get_spec_ctrl, .set = set_spec_ctrl,
	  .guest_may = guest_has_spec_ctrl, .listed = list_spec_ctrl },
	{ ONE(MSR_IA32_PRED_CMD), .set = set_pred_cmd, .guest_may = guest_has_ibpb },
	{ ONE(MSR_IA32_UCODE_WRITE), .set = set_ignored },
	{ ONE(MSR_IA32_UCODE_REV), .get = get_ucode_rev, .set = set_ucode_rev, .listed = listed },
	{ .first = MSR_P6_PERFCTR0, .last = MSR_P6_PERFCTR1, IGNORED },
	/* 100 MHz */
	{ ONE(MSR_FSB_FREQ), .get = get_value, .value = 3 },
	{ ONE(MSR_PLATFORM_INFO), .get = get_platform_info, .set = set_platform_info,
	  .guest_may = guest_has_platform_info, .listed = listed },
	{ ONE(MSR_MTRRcap), .get = get_value, .value = MTRRCAP },
	{ ONE(MSR_IA32_ARCH_CAPABILITIES), .get = get_arch_caps, .set = set_arch_caps,
	  .guest_may = guest_has_arch_caps, .listed = listed },
	/* L2 cache present and enabled */
	{ ONE(MSR_IA32_BBL_CR_CTL3), .get = get_value, .value = 0xbe702111 },
	{ ONE(MSR_MISC_FEATURES_ENABLES), ZERO, .listed = listed },
	{ ONE(MSR_IA32_SYSENTER_CS), .get = get_backend, .set = set_sysenter_cs, .listed = listed },
	{ .first = MSR_IA32_SYSENTER_ESP, .last = MSR_IA32_SYSENTER_EIP, .get = get_backend,
	  .set = set_sysenter, .listed = listed },
	{ ONE(MSR_IA32_MCG_CAP), .get = wr_mce_msr_get },
	{ ONE(MSR_IA32_MCG_STATUS), MCE, .listed = listed },
	{ ONE(MSR_IA32_MCG_CTL), MCE, .guest_may = guest_has_mcg_ctl, .listed = listed },
	{ .first = MSR_P6_EVNTSEL0, .last = MSR_P6_EVNTSEL1, IGNORED },
	{ ONE(MSR_IA32_PERF_STATUS), .get = get_value, .value = 1000 | 4ULL << 40 },
	{ ONE(MSR_IA32_PERF_CTL), ZERO },
	{ ONE(MSR_IA32_MISC_ENABLE), .get = get_misc_enable, .set = set_misc_enable,
	  .listed = listed },
	{ ONE(MSR_IA32_DEBUGCTLMSR), ZERO },
	{ .first = MSR_IA32_LASTBRANCHFROMIP, .last = MSR_IA32_LASTINTTOIP, ZERO },
	{ ONE(MSR_IA32_POWER_CTL), .get = get_power_ctl, .set = set_power_ctl, .listed = listed },
	{ .first = MTRRphysBase_MSR(0), .last = MTRRphysMask_MSR(WR_NR_VARIABLE_MTRRS - 1), MTRR },
	{ ONE(MSR_MTRRfix64K_00000), MTRR },
	{ .first = MSR_MTRRfix16K_80000, .last = MSR_MTRRfix16K_A0000, MTRR },
	{ .first = MSR_MTRRfix4K_C0000, .last = MSR_MTRRfix4K_F8000, MTRR },
	{ ONE(MSR_IA32_CR_PAT), .get = get_pat, .set = set_pat, .listed = listed },
	{ ONE(MSR_MTRRdefType), MTRR },
	{ ONE(MSR_IA32_PERF_CAPABILITIES), ZERO, .guest_may = guest_has_perf_caps },
	{ .first = MSR_CORE_C3_RESIDENCY, .last = MSR_CORE_C7_RESIDENCY, .get = get_residency, .guest_may = guest_has_cstates },
	{ .first = MSR_IA32_MC0_CTL, .last = MCE_MSR_LAST, MCE },
	{ ONE(MSR_CORE_C1_RES), .get = get_residency, .guest_may = guest_has_cstates },
	{ ONE(MSR_IA32_TSC_DEADLINE), .get = get_deadline, .set = set_deadline,
	  .guest_may = guest_has_deadline, .listed = listed },
	{ .first = X2APIC_MSR_FIRST, .last = X2APIC_MSR_LAST, .get = get_x2apic,
	  .set = set_x2apic },
	/* No component that it stands for is offered. */
	{ ONE(MSR_IA32_XSS), ZERO, .guest_may = guest_has_xsaves },
	/* QEMU resets them whenever its user wants Hyper-V's features, and dies when it cannot: also when it knows that there are none. */
	{ ONE(MSR_REFERENCE_TSC), ZERO, .guest_may = no_guest_may },
	{ ONE(MSR_APIC_ASSIST_PAGE), ZERO, .guest_may = no_guest_may },
	{ .first = MSR_KVM_WALL_CLOCK_NEW, .last = MSR_KVM_SYSTEM_TIME_NEW, KVM_MSR },
	{ .first = MSR_KVM_STEAL_TIME, .last = MSR_KVM_POLL_CONTROL, KVM_MSR },
	{ ONE(MSR_EFER), .get = get_efer, .set = set_efer },
	{ ONE(MSR_STAR), .get = get_backend, .set = set_backend, .listed = listed },
	{ .first = MSR_LSTAR, .last = MSR_CSTAR, .get = get_backend, .set = set_canonical,
	  .listed = listed },
	{ ONE(MSR_SYSCALL_MASK), .get = get_backend, .set = set_backend, .listed = listed },
	{ .first = MSR_FS_BASE, .last = MSR_GS_BASE, .get = get_backend, .set = set_canonical },
	{ ONE(MSR_KERNEL_GS_BASE), .get = get_backend, .set = set_canonical, .listed = listed },
	{ ONE(MSR_TSC_AUX), .get = get_tsc_aux, .set = set_tsc_aux, .guest_may = guest_has_tsc_aux,
	  .listed = list_tsc_aux },
	{ .first = MSR_K7_EVNTSEL0, .last = MSR_K7_PERFCTR3, IGNORED },
	{ ONE(MSR_AMD64_SYSCFG), ZERO },
	{ ONE(MSR_K7_HWCR), .get = get_hwcr, .set = set_hwcr, .listed = listed },
	/* IORRs, and what follows them */
	{ .first = MSR_K8_TOP_MEM1 - 4, .last = MSR_K8_TOP_MEM1, ZERO },
	{ ONE(MSR_K8_TOP_MEM2), ZERO },
	{ .first = MSR_AMD64_NB_CFG, .last = MSR_AMD64_PATCH_LOADER, IGNORED },
	{ ONE(MSR_K8_INT_PENDING_MSG), ZERO },
	{ ONE(MSR_FAM10H_MMIO_CONF_BASE), ZERO },
	{ .first = MSR_K8_TSEG_ADDR, .last = MSR_K8_TSEG_MASK, ZERO },
	{ ONE(MSR_VM_CR), ZERO },
	{ ONE(MSR_VM_HSAVE_PA), IGNORED },
	{ .first = MSR_F15H_IC_CFG, .last = MSR_AMD64_DC_CFG, IGNORED },
	{ ONE(MSR_AMD64_DE_CFG), .get = get_de_cfg, .set = set_de_cfg },
	{ ONE(MSR_AMD64_BU_CFG2), IGNORED },
	{ ONE(MSR_F15H_EX_CFG), IGNORED },
};

static int compare_row(const void *key, const void *element)
{
	const struct row *row = element;
	u32 index = *(const u32 *)key;

	if (index < row->first)
		return -1;
	return index > row->last;
}

static const struct row *find_row(u32 index)
{
	return __inline_bsearch(&index, rows, ARRAY_SIZE(rows), sizeof(rows[0]), compare_row);
}

/**
 * wr_msr_table_sorted - is the table in the order that look-up needs?
 */
bool wr_msr_table_sorted(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].first > rows[i].last || (i && rows[i].first <= rows[i - 1].last))
			return false;
	return true;
}
WR_EXPORT_FOR_KUNIT(wr_msr_table_sorted);

/**
 * wr_msr_known - is there such a register?
 * @index: ECX
 */
bool wr_msr_known(u32 index)
{
	return find_row(index);
}
WR_EXPORT_FOR_KUNIT(wr_msr_known);

/**
 * wr_msr_get - read an MSR of a vCPU
 * @vcpu: the vCPU; its thread calls
 * @index: ECX
 * @data: out
 * @host: userspace asks by KVM_GET_MSRS: it may do more than the guest
 *
 * Return: 0; -ENOENT when there is no such register, -EINVAL when it cannot be accessed so: the guest gets #GP and
 * userspace a short count. Context: inside or outside a stay; does not sleep.
 */
int wr_msr_get(struct wr_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	const struct row *row = find_row(index);

	if (!row || !row->get)
		return -ENOENT;
	if (!host && row->guest_may && !row->guest_may(vcpu))
		return -EINVAL;
	return row->get(vcpu, index, data);
}

/**
 * wr_msr_set - write an MSR of a vCPU
 * @vcpu: the vCPU; its thread calls
 * @index: ECX
 * @data: value
 * @host: userspace asks by KVM_SET_MSRS: it may do more than the guest
 *
 * Return: 0; -ENOENT when there is no such register, -EINVAL when it cannot be accessed so: the guest gets #GP and
 * userspace a short count. Context: inside or outside a stay; does not sleep (kvm-clock and steal-time pages are written by
 * request).
 */
int wr_msr_set(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	const struct row *row = find_row(index);

	if (!row || !row->set)
		return -ENOENT;
	if (!host && row->guest_may && !row->guest_may(vcpu))
		return -EINVAL;
	return row->set(vcpu, index, data, host);
}

/**
 * wr_msr_reset - power-up or INIT
 * @vcpu: the vCPU; its thread calls
 * @init: by INIT, which keeps most of them
 *
 * What the vendor's control block holds is reset by the backend.
 */
void wr_msr_reset(struct wr_vcpu *vcpu, bool init)
{
	vcpu->spec_ctrl = 0;
	wr_clock_vcpu_reset(vcpu, init);
	if (init)
		return;
	set_pat(vcpu, MSR_IA32_CR_PAT, PAT_AFTER_RESET, true);
	vcpu->misc_enable = MSR_IA32_MISC_ENABLE_FAST_STRING;
	memset(vcpu->mtrr, 0, sizeof(vcpu->mtrr));
	vcpu->msrs = (struct wr_msrs){
		.ucode_rev = wr_msr_default(MSR_IA32_UCODE_REV),
		.arch_caps = wr_msr_default(MSR_IA32_ARCH_CAPABILITIES),
		.hwcr = HWCR_TSC_FREQ_SEL,
		.de_cfg = wr_msr_default(MSR_AMD64_DE_CFG),
	};
}

/* Tell userspace how many there are; -E2BIG when it has less room. */
static int begin_list(struct kvm_msr_list __user *user, u32 nr)
{
	u32 room;

	if (get_user(room, &user->nmsrs) || put_user(nr, &user->nmsrs))
		return -EFAULT;
	return room < nr ? -E2BIG : 0;
}

static u32 count_listed(void)
{
	u32 nr = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].listed && rows[i].listed())
			nr += rows[i].last - rows[i].first + 1;
	return nr;
}

/**
 * wr_msr_index_list - KVM_GET_MSR_INDEX_LIST: what userspace saves and restores
 * @user: nmsrs in: room, out: how many there are
 *
 * Return: 0, -E2BIG, -EFAULT. Context: may sleep.
 */
int wr_msr_index_list(struct kvm_msr_list __user *user)
{
	int ret = begin_list(user, count_listed());
	u32 index, nr = 0;
	size_t i;

	if (ret)
		return ret;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].listed || !rows[i].listed())
			continue;
		for (index = rows[i].first; index <= rows[i].last; index++)
			if (put_user(index, &user->indices[nr++]))
				return -EFAULT;
	}
	return 0;
}
