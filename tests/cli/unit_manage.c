// SPDX-License-Identifier: GPL-2.0-only
/* What the commands that manage VMs are made of; and the commands, on a kernel of our own. */
#include <argp.h>
#include <errno.h>
#include <netlink/genl/genl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "histogram.h"
#include "lookup.h"
#include "netlink.h"
#include "rates.h"
#include "status.h"
#include "trace.h"
#include "unit.h"
#include "unit_fake.h"
#include "util.h"
#include "words.h"

#define EXPECT_TEXT(have, want) do { \
	const char *have_ = (have); \
	if (strcmp(have_, want)) { \
		printf("%s:%d: %s: expected %s, got %s\n", __FILE__, __LINE__, #have, want, have_); \
		unit_failures++; \
	} \
} while (0)

static void words(void)
{
	static const uint8_t uuid[16] = { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0 };
	char text[64];

	EXPECT_TEXT(wr_size_text(0, text), "0B");
	EXPECT_TEXT(wr_size_text(1023, text), "1023B");
	EXPECT_TEXT(wr_size_text(512 * WR_MIB, text), "512M");
	EXPECT_TEXT(wr_size_text(3 * WR_GIB / 2, text), "1.5G");
	EXPECT_TEXT(wr_size_text(UINT64_MAX, text), "15E");
	EXPECT_TEXT(wr_time_text(0, text), "0ns");
	EXPECT_TEXT(wr_time_text(999, text), "999ns");
	EXPECT_TEXT(wr_time_text(1500, text), "1.5us");
	EXPECT_TEXT(wr_time_text(999499, text), "999us");
	EXPECT_TEXT(wr_time_text(999500, text), "1.0ms");
	EXPECT_TEXT(wr_time_text(1000000000, text), "1.0s");
	EXPECT_TEXT(wr_time_text(59999999999, text), "59s");
	EXPECT_TEXT(wr_time_text(192000000000, text), "3m12s");
	EXPECT_TEXT(wr_time_text(18420000000000, text), "5h07m");
	EXPECT_TEXT(wr_time_text(UINT64_MAX, text), "213503d23h");
	EXPECT_TEXT(wr_uuid_text(uuid, text), "12345678-9abc-def0-0000-000000000000");
	EXPECT_TEXT(wr_exit_word(WARREN_EXIT_ENTRY_FAILED), "entry-failed");
	EXPECT_TEXT(wr_exit_word(WARREN_EXIT_NR), "unknown");
	EXPECT_TEXT(wr_vm_state_word(UINT32_MAX), "unknown");
}

static void histogram(void)
{
	struct wr_histogram *h = calloc(1, sizeof(*h));
	uint64_t i, p;

	EXPECT_EQ(wr_histogram_mean(h), 0);
	EXPECT_EQ(wr_histogram_percentile(h, 50), 0);
	for (i = 1; i <= 1000; i++)
		wr_histogram_add(h, i);
	EXPECT_EQ(wr_histogram_mean(h), 500);
	EXPECT_EQ(wr_histogram_percentile(h, 1), 10);
	p = wr_histogram_percentile(h, 50);
	EXPECT(p >= 500 && p <= 500 + 500 / 16);
	p = wr_histogram_percentile(h, 99);
	EXPECT(p >= 990 && p <= 1000);
	EXPECT_EQ(wr_histogram_percentile(h, 100), 1000);
	wr_histogram_add(h, UINT64_MAX);
	EXPECT_EQ(wr_histogram_percentile(h, 100), UINT64_MAX);
	memset(h, 0, sizeof(*h));
	/* Each bound of buckets, from both sides */
	for (i = 0; i < 64; i++) {
		uint64_t value = (uint64_t)1 << i;

		memset(h, 0, sizeof(*h));
		wr_histogram_add(h, value);
		wr_histogram_add(h, value - 1);
		wr_histogram_add(h, UINT64_MAX);
		p = wr_histogram_percentile(h, 60);
		EXPECT(p >= value && p - value <= value / 16);
		p = wr_histogram_percentile(h, 30);
		EXPECT(p >= value - 1 && p - (value - 1) <= value / 16);
	}
	free(h);
}

/* --- rings */

#define ENTRIES 64

struct test_ring {
	struct warren_trace_ring head;
	struct warren_trace_entry entries[ENTRIES];
};

static void ring_init(struct test_ring *ring)
{
	memset(ring, 0, sizeof(*ring));
	ring->head.nr_entries = ENTRIES;
	ring->head.entry_size = sizeof(struct warren_trace_entry);
	ring->head.entries_offset = offsetof(struct test_ring, entries);
	ring->head.tsc_khz = 1000000;
}

