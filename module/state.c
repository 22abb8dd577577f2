// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers: what may be written into them, and how userspace sees them.
 */
#include <linux/mm.h>
#include <asm/cpufeature.h>
#include <uapi/asm/debugreg.h>
#include <asm/processor-flags.h>

#include "backend.h"
#include "fpu.h"
#include "state.h"

#define CR0_BITS	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | X86_CR0_NE | \
			 X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)
#define CR0_RESET	(X86_CR0_CD | X86_CR0_NW | X86_CR0_ET)
#define CR8_MAX		15

/* CR4 bits whose change alters how addresses translate */
#define CR4_PAGING	(X86_CR4_PGE | X86_CR4_PSE | X86_CR4_PAE | X86_CR4_LA57 | X86_CR4_PCIDE | \
			 X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE)

/* CR4 bits whose change loads PDPTEs (SDM volume 3, 4.4.1) */
#define CR4_PDPTRS	(X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP)

/**
 * wr_is_canonical - is a linear address canonical for this guest?
 * @vcpu: the vCPU
 * @address: linear
 */
bool wr_is_canonical(const struct wr_vcpu *vcpu, u64 address)
{
	int shift = vcpu->cr4 & X86_CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(address << shift) >> shift) == address;
}

/**
 * wr_is_64bit_mode - does the vCPU execute 64-bit code?
 * @vcpu: on its own thread
 */
bool wr_is_64bit_mode(struct wr_vcpu *vcpu)
{
	struct wr_code code;

	if (!wr_is_long_mode(vcpu))
		return false;
	wr_backend->get_code(vcpu, &code);
	return code.l;
}

static void translations_changed(struct wr_vcpu *vcpu)
{
	wr_guest_flushed(vcpu);
}

/* Would these control registers make a legal CPU? The rules of the manuals for CR0, CR4 and EFER together. */
static bool paging_valid(u64 cr0, u64 cr4, u64 efer)
{
	if (!(cr0 & X86_CR0_PG))
		return true;
	if (!(cr0 & X86_CR0_PE))
		return false;
	return !(efer & EFER_LME) || cr4 & X86_CR4_PAE;
}

/*
 * What a write of control registers would do to PAE paging: 0, and then vcpu->pdptr is what the CPU loads with it; or -EINVAL
 * for PDPTEs with reserved bits.
 */
static int reload_pdptrs(struct wr_vcpu *vcpu, u64 cr0, u64 cr3, u64 cr4)
{
	if (!(cr0 & X86_CR0_PG) || !(cr4 & X86_CR4_PAE) || vcpu->efer & EFER_LME)
		return 0;
	return wr_load_pdptrs(vcpu, cr3) ? -EINVAL : 0;
}

static bool cr0_valid(const struct wr_vcpu *vcpu, u64 cr0)
{
	if (cr0 >> 32 || (cr0 & X86_CR0_NW && !(cr0 & X86_CR0_CD)))
		return false;
	if (!(cr0 & X86_CR0_PG) && vcpu->cr4 & X86_CR4_PCIDE)
		return false;
	return paging_valid(cr0, vcpu->cr4, vcpu->efer);
}

/* Turning paging on with EFER.LME set makes long mode; turning it off leaves it. */
static void update_lma(struct wr_vcpu *vcpu, u64 cr0)
{
	u64 efer = vcpu->efer & ~(u64)EFER_LMA;

	if (cr0 & X86_CR0_PG && efer & EFER_LME)
		efer |= EFER_LMA;
	if (efer == vcpu->efer)
		return;
	vcpu->efer = efer;
	wr_backend->set_efer(vcpu);
}

/**
 * wr_set_cr0 - write CR0
 * @vcpu: on its own thread
 * @cr0: as the guest wrote it; reserved bits below 32 are ignored, ET is always set
 *
 * Return: 0 or -EINVAL.
 */
