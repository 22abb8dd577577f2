// SPDX-License-Identifier: GPL-2.0-only
/* From netlink messages to plain structs. */
#include "guests.h"

#include <errno.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct nla_policy vm_policy[WARREN_A_VM_MAX + 1] = {
	[WARREN_A_VM_ID] = { .type = NLA_U32 },
	[WARREN_A_VM_NAME] = { .type = NLA_STRING },
	[WARREN_A_VM_UUID] = { .minlen = WARREN_UUID_SIZE },
	[WARREN_A_VM_PID] = { .type = NLA_U32 },
	[WARREN_A_VM_UID] = { .type = NLA_U32 },
	[WARREN_A_VM_STATE] = { .type = NLA_U32 },
	[WARREN_A_VM_VENDOR] = { .type = NLA_U32 },
	[WARREN_A_VM_PAGING] = { .type = NLA_U32 },
	[WARREN_A_VM_VCPUS] = { .type = NLA_U32 },
	[WARREN_A_VM_MEMORY] = { .type = NLA_U64 },
	[WARREN_A_VM_TABLES] = { .type = NLA_U64 },
	[WARREN_A_VM_AGE] = { .type = NLA_U64 },
	[WARREN_A_VM_COUNTERS] = { .type = NLA_NESTED },
};

static struct nla_policy vcpu_policy[WARREN_A_VCPU_MAX + 1] = {
	[WARREN_A_VCPU_VM] = { .type = NLA_U32 },
	[WARREN_A_VCPU_INDEX] = { .type = NLA_U32 },
	[WARREN_A_VCPU_APIC_ID] = { .type = NLA_U32 },
	[WARREN_A_VCPU_TID] = { .type = NLA_U32 },
	[WARREN_A_VCPU_STATE] = { .type = NLA_U32 },
	[WARREN_A_VCPU_CPU] = { .type = NLA_U32 },
	[WARREN_A_VCPU_COUNTERS] = { .type = NLA_NESTED },
};

static struct nla_policy counter_policy[WARREN_A_COUNTER_MAX + 1] = {
	[WARREN_A_COUNTER_EXITS] = { .type = NLA_U64 },
	[WARREN_A_COUNTER_REASONS] = { .type = NLA_NESTED },
	[WARREN_A_COUNTER_GUEST_NS] = { .type = NLA_U64 },
	[WARREN_A_COUNTER_FAULTS] = { .type = NLA_U64 },
	[WARREN_A_COUNTER_INTERRUPTS] = { .type = NLA_U64 },
	[WARREN_A_COUNTER_NMIS] = { .type = NLA_U64 },
	[WARREN_A_COUNTER_HALTS] = { .type = NLA_U64 },
	[WARREN_A_COUNTER_USER_EXITS] = { .type = NLA_U64 },
	[WARREN_A_COUNTER_EMULATED] = { .type = NLA_U64 },
	[WARREN_A_COUNTER_TLB_FLUSHES] = { .type = NLA_U64 },
};

static struct nla_policy event_policy[WARREN_A_EVENT_MAX + 1] = {
	[WARREN_A_EVENT_WHAT] = { .type = NLA_U32 },
	[WARREN_A_EVENT_TIME] = { .type = NLA_U64 },
	[WARREN_A_EVENT_VM] = { .type = NLA_U32 },
	[WARREN_A_EVENT_NAME] = { .type = NLA_STRING },
	[WARREN_A_EVENT_PID] = { .type = NLA_U32 },
	[WARREN_A_EVENT_VCPU] = { .type = NLA_U32 },
	[WARREN_A_EVENT_REASON] = { .type = NLA_U32 },
	[WARREN_A_EVENT_LOST] = { .type = NLA_U64 },
};

