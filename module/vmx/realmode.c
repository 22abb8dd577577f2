// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x without unrestricted guests: the CPU enters protected mode with paging on, and nothing else.
 *
 * Real mode runs in virtual-8086 mode where its state has the form of that: bases that are selectors, limits of 64 KiB, the
 * vector table at 0. All exceptions exit, since the guest has no IDT that the hardware could use; what virtual-8086 mode forbids
 * raises #GP, and the emulator does it. INT n goes through the vector table without an exit, by CR4.VME and a TSS of our own.
 * In all other states that entries refuse, those of big real mode and of the way to protected mode, the emulator runs
 * instruction by instruction, outside of stays. It delivers events too, wherever the guest is in real mode.
 *
 * A guest in protected mode that does not page runs on a page table that maps each address to itself.
 *
 * All this is done in ops that replace those of the backend: where guests are unrestricted, nothing here is called.
 */
#include <linux/sched/signal.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "../debug.h"
#include "../exit.h"
#include "../insn.h"
#include "../state.h"
#include "check.h"
#include "vmx.h"

/* What virtual-8086 mode wants of a segment, and what of one in real mode it can stand for */
#define VM86_LIMIT		0xffff
#define VM86_RIGHTS		0xf3
#define TYPE_CODE		8
#define TYPE_EXPAND_DOWN	4
#define TYPE_WRITABLE		2

/* The vector table that INT n goes through there is at 0, and whole. */
#define VECTOR_TABLE_LIMIT	0x3ff

#define VM86_FLAGS		((u64)(X86_EFLAGS_VM | X86_EFLAGS_IOPL))

/* What hardware paging would act upon, though the guest does not page */
#define CR4_OF_PAGING	(X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PCIDE | X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE | X86_CR4_LA57)

/* Instructions that the emulator runs before the run loop has its turn */
#define BATCH	64

/* Ops that ours stand before: those of VT-x, or of shadow paging */
static u64 (*enter_paged)(struct wr_vcpu *vcpu);
static int (*set_other_msr)(struct wr_vcpu *vcpu, u32 index, u64 data);

static bool is_real_mode(const struct wr_vcpu *vcpu)
{
	return !(vcpu->cr0 & X86_CR0_PE);
}

/* Could virtual-8086 mode take this segment for that of real mode? */
static bool segment_fits(const struct kvm_segment *s, enum wr_seg seg)
{
	if (s->base != (u32)s->selector << 4 || s->limit != VM86_LIMIT || !s->present || s->unusable || !s->s)
		return false;
	/* The hardware's operands and stack pointers are of 16 bits. */
	if ((seg == WR_CS || seg == WR_SS) && (s->db || s->l))
		return false;
	if (seg == WR_CS)
		return true;
	return !(s->type & (TYPE_CODE | TYPE_EXPAND_DOWN)) && s->type & TYPE_WRITABLE;
}

static bool fits_vm86(struct wr_vcpu *vcpu)
{
	struct kvm_segment s;
	struct wr_dtable idt;
	enum wr_seg seg;

	if (!READ_ONCE(vcpu->vm->mmu.tss))
		return false;
	vmx_get_idt(vcpu, &idt);
	if (idt.base || idt.limit < VECTOR_TABLE_LIMIT)
		return false;
	for (seg = WR_ES; seg <= WR_GS; seg++) {
		vmx_get_segment(vcpu, seg, &s);
		if (!segment_fits(&s, seg))
			return false;
	}
	return true;
}

static void take_form(struct vmx_vcpu *vmx)
{
	struct vmx_real *real = &vmx->real;
	enum wr_seg seg;

	vmx_get_segment(&vmx->vcpu, WR_TR, &real->tr);
	vmx_begin(vmx);
	for (seg = WR_ES; seg <= WR_GS; seg++) {
		real->rights[seg] = vmcs_read32_nth(GUEST_ES_AR_BYTES, seg);
		vmcs_write32_nth(GUEST_ES_AR_BYTES, seg, VM86_RIGHTS);
	}
	vmcs_write16(GUEST_TR_SELECTOR, 0);
	vmcs_write(GUEST_TR_BASE, READ_ONCE(vmx->vcpu.vm->mmu.tss));
	vmcs_write32(GUEST_TR_LIMIT, WR_TSS_SIZE - 1);
	vmcs_write32(GUEST_TR_AR_BYTES, VMX_AR_P_MASK | VMX_AR_TYPE_BUSY_32_TSS);
	/* Real mode has no SYSENTER. */
	real->sysenter_cs = vmcs_read32(GUEST_SYSENTER_CS);
	vmcs_write32(GUEST_SYSENTER_CS, 0);
	real->vm86 = true;
	vmx_write_exceptions(vmx);
	vmx_end();
}

