// SPDX-License-Identifier: GPL-2.0-only
/* Sizes, memory, ports, CPUID, ACPI. */
#include <errno.h>
#include <linux/warren.h>
#include <stdlib.h>
#include <string.h>

#include "acpi.h"
#include "cpuid.h"
#include "layout.h"
#include "memory.h"
#include "ports.h"
#include "refusal.h"
#include "unit.h"
#include "util.h"

static void expect_size(const char *text, int ret, uint64_t want)
{
	uint64_t size = 0;

	EXPECT_EQ(wr_parse_size(text, &size), ret);
	if (!ret)
		EXPECT_EQ(size, want);
}

static void sizes(void)
{
	unsigned long count;

	expect_size("0", 0, 0);
	expect_size("4096", 0, 4096);
	expect_size("1k", 0, 1024);
	expect_size("512M", 0, 512 * WR_MIB);
	expect_size("3G", 0, 3 * WR_GIB);
	expect_size("2T", 0, 2048 * WR_GIB);
	expect_size("18446744073709551615", 0, UINT64_MAX);
	expect_size("18446744073709551616", -ERANGE, 0);
	expect_size("16777215T", 0, 16777215ull << 40);
	expect_size("16777216T", -ERANGE, 0);
	expect_size("", -EINVAL, 0);
	expect_size(" 1", -EINVAL, 0);
	expect_size("+1", -EINVAL, 0);
	expect_size("1MB", -EINVAL, 0);
	expect_size("0x10", -EINVAL, 0);
	EXPECT_EQ(wr_parse_count("7", 1, 8, &count), 0);
	EXPECT_EQ(count, 7);
	EXPECT_EQ(wr_parse_count("9", 1, 8, &count), -ERANGE);
	EXPECT_EQ(wr_parse_count("99999999999999999999", 1, 8, &count), -ERANGE);
	EXPECT_EQ(wr_parse_count("7x", 1, 8, &count), -EINVAL);
}

static void memory(void)
{
	struct wr_memory mem = { 0 };
	struct wr_range ranges[WR_RANGES_MAX];

	mem.host = (uint8_t *)0x100000000000ull;	/* never touched */
	wr_memory_split(&mem, 5 * WR_GIB);
	EXPECT_EQ(mem.low, 3 * WR_GIB);
	EXPECT_EQ(mem.high, 2 * WR_GIB);
	EXPECT(wr_memory_at(&mem, 0, 1) == mem.host);
	EXPECT(wr_memory_at(&mem, 3 * WR_GIB - 1, 1) == mem.host + 3 * WR_GIB - 1);
	EXPECT(!wr_memory_at(&mem, 3 * WR_GIB - 1, 2));
	EXPECT(!wr_memory_at(&mem, 3 * WR_GIB, 1));
	EXPECT(!wr_memory_at(&mem, 4 * WR_GIB - 1, 2));
	EXPECT(wr_memory_at(&mem, 4 * WR_GIB, 1) == mem.host + 3 * WR_GIB);
	EXPECT(wr_memory_at(&mem, 6 * WR_GIB - 1, 1) == mem.host + 5 * WR_GIB - 1);
	EXPECT(!wr_memory_at(&mem, 6 * WR_GIB - 1, 2));
	EXPECT(!wr_memory_at(&mem, 1, UINT64_MAX));
	EXPECT(!wr_memory_at(&mem, UINT64_MAX, 2));
	EXPECT_EQ(wr_memory_map(&mem, ranges), 4);
	EXPECT_EQ(ranges[0].size, WR_LAYOUT_EBDA);
	EXPECT_EQ(ranges[1].type, WR_RANGE_RESERVED);
	EXPECT_EQ(ranges[2].start + ranges[2].size, WR_LAYOUT_HOLE);
	EXPECT_EQ(ranges[3].start, WR_LAYOUT_4G);
	wr_memory_split(&mem, 64 * WR_MIB);
	EXPECT_EQ(mem.high, 0);
	EXPECT(!wr_memory_at(&mem, 4 * WR_GIB, 1));
	EXPECT_EQ(wr_memory_map(&mem, ranges), 3);
}

static uint8_t echo_in(void *device, uint16_t offset)
{
	(void)device;
	return (uint8_t)(0x40 + offset);
}

static void note_out(void *device, uint16_t offset, uint8_t value)
{
	uint8_t *written = device;

	written[offset] = value;
}

