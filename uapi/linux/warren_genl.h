/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Generic netlink family "warren": who runs, what it costs, what just happened. warren_genl.yaml beside this directory says the
 * same to tools.
 *
 * Who sees what: a caller sees the VMs of its network namespace whose owner has the caller's user id (as both user namespaces
 * map it to the kernel's), or all VMs of that namespace whose owner's user namespace it has CAP_SYS_ADMIN in. Others are not there:
 * ENOENT. Process and user ids are given as the caller's namespaces have them.
 */
#ifndef _UAPI_LINUX_WARREN_GENL_H
#define _UAPI_LINUX_WARREN_GENL_H

#define WARREN_GENL_NAME	"warren"
#define WARREN_GENL_VERSION	1

/*
 * Multicast group of WARREN_CMD_EVENT: all VMs of the network namespace, for those with CAP_NET_ADMIN there. All others, and who
 * wants to be told how many events it lost, use WARREN_CMD_LISTEN.
 */
#define WARREN_GENL_EVENTS	"events"

/* Longest name of a VM, with the final zero */
#define WARREN_NAME_SIZE	64
#define WARREN_UUID_SIZE	16

/**
 * enum warren_cmd - messages
 * @WARREN_CMD_VM_GET: do: one VM, by WARREN_A_VM_ID or WARREN_A_VM_NAME; dump: all. Answer: attributes WARREN_A_VM_*
 * @WARREN_CMD_VCPU_GET: do: one vCPU, by WARREN_A_VCPU_VM and WARREN_A_VCPU_INDEX; dump: those of a VM (WARREN_A_VCPU_VM), or of
 *	all VMs. Answer: attributes WARREN_A_VCPU_*
 * @WARREN_CMD_VM_SET: set WARREN_A_VM_NAME, WARREN_A_VM_UUID or both of the VM WARREN_A_VM_ID. EEXIST: the owner has another VM of
 *	that name; EINVAL: a name is letters, digits and . _ - and starts with a letter
 * @WARREN_CMD_VM_PAUSE: the guest of WARREN_A_VM_ID stops; when the answer comes no vCPU of it runs. Its VMM stays in KVM_RUN.
 *	Nothing happens to a paused VM
 * @WARREN_CMD_VM_RESUME: the opposite. The guest is told that it was stopped, if it uses kvmclock
 * @WARREN_CMD_LISTEN: do: from now on this socket gets WARREN_CMD_EVENT of the VMs that the caller may see, until it is closed.
 *	Events that it has no room for are dropped and counted
 * @WARREN_CMD_EVENT: an event. Attributes WARREN_A_EVENT_*
 * @WARREN_CMD_LOST: so many events were lost before the next one (WARREN_A_EVENT_LOST)
 */
enum warren_cmd {
	WARREN_CMD_UNSPEC,
	WARREN_CMD_VM_GET,
	WARREN_CMD_VCPU_GET,
	WARREN_CMD_VM_SET,
	WARREN_CMD_VM_PAUSE,
	WARREN_CMD_VM_RESUME,
	WARREN_CMD_LISTEN,
	WARREN_CMD_EVENT,
	WARREN_CMD_LOST,
	__WARREN_CMD_MAX
};

#define WARREN_CMD_MAX	(__WARREN_CMD_MAX - 1)

/* WARREN_A_VM_STATE */
enum warren_vm_state {
	WARREN_VM_CREATED,		/* no vCPU has run */
	WARREN_VM_RUNNING,
	WARREN_VM_PAUSED,
	WARREN_VM_SHUT_DOWN,		/* its VMM said so (WARREN_REPORT); a vCPU that runs makes it running again */
	WARREN_VM_CRASHED,		/* as before, or a vCPU cannot run on */
};

/* WARREN_A_VCPU_STATE */
enum warren_vcpu_state {
	WARREN_VCPU_IDLE,		/* not in KVM_RUN */
	WARREN_VCPU_RUNNING,
	WARREN_VCPU_HALTED,		/* in HLT */
	WARREN_VCPU_WAITING,		/* for INIT or SIPI */
	WARREN_VCPU_PAUSED,
};

