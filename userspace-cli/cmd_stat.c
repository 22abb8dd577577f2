// SPDX-License-Identifier: GPL-2.0-only
/* warren stat: all that is known about one VM. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "json.h"
#include "lookup.h"
#include "manage.h"
#include "status.h"
#include "words.h"

struct stat_request {
	const char *vm;
	bool json;
};

static void add_pair(struct wr_table *table, const char *key, const char *value)
{
	wr_table_cell(table, WR_COLOUR_BOLD, "%s", key);
	wr_table_cell(table, WR_COLOUR_NONE, "%s", value);
}

static int show_vm(const struct wr_guest *vm)
{
	static const struct wr_column columns[] = { { "", false }, { "", false } };
	struct wr_table table = { .columns = columns, .nr_columns = ARRAY_SIZE(columns) };
	char text[128];

	snprintf(text, sizeof(text), "%u", vm->id);
	add_pair(&table, "id", text);
	add_pair(&table, "name", vm->name[0] ? vm->name : "-");
	add_pair(&table, "uuid", wr_uuid_text(vm->uuid, text));
	wr_table_cell(&table, WR_COLOUR_BOLD, "state");
	wr_table_cell(&table, wr_state_colour(vm->state), "%s", wr_vm_state_word(vm->state));
	snprintf(text, sizeof(text), "%u", vm->pid);
	add_pair(&table, "process", vm->pid ? text : "-");
	add_pair(&table, "user", wr_user_text(vm->uid, text, sizeof(text)));
	snprintf(text, sizeof(text), "%s, %s paging", wr_vendor_word(vm->vendor),
		 wr_paging_word(vm->paging));
	add_pair(&table, "hypervisor", text);
	add_pair(&table, "memory", wr_size_text(vm->memory, text));
	add_pair(&table, "tables", wr_size_text(vm->tables, text));
	add_pair(&table, "age", wr_time_text(vm->age, text));
	return wr_table_print(&table, false, 0);
}

static bool is_time(const struct wr_counter_field *field)
{
	return field->offset == offsetof(struct wr_counters, guest_ns);
}

static void add_counter(struct wr_table *table, struct wr_counters *counters,
			const struct wr_counter_field *field)
{
	uint64_t value = *wr_counter(counters, field);
	char text[WR_TEXT_SIZE];

	if (is_time(field))
		wr_table_cell(table, WR_COLOUR_NONE, "%s", wr_time_text(value, text));
	else
		wr_table_cell(table, WR_COLOUR_NONE, "%llu", (unsigned long long)value);
}

/* A column for the VM, then one for each vCPU would be too wide: counters stand in rows, vCPUs in a table of their own. */
static int show_counters(struct wr_guest *vm)
{
	static const struct wr_column columns[] = { { "COUNTER", false }, { "TOTAL", true } };
	struct wr_table table = { .columns = columns, .nr_columns = ARRAY_SIZE(columns) };
	const struct wr_counter_field *field;

	for (field = wr_counter_fields; field->name; field++) {
		wr_table_cell(&table, WR_COLOUR_NONE, "%s", field->title);
		add_counter(&table, &vm->counters, field);
	}
	return wr_table_print(&table, true, 0);
}

/* Reasons that were seen, the most frequent first. */
static int show_reasons(const struct wr_guest *vm)
{
	static const struct wr_column columns[] = {
		{ "EXIT", false }, { "COUNT", true }, { "SHARE", true },
	};
	struct wr_table table = { .columns = columns, .nr_columns = ARRAY_SIZE(columns) };
	uint64_t counts[WARREN_EXIT_NR], total = 0;
	unsigned int order[WARREN_EXIT_NR], seen, i;

	memcpy(counts, vm->counters.reasons, sizeof(counts));
	for (i = 0; i < WARREN_EXIT_NR; i++)
		total += counts[i];
	seen = wr_reasons_order(counts, order);
	for (i = 0; i < seen; i++) {
		wr_table_cell(&table, WR_COLOUR_NONE, "%s", wr_exit_word(order[i]));
		wr_table_cell(&table, WR_COLOUR_NONE, "%llu",
			      (unsigned long long)counts[order[i]]);
		wr_table_cell(&table, WR_COLOUR_NONE, "%.1f%%",
			      100.0 * (double)counts[order[i]] / (double)total);
	}
	return wr_table_print(&table, true, 0);
}

