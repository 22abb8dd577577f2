/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two objects that everything works on: a VM and its vCPUs.
 *
 * Locks, outermost first:
 *
 *   vm->lock        mutex: life of the VM: vCPUs, interrupt chips, devices on the buses, routes
 *   vcpu->mutex     mutex: one ioctl at a time on a vCPU; KVM_RUN holds it throughout
 *   vm->slots_lock  mutex: changes to the memory slots and to their dirty bitmaps
 *   vm->srcu        readers of slots and routes; never held while a vCPU sleeps in HLT
 *   vm->mmu.lock    rwlock: faults read, everything that removes mappings writes
 *   irq chips       spinlocks inside irq/, see irq/irq.h
 *   vm->life.lock   mutex: state of the VM as others are told; inside the mutexes above, see life.h
 *
 * A field's letter says who may touch it:
 *
 *   [I] set when the object is made, constant afterwards
 *   [L] vm->lock                 [S] vm->slots_lock for writing, vm->srcu for reading
 *   [V] vcpu->mutex, that is: the thread in an ioctl of this vCPU
 *   [R] vm->lock for writing, vm->srcu for reading
 *   [A] atomic, any context      [O] has its own lock, named beside it
 */
#ifndef WARREN_H
#define WARREN_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcuwait.h>
#include <linux/refcount.h>
#include <linux/srcu.h>
#include <linux/types.h>
#include <linux/warren.h>
#include <linux/xarray.h>
#include <asm/processor-flags.h>

#include "clock.h"
#include "cpuid.h"
#include "emulate/emulate.h"
#include "event.h"
#include "io.h"
#include "irq/irq.h"
#include "life.h"
#include "mce.h"
#include "mmu/mmu.h"
#include "msr.h"
#include "policy.h"
#include "pv.h"
#include "registry.h"

/* As KVM has it. vCPU ids are APIC ids: those from 255 on are reached in x2APIC mode. */
#define WR_MAX_VCPUS		1024
#define WR_MAX_VCPU_IDS		4096

/* MTRRs kept for the guest: deftype, 11 fixed, 8 variable pairs */
#define WR_NR_VARIABLE_MTRRS	8
#define WR_NR_MTRRS		(1 + 11 + 2 * WR_NR_VARIABLE_MTRRS)

/* Indices of struct wr_vcpu.regs: the encoding of ModRM and of the hardware. */
enum wr_reg {
	WR_RAX, WR_RCX, WR_RDX, WR_RBX, WR_RSP, WR_RBP, WR_RSI, WR_RDI,
	WR_R8, WR_R9, WR_R10, WR_R11, WR_R12, WR_R13, WR_R14, WR_R15,
	WR_NR_REGS,
};

/* Indices of segment registers: ES to GS as in a ModRM reg field, then the system ones. */
enum wr_seg {
	WR_ES, WR_CS, WR_SS, WR_DS, WR_FS, WR_GS, WR_LDTR, WR_TR,
	WR_NR_SEGS,
};

/*
 * Work asked of a vCPU by others (or by itself): a bit in vcpu->requests. The run loop looks before
 * each entry; wr_vcpu_request() sets and wr_vcpu_kick() makes a running or halted vCPU look.
 */
enum wr_request {
	WR_REQ_TLB_FLUSH,	/* forget all guest translations of this vCPU */
	WR_REQ_EVENT,		/* an event may have become deliverable: look again */
	WR_REQ_TRIPLE_FAULT,	/* exit with KVM_EXIT_SHUTDOWN */
	WR_REQ_CLOCK,		/* rewrite the guest's kvm-clock page */
	WR_REQ_STEAL,		/* update steal time */
	WR_REQ_TPR,		/* the guest lowered CR8, and userspace has the local APICs: KVM_EXIT_SET_TPR */
	WR_REQ_EOI_EXIT,	/* KVM_EXIT_IOAPIC_EOI, split irqchip */
	WR_REQ_DEBUG,		/* a step has ended: KVM_EXIT_DEBUG */
	WR_REQ_DIRTY_FULL,	/* the dirty ring may be full: KVM_EXIT_DIRTY_RING_FULL */
	WR_REQ_POLICY,		/* what userspace chose for the VM has changed */
	WR_REQ_SHADOW,		/* the guest has flushed, or pages otherwise: look for its shadow root, bring the tables up to date */
	WR_REQ_LIFE,		/* the VM was paused, or went on, or is to be marked as running */
};

