// SPDX-License-Identifier: GPL-2.0-only
/* The odd ports of a PC. */
#include <time.h>

#include "layout.h"
#include "legacy.h"

#define I8042_PULSE_RESET 0xfe
#define RESET_CPU 0x04
#define PANICKED 0x01			/* pvpanic: the kernel panicked, nothing will handle it */

enum cmos {
	CMOS_SECONDS = 0x00,
	CMOS_MINUTES = 0x02,
	CMOS_HOURS = 0x04,
	CMOS_WEEKDAY = 0x06,
	CMOS_DAY = 0x07,
	CMOS_MONTH = 0x08,
	CMOS_YEAR = 0x09,
	CMOS_STATUS_A = 0x0a,
	CMOS_STATUS_B = 0x0b,
	CMOS_STATUS_D = 0x0d,
	CMOS_CENTURY = 0x32,
};

static void i8042_out(void *device, uint16_t offset, uint8_t value)
{
	struct wr_legacy *legacy = device;

	(void)offset;
	if (value == I8042_PULSE_RESET)
		wr_stop_request(legacy->stop, WR_STOP_RESET, 0, NULL);
}

static uint8_t reset_in(void *device, uint16_t offset)
{
	(void)device;
	(void)offset;
	return 0;
}

static void reset_out(void *device, uint16_t offset, uint8_t value)
{
	struct wr_legacy *legacy = device;

	(void)offset;
	if (value & RESET_CPU)
		wr_stop_request(legacy->stop, WR_STOP_RESET, 0, NULL);
}

static uint8_t bcd(int value)
{
	return (uint8_t)(value / 10 << 4 | value % 10);
}

static uint8_t clock_register(uint8_t index)
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	switch (index) {
	case CMOS_SECONDS:
		return bcd(tm.tm_sec % 60);
	case CMOS_MINUTES:
		return bcd(tm.tm_min);
	case CMOS_HOURS:
		return bcd(tm.tm_hour);
	case CMOS_WEEKDAY:
		return bcd(tm.tm_wday + 1);
	case CMOS_DAY:
		return bcd(tm.tm_mday);
	case CMOS_MONTH:
		return bcd(tm.tm_mon + 1);
	case CMOS_YEAR:
		return bcd(tm.tm_year % 100);
	case CMOS_CENTURY:
		return bcd(tm.tm_year / 100 + 19);
	case CMOS_STATUS_A:
		return 0x26;		/* never "update in progress": readers need not wait */
	case CMOS_STATUS_B:
		return 0x02;		/* 24 hours, BCD */
	case CMOS_STATUS_D:
		return 0x80;		/* the battery is good */
	default:
		return 0;
	}
}

static uint8_t cmos_in(void *device, uint16_t offset)
{
	struct wr_legacy *legacy = device;

	return offset ? clock_register(legacy->cmos_index) : 0xff;
}

static void cmos_out(void *device, uint16_t offset, uint8_t value)
{
	struct wr_legacy *legacy = device;

	/* The clock is the host's: only the index can be written. Bit 7 masks NMIs. */
	if (offset == 0)
		legacy->cmos_index = value & 0x7f;
}

static uint8_t pvpanic_in(void *device, uint16_t offset)
{
	(void)device;
	(void)offset;
	return PANICKED;
}

static void pvpanic_out(void *device, uint16_t offset, uint8_t value)
{
	struct wr_legacy *legacy = device;

	(void)offset;
	if (value & PANICKED)
		wr_stop_request(legacy->stop, WR_STOP_CRASH, 1, "the guest's kernel panicked");
}

static void debug_exit_out(void *device, uint16_t offset, uint8_t value)
{
	struct wr_legacy *legacy = device;

	(void)offset;
	wr_stop_request(legacy->stop, WR_STOP_DEBUG_EXIT, value, NULL);
}

void wr_legacy_init(struct wr_legacy *legacy, struct wr_ports *ports, struct wr_stop *stop,
		    bool debug_exit)
{
	legacy->stop = stop;
	legacy->cmos_index = 0;
	/* Nothing to read at 0x64: a guest that looks for a keyboard gives up at once. */
	wr_ports_add(ports, &(struct wr_port_range){ .base = WR_PORT_I8042_COMMAND, .len = 1,
			      .out = i8042_out, .device = legacy });
	wr_ports_add(ports, &(struct wr_port_range){ .base = WR_PORT_RESET, .len = 1,
			      .in = reset_in, .out = reset_out, .device = legacy,
			      .narrow = true });
	wr_ports_add(ports, &(struct wr_port_range){ .base = WR_PORT_CMOS, .len = 2,
			      .in = cmos_in, .out = cmos_out, .device = legacy });
	wr_ports_add(ports, &(struct wr_port_range){ .base = WR_PORT_PVPANIC, .len = 1,
			      .in = pvpanic_in, .out = pvpanic_out, .device = legacy });
	if (debug_exit)
		wr_ports_add(ports, &(struct wr_port_range){ .base = WR_PORT_DEBUG_EXIT,
				      .len = 1, .out = debug_exit_out, .device = legacy });
}
