/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VT-x: control fields and what the CPU lets them be.
 */
#ifndef WARREN_VMX_CAPS_H
#define WARREN_VMX_CAPS_H

#include <linux/types.h>

/* Bit of MSR_IA32_VMX_BASIC: the second set of capability MSRs exists, which tells more bits that may be 0 */
#define VMX_BASIC_TRUE_CONTROLS	BIT_ULL(55)

struct vmx_control_name {
	u32 bit;
	const char *name;
};

/* struct vmx_control - a field of 32 controls, and which of them Warren wants */
struct vmx_control {
	u32 msr, true_msr;
	const struct vmx_control_name *required;	/* ends with a zero bit */
	u32 wanted;			/* used where they are there */
	u32 unwanted;			/* must be able to be 0 */
	u32 *result;
};

/* struct vmx_facts - of the host, that decide whether VT-x can be used at all */
struct vmx_facts {
	u64 feature_control;		/* MSR_IA32_FEAT_CTL; 0 where it cannot be read */
	bool fred;			/* interrupts come by FRED */
	bool evmcs;			/* Hyper-V below wants VMCSs of its own kind */
};

const char *vmx_obstacle(const struct vmx_facts *facts);
const char *vmx_adjust_control(const struct vmx_control *control, u64 capability, u32 *result);

#endif
