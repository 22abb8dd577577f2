// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of VMs and vCPUs: see fill.h. What a running vCPU changes is read as it is at that moment.
 */
#include <linux/ktime.h>
#include <net/netlink.h>

#include "backend.h"
#include "fill.h"
#include "warren.h"

/* struct counters - of a vCPU, or sums */
struct counters {
	u64 reasons[WARREN_EXIT_NR];
	u64 value[WARREN_A_COUNTER_MAX + 1];	/* by attribute */
};

static void count(struct counters *sum, int attr, const u64 *counter)
{
	sum->value[attr] += READ_ONCE(*counter);
}

static void count_vcpu(struct counters *sum, const struct wr_vcpu *vcpu)
{
	const struct wr_stats *stats = &vcpu->stats;
	int reason;

	for (reason = 0; reason < WARREN_EXIT_NR; reason++) {
		u64 n = READ_ONCE(stats->exits[reason]);

		sum->reasons[reason] += n;
		sum->value[WARREN_A_COUNTER_EXITS] += n;
	}
	sum->value[WARREN_A_COUNTER_GUEST_NS] += wr_vcpu_guest_ns(vcpu);
	count(sum, WARREN_A_COUNTER_FAULTS, &stats->faults);
	count(sum, WARREN_A_COUNTER_INTERRUPTS, &stats->irqs_injected);
	count(sum, WARREN_A_COUNTER_NMIS, &stats->nmis_injected);
	count(sum, WARREN_A_COUNTER_HALTS, &stats->halts);
	count(sum, WARREN_A_COUNTER_USER_EXITS, &stats->userspace_exits);
	count(sum, WARREN_A_COUNTER_EMULATED, &stats->insns_emulated);
	count(sum, WARREN_A_COUNTER_TLB_FLUSHES, &stats->tlb_flushes);
}

/* Attribute 1 + R of the nest is the count of reason R. */
static int put_reasons(struct sk_buff *skb, const u64 *reasons)
{
	struct nlattr *nest = nla_nest_start(skb, WARREN_A_COUNTER_REASONS);
	int reason;

	if (!nest)
		return -EMSGSIZE;
	for (reason = 0; reason < WARREN_EXIT_NR; reason++)
		if (reasons[reason] && nla_put_u64_64bit(skb, 1 + reason, reasons[reason], 0))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_counters(struct sk_buff *skb, int attr, const struct counters *counters)
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	int a;

	if (!nest)
		return -EMSGSIZE;
	for (a = WARREN_A_COUNTER_EXITS; a <= WARREN_A_COUNTER_MAX; a++) {
		if (a == WARREN_A_COUNTER_REASONS) {
			if (put_reasons(skb, counters->reasons))
				return -EMSGSIZE;
		} else if (nla_put_u64_64bit(skb, a, counters->value[a], WARREN_A_COUNTER_PAD)) {
			return -EMSGSIZE;
		}
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int put_identity(struct sk_buff *skb, struct wr_vm *vm, const struct wr_reader *reader)
{
	const struct wr_identity *identity = &vm->identity;
	char name[WARREN_NAME_SIZE];
	u8 uuid[WARREN_UUID_SIZE];

	wr_vm_get_name(vm, name);
	wr_vm_get_uuid(vm, uuid);
	if (name[0] && nla_put_string(skb, WARREN_A_VM_NAME, name))
		return -EMSGSIZE;
	if (nla_put_u32(skb, WARREN_A_VM_ID, identity->id) ||
	    nla_put(skb, WARREN_A_VM_UUID, sizeof(uuid), uuid) ||
	    nla_put_u32(skb, WARREN_A_VM_PID, wr_reader_pid(reader, identity->pid)) ||
	    nla_put_u32(skb, WARREN_A_VM_UID, wr_reader_uid(reader, identity->uid)))
		return -EMSGSIZE;
	return nla_put_u64_64bit(skb, WARREN_A_VM_AGE, ktime_get_boottime_ns() - identity->born_ns, WARREN_A_VM_PAD);
}

static int put_size(struct sk_buff *skb, struct wr_vm *vm)
{
	u64 tables = (u64)atomic_long_read(&vm->mmu.tables) * PAGE_SIZE;

	if (nla_put_u32(skb, WARREN_A_VM_VCPUS, atomic_read(&vm->online_vcpus)) ||
	    nla_put_u64_64bit(skb, WARREN_A_VM_MEMORY, wr_slots_size(vm), WARREN_A_VM_PAD))
		return -EMSGSIZE;
	return nla_put_u64_64bit(skb, WARREN_A_VM_TABLES, tables, WARREN_A_VM_PAD);
}

/**
 * wr_fill_vm - WARREN_A_VM_* of a VM
 * @skb: to append to
 * @vm: held
 * @reader: for whom
 *
 * Return: 0, or -EMSGSIZE with some attributes written. Context: may sleep.
 */
int wr_fill_vm(struct sk_buff *skb, struct wr_vm *vm, const struct wr_reader *reader)
{
	struct counters sum = {};
	struct wr_vcpu *vcpu;
	unsigned long i;

	wr_for_each_vcpu(i, vcpu, vm)
		count_vcpu(&sum, vcpu);
	if (put_identity(skb, vm, reader) ||
	    nla_put_u32(skb, WARREN_A_VM_STATE, READ_ONCE(vm->life.state)) ||
	    nla_put_u32(skb, WARREN_A_VM_VENDOR, wr_backend->vendor) ||
	    nla_put_u32(skb, WARREN_A_VM_PAGING, wr_backend->shadow ? WARREN_PAGING_SHADOW : WARREN_PAGING_NESTED) ||
	    put_size(skb, vm))
		return -EMSGSIZE;
	return put_counters(skb, WARREN_A_VM_COUNTERS, &sum);
}

static u32 thread_id(struct wr_vcpu *vcpu, const struct wr_reader *reader)
{
	spinlock_t *lock = &vcpu->vm->identity.lock;
	u32 tid;

	/* The vCPU's thread drops the reference when another takes its place. */
	spin_lock(lock);
	tid = wr_reader_pid(reader, vcpu->thread);
	spin_unlock(lock);
	return tid;
}

/**
 * wr_fill_vcpu - WARREN_A_VCPU_* of a vCPU
 * @skb: to append to
 * @vcpu: its VM is held
 * @reader: for whom
 *
 * Return: 0, or -EMSGSIZE with some attributes written. Context: may sleep.
 */
int wr_fill_vcpu(struct sk_buff *skb, struct wr_vcpu *vcpu, const struct wr_reader *reader)
{
	struct counters counters = {};
	int cpu = READ_ONCE(vcpu->cpu);

	count_vcpu(&counters, vcpu);
	if (nla_put_u32(skb, WARREN_A_VCPU_VM, vcpu->vm->identity.id) ||
	    nla_put_u32(skb, WARREN_A_VCPU_INDEX, vcpu->index) ||
	    nla_put_u32(skb, WARREN_A_VCPU_APIC_ID, vcpu->id) ||
	    nla_put_u32(skb, WARREN_A_VCPU_TID, thread_id(vcpu, reader)) ||
	    nla_put_u32(skb, WARREN_A_VCPU_STATE, READ_ONCE(vcpu->activity)))
		return -EMSGSIZE;
	if (cpu >= 0 && nla_put_u32(skb, WARREN_A_VCPU_CPU, cpu))
		return -EMSGSIZE;
	return put_counters(skb, WARREN_A_VCPU_COUNTERS, &counters);
}
