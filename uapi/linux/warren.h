/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Warren's ABI is KVM's, version 12, on /dev/warren. Types and numbers come from <linux/kvm.h>; this header holds only what
 * is Warren's own.
 */
#ifndef _UAPI_LINUX_WARREN_H
#define _UAPI_LINUX_WARREN_H

#include <linux/kvm.h>

#define WARREN_DEVICE	"/dev/warren"

/*
 * KVM_EXIT_FAIL_ENTRY: the CPU refused to run the guest. The low half of hardware_entry_failure_reason is what KVM gives:
 * AMD-V's exit code; VT-x's exit reason, or its VM-instruction error when the controls or the host's state were refused.
 * The high half says which of VT-x's rules the guest's state or the event to be injected breaks, as found by software:
 * bits 32 to 47 are an enum warren_entry_check, bits 48 to 51 the segment register that it is about. 0 on AMD-V.
 */
#define WARREN_ENTRY_CHECK(reason)	((__u64)(reason) >> 32 & 0xffff)
#define WARREN_ENTRY_SEGMENT(reason)	((__u64)(reason) >> 48 & 0xf)

/* WARREN_ENTRY_SEGMENT(): ES, CS, SS, DS, FS, GS, LDTR, TR are 0 to 7. */
#define WARREN_ENTRY_NR_SEGMENTS	8

enum warren_entry_check {
	WARREN_ENTRY_UNKNOWN,			/* no rule that Warren knows is broken */
	WARREN_ENTRY_EVENT,			/* type, vector or error code of the event to be injected */
	WARREN_ENTRY_CR0_FIXED,			/* CR0 bits that must be set, or clear */
	WARREN_ENTRY_CR0_PAGING,		/* CR0.PG without CR0.PE */
	WARREN_ENTRY_CR4_FIXED,			/* CR4 bits that must be set, or clear */
	WARREN_ENTRY_CR4_CET,			/* CR4.CET without CR0.WP */
	WARREN_ENTRY_LONG_MODE,			/* long mode without CR0.PG or CR4.PAE */
	WARREN_ENTRY_CR4_PCIDE,			/* CR4.PCIDE outside long mode */
	WARREN_ENTRY_CR3,			/* CR3 beyond physical addresses */
	WARREN_ENTRY_DEBUGCTL,			/* reserved bits of IA32_DEBUGCTL */
	WARREN_ENTRY_DR7,			/* high half of DR7 */
	WARREN_ENTRY_SYSENTER,			/* IA32_SYSENTER_ESP or _EIP not canonical */
	WARREN_ENTRY_PAT,			/* memory type in IA32_PAT */
	WARREN_ENTRY_EFER,			/* reserved bits of EFER */
	WARREN_ENTRY_EFER_LMA,			/* EFER.LMA against mode or EFER.LME */
	WARREN_ENTRY_SELECTOR,			/* TI or RPL of a selector */
	WARREN_ENTRY_VM86,			/* segment in virtual-8086 mode */
	WARREN_ENTRY_BASE,			/* base of a segment not canonical, or beyond 4 GiB */
	WARREN_ENTRY_USABLE,			/* TR must be loaded */
	WARREN_ENTRY_TYPE,			/* type of a segment */
	WARREN_ENTRY_S,				/* system segment, or not */
	WARREN_ENTRY_DPL,			/* DPL of a segment against CPL, RPL or mode */
	WARREN_ENTRY_PRESENT,			/* segment not present */
	WARREN_ENTRY_AR_RESERVED,		/* reserved access rights of a segment */
	WARREN_ENTRY_DB,			/* CS.D with CS.L */
	WARREN_ENTRY_GRANULARITY,		/* granularity of a segment against its limit */
	WARREN_ENTRY_TABLE_BASE,		/* base of GDT or IDT not canonical */
	WARREN_ENTRY_TABLE_LIMIT,		/* limit of GDT or IDT beyond 64 KiB */
	WARREN_ENTRY_RIP,			/* RIP beyond what the mode has */
	WARREN_ENTRY_RFLAGS,			/* reserved bits of RFLAGS */
	WARREN_ENTRY_RFLAGS_VM,			/* RFLAGS.VM in long or real mode */
	WARREN_ENTRY_RFLAGS_IF,			/* an interrupt to be injected while RFLAGS.IF is clear */
	WARREN_ENTRY_ACTIVITY,			/* activity state against the rest */
	WARREN_ENTRY_BLOCKING_RESERVED,		/* reserved bits of the interruptibility state */
	WARREN_ENTRY_BLOCKING_STI,		/* blocking by STI with RFLAGS.IF clear, or by both STI and MOV SS */
	WARREN_ENTRY_BLOCKING_EVENT,		/* the event to be injected is blocked */
	WARREN_ENTRY_PENDING_DEBUG,		/* reserved bits of the pending debug exceptions */
	WARREN_ENTRY_PENDING_STEP,		/* pending single step against RFLAGS.TF */
	WARREN_ENTRY_LINK_POINTER,		/* VMCS link pointer */
	WARREN_ENTRY_PDPTE,			/* reserved bits of a PDPTE */
	WARREN_ENTRY_NR_CHECKS
};

#endif