/* As the kernel does it: the entry, then the head. */
static void ring_write(struct test_ring *ring, uint64_t seq)
{
	volatile struct warren_trace_entry *entry = &ring->entries[seq % ENTRIES];

	entry->seq = seq;
	entry->entry_tsc = seq * 100;
	entry->exit_tsc = seq * 100 + 40;
	entry->rip = ~seq;
	entry->reason = (uint32_t)seq % WARREN_EXIT_NR;
	entry->instructions = seq * 3;
	__atomic_store_n(&ring->head.head, seq + 1, __ATOMIC_RELEASE);
}

static bool is_whole(const struct warren_trace_entry *entry)
{
	uint64_t seq = entry->seq;

	return entry->entry_tsc == seq * 100 && entry->exit_tsc == seq * 100 + 40 &&
	       entry->rip == ~seq && entry->reason == (uint32_t)seq % WARREN_EXIT_NR &&
	       entry->instructions == seq * 3;
}

static void write_to(struct test_ring *ring, uint64_t from, uint64_t to)
{
	for (; from < to; from++)
		ring_write(ring, from);
}

static void ring(void)
{
	static struct test_ring memory;
	struct warren_trace_entry entries[ENTRIES];
	struct wr_ring reader;

	ring_init(&memory);
	EXPECT_EQ(wr_ring_begin(&reader, &memory, sizeof(memory)), 0);
	EXPECT_EQ(wr_ring_read(&reader, entries, ENTRIES), 0);
	write_to(&memory, 0, 5);
	EXPECT_EQ(wr_ring_read(&reader, entries, 2), 2);
	EXPECT_EQ(entries[1].seq, 1);
	EXPECT_EQ(wr_ring_read(&reader, entries, ENTRIES), 3);
	EXPECT_EQ(entries[0].seq, 2);
	EXPECT_EQ(reader.lost, 0);
	/* Full, and nothing lost: but the oldest one may be being overwritten. */
	write_to(&memory, 5, 5 + ENTRIES);
	EXPECT_EQ(wr_ring_read(&reader, entries, ENTRIES), ENTRIES - 1);
	EXPECT_EQ(entries[0].seq, 6);
	EXPECT_EQ(reader.lost, 1);
	write_to(&memory, 5 + ENTRIES, 1000);
	EXPECT_EQ(wr_ring_read(&reader, entries, ENTRIES), ENTRIES - 1);
	EXPECT_EQ(entries[ENTRIES - 2].seq, 999);
	EXPECT_EQ(reader.lost, 1 + 1000 - (5 + ENTRIES) - (ENTRIES - 1));
	EXPECT(!wr_ring_ended(&reader));
	memory.head.ended = 1;
	EXPECT(wr_ring_ended(&reader));
	/* A late reader begins with what is there, and has lost nothing. */
	EXPECT_EQ(wr_ring_begin(&reader, &memory, sizeof(memory)), 0);
	EXPECT(!wr_ring_ended(&reader));
	EXPECT_EQ(wr_ring_read(&reader, entries, 1), 1);
	EXPECT_EQ(entries[0].seq, 1000 - ENTRIES + 1);
	EXPECT_EQ(reader.lost, 0);
}

static void bad_rings(void)
{
	static struct test_ring memory;
	struct wr_ring reader;

#define REFUSED(field, value) do { \
	ring_init(&memory); \
	memory.head.field = (value); \
	EXPECT_EQ(wr_ring_begin(&reader, &memory, sizeof(memory)), -EPROTO); \
} while (0)
	REFUSED(nr_entries, 0);
	REFUSED(nr_entries, 63);
	REFUSED(nr_entries, 128);
	REFUSED(nr_entries, 0x80000000);
	REFUSED(entry_size, 8);
	REFUSED(entry_size, sizeof(struct warren_trace_entry) + 4);
	REFUSED(entries_offset, 0);
	REFUSED(entries_offset, sizeof(struct warren_trace_ring) + 8);
	REFUSED(tsc_khz, 0);
#undef REFUSED
	ring_init(&memory);
	EXPECT_EQ(wr_ring_begin(&reader, &memory, sizeof(struct warren_trace_ring) - 1), -EPROTO);
}

#define WRITTEN 300000

static void *writer(void *context)
{
	write_to(context, 0, WRITTEN);
	return NULL;
}