/* Bases and selectors are what the guest has made of them, and limits are the same. */
static void leave_form(struct vmx_vcpu *vmx)
{
	struct vmx_real *real = &vmx->real;
	enum wr_seg seg;

	if (!real->vm86)
		return;
	vmx_begin(vmx);
	for (seg = WR_ES; seg <= WR_GS; seg++)
		vmcs_write32_nth(GUEST_ES_AR_BYTES, seg, real->rights[seg]);
	vmcs_write32(GUEST_SYSENTER_CS, real->sysenter_cs);
	real->vm86 = false;
	vmx_write_exceptions(vmx);
	vmx_end();
	vmx_set_segment(&vmx->vcpu, WR_TR, &real->tr);
}

/* Its state has changed by other hands than the hardware's. */
static void unsettle(struct vmx_vcpu *vmx)
{
	leave_form(vmx);
	vmx->real.settled = false;
}

/* Of long mode only userspace can make a state that entries refuse; and it is told so. */
static bool refused(struct vmx_vcpu *vmx)
{
	return !wr_is_long_mode(&vmx->vcpu) && !vmx_segments_valid(vmx);
}

static void settle(struct vmx_vcpu *vmx)
{
	struct vmx_real *real = &vmx->real;
	struct wr_vcpu *vcpu = &vmx->vcpu;

	real->settled = true;
	real->rflags = vcpu->rflags;
	if (!is_real_mode(vcpu)) {
		real->emulate = refused(vmx);
		return;
	}
	real->emulate = !fits_vm86(vcpu);
	if (!real->emulate)
		take_form(vmx);
}

/**
 * vmx_needs_emulation - can the hardware not run the state of a vCPU as it is?
 * @vcpu: on its own thread
 *
 * Its state in the VMCS has the form that entries take, if there is one, until one of the ops changes it.
 */
bool vmx_needs_emulation(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if ((vcpu->rflags ^ vmx->real.rflags) & X86_EFLAGS_VM && !is_real_mode(vcpu))
		unsettle(vmx);
	if (unlikely(!vmx->real.settled))
		settle(vmx);
	return vmx->real.emulate;
}

/* Must the emulator deliver events? The hardware would look for a gate in the IDT. */
static bool delivers_itself(struct wr_vcpu *vcpu)
{
	return is_real_mode(vcpu) || vmx_needs_emulation(vcpu);
}

/**
 * vmx_real_update - the guest's CR0 has changed
 * @vcpu: on its own thread
 *
 * Before the hardware's is written. Does nothing where guests are unrestricted.
 */
void vmx_real_update(struct wr_vcpu *vcpu)
{
	if (!vmx_caps.unrestricted)
		unsettle(to_vmx(vcpu));
}

/**
 * vmx_real_cr0 - CR0 that entries take
 * @vcpu: whose
 * @cr0: the hardware's, where guests are unrestricted
 */
u64 vmx_real_cr0(const struct wr_vcpu *vcpu, u64 cr0)
{
	if (vmx_caps.unrestricted)
		return cr0;
	/* Virtual-8086 mode is a user's, and would check alignment. */
	if (is_real_mode(vcpu))
		cr0 &= ~(u64)X86_CR0_AM;
	return cr0 | X86_CR0_PE | X86_CR0_PG;
}

/**
 * vmx_real_cr4 - CR4 that entries take
 * @vcpu: whose; changes of CR0.PE and PG change it
 * @cr4: the hardware's, where guests are unrestricted
 */
u64 vmx_real_cr4(const struct wr_vcpu *vcpu, u64 cr4)
{
	if (vmx_caps.unrestricted)
		return cr4;
	if (is_real_mode(vcpu))
		cr4 |= X86_CR4_VME;
	return wr_is_paging(vcpu) ? cr4 : cr4 & ~(u64)CR4_OF_PAGING;
}

/* wr_backend.set_cr4 */
static void set_cr4(struct wr_vcpu *vcpu)
{
	u64 cr4 = vmx_real_cr4(vcpu, vcpu->cr4 | X86_CR4_VMXE | X86_CR4_MCE);

	if (!wr_is_paging(vcpu))
		cr4 |= X86_CR4_PSE;
	vmx_begin(to_vmx(vcpu));
	vmcs_write(GUEST_CR4, cr4);
	vmcs_write(CR4_READ_SHADOW, vcpu->cr4);
	vmx_end();
}

