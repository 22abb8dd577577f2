// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: the checks that an entry makes on the guest's state (SDM volume 3, 26.3.1) and on the event to be injected (26.2.1.3).
 * The CPU does not say which one failed.
 */
#define pr_fmt(fmt) "warren: " fmt

#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/warren.h>
#include <uapi/asm/debugreg.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/trapnr.h>

#include "check.h"
#include "vmx.h"

#define AR(seg)			(g->segment[seg].ar)
#define DEBUGCTL_DEFINED	GENMASK_ULL(15, 0)
#define DEBUGCTL_UNDEFINED	GENMASK_ULL(5, 2)
#define RFLAGS_RESERVED		(GENMASK_ULL(63, 22) | BIT_ULL(15) | BIT_ULL(5) | BIT_ULL(3))
#define EFER_DEFINED		(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX)
#define BLOCKING_DEFINED	GENMASK(4, 0)
#define SHADOWS			(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)
#define PENDING_DEFINED		(DR_TRAP_BITS | BIT_ULL(12) | DR_STEP | BIT_ULL(16))
/* PDPTE: address, PWT, PCD, present, and what software may use */
#define PDPTE_RESERVED		(GENMASK_ULL(2, 1) | GENMASK_ULL(8, 5))
#define CR4_CET			BIT_ULL(23)
#define SELECTOR_TI		4
#define SELECTOR_RPL		3
#define VM86_RIGHTS		0xf3
#define VM86_LIMIT		0xffff

#define SEG(seg)		BIT(WR_##seg)
#define DATA_SEGS		(SEG(ES) | SEG(DS) | SEG(FS) | SEG(GS))
#define CODE_DATA_SEGS		(DATA_SEGS | SEG(CS) | SEG(SS))
#define ALL_SEGS		(CODE_DATA_SEGS | SEG(LDTR) | SEG(TR))

static bool unrestricted(const struct vmx_guest_state *g)
{
	return g->cpu2 & SECONDARY_EXEC_UNRESTRICTED_GUEST;
}

static bool long_mode(const struct vmx_guest_state *g)
{
	return g->entry & VM_ENTRY_IA32E_MODE;
}

static bool vm86(const struct vmx_guest_state *g)
{
	return g->rflags & X86_EFLAGS_VM;
}

static bool canonical(const struct vmx_guest_state *g, u64 address)
{
	int shift = 64 - g->linear_bits;

	return (u64)((s64)(address << shift) >> shift) == address;
}

static bool physical(const struct vmx_guest_state *g, u64 address)
{
	return !(address >> g->phys_bits);
}

static bool fixed(u64 value, u64 fixed0, u64 fixed1)
{
	return !(fixed0 & ~value) && !(value & ~fixed1);
}

static u32 event_type(const struct vmx_guest_state *g)
{
	return g->event & INTR_INFO_INTR_TYPE_MASK;
}

static bool injects(const struct vmx_guest_state *g, u32 type)
{
	return g->event & INTR_INFO_VALID_MASK && event_type(g) == type;
}

static bool pushes_error(u8 vector)
{
	return vector == X86_TRAP_DF || (vector >= X86_TRAP_TS && vector <= X86_TRAP_PF) || vector == X86_TRAP_AC;
}

static bool event_ok(const struct vmx_guest_state *g)
{
	u8 vector = g->event & INTR_INFO_VECTOR_MASK;
	bool exception = event_type(g) == INTR_TYPE_HARD_EXCEPTION;
	bool error = exception && pushes_error(vector) && (!unrestricted(g) || g->cr0 & X86_CR0_PE);

	if (!(g->event & INTR_INFO_VALID_MASK))
		return true;
	if (event_type(g) == INTR_TYPE_RESERVED || g->event & INTR_INFO_RESVD_BITS_MASK)
		return false;
	if ((event_type(g) == INTR_TYPE_NMI_INTR && vector != X86_TRAP_NMI) || (exception && vector > 31))
		return false;
	if (!!(g->event & INTR_INFO_DELIVER_CODE_MASK) != error)
		return false;
	return !error || !(g->event_error >> 16);
}

