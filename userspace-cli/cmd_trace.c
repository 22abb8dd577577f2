// SPDX-License-Identifier: GPL-2.0-only
/* warren trace: each exit of a VM, live. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "follow.h"
#include "json.h"
#include "lookup.h"
#include "manage.h"
#include "status.h"
#include "summary.h"
#include "vm.h"
#include "words.h"

/* Nothing says when a ring has something new: look as often (us). Rings of 4096 hold 1.2 million exits per second. */
#define POLL_US 3000
#define ENTRIES_MIN 64
#define ENTRIES_MAX 65536

/**
 * struct trace - what is asked for, and what is being traced
 * @vm: of the command line
 * @device: Warren's
 * @vcpu: index, -1: all
 * @count: end after so many exits, 0: never
 * @duration: ms, 0: for ever
 * @entries: of each ring, 0: as the kernel likes
 * @guest: the VM
 * @streams: one for each vCPU
 * @nr_streams: how many
 * @start: TSC of the first exit that was shown
 * @seen: how many were
 */
struct trace {
	const char *vm;
	const char *device;
	long vcpu;
	unsigned long count;
	unsigned int duration;
	uint32_t entries;
	bool json;
	bool summed;
	struct wr_guest guest;
	struct wr_stream *streams;
	size_t nr_streams;
	uint64_t start;
	uint64_t seen;
	struct wr_summary summary;
};

static int open_stream(struct trace *trace, uint32_t vcpu)
{
	struct wr_stream *stream = &trace->streams[trace->nr_streams];
	int status;

	stream->vcpu = vcpu;
	status = wr_ring_open(&stream->ring, trace->device, trace->guest.id, vcpu, trace->entries);
	trace->nr_streams += !status;
	return status;
}

static int no_vcpu(const struct trace *trace)
{
	if (trace->vcpu < 0)
		wr_error("VM %u has no vCPU yet", trace->guest.id);
	else
		wr_error("VM %u has no vCPU %ld", trace->guest.id, trace->vcpu);
	wr_hint("`warren stat %u` shows its vCPUs", trace->guest.id);
	return WR_STATUS_NO_VM;
}

static int open_streams(struct wr_netlink *link, struct trace *trace)
{
	const struct wr_guest_vcpu *vcpus;
	struct wr_list list;
	int status = wr_netlink_vcpus(link, trace->guest.id, &list);
	size_t i;

	vcpus = list.items;
	trace->streams = calloc(list.count + 1, sizeof(*trace->streams));
	if (!trace->streams)
		status = wr_error("there is not enough memory") ? WR_STATUS_ERROR : 0;
	for (i = 0; i < list.count && !status; i++)
		if (trace->vcpu < 0 || (uint32_t)trace->vcpu == vcpus[i].index)
			status = open_stream(trace, vcpus[i].index);
	free(list.items);
	if (!status && !trace->nr_streams)
		return no_vcpu(trace);
	return status;
}

static void close_streams(struct trace *trace)
{
	size_t i;

	for (i = 0; i < trace->nr_streams; i++)
		wr_ring_close(&trace->streams[i].ring);
	free(trace->streams);
}

/* What there is to say about some reasons. */
static void print_detail(const struct warren_trace_entry *entry)
{
	if (entry->reason == WARREN_EXIT_FAULT)
		printf("  gpa 0x%llx", entry->gpa);
	if (entry->qualification)
		printf("  qualification 0x%llx", entry->qualification);
	if (entry->reason == WARREN_EXIT_OTHER)
		printf("  code 0x%x", entry->code);
	if (entry->instructions)
		printf("  %llu instructions", entry->instructions);
	putchar('\n');
}

