/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The seam between common code and a vendor: what AMD-V or VT-x must provide.
 *
 * A vendor's exits decode the hardware's words into common terms; common code acts. Every op is mandatory.
 * "In a stay" means: preemption is off, the vCPU's state is on this CPU, wr_vcpu.in_stay is true. Ops that read or write
 * guest state work in and outside a stay, on the vCPU's own thread.
 */
#ifndef WARREN_BACKEND_H
#define WARREN_BACKEND_H

#include <linux/kvm.h>
#include <linux/types.h>

#include "warren.h"

struct wr_pt_format;

/* What an exit, or common code acting on it, wants of the run loop */
enum wr_run_result {
	WR_RUN_RESUME,		/* enter again, the stay goes on */
	WR_RUN_SLEEPABLE,	/* nothing done: leave the stay and handle the same exit where it may sleep */
	WR_RUN_LEAVE,		/* leave the stay, look at everything, come back */
	WR_RUN_USER,		/* return vcpu->run_error to userspace; when 0, vcpu->run tells why */
};

/* struct wr_code - the code segment, as far as fetching cares */
struct wr_code {
	u64 base;
	u8 cpl;
	bool l, db;
};

/* struct wr_exit_words - what the hardware said of an exit, for those who trace */
struct wr_exit_words {
	u64 qualification;	/* AMD-V: EXITINFO1; VT-x: exit qualification, 0: has none */
	u64 gpa;		/* of WARREN_EXIT_FAULT, else 0 */
	u32 code;		/* exit code or reason */
};

struct wr_dtable {
	u64 base;
	u16 limit;
};

/* struct wr_backend_caps - what not every CPU of a vendor can do; wr_backend.probe fills it, nothing changes it afterwards */
struct wr_backend_caps {
	bool exit_timer;	/* guests exit when the host's TSC reaches vcpu->exit_tsc, and wr_exit_timer() is called */
	bool xsaves;		/* XSAVES raises #UD in guests that are not to have it */
	bool needs_tss;		/* for real mode, at wr_mmu.tss: without it the emulator runs all of it */
	bool needs_identity_map;/* for guests that do not page */
	bool only_beside;	/* virtualization can be borrowed, but not kept on */
	u8 tsc_ratio_bits;	/* bits of the fraction in wr_vclock.tsc_ratio; 0: guests' TSCs are as fast as the host's */
	u64 tsc_ratio_max;
};