static bool cr0_fixed_ok(const struct vmx_guest_state *g)
{
	/* Caching is the guest's affair: entries leave CD and NW alone. */
	u64 exempt = X86_CR0_CD | X86_CR0_NW | (unrestricted(g) ? X86_CR0_PE | X86_CR0_PG : 0);

	return fixed(g->cr0, g->cr0_fixed0 & ~exempt, g->cr0_fixed1 | exempt);
}

static bool cr0_paging_ok(const struct vmx_guest_state *g)
{
	return !(g->cr0 & X86_CR0_PG) || g->cr0 & X86_CR0_PE;
}

static bool cr4_fixed_ok(const struct vmx_guest_state *g)
{
	return fixed(g->cr4, g->cr4_fixed0, g->cr4_fixed1);
}

static bool cr4_cet_ok(const struct vmx_guest_state *g)
{
	return !(g->cr4 & CR4_CET) || g->cr0 & X86_CR0_WP;
}

static bool long_mode_ok(const struct vmx_guest_state *g)
{
	return !long_mode(g) || (g->cr0 & X86_CR0_PG && g->cr4 & X86_CR4_PAE);
}

static bool cr4_pcide_ok(const struct vmx_guest_state *g)
{
	return long_mode(g) || !(g->cr4 & X86_CR4_PCIDE);
}

static bool cr3_ok(const struct vmx_guest_state *g)
{
	return physical(g, g->cr3);
}

static bool debugctl_ok(const struct vmx_guest_state *g)
{
	return !(g->debugctl & (~DEBUGCTL_DEFINED | DEBUGCTL_UNDEFINED));
}

static bool dr7_ok(const struct vmx_guest_state *g)
{
	return !(g->dr7 >> 32);
}

static bool sysenter_ok(const struct vmx_guest_state *g)
{
	return canonical(g, g->sysenter_esp) && canonical(g, g->sysenter_eip);
}

