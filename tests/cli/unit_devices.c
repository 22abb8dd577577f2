// SPDX-License-Identifier: GPL-2.0-only
/* The serial line, power management, the odd ports. */
#include <linux/serial_reg.h>
#include <string.h>
#include <sys/eventfd.h>

#include "layout.h"
#include "legacy.h"
#include "pm.h"
#include "serial.h"
#include "unit.h"
#include "util.h"

#define COM1 WR_PORT_COM1

static struct wr_ports bus;
static struct wr_serial uart;
static struct wr_stop stop;
static uint8_t sent[64];
static size_t sent_len;
static bool line_has_room, irq;
static unsigned int rx_calls;

static uint8_t in(uint16_t port)
{
	uint8_t value;

	wr_ports_in(&bus, port, &value, 1);
	return value;
}

static void out(uint16_t port, uint8_t value)
{
	wr_ports_out(&bus, port, &value, 1);
}

static bool line_put(void *arg, uint8_t byte)
{
	(void)arg;
	sent[sent_len++ % sizeof(sent)] = byte;
	return line_has_room;
}

static void line_irq(void *arg, bool level)
{
	(void)arg;
	EXPECT(level != irq);	/* edges only */
	irq = level;
}

static void line_rx_room(void *arg)
{
	(void)arg;
	rx_calls++;
}

static void start(void)
{
	const struct wr_serial_line line = { line_put, line_irq, line_rx_room, NULL };

	memset(&bus, 0, sizeof(bus));
	memset(&stop, 0, sizeof(stop));
	pthread_mutex_init(&stop.lock, NULL);
	stop.wake_fd = eventfd(0, EFD_NONBLOCK);
	sent_len = 0;
	irq = false;
	rx_calls = 0;
	line_has_room = true;
	wr_serial_init(&uart, &line, &bus, COM1);
}

/* What Linux does to tell a 16550A from other chips. */
static void serial_detection(void)
{
	start();
	out(COM1 + UART_IER, 0);
	EXPECT_EQ(in(COM1 + UART_IER), 0);
	out(COM1 + UART_IER, 0x0f);
	EXPECT_EQ(in(COM1 + UART_IER), 0x0f);
	out(COM1 + UART_IER, 0xff);
	EXPECT_EQ(in(COM1 + UART_IER), 0x0f);
	out(COM1 + UART_IER, 0);
	out(COM1 + UART_MCR, UART_MCR_LOOP | 0x0a);
	EXPECT_EQ(in(COM1 + UART_MSR) & 0xf0, 0x90);
	out(COM1 + UART_MCR, 0);
	out(COM1 + UART_FCR, UART_FCR_ENABLE_FIFO);
	EXPECT_EQ(in(COM1 + UART_IIR) >> 6, 3);
	out(COM1 + UART_FCR, 0);
	EXPECT_EQ(in(COM1 + UART_IIR) >> 6, 0);
	out(COM1 + UART_SCR, 0xa5);
	EXPECT_EQ(in(COM1 + UART_SCR), 0xa5);
	out(COM1 + UART_LCR, UART_LCR_DLAB | 3);
	out(COM1 + UART_DLL, 0x12);
	out(COM1 + UART_DLM, 0x34);
	EXPECT_EQ(in(COM1 + UART_DLL), 0x12);
	EXPECT_EQ(in(COM1 + UART_DLM), 0x34);
	out(COM1 + UART_LCR, 3);
	EXPECT_EQ(in(COM1 + UART_IER), 0);
	EXPECT_EQ(sent_len, 0);
}

