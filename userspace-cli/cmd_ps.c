// SPDX-License-Identifier: GPL-2.0-only
/* warren ps: the VMs that there are. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "json.h"
#include "manage.h"
#include "status.h"
#include "words.h"

#define COLUMNS_DEFAULT "id,name,state,vcpus,memory,pid,user,age"

/**
 * struct ps_column - a column that --columns can name
 * @name: there, and in capitals the title
 * @column: in the table
 * @add: adds a VM's cell
 */
struct ps_column {
	const char *name;
	struct wr_column column;
	void (*add)(struct wr_table *table, const struct wr_guest *guest);
};

static void add_id(struct wr_table *table, const struct wr_guest *guest)
{
	wr_table_cell(table, WR_COLOUR_NONE, "%u", guest->id);
}

static void add_name(struct wr_table *table, const struct wr_guest *guest)
{
	wr_table_cell(table, WR_COLOUR_NONE, "%s", guest->name[0] ? guest->name : "-");
}

static void add_uuid(struct wr_table *table, const struct wr_guest *guest)
{
	char text[37];

	wr_table_cell(table, WR_COLOUR_NONE, "%s", wr_uuid_text(guest->uuid, text));
}

static void add_state(struct wr_table *table, const struct wr_guest *guest)
{
	wr_table_cell(table, wr_state_colour(guest->state), "%s", wr_vm_state_word(guest->state));
}

static void add_vcpus(struct wr_table *table, const struct wr_guest *guest)
{
	wr_table_cell(table, WR_COLOUR_NONE, "%u", guest->vcpus);
}

static void add_memory(struct wr_table *table, const struct wr_guest *guest)
{
	char text[WR_TEXT_SIZE];

	wr_table_cell(table, WR_COLOUR_NONE, "%s", wr_size_text(guest->memory, text));
}

static void add_tables(struct wr_table *table, const struct wr_guest *guest)
{
	char text[WR_TEXT_SIZE];

	wr_table_cell(table, WR_COLOUR_NONE, "%s", wr_size_text(guest->tables, text));
}

static void add_vendor(struct wr_table *table, const struct wr_guest *guest)
{
	wr_table_cell(table, WR_COLOUR_NONE, "%s", wr_vendor_word(guest->vendor));
}

static void add_paging(struct wr_table *table, const struct wr_guest *guest)
{
	wr_table_cell(table, WR_COLOUR_NONE, "%s", wr_paging_word(guest->paging));
}

static void add_pid(struct wr_table *table, const struct wr_guest *guest)
{
	if (guest->pid)
		wr_table_cell(table, WR_COLOUR_NONE, "%u", guest->pid);
	else
		wr_table_cell(table, WR_COLOUR_NONE, "-");
}

static void add_user(struct wr_table *table, const struct wr_guest *guest)
{
	char text[64];

	wr_table_cell(table, WR_COLOUR_NONE, "%s", wr_user_text(guest->uid, text, sizeof(text)));
}

static void add_age(struct wr_table *table, const struct wr_guest *guest)
{
	char text[WR_TEXT_SIZE];

	wr_table_cell(table, WR_COLOUR_NONE, "%s", wr_time_text(guest->age, text));
}

static const struct ps_column ps_columns[] = {
	{ "id", { "ID", true }, add_id },
	{ "name", { "NAME", false }, add_name },
	{ "uuid", { "UUID", false }, add_uuid },
	{ "state", { "STATE", false }, add_state },
	{ "vcpus", { "VCPUS", true }, add_vcpus },
	{ "memory", { "MEMORY", true }, add_memory },
	{ "tables", { "TABLES", true }, add_tables },
	{ "vendor", { "VENDOR", false }, add_vendor },
	{ "paging", { "PAGING", false }, add_paging },
	{ "pid", { "PID", true }, add_pid },
	{ "user", { "USER", false }, add_user },
	{ "age", { "AGE", true }, add_age },
};

/**
 * struct ps - what is asked for
 * @chosen: the columns
 * @nr_chosen: how many
 */
struct ps {
	const struct ps_column *chosen[WR_TABLE_COLUMNS];
	size_t nr_chosen;
	bool json;
	bool no_head;
};

static const struct ps_column *find_column(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ps_columns); i++)
		if (strlen(ps_columns[i].name) == len && !strncmp(ps_columns[i].name, name, len))
			return &ps_columns[i];
	return NULL;
}

static void choose(struct ps *ps, const char *list, struct argp_state *state)
{
	const char *at = list;

	for (ps->nr_chosen = 0;; at++) {
		size_t len = strcspn(at, ",");
		const struct ps_column *column = find_column(at, len);

		if (!column)
			argp_error(state, "there is no column '%.*s'", (int)len, at);
		if (ps->nr_chosen == WR_TABLE_COLUMNS)
			argp_error(state, "these are too many columns: %s", list);
		ps->chosen[ps->nr_chosen++] = column;
		at += len;
		if (!*at)
			return;
	}
}

static int show(const struct ps *ps, const struct wr_list *vms)
{
	const struct wr_guest *guest = vms->items, *end = guest + vms->count;
	struct wr_column columns[WR_TABLE_COLUMNS];
	struct wr_table table = { .columns = columns, .nr_columns = ps->nr_chosen };
	size_t i;

	for (i = 0; i < ps->nr_chosen; i++)
		columns[i] = ps->chosen[i]->column;
	for (; guest < end; guest++)
		for (i = 0; i < ps->nr_chosen; i++)
			ps->chosen[i]->add(&table, guest);
	return wr_table_print(&table, !ps->no_head, 0);
}

static int show_json(const struct wr_list *vms)
{
	const struct wr_guest *guest = vms->items, *end = guest + vms->count;
	struct json_object *array = json_object_new_array();

	for (; guest < end; guest++)
		json_object_array_add(array, wr_json_guest(guest));
	wr_json_print(array);
	return 0;
}

enum ps_option {
	OPT_JSON = 'j',
	OPT_NO_HEAD = 'H',
	OPT_COLUMNS = 'o',
};

static const struct argp_option options[] = {
	{ "columns", OPT_COLUMNS, "LIST", 0, "columns to show (default: " COLUMNS_DEFAULT ")", 1 },
	{ "no-head", OPT_NO_HEAD, NULL, 0, "no line of titles", 1 },
	{ "json", OPT_JSON, NULL, 0, "everything as a JSON array", 1 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ps *ps = state->input;

	switch (key) {
	case OPT_COLUMNS:
		choose(ps, arg, state);
		return 0;
	case OPT_NO_HEAD:
		ps->no_head = true;
		return 0;
	case OPT_JSON:
		ps->json = true;
		return 0;
	case ARGP_KEY_INIT:
		choose(ps, COLUMNS_DEFAULT, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "List your virtual machines; as root, everybody's."
	       "\vColumns: id, name, uuid, state, vcpus, memory, tables (memory of the hypervisor's "
	       "page tables), vendor, paging, pid, user, age.\n\n"
	       WR_STATUS_DOC,
};

int wr_cmd_ps(int argc, char **argv)
{
	struct wr_netlink link;
	struct wr_list vms;
	struct ps ps = { 0 };
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &ps))
		return WR_STATUS_USAGE;
	status = wr_netlink_open(&link);
	if (status)
		return status;
	status = wr_netlink_vms(&link, &vms);
	if (!status)
		status = ps.json ? show_json(&vms) : show(&ps, &vms);
	free(vms.items);
	wr_netlink_close(&link);
	return status;
}
