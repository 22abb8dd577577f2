// SPDX-License-Identifier: GPL-2.0-only
#include "words.h"

#include <linux/warren.h>
#include <linux/warren_genl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

#define WORD(table, number) ((number) < ARRAY_SIZE(table) && (table)[number] ? (table)[number] : "unknown")

static const char * const vm_states[] = {
	[WARREN_VM_CREATED] = "created",
	[WARREN_VM_RUNNING] = "running",
	[WARREN_VM_PAUSED] = "paused",
	[WARREN_VM_SHUT_DOWN] = "shut-down",
	[WARREN_VM_CRASHED] = "crashed",
};

static const char * const vcpu_states[] = {
	[WARREN_VCPU_IDLE] = "idle",
	[WARREN_VCPU_RUNNING] = "running",
	[WARREN_VCPU_HALTED] = "halted",
	[WARREN_VCPU_WAITING] = "waiting",
	[WARREN_VCPU_PAUSED] = "paused",
};

static const char * const vendors[] = {
	[WARREN_VENDOR_AMD_V] = "AMD-V",
	[WARREN_VENDOR_VT_X] = "VT-x",
};

static const char * const pagings[] = {
	[WARREN_PAGING_NESTED] = "nested",
	[WARREN_PAGING_SHADOW] = "shadow",
};

static const char * const events[] = {
	[0] = "lost",
	[WARREN_EVENT_CREATED] = "created",
	[WARREN_EVENT_NAMED] = "named",
	[WARREN_EVENT_VCPU_CREATED] = "vcpu-created",
	[WARREN_EVENT_STARTED] = "started",
	[WARREN_EVENT_PAUSED] = "paused",
	[WARREN_EVENT_RESUMED] = "resumed",
	[WARREN_EVENT_RESET] = "reset",
	[WARREN_EVENT_SHUT_DOWN] = "shut-down",
	[WARREN_EVENT_CRASHED] = "crashed",
	[WARREN_EVENT_DESTROYED] = "destroyed",
};

static const char * const crashes[] = {
	[WARREN_CRASH_TRIPLE_FAULT] = "triple-fault",
	[WARREN_CRASH_ENTRY_FAILED] = "entry-failed",
	[WARREN_CRASH_INTERNAL] = "internal-error",
	[WARREN_CRASH_PANIC] = "panic",
};

static const char * const exits[] = {
	[WARREN_EXIT_OTHER] = "other",
	[WARREN_EXIT_INTERRUPT] = "interrupt",
	[WARREN_EXIT_NMI] = "nmi",
	[WARREN_EXIT_WINDOW] = "window",
	[WARREN_EXIT_TIMER] = "timer",
	[WARREN_EXIT_FAULT] = "fault",
	[WARREN_EXIT_IO] = "io",
	[WARREN_EXIT_MSR_READ] = "msr-read",
	[WARREN_EXIT_MSR_WRITE] = "msr-write",
	[WARREN_EXIT_CPUID] = "cpuid",
	[WARREN_EXIT_HLT] = "hlt",
	[WARREN_EXIT_PAUSE] = "pause",
	[WARREN_EXIT_HYPERCALL] = "hypercall",
	[WARREN_EXIT_EXCEPTION] = "exception",
	[WARREN_EXIT_CR] = "cr",
	[WARREN_EXIT_DR] = "dr",
	[WARREN_EXIT_APIC] = "apic",
	[WARREN_EXIT_XSETBV] = "xsetbv",
	[WARREN_EXIT_CACHE] = "cache",
	[WARREN_EXIT_IRET] = "iret",
	[WARREN_EXIT_SOFT_INTERRUPT] = "soft-interrupt",
	[WARREN_EXIT_VIRTUALIZATION] = "virtualization",
	[WARREN_EXIT_DIRTY_LOG] = "dirty-log",
	[WARREN_EXIT_TASK_SWITCH] = "task-switch",
	[WARREN_EXIT_TRIPLE_FAULT] = "triple-fault",
	[WARREN_EXIT_ENTRY_FAILED] = "entry-failed",
};

_Static_assert(ARRAY_SIZE(exits) == WARREN_EXIT_NR, "each reason has a word");

const char *wr_vm_state_word(uint32_t state)
{
	return WORD(vm_states, state);
}

const char *wr_vcpu_state_word(uint32_t state)
{
	return WORD(vcpu_states, state);
}

const char *wr_vendor_word(uint32_t vendor)
{
	return WORD(vendors, vendor);
}

const char *wr_paging_word(uint32_t paging)
{
	return WORD(pagings, paging);
}

const char *wr_event_word(uint32_t what)
{
	return WORD(events, what);
}

const char *wr_crash_word(uint32_t reason)
{
	return WORD(crashes, reason);
}

const char *wr_exit_word(uint32_t reason)
{
	return WORD(exits, reason);
}

char *wr_size_text(uint64_t bytes, char text[WR_TEXT_SIZE])
{
	static const char units[] = "BKMGTPE";
	unsigned int unit = 0;
	uint64_t whole = bytes, rest = 0;

	for (; whole >= 1024 && units[unit + 1]; unit++) {
		rest = whole % 1024;
		whole /= 1024;
	}
	if (rest && whole < 10)
		snprintf(text, WR_TEXT_SIZE, "%u.%u%c", (unsigned int)whole,
			 (unsigned int)(rest * 10 / 1024), units[unit]);
	else
		snprintf(text, WR_TEXT_SIZE, "%u%c", (unsigned int)whole, units[unit]);
	return text;
}

/* Below a second: three digits, a unit. */
static void short_time_text(uint64_t ns, char text[WR_TEXT_SIZE])
{
	static const char * const units[] = { "ns", "us", "ms" };
	unsigned int unit = 0;
	double value = (double)ns;

	for (; value >= 999.5 && unit < 2; unit++)
		value /= 1000;
	if (unit && value < 9.95)
		snprintf(text, WR_TEXT_SIZE, "%.1f%s", value, units[unit]);
	else
		snprintf(text, WR_TEXT_SIZE, "%.0f%s", value, units[unit]);
}

char *wr_time_text(uint64_t ns, char text[WR_TEXT_SIZE])
{
	unsigned long long seconds = ns / 1000000000;

	if (ns < 999500000)
		short_time_text(ns, text);
	else if (ns < 9950000000)
		snprintf(text, WR_TEXT_SIZE, "%.1fs", (double)ns / 1e9);
	else if (seconds < 60)
		snprintf(text, WR_TEXT_SIZE, "%llus", seconds);
	else if (seconds < 3600)
		snprintf(text, WR_TEXT_SIZE, "%llum%02llus", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		snprintf(text, WR_TEXT_SIZE, "%lluh%02llum", seconds / 3600, seconds / 60 % 60);
	else
		snprintf(text, WR_TEXT_SIZE, "%llud%02lluh", seconds / 86400, seconds / 3600 % 24);
	return text;
}

char *wr_uuid_text(const uint8_t *uuid, char text[37])
{
	char *to = text;
	int i;

	for (i = 0; i < 16; i++)
		to += sprintf(to, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", uuid[i]);
	return text;
}

char *wr_user_text(uint32_t uid, char *text, size_t size)
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(text, size, "%s", user->pw_name);
	else
		snprintf(text, size, "%u", uid);
	return text;
}