enum warren_vendor {
	WARREN_VENDOR_AMD_V,
	WARREN_VENDOR_VT_X,
};

enum warren_paging {
	WARREN_PAGING_NESTED,
	WARREN_PAGING_SHADOW,
};

/* WARREN_A_EVENT_WHAT */
enum warren_event {
	WARREN_EVENT_CREATED = 1,
	WARREN_EVENT_NAMED,
	WARREN_EVENT_VCPU_CREATED,	/* WARREN_A_EVENT_VCPU */
	WARREN_EVENT_STARTED,		/* the first KVM_RUN that enters the guest */
	WARREN_EVENT_PAUSED,
	WARREN_EVENT_RESUMED,
	WARREN_EVENT_RESET,
	WARREN_EVENT_SHUT_DOWN,
	WARREN_EVENT_CRASHED,		/* WARREN_A_EVENT_REASON, WARREN_A_EVENT_VCPU where one did it */
	WARREN_EVENT_DESTROYED,
};

/* WARREN_A_EVENT_REASON */
enum warren_crash {
	WARREN_CRASH_TRIPLE_FAULT = 1,
	WARREN_CRASH_ENTRY_FAILED,	/* the CPU refused the guest's state */
	WARREN_CRASH_INTERNAL,		/* the hypervisor cannot go on: KVM_EXIT_INTERNAL_ERROR */
	WARREN_CRASH_PANIC,		/* the guest said so, its VMM passed it on */
};

/**
 * enum warren_a_vm - attributes of a VM
 * @WARREN_A_VM_ID: u32
 * @WARREN_A_VM_NAME: string, only if it has one
 * @WARREN_A_VM_UUID: 16 bytes
 * @WARREN_A_VM_PID: u32, the process that made it, 0: it is gone, or not in the reader's PID namespace
 * @WARREN_A_VM_UID: u32, its user
 * @WARREN_A_VM_STATE: u32, enum warren_vm_state
 * @WARREN_A_VM_VENDOR: u32, enum warren_vendor
 * @WARREN_A_VM_PAGING: u32, enum warren_paging
 * @WARREN_A_VM_VCPUS: u32, how many
 * @WARREN_A_VM_MEMORY: u64, bytes of all slots
 * @WARREN_A_VM_TABLES: u64, bytes of stage-2 tables
 * @WARREN_A_VM_AGE: u64, ns since it was made
 * @WARREN_A_VM_COUNTERS: nest of WARREN_A_COUNTER_*, sums over its vCPUs
 */
enum warren_a_vm {
	WARREN_A_VM_UNSPEC,
	WARREN_A_VM_PAD,
	WARREN_A_VM_ID,
	WARREN_A_VM_NAME,
	WARREN_A_VM_UUID,
	WARREN_A_VM_PID,
	WARREN_A_VM_UID,
	WARREN_A_VM_STATE,
	WARREN_A_VM_VENDOR,
	WARREN_A_VM_PAGING,
	WARREN_A_VM_VCPUS,
	WARREN_A_VM_MEMORY,
	WARREN_A_VM_TABLES,
	WARREN_A_VM_AGE,
	WARREN_A_VM_COUNTERS,
	__WARREN_A_VM_MAX
};

#define WARREN_A_VM_MAX	(__WARREN_A_VM_MAX - 1)

/**
 * enum warren_a_vcpu - attributes of a vCPU
 * @WARREN_A_VCPU_VM: u32, id of its VM
 * @WARREN_A_VCPU_INDEX: u32, from 0 in order of creation
 * @WARREN_A_VCPU_APIC_ID: u32, what KVM_CREATE_VCPU was given
 * @WARREN_A_VCPU_TID: u32, the thread that ran it last, 0: none, or gone, or not in the reader's PID namespace
 * @WARREN_A_VCPU_STATE: u32, enum warren_vcpu_state
 * @WARREN_A_VCPU_CPU: u32, the host's CPU that ran it last; not there before the first time
 * @WARREN_A_VCPU_COUNTERS: nest of WARREN_A_COUNTER_*
 */