static bool pat_ok(const struct vmx_guest_state *g)
{
	int i;

	for (i = 0; i < 64; i += 8) {
		u8 type = g->pat >> i;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

static bool efer_ok(const struct vmx_guest_state *g)
{
	return !(g->efer & ~(u64)EFER_DEFINED);
}

static bool efer_lma_ok(const struct vmx_guest_state *g)
{
	bool lma = g->efer & EFER_LMA;

	if (lma != long_mode(g))
		return false;
	return !(g->cr0 & X86_CR0_PG) || lma == !!(g->efer & EFER_LME);
}

static bool usable(const struct vmx_guest_state *g, int seg)
{
	return !(AR(seg) & VMX_AR_UNUSABLE_MASK);
}

static bool selector_ok(const struct vmx_guest_state *g, int seg)
{
	u16 selector = g->segment[seg].selector;

	if (seg == WR_SS)
		return vm86(g) || unrestricted(g) || !((selector ^ g->segment[WR_CS].selector) & SELECTOR_RPL);
	return !(selector & SELECTOR_TI) || !usable(g, seg);
}

static bool vm86_ok(const struct vmx_guest_state *g, int seg)
{
	const struct vmx_check_segment *s = &g->segment[seg];

	return !vm86(g) || (s->base == (u64)s->selector << 4 && s->limit == VM86_LIMIT && s->ar == VM86_RIGHTS);
}

static bool base_ok(const struct vmx_guest_state *g, int seg)
{
	u64 base = g->segment[seg].base;

	switch (seg) {
	case WR_TR:
	case WR_FS:
	case WR_GS:
		return canonical(g, base);
	case WR_LDTR:
		return !usable(g, seg) || canonical(g, base);
	case WR_CS:
		return !(base >> 32);
	default:
		return !usable(g, seg) || !(base >> 32);
	}
}

static bool usable_ok(const struct vmx_guest_state *g, int seg)
{
	return usable(g, seg);
}

static bool tr_type_ok(const struct vmx_guest_state *g, u32 type)
{
	return type == VMX_AR_TYPE_BUSY_32_TSS || (type == VMX_AR_TYPE_BUSY_16_TSS && !long_mode(g));
}

static bool data_type_ok(u32 type)
{
	return type & VMX_AR_TYPE_ACCESSES_MASK && (!(type & VMX_AR_TYPE_CODE_MASK) || type & VMX_AR_TYPE_READABLE_MASK);
}

static bool type_ok(const struct vmx_guest_state *g, int seg)
{
	u32 type = AR(seg) & VMX_AR_TYPE_MASK;

	switch (seg) {
	case WR_CS:
		return (type & VMX_AR_TYPE_CODE_MASK && type & VMX_AR_TYPE_ACCESSES_MASK) || (unrestricted(g) && type == 3);
	case WR_SS:
		return type == 3 || type == 7;
	case WR_LDTR:
		return type == VMX_AR_TYPE_LDT;
	case WR_TR:
		return tr_type_ok(g, type);
	default:
		return data_type_ok(type);
	}
}

static bool s_ok(const struct vmx_guest_state *g, int seg)
{
	bool system = seg == WR_LDTR || seg == WR_TR;

	return !(AR(seg) & VMX_AR_S_MASK) == system;
}

static bool cs_dpl_ok(const struct vmx_guest_state *g)
{
	u32 type = AR(WR_CS) & VMX_AR_TYPE_MASK;
	int dpl = VMX_AR_DPL(AR(WR_CS)), cpl = VMX_AR_DPL(AR(WR_SS));

	if (type == 3)
		return dpl == 0;
	return type < 12 ? dpl == cpl : dpl <= cpl;
}

static bool ss_dpl_ok(const struct vmx_guest_state *g)
{
	int dpl = VMX_AR_DPL(AR(WR_SS));

	if (!unrestricted(g) && dpl != (g->segment[WR_SS].selector & SELECTOR_RPL))
		return false;
	return dpl == 0 || ((AR(WR_CS) & VMX_AR_TYPE_MASK) != 3 && g->cr0 & X86_CR0_PE);
}

static bool dpl_ok(const struct vmx_guest_state *g, int seg)
{
	if (seg == WR_CS)
		return cs_dpl_ok(g);
	if (seg == WR_SS)
		return ss_dpl_ok(g);
	if (unrestricted(g) || (AR(seg) & VMX_AR_TYPE_MASK) > 11)
		return true;
	return VMX_AR_DPL(AR(seg)) >= (g->segment[seg].selector & SELECTOR_RPL);
}

static bool present_ok(const struct vmx_guest_state *g, int seg)
{
	return AR(seg) & VMX_AR_P_MASK;
}

static bool ar_reserved_ok(const struct vmx_guest_state *g, int seg)
{
	return !(AR(seg) & VMX_AR_RESERVD_MASK);
}

static bool db_ok(const struct vmx_guest_state *g, int seg)
{
	return !long_mode(g) || !(AR(seg) & VMX_AR_L_MASK) || !(AR(seg) & VMX_AR_DB_MASK);
}

static bool granularity_ok(const struct vmx_guest_state *g, int seg)
{
	u32 limit = g->segment[seg].limit;

	if (AR(seg) & VMX_AR_G_MASK)
		return (limit & 0xfff) == 0xfff;
	return !(limit >> 20);
}

static bool table_base_ok(const struct vmx_guest_state *g)
{
	return canonical(g, g->gdt.base) && canonical(g, g->idt.base);
}

static bool table_limit_ok(const struct vmx_guest_state *g)
{
	return !((g->gdt.limit | g->idt.limit) >> 16);
}

static bool rip_ok(const struct vmx_guest_state *g)
{
	if (!long_mode(g) || !(AR(WR_CS) & VMX_AR_L_MASK))
		return !(g->rip >> 32);
	return canonical(g, g->rip);
}

static bool rflags_ok(const struct vmx_guest_state *g)
{
	return g->rflags & X86_EFLAGS_FIXED && !(g->rflags & RFLAGS_RESERVED);
}

static bool rflags_vm_ok(const struct vmx_guest_state *g)
{
	return !vm86(g) || (!long_mode(g) && g->cr0 & X86_CR0_PE);
}

static bool rflags_if_ok(const struct vmx_guest_state *g)
{
	return !injects(g, INTR_TYPE_EXT_INTR) || g->rflags & X86_EFLAGS_IF;
}

/* Warren only ever enters an active guest. */
static bool activity_ok(const struct vmx_guest_state *g)
{
	return g->activity == GUEST_ACTIVITY_ACTIVE;
}

static bool blocking_reserved_ok(const struct vmx_guest_state *g)
{
	return !(g->blocking & ~BLOCKING_DEFINED) && !(g->blocking & GUEST_INTR_STATE_SMI);
}

static bool blocking_sti_ok(const struct vmx_guest_state *g)
{
	if ((g->blocking & SHADOWS) == SHADOWS)
		return false;
	return !(g->blocking & GUEST_INTR_STATE_STI) || g->rflags & X86_EFLAGS_IF;
}

static bool blocking_event_ok(const struct vmx_guest_state *g)
{
	if (injects(g, INTR_TYPE_EXT_INTR))
		return !(g->blocking & SHADOWS);
	if (!injects(g, INTR_TYPE_NMI_INTR))
		return true;
	if (g->pin & PIN_BASED_VIRTUAL_NMIS && g->blocking & GUEST_INTR_STATE_NMI)
		return false;
	return !(g->blocking & GUEST_INTR_STATE_MOV_SS);
}

static bool pending_debug_ok(const struct vmx_guest_state *g)
{
	return !(g->pending_debug & ~PENDING_DEFINED);
}

/* A step that a shadow holds back is pending, or there was none. */
static bool pending_step_ok(const struct vmx_guest_state *g)
{
	bool step = g->rflags & X86_EFLAGS_TF && !(g->debugctl & DEBUGCTLMSR_BTF);

	return !(g->blocking & SHADOWS) || step == !!(g->pending_debug & DR_STEP);
}

static bool link_pointer_ok(const struct vmx_guest_state *g)
{
	return g->link_pointer == ~0ULL;
}

static bool pdpte_ok(const struct vmx_guest_state *g)
{
	bool pae = g->cr0 & X86_CR0_PG && g->cr4 & X86_CR4_PAE && !long_mode(g);
	int i;

	for (i = 0; pae && i < ARRAY_SIZE(g->pdpte); i++)
		if (g->pdpte[i] & 1 && (g->pdpte[i] & PDPTE_RESERVED || !physical(g, g->pdpte[i])))
			return false;
	return true;
}

/*
 * struct check - one rule
 *
 * @ok: or, for each segment register in @segments, @segment_ok. Only those that are usable, and loaded outside virtual-8086
 *	mode, unless @always.
 */
struct check {
	const char *name;
	bool (*ok)(const struct vmx_guest_state *g);
	bool (*segment_ok)(const struct vmx_guest_state *g, int seg);
	u8 segments;
	bool always;
};

/* In the order of the manual */
static const struct check checks[] = {
	[WARREN_ENTRY_EVENT] = { "event to be injected", event_ok },
	[WARREN_ENTRY_CR0_FIXED] = { "fixed bits of CR0", cr0_fixed_ok },
	[WARREN_ENTRY_CR0_PAGING] = { "CR0.PG without CR0.PE", cr0_paging_ok },
	[WARREN_ENTRY_CR4_FIXED] = { "fixed bits of CR4", cr4_fixed_ok },
	[WARREN_ENTRY_CR4_CET] = { "CR4.CET without CR0.WP", cr4_cet_ok },
	[WARREN_ENTRY_LONG_MODE] = { "long mode without CR0.PG or CR4.PAE", long_mode_ok },
	[WARREN_ENTRY_CR4_PCIDE] = { "CR4.PCIDE outside long mode", cr4_pcide_ok },
	[WARREN_ENTRY_CR3] = { "CR3", cr3_ok },
	[WARREN_ENTRY_DEBUGCTL] = { "IA32_DEBUGCTL", debugctl_ok },
	[WARREN_ENTRY_DR7] = { "DR7", dr7_ok },
	[WARREN_ENTRY_SYSENTER] = { "IA32_SYSENTER_ESP or _EIP", sysenter_ok },
	[WARREN_ENTRY_PAT] = { "IA32_PAT", pat_ok },
	[WARREN_ENTRY_EFER] = { "reserved bits of EFER", efer_ok },
	[WARREN_ENTRY_EFER_LMA] = { "EFER.LMA", efer_lma_ok },
	[WARREN_ENTRY_SELECTOR] = { "selector", .segment_ok = selector_ok,
				    .segments = SEG(TR) | SEG(LDTR) | SEG(SS), .always = true },
	[WARREN_ENTRY_VM86] = { "virtual-8086 segment", .segment_ok = vm86_ok, .segments = CODE_DATA_SEGS, .always = true },
	[WARREN_ENTRY_BASE] = { "base", .segment_ok = base_ok, .segments = ALL_SEGS, .always = true },
	[WARREN_ENTRY_USABLE] = { "not loaded", .segment_ok = usable_ok, .segments = SEG(TR), .always = true },
	[WARREN_ENTRY_TYPE] = { "type", .segment_ok = type_ok, .segments = ALL_SEGS },
	[WARREN_ENTRY_S] = { "S bit", .segment_ok = s_ok, .segments = ALL_SEGS },
	[WARREN_ENTRY_DPL] = { "DPL", .segment_ok = dpl_ok, .segments = CODE_DATA_SEGS },
	[WARREN_ENTRY_PRESENT] = { "not present", .segment_ok = present_ok, .segments = ALL_SEGS },
	[WARREN_ENTRY_AR_RESERVED] = { "reserved access rights", .segment_ok = ar_reserved_ok, .segments = ALL_SEGS },
	[WARREN_ENTRY_DB] = { "D with L", .segment_ok = db_ok, .segments = SEG(CS) },
	[WARREN_ENTRY_GRANULARITY] = { "granularity", .segment_ok = granularity_ok, .segments = ALL_SEGS },
	[WARREN_ENTRY_TABLE_BASE] = { "base of GDT or IDT", table_base_ok },
	[WARREN_ENTRY_TABLE_LIMIT] = { "limit of GDT or IDT", table_limit_ok },
	[WARREN_ENTRY_RIP] = { "RIP", rip_ok },
	[WARREN_ENTRY_RFLAGS] = { "reserved bits of RFLAGS", rflags_ok },
	[WARREN_ENTRY_RFLAGS_VM] = { "RFLAGS.VM", rflags_vm_ok },
	[WARREN_ENTRY_RFLAGS_IF] = { "RFLAGS.IF", rflags_if_ok },
	[WARREN_ENTRY_ACTIVITY] = { "activity state", activity_ok },
	[WARREN_ENTRY_BLOCKING_RESERVED] = { "reserved bits of the interruptibility state", blocking_reserved_ok },
	[WARREN_ENTRY_BLOCKING_STI] = { "blocking by STI", blocking_sti_ok },
	[WARREN_ENTRY_BLOCKING_EVENT] = { "blocked event", blocking_event_ok },
	[WARREN_ENTRY_PENDING_DEBUG] = { "pending debug exceptions", pending_debug_ok },
	[WARREN_ENTRY_PENDING_STEP] = { "pending single step", pending_step_ok },
	[WARREN_ENTRY_LINK_POINTER] = { "VMCS link pointer", link_pointer_ok },
	[WARREN_ENTRY_PDPTE] = { "PDPTE", pdpte_ok },
};

static_assert(ARRAY_SIZE(checks) == WARREN_ENTRY_NR_CHECKS);

static const char *const segment_names[] = { "ES: ", "CS: ", "SS: ", "DS: ", "FS: ", "GS: ", "LDTR: ", "TR: " };

static_assert(ARRAY_SIZE(segment_names) == WARREN_ENTRY_NR_SEGMENTS && WR_NR_SEGS == WARREN_ENTRY_NR_SEGMENTS);

/* CS and TR are checked even when they are marked unusable. */
static bool applies(const struct vmx_guest_state *g, const struct check *check, int seg)
{
	if (!(check->segments & BIT(seg)))
		return false;
	if (check->always)
		return true;
	if (vm86(g) && CODE_DATA_SEGS & BIT(seg))
		return false;
	/* SS.DPL is the CPL, loaded or not. */
	if (seg == WR_SS && check->segment_ok == dpl_ok)
		return true;
	return usable(g, seg) || seg == WR_CS || seg == WR_TR;
}

/* WR_NR_SEGS: all segment registers pass */
static int first_bad_segment(const struct vmx_guest_state *g, const struct check *check)
{
	int seg;

	for (seg = 0; seg < WR_NR_SEGS; seg++)
		if (applies(g, check, seg) && !check->segment_ok(g, seg))
			break;
	return seg;
}

/**
 * vmx_check_guest - which rule does a guest's state break first?
 * @g: the state
 *
 * Return: the rule; WARREN_ENTRY_UNKNOWN when none is broken.
 */
struct vmx_check_result vmx_check_guest(const struct vmx_guest_state *g)
{
	int i, seg;

	for (i = WARREN_ENTRY_UNKNOWN + 1; i < ARRAY_SIZE(checks); i++) {
		if (checks[i].ok) {
			if (!checks[i].ok(g))
				return (struct vmx_check_result) { i, 0, checks[i].name };
			continue;
		}
		seg = first_bad_segment(g, &checks[i]);
		if (seg < WR_NR_SEGS)
			return (struct vmx_check_result) { i, seg, checks[i].name };
	}
	return (struct vmx_check_result) { WARREN_ENTRY_UNKNOWN, 0, "no rule that is known" };
}
WR_EXPORT_FOR_KUNIT(vmx_check_guest);

static void read_segments(struct vmx_guest_state *g)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(g->segment); i++)
		g->segment[i] = (struct vmx_check_segment) {
			.base = vmcs_read_nth(GUEST_ES_BASE, i),
			.limit = vmcs_read32_nth(GUEST_ES_LIMIT, i),
			.ar = vmcs_read32_nth(GUEST_ES_AR_BYTES, i),
			.selector = vmcs_read16_nth(GUEST_ES_SELECTOR, i),
		};
	g->gdt = (struct vmx_check_table) { vmcs_read(GUEST_GDTR_BASE), vmcs_read32(GUEST_GDTR_LIMIT) };
	g->idt = (struct vmx_check_table) { vmcs_read(GUEST_IDTR_BASE), vmcs_read32(GUEST_IDTR_LIMIT) };
	for (i = 0; i < ARRAY_SIZE(g->pdpte); i++)
		g->pdpte[i] = vmcs_read64_nth(GUEST_PDPTR0, i);
}

