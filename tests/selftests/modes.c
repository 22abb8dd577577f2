// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that writes every combination of EFER, CR4 and CR0, in every mode: each either takes effect or raises the fault that
 * the architecture has for it. Never does the CPU refuse to go on, and never does the hypervisor.
 */
#include <stdlib.h>

#include "guest.h"
#include "vm.h"

#define GPA_PAE 0x20000		/* PDPT, PD */
#define GPA_LEGACY 0x22000	/* page directory, page table */

#define CR0_PE (1u << 0)
#define CR0_TS (1u << 3)
#define CR0_WP (1u << 16)
#define CR0_NW (1u << 29)
#define CR0_CD (1u << 30)
#define CR0_PG (1u << 31)
#define CR4_PSE (1u << 4)
#define CR4_PAE (1u << 5)
#define CR4_PGE (1u << 7)
#define CR4_LA57 (1u << 12)
#define CR4_VMXE (1u << 13)
#define CR4_SMXE (1u << 14)
#define CR4_PCIDE (1u << 17)
#define CR4_SMEP (1u << 20)
#define EFER_SCE (1u << 0)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NX (1u << 11)
#define EFER_SVME (1u << 12)

#define PTE 7u
#define PTE_LARGE 0x87u

struct machine {
	struct vm vm;
	struct vcpu v;
};

/* The same bytes in each mode: EFER, CR4, CR0, then an exit that the guest must come back from. */
BLOB32(writes, "wrmsr\n movl %ebx, %cr4\n movl %esi, %cr0\n xorl %eax, %eax\n cpuid\n hlt\n");

enum mode { REAL, PROTECTED, LEGACY, PAE, COMPAT, LONG };

struct regs {
	u32 cr0, cr4, efer;
};

static bool has_pcid, has_nx, has_smep, has_vmxe;	/* the guest */

static const struct regs start[] = {
	[REAL] = { 0x10, 0, 0 },
	[PROTECTED] = { 0x10 | CR0_PE, 0, 0 },
	[LEGACY] = { 0x10 | CR0_PE | CR0_PG, 0, 0 },
	[PAE] = { 0x10 | CR0_PE | CR0_PG, CR4_PAE, 0 },
	[COMPAT] = { 0x10 | CR0_PE | CR0_PG, CR4_PAE, EFER_LME | EFER_LMA },
	[LONG] = { 0x10 | CR0_PE | CR0_PG, CR4_PAE, EFER_LME | EFER_LMA },
};

static bool efer_ok(const struct regs *c, u32 efer)
{
	if (efer & EFER_SVME || (efer & EFER_NX && !has_nx))
		return false;
	return !(c->cr0 & CR0_PG) || !((c->efer ^ efer) & EFER_LME);
}

static bool cr4_ok(const struct regs *c, u32 cr4)
{
	if (cr4 & (CR4_SMXE | CR4_LA57) || (cr4 & CR4_SMEP && !has_smep) || (cr4 & CR4_VMXE && !has_vmxe))
		return false;
	if (c->efer & EFER_LMA)
		return cr4 & CR4_PAE && (!(cr4 & CR4_PCIDE) || has_pcid);
	return !(cr4 & CR4_PCIDE);
}

static bool cr0_ok(const struct regs *c, u32 cr0, enum mode mode)
{
	if (cr0 & CR0_NW && !(cr0 & CR0_CD))
		return false;
	if (!(cr0 & CR0_PG))
		return mode != LONG && !(c->cr4 & CR4_PCIDE);
	return cr0 & CR0_PE && (!(c->efer & EFER_LME) || c->cr4 & CR4_PAE);
}

/* Do all three writes take effect? */
static bool runs(enum mode mode, const struct regs *to)
{
	struct regs c = start[mode];

	if (!efer_ok(&c, to->efer))
		return false;
	c.efer = to->efer | (c.efer & EFER_LMA);
	if (!cr4_ok(&c, to->cr4))
		return false;
	c.cr4 = to->cr4;
	return cr0_ok(&c, to->cr0, mode);
}

/* Tables for the mode that paging is on in, before or after. */
static u64 tables(enum mode mode, const struct regs *to)
{
	if (mode == LEGACY)
		return GPA_LEGACY;
	if (mode == PAE)
		return GPA_PAE;
	if (mode >= COMPAT || to->efer & EFER_LME)
		return GPA_PML4;
	return to->cr4 & CR4_PAE ? GPA_PAE : GPA_LEGACY;
}

static void build_tables(struct vm *vm)
{
	u64 *pae = (u64 *)(vm->mem + GPA_PAE);
	u32 *legacy = (u32 *)(vm->mem + GPA_LEGACY), i;

	pae[0] = (GPA_PAE + PAGE) | 1;
	pae[512] = PTE_LARGE;
	legacy[0] = (GPA_LEGACY + PAGE) | PTE;
	for (i = 0; i < 1024; i++)
		legacy[1024 + i] = i * PAGE | PTE;
}

static void set_start(struct machine *m, enum mode from, const struct regs *to, const struct kvm_sregs *flat)
{
	struct kvm_sregs s = *flat;
	struct kvm_regs r = {
		.rip = GPA_CODE, .rflags = 2, .rsp = 0x7000, .rax = to->efer, .rbx = to->cr4, .rcx = 0xc0000080, .rsi = to->cr0,
	};

	s.cr0 = start[from].cr0;
	s.cr4 = start[from].cr4;
	s.efer = start[from].efer;
	s.cr3 = tables(from, to);
	s.cs.l = from == LONG;
	s.cs.db = from != LONG;
	/* A fault is the end. */
	s.idt.limit = 0;
	set_sregs(&m->v, &s);
	set_regs(&m->v, &r);
}