/**
 * struct wr_backend - one vendor
 *
 * @name: "svm" or "vmx".
 * @vendor: the same, as others are told.
 * @rival: the module of the kernel's own hypervisor for it, which Warren lives beside.
 * @caps: see there.
 * @stage2: format of stage-2 tables.
 * @shadow: shadow paging is in use. Then #PF and INVLPG exit, to wr_exit_page_fault() and wr_exit_invlpg() or the emulator, and so
 *	do all accesses to CR3. The hardware always pages, with NX, with CR0.WP, and where the guest is not in long mode with PAE
 *	paging; vcpu->shadow.cr3 is its root. @stage2 is the format that the hardware walks without nested paging. @set_cr0 and its
 *	like request WR_REQ_SHADOW; @flush_tlb calls wr_shadow_refresh().
 * @probe: is this CPU's virtualization there and usable? 0; -ENODEV when the CPU is another vendor's; -EOPNOTSUPP after a
 *	message that names what is missing; -ENOMEM. Reads capabilities. Once, at load, may sleep.
 * @remove: undoes @probe.
 * @host_on: makes this CPU able to enter guests. Interrupts off. 0, -EBUSY or -EIO.
 * @host_off: leaves it as @host_on found it; nothing where that was not called. Interrupts off. Must work on the crash and reboot
 *	paths.
 *
 * @vcpu_alloc: a zeroed vCPU with what the hardware needs, accounted; NULL without memory. May sleep.
 * @vcpu_free: undoes it. May sleep.
 * @vcpu_reset: hardware state after power-up, or after INIT when @init.
 *
 * @load: begin a stay: preemption is off, FPU not yet the guest's. @migrated: last stay was on another CPU.
 * @put: end a stay.
 * @load_beside, @put_beside: the same for a stay beside another hypervisor (wr_host_beside). @host_on was not called.
 * @borrow: in a stay beside another hypervisor, make this CPU able to enter this vCPU and to inject events. What is found on the
 *	CPU is remembered: the other hypervisor has it on or off, and has left MSRs as its guests or its own bookkeeping want
 *	them. Interrupts off. 0, or -EIO when the CPU must stay as it is.
 * @give_back: leave it exactly as @borrow found it. Interrupts were off throughout; as soon as they come on the other
 *	hypervisor may turn it on or off. What needs the CPU elsewhere, in handlers of exits or other ops, borrows it by itself.
 * @enter: run the guest until it exits, telling context tracking. Interrupts off, in a stay. Events were injected before. Returns
 *	why it exited: an enum warren_exit, as wide as what counts by it, which takes one instruction less.
 * @exit_words: what the hardware said of the last exit. Before @handle_exit.
 * @handle_exit: act on that exit; interrupts on; in the stay, or after it when it answered WR_RUN_SLEEPABLE before.
 *	Entry and exit keep the vCPU's regs, rip, rflags, interrupt_shadow, next_rip, cr0, cr2, cr3, dr6 up to date.
 *	cr3 and CR0.TS may wait for an exit whose handler looks at them, or for the end of the stay.
 *
 * @get_segment, @set_segment: hidden part of a segment register.
 * @get_idt, @set_idt, @get_gdt, @set_gdt: descriptor tables.
 * @get_cpl: current privilege level.
 * @get_code: what decides how code is decoded, in one go.
 * @set_cr0, @set_cr3, @set_cr4, @set_efer: values are validated and already in vcpu->crN; give them to the hardware.
 *	With @set_cr3 go vcpu->pdptr, when PAE paging is on.
 * @sync_pdptrs: bring vcpu->pdptr up to what the hardware walks with; only under PAE paging. -EAGAIN: call again where
 *	sleeping is allowed.
 * @set_dr7: vcpu->dr7, vcpu->dr6 or vcpu->debug changed: recompute what the hardware gets. wr_debug_dr() and wr_debug_dr7() say
 *	what its debug registers must hold, wr_debug_exceptions() which exceptions must exit, wr_debug_steps() whether to
 *	step. While wr_debug_owns_dr() the guest's accesses to debug registers exit, to wr_exit_dr(), and nothing that the
 *	hardware does to its own is copied to vcpu->dr, dr6, dr7. A step with RFLAGS.TF must show that to nobody: neither in
 *	vcpu->rflags nor in what PUSHF, INT n or an event pushes. Report: wr_exit_db(), wr_exit_bp(), and for a step that ends in
 *	another way (a delivered event, a monitor trap) wr_debug_stepped(). See debug.h.
 * @get_msr, @set_msr: MSRs that the vendor's control block holds (FS/GS base, SYSENTER, STAR...). -ENOENT: none of mine.
 * @set_tsc: vcpu->clock.tsc_offset or, outside a stay, tsc_ratio changed.
 * @cpuid_changed: the guest's CPUID changed: recompute intercepts.
 *
 * @set_policy: vcpu->vm->policy changed, or vcpu->msr_filtered: recompute intercepts. Outside a stay.
 *
 * @lapic_assist: the vCPU has just got its local APIC: how the hardware helps with it, see struct wr_lapic_assist; NULL: not at
 *	all. May sleep.
 *
 * @inject_exception: deliver event.exception at the next entry. For #BP and #OF RIP is at the INT3 or INTO: the address
 *	after it (one byte on) is what the guest's handler must see, and RIP is back when the delivery was not finished.
 * @inject_interrupt: deliver event.interrupt at the next entry.
 * @inject_nmi: deliver an NMI at the next entry.
 * @cancel_injection: take back what was injected: the entry did not take place. Restores event.*.injected.
 * @nmi_allowed: could the guest take one at its next instruction (shadow, blocking until IRET)?
 * @interrupt_window, @nmi_window: exit as soon as it could (@on), or no longer (!@on).
 * @get_nmi_mask, @set_nmi_mask: are NMIs blocked until IRET?
 * @update_cr8_intercept: exit when TPR falls below @threshold's class; -1: no need.
 *
 * @flush_tlb: drop all translations of this vCPU before its next entry. In a stay.
 * @has_msr: is an MSR that userspace may save served by this vendor's hardware?
 */
