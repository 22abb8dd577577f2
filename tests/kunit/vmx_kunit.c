// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: which hosts are refused and why, how controls are chosen, and which rule a state that an entry refuses breaks.
 */
#include <kunit/test.h>
#include <linux/warren.h>
#include <uapi/asm/debugreg.h>
#include <asm/trapnr.h>

#include "vmx/caps.h"
#include "vmx/check.h"
#include "vmx/vmx.h"

static void expect_obstacle(struct kunit *test, const struct vmx_facts *facts, const char *word)
{
	const char *what = vmx_obstacle(facts);

	KUNIT_ASSERT_NOT_NULL(test, what);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(what, word), "'%s' in '%s'", word, what);
}

/* No emulator has firmware that turns VT-x off, nor FRED, nor is Hyper-V below. */
static void hosts_are_refused(struct kunit *test)
{
	static const u64 on = FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;
	struct vmx_facts facts = { .feature_control = on };

	KUNIT_EXPECT_NULL(test, vmx_obstacle(&facts));
	facts.feature_control = on | FEAT_CTL_VMX_ENABLED_INSIDE_SMX;
	KUNIT_EXPECT_NULL(test, vmx_obstacle(&facts));
	facts.fred = true;
	expect_obstacle(test, &facts, "fred=off");
	facts.fred = false;
	facts.evmcs = true;
	expect_obstacle(test, &facts, "Hyper-V");
	facts.feature_control = FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_INSIDE_SMX;
	expect_obstacle(test, &facts, "firmware");
	facts.feature_control = FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;
	expect_obstacle(test, &facts, "firmware");
	facts.feature_control = 0;
	expect_obstacle(test, &facts, "firmware");
}

#define A	BIT(0)
#define B	BIT(3)
#define C	BIT(31)

static const struct vmx_control_name a_and_b[] = { { A, "the A" }, { B, "the B" }, { } };
static const struct vmx_control_name nothing[] = { { } };

static u64 capability(u32 must, u32 may)
{
	return must | (u64)may << 32;
}

struct control_case {
	const char *what;
	struct vmx_control control;
	u32 must, may;
	u32 bits;
	const char *missing;	/* part of its name */
};

static const struct control_case control_cases[] = {
	{ "all that is required", { .required = a_and_b }, 0, ~0U, A | B, NULL },
	{ "no more than required", { .required = a_and_b }, 0, A | B, A | B, NULL },
	{ "nothing", { .required = nothing }, 0, 0, 0, NULL },
	{ "the second is missing", { .required = a_and_b }, 0, A, A, "the B" },
	{ "the first of two is named", { .required = a_and_b }, 0, 0, 0, "the A" },
	{ "wanted and there", { .required = a_and_b, .wanted = C }, 0, ~0U, A | B | C, NULL },
	{ "wanted and not there", { .required = a_and_b, .wanted = C }, 0, A | B, A | B, NULL },
	{ "wanted alone", { .required = nothing, .wanted = A | C }, 0, C, C, NULL },
	{ "must be one", { .required = a_and_b }, C, ~0U, A | B | C, NULL },
	{ "must be one, required anyway", { .required = a_and_b }, A, A | B, A | B, NULL },
	{ "unwanted can be zero", { .required = nothing, .unwanted = C }, A, ~0U, A, NULL },
	{ "unwanted must be one", { .required = nothing, .unwanted = C }, C, ~0U, C, "freedom" },
	{ "missing before unwanted", { .required = a_and_b, .unwanted = C }, C, C, C, "the A" },
};

static void controls_are_adjusted(struct kunit *test)
{
	const struct control_case *c;
	const char *missing;
	u32 bits;
	int i;

	for (i = 0; i < ARRAY_SIZE(control_cases); i++) {
		c = &control_cases[i];
		bits = 0x5a5a5a5a;
		missing = vmx_adjust_control(&c->control, capability(c->must, c->may), &bits);
		KUNIT_EXPECT_EQ_MSG(test, bits, c->bits, "%s", c->what);
		KUNIT_EXPECT_EQ_MSG(test, !missing, !c->missing, "%s: %s", c->what, missing ?: "nothing is missing");
		if (missing && c->missing)
			KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(missing, c->missing), "%s: %s", c->what, missing);
	}
}