static void print_exit(const struct trace *trace, const struct wr_exit *exit)
{
	const struct warren_trace_entry *entry = &exit->entry;
	uint64_t since = entry->exit_tsc > trace->start ? entry->exit_tsc - trace->start : 0;
	char host[32] = "-";

	if (exit->lost) {
		printf("%s(vCPU %u: %llu exits were lost)%s\n", wr_paint(WR_COLOUR_RED),
		       exit->vcpu, (unsigned long long)exit->lost, wr_paint(WR_COLOUR_NONE));
		return;
	}
	if (exit->host_ns >= 0)
		snprintf(host, sizeof(host), "%lld", (long long)exit->host_ns);
	since = wr_tsc_ns(since, trace->streams[0].ring.map->tsc_khz);
	printf("%5llu.%06llu  %4u  %-14s  %16llx  %10llu  %10s", (unsigned long long)since / 1000000000,
	       (unsigned long long)since / 1000 % 1000000, exit->vcpu,
	       wr_exit_word(entry->reason), entry->rip, (unsigned long long)exit->guest_ns, host);
	print_detail(entry);
}

static void add_hex(struct json_object *object, const char *key, uint64_t value)
{
	char text[24];

	/* A JSON number is a double to many: it cannot hold an address. */
	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	json_object_object_add(object, key, json_object_new_string(text));
}

static struct json_object *exit_json(const struct wr_exit *exit)
{
	const struct warren_trace_entry *entry = &exit->entry;
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "vcpu", json_object_new_uint64(exit->vcpu));
	if (exit->lost) {
		json_object_object_add(object, "lost", json_object_new_uint64(exit->lost));
		return object;
	}
	json_object_object_add(object, "seq", json_object_new_uint64(entry->seq));
	json_object_object_add(object, "tsc", json_object_new_uint64(entry->exit_tsc));
	json_object_object_add(object, "reason", json_object_new_string(wr_exit_word(entry->reason)));
	json_object_object_add(object, "code", json_object_new_uint64(entry->code));
	add_hex(object, "rip", entry->rip);
	add_hex(object, "qualification", entry->qualification);
	if (entry->reason == WARREN_EXIT_FAULT)
		add_hex(object, "gpa", entry->gpa);
	json_object_object_add(object, "guest_ns", json_object_new_uint64(exit->guest_ns));
	json_object_object_add(object, "host_ns",
			       exit->host_ns < 0 ? NULL : json_object_new_int64(exit->host_ns));
	if (entry->instructions)
		json_object_object_add(object, "instructions",
				       json_object_new_uint64(entry->instructions));
	return object;
}

static bool is_done(const struct trace *trace)
{
	return trace->count && trace->seen >= trace->count;
}

static void show(struct trace *trace, struct wr_list *exits)
{
	const struct wr_exit *exit = exits->items, *end = exit + exits->count;

	wr_exits_sort(exits);
	for (; exit < end && !is_done(trace); exit++) {
		if (!trace->start)
			trace->start = exit->entry.entry_tsc;
		trace->seen += !exit->lost;
		if (trace->summed)
			wr_summary_add(&trace->summary, exit);
		else if (trace->json)
			wr_json_line(exit_json(exit));
		else
			print_exit(trace, exit);
	}
	fflush(stdout);
}

/* What all streams have now, or what they held back if this is the end. Return: 0 or exit status. */
static int take(struct trace *trace, bool end)
{
	struct wr_list exits = { 0 };
	int error = 0;
	size_t i;

	for (i = 0; i < trace->nr_streams && !error; i++)
		error = end ? wr_stream_end(&trace->streams[i], &exits) :
			wr_stream_read(&trace->streams[i], &exits);
	show(trace, &exits);
	free(exits.items);
	if (!error)
		return 0;
	wr_error("there is not enough memory");
	return WR_STATUS_ERROR;
}

static bool have_ended(const struct trace *trace)
{
	size_t i;

	for (i = 0; i < trace->nr_streams; i++)
		if (!wr_ring_ended(&trace->streams[i].ring))
			return false;
	return true;
}

static int follow(struct trace *trace)
{
	uint64_t deadline = wr_deadline(trace->duration);
	bool over = false;
	int status = 0;

	while (!status && !over) {
		over = have_ended(trace) || wr_follow_stopped() || !wr_left(deadline, -1);
		status = take(trace, false);
		over = over || is_done(trace);
		if (!status && !over)
			usleep(POLL_US);
	}
	return status ? status : take(trace, true);
}

