// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs in the hands of userspace: KVM_X86_SET_MSR_FILTER and KVM_CAP_X86_USER_SPACE_MSR.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/uaccess.h>
#include <asm/apicdef.h>

#include "insn.h"
#include "msr_user.h"
#include "policy.h"

#define RANGE_FLAGS	(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)
#define BITMAP_BYTES	0x600		/* of a range, at most */
#define NR_X2APIC_MSRS	0x100

struct filter_range {
	u32 flags, base, nr;
	unsigned long *allowed;		/* in wr_msr_filter.bits */
};

/* struct wr_msr_filter - constant once it is published; read under RCU */
struct wr_msr_filter {
	bool default_allow;
	u32 nr_ranges;
	struct filter_range ranges[KVM_MSR_FILTER_MAX_RANGES];
	unsigned long bits[];
};

static int check_filter(const struct kvm_msr_filter *in, size_t *longs)
{
	u32 i;

	*longs = 0;
	if (in->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		const struct kvm_msr_filter_range *range = &in->ranges[i];

		if (!range->nmsrs)
			continue;
		if (!range->flags || range->flags & ~RANGE_FLAGS || range->nmsrs > BITMAP_BYTES * BITS_PER_BYTE)
			return -EINVAL;
		*longs += BITS_TO_LONGS(range->nmsrs);
	}
	/* Nothing but a denial of everything would leave no way to run. */
	return !*longs && in->flags ? -EINVAL : 0;
}

static int copy_ranges(struct wr_msr_filter *filter, const struct kvm_msr_filter *in)
{
	unsigned long *bits = filter->bits;
	u32 i;

	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		const struct kvm_msr_filter_range *range = &in->ranges[i];
		size_t longs = BITS_TO_LONGS(range->nmsrs);

		if (!longs)
			continue;
		if (copy_from_user(bits, (const void __user *)range->bitmap, longs * sizeof(*bits)))
			return -EFAULT;
		filter->ranges[filter->nr_ranges++] = (struct filter_range) {
			.flags = range->flags, .base = range->base, .nr = range->nmsrs, .allowed = bits,
		};
		bits += longs;
	}
	return 0;
}

/* All vCPUs leave the guest, and choose what exits anew before they enter again. */
static void publish(struct wr_vm *vm, struct wr_msr_filter *filter)
{
	struct wr_msr_filter *old = rcu_replace_pointer(vm->policy.msr_filter, filter, lockdep_is_held(&vm->lock));

	wr_vm_request_all(vm, WR_REQ_POLICY, true);
	/* One that is at an exit goes by what it knew before it. Preemption is off in a stay: RCU waits for the end of that. */
	if (old || atomic_read(&vm->online_vcpus))
		synchronize_rcu();
	kvfree(old);
}

/**
 * wr_msr_set_filter - KVM_X86_SET_MSR_FILTER
 * @vm: the VM
 * @in: ranges; none: no filter
 *
 * Return: 0; -EINVAL for unknown flags, ranges that are too long, or a denial of everything; -EFAULT, -ENOMEM; nothing has
 * changed then. Context: vm->lock is held; may sleep.
 */
int wr_msr_set_filter(struct wr_vm *vm, const struct kvm_msr_filter *in)
{
	struct wr_msr_filter *filter = NULL;
	size_t longs;
	int err = check_filter(in, &longs);

	if (err)
		return err;
	if (longs) {
		filter = kvzalloc(struct_size(filter, bits, longs), GFP_KERNEL_ACCOUNT);
		if (!filter)
			return -ENOMEM;
		filter->default_allow = !in->flags;
		err = copy_ranges(filter, in);
		if (err) {
			kvfree(filter);
			return err;
		}
	}
	publish(vm, filter);
	return 0;
}

/**
 * wr_msr_free_filter - the VM ends
 * @vm: nobody else can find it
 */
void wr_msr_free_filter(struct wr_vm *vm)
{
	kvfree(rcu_dereference_protected(vm->policy.msr_filter, true));
}

static bool range_decides(const struct filter_range *range, u32 index, u32 access)
{
	return range->flags & access && index >= range->base && index - range->base < range->nr;
}

