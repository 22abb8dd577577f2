// SPDX-License-Identifier: GPL-2.0-only
/*
 * State that VT-x refuses to enter: userspace is told which rule it breaks. AMD-V has other rules: there such a guest runs,
 * or fails, and no more is asked.
 */
#include <linux/warren.h>
#include <stdlib.h>

#include "guest.h"
#include "vm.h"

#define INVALID_STATE 0x80000021u
#define INVALID_CONTROLS 7u
#define NONCANONICAL (1ull << 47)

struct machine {
	struct vm vm;
	struct kvm_sregs fresh;
	struct vcpu v[2];	/* one in long mode, one in protected mode: see enum mode */
};

struct state {
	struct kvm_sregs s;
	struct kvm_regs r;
};

BLOB64(halts, "hlt\n");

static bool has_vmx(void)
{
	return cpuid(1, 0).c & 1u << 5;
}

struct bad {
	const char *what;
	void (*spoil)(struct state *g);
	enum warren_entry_check check;
	u32 segment;	/* as ES, CS, SS, DS, FS, GS, LDTR, TR */
	enum mode { LONG, PROTECTED } mode;
};

static void cs_data(struct state *g) { g->s.cs.type = 7; }
static void cs_system(struct state *g) { g->s.cs.s ^= 1; }
static void cs_dpl(struct state *g) { g->s.cs.dpl = 3; }
static void cs_limit(struct state *g) { g->s.cs.g ^= 1; }
static void cs_base(struct state *g) { g->s.cs.base = 1ull << 32; }
static void ss_code(struct state *g) { g->s.ss.type = 11; }
static void ds_execute_only(struct state *g) { g->s.ds.type = 9; }
static void es_base(struct state *g) { g->s.es.base = 1ull << 33; }
static void fs_base(struct state *g) { g->s.fs.base = NONCANONICAL; }
static void gs_granularity(struct state *g) { g->s.gs.limit = 0x10000; }
static void tr_type(struct state *g) { g->s.tr.type = 3; }
static void tr_unloaded(struct state *g) { g->s.tr.unusable = 1; }
static void tr_in_ldt(struct state *g) { g->s.tr.selector |= 4; }
static void ldtr_type(struct state *g)
{
	g->s.ldt = (struct kvm_segment){ .type = 3, .present = 1, .limit = 0xff };
}
static void gdt_base(struct state *g) { g->s.gdt.base = NONCANONICAL; }
static void idt_base(struct state *g) { g->s.idt.base = NONCANONICAL; }
static void rip_high(struct state *g) { g->r.rip |= 1ull << 32; }
static void rflags(struct state *g) { g->r.rflags |= 8; }
static void rflags_vm(struct state *g) { g->r.rflags |= 1 << 17; }

enum { ES, CS, SS, DS, FS, GS, LDTR, TR };

static const struct bad bad[] = {
	{ "data in CS", cs_data, WARREN_ENTRY_TYPE, CS, LONG },
	{ "a system segment in CS", cs_system, WARREN_ENTRY_S, CS, LONG },
	{ "CS.DPL", cs_dpl, WARREN_ENTRY_DPL, CS, LONG },
	{ "CS.DPL in protected mode", cs_dpl, WARREN_ENTRY_DPL, CS, PROTECTED },
	{ "CS.G", cs_limit, WARREN_ENTRY_GRANULARITY, CS, LONG },
	{ "CS.base", cs_base, WARREN_ENTRY_BASE, CS, PROTECTED },
	{ "code in SS", ss_code, WARREN_ENTRY_TYPE, SS, LONG },
	{ "execute-only DS", ds_execute_only, WARREN_ENTRY_TYPE, DS, PROTECTED },
	{ "ES.base", es_base, WARREN_ENTRY_BASE, ES, PROTECTED },
	{ "FS.base", fs_base, WARREN_ENTRY_BASE, FS, LONG },
	{ "GS.G", gs_granularity, WARREN_ENTRY_GRANULARITY, GS, LONG },
	{ "16-bit TSS in long mode", tr_type, WARREN_ENTRY_TYPE, TR, LONG },
	{ "no TSS", tr_unloaded, WARREN_ENTRY_USABLE, TR, LONG },
	{ "TSS in the LDT", tr_in_ldt, WARREN_ENTRY_SELECTOR, TR, LONG },
	{ "no LDT in LDTR", ldtr_type, WARREN_ENTRY_TYPE, LDTR, LONG },
	{ "GDT.base", gdt_base, WARREN_ENTRY_TABLE_BASE, 0, LONG },
	{ "IDT.base", idt_base, WARREN_ENTRY_TABLE_BASE, 0, LONG },
	{ "RIP in protected mode", rip_high, WARREN_ENTRY_RIP, 0, PROTECTED },
	{ "RFLAGS", rflags, WARREN_ENTRY_RFLAGS, 0, LONG },
	{ "virtual-8086 mode in long mode", rflags_vm, WARREN_ENTRY_VM86, ES, LONG },
};