/* Where a vCPU is, for those who want its attention. */
enum wr_vcpu_mode {
	WR_OUTSIDE_GUEST,
	WR_IN_GUEST,		/* from before the last look at requests to after the exit */
};

/*
 * struct wr_fpu - what XSAVE covers
 *
 * In memory while the vCPU is outside a stay in the run loop, in the registers inside.
 */
struct wr_fpu {
	struct xregs_state *area;	/* [V] standard format, wr_fpu_size() bytes, 64-byte aligned */
	u64 xcr0;			/* [V] guest's XCR0 */
	u32 pkru;			/* [V] guest's PKRU, when the CPU has protection keys */
	u32 host_pkru;			/* [V] in a stay */
	bool loaded;			/* [V] the registers are the guest's */
};

/* struct wr_io - a port access as the exit describes it */
struct wr_io {
	u16 port;
	u8 size;
	bool in;
	bool string;	/* INS or OUTS, with or without REP: the emulator finds the memory operand */
	bool exited;	/* the emulator runs because of it, not because of an exit that came later */
	u32 value;	/* of IN, when a device here serves it */
};

/*
 * struct wr_pio - a port access that userspace completes (KVM_EXIT_IO)
 */
struct wr_pio {
	bool pending;		/* [V] userspace has it */
	bool ready;		/* [V] INS: the data is there, running the instruction again takes it */
	bool in;
	bool string;
	u8 size;
	u16 port;
	u16 count, taken;	/* [V] INS, OUTS: elements in vcpu->pio_data, and of INS how many are in the guest's memory */
	u64 rip, next_rip;	/* [V] of the instruction, when it is not yet stepped over */
};

/* struct wr_msr_exit - [V] RDMSR or WRMSR that userspace completes */
struct wr_msr_exit {
	bool pending;
	bool write;
	u64 rip, next_rip;
};

/* struct wr_skip_cache - length of the instruction that was stepped over last, by its first bytes */
struct wr_skip_cache {
	u64 bytes;
	u8 mode, len;
};

/* How many decoded instructions a vCPU keeps */
#define WR_INSN_CACHES	16

#define WR_MMIO_READS	9	/* POPA over the end of a page */
#define WR_MMIO_WRITES	9

/*
 * struct wr_mmio - device accesses of the instruction under emulation
 *
 * An instruction that reads a device runs again after each read that userspace completed; what was read
 * is kept here so that no device sees one access twice. Writes come last in an instruction: it is
 * committed, then its writes go out one by one before the guest goes on.
 */
struct wr_mmio {
	struct {
		u64 gpa;
		u8 len;
		u8 data[8];
	} read[WR_MMIO_READS], write[WR_MMIO_WRITES];
	u8 nr_reads;		/* [V] reads known */
	u8 next_read;		/* [V] reads used by the present run of the instruction */
	u8 nr_writes;		/* [V] writes queued */
	u8 next_write;		/* [V] first write not sent */
	bool read_pending;	/* [V] userspace is filling run->mmio.data for read[nr_reads] */
	bool gpa_known;		/* [V] the exit told that the instruction's access is to a device at @gpa */
	bool exit_writes;	/* [V] that access is a write */
	u64 gpa;
	u64 rip;		/* [V] of the instruction that waits for a read */
};

