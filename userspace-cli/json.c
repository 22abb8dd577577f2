// SPDX-License-Identifier: GPL-2.0-only
#include "json.h"

#include <stdio.h>

#include "words.h"

void wr_json_u64(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static void add_word(struct json_object *object, const char *key, const char *word)
{
	json_object_object_add(object, key, json_object_new_string(word));
}

struct json_object *wr_json_text(const char *text)
{
	return *text ? json_object_new_string(text) : NULL;
}

struct json_object *wr_json_id(uint32_t id)
{
	return id ? json_object_new_uint64(id) : NULL;
}

struct json_object *wr_json_counters(const struct wr_counters *counters)
{
	struct json_object *object = json_object_new_object();
	struct json_object *reasons = json_object_new_object();
	const struct wr_counter_field *field;
	struct wr_counters copy = *counters;
	unsigned int i;

	for (field = wr_counter_fields; field->name; field++)
		wr_json_u64(object, field->name, *wr_counter(&copy, field));
	for (i = 0; i < WARREN_EXIT_NR; i++)
		if (counters->reasons[i])
			wr_json_u64(reasons, wr_exit_word(i), counters->reasons[i]);
	json_object_object_add(object, "reasons", reasons);
	return object;
}

struct json_object *wr_json_guest(const struct wr_guest *guest)
{
	struct json_object *object = json_object_new_object();
	char uuid[37];

	wr_json_u64(object, "id", guest->id);
	json_object_object_add(object, "name", wr_json_text(guest->name));
	add_word(object, "uuid", wr_uuid_text(guest->uuid, uuid));
	add_word(object, "state", wr_vm_state_word(guest->state));
	json_object_object_add(object, "pid", wr_json_id(guest->pid));
	wr_json_u64(object, "uid", guest->uid);
	add_word(object, "vendor", wr_vendor_word(guest->vendor));
	add_word(object, "paging", wr_paging_word(guest->paging));
	wr_json_u64(object, "vcpus", guest->vcpus);
	wr_json_u64(object, "memory", guest->memory);
	wr_json_u64(object, "tables", guest->tables);
	wr_json_u64(object, "age_ns", guest->age);
	json_object_object_add(object, "counters", wr_json_counters(&guest->counters));
	return object;
}

struct json_object *wr_json_vcpu(const struct wr_guest_vcpu *vcpu)
{
	struct json_object *object = json_object_new_object();

	wr_json_u64(object, "index", vcpu->index);
	wr_json_u64(object, "apic_id", vcpu->apic_id);
	add_word(object, "state", wr_vcpu_state_word(vcpu->state));
	json_object_object_add(object, "tid", wr_json_id(vcpu->tid));
	json_object_object_add(object, "cpu",
			       vcpu->cpu < 0 ? NULL : json_object_new_int64(vcpu->cpu));
	json_object_object_add(object, "counters", wr_json_counters(&vcpu->counters));
	return object;
}

struct json_object *wr_json_event(const struct wr_event *event)
{
	struct json_object *object = json_object_new_object();

	add_word(object, "event", wr_event_word(event->what));
	if (!event->what) {
		wr_json_u64(object, "lost", event->lost);
		return object;
	}
	wr_json_u64(object, "time_ns", event->time);
	wr_json_u64(object, "vm", event->vm);
	json_object_object_add(object, "name", wr_json_text(event->name));
	json_object_object_add(object, "pid", wr_json_id(event->pid));
	if (event->vcpu >= 0)
		json_object_object_add(object, "vcpu", json_object_new_int64(event->vcpu));
	if (event->reason)
		add_word(object, "reason", wr_crash_word(event->reason));
	return object;
}

void wr_json_print(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

void wr_json_line(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	fflush(stdout);
	json_object_put(object);
}