#define FIELD(member, attribute, title) \
	{ #member, title, WARREN_A_COUNTER_##attribute, offsetof(struct wr_counters, member) }

const struct wr_counter_field wr_counter_fields[] = {
	FIELD(exits, EXITS, "exits"),
	FIELD(guest_ns, GUEST_NS, "time in guest"),
	FIELD(faults, FAULTS, "stage-2 faults"),
	FIELD(interrupts, INTERRUPTS, "interrupts"),
	FIELD(nmis, NMIS, "NMIs"),
	FIELD(halts, HALTS, "halts"),
	FIELD(user_exits, USER_EXITS, "exits to VMM"),
	FIELD(emulated, EMULATED, "emulated"),
	FIELD(tlb_flushes, TLB_FLUSHES, "TLB flushes"),
	{ 0 },
};

uint64_t *wr_counter(struct wr_counters *counters, const struct wr_counter_field *field)
{
	return (uint64_t *)((char *)counters + field->offset);
}

int wr_list_add(struct wr_list *list, const void *item, size_t size)
{
	/* Grow at each power of two. */
	if (!(list->count & (list->count - 1))) {
		void *items = realloc(list->items, (list->count ? 2 * list->count : 1) * size);

		if (!items)
			return -ENOMEM;
		list->items = items;
	}
	memcpy((char *)list->items + list->count * size, item, size);
	list->count++;
	return 0;
}

static uint32_t get_u32(struct nlattr *attribute)
{
	return attribute ? nla_get_u32(attribute) : 0;
}

/* Of what may not be there: -1 then. */
static int64_t get_index(struct nlattr *attribute)
{
	return attribute ? (int64_t)nla_get_u32(attribute) : -1;
}

static uint64_t get_u64(struct nlattr *attribute)
{
	return attribute ? nla_get_u64(attribute) : 0;
}

static void get_name(struct nlattr *attribute, char name[WARREN_NAME_SIZE])
{
	name[0] = '\0';
	if (attribute)
		nla_strlcpy(name, attribute, WARREN_NAME_SIZE);
}

static void parse_reasons(struct nlattr *nest, struct wr_counters *counters)
{
	struct nlattr *attribute;
	int left;

	nla_for_each_nested(attribute, nest, left) {
		int reason = nla_type(attribute) - 1;

		if (nla_len(attribute) < (int)sizeof(uint64_t))
			continue;
		if (reason < 0 || reason >= WARREN_EXIT_NR)
			reason = WARREN_EXIT_OTHER;
		counters->reasons[reason] += nla_get_u64(attribute);
	}
}

static int parse_counters(struct nlattr *nest, struct wr_counters *counters)
{
	struct nlattr *at[WARREN_A_COUNTER_MAX + 1];
	const struct wr_counter_field *field;

	if (!nest)
		return 0;
	if (nla_parse_nested(at, WARREN_A_COUNTER_MAX, nest, counter_policy))
		return -EBADMSG;
	for (field = wr_counter_fields; field->name; field++)
		*wr_counter(counters, field) = get_u64(at[field->attribute]);
	if (at[WARREN_A_COUNTER_REASONS])
		parse_reasons(at[WARREN_A_COUNTER_REASONS], counters);
	return 0;
}

static bool is_command(struct nlmsghdr *message, uint8_t command)
{
	return genlmsg_valid_hdr(message, 0) && genlmsg_hdr(message)->cmd == command;
}

int wr_guest_parse(struct nlmsghdr *message, struct wr_guest *guest)
{
	struct nlattr *at[WARREN_A_VM_MAX + 1];

	memset(guest, 0, sizeof(*guest));
	if (!is_command(message, WARREN_CMD_VM_GET) ||
	    genlmsg_parse(message, 0, at, WARREN_A_VM_MAX, vm_policy) || !at[WARREN_A_VM_ID])
		return -EBADMSG;
	guest->id = get_u32(at[WARREN_A_VM_ID]);
	get_name(at[WARREN_A_VM_NAME], guest->name);
	if (at[WARREN_A_VM_UUID])
		memcpy(guest->uuid, nla_data(at[WARREN_A_VM_UUID]), sizeof(guest->uuid));
	guest->pid = get_u32(at[WARREN_A_VM_PID]);
	guest->uid = get_u32(at[WARREN_A_VM_UID]);
	guest->state = get_u32(at[WARREN_A_VM_STATE]);
	guest->vendor = get_u32(at[WARREN_A_VM_VENDOR]);
	guest->paging = get_u32(at[WARREN_A_VM_PAGING]);
	guest->vcpus = get_u32(at[WARREN_A_VM_VCPUS]);
	guest->memory = get_u64(at[WARREN_A_VM_MEMORY]);
	guest->tables = get_u64(at[WARREN_A_VM_TABLES]);
	guest->age = get_u64(at[WARREN_A_VM_AGE]);
	return parse_counters(at[WARREN_A_VM_COUNTERS], &guest->counters);
}

int wr_guest_vcpu_parse(struct nlmsghdr *message, struct wr_guest_vcpu *vcpu)
{
	struct nlattr *at[WARREN_A_VCPU_MAX + 1];

	memset(vcpu, 0, sizeof(*vcpu));
	if (!is_command(message, WARREN_CMD_VCPU_GET) ||
	    genlmsg_parse(message, 0, at, WARREN_A_VCPU_MAX, vcpu_policy) ||
	    !at[WARREN_A_VCPU_VM] || !at[WARREN_A_VCPU_INDEX])
		return -EBADMSG;
	vcpu->vm = get_u32(at[WARREN_A_VCPU_VM]);
	vcpu->index = get_u32(at[WARREN_A_VCPU_INDEX]);
	vcpu->apic_id = get_u32(at[WARREN_A_VCPU_APIC_ID]);
	vcpu->tid = get_u32(at[WARREN_A_VCPU_TID]);
	vcpu->state = get_u32(at[WARREN_A_VCPU_STATE]);
	vcpu->cpu = get_index(at[WARREN_A_VCPU_CPU]);
	return parse_counters(at[WARREN_A_VCPU_COUNTERS], &vcpu->counters);
}

int wr_event_parse(struct nlmsghdr *message, struct wr_event *event)
{
	struct nlattr *at[WARREN_A_EVENT_MAX + 1];
	bool lost = is_command(message, WARREN_CMD_LOST);

	memset(event, 0, sizeof(*event));
	if ((!lost && !is_command(message, WARREN_CMD_EVENT)) ||
	    genlmsg_parse(message, 0, at, WARREN_A_EVENT_MAX, event_policy) ||
	    !at[lost ? WARREN_A_EVENT_LOST : WARREN_A_EVENT_WHAT])
		return -EBADMSG;
	event->what = lost ? 0 : get_u32(at[WARREN_A_EVENT_WHAT]);
	event->time = get_u64(at[WARREN_A_EVENT_TIME]);
	event->vm = get_u32(at[WARREN_A_EVENT_VM]);
	get_name(at[WARREN_A_EVENT_NAME], event->name);
	event->pid = get_u32(at[WARREN_A_EVENT_PID]);
	event->vcpu = get_index(at[WARREN_A_EVENT_VCPU]);
	event->reason = get_u32(at[WARREN_A_EVENT_REASON]);
	event->lost = get_u64(at[WARREN_A_EVENT_LOST]);
	return 0;
}

int wr_guest_compare(const void *a, const void *b)
{
	const struct wr_guest *first = a, *second = b;

	return (first->id > second->id) - (first->id < second->id);
}

static int compare_counts(const void *a, const void *b, void *context)
{
	const uint64_t *counts = context;
	uint64_t first = counts[*(const unsigned int *)a], second = counts[*(const unsigned int *)b];

	return (second > first) - (second < first);
}

unsigned int wr_reasons_order(const uint64_t *counts, unsigned int *order)
{
	unsigned int i, seen = 0;

	for (i = 0; i < WARREN_EXIT_NR; i++) {
		order[i] = i;
		seen += counts[i] != 0;
	}
	qsort_r(order, WARREN_EXIT_NR, sizeof(*order), compare_counts, (void *)counts);
	return seen;
}