/* wr_backend.set_cr3 */
static void set_cr3(struct wr_vcpu *vcpu)
{
	if (wr_is_paging(vcpu)) {
		vmx_set_cr3(vcpu);
		return;
	}
	vmx_begin(to_vmx(vcpu));
	vmcs_write(GUEST_CR3, vcpu->vm->mmu.identity_map);
	vmx_end();
}

/* wr_backend.set_cr0: the guest's own CR3 is in the hardware while it pages. */
static void set_cr0(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	const u32 cr3_exits = CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING;

	vmx_set_cr0(vcpu);
	vmx_begin(vmx);
	vmx_set_cpu_control(vmx, cr3_exits, !wr_is_paging(vcpu));
	if (!wr_is_paging(vcpu))
		set_cr3(vcpu);
	set_cr4(vcpu);
	vmx_end();
}

/* wr_backend.set_efer: where paging is on, entries want LME to be LMA. */
static void set_efer(struct wr_vcpu *vcpu)
{
	u64 efer = vcpu->efer & ~(u64)EFER_LME;

	if (efer & EFER_LMA)
		efer |= EFER_LME;
	vmx_set_efer(vcpu);
	vmx_begin(to_vmx(vcpu));
	vmcs_write64(GUEST_IA32_EFER, efer);
	vmx_end();
}

/* wr_backend.get_segment */
static void get_segment(struct wr_vcpu *vcpu, enum wr_seg seg, struct kvm_segment *out)
{
	struct vmx_real *real = &to_vmx(vcpu)->real;

	if (!real->vm86 || seg == WR_LDTR)
		vmx_get_segment(vcpu, seg, out);
	else if (seg == WR_TR)
		*out = real->tr;
	else
		vmx_get_segment_as(vcpu, seg, real->rights[seg], out);
}

/* Does what is loaded differ from what is there in selector and base alone, as in real mode it does? */
static bool keeps_form(struct vmx_vcpu *vmx, enum wr_seg seg, const struct kvm_segment *in)
{
	if (!vmx->real.vm86 || seg > WR_GS || !segment_fits(in, seg))
		return false;
	return vmx_access_rights(in) == vmx->real.rights[seg];
}

/* wr_backend.set_segment */
static void set_segment(struct wr_vcpu *vcpu, enum wr_seg seg, const struct kvm_segment *in)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!keeps_form(vmx, seg, in)) {
		unsettle(vmx);
		vmx_set_segment(vcpu, seg, in);
		return;
	}
	vmx_begin(vmx);
	vmcs_write_nth(GUEST_ES_BASE, seg, in->base);
	vmcs_write16_nth(GUEST_ES_SELECTOR, seg, in->selector);
	vmx_end();
}

/* wr_backend.set_idt */
static void set_idt(struct wr_vcpu *vcpu, const struct wr_dtable *in)
{
	unsettle(to_vmx(vcpu));
	vmx_set_idt(vcpu, in);
}

/* wr_backend.get_cpl */
static int get_cpl(struct wr_vcpu *vcpu)
{
	return is_real_mode(vcpu) ? 0 : vmx_get_cpl(vcpu);
}

/* wr_backend.get_code */
static void get_code(struct wr_vcpu *vcpu, struct wr_code *out)
{
	vmx_get_code(vcpu, out);
	if (is_real_mode(vcpu))
		out->cpl = 0;
}

/* wr_backend.get_msr */
static int get_msr(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	const struct vmx_real *real = &to_vmx(vcpu)->real;

	if (index != MSR_IA32_SYSENTER_CS || !real->vm86)
		return vmx_get_msr(vcpu, index, data);
	*data = real->sysenter_cs;
	return 0;
}

/* wr_backend.set_msr */
static int set_msr(struct wr_vcpu *vcpu, u32 index, u64 data)
{
	struct vmx_real *real = &to_vmx(vcpu)->real;

	/* A segment's base by another name */
	if (index == MSR_FS_BASE || index == MSR_GS_BASE)
		unsettle(to_vmx(vcpu));
	if (index != MSR_IA32_SYSENTER_CS || !real->vm86)
		return set_other_msr(vcpu, index, data);
	real->sysenter_cs = data;
	return 0;
}

/* wr_backend.inject_exception: what the emulator is to deliver stays as it is, see enter(). */
static void inject_exception(struct wr_vcpu *vcpu)
{
	if (!delivers_itself(vcpu))
		vmx_inject_exception(vcpu);
}

/* wr_backend.inject_interrupt */
static void inject_interrupt(struct wr_vcpu *vcpu)
{
	if (!delivers_itself(vcpu))
		vmx_inject_interrupt(vcpu);
}

