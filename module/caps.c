// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities: what KVM_CHECK_EXTENSION answers, and what KVM_ENABLE_CAP turns on. One table; docs/abi.md tells what stands
 * behind each row, and tests/style/abi compares the two.
 */
#include <linux/cpumask.h>
#include <linux/kvm_para.h>
#include <linux/string.h>

#include "caps.h"
#include "clock.h"
#include "debug.h"
#include "fpu.h"
#include "policy.h"
#include "warren.h"

/*
 * struct capability - one row
 *
 * @cap: KVM_CAP_*.
 * @value: what KVM_CHECK_EXTENSION answers, when @compute is NULL.
 * @compute: gives the answer; @vm is NULL when the system is asked.
 * @nr_args: words of kvm_enable_cap.args that @enable looks at; the others have to be 0.
 * @enable: KVM_ENABLE_CAP on a VM, with vm->lock held; NULL: there is nothing to enable.
 * @enable_vcpu: the same on a vCPU, with vcpu->mutex held.
 */
struct capability {
	u32 cap;
	u32 value;
	long (*compute)(struct wr_vm *vm);
	unsigned int nr_args;
	int (*enable)(struct wr_vm *vm, const u64 *args);
	int (*enable_vcpu)(struct wr_vcpu *vcpu, const u64 *args);
};

#define CONSTANT(name, answer, ...)	{ .cap = (name), .value = (answer), ##__VA_ARGS__ }
#define COMPUTED(name, function, ...)	{ .cap = (name), .compute = (function), ##__VA_ARGS__ }
#define ENABLE(function, args)		.enable = (function), .nr_args = (args)
#define ENABLE_VCPU(function, args)	.enable_vcpu = (function), .nr_args = (args)

static long nr_vcpus(struct wr_vm *vm)
{
	return min_t(u32, num_online_cpus(), WR_MAX_VCPUS);
}

static long guest_debug_flags(struct wr_vm *vm)
{
	return WR_DEBUG_FLAGS;
}

static long tsc_control(struct wr_vm *vm)
{
	return wr_tsc_scalable();
}

static long steal_time(struct wr_vm *vm)
{
	return IS_ENABLED(CONFIG_SCHED_INFO);
}

static long xsave_size(struct wr_vm *vm)
{
	return wr_fpu_size();
}

/* More than 32 bits is longer than anybody polls, but KVM_CAP_HALT_POLL has no way to say so. */
static int enable_halt_poll(struct wr_vm *vm, const u64 *args)
{
	if (args[0] > U32_MAX)
		return -EINVAL;
	WRITE_ONCE(vm->halt_poll_ns, args[0]);
	return 0;
}

static int enable_x2apic_api(struct wr_vm *vm, const u64 *args)
{
	return wr_x2apic_api(vm, args[0]);
}

static int enable_split_irqchip(struct wr_vm *vm, const u64 *args)
{
	return wr_irqchip_split(vm, min_t(u64, args[0], U32_MAX));
}

static long disableable_quirks(struct wr_vm *vm)
{
	return WR_POLICY_QUIRKS;
}

/* Hypercalls that userspace may want to serve itself */
static long exit_hypercalls(struct wr_vm *vm)
{
	return BIT(KVM_HC_MAP_GPA_RANGE);
}

static int enable_exit_hypercall(struct wr_vm *vm, const u64 *args)
{
	if (args[0] & ~(u64)exit_hypercalls(vm))
		return -EINVAL;
	WRITE_ONCE(vm->exit_hypercalls, args[0]);
	return 0;
}

static int enforce_pv_cpuid(struct wr_vcpu *vcpu, const u64 *args)
{
	vcpu->pv.enforce = args[0];
	return 0;
}