static void ports(void)
{
	struct wr_ports bus = { .count = 0 };
	uint8_t written[4] = { 0 }, one[1] = { 0 }, data[4] = { 1, 2, 3, 4 };

	wr_ports_add(&bus, &(struct wr_port_range){ .base = 0x10, .len = 3, .in = echo_in,
			   .out = note_out, .device = written });
	wr_ports_add(&bus, &(struct wr_port_range){ .base = 0xcf9, .len = 1, .in = echo_in,
			   .out = note_out, .device = one, .narrow = true });
	wr_ports_out(&bus, 0x10, data, 4);
	EXPECT(!memcmp(written, (uint8_t[]){ 1, 2, 3, 0 }, 4));
	wr_ports_in(&bus, 0x0f, data, 4);
	EXPECT(!memcmp(data, (uint8_t[]){ 0xff, 0x40, 0x41, 0x42 }, 4));
	/* The PCI address port is wide and lies over the reset register. */
	wr_ports_out(&bus, 0xcf8, (uint8_t[]){ 6, 6, 6, 6 }, 4);
	EXPECT_EQ(one[0], 0);
	wr_ports_out(&bus, 0xcf9, (uint8_t[]){ 6 }, 1);
	EXPECT_EQ(one[0], 6);
	wr_ports_in(&bus, 0xfffe, data, 4);
	EXPECT(!memcmp(data, (uint8_t[]){ 0xff, 0xff, 0xff, 0xff }, 4));
}

static struct kvm_cpuid_entry2 *leaf(struct kvm_cpuid2 *table, uint32_t function, uint32_t index)
{
	static struct kvm_cpuid_entry2 none;
	uint32_t i;

	for (i = 0; i < table->nent; i++)
		if (table->entries[i].function == function && table->entries[i].index == index)
			return &table->entries[i];
	EXPECT(i < table->nent);
	return &none;
}

static void cpuid(void)
{
	static const struct kvm_cpuid_entry2 offered[] = {
		{ .function = 0, .eax = 0xd },
		{ .function = 1, .ebx = 0x05060800, .edx = 1 << 28, .ecx = 1 << 24 },
		{ .function = 4, .index = 0, .eax = 0xfc01c121 },
		{ .function = 4, .index = 3, .eax = 0xfc01c163 },
		{ .function = 4, .index = 4, .eax = 0 },
		{ .function = 0xb, .index = 0, .eax = 7, .edx = 99 },
		{ .function = 0x1f, .index = 0, .eax = 7, .edx = 99 },
		{ .function = 0x40000000, .eax = 0x40000001, .ebx = 0x4b4d564b },
		{ .function = 0x80000008, .eax = 0x3028, .ecx = 0x703f },
		{ .function = 0x8000001e, .eax = 77, .ebx = 0x177, .ecx = 0x300 },
	};
	const struct wr_cpuid_place place = { .apic_id = 2, .count = 3, .tsc_deadline = false };
	struct kvm_cpuid2 *table;

	table = calloc(1, sizeof(*table) + sizeof(offered) + WR_CPUID_EXTRA * sizeof(offered[0]));
	table->nent = ARRAY_SIZE(offered);
	memcpy(table->entries, offered, sizeof(offered));
	wr_cpuid_adjust(table, &place);
	EXPECT_EQ(leaf(table, 1, 0)->ebx, 0x02030800);
	EXPECT_EQ(leaf(table, 1, 0)->edx, 1 << 28);
	EXPECT_EQ(leaf(table, 1, 0)->ecx, 1u << 31);
	EXPECT_EQ(leaf(table, 4, 0)->eax, 0x0c000121);
	EXPECT_EQ(leaf(table, 4, 3)->eax, 0x0c008163);
	EXPECT_EQ(leaf(table, 4, 4)->eax, 0);
	EXPECT_EQ(leaf(table, 0xb, 0)->ebx, 1);
	EXPECT_EQ(leaf(table, 0xb, 0)->ecx, 0x100);
	EXPECT_EQ(leaf(table, 0xb, 1)->eax, 2);
	EXPECT_EQ(leaf(table, 0xb, 1)->ebx, 3);
	EXPECT_EQ(leaf(table, 0xb, 1)->ecx, 0x201);
	EXPECT_EQ(leaf(table, 0xb, 1)->edx, 2);
	EXPECT_EQ(leaf(table, 0xb, 2)->ecx, 2);
	EXPECT_EQ(leaf(table, 0x40000000, 0)->ebx, 0x4b4d564b);
	EXPECT_EQ(leaf(table, 0x80000008, 0)->ecx, 0x2002);
	EXPECT_EQ(leaf(table, 0x8000001e, 0)->eax, 2);
	EXPECT_EQ(leaf(table, 0x8000001e, 0)->ebx, 2);
	EXPECT_EQ(leaf(table, 0x8000001e, 0)->ecx, 0);
	EXPECT_EQ(table->nent, ARRAY_SIZE(offered) - 2 + WR_CPUID_EXTRA);
	free(table);
}

