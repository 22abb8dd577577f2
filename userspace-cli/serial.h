/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_SERIAL_H
#define WARREN_CLI_SERIAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ports.h"

#define WR_SERIAL_FIFO 16

/**
 * struct wr_serial_line - what a UART is connected to
 * @put: sends a byte; may block; returns whether there is room for more; wr_serial_room() follows
 * @irq: sets the level of the interrupt line
 * @rx_room: the receive FIFO has become empty, or the guest began to listen
 * @arg: first argument of all
 */
struct wr_serial_line {
	bool (*put)(void *arg, uint8_t byte);
	void (*irq)(void *arg, bool level);
	void (*rx_room)(void *arg);
	void *arg;
};

/**
 * struct wr_serial - a 16550A UART
 * @lock: protects all below
 * @line: constant
 * @rx: receive FIFO, @rx_len bytes from @rx_at on, wrapping
 * @thre: the transmitter can take bytes
 * @thre_pending: the guest is interrupted for that
 * @thre_owed: it has sent something since, and is to be interrupted unless it asks before the
 *             line has taken it: a driver that sends in a loop then needs one interrupt in all
 * @irq_level: last level of the interrupt line
 * @ier: and the rest: the registers
 */
struct wr_serial {
	pthread_mutex_t lock;
	struct wr_serial_line line;
	uint8_t rx[WR_SERIAL_FIFO];
	unsigned int rx_at;
	unsigned int rx_len;
	bool thre;
	bool thre_pending;
	bool thre_owed;
	bool irq_level;
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
};

/**
 * wr_serial_init() - put the UART into its state after power-on and connect it
 * @serial: the UART
 * @line: copied
 * @ports: bus to connect to
 * @base: first of its eight ports
 */
void wr_serial_init(struct wr_serial *serial, const struct wr_serial_line *line,
		    struct wr_ports *ports, uint16_t base);

/**
 * wr_serial_rx_room() - how many bytes the guest can take; any thread
 * @serial: the UART
 *
 * None before the guest enables the receive interrupt: drivers clear the FIFO while they start,
 * and input that was piped in must not be lost by that.
 */
size_t wr_serial_rx_room(struct wr_serial *serial);

/**
 * wr_serial_receive() - bytes arrive from the line; any thread
 * @serial: the UART
 * @buf: the bytes
 * @len: at most what wr_serial_rx_room() said
 */
void wr_serial_receive(struct wr_serial *serial, const uint8_t *buf, size_t len);

/**
 * wr_serial_room() - the line has taken what was sent and has room; any thread
 * @serial: the UART
 */
void wr_serial_room(struct wr_serial *serial);

#endif