int wr_set_cr0(struct wr_vcpu *vcpu, u64 cr0)
{
	u64 old = vcpu->cr0;
	struct kvm_segment cs;

	if (!cr0_valid(vcpu, cr0))
		return -EINVAL;
	cr0 = (cr0 & CR0_BITS) | X86_CR0_ET;
	if ((cr0 ^ old) & X86_CR0_PG && vcpu->efer & EFER_LME) {
		/* A 64-bit code segment cannot be current before long mode is, and 64-bit code cannot leave it. */
		wr_backend->get_segment(vcpu, WR_CS, &cs);
		if (cs.l)
			return -EINVAL;
	}
	if (cr0 & ~old & X86_CR0_PG && reload_pdptrs(vcpu, cr0, vcpu->cr3, vcpu->cr4))
		return -EINVAL;
	update_lma(vcpu, cr0);
	vcpu->cr0 = cr0;
	wr_backend->set_cr0(vcpu);
	if (cr0 & ~old & X86_CR0_PG)
		wr_backend->set_cr3(vcpu);
	if ((old ^ cr0) & (X86_CR0_PG | X86_CR0_WP))
		translations_changed(vcpu);
	return 0;
}

/**
 * wr_set_cr3 - write CR3
 * @vcpu: on its own thread
 * @cr3: value; with PCIDs bit 63 asks to keep translations, and is not stored
 *
 * Return: 0 or -EINVAL.
 */
int wr_set_cr3(struct wr_vcpu *vcpu, u64 cr3)
{
	bool pcids = vcpu->cr4 & X86_CR4_PCIDE, keep = pcids && cr3 & X86_CR3_PCID_NOFLUSH;

	if (keep)
		cr3 &= ~X86_CR3_PCID_NOFLUSH;
	if (wr_is_long_mode(vcpu) && cr3 & (vcpu->cpuid.reserved_gpa_bits | GENMASK_ULL(63, 52)))
		return -EINVAL;
	if (reload_pdptrs(vcpu, vcpu->cr0, cr3, vcpu->cr4))
		return -EINVAL;
	vcpu->cr3 = cr3;
	if (pcids && wr_shadow_of(&vcpu->vm->mmu)) {
		wr_shadow_write_cr3(vcpu, keep);
		return 0;
	}
	wr_backend->set_cr3(vcpu);
	translations_changed(vcpu);
	return 0;
}

static bool cr4_valid(const struct wr_vcpu *vcpu, u64 cr4)
{
	if (cr4 & vcpu->cpuid.cr4_reserved)
		return false;
	if (wr_is_long_mode(vcpu)) {
		if (!(cr4 & X86_CR4_PAE) || (cr4 ^ vcpu->cr4) & X86_CR4_LA57)
			return false;
	} else if (cr4 & X86_CR4_PCIDE) {
		return false;
	}
	/* PCIDs can only be turned on from PCID 0. */
	return !(cr4 & ~vcpu->cr4 & X86_CR4_PCIDE) || !(vcpu->cr3 & 0xfff);
}

static void store_cr4(struct wr_vcpu *vcpu, u64 cr4)
{
	u64 old = vcpu->cr4;

	vcpu->cr4 = cr4;
	wr_backend->set_cr4(vcpu);
	if ((old ^ cr4) & CR4_PAGING)
		translations_changed(vcpu);
	if ((old ^ cr4) & (X86_CR4_OSXSAVE | X86_CR4_PKE))
		wr_cpuid_update(vcpu);
}

/**
 * wr_set_cr4 - write CR4
 * @vcpu: on its own thread
 * @cr4: value
 *
 * Return: 0 or -EINVAL: also for features that the guest's CPUID does not have.
 */
int wr_set_cr4(struct wr_vcpu *vcpu, u64 cr4)
{
	u64 changed = cr4 ^ vcpu->cr4;

	if (!cr4_valid(vcpu, cr4))
		return -EINVAL;
	if (changed & CR4_PDPTRS && reload_pdptrs(vcpu, vcpu->cr0, vcpu->cr3, cr4))
		return -EINVAL;
	store_cr4(vcpu, cr4);
	if (changed & CR4_PDPTRS)
		wr_backend->set_cr3(vcpu);
	return 0;
}

/* Something that userspace's local APIC holds back may become deliverable when it falls. */
static void lower_or_raise(struct wr_vcpu *vcpu, u64 cr8)
{
	if (cr8 < vcpu->cr8)
		wr_vcpu_request(vcpu, WR_REQ_TPR);
	vcpu->cr8 = cr8;
}

/**
 * wr_set_cr8 - write CR8, the task priority
 * @vcpu: on its own thread
 * @cr8: 0 to 15
 *
 * Return: 0 or -EINVAL.
 */
