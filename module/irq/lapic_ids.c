// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ids of local APICs: what the registers show of them, and whom a destination means.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../compat.h"
#include "lapic.h"

/* So small that most VMs need no second table */
#define MIN_IDS	16

/**
 * wr_lapic_ids_reserve - make room for an APIC id
 * @vm: the VM
 * @id: of a vCPU that is being made
 *
 * Return: 0, or -ENOMEM. Context: may sleep; vm->lock held.
 */
int wr_lapic_ids_reserve(struct wr_vm *vm, u32 id)
{
	struct wr_lapic_ids *old = vm->irq.ids, *ids;
	u32 nr = roundup_pow_of_two(max_t(u32, id + 1, MIN_IDS));

	if (old && id < old->nr)
		return 0;
	ids = kvzalloc(struct_size(ids, vcpu, nr), GFP_KERNEL_ACCOUNT);
	if (!ids)
		return -ENOMEM;
	ids->nr = nr;
	ids->outgrown = old;
	if (old)
		memcpy(ids->vcpu, old->vcpu, array_size(old->nr, sizeof(old->vcpu[0])));
	/* What is in it before itself */
	smp_store_release(&vm->irq.ids, ids);
	return 0;
}

/**
 * wr_lapic_ids_add - messages may reach a vCPU from now on
 * @vcpu: that has just gone online
 *
 * Context: vm->lock held.
 */
void wr_lapic_ids_add(struct wr_vcpu *vcpu)
{
	if (vcpu->lapic)
		/* Who finds the vCPU sees what is in it. */
		smp_store_release(&vcpu->vm->irq.ids->vcpu[vcpu->id], vcpu);
}
WR_EXPORT_FOR_KUNIT(wr_lapic_ids_add);

/**
 * wr_lapic_ids_free - free the tables of ids
 * @vm: whose vCPUs are gone
 */
void wr_lapic_ids_free(struct wr_vm *vm)
{
	struct wr_lapic_ids *ids = vm->irq.ids, *outgrown;

	for (; ids; ids = outgrown) {
		outgrown = ids->outgrown;
		kvfree(ids);
	}
	vm->irq.ids = NULL;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_ids_free);

/**
 * wr_x2apic_api - KVM_CAP_X2APIC_API: userspace knows of ids with 32 bits
 * @vm: the VM
 * @flags: KVM_X2APIC_API_*; what was turned on stays so
 *
 * Return: 0, or -EINVAL for unknown flags. Context: vm->lock held.
 */
int wr_x2apic_api(struct wr_vm *vm, u64 flags)
{
	if (flags & ~(u64)WR_X2APIC_API_FLAGS)
		return -EINVAL;
	WRITE_ONCE(vm->irq.x2apic_api, vm->irq.x2apic_api | flags);
	return 0;
}

/**
 * wr_lapic_show_ids - put into the registers what the mode says about id and logical id
 * @lapic: local APIC
 *
 * x2APIC derives the latter: cluster, and a bit in it. Of an id above 255 xAPIC mode shows the low bits, as KVM's does.
 * Context: vCPU's thread.
 */
void wr_lapic_show_ids(struct wr_lapic *lapic)
{
	u32 id = lapic->vcpu->id;

	if (!wr_lapic_x2apic(lapic)) {
		wr_lapic_set_reg(lapic, APIC_ID, SET_XAPIC_DEST_FIELD(id));
		return;
	}
	wr_lapic_set_reg(lapic, APIC_ID, id);
	wr_lapic_set_reg(lapic, APIC_LDR, id >> 4 << 16 | BIT(id & 0xf));
}

/**
 * wr_lapic_id_shift - how far APIC_ID is shifted in struct kvm_lapic_state
 * @lapic: local APIC
 *
 * x2APIC ids are unshifted, if userspace knows them.
 */
int wr_lapic_id_shift(const struct wr_lapic *lapic)
{
	u64 api = lapic->vcpu->vm->irq.x2apic_api;

	return wr_lapic_x2apic(lapic) && (api & KVM_X2APIC_API_USE_32BIT_IDS) ? 0 : 24;
}

/*
 * Does the sender name its destinations with 8 bits? Then 255 means all. The IOAPIC and MSIs do,
 * unless userspace has asked for 32-bit ids.
 */
