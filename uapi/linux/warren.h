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

/*
 * Why a guest was left, in words that both vendors have. Names and numbers are for the trace ring (struct warren_trace_entry)
 * and for statistics (warren_genl.h); what KVM_RUN returns to userspace is KVM_EXIT_*, and another thing.
 */
enum warren_exit {
	WARREN_EXIT_OTHER,		/* none of those below */
	WARREN_EXIT_INTERRUPT,		/* an interrupt of the host's */
	WARREN_EXIT_NMI,		/* an NMI, SMI, INIT or machine check of the host's */
	WARREN_EXIT_WINDOW,		/* the guest can take an interrupt or NMI now */
	WARREN_EXIT_TIMER,		/* the guest's timer is due (VT-x's preemption timer) */
	WARREN_EXIT_FAULT,		/* nested page fault, EPT violation: memory to map, or a device */
	WARREN_EXIT_IO,			/* port access */
	WARREN_EXIT_MSR_READ,
	WARREN_EXIT_MSR_WRITE,
	WARREN_EXIT_CPUID,
	WARREN_EXIT_HLT,
	WARREN_EXIT_PAUSE,		/* the guest spins */
	WARREN_EXIT_HYPERCALL,
	WARREN_EXIT_EXCEPTION,		/* an exception that the hypervisor wants to see */
	WARREN_EXIT_CR,			/* control register */
	WARREN_EXIT_DR,			/* debug register */
	WARREN_EXIT_APIC,		/* virtual APIC: EOI, TPR, a register written */
	WARREN_EXIT_XSETBV,
	WARREN_EXIT_CACHE,		/* INVD, WBINVD */
	WARREN_EXIT_IRET,		/* the end of an NMI's handler, or a flags instruction being stepped */
	WARREN_EXIT_SOFT_INTERRUPT,	/* INT n, ICEBP */
	WARREN_EXIT_VIRTUALIZATION,	/* an instruction of AMD-V or VT-x, MONITOR, MWAIT, RDPMC...: the guest has none */
	WARREN_EXIT_DIRTY_LOG,		/* the hardware's log of dirty pages is full */
	WARREN_EXIT_TASK_SWITCH,
	WARREN_EXIT_TRIPLE_FAULT,
	WARREN_EXIT_ENTRY_FAILED,	/* the hardware refused the guest's state */
	WARREN_EXIT_NR
};

/*
 * What newer kernels' <linux/kvm.h> has, and older ones' lacks.
 *
 * KVM_EXIT_MEMORY_FAULT: KVM_RUN has failed with EFAULT, or EHWPOISON for memory that is broken, since userspace has no memory at
 * a place where the guest needs it. struct warren_memory_fault is struct kvm_run's memory_fault, and lies where all members of
 * that union lie: at the offset of its hw. Flags are 0.
 */
#ifndef KVM_CAP_MEMORY_FAULT_INFO
#define KVM_CAP_MEMORY_FAULT_INFO	232
#endif
#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT		39
#endif

struct warren_memory_fault {
	__u64 flags;
	__u64 gpa;
	__u64 size;
};

/* Numbers of Warren's own calls. */
#define WARREN_IO	0xB7

/**
 * struct warren_vm_info - WARREN_GET_VM_INFO, on a VM's file: what others know the VM by
 * @id: number of the VM, not used again before all others have been
 * @reserved: 0
 * @uuid: random, or what WARREN_CMD_VM_SET (warren_genl.h) set
 *
 * Since 0.2. Errors: EFAULT; EIO to another process than the VM's creator.
 */
struct warren_vm_info {
	__u32 id;
	__u32 reserved;
	__u8 uuid[16];
};

#define WARREN_GET_VM_INFO	_IOR(WARREN_IO, 0x00, struct warren_vm_info)

/* What a VMM saw its guest do, for those who listen to events. */
enum warren_report_what {
	WARREN_REPORT_RESET = 1,	/* the guest starts anew */
	WARREN_REPORT_SHUTDOWN,		/* it powered off */
	WARREN_REPORT_PANIC,		/* it said that it has crashed (pvpanic) */
};