int wr_set_cr8(struct wr_vcpu *vcpu, u64 cr8)
{
	if (cr8 > CR8_MAX)
		return -EINVAL;
	if (wr_has_lapic(vcpu))
		wr_lapic_set_cr8(vcpu, cr8);
	else
		lower_or_raise(vcpu, cr8);
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return 0;
}

static u64 efer_bits(const struct wr_vcpu *vcpu)
{
	u64 bits = 0;

	if (wr_guest_has(vcpu, X86_FEATURE_SYSCALL))
		bits |= EFER_SCE;
	if (wr_guest_has(vcpu, X86_FEATURE_LM))
		bits |= EFER_LME | EFER_LMA;
	if (wr_guest_has(vcpu, X86_FEATURE_NX))
		bits |= EFER_NX;
	if (wr_guest_has(vcpu, X86_FEATURE_FXSR_OPT))
		bits |= EFER_FFXSR;
	return bits;
}

/* What the CPU itself can hold, whatever the guest's CPUID says: userspace may set EFER before CPUID. */
static const u64 efer_host_bits = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX | EFER_FFXSR;

/**
 * wr_set_efer - write EFER
 * @vcpu: on its own thread
 * @efer: value; LMA is computed
 * @host: userspace asks
 *
 * Return: 0 or -EINVAL.
 */
int wr_set_efer(struct wr_vcpu *vcpu, u64 efer, bool host)
{
	u64 old = vcpu->efer;

	if (efer & ~(host ? efer_host_bits : efer_bits(vcpu)))
		return -EINVAL;
	if (!host && wr_is_paging(vcpu) && (efer ^ old) & EFER_LME)
		return -EINVAL;
	vcpu->efer = (efer & ~(u64)EFER_LMA) | (old & EFER_LMA);
	wr_backend->set_efer(vcpu);
	if ((efer ^ old) & EFER_NX)
		translations_changed(vcpu);
	return 0;
}

/**
 * wr_get_regs - KVM_GET_REGS
 * @vcpu: its vCPU
 * @out: filled
 */
int wr_get_regs(struct wr_vcpu *vcpu, struct kvm_regs *out)
{
	const u64 *r = vcpu->regs;

	*out = (struct kvm_regs) {
		.rax = r[WR_RAX], .rbx = r[WR_RBX], .rcx = r[WR_RCX], .rdx = r[WR_RDX],
		.rsi = r[WR_RSI], .rdi = r[WR_RDI], .rsp = r[WR_RSP], .rbp = r[WR_RBP],
		.r8 = r[WR_R8], .r9 = r[WR_R9], .r10 = r[WR_R10], .r11 = r[WR_R11],
		.r12 = r[WR_R12], .r13 = r[WR_R13], .r14 = r[WR_R14], .r15 = r[WR_R15],
		.rip = vcpu->rip, .rflags = vcpu->rflags,
	};
	return 0;
}

/**
 * wr_set_regs - KVM_SET_REGS
 * @vcpu: its vCPU
 * @in: from userspace; a pending exception is dropped, as KVM does
 */
int wr_set_regs(struct wr_vcpu *vcpu, const struct kvm_regs *in)
{
	u64 *r = vcpu->regs;

	r[WR_RAX] = in->rax;
	r[WR_RBX] = in->rbx;
	r[WR_RCX] = in->rcx;
	r[WR_RDX] = in->rdx;
	r[WR_RSI] = in->rsi;
	r[WR_RDI] = in->rdi;
	r[WR_RSP] = in->rsp;
	r[WR_RBP] = in->rbp;
	r[WR_R8] = in->r8;
	r[WR_R9] = in->r9;
	r[WR_R10] = in->r10;
	r[WR_R11] = in->r11;
	r[WR_R12] = in->r12;
	r[WR_R13] = in->r13;
	r[WR_R14] = in->r14;
	r[WR_R15] = in->r15;
	/* What a port gave for INS is not for what runs there. */
	if (in->rip != vcpu->rip)
		vcpu->pio.ready = false;
	vcpu->rip = in->rip;
	vcpu->rflags = in->rflags | X86_EFLAGS_FIXED;
	vcpu->event.exception.pending = false;
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return 0;
}

static struct kvm_segment *sregs_segment(struct kvm_sregs *s, enum wr_seg seg)
{
	switch (seg) {
	case WR_ES: return &s->es;
	case WR_CS: return &s->cs;
	case WR_SS: return &s->ss;
	case WR_DS: return &s->ds;
	case WR_FS: return &s->fs;
	case WR_GS: return &s->gs;
	case WR_LDTR: return &s->ldt;
	default: return &s->tr;
	}
}