static const struct capability capabilities[] = {
	CONSTANT(KVM_CAP_IRQCHIP, 1),
	CONSTANT(KVM_CAP_HLT, 1),
	CONSTANT(KVM_CAP_USER_MEMORY, 1),
	CONSTANT(KVM_CAP_SET_TSS_ADDR, 1),
	CONSTANT(KVM_CAP_SET_IDENTITY_MAP_ADDR, 1),
	CONSTANT(KVM_CAP_EXT_CPUID, 1),
	CONSTANT(KVM_CAP_CLOCKSOURCE, 1),
	COMPUTED(KVM_CAP_NR_VCPUS, nr_vcpus),
	CONSTANT(KVM_CAP_MAX_VCPUS, WR_MAX_VCPUS),
	CONSTANT(KVM_CAP_MAX_VCPU_ID, WR_MAX_VCPU_IDS, ENABLE(wr_policy_max_vcpu_id, 1)),
	CONSTANT(KVM_CAP_NR_MEMSLOTS, WR_MAX_SLOTS),
	CONSTANT(KVM_CAP_PIT, 1),
	CONSTANT(KVM_CAP_NOP_IO_DELAY, 1),
	CONSTANT(KVM_CAP_MP_STATE, 1),
	CONSTANT(KVM_CAP_COALESCED_MMIO, KVM_COALESCED_MMIO_PAGE_OFFSET),
	CONSTANT(KVM_CAP_COALESCED_PIO, 1),
	CONSTANT(KVM_CAP_SYNC_MMU, 1),
	CONSTANT(KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1),
	CONSTANT(KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1),
	CONSTANT(KVM_CAP_USER_NMI, 1),
	CONSTANT(KVM_CAP_REINJECT_CONTROL, 1),
	CONSTANT(KVM_CAP_SET_GUEST_DEBUG, 1),
	CONSTANT(KVM_CAP_X86_ROBUST_SINGLESTEP, 1),
	COMPUTED(KVM_CAP_SET_GUEST_DEBUG2, guest_debug_flags),
	CONSTANT(KVM_CAP_IRQ_ROUTING, WR_MAX_GSI),
	CONSTANT(KVM_CAP_IRQ_INJECT_STATUS, 1),
	CONSTANT(KVM_CAP_IRQFD, 1),
	CONSTANT(KVM_CAP_IRQFD_RESAMPLE, 1),
	CONSTANT(KVM_CAP_IOAPIC_POLARITY_IGNORED, 1),
	CONSTANT(KVM_CAP_SPLIT_IRQCHIP, 1, ENABLE(enable_split_irqchip, 1)),
	CONSTANT(KVM_CAP_X2APIC_API, WR_X2APIC_API_FLAGS, ENABLE(enable_x2apic_api, 1)),
	CONSTANT(KVM_CAP_PIT2, 1),
	CONSTANT(KVM_CAP_PIT_STATE2, 1),
	CONSTANT(KVM_CAP_SET_BOOT_CPU_ID, 1),
	CONSTANT(KVM_CAP_IOEVENTFD, 1),
	CONSTANT(KVM_CAP_IOEVENTFD_NO_LENGTH, 1),
	CONSTANT(KVM_CAP_IOEVENTFD_ANY_LENGTH, 1),
	CONSTANT(KVM_CAP_MCE, WR_MAX_MCE_BANKS),
	CONSTANT(KVM_CAP_ADJUST_CLOCK, KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC),
	CONSTANT(KVM_CAP_VCPU_EVENTS, 1),
	CONSTANT(KVM_CAP_INTERNAL_ERROR_DATA, 1),
	CONSTANT(KVM_CAP_DEBUGREGS, 1),
	CONSTANT(KVM_CAP_XSAVE, 1),
	COMPUTED(KVM_CAP_XSAVE2, xsave_size),
	CONSTANT(KVM_CAP_XCRS, 1),
	COMPUTED(KVM_CAP_TSC_CONTROL, tsc_control),
	CONSTANT(KVM_CAP_GET_TSC_KHZ, 1),
	CONSTANT(KVM_CAP_TSC_DEADLINE_TIMER, 1),
	CONSTANT(KVM_CAP_X86_USER_SPACE_MSR, 1, ENABLE(wr_policy_user_msrs, 1)),
	CONSTANT(KVM_CAP_X86_MSR_FILTER, 1),
	CONSTANT(KVM_CAP_SYNC_REGS, KVM_SYNC_X86_VALID_FIELDS),
	CONSTANT(KVM_CAP_EXCEPTION_PAYLOAD, 1, ENABLE(wr_policy_exception_payload, 1)),
	CONSTANT(KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1, ENABLE(wr_policy_triple_fault_event, 1)),
	COMPUTED(KVM_CAP_X86_DISABLE_EXITS, wr_policy_can_disable_exits, ENABLE(wr_policy_disable_exits, 1)),
	CONSTANT(KVM_CAP_DISABLE_QUIRKS, 1, ENABLE(wr_policy_disable_quirks, 1)),
	COMPUTED(KVM_CAP_DISABLE_QUIRKS2, disableable_quirks, ENABLE(wr_policy_disable_quirks, 1)),
	CONSTANT(KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1, ENABLE(wr_policy_emulation_failure, 1)),
	CONSTANT(KVM_CAP_MSR_PLATFORM_INFO, 1, ENABLE(wr_policy_platform_info, 1)),
	CONSTANT(KVM_CAP_SREGS2, 1),
	CONSTANT(KVM_CAP_SYS_ATTRIBUTES, 1),
	CONSTANT(KVM_CAP_SIGNAL_MSI, 1),
	CONSTANT(KVM_CAP_KVMCLOCK_CTRL, 1),
	CONSTANT(KVM_CAP_READONLY_MEM, 1),
	CONSTANT(KVM_CAP_CHECK_EXTENSION_VM, 1),
	CONSTANT(KVM_CAP_GET_MSR_FEATURES, 1),
	CONSTANT(KVM_CAP_IMMEDIATE_EXIT, 1),
	CONSTANT(KVM_CAP_BINARY_STATS_FD, 1),
	CONSTANT(KVM_CAP_VCPU_ATTRIBUTES, 1),
	COMPUTED(KVM_CAP_VM_TSC_CONTROL, tsc_control),
	CONSTANT(KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1, ENABLE_VCPU(enforce_pv_cpuid, 1)),
	COMPUTED(KVM_CAP_EXIT_HYPERCALL, exit_hypercalls, ENABLE(enable_exit_hypercall, 1)),
	CONSTANT(KVM_CAP_EXT_EMUL_CPUID, 1),
	CONSTANT(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET,
		 ENABLE(wr_dirty_manual, 1)),
	CONSTANT(KVM_CAP_DIRTY_LOG_RING, WR_MAX_DIRTY_RING_BYTES, ENABLE(wr_dirty_ring_enable, 1)),
	CONSTANT(KVM_CAP_DIRTY_LOG_RING_ACQ_REL, WR_MAX_DIRTY_RING_BYTES, ENABLE(wr_dirty_ring_enable, 1)),
	CONSTANT(KVM_CAP_MEMORY_FAULT_INFO, 1),
	CONSTANT(KVM_CAP_ENABLE_CAP, 1),
	CONSTANT(KVM_CAP_ENABLE_CAP_VM, 1),
	CONSTANT(KVM_CAP_HALT_POLL, 1, ENABLE(enable_halt_poll, 1)),
	COMPUTED(KVM_CAP_STEAL_TIME, steal_time),
	CONSTANT(KVM_CAP_LAST_CPU, 1),
};