/* struct wr_debug - KVM_SET_GUEST_DEBUG: see debug.h */
struct wr_debug {
	u32 control;		/* [V] KVM_GUESTDBG_*, 0: no debugger */
	u64 dr[4], dr7;		/* [V] the debugger's, with KVM_GUESTDBG_USE_HW_BP */
};

/* Counters shown to the owner; written by the vCPU's thread alone, read by anybody. */
struct wr_stats {
	u64 exits[WARREN_EXIT_NR];	/* by enum warren_exit: each counts once */
	u64 guest_tsc;			/* host's cycles in stays; in a stay less the TSC at its start, see wr_vcpu_guest_ns() */
	u64 mmio_exits, userspace_exits, signal_exits;
	u64 faults, fast_faults;
	u64 irqs_injected, nmis_injected;
	u64 insns_emulated;
	u64 tlb_flushes;
	u64 halts, halt_polls_tried, halt_polls, halt_wakeups;
	u64 halt_tsc;			/* host's cycles asleep */
};

/**
 * wr_stats_exits - how often a vCPU exited
 * @stats: its counters; it may be running
 */
static inline u64 wr_stats_exits(const struct wr_stats *stats)
{
	u64 sum = 0;
	int reason;

	for (reason = 0; reason < WARREN_EXIT_NR; reason++)
		sum += READ_ONCE(stats->exits[reason]);
	return sum;
}

/**
 * struct wr_vcpu - one virtual CPU
 *
 * Embedded in a struct of the vendor's, reached there by container_of().
 */
struct wr_vcpu {
	struct wr_vm *vm;		/* [I] */
	u32 id;				/* [I] what userspace named it: its APIC id */
	u32 index;			/* [I] 0, 1, ... in order of creation */
	struct mutex mutex;
	struct kvm_run *run;		/* [I] page shared with userspace: read fields once, trust none */
	void *pio_data;			/* [I] the page behind it */

	/* Attention */
	unsigned long requests;		/* [A] bits of enum wr_request */
	int mode;			/* [A] enum wr_vcpu_mode, see wr_vcpu_kick() */
	int cpu;			/* [A] CPU of the present or last stay, -1 before the first */
	struct rcuwait wait;		/* [O] where a halted or paused vCPU sleeps */

	/* What others are told */
	struct pid *thread;		/* [V] to write, vm->identity.lock: that ran it last, NULL before the first */
	u8 activity;			/* [V] enum warren_vcpu_state; others read it with READ_ONCE() */
	u8 crash;			/* [V] enum warren_crash: KVM_RUN returns because of it */
	u32 resumes;			/* [V] of wr_life.resumes that the guest knows of */

	/* Architectural state that common code holds; the rest is the vendor's. */
	u64 regs[WR_NR_REGS];		/* [V] */
	u64 rip, rflags;		/* [V] */
	u64 next_rip;			/* [V] after the instruction that exited, where the hardware told; else 0 */
	bool interrupt_shadow;		/* [V] STI or MOV SS holds interrupts for one instruction */
	u64 cr0, cr2, cr3, cr4, efer;	/* [V] as the guest sees them */
	u64 cr8;			/* [V] a local APIC keeps it equal to its TPR */
	u64 pdptr[4];			/* [V] what PAE paging loaded with CR3 */
	u64 dr[4], dr6, dr7;		/* [V] the guest's, whatever the hardware has */
	struct wr_debug debug;		/* [V] */
	u64 pat, misc_enable, tsc_aux;	/* [V] */
	u64 spec_ctrl;			/* [V] */
	u64 mtrr[WR_NR_MTRRS];		/* [V] kept for the guest, never acted on */
	struct wr_event event;		/* [V] */
	struct wr_fpu fpu;
	struct wr_cpuid cpuid;		/* [V] */
	struct wr_vclock clock;		/* [V] */
	struct wr_pv pv;
	struct wr_msrs msrs;		/* [V] */
	struct wr_mce mce;		/* [V] */
	struct wr_lapic *lapic;		/* [I] NULL with a userspace irqchip */
	const struct wr_lapic_assist *lapic_assist;	/* [I] NULL: no hardware helps with it */
	u64 apic_base;			/* [V] IA32_APIC_BASE */
	u64 exit_tsc;			/* [V] the host's TSC at which the guest has to exit for its timer, 0: no need */
	u32 mp_state;			/* [V] KVM_MP_STATE_*; others read it with READ_ONCE() */