static int run(struct trace *trace)
{
	uint64_t begin = wr_now();
	char title[128];
	int status;

	if (!trace->json && !trace->summed)
		printf("%s%12s  %4s  %-14s  %16s  %10s  %10s%s\n", wr_paint(WR_COLOUR_BOLD), "TIME",
		       "VCPU", "EXIT", "RIP", "GUEST NS", "HOST NS", wr_paint(WR_COLOUR_NONE));
	status = follow(trace);
	if (status || !trace->summed)
		return status;
	trace->summary.vcpus = trace->nr_streams;
	trace->summary.seconds = (double)(wr_now() - begin) / 1000;
	if (!trace->json)
		return wr_summary_print(&trace->summary,
					wr_guest_title(&trace->guest, title, sizeof(title)));
	wr_json_print(wr_summary_json(&trace->summary, &trace->guest));
	return 0;
}

enum trace_option {
	OPT_JSON = 'j',
	OPT_SUMMARY = 's',
	OPT_VCPU = 'c',
	OPT_COUNT = 'n',
	OPT_DURATION = 't',
	OPT_ENTRIES = 'e',
	OPT_DEVICE = 'd',
};

static const struct argp_option options[] = {
	{ "summary", OPT_SUMMARY, NULL, 0, "sum up by reason, at the end", 1 },
	{ "vcpu", OPT_VCPU, "N", 0, "this vCPU only", 1 },
	{ "count", OPT_COUNT, "N", 0, "end after N exits", 1 },
	{ "duration", OPT_DURATION, "SECONDS", 0, "end after that time", 1 },
	{ "entries", OPT_ENTRIES, "N", 0,
	  "how many exits each ring holds: a power of two from 64 to 65536 (default: 4096)", 1 },
	{ "device", OPT_DEVICE, "PATH", 0,
	  "hypervisor device (default: " WR_DEVICE_DEFAULT ")", 1 },
	{ "json", OPT_JSON, NULL, 0,
	  "each exit as a JSON object on a line of its own; the summary as one object", 1 },
	{ 0 },
};

static uint32_t parse_entries(struct argp_state *state, const char *arg)
{
	unsigned long value = wr_parse_number(state, "entries", arg, ENTRIES_MIN, ENTRIES_MAX);

	if (value & (value - 1))
		argp_error(state, "--entries %s is not a power of two", arg);
	return (uint32_t)value;
}

static error_t parse_vm(struct trace *trace, char *arg, struct argp_state *state)
{
	if (trace->vm)
		argp_error(state, "one VM at a time, not also '%s'", arg);
	trace->vm = arg;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct trace *trace = state->input;

	switch (key) {
	case OPT_SUMMARY:
		trace->summed = true;
		return 0;
	case OPT_VCPU:
		trace->vcpu = (long)wr_parse_number(state, "vcpu", arg, 0, 65535);
		return 0;
	case OPT_COUNT:
		trace->count = wr_parse_number(state, "count", arg, 1, UINT32_MAX);
		return 0;
	case OPT_DURATION:
		trace->duration = wr_parse_seconds(state, "duration", arg);
		return 0;
	case OPT_ENTRIES:
		trace->entries = parse_entries(state, arg);
		return 0;
	case OPT_DEVICE:
		trace->device = arg;
		return 0;
	case OPT_JSON:
		trace->json = true;
		return 0;
	case ARGP_KEY_ARG:
		return parse_vm(trace, arg, state);
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
	.doc = "Show each exit of a virtual machine, live: when, vCPU, reason, guest's instruction "
	       "pointer, time in the guest before it and in the host after it, details."
	       "\vIt goes on until Ctrl-c or the VM's end, and begins with what the rings hold. "
	       "Exits that come faster than they are read are lost, and it is told how many.\n\n"
	       WR_STATUS_DOC,
};

int wr_cmd_trace(int argc, char **argv)
{
	static struct trace trace = { .device = WR_DEVICE_DEFAULT, .vcpu = -1 };
	struct wr_netlink link;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &trace))
		return WR_STATUS_USAGE;
	status = wr_netlink_open(&link);
	if (status)
		return status;
	status = wr_lookup(&link, trace.vm, &trace.guest);
	if (!status)
		status = open_streams(&link, &trace);
	wr_netlink_close(&link);
	if (!status) {
		wr_follow_begin();
		status = run(&trace);
	}
	close_streams(&trace);
	return status;
}