/* The plain capability MSR says that bits must be one which the true one, on the same CPU, leaves free. */
static void true_controls_free_bits(struct kunit *test)
{
	const struct vmx_control control = { .required = nothing, .unwanted = CPU_BASED_CR3_LOAD_EXITING };
	u32 bits;

	KUNIT_EXPECT_NOT_NULL(test, vmx_adjust_control(&control, capability(0x0401e172, ~0U), &bits));
	KUNIT_EXPECT_NULL(test, vmx_adjust_control(&control, capability(0x04006172, ~0U), &bits));
	KUNIT_EXPECT_EQ(test, bits, 0x04006172u);
}

#define CODE64	(VMX_AR_TYPE_BUSY_64_TSS | VMX_AR_S_MASK | VMX_AR_P_MASK | VMX_AR_L_MASK | VMX_AR_G_MASK)
#define DATA	(3 | VMX_AR_S_MASK | VMX_AR_P_MASK | VMX_AR_DB_MASK | VMX_AR_G_MASK)
#define VM86	(3 | VMX_AR_S_MASK | VMX_AR_P_MASK | 3 << VMX_AR_DPL_SHIFT)
#define NONCANONICAL	BIT_ULL(47)

static struct vmx_guest_state g;

/* 64-bit code, flat segments */
static void long_guest(void)
{
	const struct vmx_check_segment data = { 0, ~0U, DATA, 0x10 };

	g = (struct vmx_guest_state) {
		.cr0 = X86_CR0_PG | X86_CR0_PE | X86_CR0_NE, .cr3 = 0x1000, .cr4 = X86_CR4_PAE | X86_CR4_VMXE,
		.dr7 = 0x400, .pat = 0x0007040600070406,
		.efer = EFER_LME | EFER_LMA,
		.segment = {
			data, { 0, ~0U, CODE64, 8 }, data, data, data, data,
			[WR_LDTR] = { .ar = VMX_AR_UNUSABLE_MASK },
			[WR_TR] = { 0x3000, 0x67, VMX_AR_TYPE_BUSY_64_TSS | VMX_AR_P_MASK, 0x18 },
		},
		.gdt = { 0x1000, 0x27 }, .idt = { 0x2000, 0xfff },
		.rip = 0x8000, .rflags = X86_EFLAGS_FIXED,
		.link_pointer = ~0ULL,
		.pin = PIN_BASED_VIRTUAL_NMIS, .cpu2 = SECONDARY_EXEC_UNRESTRICTED_GUEST, .entry = VM_ENTRY_IA32E_MODE,
		.cr0_fixed0 = X86_CR0_PG | X86_CR0_PE | X86_CR0_NE, .cr0_fixed1 = U32_MAX,
		.cr4_fixed0 = X86_CR4_VMXE, .cr4_fixed1 = 0x7fffff,
		.phys_bits = 39, .linear_bits = 48,
	};
}

static void leave_long_mode(u64 cr0)
{
	long_guest();
	g.cr0 = cr0 | X86_CR0_NE;
	g.efer = 0;
	g.entry = 0;
	g.segment[WR_CS].ar = DATA | VMX_AR_TYPE_CODE_MASK;
}

static void protected_guest(void)
{
	leave_long_mode(X86_CR0_PE);
}

static void pae_guest(void)
{
	leave_long_mode(X86_CR0_PE | X86_CR0_PG);
	g.pdpte[0] = 0x5001;
}

static void real_guest(void)
{
	int i;

	leave_long_mode(0);
	g.cr4 = X86_CR4_VMXE;
	for (i = WR_ES; i <= WR_GS; i++)
		g.segment[i] = (struct vmx_check_segment) { 0x80000, 0xffff, 3 | VMX_AR_S_MASK | VMX_AR_P_MASK, 0x8000 };
}

static void vm86_guest(void)
{
	int i;

	protected_guest();
	g.rflags |= X86_EFLAGS_VM;
	for (i = WR_ES; i <= WR_GS; i++)
		g.segment[i] = (struct vmx_check_segment) { 0x12340, 0xffff, VM86, 0x1234 };
}

/* What entries accept: none of the rules may be against it. */
static void good_states_pass(struct kunit *test)
{
	void (*const good[])(void) = {
		long_guest, protected_guest, pae_guest, real_guest, vm86_guest,
	};
	struct vmx_check_result result;
	int i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		good[i]();
		result = vmx_check_guest(&g);
		KUNIT_EXPECT_EQ_MSG(test, result.check, WARREN_ENTRY_UNKNOWN, "state %d: %s %u", i, result.name, result.segment);
	}
}