enum warren_a_vcpu {
	WARREN_A_VCPU_UNSPEC,
	WARREN_A_VCPU_PAD,
	WARREN_A_VCPU_VM,
	WARREN_A_VCPU_INDEX,
	WARREN_A_VCPU_APIC_ID,
	WARREN_A_VCPU_TID,
	WARREN_A_VCPU_STATE,
	WARREN_A_VCPU_CPU,
	WARREN_A_VCPU_COUNTERS,
	__WARREN_A_VCPU_MAX
};

#define WARREN_A_VCPU_MAX	(__WARREN_A_VCPU_MAX - 1)

/**
 * enum warren_a_counter - counters, all u64 but the nest
 * @WARREN_A_COUNTER_EXITS: all exits
 * @WARREN_A_COUNTER_REASONS: nest: attribute 1 + R is the u64 count of enum warren_exit R (linux/warren.h); those that
 *	are 0 are left out
 * @WARREN_A_COUNTER_GUEST_NS: time in the guest, and in exits served without letting another task in
 * @WARREN_A_COUNTER_FAULTS: stage-2 faults
 * @WARREN_A_COUNTER_INTERRUPTS: injected
 * @WARREN_A_COUNTER_NMIS: injected
 * @WARREN_A_COUNTER_HALTS: times in HLT, or waiting for SIPI
 * @WARREN_A_COUNTER_USER_EXITS: returns of KVM_RUN to the VMM with something to do
 * @WARREN_A_COUNTER_EMULATED: instructions emulated
 * @WARREN_A_COUNTER_TLB_FLUSHES: asked for by the hypervisor
 */
enum warren_a_counter {
	WARREN_A_COUNTER_UNSPEC,
	WARREN_A_COUNTER_PAD,
	WARREN_A_COUNTER_EXITS,
	WARREN_A_COUNTER_REASONS,
	WARREN_A_COUNTER_GUEST_NS,
	WARREN_A_COUNTER_FAULTS,
	WARREN_A_COUNTER_INTERRUPTS,
	WARREN_A_COUNTER_NMIS,
	WARREN_A_COUNTER_HALTS,
	WARREN_A_COUNTER_USER_EXITS,
	WARREN_A_COUNTER_EMULATED,
	WARREN_A_COUNTER_TLB_FLUSHES,
	__WARREN_A_COUNTER_MAX
};

#define WARREN_A_COUNTER_MAX	(__WARREN_A_COUNTER_MAX - 1)

/**
 * enum warren_a_event - attributes of WARREN_CMD_EVENT and WARREN_CMD_LOST
 * @WARREN_A_EVENT_WHAT: u32, enum warren_event
 * @WARREN_A_EVENT_TIME: u64, CLOCK_REALTIME in ns
 * @WARREN_A_EVENT_VM: u32, id
 * @WARREN_A_EVENT_NAME: string, the VM's name if it has one
 * @WARREN_A_EVENT_PID: u32, as WARREN_A_VM_PID, but also when the process is gone; in messages to the group in the namespace of the
 *	module's loader
 * @WARREN_A_EVENT_VCPU: u32, index
 * @WARREN_A_EVENT_REASON: u32, enum warren_crash
 * @WARREN_A_EVENT_LOST: u64, how many
 */
enum warren_a_event {
	WARREN_A_EVENT_UNSPEC,
	WARREN_A_EVENT_PAD,
	WARREN_A_EVENT_WHAT,
	WARREN_A_EVENT_TIME,
	WARREN_A_EVENT_VM,
	WARREN_A_EVENT_NAME,
	WARREN_A_EVENT_PID,
	WARREN_A_EVENT_VCPU,
	WARREN_A_EVENT_REASON,
	WARREN_A_EVENT_LOST,
	__WARREN_A_EVENT_MAX
};

#define WARREN_A_EVENT_MAX	(__WARREN_A_EVENT_MAX - 1)

#endif
