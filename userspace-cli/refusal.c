// SPDX-License-Identifier: GPL-2.0-only
/* Guests that the CPU refuses to run, in words. */
#include <linux/warren.h>
#include <stdio.h>

#include "refusal.h"
#include "util.h"

/* VM-instruction errors of VT-x that an entry can give */
#define ERROR_CONTROLS	7
#define ERROR_HOST	8

static const char *const rules[] = {
	[WARREN_ENTRY_EVENT] = "the exception or interrupt to be delivered is none that the CPU knows",
	[WARREN_ENTRY_CR0_FIXED] = "CR0 has bits that the CPU does not allow",
	[WARREN_ENTRY_CR0_PAGING] = "CR0.PG is set without CR0.PE",
	[WARREN_ENTRY_CR4_FIXED] = "CR4 has bits that the CPU does not allow",
	[WARREN_ENTRY_CR4_CET] = "CR4.CET is set without CR0.WP",
	[WARREN_ENTRY_LONG_MODE] = "long mode needs CR0.PG and CR4.PAE",
	[WARREN_ENTRY_CR4_PCIDE] = "CR4.PCIDE is set outside long mode",
	[WARREN_ENTRY_CR3] = "CR3 is beyond the CPU's physical addresses",
	[WARREN_ENTRY_DEBUGCTL] = "IA32_DEBUGCTL has reserved bits set",
	[WARREN_ENTRY_DR7] = "DR7 has bits set in its high half",
	[WARREN_ENTRY_SYSENTER] = "IA32_SYSENTER_ESP or IA32_SYSENTER_EIP is not canonical",
	[WARREN_ENTRY_PAT] = "IA32_PAT has an unknown memory type",
	[WARREN_ENTRY_EFER] = "EFER has reserved bits set",
	[WARREN_ENTRY_EFER_LMA] = "EFER.LMA contradicts CR0.PG or EFER.LME",
	[WARREN_ENTRY_SELECTOR] = "the selector has a wrong TI bit or RPL",
	[WARREN_ENTRY_VM86] = "base, limit and rights are not those of virtual-8086 mode",
	[WARREN_ENTRY_BASE] = "the base is not canonical, or beyond 4 GiB",
	[WARREN_ENTRY_USABLE] = "it must be loaded",
	[WARREN_ENTRY_TYPE] = "the segment's type is wrong for it",
	[WARREN_ENTRY_S] = "a system segment where none may be, or the other way round",
	[WARREN_ENTRY_DPL] = "the DPL contradicts the privilege level or the mode",
	[WARREN_ENTRY_PRESENT] = "the segment is not present",
	[WARREN_ENTRY_AR_RESERVED] = "reserved access rights are set",
	[WARREN_ENTRY_DB] = "64-bit and 32-bit code at once",
	[WARREN_ENTRY_GRANULARITY] = "the G bit contradicts the limit",
	[WARREN_ENTRY_TABLE_BASE] = "the base of the GDT or the IDT is not canonical",
	[WARREN_ENTRY_TABLE_LIMIT] = "the limit of the GDT or the IDT is beyond 64 KiB",
	[WARREN_ENTRY_RIP] = "RIP is beyond what the mode has",
	[WARREN_ENTRY_RFLAGS] = "RFLAGS has reserved bits set",
	[WARREN_ENTRY_RFLAGS_VM] = "RFLAGS.VM is set in real or long mode",
	[WARREN_ENTRY_RFLAGS_IF] = "an interrupt is to be delivered while RFLAGS.IF is clear",
	[WARREN_ENTRY_ACTIVITY] = "the activity state is wrong",
	[WARREN_ENTRY_BLOCKING_RESERVED] = "reserved bits of the interruptibility state are set",
	[WARREN_ENTRY_BLOCKING_STI] = "STI blocks interrupts while RFLAGS.IF is clear, or MOV SS does too",
	[WARREN_ENTRY_BLOCKING_EVENT] = "the event to be delivered is blocked",
	[WARREN_ENTRY_PENDING_DEBUG] = "reserved bits of the pending debug exceptions are set",
	[WARREN_ENTRY_PENDING_STEP] = "the pending single step contradicts RFLAGS.TF",
	[WARREN_ENTRY_LINK_POINTER] = "the VMCS link pointer is wrong",
	[WARREN_ENTRY_PDPTE] = "a page directory pointer has reserved bits set",
};

_Static_assert(ARRAY_SIZE(rules) == WARREN_ENTRY_NR_CHECKS, "a rule without words");

static const char *const segments[WARREN_ENTRY_NR_SEGMENTS] = { "ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR" };

static int is_about_segment(__u64 check)
{
	return check >= WARREN_ENTRY_SELECTOR && check <= WARREN_ENTRY_GRANULARITY;
}

void wr_refusal_describe(__u64 reason, char *text, size_t size)
{
	__u64 check = WARREN_ENTRY_CHECK(reason), segment = WARREN_ENTRY_SEGMENT(reason);
	__u32 hardware = reason;

	if (check < ARRAY_SIZE(rules) && rules[check]) {
		if (is_about_segment(check) && segment < ARRAY_SIZE(segments))
			snprintf(text, size, "%s: %s (hardware reason %#x)", segments[segment], rules[check], hardware);
		else
			snprintf(text, size, "%s (hardware reason %#x)", rules[check], hardware);
	} else if (hardware == ERROR_CONTROLS) {
		snprintf(text, size, "invalid VT-x controls (hardware reason %#x)", hardware);
	} else if (hardware == ERROR_HOST) {
		snprintf(text, size, "invalid state of the host (hardware reason %#x)", hardware);
	} else {
		snprintf(text, size, "hardware reason %#x", hardware);
	}
}