static const struct capability *find_capability(u32 cap)
{
	const struct capability *row;

	for (row = capabilities; row < capabilities + ARRAY_SIZE(capabilities); row++)
		if (row->cap == cap)
			return row;
	return NULL;
}

/**
 * wr_check_extension - KVM_CHECK_EXTENSION
 * @vm: the VM that is asked, NULL for the system
 * @cap: KVM_CAP_*
 *
 * Return: 0 for what is not there, else what api.rst says.
 */
long wr_check_extension(struct wr_vm *vm, unsigned long cap)
{
	const struct capability *row = cap <= U32_MAX ? find_capability(cap) : NULL;

	if (!row)
		return 0;
	return row->compute ? row->compute(vm) : row->value;
}

/* What userspace wrote where nobody looks has to be 0, so that it can mean something one day. */
static const struct capability *find_enabled(const struct kvm_enable_cap *enable)
{
	const struct capability *row = find_capability(enable->cap);

	if (!row || enable->flags || memchr_inv(enable->pad, 0, sizeof(enable->pad)))
		return NULL;
	if (memchr_inv(enable->args + row->nr_args, 0, (ARRAY_SIZE(enable->args) - row->nr_args) * sizeof(enable->args[0])))
		return NULL;
	return row;
}

/**
 * wr_vm_enable_cap - KVM_ENABLE_CAP on a VM
 * @vm: the VM
 * @enable: what
 *
 * Return: 0, -EINVAL for what cannot be enabled, has flags or arguments that mean nothing, or what the capability's own function
 * returns. Context: vm->lock is held.
 */
int wr_vm_enable_cap(struct wr_vm *vm, const struct kvm_enable_cap *enable)
{
	const struct capability *row = find_enabled(enable);

	return row && row->enable ? row->enable(vm, enable->args) : -EINVAL;
}

/**
 * wr_vcpu_enable_cap - KVM_ENABLE_CAP on a vCPU
 * @vcpu: the vCPU
 * @enable: what
 *
 * Return: as wr_vm_enable_cap(). Context: vcpu->mutex is held.
 */
int wr_vcpu_enable_cap(struct wr_vcpu *vcpu, const struct kvm_enable_cap *enable)
{
	const struct capability *row = find_enabled(enable);

	return row && row->enable_vcpu ? row->enable_vcpu(vcpu, enable->args) : -EINVAL;
}