static bool filter_allows(const struct wr_msr_filter *filter, u32 index, bool write)
{
	u32 i, access = write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ;

	for (i = 0; i < filter->nr_ranges; i++)
		if (range_decides(&filter->ranges[i], index, access))
			return test_bit(index - filter->ranges[i].base, filter->ranges[i].allowed);
	return filter->default_allow;
}

/**
 * wr_msr_allowed - does the VM's filter let its guest do this?
 * @vm: the VM
 * @index: ECX
 * @write: WRMSR
 *
 * Those of the x2APIC always, as hardware may serve them without an exit. Context: any.
 */
bool wr_msr_allowed(struct wr_vm *vm, u32 index, bool write)
{
	const struct wr_msr_filter *filter;
	bool allowed = true;

	if (index - APIC_BASE_MSR < NR_X2APIC_MSRS)
		return true;
	rcu_read_lock();
	filter = rcu_dereference(vm->policy.msr_filter);
	if (filter)
		allowed = filter_allows(filter, index, write);
	rcu_read_unlock();
	return allowed;
}

/**
 * wr_msr_any_filtered - does the VM's filter forbid reading or writing any of these?
 * @vcpu: one of its vCPUs; on its own thread
 * @msrs: indices
 * @nr: how many
 */
bool wr_msr_any_filtered(const struct wr_vcpu *vcpu, const u32 *msrs, size_t nr)
{
	size_t i;

	for (i = 0; vcpu->msr_filtered && i < nr; i++)
		if (!wr_msr_allowed(vcpu->vm, msrs[i], false) || !wr_msr_allowed(vcpu->vm, msrs[i], true))
			return true;
	return false;
}

static u32 exit_reason(int err)
{
	switch (err) {
	case WR_MSR_FILTERED:
		return KVM_MSR_EXIT_REASON_FILTER;
	case -ENOENT:
		return KVM_MSR_EXIT_REASON_UNKNOWN;
	default:
		return KVM_MSR_EXIT_REASON_INVAL;
	}
}

/**
 * wr_msr_refused - RDMSR or WRMSR cannot be done: #GP, unless userspace wants to do it
 * @vcpu: see exit.h; vcpu->next_rip is known
 * @index: ECX
 * @write: WRMSR
 * @err: WR_MSR_FILTERED, or what wr_msr_get() or wr_msr_set() returned
 */
enum wr_run_result wr_msr_refused(struct wr_vcpu *vcpu, u32 index, bool write, int err)
{
	struct kvm_run *run = vcpu->run;
	u32 reason = exit_reason(err);

	if (!(READ_ONCE(vcpu->vm->policy.user_msrs) & reason)) {
		wr_event_exception_error(vcpu, X86_TRAP_GP, 0);
		return WR_RUN_RESUME;
	}
	vcpu->msr_exit = (struct wr_msr_exit) {
		.pending = true, .write = write, .rip = vcpu->rip, .next_rip = vcpu->next_rip,
	};
	run->exit_reason = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	memset(&run->msr, 0, sizeof(run->msr));
	run->msr.reason = reason;
	run->msr.index = index;
	if (write)
		run->msr.data = wr_edx_eax(vcpu);
	vcpu->run_error = 0;
	return WR_RUN_USER;
}

/**
 * wr_msr_complete - userspace has answered
 * @vcpu: at the start of KVM_RUN
 *
 * What it did counts only if RIP is still at the instruction.
 */
enum wr_run_result wr_msr_complete(struct wr_vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	struct wr_msr_exit *msr = &vcpu->msr_exit;
	u64 data = READ_ONCE(run->msr.data);

	msr->pending = false;
	if (vcpu->rip != msr->rip)
		return WR_RUN_RESUME;
	if (READ_ONCE(run->msr.error)) {
		wr_event_exception_error(vcpu, X86_TRAP_GP, 0);
		return WR_RUN_RESUME;
	}
	if (!msr->write) {
		vcpu->regs[WR_RAX] = (u32)data;
		vcpu->regs[WR_RDX] = data >> 32;
	}
	wr_insn_retire(vcpu, msr->next_rip);
	return WR_RUN_RESUME;
}