/**
 * struct warren_report - WARREN_REPORT, on a VM's file: tell listeners what the kernel cannot see
 * @what: enum warren_report_what
 * @flags: 0
 * @reserved: 0
 *
 * Since 0.2. Errors: EFAULT, EINVAL; EIO to another process than the VM's creator.
 */
struct warren_report {
	__u32 what;
	__u32 flags;
	__u64 reserved[2];
};

#define WARREN_REPORT		_IOW(WARREN_IO, 0x01, struct warren_report)

/**
 * struct warren_trace_open - WARREN_TRACE_OPEN: a file to map that tells every exit of a vCPU
 * @vm: on /dev/warren: id of the VM. 0 on a vCPU's file, which is the vCPU meant
 * @vcpu: on /dev/warren: index of the vCPU, from 0. 0 on a vCPU's file
 * @entries: how many the ring holds: a power of two from 64 to 65536; 0 takes the ring as it is, or 4096 for a new one
 * @flags: 0
 * @reserved: 0
 *
 * Returns a file descriptor. Its mapping, read-only and shared, is a struct warren_trace_ring; to learn its size map one page
 * first. A vCPU has one ring, however many look at it; it is filled while a file or mapping of it is there. Who owns the VM
 * may, and who has CAP_SYS_ADMIN in the owner's user namespace; on /dev/warren both from the VM's network namespace only, as over
 * netlink. poll() on the file tells of the vCPU's end (POLLHUP), not of entries.
 *
 * Since 0.2. Errors: EFAULT, EINVAL; ENOENT: no such VM or vCPU that the caller may see; EBUSY: there is a ring with another
 * number of entries; ENOMEM, EMFILE; on a vCPU's file EIO to another process than the VM's creator.
 */
struct warren_trace_open {
	__u32 vm;
	__u32 vcpu;
	__u32 entries;
	__u32 flags;
	__u64 reserved[2];
};

#define WARREN_TRACE_OPEN	_IOW(WARREN_IO, 0x02, struct warren_trace_open)

/**
 * struct warren_trace_entry - one exit
 * @seq: number of the exit since the ring was made, from 0
 * @entry_tsc: host's TSC at the entry before it
 * @exit_tsc: host's TSC at the exit; time in the host is up to the next entry's @entry_tsc
 * @rip: guest's, at the exit
 * @qualification: AMD-V: EXITINFO1; VT-x: the exit qualification where the reason has one, else 0
 * @reason: enum warren_exit
 * @code: the vendor's own number of the reason
 * @gpa: guest-physical address of WARREN_EXIT_FAULT, else 0
 * @instructions: that the guest retired since the entry, 0: not known
 */
struct warren_trace_entry {
	__u64 seq;
	__u64 entry_tsc;
	__u64 exit_tsc;
	__u64 rip;
	__u64 qualification;
	__u32 reason;
	__u32 code;
	__u64 gpa;
	__u64 instructions;
};

/**
 * struct warren_trace_ring - what the file of WARREN_TRACE_OPEN maps
 * @head: entries written ever; entry N is at index N modulo @nr_entries. Read it, then entries, then it again: of what was read
 *	before the last look only entries from @head - @nr_entries + 1 on are whole. Loads must not pass each other (acquire)
 * @lost: entries that were overwritten so far: @head less @nr_entries, or 0
 * @nr_entries: a power of two
 * @entry_size: of struct warren_trace_entry
 * @entries_offset: of the first entry from the start of the mapping, in bytes
 * @tsc_khz: of the host's TSC
 * @vm: id of the VM
 * @vcpu: index of the vCPU
 * @ended: not 0: the vCPU is gone, no entry will follow
 */
struct warren_trace_ring {
	__u64 head;
	__u64 lost;
	__u32 nr_entries;
	__u32 entry_size;
	__u32 entries_offset;
	__u32 tsc_khz;
	__u32 vm;
	__u32 vcpu;
	__u32 ended;
	__u32 reserved;
};

#endif