static void try_one(struct machine *m, enum mode from, const struct regs *to, const struct kvm_sregs *flat)
{
	u32 want = runs(from, to) ? KVM_EXIT_HLT : KVM_EXIT_SHUTDOWN;
	struct kvm_sregs s;

	build_tables(&m->vm);
	set_start(m, from, to, flat);
	if (vcpu_run(&m->v) != want)
		FAIL("mode %u, EFER %#x, CR4 %#x, CR0 %#x: expected exit %u, got %s", from, to->efer, to->cr4, to->cr0, want,
		     vcpu_describe(&m->v));
	if (want != KVM_EXIT_HLT)
		return;
	get_sregs(&m->v, &s);
	CHECK_EQ(s.cr0, to->cr0 | 0x10);
	CHECK_EQ(s.cr4, to->cr4);
	CHECK_EQ(s.efer & ~(u64)EFER_LMA, to->efer & ~EFER_LMA);
	CHECK_EQ(!!(s.efer & EFER_LMA), to->cr0 & CR0_PG && to->efer & EFER_LME);
}

static void ask_cpuid(u64 unused)
{
	(void)unused;
	has_pcid = cpuid(1, 0).c & 1u << 17;
	has_nx = cpuid(0x80000001, 0).d & 1u << 20;
	has_smep = cpuid(7, 0).b & 1u << 7;
	has_vmxe = cpuid(1, 0).c & 1u << 5;
	guest_done();
}

static void features_of_guest(struct machine *m)
{
	vcpu_long(&m->v, ask_cpuid, 0);
	EXPECT_DONE(&m->v);
	has_pcid = GUEST_VAR(&m->vm, has_pcid);
	has_nx = GUEST_VAR(&m->vm, has_nx);
	has_smep = GUEST_VAR(&m->vm, has_smep);
	has_vmxe = GUEST_VAR(&m->vm, has_vmxe);
}

static const u32 cr4s[] = { 0, CR4_PAE, CR4_PAE | CR4_PCIDE, CR4_PCIDE, CR4_PAE | CR4_VMXE, CR4_PAE | CR4_PGE | CR4_PSE, CR4_SMXE,
			    CR4_PAE | CR4_LA57 };
static const u32 efers[] = { 0, EFER_LME, EFER_LME | EFER_NX | EFER_SCE, EFER_LME | EFER_SVME };

static struct regs combination(u32 n)
{
	struct regs to = { 0x20, cr4s[n / 32 % ARRAY_SIZE(cr4s)], efers[n / 32 / ARRAY_SIZE(cr4s)] };

	to.cr0 |= (n & 1 ? CR0_PE : 0) | (n & 2 ? CR0_PG : 0) | (n & 4 ? CR0_NW : 0) | (n & 8 ? CR0_CD : 0) |
		(n & 16 ? CR0_WP | CR0_TS : 0);
	return to;
}

/*
 * Tables of one format under paging of another say nothing about the registers. And QEMU's TCG marks PDPTEs as accessed, which
 * no CPU does: loaded again they have a reserved bit set.
 */
static bool is_unclear(enum mode mode, const struct regs *to)
{
	u32 changed = to->cr4 ^ start[mode].cr4;

	if (mode == PAE && host_is_tcg() && changed & (CR4_PGE | CR4_PSE))
		return true;
	return (mode == LEGACY || mode == PAE) && changed & CR4_PAE;
}

/*
 * When a guest exits without paging, with EFER.LME set and CR4.PAE clear, QEMU forgets to load the host's CR0: the host goes on
 * without paging. The QEMU of tests/host/lib/qemu.sh does not.
 */
static bool kills_host(enum mode mode, const struct regs *to)
{
	return mode <= PROTECTED && to->efer & EFER_LME && host_is_tcg() && !getenv("WARREN_CORRECTED_QEMU");
}

static void all_from(enum mode mode)
{
	u32 n, skipped = 0, total = 32 * ARRAY_SIZE(cr4s) * ARRAY_SIZE(efers), step = total / test_scale(total);
	struct kvm_sregs flat;
	struct machine m;
	struct regs to;

	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_cpuid(&m.v);
	features_of_guest(&m);
	LOAD(&m.vm, writes);
	get_sregs(&m.v, &flat);
	/* An odd step reaches all values of all fields. */
	for (n = 0; n < total; n += step | 1) {
		to = combination(n);
		if (mode >= COMPAT)
			to.efer |= EFER_LMA;
		if (kills_host(mode, &to))
			skipped++;
		else if (!is_unclear(mode, &to))
			try_one(&m, mode, &to, &flat);
	}
	if (skipped)
		test_note("left out under this QEMU: %u combinations that hang the whole host", skipped);
}

TEST(control_registers_from_real_mode) { all_from(REAL); }
TEST(control_registers_from_protected_mode) { all_from(PROTECTED); }
TEST(control_registers_from_32bit_paging) { all_from(LEGACY); }
TEST(control_registers_from_pae_paging) { all_from(PAE); }
TEST(control_registers_from_compatibility_mode) { all_from(COMPAT); }
TEST(control_registers_from_64bit_mode) { all_from(LONG); }