static int show_vcpus(struct wr_list *vcpus)
{
	static const struct wr_column columns[] = {
		{ "VCPU", true }, { "APIC", true }, { "STATE", false }, { "THREAD", true },
		{ "CPU", true }, { "EXITS", true }, { "GUEST", true }, { "FAULTS", true },
		{ "INTR", true }, { "NMIS", true }, { "HALTS", true }, { "USER", true },
		{ "EMUL", true }, { "FLUSHES", true },
	};
	struct wr_table table = { .columns = columns, .nr_columns = ARRAY_SIZE(columns) };
	struct wr_guest_vcpu *vcpu = vcpus->items, *end = vcpu + vcpus->count;
	const struct wr_counter_field *field;

	for (; vcpu < end; vcpu++) {
		wr_table_cell(&table, WR_COLOUR_NONE, "%u", vcpu->index);
		wr_table_cell(&table, WR_COLOUR_NONE, "%u", vcpu->apic_id);
		wr_table_cell(&table, WR_COLOUR_NONE, "%s", wr_vcpu_state_word(vcpu->state));
		if (vcpu->tid)
			wr_table_cell(&table, WR_COLOUR_NONE, "%u", vcpu->tid);
		else
			wr_table_cell(&table, WR_COLOUR_NONE, "-");
		if (vcpu->cpu >= 0)
			wr_table_cell(&table, WR_COLOUR_NONE, "%lld", (long long)vcpu->cpu);
		else
			wr_table_cell(&table, WR_COLOUR_NONE, "-");
		for (field = wr_counter_fields; field->name; field++)
			add_counter(&table, &vcpu->counters, field);
	}
	return wr_table_print(&table, true, 0);
}

static int show(struct wr_guest *vm, struct wr_list *vcpus)
{
	int status = show_vm(vm);

	putchar('\n');
	status = status ? status : show_counters(vm);
	putchar('\n');
	status = status ? status : show_reasons(vm);
	putchar('\n');
	return status ? status : show_vcpus(vcpus);
}

static int show_json(const struct wr_guest *vm, const struct wr_list *vcpus)
{
	const struct wr_guest_vcpu *vcpu = vcpus->items, *end = vcpu + vcpus->count;
	struct json_object *object = wr_json_guest(vm), *array = json_object_new_array();

	for (; vcpu < end; vcpu++)
		json_object_array_add(array, wr_json_vcpu(vcpu));
	json_object_object_add(object, "vcpu", array);
	wr_json_print(object);
	return 0;
}

enum stat_option {
	OPT_JSON = 'j',
};

static const struct argp_option options[] = {
	{ "json", OPT_JSON, NULL, 0, "as a JSON object, with exits by reason of each vCPU", 1 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stat_request *request = state->input;

	switch (key) {
	case OPT_JSON:
		request->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (request->vm)
			argp_error(state, "one VM at a time, not also '%s'", arg);
		request->vm = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "name a VM: its id or its name, as `warren ps` shows them");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "VM",
	.doc = "Show all that is known about a virtual machine: what it is, counters, exits by "
	       "reason, vCPUs.\v" WR_STATUS_DOC,
};

int wr_cmd_stat(int argc, char **argv)
{
	struct stat_request request = { 0 };
	struct wr_list vcpus = { 0 };
	struct wr_netlink link;
	struct wr_guest vm;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &request))
		return WR_STATUS_USAGE;
	status = wr_netlink_open(&link);
	if (status)
		return status;
	status = wr_lookup(&link, request.vm, &vm);
	if (!status)
		status = wr_netlink_vcpus(&link, vm.id, &vcpus);
	if (!status)
		status = request.json ? show_json(&vm, &vcpus) : show(&vm, &vcpus);
	free(vcpus.items);
	wr_netlink_close(&link);
	return status;
}