static struct vcpu *good_state(struct machine *m, enum mode mode)
{
	struct vcpu *v = &m->v[mode];

	LOAD(&m->vm, halts);
	set_sregs(v, &m->fresh);
	if (mode == PROTECTED)
		vcpu_prot(v, GPA_CODE);
	else
		vcpu_long_at(v, GPA_CODE);
	return v;
}

/* Tries it twice: the same state is refused for the same reason. */
static void try_bad(struct machine *m, const struct bad *b)
{
	struct vcpu *v = good_state(m, b->mode);
	struct state g;
	u64 reason;
	u32 i;

	get_sregs(v, &g.s);
	get_regs(v, &g.r);
	b->spoil(&g);
	CHECK_OK(ioctl(v->fd, KVM_SET_SREGS, &g.s));
	set_regs(v, &g.r);
	/* The emulator runs what the CPU would refuse, until it does no more. */
	if (b->mode == PROTECTED && b->check != WARREN_ENTRY_RIP && host_is_restricted()) {
		vcpu_run(v);
		CHECK(v->run->exit_reason != KVM_EXIT_FAIL_ENTRY);
		return;
	}
	for (i = 0; i < 2; i++) {
		if (vcpu_run(v) != KVM_EXIT_FAIL_ENTRY) {
			if (has_vmx())
				FAIL("%s: expected a refusal, got %s", b->what, vcpu_describe(v));
			return;
		}
		if (!has_vmx())
			return;
		reason = v->run->fail_entry.hardware_entry_failure_reason;
		if ((u32)reason != INVALID_STATE || WARREN_ENTRY_CHECK(reason) != b->check ||
		    WARREN_ENTRY_SEGMENT(reason) != b->segment)
			FAIL("%s: expected %#x, rule %u, segment %u; got %s", b->what, INVALID_STATE, b->check, b->segment,
			     vcpu_describe(v));
	}
}

static void make(struct machine *m)
{
	vm_init(&m->vm);
	vcpu_init(&m->v[0], &m->vm, 0);
	vcpu_init(&m->v[1], &m->vm, 1);
	get_sregs(&m->v[0], &m->fresh);
}

TEST(rule_is_named)
{
	struct machine m;
	u32 i;

	if (is_kvm())
		SKIP("KVM does not say which rule is broken");
	make(&m);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		try_bad(&m, &bad[i]);
	/* And then it runs. */
	EXPECT_EXIT(good_state(&m, LONG), KVM_EXIT_HLT);
	EXPECT_EXIT(good_state(&m, PROTECTED), KVM_EXIT_HLT);
}

/* An error code where the exception has none: the controls are refused, not the state. */
TEST(event_is_named)
{
	struct kvm_vcpu_events e = { };
	struct machine m;
	struct vcpu *v;
	u64 reason;

	if (is_kvm())
		SKIP("KVM does not say which rule is broken");
	if (!has_vmx())
		SKIP("AMD-V delivers it");
	make(&m);
	v = good_state(&m, LONG);
	e.exception.injected = 1;
	e.exception.nr = 6;
	e.exception.has_error_code = 1;
	CHECK_OK(ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e));
	EXPECT_EXIT(v, KVM_EXIT_FAIL_ENTRY);
	reason = v->run->fail_entry.hardware_entry_failure_reason;
	CHECK_EQ((u32)reason, INVALID_CONTROLS);
	CHECK_EQ(WARREN_ENTRY_CHECK(reason), WARREN_ENTRY_EVENT);
	e.exception.injected = 0;
	CHECK_OK(ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e));
	EXPECT_EXIT(v, KVM_EXIT_HLT);
}