static uint8_t sum(const uint8_t *at, size_t len)
{
	uint8_t total = 0;

	while (len--)
		total += *at++;
	return total;
}

/* Calls @visit for each table that the root pointer leads to; returns how many. */
static unsigned int walk_tables(const struct wr_memory *mem, uint64_t rsdp,
				void (*visit)(const uint8_t *table, uint32_t len, const char *dir),
				const char *dir)
{
	const uint8_t *root = wr_memory_at(mem, rsdp, 36), *xsdt, *fadt;
	uint64_t at[4];
	uint32_t len;
	unsigned int i;

	EXPECT(!memcmp(root, "RSD PTR ", 8));
	EXPECT_EQ(sum(root, 20), 0);
	EXPECT_EQ(sum(root, 36), 0);
	memcpy(&at[0], root + 24, 8);
	xsdt = wr_memory_at(mem, at[0], 52);
	memcpy(&at[1], xsdt + 36, 16);
	fadt = wr_memory_at(mem, at[1], 276);
	memcpy(&at[3], fadt + 140, 8);
	for (i = 0; i < 4; i++) {
		const uint8_t *table = wr_memory_at(mem, at[i], 36);

		EXPECT(at[i] >= WR_LAYOUT_ACPI && at[i] < WR_LAYOUT_ACPI_END);
		memcpy(&len, table + 4, 4);
		EXPECT(at[i] + len <= WR_LAYOUT_ACPI_END);
		visit(table, len, dir);
	}
	return i;
}

static void check_table(const uint8_t *table, uint32_t len, const char *dir)
{
	(void)dir;
	EXPECT_EQ(sum(table, len), 0);
}

static void write_table(const uint8_t *table, uint32_t len, const char *dir)
{
	char path[512];
	FILE *out;
	int i;

	snprintf(path, sizeof(path), "%s/%.4s.dat", dir, (const char *)table);
	for (i = 0; i < 4; i++)
		path[strlen(dir) + 1 + (size_t)i] |= 0x20;
	out = fopen(path, "wb");
	EXPECT(out);
	if (!out)
		return;
	EXPECT_EQ(fwrite(table, 1, len, out), len);
	fclose(out);
}

static void acpi(void)
{
	struct wr_memory mem = { 0 };
	const unsigned int counts[] = { 1, 2, 254 };
	size_t i;

	EXPECT_EQ(wr_memory_alloc(&mem, 16 * WR_MIB), 0);
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		EXPECT_EQ(walk_tables(&mem, wr_acpi_put(&mem, counts[i]), check_table, NULL), 4);
	wr_memory_free(&mem);
}

void unit_write_tables(const char *dir)
{
	struct wr_memory mem = { 0 };

	EXPECT_EQ(wr_memory_alloc(&mem, 16 * WR_MIB), 0);
	walk_tables(&mem, wr_acpi_put(&mem, 3), write_table, dir);
	wr_memory_free(&mem);
}

static void expect_refusal(uint64_t reason, const char *words)
{
	char text[160];

	wr_refusal_describe(reason, text, sizeof(text));
	if (!strstr(text, words)) {
		printf("%#llx: expected '%s' in '%s'\n", (unsigned long long)reason, words, text);
		unit_failures++;
	}
}

static void refusals(void)
{
	uint64_t check;

	expect_refusal(0x80000021, "hardware reason 0x80000021");
	expect_refusal(7, "controls (hardware reason 0x7)");
	expect_refusal(8, "host");
	expect_refusal(0xffffffff, "hardware reason 0xffffffff");
	expect_refusal(UINT64_MAX, "hardware reason 0xffffffff");
	expect_refusal((uint64_t)WARREN_ENTRY_RIP << 32 | 0x80000021, "RIP is beyond");
	expect_refusal(7ull << 48 | (uint64_t)WARREN_ENTRY_TYPE << 32 | 0x80000021, "TR: the segment's type");
	expect_refusal(9ull << 48 | (uint64_t)WARREN_ENTRY_TYPE << 32 | 0x80000021, "the segment's type");
	expect_refusal((uint64_t)WARREN_ENTRY_EVENT << 32 | 7, "delivered is none");
	for (check = 1; check < WARREN_ENTRY_NR_CHECKS; check++)
		expect_refusal(check << 32 | 0x80000021, " (hardware");
}

const struct unit_test unit_basic[] = {
	{ "refusals", refusals },
	{ "sizes", sizes },
	{ "memory", memory },
	{ "ports", ports },
	{ "cpuid", cpuid },
	{ "acpi", acpi },
	{ NULL, NULL },
};