struct wr_backend {
	const char *name;
	const char *rival;
	enum warren_vendor vendor;
	const struct wr_backend_caps *caps;
	const struct wr_pt_format *stage2;
	bool shadow;

	int (*probe)(void);
	void (*remove)(void);
	int (*host_on)(void);
	void (*host_off)(void);

	struct wr_vcpu *(*vcpu_alloc)(struct wr_vm *vm);
	void (*vcpu_free)(struct wr_vcpu *vcpu);
	void (*vcpu_reset)(struct wr_vcpu *vcpu, bool init);

	void (*load)(struct wr_vcpu *vcpu, bool migrated);
	void (*put)(struct wr_vcpu *vcpu);
	void (*load_beside)(struct wr_vcpu *vcpu, bool migrated);
	void (*put_beside)(struct wr_vcpu *vcpu);
	int (*borrow)(struct wr_vcpu *vcpu);
	void (*give_back)(struct wr_vcpu *vcpu);
	u64 (*enter)(struct wr_vcpu *vcpu);
	void (*exit_words)(struct wr_vcpu *vcpu, struct wr_exit_words *out);
	enum wr_run_result (*handle_exit)(struct wr_vcpu *vcpu);

	void (*get_segment)(struct wr_vcpu *vcpu, enum wr_seg seg, struct kvm_segment *out);
	void (*set_segment)(struct wr_vcpu *vcpu, enum wr_seg seg, const struct kvm_segment *in);
	void (*get_idt)(struct wr_vcpu *vcpu, struct wr_dtable *out);
	void (*set_idt)(struct wr_vcpu *vcpu, const struct wr_dtable *in);
	void (*get_gdt)(struct wr_vcpu *vcpu, struct wr_dtable *out);
	void (*set_gdt)(struct wr_vcpu *vcpu, const struct wr_dtable *in);
	int (*get_cpl)(struct wr_vcpu *vcpu);
	void (*get_code)(struct wr_vcpu *vcpu, struct wr_code *out);
	void (*set_cr0)(struct wr_vcpu *vcpu);
	void (*set_cr3)(struct wr_vcpu *vcpu);
	int (*sync_pdptrs)(struct wr_vcpu *vcpu);
	void (*set_cr4)(struct wr_vcpu *vcpu);
	void (*set_efer)(struct wr_vcpu *vcpu);
	void (*set_dr7)(struct wr_vcpu *vcpu);
	int (*get_msr)(struct wr_vcpu *vcpu, u32 index, u64 *data);
	int (*set_msr)(struct wr_vcpu *vcpu, u32 index, u64 data);
	void (*set_tsc)(struct wr_vcpu *vcpu);
	void (*cpuid_changed)(struct wr_vcpu *vcpu);
	void (*set_policy)(struct wr_vcpu *vcpu);

	const struct wr_lapic_assist *(*lapic_assist)(struct wr_vcpu *vcpu);

	void (*inject_exception)(struct wr_vcpu *vcpu);
	void (*inject_interrupt)(struct wr_vcpu *vcpu);
	void (*inject_nmi)(struct wr_vcpu *vcpu);
	void (*cancel_injection)(struct wr_vcpu *vcpu);
	bool (*nmi_allowed)(struct wr_vcpu *vcpu);
	void (*interrupt_window)(struct wr_vcpu *vcpu, bool on);
	void (*nmi_window)(struct wr_vcpu *vcpu, bool on);
	bool (*get_nmi_mask)(struct wr_vcpu *vcpu);
	void (*set_nmi_mask)(struct wr_vcpu *vcpu, bool masked);
	void (*update_cr8_intercept)(struct wr_vcpu *vcpu, int threshold);

	void (*flush_tlb)(struct wr_vcpu *vcpu);
	bool (*has_msr)(u32 index);
};

/* The vendor in use; set once by main.c before the device node exists. */
extern const struct wr_backend *wr_backend;

/* The module's parameter: use shadow paging even where the CPU has nested paging. Set before wr_backend.probe is called. */
extern bool wr_want_shadow;

/* The vendors there are: for main.c alone. */
extern struct wr_backend wr_svm, wr_vmx;

#endif
