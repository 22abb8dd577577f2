/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_GUESTS_H
#define WARREN_CLI_GUESTS_H

#include <linux/warren.h>
#include <linux/warren_genl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;

/* What the kernel tells about VMs (linux/warren_genl.h), as plain structs. */

/**
 * struct wr_counters - what a VM or vCPU has done so far
 * @reasons: exits by enum warren_exit; those that this program does not know count as WARREN_EXIT_OTHER
 *
 * The others are those of enum warren_a_counter.
 */
struct wr_counters {
	uint64_t exits;
	uint64_t reasons[WARREN_EXIT_NR];
	uint64_t guest_ns;
	uint64_t faults;
	uint64_t interrupts;
	uint64_t nmis;
	uint64_t halts;
	uint64_t user_exits;
	uint64_t emulated;
	uint64_t tlb_flushes;
};

/**
 * struct wr_counter_field - one of the counters but for @reasons
 * @name: in JSON
 * @title: for people
 * @attribute: enum warren_a_counter
 * @offset: in struct wr_counters
 */
struct wr_counter_field {
	const char *name;
	const char *title;
	int attribute;
	size_t offset;
};

/* All of them; ends with a @name of NULL. */
extern const struct wr_counter_field wr_counter_fields[];

/**
 * wr_counter() - the counter that a field is about
 * @counters: those of a VM or vCPU
 * @field: of wr_counter_fields
 *
 * Return: where it is.
 */
uint64_t *wr_counter(struct wr_counters *counters, const struct wr_counter_field *field);

/**
 * struct wr_guest - a VM
 * @name: "" if it has none
 * @pid: 0 if its process is gone or not in our PID namespace
 * @state: enum warren_vm_state
 * @vendor: enum warren_vendor
 * @paging: enum warren_paging
 * @memory: bytes
 * @tables: bytes
 * @age: ns
 */
struct wr_guest {
	uint32_t id;
	char name[WARREN_NAME_SIZE];
	uint8_t uuid[WARREN_UUID_SIZE];
	uint32_t pid;
	uint32_t uid;
	uint32_t state;
	uint32_t vendor;
	uint32_t paging;
	uint32_t vcpus;
	uint64_t memory;
	uint64_t tables;
	uint64_t age;
	struct wr_counters counters;
};

/**
 * struct wr_guest_vcpu - a vCPU
 * @vm: id of its VM
 * @tid: 0 if it never ran, or its thread is gone or not in our PID namespace
 * @state: enum warren_vcpu_state
 * @cpu: the host's CPU that ran it last, -1 if none has
 */
struct wr_guest_vcpu {
	uint32_t vm;
	uint32_t index;
	uint32_t apic_id;
	uint32_t tid;
	uint32_t state;
	int64_t cpu;
	struct wr_counters counters;
};

/**
 * struct wr_event - an event, or how many were lost before the next one
 * @what: enum warren_event; 0: lost
 * @time: CLOCK_REALTIME in ns
 * @name: of the VM, "" if it has none
 * @vcpu: index, -1 if the event is about no vCPU
 * @reason: enum warren_crash, or 0
 * @lost: how many
 */
struct wr_event {
	uint32_t what;
	uint64_t time;
	uint32_t vm;
	char name[WARREN_NAME_SIZE];
	uint32_t pid;
	int64_t vcpu;
	uint32_t reason;
	uint64_t lost;
};

/**
 * struct wr_list - a growing array
 * @items: free() it
 * @count: how many items
 */
struct wr_list {
	void *items;
	size_t count;
};

/**
 * wr_list_add() - append a copy of an item
 * @list: zeroed before the first
 * @item: what to copy
 * @size: of each item of this list
 *
 * Return: 0 or -ENOMEM.
 */
int wr_list_add(struct wr_list *list, const void *item, size_t size);

/**
 * wr_guest_parse() - read an answer to WARREN_CMD_VM_GET
 * @message: the message, as it came
 * @guest: filled in
 *
 * Return: 0, or -EBADMSG for what is no such answer.
 */
int wr_guest_parse(struct nlmsghdr *message, struct wr_guest *guest);

/**
 * wr_guest_vcpu_parse() - read an answer to WARREN_CMD_VCPU_GET
 * @message: the message, as it came
 * @vcpu: filled in
 *
 * Return: 0, or -EBADMSG for what is no such answer.
 */
int wr_guest_vcpu_parse(struct nlmsghdr *message, struct wr_guest_vcpu *vcpu);

/**
 * wr_event_parse() - read WARREN_CMD_EVENT or WARREN_CMD_LOST
 * @message: the message, as it came
 * @event: filled in
 *
 * Return: 0, or -EBADMSG for what is neither.
 */
int wr_event_parse(struct nlmsghdr *message, struct wr_event *event);

/**
 * wr_guest_compare() - order of ids, for qsort() and bsearch()
 * @a: struct wr_guest
 * @b: another one
 *
 * Return: less than, equal to or greater than 0.
 */
int wr_guest_compare(const void *a, const void *b);

/**
 * wr_reasons_order() - reasons of exits, the most frequent first
 * @counts: of each reason, WARREN_EXIT_NR of them
 * @order: as many reasons, filled in
 *
 * Return: how many of them were seen.
 */
unsigned int wr_reasons_order(const uint64_t *counts, unsigned int *order);

#endif