	/* Where the run loop is */
	struct wr_io io;		/* [V] the vendor fills it for wr_exit_io() */
	struct wr_pio pio;
	struct wr_msr_exit msr_exit;
	struct wr_mmio mmio;
	struct wr_bus_hint bus_hint[WR_NR_BUSES];	/* [V] */
	struct wr_insn_cache insn_cache[WR_INSN_CACHES];	/* [V] by RIP: the accesses to devices that the guest repeats */
	struct wr_skip_cache skip_cache;/* [V] */
	int run_error;			/* [V] what KVM_RUN returns on WR_RUN_USER */
	u8 host_vector;			/* [V] the exit acknowledged this interrupt of the host's, 0: none */
	bool msr_filtered;		/* [V] the VM has a filter of MSRs */
	bool in_stay;			/* [V] FPU and vendor state are on the CPU */
	bool ran;			/* [V] KVM_RUN has entered the guest */
	unsigned long switches;		/* [V] of its thread, at the last look at the clock */
	bool yield;			/* [V] the guest spins: let others run, or the one in pv.yield_to */
	bool has_cpuid;
	sigset_t sigset;		/* [V] KVM_SET_SIGNAL_MASK */
	bool sigset_active;
	unsigned int halt_poll_ns;	/* [V] present length of polling, adaptive */
	struct wr_walk_cache walk_cache;/* [V] */
	struct wr_dirty_ring dirty_ring;
	struct wr_table_cache tables;	/* [V] zeroed pages for stage-2 tables */
	struct wr_shadow_vcpu shadow;

	struct wr_stats stats;
	u64 (*enter)(struct wr_vcpu *vcpu);	/* wr_backend's; that of ring.c while there is a ring */
	struct wr_ring __rcu *ring;	/* NULL: exits are not traced */
};

/**
 * struct wr_vm - one virtual machine
 */
struct wr_vm {
	struct mm_struct *mm;		/* [I] whose memory the slots map; only its threads may call */
	refcount_t users;		/* VM fd, vCPU fds, what they pin, and who found the VM in the registry */
	struct wr_identity identity;
	struct wr_life life;
	struct mutex lock;
	struct mutex slots_lock;
	struct srcu_struct srcu;

	struct xarray vcpus;		/* [L] to write, [A] to read: by index */
	atomic_t online_vcpus;		/* raised after the vCPU is in @vcpus */
	u32 created_vcpus;		/* [L] */
	u32 bsp_id;			/* [L] until the first vCPU is made */

	struct wr_slots __rcu *slots;	/* [S] */
	u64 slots_generation;		/* [S] to write; of those, for who does not look at them */
	struct wr_mmu mmu;
	struct wr_bus __rcu *bus[WR_NR_BUSES];	/* [L] to write, RCU to read */
	struct list_head ioeventfds;	/* [L] */
	struct list_head coalesced_zones;	/* [L] */
	struct wr_coalesced *coalesced;	/* [I] ring page and its lock, made with the first vCPU */

	struct wr_irq irq;		/* interrupt chips and routes */
	struct wr_clock clock;
	struct wr_policy policy;

	u32 tsc_khz;			/* [L] for vCPUs to come */
	s64 halt_poll_ns;		/* [A] KVM_CAP_HALT_POLL; negative: the module's parameter */
	u64 exit_hypercalls;		/* [L] to write: bits of those that userspace serves */
};

#define wr_for_each_vcpu(i, vcpu, vm) xa_for_each(&(vm)->vcpus, i, vcpu)