static bool sender_is_narrow(const struct wr_vm *vm, const struct wr_vcpu *source)
{
	if (source)
		return !wr_lapic_x2apic(source->lapic);
	return !(vm->irq.x2apic_api & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
}

/* A vCPU that sends says by its own mode what it means by 255; of a message from elsewhere the receiver's mode says it. */
static bool is_broadcast(const struct wr_lapic *lapic, const struct wr_lapic_targets *targets)
{
	u32 dest = targets->msg->dest;

	if (dest == WR_X2APIC_BROADCAST)
		return true;
	return dest == WR_XAPIC_BROADCAST && (targets->narrow || (!targets->source && !wr_lapic_x2apic(lapic)));
}

static bool matches_logical(const struct wr_lapic *lapic, u32 dest)
{
	u32 ldr = wr_lapic_reg(lapic, APIC_LDR);

	/* Cluster in the upper half, one bit per member in the lower */
	if (wr_lapic_x2apic(lapic))
		return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
	if (dest > 0xff)
		return false;
	ldr = GET_APIC_LOGICAL_ID(ldr);
	if (wr_lapic_reg(lapic, APIC_DFR) == APIC_DFR_FLAT)
		return ldr & dest;
	return ldr >> 4 == dest >> 4 && (ldr & dest & 0xf);
}

static bool matches(const struct wr_lapic *lapic, const struct wr_lapic_targets *targets)
{
	const struct wr_lapic_msg *msg = targets->msg;

	if (!wr_lapic_hw_enabled(lapic))
		return false;
	if (msg->shorthand == WR_SHORTHAND_ALL)
		return true;
	if (msg->shorthand == WR_SHORTHAND_OTHERS)
		return lapic->vcpu != targets->source;
	if (is_broadcast(lapic, targets))
		return true;
	if (msg->logical)
		return matches_logical(lapic, msg->dest);
	return lapic->vcpu->id == msg->dest;
}

/*
 * In x2APIC mode the logical destination spells out the ids: a cluster is 16 of them in a row. A device's that 8 bits do not hold
 * means nobody in the other mode.
 */
static bool spells_ids(const struct wr_vcpu *source, const struct wr_lapic_msg *msg)
{
	if (!msg->logical || msg->shorthand || msg->dest == WR_X2APIC_BROADCAST)
		return false;
	return source ? wr_lapic_x2apic(source->lapic) : msg->dest > 0xff;
}

/**
 * wr_lapic_is_wide - are all vCPUs looked at to deliver a message?
 * @msg: of a device
 *
 * Return: false if no more than a cluster is. Context: any.
 */
bool wr_lapic_is_wide(const struct wr_lapic_msg *msg)
{
	if (msg->logical)
		return !spells_ids(NULL, msg);
	return msg->dest == WR_XAPIC_BROADCAST || msg->dest == WR_X2APIC_BROADCAST;
}

/**
 * wr_lapic_targets - whom is a message meant for?
 * @vm: the VM
 * @source: vCPU that sends an IPI; NULL for the IOAPIC and MSIs
 * @msg: its destination; it has to stay
 *
 * Return: a walk that begins. Context: any.
 */
struct wr_lapic_targets wr_lapic_targets(struct wr_vm *vm, const struct wr_vcpu *source, const struct wr_lapic_msg *msg)
{
	bool spelled = spells_ids(source, msg);

	return (struct wr_lapic_targets) {
		.vm = vm,
		.source = source,
		.msg = msg,
		.narrow = sender_is_narrow(vm, source),
		.spelled = spelled,
		/* Pairs with the raise of online_vcpus: what it counts is in the array. */
		.end = spelled ? 16 : atomic_read_acquire(&vm->online_vcpus),
	};
}

static struct wr_lapic *candidate(const struct wr_lapic_targets *targets, u32 i)
{
	struct wr_vcpu *vcpu;

	if (targets->spelled)
		return targets->msg->dest & BIT(i) ? wr_lapic_by_id(targets->vm, (targets->msg->dest >> 16 << 4) + i) : NULL;
	vcpu = xa_load(&targets->vm->vcpus, i);
	return vcpu ? vcpu->lapic : NULL;
}

/**
 * wr_lapic_next_target - a step of the walk
 * @targets: from wr_lapic_targets()
 *
 * Return: the next of those who are meant, NULL after the last. Context: any.
 */
struct wr_lapic *wr_lapic_next_target(struct wr_lapic_targets *targets)
{
	struct wr_lapic *lapic;

	while (targets->next < targets->end) {
		lapic = candidate(targets, targets->next++);
		if (lapic && matches(lapic, targets))
			return lapic;
	}
	return NULL;
}