static void unloaded_segments_pass(struct kunit *test)
{
	int i;

	long_guest();
	for (i = 0; i < WR_NR_SEGS; i++)
		if (i != WR_CS && i != WR_TR)
			g.segment[i].ar = VMX_AR_UNUSABLE_MASK;
	KUNIT_EXPECT_EQ(test, vmx_check_guest(&g).check, WARREN_ENTRY_UNKNOWN);
}

#define EVENT(type, vector)	(INTR_INFO_VALID_MASK | INTR_TYPE_##type | (vector))
#define WITH_ERROR(info)	((info) | INTR_INFO_DELIVER_CODE_MASK)

static void expect(struct kunit *test, const char *what, u16 check, u8 segment)
{
	struct vmx_check_result found = vmx_check_guest(&g);

	KUNIT_EXPECT_EQ_MSG(test, found.check, check, "%s: %s", what, found.name);
	KUNIT_EXPECT_EQ_MSG(test, found.segment, segment, "%s: %s", what, found.name);
}

/* @change, to the state that @make makes, breaks the rule @rule, about the segment register @seg if it is about one. */
#define BROKEN(test, make, rule, seg, change)			\
do {								\
	make();							\
	change;							\
	expect(test, #change, WARREN_ENTRY_##rule, seg);	\
} while (0)

static void control_registers(struct kunit *test)
{
	BROKEN(test, long_guest, CR0_FIXED, 0, g.cr0 |= BIT_ULL(32));
	BROKEN(test, long_guest, CR0_FIXED, 0, g.cr0 &= ~X86_CR0_NE);
	BROKEN(test, real_guest, CR0_FIXED, 0, g.cpu2 = 0);
	BROKEN(test, long_guest, CR0_PAGING, 0, g.cr0 &= ~X86_CR0_PE);
	BROKEN(test, long_guest, CR4_FIXED, 0, g.cr4 &= ~X86_CR4_VMXE);
	BROKEN(test, long_guest, CR4_FIXED, 0, g.cr4 |= BIT_ULL(24));
	BROKEN(test, long_guest, CR4_CET, 0, (g.cr4 |= BIT_ULL(23), g.cr4_fixed1 = ~0ULL));
	BROKEN(test, long_guest, LONG_MODE, 0, g.cr4 &= ~X86_CR4_PAE);
	BROKEN(test, long_guest, LONG_MODE, 0, g.cr0 &= ~X86_CR0_PG);
	BROKEN(test, protected_guest, CR4_PCIDE, 0, g.cr4 |= X86_CR4_PCIDE);
	BROKEN(test, long_guest, CR3, 0, g.cr3 |= BIT_ULL(39));
	BROKEN(test, long_guest, DEBUGCTL, 0, g.debugctl = BIT_ULL(3));
	BROKEN(test, long_guest, DEBUGCTL, 0, g.debugctl = BIT_ULL(16));
	BROKEN(test, long_guest, DR7, 0, g.dr7 |= BIT_ULL(32));
	BROKEN(test, long_guest, SYSENTER, 0, g.sysenter_esp = NONCANONICAL);
	BROKEN(test, long_guest, SYSENTER, 0, g.sysenter_eip = NONCANONICAL);
	BROKEN(test, long_guest, PAT, 0, g.pat |= 2ULL << 56);
	BROKEN(test, long_guest, PAT, 0, g.pat = 8);
	BROKEN(test, long_guest, EFER, 0, g.efer |= BIT_ULL(12));
	BROKEN(test, long_guest, EFER_LMA, 0, g.efer &= ~(u64)EFER_LME);
	BROKEN(test, long_guest, EFER_LMA, 0, g.efer = 0);
	BROKEN(test, protected_guest, EFER_LMA, 0, g.efer = EFER_LMA);
	BROKEN(test, pae_guest, EFER_LMA, 0, g.efer = EFER_LME);
}

static void segments(struct kunit *test)
{
	BROKEN(test, long_guest, SELECTOR, WR_TR, g.segment[WR_TR].selector |= 4);
	BROKEN(test, long_guest, SELECTOR, WR_LDTR, (g.segment[WR_LDTR].ar = 0x82, g.segment[WR_LDTR].selector = 0x24));
	BROKEN(test, long_guest, SELECTOR, WR_SS, (g.cpu2 = 0, g.segment[WR_SS].selector |= 3));
	BROKEN(test, vm86_guest, VM86, WR_ES, g.segment[WR_ES].base++);
	BROKEN(test, vm86_guest, VM86, WR_GS, g.segment[WR_GS].limit--);
	BROKEN(test, vm86_guest, VM86, WR_CS, g.segment[WR_CS].ar = DATA);
	BROKEN(test, long_guest, BASE, WR_CS, g.segment[WR_CS].base = BIT_ULL(32));
	BROKEN(test, long_guest, BASE, WR_SS, g.segment[WR_SS].base = BIT_ULL(32));
	BROKEN(test, long_guest, BASE, WR_FS, g.segment[WR_FS].base = NONCANONICAL);
	BROKEN(test, long_guest, BASE, WR_TR, g.segment[WR_TR].base = NONCANONICAL);
	BROKEN(test, long_guest, USABLE, WR_TR, g.segment[WR_TR].ar |= VMX_AR_UNUSABLE_MASK);
	BROKEN(test, long_guest, TYPE, WR_CS, g.segment[WR_CS].ar &= ~VMX_AR_TYPE_ACCESSES_MASK);
	BROKEN(test, long_guest, TYPE, WR_SS, g.segment[WR_SS].ar |= VMX_AR_TYPE_CODE_MASK);
	BROKEN(test, long_guest, TYPE, WR_DS, g.segment[WR_DS].ar = (DATA & ~15) | 9);
	BROKEN(test, long_guest, TYPE, WR_TR, g.segment[WR_TR].ar = 3 | VMX_AR_P_MASK);
	BROKEN(test, long_guest, TYPE, WR_LDTR, g.segment[WR_LDTR].ar = 3 | VMX_AR_P_MASK);
	BROKEN(test, long_guest, S, WR_CS, g.segment[WR_CS].ar &= ~VMX_AR_S_MASK);
	BROKEN(test, long_guest, S, WR_TR, g.segment[WR_TR].ar |= VMX_AR_S_MASK);
	BROKEN(test, long_guest, DPL, WR_CS, g.segment[WR_CS].ar |= 3 << VMX_AR_DPL_SHIFT);
	BROKEN(test, long_guest, DPL, WR_CS, g.segment[WR_CS].ar |= 4 | 1 << VMX_AR_DPL_SHIFT);
	BROKEN(test, real_guest, DPL, WR_SS, g.segment[WR_SS].ar |= 1 << VMX_AR_DPL_SHIFT);
	BROKEN(test, long_guest, DPL, WR_DS, (g.cpu2 = 0, g.segment[WR_DS].selector |= 3));
	BROKEN(test, long_guest, PRESENT, WR_CS, g.segment[WR_CS].ar &= ~VMX_AR_P_MASK);
	BROKEN(test, long_guest, AR_RESERVED, WR_ES, g.segment[WR_ES].ar |= BIT(8));
	BROKEN(test, long_guest, DB, WR_CS, g.segment[WR_CS].ar |= VMX_AR_DB_MASK);
	BROKEN(test, long_guest, GRANULARITY, WR_CS, g.segment[WR_CS].ar &= ~VMX_AR_G_MASK);
	BROKEN(test, long_guest, GRANULARITY, WR_GS, g.segment[WR_GS].limit = 0xfff00);
	BROKEN(test, long_guest, GRANULARITY, WR_TR, g.segment[WR_TR].ar |= VMX_AR_G_MASK);
	BROKEN(test, long_guest, TABLE_BASE, 0, g.gdt.base = NONCANONICAL);
	BROKEN(test, long_guest, TABLE_BASE, 0, g.idt.base = NONCANONICAL);
	BROKEN(test, long_guest, TABLE_LIMIT, 0, g.gdt.limit = 0x10000);
	BROKEN(test, long_guest, TABLE_LIMIT, 0, g.idt.limit = 0x10000);
}

static void flags_and_events(struct kunit *test)
{
	BROKEN(test, long_guest, RIP, 0, g.rip = NONCANONICAL);
	BROKEN(test, protected_guest, RIP, 0, g.rip = BIT_ULL(32));
	BROKEN(test, long_guest, RFLAGS, 0, g.rflags = 0);
	BROKEN(test, long_guest, RFLAGS, 0, g.rflags |= BIT_ULL(3));
	BROKEN(test, long_guest, RFLAGS, 0, g.rflags |= BIT_ULL(22));
	BROKEN(test, vm86_guest, RFLAGS_VM, 0, g.cr0 &= ~X86_CR0_PE);
	BROKEN(test, long_guest, RFLAGS_IF, 0, g.event = EVENT(EXT_INTR, 0x30));
	BROKEN(test, long_guest, ACTIVITY, 0, g.activity = GUEST_ACTIVITY_HLT);
	BROKEN(test, long_guest, BLOCKING_RESERVED, 0, g.blocking = BIT(5));
	BROKEN(test, long_guest, BLOCKING_RESERVED, 0, g.blocking = GUEST_INTR_STATE_SMI);
	BROKEN(test, long_guest, BLOCKING_STI, 0, g.blocking = GUEST_INTR_STATE_STI);
	BROKEN(test, long_guest, BLOCKING_STI, 0, (g.rflags |= X86_EFLAGS_IF, g.blocking = 3));
	BROKEN(test, long_guest, BLOCKING_EVENT, 0,
	       (g.rflags |= X86_EFLAGS_IF, g.blocking = GUEST_INTR_STATE_STI, g.event = EVENT(EXT_INTR, 0x30)));
	BROKEN(test, long_guest, BLOCKING_EVENT, 0, (g.blocking = GUEST_INTR_STATE_NMI, g.event = EVENT(NMI_INTR, 2)));
	BROKEN(test, long_guest, BLOCKING_EVENT, 0, (g.blocking = GUEST_INTR_STATE_MOV_SS, g.event = EVENT(NMI_INTR, 2)));
	BROKEN(test, long_guest, PENDING_DEBUG, 0, g.pending_debug = BIT_ULL(13));
	BROKEN(test, long_guest, PENDING_STEP, 0, (g.rflags |= X86_EFLAGS_TF, g.blocking = GUEST_INTR_STATE_MOV_SS));
	BROKEN(test, long_guest, PENDING_STEP, 0, (g.pending_debug = DR_STEP, g.blocking = GUEST_INTR_STATE_MOV_SS));
	BROKEN(test, long_guest, LINK_POINTER, 0, g.link_pointer = 0);
	BROKEN(test, pae_guest, PDPTE, 0, g.pdpte[3] = 3);
	BROKEN(test, pae_guest, PDPTE, 0, g.pdpte[1] = 1 | BIT_ULL(39));
	BROKEN(test, long_guest, EVENT, 0, g.event = WITH_ERROR(EVENT(HARD_EXCEPTION, X86_TRAP_UD)));
	BROKEN(test, long_guest, EVENT, 0, g.event = EVENT(HARD_EXCEPTION, X86_TRAP_GP));
	BROKEN(test, long_guest, EVENT, 0, g.event = EVENT(HARD_EXCEPTION, 32));
	BROKEN(test, long_guest, EVENT, 0, g.event = EVENT(NMI_INTR, 3));
	BROKEN(test, real_guest, EVENT, 0, g.event = WITH_ERROR(EVENT(HARD_EXCEPTION, X86_TRAP_GP)));
	BROKEN(test, long_guest, EVENT, 0,
	       (g.event = WITH_ERROR(EVENT(HARD_EXCEPTION, X86_TRAP_GP)), g.event_error = BIT(16)));
}

static void good_events_pass(struct kunit *test)
{
	BROKEN(test, long_guest, UNKNOWN, 0, g.event = WITH_ERROR(EVENT(HARD_EXCEPTION, X86_TRAP_GP)));
	BROKEN(test, long_guest, UNKNOWN, 0, g.event = EVENT(HARD_EXCEPTION, X86_TRAP_UD));
	BROKEN(test, real_guest, UNKNOWN, 0, g.event = EVENT(HARD_EXCEPTION, X86_TRAP_GP));
	BROKEN(test, long_guest, UNKNOWN, 0, (g.rflags |= X86_EFLAGS_IF, g.event = EVENT(EXT_INTR, 0x30)));
	BROKEN(test, long_guest, UNKNOWN, 0, g.event = EVENT(NMI_INTR, 2));
	BROKEN(test, long_guest, UNKNOWN, 0, (g.rflags |= X86_EFLAGS_TF, g.blocking = GUEST_INTR_STATE_MOV_SS,
					      g.pending_debug = DR_STEP));
	BROKEN(test, long_guest, UNKNOWN, 0, g.pdpte[0] = 3);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(hosts_are_refused),
	KUNIT_CASE(controls_are_adjusted),
	KUNIT_CASE(true_controls_free_bits),
	KUNIT_CASE(good_states_pass),
	KUNIT_CASE(unloaded_segments_pass),
	KUNIT_CASE(control_registers),
	KUNIT_CASE(segments),
	KUNIT_CASE(flags_and_events),
	KUNIT_CASE(good_events_pass),
	{}
};

struct kunit_suite vmx_suite = {
	.name = "vmx",
	.test_cases = cases,
};