/**
 * wr_vcpu_request - ask a vCPU to do something before its next entry
 * @vcpu: any vCPU
 * @req: what
 *
 * Any context. Pair with wr_vcpu_kick() when it must not wait.
 */
static inline void wr_vcpu_request(struct wr_vcpu *vcpu, enum wr_request req)
{
	/* What the request is about must be visible before the request. */
	smp_wmb();
	set_bit(req, &vcpu->requests);
}

/**
 * wr_vcpu_take_request - is a request pending? it is taken
 * @vcpu: the vCPU that runs
 * @req: which
 */
static inline bool wr_vcpu_take_request(struct wr_vcpu *vcpu, enum wr_request req)
{
	if (!test_bit(req, &vcpu->requests))
		return false;
	clear_bit(req, &vcpu->requests);
	/* The request before what it is about: pairs with smp_wmb() in wr_vcpu_request(). */
	smp_mb__after_atomic();
	return true;
}

/**
 * wr_guest_flushed - the guest drops all its translations on a vCPU
 * @vcpu: on its own thread
 */
static inline void wr_guest_flushed(struct wr_vcpu *vcpu)
{
	wr_vcpu_request(vcpu, WR_REQ_TLB_FLUSH);
	if (wr_shadow_of(&vcpu->vm->mmu)) {
		/* They are turned on by a flush, too. */
		if (vcpu->cr4 & X86_CR4_PCIDE)
			wr_shadow_forget_pcids(vcpu);
		wr_vcpu_request(vcpu, WR_REQ_SHADOW);
	}
}

/* Did userspace ask for a CPU without one of KVM's quirks? */
static inline bool wr_quirk_disabled(const struct wr_vcpu *vcpu, u64 quirk)
{
	return READ_ONCE(vcpu->vm->policy.disabled_quirks) & quirk;
}

/* run.c */
void wr_vcpu_kick(struct wr_vcpu *vcpu);
void wr_vcpu_kick_posted(struct wr_vcpu *vcpu);
void wr_vm_request_all(struct wr_vm *vm, enum wr_request req, bool wait);
u64 wr_vcpu_guest_ns(const struct wr_vcpu *vcpu);
int wr_vcpu_run(struct wr_vcpu *vcpu);

/* vcpu.c */
void wr_vcpu_reset(struct wr_vcpu *vcpu, bool init);
void wr_vcpu_sipi(struct wr_vcpu *vcpu, u8 vector);

/**
 * wr_event_unfinished - must the next entry deliver again what an exit interrupted?
 * @vcpu: on its own thread
 */
static inline bool wr_event_unfinished(const struct wr_vcpu *vcpu)
{
	const struct wr_event *event = &vcpu->event;

	return event->exception.injected | event->nmi.injected | event->interrupt.injected;
}

/**
 * wr_interrupt_allowed - could the guest take an interrupt at its next instruction?
 * @vcpu: on its own thread
 */
static inline bool wr_interrupt_allowed(const struct wr_vcpu *vcpu)
{
	return vcpu->rflags & X86_EFLAGS_IF && !vcpu->interrupt_shadow;
}

static inline u64 wr_reg_read(const struct wr_vcpu *vcpu, enum wr_reg reg)
{
	return vcpu->regs[reg];
}

static inline void wr_reg_write(struct wr_vcpu *vcpu, enum wr_reg reg, u64 value)
{
	vcpu->regs[reg] = value;
}

/* EDX:EAX, as RDMSR, WRMSR and XSETBV use it. */
static inline u64 wr_edx_eax(const struct wr_vcpu *vcpu)
{
	return (u32)vcpu->regs[WR_RAX] | vcpu->regs[WR_RDX] << 32;
}

static inline bool wr_has_lapic(const struct wr_vcpu *vcpu)
{
	return vcpu->lapic;
}

struct wr_vcpu *wr_vcpu_by_id(struct wr_vm *vm, u32 id);

#endif