static void serial_transmit(void)
{
	start();
	EXPECT_EQ(in(COM1 + UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	out(COM1 + UART_TX, 'a');
	EXPECT_EQ(sent_len, 1);
	EXPECT_EQ(sent[0], 'a');
	EXPECT(!irq);
	/* Enabling the interrupt raises it; reading IIR lowers it; sending raises it again. */
	out(COM1 + UART_IER, UART_IER_THRI);
	EXPECT(irq);
	EXPECT_EQ(in(COM1 + UART_IIR) & 0xf, UART_IIR_THRI);
	EXPECT(!irq);
	EXPECT_EQ(in(COM1 + UART_IIR) & 0xf, UART_IIR_NO_INT);
	/* A driver that sends and asks again needs no interrupt; one that waits gets one. */
	out(COM1 + UART_TX, 'b');
	out(COM1 + UART_TX, 'c');
	EXPECT(!irq);
	EXPECT_EQ(in(COM1 + UART_IIR) & 0xf, UART_IIR_THRI);
	EXPECT_EQ(in(COM1 + UART_IIR) & 0xf, UART_IIR_NO_INT);
	wr_serial_room(&uart);
	EXPECT(!irq);
	out(COM1 + UART_TX, 'd');
	EXPECT(!irq);
	wr_serial_room(&uart);
	EXPECT(irq);
	out(COM1 + UART_IER, 0);
	EXPECT(!irq);
	out(COM1 + UART_IER, UART_IER_THRI);
	EXPECT_EQ(in(COM1 + UART_IIR) & 0xf, UART_IIR_THRI);
	out(COM1 + UART_IER, 0);
	out(COM1 + UART_IER, UART_IER_THRI);
	EXPECT_EQ(in(COM1 + UART_IIR) & 0xf, UART_IIR_THRI);
}

static void serial_backpressure(void)
{
	start();
	out(COM1 + UART_IER, UART_IER_THRI);
	in(COM1 + UART_IIR);
	line_has_room = false;
	out(COM1 + UART_TX, 'a');
	EXPECT_EQ(in(COM1 + UART_LSR) & UART_LSR_THRE, 0);
	EXPECT_EQ(in(COM1 + UART_IIR) & 0xf, UART_IIR_NO_INT);
	EXPECT(!irq);
	wr_serial_room(&uart);
	EXPECT_EQ(in(COM1 + UART_LSR) & UART_LSR_THRE, UART_LSR_THRE);
	EXPECT(irq);
}

static void serial_receive(void)
{
	uint8_t bytes[WR_SERIAL_FIFO];
	size_t i;

	start();
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)('a' + i);
	EXPECT_EQ(wr_serial_rx_room(&uart), 0);
	out(COM1 + UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	EXPECT_EQ(rx_calls, 0);
	out(COM1 + UART_IER, UART_IER_RDI);
	EXPECT_EQ(rx_calls, 1);
	EXPECT_EQ(wr_serial_rx_room(&uart), WR_SERIAL_FIFO);
	wr_serial_receive(&uart, bytes, sizeof(bytes));
	EXPECT_EQ(wr_serial_rx_room(&uart), 0);
	EXPECT(irq);
	EXPECT_EQ(in(COM1 + UART_IIR) & 0xf, UART_IIR_RDI);
	for (i = 0; i < sizeof(bytes); i++) {
		EXPECT(irq);
		EXPECT_EQ(in(COM1 + UART_LSR) & UART_LSR_DR, UART_LSR_DR);
		EXPECT_EQ(in(COM1 + UART_RX), bytes[i]);
	}
	EXPECT(!irq);
	EXPECT_EQ(in(COM1 + UART_LSR) & UART_LSR_DR, 0);
	EXPECT_EQ(rx_calls, 2);
	EXPECT_EQ(in(COM1 + UART_RX), 0);
	EXPECT_EQ(rx_calls, 2);
	/* Without the FIFO there is one holding register; switching it on loses nothing. */
	out(COM1 + UART_FCR, 0);
	EXPECT_EQ(wr_serial_rx_room(&uart), 1);
	wr_serial_receive(&uart, bytes, 1);
	EXPECT_EQ(wr_serial_rx_room(&uart), 0);
	out(COM1 + UART_FCR, UART_FCR_ENABLE_FIFO);
	EXPECT_EQ(wr_serial_rx_room(&uart), WR_SERIAL_FIFO - 1);
	EXPECT_EQ(in(COM1 + UART_RX), 'a');
	/* What came in while a driver tried the interrupt is still there when it means it. */
	wr_serial_receive(&uart, bytes, 1);
	out(COM1 + UART_IER, 0);
	out(COM1 + UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	EXPECT_EQ(in(COM1 + UART_LSR) & UART_LSR_DR, 0);
	EXPECT_EQ(in(COM1 + UART_RX), 0);
	out(COM1 + UART_IER, UART_IER_RDI);
	EXPECT(irq);
	EXPECT_EQ(in(COM1 + UART_RX), 'a');
	wr_serial_receive(&uart, bytes, 1);
	out(COM1 + UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	EXPECT_EQ(in(COM1 + UART_LSR) & UART_LSR_DR, 0);
}

static void serial_loopback(void)
{
	start();
	out(COM1 + UART_IER, UART_IER_RDI);
	out(COM1 + UART_MCR, UART_MCR_LOOP);
	EXPECT_EQ(wr_serial_rx_room(&uart), 0);
	out(COM1 + UART_TX, 'x');
	EXPECT_EQ(sent_len, 0);
	EXPECT_EQ(in(COM1 + UART_LSR) & UART_LSR_DR, UART_LSR_DR);
	EXPECT(!irq);
	EXPECT_EQ(in(COM1 + UART_RX), 'x');
}

static void power(void)
{
	const struct wr_vm vm = { .fd = -1, .sys_fd = -1 };
	struct wr_pm pm;

	start();
	wr_pm_init(&pm, &bus, &vm, &stop);
	EXPECT_EQ(in(WR_PORT_PM1_CONTROL), 1);
	out(WR_PORT_PM1_EVENT + 2, 0xff);
	out(WR_PORT_PM1_EVENT + 3, 0xff);
	EXPECT_EQ(in(WR_PORT_PM1_EVENT + 2), 0x20);
	EXPECT_EQ(in(WR_PORT_PM1_EVENT + 3), 0x01);
	wr_pm_power_button(&pm);
	EXPECT_EQ(in(WR_PORT_PM1_EVENT), 0);
	EXPECT_EQ(in(WR_PORT_PM1_EVENT + 1), 0x01);
	out(WR_PORT_PM1_EVENT, 0xff);
	EXPECT_EQ(in(WR_PORT_PM1_EVENT + 1), 0x01);
	out(WR_PORT_PM1_EVENT + 1, 0x01);
	EXPECT_EQ(in(WR_PORT_PM1_EVENT + 1), 0);
	out(WR_PORT_PM1_CONTROL + 1, 5 << 2);		/* type without enable */
	out(WR_PORT_PM1_CONTROL + 1, 1 << 2 | 0x20);	/* another type */
	EXPECT_EQ(wr_stop_reason(&stop), WR_STOP_NONE);
	wr_ports_out(&bus, WR_PORT_PM1_CONTROL, (uint8_t[]){ 0x01, 5 << 2 | 0x20 }, 2);
	EXPECT_EQ(wr_stop_reason(&stop), WR_STOP_POWEROFF);
}

static void odd_ports(void)
{
	struct wr_legacy legacy;

	start();
	wr_legacy_init(&legacy, &bus, &stop, false);
	EXPECT_EQ(in(WR_PORT_I8042_COMMAND), 0xff);
	out(WR_PORT_CMOS, 0x8b);
	EXPECT_EQ(in(WR_PORT_CMOS + 1), 0x02);
	out(WR_PORT_CMOS, 0x32);
	EXPECT(in(WR_PORT_CMOS + 1) >= 0x20);
	out(WR_PORT_DEBUG_EXIT, 1);			/* not asked for: not there */
	out(WR_PORT_RESET, 0x02);
	out(WR_PORT_I8042_COMMAND, 0xd1);
	EXPECT_EQ(wr_stop_reason(&stop), WR_STOP_NONE);
	out(WR_PORT_RESET, 0x06);
	EXPECT_EQ(wr_stop_reason(&stop), WR_STOP_RESET);
	start();
	wr_legacy_init(&legacy, &bus, &stop, true);
	out(WR_PORT_DEBUG_EXIT, 42);
	EXPECT_EQ(wr_stop_reason(&stop), WR_STOP_DEBUG_EXIT);
	EXPECT_EQ(stop.value, 42);
	out(WR_PORT_I8042_COMMAND, 0xfe);		/* the first request wins */
	EXPECT_EQ(wr_stop_reason(&stop), WR_STOP_DEBUG_EXIT);
	start();
	wr_legacy_init(&legacy, &bus, &stop, false);
	out(WR_PORT_PVPANIC, 2);
	EXPECT_EQ(wr_stop_reason(&stop), WR_STOP_NONE);
	out(WR_PORT_PVPANIC, 1);
	EXPECT_EQ(wr_stop_reason(&stop), WR_STOP_CRASH);
}

const struct unit_test unit_devices[] = {
	{ "serial-detection", serial_detection },
	{ "serial-transmit", serial_transmit },
	{ "serial-backpressure", serial_backpressure },
	{ "serial-receive", serial_receive },
	{ "serial-loopback", serial_loopback },
	{ "power", power },
	{ "odd-ports", odd_ports },
	{ NULL, NULL },
};
