/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VT-x: why the CPU refuses to enter a guest, found out by software.
 */
#ifndef WARREN_VMX_CHECK_H
#define WARREN_VMX_CHECK_H

#include <linux/types.h>

struct vmx_check_segment {
	u64 base;
	u32 limit;
	u32 ar;
	u16 selector;
};

struct vmx_check_table {
	u64 base;
	u32 limit;
};

/**
 * struct vmx_guest_state - all that entries check of a guest, and what they check it against
 *
 * @segment: in the order of enum wr_seg.
 * @event, @event_error: VM-entry interruption information and error code.
 * @phys_bits, @linear_bits: widths of the CPU's addresses.
 */
struct vmx_guest_state {
	u64 cr0, cr3, cr4;
	u64 debugctl, dr7;
	u64 sysenter_esp, sysenter_eip;
	u64 pat, efer;
	struct vmx_check_segment segment[8];
	struct vmx_check_table gdt, idt;
	u64 rip, rflags;
	u32 activity, blocking;
	u64 pending_debug;
	u64 link_pointer;
	u64 pdpte[4];

	u32 pin, cpu2, entry;
	u32 event, event_error;
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	u8 phys_bits, linear_bits;
};

/* struct vmx_check_result - the first rule that is broken; @segment counts where @name speaks of one */
struct vmx_check_result {
	u16 check;		/* enum warren_entry_check */
	u8 segment;
	const char *name;
};

struct vmx_vcpu;

struct vmx_check_result vmx_check_guest(const struct vmx_guest_state *g);
bool vmx_segments_valid(struct vmx_vcpu *vmx);
u64 vmx_explain_failure(struct vmx_vcpu *vmx, u32 reason);

#endif