/* wr_backend.inject_nmi */
static void inject_nmi(struct wr_vcpu *vcpu)
{
	if (!delivers_itself(vcpu))
		vmx_inject_nmi(vcpu);
}

/* Is there something that the emulator has to make way for? */
static bool wants_pause(struct wr_vcpu *vcpu)
{
	if (signal_pending(current) || need_resched() || READ_ONCE(vcpu->requests) & ~BIT(WR_REQ_EVENT))
		return true;
	if (READ_ONCE(vcpu->run->request_interrupt_window) || (wr_has_lapic(vcpu) && wr_lapic_has_events(vcpu)))
		return true;
	return wr_event_deliverable(vcpu);
}

/**
 * vmx_emulate - run a guest that the hardware would refuse, or deliver an event that it cannot
 * @vcpu: see exit.h
 *
 * The handler of the exit that stands for an entry that was not tried.
 */
enum wr_run_result vmx_emulate(struct wr_vcpu *vcpu)
{
	enum wr_run_result result;
	int i;

	if (vcpu->in_stay)
		return WR_RUN_SLEEPABLE;
	/* Without entries nobody else looks. */
	wr_exit_timer(vcpu);
	if (wr_event_unfinished(vcpu))
		return wr_insn_deliver(vcpu);
	for (i = 0; i < BATCH; i++) {
		result = wr_insn_step(vcpu);
		if (result != WR_RUN_RESUME || wants_pause(vcpu) || !vmx_needs_emulation(vcpu))
			return result;
	}
	return WR_RUN_RESUME;
}

/**
 * vmx_real_exception - an exception in virtual-8086 mode that stands for real mode
 * @vcpu: see exit.h
 * @vector: of the exception
 */
enum wr_run_result vmx_real_exception(struct wr_vcpu *vcpu, u8 vector)
{
	const struct wr_insn *insn;

	if (vector == X86_TRAP_GP || vector == X86_TRAP_SS) {
		if (vcpu->in_stay)
			return WR_RUN_SLEEPABLE;
		/* Of what the emulator does not have the CPU knows better: no instruction of a user's differs. */
		if (wr_insn_look(vcpu, &insn) != -EOPNOTSUPP)
			return wr_insn_step(vcpu);
	}
	wr_event_exception(vcpu, vector);
	return WR_RUN_RESUME;
}

static u64 enter_vm86(struct wr_vcpu *vcpu)
{
	u64 own = vcpu->rflags & VM86_FLAGS, reason;

	vcpu->rflags |= VM86_FLAGS;
	reason = enter_paged(vcpu);
	/* It has overwritten the TSS, and got out by a gate that its vector table made. */
	if (unlikely(!(vcpu->rflags & X86_EFLAGS_VM)))
		wr_event_triple_fault(vcpu);
	vcpu->rflags = (vcpu->rflags & ~VM86_FLAGS) | own;
	return reason;
}

/* wr_backend.enter */
static u64 enter(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 cr3 = vcpu->cr3, reason;

	if (vmx_needs_emulation(vcpu) || (is_real_mode(vcpu) && wr_event_unfinished(vcpu)))
		return vmx_no_entry(vmx);
	reason = vmx->real.vm86 ? enter_vm86(vcpu) : enter_paged(vcpu);
	vmx->real.rflags = vcpu->rflags;
	if (wr_is_paging(vcpu))
		return reason;
	/* The one in the hardware is not the guest's. */
	if (vmx->crs_stale)
		vmx_read_crs(vmx);
	vcpu->cr3 = cr3;
	return reason;
}

/**
 * vmx_use_restricted - make the backend one for CPUs whose guests are not unrestricted
 * @backend: VT-x's; shadow paging, if in use, has changed it already
 *
 * Context: once, at load.
 */
void vmx_use_restricted(struct wr_backend *backend)
{
	enter_paged = backend->enter;
	set_other_msr = backend->set_msr;
	backend->enter = enter;
	backend->get_segment = get_segment;
	backend->set_segment = set_segment;
	backend->set_idt = set_idt;
	backend->get_cpl = get_cpl;
	backend->get_code = get_code;
	backend->get_msr = get_msr;
	backend->set_msr = set_msr;
	backend->inject_exception = inject_exception;
	backend->inject_interrupt = inject_interrupt;
	backend->inject_nmi = inject_nmi;
	if (backend->shadow)
		return;
	backend->set_cr0 = set_cr0;
	backend->set_cr3 = set_cr3;
	backend->set_cr4 = set_cr4;
	backend->set_efer = set_efer;
}