/**
 * wr_get_sregs - KVM_GET_SREGS
 * @vcpu: its vCPU
 * @out: filled
 */
int wr_get_sregs(struct wr_vcpu *vcpu, struct kvm_sregs *out)
{
	struct wr_dtable table;
	enum wr_seg seg;

	memset(out, 0, sizeof(*out));
	for (seg = 0; seg < WR_NR_SEGS; seg++)
		wr_backend->get_segment(vcpu, seg, sregs_segment(out, seg));
	wr_backend->get_idt(vcpu, &table);
	out->idt.base = table.base;
	out->idt.limit = table.limit;
	wr_backend->get_gdt(vcpu, &table);
	out->gdt.base = table.base;
	out->gdt.limit = table.limit;
	out->cr0 = vcpu->cr0;
	out->cr2 = vcpu->cr2;
	out->cr3 = vcpu->cr3;
	out->cr4 = vcpu->cr4;
	out->cr8 = vcpu->cr8;
	out->efer = vcpu->efer;
	out->apic_base = vcpu->apic_base;
	if (vcpu->event.interrupt.injected && !vcpu->event.interrupt.soft)
		__set_bit(vcpu->event.interrupt.vector, (unsigned long *)out->interrupt_bitmap);
	return 0;
}

static bool sregs_valid(const struct wr_vcpu *vcpu, const struct kvm_sregs *in)
{
	bool lme_pg = in->efer & EFER_LME && in->cr0 & X86_CR0_PG;

	if (in->cr0 >> 32 || in->cr4 & vcpu->cpuid.cr4_reserved || in->efer & ~efer_host_bits)
		return false;
	if (in->cr0 & X86_CR0_NW && !(in->cr0 & X86_CR0_CD))
		return false;
	if (in->cr8 > CR8_MAX || !paging_valid(in->cr0, in->cr4, in->efer))
		return false;
	if (lme_pg) {
		/* Long mode as a whole, or not at all: 64-bit and 16/32-bit code at once is no segment. */
		if (!(in->cr4 & X86_CR4_PAE) || !(in->efer & EFER_LMA))
			return false;
		if (in->cr3 & (vcpu->cpuid.reserved_gpa_bits | GENMASK_ULL(63, 52)))
			return false;
		return !(in->cs.l && in->cs.db);
	}
	return !(in->efer & EFER_LMA) && !in->cs.l;
}

static void set_interrupt_bitmap(struct wr_vcpu *vcpu, const struct kvm_sregs *in)
{
	unsigned long bit = find_first_bit((const unsigned long *)in->interrupt_bitmap,
					   KVM_NR_INTERRUPTS);

	if (bit >= KVM_NR_INTERRUPTS)
		return;
	wr_event_disarm(vcpu);
	vcpu->event.interrupt.injected = true;
	vcpu->event.interrupt.soft = false;
	vcpu->event.interrupt.vector = bit;
}

/* As the architecture has it after a reset, KVM makes the boot vCPU run when its state is set to that of a reset. */
static void wake_bsp(struct wr_vcpu *vcpu, const struct kvm_sregs *in)
{
	if (vcpu->id == vcpu->vm->bsp_id && vcpu->rip == 0xfff0 && in->cs.selector == 0xf000 &&
	    in->cs.base == 0xffff0000 && !(in->cr0 & X86_CR0_PE))
		WRITE_ONCE(vcpu->mp_state, KVM_MP_STATE_RUNNABLE);
}