/* What a reader gets while the writer runs is whole and in order, and what it does not get is counted. */
static void ring_race(void)
{
	static struct test_ring memory;
	struct warren_trace_entry entries[ENTRIES];
	uint64_t next = 0, got = 0;
	struct wr_ring reader;
	unsigned int torn = 0;
	pthread_t thread;
	size_t count, i;

	ring_init(&memory);
	EXPECT_EQ(wr_ring_begin(&reader, &memory, sizeof(memory)), 0);
	EXPECT_EQ(pthread_create(&thread, NULL, writer, &memory), 0);
	while (next < WRITTEN) {
		count = wr_ring_read(&reader, entries, ENTRIES);
		for (i = 0; i < count; i++) {
			torn += !is_whole(&entries[i]) || entries[i].seq < next;
			next = entries[i].seq + 1;
		}
		got += count;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(torn, 0);
	EXPECT_EQ(got + reader.lost, WRITTEN);
}

static void stream(void)
{
	static struct test_ring memory;
	struct wr_stream stream = { .vcpu = 7 };
	struct wr_list list = { 0 };
	const struct wr_exit *exits;

	ring_init(&memory);
	wr_ring_begin(&stream.ring, &memory, sizeof(memory));
	write_to(&memory, 0, 3);
	EXPECT_EQ(wr_stream_read(&stream, &list), 0);
	EXPECT_EQ(list.count, 2);
	exits = list.items;
	EXPECT_EQ(exits[1].vcpu, 7);
	EXPECT_EQ(exits[1].guest_ns, 40);
	EXPECT_EQ(exits[1].host_ns, 60);
	/* What follows a gap does not tell the time of what was before it. */
	write_to(&memory, 3, 103);
	EXPECT_EQ(wr_stream_read(&stream, &list), 0);
	EXPECT_EQ(wr_stream_end(&stream, &list), 0);
	EXPECT_EQ(wr_stream_end(&stream, &list), 0);
	exits = list.items;
	EXPECT_EQ(list.count, 3 + 1 + ENTRIES - 1);
	EXPECT_EQ(exits[2].entry.seq, 2);
	EXPECT_EQ(exits[2].host_ns, -1);
	EXPECT_EQ(exits[3].lost, 37);
	EXPECT_EQ(exits[4].entry.seq, 40);
	EXPECT_EQ(exits[4].host_ns, 60);
	EXPECT_EQ(exits[list.count - 1].entry.seq, 102);
	EXPECT_EQ(exits[list.count - 1].host_ns, -1);
	EXPECT_EQ(wr_tsc_ns(UINT64_MAX, 1000000), UINT64_MAX);
	free(list.items);
}

/* --- rates */

static void rates(void)
{
	struct wr_guest before[] = { { .id = 1, .age = 1000000000, .counters.exits = 500 },
				     { .id = 3, .age = 9000000000, .counters.exits = 77 } };
	struct wr_list list = { .items = before, .count = ARRAY_SIZE(before) };
	struct wr_guest now = { .id = 1, .age = 3000000000 };
	struct wr_rates rates[3];
	char text[64];

	now.counters = (struct wr_counters) {
		.exits = 2500, .guest_ns = 3000000000,
		.reasons = { [WARREN_EXIT_IO] = 100, [WARREN_EXIT_HLT] = 1900 },
	};
	wr_rates(&rates[0], &list, &now);
	EXPECT_EQ(rates[0].exits, 1000);
	EXPECT_EQ(rates[0].cpu, 150);
	EXPECT_TEXT(wr_rates_reasons(&rates[0], text, sizeof(text)), "hlt 950 io 50");
	EXPECT_TEXT(wr_rates_reasons(&rates[0], text, 9), "hlt 950 ");
	/* Not there before; and another one of the same number. */
	now.id = 2;
	wr_rates(&rates[1], &list, &now);
	EXPECT_EQ(rates[1].seconds, 3);
	now.id = 3;
	wr_rates(&rates[2], &list, &now);
	EXPECT_EQ(rates[2].seconds, 3);
	wr_rates_sort(rates, 3, WR_ORDER_EXITS);
	EXPECT_EQ(rates[0].guest.id, 1);
	EXPECT_EQ(rates[1].guest.id, 2);
	wr_rates_sort(rates, 3, WR_ORDER_ID);
	EXPECT_EQ(rates[2].guest.id, 3);
}

/* --- messages */

static void try_all(struct nl_msg *message)
{
	struct wr_guest_vcpu vcpu;
	struct wr_guest guest;
	struct wr_event event;

	EXPECT(wr_guest_parse(nlmsg_hdr(message), &guest) != 0 || strlen(guest.name) < 64);
	EXPECT(wr_guest_vcpu_parse(nlmsg_hdr(message), &vcpu) != 0 || vcpu.cpu >= -1);
	EXPECT(wr_event_parse(nlmsg_hdr(message), &event) != 0 || strlen(event.name) < 64);
}

static struct nl_msg *some_message(uint8_t command)
{
	struct nl_msg *message = nlmsg_alloc();
	struct nlattr *nest;
	char name[200];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	genlmsg_put(message, 0, 0, 42, 0, 0, command, 1);
	nla_put_u32(message, 2, 7);
	nla_put_string(message, 3, name);
	nla_put_u32(message, 5, 9);
	nest = nla_nest_start(message, WARREN_A_VM_COUNTERS);
	nla_put_u64(message, WARREN_A_COUNTER_EXITS, 3);
	nla_nest_end(message, nest);
	return message;
}

/* Whatever comes makes no harm: any byte of a message changed. */
static void messages(void)
{
	unsigned int command, at, round;
	struct nl_msg *message;
	uint8_t *bytes;

	srandom(1);
	for (command = 0; command <= WARREN_CMD_MAX; command++) {
		for (round = 0; round < 2000; round++) {
			message = some_message((uint8_t)command);
			bytes = nlmsg_data(nlmsg_hdr(message));
			at = (unsigned int)random() % (unsigned int)nlmsg_datalen(nlmsg_hdr(message));
			bytes[at] = (uint8_t)random();
			if (round % 4 == 0)
				nlmsg_hdr(message)->nlmsg_len -= (unsigned int)random() % 64;
			try_all(message);
			nlmsg_free(message);
		}
	}
}

static void lookup(void)
{
	struct wr_netlink link;
	struct wr_guest guest;
	char text[64];

	wr_transport = &fake_transport;
	EXPECT_EQ(wr_netlink_open(&link), 0);
	EXPECT_EQ(wr_lookup(&link, "web", &guest), 0);
	EXPECT_EQ(guest.id, 1);
	EXPECT_TEXT(wr_guest_title(&guest, text, sizeof(text)), "VM 1 (web)");
	EXPECT_EQ(wr_lookup(&link, "2", &guest), 0);
	EXPECT_EQ(guest.id, 2);
	EXPECT_TEXT(wr_guest_title(&guest, text, sizeof(text)), "VM 2");
	EXPECT_EQ(wr_lookup(&link, "4294967297", &guest), WR_STATUS_NO_VM);
	EXPECT_EQ(wr_lookup(&link, "", &guest), WR_STATUS_NO_VM);
	EXPECT_EQ(wr_lookup(&link, "db", &guest), WR_STATUS_NO_VM);
	EXPECT_EQ(wr_netlink_set_name(&link, 2, "other"), 0);
	EXPECT_TEXT(fake.name, "other");
	wr_netlink_close(&link);
}

const struct unit_test unit_manage[] = {
	{ "manage: words", words },
	{ "manage: histogram", histogram },
	{ "manage: trace ring", ring },
	{ "manage: what is no ring", bad_rings },
	{ "manage: a ring that is being written", ring_race },
	{ "manage: exits of a ring", stream },
	{ "manage: rates", rates },
	{ "manage: broken messages", messages },
	{ "manage: ids and names", lookup },
	{ 0 },
};

/* --- the commands */

static int fake_setting(const char *name)
{
	const char *value = getenv(name);

	return value ? atoi(value) : 0;
}

int unit_command(int argc, char **argv)
{
	static const struct wr_command commands[] = {
		{ "ps", "", wr_cmd_ps }, { "top", "", wr_cmd_top },
		{ "stat", "", wr_cmd_stat }, { "events", "", wr_cmd_events },
		{ "trace", "", wr_cmd_trace }, { "pause", "", wr_cmd_pause },
		{ "resume", "", wr_cmd_resume }, { "kill", "", wr_cmd_kill },
	};
	size_t i;

	argp_err_exit_status = WR_STATUS_USAGE;
	wr_transport = &fake_transport;
	fake.open = -fake_setting("FAKE_OPEN");
	fake.request = -fake_setting("FAKE_REQUEST");
	fake.words = getenv("FAKE_WORDS");
	fake.disturbed = (unsigned int)fake_setting("FAKE_DISTURBED");
	fake.pid = (uint32_t)fake_setting("FAKE_PID");
	fake.changes = fake_setting("FAKE_CHANGES") != 0;
	fake.gone = fake_setting("FAKE_GONE") != 0;
	fake.dump = -fake_setting("FAKE_DUMP");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[0], commands[i].name))
			return commands[i].main(argc, argv);
	return WR_STATUS_USAGE;
}