static u64 read_msr(u32 index, u64 otherwise)
{
	u64 value;

	return rdmsrl_safe(index, &value) ? otherwise : value;
}

static void read_limits(struct vmx_guest_state *g)
{
	g->cr0_fixed0 = read_msr(MSR_IA32_VMX_CR0_FIXED0, 0);
	g->cr0_fixed1 = read_msr(MSR_IA32_VMX_CR0_FIXED1, ~0ULL);
	g->cr4_fixed0 = read_msr(MSR_IA32_VMX_CR4_FIXED0, 0);
	g->cr4_fixed1 = read_msr(MSR_IA32_VMX_CR4_FIXED1, ~0ULL);
	g->phys_bits = boot_cpu_data.x86_phys_bits;
	g->linear_bits = boot_cpu_data.x86_virt_bits;
}

/* As the failed entry found it: it saved nothing. */
static void read_guest(struct vmx_vcpu *vmx, struct vmx_guest_state *g)
{
	vmx_begin(vmx);
	g->cr0 = vmcs_read(GUEST_CR0);
	g->cr3 = vmcs_read(GUEST_CR3);
	g->cr4 = vmcs_read(GUEST_CR4);
	g->debugctl = vmcs_read64(GUEST_IA32_DEBUGCTL);
	g->dr7 = vmcs_read(GUEST_DR7);
	g->sysenter_esp = vmcs_read(GUEST_SYSENTER_ESP);
	g->sysenter_eip = vmcs_read(GUEST_SYSENTER_EIP);
	g->pat = vmcs_read64(GUEST_IA32_PAT);
	g->efer = vmcs_read64(GUEST_IA32_EFER);
	g->rip = vmcs_read(GUEST_RIP);
	g->rflags = vmcs_read(GUEST_RFLAGS);
	g->activity = vmcs_read32(GUEST_ACTIVITY_STATE);
	g->blocking = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	g->pending_debug = vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS);
	g->link_pointer = vmcs_read64(VMCS_LINK_POINTER);
	g->pin = vmcs_read32(PIN_BASED_VM_EXEC_CONTROL);
	g->cpu2 = vmcs_read32(SECONDARY_VM_EXEC_CONTROL);
	g->entry = vmcs_read32(VM_ENTRY_CONTROLS);
	read_segments(g);
	vmx_end();
	/* It was taken back from the VMCS. */
	g->event = vmx->exit.intr_info;
	g->event_error = vmx->exit.intr_error;
	read_limits(g);
}