/* @pdptr: what PAE paging goes on with; NULL: what memory at CR3 says */
static int set_sregs(struct wr_vcpu *vcpu, const struct kvm_sregs *in, const u64 *pdptr)
{
	struct kvm_sregs copy = *in;
	enum wr_seg seg;

	if (!sregs_valid(vcpu, in))
		return -EINVAL;
	if (wr_lapic_set_base(vcpu, in->apic_base, true))
		return -EINVAL;

	wr_backend->set_idt(vcpu, &(struct wr_dtable) { in->idt.base, in->idt.limit });
	wr_backend->set_gdt(vcpu, &(struct wr_dtable) { in->gdt.base, in->gdt.limit });
	vcpu->cr2 = in->cr2;
	vcpu->cr3 = in->cr3;
	vcpu->efer = in->efer;
	vcpu->cr0 = (in->cr0 & CR0_BITS) | X86_CR0_ET;
	wr_set_cr8(vcpu, in->cr8);
	wr_backend->set_efer(vcpu);
	wr_backend->set_cr0(vcpu);
	store_cr4(vcpu, in->cr4);
	/* Tables with reserved bits are the guest's trouble when it walks them. */
	if (pdptr)
		memcpy(vcpu->pdptr, pdptr, sizeof(vcpu->pdptr));
	else
		reload_pdptrs(vcpu, vcpu->cr0, vcpu->cr3, vcpu->cr4);
	wr_backend->set_cr3(vcpu);
	for (seg = 0; seg < WR_NR_SEGS; seg++)
		wr_backend->set_segment(vcpu, seg, sregs_segment(&copy, seg));
	wr_shadow_distrust(vcpu->vm);
	translations_changed(vcpu);
	set_interrupt_bitmap(vcpu, in);
	wake_bsp(vcpu, in);
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return 0;
}

/**
 * wr_set_sregs - KVM_SET_SREGS
 * @vcpu: its vCPU
 * @in: from userspace
 *
 * Return: 0, or -EINVAL for control registers that no CPU could hold together; nothing has changed then.
 */
int wr_set_sregs(struct wr_vcpu *vcpu, const struct kvm_sregs *in)
{
	return set_sregs(vcpu, in, NULL);
}

/* Up to the interrupt bitmap the two structs are the same. */
#define SREGS_COMMON	offsetof(struct kvm_sregs, interrupt_bitmap)
static_assert(offsetof(struct kvm_sregs2, flags) == SREGS_COMMON);
static_assert(offsetof(struct kvm_sregs2, apic_base) == offsetof(struct kvm_sregs, apic_base));

/**
 * wr_get_sregs2 - KVM_GET_SREGS2
 * @vcpu: its vCPU
 * @out: filled
 */
int wr_get_sregs2(struct wr_vcpu *vcpu, struct kvm_sregs2 *out)
{
	struct kvm_sregs sregs;

	wr_get_sregs(vcpu, &sregs);
	memset(out, 0, sizeof(*out));
	memcpy(out, &sregs, SREGS_COMMON);
	if (wr_is_pae_paging(vcpu)) {
		wr_backend->sync_pdptrs(vcpu);
		memcpy(out->pdptrs, vcpu->pdptr, sizeof(out->pdptrs));
		out->flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	}
	return 0;
}

/**
 * wr_set_sregs2 - KVM_SET_SREGS2
 * @vcpu: its vCPU
 * @in: from userspace
 *
 * Where the hardware reads PDPTEs from memory at each walk, those in @in do not matter.
 *
 * Return: 0; -EINVAL as wr_set_sregs(), and for unknown flags, or PDPTEs without PAE paging.
 */
int wr_set_sregs2(struct wr_vcpu *vcpu, const struct kvm_sregs2 *in)
{
	bool pae = in->cr0 & X86_CR0_PG && in->cr4 & X86_CR4_PAE && !(in->efer & EFER_LMA);
	bool valid = in->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID;
	struct kvm_sregs sregs = { };

	if (in->flags & ~(u64)KVM_SREGS2_FLAGS_PDPTRS_VALID || (valid && !pae))
		return -EINVAL;
	memcpy(&sregs, in, SREGS_COMMON);
	return set_sregs(vcpu, &sregs, valid ? in->pdptrs : NULL);
}

/**
 * wr_get_debugregs - KVM_GET_DEBUGREGS
 * @vcpu: its vCPU
 * @out: filled
 */
int wr_get_debugregs(struct wr_vcpu *vcpu, struct kvm_debugregs *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->db, vcpu->dr, sizeof(out->db));
	out->dr6 = vcpu->dr6;
	out->dr7 = vcpu->dr7;
	return 0;
}

/**
 * wr_set_debugregs - KVM_SET_DEBUGREGS
 * @vcpu: its vCPU
 * @in: from userspace
 *
 * Return: 0, or -EINVAL for flags, or values that no DR6 or DR7 holds.
 */