/**
 * vmx_segments_valid - do the segment registers of a guest pass the checks of an entry?
 * @vmx: whose guests are not unrestricted; vcpu.rflags need not be in the VMCS yet
 *
 * Context: process context, or in a stay.
 */
bool vmx_segments_valid(struct vmx_vcpu *vmx)
{
	struct vmx_guest_state g = {
		.rflags = vmx->vcpu.rflags, .cr0 = X86_CR0_PE | X86_CR0_PG, .linear_bits = boot_cpu_data.x86_virt_bits,
		.entry = vmx->vcpu.efer & EFER_LMA ? VM_ENTRY_IA32E_MODE : 0,
	};
	int i;

	vmx_begin(vmx);
	read_segments(&g);
	vmx_end();
	for (i = 0; i < ARRAY_SIZE(checks); i++)
		if (checks[i].segment_ok && first_bad_segment(&g, &checks[i]) < WR_NR_SEGS)
			return false;
	return true;
}

/**
 * vmx_explain_failure - what to tell the owner of a guest that the CPU refused
 * @vmx: whose entry failed
 * @reason: the hardware's: an exit reason, or a VM-instruction error
 *
 * Names it in the kernel's log too. Return: hardware_entry_failure_reason, see linux/warren.h. Context: process context.
 */
u64 vmx_explain_failure(struct vmx_vcpu *vmx, u32 reason)
{
	struct vmx_guest_state g;
	struct vmx_check_result found;
	bool segment;

	read_guest(vmx, &g);
	found = vmx_check_guest(&g);
	segment = checks[found.check].segments;
	pr_info_ratelimited("%s[%d]: vCPU %u was refused by the CPU (%#x): %s%s\n", current->comm, task_pid_nr(current),
			    vmx->vcpu.id, reason, segment ? segment_names[found.segment] : "", found.name);
	return (u64)found.segment << 48 | (u64)found.check << 32 | reason;
}