int wr_set_debugregs(struct wr_vcpu *vcpu, const struct kvm_debugregs *in)
{
	if (in->flags || in->dr6 >> 32 || in->dr7 >> 32)
		return -EINVAL;
	memcpy(vcpu->dr, in->db, sizeof(vcpu->dr));
	vcpu->dr6 = in->dr6;
	vcpu->dr7 = in->dr7 | WR_DR7_FIXED;
	wr_backend->set_dr7(vcpu);
	return 0;
}

/**
 * wr_get_xcrs - KVM_GET_XCRS
 * @vcpu: its vCPU
 * @out: filled
 */
int wr_get_xcrs(struct wr_vcpu *vcpu, struct kvm_xcrs *out)
{
	memset(out, 0, sizeof(*out));
	out->nr_xcrs = 1;
	out->xcrs[0].xcr = 0;
	out->xcrs[0].value = vcpu->fpu.xcr0;
	return 0;
}

/**
 * wr_set_xcrs - KVM_SET_XCRS
 * @vcpu: its vCPU
 * @in: from userspace; registers other than XCR0 are skipped
 *
 * Return: 0 or -EINVAL.
 */
int wr_set_xcrs(struct wr_vcpu *vcpu, const struct kvm_xcrs *in)
{
	u32 i;

	if (in->nr_xcrs > KVM_MAX_XCRS || in->flags)
		return -EINVAL;
	for (i = 0; i < in->nr_xcrs; i++)
		if (in->xcrs[i].xcr == 0)
			return wr_fpu_set_xcr0(vcpu, in->xcrs[i].value);
	return 0;
}

/**
 * wr_translate - KVM_TRANSLATE
 * @vcpu: its vCPU
 * @tr: linear address in, the rest out
 */
int wr_translate(struct wr_vcpu *vcpu, struct kvm_translation *tr)
{
	struct wr_walk walk;
	int err;

	/* The guest's other vCPUs, or userspace, may be writing to the tables all the time. */
	while ((err = wr_walk(vcpu, tr->linear_address, 0, &walk)) == -EAGAIN && !fatal_signal_pending(current))
		cond_resched();
	tr->valid = !err;
	tr->physical_address = err ? ~0ULL : walk.gpa;
	tr->writeable = 1;
	tr->usermode = 0;
	return 0;
}

static void reset_segment(struct wr_vcpu *vcpu, enum wr_seg seg)
{
	struct kvm_segment s = { .limit = 0xffff, .present = 1 };

	switch (seg) {
	case WR_CS:
		s.selector = 0xf000;
		s.base = 0xffff0000;
		s.type = 0xb;
		s.s = 1;
		break;
	case WR_LDTR:
		s.type = 2;
		break;
	case WR_TR:
		s.type = 0xb;
		break;
	default:
		s.type = 3;
		s.s = 1;
	}
	wr_backend->set_segment(vcpu, seg, &s);
}

/**
 * wr_state_reset - registers after power-up, or after INIT
 * @vcpu: on its own thread, or not yet visible
 * @init: INIT leaves CR0's cache bits
 */
void wr_state_reset(struct wr_vcpu *vcpu, bool init)
{
	const struct wr_dtable table = { .limit = 0xffff };
	u64 cr0 = vcpu->cr0;
	enum wr_seg seg;

	memset(vcpu->regs, 0, sizeof(vcpu->regs));
	/* RDX holds family, model and stepping. */
	vcpu->regs[WR_RDX] = 0x600;
	vcpu->rip = 0xfff0;
	vcpu->rflags = X86_EFLAGS_FIXED;
	vcpu->interrupt_shadow = false;
	vcpu->efer = 0;
	vcpu->cr2 = 0;
	vcpu->cr3 = 0;
	vcpu->cr8 = 0;
	vcpu->cr0 = init ? (cr0 & (X86_CR0_CD | X86_CR0_NW)) | X86_CR0_ET : CR0_RESET;
	memset(vcpu->dr, 0, sizeof(vcpu->dr));
	vcpu->dr6 = DR6_RESERVED;
	vcpu->dr7 = WR_DR7_FIXED;
	wr_backend->set_efer(vcpu);
	wr_backend->set_cr0(vcpu);
	store_cr4(vcpu, 0);
	wr_backend->set_cr3(vcpu);
	wr_backend->set_dr7(vcpu);
	for (seg = 0; seg < WR_NR_SEGS; seg++)
		reset_segment(vcpu, seg);
	wr_backend->set_gdt(vcpu, &table);
	wr_backend->set_idt(vcpu, &table);
	translations_changed(vcpu);
}
